//! Indexes of ranks beside commits that are in flight or fail.

use std::thread;
use std::time::Duration;

use fail::FailScenario;
use windrow::{Db, ErrorKind, Store, ZRange};

use crate::fixture::{Fixture, close_and_check};
use crate::pause::Pause;

const SIZE: u32 = 6000;
const DEEP: u32 = 3000;
/// What a table entry of an index takes before anything is counted.
const ENTERED: usize = 256;

fn name(number: u32) -> String {
    format!("member:{number:05}")
}

/// A set in which every member's rank is its number.
fn fill(store: &Store, key: &str) {
    store.db(0).zsets().add(key, (0..SIZE).map(|number| (name(number), f64::from(number)))).unwrap();
}

fn rank(db: &Db, key: &str, number: u32) -> Option<u64> {
    db.zsets().rank(key, name(number)).unwrap()
}

/// Moves the first member of the set behind all others.
fn first_becomes_last(db: &Db) {
    db.zsets().incr_by("z", name(0), f64::from(SIZE)).unwrap();
}

fn assert_first_became_last(db: &Db) {
    for number in [1, 255, 256, 257, DEEP, SIZE - 1] {
        assert_eq!(rank(db, "z", number), Some(u64::from(number - 1)), "{number}");
    }
    assert_eq!(rank(db, "z", 0), Some(u64::from(SIZE - 1)));
    let at = db.zsets().range("z", ZRange::ranks(i64::from(DEEP), i64::from(DEEP))).unwrap().next().unwrap();
    assert_eq!(at.unwrap().0, name(DEEP + 1));
}

#[test]
fn a_failed_commit_throws_the_index_away_and_ranks_stay_right() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    fill(&store, "z");
    assert_eq!(rank(&db, "z", DEEP), Some(u64::from(DEEP)));
    assert!(store.stats().rank_index_bytes > ENTERED);
    fail::cfg("store::commit", "1*return").unwrap();
    assert_eq!(db.zsets().incr_by("z", name(0), f64::from(SIZE)).unwrap_err().kind(), ErrorKind::Io);
    fail::remove("store::commit");
    assert_eq!(store.stats().rank_indexes, 0);
    assert_eq!(rank(&db, "z", DEEP), Some(u64::from(DEEP)));
    first_becomes_last(&db);
    assert_first_became_last(&db);
    assert!(store.stats().rank_index_bytes > ENTERED);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn an_index_counts_nothing_before_a_commit_in_flight_that_has_not_seen_it() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    fill(&store, "z");
    thread::scope(|scope| {
        let pause = Pause::at("commit::before");
        let writing = scope.spawn(|| first_becomes_last(&db));
        pause.wait();
        assert_eq!(rank(&db, "z", DEEP), Some(u64::from(DEEP)));
        assert_eq!(store.stats().rank_index_bytes, ENTERED);
        pause.resume();
        writing.join().unwrap();
    });
    assert_first_became_last(&db);
    assert!(store.stats().rank_index_bytes > ENTERED);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn changes_while_a_set_is_read_for_its_index_are_counted() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    fill(&store, "z");
    thread::scope(|scope| {
        let pause = Pause::at("ranks::cutting");
        let asking = scope.spawn(|| rank(&db, "z", DEEP));
        pause.wait();
        first_becomes_last(&db);
        db.zsets().add("z", [("new", 17.5)]).unwrap();
        // Whoever asks meanwhile does not wait.
        assert_eq!(rank(&db, "z", DEEP), Some(u64::from(DEEP)));
        db.zsets().remove("z", ["new"]).unwrap();
        pause.resume();
        assert_eq!(asking.join().unwrap(), Some(u64::from(DEEP - 1)));
    });
    assert_first_became_last(&db);
    assert_eq!(store.stats().rank_indexes, 1);
    assert!(store.stats().rank_index_bytes > ENTERED);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_question_waits_for_a_commit_in_flight_on_its_own_set_only() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for key in ["z", "other"] {
        fill(&store, key);
        assert_eq!(rank(&db, key, DEEP), Some(u64::from(DEEP)));
    }
    thread::scope(|scope| {
        let pause = Pause::at("store::commit");
        let writing = scope.spawn(|| first_becomes_last(&db));
        pause.wait();
        assert_eq!(rank(&db, "other", DEEP), Some(u64::from(DEEP)));
        let asking = scope.spawn(|| rank(&db, "z", DEEP));
        thread::sleep(Duration::from_millis(200));
        assert!(!asking.is_finished());
        assert_eq!(rank(&db, "other", DEEP), Some(u64::from(DEEP)));
        pause.resume();
        writing.join().unwrap();
        assert_eq!(asking.join().unwrap(), Some(u64::from(DEEP - 1)));
    });
    assert_first_became_last(&db);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}
