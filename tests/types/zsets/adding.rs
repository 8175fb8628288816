//! Scores: given, changed under conditions, incremented, and what is no score.

use std::time::Duration;

use windrow::{CreateOptions, DataType, ErrorKind, Ttl, ZAddOptions, ZRange};

use super::{all, on_both};
use crate::fixture::START;

const INF: f64 = f64::INFINITY;

#[test]
fn members_are_counted_once_and_stand_in_the_order_of_scores_then_bytes() {
    on_both(|_, store| {
        let db = store.db(0);
        let zsets = db.zsets();
        assert_eq!(zsets.add("z", [("b", 2.0), ("a", 2.0), ("c", -1.5), ("", 0.0), ("b", 3.0)]).unwrap(), 4);
        assert_eq!(zsets.add("z", [("a", 2.0), ("d", INF), ("e", -INF)]).unwrap(), 2);
        assert_eq!(all(&db, "z"), "e-inf c-1.5 0 a2 b3 dinf");
        assert_eq!(zsets.len("z").unwrap(), 6);
        assert_eq!(zsets.score("z", "c").unwrap(), Some(-1.5));
        assert_eq!(zsets.score("z", "x").unwrap(), None);
        assert_eq!(zsets.mscore("z", ["a", "x", ""]).unwrap(), [Some(2.0), None, Some(0.0)]);
        assert_eq!(zsets.mscore("missing", ["a", "x"]).unwrap(), [None, None]);
        assert_eq!((zsets.len("missing").unwrap(), zsets.score("missing", "a").unwrap()), (0, None));
        assert_eq!(db.data_type("z").unwrap(), Some(DataType::SortedSet));
    });
}

#[test]
fn a_member_that_is_given_several_scores_in_one_call_keeps_the_last_in_every_order() {
    on_both(|_, store| {
        let db = store.db(0);
        let done = db.zsets().add_with("z", [("a", 1.0), ("a", 2.0), ("a", 1.0)], ZAddOptions::new()).unwrap();
        assert_eq!((done.added, done.updated), (1, 2));
        assert_eq!(all(&db, "z"), "a1");
        db.zsets().add("z", [("a", 5.0), ("b", 3.0), ("a", 1.0), ("b", 0.5)]).unwrap();
        assert_eq!(all(&db, "z"), "b0.5 a1");
        assert_eq!(db.zsets().count("z", ZRange::scores(-INF, INF)).unwrap(), 2);
    });
}

#[test]
fn conditions_decide_which_members_and_which_scores_may_change() {
    let plain = ZAddOptions::new();
    let cases = [
        (plain, (1, 2), "low1 high20 new5"),
        (plain.if_absent(), (1, 0), "low10 high10 new5"),
        (plain.if_present(), (0, 2), "low1 high20"),
        (plain.if_greater(), (1, 1), "low10 high20 new5"),
        (plain.if_less(), (1, 1), "low1 high10 new5"),
        (plain.if_present().if_greater(), (0, 1), "low10 high20"),
        (plain.if_present().if_less(), (0, 1), "low1 high10"),
    ];
    on_both(|_, store| {
        let db = store.db(0);
        for (options, wanted, left) in cases {
            db.delete(["z"]).unwrap();
            db.zsets().add("z", [("low", 10.0), ("high", 10.0), ("same", 10.0)]).unwrap();
            let given = [("low", 1.0), ("high", 20.0), ("same", 10.0), ("new", 5.0)];
            let done = db.zsets().add_with("z", given, options).unwrap();
            assert_eq!((done.added, done.updated), wanted, "{options:?}");
            db.zsets().remove("z", ["same"]).unwrap();
            let mut found: Vec<String> = all(&db, "z").split(' ').map(str::to_owned).collect();
            let mut left: Vec<&str> = left.split(' ').collect();
            found.sort_unstable();
            left.sort_unstable();
            assert_eq!(found, left, "{options:?}");
        }
        for options in [plain.if_present(), plain.if_present().if_greater()] {
            assert_eq!(db.zsets().add_with("missing", [("a", 1.0)], options).unwrap().added, 0);
            assert_eq!(db.zsets().incr_by_with("missing", "a", 1.0, options).unwrap(), None);
        }
        assert!(!db.exists("missing").unwrap());
        for options in [plain.if_absent().if_greater(), plain.if_less().if_absent()] {
            let refused = db.zsets().add_with("z", [("a", 1.0)], options).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidInput);
            assert_eq!(db.zsets().incr_by_with("z", "a", 1.0, options).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    });
}

#[test]
fn increments_start_at_nothing_and_answer_whether_the_condition_let_them_be() {
    on_both(|_, store| {
        let db = store.db(0);
        let zsets = db.zsets();
        let plain = ZAddOptions::new();
        assert_eq!(zsets.incr_by("z", "a", 1.5).unwrap(), 1.5);
        assert_eq!(zsets.incr_by("z", "a", 1.5).unwrap(), 3.0);
        assert_eq!(zsets.incr_by("z", "a", 0.0).unwrap(), 3.0);
        assert_eq!(zsets.incr_by_with("z", "a", 1.0, plain.if_greater()).unwrap(), Some(4.0));
        assert_eq!(zsets.incr_by_with("z", "a", 0.0, plain.if_greater()).unwrap(), None);
        assert_eq!(zsets.incr_by_with("z", "a", 1.0, plain.if_less()).unwrap(), None);
        assert_eq!(zsets.incr_by_with("z", "a", 1.0, plain.if_absent()).unwrap(), None);
        assert_eq!(zsets.incr_by_with("z", "b", 1.0, plain.if_present()).unwrap(), None);
        assert_eq!(zsets.incr_by_with("z", "b", -9.0, plain.if_greater()).unwrap(), Some(-9.0));
        assert_eq!(all(&db, "z"), "b-9 a4");
    });
}

#[test]
fn what_is_no_number_is_refused_and_changes_nothing() {
    on_both(|_, store| {
        let db = store.db(0);
        let zsets = db.zsets();
        zsets.add("z", [("a", INF), ("b", 1.0)]).unwrap();
        let refused = [
            zsets.incr_by("z", "a", -INF).err(),
            zsets.incr_by("z", "b", f64::NAN).err(),
            zsets.add("z", [("b", 7.0), ("c", f64::NAN)]).err(),
            zsets.range("z", ZRange::scores(f64::NAN, 1.0)).err(),
            zsets.count("z", ZRange::scores(1.0, windrow::ScoreBound::Excluded(f64::NAN))).err(),
            zsets.remove_range("missing", ZRange::scores(f64::NAN, f64::NAN)).err(),
            zsets.range_store("d", "z", ZRange::scores(f64::NAN, 1.0)).err(),
        ];
        for (n, error) in refused.into_iter().enumerate() {
            assert_eq!(error.unwrap().kind(), ErrorKind::NotANumber, "operation {n}");
        }
        assert_eq!(all(&db, "z"), "b1 ainf");
        assert_eq!(zsets.incr_by("z", "a", INF).unwrap(), INF);
    });
}

#[test]
fn the_two_zeros_are_one_score() {
    on_both(|_, store| {
        let db = store.db(0);
        db.zsets().add("z", [("b", -0.0), ("a", 0.0)]).unwrap();
        assert_eq!(db.zsets().add_with("z", [("b", 0.0)], ZAddOptions::new()).unwrap().updated, 0);
        assert_eq!(all(&db, "z"), "a0 b0");
        assert_eq!(db.zsets().incr_by("z", "a", -0.0).unwrap().to_bits(), 0.0_f64.to_bits());
        assert_eq!(db.zsets().count("z", ZRange::scores(-0.0, 0.0)).unwrap(), 2);
    });
}

#[test]
fn only_the_call_that_creates_a_set_gives_it_an_expiry() {
    on_both(|fixture, store| {
        let db = store.db(0);
        let minute = ZAddOptions::new().create(CreateOptions::new().expire_in(Duration::from_secs(60)));
        db.zsets().add_with("z", [("a", 1.0)], minute).unwrap();
        db.zsets().add("z", [("b", 1.0)]).unwrap();
        assert_eq!(db.ttl("z").unwrap(), Ttl::In(Duration::from_secs(60)));
        assert_eq!(db.zsets().incr_by_with("n", "a", 2.0, minute).unwrap(), Some(2.0));
        fixture.seconds_pass(60);
        assert_eq!((db.zsets().len("z").unwrap(), db.zsets().score("n", "a").unwrap()), (0, None));
        assert_eq!(db.zsets().add("z", [("c", 1.0)]).unwrap(), 1);
        assert_eq!((db.ttl("z").unwrap(), all(&db, "z").as_str()), (Ttl::Forever, "c1"));
        let past = ZAddOptions::new().create(CreateOptions::new().expire_at(START));
        assert_eq!(db.zsets().add_with("late", [("a", 1.0)], past).unwrap().added, 0);
        assert_eq!(db.zsets().incr_by_with("late", "a", 1.0, past).unwrap(), None);
        assert!(!db.exists("late").unwrap());
        assert_eq!(db.zsets().add("none", Vec::<(&str, f64)>::new()).unwrap(), 0);
        assert!(!db.exists("none").unwrap());
    });
}

#[test]
fn members_of_any_bytes_keep_their_order_within_a_score_and_too_long_ones_are_refused() {
    on_both(|_, store| {
        let db = store.db(0);
        let mut members: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
        members.extend([vec![], vec![0; 9], vec![0xff; 9], vec![0, 0xff], b"a\0".to_vec()]);
        db.zsets().add("z", members.iter().map(|member| (member, 1.0))).unwrap();
        members.sort();
        let found = super::read(db.zsets().range("z", ZRange::ranks(0, -1)).unwrap());
        assert_eq!(found.into_iter().map(|(member, _)| member.to_vec()).collect::<Vec<_>>(), members);
        for (rank, member) in members.iter().enumerate() {
            assert_eq!(db.zsets().rank("z", member).unwrap(), Some(rank as u64));
        }
        let long = vec![b'x'; (64 << 10) + 1];
        let too_long = [db.zsets().add("z", [(&long, 1.0)]).err(), db.zsets().incr_by("z", &long, 1.0).err()];
        for error in too_long {
            assert_eq!(error.unwrap().kind(), ErrorKind::TooLarge);
        }
    });
}
