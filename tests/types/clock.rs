//! Store time: it never runs backwards, and a leap of the wall clock pauses expiry instead of erasing data.

use std::time::Duration;

use windrow::{Clock, ManualClock, Options, SetOptions, Store, UnixMillis};

use crate::fixture::{Fixture, START, assert_clean, settle};

const HOUR: u64 = 3_600_000;

fn at(millis: u64) -> UnixMillis {
    UnixMillis::new(START.get() + millis)
}

fn with_minute(store: &Store) {
    store.db(0).strings().set_with("k", "v", SetOptions::new().expire_in(Duration::from_secs(60))).unwrap();
}

#[test]
fn a_wall_clock_that_leaps_ahead_pauses_expiry_until_it_returns() {
    let fixture = Fixture::new();
    let store = fixture.open();
    with_minute(&store);
    fixture.clock.set_wall(at(HOUR + 1));
    assert!(store.stats().expiry_paused);
    assert_eq!(store.time(), START);
    settle(&store);
    assert!(store.db(0).exists("k").unwrap(), "nothing expires by a clock that is not believed");
    assert_eq!(store.db(0).len().unwrap(), 1);
    fixture.seconds_pass(120);
    settle(&store);
    assert!(store.db(0).exists("k").unwrap(), "the pause lasts although time goes on");
    fixture.clock.set_wall(at(121_000));
    assert!(!store.stats().expiry_paused);
    assert!(!store.db(0).exists("k").unwrap());
    settle(&store);
    assert_eq!(store.db(0).len().unwrap(), 0);
}

#[test]
fn a_leap_of_exactly_the_limit_is_believed() {
    let fixture = Fixture::new();
    let store = fixture.open();
    with_minute(&store);
    fixture.clock.set_wall(at(HOUR));
    assert!(!store.stats().expiry_paused);
    assert!(!store.db(0).exists("k").unwrap());
}

#[test]
fn trusting_the_clock_ends_the_pause_and_everything_due_expires() {
    let fixture = Fixture::new();
    let store = fixture.open();
    with_minute(&store);
    fixture.clock.set_wall(at(1000 * HOUR));
    assert!(store.stats().expiry_paused);
    store.trust_clock();
    assert!(!store.stats().expiry_paused);
    assert_eq!(store.time(), at(1000 * HOUR));
    settle(&store);
    assert_eq!(store.db(0).len().unwrap(), 0);
}

#[test]
fn a_wall_clock_that_steps_back_does_not_take_store_time_with_it() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fixture.seconds_pass(100);
    let before = store.time();
    for back in [1, 50_000, 100_000, 10_000_000, 1_000_000_000] {
        fixture.clock.set_wall(UnixMillis::new(START.get() + 100_000 - back));
        assert_eq!(store.time(), before);
        with_minute(&store);
        assert_eq!(store.db(0).expires_at("k").unwrap(), Some(before.saturating_add(Duration::from_secs(60))));
    }
    fixture.clock.set_wall(at(100_001));
    assert_eq!(store.time(), at(100_001));
}

#[test]
fn store_time_never_runs_backwards_across_a_restart() {
    let fixture = Fixture::new();
    let store = fixture.open();
    with_minute(&store);
    fixture.seconds_pass(600);
    assert!(!store.db(0).exists("k").unwrap());
    let before = store.time();
    store.close().unwrap();
    for back in [1, 599_000, 1_200_000] {
        let clock = ManualClock::starting_at(UnixMillis::new(before.get() - back));
        let store = Store::builder(fixture.path("store")).clock(clock.clone()).background(false).open().unwrap();
        assert!(store.time() >= before, "{back} ms back");
        assert!(!store.db(0).exists("k").unwrap());
        assert!(!store.stats().expiry_paused);
        clock.advance(Duration::from_millis(back + 5));
        assert!(store.time() > before);
        clock.set_wall(before);
        store.close().unwrap();
    }
    assert_clean(&fixture.path("store"));
}

#[test]
fn a_wall_clock_far_behind_at_open_pauses_expiry_until_it_has_caught_up_or_is_trusted() {
    for trusts in [false, true] {
        let fixture = Fixture::new();
        let store = fixture.open();
        fixture.seconds_pass(10);
        with_minute(&store);
        store.close().unwrap();
        let clock = ManualClock::starting_at(UnixMillis::new(START.get() - 30 * HOUR));
        let store = Store::builder(fixture.path("store")).clock(clock.clone()).background(false).open().unwrap();
        assert!(store.stats().expiry_paused);
        assert_eq!(store.time(), at(10_000));
        clock.advance(Duration::from_secs(7200));
        assert!(store.db(0).exists("k").unwrap());
        settle(&store);
        assert_eq!(store.db(0).len().unwrap(), 1);
        if trusts {
            store.trust_clock();
            assert_eq!(store.time(), at(10_000), "trusted, it still never runs backwards");
        } else {
            clock.set_wall(at(7_211_000));
            assert_eq!(store.time(), at(7_211_000));
        }
        assert!(!store.stats().expiry_paused);
        clock.set_wall(at(7_280_000));
        assert_eq!(store.stats().expiry_paused, trusts, "for a trusted clock this is a leap of 30 hours");
        store.trust_clock();
        settle(&store);
        assert_eq!(store.db(0).len().unwrap(), 0);
    }
}

#[test]
fn a_wall_clock_far_behind_at_open_is_believed_once_it_has_caught_up_by_running() {
    let fixture = Fixture::new();
    let store = fixture.open();
    with_minute(&store);
    store.close().unwrap();
    let clock = ManualClock::starting_at(UnixMillis::new(START.get() - 30 * HOUR));
    let store = Store::builder(fixture.path("store")).clock(clock.clone()).background(false).open().unwrap();
    assert!(store.stats().expiry_paused);
    for _ in 0..31 {
        assert!(store.time() >= START);
        clock.advance(Duration::from_secs(3600));
    }
    assert_eq!(store.time(), at(HOUR));
    assert!(!store.stats().expiry_paused);
    settle(&store);
    assert_eq!(store.db(0).len().unwrap(), 0);
}

#[test]
fn the_limit_of_a_leap_can_be_chosen() {
    let fixture = Fixture::new();
    let mut options = Options::default();
    options.max_clock_leap = Duration::from_secs(1);
    let builder = Store::builder(fixture.path("store")).clock(fixture.clock.clone()).background(false);
    let store = builder.options(options).open().unwrap();
    fixture.clock.set_wall(at(1000));
    assert!(!store.stats().expiry_paused);
    fixture.clock.set_wall(at(2001));
    assert!(store.stats().expiry_paused);
    assert_eq!(store.time(), at(1000));
    assert_eq!(fixture.clock.wall(), at(2001));
}
