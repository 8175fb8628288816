//! What is known of one pattern: a few small counters and the verdict on them.
//!
//! May use `encoding`. Invariant: counters that are compared are halved together, so that their proportions stay.

use crate::encoding::{Habit, LifetimeClass, PatternHabits};

/// Lifetime classes, the one of no lifetime among them.
pub(crate) const CLASSES: usize = 10;

/// Expiries of one kind that are evidence. Fewer: the first odd client decides for all that follow. More: as many collections of
/// each new pattern lie with those that live for ever.
const EVIDENCE: u32 = 8;

/// A guess is made if at least this share of what was learnt agrees with it: 3 of 4. More: a pattern that is cleaned up by hand now
/// and then is never foreseen. Less: with more than a quarter of strangers in its files, a family has more to rewrite for each byte that it gives
/// back (a third at that share) than it saves.
const AGREE_OF_4: u32 = 3;

/// A guess is made if at least this share of the births got an expiry later: one of 2. It is lower than the share above
/// because the youngest births have not got theirs yet.
const EXPIRE_OF_2: u32 = 1;

/// Collections count as growing if at least one of so many is written again. WHY so few: a late write into a
/// closed family makes its files overlap, and they are merged instead of moved; one in a thousand rewrote as much as
/// was loaded. In a growing family a collection that is closed costs one merge.
const GROWS_ONE_OF: u32 = 4;

/// What is likely for a new collection of a pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Foreseen {
    /// The class of the lifetime it will get, if it gets one.
    pub(crate) class: Option<LifetimeClass>,
    pub(crate) habit: Option<Habit>,
    /// Whether there is evidence of the class, be it for none.
    is_known: bool,
}

impl Foreseen {
    /// Goes by the keys of that form in all keyspaces where nothing is known of those in one.
    pub(crate) fn or_by(self, shared: impl FnOnce() -> Self) -> Self {
        if self.is_known && self.habit.is_some() {
            return self;
        }
        let shared = shared();
        let class = if self.is_known { self.class } else { self.class.or(shared.class) };
        Self { class, habit: self.habit.or(shared.habit), is_known: self.is_known || shared.is_known }
    }
}

/// The counters of one pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The pattern's hash; 0 where there is none.
    pub(crate) pattern: u64,
    /// How much in use the pattern is.
    pub(crate) weight: u8,
    /// Collections born without an expiry.
    pub(crate) births: u8,
    /// What became of them, by the class of the expiry they got: 0 is none.
    pub(crate) outcomes: [u8; CLASSES],
    /// Collections whose next write was waited for.
    pub(crate) watched: u8,
    /// Those that were written again.
    pub(crate) grown: u8,
}

impl Slot {
    pub(crate) fn of(pattern: u64) -> Self {
        Self { pattern, ..Self::default() }
    }

    /// What is saved of it.
    pub(crate) fn saved(&self) -> PatternHabits {
        let Self { pattern, weight, births, outcomes, watched, grown } = *self;
        PatternHabits { pattern, weight, births, outcomes, watched, grown }
    }

    /// What was saved. Any numbers will do: they make a bad guess at the worst.
    pub(crate) fn restored(habits: PatternHabits) -> Self {
        let PatternHabits { pattern, weight, births, outcomes, watched, grown } = habits;
        Self { pattern, weight, births, outcomes, watched, grown }
    }

    pub(crate) fn born_without_expiry(&mut self) {
        if self.births == u8::MAX {
            self.halve_outcomes();
        }
        self.births += 1;
    }

    pub(crate) fn got_expiry(&mut self, class: LifetimeClass) {
        self.ended_as(usize::from(class.number()));
    }

    pub(crate) fn stayed_without_expiry(&mut self) {
        self.ended_as(0);
    }

    fn ended_as(&mut self, outcome: usize) {
        if self.outcomes.get(outcome) == Some(&u8::MAX) {
            self.halve_outcomes();
        }
        if let Some(count) = self.outcomes.get_mut(outcome) {
            *count += 1;
        }
    }

    fn halve_outcomes(&mut self) {
        self.births /= 2;
        self.outcomes.iter_mut().for_each(|count| *count /= 2);
    }

    pub(crate) fn watched(&mut self) {
        if self.watched == u8::MAX {
            self.watched /= 2;
            self.grown /= 2;
        }
        self.watched += 1;
    }

    /// Takes one back whose watch was cut short.
    pub(crate) fn unwatched(&mut self) {
        self.watched = self.watched.saturating_sub(1);
        self.grown = self.grown.min(self.watched);
    }

    pub(crate) fn grown(&mut self) {
        // One that was watched before a halving may come after it.
        self.grown = self.grown.saturating_add(1).min(self.watched);
    }

    /// Tells whether there is so little evidence of the habit that others should make room. WHY not at the first birth: keys
    /// without any pattern would push everybody out.
    pub(crate) fn wants_to_watch(&self) -> bool {
        u32::from(self.watched) < EVIDENCE && self.weight > 1
    }

    pub(crate) fn foresee(&self) -> Foreseen {
        Foreseen { class: self.class(), habit: self.habit(), is_known: self.is_known() }
    }

    /// Tells whether there is evidence of what becomes of births, be it that nothing does.
    fn is_known(&self) -> bool {
        let outcomes: u32 = self.outcomes.iter().map(|count| u32::from(*count)).sum();
        outcomes.max(u32::from(self.births)) >= EVIDENCE
    }

    /// The class that most expiries are of, or the longer one of two neighbours that most are of: lifetimes with some jitter
    /// often lie on both sides of a border. WHY the longer: a file goes when the last of it has died.
    fn class(&self) -> Option<LifetimeClass> {
        let all: u32 = self.outcomes.iter().map(|count| u32::from(*count)).sum();
        let agrees = |count: u32| {
            count >= EVIDENCE && count * 4 >= all * AGREE_OF_4 && count * 2 >= u32::from(self.births) * EXPIRE_OF_2
        };
        let counts = || self.outcomes.iter().map(|count| u32::from(*count)).enumerate().skip(1);
        let alone = counts().find(|(_, count)| agrees(*count));
        let pair = || counts().zip(counts().skip(1)).find(|((_, a), (_, b))| agrees(a + b)).map(|(_, longer)| longer);
        let (class, _) = alone.or_else(pair)?;
        LifetimeClass::from_number(u8::try_from(class).ok()?)
    }

    fn habit(&self) -> Option<Habit> {
        if u32::from(self.watched) < EVIDENCE {
            return None;
        }
        let grows = u32::from(self.grown) * GROWS_ONE_OF >= u32::from(self.watched);
        Some(if grows { Habit::Growing } else { Habit::Closed })
    }
}

/// Tells whether a collection of the class `guess` lies well with the lifetime that it got: of that class, or of the
/// next shorter one, which [`Slot::foresee`] puts there on purpose.
pub(crate) fn suits(guess: LifetimeClass, class: LifetimeClass) -> bool {
    class == guess || class.number() + 1 == guess.number()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(number: u8) -> LifetimeClass {
        LifetimeClass::from_number(number).unwrap()
    }

    /// A slot after births, each with what became of it; `None` for what is not known yet.
    fn after(births: impl IntoIterator<Item = Option<u8>>) -> Slot {
        let mut slot = Slot::of(1);
        for outcome in births {
            slot.born_without_expiry();
            match outcome {
                Some(0) => slot.stayed_without_expiry(),
                Some(number) => slot.got_expiry(class(number)),
                None => {}
            }
        }
        slot
    }

    fn times(outcome: Option<u8>, times: usize) -> impl Iterator<Item = Option<u8>> {
        std::iter::repeat_n(outcome, times)
    }

    #[test]
    fn eight_expiries_of_a_class_are_needed_and_enough() {
        assert_eq!(after(times(Some(3), 7)).foresee().class, None);
        assert_eq!(after(times(Some(3), 8)).foresee().class, Some(class(3)));
    }

    #[test]
    fn no_clear_majority_is_no_guess() {
        assert_eq!(after(times(Some(3), 30).chain(times(Some(7), 10))).foresee().class, Some(class(3)));
        assert_eq!(after(times(Some(3), 29).chain(times(Some(7), 11))).foresee().class, None);
        assert_eq!(after(times(Some(3), 20).chain(times(Some(7), 20))).foresee().class, None, "a tie");
        assert_eq!(after(times(Some(3), 29).chain(times(Some(0), 11))).foresee().class, None);
        assert_eq!(after(times(Some(0), 200)).foresee().class, None, "none is no class to guess");
    }

    #[test]
    fn births_that_get_no_expiry_speak_against_one() {
        assert_eq!(after(times(Some(3), 20).chain(times(None, 20))).foresee().class, Some(class(3)));
        assert_eq!(after(times(Some(3), 20).chain(times(None, 21))).foresee().class, None);
    }

    #[test]
    fn of_two_neighbours_the_longer_is_chosen() {
        assert_eq!(after(times(Some(3), 20).chain(times(Some(4), 20))).foresee().class, Some(class(4)));
        assert_eq!(after(times(Some(1), 20).chain(times(Some(3), 20))).foresee().class, None);
        assert!(suits(class(4), class(3)) && suits(class(4), class(4)));
        assert!(!suits(class(4), class(5)) && !suits(class(4), class(2)));
    }

    #[test]
    fn a_pattern_that_changes_is_learnt_anew() {
        let mut slot = after(times(Some(3), 10_000));
        assert_eq!(slot.foresee().class, Some(class(3)));
        let mut needed = 0;
        while slot.foresee().class != Some(class(8)) {
            slot.born_without_expiry();
            slot.got_expiry(class(8));
            needed += 1;
            assert!(needed < 1000);
        }
        assert!(needed > 8, "one client's mistake does not turn it");
    }

    #[test]
    fn late_expiries_catch_up_with_a_backlog_of_births() {
        let mut slot = after(times(None, 100_000));
        assert_eq!(slot.foresee().class, None);
        for _ in 0..1000 {
            slot.born_without_expiry();
            slot.got_expiry(class(5));
        }
        assert_eq!(slot.foresee().class, Some(class(5)));
        // And when they stop, so do the guesses.
        (0..1000).for_each(|_| slot.born_without_expiry());
        assert_eq!(slot.foresee().class, None);
    }

    #[test]
    fn a_watch_that_was_cut_short_is_no_evidence_and_a_first_birth_asks_for_none() {
        let mut slot = Slot { weight: 1, ..Slot::of(1) };
        assert!(!slot.wants_to_watch());
        slot.weight = 2;
        assert!(slot.wants_to_watch());
        (0..8).for_each(|_| slot.watched());
        (0..2).for_each(|_| slot.grown());
        assert_eq!(slot.foresee().habit, Some(Habit::Growing));
        (0..6).for_each(|_| slot.unwatched());
        assert_eq!((slot.watched, slot.grown, slot.foresee().habit), (2, 2, None));
    }

    #[test]
    fn all_keyspaces_together_speak_only_where_one_has_no_evidence_of_its_own() {
        let shared = after(times(Some(3), 8)).foresee();
        let of_all = |own: Slot| own.foresee().or_by(|| shared).class;
        assert_eq!(of_all(Slot::of(2)), Some(class(3)));
        assert_eq!(of_all(after(times(None, 7))), Some(class(3)));
        assert_eq!(of_all(after(times(None, 8))), None, "keys live on here");
        assert_eq!(of_all(after(times(Some(5), 8))), Some(class(5)));
    }

    #[test]
    fn a_quarter_that_is_written_again_makes_a_pattern_grow() {
        let watched = |watched: usize, grown: usize| {
            let mut slot = Slot::of(1);
            (0..watched).for_each(|_| slot.watched());
            (0..grown).for_each(|_| slot.grown());
            slot.foresee().habit
        };
        assert_eq!(watched(7, 7), None);
        assert_eq!(watched(8, 1), Some(Habit::Closed));
        assert_eq!(watched(8, 2), Some(Habit::Growing));
        assert_eq!(watched(10_000, 0), Some(Habit::Closed));
        assert_eq!(watched(10_000, 10_000), Some(Habit::Growing));
    }
}
