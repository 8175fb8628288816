//! How far from its ends a sorted set is empty: for those whose ends are popped or cut off, in memory only.
//!
//! May use `encoding`. Invariant: no committed element of a set lies outside of its margins, in the eyes of whoever holds
//! the lock of its key.
//!
//! WHY: what was removed leaves tombstones until a compaction comes by. A queue that is emptied element by element would
//! pass all of them again at each pop, and a limiter's window all of its past at each move.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

#[cfg(test)]
use crate::encoding::ElementKey;
use crate::encoding::{CollectionId, Tag, prefix_end};
use crate::types::{Direction, Pending, TailRange};

/// Sets whose margins are remembered. More: more memory; fewer: sets that are popped or cut in turns forget theirs.
const MAX_SETS: usize = 1024;

/// Of a longer tail so many bytes are remembered, rounded outwards, so that all of this takes half a mebibyte at the most.
const MAX_TAIL_BYTES: usize = 256;

/// Where one set begins and ends, or something farther out.
#[derive(Debug, Default)]
struct Margin {
    /// No element's tail is lower.
    lowest: Option<Vec<u8>>,
    /// All elements' tails are lower.
    end: Option<Vec<u8>>,
}

/// The margins of a store's sets.
#[derive(Debug, Default)]
pub(super) struct Margins {
    /// How many there are, so that whoever writes where there are none takes no lock.
    held: AtomicUsize,
    sets: Mutex<HashMap<CollectionId, Margin>>,
}

impl Margins {
    /// The range of scores in which all elements of a set lie. The caller holds the lock of its key.
    pub(super) fn range(&self, id: CollectionId) -> TailRange {
        let mut range = TailRange::all(Tag::SortedScore);
        if self.held.load(Ordering::Acquire) > 0
            && let Some(margin) = self.sets.lock().get(&id)
        {
            if let Some(lowest) = &margin.lowest {
                range.lower.clone_from(lowest);
            }
            if let Some(end) = &margin.end {
                range.upper.clone_from(end);
            }
        }
        range
    }

    /// Notes a tail before which a walk in this direction meets nothing: that of the first element, or one that lies before
    /// it. The caller holds the lock of its key, and what it has planned but not committed counts as not done.
    pub(super) fn learn(&self, id: CollectionId, direction: Direction, first: &[u8]) {
        let mut sets = self.sets.lock();
        if sets.len() >= MAX_SETS && !sets.contains_key(&id) {
            sets.clear();
        }
        let margin = sets.entry(id).or_default();
        match direction {
            Direction::Ascending => margin.lowest = Some(lowest(first)),
            Direction::Descending => margin.end = end(first),
        }
        self.held.store(sets.len(), Ordering::Release);
    }

    /// Makes room for what a commit will put. The caller holds the lock of the set's key.
    pub(super) fn make_room(&self, id: CollectionId, elements: &Pending) {
        if self.held.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut sets = self.sets.lock();
        let Some(margin) = sets.get_mut(&id) else { return };
        for (tail, value) in elements {
            if value.is_none() || tail.first() != Some(&Tag::SortedScore.byte()) {
                continue;
            }
            // WHY moved and not forgotten: a stack and a queue with late arrivals put outside of their margins at each step.
            if margin.lowest.as_ref().is_some_and(|lowest| tail < lowest) {
                margin.lowest = Some(lowest(tail));
            }
            if margin.end.as_ref().is_some_and(|end| tail >= end) {
                margin.end = end(tail);
            }
        }
    }

    /// The scores of what is remembered of the only set.
    #[cfg(test)]
    pub(super) fn known_scores(&self) -> (Option<f64>, Option<f64>) {
        let sets = self.sets.lock();
        let score = |tail: &Option<Vec<u8>>| match ElementKey::decode_tail(tail.as_deref()?).unwrap() {
            ElementKey::SortedScore(score, _) => Some(score.get()),
            _ => None,
        };
        sets.values().next().map_or((None, None), |margin| (score(&margin.lowest), score(&margin.end)))
    }

    /// Says of all sets that they begin at this score.
    #[cfg(test)]
    pub(super) fn pretend_lowest(&self, score: f64) {
        let tail = ElementKey::SortedScore(crate::encoding::Score::new(score).unwrap(), b"").encode_tail();
        self.sets.lock().values_mut().for_each(|margin| margin.lowest = Some(tail.clone()));
    }

    /// Forgets a set that is gone.
    pub(super) fn forget(&self, id: CollectionId) {
        if self.held.load(Ordering::Acquire) > 0 {
            let mut sets = self.sets.lock();
            sets.remove(&id);
            self.held.store(sets.len(), Ordering::Release);
        }
    }
}

/// The tail, or its beginning, which is lower.
fn lowest(tail: &[u8]) -> Vec<u8> {
    tail.get(..MAX_TAIL_BYTES).unwrap_or(tail).to_vec()
}

/// The smallest tail behind this one, or what lies behind all that begin as it does.
fn end(tail: &[u8]) -> Option<Vec<u8>> {
    match tail.get(..MAX_TAIL_BYTES) {
        Some(beginning) => prefix_end(beginning),
        None => Some([tail, &[0]].concat()),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::encoding::{DataFamily, Score};

    fn tail(score: f64) -> Vec<u8> {
        ElementKey::SortedScore(Score::new(score).unwrap(), b"m").encode_tail()
    }

    fn holds(margins: &Margins, id: CollectionId, score: f64) -> bool {
        let range = margins.range(id);
        range.lower <= tail(score) && tail(score) < range.upper
    }

    #[test]
    fn what_is_put_outside_of_the_margins_is_inside_from_then_on() {
        let (margins, id) = (Margins::default(), CollectionId::new(DataFamily::new(1).unwrap(), 7).unwrap());
        margins.learn(id, Direction::Ascending, &tail(10.0));
        margins.learn(id, Direction::Descending, &tail(20.0));
        let inside = |scores: &[f64]| scores.iter().all(|score| holds(&margins, id, *score));
        assert!(inside(&[10.0, 15.0, 20.0]) && !holds(&margins, id, 9.0) && !holds(&margins, id, 21.0));
        let put = |score| Pending::from([(tail(score), Some(Bytes::new()))]);
        margins.make_room(id, &put(15.0));
        margins.make_room(id, &Pending::from([(tail(1.0), None)]));
        assert!(!holds(&margins, id, 9.0) && !holds(&margins, id, 21.0));
        margins.make_room(id, &put(9.0));
        assert!(inside(&[9.0, 10.0]) && !holds(&margins, id, 21.0));
        margins.make_room(id, &put(21.0));
        assert!(inside(&[9.0, 21.0]));
        margins.learn(id, Direction::Ascending, &tail(10.0));
        margins.forget(id);
        assert!(inside(&[9.0]));
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let margins = Margins::default();
        let id = |counter| CollectionId::new(DataFamily::new(1).unwrap(), counter).unwrap();
        for counter in 1..5000 {
            margins.learn(id(counter), Direction::Ascending, &tail(10.0));
            assert!(!holds(&margins, id(counter), 9.0));
            assert!(margins.sets.lock().len() <= MAX_SETS);
        }
    }

    #[test]
    fn of_long_members_the_beginning_is_remembered_rounded_outwards() {
        let (margins, id) = (Margins::default(), CollectionId::new(DataFamily::new(1).unwrap(), 7).unwrap());
        let long = |score, last: u8| {
            let member = [vec![0xff; 300], vec![last]].concat();
            ElementKey::SortedScore(Score::new(score).unwrap(), &member).encode_tail()
        };
        let has = |tail: &Vec<u8>| margins.range(id).lower <= *tail && *tail < margins.range(id).upper;
        margins.learn(id, Direction::Ascending, &long(10.0, 5));
        margins.learn(id, Direction::Descending, &long(20.0, 5));
        assert!([&long(10.0, 4), &long(10.0, 5), &long(20.0, 5), &long(20.0, 6)].into_iter().all(has));
        assert!(!has(&tail(9.0)) && !has(&tail(10.0)) && !has(&tail(21.0)));
        margins
            .make_room(id, &Pending::from([(long(9.0, 5), Some(Bytes::new())), (long(21.0, 5), Some(Bytes::new()))]));
        assert!(has(&long(9.0, 5)) && has(&long(21.0, 5)) && !has(&tail(8.0)) && !has(&tail(22.0)));
        let range = margins.range(id);
        assert!(range.lower.len() <= MAX_TAIL_BYTES && range.upper.len() <= MAX_TAIL_BYTES + 1);
    }
}
