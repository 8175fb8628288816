//! Compares all that a db holds with the model.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use windrow::{Db, Source, Ttl, View, ZRange};

use crate::draw::{KEYS, Word};
use crate::reply::{Reply, many, walked};
use crate::strings::range_of;
use crate::world::{self, Value, World};
use crate::zset_range::ranked;

/// A view, whose time stands still: there a key that has expired by then does not count.
pub(crate) fn compare_view(view: &View, world: &World) -> Result<(), TestCaseError> {
    prop_assert_eq!(view.time(), world.now);
    for (number, model) in world.dbs.iter().enumerate() {
        let db = view.db(number as u32);
        compare(&db, model)?;
        prop_assert_eq!(db.len().unwrap(), model.entries.len() as u64);
    }
    Ok(())
}

/// The keys and all that they hold.
pub(crate) fn compare<S: Source>(db: &Db<S>, model: &world::Db) -> Result<(), TestCaseError> {
    let keys: Vec<Bytes> = db.keys("").unwrap().map(Result::unwrap).collect();
    prop_assert_eq!(
        keys,
        model.entries.keys().map(|key| key.bytes()).collect::<Vec<_>>(),
        "keys of db {}",
        db.number()
    );
    compare_entries(db, model)
}

/// All that keys hold, key by key; as a transaction has it that declared them all.
pub(crate) fn compare_entries<S: Source>(db: &Db<S>, model: &world::Db) -> Result<(), TestCaseError> {
    for key in KEYS.iter().filter(|key| !model.has(**key)) {
        prop_assert!(!db.exists(key).unwrap(), "{:?} exists", key);
    }
    for (key, entry) in &model.entries {
        prop_assert_eq!(db.data_type(key).unwrap(), Some(entry.value.data_type()), "type of {:?}", key);
        let ttl = entry.expires_at.map_or(Ttl::Forever, |time| Ttl::In(time.saturating_since(model.now)));
        prop_assert_eq!(db.ttl(key).unwrap(), ttl, "time to live of {:?}", key);
        let found = held(db, *key, &entry.value).unwrap();
        prop_assert_eq!(found, expected(&entry.value), "content of {:?}", key);
    }
    Ok(())
}

/// What the store says that a key of this type holds, read in several ways.
fn held<S: Source>(db: &Db<S>, key: Word, of: &Value) -> windrow::Result<Reply> {
    Ok(match of {
        Value::String(_) => many([
            Reply::from(db.strings().get(key)?),
            db.strings().len(key)?.into(),
            db.strings().get_range(key, 90, 17_000)?.into(),
        ]),
        Value::Hash(_) => many([
            walked(db.hashes().get_all(key)?)?,
            walked(db.hashes().keys(key)?)?,
            walked(db.hashes().values(key)?)?,
            db.hashes().len(key)?.into(),
        ]),
        Value::Set(_) => many([walked(db.sets().members(key)?)?, db.sets().len(key)?.into()]),
        Value::List(_) => many([
            walked(db.lists().range(key, 0, -1)?)?,
            walked(db.lists().range_back(key, 0, -1)?)?,
            db.lists().len(key)?.into(),
        ]),
        Value::ZSet(zset) => {
            let scores = db.zsets().mscore(key, zset.keys())?;
            let ranks = ranked(zset).into_iter().map(|(member, _)| db.zsets().rank(key, member));
            many([
                walked(db.zsets().range(key, ZRange::ranks(0, -1))?)?,
                scores.into(),
                ranks.collect::<windrow::Result<Vec<_>>>()?.into(),
                db.zsets().len(key)?.into(),
            ])
        }
    })
}

/// The same, from the model.
fn expected(value: &Value) -> Reply {
    match value {
        Value::String(bytes) => {
            many([Reply::from(bytes.clone()), bytes.len().into(), range_of(bytes, 90, 17_000).into()])
        }
        Value::Hash(hash) => {
            many([many(hash.clone()), many(hash.keys().cloned()), many(hash.values().cloned()), hash.len().into()])
        }
        Value::Set(set) => many([many(set.clone()), set.len().into()]),
        Value::List(list) => many([many(list.iter().cloned()), many(list.iter().rev().cloned()), list.len().into()]),
        Value::ZSet(zset) => {
            many([ranked(zset).into(), many(zset.values().copied()), many(0..zset.len()), zset.len().into()])
        }
    }
}
