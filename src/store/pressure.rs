//! How hard RocksDB is pressed by what callers write.
//!
//! Uses `rocksdb`. Invariant: figures only; looking changes nothing.

use super::{Database, Family};
use crate::failpoint::failpoint;

/// What RocksDB says of its own work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pressure {
    /// It lets nobody write until a compaction or flush has ended.
    pub(crate) is_stopped: bool,
    /// The bytes a second to which it slows writes down; 0 if it does not.
    pub(crate) delayed_rate: u64,
    /// Estimate of what it has to compact before its levels have their shape, over all families.
    pub(crate) pending_compaction_bytes: u64,
    /// The most files that one family has in L0.
    pub(crate) level0_files: u64,
    /// Compactions that run now, reclaiming's among them.
    pub(crate) compactions: u64,
}

impl Database {
    /// Reads the pressure. Costs RocksDB's mutex twice for each family, for a moment each time.
    pub(crate) fn pressure(&self) -> Pressure {
        failpoint!("store::pressure", |_| Pressure { is_stopped: true, ..Pressure::default() });
        // These three are of the whole database, whichever family is asked.
        let mut pressure = Pressure {
            is_stopped: self.property(Family::Default, "rocksdb.is-write-stopped") > 0,
            delayed_rate: self.property(Family::Default, "rocksdb.actual-delayed-write-rate"),
            compactions: self.property(Family::Default, "rocksdb.num-running-compactions"),
            ..Pressure::default()
        };
        for family in Family::all() {
            pressure.pending_compaction_bytes += self.property(family, "rocksdb.estimate-pending-compaction-bytes");
            pressure.level0_files = pressure.level0_files.max(self.level0_files(family));
        }
        pressure
    }

    /// Counts a family's files in L0. A text to RocksDB, not a number.
    fn level0_files(&self, family: Family) -> u64 {
        let text = self.rocks().property_value_cf(self.handle(family), "rocksdb.num-files-at-level0");
        text.ok().flatten().and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::gc::Filters;
    use crate::options::Options;
    use crate::store::{Batch, FilterSource};

    #[test]
    fn files_in_level_0_are_counted_for_the_family_that_has_the_most() {
        let dir = tempfile::tempdir().unwrap();
        let source: Arc<dyn FilterSource> = Arc::new(Filters::default());
        let db = Database::open(dir.path(), &Options::default(), &source).unwrap();
        assert_eq!(db.pressure(), Pressure::default());
        for file in 1..=2 {
            let mut batch = Batch::new();
            batch.put(&db, Family::Meta, b"key", b"");
            db.commit(batch, false).unwrap();
            db.flush(Family::Meta).unwrap();
            assert_eq!(db.pressure().level0_files, file);
        }
    }
}
