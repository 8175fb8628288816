//! A store in a temporary directory whose clock and background work are in the test's own hands.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use windrow::{ManualClock, Options, Store, UnixMillis};

/// When every test begins.
pub(crate) const START: UnixMillis = UnixMillis::new(1_700_000_000_000);

/// Longer than any settling takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The directory and the clock of one store.
pub(crate) struct Fixture {
    dir: TempDir,
    pub(crate) clock: ManualClock,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), clock: ManualClock::starting_at(START) }
    }

    /// A place in the temporary directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Opens the store, without background threads.
    pub(crate) fn open(&self) -> Store {
        self.open_at(&self.path("store"))
    }

    /// Opens another store with the same clock.
    pub(crate) fn open_at(&self, path: &Path) -> Store {
        Store::builder(path).clock(self.clock.clone()).options(small()).background(false).open().unwrap()
    }

    pub(crate) fn seconds_pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// Options under which little data makes many files.
pub(crate) fn small() -> Options {
    let mut options = Options::default();
    options.family_write_buffer_bytes = 1 << 20;
    options.file_bytes = 1 << 20;
    options.block_cache_bytes = 8 << 20;
    options.max_commit_bytes = 4 << 20;
    // Small collections lie in the data families, where reclaiming can be watched.
    options.packed_expiring_bytes = 0;
    options.packed_lasting_bytes = 0;
    options
}

/// Gives everything back that can be given back.
pub(crate) fn settle(store: &Store) {
    assert!(store.settle(PATIENCE).unwrap(), "not settled: {:#?}", store.stats());
}

/// Closes the store and proves that nothing in it leaks or is torn.
pub(crate) fn close_and_check(store: Store, path: &Path) {
    store.close().unwrap();
    assert_clean(path);
}

/// Proves that nothing in a closed store leaks or is torn.
pub(crate) fn assert_clean(path: &Path) {
    let report = windrow::check(path).unwrap();
    assert!(report.is_clean(), "{report}");
}
