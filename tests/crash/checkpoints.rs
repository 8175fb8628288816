//! Copies of a store: whole, apart from their original, and with ids of their own.

use std::fs;
use std::thread;

use fail::FailScenario;
use windrow::{ErrorKind, Store};

use crate::data::{keys, members, payload};
use crate::fixture::{Fixture, assert_clean, close_and_check, settle, small};
use crate::pause::Pause;
use crate::raw::open_raw;

fn fill(store: &Store, name: &str, sets: u64) {
    for n in 0..sets {
        store.db(0).sets().add(format!("{name}:{n}"), [payload(n, 50)]).unwrap();
    }
}

#[test]
fn a_copy_taken_under_writes_is_whole_and_neither_store_sees_the_other() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = Store::builder(fixture.path("store")).options(small()).open().unwrap();
    fill(&store, "before", 3000);
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..3000_u32 {
                store.db(0).sets().add(format!("meanwhile:{}", n % 1000), [n.to_string()]).unwrap();
                store.db(0).delete([format!("before:{n}")]).unwrap();
            }
        });
        for copy in 0..5 {
            store.checkpoint(fixture.path(&format!("copy{copy}"))).unwrap();
        }
    });
    for copy in 0..5 {
        let path = fixture.path(&format!("copy{copy}"));
        assert_clean(&path);
        let copy = fixture.open_at(&path);
        let before = keys(&copy.db(0)).iter().filter(|key| key.starts_with(b"before:")).count();
        assert_eq!(copy.db(0).keys("before:").unwrap().count(), before);
        for n in 3000 - before as u64..3000 {
            assert_eq!(members(&copy.db(0), format!("before:{n}")), [payload(n, 50)]);
        }
        copy.db(0).flush().unwrap();
        settle(&copy);
        close_and_check(copy, &path);
    }
    assert_eq!(store.db(0).len().unwrap(), 1000);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_copy_gives_out_no_id_of_its_original_and_goes_on_retiring() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, "old", 100);
    store.checkpoint(fixture.path("copy")).unwrap();
    fill(&store, "new", 100);
    store.close().unwrap();
    for round in 0..2 {
        let copy = fixture.open_at(&fixture.path("copy"));
        fill(&copy, &format!("copied{round}"), 66_000);
        copy.close().unwrap();
    }
    let (ours, theirs) = (ids(&fixture, "store"), ids(&fixture, "copy"));
    assert_eq!(ours.iter().filter(|id| theirs.contains(*id)).count(), 100, "what the copy began with");
    assert!(theirs.iter().all(|id| *id < 200 || *id > 1 << 32));
    let copy = fixture.open_at(&fixture.path("copy"));
    copy.db(0).flush().unwrap();
    settle(&copy);
    assert!(copy.stats().segments_retired >= 3, "{:#?}", copy.stats());
    assert_eq!(copy.stats().data_file_bytes, 0);
    close_and_check(copy, &fixture.path("copy"));
}

/// The counters of all ids in a store's first data family.
fn ids(fixture: &Fixture, name: &str) -> Vec<u64> {
    let db = open_raw(&fixture.path(name));
    let family = db.cf_handle("data-0").unwrap();
    db.iterator_cf(family, rocksdb::IteratorMode::Start)
        .map(|entry| u64::from_be_bytes(entry.unwrap().0[..8].try_into().unwrap()) & ((1 << 56) - 1))
        .collect()
}

#[test]
fn a_crash_in_the_middle_of_a_copy_leaves_nothing_that_opens_and_one_while_it_is_opened_skips_ids_again() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, "s", 10);
    thread::scope(|scope| {
        let pause = Pause::at("checkpoint::copied");
        let copying = scope.spawn(|| store.checkpoint(fixture.path("copy")).unwrap());
        pause.wait();
        crate::disk::copy_store(&fixture.path("copy"), &fixture.path("torn"));
        pause.resume();
        copying.join().unwrap();
    });
    let refused = Store::open(fixture.path("torn")).map(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotAStore);
    assert_eq!(store.checkpoint(fixture.path("copy")).unwrap_err().kind(), ErrorKind::InvalidInput);
    let inside = fixture.path("store").join("copy");
    assert_eq!(store.checkpoint(&inside).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(!inside.exists());

    let mark = fs::read(fixture.path("copy").join("CHECKPOINT")).unwrap();
    let (from, to) = (fixture.path("copy"), fixture.path("half opened"));
    fail::cfg_callback("checkpoint::before_skip", move || crate::disk::copy_store(&from, &to)).unwrap();
    fixture.open_at(&fixture.path("copy")).close().unwrap();
    fail::remove("checkpoint::before_skip");
    assert!(!fixture.path("copy").join("CHECKPOINT").exists());
    let half_opened = fixture.open_at(&fixture.path("half opened"));
    fill(&half_opened, "t", 10);
    close_and_check(half_opened, &fixture.path("half opened"));
    assert!(ids(&fixture, "half opened").iter().all(|id| *id < 11 || *id > 1 << 32), "it skips ids, too");
    fs::write(fixture.path("copy").join("CHECKPOINT"), mark).unwrap();
    let copy = fixture.open_at(&fixture.path("copy"));
    fill(&copy, "t", 10);
    close_and_check(copy, &fixture.path("copy"));
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_copy_that_is_only_read_stays_a_copy() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    store.db(0).strings().set("k", "v").unwrap();
    store.checkpoint(fixture.path("copy")).unwrap();
    let reader = Store::builder(fixture.path("copy")).read_only(true).open().unwrap();
    assert!(reader.db(0).exists("k").unwrap());
    assert_eq!(reader.checkpoint(fixture.path("other")).unwrap_err().kind(), ErrorKind::ReadOnly);
    reader.close().unwrap();
    assert!(fixture.path("copy").join("CHECKPOINT").exists());
    close_and_check(store, &fixture.path("store"));
}
