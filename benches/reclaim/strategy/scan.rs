//! scan-1 and scan-256: walk the gc records, read each dead collection's elements, delete them one by one.
//!
//! Uses the records. Invariant: a gc record goes in the same commit as the last of its elements.
//!
//! Tuned: one iterator for a page of collections instead of one for each; the bloom filter of the ids; blocks that are read
//! to be deleted do not push others out of the cache; deletions in batches; no compaction beside them, which spares a third
//! of the bytes written, and one behind them all.

use std::sync::atomic::{AtomicUsize, Ordering};

use rocksdb::{DBRawIterator, ReadOptions, WriteBatch};

use super::published::{BATCH, Id, Method, Records, id_of_gc_key};

/// Slots of scan-256.
const SLOTS: usize = 256;
/// Threads of scan-256. Tried on two cores, everything cached: 1 to 8, which differed less than two runs of the same.
const THREADS: usize = 4;
/// A batch is committed when it holds this many bytes, whatever it still lacks of entries.
const BATCH_BYTES: usize = 1 << 20;

/// Reads and deletes.
pub(super) struct Scan {
    slots: usize,
    threads: usize,
}

impl Scan {
    pub(super) fn with_one_thread() -> Self {
        Self { slots: 1, threads: 1 }
    }

    pub(super) fn in_slots() -> Self {
        Self { slots: SLOTS, threads: THREADS }
    }

    /// The first id of each slot, and the end: equal parts of what lies between the lowest and the highest dead id.
    ///
    /// With random ids these are the slots of the first byte. Ordered ids all have the same first byte.
    fn bounds(&self, records: &Records) -> Option<Vec<u64>> {
        let first = records.dead_ids([0; 8]);
        let lowest = u64::from_be_bytes(id_of_gc_key(first.key()?));
        let mut last = first;
        last.seek_to_last();
        let highest = u64::from_be_bytes(id_of_gc_key(last.key()?));
        let width = (highest - lowest) / self.slots as u64 + 1;
        Some((0..=self.slots as u64).map(|slot| lowest.saturating_add(slot.saturating_mul(width))).collect())
    }
}

impl Method for Scan {
    fn reclaim(&self, records: &Records) {
        let bounds = self.bounds(records).unwrap_or_default();
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some([start, end]) =
                bounds.get(next.fetch_add(1, Ordering::Relaxed)..).and_then(<[u64]>::first_chunk)
            {
                scan_slot(records, start.to_be_bytes(), end.to_be_bytes());
            }
        };
        records.let_compact(false);
        std::thread::scope(|scope| {
            for _ in 0..self.threads {
                scope.spawn(work);
            }
        });
        records.let_compact(true);
        records.return_space();
    }
}

/// Deletes the elements of the dead ids from `start` up to `end`.
fn scan_slot(records: &Records, start: Id, end: Id) {
    let mut dead = records.dead_ids(start);
    let mut is_more = true;
    while is_more {
        let mut elements = elements(records);
        let mut batch = WriteBatch::default();
        for _ in 0..BATCH {
            let Some(record) = dead.key().filter(|key| id_of_gc_key(key) < end) else {
                is_more = false;
                break;
            };
            delete_elements(records, &mut elements, id_of_gc_key(record), &mut batch);
            batch.delete_cf(records.gc(), record);
            dead.next();
        }
        elements.status().expect("read elements");
        records.db().write(batch).expect("delete a page");
    }
    dead.status().expect("read gc records");
}

fn elements(records: &Records) -> DBRawIterator<'_> {
    let mut read = ReadOptions::default();
    read.set_prefix_same_as_start(true);
    read.fill_cache(false);
    records.db().raw_iterator_cf_opt(records.data(), read)
}

fn delete_elements(records: &Records, elements: &mut DBRawIterator<'_>, id: Id, batch: &mut WriteBatch) {
    elements.seek(id);
    while let Some(element) = elements.key().filter(|key| key.starts_with(&id)) {
        batch.delete_cf(records.data(), element);
        elements.next();
        if batch.size_in_bytes() >= BATCH_BYTES {
            records.db().write(std::mem::take(batch)).expect("delete elements");
        }
    }
}
