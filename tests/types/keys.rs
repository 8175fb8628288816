//! Operations on keys of any type: rename, delete, iteration, counts.

use std::time::Duration;

use windrow::{CreateOptions, ErrorKind, SetOptions, Ttl};

use crate::data::{keys, members, payload};
use crate::fixture::{Fixture, close_and_check, settle};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_rename_moves_value_and_expiry_and_replaces_what_was_there() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.sets().add_with("from", ["m"], CreateOptions::new().expire_in(50 * SECOND)).unwrap();
    db.strings().set_with("to", payload(1, 5000), SetOptions::new().expire_in(SECOND)).unwrap();
    db.rename("from", "to").unwrap();
    assert!(!db.exists("from").unwrap());
    assert_eq!(members(&db, "to"), ["m"]);
    assert_eq!(db.ttl("to").unwrap(), Ttl::In(50 * SECOND));
    assert_eq!(db.len().unwrap(), 1);
    db.rename("to", "missing before").unwrap();
    assert_eq!(keys(&db), ["missing before"]);
    db.strings().set("lasting", "v").unwrap();
    db.rename("lasting", "missing before").unwrap();
    assert_eq!(db.ttl("missing before").unwrap(), Ttl::Forever);
    fixture.seconds_pass(60);
    settle(&store);
    assert_eq!(db.len().unwrap(), 1);
    assert_eq!(store.stats().keys_reaped, 0);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_rename_onto_itself_changes_nothing_and_of_a_missing_or_expired_key_is_refused() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    assert_eq!(db.rename("a", "b").unwrap_err().kind(), ErrorKind::NoSuchKey);
    assert_eq!(db.rename("a", "a").unwrap_err().kind(), ErrorKind::NoSuchKey);
    db.sets().add_with("a", ["m"], CreateOptions::new().expire_in(SECOND)).unwrap();
    db.rename("a", "a").unwrap();
    assert_eq!(members(&db, "a"), ["m"]);
    assert_eq!(db.ttl("a").unwrap(), Ttl::In(SECOND));
    db.strings().set("b", "kept").unwrap();
    fixture.seconds_pass(1);
    assert_eq!(db.rename("a", "b").unwrap_err().kind(), ErrorKind::NoSuchKey);
    assert_eq!(db.strings().get("b").unwrap().unwrap(), "kept");
}

#[test]
fn inline_strings_of_equal_expiry_can_be_renamed_onto_each_other() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for name in ["a", "b"] {
        db.strings().set_with(name, name, SetOptions::new().expire_in(SECOND)).unwrap();
    }
    db.rename("a", "b").unwrap();
    assert_eq!(db.strings().get("b").unwrap().unwrap(), "a");
    fixture.seconds_pass(2);
    settle(&store);
    assert_eq!(db.len().unwrap(), 0);
    assert_eq!(store.stats().keys_reaped, 1);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn delete_counts_each_living_key_once() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    db.strings().set("a", "1").unwrap();
    db.sets().add("b", ["m"]).unwrap();
    db.strings().set_with("expired", "1", SetOptions::new().expire_in(SECOND)).unwrap();
    fixture.seconds_pass(1);
    assert_eq!(db.delete(["a", "b", "a", "missing", "expired"]).unwrap(), 2);
    assert_eq!(db.delete(Vec::<Vec<u8>>::new()).unwrap(), 0);
    assert!(keys(&db).is_empty());
}

#[test]
fn keys_with_a_prefix_come_in_byte_order_without_the_expired_ones() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    let all: [&[u8]; 9] = [b"", b"\0", b"a", b"a\0", b"ab", b"a\xff", b"b", b"\xff", b"\xff\xff"];
    for (n, key) in all.iter().enumerate() {
        db.strings().set(key, n.to_string()).unwrap();
        db.strings().set_with([key, b"-gone".as_slice()].concat(), "x", SetOptions::new().expire_in(SECOND)).unwrap();
    }
    fixture.seconds_pass(1);
    for prefix in all.into_iter().chain([b"c".as_slice(), b"a\xff\xff"]) {
        let found: Vec<_> = db.keys(prefix).unwrap().map(Result::unwrap).collect();
        let expected: Vec<&[u8]> = all.into_iter().filter(|key| key.starts_with(prefix)).collect();
        assert_eq!(found, expected, "{}", prefix.escape_ascii());
    }
    assert_eq!(db.len().unwrap(), 18);
}

#[test]
fn many_threads_at_the_same_keys_lose_no_update_and_no_count() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let db = db.clone();
            scope.spawn(move || {
                for n in 0..500_u64 {
                    db.strings().incr("counter").unwrap();
                    db.sets().add("set", [format!("{thread}:{n}")]).unwrap();
                    let _ = db.rename(format!("r{}", n % 3), format!("r{}", (n + thread) % 3));
                    db.strings().set(format!("r{}", n % 3), payload(n, 2000)).unwrap();
                    db.delete([format!("r{}", (n + 1) % 3)]).unwrap();
                }
            });
        }
    });
    assert_eq!(db.strings().get("counter").unwrap().unwrap(), "2000");
    assert_eq!(db.sets().len("set").unwrap(), 2000);
    assert_eq!(db.len().unwrap(), keys(&db).len() as u64);
    settle(&store);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}
