//! Files of one family, one behind the other.
//!
//! Uses `store`. Invariant: the files do not overlap, as keys ascend.

use std::path::PathBuf;

use crate::error::Result;
use crate::store::{FileShape, Scratch, SstWriter};

/// Writes entries in the order of their keys, to as many files as they need.
pub(super) struct Series<'a> {
    shape: &'a FileShape,
    scratch: &'a Scratch,
    paths: &'a mut Vec<PathBuf>,
    file_bytes: u64,
    open: Option<SstWriter<'a>>,
}

impl<'a> Series<'a> {
    /// Adds the files that it writes to `paths`.
    pub(super) fn new(
        shape: &'a FileShape,
        scratch: &'a Scratch,
        paths: &'a mut Vec<PathBuf>,
        file_bytes: u64,
    ) -> Self {
        Self { shape, scratch, paths, file_bytes, open: None }
    }

    /// Writes an entry.
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let mut file = match self.open.take() {
            Some(file) => file,
            None => {
                let path = self.scratch.new_file();
                self.paths.push(path.clone());
                SstWriter::create(self.shape, &path)?
            }
        };
        file.put(key, value)?;
        if file.bytes() >= self.file_bytes {
            file.finish()?;
        } else {
            self.open = Some(file);
        }
        Ok(())
    }

    /// Ends the last file.
    pub(super) fn finish(self) -> Result<()> {
        self.open.map_or(Ok(()), SstWriter::finish)
    }
}
