//! A point read of an element, beside two bare point reads of the same two records.

use std::hint::black_box;

use windrow::DataType;
use windrow::encoding::{ElementKey, LIST_MIDDLE};

use crate::common::bare::Twins;
use crate::common::data::{Shuffled, fill_hash, fill_list, fill_set, fill_zset, member, name, options};
use crate::measure::{Scale, compare, heading, line};

// WHY: so few that most turns pass without an interruption by another process.
const PAIRS: usize = 4_000;
const OPERATIONS: u64 = 50;
const TARGET: &str = "<= 1.6";

pub(crate) fn run(scale: Scale) {
    heading("reads: a point read of an element / two bare point reads", "windrow", "bare");
    for count in scale.sizes(&[10, 10_000, 1_000_000]) {
        for data_type in [DataType::Hash, DataType::Set, DataType::SortedSet, DataType::List] {
            one(scale, data_type, count);
        }
    }
}

fn one(scale: Scale, data_type: DataType, count: u64) {
    let twins = Twins::filled(&options(), |db| match data_type {
        DataType::Hash => fill_hash(db, "key", count),
        DataType::Set => fill_set(db, "key", count),
        DataType::SortedSet => fill_zset(db, "key", count),
        _ => fill_list(db, "key", count),
    });
    let db = twins.store.db(0);
    let (meta_key, record) = twins.bare.record(b"key");
    let id = record.id().expect("large enough to lie apart");
    let (meta, data) = (twins.bare.meta(), twins.bare.data(id));
    let (mut ours, mut bare) = (Shuffled::below(count), Shuffled::below(count));
    let mut key = Vec::new();
    let compared = compare(
        scale,
        PAIRS,
        OPERATIONS,
        || {
            let n = ours.next();
            let found = match data_type {
                DataType::Hash => db.hashes().get("key", name(n)).expect("get").is_some(),
                DataType::Set => db.sets().contains("key", member(n)).expect("contains"),
                DataType::SortedSet => db.zsets().score("key", member(n)).expect("score").is_some(),
                _ => db.lists().index("key", n.cast_signed()).expect("index").is_some(),
            };
            assert!(found);
        },
        || {
            let n = bare.next();
            black_box(twins.bare.db().get_pinned_cf(meta, &meta_key)).expect("get").expect("the record");
            key.clear();
            let (name, member) = (name(n), member(n));
            let element = match data_type {
                DataType::Hash => ElementKey::HashField(&name),
                DataType::Set => ElementKey::SetMember(&member),
                DataType::SortedSet => ElementKey::SortedMember(&member),
                _ => ElementKey::ListItem(LIST_MIDDLE + n),
            };
            element.encode_into(id, &mut key);
            black_box(twins.bare.db().get_pinned_cf(data, &key)).expect("get").expect("the element");
        },
    );
    line(&format!("{data_type:?}, {count} elements"), TARGET, &compared);
}
