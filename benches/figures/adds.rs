//! Adding an element or a key, beside the bare `WriteBatch` of the same records.

use rocksdb::WriteBatch;
use windrow::encoding::{
    Body, CollectionId, CountValue, DataFamily, ElementKey, Habit, LIST_MIDDLE, LifetimeClass, Meta, Score, StoreKey,
    UnixMillis,
};
use windrow::{DataType, Options, Store};

use crate::common::bare::{Bare, Twins, keyspace, meta_key};
use crate::common::data::{VALUE, fill_hash, fill_list, fill_set, fill_zset, member, name, options};
use crate::measure::{Comparison, Scale, compare, heading, line};

const PAIRS: usize = 2_000;
const OPERATIONS: u64 = 20;
const TARGET: &str = "<= 2";

pub(crate) fn run(scale: Scale) {
    heading("adds: adding something new / the bare WriteBatch of the same records", "windrow", "bare");
    for count in scale.sizes(&[10, 10_000, 1_000_000]) {
        for data_type in [DataType::Hash, DataType::Set, DataType::SortedSet, DataType::List] {
            let compared = element(scale, data_type, count);
            line(&format!("{data_type:?} of {count}, one element more"), TARGET, &compared);
        }
    }
    line("a new string of 100 bytes", TARGET, &new_key(scale, DataType::String, 100));
    line("a new hash, one field of 100 bytes: packed", TARGET, &new_key(scale, DataType::Hash, 100));
    line("a new hash, one field of 1,000 bytes: apart", TARGET, &new_key(scale, DataType::Hash, 1_000));
}

/// Adds elements to a collection that lies apart: the record and one or two elements.
fn element(scale: Scale, data_type: DataType, count: u64) -> Comparison {
    let twins = Twins::filled(&options(), |db| match data_type {
        DataType::Hash => fill_hash(db, "key", count),
        DataType::Set => fill_set(db, "key", count),
        DataType::SortedSet => fill_zset(db, "key", count),
        _ => fill_list(db, "key", count),
    });
    let db = twins.store.db(0);
    let (meta_key, record) = twins.bare.record(b"key");
    let id = record.id().expect("large enough to lie apart");
    let record = record.encode();
    let (meta, data) = (twins.bare.meta(), twins.bare.data(id));
    let (mut ours, mut bare) = (count, count);
    compare(
        scale,
        PAIRS,
        OPERATIONS,
        || {
            let n = ours;
            ours += 1;
            let added = match data_type {
                DataType::Hash => db.hashes().set("key", name(n), VALUE).expect("set"),
                DataType::Set => db.sets().add("key", [member(n)]).expect("add") == 1,
                DataType::SortedSet => db.zsets().add("key", [(member(n), n as f64)]).expect("add") == 1,
                _ => db.lists().push_right("key", [member(n)]).expect("push") > n,
            };
            assert!(added);
        },
        || {
            let n = bare;
            bare += 1;
            let (name, member) = (name(n), member(n));
            let mut batch = WriteBatch::default();
            batch.put_cf(meta, &meta_key, &record);
            match data_type {
                DataType::Hash => batch.put_cf(data, ElementKey::HashField(&name).encode(id), VALUE),
                DataType::Set => batch.put_cf(data, ElementKey::SetMember(&member).encode(id), b""),
                DataType::SortedSet => {
                    let score = Score::new(n as f64).expect("a number");
                    batch.put_cf(data, ElementKey::SortedMember(&member).encode(id), score.to_ordered_bytes());
                    batch.put_cf(data, ElementKey::SortedScore(score, &member).encode(id), b"");
                }
                _ => batch.put_cf(data, ElementKey::ListItem(LIST_MIDDLE + n).encode(id), member),
            }
            twins.bare.db().write(batch).expect("write");
        },
    )
}

/// Makes keys: the record, the count's merge and, where the value lies apart, an element.
fn new_key(scale: Scale, data_type: DataType, value_bytes: usize) -> Comparison {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let options: Options = options();
    let store = Store::builder(dir.path().join("windrow")).options(options.clone()).open().expect("a new store");
    let bare = Bare::open(&dir.path().join("bare"), &options);
    let db = store.db(0);
    let value = vec![7; value_bytes];
    let make = |n: u64| match data_type {
        DataType::String => db.strings().set(name(n), &value).expect("set"),
        _ => assert!(db.hashes().set(name(n), "field", &value).expect("set")),
    };
    make(u64::MAX);
    let apart = data_type == DataType::Hash && value_bytes > options.packed_lasting_bytes;
    let record = if apart {
        record_of(data_type, some_id(1), 1)
    } else {
        let mut bytes = value.clone();
        if data_type == DataType::Hash {
            bytes.extend_from_slice(b"field and lengths");
        }
        let size = bytes.len() as u64;
        let body = Body::Inline(bytes.into());
        Meta { body, size, ..record_of(DataType::String, some_id(1), 1) }
    };
    let record = record.encode();
    let (meta, data) = (bare.meta(), bare.data(some_id(1)));
    let counts = bare.family("default");
    let (count_key, one_more) = count_of_one_more();
    let (mut ours, mut theirs) = (0, 0);
    compare(
        scale,
        PAIRS,
        OPERATIONS,
        || {
            ours += 1;
            make(ours);
        },
        || {
            theirs += 1;
            let mut batch = WriteBatch::default();
            batch.put_cf(meta, meta_key(&name(theirs)), &record);
            if apart {
                batch.put_cf(data, ElementKey::HashField(b"field").encode(some_id(theirs)), &value);
            }
            batch.merge_cf(counts, &count_key, one_more);
            bare.db().write(batch).expect("write");
        },
    )
}

/// The key and the operand of the merge that counts a new key.
fn count_of_one_more() -> (Vec<u8>, [u8; 9]) {
    (StoreKey::Count(keyspace()).encode(), CountValue::encode_plain(1))
}

/// An id in the family of what is created without a time to live.
fn some_id(counter: u64) -> CollectionId {
    let family = DataFamily::for_birth(LifetimeClass::NONE, Habit::Closed);
    CollectionId::new(family, counter).expect("a small counter")
}

/// The record of a collection that lies apart.
fn record_of(data_type: DataType, id: CollectionId, size: u64) -> Meta {
    let body = match data_type {
        DataType::List => Body::List { id, head: LIST_MIDDLE },
        _ => Body::Elements(id),
    };
    let at = UnixMillis::new(1_700_000_000_000);
    Meta { data_type, body, created_at: at, updated_at: at, expires_at: None, size }
}
