//! unlink: the yardstick. The SST files of windrow's elements, unlinked by hand one after the other.
//!
//! Uses windrow's strategy and `../../common/bare.rs`. Invariant: the files are those of a store of its own that was loaded as
//! windrow's was, so they have their own blocks and lie in the system's cache as windrow's do; when death comes, nothing else is left.
//!
//! In its favour: nobody has to find out that they are dead, nor to make that durable.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use ::windrow::Options;

use super::windrow::Windrow;
use super::{Checked, Engine, Io};
use crate::bare::Bare;
use crate::workload::Workload;

/// Unlinks.
pub(super) struct Unlink {
    path: PathBuf,
    options: Options,
    state: Mutex<State>,
}

enum State {
    Open(Box<Windrow>),
    Closed { files: Vec<PathBuf>, io: Io, took: Option<Duration> },
}

impl Unlink {
    pub(super) fn open(directory: &Path, options: &Options) -> Self {
        let windrow = Box::new(Windrow::open(directory, options, false));
        Self { path: directory.join("store"), options: options.clone(), state: Mutex::new(State::Open(windrow)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing failed")
    }

    /// Writes what is only in the log to files, lists those with elements, and removes all others.
    fn leave_data_files(&self) -> Vec<PathBuf> {
        let bare =
            Bare::open_tuned(&self.path, &self.options, |_, settings| settings.set_disable_auto_compactions(true));
        let live = bare.db().live_files().expect("the list of files");
        let data = live.iter().filter(|file| file.column_family_name.starts_with("data-"));
        let data: Vec<PathBuf> = data.map(|file| self.path.join(file.name.trim_start_matches('/'))).collect();
        drop(bare);
        for entry in fs::read_dir(&self.path).expect("the store's files").flatten() {
            if !data.contains(&entry.path()) {
                fs::remove_file(entry.path()).expect("remove a file");
            }
        }
        data
    }
}

impl Engine for Unlink {
    fn load(&self, workload: &Workload) {
        if let State::Open(windrow) = &*self.state() {
            windrow.load(workload);
        }
    }

    fn prepare(&self) {
        let mut state = self.state();
        let io = match &*state {
            State::Open(windrow) => windrow.io(),
            State::Closed { .. } => return,
        };
        let closed = State::Closed { files: Vec::new(), io, took: None };
        if let State::Open(windrow) = std::mem::replace(&mut *state, closed) {
            windrow.close();
        }
        if let State::Closed { files, .. } = &mut *state {
            *files = self.leave_data_files();
        }
    }

    fn expire(&self, _workload: &Workload) {}

    fn reap(&self, _expired: u64, _limit: Duration) {}

    fn reclaim(&self, _limit: Duration) {
        if let State::Closed { files, took, .. } = &mut *self.state() {
            let began = Instant::now();
            for file in files.drain(..) {
                fs::remove_file(file).expect("unlink a file");
            }
            *took = Some(began.elapsed());
        }
    }

    fn reclaim_took(&self) -> Option<Duration> {
        match &*self.state() {
            State::Closed { took, .. } => *took,
            State::Open(_) => None,
        }
    }

    fn is_done(&self) -> bool {
        true
    }

    fn activity(&self) -> u64 {
        match &*self.state() {
            State::Open(windrow) => windrow.activity(),
            State::Closed { .. } => 0,
        }
    }

    fn io(&self) -> Io {
        match &*self.state() {
            State::Open(windrow) => windrow.io(),
            State::Closed { io, .. } => *io,
        }
    }

    /// There is no store left to check.
    fn check(self: Box<Self>, _workload: &Workload) -> Checked {
        Checked::default()
    }
}
