//! Ways to give space back beside a load, round by round.
//!
//! Uses the published records. Invariant: what a round takes was dead when the round began.
//!
//! Every round ends as those of the other scenarios do: with a flush and a compaction of all families, without which
//! nothing of it would come back soon.

use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use ::windrow::encoding::prefix_end;
use rocksdb::compaction_filter::CompactionFilter;
use rocksdb::compaction_filter_factory::{CompactionFilterContext, CompactionFilterFactory};
use rocksdb::{
    BottommostLevelCompaction, CompactOptions, CompactionDecision, DBRawIterator, FlushOptions,
    Options as RocksOptions, ReadOptions, WriteBatch,
};

use super::published::{Id, Records, gc_key, id_at};
use crate::bare::meta_key;

/// Entries of one commit.
const BATCH: usize = 1_000;
/// A batch is committed when it holds this many bytes, whatever it still lacks of entries.
const BATCH_BYTES: usize = 1 << 20;
/// Dead spans shorter than this are deleted key by key. WHY: overwriting makes nearly as many spans as dead ids, and every read
/// and compaction passes a range deletion for each.
const LONG_SPAN: u64 = 64;
const SLOTS: u64 = 256;
/// WHY two: a third would take a core from the load that it never has in the machines that this was written on.
const SCAN_THREADS: usize = 2;

/// A way to give space back.
pub(super) enum Way {
    /// Walks gc records in 256 slots, reads each dead element and deletes it.
    ScanSlots,
    /// Over each dead span, drops files and deletes the range; short spans key by key.
    DropCompact,
    /// Compacts everything with a filter that looks up the meta record.
    FilterLookup(Arc<OnceLock<Weak<Records>>>),
}

impl Way {
    pub(super) fn filter_lookup() -> Self {
        Self::FilterLookup(Arc::default())
    }

    /// Changes RocksDB's settings before it opens.
    pub(super) fn tune(&self, family: Option<&str>, settings: &mut RocksOptions) {
        match (family, self) {
            (None, _) => settings.set_max_subcompactions(2),
            (Some(family), Self::FilterLookup(records)) if family.starts_with("data-") => {
                settings.set_compaction_filter_factory(Factory { records: Arc::clone(records) });
            }
            _ => {}
        }
    }

    /// Gets to know the records as soon as they are open.
    pub(super) fn attach(&self, records: &Arc<Records>) {
        if let Self::FilterLookup(place) = self {
            let _ = place.set(Arc::downgrade(records));
        }
    }

    pub(super) fn needs_gc_records(&self) -> bool {
        !matches!(self, Self::FilterLookup(_))
    }

    /// Makes what lies under an element's key. WHY the user key, too: a filter has to find the meta record.
    pub(super) fn element(&self, user_key: &[u8], part: &[u8]) -> Vec<u8> {
        match self {
            Self::FilterLookup(_) => [&[u8::try_from(user_key.len()).expect("a short key")], user_key, part].concat(),
            _ => part.to_vec(),
        }
    }

    /// What of an element's value is the caller's.
    pub(super) fn part_of<'a>(&self, element: &'a [u8]) -> &'a [u8] {
        match self {
            Self::FilterLookup(_) => &element[1 + usize::from(element[0])..],
            _ => element,
        }
    }

    /// Gives back what is dead.
    pub(super) fn reclaim(&self, records: &Records) {
        match self {
            Self::ScanSlots => scan(records),
            Self::DropCompact => drop_spans(records),
            Self::FilterLookup(_) => records.db().flush_wal(true).expect("sync the log"),
        }
        return_space(records);
    }
}

/// Makes the file system see it.
fn return_space(records: &Records) {
    let mut compact = CompactOptions::default();
    compact.set_exclusive_manual_compaction(false);
    compact.set_bottommost_level_compaction(BottommostLevelCompaction::ForceOptimized);
    for family in [records.data(), records.meta(), records.expire(), records.gc()] {
        records.db().flush_cf_opt(family, &FlushOptions::default()).expect("flush");
        records.db().compact_range_cf_opt(family, None::<&[u8]>, None::<&[u8]>, &compact);
    }
}

fn scan(records: &Records) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..SCAN_THREADS {
            scope.spawn(|| {
                while let Some(slot) = Some(next.fetch_add(1, Ordering::Relaxed) as u64).filter(|slot| *slot < SLOTS) {
                    scan_slot(records, slot);
                }
            });
        }
    });
}

/// Deletes the elements of the dead ids whose first byte is the slot.
fn scan_slot(records: &Records, slot: u64) {
    let mut read = ReadOptions::default();
    if let Some(end) = prefix_end(&gc_key(&[slot as u8])) {
        read.set_iterate_upper_bound(end);
    }
    let mut dead = records.db().raw_iterator_cf_opt(records.gc(), read);
    dead.seek(gc_key(&[slot as u8]));
    while dead.valid() {
        let (mut elements, mut batch) = (elements(records), WriteBatch::default());
        while batch.len() < BATCH
            && let Some(record) = dead.key()
        {
            delete_elements(records, &mut elements, id_at(record, 4), &mut batch);
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

fn number(id: &Id) -> u64 {
    u64::from_be_bytes(*id)
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

/// Drops files and deletes ranges over the spans of dead ids that hold no living one.
fn drop_spans(records: &Records) {
    let (spans, seen) = spans(records);
    records.db().flush_wal(true).expect("sync the log");
    let files = records.db().live_files().expect("the list of files");
    for file in files.iter().filter(|file| file.column_family_name == records.data_name() && file.level > 0) {
        let (Some(first), Some(last)) = (file.start_key.as_deref(), file.end_key.as_deref()) else { continue };
        let before = spans.partition_point(|span| &span.0[..] <= first);
        let inside = spans[..before].last().filter(|span| last.get(..8).is_some_and(|id| id <= &span.1[..]));
        if let Some((first, last)) = inside {
            let end = prefix_end(last).expect("an id is not all ones");
            records.db().delete_file_in_range_cf(records.data(), &first[..], &end[..]).expect("drop files");
        }
    }
    let (long, short): (Vec<_>, Vec<_>) =
        spans.iter().partition(|(first, last)| number(last) - number(first) >= LONG_SPAN);
    for page in long.chunks(BATCH) {
        let mut batch = WriteBatch::default();
        for (first, last) in page {
            batch.delete_range_cf(records.data(), &first[..], &prefix_end(last).expect("an id is not all ones"));
        }
        records.db().write(batch).expect("delete ranges");
    }
    for page in short.chunks(BATCH) {
        let (mut elements, mut batch) = (elements(records), WriteBatch::default());
        for id in page.iter().flat_map(|(first, last)| number(first)..=number(last)) {
            delete_elements(records, &mut elements, id.to_be_bytes(), &mut batch);
        }
        records.db().write(batch).expect("delete elements");
    }
    for page in seen.chunks(BATCH) {
        let mut batch = WriteBatch::default();
        page.iter().for_each(|id| batch.delete_cf(records.gc(), gc_key(id)));
        records.db().write(batch).expect("forget gc records");
    }
}

/// Joins dead ids that have no living one between them; returns the dead ids as well.
///
/// WHY one snapshot: an id that dies between the two walks would be in neither list, and lie in a dead span.
fn spans(records: &Records) -> (Vec<(Id, Id)>, Vec<Id>) {
    let snapshot = records.db().snapshot();
    let mut living = Vec::new();
    let mut metas = snapshot.raw_iterator_cf(records.meta());
    metas.seek_to_first();
    while let Some(record) = metas.value() {
        living.push(id_at(record, 0));
        metas.next();
    }
    metas.status().expect("read records");
    living.sort_unstable();
    let mut living = living.into_iter().peekable();
    let (mut spans, mut seen): (Vec<(Id, Id)>, Vec<Id>) = Default::default();
    let mut dead = snapshot.raw_iterator_cf(records.gc());
    dead.seek_to_first();
    while let Some(record) = dead.key() {
        let id = id_at(record, 4);
        seen.push(id);
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
    (spans, seen)
}

struct Factory {
    records: Arc<OnceLock<Weak<Records>>>,
}

impl CompactionFilterFactory for Factory {
    type Filter = Filter;

    fn create(&mut self, _context: CompactionFilterContext) -> Filter {
        Filter { records: self.records.get().and_then(Weak::upgrade), last: None }
    }

    fn name(&self) -> &CStr {
        c"filter-lookup"
    }
}

struct Filter {
    records: Option<Arc<Records>>,
    /// The collection that was looked up last, and whether it is dead.
    last: Option<(Id, bool)>,
}

impl CompactionFilter for Filter {
    fn filter(&mut self, _level: u32, key: &[u8], element: &[u8]) -> CompactionDecision {
        let Some(records) = &self.records else {
            return CompactionDecision::Keep;
        };
        let id = id_at(key, 0);
        let is_dead = match self.last {
            Some((last, is_dead)) if last == id => is_dead,
            _ => {
                let user_key = &element[1..1 + usize::from(element[0])];
                match records.db().get_pinned_cf(records.meta(), meta_key(user_key)) {
                    Ok(record) => record.is_none_or(|record| id_at(&record, 0) != id),
                    Err(_) => false,
                }
            }
        };
        self.last = Some((id, is_dead));
        if is_dead { CompactionDecision::Remove } else { CompactionDecision::Keep }
    }

    fn name(&self) -> &CStr {
        c"filter-lookup"
    }
}
