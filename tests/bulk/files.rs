//! Where the files of a load go, and that they stay where reclaiming finds them.

use std::time::Duration;

use windrow::{CreateOptions, Store};

use crate::data::{members, payload};
use crate::fixture::{Fixture, close_and_check, settle, small};

use crate::held;

/// Sets of 4 KB each.
fn load(store: &Store, prefix: &str, sets: u64, options: CreateOptions) {
    let mut load = store.db(0).bulk_load().unwrap().memory(2 << 20);
    for n in 0..sets {
        load.set(format!("{prefix}:{n:05}"), (0..4).map(|m| payload(n * 4 + m, 1000)), options).unwrap();
    }
    assert_eq!(load.finish().unwrap(), sets);
}

#[test]
fn a_load_is_written_once_and_dropped_by_whole_files() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    load(&store, "window", 2000, minute);
    settle(&store);
    let stats = store.stats();
    assert_eq!(stats.data_compaction_written_bytes, 0, "nothing was rewritten: {stats:#?}");
    fixture.seconds_pass(61);
    settle(&store);
    let stats = store.stats();
    assert!(stats.files_dropped >= 7, "{stats:#?}");
    assert!(stats.bytes_dropped > 7 << 20, "{stats:#?}");
    assert_eq!((stats.debt_ids, store.db(0).len().unwrap()), (0, 0));
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn writers_beside_a_load_take_ids_between_its_files_and_not_in_them() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let mut load = db.bulk_load().unwrap().memory(1 << 20);
    for n in 0..2000_u64 {
        load.set(format!("loaded:{n:05}"), (0..4).map(|m| payload(n * 4 + m, 1000)), CreateOptions::new()).unwrap();
        db.sets().add(format!("written:{n:05}"), (0..4).map(|m| payload(n * 4 + m + 1_000_000, 1000))).unwrap();
    }
    assert_eq!(load.finish().unwrap(), 2000);
    settle(&store);
    assert_eq!(store.stats().data_compaction_written_bytes, 0, "all files moved down unread: {:#?}", store.stats());
    let before = held(&db);
    assert_eq!(before.len(), 4000);
    db.delete((0..2000).map(|n| format!("written:{n:05}"))).unwrap();
    settle(&store);
    assert!(store.stats().files_dropped > 0);
    assert_eq!(members(&db, "loaded:00007").len(), 4);
    assert_eq!(db.len().unwrap(), 2000);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_collection_larger_than_the_memory_is_loaded_from_sorted_runs() {
    let fixture = Fixture::new();
    let mut options = small();
    options.max_value_bytes = 64 << 20;
    let store = Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options);
    let store = store.background(false).open().unwrap();
    let db = store.db(0);
    let member = |n: u64| [&(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 100_000).to_be_bytes()[..], b"member"].concat();
    let mut load = db.bulk_load().unwrap().memory(0);
    // Members come twice, in no order.
    load.set("set", (0..200_000).map(member), CreateOptions::new()).unwrap();
    load.zset("zset", (0..200_000).map(|n| (member(n), n as f64)), CreateOptions::new()).unwrap();
    load.list("list", (0..100_000_u32).map(u32::to_be_bytes), CreateOptions::new()).unwrap();
    load.string("string", payload(3, 5 << 20), CreateOptions::new()).unwrap();
    assert_eq!(load.finish().unwrap(), 4);
    let distinct: std::collections::BTreeMap<_, _> = (0..200_000).map(|n| (member(n), n as f64)).collect();
    assert_eq!(db.sets().len("set").unwrap(), distinct.len() as u64);
    assert_eq!(db.zsets().len("zset").unwrap(), distinct.len() as u64);
    for (member, score) in distinct.iter().step_by(997) {
        assert!(db.sets().contains("set", member).unwrap());
        assert_eq!(db.zsets().score("zset", member).unwrap(), Some(*score), "the last score wins");
    }
    assert_eq!(db.lists().index("list", 77_777).unwrap().unwrap(), 77_777_u32.to_be_bytes()[..]);
    assert!(db.strings().get("string").unwrap().unwrap() == payload(3, 5 << 20));
    settle(&store);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}
