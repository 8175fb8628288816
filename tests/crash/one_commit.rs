//! Every change of keys is one commit: counted. `copies` takes a copy of the directory at some of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fail::FailScenario;
use windrow::{CreateOptions, SetOptions, Store};

use crate::data::payload;
use crate::fixture::{Fixture, close_and_check, settle};

const MINUTE: Duration = Duration::from_secs(60);

/// Counts the commits that `act` makes.
fn commits_of(act: impl FnOnce()) -> usize {
    let passages = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&passages);
    fail::cfg_callback("store::commit", move || {
        counted.fetch_add(1, Ordering::Relaxed);
    })
    .unwrap();
    act();
    fail::remove("store::commit");
    passages.load(Ordering::Relaxed)
}

fn brief() -> SetOptions {
    SetOptions::new().expire_in(MINUTE)
}

fn minute() -> CreateOptions {
    CreateOptions::new().expire_in(MINUTE)
}

/// One operation, and its name.
type Operation = (&'static str, fn(&Store));

/// Operations each of which changes something when they are done in this order on an empty db 0.
const OPERATIONS: [Operation; 35] = [
    ("a new inline string", |store| store.db(0).strings().set("inline", "v").unwrap()),
    ("a new string in pieces", |store| store.db(0).strings().set("pieces", payload(1, 60_000)).unwrap()),
    ("a new inline string that expires", |store| {
        store.db(0).strings().set_with("brief", "v", brief()).map(drop).unwrap();
    }),
    ("a string in pieces that expires", |store| {
        store.db(0).strings().set_with("brief pieces", payload(1, 60_000), brief()).map(drop).unwrap();
    }),
    ("an overwritten string in pieces", |store| store.db(0).strings().set("pieces", payload(2, 60_000)).unwrap()),
    ("pieces put in the place of others that expire", |store| {
        store.db(0).strings().set_with("brief pieces", payload(2, 50_000), brief()).map(drop).unwrap();
    }),
    ("an inline string put in the place of pieces", |store| store.db(0).strings().set("brief pieces", "v").unwrap()),
    ("an append that outgrows the record", |store| {
        store.db(0).strings().append("inline", payload(3, 20_000)).map(drop).unwrap();
    }),
    ("an append to pieces", |store| store.db(0).strings().append("pieces", payload(3, 20_000)).map(drop).unwrap()),
    ("a changed range", |store| store.db(0).strings().set_range("pieces", 70_000, "zz").map(drop).unwrap()),
    ("a new counter", |store| assert_eq!(store.db(0).strings().incr("n").unwrap(), 1)),
    ("an old counter", |store| assert_eq!(store.db(0).strings().incr("n").unwrap(), 2)),
    ("a new set", |store| assert_eq!(store.db(0).sets().add("s", ["a", "b", "c"]).unwrap(), 3)),
    ("more members", |store| assert_eq!(store.db(0).sets().add("s", ["d"]).unwrap(), 1)),
    ("a new set that expires", |store| assert_eq!(store.db(0).sets().add_with("t", ["a"], minute()).unwrap(), 1)),
    ("a new set that grows", |store| {
        assert_eq!(store.db(0).sets().add_with("u", ["a"], minute().growing()).unwrap(), 1);
    }),
    ("a set that begins to expire", |store| assert!(store.db(0).expire("s", MINUTE).unwrap())),
    ("a set that expires later", |store| assert!(store.db(0).expire("s", 2 * MINUTE).unwrap())),
    ("a set that expires no more", |store| assert!(store.db(0).persist("s").unwrap())),
    ("a string that begins to expire", |store| assert!(store.db(0).expire("pieces", MINUTE).unwrap())),
    ("a removed member", |store| assert_eq!(store.db(0).sets().remove("s", ["a"]).unwrap(), 1)),
    ("a popped member", |store| assert_eq!(store.db(0).sets().pop("s", 1).unwrap().len(), 1)),
    ("the last members of a set", |store| assert_eq!(store.db(0).sets().pop("s", 9).unwrap().len(), 2)),
    ("a string in the place of a set", |store| store.db(0).strings().set("u", "v").unwrap()),
    ("a rename", |store| store.db(0).rename("t", "renamed").unwrap()),
    ("a rename over something that expires", |store| store.db(0).rename("renamed", "pieces").unwrap()),
    ("an expiry in the past", |store| assert!(store.db(0).expire("u", Duration::ZERO).unwrap())),
    ("two deletions", |store| assert_eq!(store.db(0).delete(["n", "pieces"]).unwrap(), 2)),
    ("a deletion of an inline string that expires", |store| assert_eq!(store.db(0).delete(["brief"]).unwrap(), 1)),
    ("a change of nothing", |store| assert_eq!(store.db(0).delete(["brief"]).unwrap(), 0)),
    ("a new hash", |store| assert!(store.db(0).hashes().set("h", "f", "v").unwrap())),
    ("a hash that begins to expire", |store| assert!(store.db(0).expire("h", MINUTE).unwrap())),
    ("a field that moves a hash to where it belongs", |store| {
        assert!(store.db(0).hashes().set("h", "g", "v").unwrap());
    }),
    ("a swap", |store| store.namespace("").swap(0, 1).unwrap()),
    ("a flush", |store| store.db(1).flush().unwrap()),
];

#[test]
fn every_change_of_keys_is_one_commit() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    // A first round leases ids and creates the dbs, in commits of their own.
    store.db(1).strings().set("k", "v").unwrap();
    OPERATIONS.iter().for_each(|(_, act)| act(&store));
    settle(&store);
    store.db(0).flush().unwrap();
    settle(&store);
    for (name, act) in OPERATIONS {
        let expected = usize::from(name != "a change of nothing");
        assert_eq!(commits_of(|| act(&store)), expected, "{name}");
    }
    assert_eq!(store.stats().promotions, 2, "one in each round");
    settle(&store);
    // Inline strings: nothing of them is left to be given back by a commit of the reclaimer.
    for (db, n) in (0..200).map(|n| (n % 2, n)) {
        store.db(db).strings().set_with(format!("{n}"), "v", brief()).unwrap();
    }
    fixture.seconds_pass(61);
    assert_eq!(commits_of(|| settle(&store)), 1, "burials, counts and the position of a step of the reaper");
    assert_eq!(store.db(0).len().unwrap() + store.db(1).len().unwrap(), 0);
    close_and_check(store, &fixture.path("store"));
}
