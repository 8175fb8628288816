//! Files wide in ids: a survivor lies far from the rest, and what has died beside the rest is found all the same.

use std::time::Duration;

use windrow::{CreateOptions, Store};

use crate::compact::compact_everything;
use crate::data::{members, payload};
use crate::fixture::{Fixture, close_and_check, settle};

const SETS: u64 = 1000;
/// What a set of this file takes on disk, at the most.
const SET_BYTES: u64 = 2100;

fn hour() -> CreateOptions {
    CreateOptions::new().expire_in(Duration::from_secs(3600))
}

/// Writes a set that stays, and 1,000 sets behind it; nine in ten of them die once all lie in one file.
fn survivor_and_the_dying(store: Store, between: impl FnOnce(Store) -> Store) -> Store {
    let add = |store: &Store, key: &str, n| {
        store.db(0).sets().add_with(key, [payload(n, 2000)], hour()).unwrap();
    };
    add(&store, "survivor", SETS);
    let store = between(store);
    for n in 0..SETS {
        add(&store, &n.to_string(), n);
    }
    // One file after this: what lies in it is as wide as the ids in it.
    compact_everything(&store);
    for n in (0..SETS).filter(|n| n % 10 != 0) {
        store.db(0).delete([n.to_string()]).unwrap();
    }
    settle(&store);
    store
}

fn assert_given_back(store: Store, path: &std::path::Path) {
    let stats = store.stats();
    assert!(stats.data_file_bytes < 2 * (SETS / 10) * SET_BYTES, "{stats:#?}");
    assert_eq!(stats.debt_ids, 0, "{stats:#?}");
    for n in (0..SETS).step_by(10) {
        assert_eq!(members(&store.db(0), n.to_string()), [payload(n, 2000)]);
    }
    assert_eq!(members(&store.db(0), "survivor"), [payload(SETS, 2000)]);
    let compactions = stats.compactions;
    settle(&store);
    assert_eq!(store.stats().compactions, compactions, "it is not rewritten again");
    close_and_check(store, path);
}

#[test]
#[cfg_attr(not(feature = "failpoints"), ignore = "only with the feature `failpoints` can everything be compacted")]
fn the_dead_behind_a_retired_segment_are_found() {
    let fixture = Fixture::new();
    let store = survivor_and_the_dying(fixture.open(), |store| {
        for n in 0..132_000_u64 {
            store.db(0).sets().add_with("short", [n.to_be_bytes()], hour()).unwrap();
            store.db(0).delete(["short"]).unwrap();
        }
        settle(&store);
        assert!(store.stats().segments_retired >= 1, "{:#?}", store.stats());
        store
    });
    assert_given_back(store, &fixture.path("store"));
}

#[test]
#[cfg_attr(not(feature = "failpoints"), ignore = "only with the feature `failpoints` can everything be compacted")]
fn the_dead_behind_the_ids_that_a_checkpoint_skips_are_found() {
    let fixture = Fixture::new();
    let copy = survivor_and_the_dying(fixture.open(), |store| {
        store.checkpoint(fixture.path("copy")).unwrap();
        fixture.open_at(&fixture.path("copy"))
    });
    assert_given_back(copy, &fixture.path("copy"));
}

#[test]
#[cfg_attr(not(feature = "failpoints"), ignore = "only with the feature `failpoints` can everything be compacted")]
fn dead_segments_between_two_survivors_in_one_file_are_retired() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.sets().add_with("first", ["member"], hour()).unwrap();
    for n in 0..132_000_u64 {
        db.sets().add_with("short", [n.to_be_bytes()], hour()).unwrap();
        db.delete(["short"]).unwrap();
    }
    db.sets().add_with("last", ["member"], hour()).unwrap();
    // Both survivors in one file, and none of the dead.
    settle(&store);
    compact_everything(&store);
    settle(&store);
    let stats = store.stats();
    assert!(stats.segments_retired >= 1 && stats.buried_ids < 70_000, "{stats:#?}");
    assert_eq!(stats.debt_ids, 0, "{stats:#?}");
    assert_eq!((members(&db, "first").len(), members(&db, "last").len()), (1, 1));
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_family_of_which_everything_was_retired_keeps_no_file_of_what_deletions_hid() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let (db, growing) = (store.db(0), hour().growing());
    for n in 0..65_535_u64 {
        db.sets().add_with(n.to_string(), [n.to_be_bytes()], growing).unwrap();
    }
    for n in 0..65_535_u64 {
        assert_eq!(db.sets().remove(n.to_string(), [n.to_be_bytes()]).unwrap(), 1);
    }
    settle(&store);
    settle(&store);
    let stats = store.stats();
    assert_eq!((stats.segments_retired, stats.data_file_bytes), (1, 0), "{stats:#?}");
    drop(db);
    close_and_check(store, &fixture.path("store"));
}
