//! DUMP and RESTORE: what comes back, what is refused, and what stays as it was.

use std::time::Duration;

use bytes::Bytes;
use windrow::{
    CreateOptions, DataType, Db, ErrorKind, ListEnd, RestoreOptions, SetOptions, Source, Store, Ttl, UnixMillis,
};

use crate::both::both;
use crate::data::{keys, members, payload};
use crate::fixture::{Fixture, START, close_and_check, settle, small};
use crate::rdb;

const SECOND: Duration = Duration::from_secs(1);

fn dump<S: Source>(db: &Db<S>, key: &str) -> Bytes {
    db.dump(key).unwrap().unwrap()
}

/// Everything that a key holds, as text that differs if anything does.
fn held(db: &Db, key: &str) -> String {
    match db.data_type(key).unwrap() {
        None => "nothing".to_owned(),
        Some(DataType::String) => format!("{:?}", db.strings().get(key).unwrap()),
        Some(DataType::Set) => format!("{:?}", members(db, key)),
        Some(DataType::List) => {
            format!("{:?}", db.lists().range(key, 0, -1).unwrap().map(Result::unwrap).collect::<Vec<_>>())
        }
        Some(DataType::Hash) => {
            format!("{:?}", db.hashes().get_all(key).unwrap().map(Result::unwrap).collect::<Vec<_>>())
        }
        Some(_) => {
            let all = db.zsets().range(key, windrow::ZRange::ranks(0, -1)).unwrap();
            format!("{:?}", all.map(Result::unwrap).collect::<Vec<_>>())
        }
    }
}

/// One key of each type, of `count` elements.
fn fill(db: &Db, count: usize) -> [&'static str; 5] {
    let names: Vec<Vec<u8>> =
        (0..count).map(|n| [format!("{n}").as_bytes(), &payload(n as u64, n % 90)].concat()).collect();
    db.strings().set("string", payload(1, count * 100)).unwrap();
    db.sets().add("set", &names).unwrap();
    db.hashes().set_many("hash", names.iter().map(|name| (name, &name[name.len() / 2..]))).unwrap();
    db.lists().push_left("list", &names).unwrap();
    db.lists().push_right("list", &names[..count / 2]).unwrap();
    let scores = [0.0, -1.5, f64::INFINITY, f64::NEG_INFINITY, 1e-300, 3.0, 3.0];
    db.zsets().add("zset", names.iter().zip(scores.into_iter().cycle())).unwrap();
    ["string", "set", "hash", "list", "zset"]
}

#[test]
fn every_type_comes_back_and_lives_on() {
    both(|_, store| {
        let db = store.db(0);
        for count in [1, 2, 30, 700, 5000] {
            db.flush().unwrap();
            for key in fill(&db, count) {
                let copy = format!("{key} again");
                db.restore(&copy, dump(&db, key), RestoreOptions::new()).unwrap();
                assert!(held(&db, key) == held(&db, &copy), "{key} of {count}");
                assert_eq!(db.ttl(&copy).unwrap(), Ttl::Forever);
                db.delete([key]).unwrap();
            }
            db.strings().append("string again", "more").unwrap();
            assert_eq!(db.strings().len("string again").unwrap(), count as u64 * 100 + 4);
            assert_eq!(db.sets().add("set again", ["new"]).unwrap(), 1);
            assert_eq!(db.sets().len("set again").unwrap(), count as u64 + 1);
            assert!(db.hashes().set("hash again", "new", "1").unwrap());
            assert_eq!(db.hashes().len("hash again").unwrap(), count as u64 + 1);
            assert_eq!(db.lists().push_left("list again", ["first"]).unwrap(), (count + count / 2) as u64 + 1);
            assert_eq!(db.lists().push_right("list again", ["last"]).unwrap(), (count + count / 2) as u64 + 2);
            assert_eq!(db.lists().pop("list again", ListEnd::Left, 1).unwrap().unwrap(), ["first"]);
            assert_eq!(db.zsets().add("zset again", [("new", 0.5)]).unwrap(), 1);
            assert_eq!(db.zsets().len("zset again").unwrap(), count as u64 + 1);
            settle(store);
        }
    });
}

#[test]
fn a_dump_has_the_plain_encodings_and_the_footer_of_version_10() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let two = || vec![2];
    db.strings().set("k", "value").unwrap();
    assert_eq!(dump(&db, "k"), rdb::sealed(&rdb::value(rdb::STRING, &[rdb::string("value")])));
    db.lists().push_right("l", ["b", "a"]).unwrap();
    let items = [two(), rdb::string("b"), rdb::string("a")];
    assert_eq!(dump(&db, "l"), rdb::sealed(&rdb::value(rdb::LIST, &items)));
    db.sets().add("s", ["b", "a"]).unwrap();
    let names = [two(), rdb::string("a"), rdb::string("b")];
    assert_eq!(dump(&db, "s"), rdb::sealed(&rdb::value(rdb::SET, &names)));
    db.hashes().set_many("h", [("f", "1"), ("g", "")]).unwrap();
    let pairs = [two(), rdb::string("f"), rdb::string("1"), rdb::string("g"), rdb::string("")];
    assert_eq!(dump(&db, "h"), rdb::sealed(&rdb::value(rdb::HASH, &pairs)));
    db.zsets().add("z", [("a", -0.0), ("b", f64::INFINITY)]).unwrap();
    let score = |score: f64| score.to_le_bytes().to_vec();
    let scored = [two(), rdb::string("b"), score(f64::INFINITY), rdb::string("a"), score(0.0)];
    assert_eq!(dump(&db, "z"), rdb::sealed(&rdb::value(rdb::ZSET_2, &scored)), "no -0 is kept here");
    assert_eq!(db.dump("missing").unwrap(), None);
    assert_eq!(store.db(9).dump("k").unwrap(), None);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn every_encoding_is_restored_wherever_values_lie() {
    both(|_, store| {
        let db = store.db(0);
        for (name, value) in rdb::every_encoding() {
            db.restore(name, rdb::sealed(&value), RestoreOptions::new()).unwrap();
            db.restore("again", dump(&db, name), RestoreOptions::new().replace()).unwrap();
            assert!(held(&db, name) == held(&db, "again"), "{name}");
        }
        let texts = rdb::texts();
        for name in ["a hash", "a zipmap", "a hash in a ziplist", "a hash in a listpack"] {
            assert_eq!(db.hashes().len(name).unwrap(), texts.len() as u64, "{name}");
            for text in &texts {
                assert_eq!(db.hashes().get(name, text).unwrap().unwrap(), [b"of ", text.as_slice()].concat(), "{name}");
            }
        }
        for name in ["a list", "a list in a ziplist", "a list of ziplists"] {
            let items: Vec<Bytes> = db.lists().range(name, 0, -1).unwrap().map(Result::unwrap).collect();
            assert!(items == texts, "{name}");
        }
        for name in
            ["a sorted set", "a sorted set of old scores", "a sorted set in a ziplist", "a sorted set in a listpack"]
        {
            let scores = [1.5, f64::INFINITY, f64::NEG_INFINITY, -0.25, 3.0, 0.0];
            for (text, score) in texts.iter().zip(scores.into_iter().cycle()) {
                assert_eq!(db.zsets().score(name, text).unwrap(), Some(score), "{name}");
            }
        }
    });
}

#[test]
fn what_is_there_is_replaced_only_if_that_was_said() {
    both(|fixture, store| {
        let db = store.db(0);
        fill(&db, 20);
        let payload = dump(&db, "set");
        for key in ["string", "set", "hash", "list", "zset"] {
            let before = held(&db, key);
            let error = db.restore(key, &payload, RestoreOptions::new()).unwrap_err();
            assert_eq!((error.kind(), error.action()), (ErrorKind::KeyExists, windrow::Action::FixCall));
            assert_eq!(held(&db, key), before);
            // That the key exists is said before the payload is looked at, as Redis does.
            assert_eq!(db.restore(key, "", RestoreOptions::new()).unwrap_err().kind(), ErrorKind::KeyExists);
            db.expire(key, 100 * SECOND).unwrap();
            db.restore(key, &payload, RestoreOptions::new().replace()).unwrap();
            assert_eq!(db.ttl(key).unwrap(), Ttl::Forever);
            assert_eq!(members(&db, key).len(), 20);
        }
        db.strings().set_with("gone", "v", SetOptions::new().expire_in(SECOND)).unwrap();
        fixture.seconds_pass(1);
        db.restore("gone", &payload, RestoreOptions::new()).unwrap();
        assert_eq!(members(&db, "gone").len(), 20, "an expired key is not in the way");
        settle(store);
        assert_eq!(db.len().unwrap(), 6);
    });
}

#[test]
fn a_restored_key_expires_when_it_was_said() {
    both(|fixture, store| {
        let db = store.db(0);
        for key in fill(&db, 40) {
            let payload = dump(&db, key);
            db.restore("in", &payload, RestoreOptions::new().replace().expire_in(9 * SECOND)).unwrap();
            assert_eq!(db.ttl("in").unwrap(), Ttl::In(9 * SECOND));
            let soon = store.time().saturating_add(5 * SECOND);
            let options = RestoreOptions::new().replace().expire_at(soon).idle_time(SECOND).frequency(7);
            db.restore("at", &payload, options).unwrap();
            assert_eq!(db.expires_at("at").unwrap(), Some(soon));
            assert_eq!(held(&db, "at"), held(&db, "in"));
            fixture.seconds_pass(5);
            assert_eq!(held(&db, "at"), "nothing");
            assert!(db.exists("in").unwrap());
            settle(store);
            fixture.seconds_pass(4);
            assert_eq!(held(&db, "in"), "nothing");
        }
        let far = RestoreOptions::new().expire_in(Duration::MAX);
        assert_eq!(db.restore("far", dump(&db, "set"), far).unwrap_err().kind(), ErrorKind::OutOfRange);
    });
}

#[test]
fn a_time_that_has_passed_creates_nothing_and_takes_away_what_was_to_be_replaced() {
    both(|_, store| {
        let db = store.db(0);
        for key in fill(&db, 40) {
            let payload = dump(&db, key);
            for options in [
                RestoreOptions::new().expire_at(UnixMillis::new(1)),
                RestoreOptions::new().expire_at(START),
                RestoreOptions::new().expire_in(Duration::ZERO),
            ] {
                db.restore("never", &payload, options).unwrap();
                assert!(!db.exists("never").unwrap());
                let error = db.restore(key, &payload, options).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::KeyExists);
            }
            let damaged = payload.slice(1..);
            let past = RestoreOptions::new().replace().expire_at(UnixMillis::new(1));
            assert_eq!(db.restore(key, damaged, past).unwrap_err().kind(), ErrorKind::BadDump);
            assert!(db.exists(key).unwrap());
            db.restore(key, &payload, past).unwrap();
            assert!(!db.exists(key).unwrap());
        }
        settle(store);
        assert_eq!(db.len().unwrap(), 0);
    });
}

fn refused(db: &Db, value: &[u8]) -> (ErrorKind, String) {
    let error = db.restore("k", rdb::sealed(value), RestoreOptions::new().replace()).unwrap_err();
    (error.kind(), error.to_string())
}

#[test]
fn what_is_refused_leaves_everything_as_it_was() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add_with("k", ["kept"], CreateOptions::new().expire_in(100 * SECOND)).unwrap();
        let said = |what: &str| (ErrorKind::BadDump, format!("a dump cannot be read: {what}"));
        assert_eq!(refused(&db, &[]), said("the bytes end within a value"));
        assert_eq!(refused(&db, &[19, 0]), said("the value is a stream (RDB type 19), which is not supported"));
        assert_eq!(refused(&db, &[7, 0]), said("the value is a module's value (RDB type 7), which is not supported"));
        assert_eq!(refused(&db, &[99, 0]), said("RDB type 99 is unknown to Redis 7.0"));
        assert_eq!(refused(&db, &[rdb::SET, 0]), said("a collection is empty"));
        assert_eq!(refused(&db, &[rdb::SET, 9, 1, b'a']), said("the bytes end within a length"));
        let twice = said("an element comes twice");
        let pairs = ["a", "1", "b", "2", "a", "3"];
        assert_eq!(refused(&db, &rdb::value(rdb::SET, &[vec![3, 1, b'a', 1, b'b', 1, b'a']])), twice);
        assert_eq!(refused(&db, &rdb::value(rdb::HASH, &[vec![2, 1, b'a', 1, b'b', 1, b'a', 1, b'c']])), twice);
        assert_eq!(refused(&db, &rdb::value(rdb::HASH_LISTPACK, &[rdb::string(rdb::listpack(&pairs))])), twice);
        assert_eq!(refused(&db, &rdb::value(rdb::ZSET_LISTPACK, &[rdb::string(rdb::listpack(&pairs))])), twice);
        assert_eq!(refused(&db, &rdb::value(rdb::HASH_ZIPLIST, &[rdb::string(rdb::ziplist(&pairs))])), twice);
        assert_eq!(refused(&db, &rdb::value(rdb::ZSET_ZIPLIST, &[rdb::string(rdb::ziplist(&pairs))])), twice);
        let map = rdb::zipmap(&[("a", "1"), ("a", "2")]);
        assert_eq!(refused(&db, &rdb::value(rdb::HASH_ZIPMAP, &[rdb::string(map)])), twice);
        let payload = dump(&db, "k");
        for at in 0..payload.len() {
            let mut damaged = payload.to_vec();
            damaged[at] ^= 4;
            let error = db.restore("k", &damaged, RestoreOptions::new().replace()).unwrap_err();
            assert_eq!((error.kind(), error.action()), (ErrorKind::BadDump, windrow::Action::FixCall), "{at}");
        }
        // A list may hold an item twice.
        db.restore("l", rdb::sealed(&rdb::value(rdb::LIST, &[vec![2, 1, b'a', 1, b'a']])), RestoreOptions::new())
            .unwrap();
        assert_eq!(db.lists().len("l").unwrap(), 2);
        assert_eq!(members(&db, "k"), ["kept"]);
        assert_eq!(db.ttl("k").unwrap(), Ttl::In(100 * SECOND));
    });
}

#[test]
fn the_limits_of_the_store_are_those_of_what_is_restored() {
    let fixture = Fixture::new();
    let mut options = small();
    options.max_value_bytes = 2000;
    options.max_member_bytes = 100;
    let builder = Store::builder(fixture.path("store")).clock(fixture.clock.clone());
    let store = builder.options(options).background(false).open().unwrap();
    let db = store.db(0);
    let restore = |number, parts: &[Vec<u8>]| {
        db.restore("k", rdb::sealed(&rdb::value(number, parts)), RestoreOptions::new().replace())
    };
    let of = |length| rdb::string(vec![b'x'; length]);
    let one = || vec![1];
    let zero = || vec![0; 8];
    restore(rdb::STRING, &[of(2000)]).unwrap();
    restore(rdb::STRING, &[rdb::compressed([b'x'; 2000])]).unwrap();
    restore(rdb::LIST, &[one(), of(2000)]).unwrap();
    restore(rdb::SET, &[one(), of(100)]).unwrap();
    restore(rdb::HASH, &[one(), of(100), of(2000)]).unwrap();
    restore(rdb::ZSET_2, &[one(), of(100), zero()]).unwrap();
    for (number, parts) in [
        (rdb::STRING, vec![of(2001)]),
        (rdb::STRING, vec![rdb::compressed([b'x'; 2001])]),
        (rdb::LIST, vec![one(), of(2001)]),
        (rdb::SET, vec![one(), of(101)]),
        (rdb::HASH, vec![one(), of(101), of(1)]),
        (rdb::HASH, vec![one(), of(1), of(2001)]),
        (rdb::ZSET_2, vec![one(), of(101), zero()]),
        (rdb::HASH_LISTPACK, vec![rdb::string(rdb::listpack(&[&[b'x'; 101][..], b""]))]),
        (rdb::LIST_QUICKLIST_2, vec![rdb::quicklist_2(&[rdb::Node::Packed(rdb::listpack(&[[b'x'; 2001]]))])]),
        (rdb::LIST_QUICKLIST_2, vec![rdb::quicklist_2(&[rdb::Node::Plain(vec![b'x'; 2001])])]),
    ] {
        let error = restore(number, &parts).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "type {number}: {error}");
    }
    assert!(db.zsets().score("k", [b'x'; 100]).unwrap().is_some(), "the last that was restored");
    let long = vec![b'k'; 70_000];
    let error = db.restore(&long, dump(&db, "k"), RestoreOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "a key");
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

/// More than two chunks of what `small` commits at once.
const MANY: usize = 90_000;

fn long_name(n: usize) -> String {
    format!("{n:0100}")
}

#[test]
fn large_collections_go_to_disk_in_parts_and_leave_nothing_behind() {
    both(|fixture, store| {
        let db = store.db(0);
        let names: Vec<String> = (0..MANY).map(long_name).collect();
        db.sets().add("set", &names).unwrap();
        db.hashes().set_many("hash", names.iter().map(|name| (name, &name[90..]))).unwrap();
        db.lists().push_right("list", &names).unwrap();
        db.zsets().add("zset", (0_i32..).zip(&names).map(|(n, name)| (name, f64::from(n % 7)))).unwrap();
        for key in ["set", "hash", "list", "zset"] {
            let payload = dump(&db, key);
            assert!(payload.len() > 2 * (4 << 20), "{key} is small");
            db.restore("again", &payload, RestoreOptions::new().replace().expire_in(100 * SECOND)).unwrap();
            assert!(held(&db, key) == held(&db, "again"), "{key}");
            assert_eq!(db.ttl("again").unwrap(), Ttl::In(100 * SECOND));
            assert!(dump(&db, "again") == payload, "{key}");
            let past = RestoreOptions::new().expire_at(UnixMillis::new(1));
            db.restore("never", &payload, past).unwrap();
            assert!(!db.exists("never").unwrap());
            db.restore("again", &payload, past.replace()).unwrap();
            assert!(!db.exists("again").unwrap());
        }
        assert_eq!(keys(&db), ["hash", "list", "set", "zset"]);
        fixture.seconds_pass(100);
        settle(store);
        assert_eq!(db.len().unwrap(), 4);
    });
}

#[test]
fn a_large_collection_that_is_refused_late_leaves_nothing_behind() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add("k", ["kept"]).unwrap();
        // The first member comes again at the end, when it has gone to disk.
        let names: Vec<Vec<u8>> = (0..MANY).chain([0]).map(|n| rdb::string(long_name(n))).collect();
        let count = rdb::length(names.len());
        let scores = names.iter().map(|name| [name.as_slice(), &5.0_f64.to_le_bytes()].concat()).collect::<Vec<_>>();
        let other_scores = [&scores[..MANY], &[[names[0].as_slice(), &[0; 8]].concat()]].concat();
        let pairs = names.iter().map(|name| [name.as_slice(), &[1, b'v']].concat()).collect::<Vec<_>>();
        for (number, elements) in
            [(rdb::SET, names), (rdb::ZSET_2, scores), (rdb::ZSET_2, other_scores), (rdb::HASH, pairs)]
        {
            let value = rdb::value(number, &[count.clone(), elements.concat()]);
            let (kind, message) = refused(&db, &value);
            assert_eq!((kind, message.as_str()), (ErrorKind::BadDump, "a dump cannot be read: an element comes twice"));
            // The same without the last one, and cut off.
            let cut = rdb::value(number, &[count.clone(), elements[..MANY].concat()]);
            assert_eq!(refused(&db, &cut).0, ErrorKind::BadDump);
            let right = rdb::value(number, &[rdb::length(MANY), elements[..MANY].concat()]);
            db.restore("right", rdb::sealed(&right), RestoreOptions::new().replace()).unwrap();
        }
        assert_eq!(db.hashes().len("right").unwrap(), MANY as u64);
        assert_eq!(members(&db, "k"), ["kept"]);
        settle(store);
        assert_eq!(db.len().unwrap(), 2);
    });
}

#[test]
fn a_view_dumps_what_it_sees() {
    both(|_, store| {
        let db = store.db(0);
        let names = fill(&db, 300);
        let before: Vec<Bytes> = names.iter().map(|key| dump(&db, key)).collect();
        let view = store.view().unwrap();
        db.flush().unwrap();
        store.settle(Duration::from_millis(100)).unwrap();
        for (key, before) in names.iter().zip(&before) {
            assert!(dump(&view.db(0), key) == *before, "{key}");
            assert_eq!(db.dump(key).unwrap(), None);
            db.restore(key, before, RestoreOptions::new()).unwrap();
            assert!(dump(&db, key) == *before, "{key}");
        }
    });
}

#[test]
fn a_store_that_is_only_read_dumps_and_does_not_restore() {
    let fixture = Fixture::new();
    let store = fixture.open();
    store.db(0).sets().add("s", ["a"]).unwrap();
    store.close().unwrap();
    let store = Store::builder(fixture.path("store")).clock(fixture.clock.clone()).read_only(true).open().unwrap();
    let db = store.db(0);
    let payload = dump(&db, "s");
    assert_eq!(db.restore("t", payload, RestoreOptions::new()).unwrap_err().kind(), ErrorKind::ReadOnly);
}
