//! Many threads on few keys: what happened could have happened one after the other, and nobody waits for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use windrow::{Db, ErrorKind, Source, Store};

use crate::both::both;
use crate::fixture::{Fixture, close_and_check};

const THREADS: u64 = 4;
const ACCOUNTS: [&str; 4] = ["a", "b", "c", "d"];

fn balance<S: Source>(db: &Db<S>, account: &str) -> windrow::Result<i64> {
    Ok(db.strings().get(account)?.map_or(0, |text| std::str::from_utf8(&text).unwrap().parse().unwrap()))
}

#[test]
fn transfers_between_accounts_neither_make_money_nor_lose_it() {
    both(|_, store| {
        let db = store.db(0);
        ACCOUNTS.iter().for_each(|account| db.strings().set(account, "100").unwrap());
        thread::scope(|scope| {
            for seed in 0..THREADS {
                let db = &db;
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed);
                    for _ in 0..400 {
                        let (from, to) = (random.choice(ACCOUNTS).unwrap(), random.choice(ACCOUNTS).unwrap());
                        let amount = random.i64(1..60);
                        let outcome = db.transaction([from, to], |db| {
                            if balance(db, from)? < amount {
                                return super::stop();
                            }
                            db.strings().decr_by(from, amount)?;
                            db.strings().incr_by(to, amount)
                        });
                        assert!(outcome.is_ok() || outcome.unwrap_err().kind() == ErrorKind::Aborted);
                        let sum = db.transaction(ACCOUNTS, |db| {
                            ACCOUNTS.iter().try_fold(0, |sum, account| Ok(sum + balance(db, account)?))
                        });
                        assert_eq!(sum.unwrap(), 400);
                    }
                });
            }
        });
        assert_eq!(ACCOUNTS.iter().map(|account| balance(&db, account).unwrap()).sum::<i64>(), 400);
    });
}

/// What one transaction read and wrote: versions of keys.
#[derive(Default)]
struct Step {
    read: BTreeMap<&'static str, i64>,
    written: BTreeSet<&'static str>,
}

/// Reads the versions of all keys, and raises those of some.
fn step(store: &Store, random: &mut fastrand::Rng, watches: bool) -> Option<Step> {
    let keys = ["x", "y", "z"];
    let db = store.db(0);
    let mut step = Step::default();
    let chosen: Vec<&'static str> = keys.into_iter().filter(|_| random.bool()).collect();
    if watches {
        let watch = db.watch(keys).unwrap();
        for key in keys {
            step.read.insert(key, balance(&db, key).unwrap());
        }
        let written = watch.transaction(chosen.iter().map(|key| (0, *key)), |tx| {
            chosen.iter().try_for_each(|key| tx.db(0).strings().set(key, (step.read[key] + 1).to_string()))
        });
        written.unwrap()?;
    } else {
        db.transaction(keys, |db| {
            for key in keys {
                step.read.insert(key, balance(db, key)?);
            }
            chosen.iter().try_for_each(|key| db.strings().incr(key).map(drop))
        })
        .unwrap();
    }
    step.written.extend(chosen);
    Some(step)
}

/// Puts the steps in an order in which each reads what those before it have written; says whether there is one.
fn is_serial(mut steps: Vec<Step>) -> bool {
    let mut now: BTreeMap<&str, i64> = ["x", "y", "z"].map(|key| (key, 0)).into();
    while !steps.is_empty() {
        let fits = |step: &Step| step.read.iter().all(|(key, version)| now[key] == *version);
        // One that writes nothing may come first: it takes nothing from the others.
        let next = steps.iter().position(|step| fits(step) && step.written.is_empty());
        let Some(next) = next.or_else(|| steps.iter().position(fits)) else { return false };
        for key in steps.swap_remove(next).written {
            *now.get_mut(key).unwrap() += 1;
        }
    }
    true
}

#[test]
fn a_history_of_many_threads_has_a_serial_order() {
    both(|_, store| {
        let histories = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|seed| {
                    scope.spawn(move || {
                        let mut random = fastrand::Rng::with_seed(seed);
                        (0..250).filter_map(|n| step(store, &mut random, n % 2 == 0)).collect::<Vec<Step>>()
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<Step>>()
        });
        assert!(histories.len() >= 500, "the plain ones always take place");
        assert!(is_serial(histories));
    });
}

#[test]
fn what_is_not_serial_is_found() {
    let step = |x, y, written| Step { read: [("x", x), ("y", y)].into(), written: [written].into() };
    assert!(is_serial(vec![step(1, 0, "y"), step(0, 0, "x")]));
    assert!(!is_serial(vec![step(0, 0, "y"), step(0, 0, "x")]), "each has missed the other's write");
    assert!(!is_serial(vec![step(0, 0, "x"), step(0, 0, "x")]), "a lost update");
}

#[test]
fn flushes_of_single_dbs_meanwhile_come_after_all_of_it_be_the_dbs_there_or_not() {
    both(|_, store| {
        store.db(0).strings().set("other", "v").unwrap();
        let flush = |db: u32| thread::scope(|scope| scope.spawn(|| store.db(db).flush().unwrap()).join().unwrap());
        store
            .transaction([(0, "a"), (1, "b")], |tx| {
                tx.db(0).strings().set("a", "v")?;
                tx.db(1).strings().set("b", "v")?;
                flush(0);
                flush(1);
                Ok(())
            })
            .unwrap();
        assert_eq!((store.db(0).len().unwrap(), store.db(1).len().unwrap()), (0, 0));
        // Nobody flushes the second.
        store
            .transaction([(2, "a"), (3, "b")], |tx| {
                flush(2);
                tx.db(2).strings().set("a", "v")?;
                tx.db(3).strings().set("b", "v")
            })
            .unwrap();
        assert_eq!((store.db(2).len().unwrap(), store.db(3).len().unwrap()), (0, 1));
    });
}

#[test]
fn threads_that_share_one_transaction_take_turns() {
    both(|_, store| {
        let db = store.db(0);
        db.transaction(["n", "s"], |inside| {
            thread::scope(|scope| {
                for thread in 0..THREADS {
                    scope.spawn(move || {
                        for n in 0..50 {
                            inside.strings().incr("n").unwrap();
                            inside.sets().add("s", [format!("{thread}:{n}")]).unwrap();
                            assert!(inside.sets().members("s").unwrap().count() as u64 > n);
                        }
                    });
                }
            });
            Ok(())
        })
        .unwrap();
        assert_eq!(balance(&db, "n").unwrap(), 200);
        assert_eq!(db.sets().len("s").unwrap(), 200);
    });
}

#[test]
fn transactions_over_keys_in_any_order_beside_all_other_writes_all_end() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let names: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    thread::scope(|scope| {
        for seed in 0..2 * THREADS {
            let (store, names) = (&store, &names);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed);
                for _ in 0..150 {
                    let mut some = random.choose_multiple(names, 6);
                    random.shuffle(&mut some);
                    let db = store.db(random.u32(..2));
                    match random.u8(..8) {
                        0 => _ = db.rename(some[0], some[1]),
                        1 => _ = db.delete(&some).unwrap(),
                        2 => db.strings().mset(some.iter().map(|key| (key, "v"))).unwrap(),
                        3 => store.namespace("").swap(0, 1).unwrap(),
                        4 => _ = db.watch(&some).unwrap().transaction([(0, "0"), (1, "1")], |_| Ok(())).unwrap(),
                        _ => db
                            .transaction(&some, |db| {
                                db.delete([some[0]])?;
                                db.lists().push_right(some[0], [some[1]])?;
                                db.rename(some[0], some[2])
                            })
                            .unwrap(),
                    }
                }
            });
        }
    });
    close_and_check(store, &fixture.path("store"));
}
