//! Expiry: conditions, milliseconds, and what counts until the reaper has come.

use std::time::Duration;

use windrow::{
    CreateOptions, ErrorKind, ExpireCondition, ExpireTime, GetExOptions, ListEnd, SetOptions, Ttl, UnixMillis,
    ZAddOptions,
};

use crate::data::keys;
use crate::fixture::{Fixture, START, close_and_check, settle};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_key_lives_to_its_last_millisecond_and_not_into_the_next() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.strings().set("k", "v").unwrap();
    assert!(db.expire("k", Duration::from_millis(1500)).unwrap());
    assert_eq!(db.ttl("k").unwrap(), Ttl::In(Duration::from_millis(1500)));
    assert_eq!(db.expires_at("k").unwrap(), Some(START.saturating_add(Duration::from_millis(1500))));
    fixture.clock.advance(Duration::from_millis(1499));
    assert_eq!(db.ttl("k").unwrap(), Ttl::In(Duration::from_millis(1)));
    settle(&store);
    assert!(db.exists("k").unwrap());
    fixture.clock.advance(Duration::from_millis(1));
    assert!(!db.exists("k").unwrap());
    assert_eq!(db.ttl("k").unwrap(), Ttl::NoKey);
    assert_eq!(db.strings().get("k").unwrap(), None);
    assert_eq!(db.len().unwrap(), 1, "it counts until it is reaped");
    assert!(keys(&db).is_empty());
    fixture.clock.advance(Duration::from_millis(1));
    settle(&store);
    assert_eq!(db.len().unwrap(), 0);
}

#[test]
fn conditions_let_an_expiry_through_as_redis_does() {
    use ExpireCondition::{Always, Earlier, HasExpiry, HasLaterExpiry, Later, NoExpiry};
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    for (current, condition, allowed) in [
        (None, Always, true),
        (None, NoExpiry, true),
        (None, HasExpiry, false),
        (None, Later, false),
        (None, Earlier, true),
        (Some(5), NoExpiry, false),
        (Some(5), HasExpiry, true),
        (Some(5), Later, true),
        (Some(5), Earlier, false),
        (Some(10), Later, false),
        (Some(10), Earlier, false),
        (Some(15), Later, false),
        (Some(15), Earlier, true),
        (None, HasLaterExpiry, false),
        (Some(5), HasLaterExpiry, false),
        (Some(10), HasLaterExpiry, false),
        (Some(15), HasLaterExpiry, true),
    ] {
        db.strings().set("k", "v").unwrap();
        if let Some(seconds) = current {
            db.expire("k", seconds * SECOND).unwrap();
        }
        assert_eq!(db.expire_if("k", 10 * SECOND, condition).unwrap(), allowed, "{current:?} {condition:?}");
        let expected = if allowed { Some(10) } else { current };
        let expected = expected.map_or(Ttl::Forever, |seconds| Ttl::In(seconds * SECOND));
        assert_eq!(db.ttl("k").unwrap(), expected, "{current:?} {condition:?}");
        assert!(!db.expire_if("missing", SECOND, condition).unwrap());
    }
}

#[test]
fn an_expiry_that_has_passed_deletes_at_once_unless_its_condition_forbids() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for past in [START, UnixMillis::ZERO, UnixMillis::new(1)] {
        db.sets().add("s", ["m"]).unwrap();
        assert!(!db.expire_at("s", past, ExpireCondition::HasExpiry).unwrap());
        assert!(db.exists("s").unwrap());
        assert!(db.expire_at("s", past, ExpireCondition::Always).unwrap());
        assert!(!db.exists("s").unwrap());
        assert_eq!(db.len().unwrap(), 0);
    }
    db.strings().set("k", "v").unwrap();
    assert!(db.expire("k", Duration::ZERO).unwrap());
    assert_eq!(db.len().unwrap(), 0);
    settle(&store);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn persist_and_expire_move_the_one_entry_and_nothing_expires_by_an_older_one() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.sets().add_with("s", ["m"], CreateOptions::new().expire_in(SECOND)).unwrap();
    for seconds in [5, 2, 9, 9, 3, 50] {
        assert!(db.expire("s", seconds * SECOND).unwrap());
    }
    assert!(db.persist("s").unwrap());
    assert!(!db.persist("s").unwrap());
    assert!(!db.persist("missing").unwrap());
    db.expire("s", 20 * SECOND).unwrap();
    fixture.seconds_pass(19);
    settle(&store);
    assert!(db.exists("s").unwrap());
    assert_eq!(store.stats().keys_reaped, 0);
    fixture.seconds_pass(2);
    settle(&store);
    assert_eq!(store.stats().keys_reaped, 1);
    assert_eq!(db.len().unwrap(), 0);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_key_written_again_after_it_expired_counts_twice_until_the_reaper_has_come() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.strings().set_with("k", "old", SetOptions::new().expire_in(SECOND)).unwrap();
    fixture.seconds_pass(1);
    db.strings().set_with("k", "new", SetOptions::new().expire_in(10 * SECOND)).unwrap();
    assert_eq!(db.len().unwrap(), 2);
    assert_eq!(keys(&db).len(), 1);
    fixture.seconds_pass(1);
    settle(&store);
    assert_eq!(db.len().unwrap(), 1);
    assert_eq!(db.strings().get("k").unwrap().unwrap(), "new");
    fixture.seconds_pass(10);
    db.sets().add("k", ["third"]).unwrap();
    assert_eq!(db.delete(["k"]).unwrap(), 1);
    assert_eq!(db.len().unwrap(), 1);
    settle(&store);
    assert_eq!(db.len().unwrap(), 0);
    assert_eq!(store.stats().keys_reaped, 2);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_missing_key_and_one_that_never_expires_are_told_apart() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let at = START.saturating_add(SECOND);
    db.strings().set("k", "v").unwrap();
    assert_eq!(db.expire_time("k").unwrap(), ExpireTime::Never);
    assert!(db.expire_at("k", at, ExpireCondition::Always).unwrap());
    assert_eq!(db.expire_time("k").unwrap(), ExpireTime::At(at));
    let view = store.view().unwrap();
    fixture.clock.advance(SECOND);
    assert_eq!(db.expire_time("k").unwrap(), ExpireTime::NoKey);
    assert_eq!(view.db(0).expire_time("k").unwrap(), ExpireTime::At(at));
    drop(view);
}

#[test]
fn a_lifetime_that_ends_beyond_63_bits_of_milliseconds_is_refused_and_nothing_changes() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let longest = Duration::from_millis(i64::MAX as u64 - START.get());
    for too_long in [longest + Duration::from_millis(1), Duration::MAX] {
        let (set, create) = (SetOptions::new().expire_in(too_long), CreateOptions::new().expire_in(too_long));
        db.strings().set("k", "v").unwrap();
        let refused = [
            db.expire("k", too_long).unwrap_err(),
            db.strings().set_with("k", "other", set).unwrap_err(),
            db.strings().get_ex("k", GetExOptions::new().expire_in(too_long)).unwrap_err(),
            db.strings().expire_if_equals("k", "v", too_long).unwrap_err(),
            db.sets().add_with("s", ["a"], create).unwrap_err(),
            db.hashes().set_with("h", "f", "v", create).unwrap_err(),
            db.zsets().add_with("z", [("a", 1.0)], ZAddOptions::new().create(create)).unwrap_err(),
            db.lists().push_with("l", ListEnd::Left, ["a"], create).unwrap_err(),
        ];
        assert!(refused.iter().all(|error| error.kind() == ErrorKind::OutOfRange), "{refused:?}");
        assert_eq!((keys(&db), db.ttl("k").unwrap()), (vec!["k".into()], Ttl::Forever));
    }
    assert!(db.expire("k", longest).unwrap());
    assert_eq!(db.ttl("k").unwrap(), Ttl::In(longest));
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_time_beyond_63_bits_of_milliseconds_is_refused_and_nothing_changes() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let last = UnixMillis::new(i64::MAX as u64);
    for too_late in [UnixMillis::new(1 << 63), UnixMillis::MAX] {
        let (set, create) = (SetOptions::new().expire_at(too_late), CreateOptions::new().expire_at(too_late));
        db.strings().set("k", "v").unwrap();
        let refused = [
            db.expire_at("k", too_late, ExpireCondition::Always).unwrap_err(),
            db.expire_at("missing", too_late, ExpireCondition::Always).unwrap_err(),
            db.strings().set_with("k", "other", set).unwrap_err(),
            db.strings().get_ex("k", GetExOptions::new().expire_at(too_late)).unwrap_err(),
            db.strings().incr_by_with("n", 1, create).unwrap_err(),
            db.sets().add_with("s", ["a"], create).unwrap_err(),
            db.hashes().set_with("h", "f", "v", create).unwrap_err(),
            db.zsets().add_with("z", [("a", 1.0)], ZAddOptions::new().create(create)).unwrap_err(),
            db.lists().push_with("l", ListEnd::Left, ["a"], create).unwrap_err(),
        ];
        assert!(refused.iter().all(|error| error.kind() == ErrorKind::OutOfRange), "{refused:?}");
        assert_eq!((keys(&db), db.ttl("k").unwrap()), (vec!["k".into()], Ttl::Forever));
        assert_eq!(db.strings().get("k").unwrap().unwrap(), "v");
    }
    assert!(db.expire_at("k", last, ExpireCondition::Always).unwrap());
    db.sets().add_with("s", ["a"], CreateOptions::new().expire_at(last)).unwrap();
    assert_eq!(db.expire_time("k").unwrap(), ExpireTime::At(last));
    assert_eq!(db.expires_at("s").unwrap(), Some(last));
    drop(db);
    close_and_check(store, &fixture.path("store"));
}
