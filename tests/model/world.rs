//! The model: what a store must answer, in a few maps.

use std::collections::{BTreeMap, BTreeSet};

use windrow::UnixMillis;

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    String(Vec<u8>),
    Set(BTreeSet<Vec<u8>>),
}

/// A key with its expiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    pub(crate) expires_at: Option<UnixMillis>,
}

/// One db.
#[derive(Clone, Debug, Default)]
pub(crate) struct Db {
    pub(crate) entries: BTreeMap<Vec<u8>, Entry>,
    /// Keys that expired and wait for the reaper: they count.
    pub(crate) waiting: u64,
}

/// All dbs at one time.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) dbs: Vec<Db>,
    pub(crate) now: UnixMillis,
}

impl World {
    pub(crate) fn new(dbs: usize, now: UnixMillis) -> Self {
        Self { dbs: vec![Db::default(); dbs], now }
    }

    /// Lets time come; what expires is absent at once and counts until it is reaped.
    pub(crate) fn time_is(&mut self, now: UnixMillis) {
        self.now = now;
        for db in &mut self.dbs {
            let before = db.entries.len();
            db.entries.retain(|_, entry| entry.expires_at.is_none_or(|time| time > now));
            db.waiting += (before - db.entries.len()) as u64;
        }
    }

    /// Everything due has been reaped.
    pub(crate) fn reaped(&mut self) {
        self.dbs.iter_mut().for_each(|db| db.waiting = 0);
    }
}

impl Db {
    /// Writes a key, or deletes it if its time has passed.
    pub(crate) fn put(&mut self, key: &[u8], value: Value, expires_at: Option<UnixMillis>, now: UnixMillis) {
        if expires_at.is_some_and(|time| time <= now) {
            self.entries.remove(key);
        } else {
            self.entries.insert(key.to_vec(), Entry { value, expires_at });
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.entries.len() as u64 + self.waiting
    }
}
