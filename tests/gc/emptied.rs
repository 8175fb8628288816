//! Flushed dbs: the space of their records comes back, in files of their own and in files that others share.
#![cfg(feature = "failpoints")]

use std::time::Duration;

use windrow::{Options, Store};

use crate::data::{keys, payload};
use crate::fixture::{Fixture, close_and_check, settle, small};

/// One file holds all that is written here.
fn large_files() -> Options {
    let mut options = small();
    options.file_bytes = 64 << 20;
    options.family_write_buffer_bytes = 32 << 20;
    options
}

fn open(fixture: &Fixture, options: Options) -> Store {
    let builder = Store::builder(fixture.path("store")).clock(fixture.clock.clone());
    builder.options(options).background(false).open().unwrap()
}

fn fill(store: &Store, db: u32, count: u64) {
    for n in 0..count {
        store.db(db).strings().set(n.to_string(), payload(n, 60)).unwrap();
    }
}

fn assert_whole(store: &Store, db: u32, count: u64) {
    assert_eq!(keys(&store.db(db)).len() as u64, count);
    for n in 0..count {
        assert_eq!(store.db(db).strings().get(n.to_string()).unwrap().unwrap(), payload(n, 60));
    }
}

/// What compactions of the meta and expire families have read and written.
fn io(store: &Store) -> (u64, u64) {
    let stats = store.stats();
    (stats.other_compaction_read_bytes, stats.other_compaction_written_bytes)
}

#[test]
fn dbs_that_share_a_file_and_are_all_flushed_give_it_back_unread() {
    for at_once in [true, false] {
        let fixture = Fixture::new();
        let store = open(&fixture, large_files());
        (0..4).for_each(|db| fill(&store, db, 10_000));
        store.compact_everything().unwrap();
        let (full, before) = (store.stats().other_file_bytes, io(&store));
        assert!(full > 3_000_000, "{full}");
        for db in 0..4 {
            store.db(db).flush().unwrap();
            if !at_once {
                settle(&store);
            }
        }
        settle(&store);
        let stats = store.stats();
        assert!(stats.other_file_bytes < 60_000, "of {full} bytes, at once {at_once}: {stats:#?}");
        assert!(stats.emptied_bytes < 20_000, "{stats:#?}");
        if at_once {
            assert_eq!(io(&store), before, "the file is dropped");
        }
        assert!((0..4).all(|db| keys(&store.db(db)).is_empty()));
        close_and_check(store, &fixture.path("store"));
    }
}

#[test]
fn many_namespaces_that_are_flushed_give_their_records_back_unread() {
    let fixture = Fixture::new();
    let store = open(&fixture, small());
    for name in 0..600 {
        let db = store.namespace(format!("tenant {name}")).db(0);
        for n in 0..100_u64 {
            db.strings().set(n.to_string(), payload(n + name * 100, 60)).unwrap();
        }
    }
    store.compact_everything().unwrap();
    let (full, before) = (store.stats().other_file_bytes, io(&store));
    store.flush_all().unwrap();
    settle(&store);
    let stats = store.stats();
    assert!(stats.other_file_bytes * 50 < full, "of {full} bytes: {stats:#?}");
    assert_eq!(io(&store), before, "{stats:#?}");
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn what_is_flushed_among_the_living_goes_and_nothing_else_is_rewritten_for_it() {
    let fixture = Fixture::new();
    let store = open(&fixture, large_files());
    for (db, count) in [(0, 2_000), (1, 40_000), (2, 2_000)] {
        fill(&store, db, count);
    }
    store.compact_everything().unwrap();
    let before = store.stats();
    let full = before.other_file_bytes;
    store.db(1).flush().unwrap();
    settle(&store);
    let stats = store.stats();
    assert!(stats.other_file_bytes * 8 < full, "of {full} bytes: {stats:#?}");
    // As RocksDB counts: what a range deletion hides is not written.
    let read = stats.compaction_read_bytes - before.compaction_read_bytes;
    let written = stats.compaction_written_bytes - before.compaction_written_bytes;
    assert!(written < full / 5 && read < full * 5 / 4, "{read}, {written}: {stats:#?}");
    assert!(stats.emptied_bytes < 20_000, "{stats:#?}");
    assert_whole(&store, 0, 2_000);
    assert_whole(&store, 2, 2_000);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_small_db_flushed_among_many_living_records_is_left_and_shown() {
    let fixture = Fixture::new();
    let store = open(&fixture, large_files());
    for (db, count) in [(0, 20_000), (1, 1_500), (2, 20_000)] {
        fill(&store, db, count);
    }
    store.compact_everything().unwrap();
    let before = io(&store);
    store.db(1).flush().unwrap();
    settle(&store);
    let stats = store.stats();
    assert_eq!(io(&store), before, "less than a tenth of what would be rewritten: {stats:#?}");
    assert!((50_000..400_000).contains(&stats.emptied_bytes), "{stats:#?}");
    // Most of the file now.
    store.db(2).flush().unwrap();
    settle(&store);
    let stats = store.stats();
    assert!(stats.emptied_bytes < 20_000, "{stats:#?}");
    assert_whole(&store, 0, 20_000);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn what_an_earlier_session_flushed_and_did_not_give_back_goes_after_a_reopening() {
    let fixture = Fixture::new();
    let store = open(&fixture, large_files());
    for (db, count) in [(0, 2_000), (1, 40_000), (2, 2_000)] {
        fill(&store, db, count);
    }
    store.compact_everything().unwrap();
    let full = store.stats().other_file_bytes;
    // A view that is opened behind the flush reads nothing of the db, but keeps RocksDB from forgetting it.
    store.db(1).flush().unwrap();
    let view = store.view().unwrap();
    let _ = store.settle(Duration::from_millis(500)).unwrap();
    let stats = store.stats();
    assert!(stats.other_file_bytes > full / 2 && stats.flushed_keyspaces == 0, "{stats:#?}");
    assert_eq!(stats.compactions, 0, "in vain: {stats:#?}");
    drop(view);
    store.close().unwrap();
    let store = open(&fixture, large_files());
    settle(&store);
    let stats = store.stats();
    assert!(stats.other_file_bytes * 8 < full, "of {full} bytes: {stats:#?}");
    assert_whole(&store, 0, 2_000);
    assert_whole(&store, 2, 2_000);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn views_of_before_and_after_a_flush_read_all_that_is_theirs_while_it_is_given_back() {
    let fixture = Fixture::new();
    let store = open(&fixture, large_files());
    for db in 0..5 {
        fill(&store, db, 5_000);
    }
    store.compact_everything().unwrap();
    store.db(0).flush().unwrap();
    store.db(2).flush().unwrap();
    settle(&store);
    // Between two that are gone lies one that this view reads.
    let view = store.view().unwrap();
    store.db(1).flush().unwrap();
    store.db(3).flush().unwrap();
    for _ in 0..3 {
        assert!(!store.settle(Duration::from_millis(200)).unwrap(), "the view holds two flushes back");
    }
    let read = |view: &windrow::View, db: u32| {
        for n in 0..5_000 {
            assert_eq!(view.db(db).strings().get(n.to_string()).unwrap().unwrap(), payload(n, 60), "{db}/{n}");
        }
        assert_eq!(view.db(db).keys("").unwrap().count(), 5_000);
    };
    [1, 3, 4].into_iter().for_each(|db| read(&view, db));
    let later = store.view().unwrap();
    drop(view);
    let _ = store.settle(Duration::from_millis(500)).unwrap();
    read(&later, 4);
    assert_eq!(later.db(1).keys("").unwrap().count(), 0);
    drop(later);
    settle(&store);
    assert!(store.stats().emptied_bytes < 20_000, "{:#?}", store.stats());
    assert_whole(&store, 4, 5_000);
    close_and_check(store, &fixture.path("store"));
}
