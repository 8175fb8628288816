//! Inside, every type shows what was written inside, over what was there before; outside, nobody sees it until the end.

use std::time::Duration;

use windrow::{CreateOptions, ExpireCondition, ListEnd, ScanCursor, ScanOptions, SortOptions, Ttl, ZRange};

use crate::both::both;
use crate::data::{members, payload};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn strings_show_their_own_writes_and_nobody_else_sees_them() {
    both(|_, store| {
        let db = store.db(0);
        let long = payload(1, 40_000);
        db.strings().set("old", "1").unwrap();
        db.transaction(["old", "new", "long"], |inside| {
            assert_eq!(inside.strings().incr("old")?, 2);
            assert_eq!(inside.strings().incr("old")?, 3);
            inside.strings().set("long", &long)?;
            inside.strings().set_range("long", 16_380, "0123456789")?;
            assert_eq!(inside.strings().get_range("long", 16_379, 16_391)?[1..11], *b"0123456789");
            assert_eq!(inside.strings().append("long", "tail")?, 40_004);
            assert!(inside.strings().get("long")?.unwrap().ends_with(b"tail"));
            assert_eq!(inside.strings().mget(["old", "new"])?, [Some("3".into()), None]);
            assert_eq!(inside.exists_many(["old", "new", "long"])?, 2);
            assert_eq!(db.strings().mget(["old", "long"])?, [Some("1".into()), None], "outside");
            assert_eq!(store.view()?.db(0).strings().get("old")?, Some("1".into()));
            Ok(())
        })
        .unwrap();
        assert_eq!(db.strings().get("old").unwrap().unwrap(), "3");
        assert_eq!(db.strings().len("long").unwrap(), 40_004);
        assert_eq!(db.len().unwrap(), 2);
    });
}

#[test]
fn sets_are_walked_as_they_are_inside() {
    both(|_, store| {
        let db = store.db(0);
        let (even, odd): (Vec<u32>, Vec<u32>) = (0..400).partition(|n| n % 2 == 0);
        let name = |n: &u32| format!("{n:03}");
        db.sets().add("s", even.iter().map(name)).unwrap();
        db.transaction(["s", "t"], |inside| {
            inside.sets().remove("s", ["000", "398", "100"])?;
            inside.sets().add("s", odd.iter().map(name))?;
            let expected: Vec<String> = (0..400).filter(|n| ![0, 398, 100].contains(n)).map(|n| name(&n)).collect();
            assert_eq!(members(inside, "s"), expected);
            assert!(inside.sets().contains("s", "001")? && !inside.sets().contains("s", "100")?);
            assert_eq!(inside.sets().len("s")?, 397);
            inside.sets().add("t", ["001", "100", "102"])?;
            let common: Vec<_> = inside.sets().inter(["s", "t"])?.collect::<windrow::Result<_>>()?;
            assert_eq!(common, ["001", "102"]);
            assert_eq!(inside.sets().union_store("t", ["s", "t"])?, 398);
            let page = inside.sets().scan("t", &ScanCursor::START, ScanOptions::new().count(3))?;
            assert_eq!(page.items, ["001", "002", "003"]);
            let sorted = inside.sort("t", &SortOptions::new().limit(0, 2))?;
            assert_eq!(sorted, [Some("001".into()), Some("002".into())]);
            Ok(())
        })
        .unwrap();
        assert_eq!((db.sets().len("s").unwrap(), db.sets().len("t").unwrap()), (397, 398));
        assert_eq!(members(&db, "s").len(), 397);
        assert!(db.sets().contains("t", "100").unwrap());
    });
}

#[test]
fn hashes_and_lists_show_their_own_writes() {
    both(|_, store| {
        let db = store.db(0);
        db.hashes().set_many("h", [("a", "1"), ("c", "3")]).unwrap();
        db.lists().push_right("l", ["1", "2", "3"]).unwrap();
        db.transaction(["h", "l", "l2"], |inside| {
            let (hashes, lists) = (inside.hashes(), inside.lists());
            hashes.set_many("h", [("b", "2"), ("a", "one")])?;
            hashes.delete("h", ["c"])?;
            let entries: Vec<_> = hashes.get_all("h")?.collect::<windrow::Result<_>>()?;
            assert_eq!(entries, [("a".into(), "one".into()), ("b".into(), "2".into())]);
            lists.push_left("l", ["0"])?;
            lists.move_item("l", "l2", ListEnd::Right, ListEnd::Left)?;
            lists.insert_after("l", "1", "1.5")?;
            lists.set("l", -1, "two")?;
            let items: Vec<_> = lists.range("l", 0, -1)?.collect::<windrow::Result<_>>()?;
            assert_eq!(items, ["0", "1", "1.5", "two"]);
            let back: Vec<_> = lists.range_back("l", 0, -1)?.collect::<windrow::Result<_>>()?;
            assert_eq!(back, ["two", "1.5", "1", "0"]);
            assert_eq!(lists.pop_right("l2")?, Some("3".into()));
            assert!(!inside.exists("l2")?);
            Ok(())
        })
        .unwrap();
        let items: Vec<_> = db.lists().range("l", 0, -1).unwrap().map(Result::unwrap).collect();
        assert_eq!(items, ["0", "1", "1.5", "two"]);
        assert_eq!(db.hashes().len("h").unwrap(), 2);
        assert!(!db.exists("l2").unwrap());
    });
}

#[test]
fn sorted_sets_are_ranked_and_popped_as_they_are_inside() {
    both(|_, store| {
        let db = store.db(0);
        let zsets = db.zsets();
        // Deep enough for an index of ranks, and popped so that its margins are known.
        zsets.add("z", (0..6000_u32).map(|n| (format!("{n:04}"), f64::from(n)))).unwrap();
        zsets.pop_min("z", 10).unwrap();
        assert_eq!(zsets.rank("z", "3010").unwrap(), Some(3000));
        db.transaction(["z"], |inside| {
            let zsets = inside.zsets();
            assert_eq!(zsets.rank("z", "3010")?, Some(3000), "by the index");
            zsets.add("z", [("first", -1.0), ("last", 1e9), ("0010", 2.5e9)])?;
            assert_eq!(zsets.rank("z", "3010")?, Some(3000));
            assert_eq!(zsets.rev_rank("z", "0010")?, Some(0));
            assert_eq!(zsets.pop_min("z", 2)?, [("first".into(), -1.0), ("0011".into(), 11.0)]);
            assert_eq!(zsets.pop_max("z", 1)?, [("0010".into(), 2.5e9)]);
            assert_eq!(zsets.remove_range("z", ZRange::ranks(0, 9))?, 10);
            assert_eq!(zsets.remove_range("z", ZRange::scores(5990.0, 1e12))?, 11);
            let ends: Vec<_> = zsets.range("z", ZRange::ranks(-2, -1))?.collect::<windrow::Result<_>>()?;
            assert_eq!(ends, [("5988".into(), 5988.0), ("5989".into(), 5989.0)]);
            let back: Vec<_> = zsets.range("z", ZRange::ranks(-2, -1).rev())?.collect::<windrow::Result<_>>()?;
            assert_eq!(back, [("0023".into(), 23.0), ("0022".into(), 22.0)]);
            // It goes and comes again: an index must not count it twice.
            zsets.remove("z", ["4000"])?;
            zsets.add("z", [("4000", 4000.0), ("gone again", 7.0)])?;
            zsets.remove("z", ["gone again"])?;
            Ok(())
        })
        .unwrap();
        assert_eq!(zsets.len("z").unwrap(), 5968);
        for n in [22, 23, 2500, 3999, 4000, 4001, 5989_u32] {
            assert_eq!(zsets.rank("z", format!("{n:04}")).unwrap(), Some(u64::from(n) - 22), "{n}");
        }
        assert_eq!(zsets.pop_min("z", 1).unwrap(), [("0022".into(), 22.0)]);
        assert_eq!(zsets.pop_max("z", 1).unwrap(), [("5989".into(), 5989.0)]);
    });
}

#[test]
fn an_undone_pop_leaves_what_pops_remember_true() {
    both(|_, store| {
        let db = store.db(0);
        db.zsets().add("z", (0..100_u32).map(|n| (format!("{n:03}"), f64::from(n)))).unwrap();
        let undone: windrow::Result<()> = db.transaction(["z"], |inside| {
            inside.zsets().pop_min("z", 40)?;
            inside.zsets().pop_min("z", 40)?;
            inside.zsets().pop_max("z", 5)?;
            super::stop()
        });
        assert!(undone.is_err());
        assert_eq!(db.zsets().pop_min("z", 1).unwrap(), [("000".into(), 0.0)]);
        assert_eq!(db.zsets().pop_max("z", 1).unwrap(), [("099".into(), 99.0)]);
    });
}

#[test]
fn expiries_change_as_they_do_outside_and_time_stands_still() {
    both(|fixture, store| {
        let db = store.db(0);
        db.sets().add("s", ["a"]).unwrap();
        db.transaction(["s", "t"], |inside| {
            assert!(inside.expire("s", MINUTE)?);
            fixture.seconds_pass(30);
            assert_eq!(inside.ttl("s")?, Ttl::In(MINUTE));
            inside.sets().add_with("t", ["b"], CreateOptions::new().expire_in(Duration::from_secs(1)))?;
            fixture.seconds_pass(5);
            assert!(inside.exists("t")?);
            assert!(inside.expire_if("s", 2 * MINUTE, ExpireCondition::Later)?);
            inside.expire("t", Duration::ZERO)?;
            assert!(!inside.exists("t")?);
            inside.persist("s").map(drop)
        })
        .unwrap();
        assert_eq!(db.ttl("s").unwrap(), Ttl::Forever);
        assert!(!db.exists("t").unwrap());
    });
}

#[test]
fn a_walk_goes_on_over_what_there_was_when_it_began() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add("s", ["a", "c"]).unwrap();
        let kept = db
            .transaction(["s"], |inside| {
                inside.sets().add("s", ["b"])?;
                let walk = inside.sets().members("s")?;
                inside.sets().add("s", ["bb"])?;
                inside.sets().remove("s", ["a"])?;
                let later = inside.sets().members("s")?;
                assert_eq!(walk.collect::<windrow::Result<Vec<_>>>()?, ["a", "b", "c"]);
                Ok(later)
            })
            .unwrap();
        db.delete(["s"]).unwrap();
        assert_eq!(kept.collect::<windrow::Result<Vec<_>>>().unwrap(), ["b", "bb", "c"], "kept beyond the end");
    });
}

#[test]
fn an_index_of_ranks_is_neither_believed_inside_nor_misled_by_what_comes_and_goes_there() {
    both(|_, store| {
        let db = store.db(0);
        let zsets = db.zsets();
        let name = |n: u32| format!("{n:04}");
        zsets.add("z", (0..6000).map(|n| (name(n), f64::from(n)))).unwrap();
        let ranks = |known: &dyn Fn(u32) -> u64| {
            for n in [3009, 3011, 2600, 3300, 4999, 5001] {
                assert_eq!(zsets.rank("z", name(n)).unwrap(), Some(known(n)), "{n}");
            }
        };
        ranks(&u64::from);
        assert!(store.stats().rank_indexes > 0);
        db.transaction(["z", "t"], |inside| {
            let zsets = inside.zsets();
            // Of the same size as what the index has counted, but one member has moved from the beginning to the end.
            zsets.incr_by("z", name(0), 1e6)?;
            assert_eq!(zsets.rank("z", name(3010))?, Some(3009));
            assert_eq!(zsets.count("z", ZRange::scores(3010.0, 3500.0))?, 491);
            assert_eq!(zsets.range_store("t", "z", ZRange::ranks(3009, 3009))?, 1);
            assert_eq!(zsets.score("t", name(3010))?, Some(3010.0));
            assert_eq!(zsets.remove_range("z", ZRange::ranks(3009, 3009))?, 1);
            assert_eq!(zsets.score("z", name(3010))?, None);
            Ok(())
        })
        .unwrap();
        ranks(&|n| u64::from(if n < 3010 { n - 1 } else { n - 2 }));
        db.transaction(["z"], |inside| {
            let zsets = inside.zsets();
            zsets.remove("z", [name(4000)])?;
            zsets.add("z", [(name(4000), 4000.0), ("passing".to_owned(), 100.5)])?;
            zsets.remove("z", ["passing"])?;
            zsets.add("z", [("last", 1e7)]).map(drop)
        })
        .unwrap();
        ranks(&|n| u64::from(if n < 3010 { n - 1 } else { n - 2 }));
    });
}
