//! The ordered store beneath: column families, commits, snapshots, cursors, range operations, file list.
//!
//! May use `encoding`, `options` and `error`. Invariant: only this folder names the `rocksdb` crate, so that
//! another ordered store with atomic batches could stand in its place.

mod batch;
mod cursor;
mod directory;
mod family;
mod files;
mod filter;
mod ingest;
mod pressure;
mod scratch;
mod tuning;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rocksdb::statistics::Ticker;
use rocksdb::{
    ColumnFamily, ColumnFamilyDescriptor, DB, FlushOptions, Options as RocksOptions, ReadOptions, WriteOptions,
};

pub(crate) use batch::Batch;
pub(crate) use cursor::{Cursor, Scan, Snapshot};
pub(crate) use directory::{Directory, finish_checkpoint, forget_checkpoint, open_or_create, open_shared};
pub(crate) use family::Family;
pub(crate) use files::SstFile;
pub(crate) use filter::{CompactionCounters, CompactionIo, EntryFilter, FilterSource};
pub(crate) use ingest::{FileShape, SstWriter};
pub(crate) use pressure::Pressure;
pub(crate) use scratch::{Scratch, left_over_ids, remove_left_over};

use crate::encoding::KeyRange;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::failpoint;
use crate::options::Options;

/// A checkpoint takes the log along instead of flushing every family. WHY: a flush at any moment cuts the families'
/// files where they overlap (see `births.rs`).
const KEEP_LOG: u64 = u64::MAX;

/// How often to look whether a flush has ended.
const FLUSH_POLL: Duration = Duration::from_millis(1);
/// Looks that may find no flush running, while one is waited for, before RocksDB is asked what is wrong.
const MAX_IDLE_POLLS: u32 = 1000;

/// An open RocksDB with windrow's families.
pub(crate) struct Database {
    db: DB,
    /// Kept for its statistics object.
    settings: RocksOptions,
    /// For reads of the present. WHY: making one allocates, and every point read would.
    present: ReadOptions,
    compactions: Arc<CompactionCounters>,
    /// The last commit that a sync of the log has covered.
    synced_through: AtomicU64,
    /// When a write has met a full disk, or what comes of it.
    full_at: Mutex<Option<Instant>>,
    /// Held while files are taken in, and while a copy is made. WHY: RocksDB lists a copy's files first and sizes its log later. Files that
    /// are taken in between are not in the copy, but a commit that links what is in them could be.
    taking_in: Mutex<()>,
}

/// Bytes that RocksDB moved since open, over all families.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct IoTotals {
    pub(crate) flushed_bytes: u64,
    pub(crate) compaction_read_bytes: u64,
    pub(crate) compaction_written_bytes: u64,
    pub(crate) log_bytes: u64,
}

impl Database {
    /// Opens the database for writing, creating it and its families when missing.
    pub(crate) fn open(path: &Path, options: &Options, source: &Arc<dyn FilterSource>) -> Result<Self> {
        let settings = tuning::database(options)?;
        let compactions = Arc::new(CompactionCounters::new());
        let families = descriptors(options, source, &compactions)?;
        let db = DB::open_cf_descriptors(&settings, path, families).map_err(map_error)?;
        Ok(Self::new(db, settings, compactions))
    }

    /// Opens the database for reading only; nothing on disk changes.
    pub(crate) fn open_read_only(path: &Path, options: &Options, source: &Arc<dyn FilterSource>) -> Result<Self> {
        let mut settings = tuning::database(options)?;
        settings.create_if_missing(false);
        settings.create_missing_column_families(false);
        let compactions = Arc::new(CompactionCounters::new());
        let families = descriptors(options, source, &compactions)?;
        let db = DB::open_cf_descriptors_read_only(&settings, path, families, false).map_err(map_error)?;
        Ok(Self::new(db, settings, compactions))
    }

    fn new(db: DB, settings: RocksOptions, compactions: Arc<CompactionCounters>) -> Self {
        let (present, synced_through) = (ReadOptions::default(), AtomicU64::new(0));
        Self {
            db,
            settings,
            present,
            compactions,
            synced_through,
            full_at: Mutex::default(),
            taking_in: Mutex::default(),
        }
    }

    /// Reads one store-wide record of a database that may be of any format, without changing a file; `None` too if no
    /// database was created yet. Costs a read of the log, beside the one that opening for writing makes.
    pub(crate) fn peek(path: &Path, options: &Options, key: &[u8]) -> Result<Option<Vec<u8>>> {
        if !path.join("CURRENT").exists() {
            return Ok(None);
        }
        let mut settings = tuning::database(options)?;
        settings.create_if_missing(false);
        settings.create_missing_column_families(false);
        let family = ColumnFamilyDescriptor::new(Family::Default.name(), tuning::store_wide());
        let db = DB::open_cf_descriptors_read_only(&settings, path, [family], false).map_err(map_error)?;
        db.get(key).map_err(map_error)
    }

    fn rocks(&self) -> &DB {
        &self.db
    }

    /// INVARIANT: all families exist from open to close, so the look-up cannot fail.
    fn handle(&self, family: Family) -> &ColumnFamily {
        #[expect(clippy::expect_used, reason = "the table of families is fixed and complete since open")]
        self.db.cf_handle(family.name()).expect("family exists since open")
    }

    /// Reads one entry and hands its bytes to `read` without a copy.
    pub(crate) fn get_with<T>(
        &self,
        family: Family,
        key: &[u8],
        snapshot: Option<&Snapshot>,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>> {
        let found = match snapshot {
            None => self.db.get_pinned_cf_opt(self.handle(family), key, &self.present),
            Some(snapshot) => {
                let mut options = ReadOptions::default();
                snapshot.apply(&mut options);
                self.db.get_pinned_cf_opt(self.handle(family), key, &options)
            }
        };
        Ok(found.map_err(map_error)?.map(|bytes| read(&bytes)))
    }

    /// Reads one entry.
    pub(crate) fn get(&self, family: Family, key: &[u8], snapshot: Option<&Snapshot>) -> Result<Option<Vec<u8>>> {
        self.get_with(family, key, snapshot, <[u8]>::to_vec)
    }

    /// Reads several entries of one moment in the order of their keys, which may repeat, and hands the bytes of each to
    /// `read` without a copy. Pins every block that it reads from until the last entry is handed over.
    pub(crate) fn get_many_with<T>(
        &self,
        family: Family,
        keys: &[Vec<u8>],
        snapshot: Option<&Snapshot>,
        read: impl Fn(&[u8]) -> T,
    ) -> Result<Vec<Option<T>>> {
        let mut options = ReadOptions::default();
        if let Some(snapshot) = snapshot {
            snapshot.apply(&mut options);
        }
        // RocksDB sorts places in the list itself, and its own sort is cheaper than one here that moves the keys.
        let found = self.db.batched_multi_get_cf_opt(self.handle(family), keys, false, &options);
        found.into_iter().map(|entry| Ok(entry.map_err(map_error)?.map(|bytes| read(&bytes)))).collect()
    }

    /// Commits a batch; with `sync`, it is on stable storage before the call returns.
    pub(crate) fn commit(&self, batch: Batch, sync: bool) -> Result<()> {
        failpoint!("store::disk_full", |_| Err(Error::new(ErrorKind::DiskFull, "failpoint store::disk_full")));
        failpoint!("store::commit", |_| Err(Error::new(ErrorKind::Io, "failpoint store::commit")));
        let mut write = WriteOptions::default();
        write.set_sync(sync);
        self.db.write_opt(batch.into_inner(), &write).map_err(|error| self.write_error(error))
    }

    /// Puts every commit made so far on stable storage. Costs nothing if the last sync covers them all.
    pub(crate) fn sync_log(&self) -> Result<()> {
        failpoint!("store::sync_log", |_| Err(Error::new(ErrorKind::Io, "failpoint store::sync_log")));
        // ORDER: the number is read before the sync, so that the sync covers it.
        let through = self.db.latest_sequence_number();
        if through > self.synced_through.load(Ordering::Acquire) {
            self.db.flush_wal(true).map_err(|error| self.write_error(error))?;
            self.synced_through.fetch_max(through, Ordering::AcqRel);
        }
        Ok(())
    }

    /// An error of what writes. WHY not each for itself: once a log or the list of files has met a full disk, RocksDB refuses in words of
    /// other kinds, until it has begun another. A fault of another kind that comes then is told apart when this one is over.
    fn write_error(&self, error: rocksdb::Error) -> Error {
        let error = map_error(error);
        let mut full_at = self.full_at.lock();
        let is_recent = full_at.is_some_and(|at| at.elapsed() < FULL_FOR);
        if error.kind() != ErrorKind::DiskFull && !(error.kind() == ErrorKind::Io && is_recent) {
            return error;
        }
        *full_at = Some(Instant::now());
        if error.kind() == ErrorKind::DiskFull {
            return error;
        }
        Error::with_source(ErrorKind::DiskFull, "the disk was full", error)
    }

    /// Writes a family's buffers to SST files and waits for it.
    pub(crate) fn flush(&self, family: Family) -> Result<()> {
        let mut options = FlushOptions::default();
        options.set_wait(true);
        self.db.flush_cf_opt(self.handle(family), &options).map_err(|error| self.write_error(error))
    }

    /// Switches a family's write buffer now and leaves the writing of it to the background. Returns whether it did: not while RocksDB has
    /// stopped all writes because flushes lag behind.
    pub(crate) fn begin_flush(&self, family: Family) -> Result<bool> {
        let mut options = FlushOptions::default();
        options.set_wait(false);
        match self.db.flush_cf_opt(self.handle(family), &options) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == rocksdb::ErrorKind::TryAgain => Ok(false),
            Err(error) => Err(self.write_error(error)),
        }
    }

    /// Waits until the buffers of a family that were switched are written.
    pub(crate) fn wait_for_flush(&self, family: Family) -> Result<()> {
        let mut idle_polls = 0_u32;
        while self.property(family, "rocksdb.num-immutable-mem-table") > 0 {
            // RocksDB counts errors of all families under the default one, since open: an old one costs a flush of its own.
            if self.property(Family::Default, "rocksdb.background-errors") > 0 {
                return self.flush(family);
            }
            // WHY: a failed write of the log stops RocksDB's background work without being counted, and what waits for it waits
            // for ever. A flush that is waited for reports it.
            idle_polls = if self.property(family, "rocksdb.num-running-flushes") > 0 { 0 } else { idle_polls + 1 };
            if idle_polls > MAX_IDLE_POLLS {
                return self.flush(family);
            }
            std::thread::sleep(FLUSH_POLL);
        }
        Ok(())
    }

    /// Copies the database as it is now into the new directory `path`: SST files by hard links where the file system
    /// can, the log byte by byte. Waits for files that are being taken in, and they wait for it.
    pub(crate) fn copy_to(&self, path: &Path) -> Result<()> {
        let _no_file_comes = self.taking_in.lock();
        failpoint!("store::copying");
        let checkpoint = rocksdb::checkpoint::Checkpoint::new(&self.db).map_err(map_error)?;
        checkpoint.create_checkpoint_with_log_size(path, KEEP_LOG).map_err(|error| self.write_error(error))
    }

    /// Returns the number of the last commit; it grows with every one.
    pub(crate) fn last_commit(&self) -> u64 {
        self.db.latest_sequence_number()
    }

    /// Returns the bytes that were written to the log since open.
    pub(crate) fn log_bytes_written(&self) -> u64 {
        self.settings.get_ticker_count(Ticker::WalFileBytes)
    }

    /// Adds up the files of the write-ahead log.
    pub(crate) fn log_file_bytes(&self) -> Result<u64> {
        let list = || -> std::io::Result<u64> {
            let mut bytes = 0;
            for entry in std::fs::read_dir(self.db.path())? {
                let entry = entry?;
                if entry.path().extension().is_some_and(|extension| extension == "log") {
                    // A log that was deleted meanwhile has no size any more.
                    bytes += entry.metadata().map_or(0, |metadata| metadata.len());
                }
            }
            Ok(bytes)
        };
        list().map_err(|error| Error::io("cannot list the log files", error))
    }

    /// Unlinks the SST files below L0 that lie wholly inside `range`, unread. Ignores snapshots (design, rule 5).
    pub(crate) fn drop_files(&self, family: Family, range: &KeyRange) -> Result<()> {
        self.db
            .delete_file_in_range_cf(self.handle(family), range.start(), range.end())
            .map_err(|error| self.write_error(error))
    }

    /// Rewrites the files that overlap the keys from `first` to `last`, both included, giving the filter a look at every entry in them.
    pub(crate) fn compact_keys(&self, family: Family, first: &[u8], last: &[u8]) {
        let options = tuning::reclaiming_compaction();
        self.db.compact_range_cf_opt(self.handle(family), Some(first), Some(last), &options);
    }

    /// Rewrites every file of a family, the lowest level too.
    #[cfg(feature = "failpoints")]
    pub(crate) fn compact_family(&self, family: Family) {
        let mut options = tuning::reclaiming_compaction();
        options.set_bottommost_level_compaction(rocksdb::BottommostLevelCompaction::Force);
        self.db.compact_range_cf_opt(self.handle(family), None::<&[u8]>, None::<&[u8]>, &options);
    }

    /// Estimates the bytes that each range takes in SST files, from their indexes.
    pub(crate) fn approximate_bytes(&self, family: Family, ranges: &[KeyRange]) -> Vec<u64> {
        let ranges: Vec<_> = ranges.iter().map(|range| rocksdb::Range::new(range.start(), range.end())).collect();
        self.db.get_approximate_sizes_cf(self.handle(family), &ranges)
    }

    /// Estimates the bytes from `first` up to `last`, as [`approximate_bytes`](Self::approximate_bytes) does.
    pub(crate) fn approximate_bytes_between(&self, family: Family, first: &[u8], last: &[u8]) -> u64 {
        let range = rocksdb::Range::new(first, last);
        self.db.get_approximate_sizes_cf(self.handle(family), &[range]).iter().sum()
    }

    /// Reads a numeric property of a family, 0 when RocksDB does not know it.
    fn property(&self, family: Family, name: &str) -> u64 {
        self.db.property_int_value_cf(self.handle(family), name).ok().flatten().unwrap_or(0)
    }

    /// Returns the entries, range deletions included, in a family's write buffers.
    pub(crate) fn buffered_entries(&self, family: Family) -> u64 {
        self.property(family, "rocksdb.num-entries-active-mem-table")
            + self.property(family, "rocksdb.num-entries-imm-mem-tables")
    }

    /// Tells whether RocksDB is about to compact a family, or compacts anything now: files may move down a level.
    pub(crate) fn is_compacting(&self, family: Family) -> bool {
        self.property(family, "rocksdb.compaction-pending") + self.property(family, "rocksdb.num-running-compactions")
            > 0
    }

    /// Returns the deletions of single keys in a family's write buffers.
    pub(crate) fn buffered_tombstones(&self, family: Family) -> u64 {
        self.property(family, "rocksdb.num-deletes-active-mem-table")
            + self.property(family, "rocksdb.num-deletes-imm-mem-tables")
    }

    /// Returns the last commit that the oldest snapshot sees; `None` without a snapshot. A compaction takes away no
    /// tombstone of a later commit, and nothing that one hides.
    pub(crate) fn oldest_snapshot(&self) -> Option<u64> {
        // RocksDB says 0 when there is none; a snapshot of the empty database holds nothing back.
        Some(self.property(Family::Default, "rocksdb.oldest-snapshot-sequence")).filter(|commit| *commit > 0)
    }

    /// Returns what compactions of a family read and wrote since open.
    pub(crate) fn compaction_io(&self, family: Family) -> CompactionIo {
        self.compactions.of(family)
    }

    /// Returns the same for the compactions that windrow asked for.
    pub(crate) fn asked_compaction_io(&self, family: Family) -> CompactionIo {
        self.compactions.asked_for_of(family)
    }

    /// Returns the bytes that RocksDB moved since open.
    pub(crate) fn io_totals(&self) -> IoTotals {
        IoTotals {
            flushed_bytes: self.settings.get_ticker_count(Ticker::FlushWriteBytes),
            compaction_read_bytes: self.settings.get_ticker_count(Ticker::CompactReadBytes),
            compaction_written_bytes: self.settings.get_ticker_count(Ticker::CompactWriteBytes),
            log_bytes: self.log_bytes_written(),
        }
    }
}

fn descriptors(
    options: &Options,
    source: &Arc<dyn FilterSource>,
    counters: &Arc<CompactionCounters>,
) -> Result<Vec<ColumnFamilyDescriptor>> {
    let cache = tuning::cache(options);
    Family::all()
        .map(|family| {
            let settings = tuning::family(family, options, &cache, source, counters)?;
            Ok(ColumnFamilyDescriptor::new(family.name(), settings))
        })
        .collect()
}

/// What RocksDB says of a full disk.
const DISK_FULL: &str = "No space left on device";

/// How long after a full disk other errors of writes are taken for its consequences: longer than any worker waits between two tries.
const FULL_FOR: Duration = Duration::from_secs(60);

fn map_error(error: rocksdb::Error) -> Error {
    let kind = match error.kind() {
        rocksdb::ErrorKind::Corruption => ErrorKind::Corruption,
        rocksdb::ErrorKind::ShutdownInProgress => ErrorKind::Closed,
        // WHY by its text: RocksDB knows it apart, its bindings do not. The words are the system's, which RocksDB takes without a locale.
        rocksdb::ErrorKind::IOError if error.as_ref().contains(DISK_FULL) => ErrorKind::DiskFull,
        _ => ErrorKind::Io,
    };
    Error::with_source(kind, "RocksDB refused", error)
}
