//! What the server does with many elements at once, beside bare RocksDB doing the same reads and writes in a loop.
//!
//! Uses `rocksdb`, `../common` and redis-benchmark's rounds' keys. Invariant: the loop does what the command needs of RocksDB and nothing
//! else: no protocol, no locks, no counts.

use std::time::Instant;

use rocksdb::WriteBatch;
use serde_json::{Value, json};
use windrow::encoding::{Body, DataType, Meta, Tag, UnixMillis};

use super::common::bare::{Twins, meta_key};
use super::common::data::{Shuffled, VALUE, fill_list, options};
use super::options::Asked;
use super::spread::Spread;

/// Keys of one MSET, as redis-benchmark sends them.
const KEYS: usize = 10;
/// Items of one LRANGE.
const ITEMS: u64 = 100;

/// Times the loops and prints what one thread does in a second.
pub(crate) fn run(asked: &Asked) -> Vec<Value> {
    if !asked.wants("mset") && !asked.wants("lrange_100") {
        return Vec::new();
    }
    let name = |number: u64| format!("key:{number:012}");
    let twins = Twins::filled(&options(), |db| {
        for number in 0..asked.keys {
            db.strings().set(name(number), VALUE).expect("fill");
        }
        fill_list(db, "mylist", asked.requests.max(1_000));
    });
    let count = asked.requests;
    let mut keys = Shuffled::below(asked.keys);
    let mut drawn = || (0..KEYS).map(|_| name(keys.next())).collect::<Vec<_>>();
    let mset = [
        rate(asked.rounds, count / 4, || bare_mset(&twins, &drawn())),
        rate(asked.rounds, count / 4, || {
            let keys = drawn();
            twins.store.db(0).strings().mset(keys.iter().map(|key| (key, VALUE))).expect("mset");
        }),
    ];
    let lrange = [
        rate(asked.rounds, count / 4, || bare_range(&twins)),
        rate(asked.rounds, count / 4, || {
            let items = twins.store.db(0).lists().range("mylist", 0, ITEMS.cast_signed() - 1).expect("range");
            let found: Vec<_> = items.collect::<Result<_, _>>().expect("items");
            assert_eq!(found.len() as u64, ITEMS);
        }),
    ];
    println!("\nin a loop of one thread, calls/s (range)");
    println!("{:<11}{:>26}{:>26}", "", "bare RocksDB", "the crate, no server");
    let mut rows = Vec::new();
    for (test, [bare, ours]) in [("mset", mset), ("lrange_100", lrange)] {
        let shown = |spread: Spread| format!("{:.0} ({:.0} to {:.0})", spread.median, spread.least, spread.most);
        println!("{test:<11}{:>26}{:>26}", shown(bare), shown(ours));
        rows.push(json!({ "test": test, "bare_per_second": bare.median, "in_process_per_second": ours.median }));
    }
    rows
}

fn rate(rounds: usize, calls: u64, mut call: impl FnMut()) -> Spread {
    let mut once = || {
        let began = Instant::now();
        (0..calls.max(1)).for_each(|_| call());
        calls.max(1) as f64 / began.elapsed().as_secs_f64()
    };
    Spread::of((0..rounds).map(|_| once())).expect("a round at least")
}

/// Reads ten records and writes them anew in one batch.
fn bare_mset(twins: &Twins, keys: &[String]) {
    let (db, family) = (twins.bare.db(), twins.bare.meta());
    let keys: Vec<Vec<u8>> = keys.iter().map(|key| meta_key(key.as_bytes())).collect();
    let mut batch = WriteBatch::default();
    for (key, found) in keys.iter().zip(db.batched_multi_get_cf(family, &keys, false)) {
        let old = Meta::decode(&found.expect("get").expect("the key exists")).expect("a record");
        let new = Meta {
            data_type: DataType::String,
            body: Body::Inline(VALUE.to_vec().into()),
            created_at: old.created_at,
            updated_at: UnixMillis::new(1),
            expires_at: None,
            size: VALUE.len() as u64,
        };
        batch.put_cf(family, key, new.encode());
    }
    db.write(batch).expect("write");
}

/// Reads a list's record and copies its first hundred items.
fn bare_range(twins: &Twins) {
    let (_, record) = twins.bare.record(b"mylist");
    let id = record.body.id().expect("a long list");
    let mut items = twins.bare.elements(id, Tag::ListItem.byte());
    let mut copied = Vec::new();
    while items.valid() && (copied.len() as u64) < ITEMS {
        copied.push(items.value().expect("an item").to_vec());
        items.next();
    }
    assert_eq!(copied.len() as u64, ITEMS);
}
