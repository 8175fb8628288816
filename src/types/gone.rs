//! Stretches of a collection in which a transaction has left nothing, as far as its walks have found out.
//!
//! May use the shared tree. Invariant: no element of the collection, as the transaction sees it, lies in a stretch; no two of
//! them touch.
//!
//! WHY: what a transaction deletes stays in its way, in the database and above it. Who takes the first of many again and
//! again would pass all that he has taken, each time.

use std::ops::Bound;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::types::TailRange;
use crate::types::shared_tree::SharedTree;

/// The stretches: their beginnings, and the ends before which they end. A copy is the same, and learns what walks note in the
/// other, until one of them is detached.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gone {
    stretches: Arc<Mutex<SharedTree<Vec<u8>, Vec<u8>>>>,
}

impl Gone {
    /// Stands alone from now on: before the collection changes, as walks under way go on over what there was.
    pub(crate) fn detach(&mut self) {
        if Arc::get_mut(&mut self.stretches).is_none() {
            let copy = self.stretches.lock().clone();
            self.stretches = Arc::new(Mutex::new(copy));
        }
    }

    /// Finds the stretch in which a tail lies.
    pub(crate) fn around(&self, tail: &[u8]) -> Option<TailRange> {
        let stretches = self.stretches.lock();
        let (lower, upper) = stretches.last_until(Bound::Included(tail))?;
        (tail < upper.as_slice()).then(|| TailRange { lower: lower.clone(), upper: upper.clone() })
    }

    /// Takes away from both ends of a range what is known to hold nothing.
    pub(crate) fn narrow(&self, mut range: TailRange) -> TailRange {
        if let Some(stretch) = self.around(&range.lower) {
            range.lower = stretch.upper;
        }
        let stretches = self.stretches.lock();
        let last = stretches.last_until(Bound::Excluded(range.upper.as_slice()));
        if let Some((lower, _)) = last.filter(|(_, upper)| **upper >= range.upper) {
            range.upper.clone_from(lower);
        }
        range
    }

    /// Notes that nothing lies in a range.
    pub(crate) fn note(&self, mut range: TailRange) {
        if range.lower >= range.upper {
            return;
        }
        let mut stretches = self.stretches.lock();
        // Those that touch it become one with it.
        while let Some((lower, upper)) = stretches.last_until(Bound::Included(range.upper.as_slice())) {
            if *upper < range.lower {
                break;
            }
            let lower = lower.clone();
            let upper = stretches.remove(&lower).unwrap_or_default();
            range = TailRange { lower: range.lower.min(lower), upper: range.upper.max(upper) };
        }
        stretches.insert(range.lower, range.upper);
    }

    /// Says that an element is there now.
    pub(crate) fn comes(&mut self, tail: &[u8]) {
        let Some(TailRange { lower, upper }) = self.around(tail) else { return };
        let mut stretches = self.stretches.lock();
        stretches.remove(&lower);
        if lower.as_slice() < tail {
            stretches.insert(lower, tail.to_vec());
        }
        let behind = [tail, &[0]].concat();
        if behind < upper {
            stretches.insert(behind, upper);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(lower: u8, upper: u8) -> TailRange {
        TailRange { lower: vec![lower], upper: vec![upper] }
    }

    #[test]
    fn stretches_are_what_was_noted_less_what_came_there() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut gone = Gone::default();
        let mut model = [false; 256];
        for _ in 0..5000 {
            let (a, b) = (random.u8(..), random.u8(..));
            if random.u8(..4) == 0 && b.saturating_sub(a) < 30 {
                gone.note(range(a, b));
                (a..b).for_each(|at| model[usize::from(at)] = true);
            } else {
                gone.comes(&[a]);
                model[usize::from(a)] = false;
            }
            let at = random.u8(..);
            assert_eq!(gone.around(&[at]).is_some(), model[usize::from(at)]);
            let (lower, upper) = (a.min(b), a.max(b));
            let narrow = gone.narrow(range(lower, upper));
            let first = (lower..upper).find(|at| !model[usize::from(*at)]);
            let last = (lower..upper).rev().find(|at| !model[usize::from(*at)]);
            match first.zip(last) {
                // What came splits a stretch: the end of one is the tail, the next begins behind it.
                Some((first, last)) => {
                    assert!(narrow.lower <= vec![first] && narrow.upper > vec![last]);
                    assert!(narrow.lower[0] >= first && narrow.upper[0] <= last + 1);
                }
                None => assert!(lower == upper || narrow.lower >= narrow.upper),
            }
        }
    }

    #[test]
    fn neighbours_become_one_and_a_copy_is_its_own_when_it_is_detached() {
        let mut gone = Gone::default();
        gone.note(range(1, 3));
        gone.note(range(5, 7));
        gone.note(range(3, 5));
        assert_eq!(gone.around(&[6]), Some(range(1, 7)));
        let copy = gone.clone();
        gone.note(range(7, 8));
        gone.detach();
        gone.note(range(8, 9));
        gone.comes(&[4]);
        assert_eq!(gone.around(&[3]), Some(range(1, 4)));
        assert_eq!(gone.around(&[4]), None);
        assert_eq!(gone.around(&[4, 0]).unwrap().upper, [9]);
        assert_eq!(copy.around(&[4]), Some(range(1, 8)));
    }
}
