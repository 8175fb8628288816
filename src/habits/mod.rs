//! What keys of one pattern usually do: which lifetime they get after their birth, and whether they are written again.
//!
//! May use `encoding`, for its classes, ids and times. Invariants: nothing here is needed for correctness: everything may be
//! forgotten, wrong or torn at any time, and costs only locality; memory does not grow; no call waits for the disk.
//!
//! WHY: clients create a collection and set its expiry in a second command. Its id, and so its data family, is chosen by the
//! first one, which knows nothing yet.

mod pattern;
mod slot;
mod table;
mod tried;
mod watch;

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::encoding::{CollectionId, Habit, HabitsFile, LifetimeClass, UnixMillis};

pub(crate) use pattern::Patterns;
pub(crate) use slot::Foreseen;
use table::Table;
pub(crate) use tried::Tried;
use watch::{Before, Watch, Watched};

/// Turns of the background, of about a second each, from one save to the next. More: more is learnt again after a crash.
/// Fewer: the file, of 45 KB at the most, is written more often.
const TURNS_TO_SAVE: u32 = 60;

/// What is known of a collection at its birth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Born {
    pub(crate) patterns: Patterns,
    /// Whether its operation gave it an expiry.
    pub(crate) has_expiry: bool,
    /// Whether its class was foreseen here, and whether its habit was.
    pub(crate) is_guess: bool,
    pub(crate) is_habit_guess: bool,
}

/// A reading of what was learnt. The guesses are counted since open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HabitTotals {
    pub(crate) patterns: u64,
    pub(crate) guesses: u64,
    pub(crate) right: u64,
    pub(crate) wrong: u64,
    /// Guessed, and ended without ever getting an expiry.
    pub(crate) in_vain: u64,
    pub(crate) habits_right: u64,
    pub(crate) habits_wrong: u64,
    pub(crate) unforeseen: u64,
    pub(crate) promoted: u64,
}

/// The habits of a store's keys.
pub(crate) struct Habits {
    table: Table,
    watch: Watch,
    guesses: AtomicU64,
    right: AtomicU64,
    wrong: AtomicU64,
    in_vain: AtomicU64,
    habits_right: AtomicU64,
    habits_wrong: AtomicU64,
    unforeseen: AtomicU64,
    promoted: AtomicU64,
    /// Whether something was learnt that is not saved.
    is_unsaved: AtomicBool,
    /// Turns since the last save.
    turns: AtomicU32,
}

impl Habits {
    pub(crate) fn new() -> Self {
        Self {
            table: Table::new(),
            watch: Watch::new(),
            guesses: AtomicU64::new(0),
            right: AtomicU64::new(0),
            wrong: AtomicU64::new(0),
            in_vain: AtomicU64::new(0),
            habits_right: AtomicU64::new(0),
            habits_wrong: AtomicU64::new(0),
            unforeseen: AtomicU64::new(0),
            promoted: AtomicU64::new(0),
            is_unsaved: AtomicBool::new(false),
            turns: AtomicU32::new(0),
        }
    }

    /// Says what is likely for a new collection. Costs one short lock, or two.
    pub(crate) fn foresee(&self, patterns: Patterns) -> Foreseen {
        let by = |pattern| self.table.read(pattern, |slot| slot.foresee()).unwrap_or_default();
        by(patterns.own).or_by(|| by(patterns.shared))
    }

    /// Takes in what an earlier session saved.
    pub(crate) fn restore(&self, file: &HabitsFile) {
        file.patterns().iter().for_each(|habits| self.table.restore(*habits));
    }

    /// What is to be saved, if something was learnt since the last time.
    pub(crate) fn take_unsaved(&self) -> Option<HabitsFile> {
        self.turns.store(0, Ordering::Relaxed);
        self.is_unsaved.swap(false, Ordering::Relaxed).then(|| HabitsFile::new(self.table.saved()))
    }

    /// What is to be saved at this turn of the background: nothing at most turns.
    pub(crate) fn take_due(&self) -> Option<HabitsFile> {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed) + 1;
        if turn >= TURNS_TO_SAVE { self.take_unsaved() } else { None }
    }

    fn learn(&self, patterns: Patterns, change: impl Fn(&mut slot::Slot)) {
        patterns.each().into_iter().for_each(|pattern| self.table.learn(pattern, &change));
        // Looked at first: all writers would fight for the cache line otherwise.
        if !self.is_unsaved.load(Ordering::Relaxed) {
            self.is_unsaved.store(true, Ordering::Relaxed);
        }
    }

    /// Learns that a collection was born. Costs two short locks, and twice as many if it is watched.
    pub(crate) fn born(&self, id: CollectionId, born: Born, now: UnixMillis) {
        let is_wanted = Cell::new(false);
        self.learn(born.patterns, |slot| {
            if !born.has_expiry {
                slot.born_without_expiry();
            }
            if slot.pattern == born.patterns.own.hash() {
                is_wanted.set(slot.wants_to_watch());
            }
        });
        if born.is_guess {
            self.guesses.fetch_add(1, Ordering::Relaxed);
        }
        let new = Watched { id, patterns: born.patterns, is_guess: born.is_habit_guess };
        let Some(before) = self.watch.begin(new, is_wanted.get(), now) else { return };
        self.amend(born.patterns, slot::Slot::watched);
        match before {
            Before::Nobody => {}
            Before::LeftAlone(watched) => self.judge_habit(watched, Habit::Closed),
            Before::CutShort(watched) => self.amend(watched.patterns, slot::Slot::unwatched),
        }
    }

    fn amend(&self, patterns: Patterns, change: impl Fn(&mut slot::Slot)) {
        patterns.each().into_iter().for_each(|pattern| self.table.amend(pattern, &change));
    }

    /// Counts whether a collection lies where the habit that it showed belongs.
    fn judge_habit(&self, watched: Watched, shown: Habit) {
        if watched.is_guess {
            let is_right = watched.id.family().habit() == shown;
            let verdict = if is_right { &self.habits_right } else { &self.habits_wrong };
            verdict.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Learns that a collection is written after its birth. Costs a look at one number, and once in a while more.
    #[inline]
    pub(crate) fn written(&self, id: CollectionId) {
        if let Some(watched) = self.watch.end(id) {
            self.learn(watched.patterns, slot::Slot::grown);
            self.judge_habit(watched, Habit::Growing);
        }
    }

    /// Learns that a collection which had no expiry has one now: it has lived for `age` and has `left` to live.
    /// Costs two short locks.
    ///
    /// WHY the longer of the two decides, and not their sum: with the sum a minute that is given a moment after
    /// the birth would be more than a minute, and of the next class.
    pub(crate) fn expires(&self, patterns: Patterns, id: CollectionId, age: Duration, left: Duration) {
        let class = LifetimeClass::for_ttl(Some(age.max(left)));
        self.learn(patterns, |slot| slot.got_expiry(class));
        let guess = id.family().class();
        let verdict = if guess == LifetimeClass::NONE {
            &self.unforeseen
        } else if slot::suits(guess, class) {
            &self.right
        } else {
            &self.wrong
        };
        verdict.fetch_add(1, Ordering::Relaxed);
    }

    /// Learns that a collection has lost the expiry it had. Costs two short locks.
    pub(crate) fn never_expires(&self, patterns: Patterns) {
        self.learn(patterns, slot::Slot::stayed_without_expiry);
    }

    /// Learns that a collection has ended without an expiry. Costs two short locks.
    pub(crate) fn ends_without_expiry(&self, patterns: Patterns, id: CollectionId) {
        self.never_expires(patterns);
        if id.family().class() != LifetimeClass::NONE {
            self.in_vain.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a collection that was moved.
    pub(crate) fn promoted(&self) {
        self.promoted.fetch_add(1, Ordering::Relaxed);
    }

    /// What was learnt and guessed. Takes every lock, one after the other.
    pub(crate) fn totals(&self) -> HabitTotals {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        HabitTotals {
            patterns: self.table.patterns(),
            guesses: load(&self.guesses),
            right: load(&self.right),
            wrong: load(&self.wrong),
            in_vain: load(&self.in_vain),
            habits_right: load(&self.habits_right),
            habits_wrong: load(&self.habits_wrong),
            unforeseen: load(&self.unforeseen),
            promoted: load(&self.promoted),
        }
    }
}

/// Chooses the family's habit where nobody said and nothing is known.
pub(crate) const DEFAULT_HABIT: Habit = Habit::Closed;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::{DataFamily, KeyspaceNo};

    #[test]
    fn keys_without_a_pattern_do_not_push_out_those_whose_next_write_is_waited_for() {
        let habits = Habits::new();
        let mut counter = 0;
        let mut birth = |key: &str| {
            counter += 1;
            let id = CollectionId::new(DataFamily::new(1).unwrap(), counter).unwrap();
            let patterns = Patterns::of(KeyspaceNo::new(0).unwrap(), key.as_bytes());
            let born = Born { patterns, has_expiry: true, is_guess: false, is_habit_guess: false };
            habits.born(id, born, UnixMillis::new(1));
            (id, patterns)
        };
        let mut letters = fastrand::Rng::with_seed(1);
        for _ in 0..20 {
            let (id, patterns) = birth("growing:1");
            // More than there are places, each of a pattern of its own.
            (0..2500).for_each(|_| {
                birth(&(0..12).map(|_| letters.lowercase()).collect::<String>());
            });
            habits.written(id);
            assert_ne!(habits.foresee(patterns).habit, Some(Habit::Closed));
        }
        let (_, patterns) = birth("growing:2");
        assert_eq!(habits.foresee(patterns).habit, Some(Habit::Growing));
    }
}
