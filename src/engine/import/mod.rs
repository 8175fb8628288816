//! What others wrote, taken over: RDB files and append-only files.
//!
//! Uses the write path, the bulk load, `types` and `rdb`. Invariant: each key comes whole or not at all, and whatever did not come is
//! counted with the reason.

mod aof;
mod feed;
mod load;
mod lots;
mod parallel;
mod report;

pub use aof::append_only_parts;
pub use report::{ImportReport, Refusal};

use std::io::Read;

use parking_lot::Mutex;

use crate::engine::{Namespace, Store};
use crate::error::Result;

/// The most threads that write. More: each takes memory, and they wait for the same commits; fewer: large machines idle.
const MAX_THREADS: usize = 64;

/// What an import does with a key that is there already.
///
/// # Examples
/// ```
/// use windrow::{Existing, ImportOptions};
/// let options = ImportOptions::new().existing(Existing::Keep);
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Existing {
    /// The import ends with [`KeyExists`](crate::ErrorKind::KeyExists). What came before stays.
    #[default]
    Fail,
    /// The key stays as it is, and is counted.
    Keep,
    /// The key is replaced, of whatever type it is.
    Replace,
}

/// How an import goes about its work.
///
/// # Examples
/// ```
/// use windrow::{Existing, ImportOptions};
/// let options = ImportOptions::new().existing(Existing::Replace).threads(2);
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct ImportOptions {
    existing: Existing,
    threads: usize,
}

impl ImportOptions {
    /// Replaces nothing, and writes with a thread for each core, up to four.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(windrow::ImportOptions::new(), windrow::ImportOptions::default());
    /// ```
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { existing: Existing::default(), threads: cores.min(4) }
    }

    /// Says what becomes of keys that are there already.
    ///
    /// # Examples
    /// ```
    /// use windrow::{Existing, ImportOptions};
    /// assert_ne!(ImportOptions::new().existing(Existing::Keep), ImportOptions::new());
    /// ```
    pub fn existing(mut self, existing: Existing) -> Self {
        self.existing = existing;
        self
    }

    /// Writes with so many threads, at least one and at most 64, beside the one that reads.
    ///
    /// # Examples
    /// ```
    /// let options = windrow::ImportOptions::new().threads(1);
    /// # let _ = options;
    /// ```
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.clamp(1, MAX_THREADS);
        self
    }
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl Store {
    /// Imports an RDB file into the default namespace; see [`Namespace::import_rdb`].
    ///
    /// # Errors
    /// As [`Namespace::import_rdb`].
    ///
    /// # Examples
    /// ```
    /// use windrow::ImportOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// // What redis-server saves that holds nothing.
    /// let report = store.import_rdb(b"REDIS0010\xff\0\0\0\0\0\0\0\0".as_slice(), ImportOptions::new())?;
    /// assert_eq!(report.keys(), 0);
    /// # Ok(()) }
    /// ```
    pub fn import_rdb(&self, from: impl Read, options: ImportOptions) -> Result<ImportReport> {
        self.namespace([]).import_rdb(from, options)
    }
}

impl Namespace {
    /// Imports an RDB file, as Redis up to 7.0 and [`View::export_rdb`](crate::View::export_rdb) write it: each key into the db
    /// of this namespace in which it was, with its expiry. Streams, modules' values and functions are not supported; they are
    /// passed over and counted, as are keys that have expired. `from` need not be buffered.
    ///
    /// Into a db that holds nothing, keys come by a [`BulkLoad`](crate::BulkLoad), if they are many and nobody has subscribed to
    /// events: all those of the db appear at once, when the file goes on to another db or ends, and it goes several times as fast.
    /// Else they are committed some dozens at a time, with the locks of these keys held. Whatever durability was chosen, all of
    /// them are made durable by one sync at the end: everything is on stable storage when this returns `Ok`. A key that somebody else
    /// writes meanwhile counts as one that is there already, either way; and so does one that comes twice in the file.
    ///
    /// Costs a look at the place of each key, a write of its value, and memory for at most 4 MiB of values for each thread, and
    /// beside them for one value, the largest of the file at worst, as it is in the file, unpacked and in its commit. A bulk load
    /// costs no look; it takes 64 MiB of memory, 4 MiB more for each thread, and on disk the space of the values twice for a while.
    ///
    /// # Errors
    /// [`BadDump`](crate::ErrorKind::BadDump) for a file that is damaged or newer, with the place;
    /// [`KeyExists`](crate::ErrorKind::KeyExists) unless told otherwise; [`Io`](crate::ErrorKind::Io) if `from` fails or a thread
    /// cannot be started; [`InvalidInput`](crate::ErrorKind::InvalidInput) inside a transaction of this store; else as
    /// [`Db::delete`](crate::Db::delete). What was imported before an error stays.
    ///
    /// # Examples
    /// ```
    /// use windrow::{ImportOptions, Store};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = Store::open(dir.path().join("s"))?;
    /// # let other = Store::open(dir.path().join("t"))?;
    /// store.db(3).sets().add("s", ["a", "b"])?;
    /// let mut file = Vec::new();
    /// store.view()?.export_rdb(&mut file)?;
    ///
    /// let copies = other.namespace("copies");
    /// let report = copies.import_rdb(file.as_slice(), ImportOptions::new())?;
    /// assert_eq!((report.counts.sets, report.keys()), (1, 1));
    /// assert!(copies.db(3).sets().contains("s", "a")?);
    /// # Ok(()) }
    /// ```
    pub fn import_rdb(&self, from: impl Read, options: ImportOptions) -> Result<ImportReport> {
        let mut report = ImportReport::default();
        self.import_rdb_counted(from, options, &mut report)?;
        Ok(report)
    }

    /// Imports an RDB file as [`Namespace::import_rdb`] does, and adds to `report` what came, also if it ends with an error.
    ///
    /// # Errors
    /// As [`Namespace::import_rdb`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{ImportOptions, ImportReport};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let cut = b"REDIS0010\xfe\x00\x00\x01k\x01v\x00".as_slice();
    /// let mut report = ImportReport::default();
    /// let done = store.namespace([]).import_rdb_counted(cut, ImportOptions::new(), &mut report);
    /// assert!(done.is_err());
    /// assert_eq!(report.keys(), 1);
    /// # Ok(()) }
    /// ```
    pub fn import_rdb_counted(&self, from: impl Read, options: ImportOptions, report: &mut ImportReport) -> Result<()> {
        let counted = Mutex::default();
        let done = load::file(self, from, options, &counted).map(drop);
        report.add(counted.into_inner());
        done
    }
}
