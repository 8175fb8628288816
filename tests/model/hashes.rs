//! Operations on hashes.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use windrow::{Db, ErrorKind, Writable};

use crate::draw::{Birth, Data, Home, Word, birth, element, key, name, step};
use crate::reply::{Answer, Reply, chosen, many};
use crate::strings::{float_sum, integer};
use crate::world::{self, Hash};

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Set(Word, Vec<(Word, Data)>, Birth),
    SetIfAbsent(Word, Word, Data, Birth),
    Delete(Word, Vec<Word>),
    IncrBy(Word, Word, i64, Birth),
    /// By so many quarters.
    IncrByFloat(Word, Word, i16, Birth),
    Get(Word, Vec<Word>),
    Ask(Word, Word),
    Random {
        key: Word,
        count: u64,
        is_repeated: bool,
    },
}
use Operation::*;

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let key = || key(Home::Hashes);
    prop_oneof![
        16 => (key(), vec((name(), element()), 0..10), birth()).prop_map(|(k, entries, birth)| Set(k, entries, birth)),
        3 => (key(), name(), element(), birth()).prop_map(|(k, f, v, birth)| SetIfAbsent(k, f, v, birth)),
        5 => (key(), vec(name(), 0..6)).prop_map(|(k, fields)| Delete(k, fields)),
        4 => (key(), name(), step(), birth()).prop_map(|(k, f, by, birth)| IncrBy(k, f, by, birth)),
        3 => (key(), name(), any::<i16>(), birth()).prop_map(|(k, f, by, birth)| IncrByFloat(k, f, by, birth)),
        2 => (key(), vec(name(), 0..6)).prop_map(|(k, fields)| Get(k, fields)),
        1 => (key(), name()).prop_map(|(k, field)| Ask(k, field)),
        1 => (key(), 0..9_u64, any::<bool>()).prop_map(|(key, count, is_repeated)| Random { key, count, is_repeated }),
    ]
}

impl Operation {
    /// Does it on the store.
    pub(crate) fn ask<S: Writable>(&self, db: &Db<S>) -> windrow::Result<Reply> {
        let hashes = db.hashes();
        Ok(match self {
            Set(key, entries, birth) => {
                let entries = entries.iter().map(|(field, value)| (field, value.bytes()));
                hashes.set_many_with(key, entries, birth.options())?.into()
            }
            SetIfAbsent(key, field, value, birth) => {
                hashes.set_if_absent_with(key, field, value.bytes(), birth.options())?.into()
            }
            Delete(key, fields) => hashes.delete(key, fields)?.into(),
            IncrBy(key, field, by, birth) => hashes.incr_by_with(key, field, *by, birth.options())?.into(),
            IncrByFloat(key, field, quarters, birth) => {
                hashes.incr_by_float_with(key, field, f64::from(*quarters) / 4.0, birth.options())?.into()
            }
            Get(key, fields) => hashes.get_many(key, fields)?.into(),
            Ask(key, field) => many([
                Reply::from(hashes.get(key, field)?),
                hashes.exists(key, field)?.into(),
                hashes.value_len(key, field)?.into(),
                hashes.len(key)?.into(),
            ]),
            Random { key, count, is_repeated: false } => hashes.random_with_values(key, *count)?.into(),
            Random { key, count, is_repeated: true } => hashes.random_repeated_with_values(key, *count)?.into(),
        })
    }

    /// Does it on the model; `found` is what the store chose where it chooses.
    pub(crate) fn expect(&self, db: &mut world::Db, found: &Answer) -> Answer {
        match self {
            Set(key, entries, birth) => {
                let is_born_dead = db.is_born_dead(*key, *birth);
                let new = db.change(*key, *birth, |hash: &mut Hash| {
                    let before = hash.len();
                    hash.extend(entries.iter().map(|(field, value)| (field.bytes(), value.bytes())));
                    Ok(hash.len() - before)
                })?;
                Ok(if is_born_dead { 0 } else { new }.into())
            }
            SetIfAbsent(key, field, value, birth) => {
                let is_born_dead = db.is_born_dead(*key, *birth);
                let is_new = db.change(*key, *birth, |hash: &mut Hash| {
                    let is_new = !hash.contains_key(field.as_ref());
                    hash.entry(field.bytes()).or_insert_with(|| value.bytes());
                    Ok(is_new)
                })?;
                Ok((is_new && !is_born_dead).into())
            }
            Delete(key, fields) => db.change(*key, Birth::PLAIN, |hash: &mut Hash| {
                Ok(fields.iter().filter(|field| hash.remove(field.as_ref()).is_some()).count().into())
            }),
            IncrBy(key, field, by, birth) => db.change(*key, *birth, |hash: &mut Hash| {
                let old = hash.get(field.as_ref()).map_or(Some(0), |old| integer(old));
                let sum = old.ok_or(ErrorKind::NotAnInteger)?.checked_add(*by).ok_or(ErrorKind::Overflow)?;
                hash.insert(field.bytes(), sum.to_string().into());
                Ok(sum.into())
            }),
            IncrByFloat(key, field, quarters, birth) => db.change(*key, *birth, |hash: &mut Hash| {
                let sum = Bytes::from(float_sum(hash.get(field.as_ref()).cloned(), *quarters)?.to_string());
                hash.insert(field.bytes(), sum.clone());
                Ok(sum.into())
            }),
            Get(key, fields) => {
                let hash: Hash = db.get(*key)?;
                Ok(many(fields.iter().map(|field| hash.get(field.as_ref()).cloned())))
            }
            Ask(key, field) => {
                let hash: Hash = db.get(*key)?;
                let value = hash.get(field.as_ref()).cloned();
                let (exists, length) = (value.is_some(), value.as_ref().map_or(0, Bytes::len));
                Ok(many([Reply::from(value), exists.into(), length.into(), hash.len().into()]))
            }
            Random { key, count, is_repeated } => {
                let all = db.get::<Hash>(*key)?.into_iter().map(Reply::from).collect();
                Ok(chosen(found, all, *count, *is_repeated).into())
            }
        }
    }
}
