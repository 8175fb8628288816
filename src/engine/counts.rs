//! Keys by their types, as imports and exports count them.
//!
//! Uses the data types. Invariant: each key counts once.

use crate::encoding::DataType;

/// How many keys came or went, by type.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// store.db(0).sets().add("s", ["a"])?;
/// store.db(0).strings().set("k", "v")?;
/// let report = store.export_rdb(std::io::sink())?;
/// assert_eq!((report.counts.sets, report.counts.strings, report.keys()), (1, 1, 2));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyCounts {
    /// Strings.
    pub strings: u64,
    /// Lists.
    pub lists: u64,
    /// Sets.
    pub sets: u64,
    /// Hashes.
    pub hashes: u64,
    /// Sorted sets.
    pub sorted_sets: u64,
    /// How many of all these have an expiry.
    pub with_expiry: u64,
}

impl KeyCounts {
    /// Returns how many keys there are of all types.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(windrow::KeyCounts::default().keys(), 0);
    /// ```
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.strings + self.lists + self.sets + self.hashes + self.sorted_sets
    }

    /// Counts one more key.
    pub(super) fn count(&mut self, data_type: DataType, expires: bool) {
        *match data_type {
            DataType::String => &mut self.strings,
            DataType::List => &mut self.lists,
            DataType::Set => &mut self.sets,
            DataType::Hash => &mut self.hashes,
            DataType::SortedSet => &mut self.sorted_sets,
        } += 1;
        self.with_expiry += u64::from(expires);
    }

    /// Adds the keys of another part.
    pub(super) fn add(&mut self, other: Self) {
        self.strings += other.strings;
        self.lists += other.lists;
        self.sets += other.sets;
        self.hashes += other.hashes;
        self.sorted_sets += other.sorted_sets;
        self.with_expiry += other.with_expiry;
    }
}
