//! Who takes steps in turn, and what the last passes left to rewrite: since when, and how much is owed.
//!
//! May use `encoding`. Invariants: what elements owe says nothing of the records, which no figure of debt knows; times here are the
//! store's, as those of debt are.

use std::time::Duration;

use crate::encoding::DataFamily;

/// What may take a step in turn: a data family by its index, or one of those behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn(pub(super) usize);

impl Turn {
    pub(super) fn of(family: DataFamily) -> Self {
        Self(family.index())
    }

    pub(super) const EXPIRE: Self = Self(usize::MAX - 3);
    pub(super) const META: Self = Self(usize::MAX - 2);
    pub(super) const GC: Self = Self(usize::MAX - 1);
    pub(super) const DEFAULT: Self = Self(usize::MAX);

    fn is_of_records(self) -> bool {
        self >= Self::EXPIRE
    }
}

/// What the families of one kind have to rewrite.
#[derive(Debug, Default)]
struct Backlog {
    is_there: bool,
    /// Since when it has always been there.
    since: Option<Duration>,
    /// Whether a step was begun, and whether one was refused, in the pass under way.
    begun: bool,
    refused: bool,
}

impl Backlog {
    fn look(&mut self, now: Duration) {
        if self.is_there {
            self.since.get_or_insert(now);
        }
    }

    fn end_pass(&mut self) {
        if !self.begun && !self.refused {
            (self.is_there, self.since) = (false, None);
        }
        self.begun = false;
    }

    fn waited(&self, now: Duration) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }
}

/// The debt that a pass found, in the data families.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Owed {
    pub(super) bytes: u64,
    pub(super) live_bytes: u64,
    pub(super) age: Duration,
    /// When it was found: a pass may take long.
    pub(super) at: Duration,
}

/// What the last passes left to do.
#[derive(Debug, Default)]
pub(super) struct Work {
    elements: Backlog,
    records: Backlog,
    pub(super) owed: Owed,
}

impl Work {
    pub(super) fn is_there(&self) -> bool {
        self.elements.is_there || self.records.is_there
    }

    /// Takes note that somebody begins a step.
    pub(super) fn begun(&mut self, turn: Turn) {
        let backlog = self.of(turn);
        (backlog.is_there, backlog.begun) = (true, true);
    }

    /// Takes note that somebody asked in vain. WHY work only if it is for records: a data family asks before it looks whether it
    /// has any.
    pub(super) fn refused(&mut self, turn: Turn) {
        let backlog = self.of(turn);
        backlog.refused = true;
        backlog.is_there |= turn.is_of_records();
    }

    /// Begins a pass in which everybody who has something to rewrite asks.
    pub(super) fn begin_pass(&mut self) {
        (self.elements.refused, self.records.refused) = (false, false);
    }

    /// Ends such a pass: who was not refused and has begun nothing has nothing to do. Returns whether nothing was begun.
    pub(super) fn end_pass(&mut self) -> bool {
        let idle = !self.elements.begun && !self.records.begun;
        self.elements.end_pass();
        self.records.end_pass();
        idle
    }

    pub(super) fn look(&mut self, now: Duration) {
        self.elements.look(now);
        self.records.look(now);
    }

    /// How long what is worth a step has waited. WHY the lesser for elements: old debt may lie where it is not worth a step yet, and
    /// young debt has come since the first of it was worth one.
    pub(super) fn age(&self, now: Duration) -> Duration {
        let Owed { bytes, age, at, .. } = self.owed;
        let debt = if bytes > 0 { age.saturating_add(now.saturating_sub(at)) } else { Duration::MAX };
        self.elements.waited(now).min(debt).max(self.records.waited(now))
    }

    fn of(&mut self, turn: Turn) -> &mut Backlog {
        if turn.is_of_records() { &mut self.records } else { &mut self.elements }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn elements() -> Turn {
        Turn(3)
    }

    #[test]
    fn records_that_wait_grow_old_whatever_elements_owe() {
        let owed = Owed { bytes: 1 << 20, live_bytes: 0, age: SECOND, at: SECOND };
        let mut work = Work { owed, ..Work::default() };
        work.begun(elements());
        work.refused(Turn::META);
        work.look(SECOND);
        for second in 2..1000 {
            work.begin_pass();
            work.begun(elements());
            work.refused(Turn::META);
            work.end_pass();
            work.owed = Owed { at: SECOND * second, ..work.owed };
            work.look(SECOND * second);
        }
        assert_eq!(work.age(SECOND * 1000), SECOND * 999);
        // Once they are served, what is left is the debt of elements, which is young.
        work.begin_pass();
        work.begun(elements());
        work.end_pass();
        assert_eq!(work.age(SECOND * 1000), SECOND * 2);
    }

    #[test]
    fn work_ends_for_those_alone_who_could_have_begun_a_step() {
        let mut work = Work::default();
        work.begun(elements());
        work.begun(Turn::GC);
        assert!(!work.end_pass());
        work.begin_pass();
        work.refused(elements());
        assert!(work.end_pass());
        assert!(work.is_there() && !work.records.is_there);
        work.begin_pass();
        assert!(work.end_pass());
        assert!(!work.is_there());
        work.refused(elements());
        assert!(!work.is_there(), "it may have nothing");
    }
}
