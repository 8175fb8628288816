//! Bulk load: what takes whose place and when, what is refused, and what a load leaves behind.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod files;
mod model;

#[path = "../types/both.rs"]
mod both;
#[path = "../support/data.rs"]
mod data;
#[path = "../support/fixture.rs"]
mod fixture;

use std::time::Duration;

use windrow::{CreateOptions, DataType, ErrorKind, EventKind, EventOptions, Source, Store, Ttl, UnixMillis};

use crate::both::both;
use crate::data::{keys, members, payload};
use crate::fixture::{Fixture, START, close_and_check, settle, small};

const FOREVER: fn() -> CreateOptions = CreateOptions::new;

/// Everything that a db holds: keys, values and expiries.
fn held<S: Source>(db: &windrow::Db<S>) -> Vec<(Vec<u8>, Vec<u8>, Option<UnixMillis>)> {
    let all = keys(db);
    all.iter().map(|key| (key.to_vec(), db.dump(key).unwrap().unwrap().to_vec(), db.expires_at(key).unwrap())).collect()
}

#[test]
fn every_type_takes_its_place_at_the_end_and_lives_on() {
    both(|_, store| {
        let db = store.db(0);
        let many: Vec<Vec<u8>> = (0..3000).map(|n| payload(n, 10 + n as usize % 50)).collect();
        let mut load = db.bulk_load().unwrap();
        load.string("short", "v", FOREVER()).unwrap();
        load.string("long", payload(1, 100_000), FOREVER()).unwrap();
        load.hash("hash", many.iter().map(|name| (name, &name[..5])), FOREVER()).unwrap();
        load.set("set", &many, FOREVER()).unwrap();
        load.list("list", &many, FOREVER()).unwrap();
        load.zset("zset", many.iter().zip([2.0, -1.0, 0.5].into_iter().cycle()), FOREVER()).unwrap();
        load.hash("small", [("b", "1"), ("a", "2"), ("b", "3")], FOREVER()).unwrap();
        assert!(db.is_empty().unwrap(), "nothing is visible before the end");
        assert_eq!(load.finish().unwrap(), 7);
        assert_eq!(db.len().unwrap(), 7);
        assert_eq!(db.strings().get("short").unwrap().unwrap(), "v");
        assert_eq!(db.strings().get("long").unwrap().unwrap(), payload(1, 100_000));
        assert_eq!(db.hashes().len("hash").unwrap(), 3000);
        assert_eq!(db.hashes().get("hash", &many[7]).unwrap().unwrap(), many[7][..5]);
        let mut sorted = many.clone();
        sorted.sort_unstable();
        assert_eq!(members(&db, "set"), sorted);
        let items: Vec<_> = db.lists().range("list", 0, -1).unwrap().map(Result::unwrap).collect();
        assert_eq!(items, many);
        assert_eq!(db.zsets().len("zset").unwrap(), 3000);
        assert_eq!(db.zsets().score("zset", &many[1]).unwrap(), Some(-1.0));
        assert_eq!(db.hashes().get("small", "b").unwrap().unwrap(), "3", "the last value of a field wins");
        db.strings().append("long", "more").unwrap();
        db.lists().push_left("list", ["first"]).unwrap();
        assert!(db.zsets().add("zset", [("new", 9.0)]).unwrap() == 1);
        assert_eq!(db.zsets().rank("zset", "new").unwrap(), Some(3000));
        settle(store);
        assert_eq!(db.lists().len("list").unwrap(), 3001);
    });
}

#[test]
fn each_key_of_a_load_is_told_when_it_is_there() {
    both(|_, store| {
        let db = store.db(0);
        let events = store.subscribe(EventOptions::new()).unwrap();
        let names: Vec<String> = (0..1200).map(|n| format!("{n:04}")).collect();
        // Into nothing first, then over what is there.
        for round in 0..2 {
            let mut load = db.bulk_load().unwrap();
            for name in &names {
                load.set(name, [format!("{round}"), "m".repeat(round * 500)], FOREVER()).unwrap();
            }
            assert_eq!(events.try_recv(), None);
            assert_eq!(load.finish().unwrap(), 1200);
            let told: Vec<_> = std::iter::from_fn(|| events.try_recv()).map(|event| (event.key, event.kind)).collect();
            assert!(
                told.iter()
                    .map(|(key, kind)| (&key[..], *kind))
                    .eq(names.iter().map(|name| (name.as_bytes(), EventKind::Restore)))
            );
        }
        let mut load = db.bulk_load().unwrap();
        load.set("0007", [""; 0], FOREVER()).unwrap();
        load.finish().unwrap();
        assert_eq!(events.try_recv().unwrap().kind, EventKind::Del);
    });
}

#[test]
fn what_is_loaded_replaces_what_was_there_and_the_last_value_of_a_key_wins() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add("a", ["old", "older"]).unwrap();
        db.strings().set("b", payload(1, 50_000)).unwrap();
        db.zsets().add("gone", [("m", 1.0)]).unwrap();
        db.zsets().add("emptied", [("m", 1.0)]).unwrap();
        db.expire("a", Duration::from_secs(50)).unwrap();
        db.strings().set("kept", "as it was").unwrap();
        let mut load = db.bulk_load().unwrap();
        for n in 0..5 {
            load.list("a", (0..500).map(|item| format!("{n}:{item}")), FOREVER()).unwrap();
            load.set("b", [n.to_string()], FOREVER().expire_in(Duration::from_secs(100 + n))).unwrap();
        }
        load.string("gone", "never seen", FOREVER().expire_at(UnixMillis::new(1))).unwrap();
        load.set::<&str>("emptied", [], FOREVER()).unwrap();
        load.set::<&str>("never there", [], FOREVER()).unwrap();
        assert_eq!(load.finish().unwrap(), 2);
        // The four old values and the eight that were given too early, or those of them that lay apart from their records.
        let buried = store.stats().waiting_ids;
        assert!([12, 5].contains(&buried), "{buried}");
        assert_eq!(db.lists().len("a").unwrap(), 500);
        assert_eq!(db.lists().index("a", 0).unwrap().unwrap(), "4:0");
        assert_eq!(db.ttl("a").unwrap(), Ttl::Forever, "the old expiry went with the old value");
        assert_eq!(members(&db, "b"), ["4"]);
        assert_eq!(db.expires_at("b").unwrap(), Some(START.saturating_add(Duration::from_secs(104))));
        assert_eq!(keys(&db), ["a", "b", "kept"]);
        assert_eq!(db.len().unwrap(), 3);
        settle(store);
    });
}

#[test]
fn what_is_loaded_expires_in_its_time_also_before_the_end_of_the_load() {
    both(|fixture, store| {
        let db = store.db(0);
        db.strings().set("early", "old").unwrap();
        let mut load = db.bulk_load().unwrap();
        for (key, seconds) in [("early", 1), ("soon", 10), ("late", 1000)] {
            load.set(key, (0..100).map(|n| n.to_string()), FOREVER().expire_in(Duration::from_secs(seconds))).unwrap();
        }
        fixture.seconds_pass(5);
        assert_eq!(load.finish().unwrap(), 2);
        assert_eq!(
            keys(&db),
            ["late", "soon"],
            "one expired while it waited, and took away what it would have replaced"
        );
        fixture.seconds_pass(6);
        assert_eq!(keys(&db), ["late"]);
        settle(store);
        assert_eq!((db.len().unwrap(), store.stats().keys_reaped), (1, 1));
    });
}

#[test]
fn a_load_that_is_dropped_leaves_nothing_behind() {
    both(|fixture, store| {
        let db = store.db(0);
        db.strings().set("kept", "v").unwrap();
        let mut load = db.bulk_load().unwrap().memory(0);
        for n in 0..300_u64 {
            load.set(n.to_string(), (0..20).map(|m| payload(n * 20 + m, 100)), FOREVER()).unwrap();
        }
        let scratch = fixture.path("store").join("BULK");
        assert!(scratch.exists());
        drop(load);
        assert!(!scratch.exists());
        assert_eq!(keys(&db), ["kept"]);
        settle(store);
        assert_eq!(store.stats().debt_ids, 0);
        // The ids are not used again, and what comes after them is found.
        db.sets().add("next", (0..20).map(|n| payload(n, 100))).unwrap();
        assert_eq!(db.sets().len("next").unwrap(), 20);
    });
}

#[test]
fn views_see_none_of_it_and_go_on_reading_what_was_replaced() {
    both(|_, store| {
        let db = store.db(0);
        for n in 0..200_u64 {
            db.sets().add(format!("{n:03}"), [payload(n, 2000), payload(n + 1, 2000)]).unwrap();
        }
        let view = store.view().unwrap();
        let before = held(&view.db(0));
        let mut load = db.bulk_load().unwrap();
        for n in 100..300_u64 {
            load.set(format!("{n:03}"), [payload(n + 5000, 2000), payload(n + 5001, 2000)], FOREVER()).unwrap();
        }
        assert_eq!(load.finish().unwrap(), 200);
        assert!(held(&view.db(0)) == before);
        assert!(!store.settle(Duration::from_millis(300)).unwrap(), "the view holds it back");
        assert!(held(&view.db(0)) == before);
        let after = held(&db);
        drop(view);
        settle(store);
        assert!(held(&db) == after);
        assert_eq!(after.len(), 300);
    });
}

#[test]
fn a_watched_key_that_is_loaded_has_changed() {
    both(|_, store| {
        let db = store.db(0);
        let (watch, other) = (db.watch(["k"]).unwrap(), db.watch(["other"]).unwrap());
        let mut load = db.bulk_load().unwrap();
        load.string("k", "v", FOREVER()).unwrap();
        assert!(!watch.is_broken().unwrap());
        load.finish().unwrap();
        assert!(watch.is_broken().unwrap());
        assert!(!other.is_broken().unwrap());
        // All at once, into a db that holds nothing.
        let db = store.db(1);
        let (watch, other) = (db.watch(["7"]).unwrap(), db.watch(["other"]).unwrap());
        let mut load = db.bulk_load().unwrap();
        (0..200).for_each(|n| load.string(n.to_string(), "v", FOREVER()).unwrap());
        assert_eq!(load.finish().unwrap(), 200);
        assert!(watch.is_broken().unwrap());
        assert!(!other.is_broken().unwrap());
    });
}

#[test]
fn what_is_too_large_or_no_number_is_refused_and_the_load_goes_on() {
    let fixture = Fixture::new();
    let mut options = small();
    (options.max_key_bytes, options.max_member_bytes, options.max_value_bytes) = (100, 100, 100_000);
    let store = Store::builder(fixture.path("store")).options(options).clock(fixture.clock.clone()).open().unwrap();
    let db = store.db(0);
    let mut load = db.bulk_load().unwrap();
    let (long, longer) = ("x".repeat(101), "x".repeat(100_001));
    let kind = |done: windrow::Result<()>| done.unwrap_err().kind();
    assert_eq!(kind(load.string(&long, "v", FOREVER())), ErrorKind::TooLarge);
    assert_eq!(kind(load.string("k", &longer, FOREVER())), ErrorKind::TooLarge);
    assert_eq!(kind(load.set("k", ["a", &long], FOREVER())), ErrorKind::TooLarge);
    assert_eq!(kind(load.hash("k", [("a", "b"), (&long, "b")], FOREVER())), ErrorKind::TooLarge);
    assert_eq!(kind(load.hash("k", [("a", "b"), ("a", &longer)], FOREVER())), ErrorKind::TooLarge);
    assert_eq!(kind(load.list("k", ["a", &longer], FOREVER())), ErrorKind::TooLarge);
    assert_eq!(kind(load.zset("k", [("a", 1.0), (&long, 1.0)], FOREVER())), ErrorKind::TooLarge);
    assert_eq!(kind(load.zset("k", [("a", f64::NAN)], FOREVER())), ErrorKind::NotANumber);
    let beyond = FOREVER().expire_at(UnixMillis::new(1 << 63));
    assert_eq!(kind(load.set("k", ["a"], beyond)), ErrorKind::OutOfRange);
    load.set("fits", ["b"], FOREVER()).unwrap();
    assert_eq!(load.finish().unwrap(), 1);
    assert_eq!(keys(&db), ["fits"]);
    assert_eq!(members(&db, "fits"), ["b"], "nothing is left of what was refused");
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn who_may_not_write_may_not_load() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.sets().add("s", ["a"]).unwrap();
    let mut load = db.bulk_load().unwrap();
    load.set("k", (0..10).map(|n| n.to_string()), FOREVER()).unwrap();
    let inside = db.transaction(["k"], |_| load.finish()).unwrap_err();
    assert_eq!(inside.kind(), ErrorKind::InvalidInput);
    let mut load = db.bulk_load().unwrap().memory(0);
    for n in 0..100_u64 {
        load.set(n.to_string(), (0..20).map(|m| payload(n * 20 + m, 200)), FOREVER()).unwrap();
    }
    store.close().unwrap();
    assert_eq!(db.bulk_load().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(load.set("k", ["a"], FOREVER()).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(load.finish().unwrap_err().kind(), ErrorKind::Closed);
    drop(db);
    let path = fixture.path("store");
    let reader = Store::builder(&path).read_only(true).open().unwrap();
    assert_eq!(reader.db(0).bulk_load().unwrap_err().kind(), ErrorKind::ReadOnly);
    drop(reader);
    assert!(path.join("BULK").exists(), "what a closed store's load left");
    let store = fixture.open();
    assert!(!path.join("BULK").exists());
    assert_eq!(keys(&store.db(0)), ["s"]);
    assert_eq!(store.db(0).data_type("s").unwrap(), Some(DataType::Set));
    settle(&store);
    close_and_check(store, &path);
}
