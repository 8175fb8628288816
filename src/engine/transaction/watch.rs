//! Watching keys: for whoever reads, thinks, and writes only if nothing has changed meanwhile.
//!
//! May use the read path and the locks. Invariants: a commit marks the watched keys that it changes before the locks of
//! these keys are released; who watches has entered the key before he reads it. So a change that came after that reading
//! is known to whoever holds the key's lock.

use std::collections::HashMap;
use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

use parking_lot::Mutex;

use crate::encoding::{KeyspaceNo, UnixMillis};
use crate::engine::keyspaces::Map;
use crate::engine::transaction::Transaction;
use crate::engine::transaction::run::{Keys, run};
use crate::engine::write::check_namespace;
use crate::engine::{Engine, Live};
use crate::error::Result;
use crate::gc::PinKind;
use crate::locks::KeyName;
use crate::types::Reader;

/// A key by its name, on its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Name {
    namespace: Box<[u8]>,
    db: u32,
    key: Box<[u8]>,
}

impl Name {
    fn of((namespace, db, key): KeyName<'_>) -> Self {
        Self { namespace: namespace.into(), db, key: key.into() }
    }
}

/// Raised by the first change of a key that is watched.
type Flag = Arc<AtomicBool>;

/// A flag's address, which no other one has as long as it lives.
type FlagNo = usize;

fn number_of(flag: &Flag) -> FlagNo {
    Arc::as_ptr(flag).addr()
}

/// The keys of a store that are watched.
#[derive(Debug, Default)]
pub(in crate::engine) struct Watches {
    /// How many there are, so that whoever writes where nobody watches takes no lock.
    held: AtomicUsize,
    table: Mutex<HashMap<Name, BTreeMap<FlagNo, Flag>>>,
}

impl Watches {
    /// Tells whether anything is watched.
    pub(in crate::engine) fn is_any(&self) -> bool {
        self.held.load(Ordering::Relaxed) > 0
    }

    /// Tells whether anything is watched by somebody who may have read what this thread has just replaced.
    pub(in crate::engine) fn is_any_after_commit(&self) -> bool {
        // ORDER: the commit is visible before this is read, and a watch is entered before its reading. So one of them sees the
        // other.
        fence(Ordering::SeqCst);
        self.held.load(Ordering::SeqCst) > 0
    }

    /// Says that a key has changed. The caller holds its lock.
    pub(in crate::engine) fn mark(&self, namespace: &[u8], db: u32, key: &[u8]) {
        let name = Name::of((namespace, db, key));
        if let Some(flags) = self.table.lock().get(&name) {
            flags.values().for_each(|flag| flag.store(true, Ordering::SeqCst));
        }
    }

    fn enter(&self, name: Name, flag: &Flag) {
        self.table.lock().entry(name).or_default().insert(number_of(flag), Arc::clone(flag));
        self.held.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    fn leave(&self, name: &Name, flag: &Flag) {
        let mut table = self.table.lock();
        let Some(flags) = table.get_mut(name) else { return };
        if flags.remove(&number_of(flag)).is_none() {
            return;
        }
        if flags.is_empty() {
            table.remove(name);
        }
        self.held.fetch_sub(1, Ordering::SeqCst);
    }

    /// The watched keys of some dbs of a namespace.
    fn names_in(&self, namespace: &[u8], dbs: [u32; 2]) -> Vec<Name> {
        let is_meant = |name: &&Name| &*name.namespace == namespace && dbs.contains(&name.db);
        self.table.lock().keys().filter(is_meant).cloned().collect()
    }
}

impl Engine {
    /// Says that the watched keys of two dbs that have changed places have changed, those that exist in either. The caller
    /// holds every key's lock.
    pub(in crate::engine) fn mark_swapped(&self, namespace: &[u8], dbs: [u32; 2], now: UnixMillis) {
        if !self.watches.is_any_after_commit() {
            return;
        }
        let keyspaces = self.keyspaces.current();
        let reader = Reader::new(&self.db, self.directory.layout, None);
        for name in self.watches.names_in(namespace, dbs) {
            let lives_in = |db: &u32| match keyspaces.find(namespace, *db) {
                // What cannot be read may have changed.
                Some(keyspace) => reader.live(keyspace.number, &name.key, now).map_or(true, |found| found.is_some()),
                None => false,
            };
            if dbs.iter().any(lives_in) {
                self.watches.mark(namespace, name.db, &name.key);
            }
        }
    }
}

/// Keys that are watched, from [`Namespace::watch`](crate::Namespace::watch) on, until this is dropped.
///
/// A key has changed when it was written, deleted, moved, given another expiry or swapped away, be it by the same thread and
/// be it to what it was before; and when it lived and has expired or was flushed. What has changed nothing, such as
/// adding a member that is there already, is no change; nor is the removal of a key that had expired before.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.lists().push_right("queue", ["a", "b"])?;
/// let watch = db.watch(["queue"])?;
/// let longest = db.lists().range("queue", 0, -1)?.collect::<windrow::Result<Vec<_>>>()?.into_iter().max().unwrap();
/// db.lists().push_right("queue", ["c"])?; // somebody else
/// let taken = watch.transaction([(0, "queue")], |tx| tx.db(0).lists().remove("queue", 1, &longest))?;
/// assert_eq!(taken, None, "look again");
/// # Ok(()) }
/// ```
#[must_use]
pub struct Watch {
    live: Live,
    namespace: Arc<[u8]>,
    /// By db and key.
    keys: BTreeMap<(u32, Box<[u8]>), Watched>,
    flag: Flag,
}

#[derive(Clone, Copy, Default)]
struct Watched {
    /// What the db was when the watch began.
    keyspace: Option<KeyspaceNo>,
    lived: bool,
}

impl Watch {
    pub(super) fn begin<K: AsRef<[u8]>>(
        live: &Live,
        namespace: &Arc<[u8]>,
        keys: impl IntoIterator<Item = (u32, K)>,
    ) -> Result<Self> {
        check_namespace(namespace)?;
        let namespace = Arc::clone(namespace);
        let mut watch = Self { live: live.clone(), namespace, keys: BTreeMap::new(), flag: Flag::default() };
        watch.add(keys)?;
        Ok(watch)
    }

    /// Watches more keys of the same namespace, from now on. A key that is watched already goes on being watched from then on.
    ///
    /// # Errors
    /// As [`Namespace::watch`](crate::Namespace::watch); the keys before the one that is refused are watched then.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut watch = store.watch([(0, "a")])?;
    /// watch.add([(1, "b")])?;
    /// store.db(1).strings().set("b", "")?;
    /// assert!(watch.is_broken()?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "WATCH")]
    pub fn add<K: AsRef<[u8]>>(&mut self, keys: impl IntoIterator<Item = (u32, K)>) -> Result<()> {
        for (db, key) in keys {
            self.add_one(db, key.as_ref())?;
        }
        Ok(())
    }

    /// ORDER: entered, pin, keyspaces, record.
    fn add_one(&mut self, db: u32, key: &[u8]) -> Result<()> {
        let engine = &self.live.engine;
        engine.check_open()?;
        engine.check_key(key)?;
        let Entry::Vacant(place) = self.keys.entry((db, key.into())) else { return Ok(()) };
        engine.watches.enter(Name::of((&self.namespace, db, key)), &self.flag);
        let watched = place.insert(Watched::default());
        let pin = engine.pins.pin(PinKind::Read);
        let keyspace = engine.keyspaces.current().find(&self.namespace, db).map(|found| found.number);
        let reader = Reader::new(&engine.db, engine.directory.layout, None);
        let found = keyspace.map(|keyspace| reader.live(keyspace, key, pin.now())).transpose();
        *watched = Watched { keyspace, lived: matches!(&found, Ok(Some(Some(_)))) };
        if found.is_err() {
            // Nobody knows what there was.
            self.flag.store(true, Ordering::SeqCst);
        }
        found.map(drop)
    }

    /// Tells whether a key has changed already: a transaction would not take place.
    ///
    /// # Errors
    /// As [`Db::exists`](crate::Db::exists).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let watch = db.watch(["k"])?;
    /// assert!(!watch.is_broken()?);
    /// db.strings().set("k", "v")?;
    /// db.delete(["k"])?;
    /// assert!(watch.is_broken()?, "though it is as it was");
    /// # Ok(()) }
    /// ```
    pub fn is_broken(&self) -> Result<bool> {
        let engine = &self.live.engine;
        engine.check_open()?;
        let pin = engine.pins.pin(PinKind::Read);
        self.is_broken_at(&engine.keyspaces.current(), pin.now())
    }

    /// Tells whether a key has changed. If the caller holds the keys' locks, it stays so.
    pub(super) fn is_broken_at(&self, keyspaces: &Map, now: UnixMillis) -> Result<bool> {
        let engine = &self.live.engine;
        if self.flag.load(Ordering::SeqCst) {
            return Ok(true);
        }
        let reader = Reader::new(&engine.db, engine.directory.layout, None);
        for ((db, key), Watched { keyspace, .. }) in self.keys.iter().filter(|(_, watched)| watched.lived) {
            // A flush gives the name another keyspace, and marks nothing.
            let is_there = match keyspaces.find(&self.namespace, *db).map(|found| found.number) {
                Some(number) if Some(number) == *keyspace => reader.live(number, key, now)?.is_some(),
                _ => false,
            };
            if !is_there {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The names of the keys, for whoever locks them.
    pub(super) fn names(&self) -> impl Iterator<Item = KeyName<'_>> {
        self.keys.keys().map(|(db, key)| (&*self.namespace, *db, &**key))
    }

    /// Runs a transaction on the watched keys, if none of them has changed; returns `None` if one has. As
    /// [`Watch::transaction`], for whoever needs no other keys and does not want to name them again.
    ///
    /// # Errors
    /// As [`Namespace::transaction`](crate::Namespace::transaction).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("state", "open")?;
    /// let watch = db.watch(["state"])?;
    /// assert_eq!(db.strings().get("state")?.as_deref(), Some(b"open".as_slice()));
    /// let done = watch.if_unchanged(|tx| tx.db(0).strings().set("state", "closed"))?;
    /// assert_eq!(done, Some(()));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "EXEC")]
    pub fn if_unchanged<T>(self, body: impl FnOnce(&Transaction) -> Result<T>) -> Result<Option<T>> {
        let keys: Vec<_> = self.keys.keys().map(|(db, key)| (*db, key.clone())).collect();
        self.transaction(keys, body)
    }

    /// Runs a transaction on keys of the same namespace as [`Namespace::transaction`](crate::Namespace::transaction) does, if
    /// none of the watched keys has changed; returns `None` if one has. The watched keys are locked with it, but can be
    /// touched only if they are declared, too; [`Watch::if_unchanged`] declares them all. Ends the watch in any case.
    ///
    /// # Errors
    /// As [`Namespace::transaction`](crate::Namespace::transaction).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("best", "3")?;
    /// let best = loop {
    ///     let watch = db.watch(["best"])?;
    ///     let best = db.strings().get("best")?.map_or(0, |found| found.len());
    ///     if let Some(()) = watch.transaction([(0, "best")], |tx| tx.db(0).strings().set("best", "x".repeat(best + 1)))? {
    ///         break best + 1;
    ///     }
    /// };
    /// assert_eq!(best, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "EXEC")]
    pub fn transaction<K: AsRef<[u8]>, T>(
        self,
        keys: impl IntoIterator<Item = (u32, K)>,
        body: impl FnOnce(&Transaction) -> Result<T>,
    ) -> Result<Option<T>> {
        run(&self.live, &self.namespace, Keys::of(keys), Some(&self), body)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let watches = &self.live.engine.watches;
        for (db, key) in self.keys.keys() {
            watches.leave(&Name::of((&self.namespace, *db, key)), &self.flag);
        }
    }
}
