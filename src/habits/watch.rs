//! Which collections' next write is waited for: a sample of those born lately.
//!
//! May use `encoding` and patterns. Invariant: a collection is counted once at the most; places that two threads change at
//! once may mix two collections up, which costs one wrong count.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::encoding::{CollectionId, UnixMillis};

use super::pattern::{Pattern, Patterns};

/// Collections watched at once. More: more memory (32 bytes each). Fewer: a pattern that is seldom born waits longer for
/// evidence.
const PLACES: usize = 2048;

/// How long a collection is watched if another wants its place. Longer: what is written again after an hour is seen. Shorter: a
/// change of habits is seen sooner, because there are only so many places.
const PATIENCE_MS: u64 = 120_000;

/// One collection; nothing where the id is 0.
#[derive(Debug, Default)]
struct Place {
    id: AtomicU64,
    own: AtomicU64,
    shared: AtomicU64,
    /// Milliseconds, times two, and one more if its habit was foreseen.
    since: AtomicU64,
}

/// A collection that was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watched {
    pub(crate) id: CollectionId,
    pub(crate) patterns: Patterns,
    /// Whether its habit was foreseen when it was born.
    pub(crate) is_guess: bool,
}

/// Who held a place until another came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Nobody,
    /// One that was not written for as long as anybody waits.
    LeftAlone(Watched),
    /// One that had to go before that.
    CutShort(Watched),
}

impl Place {
    fn watched(&self) -> Option<Watched> {
        let id = CollectionId::from_raw(self.id.load(Ordering::Acquire)).ok()?;
        let pattern = |hash: &AtomicU64| Pattern::from_hash(hash.load(Ordering::Relaxed));
        let patterns = Patterns { own: pattern(&self.own), shared: pattern(&self.shared) };
        Some(Watched { id, patterns, is_guess: self.since.load(Ordering::Relaxed) % 2 == 1 })
    }
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
    /// that holds it. Returns who held the place; `None` if it is left to him.
    pub(crate) fn begin(&self, new: Watched, is_wanted: bool, now: UnixMillis) -> Option<Before> {
        let place = self.place(new.id)?;
        let since = place.since.load(Ordering::Relaxed) / 2;
        let is_patient = now.get() >= since.saturating_add(PATIENCE_MS);
        let held_by = place.watched();
        if held_by.is_some() && !is_patient && !is_wanted {
            return None;
        }
        place.id.store(0, Ordering::Relaxed);
        place.own.store(new.patterns.own.hash(), Ordering::Relaxed);
        place.shared.store(new.patterns.shared.hash(), Ordering::Relaxed);
        place.since.store(now.get().saturating_mul(2) | u64::from(new.is_guess), Ordering::Relaxed);
        place.id.store(new.id.get(), Ordering::Release);
        Some(match held_by {
            None => Before::Nobody,
            Some(watched) if is_patient => Before::LeftAlone(watched),
            Some(watched) => Before::CutShort(watched),
        })
    }

    /// Ends the watch over a collection that is written; returns what was known of it if it was watched.
    #[inline]
    pub(crate) fn end(&self, id: CollectionId) -> Option<Watched> {
        let place = self.place(id)?;
        if place.id.load(Ordering::Relaxed) != id.get() {
            return None;
        }
        let watched = place.watched();
        let ended = place.id.compare_exchange(id.get(), 0, Ordering::AcqRel, Ordering::Relaxed);
        watched.filter(|watched| ended.is_ok() && watched.id == id)
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

    fn watched(counter: u64, pattern: u64) -> Watched {
        let patterns = Patterns { own: Pattern::from_hash(pattern), shared: Pattern::from_hash(pattern + 100) };
        Watched { id: id(counter), patterns, is_guess: pattern.is_multiple_of(2) }
    }

    #[test]
    fn a_collection_is_counted_once() {
        let watch = Watch::new();
        assert_eq!(watch.begin(watched(5, 9), false, UnixMillis::new(1)), Some(Before::Nobody));
        assert_eq!(watch.end(id(6)), None);
        assert_eq!(watch.end(id(5 + PLACES as u64)), None);
        assert_eq!(watch.end(id(5)), Some(watched(5, 9)));
        assert_eq!(watch.end(id(5)), None);
    }

    #[test]
    fn a_place_is_left_to_who_holds_it_unless_another_is_wanted_more() {
        let (watch, next) = (Watch::new(), 5 + PLACES as u64);
        let (old, new) = (watched(5, 1), watched(next, 2));
        assert_eq!(watch.begin(old, false, UnixMillis::new(1)), Some(Before::Nobody));
        assert_eq!(watch.begin(new, false, UnixMillis::new(2)), None);
        assert_eq!(watch.begin(new, true, UnixMillis::new(2)), Some(Before::CutShort(old)));
        assert_eq!(watch.end(id(5)), None);
        let after = watch.begin(old, false, UnixMillis::new(2 + PATIENCE_MS));
        assert_eq!(after, Some(Before::LeftAlone(new)));
        assert_eq!(watch.end(id(5)), Some(old));
    }
}
