//! What RocksDB's files hold: the live SST files and their key spans.
//!
//! Uses `rocksdb`. Invariant: a file's span contains every key in it, range tombstones included.

use super::{Database, Family, map_error};
use crate::error::Result;

/// One live SST file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SstFile {
    pub(crate) family: Family,
    /// RocksDB's name of the file.
    pub(crate) name: String,
    /// 0 for files as they were flushed; these overlap and cannot be dropped.
    pub(crate) level: u32,
    pub(crate) size_bytes: u64,
    pub(crate) smallest: Vec<u8>,
    pub(crate) largest: Vec<u8>,
    /// Everything in it, tombstones included; 0 where RocksDB has not read the file's properties yet.
    pub(crate) entries: u64,
    /// Deletions among the entries, of single keys and of ranges.
    pub(crate) tombstones: u64,
}

impl Database {
    /// Lists the live SST files of every family. Takes RocksDB's mutex: not for a caller's path.
    pub(crate) fn live_files(&self) -> Result<Vec<SstFile>> {
        let files = self.rocks().live_files().map_err(map_error)?;
        Ok(files.into_iter().filter_map(known).collect())
    }
}

fn known(file: rocksdb::LiveFile) -> Option<SstFile> {
    Some(SstFile {
        family: Family::from_name(&file.column_family_name)?,
        name: file.name,
        level: u32::try_from(file.level).ok()?,
        size_bytes: u64::try_from(file.size).ok()?,
        smallest: file.start_key?,
        largest: file.end_key?,
        entries: file.num_entries,
        tombstones: file.num_deletions,
    })
}
