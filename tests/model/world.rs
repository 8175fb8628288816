//! The model: what a store must answer, in a few maps.
//!
//! Uses `draw`. Invariant: no collection is empty, and no entry's time has passed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use windrow::{DataType, ErrorKind, UnixMillis};

use crate::draw::{Birth, Word};

pub(crate) type Hash = BTreeMap<Bytes, Bytes>;
pub(crate) type Set = BTreeSet<Bytes>;
pub(crate) type List = VecDeque<Bytes>;
pub(crate) type ZSet = BTreeMap<Bytes, f64>;

/// What a key holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    String(Bytes),
    Hash(Hash),
    Set(Set),
    List(List),
    ZSet(ZSet),
}

impl Value {
    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::String(_) => DataType::String,
            Self::Hash(_) => DataType::Hash,
            Self::Set(_) => DataType::Set,
            Self::List(_) => DataType::List,
            Self::ZSet(_) => DataType::SortedSet,
        }
    }
}

/// One of the five types.
pub(crate) trait Kind: Clone + Default {
    fn of(value: &Value) -> Option<&Self>;
    fn value(self) -> Value;
    /// A key that holds this is removed.
    fn is_nothing(&self) -> bool;
}

macro_rules! kind {
    ($type:ty, $variant:ident, $is_nothing:expr) => {
        impl Kind for $type {
            fn of(value: &Value) -> Option<&Self> {
                if let Value::$variant(own) = value { Some(own) } else { None }
            }

            fn value(self) -> Value {
                Value::$variant(self)
            }

            fn is_nothing(&self) -> bool {
                $is_nothing(self)
            }
        }
    };
}

kind!(Bytes, String, |_: &Bytes| false);
kind!(Hash, Hash, Hash::is_empty);
kind!(Set, Set, Set::is_empty);
kind!(List, List, List::is_empty);
kind!(ZSet, ZSet, ZSet::is_empty);

/// A key's value with its expiry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    pub(crate) expires_at: Option<UnixMillis>,
}

/// One db.
#[derive(Clone, Debug)]
pub(crate) struct Db {
    pub(crate) entries: BTreeMap<Word, Entry>,
    /// Keys that expired and wait for the reaper: they count.
    pub(crate) waiting: u64,
    pub(crate) now: UnixMillis,
}

impl Db {
    fn at(now: UnixMillis) -> Self {
        Self { entries: BTreeMap::new(), waiting: 0, now }
    }

    pub(crate) fn flush(&mut self) {
        *self = Self::at(self.now);
    }

    pub(crate) fn len(&self) -> u64 {
        self.entries.len() as u64 + self.waiting
    }

    pub(crate) fn has(&self, key: Word) -> bool {
        self.entries.contains_key(&key)
    }

    pub(crate) fn expires_at(&self, key: Word) -> Option<UnixMillis> {
        self.entries.get(&key).and_then(|entry| entry.expires_at)
    }

    /// What the key holds, if that is of the type or nothing.
    pub(crate) fn read<T: Kind>(&self, key: Word) -> Result<Option<T>, ErrorKind> {
        let held = self.entries.get(&key).map(|entry| T::of(&entry.value).cloned().ok_or(ErrorKind::WrongType));
        held.transpose()
    }

    /// What the key holds, an empty collection if nothing.
    pub(crate) fn get<T: Kind>(&self, key: Word) -> Result<T, ErrorKind> {
        Ok(self.read(key)?.unwrap_or_default())
    }

    /// Changes what the key holds, unless `change` refuses. What exists keeps its expiry, what is new is born.
    pub(crate) fn change<T: Kind, R>(
        &mut self,
        key: Word,
        birth: Birth,
        change: impl FnOnce(&mut T) -> Result<R, ErrorKind>,
    ) -> Result<R, ErrorKind> {
        let mut value = self.get::<T>(key)?;
        let outcome = change(&mut value)?;
        let expires_at = if self.has(key) { self.expires_at(key) } else { birth.expires_at(self.now) };
        self.put(key, value, expires_at);
        Ok(outcome)
    }

    /// Tells whether the key would be created with an expiry that has passed.
    pub(crate) fn is_born_dead(&self, key: Word, birth: Birth) -> bool {
        !self.has(key) && birth.expires_at(self.now).is_some_and(|time| time <= self.now)
    }

    /// Writes a key, or deletes it if there is nothing to hold or its time has passed.
    pub(crate) fn put<T: Kind>(&mut self, key: Word, value: T, expires_at: Option<UnixMillis>) {
        if value.is_nothing() || expires_at.is_some_and(|time| time <= self.now) {
            self.entries.remove(&key);
        } else {
            self.entries.insert(key, Entry { value: value.value(), expires_at });
        }
    }

    /// Puts a result in place of whatever the key holds; returns how many elements are stored.
    pub(crate) fn store<T: Kind>(&mut self, key: Word, value: T, size: usize, birth: Birth) -> u64 {
        self.put(key, value, birth.expires_at(self.now));
        if self.has(key) { size as u64 } else { 0 }
    }
}

/// All dbs at one time.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) dbs: Vec<Db>,
    pub(crate) now: UnixMillis,
}

impl World {
    pub(crate) fn new(dbs: usize, now: UnixMillis) -> Self {
        Self { dbs: vec![Db::at(now); dbs], now }
    }

    /// Lets time come; what expires is absent at once and counts until it is reaped.
    pub(crate) fn time_is(&mut self, now: UnixMillis) {
        self.now = now;
        for db in &mut self.dbs {
            let before = db.entries.len();
            db.entries.retain(|_, entry| entry.expires_at.is_none_or(|time| time > now));
            db.waiting += (before - db.entries.len()) as u64;
            db.now = now;
        }
    }

    /// Everything due has been reaped.
    pub(crate) fn reaped(&mut self) {
        self.dbs.iter_mut().for_each(|db| db.waiting = 0);
    }
}
