//! What the file system holds for a store: the files of its directory, and files that are unlinked but still open.
//!
//! Uses the file system alone. Invariant: a byte counts until the file system could give it to somebody else, so
//! space is never called free too early.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

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
    pub(crate) fn total(&self) -> u64 {
        self.sst_bytes + self.log_bytes + self.rest_bytes
    }
}

/// The files that a store takes, each with what it is charged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    files: Vec<(PathBuf, u64)>,
    /// How many of them, at the end, are unlinked and still open.
    unlinked: usize,
}

impl Files {
    /// Measures a directory. Files that vanish meanwhile count nothing.
    pub(crate) fn of(directory: &Path) -> Self {
        let mut files = Self::default();
        files.add_directory(directory);
        files
    }

    /// Measures a directory, and with it the files that were unlinked from it and are still open here.
    pub(crate) fn with_unlinked(directory: &Path) -> Self {
        let mut files = Self::of(directory);
        let unlinked = unlinked_files(directory);
        files.unlinked = unlinked.len();
        files.files.extend(unlinked.into_iter().map(|(path, bytes)| (path.into(), bytes)));
        files
    }

    fn add_directory(&mut self, directory: &Path) {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let Ok(seen) = entry.metadata() else { continue };
            if seen.is_dir() {
                self.add_directory(&entry.path());
            } else if seen.is_file() {
                self.files.push((entry.path(), charged_bytes(&seen)));
            }
        }
    }

    /// Sums everything, by kind.
    pub(crate) fn total(&self) -> DiskUse {
        let mut disk = DiskUse::default();
        for (path, bytes) in &self.files {
            match kind(path) {
                Some("sst") => disk.sst_bytes += bytes,
                Some("log") => disk.log_bytes += bytes,
                _ => disk.rest_bytes += bytes,
            }
        }
        disk.unlinked_bytes = self.files.iter().rev().take(self.unlinked).map(|(_, bytes)| bytes).sum();
        disk
    }

    /// Sums the SST files with a name that is wanted.
    pub(crate) fn sst_bytes_of(&self, wanted: impl Fn(&str) -> bool) -> u64 {
        let is_wanted =
            |path: &Path| kind(path) == Some("sst") && path.to_str().is_some_and(|path| wanted(file_name(path)));
        self.files.iter().filter(|(path, _)| is_wanted(path)).map(|(_, bytes)| bytes).sum()
    }
}

fn kind(path: &Path) -> Option<&str> {
    path.extension().and_then(|extension| extension.to_str())
}

/// Returns the last part of a path. RocksDB names its files with a slash before.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
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
        let disk = Files::of(dir.path()).total();
        assert!((4096..8192).contains(&disk.sst_bytes), "{disk:?}");
        assert!((8192..16_384).contains(&disk.log_bytes), "{disk:?}");
        assert!((1..=4096).contains(&disk.rest_bytes), "{disk:?}");
        assert_eq!(disk.total(), disk.sst_bytes + disk.log_bytes + disk.rest_bytes);
    }

    #[test]
    fn sst_files_are_told_apart_by_their_names() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["000001.sst", "000002.sst", "000002.log"] {
            fs::write(dir.path().join(name), vec![1; 5000]).unwrap();
        }
        let files = Files::of(dir.path());
        let second = files.sst_bytes_of(|name| name == file_name("/000002.sst"));
        assert!((5000..=8192).contains(&second), "{files:?}");
        assert_eq!(files.total().sst_bytes, 2 * second);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_unlinked_file_counts_until_it_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(dir.path()).unwrap();
        fs::write(path.join("000001.sst"), vec![1; 4096]).unwrap();
        let open = fs::File::open(path.join("000001.sst")).unwrap();
        fs::remove_file(path.join("000001.sst")).unwrap();
        assert_eq!(Files::of(&path).total().total(), 0);
        let disk = Files::with_unlinked(&path).total();
        assert!(disk.sst_bytes >= 4096 && disk.unlinked_bytes == disk.sst_bytes, "{disk:?}");
        drop(open);
        assert_eq!(Files::with_unlinked(&path).total().total(), 0);
    }
}
