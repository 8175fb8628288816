//! The patterns that are remembered: a fixed number of slots, in sets of a few.
//!
//! May use the slots. Invariant: memory is taken once; a lock is held for a few instructions and never two of them.

use parking_lot::Mutex;

use crate::encoding::{HabitsFile, PatternHabits};

use super::pattern::Pattern;
use super::slot::Slot;

/// Sets of slots, each under a lock of its own. Together there are 2,048 slots of 24 bytes: more patterns than most applications
/// have, and little enough to be saved every minute.
const SETS: usize = 256;

/// Slots of a set.
const WAYS: usize = 8;

const _: () = assert!(SETS * WAYS == HabitsFile::MAX_PATTERNS, "all that is remembered can be saved");

/// A full set is aged when so many strangers have come. Fewer: keys without any pattern push out what is used now and then.
/// More: what is used no more stays longer.
const STRANGERS_TO_AGE: u32 = 64;

/// Some slots and who came by that has none.
#[derive(Debug, Default)]
struct Set {
    slots: [Slot; WAYS],
    strangers: u32,
}

impl Set {
    fn find(&mut self, pattern: u64) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.pattern == pattern)
    }

    /// Gives the pattern the place of the one that is least in use. Of several the place changes from time to time: so a
    /// stranger that comes twice has a chance against those who come once.
    fn enter(&mut self, pattern: u64) -> Option<&mut Slot> {
        let is_full = self.slots.iter().all(|slot| slot.pattern != 0);
        if is_full {
            self.strangers = self.strangers.wrapping_add(1);
            if self.strangers.is_multiple_of(STRANGERS_TO_AGE) {
                self.slots.iter_mut().for_each(|slot| slot.weight /= 2);
            }
        }
        let turned_by = usize::try_from(self.strangers).unwrap_or(0);
        let least = (0..WAYS)
            .map(|way| (way + turned_by) % WAYS)
            .min_by_key(|way| self.slots.get(*way).map(|slot| (slot.pattern != 0, slot.weight)))?;
        let slot = self.slots.get_mut(least)?;
        *slot = Slot::of(pattern);
        Some(slot)
    }
}

/// All sets.
pub(crate) struct Table {
    sets: Vec<Mutex<Set>>,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { sets: std::iter::repeat_with(Mutex::default).take(SETS).collect() }
    }

    /// Looks at a pattern that is known.
    pub(crate) fn read<T>(&self, pattern: Pattern, look: impl FnOnce(&Slot) -> T) -> Option<T> {
        let mut set = self.set_of(pattern)?.lock();
        set.find(pattern.hash()).map(|slot| look(slot))
    }

    /// Changes what is known of a pattern, which becomes known by it.
    pub(crate) fn learn(&self, pattern: Pattern, change: impl FnOnce(&mut Slot)) {
        let Some(set) = self.set_of(pattern) else { return };
        let mut set = set.lock();
        let known = set.slots.iter().any(|slot| slot.pattern == pattern.hash());
        let slot = if known { set.find(pattern.hash()) } else { set.enter(pattern.hash()) };
        if let Some(slot) = slot {
            slot.weight = slot.weight.saturating_add(1);
            change(slot);
        }
    }

    /// Changes what is known of a pattern, if it is known still.
    pub(crate) fn amend(&self, pattern: Pattern, change: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.set_of(pattern).map(Mutex::lock).as_mut().and_then(|set| set.find(pattern.hash())) {
            change(slot);
        }
    }

    /// Counts the patterns that are known.
    pub(crate) fn patterns(&self) -> u64 {
        let known = |set: &Mutex<Set>| set.lock().slots.iter().filter(|slot| slot.pattern != 0).count();
        u64::try_from(self.sets.iter().map(known).sum::<usize>()).unwrap_or(u64::MAX)
    }

    /// What is to be saved of all patterns.
    pub(crate) fn saved(&self) -> Vec<PatternHabits> {
        let of_set = |set: &Mutex<Set>| set.lock().slots.map(|slot| slot.saved());
        self.sets.iter().flat_map(of_set).filter(|habits| habits.pattern != 0).collect()
    }

    /// Takes in what was saved of a pattern.
    pub(crate) fn restore(&self, habits: PatternHabits) {
        self.learn(Pattern::from_hash(habits.pattern), |slot| *slot = Slot::restored(habits));
    }

    fn set_of(&self, pattern: Pattern) -> Option<&Mutex<Set>> {
        self.sets.get(usize::try_from(pattern.hash() >> 32).unwrap_or(0) % SETS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Different patterns of one set.
    fn of_one_set(n: u64) -> Pattern {
        Pattern::from_hash((7 << 32) | (n + 1))
    }

    fn births(table: &Table, pattern: Pattern) -> Option<u8> {
        table.read(pattern, |slot| slot.births)
    }

    #[test]
    fn no_more_patterns_are_remembered_than_there_are_slots() {
        let table = Table::new();
        for n in 0..100_000_u64 {
            table.learn(Pattern::from_hash(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)), Slot::born_without_expiry);
        }
        assert_eq!(table.patterns(), HabitsFile::MAX_PATTERNS as u64);
        assert_eq!(size_of::<Slot>(), 24);
    }

    #[test]
    fn a_pattern_in_use_outlives_any_number_of_strangers() {
        let table = Table::new();
        let used = of_one_set(0);
        for n in 1..10_000 {
            table.learn(used, Slot::born_without_expiry);
            table.learn(of_one_set(n), Slot::born_without_expiry);
        }
        assert!(births(&table, used).is_some_and(|births| births > 100));
    }

    #[test]
    fn a_pattern_that_is_used_no_more_makes_room() {
        let table = Table::new();
        let old = of_one_set(0);
        (0..1000).for_each(|_| table.learn(old, Slot::born_without_expiry));
        // As many patterns in use as there are places.
        for _ in 0..1000 {
            (1..=8).for_each(|n| table.learn(of_one_set(n), Slot::born_without_expiry));
        }
        assert_eq!(births(&table, old), None);
    }

    #[test]
    fn what_is_saved_comes_back() {
        let (table, other) = (Table::new(), Table::new());
        for n in 0..100 {
            (0..n).for_each(|_| table.learn(of_one_set(n % 5), Slot::born_without_expiry));
        }
        table.saved().into_iter().for_each(|habits| other.restore(habits));
        assert_eq!(other.saved(), table.saved());
        assert_eq!(other.patterns(), 5);
    }

    #[test]
    fn a_look_at_an_unknown_pattern_takes_no_slot() {
        let table = Table::new();
        assert_eq!(births(&table, of_one_set(0)), None);
        assert_eq!(table.patterns(), 0);
    }
}
