//! Saves: checkpoints of the store beside it.
//!
//! May use the store. Invariants: one save is made at a time; a directory has its name as a save once it is whole; no more than the
//! newest few are kept, and nothing else in their directory is touched.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::shared::Shared;
use crate::{Clock, Store, SystemClock};

/// How names of saves begin; the time in milliseconds since 1970 follows.
const SAVE: &str = "save-";

/// How names of saves begin that are not whole yet.
const SAVING: &str = "saving-";

/// What is known of saves.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// When the one began that is being made.
    pub(crate) began: Option<Instant>,
    /// Seconds since 1970 of the last good one; of the start, if there is none.
    pub(crate) last_time: u64,
    /// How long the last one took.
    pub(crate) last_took: Option<Duration>,
    /// Why the last one failed, if it did.
    pub(crate) last_error: Option<String>,
    /// Good ones since the start.
    pub(crate) made: u64,
    /// The store's number of changes when the last good one began.
    pub(crate) changes: u64,
    /// Where the last good one lies.
    pub(crate) last_path: Option<PathBuf>,
}

/// The saves of a store.
#[derive(Debug)]
pub(crate) struct Saves {
    directory: PathBuf,
    kept: usize,
    told: Mutex<Told>,
}

/// A save that may begin: nobody else's does until it has ended.
#[derive(Debug)]
pub(crate) struct Turn {
    shared: Arc<Shared>,
    began: Instant,
    changes: u64,
}

impl Saves {
    /// Finds what was saved before, and removes what was left unfinished.
    pub(crate) fn of(store: &Store, kept: usize) -> Self {
        let directory = beside(store.path());
        for name in names(&directory).filter(|name| is_numbered(name, SAVING)) {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_dir_all(directory.join(name));
        }
        let newest = finished(&directory).pop();
        let last_time = newest.as_ref().map_or_else(now, |(at, _)| Duration::from_millis(*at));
        let told = Told {
            began: None,
            last_time: last_time.as_secs(),
            last_took: None,
            last_error: None,
            made: 0,
            changes: store.changes(),
            last_path: newest.map(|(_, name)| directory.join(name)),
        };
        Self { directory, kept, told: Mutex::new(told) }
    }

    pub(crate) fn told(&self) -> Told {
        self.told.lock().clone()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        finished(&self.directory).len()
    }

    /// Takes the turn to save; `None` while another save is being made.
    pub(crate) fn take_turn(shared: &Arc<Shared>) -> Option<Turn> {
        let mut told = shared.saves.told.lock();
        if told.began.is_some() {
            return None;
        }
        let began = Instant::now();
        told.began = Some(began);
        Some(Turn { shared: Arc::clone(shared), began, changes: shared.store.changes() })
    }

    fn make(&self, store: &Store) -> Result<(Duration, PathBuf), String> {
        let failed = |error: io::Error| format!("{}: {error}", self.directory.display());
        fs::create_dir_all(&self.directory).map_err(failed)?;
        // A clock that was set back must not let a new save look older than those before it.
        let newest = finished(&self.directory).pop().map_or(0, |(at, _)| at);
        let at = now().max(Duration::from_millis(newest.saturating_add(1)));
        let unfinished = self.directory.join(format!("{SAVING}{}", at.as_millis()));
        store.checkpoint(&unfinished).map_err(|error| error.to_string())?;
        let path = self.directory.join(format!("{SAVE}{}", at.as_millis()));
        fs::rename(&unfinished, &path).map_err(failed)?;
        sync_directory(&self.directory).map_err(failed)?;
        let mut saves = finished(&self.directory);
        saves.truncate(saves.len().saturating_sub(self.kept));
        for (_, name) in saves {
            let old = self.directory.join(name);
            if let Err(error) = fs::remove_dir_all(&old) {
                tracing::warn!(%error, path = %old.display(), "an old save cannot be removed");
            }
        }
        Ok((at, path))
    }
}

impl Turn {
    /// Makes the save.
    pub(crate) fn save(self) -> Result<(), String> {
        let saves = &self.shared.saves;
        let made = saves.make(&self.shared.store);
        let mut told = saves.told.lock();
        match made {
            Ok((at, path)) => {
                let took = self.began.elapsed();
                tracing::info!(path = %path.display(), millis = took.as_millis(), "a save was made");
                told.last_time = at.as_secs();
                told.last_path = Some(path);
                told.last_took = Some(took);
                told.last_error = None;
                told.made += 1;
                told.changes = self.changes;
                Ok(())
            }
            Err(why) => {
                tracing::error!("a save failed: {why}");
                told.last_error = Some(why.clone());
                Err(why)
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.shared.saves.told.lock().began = None;
    }
}

/// The directory of the saves of a store: its name with `-saves` behind it.
fn beside(store: &Path) -> PathBuf {
    // WHY: the name of `.` is nowhere but in the whole path.
    let store = fs::canonicalize(store).unwrap_or_else(|_| store.to_owned());
    let mut name = store.file_name().unwrap_or_default().to_owned();
    name.push("-saves");
    store.with_file_name(name)
}

fn now() -> Duration {
    Duration::from_millis(SystemClock::default().wall().get())
}

fn names(directory: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

fn is_numbered(name: &str, prefix: &str) -> bool {
    number(name, prefix).is_some()
}

fn number(name: &str, prefix: &str) -> Option<u64> {
    name.strip_prefix(prefix)?.parse().ok()
}

/// The whole saves with their times, the oldest first.
fn finished(directory: &Path) -> Vec<(u64, String)> {
    let mut found: Vec<(u64, String)> =
        names(directory).filter_map(|name| number(&name, SAVE).map(|at| (at, name))).collect();
    found.sort_unstable();
    found
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}
