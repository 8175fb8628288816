//! The wait after the last expiry: how long until the space is back, and until nothing moves any more.
//!
//! Uses the public handles. Invariant: it only waits. What it measures, the store's background did by itself.

use std::time::{Duration, Instant};

use super::Result;
use super::run::Run;
use super::watcher::{SAMPLE_EVERY, Sample, Timeline};

/// How long nothing may have moved before the store counts as quiet.
const QUIET: Duration = Duration::from_secs(3);
/// Of the peak of the data families, what may stay when the space counts as given back: one part in so many.
const LEFT_OVER_SHARE: u64 = 50;
/// What may stay of a run so small that its fiftieth is less than a few blocks of the file system.
const LEFT_OVER_BYTES: u64 = 4 * 4096;

/// How the wait ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settled {
    /// The last sample.
    pub(crate) sample: Sample,
    /// From the last expiry until 98% of the peak of the data families were back for good; none: not within the wait.
    pub(crate) seconds_to_freed: Option<f64>,
    /// From the last expiry until nothing had moved for a while (which is included).
    pub(crate) seconds_to_quiet: Option<f64>,
    /// Keys that the store still counts.
    pub(crate) keys_left: u64,
}

/// Waits until the last collection has died; returns when that was.
pub(crate) fn pass_last_expiry(run: &Run) -> Duration {
    run.progress.phase("waiting for the last expiry");
    run.times.pass_last_expiry();
    while run.store.time() < run.ledger.last_expiry() {
        std::thread::sleep(Duration::from_millis(5));
    }
    run.elapsed()
}

/// Waits until the space is back and nothing moves, at most as long as the run was told to.
pub(crate) fn settle(run: &Run, timeline: &Timeline, expired_at: Duration) -> Result<Settled> {
    run.progress.phase("waiting for the space of what expired");
    let limit = (timeline.peak(|sample| sample.data_bytes) / LEFT_OVER_SHARE).max(LEFT_OVER_BYTES);
    let (mut moved_at, mut last_seen) = (Instant::now(), None);
    let quiet = loop {
        std::thread::sleep(SAMPLE_EVERY);
        let stats = run.store.stats();
        let sample = timeline.look(run);
        let seen = Some((
            (stats.keys_reaped, stats.waiting_ids, stats.segments_retired),
            (stats.files_dropped, stats.compactions, stats.flushes, stats.range_deletions),
            (sample.disk.sst_bytes, sample.disk.log_bytes),
        ));
        if seen != last_seen {
            (moved_at, last_seen) = (Instant::now(), seen);
        }
        let done = sample.data_bytes <= limit && stats.waiting_ids == 0 && run.db.is_empty()?;
        if done && moved_at.elapsed() >= QUIET {
            break true;
        }
        if run.elapsed().saturating_sub(expired_at) >= run.asked.settle_wait {
            break false;
        }
    };
    let since_expiry = |at: Duration| at.saturating_sub(expired_at).as_secs_f64();
    let sample = timeline.look(run);
    Ok(Settled {
        seconds_to_freed: timeline.below_for_good(limit, expired_at).map(since_expiry),
        seconds_to_quiet: quiet.then(|| since_expiry(sample.at)),
        keys_left: run.db.len()?,
        sample,
    })
}
