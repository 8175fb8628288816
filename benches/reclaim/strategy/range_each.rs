//! range-each: one range deletion for each dead collection.
//!
//! Uses the records. Invariant: a gc record goes in the same commit as its collection.
//!
//! Tuned: range deletions in batches, in the order of ids; one compaction behind all.

use rocksdb::WriteBatch;

use ::windrow::encoding::prefix_end;

use super::published::{BATCH, Method, Records, id_of_gc_key};

/// Deletes ranges.
pub(super) struct RangeEach;

impl Method for RangeEach {
    fn reclaim(&self, records: &Records) {
        let mut dead = records.dead_ids([0; 8]);
        while dead.valid() {
            let mut batch = WriteBatch::default();
            while batch.len() < 2 * BATCH
                && let Some(record) = dead.key()
            {
                let id = id_of_gc_key(record);
                batch.delete_range_cf(records.data(), &id[..], &prefix_end(&id).expect("an id is not all ones"));
                batch.delete_cf(records.gc(), record);
                dead.next();
            }
            records.db().write(batch).expect("delete ranges");
        }
        dead.status().expect("read gc records");
        drop(dead);
        records.return_space();
    }
}
