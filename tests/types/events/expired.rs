//! Keys whose time is over: told once at most, in their place in the order, and never of a key that lives.

use std::time::{Duration, Instant};

use windrow::{EventKind, EventOptions, Options, SetOptions, Store};

use super::{subscribe, taken};
use crate::fixture::{Fixture, settle};

const NOTHING: [&str; 0] = [];

fn set_for(store: &Store, key: &str, seconds: u64) {
    let lifetime = Duration::from_secs(seconds);
    store.db(0).strings().set_with(key, "v", SetOptions::new().expire_in(lifetime)).unwrap();
}

#[test]
fn the_reaper_tells_of_each_key_once() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let events = subscribe(&store);
    set_for(&store, "b", 2);
    set_for(&store, "a", 1);
    store.db(0).sets().add("s", ["m"]).unwrap();
    store.db(0).expire("s", Duration::from_secs(3)).unwrap();
    taken(&events);
    fixture.seconds_pass(2);
    assert!(!store.db(0).exists("a").unwrap());
    assert_eq!(taken(&events), NOTHING, "who looks tells nothing");
    settle(&store);
    settle(&store);
    assert_eq!(taken(&events), ["expired a", "expired b"]);
    fixture.seconds_pass(2);
    settle(&store);
    assert_eq!(taken(&events), ["expired s"]);
}

#[test]
fn a_key_that_got_more_time_or_was_deleted_is_not_told() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let events = subscribe(&store);
    ["later", "for ever", "set anew", "deleted", "renamed"].iter().for_each(|key| set_for(&store, key, 1));
    fixture.clock.advance(Duration::from_millis(999));
    let db = store.db(0);
    db.expire("later", Duration::from_millis(2)).unwrap();
    db.persist("for ever").unwrap();
    db.strings().set("set anew", "v").unwrap();
    db.delete(["deleted"]).unwrap();
    db.rename("renamed", "other").unwrap();
    taken(&events);
    fixture.clock.advance(Duration::from_millis(1));
    settle(&store);
    assert_eq!(taken(&events), ["expired other"]);
    fixture.clock.advance(Duration::from_millis(1));
    settle(&store);
    assert_eq!(taken(&events), ["expired later"]);
    settle(&store);
    assert_eq!(taken(&events), NOTHING);
}

#[test]
fn what_takes_an_expired_keys_place_comes_after_its_end() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let events = subscribe(&store);
    set_for(&store, "k", 1);
    set_for(&store, "t", 1);
    set_for(&store, "gone", 1);
    taken(&events);
    fixture.seconds_pass(1);
    let db = store.db(0);
    assert_eq!(db.delete(["gone"]).unwrap(), 0);
    assert_eq!(taken(&events), NOTHING, "there was nothing to delete");
    set_for(&store, "k", 1);
    assert_eq!(taken(&events), ["expired k", "set k", "expire k"]);
    db.transaction(["t"], |tx| {
        tx.strings().set("t", "1")?;
        tx.delete(["t"])
    })
    .unwrap();
    assert_eq!(taken(&events), ["expired t", "set t", "del t"]);
    db.strings().set("t", "lives").unwrap();
    assert_eq!(taken(&events), ["set t"], "the transaction has told of its end already");
    fixture.seconds_pass(1);
    db.strings().set("k", "lives").unwrap();
    assert_eq!(taken(&events), ["expired k", "set k"], "a second time");
    settle(&store);
    assert_eq!(taken(&events), ["expired gone"], "the others are told already");
    set_for(&store, "k", 1);
    fixture.seconds_pass(1);
    settle(&store);
    db.strings().set("k", "lives").unwrap();
    assert_eq!(taken(&events), ["set k", "expire k", "expired k", "set k"]);
}

#[test]
fn flushed_keys_and_those_from_before_are_not_told() {
    let fixture = Fixture::new();
    let store = fixture.open();
    set_for(&store, "old", 1);
    set_for(&store, "replaced", 1);
    fixture.seconds_pass(1);
    store.db(0).strings().set("replaced", "lives").unwrap();
    let events = subscribe(&store);
    settle(&store);
    assert_eq!(taken(&events), NOTHING);
    set_for(&store, "k", 1);
    store.db(1).strings().set_with("other", "v", SetOptions::new().expire_in(Duration::from_secs(1))).unwrap();
    taken(&events);
    store.db(0).flush().unwrap();
    fixture.seconds_pass(1);
    settle(&store);
    assert_eq!(taken(&events), ["1 expired other"]);
}

#[test]
fn each_subscriber_is_told_what_expired_in_its_time() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let first = subscribe(&store);
    set_for(&store, "a", 1);
    set_for(&store, "b", 2);
    taken(&first);
    fixture.seconds_pass(1);
    let second = subscribe(&store);
    fixture.seconds_pass(1);
    store.db(0).strings().set("a", "lives").unwrap();
    assert_eq!(taken(&second), ["set a"]);
    settle(&store);
    assert_eq!(taken(&second), ["expired b"]);
    assert_eq!(taken(&first), ["expired a", "set a", "expired b"]);
    drop((first, second));
    set_for(&store, "c", 1);
    fixture.seconds_pass(1);
    store.db(0).strings().set("c", "lives").unwrap();
    let third = subscribe(&store);
    settle(&store);
    assert_eq!(taken(&third), NOTHING);
}

#[test]
fn keys_that_take_several_steps_of_the_reaper_are_told_once_each_in_the_order_of_their_times() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let events = subscribe(&store);
    // So long that a step ends within them, at one time and another.
    let key = |number: u64| format!("{number:03}{}", "k".repeat(60_000));
    (0..600).for_each(|number| set_for(&store, &key(number), 1 + number / 400));
    taken(&events);
    fixture.seconds_pass(2);
    settle(&store);
    let told: Vec<_> = taken(&events).iter().map(|told| told[.."expired 000".len()].to_owned()).collect();
    assert_eq!(told, (0..600).map(|number| format!("expired {number:03}")).collect::<Vec<_>>());
}

#[test]
fn nothing_is_told_while_the_clock_is_not_believed() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let events = subscribe(&store);
    set_for(&store, "k", 1);
    taken(&events);
    fixture.clock.set_wall(windrow::UnixMillis::new(crate::fixture::START.get() + 36_000_000));
    settle(&store);
    assert_eq!(taken(&events), NOTHING);
    store.trust_clock();
    settle(&store);
    assert_eq!(taken(&events), ["expired k"]);
}

#[test]
fn an_idle_store_tells_within_a_tenth_of_a_second_however_long_the_reaper_would_rest() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    options.reap_interval = Duration::from_secs(60);
    let store = Store::builder(dir.path().join("s")).options(options).open().unwrap();
    // The reaper has begun to rest.
    std::thread::sleep(Duration::from_millis(50));
    let events = store.subscribe(EventOptions::new().kind(EventKind::Expired)).unwrap();
    let mut late = Vec::new();
    for _ in 0..20 {
        let lifetime = Duration::from_millis(70);
        let due = Instant::now() + lifetime;
        store.db(0).strings().set_with("k", "v", SetOptions::new().expire_in(lifetime)).unwrap();
        assert!(events.recv_timeout(Duration::from_secs(20)).is_some());
        late.push(Instant::now().saturating_duration_since(due));
    }
    late.sort_unstable();
    // WHY the median: how late a busy machine wakes a thread is not up to the store.
    assert!(late[10] <= Duration::from_millis(100), "{late:?}");
}
