//! Events around commits that stand still, fail, or meet the reaper between its commit and its telling.

use std::thread;
use std::time::Duration;

use fail::FailScenario;
use windrow::{ErrorKind, EventOptions, Events, SetOptions, Store};

use crate::fixture::{Fixture, settle, small};
use crate::pause::Pause;

const NOTHING: [&str; 0] = [];

fn subscribe(store: &Store) -> Events {
    store.subscribe(EventOptions::new()).unwrap()
}

fn taken(events: &Events) -> Vec<String> {
    let told = std::iter::from_fn(|| events.try_recv());
    told.map(|event| format!("{} {}", event.kind.name(), String::from_utf8_lossy(&event.key))).collect()
}

fn set_for_a_second(store: &Store, key: &str) {
    store.db(0).strings().set_with(key, "v", SetOptions::new().expire_in(Duration::from_secs(1))).unwrap();
}

#[test]
fn nothing_is_told_before_it_is_committed() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let events = subscribe(&store);
    let set: fn(&Store) = |store| store.db(0).strings().set("k", "v").unwrap();
    let transact: fn(&Store) = |store| store.db(0).transaction(["k"], |tx| tx.strings().set("k", "w")).unwrap();
    for write in [set, transact] {
        let pause = Pause::at("commit::before");
        thread::scope(|scope| {
            let writer = scope.spawn(|| write(&store));
            pause.wait();
            assert_eq!(taken(&events), NOTHING);
            pause.resume();
            writer.join().unwrap();
        });
        assert_eq!(taken(&events), ["set k"]);
    }
}

#[test]
fn a_commit_that_fails_is_told_to_nobody_and_loses_no_expiry() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let events = subscribe(&store);
    set_for_a_second(&store, "a");
    set_for_a_second(&store, "b");
    taken(&events);
    fixture.seconds_pass(1);
    let db = store.db(0);
    fail::cfg("store::commit", "return").unwrap();
    assert_eq!(db.strings().set("a", "w").unwrap_err().kind(), ErrorKind::Io);
    let failed = db.transaction(["b"], |tx| tx.strings().set("b", "w"));
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Io);
    fail::remove("store::commit");
    assert_eq!(taken(&events), NOTHING);
    db.strings().set("b", "w").unwrap();
    assert_eq!(taken(&events), ["expired b", "set b"]);
    settle(&store);
    assert_eq!(taken(&events), ["expired a"]);
}

#[test]
fn who_writes_between_the_reapers_commit_and_its_telling_tells_the_expiry_first_and_alone() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let events = subscribe(&store);
    set_for_a_second(&store, "set");
    set_for_a_second(&store, "left");
    set_for_a_second(&store, "overwritten by a rename");
    store.db(0).strings().set("renamed", "v").unwrap();
    taken(&events);
    fixture.seconds_pass(1);
    let pause = Pause::at("reaper::after_commit");
    thread::scope(|scope| {
        let reaper = scope.spawn(|| settle(&store));
        pause.wait();
        store.db(0).strings().set("set", "lives").unwrap();
        assert_eq!(taken(&events), ["expired set", "set set"]);
        store.db(0).rename("renamed", "overwritten by a rename").unwrap();
        // As Redis tells it: the key that is about to be overwritten is found to have expired before anything moves.
        let expected = ["expired overwritten by a rename", "rename_from renamed", "rename_to overwritten by a rename"];
        assert_eq!(taken(&events), expected);
        assert_eq!(store.db(0).delete(["left"]).unwrap(), 0);
        pause.resume();
        reaper.join().unwrap();
    });
    assert_eq!(taken(&events), ["expired left"]);
}

#[test]
fn a_worker_that_fails_ends_the_wait_of_every_subscriber() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let mut options = small();
    options.reap_interval = Duration::from_millis(1);
    let store = Store::builder(fixture.path("store")).options(options).open().unwrap();
    let events = subscribe(&store);
    store.db(0).strings().set("k", "v").unwrap();
    fail::cfg("background::reap", "return").unwrap();
    assert_eq!(events.recv().map(|event| event.kind.name()), Some("set"));
    assert_eq!(events.recv_timeout(Duration::from_secs(20)), None);
    assert!(events.has_ended());
    assert_eq!(store.db(0).strings().set("k", "v").unwrap_err().kind(), ErrorKind::Poisoned);
    fail::remove("background::reap");
    // Who comes later waits for nothing either.
    assert!(store.subscribe(EventOptions::new()).is_err());
}
