//! Segments that are retired while somebody else buries in them, and looks that are not made again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fail::FailScenario;
use rocksdb::IteratorMode;
use windrow::{CreateOptions, Store};

use crate::data::payload;
use crate::fixture::{Fixture, assert_clean, close_and_check, settle, small};
use crate::pause::Pause;

fn burial_records(path: &Path) -> usize {
    let raw = crate::raw::open_raw(path);
    raw.iterator_cf(raw.cf_handle("gc").unwrap(), IteratorMode::Start).count()
}

fn hasty(fixture: &Fixture, file_bytes: u64) -> Store {
    let mut options = small();
    options.file_bytes = file_bytes;
    options.reclaim_interval = Duration::from_millis(5);
    options.reap_interval = Duration::from_millis(5);
    Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options).open().unwrap()
}

#[test]
fn a_burial_that_is_committed_behind_a_retirement_leaves_no_record_for_ever() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let path = fixture.path("store");
    let store = hasty(&fixture, 1 << 20);
    let expiring = CreateOptions::new().expire_in(Duration::from_secs(60));
    for n in 0..66_000_u64 {
        store.db(0).sets().add_with(format!("{n}"), ["m"], expiring).unwrap();
    }
    let retiring = Pause::at("reclaimer::before_retire");
    fixture.seconds_pass(61);
    retiring.wait();
    let walking = Pause::at("flushed::before_commit");
    store.db(0).flush().unwrap();
    walking.wait();
    retiring.resume();
    let began = Instant::now();
    while store.stats().segments_retired == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "{:#?}", store.stats());
        std::thread::sleep(Duration::from_millis(10));
    }
    walking.resume();
    settle(&store);
    store.close().unwrap();
    let (left, report) = (burial_records(&path), windrow::check(&path).unwrap());
    assert!(report.is_clean(), "{report}");
    let store = fixture.open();
    settle(&store);
    store.close().unwrap();
    let report_then = windrow::check(&path).unwrap();
    assert_eq!(report_then.left_over_burials, 0, "{report_then}");
    assert_eq!(burial_records(&path) as u64 + report.left_over_burials, left as u64);
    assert_clean(&path);
}

#[test]
fn a_dead_segment_under_the_same_files_is_looked_into_once() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = hasty(&fixture, 64 << 20);
    for n in 0..66_000_u64 {
        store.db(0).sets().add(format!("d:{n}"), [n.to_be_bytes()]).unwrap();
    }
    for n in 0..400_u64 {
        store.db(0).sets().add(format!("l:{n}"), [payload(n, 50 << 10)]).unwrap();
    }
    store.compact_everything().unwrap();
    for n in 0..66_000_u64 {
        store.db(0).delete([format!("d:{n}")]).unwrap();
    }
    settle(&store);
    let stats = store.stats();
    assert!(stats.segments_retired == 0 && stats.debt_bytes > 500_000, "the file is mostly alive: {stats:#?}");
    let looks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looks);
    fail::cfg_callback("reclaimer::look_under_files", move || {
        counted.fetch_add(1, Ordering::Relaxed);
    })
    .unwrap();
    for _ in 0..10 {
        fixture.seconds_pass(6);
        std::thread::sleep(Duration::from_millis(60));
    }
    let looks = looks.load(Ordering::Relaxed);
    assert!(looks <= 1, "{looks} looks at what has not changed");
    fail::remove("reclaimer::look_under_files");
    close_and_check(store, &fixture.path("store"));
}
