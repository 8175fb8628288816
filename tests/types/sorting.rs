//! SORT: orders, limits, keys that elements lead to, and results that are stored.

use std::time::Duration;

use bytes::Bytes;
use windrow::{DataType, Db, ErrorKind, SetOptions, SortOptions, Source, Ttl};

use crate::both::both;
use crate::data::payload;
use crate::fixture::settle;

const SECOND: Duration = Duration::from_secs(1);

fn sorted<S: Source>(db: &Db<S>, key: &str, options: &SortOptions) -> Vec<Bytes> {
    db.sort(key, options).unwrap().into_iter().map(Option::unwrap).collect()
}

/// A list as it is.
fn items<S: Source>(db: &Db<S>, key: &str) -> Vec<Bytes> {
    sorted(db, key, &SortOptions::new().by("nosort"))
}

fn plain() -> SortOptions {
    SortOptions::new()
}

#[test]
fn numbers_are_sorted_by_value_and_equal_ones_by_their_bytes() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add("s", ["10", "9", "-1.5", "1e1", "0x10", " 3", "-inf", "inf", "", "0"]).unwrap();
        let all = ["-inf", "-1.5", "", "0", " 3", "9", "10", "1e1", "0x10", "inf"];
        assert_eq!(sorted(&db, "s", &plain()), all);
        let reversed: Vec<_> = all.into_iter().rev().collect();
        assert_eq!(sorted(&db, "s", &plain().descending()), reversed);
        assert_eq!(sorted(&store.view().unwrap().db(0), "s", &plain()), all);
        for bad in ["x", "1 ", " ", "nan", "1e400", "0x"] {
            db.sets().add("s", [bad]).unwrap();
            assert_eq!(db.sort("s", &plain()).unwrap_err().kind(), ErrorKind::NotAFloat, "{bad:?}");
            assert_eq!(db.sort("s", &plain().limit(0, 0)).unwrap_err().kind(), ErrorKind::NotAFloat, "{bad:?}");
            db.sets().remove("s", [bad]).unwrap();
        }
    });
}

#[test]
fn bytes_are_sorted_as_bytes() {
    both(|_, store| {
        let db = store.db(0);
        let members: [&[u8]; 6] = [b"", b"\0", b"10", b"9", b"a", b"\xff"];
        db.sets().add("s", members.into_iter().rev()).unwrap();
        assert_eq!(sorted(&db, "s", &plain().alphabetic()), members);
        assert_eq!(sorted(&db, "s", &plain().alphabetic().limit(1, 2).descending()), [b"a".as_slice(), b"9"]);
    });
}

#[test]
fn limits_cut_the_order_wherever_they_lie() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add("s", (0..5).map(|n| n.to_string())).unwrap();
        db.sort_store("s", "l", &plain()).unwrap();
        let cases: [(u64, u64, &[&str]); 6] = [
            (0, 2, &["0", "1"]),
            (3, 9, &["3", "4"]),
            (5, 1, &[]),
            (u64::MAX, u64::MAX, &[]),
            (0, 0, &[]),
            (1, u64::MAX, &["1", "2", "3", "4"]),
        ];
        for (offset, count, expected) in cases {
            for key in ["s", "l"] {
                assert_eq!(sorted(&db, key, &plain().limit(offset, count)), expected, "{key} {offset} {count}");
                let unsorted = plain().by("nosort").limit(offset, count);
                assert_eq!(sorted(&db, key, &unsorted), expected, "{key} {offset} {count}");
            }
        }
        let last = plain().by("nosort").descending();
        assert_eq!(sorted(&db, "l", &last.clone().limit(1, 2)), ["3", "2"]);
        assert_eq!(sorted(&db, "l", &last), ["4", "3", "2", "1", "0"]);
    });
}

#[test]
fn weights_come_from_other_keys_and_missing_ones_count_as_nothing() {
    both(|fixture, store| {
        let db = store.db(0);
        db.sets().add("s", ["a", "b", "c", "d", "e"]).unwrap();
        db.strings().mset([("w:a:x", "3"), ("w:b:x", "-1"), ("w:c:x", "0")]).unwrap();
        db.strings().set_with("w:d:x", "-9", SetOptions::new().expire_in(SECOND)).unwrap();
        db.sets().add("w:e:x", ["-5"]).unwrap();
        fixture.seconds_pass(1);
        assert_eq!(sorted(&db, "s", &plain().by("w:*:x")), ["b", "c", "d", "e", "a"], "no other type, nothing expired");
        assert_eq!(sorted(&db, "s", &plain().by("w:*:x").descending()), ["a", "e", "d", "c", "b"]);
        let by_text = plain().by("w:*:x").alphabetic();
        assert_eq!(sorted(&db, "s", &by_text), ["d", "e", "b", "c", "a"], "what is missing comes first");
        assert_eq!(sorted(&db, "s", &plain().by("none:*")), ["a", "b", "c", "d", "e"]);
        assert_eq!(sorted(&db, "s", &plain().by("w:*:x->field")), ["a", "b", "c", "d", "e"], "a string has no fields");
        db.strings().set("w:a:x", "three").unwrap();
        assert_eq!(db.sort("s", &plain().by("w:*:x")).unwrap_err().kind(), ErrorKind::NotAFloat);
        store.db(1).sets().add("s", ["a", "b"]).unwrap();
        assert_eq!(sorted(&store.db(1), "s", &plain().by("w:*:x")), ["a", "b"], "keys of another db do not count");
    });
}

#[test]
fn several_values_are_got_for_each_element() {
    both(|_, store| {
        let db = store.db(0);
        let long = payload(1, 40_000);
        db.sets().add("s", ["1", "2"]).unwrap();
        db.strings().set("name:1", &long).unwrap();
        db.strings().set("2", "two").unwrap();
        let got = db.sort("s", &plain().get("#").get("name:*").get("*").get("fixed").get("#")).unwrap();
        let (one, two) = (Some(Bytes::from("1")), Some(Bytes::from("2")));
        let expected =
            [[one.clone(), Some(long.into()), None, None, one], [two.clone(), None, Some("two".into()), None, two]];
        assert_eq!(got, expected.concat());
        assert_eq!(db.sort("s", &plain().get("#").limit(1, 1)).unwrap(), [Some("2".into())]);
    });
}

#[test]
fn lists_and_sorted_sets_are_sorted_and_without_an_order_keep_theirs() {
    both(|_, store| {
        let db = store.db(0);
        db.lists().push_left("l", ["4", "1", "3", "1"]).unwrap();
        db.zsets().add("z", [("4", 1.0), ("1", 9.0), ("3", -5.0), ("2", 9.0)]).unwrap();
        assert_eq!(sorted(&db, "l", &plain()), ["1", "1", "3", "4"]);
        assert_eq!(sorted(&db, "z", &plain()), ["1", "2", "3", "4"], "members, not scores");
        let nosort = plain().by("nosort");
        for (key, order) in [("l", ["1", "3", "1", "4"]), ("z", ["3", "4", "1", "2"])] {
            assert_eq!(sorted(&db, key, &nosort), order);
            assert_eq!(sorted(&db, key, &nosort.clone().limit(1, 2)), order[1..3]);
            let reversed: Vec<_> = order.into_iter().rev().collect();
            assert_eq!(sorted(&db, key, &nosort.clone().descending()), reversed);
            assert_eq!(sorted(&db, key, &nosort.clone().descending().limit(1, 9)), reversed[1..]);
            assert_eq!(db.sort_store(key, "to", &nosort.clone().descending()).unwrap(), 4);
            assert_eq!(db.lists().range("to", 0, -1).unwrap().map(Result::unwrap).collect::<Vec<_>>(), reversed);
        }
        db.hashes().set("h", "f", "1").unwrap();
        assert_eq!(db.sort("h", &plain()).unwrap_err().kind(), ErrorKind::WrongType);
    });
}

#[test]
fn weights_and_values_come_from_fields_of_hashes() {
    both(|fixture, store| {
        let db = store.db(0);
        db.lists().push_right("l", ["a", "b", "c"]).unwrap();
        db.hashes().set_many("user:a", [("age", "30"), ("name", "Ann"), ("->", "arrow")]).unwrap();
        db.hashes().set_many("user:b", [("age", "7")]).unwrap();
        db.strings().set("user:c", "a string has no fields").unwrap();
        let by_age = plain().by("user:*->age");
        assert_eq!(sorted(&db, "l", &by_age), ["c", "b", "a"]);
        let got = db.sort("l", &by_age.get("user:*->name").get("user:*").get("user:*->->")).unwrap();
        let string = Some(Bytes::from("a string has no fields"));
        let expected = [None, string, None, None, None, None, Some("Ann".into()), None, Some("arrow".into())];
        assert_eq!(got, expected);
        db.expire("user:a", SECOND).unwrap();
        fixture.seconds_pass(1);
        assert_eq!(sorted(&db, "l", &plain().by("user:*->age")), ["a", "c", "b"]);
    });
}

#[test]
fn a_mark_behind_a_zero_byte_of_a_pattern_is_none() {
    both(|_, store| {
        let db = store.db(0);
        db.lists().push_right("l", ["3", "1", "2"]).unwrap();
        db.hashes().set_many("h1", [("f", "v"), ("f\0g", "w"), ("", "x"), ("\0f", "y")]).unwrap();
        db.strings().mset([("h1->\0f", "arrow"), ("h1\0->f", "zero"), ("h1\0", "end"), ("\x001", "start")]).unwrap();
        for by in ["\0*", "#\0*", "nosort\0*", "h\0*->f"] {
            assert_eq!(sorted(&db, "l", &plain().by(by)), ["3", "1", "2"], "{by:?} has no star");
        }
        assert_eq!(sorted(&db, "l", &plain().by("none*\0")), ["1", "2", "3"]);
        let got = |pattern: &str| db.sort("l", &plain().limit(0, 1).get(pattern)).unwrap()[0].clone();
        for (pattern, found) in [
            ("#\0", Some("1")),
            ("#\0x", Some("1")),
            ("\0#", None),
            ("\0*", None),
            ("h\0*", None),
            ("h*\0", Some("end")),
            ("h*->\0f", Some("arrow")),
            ("h*\0->f", Some("zero")),
            ("h*->f", Some("v")),
            ("h*->f\0g", Some("w")),
        ] {
            assert_eq!(got(pattern), found.map(Bytes::from), "{pattern:?}");
        }
    });
}

#[test]
fn what_is_stored_is_a_list_in_place_of_whatever_was_there() {
    both(|fixture, store| {
        let db = store.db(0);
        db.sets().add("s", ["3", "1", "2"]).unwrap();
        db.strings().set_with("to", payload(1, 5000), SetOptions::new().expire_in(9 * SECOND)).unwrap();
        assert_eq!(db.sort_store("s", "to", &plain()).unwrap(), 3);
        assert_eq!(items(&db, "to"), ["1", "2", "3"]);
        assert_eq!(db.data_type("to").unwrap(), Some(DataType::List));
        assert_eq!(db.ttl("to").unwrap(), Ttl::Forever);
        db.strings().set("name:2", "two").unwrap();
        assert_eq!(db.sort_store("s", "to", &plain().get("name:*").get("#")).unwrap(), 6);
        assert_eq!(items(&db, "to"), ["", "1", "two", "2", "", "3"]);
        assert_eq!(db.sort_store("to", "to", &plain().alphabetic().descending()).unwrap(), 6, "onto itself");
        assert_eq!(items(&db, "to"), ["two", "3", "2", "1", "", ""]);
        assert_eq!(db.sort_store("s", "to", &plain().limit(9, 9)).unwrap(), 0);
        assert!(!db.exists("to").unwrap(), "an empty result removes the key");
        db.sets().add("to", ["m"]).unwrap();
        assert_eq!(db.sort_store("missing", "to", &plain()).unwrap(), 0);
        assert!(!db.exists("to").unwrap());
        assert_eq!(db.sort_store("missing", "to", &plain()).unwrap(), 0);
        db.sets().add("words", ["b", "c", "a"]).unwrap();
        assert_eq!(db.sort_store("words", "to", &plain().by("nosort").descending().limit(0, 2)).unwrap(), 2);
        assert_eq!(items(&db, "to"), ["c", "b"], "a set has no order, so it gets one");
        fixture.seconds_pass(10);
        settle(store);
        assert_eq!(items(&db, "to"), ["c", "b"]);
        assert_eq!(db.len().unwrap(), 4);
    });
}

#[test]
fn a_refused_sort_changes_nothing() {
    both(|_, store| {
        let db = store.db(0);
        db.strings().set("string", "v").unwrap();
        db.sets().add("words", ["a"]).unwrap();
        db.sets().add("to", ["kept"]).unwrap();
        assert_eq!(db.sort("string", &plain()).unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(db.sort_store("string", "to", &plain()).unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(db.sort_store("words", "to", &plain()).unwrap_err().kind(), ErrorKind::NotAFloat);
        assert!(db.sets().contains("to", "kept").unwrap());
        assert!(db.sort("missing", &plain()).unwrap().is_empty());
        assert!(store.db(77).sort("missing", &plain()).unwrap().is_empty());
    });
}

#[test]
fn a_sort_of_an_expired_key_finds_nothing() {
    both(|fixture, store| {
        let db = store.db(0);
        db.sets().add("s", ["1"]).unwrap();
        db.expire("s", SECOND).unwrap();
        let view = store.view().unwrap();
        fixture.seconds_pass(1);
        assert!(db.sort("s", &plain()).unwrap().is_empty());
        assert_eq!(sorted(&view.db(0), "s", &plain()), ["1"]);
        db.strings().set("to", "v").unwrap();
        assert_eq!(db.sort_store("s", "to", &plain()).unwrap(), 0);
        assert!(!db.exists("to").unwrap());
    });
}

#[test]
fn a_large_list_is_stored_and_read_from_any_place() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add("s", (0..70_000).map(|n| format!("{n:0100}"))).unwrap();
        assert_eq!(db.sort_store("s", "l", &plain().descending()).unwrap(), 70_000);
        db.delete(["s"]).unwrap();
        settle(store);
        let all = items(&db, "l");
        assert_eq!(all.len(), 70_000);
        assert!(all.iter().rev().is_sorted());
        let middle = plain().by("nosort").limit(40_000, 3);
        assert_eq!(sorted(&db, "l", &middle), all[40_000..40_003]);
        let from_the_end = sorted(&db, "l", &middle.descending());
        assert_eq!(from_the_end, [&all[29_999], &all[29_998], &all[29_997]]);
    });
}
