//! Namespaces and dbs: apart from each other, flushed and swapped at once.

use std::time::Duration;

use windrow::{CreateOptions, Db, ErrorKind, SetOptions, UnixMillis};

use crate::data::{keys, members};
use crate::fixture::{Fixture, close_and_check, settle};

#[test]
fn dbs_and_namespaces_do_not_see_each_other() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let places = [
        store.db(0),
        store.db(1),
        store.db(u32::MAX),
        store.namespace("n").db(0),
        store.namespace("n\0").db(0),
        store.namespace([0xff; 255]).db(7),
    ];
    for (n, db) in places.iter().enumerate() {
        assert!(db.is_empty().unwrap());
        db.strings().set("k", n.to_string()).unwrap();
        db.sets().add("s", [n.to_string()]).unwrap();
    }
    places[3].delete(["k"]).unwrap();
    places[2].flush().unwrap();
    for (n, db) in places.iter().enumerate() {
        let expected: &[&str] = match n {
            2 => &[],
            3 => &["s"],
            _ => &["k", "s"],
        };
        assert_eq!(keys(db), expected, "place {n}");
        assert_eq!(db.len().unwrap(), expected.len() as u64);
        if n != 2 {
            assert_eq!(members(db, "s"), [n.to_string()]);
        }
    }
    drop(places);
    close_and_check(store, &fixture.path("store"));
    let store = fixture.open();
    assert_eq!(store.namespace([0xff; 255]).db(7).strings().get("k").unwrap().unwrap(), "5");
    assert_eq!(store.db(u32::MAX).len().unwrap(), 0);
}

#[test]
fn a_namespace_with_too_long_a_name_is_refused_by_every_write_and_empty_for_every_read() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let namespace = store.namespace([b'n'; 256]);
    assert_eq!(namespace.db(0).strings().set("k", "v").unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(namespace.swap(0, 1).unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(namespace.db(0).len().unwrap(), 0);
    assert!(!namespace.db(0).exists("k").unwrap());
}

#[test]
fn a_flush_empties_a_db_at_once_and_gives_everything_back() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.flush().unwrap();
    for round in 0..3 {
        for n in 0..500 {
            db.sets().add(format!("{n}"), ["m"]).unwrap();
            let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
            db.sets().add_with(format!("e{n}"), ["m"], minute).unwrap();
        }
        if round == 1 {
            fixture.seconds_pass(61);
        }
        db.flush().unwrap();
        assert_eq!(db.len().unwrap(), 0);
        assert!(keys(&db).is_empty());
        db.sets().add("0", ["fresh"]).unwrap();
        assert_eq!(members(&db, "0"), ["fresh"]);
        settle(&store);
        assert_eq!(db.len().unwrap(), 1);
        assert_eq!(store.stats().flushed_keyspaces, 0);
    }
    fixture.seconds_pass(61);
    settle(&store);
    assert_eq!(db.len().unwrap(), 1);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_flush_that_a_close_interrupted_is_finished_by_the_next_open() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for n in 0..500 {
        store.db(0).sets().add(format!("{n}"), ["m"]).unwrap();
    }
    store.db(0).flush().unwrap();
    close_and_check(store, &fixture.path("store"));
    let store = fixture.open();
    assert_eq!(store.stats().flushed_keyspaces, 1);
    assert_eq!(store.db(0).len().unwrap(), 0);
    settle(&store);
    assert_eq!(store.stats().flushed_keyspaces, 0);
    assert_eq!(store.stats().data_file_bytes, 0);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_swap_exchanges_two_dbs_with_counts_and_expiries_and_of_one_with_itself_nothing() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let default = store.namespace("");
    default.swap(4, 4).unwrap();
    default.swap(5, 6).unwrap();
    store.db(4).strings().set("four", "4").unwrap();
    default.swap(4, 4).unwrap();
    assert_eq!(store.db(4).len().unwrap(), 1);
    let second = CreateOptions::new().expire_in(Duration::from_secs(1));
    store.db(0).sets().add_with("dies", ["m"], second).unwrap();
    store.db(0).sets().add("stays", ["m"]).unwrap();
    default.swap(0, 9).unwrap();
    assert_eq!((store.db(0).len().unwrap(), store.db(9).len().unwrap()), (0, 2));
    fixture.seconds_pass(2);
    settle(&store);
    assert_eq!((store.db(0).len().unwrap(), store.db(9).len().unwrap()), (0, 1));
    default.swap(9, 4).unwrap();
    assert_eq!(keys(&store.db(4)), ["stays"]);
    assert_eq!(keys(&store.db(9)), ["four"]);
    drop(default);
    close_and_check(store, &fixture.path("store"));
    let store = fixture.open();
    assert_eq!(keys(&store.db(4)), ["stays"]);
    assert_eq!(store.db(9).len().unwrap(), 1);
}

/// A call by its name in Redis.
type Call = (&'static str, fn(&Db));

#[test]
fn calls_that_change_nothing_make_no_keyspace() {
    const MINUTE: Duration = Duration::from_secs(60);
    const PAST: UnixMillis = UnixMillis::new(1);
    let fixture = Fixture::new();
    let store = fixture.open();
    let calls: [Call; 14] = [
        ("DEL", |db| assert_eq!(db.delete(["k"]).unwrap(), 0)),
        ("EXPIRE", |db| assert!(!db.expire("k", MINUTE).unwrap())),
        ("PERSIST", |db| assert!(!db.persist("k").unwrap())),
        ("SET XX", |db| drop(db.strings().set_with("k", "v", SetOptions::new().if_present()).unwrap())),
        ("SET that is born dead", |db| {
            drop(db.strings().set_with("k", "v", SetOptions::new().expire_at(PAST)).unwrap())
        }),
        ("SADD that is born dead", |db| {
            assert_eq!(db.sets().add_with("k", ["m"], CreateOptions::new().expire_at(PAST)).unwrap(), 0)
        }),
        ("SADD of nothing", |db| assert_eq!(db.sets().add("k", [""; 0]).unwrap(), 0)),
        ("SREM", |db| assert_eq!(db.sets().remove("k", ["m"]).unwrap(), 0)),
        ("HDEL", |db| assert_eq!(db.hashes().delete("k", ["f"]).unwrap(), 0)),
        ("ZREM", |db| assert_eq!(db.zsets().remove("k", ["m"]).unwrap(), 0)),
        ("RENAME", |db| drop(db.rename("k", "other").unwrap_err())),
        ("MOVE", |db| assert!(!db.move_to("k", 77).unwrap())),
        ("COPY", |db| assert!(!db.copy("k", "other").unwrap())),
        ("FLUSHDB", |db| db.flush().unwrap()),
    ];
    store.namespace("swapped").swap(0, 1).unwrap();
    store.flush_all().unwrap();
    assert_eq!(store.stats().flushed_keyspaces, 0, "SWAPDB of two empty dbs made a keyspace");
    // A flush of everything owes the removal of each keyspace that there is.
    for (number, (name, call)) in (0..).zip(&calls) {
        call(&store.namespace(name).db(number));
        store.flush_all().unwrap();
        assert_eq!(store.stats().flushed_keyspaces, 0, "{name} made a keyspace");
    }
    store.db(0).strings().set("k", "v").unwrap();
    store.flush_all().unwrap();
    assert_eq!(store.stats().flushed_keyspaces, 1, "a write that changes something makes one");
    close_and_check(store, &fixture.path("store"));
}
