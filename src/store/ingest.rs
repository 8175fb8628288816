//! SST files that are written beside the database and taken in as they are, without its log and its write buffers.
//!
//! Uses `rocksdb`. Invariant: such a file looks as the family's own do, and its keys ascend.

use std::path::{Path, PathBuf};

use rocksdb::{Cache, IngestExternalFileOptions, Options as RocksOptions, SstFileWriter};

use super::{Database, Family, map_error, tuning};
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::options::Options;

/// Whoever writes a file reads nothing through a cache, but the options name one.
const NO_CACHE_BYTES: usize = 64 << 10;

/// What the files of one family look like.
pub(crate) struct FileShape {
    settings: RocksOptions,
}

impl FileShape {
    /// Returns what the files of `family` look like in a store with these options.
    pub(crate) fn of(family: Family, options: &Options) -> Result<Self> {
        Ok(Self { settings: tuning::shape(family, options, &Cache::new_lru_cache(NO_CACHE_BYTES))? })
    }
}

/// Writes one file.
pub(crate) struct SstWriter<'s> {
    inner: SstFileWriter<'s>,
}

impl<'s> SstWriter<'s> {
    /// Creates the file.
    pub(crate) fn create(shape: &'s FileShape, path: &Path) -> Result<Self> {
        let inner = SstFileWriter::create(&shape.settings);
        inner.open(path).map_err(map_error)?;
        Ok(Self { inner })
    }

    /// Adds an entry, whose key is above all keys before it.
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.inner.put(key, value).map_err(map_error)
    }

    /// Returns how many bytes were written so far; what waits for its block to be full is not among them.
    pub(crate) fn bytes(&self) -> u64 {
        self.inner.file_size()
    }

    /// Ends the file, which has an entry at least, and puts it on stable storage.
    pub(crate) fn finish(mut self) -> Result<()> {
        failpoint!("store::write_file", |_| Err(crate::Error::new(
            crate::ErrorKind::Io,
            "failpoint store::write_file"
        )));
        self.inner.finish().map_err(map_error)
    }
}

impl Database {
    /// Moves files into a family, all of them at once and durably. They must not overlap each other. Each goes to the lowest level
    /// where it fits; if it overlaps what is in a write buffer, that is flushed first.
    ///
    /// Their entries count as older than every snapshot: what nobody could have read before needs no order among commits. No copy
    /// is made meanwhile, so one that has a commit from after this has the files, too.
    pub(crate) fn ingest(&self, family: Family, files: &[PathBuf]) -> Result<()> {
        failpoint!("store::ingest", |_| Err(crate::Error::new(crate::ErrorKind::Io, "failpoint store::ingest")));
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        options.set_snapshot_consistency(false);
        let _no_copy = self.taking_in.lock();
        self.rocks()
            .ingest_external_file_cf_opts(self.handle(family), &options, files.to_vec())
            .map_err(|error| self.write_error(error))
    }
}
