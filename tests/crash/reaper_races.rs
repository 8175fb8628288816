//! Writers and the reaper at the same key in the same moment: who expires, who stays, and that each counts once.

use std::thread;
use std::time::Duration;

use fail::FailScenario;
use windrow::{CreateOptions, Db, ErrorKind, SetOptions, Store, Ttl};

use crate::data::keys;
use crate::fixture::{Fixture, close_and_check, settle};
use crate::pause::Pause;

const SECOND: Duration = Duration::from_secs(1);

/// A write that meets the reaper.
#[derive(Clone, Copy, Debug)]
enum Write {
    Expire,
    Persist,
    Rename,
    RenameOnto,
    Delete,
    Set,
    SetKeepTtl,
    Add,
    Remove,
}

const WRITES: [Write; 9] = [
    Write::Expire,
    Write::Persist,
    Write::Rename,
    Write::RenameOnto,
    Write::Delete,
    Write::Set,
    Write::SetKeepTtl,
    Write::Add,
    Write::Remove,
];

/// Does the write; returns whether it saw the key alive, where it can tell.
fn apply(write: Write, db: &Db) -> Option<bool> {
    match write {
        Write::Expire => Some(db.expire("key", Duration::from_secs(100)).unwrap()),
        Write::Persist => Some(db.persist("key").unwrap()),
        Write::Rename => Some(match db.rename("key", "renamed") {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::NoSuchKey);
                false
            }
        }),
        Write::RenameOnto => {
            db.rename("other", "key").unwrap();
            None
        }
        Write::Delete => Some(db.delete(["key"]).unwrap() == 1),
        Write::Set => {
            db.strings().set("key", "new").unwrap();
            None
        }
        Write::SetKeepTtl => {
            db.strings().set_with("key", "new", SetOptions::new().keep_ttl()).unwrap();
            None
        }
        Write::Add => {
            let forever = CreateOptions::new();
            Some(db.sets().add_with("key", ["a", "c"], forever).unwrap() == 1)
        }
        Write::Remove => Some(db.sets().remove("key", ["a"]).unwrap() == 1),
    }
}

fn prepare(fixture: &Fixture) -> Store {
    let store = fixture.open();
    let db = store.db(0);
    let two_seconds = CreateOptions::new().expire_in(2 * SECOND);
    db.sets().add_with("early", ["e"], CreateOptions::new().expire_in(SECOND)).unwrap();
    db.sets().add_with("key", ["a", "b"], two_seconds).unwrap();
    db.sets().add_with("neighbour", ["n"], two_seconds).unwrap();
    db.strings().set("other", "o").unwrap();
    store
}

/// While the reaper stands at a place with the key already due, a write that begins now must find it expired.
#[test]
fn a_write_that_lands_while_the_reaper_holds_the_due_key_finds_it_expired_and_it_is_counted_once() {
    let _alone = FailScenario::setup();
    for place in ["reaper::before_read", "reaper::before_commit", "reaper::after_commit"] {
        for write in WRITES {
            let fixture = Fixture::new();
            let store = prepare(&fixture);
            let db = store.db(0);
            fixture.seconds_pass(10);
            thread::scope(|scope| {
                let pause = Pause::at(place);
                let reaping = scope.spawn(|| settle(&store));
                pause.wait();
                let saw_alive = apply(write, &db);
                match write {
                    // The set is made anew with both members.
                    Write::Add => assert_eq!(saw_alive, Some(false), "{place} {write:?}"),
                    _ => assert_ne!(saw_alive, Some(true), "{place} {write:?}"),
                }
                pause.resume();
                reaping.join().unwrap();
            });
            let expected: &[&str] = match write {
                Write::RenameOnto => &["key"],
                Write::Set | Write::SetKeepTtl | Write::Add => &["key", "other"],
                _ => &["other"],
            };
            assert_eq!(keys(&db), expected, "{place} {write:?}");
            assert_eq!(db.len().unwrap(), expected.len() as u64, "{place} {write:?}");
            if expected.contains(&"key") {
                assert_eq!(db.ttl("key").unwrap(), Ttl::Forever, "{place} {write:?}");
            }
            settle(&store);
            assert_eq!(store.stats().keys_reaped, 3, "{place} {write:?}");
            assert_eq!(keys(&db), expected, "{place} {write:?}");
            drop(db);
            close_and_check(store, &fixture.path("store"));
        }
    }
}

/// The write sampled its time just before the key's end; the reaper comes by, long after, before it commits.
#[test]
fn a_key_refreshed_at_its_last_millisecond_never_expires_although_the_reaper_came_by() {
    let _alone = FailScenario::setup();
    for place in ["write::planning", "commit::before"] {
        for write in WRITES {
            let fixture = Fixture::new();
            let store = prepare(&fixture);
            let db = store.db(0);
            fixture.clock.advance(Duration::from_millis(1999));
            thread::scope(|scope| {
                let pause = Pause::at(place);
                let writing = scope.spawn(|| apply(write, &db));
                pause.wait();
                fixture.seconds_pass(10);
                for _ in 0..2 {
                    store.settle(Duration::from_millis(40)).unwrap();
                }
                assert_eq!(store.stats().keys_reaped, 1, "early alone: {place} {write:?}");
                pause.resume();
                assert_ne!(writing.join().unwrap(), Some(false), "{place} {write:?}");
            });
            settle(&store);
            let expected: &[&str] = match write {
                Write::Expire | Write::Persist | Write::Set => &["key", "other"],
                // It keeps its expiry, which has passed.
                Write::Rename | Write::Delete | Write::SetKeepTtl | Write::Add | Write::Remove => &["other"],
                Write::RenameOnto => &["key"],
            };
            assert_eq!(keys(&db), expected, "{place} {write:?}");
            assert_eq!(db.len().unwrap(), expected.len() as u64, "{place} {write:?}");
            if let Write::Expire = write {
                fixture.seconds_pass(88);
                assert!(db.exists("key").unwrap(), "the 100 seconds began when the write did");
                fixture.seconds_pass(3);
                settle(&store);
                assert_eq!(keys(&db), ["other"]);
            }
            drop(db);
            close_and_check(store, &fixture.path("store"));
        }
    }
}

/// The reaper chose its horizon while a write was in flight, and reads only after that write has committed.
#[test]
fn a_write_that_commits_between_the_reapers_horizon_and_its_reading_is_not_lost() {
    let _alone = FailScenario::setup();
    for write in WRITES {
        let fixture = Fixture::new();
        let store = prepare(&fixture);
        let db = store.db(0);
        fixture.clock.advance(Duration::from_millis(1999));
        thread::scope(|scope| {
            let write_pause = Pause::at("write::planning");
            let writing = scope.spawn(|| apply(write, &db));
            write_pause.wait();
            fixture.seconds_pass(10);
            let reap_pause = Pause::at("reaper::before_read");
            let reaping = scope.spawn(|| store.settle(Duration::from_millis(100)).unwrap());
            reap_pause.wait();
            write_pause.resume();
            assert_ne!(writing.join().unwrap(), Some(false), "{write:?}");
            reap_pause.resume();
            reaping.join().unwrap();
        });
        settle(&store);
        let alive = matches!(write, Write::Expire | Write::Persist | Write::Set | Write::RenameOnto);
        assert_eq!(db.exists("key").unwrap(), alive, "{write:?}");
        assert_eq!(db.len().unwrap(), keys(&db).len() as u64, "{write:?}");
        drop(db);
        close_and_check(store, &fixture.path("store"));
    }
}

#[test]
fn a_flush_that_lands_while_the_reaper_holds_its_keys_leaves_exact_counts() {
    let _alone = FailScenario::setup();
    for place in ["reaper::before_read", "reaper::before_commit", "reaper::after_commit"] {
        for swaps in [false, true] {
            let fixture = Fixture::new();
            let store = prepare(&fixture);
            fixture.seconds_pass(10);
            thread::scope(|scope| {
                let pause = Pause::at(place);
                let reaping = scope.spawn(|| store.settle(Duration::from_secs(5)).unwrap());
                pause.wait();
                if swaps {
                    store.namespace("").swap(0, 3).unwrap();
                } else {
                    store.db(0).flush().unwrap();
                }
                store.db(0).strings().set("fresh", "f").unwrap();
                pause.resume();
                reaping.join().unwrap();
            });
            settle(&store);
            assert_eq!(keys(&store.db(0)), ["fresh"], "{place} {swaps}");
            assert_eq!(store.db(0).len().unwrap(), 1, "{place} {swaps}");
            let elsewhere = u64::from(swaps);
            assert_eq!(store.db(3).len().unwrap(), elsewhere, "{place} {swaps}");
            store.close().unwrap();
            let store = fixture.open();
            assert_eq!(store.db(0).len().unwrap(), 1, "{place} {swaps}");
            assert_eq!(store.db(3).len().unwrap(), elsewhere, "{place} {swaps}");
            close_and_check(store, &fixture.path("store"));
        }
    }
}
