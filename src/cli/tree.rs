//! Real input: every regular file under a directory is a set of its 4 KiB blocks, each with its number before it.
//!
//! Uses the file system. Invariant: symbolic links are not followed, and what cannot be read is named and counted.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::progress::Progress;
use super::text::{count, wide};
use super::workload::{Members, Workload};
use super::{Failure, Result};

/// Bytes of a block.
pub(crate) const BLOCK_BYTES: usize = 4096;

/// The files under a directory, in the order of their paths.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    windows: u32,
    files: Vec<Listed>,
}

/// A file as it was when the tree was listed.
#[derive(Debug)]
struct Listed {
    path: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
}

impl Tree {
    /// Lists the files; directories that cannot be read are named on the way.
    pub(crate) fn list(root: &Path, windows: u32, progress: &Progress) -> Result<Self> {
        fs::read_dir(root).map_err(|error| Failure::at("cannot read", root, error))?;
        let mut files = Vec::new();
        let mut open = vec![root.to_owned()];
        while let Some(directory) = open.pop() {
            let listed = fs::read_dir(&directory).and_then(|entries| {
                for entry in entries {
                    let entry = entry?;
                    let kind = entry.file_type()?;
                    if kind.is_dir() {
                        open.push(entry.path());
                    } else if kind.is_file() {
                        files.push(Listed::now(entry.path()));
                    }
                }
                Ok(())
            });
            if let Err(error) = listed {
                progress.unreadable(&directory, &error);
            }
        }
        if files.is_empty() {
            return Err(Failure::at("nothing to write under", root, "no regular file"));
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self { root: root.to_owned(), windows, files })
    }

    fn listed(&self, index: usize) -> io::Result<&Listed> {
        self.files.get(index).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn boundary(&self, window: u32) -> usize {
        let share = self.files.len() as u128 * u128::from(window) / u128::from(self.windows.max(1));
        usize::try_from(share).unwrap_or(usize::MAX)
    }
}

impl Listed {
    fn now(path: PathBuf) -> Self {
        let seen = fs::symlink_metadata(&path).ok();
        Self {
            length: seen.as_ref().map_or(0, fs::Metadata::len),
            modified: seen.and_then(|seen| seen.modified().ok()),
            path,
        }
    }
}

impl Workload for Tree {
    fn window(&self, window: u32) -> Range<usize> {
        self.boundary(window)..self.boundary(window.saturating_add(1)).min(self.files.len())
    }

    fn collections(&self) -> usize {
        self.files.len()
    }

    fn key(&self, index: usize) -> Vec<u8> {
        let path = self.listed(index).map_or(Path::new(""), |file| &file.path);
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        below.as_os_str().as_encoded_bytes().to_vec()
    }

    fn members(&self, index: usize) -> io::Result<Members<'_>> {
        let file = File::open(&self.listed(index)?.path)?;
        Ok(Box::new(Blocks { file, next: Some(0) }))
    }

    fn has_changed(&self, index: usize) -> bool {
        self.listed(index).map_or(true, |listed| {
            let now = Listed::now(listed.path.clone());
            (now.length, now.modified) != (listed.length, listed.modified)
        })
    }

    fn describe(&self) -> String {
        format!("{} windows of {} files under {}", self.windows, count(wide(self.files.len())), self.root.display())
    }
}

/// Reads a file in numbered blocks; an empty file is one empty block.
struct Blocks {
    file: File,
    /// The number of the next block, unless the last one has been read.
    next: Option<u32>,
}

impl Iterator for Blocks {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.next.take()?;
        let mut member = Vec::with_capacity(4 + BLOCK_BYTES);
        member.extend(number.to_be_bytes());
        match (&mut self.file).take(wide(BLOCK_BYTES)).read_to_end(&mut member) {
            Err(error) => Some(Err(error)),
            Ok(0) if number > 0 => None,
            Ok(read) => {
                if read == BLOCK_BYTES {
                    self.next = number.checked_add(1);
                }
                Some(Ok(member))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, usize)], windows: u32) -> (tempfile::TempDir, Tree) {
        let dir = tempfile::tempdir().unwrap();
        for (name, length) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, vec![7; *length]).unwrap();
        }
        let tree = Tree::list(dir.path(), windows, &Progress::silent()).unwrap();
        (dir, tree)
    }

    #[test]
    fn a_file_is_its_numbered_blocks_and_an_empty_one_is_one_empty_block() {
        let (_dir, tree) = tree(&[("0", 0), ("1", 1), ("2", 4096), ("3", 4097), ("4", 12_288)], 1);
        let lengths = |index| -> Vec<usize> {
            let members = tree.members(index).unwrap().map(io::Result::unwrap);
            members
                .enumerate()
                .map(|(number, member)| {
                    assert_eq!(member[..4], u32::try_from(number).unwrap().to_be_bytes());
                    member.len() - 4
                })
                .collect()
        };
        assert_eq!(lengths(0), [0]);
        assert_eq!(lengths(1), [1]);
        assert_eq!(lengths(2), [4096]);
        assert_eq!(lengths(3), [4096, 1]);
        assert_eq!(lengths(4), [4096, 4096, 4096]);
    }

    #[test]
    fn windows_split_the_files_without_gap_or_overlap() {
        let (_dir, tree) = tree(&[("a/x", 1), ("a/y", 1), ("b", 1), ("c/d/e", 1), ("f", 1)], 3);
        let all: Vec<usize> = (0..3).flat_map(|window| tree.window(window)).collect();
        assert_eq!(all, [0, 1, 2, 3, 4]);
        assert_eq!(tree.key(0), b"a/x");
        assert_eq!(tree.key(3), b"c/d/e");
    }

    #[test]
    fn a_file_that_was_written_to_has_changed() {
        let (dir, tree) = tree(&[("a", 10), ("b", 10)], 1);
        fs::write(dir.path().join("a"), "other").unwrap();
        assert!(tree.has_changed(0));
        assert!(!tree.has_changed(1));
    }

    #[cfg(unix)]
    #[test]
    fn symbolic_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "a").unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("loop")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("a"), dir.path().join("b")).unwrap();
        let tree = Tree::list(dir.path(), 1, &Progress::silent()).unwrap();
        assert_eq!(tree.collections(), 1);
    }
}
