//! Operations on strings.

use std::time::Duration;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use windrow::{Db, ErrorKind, GetExOptions, LongDouble, SetOptions, Writable};

use crate::draw::{Birth, Data, Home, Word, birth, element, index, key, lifetime, step, string};
use crate::reply::{Answer, Reply, many};
use crate::world;

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Set {
        key: Word,
        value: Data,
        expiry: Expiry,
        only_if: Option<Presence>,
        gets: bool,
    },
    Append(Word, Data),
    SetRange(Word, u64, Data),
    GetRange(Word, i64, i64),
    MGet(Vec<Word>),
    MSet(Vec<(Word, Data)>),
    MSetNx(Vec<(Word, Data)>),
    GetDel(Word),
    GetEx(Word, Expiry),
    IncrBy(Word, i64, Birth),
    /// By so many quarters.
    IncrByFloat(Word, i16, Birth),
    SetIfEquals(Word, Guess, Data, bool),
    DeleteIfEquals(Word, Guess),
    ExpireIfEquals(Word, Guess, Duration),
}
use Operation::*;

/// What becomes of the expiry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expiry {
    Never,
    Keep,
    In(Duration),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Presence {
    Absent,
    Present,
}

/// The value that somebody believes to be there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Guess {
    Right,
    This(Data),
}

impl Guess {
    fn bytes(self, current: Option<Bytes>) -> Bytes {
        match self {
            Self::Right => current.unwrap_or_default(),
            Self::This(data) => data.bytes(),
        }
    }
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let key = || key(Home::Strings);
    let pairs = || vec((key(), string()), 1..4);
    prop_oneof![
        8 => set(),
        2 => (key(), string()).prop_map(|(k, v)| Append(k, v)),
        2 => (key(), 0..40_000_u64, string()).prop_map(|(k, at, v)| SetRange(k, at, v)),
        2 => (key(), range_index(), range_index()).prop_map(|(k, start, end)| GetRange(k, start, end)),
        1 => vec(crate::draw::any_key(), 1..6).prop_map(MGet),
        1 => pairs().prop_map(MSet),
        1 => pairs().prop_map(MSetNx),
        1 => key().prop_map(GetDel),
        2 => (key(), expiry()).prop_map(|(k, expiry)| GetEx(k, expiry)),
        4 => (key(), step(), birth()).prop_map(|(k, by, birth)| IncrBy(k, by, birth)),
        3 => (key(), any::<i16>(), birth()).prop_map(|(k, by, birth)| IncrByFloat(k, by, birth)),
        1 => (key(), guess(), string(), any::<bool>()).prop_map(|(k, old, v, keep)| SetIfEquals(k, old, v, keep)),
        1 => (key(), guess()).prop_map(|(k, old)| DeleteIfEquals(k, old)),
        1 => (key(), guess(), lifetime()).prop_map(|(k, old, lifetime)| ExpireIfEquals(k, old, lifetime)),
    ]
}

fn set() -> impl Strategy<Value = Operation> {
    let presence = prop_oneof![Just(Presence::Absent), Just(Presence::Present)];
    let only_if = proptest::option::weighted(0.3, presence);
    let value = prop_oneof![3 => string(), 1 => element()];
    (key(Home::Strings), value, expiry(), only_if, proptest::bool::weighted(0.25))
        .prop_map(|(key, value, expiry, only_if, gets)| Set { key, value, expiry, only_if, gets })
}

fn expiry() -> impl Strategy<Value = Expiry> {
    prop_oneof![2 => Just(Expiry::Never), 1 => Just(Expiry::Keep), 1 => lifetime().prop_map(Expiry::In)]
}

fn guess() -> impl Strategy<Value = Guess> {
    prop_oneof![3 => Just(Guess::Right), 1 => string().prop_map(Guess::This)]
}

fn range_index() -> impl Strategy<Value = i64> {
    prop_oneof![index(), -41_000..41_000_i64]
}

impl Operation {
    /// Does it on the store.
    pub(crate) fn ask<S: Writable>(&self, db: &Db<S>) -> windrow::Result<Reply> {
        let strings = db.strings();
        let owned = |pairs: &[(Word, Data)]| pairs.iter().map(|(key, value)| (*key, value.bytes())).collect::<Vec<_>>();
        let guessed = |key: &Word, guess: &Guess| Ok::<_, windrow::Error>(guess.bytes(strings.get(key)?));
        Ok(match self {
            Set { key, value, expiry, only_if, gets } => {
                strings.set_with(key, value.bytes(), set_options(*expiry, *only_if, *gets))?.into()
            }
            Append(key, value) => strings.append(key, value.bytes())?.into(),
            SetRange(key, offset, value) => strings.set_range(key, *offset, value.bytes())?.into(),
            GetRange(key, start, end) => strings.get_range(key, *start, *end)?.into(),
            MGet(keys) => strings.mget(keys)?.into(),
            MSet(pairs) => strings.mset(owned(pairs))?.into(),
            MSetNx(pairs) => strings.mset_nx(owned(pairs))?.into(),
            GetDel(key) => strings.get_del(key)?.into(),
            GetEx(key, Expiry::Keep) => strings.get_ex(key, GetExOptions::new())?.into(),
            GetEx(key, Expiry::Never) => strings.get_ex(key, GetExOptions::new().persist())?.into(),
            GetEx(key, Expiry::In(lifetime)) => strings.get_ex(key, GetExOptions::new().expire_in(*lifetime))?.into(),
            IncrBy(key, by, birth) => strings.incr_by_with(key, *by, birth.options())?.into(),
            IncrByFloat(key, quarters, birth) => {
                strings.incr_by_float_with(key, f64::from(*quarters) / 4.0, birth.options())?.into()
            }
            SetIfEquals(key, guess, value, keeps) => {
                let options = if *keeps { SetOptions::new().keep_ttl() } else { SetOptions::new() };
                strings.set_if_equals(key, guessed(key, guess)?, value.bytes(), options)?.was_set.into()
            }
            DeleteIfEquals(key, guess) => strings.delete_if_equals(key, guessed(key, guess)?)?.into(),
            ExpireIfEquals(key, guess, lifetime) => {
                strings.expire_if_equals(key, guessed(key, guess)?, *lifetime)?.into()
            }
        })
    }

    /// Does it on the model.
    pub(crate) fn expect(&self, db: &mut world::Db) -> Answer {
        match self {
            Set { key, value, expiry, only_if, gets } => set_in(db, *key, value.bytes(), *expiry, *only_if, *gets),
            Append(key, value) => {
                let mut bytes = db.get::<Bytes>(*key)?.to_vec();
                bytes.extend(value.bytes());
                Ok(rewrite(db, *key, bytes.into()).into())
            }
            SetRange(key, offset, part) => set_range(db, *key, *offset as usize, &part.bytes()),
            GetRange(key, start, end) => Ok(range_of(&db.get(*key)?, *start, *end).into()),
            MGet(keys) => Ok(many(keys.iter().map(|key| db.read::<Bytes>(*key).unwrap_or(None)))),
            MSet(pairs) => {
                pairs.iter().for_each(|(key, value)| db.put(*key, value.bytes(), None));
                Ok(Reply::Nothing)
            }
            MSetNx(pairs) => {
                let is_free = pairs.iter().all(|(key, _)| !db.has(*key));
                pairs.iter().filter(|_| is_free).for_each(|(key, value)| db.put(*key, value.bytes(), None));
                Ok(is_free.into())
            }
            GetDel(key) => {
                let old = db.read::<Bytes>(*key)?;
                db.entries.remove(key);
                Ok(old.into())
            }
            GetEx(key, expiry) => get_ex(db, *key, *expiry),
            IncrBy(key, by, birth) => {
                let old = db.read::<Bytes>(*key)?.map_or(Ok(0), |old| integer(&old).ok_or(ErrorKind::NotAnInteger))?;
                let sum = old.checked_add(*by).ok_or(ErrorKind::Overflow)?;
                add_up(db, *key, *birth, sum.to_string());
                Ok(sum.into())
            }
            IncrByFloat(key, quarters, birth) => {
                let sum = float_sum(db.read::<Bytes>(*key)?, *quarters)?;
                add_up(db, *key, *birth, sum.to_string());
                Ok(sum.into())
            }
            SetIfEquals(key, guess, value, keeps) => {
                let is_right = is_right(db, *key, *guess)?;
                let expires_at = if *keeps { db.expires_at(*key) } else { None };
                if is_right {
                    db.put(*key, value.bytes(), expires_at);
                }
                Ok(is_right.into())
            }
            DeleteIfEquals(key, guess) => {
                let is_right = is_right(db, *key, *guess)?;
                if is_right {
                    db.entries.remove(key);
                }
                Ok(is_right.into())
            }
            ExpireIfEquals(key, guess, lifetime) => {
                let is_right = is_right(db, *key, *guess)?;
                if is_right {
                    db.put(*key, db.get::<Bytes>(*key)?, Some(db.now.saturating_add(*lifetime)));
                }
                Ok(is_right.into())
            }
        }
    }
}

fn set_options(expiry: Expiry, only_if: Option<Presence>, gets: bool) -> SetOptions {
    let options = match expiry {
        Expiry::Never => SetOptions::new(),
        Expiry::Keep => SetOptions::new().keep_ttl(),
        Expiry::In(lifetime) => SetOptions::new().expire_in(lifetime),
    };
    let options = match only_if {
        None => options,
        Some(Presence::Absent) => options.if_absent(),
        Some(Presence::Present) => options.if_present(),
    };
    if gets { options.get() } else { options }
}

fn set_in(
    db: &mut world::Db,
    key: Word,
    value: Bytes,
    expiry: Expiry,
    only_if: Option<Presence>,
    gets: bool,
) -> Answer {
    let expires_at = match expiry {
        Expiry::Never => None,
        Expiry::Keep => db.expires_at(key),
        Expiry::In(lifetime) if lifetime.is_zero() => return Err(ErrorKind::InvalidInput),
        Expiry::In(lifetime) => Some(db.now.saturating_add(lifetime)),
    };
    let previous = if gets { db.read::<Bytes>(key)? } else { None };
    let is_allowed = match only_if {
        None => true,
        Some(Presence::Absent) => !db.has(key),
        Some(Presence::Present) => db.has(key),
    };
    if is_allowed {
        db.put(key, value, expires_at);
    }
    Ok((is_allowed, previous).into())
}

/// Puts bytes in place of those that are there; returns how many.
fn rewrite(db: &mut world::Db, key: Word, bytes: Bytes) -> usize {
    let (length, expires_at) = (bytes.len(), db.expires_at(key));
    db.put(key, bytes, expires_at);
    length
}

fn set_range(db: &mut world::Db, key: Word, offset: usize, part: &[u8]) -> Answer {
    let mut bytes = db.get::<Bytes>(key)?.to_vec();
    if part.is_empty() {
        return Ok(bytes.len().into());
    }
    bytes.resize(bytes.len().max(offset + part.len()), 0);
    bytes[offset..offset + part.len()].copy_from_slice(part);
    Ok(rewrite(db, key, bytes.into()).into())
}

/// As Redis cuts: bounds before the start are the start, but for two that cross there.
pub(crate) fn range_of(bytes: &Bytes, start: i64, end: i64) -> Bytes {
    let length = bytes.len() as i64;
    let [from, last] = [start, end].map(|at| if at < 0 { at.saturating_add(length).max(0) } else { at });
    let last = last.min(length - 1);
    if (start < 0 && end < 0 && start > end) || from > last {
        return Bytes::new();
    }
    bytes.slice(from as usize..last as usize + 1)
}

fn get_ex(db: &mut world::Db, key: Word, expiry: Expiry) -> Answer {
    let Some(value) = db.read::<Bytes>(key)? else { return Ok(Reply::Nothing) };
    let expires_at = match expiry {
        Expiry::Never => None,
        Expiry::Keep => db.expires_at(key),
        Expiry::In(lifetime) if lifetime.is_zero() => return Err(ErrorKind::InvalidInput),
        Expiry::In(lifetime) => Some(db.now.saturating_add(lifetime)),
    };
    db.put(key, value.clone(), expires_at);
    Ok(value.into())
}

/// The strict way: the text that the number would be written as.
pub(crate) fn integer(text: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == text).then_some(number)
}

/// The crate's own arithmetic, which the comparison with Redis judges; here it is about what becomes of the sum.
pub(crate) fn float_sum(old: Option<Bytes>, quarters: i16) -> Result<LongDouble, ErrorKind> {
    let old = old.map_or(Ok(LongDouble::default()), LongDouble::parse);
    old.and_then(|old| old.plus(LongDouble::from(f64::from(quarters) / 4.0))).map_err(|error| error.kind())
}

fn add_up(db: &mut world::Db, key: Word, birth: Birth, sum: String) {
    let expires_at = if db.has(key) { db.expires_at(key) } else { birth.expires_at(db.now) };
    db.put(key, Bytes::from(sum), expires_at);
}

fn is_right(db: &world::Db, key: Word, guess: Guess) -> Result<bool, ErrorKind> {
    let current = db.read::<Bytes>(key)?;
    Ok(current.is_some() && current == Some(guess.bytes(current.clone())))
}
