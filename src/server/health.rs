//! Whether the store can do what clients ask: a full disk, writes that RocksDB has stopped, a store that has failed.
//!
//! May use the store's condition and the table of commands. Invariant: a command is refused for the condition that the last look
//! found, before anything is done; what only reads is never refused here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::commands::{Answer, Known, Refusal};
use super::shared::Shared;

/// How often the store is looked at. Longer: more is written to a disk that runs full, and more connections wait for a stop of
/// writes before anybody knows of it. Shorter: more work when nothing happens; a look takes some 50 µs.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long RocksDB may let nobody write before writes are refused: a short stop is a part of its work.
const STALL_PATIENCE: Duration = Duration::from_secs(1);

/// How a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Condition {
    Well = 0,
    /// Little room is left on the disk: what may store more is refused.
    DiskLow = 1,
    /// RocksDB has let nobody write for some time: writes are refused.
    Stalled = 2,
    /// A background failure: the store refuses everything.
    Failed = 3,
}

impl Condition {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::DiskLow => "disk-low",
            Self::Stalled => "stalled",
            Self::Failed => "failed",
        }
    }

    fn of(number: u8) -> Self {
        match number {
            0 => Self::Well,
            1 => Self::DiskLow,
            2 => Self::Stalled,
            _ => Self::Failed,
        }
    }
}

/// What the last look has found.
#[derive(Debug, Default)]
pub(crate) struct Health {
    condition: AtomicU8,
    /// Why, in words; empty when all is well.
    why: Mutex<String>,
    /// Writes may wait for RocksDB.
    is_pressed: AtomicBool,
    free_bytes: AtomicU64,
    /// Requests that were refused here.
    refused: AtomicU64,
    /// The last error of the store that a client was told.
    last_error: Mutex<String>,
}

impl Health {
    pub(crate) fn condition(&self) -> Condition {
        Condition::of(self.condition.load(Ordering::Relaxed))
    }

    /// Whether a write may wait for RocksDB, so that others must not wait for its thread.
    pub(crate) fn is_pressed(&self) -> bool {
        self.is_pressed.load(Ordering::Relaxed)
    }

    pub(crate) fn why(&self) -> String {
        if self.condition() == Condition::Well { String::new() } else { self.why.lock().clone() }
    }

    pub(crate) fn free_bytes(&self) -> u64 {
        self.free_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn last_error(&self) -> String {
        self.last_error.lock().clone()
    }

    /// Remembers an answer that is an error of the store.
    pub(crate) fn note(&self, answer: &Answer) {
        if let Err(refusal) = answer
            && refusal.code() == "MISCONF"
        {
            self.remember(refusal);
        }
    }

    #[cold]
    fn remember(&self, refusal: &Refusal) {
        let mut last = self.last_error.lock();
        if *last != refusal.text() {
            tracing::error!(error = refusal.text(), "the store could not do what a client asked for");
            refusal.text().clone_into(&mut last);
        }
    }

    /// Refuses a command that the store's condition does not allow. A failed store refuses by itself, in the same words.
    pub(crate) fn check(&self, known: Known) -> Result<(), Refusal> {
        let is_refused = match self.condition() {
            Condition::Well | Condition::Failed => false,
            Condition::DiskLow => known.is_growing,
            Condition::Stalled => known.is_write,
        };
        if is_refused { Err(self.refusal()) } else { Ok(()) }
    }

    #[cold]
    fn refusal(&self) -> Refusal {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Refusal::new(format!("MISCONF {}", self.why.lock()))
    }

    fn set(&self, condition: Condition, why: &str) {
        // ORDER: the words first, so that nobody is refused without any. They stay when all is well again.
        if condition != Condition::Well {
            why.clone_into(&mut self.why.lock());
        }
        let before = self.condition.swap(condition as u8, Ordering::Relaxed);
        if before != condition as u8 {
            match condition {
                Condition::Well => tracing::warn!("the store takes everything again"),
                _ => tracing::error!("{why}"),
            }
        }
    }
}

/// The thread that looks. WHY no task: all threads of tasks may wait for RocksDB.
#[derive(Debug)]
pub(crate) struct Watchman {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Watchman {
    /// Looks once, and from then on.
    pub(crate) fn start(shared: Arc<Shared>) -> std::io::Result<Self> {
        let mut stopped_since = None;
        look(&shared, &mut stopped_since);
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("windrow-watch".to_owned())
            .spawn(move || watch(&shared, &stopped, stopped_since))?;
        Ok(Self { stop, thread })
    }

    pub(crate) fn stop(self) {
        drop(self.stop);
        // A panic in it has been told on standard error.
        let _ = self.thread.join();
    }
}

fn watch(shared: &Shared, stopped: &Receiver<()>, mut stopped_since: Option<Instant>) {
    while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        look(shared, &mut stopped_since);
    }
}

fn look(shared: &Shared, stopped_since: &mut Option<Instant>) {
    let health = &shared.health;
    let pressure = shared.store.pressure();
    health.is_pressed.store(pressure.is_stopped || pressure.delayed_rate > 0, Ordering::Relaxed);
    *stopped_since = pressure.is_stopped.then(|| stopped_since.unwrap_or_else(Instant::now));
    let free_bytes = free_bytes(shared);
    health.free_bytes.store(free_bytes, Ordering::Relaxed);
    let reserve = shared.options.disk_reserve_bytes;
    // WHY more to come back: else each deleted file would let a few writes in.
    let wanted = if health.condition() == Condition::DiskLow { reserve.saturating_add(reserve / 8) } else { reserve };
    if let Some(error) = shared.store.failure() {
        health.set(Condition::Failed, &format!("The store has failed and must be opened again: {error}"));
    } else if stopped_since.is_some_and(|since| since.elapsed() >= STALL_PATIENCE) {
        health.set(
            Condition::Stalled,
            "Writes have stopped until compactions have caught up: commands that write are refused, reads go on",
        );
    } else if free_bytes < wanted {
        health.set(
            Condition::DiskLow,
            &format!(
                "The disk is nearly full ({free_bytes} bytes are free, disk-reserve is {reserve}): commands that may store more are \
                 refused, reads and deletes go on"
            ),
        );
    } else {
        health.set(Condition::Well, "");
    }
}

/// What others may still write beside the store. Where nobody can say it, there is room.
fn free_bytes(shared: &Shared) -> u64 {
    rustix::fs::statvfs(shared.store.path()).map_or(u64::MAX, |found| found.f_bavail.saturating_mul(found.f_frsize))
}
