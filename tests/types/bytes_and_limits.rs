//! Every key, member and value is arbitrary bytes; the longest are right and longer ones a clear error.

use windrow::encoding::Meta;
use windrow::{Action, CombineOptions, ErrorKind, Options, ScanCursor, ScanOptions, SetOptions, ZRange};

use crate::data::{keys, members, payload};
use crate::fixture::{Fixture, close_and_check, settle};
use crate::raw::open_raw;

#[test]
fn keys_members_and_values_of_any_bytes_are_kept_apart() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let mut all: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    all.extend([vec![], vec![0; 20], vec![0xff; 20], b"k\0\0".to_vec(), b"k\0".to_vec(), vec![0, 0xff]]);
    for bytes in &all {
        db.strings().set(bytes, bytes).unwrap();
    }
    db.sets().add("members", &all).unwrap();
    for bytes in &all {
        assert_eq!(db.strings().get(bytes).unwrap().as_deref(), Some(bytes.as_slice()));
        assert!(db.sets().contains("members", bytes).unwrap());
    }
    all.sort();
    assert_eq!(members(&db, "members"), all);
    all.push(b"members".to_vec());
    all.sort();
    assert_eq!(keys(&db), all);
    settle(&store);
    assert_eq!(db.len().unwrap(), all.len() as u64);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn the_longest_key_and_member_are_kept_and_longer_ones_refused() {
    let fixture = Fixture::new();
    for (key_limit, member_limit) in [(64 << 10, 64 << 10), (16, 17), (1 << 20, 1 << 20)] {
        let mut options = Options::default();
        options.max_key_bytes = key_limit;
        options.max_member_bytes = member_limit;
        let path = fixture.path(&format!("{key_limit}"));
        let builder = windrow::Store::builder(&path).clock(fixture.clock.clone()).background(false);
        let store = builder.options(options).open().unwrap();
        let db = store.db(0);
        let (key, member) = (payload(1, key_limit), payload(2, member_limit));
        db.sets().add(&key, [&member]).unwrap();
        db.strings().set_with(&key[1..], "v", SetOptions::new().expire_in(crate::fixture::PATIENCE)).unwrap();
        settle(&store);
        assert!(db.sets().contains(&key, &member).unwrap());
        let long = [key.as_slice(), b"x"].concat();
        let too_long = [
            db.strings().set(&long, "v").err(),
            db.sets().add(&long, ["m"]).err(),
            db.delete([&long]).err(),
            db.persist(&long).err(),
            db.rename(&key, &long).err(),
            db.sets().add(&key, [[member.as_slice(), b"x"].concat()]).err(),
        ];
        for (n, error) in too_long.into_iter().enumerate() {
            let error = error.unwrap();
            assert_eq!(error.kind(), ErrorKind::TooLarge, "operation {n}");
            assert_eq!(error.action(), Action::FixCall);
        }
        assert!(!db.exists(&long).unwrap());
        assert_eq!(db.sets().len(&key).unwrap(), 1);
        assert_eq!(db.len().unwrap(), 2);
        drop(db);
        close_and_check(store, &path);
    }
}

#[test]
fn a_record_of_a_string_longer_than_any_is_corrupt_and_takes_no_memory() {
    for size in [(512 << 20) + 1, 1 << 40, u64::MAX] {
        let fixture = Fixture::new();
        let store = fixture.open();
        store.db(0).strings().set("k", payload(1, 40_000)).unwrap();
        store.close().unwrap();
        let raw = open_raw(&fixture.path("store"));
        let metas = raw.cf_handle("meta").unwrap();
        let (key, record) = raw.iterator_cf(metas, rocksdb::IteratorMode::Start).next().unwrap().unwrap();
        let mut meta = Meta::decode(&record).unwrap();
        meta.size = size;
        raw.put_cf(metas, key, meta.encode()).unwrap();
        drop(raw);
        let store = fixture.open();
        let db = store.db(0);
        let strings = db.strings();
        for refused in [
            strings.get("k").err(),
            strings.get_range("k", 0, -1).err(),
            strings.get_range("k", 3, 4).err(),
            strings.mget(["k"]).err(),
            strings.get_del("k").err(),
        ] {
            assert_eq!(refused.unwrap().kind(), ErrorKind::Corruption, "{size}");
        }
        assert!(db.exists("k").unwrap());
    }
}

#[test]
fn a_refusal_says_what_was_found_and_what_would_do() {
    let fixture = Fixture::new();
    let mut options = Options::default();
    (options.max_key_bytes, options.max_member_bytes, options.max_value_bytes) = (16, 20, 1 << 10);
    let path = fixture.path("store");
    let store = windrow::Store::builder(&path).options(options).background(false).open().unwrap();
    let db = store.db(0);
    db.hashes().set("secret", "f", "v").unwrap();
    let scan = ScanOptions::new().count(0);
    let told = [
        (db.strings().set([0; 17], "v").unwrap_err(), "a key has 17 bytes; max_key_bytes allows 16"),
        (db.sets().add("s", [[0; 21]]).unwrap_err(), "a member has 21 bytes; max_member_bytes allows 20"),
        (db.lists().push_left("l", [[0; 1025]]).unwrap_err(), "a value has 1025 bytes; max_value_bytes allows 1024"),
        (db.strings().set("k", [0; 1025]).unwrap_err(), "the string has 1025 bytes; max_value_bytes allows 1024"),
        (db.strings().get("secret").unwrap_err(), "the key holds a hash, where a string is needed"),
        (db.lists().push_left("secret", ["a"]).unwrap_err(), "the key holds a hash, where a list is needed"),
        (db.zsets().union(["secret"], CombineOptions::new()).unwrap_err(), "a hash, where a set or zset is needed"),
        (db.hashes().scan("secret", &ScanCursor::START, scan).unwrap_err(), "the count of a scan is 0"),
        (db.zsets().add("z", [("a", f64::NAN)]).unwrap_err(), "a score or an increment is NaN"),
        (db.zsets().count("z", ZRange::scores(0, f64::NAN)).unwrap_err(), "a bound of a range of scores is NaN"),
        (store.namespace([0; 256]).db(0).strings().set("k", "v").unwrap_err(), "256 bytes; the format allows 255"),
        (store.namespace([0; 256]).swap(0, 1).unwrap_err(), "256 bytes; the format allows 255"),
        (windrow::Store::open(&path).unwrap_err(), "a view, an iterator or any other handle keeps it open"),
    ];
    for (error, expected) in told {
        let text = error.to_string();
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn what_is_printed_of_a_handle_holds_none_of_its_data() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let tenant = store.namespace("secret");
    let db = tenant.db(7);
    db.sets().add("secret", ["secret"]).unwrap();
    db.hashes().set("secret hash", "secret", "secret").unwrap();
    db.lists().push_right("secret list", ["secret", "secret"]).unwrap();
    db.zsets().add("secret zset", [("secret", 1.0)]).unwrap();
    let view = store.view().unwrap();
    let shown = [
        (format!("{store:?}"), "Store { .. }"),
        (format!("{tenant:?}"), "Namespace { .. }"),
        (format!("{db:?}"), "Db { number: 7, .. }"),
        (format!("{:?}", db.hashes()), "Hashes { db: 7, .. }"),
        (format!("{view:?}"), &format!("View {{ time: {:?}, .. }}", view.time())),
        (format!("{:?}", view.namespace("secret").db(7).zsets()), "ZSets { db: 7, .. }"),
        (format!("{:?}", db.keys("secret").unwrap()), "Keys { .. }"),
        (format!("{:?}", db.sets().members("secret").unwrap()), "Members { .. }"),
        (format!("{:?}", db.hashes().get_all("secret hash").unwrap()), "HashEntries { .. }"),
        (format!("{:?}", db.lists().range("secret list", 0, -1).unwrap()), "ListItems { left: 2, .. }"),
        (format!("{:?}", db.zsets().range("secret zset", ZRange::ranks(0, -1)).unwrap()), "ZEntries { .. }"),
    ];
    for (found, expected) in shown {
        assert_eq!(found, expected);
    }
}
