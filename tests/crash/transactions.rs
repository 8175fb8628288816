//! Transactions that are cut off: all of one is there, or nothing. And watches beside commits in flight.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use fail::FailScenario;
use windrow::{CreateOptions, ErrorKind, SetOptions, Store, Transaction};

use crate::data::payload;
use crate::fixture::{Fixture, close_and_check, settle};
use crate::pause::Pause;
use crate::recorder::{Recorder, Value, World};

const PLACES: &[&str] = &[
    "store::commit",
    "commit::before",
    "commit::after",
    "transaction::begun",
    "transaction::before_commit",
    "builds::begun",
    "builds::written",
    "builds::before_burial",
];

const HOUR: Duration = Duration::from_secs(3600);
const KEYS: [(u32, &str); 6] = [(0, "a"), (0, "b"), (0, "tmp"), (0, "s"), (1, "far"), (2, "large")];

fn key(db: u32, name: &str) -> (u32, Vec<u8>) {
    (db, name.as_bytes().to_vec())
}

fn many(seed: u64) -> BTreeSet<Vec<u8>> {
    (0..80_000).map(|n| format!("{seed}:{n:058}").into_bytes()).collect()
}

/// Exchanges two sets, changes one, writes a string, and makes keys in two other dbs, one of them large.
fn turn(tx: &Transaction, round: u64) -> windrow::Result<()> {
    let db = tx.db(0);
    db.rename("a", "tmp")?;
    db.rename("b", "a")?;
    db.rename("tmp", "b")?;
    db.sets().add("a", [format!("{round}")])?;
    db.strings().set_with("s", payload(round, 20_000), SetOptions::new().expire_in(HOUR))?;
    tx.db(1).strings().append("far", "x")?;
    tx.db(2).delete(["large"])?;
    let members = many(round);
    let expiring = CreateOptions::new().expire_in(HOUR);
    assert_eq!(tx.db(2).sets().add_with("large", &members, expiring)?, 80_000);
    Ok(())
}

fn of(members: &BTreeSet<Vec<u8>>) -> (Value, Option<windrow::UnixMillis>) {
    (Value::set(members), None)
}

#[test]
fn every_copy_taken_around_a_transaction_holds_all_of_it_or_nothing() {
    for loses_power in [false, true] {
        let _alone = FailScenario::setup();
        let fixture = Fixture::new();
        let recorder = Recorder::new(&fixture, PLACES, loses_power);
        let expires_at = Some(crate::fixture::START.saturating_add(HOUR));
        let mut sets = ["of a", "of b"].map(|name| BTreeSet::from([name.as_bytes().to_vec()]));
        recorder.phase("filling");
        for (name, members) in ["a", "b"].iter().zip(&sets) {
            recorder.step(
                |world| _ = world.insert(key(0, name), of(members)),
                |store| _ = store.db(0).sets().add(name, members).unwrap(),
            );
        }
        recorder.sync();
        for round in 0..2 {
            recorder.phase(["the first transaction", "the second transaction"][round as usize]);
            sets.swap(0, 1);
            sets[0].insert(format!("{round}").into_bytes());
            recorder.step(
                |world: &mut World| {
                    world.insert(key(0, "a"), of(&sets[0]));
                    world.insert(key(0, "b"), of(&sets[1]));
                    world.insert(key(0, "s"), (Value::string(&payload(round, 20_000)), expires_at));
                    world.insert(key(1, "far"), (Value::string(&[b'x'].repeat(round as usize + 1)), None));
                    world.insert(key(2, "large"), (Value::set(&many(round)), expires_at));
                },
                |store| store.transaction(KEYS, |tx| turn(tx, round)).unwrap(),
            );
        }
        recorder.phase("one that is undone");
        let undone = recorder.store().transaction(KEYS, |tx| {
            turn(tx, 7)?;
            Err::<(), _>(windrow::Error::aborted("on purpose"))
        });
        assert_eq!(undone.unwrap_err().kind(), ErrorKind::Aborted);
        recorder.phase("after it");
        settle(recorder.store());
        recorder.verify();
    }
}

#[test]
fn a_commit_that_fails_leaves_nothing_of_the_transaction() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.sets().add("a", ["1"]).unwrap();
    db.strings().set("b", "1").unwrap();
    let act = || {
        db.transaction(["a", "b", "c"], |db| {
            db.sets().add("a", ["2"])?;
            db.strings().incr("b")?;
            db.rename("a", "c")
        })
    };
    fail::cfg("store::commit", "1*return").unwrap();
    assert_eq!(act().unwrap_err().kind(), ErrorKind::Io);
    fail::remove("store::commit");
    assert_eq!(db.sets().len("a").unwrap(), 1);
    assert_eq!(db.strings().get("b").unwrap().unwrap(), "1");
    assert!(!db.exists("c").unwrap());
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    fail::cfg_callback("store::commit", move || {
        counted.fetch_add(1, Ordering::Relaxed);
    })
    .unwrap();
    act().unwrap();
    fail::remove("store::commit");
    assert_eq!(commits.load(Ordering::Relaxed), 1, "all of it is one commit");
    assert_eq!(db.sets().len("c").unwrap(), 2);
    assert_eq!(db.len().unwrap(), 2);
    settle(&store);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

/// Stops a write at a place, begins to watch its key, reads it, and lets the write go on.
fn watched_at(store: &Store, place: &'static str) -> (Option<windrow::Bytes>, bool) {
    let db = store.db(0);
    thread::scope(|scope| {
        let pause = Pause::at(place);
        let writing = scope.spawn(|| store.db(0).strings().set("k", "new").unwrap());
        pause.wait();
        let watch = db.watch(["k"]).unwrap();
        let read = db.strings().get("k").unwrap();
        pause.resume();
        writing.join().unwrap();
        let outcome = watch.transaction([(0, "k")], |tx| tx.db(0).strings().append("k", "er")).unwrap();
        (read, outcome.is_some())
    })
}

#[test]
fn a_write_that_was_in_flight_when_its_key_was_first_watched_is_not_missed() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    store.db(0).strings().set("k", "old").unwrap();
    let (read, took_place) = watched_at(&store, "commit::before");
    assert_eq!(read.unwrap(), "old");
    assert!(!took_place, "what was read is not there any more");
    store.db(0).strings().set("k", "old").unwrap();
    let (read, _) = watched_at(&store, "commit::after");
    assert_eq!(read.unwrap(), "new", "whether it takes place then is all the same");
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_flush_in_the_middle_of_a_transaction_counts_as_later() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.strings().set("k", "1").unwrap();
    let watch = db.watch(["k"]).unwrap();
    thread::scope(|scope| {
        let pause = Pause::at("transaction::before_commit");
        let writing = scope.spawn(|| {
            store.db(0).transaction(["k", "l"], |db| {
                db.strings().set("l", "2")?;
                db.strings().incr("k")
            })
        });
        pause.wait();
        db.flush().unwrap();
        pause.resume();
        assert_eq!(writing.join().unwrap().unwrap(), 2);
    });
    assert!(!db.exists("k").unwrap() && !db.exists("l").unwrap());
    assert_eq!(watch.transaction([(0, "k")], |_| Ok(())).unwrap(), None);
    settle(&store);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}
