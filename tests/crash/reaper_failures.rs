//! The reaper interrupted, doubled or restarted: every expired key is still given back once.

use std::thread;
use std::time::Duration;

use fail::FailScenario;
use windrow::{CreateOptions, ErrorKind, SetOptions, Store, UnixMillis};

use crate::fixture::{Fixture, START, close_and_check, settle};
use crate::pause::Pause;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn keys_whose_reaping_failed_once_are_reaped_when_settling_is_tried_again() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let second = CreateOptions::new().expire_in(SECOND);
    for n in 0..10 {
        store.db(0).sets().add_with(format!("{n}"), ["m"], second).unwrap();
    }
    fixture.seconds_pass(2);
    fail::cfg("store::commit", "1*return").unwrap();
    assert_eq!(store.settle(SECOND).unwrap_err().kind(), ErrorKind::Io);
    fail::remove("store::commit");
    fixture.seconds_pass(1);
    settle(&store);
    assert_eq!(store.db(0).len().unwrap(), 0);
    // What expires later must not carry the position over what was skipped.
    store.db(0).sets().add_with("later", ["m"], second).unwrap();
    fixture.seconds_pass(2);
    settle(&store);
    assert_eq!(store.db(0).len().unwrap(), 0);
    close_and_check(store, &fixture.path("store"));
    let store = fixture.open();
    assert_eq!(store.db(0).len().unwrap(), 0);
}

#[test]
fn a_key_of_a_db_created_while_two_reapers_queue_is_counted_out() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let second = SetOptions::new().expire_in(SECOND);
    store.db(0).strings().set_with("k", "v", second).unwrap();
    fixture.seconds_pass(2);
    thread::scope(|scope| {
        let pause = Pause::at("reaper::before_read");
        let first = scope.spawn(|| settle(&store));
        pause.wait();
        let second_reaper = scope.spawn(|| settle(&store));
        // Long enough for the second one to wait for the first.
        thread::sleep(Duration::from_millis(200));
        store.db(7).strings().set_with("k", "v", second).unwrap();
        fixture.seconds_pass(2);
        pause.resume();
        first.join().unwrap();
        second_reaper.join().unwrap();
    });
    settle(&store);
    assert!(!store.db(7).exists("k").unwrap());
    assert_eq!(store.db(7).len().unwrap(), 0);
    close_and_check(store, &fixture.path("store"));
}

/// More keys of one millisecond than one step takes; the process dies between the steps and the wall clock
/// comes back a little behind.
#[test]
fn a_key_that_gets_the_millisecond_in_which_reaping_stopped_is_reaped_too() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let due = START.saturating_add(SECOND);
    {
        let store = fixture.open();
        let db = store.db(0);
        for n in 0..33_000 {
            db.strings().set_with(format!("m:{n}"), "v", SetOptions::new().expire_at(due)).unwrap();
        }
        fixture.seconds_pass(5);
        let copy = fixture.path("copy");
        let from = fixture.path("store");
        let taken = std::sync::Once::new();
        fail::cfg_callback("reaper::after_commit", move || {
            taken.call_once(|| crate::disk::copy_store(&from, &copy));
        })
        .unwrap();
        settle(&store);
        fail::remove("reaper::after_commit");
    }
    fixture.clock.set_wall(START);
    let store = fixture.open_at(&fixture.path("copy"));
    let db = store.db(0);
    let left = db.len().unwrap();
    assert!(left > 0 && left < 33_000, "the copy stands between two steps: {left}");
    db.strings().set_with("a", "v", SetOptions::new().expire_at(due)).unwrap();
    let counted = db.len().unwrap();
    assert!(counted == left || counted == left + 1);
    fixture.clock.set_wall(UnixMillis::new(START.get() + 10_000));
    settle(&store);
    assert!(!db.exists("a").unwrap());
    assert_eq!(db.len().unwrap(), 0);
    drop(db);
    close_and_check(store, &fixture.path("copy"));
}

/// Fills more than a segment of ids with sets of a minute, lets all of them die, and expects the segment to go.
fn expect_retirement(fixture: &Fixture, store: &Store) {
    let db = store.db(0);
    let minute = CreateOptions::new().expire_in(60 * SECOND);
    for n in 0..66_000 {
        db.sets().add_with(format!("{n}"), ["m"], minute).unwrap();
    }
    fixture.seconds_pass(61);
    settle(store);
    assert_eq!(db.len().unwrap(), 0);
    // What the next segment holds is all that may be left in bitmaps.
    let stats = store.stats();
    assert!(stats.segments_retired > 0 && stats.debt_ids < 1000, "{stats:#?}");
}

#[test]
fn an_id_whose_commit_failed_does_not_keep_its_segment_from_being_retired_after_the_next_open() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let minute = CreateOptions::new().expire_in(60 * SECOND);
    store.db(0).sets().add_with("first", ["m"], minute).unwrap();
    fail::cfg("store::commit", "1*return").unwrap();
    assert!(store.db(0).sets().add_with("failed", ["m"], minute).is_err());
    fail::remove("store::commit");
    store.db(0).sets().add_with("second", ["m"], minute).unwrap();
    store.close().unwrap();
    let store = fixture.open();
    expect_retirement(&fixture, &store);
    close_and_check(store, &fixture.path("store"));
}

/// The gap lies further back than an open looks for what was in flight, and in a segment of which everything else died.
#[test]
fn an_id_whose_commit_failed_long_before_the_end_does_not_keep_its_segment_for_ever() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let minute = CreateOptions::new().expire_in(60 * SECOND);
    store.db(0).sets().add_with("first", ["m"], minute).unwrap();
    fail::cfg("store::commit", "2*off->1*return->off").unwrap();
    let mut failed = 0;
    for n in 0..66_000 {
        failed += u32::from(store.db(0).sets().add_with(format!("{n}"), ["m"], minute).is_err());
    }
    fail::remove("store::commit");
    assert_eq!(failed, 1);
    fixture.seconds_pass(61);
    settle(&store);
    store.db(0).sets().add_with("alive", ["m"], minute).unwrap();
    assert_eq!(store.stats().segments_retired, 0, "nobody knows whether the failed one happened");
    close_and_check(store, &fixture.path("store"));
    // The second opening sees the living set alone among the buried rest of its lease, and leaves it alone.
    for _ in 0..2 {
        let store = fixture.open();
        settle(&store);
        let stats = store.stats();
        assert!(stats.buried_ids < 70_000, "only the segment of the living set has a bitmap: {stats:#?}");
        assert!(store.db(0).sets().contains("alive", "m").unwrap());
        close_and_check(store, &fixture.path("store"));
    }
}

#[test]
fn an_id_that_a_crash_left_between_two_others_does_not_keep_its_segment_from_being_retired() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let minute = CreateOptions::new().expire_in(60 * SECOND);
    thread::scope(|scope| {
        let pause = Pause::at("commit::before");
        let slow = scope.spawn(|| store.db(0).sets().add_with("slow", ["m"], minute).unwrap());
        pause.wait();
        store.db(0).sets().add_with("fast", ["m"], minute).unwrap();
        crate::disk::copy_store(&fixture.path("store"), &fixture.path("copy"));
        pause.resume();
        slow.join().unwrap();
    });
    let copy = fixture.open_at(&fixture.path("copy"));
    assert!(copy.db(0).exists("fast").unwrap() && !copy.db(0).exists("slow").unwrap());
    expect_retirement(&fixture, &copy);
    close_and_check(copy, &fixture.path("copy"));
}
