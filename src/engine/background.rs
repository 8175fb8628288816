//! The background threads: reaper, watermark, reclaimer, the controller of its pace, and the one that saves the time and syncs the log for
//! commits of `Interval` durability.
//!
//! May use the engine. Invariants (design, rule 11): a thread that fails or panics poisons the store with its
//! error and ends; stopping wakes every thread and waits for it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::failpoint;
use crate::gc::LOOK_EVERY;
use crate::options::Durability;

/// How often the store's time is saved, and the log synced for commits of `Interval` durability.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// The running threads of a store.
pub(crate) struct Background {
    /// Dropped to stop: every thread waits on the other end.
    stop: Sender<()>,
    threads: Vec<JoinHandle<()>>,
}

/// Does one round of a thread's work; returns whether to go on without a pause.
type Round = fn(&Engine) -> Result<bool>;

impl Background {
    /// Starts the threads.
    pub(super) fn start(engine: &Arc<Engine>) -> Result<Self> {
        let (stop, stopped) = bounded(0);
        let mut background = Self { stop, threads: Vec::new() };
        let options = &engine.options;
        let work: [(&str, Duration, Round); 5] = [
            ("windrow-reaper", options.reap_interval, reap),
            ("windrow-watermark", options.reclaim_interval, watermark),
            ("windrow-reclaim", options.reclaim_interval, reclaim),
            ("windrow-pacing", LOOK_EVERY, pace),
            ("windrow-sync", SYNC_INTERVAL, sync),
        ];
        for (name, pause, round) in work {
            match spawn(name, pause, round, Arc::clone(engine), stopped.clone()) {
                Ok(thread) => background.threads.push(thread),
                Err(error) => {
                    background.stop();
                    return Err(Error::io("cannot start a thread", error));
                }
            }
        }
        Ok(background)
    }

    /// Stops the threads and waits for them.
    pub(super) fn stop(self) {
        drop(self.stop);
        for thread in self.threads {
            // A panic in the thread has poisoned the store already.
            let _ = thread.join();
        }
    }
}

fn spawn(
    name: &str,
    pause: Duration,
    round: Round,
    engine: Arc<Engine>,
    stopped: Receiver<()>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        loop {
            let more = match catch_unwind(AssertUnwindSafe(|| round(&engine))) {
                Ok(Ok(more)) => more,
                Ok(Err(cause)) => return engine.health.poison(cause),
                Err(panic) => return engine.health.poison(panicked(panic.as_ref())),
            };
            let wait = if more { Duration::ZERO } else { pause };
            if stopped.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    })
}

fn panicked(payload: &(dyn Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    Error::new(ErrorKind::Poisoned, format!("a background thread panicked: {}", text.unwrap_or_default()))
}

fn reap(engine: &Engine) -> Result<bool> {
    failpoint!("background::reap", |_| Err(Error::new(crate::ErrorKind::Io, "failpoint background::reap")));
    Ok(engine.reap()?.more)
}

/// A thread of its own, so that a long compaction does not hold burials, flushed keyspaces and the log back.
fn watermark(engine: &Engine) -> Result<bool> {
    engine.keep_log_short()?;
    Ok(engine.advance()?.walked)
}

fn reclaim(engine: &Engine) -> Result<bool> {
    engine.reclaim(false)?;
    Ok(false)
}

/// A thread of its own, because a step of reclaiming may take long.
fn pace(engine: &Engine) -> Result<bool> {
    engine.pace();
    Ok(false)
}

/// After a crash the store's time starts at most about a second before the last moment that anybody saw.
fn sync(engine: &Engine) -> Result<bool> {
    let committed = engine.take_sync_wanted();
    let seen = engine.take_time_seen();
    if seen {
        engine.save_time(false)?;
    }
    if committed || (seen && engine.options.durability != Durability::Buffered) {
        engine.db.sync_log()?;
    }
    Ok(false)
}
