//! Snapshots and iterators that own the database they read: the crate's only unsafe code.
//!
//! Uses `rocksdb`. Invariant: what borrows the database is declared, and so dropped, before the `Arc`
//! that keeps it.
#![expect(unsafe_code, reason = "RocksDB's snapshots and iterators borrow the database; ours must own it")]

use std::mem;
use std::sync::Arc;

use rocksdb::{DB, DBRawIterator, ReadOptions, ReadTier};

use super::{Database, Family, map_error};
use crate::error::Result;
use crate::failpoint::failpoint;

/// The store as it was at one commit.
pub(crate) struct Snapshot {
    inner: rocksdb::Snapshot<'static>,
    _db: Arc<Database>,
}

impl Snapshot {
    pub(crate) fn new(db: &Arc<Database>) -> Self {
        let borrowed: rocksdb::SnapshotWithThreadMode<'_, DB> = db.rocks().snapshot();
        // SAFETY: the snapshot borrows the `DB` inside `*db`. That `DB` sits in the heap allocation of the
        // `Arc`, which never moves and which `_db` keeps alive; `inner` is declared before `_db`, so it is
        // dropped first, and it is never moved out or lent with the `'static` lifetime.
        let inner = unsafe {
            mem::transmute::<rocksdb::SnapshotWithThreadMode<'_, DB>, rocksdb::SnapshotWithThreadMode<'static, DB>>(
                borrowed,
            )
        };
        failpoint!("store::snapshot");
        Self { inner, _db: Arc::clone(db) }
    }

    pub(super) fn apply(&self, read: &mut ReadOptions) {
        read.set_snapshot(&self.inner);
    }
}

/// Which entries an iterator meets, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scan {
    /// First key.
    pub(crate) lower: Vec<u8>,
    /// Key before which it ends; `None` for the end of the family.
    pub(crate) upper: Option<Vec<u8>>,
    /// Leaves the block cache as it is, for scans that nobody repeats.
    pub(crate) bypass_cache: bool,
    /// Shows what range deletions hide: for proofs of physical emptiness.
    pub(crate) see_range_deleted: bool,
    /// Fails once it has passed over so many deleted entries in a row; `None` for no limit.
    pub(crate) max_deleted: Option<u64>,
    /// Meets only what no file holds yet.
    pub(crate) buffers_only: bool,
}

impl Scan {
    /// Scans from `lower` up to, not including, `upper`.
    pub(crate) fn between(lower: impl Into<Vec<u8>>, upper: Option<Vec<u8>>) -> Self {
        Self { lower: lower.into(), upper, ..Self::default() }
    }

    /// Scans a whole family.
    pub(crate) fn everything() -> Self {
        Self::default()
    }
}

/// Walks over entries in key order, in total order (never through the prefix bloom filter).
pub(crate) struct Cursor {
    raw: DBRawIterator<'static>,
    _snapshot: Option<Arc<Snapshot>>,
    _db: Arc<Database>,
}

impl Cursor {
    /// Opens a cursor and moves it to the first entry of `scan`.
    pub(crate) fn open(db: &Arc<Database>, family: Family, scan: Scan, snapshot: Option<Arc<Snapshot>>) -> Self {
        let mut cursor = Self::unpositioned(db, family, scan.clone(), snapshot);
        cursor.raw.seek(&scan.lower);
        cursor
    }

    /// Opens a cursor and moves it to the last entry of `scan`.
    pub(crate) fn open_last(db: &Arc<Database>, family: Family, scan: Scan, snapshot: Option<Arc<Snapshot>>) -> Self {
        let mut cursor = Self::unpositioned(db, family, scan, snapshot);
        cursor.raw.seek_to_last();
        cursor
    }

    fn unpositioned(db: &Arc<Database>, family: Family, scan: Scan, snapshot: Option<Arc<Snapshot>>) -> Self {
        let mut read = ReadOptions::default();
        read.set_total_order_seek(true);
        read.fill_cache(!scan.bypass_cache);
        if scan.see_range_deleted {
            #[expect(
                deprecated,
                reason = "the only way to see what a range deletion hides; RocksDB 11.8 still honours it"
            )]
            read.set_ignore_range_deletions(true);
        }
        if let Some(limit) = scan.max_deleted {
            read.set_max_skippable_internal_keys(limit);
        }
        if scan.buffers_only {
            read.set_read_tier(ReadTier::Memtable);
        }
        read.set_iterate_lower_bound(scan.lower);
        if let Some(upper) = scan.upper {
            read.set_iterate_upper_bound(upper);
        }
        if let Some(snapshot) = &snapshot {
            snapshot.apply(&mut read);
        }
        let borrowed = db.rocks().raw_iterator_cf_opt(db.handle(family), read);
        // SAFETY: as for `Snapshot`: the iterator borrows the `DB` that `_db` keeps in place and alive and, where
        // its read options name one, the snapshot that `_snapshot` keeps; both are declared after `raw`.
        let raw = unsafe { mem::transmute::<DBRawIterator<'_>, DBRawIterator<'static>>(borrowed) };
        Self { raw, _snapshot: snapshot, _db: Arc::clone(db) }
    }

    /// Returns the entry under the cursor, `None` at the end.
    ///
    /// # Errors
    /// What RocksDB met while it moved the cursor.
    #[inline]
    pub(crate) fn entry(&self) -> Result<Option<(&[u8], &[u8])>> {
        match self.raw.item() {
            Some(entry) => Ok(Some(entry)),
            None => self.raw.status().map(|()| None).map_err(map_error),
        }
    }

    /// Moves to the first entry at or after `key`.
    pub(crate) fn seek(&mut self, key: &[u8]) {
        self.raw.seek(key);
    }

    /// Moves to the last entry that is not behind `key`.
    pub(crate) fn seek_back(&mut self, key: &[u8]) {
        self.raw.seek_for_prev(key);
    }

    /// Moves to the next entry.
    #[inline]
    pub(crate) fn advance(&mut self) {
        // At the end it stays there.
        self.raw.next();
    }

    /// Moves to the entry before.
    #[inline]
    pub(crate) fn retreat(&mut self) {
        self.raw.prev();
    }
}
