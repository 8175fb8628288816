//! How fast files with survivors are rewritten while RocksDB lets nobody write, and while it does.

use std::thread::sleep;
use std::time::{Duration, Instant};

use fail::FailScenario;
use windrow::{CreateOptions, Options, PacingReason, Stats, Store};

use crate::data::payload;
use crate::fixture::{Fixture, close_and_check, small};
use crate::pause::Pause;

const HOURS: Duration = Duration::from_secs(20 * 3600);

/// Opens a store with its background threads, in which the files of two families are worth a rewrite.
fn scattered(fixture: &Fixture, options: Options) -> Store {
    let store = Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options).open().unwrap();
    for (name, create) in [("lasting", CreateOptions::new()), ("expiring", CreateOptions::new().expire_in(HOURS))] {
        for n in 0..1500 {
            store.db(0).sets().add_with(format!("{name}:{n}"), [payload(n, 2000)], create).unwrap();
        }
        for n in (0..1500).filter(|n| n % 10 != 0) {
            store.db(0).delete([format!("{name}:{n}")]).unwrap();
        }
    }
    store
}

/// Lets the store's time pass until something is true of its statistics.
fn wait_until(fixture: &Fixture, store: &Store, what: &str, is_true: impl Fn(&Stats) -> bool) {
    let began = Instant::now();
    while !is_true(&store.stats()) {
        assert!(began.elapsed() < Duration::from_secs(20), "never {what}: {:#?}", store.stats());
        fixture.seconds_pass(10);
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn steps_wait_while_writes_are_stopped_and_go_on_within_seconds_when_they_are_not() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let mut options = small();
    options.reclaim_threads = 1;
    // The store's time runs fast here, and nothing is to be too old.
    options.max_debt_age = Duration::from_secs(30 * 86_400);
    let store = scattered(&fixture, options);
    // Dropped before the store is, so that closing waits for nobody if the test fails.
    let first_step = Pause::at("reclaimer::before_compact");
    wait_until(&fixture, &store, "a step", |stats| stats.pacing.steps == 1);
    assert_eq!(store.stats().pacing.pause, Duration::ZERO);

    fail::cfg("store::pressure", "return").unwrap();
    wait_until(&fixture, &store, "held back", |stats| stats.pacing.reason == PacingReason::WritesStopped);
    // The pause goes by how long the step took.
    sleep(Duration::from_millis(300));
    first_step.resume();
    wait_until(&fixture, &store, "the end of the first step", |stats| stats.compactions > 0);
    let began = Instant::now();
    wait_until(&fixture, &store, "a second later", |_| began.elapsed() > Duration::from_secs(1));
    let stats = store.stats();
    assert_eq!((stats.pacing.steps, stats.pacing.workers), (1, 1), "{stats:#?}");
    assert!(stats.pacing.pause > Duration::from_secs(9), "31 times as long as the step: {stats:#?}");
    assert_eq!(stats.pacing.reason.to_string(), "holding back: writes are stopped by RocksDB");

    fail::remove("store::pressure");
    wait_until(&fixture, &store, "a second step", |stats| stats.pacing.steps > 1);
    assert!(began.elapsed() < Duration::from_secs(10), "nobody calls; it took {:?}", began.elapsed());
    wait_until(&fixture, &store, "done", |stats| stats.pacing.reason == PacingReason::NothingToDo);
    wait_until(&fixture, &store, "at full pace", |stats| stats.pacing.pause.is_zero());
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn debt_that_has_waited_too_long_is_paid_even_while_writes_are_stopped() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    fail::cfg("store::pressure", "return").unwrap();
    let mut options = small();
    options.reclaim_threads = 1;
    options.max_debt_age = Duration::from_secs(1);
    let store = scattered(&fixture, options);
    // Dropped before the store is, so that closing waits for nobody if the test fails.
    let first_step = Pause::at("reclaimer::before_compact");
    wait_until(&fixture, &store, "held back", |stats| stats.pacing.reason == PacingReason::WritesStopped);
    let is_too_old = |stats: &Stats| matches!(stats.pacing.reason, PacingReason::DebtTooOld { .. });
    wait_until(&fixture, &store, "too old", is_too_old);
    let stats = store.stats();
    assert_eq!(stats.pacing.pause, Duration::ZERO, "{stats:#?}");
    assert!(stats.pacing.reason.to_string().contains("has waited for"), "{stats:#?}");
    first_step.resume();
    wait_until(&fixture, &store, "a second step", |stats| stats.pacing.steps > 1);
    close_and_check(store, &fixture.path("store"));
}
