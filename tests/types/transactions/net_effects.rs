//! What several changes of the same keys come to: one commit of the difference, nothing leaked, nothing torn.

use std::time::Duration;

use windrow::{CreateOptions, SetOptions, Ttl};

use crate::both::both;
use crate::data::{keys, members, payload};
use crate::fixture::settle;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn what_is_created_and_deleted_again_was_never_there() {
    both(|_, store| {
        let db = store.db(0);
        db.transaction(["a", "b"], |inside| {
            inside.sets().add_with("a", ["m"], CreateOptions::new().expire_in(MINUTE))?;
            inside.strings().set("b", payload(1, 20_000))?;
            inside.delete(["a", "b"]).map(drop)
        })
        .unwrap();
        assert!(keys(&db).is_empty());
        assert_eq!(db.len().unwrap(), 0);
        settle(store);
        assert_eq!(store.stats().data_file_bytes, 0);
    });
}

#[test]
fn renames_in_a_ring_move_collections_and_bury_none_of_them() {
    both(|_, store| {
        let db = store.db(0);
        let options = CreateOptions::new().expire_in(MINUTE);
        db.sets().add_with("a", ["of a"], options).unwrap();
        db.sets().add("b", ["of b"]).unwrap();
        db.lists().push_right("c", ["of c"]).unwrap();
        db.transaction(["a", "b", "c", "tmp"], |inside| {
            inside.rename("a", "tmp")?;
            inside.rename("b", "a")?;
            inside.rename("c", "b")?;
            inside.rename("tmp", "c")?;
            // Changed under its new name.
            inside.sets().add("a", ["more"])?;
            inside.sets().remove("c", ["of a"])?;
            inside.sets().add("c", ["again"]).map(drop)
        })
        .unwrap();
        assert_eq!(members(&db, "a"), ["more", "of b"]);
        assert_eq!(db.lists().index("b", 0).unwrap().unwrap(), "of c");
        assert_eq!(members(&db, "c"), ["again"]);
        assert_eq!(db.len().unwrap(), 3);
        settle(store);
        assert_eq!(members(&db, "a"), ["more", "of b"], "nothing of it was reclaimed");
        assert_eq!(db.lists().index("b", 0).unwrap().unwrap(), "of c");
        db.delete(["a", "b", "c"]).unwrap();
        settle(store);
        assert_eq!(store.stats().data_file_bytes, 0);
    });
}

#[test]
fn exchanged_names_keep_both_collections() {
    both(|_, store| {
        let (here, there) = (store.db(0), store.db(3));
        here.hashes().set("k", "f", payload(1, 3000)).unwrap();
        there.hashes().set("k", "f", payload(2, 3000)).unwrap();
        let keys = [(0, "k"), (0, "tmp"), (3, "k")];
        store
            .transaction(keys, |tx| {
                tx.db(0).rename("k", "tmp")?;
                assert!(tx.db(3).move_to("k", 0)?);
                tx.db(0).rename("k", "k").unwrap();
                let options = windrow::CopyOptions::new().to_db(3);
                assert!(tx.db(0).copy_with("tmp", "k", options)?);
                tx.db(0).delete(["tmp"]).map(drop)
            })
            .unwrap();
        settle(store);
        assert_eq!(here.hashes().get("k", "f").unwrap().unwrap(), payload(2, 3000));
        assert_eq!(there.hashes().get("k", "f").unwrap().unwrap(), payload(1, 3000));
        assert_eq!((here.len().unwrap(), there.len().unwrap()), (1, 1));
    });
}

#[test]
fn one_value_over_another_buries_only_what_was_there_before() {
    both(|fixture, store| {
        let db = store.db(0);
        db.sets().add("k", ["old"]).unwrap();
        db.transaction(["k"], |inside| {
            for n in 0..5 {
                inside.strings().set("k", payload(n, 20_000))?;
                inside.delete(["k"])?;
                inside.sets().add("k", [format!("{n}")])?;
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(members(&db, "k"), ["4"]);
        assert_eq!(db.len().unwrap(), 1);
        settle(store);
        assert_eq!(members(&db, "k"), ["4"]);
        fixture.seconds_pass(100);
        settle(store);
        assert_eq!(db.len().unwrap(), 1);
    });
}

#[test]
fn expiries_that_come_and_go_are_filed_as_they_end() {
    both(|fixture, store| {
        let db = store.db(0);
        db.sets().add_with("lasting", ["m"], CreateOptions::new().expire_in(MINUTE)).unwrap();
        db.sets().add("brief", ["m"]).unwrap();
        db.transaction(["lasting", "brief", "new", "moved"], |inside| {
            inside.expire("lasting", 3 * MINUTE)?;
            inside.persist("lasting")?;
            inside.expire("brief", 9 * MINUTE)?;
            inside.expire("brief", MINUTE)?;
            inside.strings().set_with("new", "v", SetOptions::new().expire_in(MINUTE))?;
            inside.rename("new", "moved").map(drop)
        })
        .unwrap();
        assert_eq!(db.ttl("lasting").unwrap(), Ttl::Forever);
        assert_eq!(db.ttl("brief").unwrap(), Ttl::In(MINUTE));
        assert_eq!(db.ttl("moved").unwrap(), Ttl::In(MINUTE));
        fixture.seconds_pass(61);
        settle(store);
        assert_eq!(keys(&db), ["lasting"]);
        assert_eq!(db.len().unwrap(), 1);
        assert_eq!(members(&db, "lasting"), ["m"]);
    });
}

#[test]
fn an_expired_key_stays_with_the_reaper_whatever_comes_in_its_place() {
    both(|fixture, store| {
        let db = store.db(0);
        let brief = CreateOptions::new().expire_in(Duration::from_secs(1));
        for key in ["replaced", "left", "replaced and gone"] {
            db.sets().add_with(key, ["m"], brief).unwrap();
        }
        fixture.seconds_pass(2);
        db.transaction(["replaced", "left", "replaced and gone"], |inside| {
            assert!(!inside.exists("left")?);
            assert_eq!(inside.delete(["left"])?, 0);
            inside.sets().add("replaced", ["new"])?;
            inside.sets().add("replaced and gone", ["new"])?;
            inside.delete(["replaced and gone"]).map(drop)
        })
        .unwrap();
        assert_eq!(keys(&db), ["replaced"]);
        settle(store);
        assert_eq!(db.len().unwrap(), 1);
        assert_eq!(members(&db, "replaced"), ["new"]);
    });
}

#[test]
fn a_collection_that_is_emptied_and_begun_again_is_a_new_one() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add_with("s", ["a", "b"], CreateOptions::new().expire_in(MINUTE)).unwrap();
        db.zsets().add("z", [("a", 1.0), ("b", 2.0)]).unwrap();
        db.transaction(["s", "z"], |inside| {
            inside.sets().remove("s", ["a", "b"])?;
            assert_eq!(inside.ttl("s")?, Ttl::NoKey);
            inside.sets().add("s", ["b", "c"])?;
            inside.zsets().pop_max("z", 9)?;
            inside.zsets().add("z", [("b", 5.0)]).map(drop)
        })
        .unwrap();
        assert_eq!(db.ttl("s").unwrap(), Ttl::Forever);
        assert_eq!(members(&db, "s"), ["b", "c"]);
        assert_eq!(db.zsets().score("z", "b").unwrap(), Some(5.0));
        settle(store);
        assert_eq!(members(&db, "s"), ["b", "c"]);
    });
}

#[test]
fn nothing_at_all_commits_nothing() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add("s", ["a"]).unwrap();
        let written = store.stats().clone();
        db.transaction(["s", "t"], |inside| {
            assert_eq!(inside.sets().add("s", ["a"])?, 0);
            inside.sets().add("s", ["b"])?;
            inside.sets().remove("s", ["b"])?;
            inside.strings().get("t").map(drop)
        })
        .unwrap();
        assert_eq!(store.stats().log_bytes, written.log_bytes);
        assert_eq!(members(&db, "s"), ["a"]);
        store.transaction(std::iter::empty::<(u32, &str)>(), |_| Ok(())).unwrap();
    });
}
