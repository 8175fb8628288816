//! The borders of what is dropped: the neighbours of a run of dead ids, and of a range of past times, survive.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use windrow::{CreateOptions, Store};

use crate::data::{members, payload};
use crate::fixture::{Fixture, PATIENCE, close_and_check, settle};

const SETS: u64 = 3000;

/// Writes sets whose ids follow each other. Two members each, so that an id has a first and a last key.
fn fill(store: &Store, options: &CreateOptions) {
    for n in 0..SETS {
        let two = [payload(n, 1000), payload(n + SETS, 1000)];
        store.db(0).sets().add_with(format!("{n:05}"), two, *options).unwrap();
    }
}

fn assert_whole(store: &Store, n: u64) {
    let mut expected = [payload(n, 1000), payload(n + SETS, 1000)];
    expected.sort();
    assert_eq!(members(&store.db(0), format!("{n:05}")), expected, "set {n}");
}

#[test]
fn the_neighbours_of_a_dropped_run_survive_wherever_it_begins_and_ends() {
    for (from, to) in [(0, 2000), (1, 2999), (700, 2100), (1000, SETS), (0, SETS - 1)] {
        let fixture = Fixture::new();
        let store = fixture.open();
        fill(&store, &CreateOptions::new().expire_in(Duration::from_secs(60)));
        for n in from..to {
            store.db(0).delete([format!("{n:05}")]).unwrap();
        }
        settle(&store);
        assert!(store.stats().files_dropped > 0, "{from}..{to}: {:#?}", store.stats());
        for n in (0..from).chain(to..SETS) {
            assert_whole(&store, n);
        }
        close_and_check(store, &fixture.path("store"));
        let store = fixture.open();
        for n in (0..from).chain(to..SETS) {
            assert_whole(&store, n);
        }
    }
}

#[test]
fn every_border_between_two_files_can_be_the_end_of_a_dropped_run() {
    // Runs that grow one id at a time pass every border between files.
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, &CreateOptions::new().expire_in(Duration::from_secs(60)));
    let mut dropped = 0;
    for n in 0..SETS - 1 {
        store.db(0).delete([format!("{n:05}")]).unwrap();
        if n % 10 == 0 {
            let _ = store.settle(Duration::from_millis(1)).unwrap();
            dropped = dropped.max(store.stats().files_dropped);
        }
        if n % 50 == 0 {
            (n + 1..SETS).step_by(97).chain([n + 1, SETS - 1]).for_each(|n| assert_whole(&store, n));
        }
    }
    assert_whole(&store, SETS - 1);
    settle(&store);
    assert_whole(&store, SETS - 1);
    close_and_check(store, &fixture.path("store"));
}

/// Members of 60 KB; twenty of them fill a write buffer, so every set of twenty gets a file of its own.
fn twenty(n: u64) -> Vec<Vec<u8>> {
    let mut members: Vec<_> = (0..20).map(|member| payload(100 * n + member, 60_000)).collect();
    members.sort();
    members
}

#[test]
fn dropping_the_file_of_one_id_leaves_the_files_of_the_ids_beside_it() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    for n in 0..20_u64 {
        db.sets().add_with(format!("{n}"), twenty(n), minute).unwrap();
        // The next set must not reach the write buffer before this one has left it.
        let began = Instant::now();
        while store.stats().data_file_bytes < (n + 1) * 1_200_000 {
            assert!(began.elapsed() < PATIENCE, "{:#?}", store.stats());
            thread::sleep(Duration::from_millis(5));
        }
    }
    let mut left: BTreeSet<u64> = (0..20).collect();
    for (dropped, n) in (1..).zip([10, 1, 17, 3, 4, 19, 0, 12, 14, 13]) {
        db.delete([format!("{n}")]).unwrap();
        left.remove(&n);
        settle(&store);
        assert_eq!(store.stats().files_dropped, dropped, "{:#?}", store.stats());
        left.iter().for_each(|n| assert_eq!(members(&db, format!("{n}")), twenty(*n), "set {n}"));
    }
    assert_eq!(store.stats().compactions, 0, "{:#?}", store.stats());
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_key_that_expires_a_millisecond_after_a_dropped_range_of_times_still_expires_and_is_counted() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for n in 0..2000_u64 {
        let lifetime = Duration::from_millis(1000 + n);
        db.sets().add_with(format!("{n}"), ["m"], CreateOptions::new().expire_in(lifetime)).unwrap();
    }
    fixture.clock.advance(Duration::from_millis(1000));
    for n in (0..2000_u64).step_by(100) {
        settle(&store);
        let expected = 2000 - n - 1;
        let counted = db.len().unwrap();
        assert!(counted == expected || counted == expected + 1, "{counted} keys at {n}");
        assert!(!db.exists(format!("{n}")).unwrap());
        assert!(db.exists(format!("{}", n + 1)).unwrap());
        fixture.clock.advance(Duration::from_millis(100));
    }
    settle(&store);
    assert_eq!(db.len().unwrap(), 0);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}
