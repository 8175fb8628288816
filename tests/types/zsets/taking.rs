//! Taking members away, chance, wrong types, views, and many members.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use windrow::{CombineOptions, CreateOptions, ErrorKind, ScanCursor, ScanOptions, ZAddOptions, ZEnd, ZRange};

use super::{all, on_both, read, text};
use crate::data::members;
use crate::fixture::settle;

const NONE: [&str; 0] = [];

#[test]
fn removing_the_last_member_removes_the_key_and_its_expiry() {
    on_both(|fixture, store| {
        let db = store.db(0);
        let minute = ZAddOptions::new().create(CreateOptions::new().expire_in(Duration::from_secs(60)));
        let given = [("a", 1.0), ("b", 2.0), ("c", 3.0)];
        let emptied: [&dyn Fn(&str) -> u64; 5] = [
            &|key| db.zsets().remove(key, ["a", "b", "c", "a"]).unwrap(),
            &|key| db.zsets().pop_min(key, 9).unwrap().len() as u64,
            &|key| db.zsets().pop_max(key, 3).unwrap().len() as u64,
            &|key| db.zsets().remove_range(key, ZRange::ranks(0, -1)).unwrap(),
            &|key| db.zsets().remove_range(key, ZRange::scores(1.0, 3.0)).unwrap(),
        ];
        for (n, empty) in emptied.iter().enumerate() {
            db.zsets().add_with("z", given, minute).unwrap();
            assert_eq!(empty("z"), 3, "way {n}");
            assert!(!db.exists("z").unwrap(), "way {n}");
        }
        assert_eq!(db.len().unwrap(), 0);
        db.zsets().add("z", [("new", 1.0)]).unwrap();
        fixture.seconds_pass(100);
        settle(store);
        assert_eq!(store.stats().keys_reaped, 0);
        assert_eq!(all(&db, "z"), "new1");
        assert_eq!(db.zsets().remove("z", ["x"]).unwrap(), 0);
        assert_eq!(db.zsets().remove("missing", ["x"]).unwrap(), 0);
    });
}

#[test]
fn pops_take_from_either_end_in_its_order_and_several_keys_are_tried_in_turn() {
    on_both(|_, store| {
        let db = store.db(0);
        let zsets = db.zsets();
        zsets.add("z", [("a", 1.0), ("b", 1.0), ("c", 2.0), ("d", 3.0), ("e", 3.0)]).unwrap();
        assert_eq!(text(zsets.pop_min("z", 0).unwrap()), "");
        assert_eq!(text(zsets.pop_min("z", 1).unwrap()), "a1");
        assert_eq!(text(zsets.pop_max("z", 2).unwrap()), "e3 d3");
        assert_eq!(all(&db, "z"), "b1 c2");
        assert_eq!(text(zsets.pop_min("missing", 3).unwrap()), "");
        db.strings().set("s", "x").unwrap();
        let popped = zsets.mpop(["missing", "z", "s", "missing"], ZEnd::Max, 1).unwrap().unwrap();
        assert_eq!((popped.key.as_ref(), text(popped.members).as_str()), (b"z".as_slice(), "c2"));
        assert_eq!(zsets.mpop(["missing", "s", "z"], ZEnd::Min, 1).unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(text(zsets.mpop(["z", "z"], ZEnd::Min, u64::MAX).unwrap().unwrap().members), "b1");
        assert_eq!(zsets.mpop(["z", "missing"], ZEnd::Min, 1).unwrap(), None);
        assert_eq!(zsets.mpop(NONE, ZEnd::Min, 1).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(zsets.mpop(["z"], ZEnd::Min, 0).unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn random_members_come_with_their_scores_and_about_equally_often() {
    on_both(|_, store| {
        let db = store.db(0);
        db.zsets().add("z", (0..10).map(|n| (n.to_string(), f64::from(n) / 2.0))).unwrap();
        let mut drawn: BTreeMap<Bytes, u32> = BTreeMap::new();
        let mut repeated = drawn.clone();
        for _ in 0..1000 {
            let three = db.zsets().random("z", 3).unwrap();
            assert_eq!(three.iter().map(|(member, _)| member).collect::<BTreeSet<_>>().len(), 3);
            for (member, score) in three {
                assert_eq!(std::str::from_utf8(&member).unwrap().parse::<f64>().unwrap(), score * 2.0);
                *drawn.entry(member).or_default() += 1;
            }
            for (member, _) in db.zsets().random_repeated("z", 3).unwrap() {
                *repeated.entry(member).or_default() += 1;
            }
        }
        // 300 each are expected; the bounds lie more than six standard deviations away.
        for times in [drawn, repeated] {
            assert!(times.len() == 10 && times.values().all(|times| (200..=400).contains(times)), "{times:?}");
        }
        assert_eq!(db.zsets().random("z", u64::MAX).unwrap().len(), 10);
        assert_eq!(db.zsets().random_repeated("z", 25).unwrap().len(), 25);
        assert_eq!(db.zsets().random("z", 0).unwrap().len(), 0);
        assert_eq!(db.zsets().random_repeated("missing", 5).unwrap().len(), 0);
        assert_eq!(db.zsets().random_repeated("z", u64::MAX).unwrap_err().kind(), ErrorKind::TooLarge);
    });
}

#[test]
fn every_operation_refuses_another_type_and_changes_nothing() {
    on_both(|_, store| {
        let db = store.db(0);
        let zsets = db.zsets();
        let whole = ZRange::ranks(0, -1);
        let plain = CombineOptions::new();
        db.sets().add("k", ["a"]).unwrap();
        db.strings().set("text", "a").unwrap();
        zsets.add("d", [("old", 1.0)]).unwrap();
        let refused = [
            zsets.add("k", [("a", 1.0)]).err(),
            zsets.add("k", Vec::<(&str, f64)>::new()).err(),
            zsets.add_with("k", [("a", 1.0)], ZAddOptions::new().if_present()).err(),
            zsets.incr_by("k", "a", 1.0).err(),
            zsets.remove("k", ["a"]).err(),
            zsets.score("k", "a").err(),
            zsets.mscore("k", ["a"]).err(),
            zsets.len("k").err(),
            zsets.rank("k", "a").err(),
            zsets.rev_rank("k", "a").err(),
            zsets.range("k", whole).err(),
            zsets.count("k", whole).err(),
            zsets.remove_range("k", whole).err(),
            zsets.range_store("d", "k", whole).err(),
            zsets.pop_min("k", 1).err(),
            zsets.pop_max("k", 0).err(),
            zsets.mpop(["k"], ZEnd::Min, 1).err(),
            zsets.random("k", 1).err(),
            zsets.random_repeated("k", 1).err(),
            zsets.union(["d", "text"], plain).err(),
            zsets.inter(["missing", "text"], plain).err(),
            zsets.diff(["d", "text"]).err(),
            zsets.inter_card(["d", "text"], 1).err(),
            zsets.union_store("d", ["d", "text"], plain).err(),
            zsets.inter_store("d", ["d", "text"], plain).err(),
            zsets.diff_store("d", ["missing", "text"]).err(),
        ];
        for (n, error) in refused.into_iter().enumerate() {
            assert_eq!(error.unwrap().kind(), ErrorKind::WrongType, "operation {n}");
        }
        assert_eq!(members(&db, "k"), ["a"]);
        assert_eq!(all(&db, "d"), "old1");
    });
}

#[test]
fn a_view_and_an_iterator_keep_what_they_saw() {
    on_both(|_, store| {
        let db = store.db(0);
        db.zsets().add("z", (0..100).map(|n| (format!("{n:02}"), f64::from(n)))).unwrap();
        let view = store.view().unwrap();
        let seen = view.db(0);
        let mut upwards = db.zsets().range("z", ZRange::ranks(0, -1)).unwrap();
        let downwards = db.zsets().range("z", ZRange::scores(10.0, 19.0).rev()).unwrap();
        db.zsets().add("z", (0..100).map(|n| (format!("{n:02}"), f64::from(-n)))).unwrap();
        db.delete(["z"]).unwrap();
        // The view holds reclaiming back.
        assert!(!store.settle(Duration::from_millis(5)).unwrap());
        for n in 0..100 {
            let (member, score) = upwards.next_ref().unwrap().unwrap();
            assert_eq!((member, score), (format!("{n:02}").as_bytes(), f64::from(n)));
        }
        assert_eq!(upwards.next_ref().unwrap(), None);
        assert_eq!(upwards.next_ref().unwrap(), None);
        assert_eq!(read(downwards).first().unwrap().1, 19.0);
        assert_eq!(seen.zsets().rank("z", "42").unwrap(), Some(42));
        assert_eq!(seen.zsets().count("z", ZRange::scores(0.0, 9.0)).unwrap(), 10);
        assert_eq!(seen.zsets().union(["z", "z"], CombineOptions::new()).unwrap().len(), 100);
        assert_eq!(db.zsets().len("z").unwrap(), 0);
    });
}

#[test]
fn a_set_that_outgrows_its_record_and_one_built_in_several_commits_stay_whole() {
    on_both(|_, store| {
        let db = store.db(0);
        for n in 0..200 {
            db.zsets().add("grown", [(format!("member {n:03}"), f64::from(200 - n))]).unwrap();
            db.zsets().incr_by("grown", format!("member {n:03}"), 0.5).unwrap();
        }
        assert_eq!(db.zsets().len("grown").unwrap(), 200);
        assert_eq!(db.zsets().rank("grown", "member 000").unwrap(), Some(199));
        assert_eq!(db.zsets().rev_rank("grown", "member 000").unwrap(), Some(0));
        let long = "x".repeat(500);
        // Twice each name: the second score replaces one that is on disk already.
        let given = (0..16_000).map(|n| (format!("{}{long}", n % 8000), f64::from(n)));
        assert_eq!(db.zsets().add("large", given).unwrap(), 8000);
        assert_eq!(db.zsets().count("large", ZRange::scores(8000.0, 15_999.0)).unwrap(), 8000);
        assert_eq!(db.zsets().count("large", ZRange::ranks(0, -1)).unwrap(), 8000);
        assert_eq!(read(db.zsets().range("large", ZRange::scores(0.0, 1e9)).unwrap()).len(), 8000);
        assert_eq!(db.zsets().union_store("large", ["large", "grown"], CombineOptions::new()).unwrap(), 8200);
        assert_eq!(db.zsets().range_store("grown", "large", ZRange::ranks(0, 7999)).unwrap(), 8000);
        assert_eq!(db.zsets().inter_card(["grown", "large"], 0).unwrap(), 8000);
        assert_eq!(db.zsets().remove_range("large", ZRange::scores(0.0, 10_000.0)).unwrap(), 2201);
        settle(store);
        assert_eq!(db.zsets().len("large").unwrap(), 5999);
    });
}

#[test]
fn a_scan_gives_every_member_that_stays_once_and_with_its_score_while_others_come_and_go() {
    on_both(|_, store| {
        let db = store.db(0);
        let zsets = db.zsets();
        for size in [5_u32, 60] {
            db.delete(["z"]).unwrap();
            zsets.add("z", (0..size).map(|n| (format!("stays {n:02}"), f64::from(size - n)))).unwrap();
            let (mut cursor, mut found, mut page_number) = (ScanCursor::START, Vec::new(), 0);
            while !cursor.is_finished() {
                let page = zsets.scan("z", &cursor, ScanOptions::new().matching("stays*").count(7)).unwrap();
                found.extend(page.items);
                cursor = page.cursor;
                zsets.add("z", [(format!("stays_not {page_number}"), 0.0)]).unwrap();
                zsets.remove("z", [format!("stays_not {}", page_number - 1)]).unwrap();
                page_number += 1;
            }
            found.retain(|(member, _)| member.starts_with(b"stays "));
            assert_eq!(found.len(), size as usize);
            assert!(found.iter().zip(0..).all(|((_, score), n)| *score == f64::from(size - n)));
        }
        assert!(zsets.scan("missing", &ScanCursor::START, ScanOptions::new()).unwrap().items.is_empty());
        db.strings().set("text", "a").unwrap();
        let refused = zsets.scan("text", &ScanCursor::START, ScanOptions::new()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::WrongType);
    });
}
