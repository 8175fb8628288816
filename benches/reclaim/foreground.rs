//! What callers feel meanwhile: one thread that reads and writes a few living keys of the same store, at a fixed rate or as
//! fast as it can.
//!
//! Uses the strategies' callers and the latencies. Invariant: an operation's time begins when it was due if the one before it took
//! so long that it could not begin in time, so that no stall hides operations. Where the thread woke late, what was due meanwhile is due
//! later by as much: it lowers the throughput and no operation counts as slow for it.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::latency::{Latencies, Pace};
use super::strategy::Callers;
use super::workload::mixed;

/// Keys that are read and written.
const KEYS: u64 = 1_000;
/// One operation of so many writes, the others read.
const WRITE_EVERY: u64 = 4;
/// Bytes of a value.
const VALUE_BYTES: usize = 100;

/// The thread's work, and what it found.
pub(crate) struct Foreground<'a> {
    callers: &'a dyn Callers,
    /// From one operation to the next; none: as fast as they go.
    interval: Option<Duration>,
    began: Instant,
    ended: AtomicBool,
    wrong: AtomicU64,
    operations: Mutex<Vec<Operation>>,
}

/// One operation: when it ended, since the run began, and how long it took. There may be tens of millions.
#[derive(Clone, Copy, Debug)]
struct Operation {
    ended_at_nanos: u64,
    took_nanos: u64,
}

impl<'a> Foreground<'a> {
    /// Writes the keys. `began` is when the run began, `rate` the operations of a second; 0: as many as go.
    pub(crate) fn new(callers: &'a dyn Callers, began: Instant, rate: u32) -> Self {
        for key in 0..KEYS {
            callers.write_living(key, &value(key, 0));
        }
        let (ended, wrong, operations) = (AtomicBool::new(false), AtomicU64::new(0), Mutex::default());
        let interval = Duration::from_secs(1).checked_div(rate);
        Self { callers, interval, began, ended, wrong, operations }
    }

    /// Operates until [`Foreground::end`] is called.
    pub(crate) fn work(&self) {
        let mut versions = vec![0; usize::try_from(KEYS).expect("few keys")];
        let mut due = Instant::now();
        let mut done: u64 = 0;
        while !self.ended.load(Ordering::Relaxed) {
            let early = due.saturating_duration_since(Instant::now());
            if !early.is_zero() {
                std::thread::sleep(early);
                due = Instant::now();
            }
            self.operate(done, &mut versions);
            let now = Instant::now();
            let (ended_at_nanos, took_nanos) = (nanos(now - self.began), nanos(now - due));
            self.operations.lock().expect("no operation failed").push(Operation { ended_at_nanos, took_nanos });
            due = self.interval.map_or(now, |interval| due + interval);
            done += 1;
        }
    }

    fn operate(&self, number: u64, versions: &mut [u64]) {
        let key = mixed(number) % KEYS;
        let version = &mut versions[usize::try_from(key).expect("few keys")];
        if number.is_multiple_of(WRITE_EVERY) {
            *version += 1;
            self.callers.write_living(key, &value(key, *version));
        } else if self.callers.read_living(key).is_none_or(|found| found != value(key, *version)) {
            self.wrong.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets the operations so far.
    pub(crate) fn forget(&self) {
        self.operations.lock().expect("no operation failed").clear();
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// How often something else was read than had been written.
    pub(crate) fn wrong(&self) -> u64 {
        self.wrong.load(Ordering::Relaxed)
    }

    /// Sums up the operations that ended in a stretch of the run; none without any.
    pub(crate) fn pace(&self, stretch: &Range<Duration>) -> Option<Pace> {
        let (mut latencies, stretch_nanos) = (Latencies::new(), nanos(stretch.start)..nanos(stretch.end));
        for operation in &*self.operations.lock().expect("no operation failed") {
            if stretch_nanos.contains(&operation.ended_at_nanos) {
                latencies.record(Duration::from_nanos(operation.took_nanos));
            }
        }
        (latencies.count() > 0).then(|| latencies.pace(stretch.end - stretch.start))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The value of a key, different for each version.
fn value(key: u64, version: u64) -> Vec<u8> {
    let mut value = vec![0; VALUE_BYTES];
    value[..8].copy_from_slice(&key.to_be_bytes());
    value[8..16].copy_from_slice(&version.to_be_bytes());
    value
}
