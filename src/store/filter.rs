//! Lets the engine decide which entries a compaction drops, without anyone else naming RocksDB.
//!
//! Uses `rocksdb`. Invariant (design, rule 6): a filter only looks things up in what it was given when the
//! compaction began; it never writes, waits, reads the store or panics. Several run at once.

use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rocksdb::CompactionDecision;
use rocksdb::compaction_filter::CompactionFilter;
use rocksdb::compaction_filter_factory::{CompactionFilterContext, CompactionFilterFactory};

use super::family::{FAMILIES, Family};

/// Decides about the entries of one compaction.
pub(crate) trait EntryFilter: Send {
    /// Tells whether the entry is proven dead. What cannot be decoded is alive.
    fn is_dead(&mut self, key: &[u8], value: &[u8]) -> bool;
}

/// Makes a filter for each compaction.
pub(crate) trait FilterSource: Send + Sync + 'static {
    /// Takes the picture of the dead that one compaction of `family` works with; `None` keeps everything.
    fn picture(&self, family: Family) -> Option<Box<dyn EntryFilter>>;
}

/// What compactions of one family read and kept, in bytes of keys and values before compression.
#[derive(Debug, Default)]
struct Counters {
    read_bytes: AtomicU64,
    kept_bytes: AtomicU64,
    dropped_entries: AtomicU64,
}

impl Counters {
    fn reading(&self) -> CompactionIo {
        CompactionIo {
            read_bytes: self.read_bytes.load(Ordering::Relaxed),
            written_bytes: self.kept_bytes.load(Ordering::Relaxed),
            dropped_entries: self.dropped_entries.load(Ordering::Relaxed),
        }
    }

    fn add(&self, io: CompactionIo) {
        self.read_bytes.fetch_add(io.read_bytes, Ordering::Relaxed);
        self.kept_bytes.fetch_add(io.written_bytes, Ordering::Relaxed);
        self.dropped_entries.fetch_add(io.dropped_entries, Ordering::Relaxed);
    }
}

/// A reading of the counters of one family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CompactionIo {
    /// Bytes of entries that compactions met.
    pub(crate) read_bytes: u64,
    /// Bytes of entries that they wrote again.
    pub(crate) written_bytes: u64,
    /// Entries dropped as proven dead.
    pub(crate) dropped_entries: u64,
}

/// Counts what the compactions of every family read, kept and dropped since open.
#[derive(Debug)]
pub(crate) struct CompactionCounters {
    families: [Counters; FAMILIES],
    /// Of these, the compactions that windrow asked for.
    asked_for: [Counters; FAMILIES],
}

impl CompactionCounters {
    pub(crate) fn new() -> Self {
        Self {
            families: std::array::from_fn(|_| Counters::default()),
            asked_for: std::array::from_fn(|_| Counters::default()),
        }
    }

    /// Reads the counters of `family`.
    pub(crate) fn of(&self, family: Family) -> CompactionIo {
        self.families.get(family.index()).map_or_else(CompactionIo::default, Counters::reading)
    }

    /// Reads the counters of the compactions of `family` that windrow asked for.
    pub(crate) fn asked_for_of(&self, family: Family) -> CompactionIo {
        self.asked_for.get(family.index()).map_or_else(CompactionIo::default, Counters::reading)
    }

    fn add(&self, family: Family, io: CompactionIo, is_asked_for: bool) {
        let asked_for = self.asked_for.get(family.index()).filter(|_| is_asked_for);
        for counters in self.families.get(family.index()).into_iter().chain(asked_for) {
            counters.add(io);
        }
    }
}

/// Hands RocksDB a filter for each compaction of one family.
///
/// INVARIANT: `create` takes `&mut self` but RocksDB calls it concurrently, so it only clones `Arc`s.
pub(super) struct Factory {
    pub(super) family: Family,
    pub(super) source: Arc<dyn FilterSource>,
    pub(super) counters: Arc<CompactionCounters>,
}

impl CompactionFilterFactory for Factory {
    type Filter = CountingFilter;

    fn create(&mut self, context: CompactionFilterContext) -> CountingFilter {
        CountingFilter {
            family: self.family,
            is_asked_for: context.is_manual_compaction,
            picture: self.source.picture(self.family),
            counters: Arc::clone(&self.counters),
            io: CompactionIo::default(),
        }
    }

    fn name(&self) -> &CStr {
        c"windrow"
    }
}

/// Applies the picture of one compaction and counts.
pub(super) struct CountingFilter {
    family: Family,
    is_asked_for: bool,
    picture: Option<Box<dyn EntryFilter>>,
    counters: Arc<CompactionCounters>,
    io: CompactionIo,
}

impl CompactionFilter for CountingFilter {
    fn filter(&mut self, _level: u32, key: &[u8], value: &[u8]) -> CompactionDecision {
        let bytes = u64::try_from(key.len() + value.len()).unwrap_or(u64::MAX);
        self.io.read_bytes += bytes;
        if self.picture.as_mut().is_some_and(|picture| picture.is_dead(key, value)) {
            self.io.dropped_entries += 1;
            return CompactionDecision::Remove;
        }
        self.io.written_bytes += bytes;
        CompactionDecision::Keep
    }

    fn name(&self) -> &CStr {
        c"windrow"
    }
}

impl Drop for CountingFilter {
    fn drop(&mut self) {
        self.counters.add(self.family, self.io, self.is_asked_for);
    }
}
