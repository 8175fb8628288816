//! Hashes, packed in their records and apart from them: fields, values, counts, and the end of an empty hash.

mod model;
mod numbers;
mod walks;

use std::time::Duration;

use bytes::Bytes;
use windrow::{CreateOptions, DataType, Db, ErrorKind, Options, Source, Store, Ttl};

use crate::both::both;
use crate::fixture::{Fixture, START, settle, small};

/// All fields of a hash with their values.
fn entries<S: Source>(db: &Db<S>, key: &str) -> Vec<(Bytes, Bytes)> {
    db.hashes().get_all(key).unwrap().map(Result::unwrap).collect()
}

fn own<const N: usize>(entries: [(&'static str, &'static str); N]) -> Vec<(Bytes, Bytes)> {
    entries.map(|(field, value)| (field.into(), value.into())).to_vec()
}

#[test]
fn a_field_holds_what_was_set_last_and_is_counted_once() {
    both(|_, store| {
        let db = store.db(0);
        let hashes = db.hashes();
        assert!(hashes.set("h", "f", "1").unwrap());
        assert!(!hashes.set("h", "f", "22").unwrap());
        assert_eq!(hashes.set_many("h", [("a", "x"), ("f", "3"), ("a", "y"), ("", "")]).unwrap(), 2);
        assert_eq!(hashes.len("h").unwrap(), 3);
        assert_eq!(entries(&db, "h"), own([("", ""), ("a", "y"), ("f", "3")]));
        assert_eq!(hashes.get("h", "a").unwrap().unwrap(), "y");
        assert_eq!(hashes.get("h", "").unwrap().unwrap(), "");
        assert_eq!(hashes.get("h", "b").unwrap(), None);
        assert!(hashes.exists("h", "").unwrap() && !hashes.exists("h", "b").unwrap());
        let many = hashes.get_many("h", ["b", "a", "a", ""]).unwrap();
        assert_eq!(many, [None, Some("y".into()), Some("y".into()), Some("".into())]);
        assert_eq!(hashes.value_len("h", "a").unwrap(), 1);
        assert_eq!(hashes.value_len("h", "b").unwrap(), 0);
        assert_eq!(db.data_type("h").unwrap(), Some(DataType::Hash));
    });
}

#[test]
fn a_missing_hash_is_an_empty_one() {
    both(|_, store| {
        let db = store.db(0);
        let hashes = db.hashes();
        assert_eq!(hashes.get("h", "f").unwrap(), None);
        assert_eq!(hashes.get_many("h", ["f", "g"]).unwrap(), [None, None]);
        assert_eq!(hashes.len("h").unwrap() + hashes.value_len("h", "f").unwrap(), 0);
        assert!(!hashes.exists("h", "f").unwrap());
        assert_eq!(
            entries(&db, "h").len() + hashes.keys("h").unwrap().count() + hashes.values("h").unwrap().count(),
            0
        );
        assert_eq!(hashes.delete("h", ["f"]).unwrap(), 0);
        assert_eq!(hashes.set_many("h", [("", ""); 0]).unwrap(), 0);
        assert!(!db.exists("h").unwrap());
    });
}

#[test]
fn a_field_is_set_if_absent_once() {
    both(|_, store| {
        let db = store.db(0);
        assert!(db.hashes().set_if_absent("h", "f", "1").unwrap());
        assert!(!db.hashes().set_if_absent("h", "f", "2").unwrap());
        assert!(db.hashes().set_if_absent("h", "g", "").unwrap());
        assert!(!db.hashes().set_if_absent("h", "g", "2").unwrap(), "an empty value is a value");
        assert_eq!(entries(&db, "h"), own([("f", "1"), ("g", "")]));
    });
}

#[test]
fn the_last_fields_deletion_removes_the_key_and_its_expiry() {
    both(|fixture, store| {
        let db = store.db(0);
        let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
        db.hashes().set_many_with("h", [("a", "1"), ("b", "2"), ("c", "3")], minute).unwrap();
        assert_eq!(db.hashes().delete("h", ["a", "x", "a"]).unwrap(), 1);
        assert_eq!(db.hashes().delete("h", ["b", "c"]).unwrap(), 2);
        assert_eq!((db.exists("h").unwrap(), db.len().unwrap()), (false, 0));
        db.hashes().set("h", "new", "v").unwrap();
        assert_eq!(db.ttl("h").unwrap(), Ttl::Forever);
        assert_eq!(entries(&db, "h"), own([("new", "v")]));
        fixture.seconds_pass(100);
        settle(store);
        assert_eq!((store.stats().keys_reaped, db.len().unwrap()), (0, 1));
    });
}

#[test]
fn a_new_hash_is_born_as_the_caller_says_and_an_existing_one_keeps_its_expiry() {
    both(|fixture, store| {
        let db = store.db(0);
        let hashes = db.hashes();
        let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
        hashes.set_many_with("set", [("f", "1")], minute).unwrap();
        hashes.set_if_absent_with("absent", "f", "1", minute).unwrap();
        hashes.incr_by_with("int", "f", 1, minute.growing()).unwrap();
        hashes.incr_by_float_with("float", "f", 0.5, minute.growing()).unwrap();
        for key in ["set", "absent", "int", "float"] {
            hashes.set(key, "g", "2").unwrap();
            assert_eq!(db.ttl(key).unwrap(), Ttl::In(Duration::from_secs(60)), "{key}");
        }
        let past = CreateOptions::new().expire_at(START);
        assert_eq!(hashes.set_many_with("p", [("f", "1")], past).unwrap(), 0);
        assert!(!hashes.set_if_absent_with("p", "f", "1", past).unwrap());
        assert_eq!(hashes.incr_by_with("p", "f", 1, past).unwrap(), 1);
        assert!(!db.exists("p").unwrap(), "an expiry that has passed creates nothing");
        fixture.seconds_pass(60);
        assert_eq!(hashes.get("set", "g").unwrap(), None, "expired hashes are absent");
        assert_eq!(hashes.incr_by("int", "f", 1).unwrap(), 1);
        settle(store);
        assert_eq!(db.len().unwrap(), 1);
    });
}

#[test]
fn hash_operations_refuse_a_string_and_change_nothing() {
    both(|_, store| {
        let db = store.db(0);
        db.strings().set("k", "5").unwrap();
        let hashes = db.hashes();
        let start = windrow::ScanCursor::START;
        let refused = [
            hashes.set("k", "f", "v").err(),
            hashes.set_many("k", [("", ""); 0]).err(),
            hashes.set_if_absent("k", "f", "v").err(),
            hashes.delete("k", ["f"]).err(),
            hashes.incr_by("k", "f", 1).err(),
            hashes.incr_by_float("k", "f", 1.0).err(),
            hashes.get("k", "f").err(),
            hashes.get_many("k", ["f"]).err(),
            hashes.get_all("k").err(),
            hashes.keys("k").err(),
            hashes.values("k").err(),
            hashes.exists("k", "f").err(),
            hashes.len("k").err(),
            hashes.value_len("k", "f").err(),
            hashes.random("k", 1).err(),
            hashes.random_with_values("k", 1).err(),
            hashes.random_repeated("k", 1).err(),
            hashes.random_repeated_with_values("k", 1).err(),
            hashes.scan("k", &start, windrow::ScanOptions::new()).err(),
        ];
        for (n, error) in refused.into_iter().enumerate() {
            assert_eq!(error.unwrap().kind(), ErrorKind::WrongType, "operation {n}");
        }
        assert_eq!(db.strings().get("k").unwrap().unwrap(), "5");
    });
}

#[test]
fn fields_and_values_are_bytes_up_to_the_limits() {
    let fixture = Fixture::new();
    let mut options: Options = small();
    options.max_member_bytes = 16;
    options.max_value_bytes = 1024;
    let builder = Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options);
    let db = builder.background(false).open().unwrap().db(0);
    let hashes = db.hashes();
    let (field, value) = ([0xff; 16], [0; 1024]);
    assert!(hashes.set("h", field, value).unwrap());
    assert_eq!(hashes.get("h", field).unwrap().unwrap(), value.as_slice());
    let refused = [
        hashes.set("h", [0; 17], "v").err(),
        hashes.set_many("h", [("ok", [0; 1].as_slice()), ("f", &[0; 1025])]).err(),
        hashes.set_if_absent("h", "f", [0; 1025]).err(),
        hashes.set_if_absent("h", [0; 17], "").err(),
        hashes.incr_by("h", [0; 17], 1).err(),
        hashes.incr_by_float("h", [0; 17], 1.0).err(),
        hashes.set(vec![0; 1 << 20], "f", "v").err(),
    ];
    for (n, error) in refused.into_iter().enumerate() {
        assert_eq!(error.unwrap().kind(), ErrorKind::TooLarge, "operation {n}");
    }
    assert_eq!(hashes.len("h").unwrap(), 1);
}

#[test]
fn a_hash_stays_the_same_when_it_outgrows_its_record() {
    both(|_, store| {
        let db = store.db(0);
        for n in 0..300 {
            assert!(db.hashes().set("h", format!("{n:03}"), n.to_string()).unwrap());
            assert_eq!(db.hashes().len("h").unwrap(), n + 1);
            assert_eq!(db.hashes().get("h", format!("{:03}", n / 2)).unwrap().unwrap(), (n / 2).to_string());
        }
        assert_eq!(entries(&db, "h").len(), 300);
        assert_eq!(db.hashes().delete("h", (0..299).map(|n| format!("{n:03}"))).unwrap(), 299);
        assert_eq!(entries(&db, "h"), own([("299", "299")]));
        settle(store);
    });
}
