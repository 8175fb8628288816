//! HyperLogLogs: added to, counted and merged; values that a Redis made, and values that are none.

use std::time::Duration;

use windrow::{Action, CreateOptions, Db, ErrorKind, SetOptions, Source, Ttl};

use crate::both::{both, both_ways, open};
use crate::fixture::{Fixture, START, close_and_check};

const DENSE_BYTES: u64 = 12_304;

/// What redis-server 7.0.15 holds after `PFADD h a b c d e f g`, and after `PFCOUNT h`.
const ADDED: &str = "48594c4c010000000000000000000080466d80560c80443c84388050b184498c80426d80425a";
const COUNTED: &str = "48594c4c010000000700000000000000466d80560c80443c84388050b184498c80426d80425a";

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn value<S: Source>(db: &Db<S>, key: &str) -> Vec<u8> {
    db.strings().get(key).unwrap().unwrap().to_vec()
}

fn numbers(range: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    range.map(|number| number.to_string())
}

#[test]
fn additions_leave_the_bytes_that_redis_leaves() {
    both(|_, store| {
        let db = store.db(0);
        let sketches = db.hyperloglogs();
        assert!(sketches.add("one", ["a", "b", "c", "d", "e", "f", "g"]).unwrap());
        assert_eq!(value(&db, "one"), bytes(ADDED));
        for element in ["g", "a", "c", "b", "d", "f", "e", "a"] {
            sketches.add("more", [element]).unwrap();
        }
        assert_eq!(value(&db, "more"), bytes(ADDED));
        assert!(!sketches.add("one", ["a", "g"]).unwrap());
        assert!(sketches.add("one", ["h"]).unwrap());
    });
}

#[test]
fn what_redis_wrote_is_counted_and_added_to() {
    both(|_, store| {
        let db = store.db(0);
        for made in [ADDED, COUNTED] {
            db.strings().set("h", bytes(made)).unwrap();
            assert_eq!(db.hyperloglogs().count(["h"]).unwrap(), 7);
            assert_eq!(value(&db, "h"), bytes(made), "counting writes nothing");
            assert!(!db.hyperloglogs().add("h", ["c"]).unwrap());
            assert_eq!(value(&db, "h"), bytes(made));
            assert!(db.hyperloglogs().add("h", ["c", "x"]).unwrap());
            assert_eq!(db.hyperloglogs().count(["h"]).unwrap(), 8);
        }
        let mut cached = bytes(COUNTED);
        cached[8] = 99;
        db.strings().set("h", &cached).unwrap();
        assert_eq!(db.hyperloglogs().count(["h"]).unwrap(), 99, "what is cached is believed");
        assert_eq!(db.hyperloglogs().count(["h", "missing"]).unwrap(), 7, "but not of a union");
    });
}

#[test]
fn counts_are_near_the_truth_through_both_forms_and_reopening() {
    for options in both_ways() {
        let fixture = Fixture::new();
        let mut store = open(&fixture, &options);
        let mut last = 0;
        for (from, to) in [(0, 10), (10, 500), (500, 900), (900, 3000), (3000, 30_000)] {
            assert!(store.db(0).hyperloglogs().add("h", numbers(from..to)).unwrap());
            store.close().unwrap();
            store = open(&fixture, &options);
            let db = store.db(0);
            let length = db.strings().len("h").unwrap();
            assert!(length == DENSE_BYTES || length <= 3000 && length > last, "{length} bytes for {to}");
            last = length;
            let count = db.hyperloglogs().count(["h"]).unwrap() as f64 / f64::from(to);
            assert!((count - 1.0).abs() < 0.03, "{count} times {to}");
        }
        assert_eq!(last, DENSE_BYTES);
        assert!(!store.db(0).hyperloglogs().add("h", numbers(0..30_000)).unwrap());
        close_and_check(store, &fixture.path("store"));
    }
}

#[test]
fn a_sparse_form_grows_to_3000_bytes_and_no_further() {
    // How many elements of a series redis-server 7.0.15 takes until it makes the form dense, and how long it is before.
    let series = [("a", 1681, 2999), ("d", 1685, 3000), ("e", 1683, 3000), ("h", 1657, 2999)];
    both(|_, store| {
        let db = store.db(0);
        for (name, elements, length) in series {
            let element = |n: u32| format!("{name}{n}");
            db.hyperloglogs().add(name, (0..elements).map(element)).unwrap();
            assert_eq!(db.strings().len(name).unwrap(), length, "series {name}");
            db.hyperloglogs().add(name, [element(elements)]).unwrap();
            assert_eq!(db.strings().len(name).unwrap(), DENSE_BYTES, "series {name}");
        }
    });
}

#[test]
fn without_elements_a_missing_key_is_created_and_another_stays() {
    both(|_, store| {
        let db = store.db(0);
        assert!(db.hyperloglogs().add("h", [] as [&str; 0]).unwrap());
        assert!(!db.hyperloglogs().add("h", [] as [&str; 0]).unwrap());
        assert_eq!((db.strings().len("h").unwrap(), db.hyperloglogs().count(["h"]).unwrap()), (18, 0));
        assert_eq!(db.hyperloglogs().count(["missing"]).unwrap(), 0);
        assert_eq!(db.hyperloglogs().count(["missing", "h"]).unwrap(), 0);
        assert_eq!(db.hyperloglogs().count([] as [&str; 0]).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(!db.exists("missing").unwrap());
        db.hyperloglogs().merge("merged", [] as [&str; 0]).unwrap();
        assert_eq!(value(&db, "merged"), value(&db, "h"));
    });
}

#[test]
fn a_union_counts_shared_elements_once_whether_it_is_stored_or_not() {
    both(|_, store| {
        let db = store.db(0);
        let sketches = db.hyperloglogs();
        sketches.add("small", numbers(0..100)).unwrap();
        sketches.add("other", numbers(50..150)).unwrap();
        sketches.add("large", numbers(0..5000)).unwrap();
        let union = sketches.count(["small", "other", "missing", "small"]).unwrap();
        assert!((146..=154).contains(&union), "{union}");
        assert!(!db.exists("missing").unwrap());
        sketches.merge("both", ["small", "other", "missing"]).unwrap();
        assert_eq!(sketches.count(["both"]).unwrap(), union);
        assert!(db.strings().len("both").unwrap() < 3000, "sparse forms make a sparse one");
        sketches.merge("small", ["large", "small"]).unwrap();
        assert_eq!(db.strings().len("small").unwrap(), DENSE_BYTES);
        assert_eq!(sketches.count(["small"]).unwrap(), sketches.count(["large"]).unwrap());
        // The same elements, added one way or the other.
        sketches.add("all", numbers(0..5000)).unwrap();
        assert_eq!(value(&db, "all"), value(&db, "small"));
    });
}

#[test]
fn an_expiry_stays_and_is_given_only_by_the_call_that_creates() {
    both(|fixture, store| {
        let db = store.db(0);
        let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
        assert!(db.hyperloglogs().add_with("h", ["a"], minute).unwrap());
        db.hyperloglogs().merge_with("m", ["h"], minute).unwrap();
        fixture.seconds_pass(10);
        db.hyperloglogs().add_with("h", numbers(0..3000), minute).unwrap();
        db.hyperloglogs().merge_with("m", ["h"], minute).unwrap();
        for key in ["h", "m"] {
            assert_eq!(db.strings().len(key).unwrap(), DENSE_BYTES);
            assert_eq!(db.ttl(key).unwrap(), Ttl::In(Duration::from_secs(50)));
        }
        let view = store.view().unwrap();
        let count = db.hyperloglogs().count(["h"]).unwrap();
        fixture.seconds_pass(50);
        assert_eq!(db.hyperloglogs().count(["h"]).unwrap(), 0);
        assert!(db.hyperloglogs().add("h", ["a"]).unwrap());
        assert_eq!((db.ttl("h").unwrap(), db.hyperloglogs().count(["h"]).unwrap()), (Ttl::Forever, 1));
        assert_eq!(view.db(0).hyperloglogs().count(["h"]).unwrap(), count, "a view keeps what it saw");
        assert_eq!(view.db(0).hyperloglogs().count(["h", "m"]).unwrap(), count);
        let past = CreateOptions::new().expire_at(START);
        assert!(!db.hyperloglogs().add_with("late", ["a"], past).unwrap());
        db.hyperloglogs().merge_with("late", ["h"], past).unwrap();
        assert!(!db.exists("late").unwrap());
    });
}

#[test]
fn what_is_no_hyperloglog_is_refused_and_stays() {
    both(|_, store| {
        let db = store.db(0);
        let sketches = db.hyperloglogs();
        sketches.add("good", ["a"]).unwrap();
        db.sets().add("set", ["m"]).unwrap();
        db.strings().set("text", "HYLL").unwrap();
        db.strings().set("", "").unwrap();
        let mut dense_and_short = bytes(ADDED);
        dense_and_short[4] = 0;
        db.strings().set("short", &dense_and_short).unwrap();
        db.strings().set("long", [&dense_and_short[..], &vec![0; 40_000]].concat()).unwrap();
        let mut expected = Vec::new();
        for key in ["set", "text", "", "short", "long"] {
            expected.push(db.strings().get(key).ok());
            let refused = [
                sketches.add(key, ["a"]).err(),
                sketches.add(key, [] as [&str; 0]).err(),
                sketches.count([key]).err(),
                sketches.count(["good", key]).err(),
                sketches.merge("good", [key]).err(),
                sketches.merge(key, ["good"]).err(),
                sketches.merge("new", ["good", key]).err(),
            ];
            for (n, error) in refused.into_iter().enumerate() {
                assert_eq!(error.unwrap().kind(), ErrorKind::WrongType, "operation {n} on {key:?}");
            }
        }
        let found: Vec<_> = ["set", "text", "", "short", "long"].map(|key| db.strings().get(key).ok()).into();
        assert_eq!(found, expected);
        assert!(!db.exists("new").unwrap());
        assert_eq!(sketches.count(["good"]).unwrap(), 1);
    });
}

#[test]
fn a_damaged_hyperloglog_is_refused_and_stays() {
    both(|_, store| {
        let db = store.db(0);
        let sketches = db.hyperloglogs();
        sketches.add("good", numbers(0..100)).unwrap();
        let whole = bytes(ADDED);
        let damaged = [
            whole[..16].to_vec(),
            whole[..17].to_vec(),
            whole[..whole.len() - 2].to_vec(),
            [&whole[..], &[0x00]].concat(),
            [&whole[..], &[0x40]].concat(),
            [&whole[..], &vec![0x7f; 60_000]].concat(),
        ];
        for value in damaged {
            db.strings().set_with("bad", &value, SetOptions::new()).unwrap();
            let refused = [
                sketches.count(["bad"]).err(),
                sketches.count(["good", "bad"]).err(),
                sketches.merge("good", ["bad"]).err(),
                sketches.merge("bad", ["good"]).err(),
            ];
            for error in refused {
                let error = error.unwrap();
                assert_eq!((error.kind(), error.action()), (ErrorKind::InvalidObject, Action::FixCall));
            }
            // Registers before the damage are found, as in Redis; some of these are not.
            let before = db.strings().get("bad").unwrap().unwrap();
            if let Err(error) = sketches.add("bad", numbers(0..1000)) {
                assert_eq!(error.kind(), ErrorKind::InvalidObject);
                assert_eq!(db.strings().get("bad").unwrap().unwrap(), before, "an error changes nothing");
            }
        }
    });
}

#[test]
fn a_store_without_room_for_a_dense_form_refuses_it() {
    let fixture = Fixture::new();
    let mut options = crate::fixture::small();
    options.max_value_bytes = 4096;
    let store = open(&fixture, &options);
    let db = store.db(0);
    db.hyperloglogs().add("h", numbers(0..500)).unwrap();
    let before = value(&db, "h");
    assert_eq!(db.hyperloglogs().add("h", numbers(500..5000)).unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(value(&db, "h"), before);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}
