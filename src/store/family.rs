//! The fixed table of column families.
//!
//! Uses `encoding` for the data families. Invariant: all families are created with the store and never
//! dropped; a batch that meets a dropped one is fatal to the store (design, section 3).

use crate::encoding::DataFamily;

/// A column family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Family {
    /// Store-wide records.
    Default,
    /// One record for each user key.
    Meta,
    /// One entry for each time to live, in order of time.
    Expire,
    /// Bitmaps of buried ids.
    Gc,
    /// Elements.
    Data(DataFamily),
}

/// Number of column families.
pub(crate) const FAMILIES: usize = 4 + DataFamily::COUNT;

const DATA_NAMES: [&str; DataFamily::COUNT] = [
    "data-0", "data-1", "data-2", "data-3", "data-4", "data-5", "data-6", "data-7", "data-8", "data-9", "data-10",
    "data-11", "data-12", "data-13", "data-14", "data-15", "data-16", "data-17", "data-18",
];

impl Family {
    /// Lists every family.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [Self::Default, Self::Meta, Self::Expire, Self::Gc].into_iter().chain(DataFamily::all().map(Self::Data))
    }

    /// Returns the name under which RocksDB knows the family.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Meta => "meta",
            Self::Expire => "expire",
            Self::Gc => "gc",
            Self::Data(family) => DATA_NAMES.get(usize::from(family.number())).copied().unwrap_or("data-?"),
        }
    }

    /// Finds a family by its name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|family| family.name() == name)
    }

    /// Returns the family's place in tables of [`FAMILIES`] entries.
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Default => 0,
            Self::Meta => 1,
            Self::Expire => 2,
            Self::Gc => 3,
            Self::Data(family) => 4 + usize::from(family.number()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_its_own_name_and_place() {
        let all: Vec<_> = Family::all().collect();
        assert_eq!(all.len(), FAMILIES);
        for (place, family) in all.iter().enumerate() {
            assert_eq!(family.index(), place);
            assert_eq!(Family::from_name(family.name()), Some(*family));
        }
    }
}
