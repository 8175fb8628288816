//! Strings read and changed in one call: GETSET, GETDEL, GETEX, and changes that depend on the value.

use std::time::Duration;

use windrow::{CreateOptions, ErrorKind, GetExOptions, LongDouble, SetOptions, Ttl, UnixMillis};

use crate::both::both;
use crate::data::payload;
use crate::fixture::START;

const SECOND: Duration = Duration::from_secs(1);
const LENGTHS: [usize; 5] = [0, 1, 1025, 16_384, 40_000];

#[test]
fn getset_returns_the_old_value_and_takes_the_expiry_away() {
    both(|_, store| {
        let db = store.db(0);
        for length in LENGTHS {
            db.strings().set_with("k", payload(1, length), SetOptions::new().expire_in(SECOND)).unwrap();
            assert_eq!(db.strings().get_set("k", "new").unwrap().unwrap(), payload(1, length));
            assert_eq!(db.strings().get("k").unwrap().unwrap(), "new");
            assert_eq!(db.ttl("k").unwrap(), Ttl::Forever);
        }
        assert_eq!(db.strings().get_set("missing", "v").unwrap(), None);
        assert_eq!(db.strings().get("missing").unwrap().unwrap(), "v");
    });
}

#[test]
fn getdel_returns_the_value_once() {
    both(|fixture, store| {
        let db = store.db(0);
        for length in LENGTHS {
            db.strings().set("k", payload(2, length)).unwrap();
            assert_eq!(db.strings().get_del("k").unwrap().unwrap(), payload(2, length));
            assert_eq!(db.strings().get_del("k").unwrap(), None);
            assert!(!db.exists("k").unwrap());
        }
        db.strings().set_with("k", "v", SetOptions::new().expire_in(SECOND)).unwrap();
        fixture.seconds_pass(1);
        assert_eq!(db.strings().get_del("k").unwrap(), None, "an expired key is absent");
    });
}

#[test]
fn getex_sets_moves_and_takes_the_expiry_and_otherwise_leaves_it() {
    both(|fixture, store| {
        let db = store.db(0);
        for length in LENGTHS {
            let value = payload(3, length);
            let get_ex = |options| db.strings().get_ex("k", options).unwrap();
            db.strings().set("k", &value).unwrap();
            assert_eq!(get_ex(GetExOptions::new()).unwrap(), value);
            assert_eq!(db.ttl("k").unwrap(), Ttl::Forever);
            assert_eq!(get_ex(GetExOptions::new().expire_in(9 * SECOND)).unwrap(), value);
            assert_eq!(db.ttl("k").unwrap(), Ttl::In(9 * SECOND));
            assert_eq!(get_ex(GetExOptions::new()).unwrap(), value);
            assert_eq!(db.ttl("k").unwrap(), Ttl::In(9 * SECOND));
            let later = store.time().saturating_add(99 * SECOND);
            assert_eq!(get_ex(GetExOptions::new().persist().expire_at(later)).unwrap(), value);
            assert_eq!(db.expires_at("k").unwrap(), Some(later));
            assert_eq!(get_ex(GetExOptions::new().persist()).unwrap(), value);
            assert_eq!(db.ttl("k").unwrap(), Ttl::Forever);
            assert_eq!(get_ex(GetExOptions::new().expire_at(START)).unwrap(), value, "the last look at it");
            assert_eq!(get_ex(GetExOptions::new().persist()), None);
            assert!(!db.exists("k").unwrap());
            db.strings().set_with("k", &value, SetOptions::new().expire_in(SECOND)).unwrap();
            fixture.seconds_pass(1);
            assert_eq!(get_ex(GetExOptions::new().persist()), None, "an expired key is absent");
        }
    });
}

#[test]
fn an_expiry_of_nothing_is_refused_and_the_old_value_stays() {
    both(|_, store| {
        let db = store.db(0);
        let strings = db.strings();
        strings.set_with("k", "old", SetOptions::new().expire_in(9 * SECOND)).unwrap();
        let new = SetOptions::new;
        let moment = Duration::from_micros(999);
        for set in [new().expire_in(Duration::ZERO), new().expire_in(moment), new().expire_at(UnixMillis::ZERO)] {
            for options in [set, set.if_absent(), set.get()] {
                assert_eq!(strings.set_with("k", "new", options).unwrap_err().kind(), ErrorKind::InvalidInput);
                let refused = strings.set_if_equals("k", "old", "new", options).unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::InvalidInput);
            }
        }
        let look = GetExOptions::new;
        for options in [look().expire_in(Duration::ZERO), look().expire_in(moment), look().expire_at(UnixMillis::ZERO)]
        {
            assert_eq!(strings.get_ex("k", options).unwrap_err().kind(), ErrorKind::InvalidInput);
            assert_eq!(strings.get_ex("missing", options).unwrap(), None, "Redis looks for the key first");
        }
        assert_eq!(strings.get("k").unwrap().unwrap(), "old");
        assert_eq!(db.ttl("k").unwrap(), Ttl::In(9 * SECOND));
        assert!(strings.set_with("k", "new", new().expire_in(Duration::from_millis(1))).unwrap().was_set);
        assert_eq!(strings.get("k").unwrap().unwrap(), "new");
        assert!(strings.set_with("k", "dead", new().expire_at(UnixMillis::new(1))).unwrap().was_set);
        assert!(!db.exists("k").unwrap(), "a past time deletes, as in Redis");
    });
}

#[test]
fn a_set_if_equals_needs_the_very_value_and_obeys_the_other_options() {
    both(|fixture, store| {
        let db = store.db(0);
        let strings = db.strings();
        for length in LENGTHS {
            let (old, mut other) = (payload(4, length), payload(4, length));
            other.push(0);
            strings.set_with("k", &old, SetOptions::new().expire_in(SECOND)).unwrap();
            assert!(!strings.set_if_equals("k", &other, "new", SetOptions::new()).unwrap().was_set);
            if let Some(last) = old.last() {
                *other.get_mut(length - 1).unwrap() = last.wrapping_add(1);
                other.pop();
                assert!(!strings.set_if_equals("k", &other, "new", SetOptions::new()).unwrap().was_set);
            }
            assert_eq!(db.ttl("k").unwrap(), Ttl::In(SECOND));
            let kept = strings.set_if_equals("k", &old, "new", SetOptions::new().keep_ttl().get()).unwrap();
            assert!(kept.was_set);
            assert_eq!(kept.previous.unwrap(), old);
            assert_eq!(db.ttl("k").unwrap(), Ttl::In(SECOND));
            assert!(strings.set_if_equals("k", "new", "newer", SetOptions::new()).unwrap().was_set);
            assert_eq!(db.ttl("k").unwrap(), Ttl::Forever);
            assert_eq!(strings.get("k").unwrap().unwrap(), "newer");
        }
        let never = strings.set_if_equals("k", "newer", "x", SetOptions::new().if_absent()).unwrap();
        assert!(!never.was_set, "what has a value is not absent");
        assert!(!strings.set_if_equals("missing", "", "x", SetOptions::new()).unwrap().was_set);
        strings.set_with("gone", "", SetOptions::new().expire_in(SECOND)).unwrap();
        fixture.seconds_pass(1);
        assert!(!strings.set_if_equals("gone", "", "x", SetOptions::new()).unwrap().was_set);
        assert!(!db.exists("missing").unwrap() && !db.exists("gone").unwrap());
    });
}

#[test]
fn a_lease_is_prolonged_and_given_back_only_by_its_holder() {
    both(|fixture, store| {
        let db = store.db(0);
        let strings = db.strings();
        let lease = SetOptions::new().if_absent().expire_in(10 * SECOND);
        assert!(strings.set_with("lock", "me", lease).unwrap().was_set);
        assert!(!strings.delete_if_equals("lock", "you").unwrap());
        assert!(!strings.expire_if_equals("lock", "you", 99 * SECOND).unwrap());
        fixture.seconds_pass(9);
        assert!(strings.expire_if_equals("lock", "me", 10 * SECOND).unwrap());
        fixture.seconds_pass(9);
        assert_eq!(db.ttl("lock").unwrap(), Ttl::In(SECOND));
        fixture.seconds_pass(1);
        assert!(!strings.expire_if_equals("lock", "me", 10 * SECOND).unwrap(), "too late");
        assert!(!strings.delete_if_equals("lock", "me").unwrap());
        assert!(strings.set_with("lock", "you", lease).unwrap().was_set);
        assert!(!strings.delete_if_equals("lock", "me").unwrap());
        assert!(strings.delete_if_equals("lock", "you").unwrap());
        assert!(!db.exists("lock").unwrap());
        strings.set("lock", "me").unwrap();
        assert!(strings.expire_if_equals("lock", "me", Duration::ZERO).unwrap());
        assert!(!db.exists("lock").unwrap(), "a lifetime of nothing deletes");
    });
}

#[test]
fn of_many_threads_that_compare_and_set_each_value_is_replaced_by_one() {
    both(|_, store| {
        let db = store.db(0);
        db.strings().set("n", "0").unwrap();
        let wins: u32 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let db = db.clone();
                    scope.spawn(move || {
                        let mut wins = 0;
                        for n in 0..200 {
                            let (old, new) = (n.to_string(), (n + 1).to_string());
                            wins += u32::from(
                                db.strings().set_if_equals("n", old, new, SetOptions::new()).unwrap().was_set,
                            );
                        }
                        wins
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(db.strings().get("n").unwrap().unwrap(), wins.to_string());
        assert_eq!(wins, 200);
    });
}

#[test]
fn a_counter_gets_its_expiry_at_birth_and_keeps_it() {
    both(|fixture, store| {
        let db = store.db(0);
        let minute = CreateOptions::new().expire_in(60 * SECOND);
        assert_eq!(db.strings().incr_by_with("n", 5, minute).unwrap(), 5);
        fixture.seconds_pass(59);
        assert_eq!(db.strings().incr_by_with("n", -2, minute).unwrap(), 3);
        assert_eq!(db.ttl("n").unwrap(), Ttl::In(SECOND));
        fixture.seconds_pass(1);
        assert_eq!(db.strings().incr_by_with("n", 7, minute).unwrap(), 7, "a new window");
        assert_eq!(db.ttl("n").unwrap(), Ttl::In(60 * SECOND));
        db.strings().set("lasting", "1").unwrap();
        assert_eq!(db.strings().incr_by_with("lasting", 1, minute).unwrap(), 2);
        assert_eq!(db.ttl("lasting").unwrap(), Ttl::Forever);
        let past = CreateOptions::new().expire_at(START);
        assert_eq!(db.strings().incr_by_with("never", 1, past).unwrap(), 1);
        db.strings().incr_by_float_with("f", 0.5, minute).unwrap();
        db.strings().incr_by_float_with("f", 0.5, CreateOptions::new()).unwrap();
        assert_eq!(db.strings().get("f").unwrap().unwrap(), "1");
        assert_eq!(db.ttl("f").unwrap(), Ttl::In(60 * SECOND));
        assert!(!db.exists("never").unwrap());
    });
}

#[test]
fn float_increments_are_written_as_redis_writes_them_and_refused_without_a_trace() {
    both(|_, store| {
        let db = store.db(0);
        let strings = db.strings();
        for (old, by, sum) in [
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("0.1", "0.2", "0.3"),
            ("-0", "0", "0"),
            ("3.0", "-3", "0"),
            ("0x10", "1", "17"),
            ("1e15", "0.001", "1000000000000000.00097656250"),
        ] {
            strings.set_with("f", old, SetOptions::new().expire_in(SECOND)).unwrap();
            let found = strings.incr_by_float("f", LongDouble::parse(by).unwrap()).unwrap().to_string();
            assert_eq!(found, sum.strip_suffix('0').filter(|_| sum.contains("0976")).unwrap_or(sum));
            assert_eq!(strings.get("f").unwrap().unwrap(), found);
            assert_eq!(db.ttl("f").unwrap(), Ttl::In(SECOND));
        }
        assert_eq!(strings.incr_by_float("new", -1.5).unwrap().to_string(), "-1.5");
        for bad in ["", " 1", "1 ", "x", "nan", &"1".repeat(6000), &"0".repeat(50_000)] {
            strings.set("bad", bad).unwrap();
            assert_eq!(strings.incr_by_float("bad", 1.0).unwrap_err().kind(), ErrorKind::NotAFloat, "{bad:?}");
            assert_eq!(strings.get("bad").unwrap().unwrap(), *bad);
        }
        for by in [f64::INFINITY, f64::NAN] {
            assert_eq!(strings.incr_by_float("f", by).unwrap_err().kind(), ErrorKind::Overflow);
        }
        assert_eq!(strings.incr_by_float("absent", f64::NAN).unwrap_err().kind(), ErrorKind::Overflow);
        assert!(!db.exists("absent").unwrap());
    });
}

#[test]
fn all_of_them_refuse_a_set_and_change_nothing() {
    both(|_, store| {
        let db = store.db(0);
        let strings = db.strings();
        db.sets().add("s", ["m"]).unwrap();
        let refused = [
            strings.get_set("s", "v").err(),
            strings.get_del("s").err(),
            strings.get_ex("s", GetExOptions::new()).err(),
            strings.get_ex("s", GetExOptions::new().expire_in(SECOND)).err(),
            strings.set_if_equals("s", "m", "v", SetOptions::new()).err(),
            strings.delete_if_equals("s", "m").err(),
            strings.expire_if_equals("s", "m", SECOND).err(),
            strings.incr_by_with("s", 1, CreateOptions::new()).err(),
            strings.incr_by_float("s", 1.0).err(),
        ];
        for (n, error) in refused.into_iter().enumerate() {
            assert_eq!(error.unwrap().kind(), ErrorKind::WrongType, "operation {n}");
        }
        assert_eq!(db.sets().len("s").unwrap(), 1);
        assert_eq!(db.ttl("s").unwrap(), Ttl::Forever);
    });
}
