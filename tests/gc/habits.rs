//! Collections lie where keys like theirs usually belong: learnt from expiries that come in a second call, and from writes
//! after the birth.

use std::collections::BTreeSet;
use std::time::Duration;

use windrow::{CreateOptions, GetExOptions, ListEnd, SetOptions, Store, Ttl};

use crate::data::{members, payload};
use crate::fixture::{Fixture, close_and_check, settle};
use crate::raw::open_raw;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// The families of class 1, up to a minute, and of class 4, up to 64 minutes: closed, then growing.
const MINUTES: (usize, usize) = (1, 2);
const HOURS: (usize, usize) = (7, 8);

/// How many collections have elements in each data family of a closed store, dead ones among them.
pub(crate) fn collections(fixture: &Fixture) -> Vec<usize> {
    let db = open_raw(&fixture.path("store"));
    let of_family = |family: usize| {
        let family = db.cf_handle(&format!("data-{family}")).unwrap();
        let entries = db.iterator_cf(family, rocksdb::IteratorMode::Start).map(Result::unwrap);
        entries.map(|(key, _)| key[..8].to_vec()).collect::<BTreeSet<_>>().len()
    };
    (0..19).map(of_family).collect()
}

/// A list of families with so many collections, all others empty.
pub(crate) fn only(filled: &[(usize, usize)]) -> Vec<usize> {
    let mut expected = vec![0; 19];
    filled.iter().for_each(|(family, collections)| expected[*family] = *collections);
    expected
}

/// Adds sets, and lets each of them expire by a second call.
fn add_and_expire(store: &Store, name: &str, sets: std::ops::Range<u32>, lifetime: Duration) {
    let db = store.db(0);
    for n in sets {
        db.sets().add(format!("{name}:{n}"), ["a", "b"]).unwrap();
        assert!(db.expire(format!("{name}:{n}"), lifetime).unwrap());
    }
}

#[test]
fn sets_that_get_their_expiry_by_a_second_call_come_to_lie_together() {
    let fixture = Fixture::new();
    let store = fixture.open();
    add_and_expire(&store, "visitors", 0..20, MINUTE);
    let stats = store.stats();
    assert_eq!((stats.expiries_unforeseen, stats.births_foreseen), (8, 12));
    assert_eq!((stats.guesses_right, stats.guesses_wrong, stats.patterns_known), (12, 0, 2));
    store.close().unwrap();
    assert_eq!(collections(&fixture), only(&[(0, 8), (MINUTES.0, 12)]));
}

#[test]
fn an_expiry_in_the_transaction_that_makes_the_set_is_known_at_its_birth() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for n in 0..5 {
        let key = format!("visitors:{n}");
        let expires = store.db(0).transaction([&key], |db| {
            db.sets().add(&key, ["a", "b"])?;
            db.expire(&key, MINUTE)
        });
        assert!(expires.unwrap());
    }
    let stats = store.stats();
    assert_eq!((stats.expiries_unforeseen, stats.births_foreseen), (0, 0), "{stats:#?}");
    close_and_check(store, &fixture.path("store"));
    assert_eq!(collections(&fixture), only(&[(MINUTES.0, 5)]));
}

#[test]
fn what_was_learnt_survives_a_reopening() {
    let fixture = Fixture::new();
    let store = fixture.open();
    add_and_expire(&store, "visitors", 0..8, MINUTE);
    store.close().unwrap();
    let store = fixture.open();
    assert_eq!(store.stats().patterns_known, 2);
    add_and_expire(&store, "visitors", 8..10, MINUTE);
    close_and_check(store, &fixture.path("store"));
    assert_eq!(collections(&fixture), only(&[(0, 8), (MINUTES.0, 2)]));
}

#[test]
fn a_damaged_file_of_habits_is_counted_and_learnt_again() {
    let fixture = Fixture::new();
    let store = fixture.open();
    add_and_expire(&store, "visitors", 0..8, MINUTE);
    store.close().unwrap();
    let file = fixture.path("store").join("HABITS");
    let whole = std::fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    flipped[20] ^= 1;
    for damaged in [&[][..], b"habits-2", &whole[..whole.len() - 1], &flipped, &vec![0; 100_000]] {
        std::fs::write(&file, damaged).unwrap();
        let store = fixture.open();
        assert_eq!((store.stats().undecodable_entries, store.stats().patterns_known), (1, 0));
        store.close().unwrap();
    }
    std::fs::remove_file(&file).unwrap();
    let store = fixture.open();
    assert_eq!(store.stats().undecodable_entries, 0);
    add_and_expire(&store, "visitors", 8..16, MINUTE);
    close_and_check(store, &fixture.path("store"));
    assert!(file.exists());
}

#[test]
fn a_pattern_of_other_keyspaces_counts_until_there_is_evidence_of_its_own() {
    let fixture = Fixture::new();
    let store = fixture.open();
    add_and_expire(&store, "visitors", 0..8, MINUTE);
    store.db(0).sets().add("buyers:1", ["a"]).unwrap();
    // In another db they live on, which is known after eight of them.
    for n in 0..20 {
        store.db(1).sets().add(format!("visitors:{n}"), ["a"]).unwrap();
    }
    store.close().unwrap();
    assert_eq!(collections(&fixture), only(&[(0, 9 + 12), (MINUTES.0, 8)]));
}

#[test]
fn what_many_keyspaces_have_in_common_is_foreseen_in_each_of_them_and_survives_a_reopening() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let add = |store: &Store, namespaces: std::ops::Range<u32>| {
        for n in namespaces {
            let db = store.namespace(format!("tenant{n}")).db(0);
            db.sets().add("visitors:1", ["a"]).unwrap();
            assert!(db.expire("visitors:1", MINUTE).unwrap());
        }
    };
    add(&store, 0..3000);
    let stats = store.stats();
    assert_eq!((stats.guesses_right, stats.expiries_unforeseen), (2992, 8));
    assert!((1900..=2048).contains(&stats.patterns_known), "{}", stats.patterns_known);
    store.close().unwrap();
    let store = fixture.open();
    add(&store, 3000..3010);
    assert_eq!((store.stats().guesses_right, store.stats().expiries_unforeseen), (10, 0));
}

#[test]
fn writes_that_move_a_collection_or_write_it_anew_show_that_it_grows() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let minute = CreateOptions::new().expire_in(MINUTE);
    for n in 0..30 {
        db.sets().add_with(format!("moved:{n}"), ["a"], minute).unwrap();
        db.expire(format!("moved:{n}"), MINUTE * 10).unwrap();
        db.sets().add(format!("moved:{n}"), ["b"]).unwrap();
        db.lists().push_with(format!("cut:{n}"), ListEnd::Right, (0..80).map(|n| n.to_string()), minute).unwrap();
        db.lists().trim(format!("cut:{n}"), -10, -1).unwrap();
    }
    let stats = store.stats();
    assert_eq!((stats.promotions, stats.habit_guesses_right, stats.habit_guesses_wrong), (30, 44, 0));
    assert_eq!((stats.births_foreseen, stats.guesses_in_vain), (0, 0));
    store.close().unwrap();
}

#[test]
fn a_list_that_is_cut_is_neither_a_birth_nor_an_end() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for n in 0..9 {
        db.lists().push_right(format!("list:{n}"), (0..80).map(|n| n.to_string())).unwrap();
        for _ in 0..3 {
            db.lists().push_right(format!("list:{n}"), (0..80).map(|n| n.to_string())).unwrap();
            db.lists().trim(format!("list:{n}"), -10, -1).unwrap();
        }
        assert!(db.expire(format!("list:{n}"), MINUTE).unwrap());
    }
    let stats = store.stats();
    assert_eq!((stats.expiries_unforeseen, stats.births_foreseen, stats.guesses_right), (8, 1, 1));
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn the_statistics_show_which_guesses_were_right_wrong_in_vain_or_are_open() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    add_and_expire(&store, "s", 0..8, MINUTE);
    for n in 100..106 {
        db.sets().add(format!("s:{n}"), ["a"]).unwrap();
    }
    db.expire("s:100", MINUTE).unwrap();
    db.expire("s:101", HOUR).unwrap();
    db.delete(["s:102"]).unwrap();
    let stats = store.stats();
    assert_eq!((stats.births_foreseen, stats.guesses_right, stats.guesses_wrong), (6, 1, 1));
    assert_eq!((stats.guesses_in_vain, stats.guesses_open), (1, 3));
    // Known as closed since the eighth birth; one of them is written all the same.
    assert_eq!((stats.habit_guesses_right, stats.habit_guesses_wrong), (0, 0));
    db.sets().add("s:103", ["b"]).unwrap();
    assert_eq!((store.stats().habit_guesses_right, store.stats().habit_guesses_wrong), (0, 1));
    // Two minutes later the places of the sample are taken by others, and those that held them were left alone.
    fixture.seconds_pass(121);
    let minute = CreateOptions::new().expire_in(MINUTE);
    for n in 0..2100 {
        db.sets().add_with(format!("other:{n}"), ["a"], minute).unwrap();
    }
    assert_eq!((store.stats().habit_guesses_right, store.stats().habit_guesses_wrong), (5, 1));
}

#[test]
fn an_expiry_at_birth_and_a_habit_that_is_said_count_more_than_what_was_learnt() {
    let fixture = Fixture::new();
    let store = fixture.open();
    add_and_expire(&store, "visitors", 0..8, MINUTE);
    let db = store.db(0);
    db.sets().add_with("visitors:100", ["a"], CreateOptions::new().expire_in(HOUR)).unwrap();
    db.sets().add_with("visitors:101", ["a"], CreateOptions::new().expire_in(HOUR).growing()).unwrap();
    db.sets().add_with("visitors:102", ["a"], CreateOptions::new().growing()).unwrap();
    drop(db);
    store.close().unwrap();
    assert_eq!(collections(&fixture), only(&[(0, 8), (HOURS.0, 1), (HOURS.1, 1), (MINUTES.1, 1)]));
}

#[test]
fn collections_that_are_written_again_are_expected_to_grow() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let minute = CreateOptions::new().expire_in(MINUTE);
    for n in 0..20 {
        for visitor in ["a", "b", "c"] {
            db.sets().add_with(format!("growing:{n}"), [visitor], minute).unwrap();
        }
        db.sets().add_with(format!("closed:{n}"), ["a"], minute).unwrap();
        db.sets().add_with(format!("read:{n}"), ["a"], minute).unwrap();
        // Nothing is written by these.
        db.sets().add_with(format!("read:{n}"), ["a"], minute).unwrap();
        db.expire(format!("read:{n}"), MINUTE - Duration::from_secs(1)).unwrap();
    }
    drop(db);
    store.close().unwrap();
    assert_eq!(collections(&fixture), only(&[(MINUTES.0, 48), (MINUTES.1, 12)]));
}

#[test]
fn large_strings_hashes_lists_and_sorted_sets_are_foreseen_as_sets_are() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for n in 0..9 {
        let keys = ["string", "taken", "hash", "list", "zset", "built"].map(|name| format!("{name}:{n}"));
        db.strings().set(&keys[0], payload(n, 40_000)).unwrap();
        db.strings().set(&keys[1], payload(n, 2000)).unwrap();
        db.strings().get_ex(&keys[1], GetExOptions::new().expire_in(MINUTE)).unwrap();
        db.hashes().set(&keys[2], "field", "value").unwrap();
        db.lists().push_right(&keys[3], ["item"]).unwrap();
        db.zsets().add(&keys[4], [("member", 1.0)]).unwrap();
        // More than one commit takes.
        db.lists().push_right(&keys[5], (0..60).map(|m| payload(m, 100_000))).unwrap();
        keys.iter().for_each(|key| assert!(db.expire(key, MINUTE).unwrap()));
        // Inline: it lies in its record whatever it gets.
        db.strings().set(format!("small:{n}"), "value").unwrap();
        db.expire(format!("small:{n}"), MINUTE).unwrap();
    }
    drop(db);
    close_and_check(store, &fixture.path("store"));
    assert_eq!(collections(&fixture), only(&[(0, 48), (MINUTES.0, 5), (MINUTES.1, 1)]));
}

#[test]
fn guesses_that_are_wrong_lose_nothing() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    add_and_expire(&store, "s", 0..20, MINUTE);
    for n in 100..110 {
        db.sets().add(format!("s:{n}"), ["lives", "on"]).unwrap();
    }
    db.sets().add("s:200", ["an", "hour"]).unwrap();
    db.expire("s:200", HOUR).unwrap();
    db.sets().add("s:300", ["short"]).unwrap();
    db.expire("s:300", Duration::from_secs(1)).unwrap();
    let stats = store.stats();
    assert_eq!((stats.births_foreseen, stats.guesses_right, stats.guesses_wrong), (24, 13, 1));
    fixture.seconds_pass(61);
    settle(&store);
    fixture.seconds_pass(1000);
    settle(&store);
    assert_eq!(db.len().unwrap(), 11);
    (100..110).for_each(|n| assert_eq!(members(&db, format!("s:{n}")), ["lives", "on"]));
    assert_eq!(members(&db, "s:200"), ["an", "hour"]);
    assert_eq!(db.ttl("s:100").unwrap(), Ttl::Forever);
    fixture.seconds_pass(3600);
    (100..110).for_each(|n| assert_eq!(db.delete([format!("s:{n}")]).unwrap(), 1));
    settle(&store);
    assert_eq!((db.len().unwrap(), store.stats().data_file_bytes), (0, 0));
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn keys_that_mostly_live_on_are_not_given_a_lifetime() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    add_and_expire(&store, "left", 0..8, MINUTE);
    for n in 100..140 {
        db.sets().add(format!("left:{n}"), ["a"]).unwrap();
    }
    add_and_expire(&store, "deleted", 0..8, MINUTE);
    add_and_expire(&store, "kept", 0..8, MINUTE);
    for n in 100..140 {
        db.sets().add(format!("deleted:{n}"), ["a"]).unwrap();
        db.delete([format!("deleted:{n}")]).unwrap();
        db.sets().add_with(format!("kept:{n}"), ["a"], CreateOptions::new().expire_in(HOUR)).unwrap();
        db.persist(format!("kept:{n}")).unwrap();
    }
    let foreseen = store.stats().births_foreseen;
    assert!(foreseen > 0);
    for name in ["left:1000", "deleted:1000", "kept:1000"] {
        db.sets().add(name, ["a"]).unwrap();
    }
    db.strings().set_with("left:2000", payload(1, 4000), SetOptions::new()).unwrap();
    assert_eq!(store.stats().births_foreseen, foreseen);
}
