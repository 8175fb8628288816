//! The keys of slots, deleted in several commits: what a crash or a failure in the middle leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fail::FailScenario;
use windrow::{ErrorKind, KeyLayout, Store, hash_slot};

use crate::data::{keys, members, payload};
use crate::disk::copy_store;
use crate::fixture::{Fixture, assert_clean, close_and_check, settle, small};
use crate::pause::Pause;

/// More than some commits take, all in one slot.
const KEYS: u64 = 1000;

fn open(fixture: &Fixture, name: &str) -> Store {
    let mut options = small();
    options.key_layout = KeyLayout::Cluster;
    let builder = Store::builder(fixture.path(name)).clock(fixture.clock.clone()).options(options);
    builder.background(false).open().unwrap()
}

fn key(n: u64) -> String {
    format!("{{tag}}{n:04}")
}

fn filled(fixture: &Fixture) -> Store {
    let store = open(fixture, "store");
    for n in 0..KEYS {
        store.db(0).sets().add(key(n), [payload(n, 100)]).unwrap();
    }
    store.db(0).sets().add("neighbour", ["m"]).unwrap();
    store
}

/// Deletes the slot's keys; returns how many there were.
fn delete(store: &Store) -> windrow::Result<u64> {
    let slot = hash_slot(b"tag");
    store.db(0).delete_keys_in_slots(slot..=slot)
}

/// The first keys are gone, the others are whole; returns how many are gone.
fn gone(store: &Store) -> u64 {
    let db = store.db(0);
    let gone = KEYS + 1 - db.len().unwrap();
    let left: Vec<String> = (gone..KEYS).map(key).collect();
    let mut found = keys(&db);
    found.retain(|key| key != "neighbour");
    assert_eq!(found, left);
    for n in gone..KEYS {
        assert_eq!(members(&db, key(n)), [payload(n, 100)]);
    }
    assert_eq!(members(&db, "neighbour"), ["m"]);
    gone
}

/// A store of which some of the slot's keys are gone loses the rest by another call, and all their space.
fn finish(store: Store, fixture: &Fixture, name: &str) {
    let left = KEYS - gone(&store);
    assert_eq!(delete(&store).unwrap(), left);
    assert_eq!(keys(&store.db(0)), ["neighbour"]);
    store.db(0).delete(["neighbour"]).unwrap();
    settle(&store);
    assert_eq!(store.stats().data_file_bytes, 0);
    close_and_check(store, &fixture.path(name));
}

#[test]
fn a_crash_between_two_commits_leaves_whole_keys_and_another_call_deletes_the_rest() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = filled(&fixture);
    for (nth, place) in [(1, "commit::before"), (1, "commit::after"), (2, "commit::before"), (2, "commit::after")] {
        let name = format!("copy {place} {nth}");
        std::thread::scope(|scope| {
            let pause = Pause::at_passage(place, nth);
            let deleting = scope.spawn(|| delete(&store).unwrap());
            pause.wait();
            copy_store(&fixture.path("store"), &fixture.path(&name));
            pause.resume();
            deleting.join().unwrap();
        });
        let copy = open(&fixture, &name);
        let commits = if place == "commit::after" { nth } else { nth - 1 };
        let gone = gone(&copy);
        assert_eq!(gone > 0, commits > 0, "{name}: {gone}");
        assert!(gone < KEYS, "{name}: {gone}");
        copy.close().unwrap();
        assert_clean(&fixture.path(&name));
        finish(open(&fixture, &name), &fixture, &name);
        for n in 0..KEYS {
            store.db(0).sets().add(key(n), [payload(n, 100)]).unwrap();
        }
    }
    finish(store, &fixture, "store");
}

/// Counts the commits of a deletion of `count` keys of `length` bytes.
fn commits_for(count: usize, length: usize) -> usize {
    let fixture = Fixture::new();
    let store = open(&fixture, "store");
    for n in 0..count {
        store.db(0).strings().set(format!("{{tag}}{n:0length$}"), "v").unwrap();
    }
    let commits = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&commits);
    fail::cfg_callback("store::commit", move || {
        counted.fetch_add(1, Ordering::Relaxed);
    })
    .unwrap();
    assert_eq!(delete(&store).unwrap(), count as u64);
    fail::remove("store::commit");
    commits.load(Ordering::Relaxed)
}

#[test]
fn a_commit_takes_a_few_dozen_keys_and_fewer_if_they_are_long() {
    let _alone = FailScenario::setup();
    assert_eq!(commits_for(64, 10), 1);
    assert_eq!(commits_for(1000, 10), 16);
    assert_eq!(commits_for(20, 60_000), 4);
}

#[test]
fn a_commit_that_fails_stops_the_deletion_and_another_call_goes_on() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = filled(&fixture);
    fail::cfg("store::commit", "1*off->1*return->off").unwrap();
    let error = delete(&store).unwrap_err();
    fail::remove("store::commit");
    assert_eq!(error.kind(), ErrorKind::Io);
    let gone = gone(&store);
    assert!(gone > 0 && gone < KEYS, "{gone}");
    finish(store, &fixture, "store");
}
