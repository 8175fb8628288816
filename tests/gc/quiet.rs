//! Families that are written to without births, and such that are nearly quiet: no swarm of small files, and no data kept for views
//! that are gone.

use std::time::{Duration, Instant};

use windrow::{CreateOptions, Options, SetOptions, Store};

use crate::compact::compact_everything;
use crate::data::payload;
use crate::fixture::{Fixture, close_and_check, settle, small};

/// Passes follow each other so fast that a minute of them takes little more than a second.
fn hasty() -> Options {
    let mut options = small();
    options.family_write_buffer_bytes = 16 << 20;
    options.reclaim_interval = Duration::from_millis(5);
    options.reap_interval = Duration::from_millis(5);
    options
}

fn open(fixture: &Fixture) -> Store {
    Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(hasty()).open().unwrap()
}

#[test]
#[cfg_attr(not(feature = "failpoints"), ignore = "only with the feature `failpoints` can everything be compacted")]
fn what_is_appended_to_while_others_are_deleted_is_not_flushed_again_and_again() {
    let fixture = Fixture::new();
    let store = open(&fixture);
    for n in 0..2000 {
        store.db(0).sets().add(format!("s:{n}"), [payload(n, 100)]).unwrap();
    }
    compact_everything(&store);
    let flushes = store.stats().flushes;
    let (began, mut n) = (Instant::now(), 0_u64);
    while began.elapsed() < Duration::from_millis(2500) {
        store.db(0).sets().add(format!("s:{}", 1000 + n * 7919 % 1000), [n.to_be_bytes()]).unwrap();
        if n % 4 == 0 {
            store.db(0).delete([format!("s:{}", n / 4)]).unwrap();
        }
        n += 1;
        std::thread::sleep(Duration::from_millis(2));
    }
    let flushes = store.stats().flushes - flushes;
    assert!(flushes <= 2, "{flushes} flushes for {n} appends of a few bytes");
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_small_buffer_is_flushed_for_its_dead_only_if_most_of_it_is_dead() {
    let fixture = Fixture::new();
    let store = open(&fixture);
    let lasting = CreateOptions::new().expire_in(Duration::from_secs(60 * 86_400));
    let files = |store: &Store| store.stats().data_file_bytes;
    for round in 0..4_u64 {
        for n in 0..2 {
            store.db(0).sets().add_with(format!("r{round}:{n}"), [payload(n, 500)], lasting).unwrap();
        }
        store.db(0).delete([format!("r{round}:0")]).unwrap();
        // More than a hundred passes.
        std::thread::sleep(Duration::from_millis(700));
    }
    assert_eq!(files(&store), 0, "half of it lives: {:#?}", store.stats());
    for n in 0..100 {
        store.db(0).sets().add_with(format!("{n}"), [payload(n, 500)], lasting).unwrap();
    }
    for n in 0..100 {
        store.db(0).delete([format!("{n}")]).unwrap();
    }
    let began = Instant::now();
    while files(&store) == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "{:#?}", store.stats());
        std::thread::sleep(Duration::from_millis(20));
    }
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn views_that_follow_each_other_without_a_gap_do_not_keep_the_records_of_the_dead_and_each_reads_its_own() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for n in 0..500_u64 {
        store.db(0).strings().set(format!("lasting:{n}"), payload(n, 60)).unwrap();
    }
    let mut view = None;
    for round in 0..60_u64 {
        for n in 0..500_u64 {
            let options = SetOptions::new().expire_in(Duration::from_secs(2));
            store.db(0).strings().set_with(format!("r{round}:{n}"), payload(n, 60), options).unwrap();
        }
        // The view before this one ends only now.
        let seen = view.insert(store.view().unwrap()).db(0);
        fixture.seconds_pass(3);
        let _ = store.settle(Duration::from_millis(30)).unwrap();
        for n in 0..500_u64 {
            let value = payload(n, 60);
            assert!(!store.db(0).exists(format!("r{round}:{n}")).unwrap());
            assert_eq!(seen.strings().get(format!("r{round}:{n}")).unwrap().unwrap(), value);
            assert_eq!(seen.strings().get(format!("lasting:{n}")).unwrap().unwrap(), value);
        }
        assert!(round == 0 || !seen.exists(format!("r{}:0", round - 1)).unwrap());
    }
    let stats = store.stats();
    assert_eq!(stats.keys_reaped, 30_000, "{stats:#?}");
    assert!(stats.other_file_bytes < 800_000, "of more than two million bytes: {stats:#?}");
    drop(view);
    settle(&store);
    close_and_check(store, &fixture.path("store"));
}
