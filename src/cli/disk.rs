//! What the file system holds for a store: the files of its directory, and files that are unlinked but still open.
//!
//! Uses the file system alone. Invariant: a byte counts until the file system could give it to somebody else, so
//! space is never called free too early.

use std::fs::{self, Metadata};
use std::path::Path;

/// Bytes that a store takes on disk, by kind of file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DiskUse {
    /// SST files of all families.
    pub(crate) sst_bytes: u64,
    /// The write-ahead log.
    pub(crate) log_bytes: u64,
    /// Everything else: manifest, options, RocksDB's own messages.
    pub(crate) rest_bytes: u64,
    /// What of the above is unlinked, but open in this process.
    pub(crate) unlinked_bytes: u64,
}

impl DiskUse {
    /// Measures a directory. Files that vanish meanwhile count nothing.
    pub(crate) fn of(directory: &Path) -> Self {
        let mut disk = Self::default();
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let Ok(seen) = entry.metadata() else { continue };
            if seen.is_dir() {
                let below = Self::of(&entry.path());
                disk.sst_bytes += below.sst_bytes;
                disk.log_bytes += below.log_bytes;
                disk.rest_bytes += below.rest_bytes;
            } else if seen.is_file() {
                disk.add(&entry.path(), charged_bytes(&seen));
            }
        }
        disk
    }

    /// Measures a directory, and with it the files that were unlinked from it and are still open here.
    pub(crate) fn with_unlinked(directory: &Path) -> Self {
        let mut disk = Self::of(directory);
        for (path, bytes) in unlinked_files(directory) {
            disk.add(Path::new(&path), bytes);
            disk.unlinked_bytes += bytes;
        }
        disk
    }

    pub(crate) fn total(&self) -> u64 {
        self.sst_bytes + self.log_bytes + self.rest_bytes
    }

    fn add(&mut self, path: &Path, bytes: u64) {
        let kind = path.extension().and_then(|extension| extension.to_str());
        match kind {
            Some("sst") => self.sst_bytes += bytes,
            Some("log") => self.log_bytes += bytes,
            _ => self.rest_bytes += bytes,
        }
    }
}

/// What the file system charges: the blocks, also those that are only reserved.
#[cfg(unix)]
fn charged_bytes(seen: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    seen.len().max(seen.blocks().saturating_mul(512))
}

#[cfg(not(unix))]
fn charged_bytes(seen: &Metadata) -> u64 {
    seen.len()
}

/// Lists files of the directory that have no name any more. Knows only what Linux tells.
#[cfg(target_os = "linux")]
fn unlinked_files(directory: &Path) -> Vec<(String, u64)> {
    use std::os::unix::fs::MetadataExt;
    let mut seen_inodes = std::collections::HashSet::new();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
        let Ok(target) = fs::read_link(entry.path()) else {
            continue;
        };
        let Some(name) = target.to_str().and_then(|name| name.strip_suffix(" (deleted)")) else {
            continue;
        };
        if !Path::new(name).starts_with(directory) {
            continue;
        }
        if let Ok(seen) = fs::metadata(entry.path())
            && seen.is_file()
            && seen_inodes.insert((seen.dev(), seen.ino()))
        {
            found.push((name.to_owned(), charged_bytes(&seen)));
        }
    }
    found
}

#[cfg(not(target_os = "linux"))]
fn unlinked_files(_directory: &Path) -> Vec<(String, u64)> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_sorted_by_their_kind() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in [("000001.sst", 4096), ("000002.log", 8192), ("MANIFEST-1", 1)] {
            fs::write(dir.path().join(name), vec![1; bytes]).unwrap();
        }
        let disk = DiskUse::of(dir.path());
        assert!((4096..8192).contains(&disk.sst_bytes), "{disk:?}");
        assert!((8192..16_384).contains(&disk.log_bytes), "{disk:?}");
        assert!((1..=4096).contains(&disk.rest_bytes), "{disk:?}");
        assert_eq!(disk.total(), disk.sst_bytes + disk.log_bytes + disk.rest_bytes);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_unlinked_file_counts_until_it_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(dir.path()).unwrap();
        fs::write(path.join("000001.sst"), vec![1; 4096]).unwrap();
        let open = fs::File::open(path.join("000001.sst")).unwrap();
        fs::remove_file(path.join("000001.sst")).unwrap();
        assert_eq!(DiskUse::of(&path).total(), 0);
        let disk = DiskUse::with_unlinked(&path);
        assert!(disk.sst_bytes >= 4096 && disk.unlinked_bytes == disk.sst_bytes, "{disk:?}");
        drop(open);
        assert_eq!(DiskUse::with_unlinked(&path).total(), 0);
    }
}
