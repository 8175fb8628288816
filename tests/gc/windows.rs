//! Windows of short-lived sets: what expires gives its space back, what lives stays whole.

use std::time::Duration;

use windrow::{CreateOptions, ManualClock, Store, UnixMillis};

use crate::fixture::{Fixture, assert_clean, settle};

#[test]
fn a_window_that_expired_gives_its_files_back_and_the_next_one_stays_whole() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::starting_at(UnixMillis::new(1_700_000_000_000));
    let store = Store::builder(dir.path().join("s")).clock(clock.clone()).background(false).open().unwrap();
    let db = store.db(0);
    let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    let payload = |window: u32, n: u32| {
        format!("{window}:{n}:")
            .into_bytes()
            .into_iter()
            .chain((0..2000).map(|i| (i * n % 251) as u8))
            .collect::<Vec<u8>>()
    };
    for n in 0..5_000 {
        db.sets().add_with(format!("old:{n}"), [payload(0, n)], minute).unwrap();
    }
    clock.advance(Duration::from_secs(30));
    for n in 0..5_000 {
        db.sets().add_with(format!("new:{n}"), [payload(1, n)], minute).unwrap();
    }
    clock.advance(Duration::from_secs(31));
    assert_eq!(db.len().unwrap(), 10_000);
    let settled = store.settle(Duration::from_secs(30)).unwrap();
    println!("{:#?}", store.stats());
    assert!(settled);
    assert_eq!(db.len().unwrap(), 5_000);
    for n in 0..5_000 {
        assert!(!db.exists(format!("old:{n}")).unwrap());
        assert!(db.sets().contains(format!("new:{n}"), payload(1, n)).unwrap());
    }
    clock.advance(Duration::from_secs(60));
    assert!(store.settle(Duration::from_secs(30)).unwrap());
    println!("{:#?}", store.stats());
    assert_eq!(db.len().unwrap(), 0);
    assert_eq!(store.stats().data_file_bytes, 0);
    drop(db);
    store.close().unwrap();
    let report = windrow::check(dir.path().join("s")).unwrap();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_family_whose_first_segment_is_retired_goes_on_giving_everything_back() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let hour = CreateOptions::new().expire_in(Duration::from_secs(3600));
    let fill_and_die = |sets: u32| {
        for n in 0..sets {
            store.db(0).sets().add_with(n.to_string(), ["member"], hour).unwrap();
        }
        fixture.seconds_pass(3601);
        settle(&store);
        store.stats()
    };
    let stats = fill_and_die(66_000);
    assert_eq!((stats.segments_retired, stats.data_file_bytes), (1, 0));
    assert_eq!(fill_and_die(1).data_file_bytes, 0);
    let stats = fill_and_die(66_000);
    assert_eq!((stats.segments_retired, stats.data_file_bytes), (2, 0));
    store.close().unwrap();
    assert_clean(&fixture.path("store"));
}

#[test]
fn a_window_that_was_dropped_is_no_debt_any_more_and_does_not_raise_the_rent_of_other_files() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    for n in 0..10_000_u32 {
        let payload: Vec<u8> = (0..500_u32).flat_map(|i| (i * n).wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        db.sets().add_with(n.to_string(), [payload], minute).unwrap();
    }
    fixture.seconds_pass(61);
    // No time is left after the first pass.
    let passes =
        (0..100).take_while(|_| store.stats().bytes_dropped == 0).map(|_| store.settle(Duration::ZERO).unwrap());
    assert!(passes.count() > 0);
    let stats = store.stats();
    assert!(stats.bytes_dropped > 8 << 20, "{stats:#?}");
    assert!(stats.debt_bytes < stats.bytes_dropped / 2, "what was dropped is called debt: {stats:#?}");
    drop(db);
    settle(&store);
    store.close().unwrap();
    assert_clean(&fixture.path("store"));
}
