//! Giving the write-ahead log's space back when nobody writes.
//!
//! May use `store`. Invariant: it flushes only when no commit was made for a while, or when asked to.
//!
//! WHY: RocksDB keeps a log file until every family with a record in it has been flushed. Under load that
//! happens by itself, up to `max_log_bytes`; a store that falls quiet would keep the last log for ever,
//! which can be more than all its data.

use std::sync::Arc;

use super::reclaimer::PassOutcome;
use super::stats::ReclaimCounters;
use crate::error::Result;
use crate::store::Database;

/// Passes without a commit after which the store counts as quiet.
const QUIET_PASSES: u32 = 5;
/// Logs below this are left alone. WHY: a flush makes a file in every family that has something to flush.
const WORTH_FLUSHING_BYTES: u64 = 16 << 20;
/// The same for whoever asks for everything that can be given back.
const WORTH_FLUSHING_EAGERLY_BYTES: u64 = 1 << 20;

/// What the last passes saw.
#[derive(Debug, Default)]
pub(super) struct QuietLog {
    last_commit: u64,
    quiet_passes: u32,
}

impl QuietLog {
    /// Takes a commit of the store's own for none: the saving of its time.
    pub(super) fn overlook(&mut self, before: u64, after: u64) {
        if self.last_commit == before {
            self.last_commit = after;
        }
    }

    /// Flushes every family if the store is quiet and its log is large.
    pub(super) fn pass(&mut self, db: &Arc<Database>, counters: &ReclaimCounters, eager: bool) -> Result<PassOutcome> {
        let last_commit = db.last_commit();
        self.quiet_passes = if last_commit == self.last_commit { self.quiet_passes.saturating_add(1) } else { 0 };
        self.last_commit = last_commit;
        // Looked at once in each quiet time: the flush itself is no commit.
        let worth = match (eager, self.quiet_passes) {
            (true, 1..) => WORTH_FLUSHING_EAGERLY_BYTES,
            (_, QUIET_PASSES) => WORTH_FLUSHING_BYTES,
            _ => return Ok(PassOutcome::default()),
        };
        if db.log_file_bytes()? < worth {
            return Ok(PassOutcome::default());
        }
        db.flush_all()?;
        ReclaimCounters::add(&counters.flushes, 1);
        Ok(PassOutcome::ACTED)
    }
}
