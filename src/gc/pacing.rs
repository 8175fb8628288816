//! The controller: what it sees of the callers and of RocksDB steers how fast reclaiming rewrites.
//!
//! Uses the pace, the spreads of latencies and the store's pressure. Invariants: nobody waits here, a step that may not begin
//! yet is left to a later pass; whoever settles is never refused; time is the machine's own, as a caller feels it.
//!
//! WHY a step is refused instead of put off by sleeping: a pass that slept would hold back what is free, the file drops of other
//! families, and the closing of the store.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::hearing::Hearing;
use super::latency::{Counts, Kind, Latencies};
use super::pace::{Callers, Limits, Pace, Pacing, PacingReason, Seen};
use super::reclaimer::ReclaimSettings;
use crate::encoding::DataFamily;
use crate::store::Pressure;

/// Time between two looks of the controller. WHY not less: each reads two properties of every family while there is work.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the rest lasts: 2% of the time at the most.
const REST: Duration = Duration::from_millis(500);
/// Calls that drop files in a row while reclaiming holds back. WHY not by the pace: they read and write no data, and make the
/// store smaller, which nothing else does for so little. WHY at all: each takes RocksDB's mutex and syncs its manifest, and
/// scattered runs make thousands. What is left follows in the next pass.
const DROP_CALLS: usize = 64;

/// What may take a step in turn: a data family by its index, or one of those behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn(usize);

impl Turn {
    pub(super) fn of(family: DataFamily) -> Self {
        Self(family.index())
    }

    pub(super) const EXPIRE: Self = Self(usize::MAX - 1);
    pub(super) const META: Self = Self(usize::MAX);
}

/// What the last passes left to do.
#[derive(Debug, Default)]
struct Work {
    /// Since when there has always been something to rewrite.
    since: Option<Instant>,
    /// Whether a step was begun, and whether one was refused, in the pass under way.
    begun: bool,
    refused: bool,
    debt_bytes: u64,
    live_bytes: u64,
    debt_age: Duration,
    /// When these three were found: a pass may take long.
    owed_at: Option<Instant>,
}

/// What changes.
#[derive(Debug)]
struct State {
    pace: Pace,
    looked_at: Instant,
    /// Steps that run, and how many were ever begun; how many of these had been at the last look.
    running: usize,
    steps: u64,
    steps_at_look: u64,
    /// How long a step takes, on average.
    step_takes: Duration,
    /// No step begins before this.
    closed_until: Option<Instant>,
    /// Whether the next pause is long enough to hear how fast operations are without steps.
    wants_rest: bool,
    is_resting: bool,
    last_turn: Option<Turn>,
    work: Work,
    hearing: Hearing,
}

/// Steers reclaiming.
#[derive(Debug)]
pub(crate) struct Pacer {
    latencies: Latencies,
    limits: Limits,
    state: Mutex<State>,
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
        let now = Instant::now();
        let state = State {
            pace: Pace::FULL,
            looked_at: now,
            running: 0,
            steps: 0,
            steps_at_look: 0,
            step_takes: Duration::ZERO,
            closed_until: None,
            wants_rest: false,
            is_resting: false,
            last_turn: None,
            work: Work::default(),
            hearing: Hearing::new(latencies.counts(), now),
        };
        Self { latencies, limits, state: Mutex::new(state) }
    }

    /// Does a caller's work, and times it now and then.
    pub(crate) fn time<T>(&self, kind: Kind, work: impl FnOnce() -> T) -> T {
        self.latencies.time(kind, work)
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
        self.state.lock().begin(turn, began);
        Step { pacer: self, began }
    }

    fn end(&self, began: Instant, now: Instant) {
        self.state.lock().end(now.saturating_duration_since(began), now);
    }

    /// Takes note of the debt that a pass found.
    pub(super) fn owe(&self, debt_bytes: u64, live_bytes: u64, debt_age: Duration) {
        let work = &mut self.state.lock().work;
        (work.debt_bytes, work.live_bytes, work.debt_age) = (debt_bytes, live_bytes, debt_age);
        work.owed_at = Some(Instant::now());
    }

    /// Ends a pass, in which everybody who has something to rewrite has asked.
    pub(super) fn end_pass(&self) {
        self.state.lock().end_pass(Instant::now());
    }

    /// Looks, and sets the pace.
    pub(crate) fn look(&self, pressure: impl FnOnce() -> Pressure) {
        let has_work = self.state.lock().has_work();
        // WHY outside of the lock, and only if there is work: it takes RocksDB's mutex.
        let pressure = if has_work { pressure() } else { Pressure::default() };
        let counts = self.latencies.counts();
        self.state.lock().look(&counts, pressure, Instant::now(), &self.limits);
    }

    /// Tells how fast reclaiming goes, and why.
    pub(crate) fn shown(&self) -> Pacing {
        let state = self.state.lock();
        let is_resting = state.is_resting && state.closed_until.is_some_and(|until| Instant::now() < until);
        Pacing {
            workers: state.pace.workers(&self.limits),
            bytes_per_step: state.pace.step_bytes(&self.limits),
            pause: state.pace.pause(state.step_takes),
            steps: state.steps,
            reason: if is_resting { PacingReason::Listening } else { state.pace.reason },
        }
    }
}

impl State {
    fn has_work(&self) -> bool {
        self.running > 0 || self.work.since.is_some()
    }

    fn is_closed(&self, now: Instant) -> bool {
        self.closed_until.is_some_and(|until| now < until)
    }

    fn offers(&mut self, turn: Turn, now: Instant, limits: &Limits) -> bool {
        let has_room = self.running < self.pace.workers(limits) && !self.is_closed(now);
        let is_its_turn = self.pace.is_full() || self.last_turn.is_none_or(|last| turn > last);
        let offers = has_room && is_its_turn;
        self.work.refused |= !offers;
        offers
    }

    fn begin(&mut self, turn: Turn, now: Instant) {
        self.work.since.get_or_insert(now);
        self.running += 1;
        self.steps += 1;
        self.last_turn = Some(turn);
        self.work.begun = true;
        self.hearing.step_began();
    }

    fn end(&mut self, took: Duration, now: Instant) {
        self.running = self.running.saturating_sub(1);
        self.step_takes = if self.step_takes.is_zero() { took } else { (self.step_takes * 3 + took) / 4 };
        self.is_resting = std::mem::take(&mut self.wants_rest);
        let pause = self.pace.pause(took).max(if self.is_resting { REST } else { Duration::ZERO });
        self.closed_until = now.checked_add(pause);
    }

    fn end_pass(&mut self, now: Instant) {
        let Work { begun, refused, .. } = self.work;
        // Nobody whose turn it was wanted a step: now it is everybody's turn again, and if that was so already, all is done.
        let was_offered = !begun && !self.is_closed(now) && self.running == 0;
        if was_offered && (self.last_turn.take().is_none() || !refused) {
            self.work.since = None;
        }
        self.work.begun = false;
        self.work.refused = false;
    }

    fn judge(&mut self, counts: &Counts, now: Instant) -> Callers {
        let without_steps = self.running == 0 && self.steps == self.steps_at_look;
        self.hearing.hear(counts, without_steps, now);
        let may_end = self.pace.is_full() || (self.running == 0 && !self.is_closed(now));
        let callers = self.hearing.judge(may_end, self.running > 0, now);
        self.wants_rest |= self.has_work() && self.hearing.is_outdated(now) && callers != Callers::Silent;
        callers
    }

    fn look(&mut self, counts: &Counts, pressure: Pressure, now: Instant, limits: &Limits) {
        let callers = self.judge(counts, now);
        let waited = self.work.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        // WHY the lesser: old debt may lie where it is not worth a step yet, and young debt has come since the first of it was worth one.
        let since_found = self.work.owed_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let debt_age = self.work.debt_age.saturating_add(since_found);
        let debt_age = if self.work.debt_bytes > 0 { waited.min(debt_age) } else { waited };
        let seen = Seen {
            elapsed: now.saturating_duration_since(self.looked_at),
            has_work: self.has_work(),
            pressure,
            own_steps: u64::try_from(self.running).unwrap_or(u64::MAX),
            callers,
            debt_bytes: self.work.debt_bytes,
            live_bytes: self.work.live_bytes,
            debt_age,
        };
        let next = self.pace.next(&seen, limits);
        if next.reason != self.pace.reason {
            tracing::debug!(reason = %next.reason, "reclaiming changes its pace");
        }
        if next.is_full() {
            // A pause that was begun at a slower pace ends; a rest does not.
            self.closed_until = self.closed_until.filter(|_| self.is_resting);
        }
        self.pace = next;
        self.looked_at = now;
        self.steps_at_look = self.steps;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pacer whose time and inputs the test makes up.
    struct Fake {
        pacer: Pacer,
        now: Instant,
        pressure: Pressure,
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
            Self { pacer, now, pressure: Pressure::default() }
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
            self.pacer.state.lock().look(&counts, self.pressure, self.now, &self.pacer.limits);
        }

        fn looks(&mut self, count: u32, read: Option<Duration>) {
            (0..count).for_each(|_| self.look(read));
        }

        fn offers(&self, turn: usize) -> bool {
            self.pacer.state.lock().offers(Turn(turn), self.now, &self.pacer.limits)
        }

        fn begin(&self) {
            self.pacer.state.lock().begin(Turn(0), self.now);
        }

        fn end(&self, took: Duration) {
            self.pacer.state.lock().end(took, self.now);
        }

        fn end_pass(&self) {
            self.pacer.state.lock().end_pass(self.now);
        }

        /// A step of a second in which reads take so long, in a pass of its own.
        fn step(&mut self, read: Option<Duration>) {
            self.begin();
            self.looks(10, read);
            self.end(Duration::from_secs(1));
            self.end_pass();
        }

        fn shown(&self) -> Pacing {
            self.pacer.shown()
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
        assert!(fake.pacer.state.lock().is_resting);
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
        fake.pacer.owe(1 << 20, 1 << 40, Duration::from_secs(10_000));
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
}
