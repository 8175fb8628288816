//! What reclaiming knows and has done survives a reopening: counters, debt and its age, rent, and how old ids are.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use windrow::encoding::{DataFamily, HistoryFile};
use windrow::{CreateOptions, Store};

use crate::data::payload;
use crate::fixture::{Fixture, START, close_and_check, settle, small};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn file(fixture: &Fixture) -> PathBuf {
    fixture.path("store").join(HistoryFile::NAME)
}

/// Writes sets of about 2 KiB each.
fn fill(store: &Store, sets: std::ops::Range<u64>, options: CreateOptions) {
    for n in sets {
        store.db(0).sets().add_with(format!("{n:05}"), [payload(n, 2000)], options).unwrap();
    }
}

fn delete(store: &Store, sets: impl Iterator<Item = u64>) {
    sets.for_each(|n| assert_eq!(store.db(0).delete([format!("{n:05}")]).unwrap(), 1));
}

#[test]
fn what_was_given_back_is_counted_over_all_sessions() {
    let fixture = Fixture::new();
    let mut given_back = [0; 3];
    for session in 1..=3 {
        let store = fixture.open();
        fill(&store, 0..1000, CreateOptions::new().expire_in(MINUTE));
        fixture.seconds_pass(61);
        settle(&store);
        let stats = store.stats();
        assert_eq!((stats.keys_reaped, stats.in_all.keys_reaped), (1000, session * 1000), "{stats:#?}");
        // A file that RocksDB has not moved down yet goes by the filter instead.
        let session = [stats.bytes_dropped, stats.entries_filtered, stats.flushes];
        given_back.iter_mut().zip(session).for_each(|(sum, session)| *sum += session);
        assert!(session[0] + session[1] > 0, "{stats:#?}");
        let in_all = [stats.in_all.bytes_dropped, stats.in_all.entries_filtered, stats.in_all.flushes];
        assert_eq!(in_all, given_back, "{stats:#?}");
        assert_eq!(stats.in_all.since, START);
        close_and_check(store, &fixture.path("store"));
    }
    let reader = Store::builder(fixture.path("store")).read_only(true).options(small()).open().unwrap();
    assert_eq!((reader.stats().keys_reaped, reader.stats().in_all.keys_reaped), (0, 3000));
}

#[test]
fn debt_is_found_again_and_is_as_old_as_it_was() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, 0..1000, CreateOptions::new());
    settle(&store);
    delete(&store, (0..50).step_by(10));
    settle(&store);
    let before = store.stats();
    assert!(before.debt_ids > 0 && before.debt_age < MINUTE, "too little to be worth a compaction: {before:#?}");
    fixture.clock.advance(HOUR);
    store.close().unwrap();
    fixture.clock.advance(HOUR);
    for session in 2..4 {
        let store = fixture.open();
        settle(&store);
        let stats = store.stats();
        assert_eq!((stats.debt_ids, stats.debt_bytes), (before.debt_ids, before.debt_bytes), "{stats:#?}");
        assert!(stats.debt_age >= HOUR * session && stats.debt_age < HOUR * session + MINUTE, "{stats:#?}");
        fixture.clock.advance(HOUR);
        close_and_check(store, &fixture.path("store"));
    }
    // What is paid in one session is not old in the next.
    let store = fixture.open();
    delete(&store, (0..1000).filter(|n| n % 10 != 0));
    settle(&store);
    assert_eq!(store.stats().debt_ids, 0, "{:#?}", store.stats());
    store.close().unwrap();
    fixture.clock.advance(HOUR);
    let store = fixture.open();
    settle(&store);
    delete(&store, (100..150).step_by(10));
    settle(&store);
    let stats = store.stats();
    assert!(stats.debt_ids > 0 && stats.debt_age < MINUTE, "{stats:#?}");
}

#[test]
fn runs_of_dead_ids_go_in_the_next_session() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, 0..2000, CreateOptions::new().expire_in(MINUTE));
    // It holds back what expires, however fast RocksDB moves files down to where they can be dropped.
    let view = store.view().unwrap();
    fixture.seconds_pass(61);
    assert!(!store.settle(Duration::ZERO).unwrap());
    let stats = store.stats();
    assert!(stats.keys_reaped == 2000 && stats.data_file_bytes > 0, "{stats:#?}");
    drop(view);
    store.close().unwrap();
    let store = fixture.open();
    settle(&store);
    let stats = store.stats();
    assert!(stats.files_dropped > 0 && stats.data_compaction_written_bytes == 0, "{stats:#?}");
    assert_eq!((stats.data_file_bytes, stats.debt_ids, stats.keys_reaped), (0, 0, 0), "{stats:#?}");
    close_and_check(store, &fixture.path("store"));
}

/// Opens the store with a reclaimer that looks all the time, lets so much time pass, and closes it.
fn let_pass(fixture: &Fixture, seconds: u64) -> windrow::Stats {
    let mut options = small();
    options.reclaim_interval = Duration::from_millis(1);
    let store = Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options).open().unwrap();
    for _ in 0..seconds {
        thread::sleep(Duration::from_millis(20));
        fixture.seconds_pass(1);
    }
    thread::sleep(Duration::from_millis(20));
    let stats = store.stats();
    store.close().unwrap();
    stats
}

#[test]
fn rent_that_was_paid_is_not_paid_again_by_the_next_session() {
    let fixture = Fixture::new();
    let store = fixture.open();
    // With half of 8 MiB dead, a file is due after about 34 seconds.
    fill(&store, 0..4000, CreateOptions::new());
    settle(&store);
    delete(&store, (0..4000).step_by(2));
    store.close().unwrap();
    let first = let_pass(&fixture, 22);
    assert!(first.debt_bytes > 2_000_000 && first.data_compaction_written_bytes == 0, "{first:#?}");
    let second = let_pass(&fixture, 22);
    assert!(second.data_compaction_written_bytes > 2_000_000 && second.debt_bytes < 1_000_000, "{second:#?}");
}

#[test]
fn how_old_ids_are_is_known_in_the_next_session() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, 0..100, CreateOptions::new().expire_in(HOUR));
    settle(&store);
    store.close().unwrap();
    for _ in 0..2 {
        fixture.clock.advance(MINUTE);
        let store = fixture.open();
        settle(&store);
        store.close().unwrap();
        let history = HistoryFile::decode(&fs::read(file(&fixture)).unwrap()).unwrap();
        let families: Vec<_> = history.families().iter().map(|family| (family.family, family.births.clone())).collect();
        assert_eq!(families, [(DataFamily::new(7).unwrap(), vec![(101, START)])]);
    }
}

#[test]
fn a_session_in_which_nothing_happens_writes_no_file() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, 0..100, CreateOptions::new().expire_in(HOUR));
    delete(&store, 0..5);
    settle(&store);
    store.close().unwrap();
    let inode = |path: PathBuf| fs::metadata(path).unwrap().ino();
    let before = inode(file(&fixture));
    for _ in 0..3 {
        fixture.clock.advance(MINUTE);
        let store = fixture.open();
        settle(&store);
        store.close().unwrap();
        assert_eq!(inode(file(&fixture)), before);
    }
}

#[test]
fn a_damaged_file_is_counted_and_begins_anew() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, 0..1000, CreateOptions::new().expire_in(MINUTE));
    delete(&store, 0..500);
    settle(&store);
    store.close().unwrap();
    let whole = fs::read(file(&fixture)).unwrap();
    let mut flipped = whole.clone();
    flipped[40] ^= 1;
    for damaged in [&[][..], b"history2", &whole[..whole.len() - 1], &flipped, &vec![0xFF; 200_000]] {
        fs::write(file(&fixture), damaged).unwrap();
        fs::write(fixture.path("store").join("HISTORY.new"), damaged).unwrap();
        fixture.seconds_pass(1);
        let store = fixture.open();
        let stats = store.stats();
        assert_eq!((stats.undecodable_entries, stats.in_all.compactions), (1, 0), "{stats:#?}");
        assert_eq!(stats.in_all.since, store.time());
        settle(&store);
        store.close().unwrap();
    }
    fs::remove_file(file(&fixture)).unwrap();
    let store = fixture.open();
    assert_eq!(store.stats().undecodable_entries, 0);
    fixture.seconds_pass(61);
    settle(&store);
    assert_eq!(store.stats().data_file_bytes, 0);
    close_and_check(store, &fixture.path("store"));
    HistoryFile::decode(&fs::read(file(&fixture)).unwrap()).unwrap();
}

#[test]
fn a_file_that_lies_costs_figures_and_nothing_else() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, 0..1000, CreateOptions::new().expire_in(HOUR));
    delete(&store, 0..300);
    store.close().unwrap();
    let time = windrow::UnixMillis::new;
    for moment in [0, u64::MAX - 1, START.get()] {
        let families = DataFamily::all().map(|family| windrow::encoding::FamilyHistory {
            family,
            births: (0..128).map(|n| (n * 50, time(moment))).collect(),
            owing: (0..64).map(|n| (n, time(moment))).collect(),
            rents: (0..256).map(|n| (n, u64::MAX - n)).collect(),
        });
        let lies = HistoryFile::new(time(moment), [u64::MAX; HistoryFile::COUNTERS], families.collect());
        fs::write(file(&fixture), lies.encode()).unwrap();
        let store = fixture.open();
        settle(&store);
        assert_eq!(store.stats().in_all.compactions, u64::MAX);
        let left = store.db(0).len().unwrap();
        delete(&store, 1000 - left..1000 - left + 100);
        settle(&store);
        for n in 1000 - left + 100..1000 {
            assert!(store.db(0).sets().contains(format!("{n:05}"), payload(n, 2000)).unwrap());
        }
        close_and_check(store, &fixture.path("store"));
        let told = HistoryFile::decode(&fs::read(file(&fixture)).unwrap()).unwrap();
        let mut births = told.families().iter().flat_map(|family| &family.births);
        assert!(births.all(|(next, _)| *next <= 1001), "no more were born");
        let of_others = told.families().iter().filter(|family| family.family.number() != 7);
        let others_owe = of_others.flat_map(|family| &family.owing).count();
        let rents = told.families().iter().map(|family| family.rents.len()).sum::<usize>();
        assert!(others_owe == 0 && rents < 50, "{others_owe} segments and {rents} files that are not there");
    }
    fixture.clock.advance(HOUR);
    let store = fixture.open();
    settle(&store);
    assert_eq!(store.stats().data_file_bytes, 0, "{:#?}", store.stats());
    close_and_check(store, &fixture.path("store"));
}
