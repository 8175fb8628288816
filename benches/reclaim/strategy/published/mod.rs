//! The published encoding over bare RocksDB, with a place for ways to give space back.
//!
//! Uses `../../common/bare.rs` and the public encoding. Invariant: each change of a key is one commit, with all of its
//! records: the meta record, the elements under the id, the expire entry; a death adds a gc record, which goes when
//! the elements have gone.
//!
//! What is done for the baselines that a server could not do, so that nothing is held against them:
//! - the reaper trusts the expire entry and reads no meta record; it deletes in batches;
//! - no lock is taken, nothing is counted;
//! - random ids have a family with RocksDB's usual four files in L0. With one, as windrow's closed families have it, each
//!   flush is merged with everything, and loading writes half as much again to twice as much. Ordered ids have windrow's
//!   family, and one thread writes, so that no file overlaps another; where collections are added to later, they have the
//!   family that windrow has for such, with four files in L0.

mod callers;
mod check;
mod properties;
mod records;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ::windrow::Options;
use rocksdb::Options as RocksOptions;
use rocksdb::statistics::Ticker;

use super::{Callers, Checked, Engine, Io};
use crate::bare::Bare;
use crate::workload::Workload;
pub(super) use records::{BATCH, Family, Id, Records, family, id_at, id_of_gc_key};

/// A way to give space back.
pub(super) trait Method: Send + Sync + 'static {
    /// Changes RocksDB's settings before it opens.
    fn tune(&self, _family: Option<&str>, _settings: &mut RocksOptions) {}

    /// Gets to know the records as soon as they are open.
    fn attach(&self, _records: &Arc<Records>) {}

    /// Tells whether it wants a gc record for each dead collection.
    fn needs_gc_records(&self) -> bool {
        true
    }

    /// Gives all space back.
    fn reclaim(&self, records: &Records);
}

/// A store with a method.
pub(super) struct Published<M> {
    records: Arc<Records>,
    method: M,
    /// How often the clock has leapt.
    leaps: AtomicU32,
}

impl<M: Method> Published<M> {
    pub(super) fn open(directory: &Path, options: &Options, family: Family, method: M) -> Self {
        let bare = Bare::open_tuned(&directory.join("store"), options, |family, settings| {
            if family.is_none() {
                // Both cores may work at one compaction. Tried: 1, 2 and 4, all the same but for noise.
                settings.set_max_subcompactions(2);
            }
            method.tune(family, settings);
        });
        let records = Arc::new(Records::new(bare, family));
        method.attach(&records);
        Self { records, method, leaps: AtomicU32::new(0) }
    }

    /// The time since open by the clock of the run, which stands but for its leaps.
    fn now(&self) -> Duration {
        Workload::LEAP * self.leaps.load(Ordering::Relaxed)
    }
}

impl<M: Method> Engine for Published<M> {
    fn load(&self, workload: &Workload) {
        for step in workload.steps() {
            self.records.write(workload, &step, self.now());
        }
        // windrow does it by itself when all is quiet.
        self.records.flush();
    }

    fn expire(&self, workload: &Workload) {
        match workload.deleted() {
            Some(index) => {
                let id = self.records.id(index);
                self.records.delete(&workload.key(index), id, self.method.needs_gc_records());
            }
            None => {
                self.leaps.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn reap(&self, _expired: u64, _limit: Duration) {
        self.records.reap(self.now(), self.method.needs_gc_records());
    }

    fn reclaim(&self, _limit: Duration) {
        self.method.reclaim(&self.records);
    }

    fn is_done(&self) -> bool {
        true
    }

    fn activity(&self) -> u64 {
        self.records.ticker(Ticker::CompactReadBytes) + self.records.ticker(Ticker::FlushWriteBytes)
    }

    fn io(&self) -> Io {
        let ticker = |ticker| self.records.ticker(ticker);
        Io {
            flushed_bytes: ticker(Ticker::FlushWriteBytes),
            compaction_read_bytes: ticker(Ticker::CompactReadBytes),
            compaction_written_bytes: ticker(Ticker::CompactWriteBytes),
            log_bytes: ticker(Ticker::WalFileBytes),
            data_compaction: properties::compaction_bytes(&self.records),
        }
    }

    fn callers(&self) -> Option<&dyn Callers> {
        Some(&*self.records)
    }

    fn check(self: Box<Self>, workload: &Workload) -> Checked {
        check::check(&self.records, workload)
    }
}
