//! A view, written as a file that redis-server loads.
//!
//! Uses the read path, `types::dump` and `rdb`. Invariant: the file holds what the view shows, whole.

use std::io::{BufWriter, Write};
use std::sync::Arc;

use crate::encoding::{DataType, Meta, UnixMillis};
use crate::engine::{Db, KeyCounts, Store, View, ViewNamespace};
use crate::error::{Error, Result};
use crate::rdb::FileWriter;
use crate::types::dump::{self, MAX_DUMP_BYTES};

/// How much is gathered before it is written.
const BUFFER_BYTES: usize = 256 * 1024;

/// What an export wrote.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// store.db(0).strings().set("k", "v")?;
/// let report = store.export_rdb(std::io::sink())?;
/// assert_eq!((report.counts.strings, report.keys()), (1, 1));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportReport {
    /// The keys that were written.
    pub counts: KeyCounts,
    /// Bytes of the file.
    pub bytes: u64,
}

impl ExportReport {
    /// Returns how many keys were written.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(windrow::ExportReport::default().keys(), 0);
    /// ```
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.counts.keys()
    }
}

impl Store {
    /// Writes the default namespace, as it is at this moment, as an RDB file; see [`ViewNamespace::export_rdb`].
    ///
    /// # Errors
    /// As [`ViewNamespace::export_rdb`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "v")?;
    /// let file = std::fs::File::create(dir.path().join("dump.rdb")).unwrap();
    /// assert_eq!(store.export_rdb(file)?.keys(), 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias("SAVE", "BGSAVE"))]
    pub fn export_rdb(&self, to: impl Write) -> Result<ExportReport> {
        self.view()?.export_rdb(to)
    }
}

impl View {
    /// Writes the default namespace as an RDB file; see [`ViewNamespace::export_rdb`].
    ///
    /// # Errors
    /// As [`ViewNamespace::export_rdb`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let view = store.view()?;
    /// store.db(0).strings().set("later", "v")?;
    /// assert_eq!(view.export_rdb(std::io::sink())?.keys(), 0);
    /// # Ok(()) }
    /// ```
    pub fn export_rdb(&self, to: impl Write) -> Result<ExportReport> {
        self.namespace([]).export_rdb(to)
    }
}

impl ViewNamespace {
    /// Writes all dbs of the namespace as an RDB file of version 10, with expiries, which redis-server 7.0 and later load if
    /// they have as many dbs, and [`Namespace::import_rdb`](crate::Namespace::import_rdb) does. `to` need not be buffered; it is
    /// flushed, and what more it takes to have a file on stable storage is the caller's.
    ///
    /// Costs a read of everything, and memory for the largest value.
    ///
    /// # Errors
    /// [`TooLarge`](crate::ErrorKind::TooLarge) for a value that would take more than 4 GiB; [`Io`](crate::ErrorKind::Io) if `to`
    /// fails; else as [`Db::exists`]. What was written is no file then.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.namespace("tenant").db(1).sets().add("s", ["a"])?;
    /// let mut file = Vec::new();
    /// let report = store.view()?.namespace("tenant").export_rdb(&mut file)?;
    /// assert_eq!(report.counts.sets, 1);
    /// assert!(file.starts_with(b"REDIS0010"));
    /// # Ok(()) }
    /// ```
    pub fn export_rdb(&self, to: impl Write) -> Result<ExportReport> {
        let mut report = ExportReport::default();
        let mut writer = FileWriter::begin(BufWriter::with_capacity(BUFFER_BYTES, to)).map_err(cannot_write)?;
        self.each_key(|found| {
            let expires_at = found.expires_at.map(UnixMillis::get);
            writer.key(found.db, found.key, expires_at, &found.value).map_err(cannot_write)?;
            report.counts.count(found.data_type, expires_at.is_some());
            Ok(true)
        })?;
        report.bytes = writer.finish().map_err(cannot_write)?;
        Ok(report)
    }

    /// Hands every key over, until `visit` answers that this is enough.
    pub(super) fn each_key(&self, mut visit: impl FnMut(Exported<'_>) -> Result<bool>) -> Result<()> {
        for number in self.frozen().dbs(self.name()) {
            let db = Db::new(self.frozen().clone(), Arc::clone(self.name()), number);
            let reading = db.begin()?.steady();
            let mut keys = db.keys("")?;
            while let Some(key) = keys.next_ref()? {
                let absent = || Error::corrupt("a view lists a key that it does not show");
                let meta = reading.live(key)?.ok_or_else(absent)?;
                let value = dump::value(&reading.reader, &meta, MAX_DUMP_BYTES)?;
                let Meta { data_type, expires_at, .. } = meta;
                if !visit(Exported { db: number, key, data_type, expires_at, value })? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// A key of a view.
pub(super) struct Exported<'k> {
    pub(super) db: u32,
    pub(super) key: &'k [u8],
    pub(super) data_type: DataType,
    pub(super) expires_at: Option<UnixMillis>,
    /// The byte of its type and the value.
    pub(super) value: Vec<u8>,
}

fn cannot_write(error: std::io::Error) -> Error {
    Error::io("the file cannot be written", error)
}
