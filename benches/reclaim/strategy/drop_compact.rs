//! drop-compact: over each dead span, drop the files inside it and delete the range; then compact everything.
//!
//! Uses the records. Invariant: a span holds no living id: it ends before the next one.
//!
//! Tuned: neighbours are joined to spans, so that with nothing alive there is one; files are dropped only in spans that
//! hold one (a call that finds none costs as much); buffers are flushed and settled first, because files in L0 cannot be
//! dropped; gc records of a span go by one range. The log is synced before, as a dropped file does not come back.

use rocksdb::{FlushOptions, WaitForCompactOptions, WriteBatch};

use ::windrow::encoding::prefix_end;

use super::published::{BATCH, Id, Method, Records, id_of_gc_key};

/// Drops, deletes and compacts spans.
pub(super) struct DropCompact;

/// Dead ids, the first and the last, with no living one between them.
type Span = (Id, Id);

impl Method for DropCompact {
    fn reclaim(&self, records: &Records) {
        let spans = spans(records);
        records.db().flush_wal(true).expect("sync the log");
        records.db().flush_cf_opt(records.data(), &FlushOptions::default()).expect("flush");
        records.db().wait_for_compact(&WaitForCompactOptions::default()).expect("settle");
        drop_files(records, &spans);
        for page in spans.chunks(BATCH) {
            let mut batch = WriteBatch::default();
            for (first, last) in page {
                let end = prefix_end(last).expect("an id is not all ones");
                batch.delete_range_cf(records.data(), &first[..], &end);
            }
            records.db().write(batch).expect("delete ranges");
        }
        records.forget_gc_records();
        records.return_space();
    }
}

/// Joins dead ids that have no living one between them.
fn spans(records: &Records) -> Vec<Span> {
    let mut living = records.live_ids();
    living.sort_unstable();
    let mut living = living.into_iter().peekable();
    let mut spans: Vec<Span> = Vec::new();
    let mut dead = records.dead_ids([0; 8]);
    while let Some(record) = dead.key() {
        let id = id_of_gc_key(record);
        let mut is_parted = false;
        while living.next_if(|alive| *alive < id).is_some() {
            is_parted = true;
        }
        match spans.last_mut() {
            Some((_, last)) if !is_parted => *last = id,
            _ => spans.push((id, id)),
        }
        dead.next();
    }
    dead.status().expect("read gc records");
    spans
}

fn drop_files(records: &Records, spans: &[Span]) {
    let files = records.db().live_files().expect("the list of files");
    let data = files.iter().filter(|file| file.column_family_name == records.data_name() && file.level > 0);
    let mut holding: Vec<&Span> = data
        .filter_map(|file| {
            let (first, last) = (file.start_key.as_deref()?, file.end_key.as_deref()?);
            let before = spans.partition_point(|span| &span.0[..] <= first);
            spans[..before].last().filter(|span| last.get(..8).is_some_and(|id| id <= &span.1[..]))
        })
        .collect();
    holding.sort_unstable();
    holding.dedup();
    for (first, last) in holding {
        let end = prefix_end(last).expect("an id is not all ones");
        records.db().delete_file_in_range_cf(records.data(), &first[..], &end[..]).expect("drop files");
    }
}
