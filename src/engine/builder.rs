//! Opening a store with everything that can be chosen.
//!
//! Uses the engine's open. Invariant: options are validated before the directory is touched.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::engine::background::Background;
use crate::engine::store::Shared;
use crate::engine::{Engine, Store};
use crate::error::Result;
use crate::options::Options;

/// Collects how a store is to be opened. Made by [`Store::builder`].
///
/// # Examples
/// ```
/// use windrow::{ManualClock, Options, Store, UnixMillis};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// let store = Store::builder(dir.path().join("s"))
///     .options(Options::default())
///     .clock(ManualClock::starting_at(UnixMillis::new(1_000)))
///     .background(false)
///     .open()?;
/// assert_eq!(store.time(), UnixMillis::new(1_000));
/// # Ok(()) }
/// ```
#[must_use]
pub struct StoreBuilder {
    path: PathBuf,
    options: Options,
    clock: Arc<dyn Clock>,
    read_only: bool,
    background: bool,
}

impl StoreBuilder {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            options: Options::default(),
            clock: Arc::new(SystemClock::default()),
            read_only: false,
            background: true,
        }
    }

    /// Sets the options; the default is [`Options::default`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// let mut options = windrow::Options::default();
    /// options.durability = windrow::Durability::Sync;
    /// let store = windrow::Store::builder(dir.path().join("s")).options(options).open()?;
    /// # Ok(()) }
    /// ```
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Sets the clock; the default is [`SystemClock`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::{ManualClock, Store, UnixMillis};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// let clock = ManualClock::starting_at(UnixMillis::new(1_000_000));
    /// let store = Store::builder(dir.path().join("s")).clock(clock.clone()).open()?;
    /// let db = store.db(0);
    /// db.strings().set("k", "v")?;
    /// db.expire("k", Duration::from_secs(5))?;
    /// clock.advance(Duration::from_secs(5));
    /// assert!(!db.exists("k")?);
    /// # Ok(()) }
    /// ```
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Opens for reading only: nothing on disk changes, nothing is reclaimed, expiry is still honoured. Several
    /// read-only handles may share a directory, none beside a writer.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// let path = dir.path().join("s");
    /// windrow::Store::open(&path)?.db(0).strings().set("k", "v")?;
    /// let store = windrow::Store::builder(&path).read_only(true).open()?;
    /// assert!(store.db(0).exists("k")?);
    /// assert_eq!(store.db(0).delete(["k"]).unwrap_err().kind(), windrow::ErrorKind::ReadOnly);
    /// # Ok(()) }
    /// ```
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Chooses whether threads reap, reclaim and sync by themselves (the default). Without them only
    /// [`Store::settle`] and [`Store::sync`] do: for tests that want every step in their own hands.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// let store = windrow::Store::builder(dir.path().join("s")).background(false).open()?;
    /// assert!(store.settle(Duration::from_secs(5))?);
    /// # Ok(()) }
    /// ```
    pub fn background(mut self, background: bool) -> Self {
        self.background = background;
        self
    }

    /// Opens the store.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for options out of range, else as [`Store::open`].
    ///
    /// # Examples
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let store = windrow::Store::builder(dir.path().join("s")).open()?;
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn open(self) -> Result<Store> {
        self.options.validate()?;
        let engine = Arc::new(if self.read_only {
            Engine::open_read_only(&self.path, self.options, self.clock)?
        } else {
            Engine::open(&self.path, self.options, self.clock)?
        });
        let runs = self.background && !self.read_only;
        let background = if runs { Some(Background::start(&engine)?) } else { None };
        Ok(Store::from_shared(Arc::new(Shared::new(engine, background))))
    }
}
