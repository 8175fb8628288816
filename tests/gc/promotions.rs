//! Leases: what is refreshed again and again leaves its class, and nobody notices but the reclaimer.

use std::time::Duration;

use bytes::Bytes;
use windrow::{CreateOptions, Db, GetExOptions, ListEnd, SetOptions, Source, Store, ZAddOptions, ZRange};

use crate::data::{members, payload};
use crate::fixture::{Fixture, close_and_check, settle};
use crate::habits::{collections, only};

const MINUTE: Duration = Duration::from_secs(60);
const LEASES: [&str; 5] = ["string", "hash", "set", "list", "zset"];

/// Makes a lease of a minute of each kind.
fn make_leases(db: &Db) {
    let minute = CreateOptions::new().expire_in(MINUTE);
    db.strings().set_with("string", payload(1, 9000), SetOptions::new().expire_in(MINUTE)).unwrap();
    db.hashes().set_many_with("hash", (0..9).map(|n| (format!("f{n}"), format!("v{n}"))), minute).unwrap();
    db.sets().add_with("set", (0..100).map(|n| format!("m{n}")), minute).unwrap();
    db.lists().push_with("list", ListEnd::Right, (0..50).map(|n| format!("i{n}")), minute).unwrap();
    let scored = (0..60).map(|n| (format!("z{n}"), f64::from(n)));
    db.zsets().add_with("zset", scored, ZAddOptions::new().create(minute)).unwrap();
}

/// All that the leases hold.
fn contents<S: Source>(db: &Db<S>) -> Vec<Bytes> {
    let mut all = vec![db.strings().get("string").unwrap().unwrap()];
    for entry in db.hashes().get_all("hash").unwrap() {
        let (field, value) = entry.unwrap();
        all.extend([field, value]);
    }
    all.extend(members(db, "set"));
    all.extend(db.lists().range("list", 0, -1).unwrap().map(Result::unwrap));
    for entry in db.zsets().range("zset", ZRange::ranks(0, -1)).unwrap() {
        let (member, score) = entry.unwrap();
        assert_eq!(db.zsets().score("zset", &member).unwrap(), Some(score));
        all.extend([member, score.to_string().into()]);
    }
    all
}

/// Refreshes all leases every half a minute.
fn refresh(fixture: &Fixture, store: &Store, times: usize) {
    for _ in 0..times {
        fixture.seconds_pass(30);
        for key in LEASES {
            assert!(store.db(0).expire(key, MINUTE).unwrap());
        }
    }
}

#[test]
fn leases_of_every_kind_move_on_once_for_each_class_they_outlive() {
    let fixture = Fixture::new();
    let store = fixture.open();
    make_leases(&store.db(0));
    let whole = contents(&store.db(0));
    refresh(&fixture, &store, 2);
    assert_eq!(store.stats().promotions, 0, "none of them has outlived a minute");
    refresh(&fixture, &store, 1);
    assert_eq!(store.stats().promotions, 5);
    refresh(&fixture, &store, 5);
    assert_eq!(store.stats().promotions, 5, "none of them has outlived four minutes");
    refresh(&fixture, &store, 1);
    assert_eq!(store.stats().promotions, 10);
    assert_eq!(contents(&store.db(0)), whole);
    settle(&store);
    assert_eq!(contents(&store.db(0)), whole);
    assert_eq!(store.db(0).len().unwrap(), 5);
    close_and_check(store, &fixture.path("store"));
    assert_eq!(collections(&fixture), only(&[(5, 5)]), "class 3, and nothing is left of where they were");
    let store = fixture.open();
    assert_eq!(contents(&store.db(0)), whole);
    fixture.seconds_pass(61);
    settle(&store);
    assert_eq!((store.db(0).len().unwrap(), store.stats().data_file_bytes), (0, 0));
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_lease_that_is_written_moves_with_what_is_written() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    make_leases(&db);
    for _ in 0..2 {
        fixture.seconds_pass(59);
        LEASES.iter().for_each(|key| assert!(db.persist(key).unwrap()));
        LEASES.iter().for_each(|key| assert!(db.expire(key, MINUTE).unwrap()));
    }
    let moved = store.stats().promotions;
    fixture.seconds_pass(150);
    // They have expired, and begin anew.
    make_leases(&db);
    fixture.seconds_pass(50);
    for key in LEASES {
        assert!(db.expire(key, MINUTE).unwrap());
    }
    fixture.seconds_pass(50);
    assert_eq!(store.stats().promotions, moved);
    db.strings().append("string", "tail").unwrap();
    db.hashes().set("hash", "f0", "changed").unwrap();
    db.hashes().delete("hash", ["f1"]).unwrap();
    db.sets().remove("set", ["m7"]).unwrap();
    db.lists().push_left("list", ["first"]).unwrap();
    db.lists().pop_right("list").unwrap();
    db.zsets().add("zset", [("z3", 99.0), ("new", -1.0)]).unwrap();
    assert_eq!(store.stats().promotions, moved + 5);
    assert_eq!(db.strings().get("string").unwrap().unwrap(), [&payload(1, 9000)[..], b"tail"].concat());
    assert_eq!(db.hashes().get("hash", "f0").unwrap().as_deref(), Some(&b"changed"[..]));
    assert_eq!((db.hashes().len("hash").unwrap(), db.sets().len("set").unwrap()), (8, 99));
    let list: Vec<_> = db.lists().range("list", 0, -1).unwrap().map(Result::unwrap).collect();
    assert_eq!((list.len(), &list[0][..], &list[49][..]), (50, &b"first"[..], &b"i48"[..]));
    assert_eq!(db.zsets().len("zset").unwrap(), 61);
    assert_eq!((db.zsets().rank("zset", "new").unwrap(), db.zsets().rank("zset", "z3").unwrap()), (Some(0), Some(60)));
    let whole = contents(&db);
    settle(&store);
    assert_eq!(contents(&db), whole);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn views_and_iterators_read_on_where_a_lease_was_before() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    make_leases(&db);
    let whole = contents(&db);
    refresh(&fixture, &store, 2);
    let view = store.view().unwrap();
    let mut walk = db.sets().members("set").unwrap();
    let first = walk.next().unwrap().unwrap();
    refresh(&fixture, &store, 1);
    assert_eq!(store.stats().promotions, 5);
    db.sets().remove("set", ["m1"]).unwrap();
    db.lists().push_left("list", ["first"]).unwrap();
    store.settle(Duration::from_millis(500)).unwrap();
    assert_eq!(contents(&view.db(0)), whole);
    let rest: Vec<_> = std::iter::once(first).chain(walk.by_ref().map(Result::unwrap)).collect();
    assert_eq!(rest, members(&view.db(0), "set"));
    drop((walk, view));
    settle(&store);
    assert_eq!(db.sets().len("set").unwrap(), 99);
    drop(db);
    close_and_check(store, &fixture.path("store"));
    assert_eq!(collections(&fixture).iter().sum::<usize>(), 5);
}

#[test]
fn a_collection_that_got_its_expiry_late_moves_when_it_is_written_again() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.sets().add("s", ["a"]).unwrap();
    db.expire("s", MINUTE).unwrap();
    assert_eq!(store.stats().promotions, 0, "an expiry alone moves nothing");
    db.sets().add("s", ["b"]).unwrap();
    db.sets().add("s", ["c"]).unwrap();
    assert_eq!(store.stats().promotions, 1);
    db.expire("s", 10 * MINUTE).unwrap();
    db.sets().add("s", ["d"]).unwrap();
    assert_eq!(store.stats().promotions, 2, "it has longer to live than its class");
    db.expire("s", Duration::from_secs(1)).unwrap();
    db.sets().add("s", ["e"]).unwrap();
    assert_eq!(store.stats().promotions, 2, "never to a shorter-lived place");
    assert_eq!(members(&db, "s"), ["a", "b", "c", "d", "e"]);
    settle(&store);
    drop(db);
    close_and_check(store, &fixture.path("store"));
    assert_eq!(collections(&fixture), only(&[(6, 1)]));
}

#[test]
fn what_is_dear_to_move_stays() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let minute = CreateOptions::new().expire_in(MINUTE);
    db.sets().add_with("many", (0..129).map(|n| n.to_string()), minute).unwrap();
    db.lists().push_with("long", ListEnd::Right, (0..9).map(|n| payload(n, 2000)), minute).unwrap();
    db.strings().set_with("string", payload(1, 17_000), SetOptions::new().expire_in(MINUTE)).unwrap();
    let scored = (0..3000).map(|n| (n.to_string(), f64::from(n)));
    db.zsets().add_with("popped", scored, ZAddOptions::new().create(minute)).unwrap();
    db.zsets().pop_min("popped", 2990).unwrap();
    // A queue's deleted items lie before its first one, where nobody reads.
    db.lists().push_with("queue", ListEnd::Right, (0..3000).map(|n| n.to_string()), minute).unwrap();
    db.lists().pop("queue", ListEnd::Left, 2990).unwrap();
    for _ in 0..3 {
        fixture.seconds_pass(30);
        for key in ["many", "long", "popped", "queue"] {
            assert!(db.expire(key, MINUTE).unwrap());
        }
        db.strings().get_ex("string", GetExOptions::new().expire_in(MINUTE)).unwrap();
    }
    assert_eq!(store.stats().promotions, 1);
    assert_eq!(db.lists().pop_left("queue").unwrap().as_deref(), Some(&b"2990"[..]));
    assert_eq!((db.zsets().len("popped").unwrap(), db.sets().len("many").unwrap()), (10, 129));
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_list_that_is_cut_and_refreshed_again_and_again_moves_on_once_for_each_class() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for _ in 0..50 {
        db.lists().push_right("list", (0..80).map(|n| format!("i{n}"))).unwrap();
        db.lists().trim("list", -10, -1).unwrap();
        assert!(db.expire("list", MINUTE).unwrap());
        fixture.seconds_pass(30);
    }
    assert!(store.stats().promotions <= 4, "{} moves", store.stats().promotions);
    assert_eq!(db.lists().len("list").unwrap(), 10);
    drop(db);
    settle(&store);
    close_and_check(store, &fixture.path("store"));
}
