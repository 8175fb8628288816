//! A full disk: reads go on, and when there is room again everything does.

use std::thread;
use std::time::{Duration, Instant};

use fail::FailScenario;
use windrow::{CreateOptions, ErrorKind, Store};

use crate::fixture::{Fixture, close_and_check, small};

#[test]
fn a_full_disk_stops_writes_and_nothing_is_lost_when_it_has_room_again() {
    let alone = FailScenario::setup();
    let fixture = Fixture::new();
    let mut options = small();
    options.reap_interval = Duration::from_millis(1);
    options.reclaim_interval = Duration::from_millis(1);
    let store = Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options).open().unwrap();
    let db = store.db(0);
    db.sets().add("stays", ["m"]).unwrap();
    for number in 0..50 {
        let second = CreateOptions::new().expire_in(Duration::from_secs(1));
        db.sets().add_with(format!("dies:{number}"), [[7; 600]], second).unwrap();
    }
    fail::cfg("store::disk_full", "return").unwrap();
    fixture.seconds_pass(2);
    // Longer than it takes the reaper, and the thread that saves the time, to meet the full disk several times.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        let refused = db.sets().add("more", ["m"]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::DiskFull);
        assert!(db.sets().contains("stays", "m").unwrap());
        assert!(!db.exists("dies:0").unwrap());
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(store.stats().keys_reaped, 0);
    fail::remove("store::disk_full");
    let began = Instant::now();
    while store.stats().keys_reaped < 50 {
        assert!(began.elapsed() < Duration::from_secs(10), "the reaper does not come back");
        thread::sleep(Duration::from_millis(20));
    }
    db.sets().add("more", ["m"]).unwrap();
    assert_eq!(db.len().unwrap(), 2);
    drop(db);
    close_and_check(store, &fixture.path("store"));
    drop(alone);
}
