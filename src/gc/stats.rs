//! What reclaiming has done and owes, as counters that its threads add to.
//!
//! May use `store`. Invariant: counters only grow; gauges show the last pass.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::store::{Database, Family};

/// Counters and gauges of reclaiming since open.
#[derive(Debug, Default)]
pub(crate) struct ReclaimCounters {
    pub(crate) files_dropped: AtomicU64,
    pub(crate) bytes_dropped: AtomicU64,
    pub(crate) range_deletions: AtomicU64,
    pub(crate) compactions: AtomicU64,
    /// What rewriting for the sake of the dead read and wrote.
    pub(crate) rewrite_read_bytes: AtomicU64,
    pub(crate) rewritten_bytes: AtomicU64,
    /// Small files that were merged with their neighbours.
    pub(crate) files_merged: AtomicU64,
    pub(crate) merged_bytes: AtomicU64,
    pub(crate) flushes: AtomicU64,
    pub(crate) segments_retired: AtomicU64,
    pub(crate) keys_reaped: AtomicU64,
    pub(crate) debt_ids: AtomicU64,
    pub(crate) debt_bytes: AtomicU64,
    pub(crate) waiting_bytes: AtomicU64,
    pub(crate) emptied_bytes: AtomicU64,
    debt_age_ms: AtomicU64,
}

/// A reading of [`ReclaimCounters`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) files_dropped: u64,
    pub(crate) bytes_dropped: u64,
    pub(crate) range_deletions: u64,
    pub(crate) compactions: u64,
    pub(crate) rewrite_read_bytes: u64,
    pub(crate) rewritten_bytes: u64,
    pub(crate) files_merged: u64,
    pub(crate) merged_bytes: u64,
    pub(crate) flushes: u64,
    pub(crate) segments_retired: u64,
    pub(crate) keys_reaped: u64,
    pub(crate) debt_ids: u64,
    pub(crate) debt_bytes: u64,
    pub(crate) waiting_bytes: u64,
    pub(crate) emptied_bytes: u64,
    pub(crate) debt_age: Duration,
}

impl ReclaimCounters {
    /// Adds to a counter.
    pub(crate) fn add(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }

    /// Compacts something of a family and counts what that read and wrote. Of two compactions of one family at once each counts both.
    ///
    /// The families `gc` and `default` have no filter, which counts: they are small, and only the number of compactions is known.
    pub(super) fn count_rewriting(&self, db: &Database, family: Family, compact: impl FnOnce()) {
        let before = db.asked_compaction_io(family);
        compact();
        let after = db.asked_compaction_io(family);
        Self::add(&self.rewrite_read_bytes, after.read_bytes - before.read_bytes);
        Self::add(&self.rewritten_bytes, after.written_bytes - before.written_bytes);
        Self::add(&self.compactions, 1);
    }

    /// Shows the debt that a pass found.
    pub(crate) fn set_debt(&self, ids: u64, bytes: u64, age: Duration) {
        self.debt_ids.store(ids, Ordering::Relaxed);
        self.debt_bytes.store(bytes, Ordering::Relaxed);
        self.debt_age_ms.store(u64::try_from(age.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Reads everything.
    pub(crate) fn totals(&self) -> Totals {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            files_dropped: read(&self.files_dropped),
            bytes_dropped: read(&self.bytes_dropped),
            range_deletions: read(&self.range_deletions),
            compactions: read(&self.compactions),
            rewrite_read_bytes: read(&self.rewrite_read_bytes),
            rewritten_bytes: read(&self.rewritten_bytes),
            files_merged: read(&self.files_merged),
            merged_bytes: read(&self.merged_bytes),
            flushes: read(&self.flushes),
            segments_retired: read(&self.segments_retired),
            keys_reaped: read(&self.keys_reaped),
            debt_ids: read(&self.debt_ids),
            debt_bytes: read(&self.debt_bytes),
            waiting_bytes: read(&self.waiting_bytes),
            emptied_bytes: read(&self.emptied_bytes),
            debt_age: Duration::from_millis(read(&self.debt_age_ms)),
        }
    }
}
