//! The store's public handle.
//!
//! Uses the engine. Invariant: the last handle that goes, or [`Store::close`], stops every thread.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::encoding::UnixMillis;
use crate::engine::background::Background;
use crate::engine::{Db, Engine, Frozen, Live, Stats, StoreBuilder, View};
use crate::error::Result;
use crate::options::Durability;

/// A directory of Redis-style data, open for use. Clones share it.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use windrow::{CreateOptions, Store};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// let store = Store::open(dir.path().join("store"))?;
/// let db = store.db(0);
/// db.sets().add_with("window:42", ["a", "b"], CreateOptions::new().expire_in(Duration::from_secs(60)))?;
/// assert!(db.sets().contains("window:42", "a")?);
/// store.close()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

/// What all handles of one store share; dropping it closes the store.
pub(crate) struct Shared {
    background: Mutex<Option<Background>>,
    engine: Arc<Engine>,
}

impl Shared {
    pub(super) fn new(engine: Arc<Engine>, background: Option<Background>) -> Self {
        Self { background: Mutex::new(background), engine }
    }

    /// ORDER: refuse new work, stop and join the threads, then put what is in memory on stable storage.
    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    fn close(&self) -> Result<()> {
        let ended_before = self.engine.health.close();
        let background = self.background.lock().take();
        if let Some(background) = background {
            background.stop();
        }
        self.engine.events.close();
        match ended_before {
            None => self.engine.settle_down(),
            Some(reason) if reason.kind() == crate::ErrorKind::Closed => Ok(()),
            Some(reason) => Err(reason),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(%error, "the store was dropped with an error");
        }
    }
}

impl Store {
    /// Opens a store with the default options, creating it if the directory is missing or empty.
    ///
    /// Costs the recovery of the log and a read of what is buried. Use [`Store::builder`] for anything else.
    ///
    /// # Errors
    /// [`InUse`](crate::ErrorKind::InUse), [`NotAStore`](crate::ErrorKind::NotAStore),
    /// [`UnknownFormat`](crate::ErrorKind::UnknownFormat), [`Io`](crate::ErrorKind::Io) or
    /// [`Corruption`](crate::ErrorKind::Corruption).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// let store = windrow::Store::open(dir.path().join("store"))?;
    /// assert!(windrow::Store::open(dir.path().join("store")).is_err(), "one at a time");
    /// # Ok(()) }
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder(path).open()
    }

    /// Begins opening a store with options, a clock, or read-only.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// let mut options = windrow::Options::default();
    /// options.block_cache_bytes = 16 << 20;
    /// let store = windrow::Store::builder(dir.path().join("store")).options(options).open()?;
    /// # Ok(()) }
    /// ```
    pub fn builder(path: impl AsRef<Path>) -> StoreBuilder {
        StoreBuilder::new(path.as_ref())
    }

    pub(super) fn from_shared(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.shared.engine
    }

    fn live(&self) -> Live {
        Live { engine: Arc::clone(self.engine()), _store: Arc::clone(&self.shared), durability: None }
    }

    /// Returns a db of the default namespace, whose name is empty. It need not exist.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("greeting", "hello")?;
    /// assert_eq!(store.db(1).strings().get("greeting")?, None);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn db(&self, number: u32) -> Db {
        self.namespace([]).db(number)
    }

    /// Returns a namespace. It need not exist; a name has at most 255 bytes, which the first write checks.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.namespace("sessions").db(0).strings().set("k", "v")?;
    /// assert!(store.namespace("leases").db(0).is_empty()?);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn namespace(&self, name: impl AsRef<[u8]>) -> Namespace {
        Namespace { live: self.live(), name: Arc::from(name.as_ref()) }
    }

    /// Opens a view of the present.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) or [`Poisoned`](crate::ErrorKind::Poisoned).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let before = store.view()?;
    /// store.db(0).strings().set("k", "v")?;
    /// assert!(!before.db(0).exists("k")?);
    /// # Ok(()) }
    /// ```
    pub fn view(&self) -> Result<View> {
        Ok(View::new(Frozen::now(&self.shared)?))
    }

    /// Returns the store's time: the wall clock, never running backwards. It is saved each second, so after a crash, on a
    /// machine whose clock was set back, it may begin up to about a second before the last moment that anybody saw.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert!(store.time() <= store.time());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn time(&self) -> UnixMillis {
        // A pin, because a time that was shown must not come again after a crash: see `Engine::take_time_seen`.
        self.engine().pins.pin(crate::gc::PinKind::Read).now()
    }

    /// Believes the wall clock as it is, after it leapt and expiry paused.
    ///
    /// Everything whose time has passed by that clock expires. If that clock lies behind the store's time, which never
    /// runs backwards, the store's time goes on at half speed until the clock has caught up. See [`Stats::expiry_paused`](crate::Stats).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// if store.stats().expiry_paused {
    ///     store.trust_clock();
    /// }
    /// # Ok(()) }
    /// ```
    pub fn trust_clock(&self) {
        self.engine().time.trust_wall();
    }

    /// Puts every committed write on stable storage.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io), [`Closed`](crate::ErrorKind::Closed) or [`Poisoned`](crate::ErrorKind::Poisoned).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "v")?;
    /// store.sync()?;
    /// # Ok(()) }
    /// ```
    pub fn sync(&self) -> Result<()> {
        self.engine().check_writable()?;
        self.engine().db.sync_log()
    }

    /// Reaps and reclaims everything that can be given back now, waiting at most `timeout`; returns whether all
    /// dead ids are gone from disk but for files in which they are too few to be worth it.
    ///
    /// Reclaiming needs no such call; this is for tests, for tools, and before a backup. It flushes, so calling it
    /// often makes many small files, which it merges when enough of them lie side by side.
    ///
    /// # Errors
    /// As [`Store::sync`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["a"])?;
    /// store.db(0).delete(["s"])?;
    /// assert!(store.settle(Duration::from_secs(10))?);
    /// # Ok(()) }
    /// ```
    pub fn settle(&self, timeout: Duration) -> Result<bool> {
        self.engine().check_writable()?;
        self.engine().settle(Instant::now().checked_add(timeout))
    }

    /// Removes every key of every db of every namespace in one commit, in the same time for any number of keys; costs a small
    /// record for each db (FLUSHALL). Views keep what they saw, the space comes back in the background.
    ///
    /// Takes the locks of all keys one by one, because a write that works on two dbs has to be wholly before the flush or wholly
    /// after it. So it waits for the writes in flight, and lets no write of the store begin meanwhile: beside a long one (a copy
    /// of a large collection) all writes wait for its end. Reads wait for nothing, and [`Db::flush`] takes no lock of a key.
    ///
    /// # Errors
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly); as [`Store::sync`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(3).strings().set("k", "v")?;
    /// store.namespace("sessions").db(0).strings().set("k", "v")?;
    /// store.flush_all()?;
    /// assert!(store.db(3).is_empty()?);
    /// assert!(store.namespace("sessions").db(0).is_empty()?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "FLUSHALL")]
    pub fn flush_all(&self) -> Result<()> {
        self.engine().flush_keyspaces(None, None)
    }

    /// Returns what the store holds, owes and has given back. Takes RocksDB's mutex: not for a hot path.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.stats().debt_ids, 0);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.engine().stats()
    }

    /// Copies the store as it is now into the new directory `path`, which can be opened like any store.
    ///
    /// Costs hard links of the SST files (copies of them on another file system) and a copy of the log, at most
    /// [`max_log_bytes`](crate::Options::max_log_bytes). Reads and writes go on meanwhile. The links keep the space of
    /// what the store gives back later, until the copy is removed. A copy that is opened for writing takes ids far
    /// from its original's, so that the two can never be confused. The directory in which `path` lies must exist: it is
    /// not made.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if `path` exists or lies in the store's own directory;
    /// [`Io`](crate::ErrorKind::Io), naming the directory if that is what is missing; [`ReadOnly`](crate::ErrorKind::ReadOnly),
    /// [`Closed`](crate::ErrorKind::Closed) or [`Poisoned`](crate::ErrorKind::Poisoned). After a failure `path` may hold a
    /// part of the copy, which is refused when it is opened.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "v")?;
    /// store.checkpoint(dir.path().join("copy"))?;
    /// store.db(0).delete(["k"])?;
    /// let copy = windrow::Store::open(dir.path().join("copy"))?;
    /// assert_eq!(copy.db(0).strings().get("k")?.as_deref(), Some(b"v".as_slice()));
    /// # Ok(()) }
    /// ```
    pub fn checkpoint(&self, path: impl AsRef<Path>) -> Result<()> {
        self.engine().checkpoint(path.as_ref())
    }

    /// Closes the store: refuses new work, stops the background threads and syncs the log. Other handles then
    /// answer [`Closed`](crate::ErrorKind::Closed). The directory is free again when the last handle, view and
    /// iterator is gone. Closing twice does nothing.
    ///
    /// # Errors
    /// Why the store was poisoned, or why its last state could not be synced. It is closed in any case.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// store.close()?;
    /// assert_eq!(db.exists("k").unwrap_err().kind(), windrow::ErrorKind::Closed);
    /// # Ok(()) }
    /// ```
    pub fn close(self) -> Result<()> {
        self.shared.close()
    }
}

/// A namespace of a store: any number of dbs, apart from those of other namespaces.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let sessions = store.namespace("sessions");
/// sessions.db(0).strings().set("k", "v")?;
/// assert!(store.namespace("sessions").db(0).exists("k")?);
/// assert!(!store.namespace("leases").db(0).exists("k")?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Namespace {
    pub(super) live: Live,
    pub(super) name: Arc<[u8]>,
}

impl Namespace {
    /// Returns a db of the namespace. It need not exist.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.namespace("sessions").db(2);
    /// assert!(db.is_empty()?);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn db(&self, number: u32) -> Db {
        Db::new(self.live.clone(), Arc::clone(&self.name), number)
    }

    /// Removes every key of every db of the namespace in one commit, in the same time for any number of keys; costs a small
    /// record for each db. Nothing of the namespace is left, not even its name. Views keep what they saw, the space comes back
    /// in the background.
    ///
    /// Waits, and lets writes wait, as [`Store::flush_all`] does: beside a long write all writes of the store, those of other
    /// namespaces too, wait for its end.
    ///
    /// # Errors
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly), [`Io`](crate::ErrorKind::Io), [`Closed`](crate::ErrorKind::Closed) or
    /// [`Poisoned`](crate::ErrorKind::Poisoned).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let tenant = store.namespace("tenant 7");
    /// tenant.db(0).strings().set("k", "v")?;
    /// tenant.db(1).strings().set("k", "v")?;
    /// tenant.flush()?;
    /// assert!(tenant.db(0).is_empty()? && tenant.db(1).is_empty()?);
    /// # Ok(()) }
    /// ```
    pub fn flush(&self) -> Result<()> {
        self.live.engine.flush_keyspaces(Some(&self.name), self.live.durability)
    }

    /// Returns a handle whose dbs' writes, and whose swaps, have another durability than the store's.
    ///
    /// # Examples
    /// ```
    /// use windrow::Durability;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let careful = store.namespace("orders").with_durability(Durability::Sync);
    /// careful.db(1).strings().set("order", "paid")?;
    /// careful.swap(0, 1)?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_durability(&self, durability: Durability) -> Self {
        let mut other = self.clone();
        other.live.durability = Some(durability);
        other
    }

    /// Exchanges the contents of two dbs, in the same time for any number of keys; views keep what they saw. Waits for the
    /// writes in flight, and lets no write of the store begin meanwhile: beside a long one (a copy of a large collection)
    /// all writes wait for its end.
    ///
    /// # Errors
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly), [`TooLarge`](crate::ErrorKind::TooLarge) for the namespace's name,
    /// [`Io`](crate::ErrorKind::Io), [`Closed`](crate::ErrorKind::Closed) or [`Poisoned`](crate::ErrorKind::Poisoned).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let sessions = store.namespace("sessions");
    /// sessions.db(1).strings().set("k", "new")?;
    /// sessions.swap(0, 1)?;
    /// assert_eq!(sessions.db(0).strings().get("k")?.as_deref(), Some(b"new".as_slice()));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SWAPDB")]
    pub fn swap(&self, a: u32, b: u32) -> Result<()> {
        let engine = &self.live.engine;
        engine.check_writable()?;
        engine.refuse_inside()?;
        if a != b {
            let _nobody_writes = engine.locks.lock_all();
            let pin = engine.pins.pin(crate::gc::PinKind::Write);
            engine.keyspaces.swap(&engine.db, &self.name, a, b, engine.must_sync(self.live.durability))?;
            engine.mark_swapped(&self.name, [a, b], pin.now());
            engine.want_sync(self.live.durability);
        }
        Ok(())
    }
}
