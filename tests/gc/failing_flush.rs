//! A disk on which no new SST file can be made: whoever waits for a flush is told, and nobody waits for ever.

use std::thread;
use std::time::{Duration, Instant};

use windrow::Store;

use crate::fixture::{Fixture, small};

/// Longer than any of this takes.
const LIMIT: Duration = Duration::from_secs(20);

/// Takes the names of the next SST files, by directories.
fn forbid_new_files(fixture: &Fixture) {
    for number in 0..1000 {
        // Those that are there stay as they are.
        let _ = std::fs::create_dir(fixture.path("store").join(format!("{number:06}.sst")));
    }
}

fn ends(work: impl FnOnce() + Send + 'static) {
    let working = thread::spawn(work);
    let began = Instant::now();
    while !working.is_finished() {
        assert!(began.elapsed() < LIMIT, "it waits for a flush that has failed");
        thread::sleep(Duration::from_millis(10));
    }
    working.join().unwrap();
}

fn one_dead_set(store: &Store) {
    store.db(0).sets().add("kept", ["member"]).unwrap();
    store.db(0).sets().add("dead", ["member"]).unwrap();
    store.db(0).delete(["dead"]).unwrap();
}

#[test]
fn settling_reports_a_flush_that_fails_and_the_store_closes() {
    let fixture = Fixture::new();
    let store = fixture.open();
    one_dead_set(&store);
    forbid_new_files(&fixture);
    ends(move || {
        store.settle(Duration::from_secs(2)).unwrap_err();
        let _ = store.close();
    });
}

#[test]
fn a_flush_that_fails_in_the_background_lets_the_store_close() {
    let fixture = Fixture::new();
    let mut options = small();
    options.reclaim_interval = Duration::from_millis(1);
    let store = Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options).open().unwrap();
    forbid_new_files(&fixture);
    one_dead_set(&store);
    let began = Instant::now();
    while store.db(0).exists("kept").is_ok() && began.elapsed() < LIMIT {
        thread::sleep(Duration::from_millis(10));
    }
    ends(move || drop(store.close()));
}
