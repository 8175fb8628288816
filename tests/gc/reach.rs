//! What a compaction takes along: a file is not rewritten together with its whole family.

use std::time::Duration;

use windrow::Store;

use crate::compact::compact_everything;
use crate::data::{members, payload};
use crate::fixture::{Fixture, close_and_check, settle, small};

const SETS: u64 = 3200;
const SET_BYTES: u64 = 8 << 10;

/// Sets of 8 KiB in many files of the lowest level, each file with its neighbours beside it.
fn side_by_side(fixture: &Fixture) -> Store {
    let store = fixture.open();
    fill(&store);
    store
}

fn fill(store: &Store) {
    for n in 0..SETS {
        store.db(0).sets().add(format!("s:{n}"), [payload(n, 8 << 10)]).unwrap();
    }
    compact_everything(store);
}

/// Appends a little to every tenth set.
fn append_everywhere(store: &Store) {
    for n in (0..SETS).step_by(10) {
        store.db(0).sets().add(format!("s:{n}"), ["appended"]).unwrap();
    }
}

fn delete(store: &Store, sets: impl Iterator<Item = u64>) {
    for n in sets {
        store.db(0).delete([format!("s:{n}")]).unwrap();
    }
}

#[test]
#[cfg_attr(not(feature = "failpoints"), ignore = "only with the feature `failpoints` can everything be compacted")]
fn one_dead_file_is_given_back_alone() {
    let fixture = Fixture::new();
    let store = side_by_side(&fixture);
    delete(&store, 1000..1080);
    settle(&store);
    let stats = store.stats();
    // What lies in a file of which less than a quarter is dead is left.
    assert!(stats.compactions > 0 && stats.debt_ids < 60, "{stats:#?}");
    assert!(stats.rewritten_bytes < 3 << 20, "two files of 1 MiB at the edges: {stats:#?}");
    close_and_check(store, &fixture.path("store"));
}

#[test]
#[cfg_attr(not(feature = "failpoints"), ignore = "only with the feature `failpoints` can everything be compacted")]
fn a_file_under_a_wide_one_is_left_until_all_that_goes_with_it_is_worth_it() {
    let fixture = Fixture::new();
    let store = side_by_side(&fixture);
    append_everywhere(&store);
    let rewritten = store.stats().data_compaction_written_bytes;
    delete(&store, 1000..1080);
    settle(&store);
    let stats = store.stats();
    let written = stats.data_compaction_written_bytes - rewritten;
    assert!(written < 3 << 20, "a fortieth is dead, and {written} bytes were rewritten: {stats:#?}");
    assert!(stats.debt_bytes > 0, "it is still there, and shown: {stats:#?}");
    // Half of all now.
    delete(&store, (0..SETS).filter(|n| n % 2 == 1));
    settle(&store);
    let stats = store.stats();
    assert_eq!(stats.debt_ids, 0, "{stats:#?}");
    assert!(stats.data_file_bytes < SETS / 2 * (SET_BYTES + 200), "{stats:#?}");
    assert!(members(&store.db(0), "s:0").contains(&"appended".into()));
    close_and_check(store, &fixture.path("store"));
}

#[test]
#[cfg_attr(not(feature = "failpoints"), ignore = "only with the feature `failpoints` can everything be compacted")]
fn a_buffer_with_keys_of_the_whole_family_counts_as_a_wide_file() {
    let fixture = Fixture::new();
    let mut options = small();
    options.family_write_buffer_bytes = 32 << 20;
    options.reclaim_interval = Duration::from_millis(5);
    let store = Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options).open().unwrap();
    fill(&store);
    append_everywhere(&store);
    delete(&store, 1000..1080);
    let before = store.stats();
    // Time enough for the rent of two files, in which the buffer is never quiet.
    for round in 0..120_u64 {
        store.db(0).sets().add(format!("s:{}", 1080 + round % 40), [round.to_be_bytes()]).unwrap();
        fixture.clock.advance(Duration::from_secs(600));
        std::thread::sleep(Duration::from_millis(10));
    }
    let stats = store.stats();
    let written = stats.data_compaction_written_bytes - before.data_compaction_written_bytes;
    assert!(written < 3 << 20, "{written} bytes were rewritten: {stats:#?}");
    assert!(stats.debt_bytes > 0, "{stats:#?}");
    close_and_check(store, &fixture.path("store"));
}
