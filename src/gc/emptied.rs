//! Keyspaces that are gone: flushed, walked, and their records hidden by range deletions.
//!
//! May use `encoding`. Invariants: numbers are never reused, so what is gone stays gone; files are dropped only for keyspaces of which
//! this session has seen the end. Of those that an earlier session ended it is only known that nothing names them: that says where
//! a compaction is worth its while, and what goes in one is decided by the range deletions alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::encoding::{KeyRange, KeyspaceNo};

/// Keyspaces whose records are gone, or hidden and still there.
#[derive(Debug, Default)]
pub(crate) struct Emptied(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Ended by this session.
    known: KeyspaceRuns,
    /// Those whose range deletions may be younger than a snapshot, with a commit that is not older than they are.
    young: Vec<(u64, Vec<KeyspaceNo>)>,
    hidden: Hidden,
}

/// The keyspaces whose range deletions are older than every snapshot.
#[derive(Clone, Debug, Default)]
pub(super) struct Hidden {
    pub(super) runs: Arc<KeyspaceRuns>,
    /// Grows with every change.
    pub(super) version: u64,
}

impl Emptied {
    /// Takes in which numbers below `next` name nothing when the store is opened: nothing is pinned then.
    pub(crate) fn restore(&self, named: impl Iterator<Item = KeyspaceNo>, next: u32) {
        let mut named: Vec<u32> = named.map(KeyspaceNo::get).filter(|number| *number < next).collect();
        named.sort_unstable();
        let mut runs = KeyspaceRuns::default();
        let mut first = 0;
        for number in named.into_iter().chain([next]) {
            if let Some(last) = number.checked_sub(1).filter(|last| first <= *last) {
                runs.insert(first, last);
            }
            first = number.saturating_add(1);
        }
        self.0.lock().hidden = Hidden { runs: Arc::new(runs), version: 1 };
    }

    /// Returns the ranges of records that may go once `ended` are gone as well: those `with_records` among them, each together
    /// with all before and behind it that is gone.
    ///
    /// WHY together: a file that holds two keyspaces lies in the range of neither. And who drops files over the whole of a range has
    /// to hide the whole of it again: a file may hold the range deletion of an earlier time, and another what that one hides.
    pub(super) fn joined(&self, ended: &[KeyspaceNo], with_records: &[KeyspaceNo]) -> Vec<KeyRange> {
        let mut runs = self.0.lock().known.clone();
        ended.iter().for_each(|keyspace| runs.insert(keyspace.get(), keyspace.get()));
        let mut ranges: Vec<KeyRange> = with_records.iter().filter_map(|keyspace| runs.around(*keyspace)).collect();
        ranges.sort_unstable_by(|a, b| a.start().cmp(b.start()));
        ranges.dedup();
        ranges
    }

    /// Takes note that keyspaces are gone, by a commit that is not younger than `commit`.
    pub(super) fn add(&self, ended: Vec<KeyspaceNo>, commit: u64) {
        let mut state = self.0.lock();
        ended.iter().for_each(|keyspace| state.known.insert(keyspace.get(), keyspace.get()));
        state.young.push((commit, ended));
    }

    /// Returns what is hidden from everybody; `oldest_snapshot` is the last commit that the oldest snapshot sees.
    pub(super) fn hidden(&self, oldest_snapshot: Option<u64>) -> Hidden {
        let mut state = self.0.lock();
        let State { young, hidden, .. } = &mut *state;
        let is_old = |commit: u64| oldest_snapshot.is_none_or(|snapshot| commit <= snapshot);
        if young.iter().any(|(commit, _)| is_old(*commit)) {
            let runs = Arc::make_mut(&mut hidden.runs);
            for (_, keyspaces) in young.extract_if(.., |(commit, _)| is_old(*commit)) {
                keyspaces.iter().for_each(|keyspace| runs.insert(keyspace.get(), keyspace.get()));
            }
            hidden.version += 1;
        }
        hidden.clone()
    }

    /// Leaves out for good what a compaction of the keys from `first` to `last` has left where it was: no range deletion hides it.
    pub(super) fn leave(&self, first: &[u8], last: &[u8]) {
        let hidden = &mut self.0.lock().hidden;
        let runs = Arc::make_mut(&mut hidden.runs);
        let met: Vec<u32> = runs.reached(first, last).map(|(first, _)| first).collect();
        for first in met {
            runs.0.remove(&first);
        }
        hidden.version += 1;
    }
}

/// Runs of keyspace numbers, the first and the last of each, with a gap between any two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeyspaceRuns(BTreeMap<u32, u32>);

impl KeyspaceRuns {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn insert(&mut self, mut first: u32, mut last: u32) {
        if let Some((start, end)) = self.0.range(..=first).next_back()
            && end.saturating_add(1) >= first
        {
            (first, last) = (*start, last.max(*end));
        }
        while let Some((start, end)) = self.0.range(first..=last.saturating_add(1)).next() {
            let (start, end) = (*start, *end);
            self.0.remove(&start);
            last = last.max(end);
        }
        self.0.insert(first, last);
    }

    /// Returns the records of the run that a keyspace is in.
    fn around(&self, keyspace: KeyspaceNo) -> Option<KeyRange> {
        let (first, last) = self.0.range(..=keyspace.get()).next_back()?;
        (keyspace.get() <= *last).then(|| range(*first, *last)).flatten()
    }

    /// Lists the ranges of records of the runs that keys from `first` to `last` may lie in.
    pub(super) fn ranges(&self, first: &[u8], last: &[u8]) -> impl Iterator<Item = KeyRange> {
        self.reached(first, last).filter_map(|(first, last)| range(first, last))
    }

    fn reached(&self, first: &[u8], last: &[u8]) -> impl Iterator<Item = (u32, u32)> {
        let (first, last) = (number_of(first), number_of(last));
        let from =
            self.0.range(..=first).next_back().filter(|(_, end)| **end >= first).map_or(first, |(start, _)| *start);
        self.0.range(from..=last.max(from)).map(|(first, last)| (*first, *last))
    }
}

fn range(first: u32, last: u32) -> Option<KeyRange> {
    Some(KeyRange::keyspaces(KeyspaceNo::new(first)?, KeyspaceNo::new(last)?))
}

/// The keyspace number with which a key begins; missing bytes count as zeros.
fn number_of(key: &[u8]) -> u32 {
    let mut bytes = [0; 4];
    bytes.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    u32::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyspaces(numbers: &[u32]) -> Vec<KeyspaceNo> {
        numbers.iter().map(|number| KeyspaceNo::new(*number).unwrap()).collect()
    }

    fn ranges(runs: &[(u32, u32)]) -> Vec<KeyRange> {
        runs.iter().map(|(first, last)| range(*first, *last).unwrap()).collect()
    }

    fn all(hidden: &Hidden) -> Vec<(u32, u32)> {
        hidden.runs.0.iter().map(|(first, last)| (*first, *last)).collect()
    }

    #[test]
    fn numbers_join_into_runs_in_whatever_order_they_come() {
        let mut random = fastrand::Rng::with_seed(4);
        let mut numbers: Vec<u32> = (0..300).filter(|number| number % 7 != 3).collect();
        numbers.extend([u32::MAX - 2, u32::MAX - 1]);
        random.shuffle(&mut numbers);
        let mut runs = KeyspaceRuns::default();
        numbers.iter().for_each(|number| runs.insert(*number, *number));
        assert!(numbers.iter().all(|number| runs.0.range(..=number).next_back().is_some_and(|(_, end)| end >= number)));
        assert_eq!((runs.0.len(), runs.0.get(&0), runs.0.get(&4)), (45, Some(&2), Some(&9)));
        assert_eq!(runs.0.values().last(), Some(&(u32::MAX - 1)));
        runs.insert(1, 299);
        assert_eq!(runs.0.len(), 2);
    }

    #[test]
    fn what_ends_is_joined_with_what_this_session_has_ended_and_not_with_what_it_found_gone() {
        let emptied = Emptied::default();
        emptied.restore(keyspaces(&[0, 3, 5, 6, 7, 8]).into_iter(), 9);
        assert_eq!(all(&emptied.hidden(None)), [(1, 2), (4, 4)]);
        assert_eq!(emptied.joined(&keyspaces(&[3, 6]), &keyspaces(&[3, 6])), ranges(&[(3, 3), (6, 6)]));
        emptied.add(keyspaces(&[3, 6]), 10);
        assert_eq!(emptied.joined(&keyspaces(&[5, 8]), &keyspaces(&[5, 8])), ranges(&[(5, 6), (8, 8)]));
        assert_eq!(emptied.joined(&keyspaces(&[5, 7, 8]), &keyspaces(&[5, 8])), ranges(&[(5, 8)]));
        assert_eq!(emptied.joined(&keyspaces(&[5]), &[]), [], "it held nothing");
    }

    #[test]
    fn it_is_hidden_once_every_snapshot_is_younger() {
        let emptied = Emptied::default();
        emptied.add(keyspaces(&[2]), 20);
        emptied.add(keyspaces(&[3]), 30);
        assert!(emptied.hidden(Some(19)).runs.is_empty());
        assert_eq!(all(&emptied.hidden(Some(20))), [(2, 2)]);
        let before = emptied.hidden(Some(29)).version;
        assert_eq!((all(&emptied.hidden(None)), emptied.hidden(None).version), (vec![(2, 3)], before + 1));
        emptied.leave(&[0, 0, 0, 3, b'M'], &[0, 0, 0, 9]);
        assert!(emptied.hidden(None).runs.is_empty());
    }

    #[test]
    fn a_file_meets_the_runs_that_it_reaches() {
        let mut runs = KeyspaceRuns::default();
        [(1, 2), (4, 6), (9, 9)].into_iter().for_each(|(first, last)| runs.insert(first, last));
        let met = |first: u32, last: u32| {
            let key = |number: u32| [&number.to_be_bytes()[..], b"Mkey"].concat();
            runs.ranges(&key(first), &key(last)).collect::<Vec<_>>()
        };
        assert_eq!(met(0, 3), ranges(&[(1, 2)]));
        assert_eq!(met(5, 5), ranges(&[(4, 6)]));
        assert_eq!(met(2, 9), ranges(&[(1, 2), (4, 6), (9, 9)]));
        assert_eq!(met(7, 8), []);
        assert_eq!(met(10, 11), []);
    }
}
