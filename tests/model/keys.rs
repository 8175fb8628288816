//! Operations on keys of any type within one db.

use std::time::Duration;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use windrow::{DataType, Db, ErrorKind, ExpireCondition, Ttl, Writable};

use crate::draw::{Word, any_key, lifetime};
use crate::reply::{Answer, Reply, chosen, many};
use crate::world;

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Delete(Vec<Word>),
    Unlink(Vec<Word>),
    Exists(Vec<Word>),
    Ask(Word),
    Expire(Word, Duration, ExpireCondition),
    ExpireAt(Word, Duration, ExpireCondition),
    Persist(Word),
    Rename(Word, Word),
    RenameIfAbsent(Word, Word),
    Random,
    Len,
}
use Operation::*;

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        2 => vec(any_key(), 0..3).prop_map(Delete),
        2 => vec(any_key(), 1..4).prop_map(Unlink),
        1 => vec(any_key(), 0..6).prop_map(Exists),
        2 => any_key().prop_map(Ask),
        5 => (any_key(), lifetime(), condition()).prop_map(|(k, lifetime, only_if)| Expire(k, lifetime, only_if)),
        1 => (any_key(), lifetime(), condition()).prop_map(|(k, lifetime, only_if)| ExpireAt(k, lifetime, only_if)),
        4 => any_key().prop_map(Persist),
        3 => (any_key(), any_key()).prop_map(|(from, to)| Rename(from, to)),
        2 => (any_key(), any_key()).prop_map(|(from, to)| RenameIfAbsent(from, to)),
        1 => Just(Random),
        1 => Just(Len),
    ]
}

fn condition() -> impl Strategy<Value = ExpireCondition> {
    use ExpireCondition::{Always, Earlier, HasExpiry, HasLaterExpiry, Later, NoExpiry};
    prop_oneof![4 => Just(Always), 3 => select(vec![NoExpiry, HasExpiry, Later, Earlier, HasLaterExpiry])]
}

impl Operation {
    /// Does it on the store.
    pub(crate) fn ask(&self, db: &Db) -> windrow::Result<Reply> {
        Ok(match self {
            Random => db.random_key()?.into_iter().collect::<Vec<_>>().into(),
            Len => db.len()?.into(),
            _ => return self.ask_of_keys(db),
        })
    }

    /// Tells whether it is about no keys that it names.
    pub(crate) fn is_about_all(&self) -> bool {
        matches!(self, Random | Len)
    }

    /// Does it, if it is about keys that it names.
    pub(crate) fn ask_of_keys<S: Writable>(&self, db: &Db<S>) -> windrow::Result<Reply> {
        Ok(match self {
            Delete(keys) => db.delete(keys)?.into(),
            Unlink(keys) => db.unlink(keys)?.into(),
            Exists(keys) => db.exists_many(keys)?.into(),
            Ask(key) => many([
                Reply::from(db.exists(key)?),
                type_name(db.data_type(key)?),
                ttl(db.ttl(key)?),
                db.expires_at(key)?.map(|time| time.get()).into(),
            ]),
            Expire(key, lifetime, condition) => db.expire_if(key, *lifetime, *condition)?.into(),
            ExpireAt(key, from_start, condition) => {
                db.expire_at(key, crate::fixture::START.saturating_add(*from_start), *condition)?.into()
            }
            Persist(key) => db.persist(key)?.into(),
            Rename(from, to) => db.rename(from, to)?.into(),
            RenameIfAbsent(from, to) => db.rename_if_absent(from, to)?.into(),
            Random | Len => Reply::Nothing,
        })
    }

    /// Does it on the model; `found` is what the store chose where it chooses.
    pub(crate) fn expect(&self, db: &mut world::Db, found: &Answer) -> Answer {
        match self {
            Delete(keys) | Unlink(keys) => {
                Ok(keys.iter().filter(|key| db.entries.remove(key).is_some()).count().into())
            }
            Exists(keys) => Ok(keys.iter().filter(|key| db.has(**key)).count().into()),
            Ask(key) => Ok(ask(db, *key)),
            Expire(key, lifetime, condition) => Ok(expire(db, *key, db.now.saturating_add(*lifetime), *condition)),
            ExpireAt(key, from_start, condition) => {
                Ok(expire(db, *key, crate::fixture::START.saturating_add(*from_start), *condition))
            }
            Persist(key) => {
                let entry = db.entries.get_mut(key);
                Ok(entry.and_then(|entry| entry.expires_at.take()).is_some().into())
            }
            Rename(from, to) => rename(db, *from, *to).map(|_| Reply::Nothing),
            RenameIfAbsent(from, to) if db.has(*from) && db.has(*to) => Ok(false.into()),
            RenameIfAbsent(from, to) => rename(db, *from, *to),
            Random => Ok(chosen(found, db.entries.keys().copied().map(Reply::from).collect(), 1, false).into()),
            Len => Ok(db.len().into()),
        }
    }
}

fn type_name(data_type: Option<DataType>) -> Reply {
    data_type.map(|data_type| Bytes::from(format!("{data_type:?}"))).into()
}

fn ttl(ttl: Ttl) -> Reply {
    Reply::Bytes(format!("{ttl:?}").into())
}

fn ask(db: &world::Db, key: Word) -> Reply {
    let entry = db.entries.get(&key);
    let left = match entry.map(|entry| entry.expires_at) {
        None => Ttl::NoKey,
        Some(None) => Ttl::Forever,
        Some(Some(time)) => Ttl::In(time.saturating_since(db.now)),
    };
    many([
        Reply::from(entry.is_some()),
        type_name(entry.map(|entry| entry.value.data_type())),
        ttl(left),
        db.expires_at(key).map(|time| time.get()).into(),
    ])
}

fn expire(db: &mut world::Db, key: Word, new: windrow::UnixMillis, condition: ExpireCondition) -> Reply {
    let now = db.now;
    let Some(entry) = db.entries.get_mut(&key) else { return false.into() };
    let current = entry.expires_at;
    let is_allowed = match condition {
        ExpireCondition::NoExpiry => current.is_none(),
        ExpireCondition::HasExpiry => current.is_some(),
        ExpireCondition::Later => current.is_some_and(|current| new > current),
        ExpireCondition::Earlier => current.is_none_or(|current| new < current),
        ExpireCondition::HasLaterExpiry => current.is_some_and(|current| new < current),
        _ => true,
    };
    if is_allowed {
        entry.expires_at = Some(new);
    }
    if is_allowed && new <= now {
        db.entries.remove(&key);
    }
    is_allowed.into()
}

fn rename(db: &mut world::Db, from: Word, to: Word) -> Answer {
    let entry = db.entries.remove(&from).ok_or(ErrorKind::NoSuchKey)?;
    db.entries.insert(to, entry);
    Ok(true.into())
}
