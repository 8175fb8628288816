//! Subscriptions themselves: what they leave out, what they miss, and how they end.

use std::time::Duration;

use windrow::{ErrorKind, EventClass, EventKind, EventOptions, Store};

use super::{subscribe, taken};
use crate::fixture::Fixture;

#[test]
fn a_subscription_gets_what_it_asked_for_alone() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let ask = |options| store.subscribe(options).unwrap();
    let in_db = ask(EventOptions::new().db(2));
    let in_namespace = ask(EventOptions::new().namespace("n"));
    let in_default = ask(EventOptions::new().namespace(""));
    let of_keys = ask(EventOptions::new().keys("a[0-9]*"));
    let of_kind = ask(EventOptions::new().kind(EventKind::Del).class(EventClass::Set));
    store.db(0).strings().mset([("a1", "v"), ("b", "v")]).unwrap();
    store.db(2).sets().add("s", ["m"]).unwrap();
    store.db(2).sets().remove("s", ["m"]).unwrap();
    store.namespace("n").db(0).strings().set("a2", "v").unwrap();
    assert_eq!(taken(&in_db), ["2 sadd s", "2 srem s", "2 del s"]);
    assert_eq!(taken(&in_namespace), ["set a2"]);
    assert_eq!(taken(&in_default), ["set a1", "set b", "2 sadd s", "2 srem s", "2 del s"]);
    assert_eq!(taken(&of_keys), ["set a1", "set a2"]);
    assert_eq!(taken(&of_kind), ["2 sadd s", "2 srem s", "2 del s"]);
}

#[test]
fn a_slow_subscriber_keeps_the_newest_and_is_told_where_how_many_are_missing() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let events = store.subscribe(EventOptions::new().capacity(3)).unwrap();
    let set = |keys: std::ops::Range<u32>| {
        keys.for_each(|key| store.db(0).strings().set(key.to_string(), "v").unwrap());
    };
    let take = || events.try_recv().map(|event| (String::from_utf8(event.key.to_vec()).unwrap(), event.missed));
    set(0..10);
    assert_eq!((events.missed(), events.waiting()), (7, 3));
    assert_eq!(take(), Some(("7".to_owned(), 7)));
    set(10..12);
    assert_eq!([take(), take()], [Some(("9".to_owned(), 1)), Some(("10".to_owned(), 0))]);
    assert_eq!([take(), take()], [Some(("11".to_owned(), 0)), None]);
    assert_eq!(events.missed(), 8);
    assert_eq!(store.subscribe(EventOptions::new().capacity(0)).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn it_ends_with_the_store_and_not_before_all_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("s")).unwrap();
    let events = subscribe(&store);
    let db = store.db(0);
    let waiting = std::thread::spawn(move || events.map(|event| event.kind.name()).collect::<Vec<_>>());
    db.strings().set("k", "v").unwrap();
    let late = subscribe(&store);
    store.close().unwrap();
    assert_eq!(waiting.join().unwrap(), ["set"]);
    assert!(late.has_ended() && late.recv_timeout(Duration::from_secs(9)).is_none());
}

#[test]
fn a_read_only_store_and_a_transaction_refuse_subscribers() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let refused = store.db(0).transaction(["k"], |_| Ok(store.subscribe(EventOptions::new()).unwrap_err().kind()));
    assert_eq!(refused.unwrap(), ErrorKind::InvalidInput);
    store.close().unwrap();
    let reader = Store::builder(fixture.path("store")).read_only(true).open().unwrap();
    assert_eq!(reader.subscribe(EventOptions::new()).unwrap_err().kind(), ErrorKind::ReadOnly);
}

#[test]
fn a_subscription_that_is_dropped_and_one_that_begins_meanwhile_hold_nobody_up() {
    let fixture = Fixture::new();
    let store = fixture.open();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let db = store.db(thread);
            scope.spawn(move || {
                for n in 0..2000 {
                    db.strings().set((n % 7).to_string(), n.to_string()).unwrap();
                }
            });
        }
        for _ in 0..200 {
            drop(subscribe(&store));
        }
    });
    let events = subscribe(&store);
    store.db(0).strings().set("k", "v").unwrap();
    assert_eq!(taken(&events), ["set k"]);
}
