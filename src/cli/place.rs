//! The directory of a run's store: the one that was named, or a temporary one.
//!
//! Uses the file system. Invariants: a directory that holds anything is not touched; a temporary one is removed
//! however the run ends, unless the process is killed.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Failure, Result};

/// Attempts to find a name that nobody has.
const ATTEMPTS: u32 = 16;

/// A directory for one run.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    temporary: bool,
}

impl Place {
    /// Takes the named directory, which must be missing or empty, or makes a temporary one.
    pub(crate) fn take(named: Option<&Path>) -> Result<Self> {
        let (made, temporary) = match named {
            Some(path) => (Self::named(path)?, false),
            None => (Self::temporary()?, true),
        };
        // WHY: the names of open files, by which unlinked ones are found, are whole paths.
        match fs::canonicalize(&made) {
            Ok(path) => Ok(Self { path, temporary }),
            Err(error) => Err(Failure::at("cannot use", &made, error)),
        }
    }

    fn named(path: &Path) -> Result<PathBuf> {
        fs::create_dir_all(path).map_err(|error| Failure::at("cannot make", path, error))?;
        let mut entries = fs::read_dir(path).map_err(|error| Failure::at("cannot read", path, error))?;
        match entries.next() {
            None => Ok(path.to_owned()),
            Some(_) => Err(Failure::at("will not use", path, "the directory is not empty")),
        }
    }

    fn temporary() -> Result<PathBuf> {
        let parent = std::env::temp_dir();
        for _ in 0..ATTEMPTS {
            let path = parent.join(format!("windrow-bench-{:08x}", fastrand::u32(..)));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(path),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Failure::at("cannot make", &path, error)),
            }
        }
        Err(Failure::at("cannot make a directory in", &parent, "every name is taken"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "a temporary directory could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_directory_goes_with_the_run() {
        let place = Place::take(None).unwrap();
        let path = place.path().to_owned();
        fs::write(path.join("file"), "x").unwrap();
        drop(place);
        assert!(!path.exists());
    }

    #[test]
    fn a_named_directory_is_made_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er");
        drop(Place::take(Some(&path)).unwrap());
        assert!(path.exists());
        assert!(!Place::take(Some(&path)).unwrap().is_temporary());
    }

    #[test]
    fn a_directory_that_holds_anything_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("mine"), "x").unwrap();
        assert!(Place::take(Some(dir.path())).is_err());
        assert!(dir.path().join("mine").exists());
    }
}
