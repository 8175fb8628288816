//! Which collections were too dear to move when that was tried last.
//!
//! May use `encoding`. Invariant: what is forgotten is tried again, and costs a bounded reading.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::encoding::CollectionId;

/// Ids that are remembered, 8 bytes each. Fewer: more collections in use at once are tried in turns.
const PLACES: usize = 1024;

/// The ids.
pub(crate) struct Tried {
    places: Vec<AtomicU64>,
}

impl Tried {
    pub(crate) fn new() -> Self {
        Self { places: std::iter::repeat_with(AtomicU64::default).take(PLACES).collect() }
    }

    /// Tells whether the id is remembered.
    pub(crate) fn knows(&self, id: CollectionId) -> bool {
        self.place(id).is_some_and(|place| place.load(Ordering::Relaxed) == id.get())
    }

    /// Remembers the id in the place of another.
    pub(crate) fn note(&self, id: CollectionId) {
        if let Some(place) = self.place(id) {
            place.store(id.get(), Ordering::Relaxed);
        }
    }

    fn place(&self, id: CollectionId) -> Option<&AtomicU64> {
        self.places.get(usize::try_from(id.counter() % PLACES as u64).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::DataFamily;

    #[test]
    fn the_last_id_of_a_place_is_remembered() {
        let id = |counter| CollectionId::new(DataFamily::new(1).unwrap(), counter).unwrap();
        let tried = Tried::new();
        tried.note(id(1));
        assert!(tried.knows(id(1)) && !tried.knows(id(2)) && !tried.knows(id(1025)));
        tried.note(id(1025));
        assert!(tried.knows(id(1025)) && !tried.knows(id(1)));
    }
}
