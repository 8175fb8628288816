//! Small files that quiet times and cuts of the log leave: neighbours are merged, and nothing else is rewritten for it.
#![cfg(feature = "failpoints")]

use std::collections::BTreeMap;
use std::time::Duration;

use windrow::{CreateOptions, SetOptions, Store};

use crate::data::{members, payload};
use crate::fixture::{Fixture, close_and_check, settle, small};
use crate::raw::open_raw;

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

/// The closed family of what lives three days, and the growing one.
const DAYS: (&str, &str) = ("data-15", "data-16");

/// How many files each family of a closed store has.
fn files(fixture: &Fixture) -> BTreeMap<String, usize> {
    let mut files = BTreeMap::new();
    for file in open_raw(&fixture.path("store")).live_files().unwrap() {
        *files.entry(file.column_family_name).or_default() += 1;
    }
    files
}

fn files_of(fixture: &Fixture, family: &str) -> usize {
    files(fixture).get(family).copied().unwrap_or(0)
}

/// Writes a few sets, and cuts the log, again and again.
fn cut_the_log(store: &Store, rounds: std::ops::Range<u64>, options: CreateOptions) {
    for round in rounds {
        for n in 0..5 {
            store.db(0).sets().add_with(set(round, n), [payload(round * 5 + n, 100)], options).unwrap();
        }
        store.flush_everything().unwrap();
    }
}

fn set(round: u64, n: u64) -> String {
    format!("{n}:{round:06}")
}

fn assert_sets(store: &Store, rounds: std::ops::Range<u64>) {
    for round in rounds {
        for n in 0..5 {
            assert_eq!(members(&store.db(0), set(round, n)), [payload(round * 5 + n, 100)]);
        }
    }
}

/// As many files as may be left in a family after so many cuts that each make one.
const FEW: usize = 25;

#[test]
fn many_cuts_of_the_log_leave_few_files_in_a_family_of_long_lives() {
    for options in [CreateOptions::new().expire_in(3 * DAY), CreateOptions::new().expire_in(3 * DAY).growing()] {
        let fixture = Fixture::new();
        let store = fixture.open();
        cut_the_log(&store, 0..200, options);
        settle(&store);
        let stats = store.stats();
        assert!(stats.files_merged >= 180 && stats.merged_bytes > stats.data_file_bytes, "{stats:#?}");
        assert!(stats.data_compaction_written_bytes < 3 * stats.data_file_bytes, "{stats:#?}");
        assert_eq!((stats.rewrite_read_bytes, stats.rewritten_bytes), (0, 0), "nothing was dead");
        assert_sets(&store, 0..200);
        close_and_check(store, &fixture.path("store"));
        let files = files(&fixture);
        assert!(files.values().all(|count| *count <= FEW), "{files:?}");
    }
}

#[test]
fn a_store_that_is_never_quiet_merges_too_and_rewrites_little() {
    let fixture = Fixture::new();
    let mut options = small();
    options.reclaim_interval = Duration::from_millis(1);
    let store = Store::builder(fixture.path("store")).options(options).open().unwrap();
    cut_the_log(&store, 0..500, CreateOptions::new().expire_in(3 * DAY));
    let stats = store.stats();
    assert!(stats.files_merged >= 300, "{stats:#?}");
    assert!(stats.data_compaction_written_bytes < 500 * 5 * 120 * 3, "{stats:#?}");
    assert_sets(&store, 0..500);
    close_and_check(store, &fixture.path("store"));
    let left = files_of(&fixture, DAYS.0);
    assert!(left < 100, "{left} files");
}

#[test]
fn large_neighbours_stay_as_they_are() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let options = CreateOptions::new().expire_in(3 * DAY);
    cut_the_log(&store, 0..10, options);
    // No more entries than the small ones have, so that their size alone tells them from these.
    for n in 0..5 {
        store.db(0).sets().add_with(format!("large:{n}"), [payload(n, 20_000)], options).unwrap();
    }
    store.flush_everything().unwrap();
    cut_the_log(&store, 10..20, options);
    settle(&store);
    let stats = store.stats();
    assert_eq!(stats.files_merged, 20, "{stats:#?}");
    assert!(stats.data_compaction_written_bytes < 100 * 120 * 2, "100,000 bytes lay between them: {stats:#?}");
    assert_sets(&store, 0..20);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn what_soon_dies_as_a_whole_is_not_merged() {
    let fixture = Fixture::new();
    let store = fixture.open();
    cut_the_log(&store, 0..40, CreateOptions::new().expire_in(MINUTE));
    settle(&store);
    assert_eq!(store.stats().files_merged, 0, "{:#?}", store.stats());
    fixture.seconds_pass(61);
    settle(&store);
    let stats = store.stats();
    assert_eq!((stats.data_file_bytes, stats.data_compaction_written_bytes), (0, 0), "{stats:#?}");
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn what_is_dead_in_a_swarm_goes_when_it_is_merged_and_a_view_keeps_what_it_saw() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let days = CreateOptions::new().expire_in(3 * DAY);
    cut_the_log(&store, 0..60, days);
    let db = store.db(0);
    let delete = |rounds: std::ops::Range<u64>| {
        rounds.for_each(|round| assert_eq!(db.delete([set(round, round % 5)]).unwrap(), 1));
    };
    delete(0..30);
    settle(&store);
    let stats = store.stats();
    assert!(stats.files_merged >= 50 && stats.entries_filtered == 30, "{stats:#?}");
    cut_the_log(&store, 60..120, days);
    let view = store.view().unwrap();
    delete(60..90);
    assert!(!store.settle(Duration::from_secs(1)).unwrap());
    let stats = store.stats();
    assert!(stats.files_merged >= 100 && stats.entries_filtered == 30, "{stats:#?}");
    for round in 60..90 {
        let kept = members(&view.db(0), set(round, round % 5));
        assert_eq!(kept, [payload(round * 5 + round % 5, 100)]);
    }
    drop(view);
    fixture.clock.advance(3 * DAY + MINUTE);
    settle(&store);
    assert_eq!((db.len().unwrap(), store.stats().data_file_bytes), (0, 0), "{:#?}", store.stats());
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn records_in_the_order_of_their_keys_and_expiries_in_the_order_of_time_leave_no_swarm() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for n in 0..200 {
        store.db(0).strings().set_with(format!("{n:06}"), "value", SetOptions::new().expire_in(3 * DAY)).unwrap();
        store.flush_everything().unwrap();
        fixture.seconds_pass(1);
    }
    settle(&store);
    assert_eq!(store.db(0).len().unwrap(), 200);
    close_and_check(store, &fixture.path("store"));
    let files = files(&fixture);
    assert!(files.values().all(|count| *count <= FEW), "{files:?}");
}

/// Takes some minutes: `WINDROW_CUTS=10000 cargo test --features failpoints --test gc ten_thousand -- --ignored`.
#[test]
#[ignore = "takes long"]
fn ten_thousand_cuts_of_the_log() {
    let cuts = std::env::var("WINDROW_CUTS").map_or(10_000, |cuts| cuts.parse().unwrap());
    for options in [CreateOptions::new().expire_in(3 * DAY), CreateOptions::new().expire_in(3 * DAY).growing()] {
        let fixture = Fixture::new();
        let store = fixture.open();
        for round in (0..cuts).step_by(50) {
            cut_the_log(&store, round..(round + 50).min(cuts), options);
            settle(&store);
        }
        let stats = store.stats();
        println!("{} bytes live, {} merged", stats.data_file_bytes, stats.merged_bytes);
        assert!(stats.data_compaction_written_bytes < stats.data_file_bytes * 6, "{stats:#?}");
        assert_sets(&store, 0..cuts);
        close_and_check(store, &fixture.path("store"));
        let files = files(&fixture);
        println!("{files:?}");
        // Files of 64 KiB and more are not small here.
        assert!(files.values().all(|count| *count <= FEW * 4), "{files:?}");
    }
}
