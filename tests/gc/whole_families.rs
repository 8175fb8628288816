//! Families of records: no small or dead file takes a whole family along when it is merged or rewritten.
#![cfg(feature = "failpoints")]

use std::time::Duration;

use windrow::{Options, SetOptions, Stats, Store};

use crate::data::payload;
use crate::fixture::{Fixture, close_and_check, small};

/// Opens the store with background threads that hurry, and buffers that hold all that is written.
fn open(fixture: &Fixture) -> Store {
    let mut options: Options = small();
    options.family_write_buffer_bytes = 32 << 20;
    options.file_bytes = 64 << 20;
    options.reclaim_interval = Duration::from_millis(10);
    options.reap_interval = Duration::from_millis(2);
    Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options).open().unwrap()
}

/// What compactions of the meta and expire families read and wrote since an earlier reading.
fn io(store: &Store, before: &Stats) -> (u64, u64) {
    let after = store.stats();
    let read = after.other_compaction_read_bytes - before.other_compaction_read_bytes;
    (read, after.other_compaction_written_bytes - before.other_compaction_written_bytes)
}

fn expiring(store: &Store, key: String, seconds: u64) {
    store.db(0).strings().set_with(key, "v", SetOptions::new().expire_in(Duration::from_secs(seconds))).unwrap();
}

#[test]
fn small_files_under_a_buffer_that_spans_the_family_are_not_merged_with_all_of_it() {
    for across in [false, true] {
        let fixture = Fixture::new();
        let store = fixture.open();
        for round in 0..40 {
            store.db(0).strings().set(format!("m:{round:06}"), payload(round, 60)).unwrap();
            store.flush_everything().unwrap();
        }
        for name in ["a", "z"] {
            for n in 0..20_000_u64 {
                store.db(0).strings().set(format!("{name}:{n:08}"), payload(n, 60)).unwrap();
            }
            store.flush_everything().unwrap();
            std::thread::sleep(Duration::from_millis(300));
        }
        store.close().unwrap();
        let store = Store::builder(fixture.path("store")).clock(fixture.clock.clone());
        let mut options = small();
        options.reclaim_interval = Duration::from_millis(10);
        let store = store.options(options).open().unwrap();
        let before = store.stats();
        if across {
            for key in ["a:00000000", "z:00019999", "m:000020"] {
                store.db(0).strings().set(key, payload(7, 60)).unwrap();
            }
        }
        std::thread::sleep(Duration::from_millis(1500));
        let (read, written) = io(&store, &before);
        assert!(read < 100_000 && written < 100_000, "buffer across {across}: read {read}, wrote {written}");
        close_and_check(store, &fixture.path("store"));
    }
}

#[test]
fn past_expiries_in_a_buffer_with_a_far_one_do_not_have_the_family_rewritten() {
    for far in [false, true] {
        let fixture = Fixture::new();
        let store = fixture.open();
        for n in 0..60_000_u64 {
            expiring(&store, format!("long:{n:08}"), 7200 + n * 100);
        }
        store.compact_everything().unwrap();
        store.close().unwrap();
        let store = open(&fixture);
        let before = store.stats();
        for n in 0..12_000 {
            expiring(&store, format!("short:{n:08}"), 60);
        }
        if far {
            expiring(&store, "far".to_owned(), 9_000_000);
        }
        fixture.seconds_pass(61);
        std::thread::sleep(Duration::from_millis(2000));
        let (read, written) = io(&store, &before);
        assert_eq!(store.stats().keys_reaped, 12_000);
        // What is past may be read; the entries of the sixty thousand to come take 1.6 MB.
        assert!(read < 1_000_000 && written < 400_000, "a far one {far}: read {read}, wrote {written}");
        close_and_check(store, &fixture.path("store"));
    }
}

#[test]
fn deleted_records_under_a_buffer_that_spans_the_family_are_left_until_all_that_goes_along_is_worth_it() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let key = |n: u64| format!("k:{n:06}");
    for n in 0..60_000 {
        store.db(0).strings().set(key(n), payload(n, 60)).unwrap();
    }
    store.compact_everything().unwrap();
    // One part of the keys dies, and the tombstones reach the level above.
    for n in 30_000..33_000 {
        store.db(0).delete([key(n)]).unwrap();
    }
    store.flush_everything().unwrap();
    for n in [0, 31_000, 59_999] {
        store.db(0).strings().set(key(n), "across").unwrap();
    }
    let before = store.stats();
    let _ = store.settle(Duration::from_secs(5)).unwrap();
    let (read, written) = io(&store, &before);
    assert!(read < 3_000_000 && written < 3_000_000, "read {read}, wrote {written}: {:#?}", store.stats());
    close_and_check(store, &fixture.path("store"));
}
