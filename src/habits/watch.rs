//! Which collections' next write is waited for: a sample of those born lately.
//!
//! May use `encoding` and patterns. Invariant: a collection is counted once at the most; places that two threads change at
//! once may mix two collections up, which costs one wrong count.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::encoding::{CollectionId, UnixMillis};

use super::pattern::Pattern;

/// Collections watched at once. More: more memory (24 bytes each). Fewer: a pattern that is seldom born waits longer for
/// evidence.
const PLACES: usize = 2048;

/// How long a collection is watched if another wants its place. Longer: what is written again after an hour is seen. Shorter: a
/// change of habits is seen sooner, because there are only so many places.
const PATIENCE_MS: u64 = 120_000;

/// One collection; nothing where the id is 0.
#[derive(Debug, Default)]
struct Place {
    id: AtomicU64,
    pattern: AtomicU64,
    since: AtomicU64,
}

/// The places.
pub(crate) struct Watch {
    places: Vec<Place>,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self { places: std::iter::repeat_with(Place::default).take(PLACES).collect() }
    }

    /// Begins to watch a new collection if its place is free, or held for long enough, or if it is wanted more than the one
    /// that holds it; returns whether it does. What is pushed out counts as left alone.
    pub(crate) fn begin(&self, id: CollectionId, pattern: Pattern, is_wanted: bool, now: UnixMillis) -> bool {
        let Some(place) = self.place(id) else { return false };
        let since = place.since.load(Ordering::Relaxed);
        let is_free = place.id.load(Ordering::Relaxed) == 0 || now.get() >= since.saturating_add(PATIENCE_MS);
        if !is_free && !is_wanted {
            return false;
        }
        place.id.store(0, Ordering::Relaxed);
        place.pattern.store(pattern.hash(), Ordering::Relaxed);
        place.since.store(now.get(), Ordering::Relaxed);
        place.id.store(id.get(), Ordering::Release);
        true
    }

    /// Ends the watch over a collection that is written; returns its pattern if it was watched.
    #[inline]
    pub(crate) fn end(&self, id: CollectionId) -> Option<Pattern> {
        let place = self.place(id)?;
        if place.id.load(Ordering::Relaxed) != id.get() {
            return None;
        }
        let pattern = place.pattern.load(Ordering::Relaxed);
        let ended = place.id.compare_exchange(id.get(), 0, Ordering::AcqRel, Ordering::Relaxed);
        ended.is_ok().then(|| Pattern::from_hash(pattern))
    }

    /// Ids of one family follow each other, so those born one after the other have places of their own.
    #[inline]
    fn place(&self, id: CollectionId) -> Option<&Place> {
        let family = u64::from(id.family().number());
        let at = id.counter().wrapping_add(family.wrapping_mul(0x9e37_79b9)) % PLACES as u64;
        self.places.get(usize::try_from(at).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::DataFamily;

    fn id(counter: u64) -> CollectionId {
        CollectionId::new(DataFamily::new(3).unwrap(), counter).unwrap()
    }

    #[test]
    fn a_collection_is_counted_once() {
        let (watch, pattern) = (Watch::new(), Pattern::from_hash(9));
        assert!(watch.begin(id(5), pattern, false, UnixMillis::new(1)));
        assert_eq!(watch.end(id(6)), None);
        assert_eq!(watch.end(id(5 + PLACES as u64)), None);
        assert_eq!(watch.end(id(5)), Some(pattern));
        assert_eq!(watch.end(id(5)), None);
    }

    #[test]
    fn a_place_is_left_to_who_holds_it_unless_another_is_wanted_more() {
        let (watch, next) = (Watch::new(), 5 + PLACES as u64);
        let (old, new) = (Pattern::from_hash(1), Pattern::from_hash(2));
        assert!(watch.begin(id(5), old, false, UnixMillis::new(1)));
        assert!(!watch.begin(id(next), new, false, UnixMillis::new(2)));
        assert!(watch.begin(id(next), new, true, UnixMillis::new(2)));
        assert_eq!(watch.end(id(5)), None);
        assert!(watch.begin(id(5), old, false, UnixMillis::new(2 + PATIENCE_MS)));
        assert_eq!(watch.end(id(5)), Some(old));
    }
}
