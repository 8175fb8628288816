//! The driver: one caller that sets and gets as the mix says, and lets its time pass.
//!
//! Uses the mix, the model and a store. Invariant: a store's answer is compared with the model at every get: whether the key
//! lives always, its bytes now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::keys::Keys;
use super::mix::Mix;
use super::model::{Model, Rank};
use super::plan::Plan;
use super::store::Churned;
use super::time::{MixClock, millis};
use crate::latency::Latencies;

/// One value in so many gets is compared byte by byte.
const COMPARE_EVERY: u64 = 16;
/// So many of the living keys are read at the end.
const READ_BACK: u64 = 10_000;
const FAULTS_SHOWN: usize = 5;

/// What stands between the mix and a store.
pub(crate) struct Driver<'a> {
    mix: &'static Mix,
    plan: Plan,
    store: &'a dyn Churned,
    clock: &'a MixClock,
    live_bytes: &'a Arc<AtomicU64>,
    pub(crate) model: Model,
    pub(crate) seen: Seen,
    keys: Keys,
    random: fastrand::Rng,
    /// The value that is written, the one that was read, and the one that should have been.
    values: [Vec<u8>; 3],
}

/// What the callers saw.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) sets: Latencies,
    pub(crate) gets: Latencies,
    /// Gets that found their key.
    pub(crate) hits: u64,
    pub(crate) compared: u64,
    pub(crate) fault_count: u64,
    pub(crate) faults: Vec<String>,
    /// Time spent in the store's calls.
    pub(crate) in_calls: Duration,
    /// Bytes of keys and values that were set, from the beginning.
    pub(crate) user_bytes: u64,
}

impl<'a> Driver<'a> {
    pub(crate) fn new(plan: Plan, store: &'a dyn Churned, clock: &'a MixClock, live_bytes: &'a Arc<AtomicU64>) -> Self {
        let mix = plan.mix;
        let seen = Seen {
            sets: Latencies::new(),
            gets: Latencies::new(),
            hits: 0,
            compared: 0,
            fault_count: 0,
            faults: Vec::new(),
            in_calls: Duration::ZERO,
            user_bytes: 0,
        };
        Self {
            mix,
            plan,
            store,
            clock,
            live_bytes,
            model: Model::new(mix, plan.keys),
            seen,
            keys: plan.keys(),
            random: fastrand::Rng::with_seed(0x5eed),
            values: Default::default(),
        }
    }

    /// Lives through the time before the load: its sets alone, because gets change nothing.
    pub(crate) fn history(&mut self) {
        let nanos = self.plan.nanos_between_sets();
        let forgotten_millis = (self.plan.forgotten_sets as f64 * nanos / 1e6) as u64;
        for _ in 0..self.plan.history_sets {
            self.pass(nanos);
            let (rank, life) = self.next_set();
            if self.model.now() + millis(life) >= forgotten_millis {
                self.set(rank, life);
            }
        }
        (self.seen.sets, self.seen.in_calls) = (Latencies::new(), Duration::ZERO);
    }

    /// Sets and gets.
    pub(crate) fn load(&mut self) {
        let nanos = self.plan.nanos_between_sets() * self.mix.set_share;
        for _ in 0..self.plan.operations {
            self.pass(nanos);
            if self.random.f64() < self.mix.set_share {
                let (rank, life) = self.next_set();
                self.set(rank, life);
            } else {
                self.get();
            }
        }
    }

    /// Reads some of what lives, from all places.
    pub(crate) fn read_back(&mut self) {
        let every = (self.model.living() / READ_BACK).max(1) as usize;
        let some: Vec<_> = self.model.all_living().step_by(every).collect();
        for (rank, version, _) in some {
            let [_, found, right] = &mut self.values;
            let exists = self.store.get(&self.model.key(rank), found);
            self.model.fill_value(rank, version, right);
            let is_right = exists && found == right;
            self.note(rank, exists, Some(version), is_right);
            self.seen.compared += 1;
        }
    }

    fn pass(&mut self, nanos: f64) {
        self.clock.advance(nanos as u64);
        self.model.pass_to(millis(self.clock.passed()));
        self.live_bytes.store(self.model.live_bytes(), Ordering::Relaxed);
    }

    fn next_set(&mut self) -> (Rank, Duration) {
        let (rank, kind) = self.keys.draw(&mut self.random);
        (rank, self.mix.life(kind, &mut self.random))
    }

    fn set(&mut self, rank: Rank, life: Duration) {
        let key = self.model.key(rank);
        let version = self.model.set(rank, millis(life));
        let [value, ..] = &mut self.values;
        self.model.fill_value(rank, version, value);
        let began = Instant::now();
        self.store.set(&key, value, life);
        let took = began.elapsed();
        self.seen.sets.record(took);
        self.seen.in_calls += took;
        self.seen.user_bytes += self.mix.pair_bytes();
    }

    fn get(&mut self) {
        let (rank, _) = self.keys.draw(&mut self.random);
        let key = self.model.key(rank);
        let [_, found, right] = &mut self.values;
        let began = Instant::now();
        let exists = self.store.get(&key, found);
        let took = began.elapsed();
        self.seen.gets.record(took);
        self.seen.in_calls += took;
        self.seen.hits += u64::from(exists);
        let version = self.model.version(rank);
        let mut is_right = exists == version.is_some();
        if let Some(version) = version
            && self.seen.hits.is_multiple_of(COMPARE_EVERY)
        {
            self.model.fill_value(rank, version, right);
            is_right &= found == right;
            self.seen.compared += 1;
        }
        self.note(rank, exists, version, is_right);
    }

    fn note(&mut self, rank: Rank, exists: bool, version: Option<u32>, is_right: bool) {
        if is_right {
            return;
        }
        self.seen.fault_count += 1;
        if self.seen.faults.len() < FAULTS_SHOWN {
            let what = if exists { "was found" } else { "was not found" };
            self.seen.faults.push(format!("key {rank} {what}; in the model it has version {version:?}"));
        }
    }
}

/// Writes what lives to a store that holds nothing else.
pub(crate) fn write_living(mix: &Mix, model: &Model, store: &dyn Churned) {
    let mut value = Vec::with_capacity(mix.value_bytes);
    for (rank, version, left) in model.all_living() {
        model.fill_value(rank, version, &mut value);
        store.set(&model.key(rank), &value, Duration::from_millis(left));
    }
}
