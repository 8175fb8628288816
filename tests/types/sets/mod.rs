//! Sets: members, counts, chance, and the end of an empty set.

mod combine;
mod many;
mod model;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use windrow::{CreateOptions, DataType, ErrorKind, Ttl};

use crate::data::members;
use crate::fixture::{Fixture, START, close_and_check, settle};

#[test]
fn members_are_counted_once_and_listed_in_byte_order() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    let sets = db.sets();
    assert_eq!(sets.add("s", ["b", "a", "b", ""]).unwrap(), 3);
    assert_eq!(sets.add("s", ["a", "c"]).unwrap(), 1);
    assert_eq!(sets.len("s").unwrap(), 4);
    assert_eq!(members(&db, "s"), ["", "a", "b", "c"]);
    assert!(sets.contains("s", "").unwrap());
    assert!(!sets.contains("s", "d").unwrap());
    assert!(!sets.contains("missing", "a").unwrap());
    assert_eq!(sets.len("missing").unwrap(), 0);
    assert_eq!(members(&db, "missing").len(), 0);
    assert_eq!(db.data_type("s").unwrap(), Some(DataType::Set));
}

#[test]
fn the_last_members_removal_removes_the_key_and_its_expiry() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    db.sets().add_with("s", ["a", "b", "c"], minute).unwrap();
    assert_eq!(db.sets().remove("s", ["a", "x", "a"]).unwrap(), 1);
    assert_eq!(db.sets().remove("s", ["b", "c"]).unwrap(), 2);
    assert!(!db.exists("s").unwrap());
    assert_eq!(db.len().unwrap(), 0);
    db.sets().add("s", ["new"]).unwrap();
    assert_eq!(db.ttl("s").unwrap(), Ttl::Forever);
    assert_eq!(members(&db, "s"), ["new"]);
    db.sets().add_with("p", ["a", "b"], minute).unwrap();
    assert_eq!(db.sets().pop("p", 9).unwrap().len(), 2);
    assert!(!db.exists("p").unwrap());
    fixture.seconds_pass(100);
    settle(&store);
    assert_eq!(store.stats().keys_reaped, 0);
    assert_eq!(db.len().unwrap(), 1);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn adding_nothing_makes_no_key_and_an_add_keeps_the_expiry_of_an_existing_set() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    assert_eq!(db.sets().add("s", Vec::<Vec<u8>>::new()).unwrap(), 0);
    assert!(!db.exists("s").unwrap());
    let past = CreateOptions::new().expire_at(START);
    db.sets().add_with("s", ["a"], past).unwrap();
    assert!(!db.exists("s").unwrap(), "an expiry that has passed creates nothing");
    assert_eq!(db.len().unwrap(), 0);
    db.sets().add("s", ["a"]).unwrap();
    db.sets().add_with("s", ["b"], CreateOptions::new().expire_in(Duration::from_secs(5))).unwrap();
    assert_eq!(db.ttl("s").unwrap(), Ttl::Forever);
}

#[test]
fn set_operations_refuse_a_string_and_change_nothing() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    db.strings().set("k", "v").unwrap();
    let sets = db.sets();
    let refused = [
        sets.add("k", ["a"]).err(),
        sets.add("k", Vec::<Vec<u8>>::new()).err(),
        sets.remove("k", ["a"]).err(),
        sets.contains("k", "a").err(),
        sets.len("k").err(),
        sets.members("k").err(),
        sets.pop("k", 1).err(),
        sets.random("k", 1).err(),
    ];
    for (n, error) in refused.into_iter().enumerate() {
        assert_eq!(error.unwrap().kind(), ErrorKind::WrongType, "operation {n}");
    }
    assert_eq!(db.strings().get("k").unwrap().unwrap(), "v");
}

#[test]
fn pop_and_random_choose_every_member_about_equally_often_and_none_twice() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    let all: Vec<String> = (0..10).map(|n| format!("{n}")).collect();
    let mut drawn: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    let mut popped: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    for _ in 0..2000 {
        db.sets().add("s", &all).unwrap();
        let three = db.sets().random("s", 3).unwrap();
        assert_eq!(three.iter().collect::<BTreeSet<_>>().len(), 3);
        three.into_iter().for_each(|member| *drawn.entry(member.to_vec()).or_default() += 1);
        let one = db.sets().pop("s", 1).unwrap();
        assert!(!db.sets().contains("s", &one[0]).unwrap());
        *popped.entry(one[0].to_vec()).or_default() += 1;
    }
    // 600 and 200 are expected; the bounds lie more than six standard deviations away.
    assert!(drawn.len() == 10 && drawn.values().all(|times| (470..=730).contains(times)), "{drawn:?}");
    assert!(popped.len() == 10 && popped.values().all(|times| (110..=290).contains(times)), "{popped:?}");
    assert_eq!(db.sets().random("s", 0).unwrap().len(), 0);
    assert_eq!(db.sets().pop("s", 0).unwrap().len(), 0);
    assert_eq!(db.sets().random("s", u64::MAX).unwrap().len(), 9);
    assert_eq!(db.sets().random("missing", 3).unwrap().len(), 0);
    assert_eq!(db.sets().pop("missing", 3).unwrap().len(), 0);
}

#[test]
fn a_recreated_key_never_shows_old_members() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for round in 0..50 {
        let old: Vec<String> = (0..20).map(|n| format!("{round}:{n}")).collect();
        db.sets().add("s", &old).unwrap();
        assert_eq!(db.sets().len("s").unwrap(), 20);
        assert_eq!(members(&db, "s").len(), 20);
        match round % 3 {
            0 => assert_eq!(db.delete(["s"]).unwrap(), 1),
            1 => db.strings().set("s", "x").and_then(|()| db.delete(["s"])).map(|_| ()).unwrap(),
            _ => {
                db.expire("s", Duration::from_secs(1)).unwrap();
                fixture.seconds_pass(1);
            }
        }
        assert_eq!(members(&db, "s").len(), 0);
        if round % 10 == 0 {
            settle(&store);
        }
    }
    settle(&store);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}
