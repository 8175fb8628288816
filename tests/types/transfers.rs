//! Keys that change their names and dbs, and copies: RENAMENX, MOVE, COPY, EXISTS, TOUCH, UNLINK.

use std::time::Duration;

use windrow::{CopyOptions, CreateOptions, ErrorKind, SetOptions, Ttl};

use crate::both::both;
use crate::data::{keys, members, payload};
use crate::fixture::settle;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn exists_and_touch_count_a_key_as_often_as_it_is_named() {
    both(|fixture, store| {
        let db = store.db(0);
        db.strings().set("a", "1").unwrap();
        db.sets().add_with("gone", ["m"], CreateOptions::new().expire_in(SECOND)).unwrap();
        let view = store.view().unwrap();
        fixture.seconds_pass(1);
        let named = ["a", "missing", "a", "gone", "a"];
        assert_eq!(db.exists_many(named).unwrap(), 3);
        assert_eq!(db.touch(named).unwrap(), 3);
        assert_eq!(view.db(0).exists_many(named).unwrap(), 4);
        assert_eq!(db.exists_many(Vec::<&str>::new()).unwrap(), 0);
        assert_eq!(store.db(5).touch(named).unwrap(), 0);
        assert_eq!(db.unlink(named).unwrap(), 1);
        assert!(keys(&db).is_empty());
    });
}

#[test]
fn a_rename_if_absent_spares_what_is_there() {
    both(|fixture, store| {
        let db = store.db(0);
        assert_eq!(db.rename_if_absent("a", "b").unwrap_err().kind(), ErrorKind::NoSuchKey);
        assert_eq!(db.rename_if_absent("a", "a").unwrap_err().kind(), ErrorKind::NoSuchKey);
        db.sets().add_with("a", ["m"], CreateOptions::new().expire_in(9 * SECOND)).unwrap();
        db.strings().set("b", "kept").unwrap();
        db.strings().set_with("gone", "v", SetOptions::new().expire_in(SECOND)).unwrap();
        fixture.seconds_pass(1);
        assert!(!db.rename_if_absent("a", "b").unwrap());
        assert!(!db.rename_if_absent("a", "a").unwrap());
        assert_eq!(db.strings().get("b").unwrap().unwrap(), "kept");
        assert_eq!(db.rename_if_absent("missing", "b").unwrap_err().kind(), ErrorKind::NoSuchKey);
        assert!(db.rename_if_absent("a", "gone").unwrap(), "an expired key is absent");
        assert_eq!(members(&db, "gone"), ["m"]);
        assert_eq!(db.ttl("gone").unwrap(), Ttl::In(8 * SECOND));
        assert_eq!(keys(&db), ["b", "gone"]);
        settle(store);
        assert_eq!(db.len().unwrap(), 2);
    });
}

#[test]
fn a_move_takes_value_and_expiry_to_the_other_db_and_spares_what_is_there() {
    both(|fixture, store| {
        let (here, there) = (store.db(0), store.db(7));
        assert!(!here.move_to("s", 7).unwrap());
        assert_eq!(here.move_to("s", 0).unwrap_err().kind(), ErrorKind::InvalidInput);
        here.sets().add_with("s", ["a", "b"], CreateOptions::new().expire_in(9 * SECOND)).unwrap();
        here.strings().set("big", payload(1, 40_000)).unwrap();
        there.strings().set_with("s", "in the way", SetOptions::new().expire_in(SECOND)).unwrap();
        assert!(!here.move_to("s", 7).unwrap());
        fixture.seconds_pass(1);
        assert!(here.move_to("s", 7).unwrap());
        assert!(here.move_to("big", 7).unwrap());
        assert!(keys(&here).is_empty());
        assert_eq!(here.len().unwrap(), 0);
        assert_eq!(members(&there, "s"), ["a", "b"]);
        assert_eq!(there.ttl("s").unwrap(), Ttl::In(8 * SECOND));
        assert_eq!(there.strings().get("big").unwrap().unwrap(), payload(1, 40_000));
        settle(store);
        assert_eq!(there.len().unwrap(), 2);
        here.flush().unwrap();
        settle(store);
        assert_eq!(there.strings().get("big").unwrap().unwrap(), payload(1, 40_000), "it is of the other db now");
        fixture.seconds_pass(8);
        assert!(!there.exists("s").unwrap());
        settle(store);
        assert_eq!(there.len().unwrap(), 1);
    });
}

#[test]
fn a_copy_lives_on_its_own_whatever_becomes_of_the_original() {
    both(|fixture, store| {
        let db = store.db(0);
        for length in [0, 1, 1024, 1025, 16_384, 16_385, 100_000] {
            let value = payload(2, length);
            db.strings().set_with("k", &value, SetOptions::new().expire_in(100 * SECOND)).unwrap();
            assert!(db.copy_with("k", "copy", CopyOptions::new().replace()).unwrap());
            db.strings().append("k", "more").unwrap();
            db.expire("k", SECOND).unwrap();
            fixture.seconds_pass(1);
            settle(store);
            assert!(db.strings().get("copy").unwrap().unwrap() == value, "{length}");
            assert_eq!(db.ttl("copy").unwrap(), Ttl::In(99 * SECOND));
            db.strings().append("copy", "x").unwrap();
            assert_eq!(db.strings().len("copy").unwrap(), length as u64 + 1);
        }
        db.sets().add("s", ["a", "b", ""]).unwrap();
        assert!(db.copy_with("s", "copy", CopyOptions::new().replace()).unwrap());
        assert_eq!(db.ttl("copy").unwrap(), Ttl::Forever);
        db.sets().remove("s", ["a"]).unwrap();
        db.sets().add("copy", ["c"]).unwrap();
        assert_eq!(members(&db, "s"), ["", "b"]);
        assert_eq!(members(&db, "copy"), ["", "a", "b", "c"]);
        db.delete(["s"]).unwrap();
        settle(store);
        assert_eq!(members(&db, "copy"), ["", "a", "b", "c"]);
    });
}

#[test]
fn copies_of_lists_hashes_and_sorted_sets_go_on_like_their_originals() {
    both(|_, store| {
        let db = store.db(0);
        for length in [1, 3, 5000, 60_000] {
            let names: Vec<String> = (0..length).map(|n| format!("{n:0100}")).collect();
            db.lists().push_left("l", &names).unwrap();
            // The head moves away from the middle, and the list becomes short again.
            db.lists().push_right("l", ["last"]).unwrap();
            db.lists().pop("l", windrow::ListEnd::Left, length / 3).unwrap();
            db.hashes().set_many("h", names.iter().map(|name| (name, &name[90..]))).unwrap();
            db.zsets().add("z", (0_i32..).zip(&names).map(|(n, name)| (name, f64::from(n % 7) - 3.0))).unwrap();
            for key in ["l", "h", "z"] {
                assert!(db.copy_with(key, key, CopyOptions::new().to_db(1)).unwrap());
            }
            let copies = store.db(1);
            let items =
                |db: &windrow::Db| -> Vec<_> { db.lists().range("l", 0, -1).unwrap().map(Result::unwrap).collect() };
            let fields =
                |db: &windrow::Db| -> Vec<_> { db.hashes().get_all("h").unwrap().map(Result::unwrap).collect() };
            let scores = |db: &windrow::Db| -> Vec<_> {
                db.zsets().range("z", windrow::ZRange::ranks(0, -1)).unwrap().map(Result::unwrap).collect()
            };
            assert!(items(&copies) == items(&db) && fields(&copies) == fields(&db) && scores(&copies) == scores(&db));
            assert_eq!(fields(&copies).len() as u64, copies.hashes().len("h").unwrap());
            copies.lists().push_left("l", ["first"]).unwrap();
            copies.lists().push_right("l", ["very last"]).unwrap();
            copies.zsets().add("z", [(&names[0], 100.0)]).unwrap();
            let grown = items(&copies);
            assert_eq!((grown[0].as_ref(), grown[1..grown.len() - 1].len()), (b"first".as_slice(), items(&db).len()));
            assert_eq!(grown[1..grown.len() - 1], items(&db));
            assert_eq!(copies.zsets().rank("z", &names[0]).unwrap(), Some(length - 1));
            db.delete(["l", "h", "z"]).unwrap();
            settle(store);
            assert_eq!(items(&copies), grown);
            copies.flush().unwrap();
        }
    });
}

#[test]
fn a_copy_spares_what_is_there_unless_it_may_replace_it() {
    both(|fixture, store| {
        let db = store.db(0);
        assert!(!db.copy("missing", "k").unwrap());
        assert_eq!(db.copy("missing", "missing").unwrap_err().kind(), ErrorKind::InvalidInput);
        let here = CopyOptions::new().to_db(0).replace();
        assert_eq!(db.copy_with("k", "k", here).unwrap_err().kind(), ErrorKind::InvalidInput);
        db.sets().add("from", ["a"]).unwrap();
        db.strings().set_with("to", payload(1, 5000), SetOptions::new().expire_in(SECOND)).unwrap();
        assert!(!db.copy("from", "to").unwrap());
        assert_eq!(db.strings().get("to").unwrap().unwrap(), payload(1, 5000));
        assert!(!db.copy_with("missing", "to", CopyOptions::new().replace()).unwrap());
        fixture.seconds_pass(1);
        assert!(db.copy("from", "to").unwrap(), "an expired key is absent");
        assert!(db.copy_with("from", "from", CopyOptions::new().to_db(3)).unwrap());
        assert!(!db.copy_with("from", "from", CopyOptions::new().to_db(3)).unwrap());
        assert_eq!(members(&store.db(3), "from"), ["a"]);
        db.sets().add_with("from", ["b"], CreateOptions::new()).unwrap();
        assert!(db.copy_with("from", "from", CopyOptions::new().to_db(3).replace()).unwrap());
        assert_eq!(members(&store.db(3), "from"), ["a", "b"]);
        settle(store);
        assert_eq!((db.len().unwrap(), store.db(3).len().unwrap()), (2, 1));
        db.sets().add_with("soon", ["a"], CreateOptions::new().expire_in(SECOND)).unwrap();
        fixture.seconds_pass(1);
        assert!(!db.copy("soon", "free").unwrap());
    });
}

#[test]
fn copies_of_large_values_go_to_disk_in_parts_and_leave_nothing_behind() {
    both(|fixture, store| {
        let db = store.db(0);
        let value = payload(3, 10 << 20);
        db.strings().set_with("big", &value, SetOptions::new().expire_in(500 * SECOND)).unwrap();
        let names: Vec<String> = (0..60_000).map(|n| format!("{n:0100}")).collect();
        db.sets().add("set", &names).unwrap();
        assert!(db.copy("big", "big2").unwrap());
        assert!(db.copy_with("set", "set", CopyOptions::new().to_db(1)).unwrap());
        db.delete(["big", "set"]).unwrap();
        settle(store);
        assert!(db.strings().get("big2").unwrap().unwrap() == value);
        assert_eq!(db.ttl("big2").unwrap(), Ttl::In(500 * SECOND));
        assert_eq!(members(&store.db(1), "set"), names);
        assert_eq!(store.db(1).sets().len("set").unwrap(), 60_000);
        fixture.seconds_pass(500);
        store.db(1).delete(["set"]).unwrap();
        settle(store);
        assert_eq!(store.stats().data_file_bytes, 0);
    });
}

#[test]
fn a_string_with_gaps_is_copied_with_them() {
    both(|_, store| {
        let db = store.db(0);
        db.strings().set_range("k", 5_000_000, "end").unwrap();
        db.strings().set_range("k", 100_000, "middle").unwrap();
        assert!(db.copy("k", "copy").unwrap());
        let (original, copy) = (db.strings().get("k").unwrap(), db.strings().get("copy").unwrap());
        assert!(original == copy && copy.unwrap().len() == 5_000_003);
    });
}

#[test]
fn threads_that_move_a_key_to_and_fro_never_double_or_lose_it() {
    both(|_, store| {
        store.db(0).sets().add("s", ["m"]).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4_u32 {
                let store = store.clone();
                scope.spawn(move || {
                    for n in 0..300 {
                        let (from, to) = if (n + thread) % 2 == 0 { (0, 1) } else { (1, 0) };
                        store.db(from).move_to("s", to).unwrap();
                    }
                });
            }
        });
        let found: Vec<_> = (0..2).filter(|db| store.db(*db).exists("s").unwrap()).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(store.db(0).len().unwrap() + store.db(1).len().unwrap(), 1);
        assert_eq!(members(&store.db(found[0]), "s"), ["m"]);
    });
}
