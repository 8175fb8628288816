//! The background threads: reaper, watermark, reclaimer, the controller of its pace, and the one that saves the time and the
//! habits of keys and syncs the log for commits of `Interval` durability.
//!
//! May use the engine. Invariants (design, rule 11): a thread that fails or panics poisons the store with its
//! error and ends, unless it is that of a full disk; stopping wakes every thread and waits for it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, never, select};

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::failpoint;
use crate::gc::{LOOK_EVERY, Occasion};
use crate::options::Durability;

/// How often the store's time is saved, and the log synced for commits of `Interval` durability.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// A thread rests for so many times as long as its last round took before it hears its bell. WHY: news may never end, and a
/// round has its price for the callers, too.
const REST: u32 = 9;

/// How long a thread waits that has met a full disk. WHY it goes on at all: what is dead gives room back, and every round begins with what
/// the last one has not committed. Shorter: more lines in the log; longer: later space.
const FULL_DISK_PAUSE: Duration = Duration::from_secs(1);

/// The reaper's longest pause while somebody wants to know of keys that expire. WHY: what it promises is 100 ms; its step takes a
/// part of that, and so does a thread that wakes late.
const EXPIRED_WITHIN: Duration = Duration::from_millis(40);

/// The running threads of a store.
pub(crate) struct Background {
    /// Dropped to stop: every thread waits on the other end.
    stop: Sender<()>,
    threads: Vec<JoinHandle<()>>,
}

/// One thread's work.
struct Work {
    name: &'static str,
    /// Time between two rounds.
    pause: Duration,
    /// The longest pause there may be now, whatever it usually is.
    most: fn(&Engine) -> Duration,
    /// Calls for a round before its time.
    bell: Receiver<()>,
    /// Does one round; returns whether to go on without a pause.
    round: fn(&Engine, Call) -> Result<bool>,
}

/// Why a round is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Turn,
    Bell,
}

impl Background {
    /// Starts the threads.
    pub(super) fn start(engine: &Arc<Engine>) -> Result<Self> {
        let (stop, stopped) = bounded(0);
        let mut background = Self { stop, threads: Vec::new() };
        for work in works(engine) {
            match spawn(work, Arc::clone(engine), stopped.clone()) {
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

fn works(engine: &Engine) -> [Work; 5] {
    let options = &engine.options;
    let (reap_pause, pause) = (options.reap_interval, options.reclaim_interval);
    [
        Work {
            name: "windrow-reaper",
            pause: reap_pause,
            most: until_expired_is_told,
            bell: engine.heard.rung(),
            round: reap,
        },
        Work { name: "windrow-watermark", pause, most: any, bell: engine.much_buried.rung(), round: watermark },
        Work { name: "windrow-reclaim", pause, most: any, bell: engine.news.rung(), round: reclaim },
        Work { name: "windrow-pacing", pause: LOOK_EVERY, most: any, bell: never(), round: pace },
        Work { name: "windrow-sync", pause: SYNC_INTERVAL, most: any, bell: never(), round: sync },
    ]
}

fn spawn(work: Work, engine: Arc<Engine>, stopped: Receiver<()>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(work.name.to_owned()).spawn(move || {
        let (mut call, mut turn) = (Call::Turn, Instant::now());
        loop {
            let began = Instant::now();
            if call == Call::Turn {
                turn = began;
            }
            let more = match catch_unwind(AssertUnwindSafe(|| (work.round)(&engine, call))) {
                Ok(Ok(more)) => more,
                Ok(Err(cause)) if cause.kind() == ErrorKind::DiskFull => {
                    tracing::warn!(error = %cause, thread = work.name, "the disk is full; the work waits");
                    if stopped.recv_timeout(FULL_DISK_PAUSE) == Err(RecvTimeoutError::Disconnected) {
                        return;
                    }
                    call = Call::Turn;
                    continue;
                }
                Ok(Err(cause)) => return engine.fail(cause),
                Err(panic) => return engine.fail(panicked(panic.as_ref())),
            };
            let rest = if more { Duration::ZERO } else { began.elapsed() * REST };
            let pause = work.pause.min((work.most)(&engine));
            match wait(&work.bell, &stopped, (turn, pause), rest.min(pause), more) {
                Some(next) => call = next,
                None => return,
            }
        }
    })
}

fn any(_: &Engine) -> Duration {
    Duration::MAX
}

fn until_expired_is_told(engine: &Engine) -> Duration {
    if engine.events.is_heard() { EXPIRED_WITHIN } else { Duration::MAX }
}

impl Engine {
    /// Ends the store because a background task failed.
    fn fail(&self, cause: Error) {
        self.health.poison(cause);
        self.events.close();
    }
}

/// Waits for the next turn or the bell, which is not heard while the thread rests. None: the store is closing.
fn wait(
    bell: &Receiver<()>,
    stopped: &Receiver<()>,
    (turn, pause): (Instant, Duration),
    rest: Duration,
    more: bool,
) -> Option<Call> {
    if stopped.recv_timeout(rest) == Err(RecvTimeoutError::Disconnected) {
        return None;
    }
    let left = if more { Duration::ZERO } else { pause.saturating_sub(turn.elapsed()) };
    select! {
        recv(stopped) -> _ => None,
        recv(bell) -> _ => Some(if turn.elapsed() < pause { Call::Bell } else { Call::Turn }),
        default(left) => Some(Call::Turn),
    }
}

fn panicked(payload: &(dyn Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    Error::new(ErrorKind::Poisoned, format!("a background thread panicked: {}", text.unwrap_or_default()))
}

fn reap(engine: &Engine, _: Call) -> Result<bool> {
    failpoint!("background::reap", |_| Err(Error::new(crate::ErrorKind::Io, "failpoint background::reap")));
    Ok(engine.reap()?.more)
}

/// A thread of its own, so that a long compaction does not hold burials, flushed keyspaces and the log back.
fn watermark(engine: &Engine, _: Call) -> Result<bool> {
    engine.keep_log_short()?;
    Ok(engine.advance()?.walked)
}

fn reclaim(engine: &Engine, call: Call) -> Result<bool> {
    engine.reclaim(if call == Call::Bell { Occasion::News } else { Occasion::Turn })?;
    // WHY here: no pass is under way, for which it would wait.
    engine.save_history_in_turn();
    Ok(false)
}

/// A thread of its own, because a step of reclaiming may take long.
fn pace(engine: &Engine, _: Call) -> Result<bool> {
    engine.pace();
    Ok(false)
}

/// After a crash the store's time starts at most about a second before the last moment that anybody saw.
fn sync(engine: &Engine, _: Call) -> Result<bool> {
    let committed = engine.take_sync_wanted();
    let seen = engine.take_time_seen();
    if seen {
        engine.save_time(false)?;
    }
    if committed || (seen && engine.options.durability != Durability::Buffered) {
        engine.db.sync_log()?;
    }
    if let Some(learnt) = engine.habits.take_due() {
        engine.save_habits(&learnt);
    }
    Ok(false)
}
