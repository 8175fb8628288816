//! Flushes of a namespace and of the whole store.

use std::time::Duration;

use windrow::{CreateOptions, ErrorKind, Store};

use crate::both::both;
use crate::data::{keys, members};
use crate::fixture::{Fixture, close_and_check, settle};

fn fill(store: &Store) {
    let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    for namespace in ["", "a", "b"] {
        for number in [0, 1, u32::MAX] {
            let db = store.namespace(namespace).db(number);
            db.strings().set("k", format!("{namespace}{number}")).unwrap();
            db.sets().add_with("s", (0..50).map(|n| n.to_string()), minute).unwrap();
        }
    }
}

fn count(store: &Store) -> Vec<u64> {
    let dbs = ["", "a", "b"].into_iter().flat_map(|name| [0, 1, u32::MAX].map(|db| store.namespace(name).db(db)));
    dbs.map(|db| db.len().unwrap()).collect()
}

#[test]
fn a_flush_of_a_namespace_empties_its_dbs_and_no_others() {
    both(|fixture, store| {
        store.namespace("a").flush().unwrap();
        fill(store);
        let view = store.view().unwrap();
        store.namespace("a").flush().unwrap();
        assert_eq!(count(store), [2, 2, 2, 0, 0, 0, 2, 2, 2]);
        assert!(keys(&store.namespace("a").db(1)).is_empty());
        store.namespace("a").db(1).sets().add("s", ["new"]).unwrap();
        settle_but_for_views(store);
        assert_eq!(keys(&view.namespace("a").db(1)), ["k", "s"]);
        assert_eq!(view.namespace("a").db(1).sets().len("s").unwrap(), 50);
        assert_eq!(members(&view.namespace("a").db(1), "s").len(), 50);
        drop(view);
        settle(store);
        assert_eq!(store.stats().flushed_keyspaces, 0);
        assert_eq!(members(&store.namespace("a").db(1), "s"), ["new"]);
        fixture.seconds_pass(61);
        settle(store);
        assert_eq!(count(store), [1, 1, 1, 0, 1, 0, 1, 1, 1]);
        assert_eq!(store.stats().keys_reaped, 6, "what was flushed does not expire");
    });
}

#[test]
fn a_flush_of_everything_leaves_nothing_and_is_there_after_a_reopen() {
    let fixture = Fixture::new();
    let store = fixture.open();
    store.flush_all().unwrap();
    fill(&store);
    let view = store.view().unwrap();
    store.flush_all().unwrap();
    assert_eq!(count(&store), [0; 9]);
    store.namespace("b").db(1).strings().set("k", "new").unwrap();
    assert_eq!(view.namespace("b").db(1).strings().get("k").unwrap().unwrap(), "b1");
    drop(view);
    close_and_check(store, &fixture.path("store"));
    let store = fixture.open();
    assert_eq!(store.stats().flushed_keyspaces, 9);
    assert_eq!(count(&store), [0, 0, 0, 0, 0, 0, 0, 1, 0]);
    fixture.seconds_pass(100);
    settle(&store);
    assert_eq!(count(&store), [0, 0, 0, 0, 0, 0, 0, 1, 0]);
    assert_eq!(store.stats().data_file_bytes, 0);
    store.namespace("b").swap(0, 1).unwrap();
    store.flush_all().unwrap();
    store.flush_all().unwrap();
    settle(&store);
    assert_eq!(count(&store), [0; 9]);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn flushes_under_writers_lose_no_count() {
    let fixture = Fixture::new();
    let store = fixture.open();
    std::thread::scope(|scope| {
        for thread in 0..3_u32 {
            let store = store.clone();
            scope.spawn(move || {
                for n in 0..400 {
                    let db = store.namespace("n").db(n % 3);
                    db.sets().add(format!("{thread}:{}", n % 7), [n.to_string()]).unwrap();
                    db.strings().set(format!("t{}", n % 5), vec![0; 2000]).unwrap();
                    db.move_to(format!("t{}", n % 5), (n + 1) % 3).unwrap();
                }
            });
        }
        for n in 0..40 {
            if n % 2 == 0 { store.flush_all() } else { store.namespace("n").flush() }.unwrap();
            std::thread::sleep(Duration::from_millis(3));
        }
    });
    for number in 0..3 {
        let db = store.namespace("n").db(number);
        assert_eq!(db.len().unwrap(), keys(&db).len() as u64);
    }
    settle(&store);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_read_only_or_closed_store_is_not_flushed() {
    let fixture = Fixture::new();
    close_and_check(fixture.open(), &fixture.path("store"));
    let store = Store::builder(fixture.path("store")).read_only(true).open().unwrap();
    assert_eq!(store.flush_all().unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(store.namespace("").flush().unwrap_err().kind(), ErrorKind::ReadOnly);
    let other = store.clone();
    store.close().unwrap();
    assert_eq!(other.flush_all().unwrap_err().kind(), ErrorKind::Closed);
}

/// Lets the background do what it can while a view holds it back.
fn settle_but_for_views(store: &Store) {
    store.settle(Duration::from_millis(300)).unwrap();
}
