//! A watch is broken by every change of its keys, and by nothing else.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use windrow::{CreateOptions, Db, SetOptions, Store};

use crate::both::both;
use crate::fixture::settle;

const SECOND: Duration = Duration::from_secs(1);

/// Tells whether a transaction on the watched key is aborted when `meanwhile` happens.
fn is_aborted_by(store: &Store, key: &str, meanwhile: impl FnOnce(&Db)) -> bool {
    let db = store.db(0);
    let watch = db.watch([key]).unwrap();
    meanwhile(&db);
    let is_broken = watch.is_broken().unwrap();
    let outcome = watch.transaction([(0, "witness")], |tx| tx.db(0).strings().incr("witness")).unwrap();
    assert_eq!(outcome.is_none(), is_broken);
    outcome.is_none()
}

/// What happens meanwhile, and its name.
type Change = (&'static str, fn(&Db));

fn fill(db: &Db) {
    db.delete(["k", "other", "moved"]).unwrap();
    db.sets().add("k", ["a", "b"]).unwrap();
    db.strings().set("other", "v").unwrap();
}

#[test]
fn any_change_of_the_key_aborts() {
    let changes: [Change; 16] = [
        ("a new member", |db| _ = db.sets().add("k", ["c"]).unwrap()),
        ("a removed member", |db| _ = db.sets().remove("k", ["a"]).unwrap()),
        ("there and back", |db| {
            db.sets().add("k", ["c"]).unwrap();
            db.sets().remove("k", ["c"]).unwrap();
        }),
        ("deletion", |db| _ = db.delete(["k"]).unwrap()),
        ("overwriting", |db| db.strings().set("k", "v").unwrap()),
        ("an expiry", |db| _ = db.expire("k", SECOND).unwrap()),
        ("an expiry in the past", |db| _ = db.expire("k", Duration::ZERO).unwrap()),
        ("renaming away", |db| db.rename("k", "moved").unwrap()),
        ("renaming over it", |db| db.rename("other", "k").unwrap()),
        ("moving away", |db| _ = db.move_to("k", 5).unwrap()),
        ("copying over it", |db| {
            assert!(db.copy_with("other", "k", windrow::CopyOptions::new().replace()).unwrap());
        }),
        ("a flush", |db| db.flush().unwrap()),
        ("a transaction", |db| db.transaction(["k"], |db| db.sets().add("k", ["c"]).map(drop)).unwrap()),
        ("a batch", |db| {
            let mut batch = db.batch();
            batch.set_add("k", ["c"]);
            batch.commit().unwrap();
        }),
        ("a stored result", |db| _ = db.sets().union_store("k", ["k"]).unwrap()),
        ("several keys", |db| db.strings().mset([("k", ""), ("other", "")]).unwrap()),
    ];
    both(|_, store| {
        for (name, change) in changes {
            fill(&store.db(0));
            store.db(5).flush().unwrap();
            assert!(is_aborted_by(store, "k", change), "{name}");
        }
        for (name, flush) in [
            ("all", (|store| store.flush_all().unwrap()) as fn(&Store)),
            ("namespace", |store| store.namespace("").flush().unwrap()),
            ("swap", |store| store.namespace("").swap(0, 1).unwrap()),
            ("swap there and back", |store| {
                store.namespace("").swap(0, 1).unwrap();
                store.namespace("").swap(1, 0).unwrap();
            }),
        ] {
            fill(&store.db(0));
            assert!(is_aborted_by(store, "k", |_| flush(store)), "{name}");
        }
    });
}

#[test]
fn what_changes_nothing_of_it_does_not_abort() {
    both(|_, store| {
        fill(&store.db(0));
        let not_aborted = |meanwhile: fn(&Db)| assert!(!is_aborted_by(store, "k", meanwhile));
        not_aborted(|_| ());
        not_aborted(|db| assert_eq!(db.sets().add("k", ["a"]).unwrap(), 0));
        not_aborted(|db| assert_eq!(db.sets().remove("k", ["missing"]).unwrap(), 0));
    });
}

#[test]
fn other_keys_and_refused_changes_do_not_abort() {
    both(|_, store| {
        fill(&store.db(0));
        assert!(!is_aborted_by(store, "k", |db| db.strings().set("other", "").unwrap()));
        assert!(!is_aborted_by(store, "k", |db| _ = db.strings().incr("k").unwrap_err()));
        assert!(!is_aborted_by(store, "k", |db| assert!(!db.persist("k").unwrap())));
        assert!(!is_aborted_by(store, "k", |_| _ = store.db(1).sets().add("k", ["c"]).unwrap()));
        assert!(!is_aborted_by(store, "k", |_| _ = store.namespace("n").db(0).sets().add("k", ["c"]).unwrap()));
        let undone = |db: &Db| {
            let undone = db.transaction(["k"], |db| {
                db.delete(["k"])?;
                super::stop::<()>()
            });
            assert!(undone.is_err());
        };
        assert!(!is_aborted_by(store, "k", undone));
        assert!(!is_aborted_by(store, "k", |db| {
            db.transaction(["k"], |db| db.sets().add("k", ["c"]).and_then(|_| db.sets().remove("k", ["c"]))).unwrap();
        }));
    });
}

#[test]
fn absence_is_watched_too() {
    both(|_, store| {
        let create = |db: &Db| _ = db.sets().add("new", ["a"]).unwrap();
        assert!(is_aborted_by(store, "new", create), "in a db that was not there either");
        store.db(0).delete(["new"]).unwrap();
        assert!(is_aborted_by(store, "new", |db| {
            create(db);
            db.delete(["new"]).unwrap();
        }));
        assert!(!is_aborted_by(store, "new", |db| db.flush().unwrap()), "absent before and after");
        assert!(!is_aborted_by(store, "new", |_| store.namespace("").swap(0, 1).unwrap()));
        store.db(1).strings().set("new", "").unwrap();
        assert!(is_aborted_by(store, "new", |_| store.namespace("").swap(0, 1).unwrap()), "it came by a swap");
        assert!(is_aborted_by(store, "new", |_| {
            store.namespace("").swap(0, 1).unwrap();
            store.namespace("").swap(0, 1).unwrap();
        }));
    });
}

#[test]
fn expiry_aborts_if_the_key_lived_when_it_was_watched() {
    both(|fixture, store| {
        let db = store.db(0);
        let brief = CreateOptions::new().expire_in(SECOND);
        db.sets().add_with("k", ["a"], brief).unwrap();
        assert!(is_aborted_by(store, "k", |_| fixture.seconds_pass(2)), "seen by nobody");
        assert!(!is_aborted_by(store, "k", |_| settle(store)), "it had expired before, and is reaped only now");
        db.sets().add_with("k", ["a"], brief).unwrap();
        assert!(is_aborted_by(store, "k", |_| {
            fixture.seconds_pass(2);
            settle(store);
        }));
        db.strings().set_with("k", "v", SetOptions::new().expire_in(9 * SECOND)).unwrap();
        assert!(!is_aborted_by(store, "k", |_| fixture.seconds_pass(2)), "it lives still");
    });
}

#[test]
fn more_keys_are_watched_from_then_on_and_dropping_ends_it() {
    both(|_, store| {
        let db = store.db(0);
        let mut watch = db.watch(["a"]).unwrap();
        db.strings().set("b", "1").unwrap();
        watch.add([(0, "b"), (0, "a"), (1, "c")]).unwrap();
        assert!(!watch.is_broken().unwrap());
        let second = db.watch(["a"]).unwrap();
        drop(watch);
        db.strings().set("b", "2").unwrap();
        assert!(!second.is_broken().unwrap());
        db.strings().set("a", "2").unwrap();
        assert!(second.is_broken().unwrap());
        let third = thread::scope(|scope| scope.spawn(|| db.watch(["a"]).unwrap()).join().unwrap());
        assert_eq!(third.transaction([(0, "a")], |tx| tx.db(0).strings().incr("a")).unwrap(), Some(3));
    });
}

#[test]
fn counting_by_watches_from_many_threads_loses_nothing() {
    both(|_, store| {
        let db = store.db(0);
        let (done, aborted) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for thread in 0..4 {
                let (db, done, aborted) = (&db, &done, &aborted);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let watch = db.watch(["n"]).unwrap();
                        let n: u64 = db
                            .strings()
                            .get("n")
                            .unwrap()
                            .map_or(0, |text| std::str::from_utf8(&text).unwrap().parse().unwrap());
                        if thread == 0 {
                            // A plain write between the look and the transaction of others.
                            db.strings().incr("n").unwrap();
                            done.fetch_add(1, Ordering::Relaxed);
                            continue;
                        }
                        let next = (n + 1).to_string();
                        match watch.transaction([(0, "n")], |tx| tx.db(0).strings().set("n", &next)).unwrap() {
                            Some(()) => done.fetch_add(1, Ordering::Relaxed),
                            None => aborted.fetch_add(1, Ordering::Relaxed),
                        };
                    }
                });
            }
        });
        let counted = db.strings().get("n").unwrap().unwrap();
        assert_eq!(counted, done.load(Ordering::Relaxed).to_string());
        println!("{} done, {} aborted", done.into_inner(), aborted.into_inner());
    });
}

#[test]
fn watched_keys_stand_still_while_the_transaction_lasts() {
    both(|_, store| {
        let db = store.db(0);
        let watch = db.watch(["watched"]).unwrap();
        thread::scope(|scope| {
            let writing = watch
                .transaction([(0, "k")], |tx| {
                    let writing = scope.spawn(|| db.strings().set("watched", "v").unwrap());
                    thread::sleep(Duration::from_millis(100));
                    assert!(!writing.is_finished(), "it waits for the end");
                    assert!(!db.exists("watched")?);
                    tx.db(0).strings().set("k", "v")?;
                    Ok(writing)
                })
                .unwrap();
            writing.unwrap().join().unwrap();
        });
        assert_eq!(db.len().unwrap(), 2);
    });
}

#[test]
fn watched_keys_need_no_second_naming_and_no_others_come_with_them() {
    let fixture = crate::fixture::Fixture::new();
    let store = fixture.open();
    store.db(2).strings().set("b", "1").unwrap();
    let watch = store.watch([(0, "a"), (2, "b")]).unwrap();
    let done = watch.if_unchanged(|tx| {
        let error = tx.db(0).strings().set("other", "").unwrap_err();
        assert!(error.to_string().contains("did not declare the key \"other\""), "{error}");
        let error = tx.db(7).exists("a").unwrap_err();
        assert!(error.to_string().contains("no key of db 7"), "{error}");
        tx.db(0).strings().set("a", "x")?;
        tx.db(2).strings().incr("b")
    });
    assert_eq!(done.unwrap(), Some(2));
    let watch = store.watch([(0, "a")]).unwrap();
    store.db(0).delete(["a"]).unwrap();
    assert_eq!(watch.if_unchanged(|tx| tx.db(0).strings().set("a", "y")).unwrap(), None);
    assert!(!store.db(0).exists("a").unwrap());
}
