//! The statistics of reclaiming: what they call debt, since when, and what holds it back.

use std::time::Duration;

use windrow::encoding::id_of_key;
use windrow::{HeldBackBy, SetOptions, Store};

use crate::data::payload;
use crate::fixture::{Fixture, close_and_check, settle};
use crate::raw::open_raw;

const SETS: u64 = 1000;
const HOUR: Duration = Duration::from_secs(3600);

/// Writes sets of about 2 KiB each, without a time to live.
fn fill(store: &Store) {
    for n in 0..SETS {
        store.db(0).sets().add(format!("{n:04}"), [payload(n, 2000)]).unwrap();
    }
}

fn delete(store: &Store, sets: impl Iterator<Item = u64>) {
    sets.for_each(|n| {
        assert_eq!(store.db(0).delete([format!("{n:04}")]).unwrap(), 1);
    });
}

#[test]
fn debt_that_was_paid_does_not_make_later_debt_look_old() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store);
    delete(&store, (0..SETS).filter(|n| n % 10 != 0));
    settle(&store);
    assert_eq!(store.stats().debt_ids, 0, "{:#?}", store.stats());
    fixture.clock.advance(HOUR);
    settle(&store);
    delete(&store, (0..50).step_by(10));
    settle(&store);
    let owing = store.stats();
    assert!(owing.debt_ids > 0, "five dead sets are not worth a compaction: {owing:#?}");
    assert!(owing.debt_age < HOUR, "{owing:#?}");
    fixture.clock.advance(HOUR);
    settle(&store);
    assert!(store.stats().debt_age >= HOUR, "it stands still as long as it is owed: {:#?}", store.stats());
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn what_rocksdb_removed_by_itself_is_debt_no_longer() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store);
    let dying: Vec<u64> = (0..SETS).filter(|n| n % 10 == 3).collect();
    settle(&store);
    store.close().unwrap();
    let mut before = ids_of(&fixture);
    let store = fixture.open();
    delete(&store, dying.iter().copied());
    settle(&store);
    assert!(store.stats().debt_bytes > 100_000, "a tenth is dead: {:#?}", store.stats());
    store.close().unwrap();
    {
        // As a compaction of RocksDB's own would: the dead elements go, and the file around them stays.
        let raw = open_raw(&fixture.path("store"));
        let data = raw.cf_handle("data-0").unwrap();
        before.sort();
        for n in &dying {
            raw.delete_cf(data, &before[*n as usize]).unwrap();
        }
        raw.flush_cf(data).unwrap();
        raw.compact_range_cf(data, None::<&[u8]>, None::<&[u8]>);
    }
    let store = fixture.open();
    settle(&store);
    let stats = store.stats();
    assert_eq!((stats.debt_ids, stats.debt_bytes), (0, 0), "{stats:#?}");
    close_and_check(store, &fixture.path("store"));
}

/// The keys of all elements of a closed store, one for each set.
fn ids_of(fixture: &Fixture) -> Vec<Vec<u8>> {
    let raw = open_raw(&fixture.path("store"));
    let data = raw.cf_handle("data-0").unwrap();
    let keys: Vec<Vec<u8>> =
        raw.iterator_cf(data, rocksdb::IteratorMode::Start).map(|entry| entry.unwrap().0.to_vec()).collect();
    assert!(keys.len() as u64 == SETS && keys.iter().all(|key| id_of_key(key).is_ok()));
    keys
}

#[test]
fn a_view_over_a_flushed_db_or_over_expired_records_is_named_as_what_holds_back() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.strings().set("inline", "short").unwrap();
    let view = store.view().unwrap();
    db.flush().unwrap();
    assert!(!store.settle(Duration::ZERO).unwrap());
    assert_eq!((store.stats().waiting_ids, store.stats().flushed_keyspaces), (0, 1));
    assert!(matches!(store.stats().held_back_by, Some(HeldBackBy::View { .. })), "{:#?}", store.stats());
    drop(view);
    let younger = store.view().unwrap();
    assert_eq!(store.stats().flushed_keyspaces, 1, "it waits for its turn alone");
    assert_eq!(store.stats().held_back_by, None, "a view that was opened after the flush does not hold it back");
    settle(&store);
    assert_eq!(store.stats().flushed_keyspaces, 0);
    drop(younger);
    assert_eq!(store.stats().held_back_by, None);

    let minute = SetOptions::new().expire_in(Duration::from_secs(60));
    db.strings().set_with("inline", "short", minute).unwrap();
    let view = store.view().unwrap();
    assert_eq!(store.stats().held_back_by, None, "nothing waits");
    fixture.seconds_pass(61);
    let _ = store.settle(Duration::ZERO).unwrap();
    assert_eq!((store.stats().keys_reaped, store.stats().waiting_ids), (1, 0));
    assert!(matches!(store.stats().held_back_by, Some(HeldBackBy::View { .. })), "{:#?}", store.stats());
    drop(view);
    settle(&store);
    assert_eq!(store.stats().held_back_by, None);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_view_that_is_younger_than_what_waits_does_not_hold_it_back() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store);
    fixture.clock.advance(HOUR);
    let older = store.view().unwrap();
    delete(&store, 0..SETS);
    assert!(!store.settle(Duration::ZERO).unwrap());
    fixture.clock.advance(HOUR);
    let younger = store.view().unwrap();
    assert_eq!(store.stats().held_back_by, Some(HeldBackBy::View { age: HOUR }));
    drop(older);
    assert_eq!((store.stats().waiting_ids, store.stats().held_back_by), (SETS, Some(HeldBackBy::LogSync)));
    settle(&store);
    assert_eq!((store.stats().data_file_bytes, store.stats().held_back_by), (0, None));
    drop(younger);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn of_several_views_that_hold_back_the_same_the_oldest_is_named() {
    let fixture = Fixture::new();
    let store = fixture.open();
    store.db(0).sets().add("s", ["member"]).unwrap();
    fixture.clock.advance(HOUR);
    let mut views: Vec<_> = (0..20).map(|_| store.view().unwrap()).collect();
    fixture.clock.advance(HOUR);
    views.extend((0..20).map(|_| store.view().unwrap()));
    // Those that are left are not in the order of their opening any more.
    views.drain(..10);
    store.db(0).delete(["s"]).unwrap();
    assert!(!store.settle(Duration::ZERO).unwrap());
    assert_eq!(store.stats().held_back_by, Some(HeldBackBy::View { age: HOUR }));
    drop(views);
    close_and_check(store, &fixture.path("store"));
}
