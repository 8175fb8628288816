//! Directories for files in the making, inside the store's own directory so that a finished one is moved and not copied.
//!
//! Uses `encoding` for ids. Invariant: nothing in them belongs to the store yet; the next open for writing removes what is left.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::encoding::DataFamily;
use crate::error::{Error, Result};

/// Holds one directory for each user.
const SCRATCH: &str = "BULK";

/// In each directory, the ids that were taken for its files: a line `family first end` for each run.
const IDS: &str = "ids";

/// The directory of one user; removed with it.
pub(crate) struct Scratch {
    path: PathBuf,
    next_file: AtomicU64,
    /// Left to the next open.
    keep: AtomicBool,
}

impl Scratch {
    /// Makes a directory in that of the store.
    pub(crate) fn make(store: &Path) -> Result<Self> {
        let parent = store.join(SCRATCH);
        let make = || -> io::Result<PathBuf> {
            for number in 0_u64.. {
                // Another user's end may remove the parent in between.
                fs::create_dir_all(&parent)?;
                let path = parent.join(number.to_string());
                match fs::create_dir(&path) {
                    Err(error) if [io::ErrorKind::AlreadyExists, io::ErrorKind::NotFound].contains(&error.kind()) => {}
                    made => return made.map(|()| path),
                }
            }
            Err(io::ErrorKind::AlreadyExists.into())
        };
        let path =
            make().map_err(|error| Error::io(format!("cannot make a directory in {}", parent.display()), error))?;
        Ok(Self { path, next_file: AtomicU64::new(0), keep: AtomicBool::new(false) })
    }

    /// Names a file that is not there yet.
    pub(crate) fn new_file(&self) -> PathBuf {
        self.path.join(self.next_file.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Notes that ids were taken. WHY nothing is synced: after a power loss their gap is found once its neighbours are dead.
    pub(crate) fn note_ids(&self, family: DataFamily, counters: &Range<u64>) -> Result<()> {
        let note = || -> io::Result<()> {
            let mut file = OpenOptions::new().create(true).append(true).open(self.path.join(IDS))?;
            writeln!(file, "{} {} {}", family.number(), counters.start, counters.end)
        };
        note().map_err(|error| Error::io(format!("cannot note ids in {}", self.path.display()), error))
    }

    /// Forgets them, once records in the store name them all. WHY: the next open would seek each one that has data.
    pub(crate) fn forget_ids(&self) {
        // If it stays, the open takes longer.
        let _ = fs::remove_file(self.path.join(IDS));
    }

    /// Leaves the directory, with its note of ids, to the next open.
    pub(crate) fn keep(&self) {
        self.keep.store(true, Ordering::Relaxed);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.keep.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "temporary files stay until the next open");
        }
        // Others may still have theirs in it.
        let _ = self.path.parent().map(fs::remove_dir);
    }
}

/// Lists the runs of ids that users took who never came to their end. A line that is none says nothing.
pub(crate) fn left_over_ids(store: &Path) -> Vec<(DataFamily, Range<u64>)> {
    let Ok(users) = fs::read_dir(store.join(SCRATCH)) else { return Vec::new() };
    let notes = users.flatten().flat_map(|user| fs::read_to_string(user.path().join(IDS)));
    notes.flat_map(|note| note.lines().filter_map(run_of).collect::<Vec<_>>()).collect()
}

fn run_of(line: &str) -> Option<(DataFamily, Range<u64>)> {
    let mut numbers = line.split(' ').map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok();
    let family = DataFamily::new(u8::try_from(next()?).ok()?)?;
    let counters = next()?.max(1)..next()?;
    (!counters.is_empty()).then_some((family, counters))
}

/// Removes what users left who never came to their end.
pub(crate) fn remove_left_over(store: &Path) -> Result<()> {
    let path = store.join(SCRATCH);
    let remove = || match fs::remove_dir_all(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => File::open(store)?.sync_all(),
    };
    remove().map_err(|error| Error::io(format!("cannot remove {}", path.display()), error))
}
