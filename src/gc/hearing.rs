//! What is heard of the callers: how long their operations take while files are rewritten and while none is.
//!
//! Uses the spreads of latencies. Invariant: the verdict is on steps and their pauses together, because callers feel both.

use std::time::{Duration, Instant};

use super::latency::{Counts, Kind};
use super::pace::Callers;
use super::pins::Calling;
use super::spread::Spread;

/// Callers count as silent when no operation was begun or timed for so long and none is under way.
const SILENT_AFTER: Duration = Duration::from_secs(1);
/// The same while one is under way. WHY an end: it may be an iterator that somebody has left lying about.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(60);
/// The least time over which callers are judged.
const SHORTEST_TRIAL: Duration = Duration::from_secs(1);
/// The longest; where it has shown too few operations to say anything, none of them is taken to be slower.
const LONGEST_TRIAL: Duration = Duration::from_secs(90);
/// How much of what was heard without steps still counts after another look. It is half after some 70 looks, 7 s.
const FADE: f64 = 0.99;
/// What was heard without steps is believed for so long.
const HEARD_FOR: Duration = Duration::from_secs(30);

/// What is heard of the callers.
#[derive(Debug)]
pub(super) struct Hearing {
    counts: Box<Counts>,
    calling: Calling,
    /// When an operation was last begun or timed.
    heard_at: Option<Instant>,
    /// How long operations take while no step runs, by kind.
    idle: [Spread; Kind::COUNT],
    idle_at: Option<Instant>,
    /// How long they took since the last verdict.
    trial: [Spread; Kind::COUNT],
    trial_began: Instant,
    /// Whether a step ran in the trial.
    had_step: bool,
    /// Whether the pause behind a step of the trial is over.
    is_complete: bool,
}

impl Hearing {
    pub(super) fn new(counts: Counts, now: Instant) -> Self {
        Self {
            counts: Box::new(counts),
            calling: Calling::default(),
            heard_at: None,
            idle: Kind::ALL.map(|_| Spread::new()),
            idle_at: None,
            trial: Kind::ALL.map(|_| Spread::new()),
            trial_began: now,
            had_step: false,
            is_complete: false,
        }
    }

    /// Takes note that a step begins. Unless others run, what came before it has ended with its pause.
    pub(super) fn step_began(&mut self, others_run: bool) {
        self.is_complete |= self.had_step && !others_run;
        self.had_step = true;
    }

    /// Looks who calls. WHY not by what was timed alone: operations that hang are timed at their end.
    pub(super) fn notice(&mut self, calling: Calling, now: Instant) {
        if calling.operations != self.calling.operations {
            self.heard_at = Some(now);
        }
        self.calling = calling;
    }

    /// Listens to what was timed since the last look, `without_steps` if none ran meanwhile.
    pub(super) fn hear(&mut self, counts: &Counts, without_steps: bool, now: Instant) {
        if *self.counts == *counts {
            return;
        }
        self.heard_at = Some(now);
        if without_steps {
            self.idle_at = Some(now);
        }
        let tables = self.counts.iter().zip(counts);
        for ((before, after), (idle, trial)) in tables.zip(self.idle.iter_mut().zip(&mut self.trial)) {
            if without_steps {
                idle.fade(FADE);
                idle.add(before, after);
            }
            trial.add(before, after);
        }
        *self.counts = *counts;
    }

    /// Tells whether it is long ago that operations were heard without steps.
    pub(super) fn is_outdated(&self, now: Instant) -> bool {
        self.idle_at.is_none_or(|at| now.saturating_duration_since(at) >= HEARD_FOR)
    }

    /// Judges the trial if it is complete or `may_end` now, and begins the next one.
    pub(super) fn judge(&mut self, may_end: bool, step_runs: bool, now: Instant) -> Callers {
        let tried = now.saturating_duration_since(self.trial_began);
        if self.is_silent(now) {
            self.begin_trial(step_runs, now);
            return Callers::Silent;
        }
        // WHY an end: steps of several families may overlap without one.
        let is_complete = !self.had_step || may_end || self.is_complete || tried >= LONGEST_TRIAL;
        if tried < SHORTEST_TRIAL || !is_complete {
            return Callers::Undecided;
        }
        let verdict = match self.verdict() {
            _ if !self.had_step => Callers::Undecided,
            Callers::Undecided if tried < LONGEST_TRIAL => return Callers::Undecided,
            Callers::Undecided => Callers::Unmoved,
            verdict => verdict,
        };
        self.begin_trial(step_runs, now);
        verdict
    }

    fn is_silent(&self, now: Instant) -> bool {
        let after = if self.calling.in_flight { GIVEN_UP_AFTER } else { SILENT_AFTER };
        self.heard_at.is_none_or(|at| now.saturating_duration_since(at) >= after)
    }

    /// Begins to listen anew.
    pub(super) fn begin_trial(&mut self, step_runs: bool, now: Instant) {
        self.trial = Kind::ALL.map(|_| Spread::new());
        self.trial_began = now;
        self.had_step = step_runs;
        self.is_complete = false;
    }

    /// Compares the trial with what is heard without steps; the kind of operation that is slower by more counts.
    fn verdict(&self) -> Callers {
        let judged = Kind::ALL.into_iter().zip(self.trial.iter().zip(&self.idle));
        let judged = judged.filter_map(|(kind, (trial, idle))| Some((trial.slower_than(idle)?, kind)));
        match judged.max_by_key(|(percent, _)| *percent) {
            None => Callers::Undecided,
            Some((0, _)) => Callers::Unmoved,
            Some((percent, kind)) => Callers::Slower { kind, percent },
        }
    }
}
