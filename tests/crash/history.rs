//! The history of reclaiming after a crash, and in a copy.

use std::thread;
use std::time::{Duration, Instant};

use fail::FailScenario;
use windrow::{CreateOptions, Store};

use crate::data::payload;
use crate::disk::copy_store;
use crate::fixture::{Fixture, START, assert_clean, close_and_check, settle, small};

fn open(fixture: &Fixture) -> Store {
    let mut options = small();
    options.reclaim_interval = Duration::from_millis(1);
    options.reap_interval = Duration::from_millis(1);
    Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options).open().unwrap()
}

/// Lets sets be born and die, and waits until so many keys have been reaped in all.
fn live_and_die(fixture: &Fixture, store: &Store, keys: u64) {
    for n in 0..500 {
        let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
        store.db(0).sets().add_with(format!("{n}"), [payload(n, 3000)], minute).unwrap();
    }
    fixture.seconds_pass(61);
    let began = Instant::now();
    while store.stats().in_all.keys_reaped < keys {
        assert!(began.elapsed() < Duration::from_secs(20), "{:#?}", store.stats());
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_crash_keeps_what_was_saved_last() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = open(&fixture);
    live_and_die(&fixture, &store, 500);
    // As if a minute had passed: saves in every round.
    fail::cfg("history::in_turn", "return").unwrap();
    let saved = fixture.path("store").join("HISTORY");
    let began = Instant::now();
    while !saved.exists() {
        assert!(began.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(5));
    }
    thread::sleep(Duration::from_millis(100));
    fail::remove("history::in_turn");
    live_and_die(&fixture, &store, 1000);
    copy_store(&fixture.path("store"), &fixture.path("crashed"));
    close_and_check(store, &fixture.path("store"));

    let crashed = fixture.open_at(&fixture.path("crashed"));
    let stats = crashed.stats();
    assert_eq!((stats.in_all.keys_reaped, stats.in_all.since), (500, START), "{stats:#?}");
    assert_eq!(stats.undecodable_entries, 0);
    settle(&crashed);
    close_and_check(crashed, &fixture.path("crashed"));
    let whole = fixture.open();
    assert_eq!(whole.stats().in_all.keys_reaped, 1000);
}

#[test]
fn a_copy_of_a_store_begins_a_history_of_its_own() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = open(&fixture);
    live_and_die(&fixture, &store, 500);
    store.close().unwrap();
    let store = open(&fixture);
    assert_eq!(store.stats().in_all.keys_reaped, 500);
    store.checkpoint(fixture.path("copy")).unwrap();
    drop(store);
    assert!(!fixture.path("copy").join("HISTORY").exists());
    assert_clean(&fixture.path("copy"));
    let copy = fixture.open_at(&fixture.path("copy"));
    assert_eq!((copy.stats().in_all.keys_reaped, copy.stats().in_all.since), (0, copy.time()));
    settle(&copy);
    close_and_check(copy, &fixture.path("copy"));
}
