//! The controller: what it sees of the callers and of RocksDB steers how fast reclaiming rewrites.
//!
//! Uses the steps, the times of operations and the store's pressure. Invariants: nobody waits here, a step that may not begin
//! yet is left to a later pass; whoever settles is never refused.
//!
//! WHY a step is refused instead of put off by sleeping: a pass that slept would hold back what is free, the file drops of other
//! families, and the closing of the store.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::latency::{Kind, Latencies};
use super::pace::{Limits, Pace};
use super::pace_shown::Pacing;
use super::pins::Calling;
use super::reclaimer::ReclaimSettings;
use super::steps::{Sight, Steps};
use crate::store::Pressure;

pub(super) use super::turns::{Owed, Turn};

/// Time between two looks of the controller. WHY not less: each reads two properties of every family while there is work.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Calls that drop files in a row while reclaiming holds back. WHY not by the pace: they read and write no data, and make the
/// store smaller, which nothing else does for so little. WHY at all: each takes RocksDB's mutex and syncs its manifest, and
/// scattered runs make thousands. What is left follows in the next pass.
const DROP_CALLS: usize = 64;

/// Steers reclaiming.
#[derive(Debug)]
pub(crate) struct Pacer {
    latencies: Latencies,
    limits: Limits,
    state: Mutex<Steps>,
}

/// Marks a step until it is dropped.
pub(super) struct Step<'a> {
    pacer: &'a Pacer,
    began: Instant,
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.pacer.end(self.began, Instant::now());
    }
}

impl Pacer {
    pub(super) fn new(settings: &ReclaimSettings) -> Self {
        let limits = Limits {
            workers: settings.threads,
            file_bytes: settings.file_bytes,
            // RocksDB keeps a quarter of its threads for flushes.
            compaction_threads: u64::from(settings.background_threads - (settings.background_threads / 4).max(1)),
            max_debt_percent: settings.max_debt_percent,
            max_debt_age: settings.max_debt_age,
        };
        let latencies = Latencies::default();
        let state = Steps::new(latencies.counts(), Instant::now());
        Self { latencies, limits, state: Mutex::new(state) }
    }

    /// Does a caller's work on so many keys, and times it now and then.
    pub(crate) fn time<T>(&self, kind: Kind, keys: usize, work: impl FnOnce() -> T) -> T {
        self.latencies.time(kind, keys, work)
    }

    /// Returns how many families may be worked on at once.
    pub(super) fn workers(&self, eager: bool) -> usize {
        if eager { self.limits.workers } else { self.state.lock().pace.workers(&self.limits) }
    }

    /// Returns how many bytes of files one step may read; a single file may be larger.
    pub(super) fn step_bytes(&self, eager: bool) -> u64 {
        let pace = if eager { Pace::FULL } else { self.state.lock().pace };
        pace.step_bytes(&self.limits)
    }

    /// Returns how many calls that drop files may be made in a row.
    pub(super) fn drop_calls(&self, eager: bool) -> usize {
        if eager || self.state.lock().pace.is_full() { usize::MAX } else { DROP_CALLS }
    }

    /// Tells whether a step may begin now. Families take turns: while reclaiming holds back, whoever took the last step comes last.
    pub(super) fn offers(&self, turn: Turn, eager: bool) -> bool {
        eager || self.state.lock().offers(turn, Instant::now(), &self.limits)
    }

    /// Begins a step.
    pub(super) fn begin(&self, turn: Turn) -> Step<'_> {
        let began = Instant::now();
        self.state.lock().begin(turn);
        Step { pacer: self, began }
    }

    fn end(&self, began: Instant, now: Instant) {
        self.state.lock().end(now.saturating_duration_since(began), now);
    }

    /// Takes note of the debt that a pass found.
    pub(super) fn owe(&self, owed: Owed) {
        self.state.lock().work.owed = owed;
    }

    /// Begins a pass.
    pub(super) fn begin_pass(&self) {
        self.state.lock().work.begin_pass();
    }

    /// Ends a pass, in which everybody who has something to rewrite has asked.
    pub(super) fn end_pass(&self) {
        self.state.lock().end_pass(Instant::now());
    }

    /// Looks, and sets the pace; `store_now` is the store's time.
    pub(crate) fn look(&self, calling: Calling, store_now: Duration, pressure: impl FnOnce() -> Pressure) {
        let has_work = self.state.lock().has_work();
        // WHY outside of the lock, and only if there is work: it takes RocksDB's mutex.
        let pressure = if has_work { pressure() } else { Pressure::default() };
        let counts = self.latencies.counts();
        let sight = Sight { counts: &counts, calling, pressure, now: Instant::now(), store_now };
        self.state.lock().look(&sight, &self.limits);
    }

    /// Tells how fast reclaiming goes, and why.
    pub(crate) fn shown(&self) -> Pacing {
        self.state.lock().shown(&self.limits, Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gc::pace_shown::PacingReason;

    /// A pacer whose time and inputs the test makes up.
    struct Fake {
        pacer: Pacer,
        began: Instant,
        now: Instant,
        pressure: Pressure,
        calling: Calling,
    }

    impl Fake {
        fn new() -> Self {
            let settings = ReclaimSettings {
                threads: 2,
                compact_dead_percent: 60,
                file_bytes: 64 << 20,
                buffer_bytes: 32 << 20,
                background_threads: 4,
                max_debt_percent: 100,
                max_debt_age: Duration::from_secs(600),
            };
            let pacer = Pacer::new(&settings);
            let now = pacer.state.lock().looked_at;
            Self { pacer, began: now, now, pressure: Pressure::default(), calling: Calling::default() }
        }

        /// Lets a look's time pass in which reads take so long.
        fn look(&mut self, read: Option<Duration>) {
            self.now += LOOK_EVERY;
            for n in 0..100 {
                if let Some(read) = read {
                    self.pacer.latencies.record(Kind::Read, read + Duration::from_nanos(n));
                }
            }
            let counts = self.pacer.latencies.counts();
            let store_now = self.now - self.began;
            let sight =
                Sight { counts: &counts, calling: self.calling, pressure: self.pressure, now: self.now, store_now };
            self.pacer.state.lock().look(&sight, &self.pacer.limits);
        }

        fn looks(&mut self, count: u32, read: Option<Duration>) {
            (0..count).for_each(|_| self.look(read));
        }

        fn offers(&self, turn: usize) -> bool {
            self.pacer.state.lock().offers(Turn(turn), self.now, &self.pacer.limits)
        }

        fn begin(&self) {
            self.pacer.state.lock().begin(Turn(0));
        }

        fn end(&self, took: Duration) {
            self.pacer.state.lock().end(took, self.now);
        }

        fn end_pass(&self) {
            self.pacer.state.lock().end_pass(self.now);
            self.pacer.begin_pass();
        }

        /// A step of a second in which reads take so long, in a pass of its own.
        fn step(&mut self, read: Option<Duration>) {
            self.begin();
            self.looks(10, read);
            self.end(Duration::from_secs(1));
            self.end_pass();
        }

        fn shown(&self) -> Pacing {
            self.pacer.state.lock().shown(&self.pacer.limits, self.now)
        }
    }

    const FAST: Option<Duration> = Some(Duration::from_micros(10));
    const SLOW: Option<Duration> = Some(Duration::from_micros(15));

    #[test]
    fn steps_that_callers_feel_become_rarer_and_come_back_bit_by_bit_when_they_do_not() {
        let mut fake = Fake::new();
        fake.looks(20, FAST);
        assert_eq!((fake.shown().workers, fake.shown().pause), (2, Duration::ZERO));
        fake.step(SLOW);
        fake.look(SLOW);
        let felt = fake.shown();
        assert_eq!((felt.workers, felt.pause), (1, Duration::from_secs(1)), "{}", felt.reason);
        assert!(matches!(felt.reason, PacingReason::ReadsSlower { percent: 40..=60 }), "{}", felt.reason);
        // With pauses between the steps, and steps that nobody feels, it becomes faster, but not at once.
        for trial in 0..32 {
            assert!(trial >= 15 || fake.shown().pause > Duration::ZERO, "back to full pace after {trial} trials");
            fake.step(FAST);
            fake.looks(12, FAST);
        }
        assert_eq!((fake.shown().workers, fake.shown().pause), (2, Duration::ZERO), "{}", fake.shown().reason);
    }

    #[test]
    fn a_pause_is_refused_time_and_ends() {
        let mut fake = Fake::new();
        fake.looks(20, FAST);
        fake.begin();
        fake.looks(11, SLOW);
        fake.end(Duration::from_secs(1));
        fake.end_pass();
        assert!(!fake.offers(1));
        fake.looks(8, FAST);
        assert!(!fake.offers(1));
        fake.looks(4, FAST);
        assert!(fake.offers(1));
        assert!(!fake.offers(0), "it took the last step, and another may want one");
        fake.end_pass();
        assert!(fake.offers(0), "nobody else did");
    }

    #[test]
    fn stopped_writes_close_the_dials_at_once_and_a_silent_store_opens_them_within_seconds() {
        let mut fake = Fake::new();
        fake.step(None);
        fake.pressure.is_stopped = true;
        fake.look(FAST);
        let shown = fake.shown();
        assert_eq!((shown.workers, shown.pause, shown.bytes_per_step), (1, Duration::from_secs(31), 64 << 20));
        assert_eq!(shown.reason, PacingReason::WritesStopped);
        assert_eq!(fake.pacer.drop_calls(false), DROP_CALLS);
        fake.pressure.is_stopped = false;
        fake.looks(35, None);
        let shown = fake.shown();
        assert_eq!((shown.workers, shown.pause, shown.bytes_per_step), (2, Duration::ZERO, 256 << 20));
        assert!(fake.offers(0), "the pause that had begun is over, too");
        assert_eq!(fake.pacer.drop_calls(false), usize::MAX);
    }

    #[test]
    fn whoever_settles_is_never_refused() {
        let mut fake = Fake::new();
        fake.step(None);
        fake.pressure.is_stopped = true;
        fake.look(FAST);
        fake.step(FAST);
        assert!(!fake.offers(1));
        assert!(fake.pacer.offers(Turn(1), true));
        assert_eq!((fake.pacer.workers(true), fake.pacer.drop_calls(true)), (2, usize::MAX));
        assert_eq!(fake.pacer.step_bytes(true), 256 << 20);
    }

    #[test]
    fn a_moment_of_rest_is_made_to_hear_operations_without_steps() {
        let mut fake = Fake::new();
        fake.begin();
        fake.looks(10, SLOW);
        assert_eq!(fake.shown().pause, Duration::ZERO, "nobody is known to feel anything");
        fake.end(Duration::from_secs(1));
        fake.end_pass();
        assert!(!fake.offers(1));
        assert_eq!(fake.shown().reason, PacingReason::Listening);
        fake.looks(5, FAST);
        assert!(fake.offers(1));
        fake.step(SLOW);
        fake.look(SLOW);
        assert!(matches!(fake.shown().reason, PacingReason::ReadsSlower { .. }), "{}", fake.shown().reason);
    }

    #[test]
    fn debt_that_waits_too_long_comes_before_the_callers() {
        let mut fake = Fake::new();
        fake.looks(20, FAST);
        fake.pressure.delayed_rate = 1 << 20;
        fake.step(FAST);
        fake.looks(5, FAST);
        assert_eq!(fake.shown().reason, PacingReason::WritesDelayed);
        fake.pacer.owe(Owed {
            bytes: 1 << 20,
            live_bytes: 1 << 40,
            age: Duration::from_secs(10_000),
            at: Duration::ZERO,
        });
        // At the slowest pace there is a step now and then; the work never ends.
        for _ in 0..20 {
            fake.looks(311, FAST);
            fake.step(FAST);
        }
        assert!(matches!(fake.shown().reason, PacingReason::DebtTooOld { .. }), "{}", fake.shown().reason);
        assert_eq!((fake.shown().workers, fake.shown().pause), (2, Duration::ZERO));
    }

    #[test]
    fn work_has_ended_when_a_pass_in_which_all_were_asked_begins_no_step() {
        let mut fake = Fake::new();
        fake.looks(20, FAST);
        fake.step(FAST);
        assert!(fake.pacer.state.lock().has_work());
        fake.end_pass();
        assert!(!fake.pacer.state.lock().has_work());
        fake.looks(20, FAST);
        fake.begin();
        fake.looks(11, SLOW);
        fake.end(Duration::from_secs(1));
        fake.end_pass();
        assert!(!fake.offers(0));
        fake.end_pass();
        assert!(fake.pacer.state.lock().has_work(), "it is only the pause");
        fake.looks(11, FAST);
        assert!(!fake.offers(0));
        fake.end_pass();
        assert!(fake.pacer.state.lock().has_work(), "one was refused because it was not its turn");
        assert!(fake.offers(0));
        fake.end_pass();
        assert!(!fake.pacer.state.lock().has_work());
    }

    #[test]
    fn writes_that_are_stopped_are_the_reason_though_a_rest_was_due() {
        let mut fake = Fake::new();
        fake.begin();
        fake.pressure.is_stopped = true;
        fake.looks(100, FAST);
        fake.end(Duration::from_secs(10));
        fake.look(FAST);
        assert_eq!(fake.shown().reason, PacingReason::WritesStopped);
        // Nobody calls any more: the pause of a minute ends, as it was none for listening.
        fake.pressure.is_stopped = false;
        fake.looks(35, None);
        assert!(fake.offers(0), "{}", fake.shown().reason);
    }

    #[test]
    fn a_later_end_of_another_step_leaves_a_pause_as_long_as_it_was() {
        let mut fake = Fake::new();
        fake.step(None);
        fake.pressure.is_stopped = true;
        fake.look(FAST);
        fake.begin();
        fake.begin();
        fake.end(Duration::from_secs(1));
        fake.end(Duration::from_millis(10));
        fake.looks(300, FAST);
        assert!(!fake.offers(1), "a second's step is paused for 31");
        fake.looks(11, FAST);
        assert!(fake.offers(1));
    }

    #[test]
    fn callers_that_hang_are_neither_nobody_nor_unheard() {
        let mut fake = Fake::new();
        fake.looks(20, FAST);
        let mut slowed = false;
        for _ in 0..3 {
            fake.begin();
            // 100 callers, all of whom wait for more than a second at a time.
            for _ in 0..4 {
                fake.calling = Calling { operations: fake.calling.operations + 100, in_flight: true };
                fake.looks(11, None);
                assert_ne!(fake.shown().reason, PacingReason::NobodyCalls);
                fake.look(Some(Duration::from_millis(1200)));
            }
            fake.end(Duration::from_secs(5));
            fake.look(FAST);
            slowed |= matches!(fake.shown().reason, PacingReason::ReadsSlower { .. });
        }
        assert!(slowed, "{}", fake.shown().reason);
        // An iterator that lies about is nobody in the end.
        fake.begin();
        fake.looks(611, None);
        assert_eq!(fake.shown().reason, PacingReason::Returning, "{}", fake.shown().reason);
        fake.looks(30, None);
        assert_eq!(fake.shown().reason, PacingReason::NobodyCalls);
    }

    #[test]
    fn a_step_that_begins_beside_another_does_not_complete_a_trial() {
        let mut fake = Fake::new();
        fake.pressure.is_stopped = true;
        fake.step(FAST);
        fake.look(FAST);
        fake.pressure.is_stopped = false;
        fake.looks(320, FAST);
        let slowest = fake.shown().pause;
        fake.begin();
        fake.looks(6, FAST);
        fake.begin();
        fake.looks(20, SLOW);
        assert_eq!(fake.shown().reason, PacingReason::Returning, "no pause was heard yet");
        assert_eq!(fake.shown().pause, slowest);
    }

    #[test]
    fn steps_that_overlap_make_room_for_a_rest() {
        let mut fake = Fake::new();
        fake.begin();
        fake.begin();
        fake.looks(10, SLOW);
        fake.end(Duration::from_secs(1));
        assert!(!fake.offers(1), "the other one has to end, too");
        fake.looks(20, SLOW);
        assert!(!fake.offers(1));
        fake.end(Duration::from_secs(3));
        fake.looks(4, FAST);
        assert!(!fake.offers(1));
        assert_eq!(fake.shown().reason, PacingReason::Listening);
        fake.looks(2, FAST);
        assert!(fake.offers(1));
    }

    #[test]
    fn the_small_families_have_turns_of_their_own_behind_the_records() {
        let mut fake = Fake::new();
        fake.step(None);
        fake.pressure.is_stopped = true;
        fake.look(FAST);
        let offers = |fake: &Fake, turn| fake.pacer.state.lock().offers(turn, fake.now, &fake.pacer.limits);
        let mut turns = Vec::new();
        for _ in 0..5 {
            // All of them always want a step, and ask in this order.
            let asking = [Turn::EXPIRE, Turn::META, Turn::GC, Turn::DEFAULT];
            fake.looks(320, FAST);
            let turn = asking.into_iter().find(|turn| offers(&fake, *turn));
            if let Some(turn) = turn {
                fake.pacer.state.lock().begin(turn);
                fake.end(Duration::from_secs(1));
                turns.push(turn);
            }
            fake.end_pass();
        }
        assert_eq!(turns, [Turn::EXPIRE, Turn::META, Turn::GC, Turn::DEFAULT]);
    }
}
