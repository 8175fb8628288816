//! Parts by rank, score and member: both directions, limits, empty ones; counted, removed, stored.

use std::time::Duration;

use windrow::ScoreBound::{Excluded, Included};
use windrow::{CreateOptions, LexBound, Ttl, ZRange};

use super::{all, on_both, part};
use crate::data::members;
use crate::fixture::START;

const INF: f64 = f64::INFINITY;
const FIVE: [(&str, f64); 5] = [("a", 1.0), ("b", 2.0), ("c", 2.0), ("d", 3.0), ("e", INF)];

#[test]
fn ranks_count_from_both_ends_and_from_the_top_when_reversed() {
    on_both(|_, store| {
        let db = store.db(0);
        db.zsets().add("z", FIVE).unwrap();
        let cases = [
            (ZRange::ranks(0, -1), "a1 b2 c2 d3 einf"),
            (ZRange::ranks(0, -1).rev(), "einf d3 c2 b2 a1"),
            (ZRange::ranks(1, 2), "b2 c2"),
            (ZRange::ranks(1, 2).rev(), "d3 c2"),
            (ZRange::ranks(-2, -1), "d3 einf"),
            (ZRange::ranks(-2, -1).rev(), "b2 a1"),
            (ZRange::ranks(-99, 0), "a1"),
            (ZRange::ranks(4, 99), "einf"),
            (ZRange::ranks(5, 99), ""),
            (ZRange::ranks(3, 1), ""),
            (ZRange::ranks(0, -6), ""),
            (ZRange::ranks(0, -1).limit(1, 2), "b2 c2"),
            (ZRange::ranks(-3, -1).rev().limit(2, 9), "a1"),
            (ZRange::ranks(0, -1).limit(5, 1), ""),
            (ZRange::ranks(0, -1).limit(0, 0), ""),
        ];
        for (range, wanted) in cases {
            assert_eq!(part(&db, "z", range), wanted, "{range:?}");
            assert_eq!(db.zsets().count("z", range).unwrap(), wanted.split_whitespace().count() as u64, "{range:?}");
        }
        assert_eq!(part(&db, "missing", ZRange::ranks(0, -1)), "");
    });
}

#[test]
fn every_rank_is_found_from_either_end_and_is_its_members_rank() {
    on_both(|_, store| {
        let db = store.db(0);
        for size in [1_u32, 2, 7, 40] {
            db.delete(["z"]).unwrap();
            db.zsets().add("z", (0..size).map(|n| (format!("{n:02}"), f64::from(n / 3)))).unwrap();
            for rank in 0..size {
                let (up, down) = (format!("{rank:02}"), format!("{:02}", size - 1 - rank));
                let at = i64::from(rank);
                assert!(part(&db, "z", ZRange::ranks(at, at)).starts_with(&up));
                assert!(part(&db, "z", ZRange::ranks(at, -1).rev()).starts_with(&down));
                assert_eq!(db.zsets().rank("z", &up).unwrap(), Some(u64::from(rank)));
                assert_eq!(db.zsets().rev_rank("z", &down).unwrap(), Some(u64::from(rank)));
            }
        }
        assert_eq!(db.zsets().rank("z", "x").unwrap(), None);
        assert_eq!(db.zsets().rev_rank("missing", "x").unwrap(), None);
    });
}

#[test]
fn score_bounds_include_exclude_and_may_be_infinite() {
    on_both(|_, store| {
        let db = store.db(0);
        db.zsets().add("z", FIVE).unwrap();
        db.zsets().add("z", [("_", -INF)]).unwrap();
        let cases = [
            (ZRange::scores(-INF, INF), "_-inf a1 b2 c2 d3 einf"),
            (ZRange::scores(Excluded(-INF), Excluded(INF)), "a1 b2 c2 d3"),
            (ZRange::scores(2.0, 3.0), "b2 c2 d3"),
            (ZRange::scores(2.0, 3.0).rev(), "d3 c2 b2"),
            (ZRange::scores(Excluded(1.0), Excluded(3.0)), "b2 c2"),
            (ZRange::scores(Excluded(2.0), Included(2.0)), ""),
            (ZRange::scores(Included(2.0), Excluded(2.0)), ""),
            (ZRange::scores(Excluded(2.0), Excluded(2.0)), ""),
            (ZRange::scores(2.0, 2.0), "b2 c2"),
            (ZRange::scores(3.0, 2.0), ""),
            (ZRange::scores(INF, -INF), ""),
            (ZRange::scores(INF, INF), "einf"),
            (ZRange::scores(Excluded(INF), INF), ""),
            (ZRange::scores(-INF, Excluded(-INF)), ""),
            (ZRange::scores(-INF, -INF), "_-inf"),
            (ZRange::scores(-INF, INF).limit(1, 2), "a1 b2"),
            (ZRange::scores(-INF, INF).rev().limit(1, 2), "d3 c2"),
            (ZRange::scores(2.0, 3.0).limit(2, u64::MAX), "d3"),
            (ZRange::scores(2.0, 3.0).limit(3, 1), ""),
            (ZRange::scores(2.0, 3.0).limit(u64::MAX, u64::MAX), ""),
            (ZRange::scores(2.0, 3.0).limit(0, 0), ""),
        ];
        for (range, wanted) in cases {
            assert_eq!(part(&db, "z", range), wanted, "{range:?}");
            assert_eq!(db.zsets().count("z", range).unwrap(), wanted.split_whitespace().count() as u64, "{range:?}");
        }
        assert_eq!(db.zsets().count("missing", ZRange::scores(-INF, INF)).unwrap(), 0);
    });
}

#[test]
fn member_bounds_follow_byte_order() {
    use LexBound::{Excluded, Included, Max, Min};
    on_both(|_, store| {
        let db = store.db(0);
        db.zsets().add("z", ["", "a", "a\0", "b", "ba", "\u{7f}"].map(|member| (member, 0.0))).unwrap();
        let cases = [
            (ZRange::lex(Min, Max), r"0 a0 a\x000 b0 ba0 \x7f0"),
            (ZRange::lex(Min, Max).rev(), r"\x7f0 ba0 b0 a\x000 a0 0"),
            (ZRange::lex(Included(b"a"), Excluded(b"b")), r"a0 a\x000"),
            (ZRange::lex(Excluded(b"a"), Included(b"b")), r"a\x000 b0"),
            (ZRange::lex(Included(b"a"), Included(b"a")), "a0"),
            (ZRange::lex(Excluded(b"a"), Included(b"a")), ""),
            (ZRange::lex(Included(b"b"), Included(b"a")), ""),
            (ZRange::lex(Excluded(b""), Max).limit(1, 2), r"a\x000 b0"),
            (ZRange::lex(Min, Included(b"b")).rev().limit(1, 2), r"a\x000 a0"),
            (ZRange::lex(Max, Min), ""),
            (ZRange::lex(Max, Max), ""),
            (ZRange::lex(Min, Min), ""),
            (ZRange::lex(Included(b"a"), Min), ""),
            (ZRange::lex(Included(b""), Excluded(b"a")), "0"),
        ];
        for (range, wanted) in cases {
            assert_eq!(part(&db, "z", range), wanted, "{range:?}");
            assert_eq!(
                db.zsets().count("z", range).unwrap(),
                wanted.split(' ').filter(|at| !at.is_empty()).count() as u64
            );
        }
        assert_eq!(db.zsets().remove_range("z", ZRange::lex(Excluded(b"a"), Included(b"ba"))).unwrap(), 3);
        assert_eq!(all(&db, "z"), r"0 a0 \x7f0");
    });
}

#[test]
fn removing_a_part_leaves_the_rest_in_every_order() {
    on_both(|_, store| {
        let db = store.db(0);
        let cases = [
            (ZRange::ranks(0, 1), 2, "c2 d3 einf"),
            (ZRange::ranks(-2, -1), 2, "a1 b2 c2"),
            (ZRange::ranks(0, 1).rev(), 2, "a1 b2 c2"),
            (ZRange::ranks(9, 9), 0, "a1 b2 c2 d3 einf"),
            (ZRange::scores(2.0, 3.0), 3, "a1 einf"),
            (ZRange::scores(Excluded(1.0), INF).limit(1, 1), 1, "a1 b2 d3 einf"),
            (ZRange::scores(7.0, 8.0), 0, "a1 b2 c2 d3 einf"),
        ];
        for (range, removed, left) in cases {
            db.delete(["z"]).unwrap();
            db.zsets().add("z", FIVE).unwrap();
            assert_eq!(db.zsets().remove_range("z", range).unwrap(), removed, "{range:?}");
            assert_eq!(all(&db, "z"), left, "{range:?}");
            assert_eq!(part(&db, "z", ZRange::lex(LexBound::Min, LexBound::Max)), left, "{range:?}");
            assert_eq!(db.zsets().len("z").unwrap(), left.split(' ').count() as u64);
        }
        assert_eq!(db.zsets().remove_range("missing", ZRange::ranks(0, -1)).unwrap(), 0);
    });
}

#[test]
fn a_stored_part_replaces_whatever_was_there_and_nothing_removes_it() {
    on_both(|_, store| {
        let db = store.db(0);
        db.zsets().add("z", FIVE).unwrap();
        db.strings().set("d", "text").unwrap();
        db.expire("d", Duration::from_secs(60)).unwrap();
        assert_eq!(db.zsets().range_store("d", "z", ZRange::scores(2.0, 3.0).rev().limit(1, 2)).unwrap(), 2);
        assert_eq!((all(&db, "d").as_str(), db.ttl("d").unwrap()), ("b2 c2", Ttl::Forever));
        assert_eq!(db.zsets().range_store("z", "z", ZRange::ranks(1, -2)).unwrap(), 3);
        assert_eq!(all(&db, "z"), "b2 c2 d3");
        assert_eq!(db.zsets().range_store("d", "z", ZRange::lex(LexBound::Excluded(b"b"), LexBound::Max)).unwrap(), 2);
        assert_eq!(all(&db, "d"), "c2 d3");
        assert_eq!(db.zsets().range_store("d", "z", ZRange::ranks(7, 9)).unwrap(), 0);
        assert!(!db.exists("d").unwrap());
        db.sets().add("d", ["x"]).unwrap();
        assert_eq!(db.zsets().range_store("d", "missing", ZRange::ranks(0, -1)).unwrap(), 0);
        assert!(!db.exists("d").unwrap());
        db.sets().add("d", ["x"]).unwrap();
        assert!(db.zsets().range_store("z", "d", ZRange::ranks(0, -1)).is_err());
        assert_eq!((members(&db, "d").len(), all(&db, "z").as_str()), (1, "b2 c2 d3"));
        let past = CreateOptions::new().expire_at(START);
        assert_eq!(db.zsets().range_store_with("d", "z", ZRange::ranks(0, -1), past).unwrap(), 0);
        assert!(!db.exists("d").unwrap());
        assert_eq!(db.len().unwrap(), 1);
    });
}

#[test]
fn an_expired_source_is_an_absent_one() {
    on_both(|fixture, store| {
        let db = store.db(0);
        db.zsets().add("z", FIVE).unwrap();
        db.zsets().add("d", [("old", 1.0)]).unwrap();
        db.expire("z", Duration::from_secs(5)).unwrap();
        fixture.seconds_pass(5);
        assert_eq!(part(&db, "z", ZRange::ranks(0, -1)), "");
        assert_eq!(db.zsets().rank("z", "a").unwrap(), None);
        assert_eq!(db.zsets().inter_card(["z", "z"], 0).unwrap(), 0);
        assert_eq!(db.zsets().range_store("d", "z", ZRange::ranks(0, -1)).unwrap(), 0);
        assert!(!db.exists("d").unwrap());
        assert_eq!(db.zsets().range_store("z", "z", ZRange::ranks(0, -1)).unwrap(), 0);
    });
}
