//! Which steps may begin: what runs, what was paused, and what was seen when the controller last looked.
//!
//! Uses the pace, what is heard and what waits. Invariants: nobody waits here; pauses and rests are told apart, and a later end never
//! makes a pause shorter; time is the machine's own, as a caller feels it, but for the age of debt.

use std::time::{Duration, Instant};

use super::hearing::Hearing;
use super::latency::Counts;
use super::pace::{Callers, Limits, Pace, Seen};
use super::pace_shown::{Pacing, PacingReason};
use super::pins::Calling;
use super::turns::{Turn, Work};
use crate::store::Pressure;

/// How long the rest lasts: 2% of the time at the most.
const REST: Duration = Duration::from_millis(500);

/// What the controller sees at one look.
pub(super) struct Sight<'a> {
    pub(super) counts: &'a Counts,
    pub(super) calling: Calling,
    pub(super) pressure: Pressure,
    pub(super) now: Instant,
    /// The store's time.
    pub(super) store_now: Duration,
}

/// What changes.
#[derive(Debug)]
pub(super) struct Steps {
    pub(super) pace: Pace,
    pub(super) looked_at: Instant,
    /// Steps that run, and how many were ever begun; how many of these had been at the last look.
    running: usize,
    begun: u64,
    begun_at_look: u64,
    /// How long a step takes, on average.
    take: Duration,
    /// No step begins before this, by the pace.
    paused_until: Option<Instant>,
    /// Nor before this, so that operations are heard without steps.
    pub(super) rests_until: Option<Instant>,
    /// Whether such a rest is due as soon as no step runs.
    wants_rest: bool,
    last_turn: Option<Turn>,
    pub(super) work: Work,
    hearing: Hearing,
}

impl Steps {
    pub(super) fn new(counts: Counts, now: Instant) -> Self {
        Self {
            pace: Pace::FULL,
            looked_at: now,
            running: 0,
            begun: 0,
            begun_at_look: 0,
            take: Duration::ZERO,
            paused_until: None,
            rests_until: None,
            wants_rest: false,
            last_turn: None,
            work: Work::default(),
            hearing: Hearing::new(counts, now),
        }
    }

    pub(super) fn has_work(&self) -> bool {
        self.running > 0 || self.work.is_there()
    }

    fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }

    fn is_resting(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| now < until)
    }

    fn is_closed(&self, now: Instant) -> bool {
        self.is_paused(now) || self.is_resting(now)
    }

    pub(super) fn offers(&mut self, turn: Turn, now: Instant, limits: &Limits) -> bool {
        // WHY none beside others before a rest: they would overlap for ever, and none would be heard.
        let has_room = self.running < self.pace.workers(limits) && !(self.wants_rest && self.running > 0);
        let is_its_turn = self.pace.is_full() || self.last_turn.is_none_or(|last| turn > last);
        let offers = has_room && is_its_turn && !self.is_closed(now);
        if !offers {
            self.work.refused(turn);
        }
        offers
    }

    pub(super) fn begin(&mut self, turn: Turn) {
        self.hearing.step_began(self.running > 0);
        self.work.begun(turn);
        self.running += 1;
        self.begun += 1;
        self.last_turn = Some(turn);
    }

    pub(super) fn end(&mut self, took: Duration, now: Instant) {
        self.running = self.running.saturating_sub(1);
        self.take = if self.take.is_zero() { took } else { (self.take * 3 + took) / 4 };
        let pause = self.pace.pause(took);
        // The longer of two counts, and any instant is more than none.
        self.paused_until = self.paused_until.max(now.checked_add(pause));
        if self.running == 0 && std::mem::take(&mut self.wants_rest) && pause < REST {
            self.rests_until = now.checked_add(REST);
        }
    }

    /// Ends a pass. If nobody whose turn it was wanted a step, it is everybody's turn again.
    pub(super) fn end_pass(&mut self, now: Instant) {
        let nobody_began = self.work.end_pass();
        if nobody_began && self.running == 0 && !self.is_closed(now) {
            self.last_turn = None;
        }
    }

    fn judge(&mut self, sight: &Sight<'_>) -> Callers {
        let now = sight.now;
        let without_steps = self.running == 0 && self.begun == self.begun_at_look;
        self.hearing.notice(sight.calling, now);
        self.hearing.hear(sight.counts, without_steps, now);
        let may_end = self.pace.is_full() || (self.running == 0 && !self.is_closed(now));
        let callers = self.hearing.judge(may_end, self.running > 0, now);
        self.wants_rest = self.has_work() && self.hearing.is_outdated(now) && callers != Callers::Silent;
        callers
    }

    pub(super) fn look(&mut self, sight: &Sight<'_>, limits: &Limits) {
        let callers = self.judge(sight);
        self.work.look(sight.store_now);
        let seen = Seen {
            elapsed: sight.now.saturating_duration_since(self.looked_at),
            has_work: self.has_work(),
            pressure: sight.pressure,
            own_steps: u64::try_from(self.running).unwrap_or(u64::MAX),
            callers,
            debt_bytes: self.work.owed.bytes,
            live_bytes: self.work.owed.live_bytes,
            debt_age: self.work.age(sight.store_now),
        };
        let next = self.pace.next(&seen, limits);
        if next.reason != self.pace.reason {
            tracing::debug!(reason = %next.reason, "reclaiming changes its pace");
        }
        if next.is_full() {
            // A pause that was begun at a slower pace ends; a rest does not.
            self.paused_until = None;
        }
        if self.pace.is_at_floor() && !next.is_at_floor() {
            // What callers felt of the full pace says nothing of the one that comes back.
            self.hearing.begin_trial(self.running > 0, sight.now);
        }
        self.pace = next;
        self.looked_at = sight.now;
        self.begun_at_look = self.begun;
    }

    pub(super) fn shown(&self, limits: &Limits, now: Instant) -> Pacing {
        let rests = self.is_resting(now) && !self.is_paused(now);
        Pacing {
            workers: self.pace.workers(limits),
            bytes_per_step: self.pace.step_bytes(limits),
            pause: self.pace.pause(self.take),
            steps: self.begun,
            reason: if rests { PacingReason::Listening } else { self.pace.reason },
        }
    }
}
