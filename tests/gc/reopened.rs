//! What one session left to give back, the next one finds.

use std::time::Duration;

use rocksdb::IteratorMode;
use windrow::encoding::{CollectionId, DataFamily, KeyRange};
use windrow::{CreateOptions, SetOptions, Store};

use crate::compact::compact_everything;
use crate::data::payload;
use crate::fixture::{Fixture, assert_clean, close_and_check, settle};
use crate::raw::open_raw;

const MINUTE: Duration = Duration::from_secs(60);

fn write_strings(store: &Store, count: u64, name: &str, options: &SetOptions) {
    for n in 0..count {
        store.db(0).strings().set_with(format!("{name}:{n:05}"), payload(n, 90), *options).unwrap();
    }
}

/// Counts the entries of a family of a closed store.
fn entries(fixture: &Fixture, family: &str) -> usize {
    let raw = open_raw(&fixture.path("store"));
    raw.iterator_cf(raw.cf_handle(family).unwrap(), IteratorMode::Start).count()
}

#[test]
fn dead_meta_records_are_found_again_after_a_reopening() {
    let fixture = Fixture::new();
    let store = fixture.open();
    write_strings(&store, 5000, "dying", &SetOptions::new().expire_in(MINUTE));
    write_strings(&store, 500, "lasting", &SetOptions::new());
    fixture.seconds_pass(61);
    // Reaps everything, and ends before the meta family has been compacted.
    assert!(!store.settle(Duration::ZERO).unwrap());
    assert_eq!(store.stats().keys_reaped, 5000);
    store.close().unwrap();
    assert!(entries(&fixture, "meta") >= 5000, "the dead records still lie there");

    let store = fixture.open();
    settle(&store);
    assert_eq!(store.db(0).len().unwrap(), 500);
    close_and_check(store, &fixture.path("store"));
    assert_eq!(entries(&fixture, "meta"), 500);
}

#[test]
fn meta_files_of_the_dead_go_after_a_reopening_although_the_family_is_mostly_alive() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for n in 0..6000 {
        store.db(0).strings().set(format!("lasting:{n:05}"), payload(n, 900)).unwrap();
    }
    write_strings(&store, 5000, "dying", &SetOptions::new().expire_in(MINUTE));
    // So that no compaction of RocksDB's own, late on a busy machine, meets the dead.
    compact_everything(&store);
    fixture.seconds_pass(61);
    let _ = store.settle(Duration::ZERO).unwrap();
    store.close().unwrap();
    assert!(entries(&fixture, "meta") >= 11_000);

    let store = fixture.open();
    settle(&store);
    assert_eq!(store.stats().keys_reaped, 0);
    close_and_check(store, &fixture.path("store"));
    let left = entries(&fixture, "meta");
    assert!((6000..7000).contains(&left), "{left} records, of which 6,000 live");
}

#[test]
fn a_meta_file_of_the_living_is_not_rewritten_at_every_opening() {
    let fixture = Fixture::new();
    let store = fixture.open();
    write_strings(&store, 3000, "living", &SetOptions::new().expire_in(MINUTE * 10));
    write_strings(&store, 300, "dying", &SetOptions::new().expire_in(MINUTE));
    fixture.seconds_pass(61);
    settle(&store);
    store.close().unwrap();
    for _ in 0..3 {
        let store = fixture.open();
        settle(&store);
        assert_eq!(store.stats().compactions, 0, "{:#?}", store.stats());
        store.close().unwrap();
    }
    assert_clean(&fixture.path("store"));
}

#[test]
fn a_file_that_holds_only_a_range_deletion_from_the_bare_start_of_a_family_is_dropped_once() {
    let fixture = Fixture::new();
    let minute = CreateOptions::new().expire_in(MINUTE);
    {
        let store = fixture.open();
        for n in 0..500 {
            store.db(0).sets().add_with(format!("{n}"), [payload(n, 100)], minute).unwrap();
        }
        fixture.seconds_pass(61);
        settle(&store);
        store.close().unwrap();
    }
    {
        // Versions before this one range-deleted from counter 0, which no id has.
        let family = DataFamily::new(1).unwrap();
        let bounds = KeyRange::ids(family, 0, CollectionId::new(family, 400).unwrap().counter());
        let raw = open_raw(&fixture.path("store"));
        let data = raw.cf_handle("data-1").unwrap();
        raw.delete_range_cf(data, bounds.start(), bounds.end()).unwrap();
        raw.flush_cf(data).unwrap();
        let files = raw.live_files().unwrap();
        let made = files.iter().find(|file| file.column_family_name == "data-1").expect("a file of one tombstone");
        assert_eq!(made.start_key.as_deref(), Some(bounds.start()));
    }
    let store = fixture.open();
    settle(&store);
    let stats = store.stats();
    assert_eq!((stats.data_file_bytes, stats.debt_ids), (0, 0), "{stats:#?}");
    assert_eq!(stats.files_dropped, 1, "{stats:#?}");
    close_and_check(store, &fixture.path("store"));
}
