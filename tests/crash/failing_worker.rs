//! A background worker that fails: the store says so, close and drop return, and reopening works.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use fail::FailScenario;
use windrow::{Action, CreateOptions, Error, ErrorKind, Store};

use crate::data::payload;
use crate::fixture::{Fixture, close_and_check, settle, small};

fn open(fixture: &Fixture) -> Store {
    let mut options = small();
    options.reap_interval = Duration::from_millis(1);
    options.reclaim_interval = Duration::from_millis(1);
    Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options).open().unwrap()
}

/// Writes, deletes and lets expire until an operation is refused.
fn provoke(store: &Store, fixture: &Fixture) -> Error {
    let began = Instant::now();
    let second = CreateOptions::new().expire_in(Duration::from_secs(1));
    while began.elapsed() < Duration::from_secs(10) {
        let attempt = store
            .db(0)
            .sets()
            .add_with("s", ["m"], second)
            .and_then(|_| store.db(0).sets().add("gone", ["m"]))
            .and_then(|_| store.db(0).delete(["gone"]));
        if let Err(error) = attempt {
            return error;
        }
        fixture.seconds_pass(2);
        thread::sleep(Duration::from_millis(5));
    }
    panic!("the failure stayed silent");
}

/// Runs `work` and fails instead of waiting for ever.
fn within_ten_seconds<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, finished) = channel();
    thread::spawn(move || done.send(work()));
    finished.recv_timeout(Duration::from_secs(10)).unwrap_or_else(|_| panic!("it hangs"))
}

#[test]
fn a_worker_that_fails_poisons_the_store_and_close_and_drop_still_return() {
    let failures = [
        ("background::reap", "return", "failpoint background::reap"),
        ("background::reap", "panic", "panicked"),
        ("reclaimer::pass", "return", "failpoint reclaimer::pass"),
        ("reclaimer::pass", "panic", "panicked"),
        ("store::sync_log", "return", "failpoint store::sync_log"),
        ("watermark::after_sync", "panic", "panicked"),
        ("reaper::before_commit", "panic", "panicked"),
    ];
    for (place, action, cause) in failures {
        for closes in [true, false] {
            let alone = FailScenario::setup();
            let fixture = Fixture::new();
            let store = open(&fixture);
            store.db(0).sets().add("kept", ["m"]).unwrap();
            let view = store.view().unwrap();
            fail::cfg(place, action).unwrap();
            let error = provoke(&store, &fixture);
            assert_eq!(error.kind(), ErrorKind::Poisoned, "{place}: {error}");
            assert_eq!(error.action(), Action::Reopen, "{place}");
            assert!(error.to_string().contains(cause), "{place}: {error}");
            assert_eq!(store.db(0).exists("kept").unwrap_err().kind(), ErrorKind::Poisoned);
            assert_eq!(store.view().err().unwrap().kind(), ErrorKind::Poisoned);
            assert_eq!(view.db(0).exists("kept").unwrap_err().kind(), ErrorKind::Poisoned);
            drop(view);
            if closes {
                let closed = within_ten_seconds(move || store.close());
                assert_eq!(closed.unwrap_err().kind(), ErrorKind::Poisoned, "{place}");
            } else {
                within_ten_seconds(move || drop(store));
            }
            fail::remove(place);
            let store = fixture.open();
            assert!(store.db(0).sets().contains("kept", "m").unwrap(), "{place}");
            // The failure may have come between this key's creation and its deletion.
            store.db(0).delete(["gone"]).unwrap();
            fixture.seconds_pass(5);
            assert!(store.settle(Duration::from_secs(10)).unwrap(), "{place}");
            assert_eq!(store.db(0).len().unwrap(), 1, "{place}");
            close_and_check(store, &fixture.path("store"));
            alone.teardown();
        }
    }
}

#[test]
fn a_panic_in_one_of_several_reclaiming_threads_poisons_the_store_and_says_what_it_was() {
    let places = [("reclaimer::before_drop", "drops"), ("reclaimer::before_flush", "flushes")];
    for (place, what) in places {
        let alone = FailScenario::setup();
        let fixture = Fixture::new();
        let store = open(&fixture);
        store.db(0).sets().add("kept", ["m"]).unwrap();
        fail::cfg(place, "panic(broken on purpose)").unwrap();
        // Dead data in four families, so that the pass has something to share.
        let lifetimes = [0, 50, 100, 1000].map(Duration::from_secs);
        let (mut refused, began) = (None, Instant::now());
        for n in (0_u64..).take_while(|_| began.elapsed() < Duration::from_secs(20)) {
            let round = lifetimes.iter().try_for_each(|lifetime| {
                let mut options = CreateOptions::new();
                if *lifetime > Duration::ZERO {
                    options = options.expire_in(*lifetime);
                }
                store.db(0).sets().add_with("s", [payload(n, 50_000)], options)?;
                store.db(0).delete(["s"]).map(drop)
            });
            if let Err(error) = round {
                refused = Some(error);
                break;
            }
        }
        let error = refused.unwrap_or_else(|| panic!("nobody {what}, or the panic stayed silent"));
        assert_eq!(error.kind(), ErrorKind::Poisoned, "{place}: {error}");
        assert!(error.to_string().contains("broken on purpose"), "{place}: {error}");
        assert_eq!(within_ten_seconds(move || store.close()).unwrap_err().kind(), ErrorKind::Poisoned, "{place}");
        fail::remove(place);
        let store = fixture.open();
        assert!(store.db(0).sets().contains("kept", "m").unwrap(), "{place}");
        store.db(0).delete(["s"]).unwrap();
        settle(&store);
        close_and_check(store, &fixture.path("store"));
        alone.teardown();
    }
}

#[test]
fn a_lease_or_a_commit_that_fails_changes_nothing_and_the_store_goes_on() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    store.db(0).strings().set("k", "old").unwrap();
    for place in ["ids::lease", "store::commit"] {
        fail::cfg(place, "return").unwrap();
        assert_eq!(store.db(0).sets().add("s", ["m"]).unwrap_err().kind(), ErrorKind::Io, "{place}");
        if place == "store::commit" {
            assert_eq!(store.db(0).strings().set("k", "new").unwrap_err().kind(), ErrorKind::Io);
            assert_eq!(store.db(0).delete(["k"]).unwrap_err().kind(), ErrorKind::Io);
            assert_eq!(store.db(0).flush().unwrap_err().kind(), ErrorKind::Io);
            assert_eq!(store.namespace("").swap(0, 1).unwrap_err().kind(), ErrorKind::Io);
            assert_eq!(store.db(4).strings().set("k", "v").unwrap_err().kind(), ErrorKind::Io);
        }
        fail::remove(place);
        assert_eq!(store.db(0).len().unwrap(), 1);
        assert_eq!(store.db(0).strings().get("k").unwrap().unwrap(), "old");
        assert!(!store.db(0).exists("s").unwrap());
    }
    store.db(0).sets().add("s", ["m"]).unwrap();
    assert_eq!(store.db(0).len().unwrap(), 2);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn dropping_a_store_with_busy_workers_returns() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    for _ in 0..5 {
        let store = open(&fixture);
        for n in 0..200 {
            store.db(0).sets().add(format!("{n}"), ["m"]).unwrap();
        }
        store.db(0).flush().unwrap();
        within_ten_seconds(move || drop(store));
    }
    windrow::check(fixture.path("store")).unwrap();
}
