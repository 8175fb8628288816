//! What callers do beside the workload: a few records that live for ever, and views.
//!
//! Uses the records. Invariant: the records that live for ever lead to no elements.
//!
//! A view is a snapshot of RocksDB's. A server could not promise more: **dropped files and filters ignore snapshots**, so
//! drop-compact and filter-lookup take away what a view still reads; what it has lost is counted. Scans and range deletions keep to it.

use rocksdb::{DBRawIterator, ReadOptions, Snapshot};

use super::super::{Callers, View};
use super::records::{Id, META_BYTES, Records, id_at};
use crate::bare::meta_key;
use crate::workload::Workload;

const LIVING_PREFIX: &[u8] = b"living:";

/// Tells whether a user key is one of those that live for ever.
pub(super) fn is_living_key(user_key: &[u8]) -> bool {
    user_key.starts_with(LIVING_PREFIX)
}

fn living_key(number: u64) -> Vec<u8> {
    meta_key(&[LIVING_PREFIX, &number.to_be_bytes()].concat())
}

impl Callers for Records {
    fn view(&self) -> Box<dyn View + '_> {
        Box::new(SnapshotView { records: self, snapshot: self.db().snapshot() })
    }

    fn read_living(&self, number: u64) -> Option<Vec<u8>> {
        let mut record = self.db().get_cf(self.meta(), living_key(number)).expect("get")?;
        Some(record.split_off(META_BYTES))
    }

    fn write_living(&self, number: u64, value: &[u8]) {
        // No id, no time to live.
        let record = [&[0; META_BYTES], value].concat();
        self.db().put_cf(self.meta(), living_key(number), record).expect("put");
    }
}

struct SnapshotView<'a> {
    records: &'a Records,
    snapshot: Snapshot<'a>,
}

impl View for SnapshotView<'_> {
    fn count_losses(&self, workload: &Workload) -> u64 {
        let mut read = ReadOptions::default();
        read.set_prefix_same_as_start(true);
        let mut elements = self.snapshot.raw_iterator_cf_opt(self.records.data(), read);
        let is_whole = |index: &u64| {
            let record = self.snapshot.get_cf(self.records.meta(), meta_key(&workload.key(*index))).expect("get");
            record.is_some_and(|record| is_whole(&mut elements, id_at(&record, 0), workload, *index))
        };
        workload.all().count() as u64 - workload.all().filter(is_whole).count() as u64
    }
}

/// Tells whether a collection's elements are those that were written.
fn is_whole(elements: &mut DBRawIterator<'_>, id: Id, workload: &Workload, index: u64) -> bool {
    elements.seek(id);
    for member in workload.members(index) {
        if elements.key().is_none_or(|key| key[..8] != id || key[9..] != member) {
            return false;
        }
        elements.next();
    }
    elements.key().is_none_or(|key| key[..8] != id)
}
