//! Flushes: who waits for them, for whom they wait, and what many of them cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fail::FailScenario;
use windrow::{CreateOptions, Store};

use crate::data::{keys, members};
use crate::fixture::{Fixture, close_and_check, settle};
use crate::pause::Pause;

/// Does `act` while another thread stands at `place` in the middle of `held`, and expects it to end nevertheless.
fn goes_on(place: &'static str, held: impl FnOnce() + Send, act: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let pause = Pause::at(place);
        let holding = scope.spawn(held);
        pause.wait();
        let acting = scope.spawn(act);
        let began = Instant::now();
        while !acting.is_finished() && began.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(1));
        }
        let waited = !acting.is_finished();
        pause.resume();
        holding.join().unwrap();
        acting.join().unwrap();
        assert!(!waited, "it waited for who stood at {place}");
    });
}

fn read_everything(store: &Store) {
    for number in [0, 1] {
        let db = store.db(number);
        assert_eq!(db.strings().get("k").unwrap().unwrap(), "v");
        assert_eq!((db.len().unwrap(), keys(&db).len()), (2, 2));
        assert_eq!(members(&db, "s"), ["a", "b"]);
    }
    assert!(!store.db(2).exists("k").unwrap());
}

#[test]
fn readers_wait_for_no_flush_and_see_everything_until_it_is_committed() {
    let _alone = FailScenario::setup();
    let flushes: [fn(&Store); 3] = [
        |store| store.db(0).flush().unwrap(),
        |store| store.namespace("").flush().unwrap(),
        |store| store.flush_all().unwrap(),
    ];
    for flush in flushes {
        let fixture = Fixture::new();
        let store = fixture.open();
        for number in [0, 1] {
            store.db(number).strings().set("k", "v").unwrap();
            store.db(number).sets().add("s", ["a", "b"]).unwrap();
        }
        goes_on("keyspaces::flush", || flush(&store), || read_everything(&store));
        assert!(store.db(0).is_empty().unwrap());
        close_and_check(store, &fixture.path("store"));
    }
}

#[test]
fn a_flush_of_a_db_waits_for_no_write_and_one_in_flight_counts_as_before_it() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    store.db(0).strings().set("k", "v").unwrap();
    goes_on(
        "write::planning",
        || {
            store.db(0).sets().add("s", ["a"]).unwrap();
        },
        || store.db(0).flush().unwrap(),
    );
    assert!(store.db(0).is_empty().unwrap());
    settle(&store);
    close_and_check(store, &fixture.path("store"));
}

/// Counts who comes by a place.
fn passages(place: &'static str) -> Arc<AtomicUsize> {
    let passed = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&passed);
    fail::cfg_callback(place, move || {
        counted.fetch_add(1, Ordering::Relaxed);
    })
    .unwrap();
    passed
}

#[test]
fn many_flushed_dbs_are_finished_together() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    for n in 0..300 {
        store.db(n).sets().add_with("s", ["a"], minute).unwrap();
        store.db(n).flush().unwrap();
    }
    store.db(0).sets().add_with("s", ["a"], minute).unwrap();
    // Before the commit of the burials, before the one that removes the records, behind the drop and before the flush.
    let places = ["flushed::before_commit", "flushed::before_removal", "flushed::after_drop"].map(passages);
    settle(&store);
    let passed = places.map(|passed| passed.load(Ordering::Relaxed));
    assert_eq!(passed, [2; 3], "256 dbs are finished in one step, and the rest in another");
    let stats = store.stats();
    assert_eq!(stats.flushed_keyspaces, 0);
    assert!(stats.flushes < 20, "{} flushes", stats.flushes);
    fixture.seconds_pass(61);
    settle(&store);
    assert_eq!(store.stats().keys_reaped, 1, "the keys of flushed dbs are gone already");
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_write_buffer_is_switched_only_when_the_birth_under_way_has_committed() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let sets = |key: &str| store.db(0).sets().add(key, ["member"]).unwrap();
    sets("older");
    thread::scope(|scope| {
        let pause = Pause::at("commit::before");
        let birth = scope.spawn(|| sets("younger"));
        pause.wait();
        let flush = scope.spawn(|| store.compact_everything().unwrap());
        thread::sleep(Duration::from_millis(300));
        assert!(!flush.is_finished(), "a file ends between an id and its commit");
        pause.resume();
        birth.join().unwrap();
        flush.join().unwrap();
    });
    close_and_check(store, &fixture.path("store"));
}
