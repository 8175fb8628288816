//! How old the ids of a family are: by which time so many of them had been born.
//!
//! Uses nothing of the crate. Invariant: an id was born no later than it is said to be; earlier is possible. What no earlier
//! session told of counts as born when the store was opened.

use std::collections::VecDeque;
use std::time::Duration;

/// Notes kept over the longest time that matters.
const NOTES: u32 = 64;

/// Notes of how many ids a family had given when.
#[derive(Debug, Default)]
pub(super) struct Ages {
    /// The next counter, and when it was that; both ascend.
    notes: VecDeque<(u64, Duration)>,
}

impl Ages {
    /// Notes that all ids below `next_counter` are born. Of what is older than `matters` one note is kept.
    pub(super) fn note(&mut self, next_counter: u64, now: Duration, matters: Duration) {
        if self.notes.back().is_some_and(|(next, _)| *next >= next_counter) {
            return;
        }
        // WHY the one before the last: the last moves on with the ids, because it has to stay true of all below it.
        let before = self.notes.len().checked_sub(2).and_then(|place| self.notes.get(place));
        if before.is_some_and(|(_, at)| now.saturating_sub(*at) < matters / NOTES) {
            self.notes.pop_back();
        }
        self.notes.push_back((next_counter, now));
        while self.notes.get(1).is_some_and(|(_, at)| now.saturating_sub(*at) > matters) {
            self.notes.pop_front();
        }
    }

    /// Lists the notes: so many ids had been born by then.
    pub(super) fn notes(&self) -> impl Iterator<Item = (u64, Duration)> {
        self.notes.iter().copied()
    }

    /// Takes in the notes of an earlier session, which ascend.
    pub(super) fn restore(&mut self, notes: impl Iterator<Item = (u64, Duration)>) {
        self.notes = notes.collect();
    }

    /// Returns a time by which all ids below `counters_end` had been born; none if that is not known yet.
    pub(super) fn born_by(&self, counters_end: u64) -> Option<Duration> {
        let behind = self.notes.partition_point(|(next, _)| *next < counters_end);
        self.notes.get(behind).map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn ids_are_never_taken_for_older_than_they_are() {
        let mut ages = Ages::default();
        let born = |counter: u64| Duration::from_millis(counter * 10);
        for next in (1..20_000).step_by(7) {
            ages.note(next, born(next), MINUTE);
            for counter in [next / 3, next - 1] {
                assert!(ages.born_by(counter + 1).is_none_or(|by| by >= born(counter)), "{counter} at {next}");
            }
        }
        assert!(ages.notes.len() < 72, "{}", ages.notes.len());
    }

    #[test]
    fn ids_are_taken_for_little_younger_than_they_are() {
        let mut ages = Ages::default();
        for next in 1..=600 {
            ages.note(next, seconds(next) / 10, MINUTE);
        }
        let by = ages.born_by(301).unwrap();
        assert!((seconds(30)..seconds(33)).contains(&by), "{by:?}");
        assert_eq!(ages.born_by(601), None, "not born yet");
    }

    #[test]
    fn a_family_without_births_keeps_what_is_known() {
        let mut ages = Ages::default();
        ages.note(100, seconds(1), MINUTE);
        for second in 2..1000 {
            ages.note(100, seconds(second), MINUTE);
        }
        assert_eq!(ages.born_by(100), Some(seconds(1)));
        assert_eq!(ages.notes.len(), 1);
    }
}
