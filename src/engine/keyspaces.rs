//! Which keyspace number a namespace and db stand for, and how many keys each holds.
//!
//! May use `store` and `encoding`. Invariants: numbers are never reused; the map is one immutable value that
//! is published in the same critical section that commits it, so a snapshot taken under [`Keyspaces::freeze`]
//! and the map beside it show the same moment.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use crate::encoding::{CountValue, Flushed, KeyspaceName, KeyspaceNo, NextKeyspace, StoreKey, prefix_end};
use crate::engine::shared_map::SharedMap;
use crate::engine::write::check_namespace;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::failpoint;
use crate::store::{Batch, Cursor, Database, Family, Scan};

/// One keyspace: its number and its key count.
#[derive(Clone, Debug)]
pub(crate) struct Keyspace {
    pub(crate) number: KeyspaceNo,
    count: Arc<AtomicI64>,
}

impl Keyspace {
    fn new(number: KeyspaceNo, count: i64) -> Self {
        Self { number, count: Arc::new(AtomicI64::new(count)) }
    }

    /// Stands for one of a transaction's dbs that is not there yet. INVARIANT: nothing is written under its number, which is
    /// the last but `turn` that there can be.
    pub(super) fn placeholder(turn: u32) -> Option<Self> {
        KeyspaceNo::new(KeyspaceNo::MAX.get().checked_sub(turn)?).map(|number| Self::new(number, 0))
    }

    /// Returns the number of keys, those included that expired and were not reaped yet.
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.count.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Follows a committed change.
    pub(crate) fn add(&self, delta: i64) {
        self.count.fetch_add(delta, Ordering::Relaxed);
    }
}

/// The keyspaces at one moment. A copy with one change shares the rest.
#[derive(Clone, Debug)]
pub(crate) struct Map {
    by_name: SharedMap<Arc<[u8]>, SharedMap<u32, Keyspace>>,
    by_number: SharedMap<KeyspaceNo, Keyspace>,
    next: NextKeyspace,
}

impl Map {
    /// Finds a keyspace by name.
    pub(crate) fn find(&self, namespace: &[u8], db: u32) -> Option<&Keyspace> {
        self.by_name.get(namespace)?.get(&db)
    }

    /// Finds a keyspace by number; flushed ones are gone.
    pub(crate) fn by_number(&self, number: KeyspaceNo) -> Option<&Keyspace> {
        self.by_number.get(&number)
    }

    /// Lists the numbers of all keyspaces that have a name.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = KeyspaceNo> {
        self.by_number.iter().map(|(number, _)| *number)
    }

    /// Returns the number behind all that were ever given.
    pub(crate) fn next_number(&self) -> u32 {
        self.next.take().map_or(u32::MAX, |(number, _)| number.get())
    }

    /// The numbers of a namespace's dbs, in order.
    pub(super) fn dbs_of(&self, namespace: &[u8]) -> Vec<u32> {
        let mut numbers: Vec<u32> = self.named(Some(namespace)).map(|(_, number, _)| number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Lists the dbs of a namespace, or of all, and the numbers of their keyspaces.
    fn named(&self, namespace: Option<&[u8]>) -> impl Iterator<Item = (&[u8], u32, KeyspaceNo)> {
        let namespaces = self.by_name.iter().filter(move |(name, _)| namespace.is_none_or(|wanted| wanted == &***name));
        namespaces.flat_map(|(name, dbs)| dbs.iter().map(move |(db, keyspace)| (&**name, *db, keyspace.number)))
    }

    /// Returns the namespace and db that each keyspace is.
    pub(crate) fn names(&self) -> HashMap<KeyspaceNo, (Bytes, u32)> {
        self.named(None).map(|(name, db, number)| (number, (Bytes::copy_from_slice(name), db))).collect()
    }

    /// Takes the next number.
    fn take_number(&mut self) -> Result<KeyspaceNo> {
        let (number, next) =
            self.next.take().ok_or_else(|| Error::new(ErrorKind::Overflow, "all keyspace numbers are used up"))?;
        self.next = next;
        Ok(number)
    }

    fn insert(&mut self, namespace: &[u8], db: u32, keyspace: Keyspace) {
        self.by_number.insert(keyspace.number, keyspace.clone());
        let mut dbs = self.by_name.get(namespace).cloned().unwrap_or_default();
        dbs.insert(db, keyspace);
        self.by_name.insert(namespace.into(), dbs);
    }
}

/// The current keyspaces of a store.
pub(crate) struct Keyspaces {
    /// Locked for moments only: readers never wait for a commit.
    current: RwLock<Arc<Map>>,
    /// One change at a time, from its commit until it is published; a view is taken between two changes.
    changing: Mutex<()>,
}

impl Keyspaces {
    /// Reads the map and the counts, and lists the keyspaces whose flush is not finished.
    pub(crate) fn load(db: &Arc<Database>) -> Result<(Self, Vec<KeyspaceNo>)> {
        let next = match db.get(Family::Default, &StoreKey::NextKeyspace.encode(), None)? {
            Some(value) => NextKeyspace::decode(&value)?,
            None => NextKeyspace::FIRST,
        };
        let mut map = Map { by_name: SharedMap::default(), by_number: SharedMap::default(), next };
        let counts = load_counts(db)?;
        for_each(db, StoreKey::KEYSPACES, |key, value| {
            if let StoreKey::Keyspace(name) = key {
                let number = KeyspaceNo::decode(value)?;
                let count = counts.get(&number).copied().unwrap_or(0);
                map.insert(name.namespace(), name.db(), Keyspace::new(number, count));
            }
            Ok(())
        })?;
        let mut flushed = Vec::new();
        for_each(db, StoreKey::FLUSHED, |key, _| {
            if let StoreKey::Flushed(number) = key {
                flushed.push(number);
            }
            Ok(())
        })?;
        Ok((Self { current: RwLock::new(Arc::new(map)), changing: Mutex::default() }, flushed))
    }

    /// Returns the current map.
    pub(crate) fn current(&self) -> Arc<Map> {
        let current = Arc::clone(&self.current.read());
        failpoint!("keyspaces::loaded");
        current
    }

    /// Runs `take` while the map cannot change: for a snapshot that agrees with the map.
    pub(crate) fn freeze<T>(&self, take: impl FnOnce(&Arc<Map>) -> T) -> T {
        let taken = {
            let _unchanged = self.changing.lock();
            let current = Arc::clone(&self.current.read());
            take(&current)
        };
        failpoint!("keyspaces::loaded");
        taken
    }

    /// Finds a keyspace, creating it in a commit of its own when it is missing.
    pub(crate) fn find_or_create(&self, db: &Database, namespace: &[u8], number: u32) -> Result<Keyspace> {
        if let Some(found) = self.current().find(namespace, number) {
            return Ok(found.clone());
        }
        let _one = self.changing.lock();
        let current = self.current();
        if let Some(found) = current.find(namespace, number) {
            return Ok(found.clone());
        }
        let mut next = Map::clone(&current);
        let mut batch = Batch::new();
        let created = assign_new_number(db, &mut next, &mut batch, namespace, number)?;
        db.commit(batch, false)?;
        self.publish(next);
        Ok(created)
    }

    /// Returns a map in which all of these dbs of a namespace have keyspaces, creating those that are missing in one commit.
    ///
    /// WHY: a flush of a db that is not there leaves no trace. What writes to several dbs would come before the flush of one that it
    /// knew, and after the flush of one that it creates only then.
    pub(crate) fn with_all(
        &self,
        db: &Database,
        namespace: &[u8],
        numbers: impl Iterator<Item = u32>,
    ) -> Result<Arc<Map>> {
        let _one = self.changing.lock();
        let mut next = Map::clone(&self.current());
        let mut batch = Batch::new();
        let mut is_changed = false;
        for number in numbers {
            if next.find(namespace, number).is_none() {
                assign_new_number(db, &mut next, &mut batch, namespace, number)?;
                is_changed = true;
            }
        }
        if is_changed {
            db.commit(batch, false)?;
            self.publish(next);
        }
        Ok(self.current())
    }

    fn publish(&self, next: Map) {
        *self.current.write() = Arc::new(next);
    }

    /// Takes the number of a keyspace that is still to be filled and has no name. It counts as flushed until it gets one: so an
    /// open that finds it buries its ids. Costs a synced commit.
    pub(crate) fn begin_unnamed(&self, db: &Database) -> Result<KeyspaceNo> {
        let _one = self.changing.lock();
        let mut next = Map::clone(&self.current());
        let number = next.take_number()?;
        let mut batch = Batch::new();
        batch.put(db, Family::Default, &StoreKey::NextKeyspace.encode(), &next.next.encode());
        put_flushed(db, &mut batch, number);
        db.commit(batch, true)?;
        self.publish(next);
        Ok(number)
    }

    /// Gives a keyspace from [`Keyspaces::begin_unnamed`], with so many keys, the name of a db, and records the one that had it as
    /// flushed, in one commit. Returns the number of that one. The caller holds every key's lock.
    pub(crate) fn name(
        &self,
        db: &Database,
        namespace: &[u8],
        number: u32,
        (keyspace, keys): (KeyspaceNo, u64),
        sync: bool,
    ) -> Result<Option<KeyspaceNo>> {
        let _one = self.changing.lock();
        let current = self.current();
        let mut next = Map::clone(&current);
        let mut batch = Batch::new();
        let count = i64::try_from(keys).map_err(|_| Error::overflow())?;
        batch.delete(db, Family::Default, &StoreKey::Flushed(keyspace).encode());
        batch.merge(db, Family::Default, &StoreKey::Count(keyspace).encode(), &CountValue::encode_plain(count));
        put_name(db, &mut batch, namespace, number, keyspace)?;
        let old = current.find(namespace, number).map(|keyspace| keyspace.number);
        if let Some(old) = old {
            put_flushed(db, &mut batch, old);
            next.by_number.remove(&old);
        }
        next.insert(namespace, number, Keyspace::new(keyspace, count));
        db.commit(batch, sync)?;
        self.publish(next);
        Ok(old)
    }

    /// Gives the name a new, empty keyspace and records the old one as flushed, in one commit.
    /// Returns the old number, or `None` if the name had no keyspace.
    pub(crate) fn flush(&self, db: &Database, namespace: &[u8], number: u32, sync: bool) -> Result<Option<KeyspaceNo>> {
        let _one = self.changing.lock();
        let current = self.current();
        let Some(old) = current.find(namespace, number).map(|keyspace| keyspace.number) else {
            return Ok(None);
        };
        let mut next = Map::clone(&current);
        let mut batch = Batch::new();
        next.by_number.remove(&old);
        assign_new_number(db, &mut next, &mut batch, namespace, number)?;
        put_flushed(db, &mut batch, old);
        failpoint!("keyspaces::flush");
        db.commit(batch, sync)?;
        self.publish(next);
        Ok(Some(old))
    }

    /// Forgets the names of all keyspaces of a namespace, or of all of them, and records the keyspaces as flushed, in one
    /// commit. Returns their numbers. The caller holds every key's lock.
    pub(crate) fn flush_all(&self, db: &Database, namespace: Option<&[u8]>, sync: bool) -> Result<Vec<KeyspaceNo>> {
        let _one = self.changing.lock();
        let current = self.current();
        let mut next = Map::clone(&current);
        let mut batch = Batch::new();
        let mut flushed = Vec::new();
        for (name, number, keyspace) in current.named(namespace) {
            batch.delete(db, Family::Default, &name_key(name, number)?);
            put_flushed(db, &mut batch, keyspace);
            next.by_name.remove(name);
            next.by_number.remove(&keyspace);
            flushed.push(keyspace);
        }
        if flushed.is_empty() {
            return Ok(flushed);
        }
        failpoint!("keyspaces::flush");
        db.commit(batch, sync)?;
        self.publish(next);
        Ok(flushed)
    }

    /// Exchanges the keyspaces of two dbs of a namespace, in one commit. If one is missing it is created first. The caller
    /// holds every key's lock.
    pub(crate) fn swap(&self, db: &Database, namespace: &[u8], a: u32, b: u32, sync: bool) -> Result<()> {
        let _one = self.changing.lock();
        let current = self.current();
        if current.find(namespace, a).is_none() && current.find(namespace, b).is_none() {
            // Nothing changes places with nothing; a name that no keyspace can have is refused all the same.
            return name_key(namespace, a).map(drop);
        }
        let mut next = Map::clone(&current);
        let mut batch = Batch::new();
        let mut of = |number| match current.find(namespace, number) {
            Some(found) => Ok(found.clone()),
            None => assign_new_number(db, &mut next, &mut batch, namespace, number),
        };
        let (keyspace_a, keyspace_b) = (of(a)?, of(b)?);
        for (name, keyspace) in [(a, keyspace_b), (b, keyspace_a)] {
            put_name(db, &mut batch, namespace, name, keyspace.number)?;
            next.insert(namespace, name, keyspace);
        }
        db.commit(batch, sync)?;
        self.publish(next);
        Ok(())
    }
}

fn assign_new_number(
    db: &Database,
    map: &mut Map,
    batch: &mut Batch,
    namespace: &[u8],
    number: u32,
) -> Result<Keyspace> {
    let created = map.take_number()?;
    batch.put(db, Family::Default, &StoreKey::NextKeyspace.encode(), &map.next.encode());
    put_name(db, batch, namespace, number, created)?;
    let keyspace = Keyspace::new(created, 0);
    map.insert(namespace, number, keyspace.clone());
    Ok(keyspace)
}

fn put_name(db: &Database, batch: &mut Batch, namespace: &[u8], number: u32, keyspace: KeyspaceNo) -> Result<()> {
    batch.put(db, Family::Default, &name_key(namespace, number)?, &keyspace.encode());
    Ok(())
}

/// Records a keyspace as flushed, of which nothing was walked yet.
fn put_flushed(db: &Database, batch: &mut Batch, keyspace: KeyspaceNo) {
    let progress = Flushed { last_meta_key: Vec::new() };
    batch.put(db, Family::Default, &StoreKey::Flushed(keyspace).encode(), &progress.encode());
}

fn name_key(namespace: &[u8], number: u32) -> Result<Vec<u8>> {
    check_namespace(namespace)?;
    let name = KeyspaceName::new(namespace, number).ok_or_else(|| Error::invalid("no keyspace can have this name"))?;
    Ok(StoreKey::Keyspace(name).encode())
}

fn load_counts(db: &Arc<Database>) -> Result<HashMap<KeyspaceNo, i64>> {
    let mut counts = HashMap::new();
    for_each(db, StoreKey::COUNTS, |key, value| {
        if let StoreKey::Count(number) = key {
            counts.insert(number, CountValue::decode(value)?.count);
        }
        Ok(())
    })?;
    Ok(counts)
}

/// Visits the store-wide records whose key begins with `prefix`.
fn for_each(db: &Arc<Database>, prefix: &[u8], mut visit: impl FnMut(StoreKey<'_>, &[u8]) -> Result<()>) -> Result<()> {
    let mut cursor = Cursor::open(db, Family::Default, Scan::between(prefix, prefix_end(prefix)), None);
    while let Some((key, value)) = cursor.entry()? {
        visit(StoreKey::decode(key)?, value)?;
        cursor.advance();
    }
    Ok(())
}
