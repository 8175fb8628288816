//! Keeping the write-ahead log short: under load below its limit, and next to nothing when nobody writes.
//!
//! May use `store` and the births. Invariant: it flushes only when the log is long, or when asked to.
//!
//! WHY: RocksDB keeps a log file until every family with a record in it has been flushed. Under load it sees to that
//! by itself at `max_log_bytes`, at a moment when a birth may be under way: what was cut there is merged again,
//! 90 MiB each time. A store that falls quiet would keep the last log for ever, which can be more than all its data.

use parking_lot::Mutex;

use super::reclaimer::PassOutcome;
use super::stats::ReclaimCounters;
use crate::births::Births;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::store::{Database, Family};

/// Passes without a commit after which the store counts as quiet.
const QUIET_PASSES: u32 = 5;
/// Passes without a commit after which it is very quiet.
const VERY_QUIET_PASSES: u32 = 50;
/// Logs above this are flushed as soon as the store is quiet. WHY not shorter ones: a flush makes a file in every family that has something to flush.
const WORTH_FLUSHING_BYTES: u64 = 16 << 20;
/// The same for whoever asks for everything that can be given back.
const WORTH_FLUSHING_EAGERLY_BYTES: u64 = 1 << 20;
/// Logs below this are left alone in any case: what is flushed takes a file of some KiB in each family.
const NEVER_WORTH_FLUSHING_BYTES: u64 = 64 << 10;
/// The part of all files that a log may be as long as in a very quiet store. WHY a part: beside much data nobody minds a
/// short log, and each flush makes small files that have to be merged with large ones.
const PART_OF_FILES: u64 = 16;

/// The share of its limit, as a fraction, that the log may fill before windrow flushes. WHY not all: RocksDB acts at the limit itself, and what
/// is written until the next look comes on top.
const FLUSH_AT: (u64, u64) = (3, 4);
/// Looks at the files of the log while it grows by its limit. WHY not always: each lists the directory.
const LOOKS: u64 = 16;

/// Flushes before RocksDB would.
#[derive(Debug)]
pub(crate) struct LogLimit {
    max_log_bytes: u64,
    /// Bytes ever written to the log at the last look.
    looked_at: Mutex<u64>,
}

impl LogLimit {
    pub(crate) fn new(max_log_bytes: u64) -> Self {
        Self { max_log_bytes, looked_at: Mutex::default() }
    }

    /// Switches all buffers if the log has grown long.
    pub(crate) fn keep(&self, db: &Database, births: &Births) -> Result<()> {
        let mut looked_at = self.looked_at.lock();
        let written = db.log_bytes_written();
        if written.saturating_sub(*looked_at) < self.max_log_bytes / LOOKS {
            return Ok(());
        }
        let (parts, of) = FLUSH_AT;
        if db.log_file_bytes()? < self.max_log_bytes / of * parts {
            *looked_at = written;
            return Ok(());
        }
        failpoint!("log::before_cut");
        if births.begin_flush_all(db)? {
            *looked_at = written;
        }
        failpoint!("log::after_cut");
        Ok(())
    }
}

/// For how long nobody has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quiet {
    /// Not at all, or not long enough.
    No,
    /// For a moment.
    Yes,
    /// For long.
    Very,
}

/// What the last passes saw.
#[derive(Debug, Default)]
pub(super) struct QuietLog {
    last_commit: u64,
    quiet_passes: u32,
    /// How long the log is, measured once in a quiet time; none once it was flushed.
    log_bytes: Option<u64>,
    /// Whether commits were overlooked since it was measured.
    is_longer: bool,
    /// Whether somebody who asked for everything was made to come again, to see whether the store is quiet.
    asked_again: bool,
}

impl QuietLog {
    /// Takes a commit of the store's own for none: the saving of its time.
    pub(super) fn overlook(&mut self, before: u64, after: u64) {
        if self.last_commit == before {
            self.last_commit = after;
            self.is_longer = true;
        }
    }

    /// Looks whether somebody has written since the last pass.
    pub(super) fn notice(&mut self, db: &Database) -> Quiet {
        let last_commit = db.last_commit();
        self.quiet_passes = if last_commit == self.last_commit { self.quiet_passes.saturating_add(1) } else { 0 };
        self.last_commit = last_commit;
        match self.quiet_passes {
            VERY_QUIET_PASSES.. => Quiet::Very,
            QUIET_PASSES.. => Quiet::Yes,
            _ => Quiet::No,
        }
    }

    /// Flushes every family if the store is quiet and its log is large, beside `file_bytes` in all SST files.
    pub(super) fn pass(
        &mut self,
        db: &Database,
        births: &Births,
        counters: &ReclaimCounters,
        file_bytes: u64,
        eager: bool,
    ) -> Result<PassOutcome> {
        self.measure(db, eager)?;
        let Some(log_bytes) = self.log_bytes else {
            return Ok(PassOutcome::default());
        };
        let part = (file_bytes / PART_OF_FILES).max(NEVER_WORTH_FLUSHING_BYTES);
        let worth = match self.quiet_passes {
            _ if eager => part.min(WORTH_FLUSHING_EAGERLY_BYTES),
            VERY_QUIET_PASSES.. => part.min(WORTH_FLUSHING_BYTES),
            _ => WORTH_FLUSHING_BYTES,
        };
        if log_bytes < worth {
            return Ok(PassOutcome::default());
        }
        if self.quiet_passes == 0 && !std::mem::replace(&mut self.asked_again, true) {
            return Ok(PassOutcome { acted: false, pending: true });
        }
        if self.quiet_passes == 0 {
            // Somebody writes: the log would be long again at once.
            return Ok(PassOutcome::default());
        }
        self.log_bytes = None;
        if Family::all().all(|family| db.buffered_entries(family) == 0) {
            // RocksDB is about to unlink what is left of it.
            return Ok(PassOutcome::default());
        }
        failpoint!("log::before_flush");
        if !births.flush_all(db)? {
            self.log_bytes = Some(log_bytes);
            return Ok(PassOutcome { acted: false, pending: true });
        }
        failpoint!("log::after_flush");
        ReclaimCounters::add(&counters.flushes, 1);
        Ok(PassOutcome::ACTED)
    }

    /// WHY not in each pass: it lists the directory, and a store that is quiet is to be still.
    fn measure(&mut self, db: &Database, eager: bool) -> Result<()> {
        let is_due = match self.quiet_passes {
            QUIET_PASSES => true,
            passes => self.is_longer && passes > 0 && passes % VERY_QUIET_PASSES == 0,
        };
        if is_due || eager {
            self.log_bytes = Some(db.log_file_bytes()?);
            self.is_longer = false;
        } else if self.quiet_passes < QUIET_PASSES {
            self.log_bytes = None;
        }
        if self.quiet_passes > 0 {
            self.asked_again = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::gc::Filters;
    use crate::options::Options;
    use crate::store::{Batch, Family, FilterSource};

    #[test]
    fn a_log_near_its_limit_is_made_short_by_switching_every_buffer_and_a_shorter_one_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let source: Arc<dyn FilterSource> = Arc::new(Filters::default());
        let db = Database::open(dir.path(), &Options::default(), &source).unwrap();
        let births = Births::new(32 << 20);
        let limit = LogLimit::new(4 << 20);
        let write = |bytes: usize| {
            let mut batch = Batch::new();
            batch.put(&db, Family::Expire, b"small", b"");
            batch.put(&db, Family::Meta, b"large", &vec![7; bytes]);
            db.commit(batch, false).unwrap();
            limit.keep(&db, &births).unwrap();
        };
        write(2 << 20);
        assert!(db.buffered_entries(Family::Meta) > 0 && db.buffered_entries(Family::Expire) > 0);
        write(2 << 20);
        db.wait_for_flush(Family::Meta).unwrap();
        db.wait_for_flush(Family::Expire).unwrap();
        assert_eq!((db.buffered_entries(Family::Meta), db.buffered_entries(Family::Expire)), (0, 0));
        write(1);
        assert!(db.log_file_bytes().unwrap() < 1 << 20, "what the log held is in files");
    }
}
