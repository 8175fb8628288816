//! How much reclaiming may do at once, and why: the decision, as a pure function.
//!
//! Uses plain figures alone. Invariants: the pace never reaches zero, and comes back by itself when nothing speaks against it;
//! past a limit of debt it is full, and what was learnt before is kept for the time after it.

use std::time::Duration;

use super::latency::Kind;
use super::looks::{approximate, share_of};
use super::pace_shown::PacingReason;
use crate::store::Pressure;

/// The slowest pace: reclaiming rewrites for this share of the time. Slower: less is felt; but a step every half a minute is hard
/// to feel already, and debt grows meanwhile.
const SLOWEST: f64 = 1.0 / 32.0;
/// What is added when callers were seen not to feel it. More: a slow pace is over sooner, and they feel the next try more.
const FASTER: f64 = 1.0 / 32.0;
/// From the slowest pace to the full one when nobody calls.
const RETURN_WITHIN: Duration = Duration::from_secs(2);
/// The same when somebody calls and nothing is to be rewritten. WHY longer: the next step may come soon, and be felt as the last one was.
const FORGET_WITHIN: Duration = Duration::from_secs(32);
/// Callers whom this many percent are lost make the pace a quarter at once, not a half.
const MUCH_SLOWER_PERCENT: u32 = 100;
/// The longest pause, whatever the last step took.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What RocksDB may have to compact by itself. WHY: at 64 GiB in one family it slows writes down; this is early enough to turn.
const PENDING_LIMIT_BYTES: u64 = 8 << 30;
/// Files that a family may have in L0. WHY: at 20 RocksDB slows writes down, and 4 are usual.
const LEVEL0_LIMIT_FILES: u64 = 12;
/// Less debt than this is never too much. WHY: a store that holds next to nothing would always owe more than it holds.
const SMALL_DEBT_BYTES: u64 = 64 << 20;
/// What is called too much ends at this share of where it began, so that it does not begin anew at once.
const ENOUGH_PAID: f64 = 0.75;
/// The most that one step may read at full pace. More: fewer, longer steps, in which nothing can be held back.
const LARGEST_STEP_BYTES: u64 = 256 << 20;

/// What the pace moves between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) workers: usize,
    /// A step can not be smaller than a file.
    pub(super) file_bytes: u64,
    pub(super) compaction_threads: u64,
    pub(super) max_debt_percent: u32,
    pub(super) max_debt_age: Duration,
}

/// What was heard of the callers since the last verdict on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Callers {
    /// Nobody calls.
    Silent,
    /// It is too early to say.
    Undecided,
    /// They do not feel it, or are too few to say.
    Unmoved,
    /// One kind of operation takes longer, by so much.
    Slower { kind: Kind, percent: u32 },
}

/// What was seen at one look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Time since the last look.
    pub(super) elapsed: Duration,
    /// Whether anything is to be rewritten.
    pub(super) has_work: bool,
    pub(super) pressure: Pressure,
    /// Steps of reclaiming that run now.
    pub(super) own_steps: u64,
    pub(super) callers: Callers,
    pub(super) debt_bytes: u64,
    pub(super) live_bytes: u64,
    /// How long debt has waited that is worth a step.
    pub(super) debt_age: Duration,
}

/// The pace: the share of the time in which reclaiming rewrites. The three dials follow from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// The share that callers are known to bear. Past a limit of debt another counts.
    learnt: f64,
    pub(super) reason: PacingReason,
}

impl Pace {
    pub(super) const FULL: Self = Self { learnt: 1.0, reason: PacingReason::NothingToDo };

    pub(super) fn is_full(self) -> bool {
        self.share() >= 1.0
    }

    /// Tells whether space comes before the callers.
    pub(super) fn is_at_floor(self) -> bool {
        matches!(self.reason, PacingReason::DebtTooLarge { .. } | PacingReason::DebtTooOld { .. })
    }

    fn share(self) -> f64 {
        if self.is_at_floor() { 1.0 } else { self.learnt }
    }

    /// The first dial: families worked on at once.
    pub(super) fn workers(self, limits: &Limits) -> usize {
        let workers = u64::try_from(limits.workers).unwrap_or(u64::MAX);
        usize::try_from(share_of(workers, self.share())).unwrap_or(1).max(1)
    }

    /// The second dial: bytes that one step may read. WHY never less than a file: RocksDB rewrites no smaller piece.
    pub(super) fn step_bytes(self, limits: &Limits) -> u64 {
        share_of(LARGEST_STEP_BYTES, self.share()).max(limits.file_bytes)
    }

    /// The third dial: the pause after a step that took so long, such that steps have their share of the time.
    pub(super) fn pause(self, step: Duration) -> Duration {
        let factor = (1.0 - self.share()) / self.share();
        Duration::try_from_secs_f64(step.as_secs_f64() * factor).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE)
    }

    /// Decides how to go on.
    #[must_use]
    pub(super) fn next(self, seen: &Seen, limits: &Limits) -> Self {
        if let Some(reason) = self.space_first(seen, limits) {
            return Self { reason, ..self };
        }
        if seen.has_work
            && let Some((reason, to)) = holds_back(seen, limits)
        {
            return Self { learnt: (self.learnt * to).max(SLOWEST), reason };
        }
        self.return_by(seen)
    }

    /// Past a limit of debt space comes before the callers, until a good part is paid.
    fn space_first(self, seen: &Seen, limits: &Limits) -> Option<PacingReason> {
        let was_large = matches!(self.reason, PacingReason::DebtTooLarge { .. });
        let was_old = matches!(self.reason, PacingReason::DebtTooOld { .. });
        let left = |was: bool| if was { ENOUGH_PAID } else { 1.0 };
        let many = approximate(seen.live_bytes) * f64::from(limits.max_debt_percent) / 100.0 * left(was_large);
        let bytes = seen.debt_bytes;
        let is_large = bytes > SMALL_DEBT_BYTES && approximate(bytes) > many;
        let is_old = seen.debt_age > limits.max_debt_age.mul_f64(left(was_old));
        match (seen.has_work, is_large, is_old) {
            (true, true, _) => Some(PacingReason::DebtTooLarge { bytes }),
            (true, _, true) => Some(PacingReason::DebtTooOld { age: seen.debt_age }),
            _ => None,
        }
    }

    /// Returns bit by bit: with each verdict that callers do not feel it, or by time if nobody could.
    fn return_by(self, seen: &Seen) -> Self {
        let in_time = |whole: Duration| seen.elapsed.as_secs_f64() / whole.as_secs_f64();
        let by = match seen.callers {
            Callers::Silent => in_time(RETURN_WITHIN),
            _ if !seen.has_work => in_time(FORGET_WITHIN),
            Callers::Unmoved => FASTER,
            Callers::Undecided | Callers::Slower { .. } => 0.0,
        };
        let share = (self.learnt + by).min(1.0);
        let is_verdict = matches!(self.reason, PacingReason::ReadsSlower { .. } | PacingReason::WritesSlower { .. });
        let reason = if !seen.has_work {
            PacingReason::NothingToDo
        } else if share >= 1.0 && seen.callers == Callers::Silent {
            PacingReason::NobodyCalls
        } else if share >= 1.0 {
            PacingReason::Unfelt
        } else if by == 0.0 && is_verdict {
            self.reason
        } else {
            PacingReason::Returning
        };
        Self { learnt: share, reason }
    }
}

/// What speaks against going on like this, the gravest first, and to which share of the pace it leads.
fn holds_back(seen: &Seen, limits: &Limits) -> Option<(PacingReason, f64)> {
    let pressure = seen.pressure;
    let others = pressure.compactions.saturating_sub(seen.own_steps);
    if pressure.is_stopped {
        return Some((PacingReason::WritesStopped, 0.0));
    }
    if pressure.delayed_rate > 0 {
        return Some((PacingReason::WritesDelayed, 0.5));
    }
    if pressure.pending_compaction_bytes > PENDING_LIMIT_BYTES {
        return Some((PacingReason::CompactionsPending { bytes: pressure.pending_compaction_bytes }, 0.5));
    }
    if pressure.level0_files > LEVEL0_LIMIT_FILES {
        return Some((PacingReason::Level0Files { files: pressure.level0_files }, 0.5));
    }
    if others >= limits.compaction_threads {
        return Some((PacingReason::CompactionsRunning, 0.5));
    }
    let Callers::Slower { kind, percent } = seen.callers else {
        return None;
    };
    let reason = match kind {
        Kind::Read | Kind::ReadMany => PacingReason::ReadsSlower { percent },
        Kind::Write => PacingReason::WritesSlower { percent },
    };
    Some((reason, if percent >= MUCH_SLOWER_PERCENT { 0.25 } else { 0.5 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        workers: 4,
        file_bytes: 64 << 20,
        compaction_threads: 3,
        max_debt_percent: 100,
        max_debt_age: Duration::from_secs(600),
    };

    /// A look at which nothing happens, a second after the last one.
    fn quiet() -> Seen {
        Seen {
            elapsed: Duration::from_secs(1),
            has_work: true,
            pressure: Pressure::default(),
            own_steps: 0,
            callers: Callers::Undecided,
            debt_bytes: 1 << 30,
            live_bytes: 2 << 30,
            debt_age: Duration::ZERO,
        }
    }

    fn half() -> Pace {
        Pace { learnt: 0.5, reason: PacingReason::Returning }
    }

    #[test]
    fn each_thing_seen_leads_to_its_pace_and_its_reason() {
        use PacingReason as Reason;
        let pressed = |pressure| Seen { pressure, ..quiet() };
        let heard = |callers| Seen { callers, ..quiet() };
        let calm = Pressure::default();
        let reads = |percent| heard(Callers::Slower { kind: Kind::Read, percent });
        let gib = 1 << 30;
        let table = [
            ("undecided", quiet(), 0.5, Reason::Returning),
            ("unmoved", heard(Callers::Unmoved), 0.5 + FASTER, Reason::Returning),
            ("silent", heard(Callers::Silent), 1.0, Reason::NobodyCalls),
            ("nothing to do", Seen { has_work: false, ..quiet() }, 0.5 + 1.0 / 32.0, Reason::NothingToDo),
            ("stopped", pressed(Pressure { is_stopped: true, ..calm }), SLOWEST, Reason::WritesStopped),
            ("delayed", pressed(Pressure { delayed_rate: 1, ..calm }), 0.25, Reason::WritesDelayed),
            (
                "much to compact",
                pressed(Pressure { pending_compaction_bytes: 9 * gib, ..calm }),
                0.25,
                Reason::CompactionsPending { bytes: 9 * gib },
            ),
            ("many files", pressed(Pressure { level0_files: 13, ..calm }), 0.25, Reason::Level0Files { files: 13 }),
            ("all threads busy", pressed(Pressure { compactions: 3, ..calm }), 0.25, Reason::CompactionsRunning),
            (
                "busy with reclaiming itself",
                Seen { own_steps: 1, ..pressed(Pressure { compactions: 3, ..calm }) },
                0.5,
                Reason::Returning,
            ),
            ("reads slower", reads(30), 0.25, Reason::ReadsSlower { percent: 30 }),
            ("reads much slower", reads(100), 0.125, Reason::ReadsSlower { percent: 100 }),
            (
                "writes slower",
                heard(Callers::Slower { kind: Kind::Write, percent: 30 }),
                0.25,
                Reason::WritesSlower { percent: 30 },
            ),
            ("nothing to do, so it slows nobody", Seen { has_work: false, ..reads(30) }, 0.53125, Reason::NothingToDo),
            ("much debt", Seen { debt_bytes: 3 * gib, ..quiet() }, 1.0, Reason::DebtTooLarge { bytes: 3 * gib }),
            ("little debt of little", Seen { debt_bytes: 1 << 20, live_bytes: 0, ..quiet() }, 0.5, Reason::Returning),
            (
                "old debt, though writes are stopped",
                Seen { debt_age: Duration::from_secs(601), ..pressed(Pressure { is_stopped: true, ..calm }) },
                1.0,
                Reason::DebtTooOld { age: Duration::from_secs(601) },
            ),
        ];
        for (name, seen, share, reason) in table {
            let next = half().next(&seen, &LIMITS);
            assert_eq!((next.share(), next.reason), (share, reason), "{name}");
        }
    }

    #[test]
    fn it_backs_off_within_looks_and_never_stands_still() {
        let slower = Seen { callers: Callers::Slower { kind: Kind::Read, percent: 20 }, ..quiet() };
        let mut pace = Pace::FULL;
        for _ in 0..5 {
            pace = pace.next(&slower, &LIMITS);
        }
        assert_eq!(pace.share(), SLOWEST);
        assert_eq!(pace.next(&slower, &LIMITS).share(), SLOWEST);
        assert_eq!((pace.workers(&LIMITS), pace.step_bytes(&LIMITS)), (1, 64 << 20));
        assert_eq!(pace.pause(Duration::from_secs(1)), Duration::from_secs(31));
        assert_eq!(pace.pause(Duration::from_secs(100)), LONGEST_PAUSE);
        assert_eq!(pace.pause(Duration::MAX), LONGEST_PAUSE);
    }

    #[test]
    fn it_returns_slowly_while_callers_are_heard_and_within_seconds_when_they_are_gone() {
        let slowest = Pace { learnt: SLOWEST, reason: PacingReason::WritesStopped };
        let looks_until_full = |seen: &Seen| {
            let mut pace = slowest;
            (1..1000).find(|_| {
                pace = pace.next(seen, &LIMITS);
                pace.is_full()
            })
        };
        assert_eq!(looks_until_full(&Seen { callers: Callers::Unmoved, ..quiet() }), Some(31));
        let tick = Duration::from_millis(100);
        assert_eq!(looks_until_full(&Seen { callers: Callers::Silent, elapsed: tick, ..quiet() }), Some(20));
        assert_eq!(looks_until_full(&quiet()), None, "no verdict, no change");
    }

    #[test]
    fn a_full_pace_has_all_dials_open() {
        let full = Pace::FULL;
        assert_eq!((full.workers(&LIMITS), full.step_bytes(&LIMITS)), (4, LARGEST_STEP_BYTES));
        assert_eq!(full.pause(Duration::from_secs(5)), Duration::ZERO);
        assert_eq!(full.next(&quiet(), &LIMITS), Pace { learnt: 1.0, reason: PacingReason::Unfelt });
        let large_files = Limits { file_bytes: 1 << 30, workers: 1, ..LIMITS };
        assert_eq!((full.workers(&large_files), full.step_bytes(&large_files)), (1, 1 << 30));
    }

    #[test]
    fn the_floor_is_left_only_when_a_good_part_is_paid() {
        let seen =
            |debt_bytes| Seen { debt_bytes, callers: Callers::Slower { kind: Kind::Write, percent: 50 }, ..quiet() };
        let at_floor = half().next(&seen(3 << 30), &LIMITS);
        assert!(at_floor.is_full());
        let just_below = 2 << 30;
        assert!(at_floor.next(&seen(just_below), &LIMITS).is_full(), "it would begin anew at once");
        assert!(!half().next(&seen(just_below), &LIMITS).is_full());
        assert!(!at_floor.next(&seen(1 << 30), &LIMITS).is_full());
    }

    #[test]
    fn a_look_at_the_floor_forgets_nothing_of_what_callers_bear() {
        let owes = |debt_bytes| Seen { debt_bytes, ..quiet() };
        let slow = Pace { learnt: SLOWEST, reason: PacingReason::ReadsSlower { percent: 30 } };
        let at_floor = slow.next(&owes(3 << 30), &LIMITS).next(&owes(3 << 30), &LIMITS);
        assert_eq!((at_floor.pause(Duration::from_secs(1)), at_floor.workers(&LIMITS)), (Duration::ZERO, 4));
        assert!(at_floor.is_at_floor());
        let after = at_floor.next(&owes(0), &LIMITS);
        assert_eq!((after.pause(Duration::from_secs(1)), after.workers(&LIMITS)), (Duration::from_secs(31), 1));
        assert_eq!(after.reason, PacingReason::Returning);
    }

    #[test]
    fn a_reason_that_is_not_true_any_more_is_not_shown() {
        let delayed = Pace { learnt: 0.25, reason: PacingReason::WritesDelayed };
        assert_eq!(delayed.next(&quiet(), &LIMITS).reason, PacingReason::Returning);
        let felt = Pace { learnt: 0.25, reason: PacingReason::ReadsSlower { percent: 30 } };
        assert_eq!(felt.next(&quiet(), &LIMITS), felt, "until the next verdict");
    }
}
