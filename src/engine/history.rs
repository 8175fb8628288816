//! What reclaiming has done over all sessions, and the file in which that survives.
//!
//! May use the reclaimer and the directory. Invariant: whatever the file says, only figures and the time of rewriting depend on it.

use std::time::{Duration, Instant};

use crate::encoding::{HistoryFile, UnixMillis};
use crate::engine::{Engine, Stats};
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::gc::{Epoch, ReclaimCounters};

/// Time from one save to the next. Longer: more is lost by a crash. Shorter: the file, mostly of a few kilobytes, is written and
/// synced more often.
const SAVE_EVERY: Duration = Duration::from_secs(60);

/// What reclaiming has done in all, over every session of the store: the same counters as in [`Stats`], which count since open.
///
/// They are saved once a minute and when the store is closed, so a crash loses up to a minute of them. A
/// [checkpoint](crate::Store::checkpoint) begins anew.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("s");
/// use std::time::Duration;
/// for _ in 0..3 {
///     let store = windrow::Store::open(&path)?;
///     store.db(0).lists().push_right("jobs", ["job"; 1000])?;
///     store.db(0).delete(["jobs"])?;
///     store.settle(Duration::from_secs(10))?;
///     store.close()?;
/// }
/// let stats = windrow::Store::open(&path)?.stats();
/// assert_eq!(stats.flushes, 0, "since open");
/// assert!(stats.in_all.flushes >= 3);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReclaimTotals {
    /// When counting began: at the store's creation, or when it was first opened without a readable `HISTORY` file.
    pub since: UnixMillis,
    /// Keys that expired and were given back.
    pub keys_reaped: u64,
    /// SST files unlinked unread.
    pub files_dropped: u64,
    /// Their bytes.
    pub bytes_dropped: u64,
    /// Ranges deleted with a tombstone.
    pub range_deletions: u64,
    /// Compactions that reclaiming asked for.
    pub compactions: u64,
    /// Bytes read to free dead data from among the living.
    pub rewrite_read_bytes: u64,
    /// Bytes written again for that.
    pub rewritten_bytes: u64,
    /// Small SST files merged with their neighbours.
    pub files_merged: u64,
    /// Their bytes.
    pub merged_bytes: u64,
    /// Flushes that reclaiming asked for.
    pub flushes: u64,
    /// Segments proven empty and retired.
    pub segments_retired: u64,
    /// Entries that filters removed from the data families.
    pub entries_filtered: u64,
}

impl ReclaimTotals {
    /// In the order of `docs/format.md`.
    fn counters(&self) -> [u64; HistoryFile::COUNTERS] {
        [
            self.keys_reaped,
            self.files_dropped,
            self.bytes_dropped,
            self.range_deletions,
            self.compactions,
            self.rewrite_read_bytes,
            self.rewritten_bytes,
            self.files_merged,
            self.merged_bytes,
            self.flushes,
            self.segments_retired,
            self.entries_filtered,
        ]
    }

    fn of(since: UnixMillis, counters: [u64; HistoryFile::COUNTERS]) -> Self {
        let [
            keys_reaped,
            files_dropped,
            bytes_dropped,
            range_deletions,
            compactions,
            rewrite_read_bytes,
            rewritten_bytes,
            files_merged,
            merged_bytes,
            flushes,
            segments_retired,
            entries_filtered,
        ] = counters;
        Self {
            since,
            keys_reaped,
            files_dropped,
            bytes_dropped,
            range_deletions,
            compactions,
            rewrite_read_bytes,
            rewritten_bytes,
            files_merged,
            merged_bytes,
            flushes,
            segments_retired,
            entries_filtered,
        }
    }

    /// Adds what this session has done.
    pub(super) fn and(self, session: &Stats) -> Self {
        let now = Self {
            since: self.since,
            keys_reaped: session.keys_reaped,
            files_dropped: session.files_dropped,
            bytes_dropped: session.bytes_dropped,
            range_deletions: session.range_deletions,
            compactions: session.compactions,
            rewrite_read_bytes: session.rewrite_read_bytes,
            rewritten_bytes: session.rewritten_bytes,
            files_merged: session.files_merged,
            merged_bytes: session.merged_bytes,
            flushes: session.flushes,
            segments_retired: session.segments_retired,
            entries_filtered: session.entries_filtered,
        };
        let (before, now) = (self.counters(), now.counters());
        let mut sums = before.into_iter().zip(now).map(|(before, now)| before.saturating_add(now));
        Self::of(self.since, std::array::from_fn(|_| sums.next().unwrap_or(0)))
    }
}

/// What this session knows of those before it.
pub(super) struct History {
    epoch: Epoch,
    before: ReclaimTotals,
    /// The file as it was last read or saved.
    saved: Vec<u8>,
    saved_at: Instant,
}

impl History {
    /// Begins the history of a store that has none, at this time, which is this moment of the monotonic clock.
    pub(super) fn begin(time: UnixMillis, moment: Duration) -> Self {
        Self {
            epoch: Epoch::new(time, moment),
            before: ReclaimTotals { since: time, ..ReclaimTotals::default() },
            saved: Vec::new(),
            saved_at: Instant::now(),
        }
    }
}

impl Engine {
    /// Takes in what the sessions before this one left. What cannot be read is counted, and begins anew.
    pub(super) fn restore_history(&self) -> Result<()> {
        let bytes = match self.directory.read_history() {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(()),
            Err(error) => {
                tracing::warn!(%error, "what reclaiming has done so far cannot be read");
                return Ok(());
            }
        };
        match HistoryFile::decode(&bytes) {
            Ok(file) => {
                let mut history = self.history.lock();
                history.before = ReclaimTotals::of(file.since(), file.counters());
                history.saved = bytes;
                self.reclaimer.restore(&file, history.epoch)?;
            }
            Err(error) => {
                tracing::warn!(%error, "what reclaiming has done so far is lost");
                ReclaimCounters::add(&self.filters.undecodable, 1);
            }
        }
        Ok(())
    }

    /// Returns what was done before this session.
    pub(super) fn done_before(&self) -> ReclaimTotals {
        self.history.lock().before
    }

    /// Saves the history, if it is time for it.
    pub(super) fn save_history_in_turn(&self) {
        failpoint!("history::in_turn", |_| self.save_history());
        if self.history.lock().saved_at.elapsed() >= SAVE_EVERY {
            self.save_history();
        }
    }

    /// Saves the history, if there is anything new. A failure costs what has happened since, and no more.
    pub(super) fn save_history(&self) {
        let epoch = {
            let mut history = self.history.lock();
            history.saved_at = Instant::now();
            history.epoch
        };
        // WHY outside of the lock: a reading of the statistics would wait for a pass, and for the disk.
        let totals = self.counted().in_all;
        let bytes = HistoryFile::new(totals.since, totals.counters(), self.reclaimer.history(epoch)).encode();
        if bytes == self.history.lock().saved {
            return;
        }
        match self.directory.write_history(&bytes) {
            Ok(()) => self.history.lock().saved = bytes,
            Err(error) => tracing::warn!(%error, "what reclaiming has done so far cannot be saved"),
        }
    }
}
