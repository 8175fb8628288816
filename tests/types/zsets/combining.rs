//! Union, intersection, difference: weights, aggregates, infinities, plain sets, and where results go.

use windrow::{Aggregate, CombineOptions, CreateOptions, Db, ErrorKind, Ttl};

use super::{all, on_both, text};

const INF: f64 = f64::INFINITY;
const NONE: [&str; 0] = [];

fn fill(db: &Db) {
    db.zsets().add("a", [("x", 1.0), ("y", 2.0), ("z", 3.0)]).unwrap();
    db.zsets().add("b", [("y", 10.0), ("z", -10.0), ("w", 0.5)]).unwrap();
    db.sets().add("s", ["x", "z", "v"]).unwrap();
    db.zsets().add("up", [("i", INF), ("j", 1.0)]).unwrap();
    db.zsets().add("down", [("i", -INF), ("j", 2.0)]).unwrap();
}

#[test]
fn scores_of_common_members_are_weighed_and_aggregated() {
    let plain = CombineOptions::new();
    let (min, max) = (plain.aggregate(Aggregate::Min), plain.aggregate(Aggregate::Max));
    on_both(|_, store| {
        let db = store.db(0);
        fill(&db);
        let union = |keys: &[&str], options| text(db.zsets().union(keys, options).unwrap());
        let inter = |keys: &[&str], options| text(db.zsets().inter(keys, options).unwrap());
        assert_eq!(union(&["a", "b"], plain), "z-7 w0.5 x1 y12");
        assert_eq!(union(&["a", "b"], min), "z-10 w0.5 x1 y2");
        assert_eq!(union(&["a", "b"], max), "w0.5 x1 z3 y10");
        assert_eq!(union(&["a", "b"], plain.weights(&[2.0, -1.0])), "y-6 w-0.5 x2 z16");
        assert_eq!(union(&["a", "s", "missing"], plain), "v1 x2 y2 z4");
        assert_eq!(union(&["s", "s"], max.weights(&[3.0, 5.0])), "v5 x5 z5");
        assert_eq!(union(&["a", "a"], plain), "x2 y4 z6");
        assert_eq!(union(&["missing"], plain), "");
        assert_eq!(inter(&["a", "b"], plain), "z-7 y12");
        assert_eq!(inter(&["a", "b", "s"], max), "z3");
        assert_eq!(inter(&["a", "s"], plain.weights(&[1.0, 100.0])), "x101 z103");
        assert_eq!(inter(&["a", "missing"], plain), "");
        assert_eq!(inter(&["s", "s"], plain), "v2 x2 z2");
        assert_eq!(inter(&["a"], plain), "x1 y2 z3");
    });
}

/// As Redis 7.0.15 answers.
#[test]
fn infinities_of_both_signs_and_products_with_zero_are_what_redis_makes_of_them() {
    let plain = CombineOptions::new();
    let min = plain.aggregate(Aggregate::Min);
    on_both(|_, store| {
        let db = store.db(0);
        fill(&db);
        let keys = ["up", "down"];
        let union = |options| text(db.zsets().union(keys, options).unwrap());
        let inter = |options| text(db.zsets().inter(keys, options).unwrap());
        assert_eq!(union(plain), "i0 j3");
        assert_eq!(inter(plain), "i0 j3");
        assert_eq!(union(plain.weights(&[0.0, 1.0])), "i-inf j2");
        assert_eq!(inter(plain.weights(&[0.0, 1.0])), "i-inf j2");
        assert_eq!(union(plain.weights(&[1.0, 0.0])), "j1 iinf");
        assert_eq!(inter(plain.weights(&[1.0, 0.0])), "i0 j1");
        assert_eq!(union(min.weights(&[1.0, 0.0])), "i0 j0");
        assert_eq!(inter(min.weights(&[1.0, 0.0])), "j0 iinf");
        assert_eq!(union(plain.weights(&[-INF, INF])), "i-inf j0");
        // The smallest source comes first, wherever it stands: else the sum would be 0.
        db.zsets().add("big", [("i", 5.0), ("x", 1.0), ("y", 1.0), ("z", 1.0)]).unwrap();
        db.zsets().remove("up", ["j"]).unwrap();
        assert_eq!(text(db.zsets().union(["big", "up", "down"], plain).unwrap()), "x1 y1 z1 j2 i5");
        assert_eq!(text(db.zsets().inter(["big", "up", "down"], plain).unwrap()), "i5");
    });
}

#[test]
fn a_difference_keeps_the_scores_of_the_first_and_a_count_stops_at_its_limit() {
    on_both(|_, store| {
        let db = store.db(0);
        fill(&db);
        let diff = |keys: &[&str]| text(db.zsets().diff(keys).unwrap());
        assert_eq!(diff(&["a", "b"]), "x1");
        assert_eq!(diff(&["b", "a", "s"]), "w0.5");
        assert_eq!(diff(&["s", "a"]), "v1");
        assert_eq!(diff(&["a", "missing"]), "x1 y2 z3");
        assert_eq!(diff(&["missing", "a"]), "");
        assert_eq!(diff(&["a", "b", "a"]), "");
        let card = |keys: &[&str], limit| db.zsets().inter_card(keys, limit).unwrap();
        assert_eq!(card(&["a", "b"], 0), 2);
        assert_eq!(card(&["a", "b"], 1), 1);
        assert_eq!(card(&["a", "b"], 9), 2);
        assert_eq!(card(&["a", "s", "a"], 0), 2);
        assert_eq!(card(&["a", "missing"], 0), 0);
    });
}

#[test]
fn results_replace_whatever_was_there_also_a_source_and_nothing_removes_it() {
    let plain = CombineOptions::new();
    on_both(|_, store| {
        let db = store.db(0);
        fill(&db);
        db.strings().set("d", "text").unwrap();
        assert_eq!(db.zsets().union_store("d", ["a", "b"], plain).unwrap(), 4);
        assert_eq!((all(&db, "d").as_str(), db.ttl("d").unwrap()), ("z-7 w0.5 x1 y12", Ttl::Forever));
        assert_eq!(db.zsets().inter_store("d", ["d", "a", "d"], plain).unwrap(), 3);
        assert_eq!(all(&db, "d"), "z-11 x3 y26");
        assert_eq!(db.zsets().diff_store("s", ["s", "a"]).unwrap(), 1);
        assert_eq!(all(&db, "s"), "v1");
        assert_eq!(db.zsets().diff_store("s", ["s", "s"]).unwrap(), 0);
        assert_eq!(db.zsets().inter_store("d", ["d", "missing"], plain).unwrap(), 0);
        assert_eq!(db.zsets().union_store("missing", ["missing"], plain).unwrap(), 0);
        for gone in ["s", "d", "missing"] {
            assert!(!db.exists(gone).unwrap(), "{gone}");
        }
        let past = CreateOptions::new().expire_at(crate::fixture::START);
        assert_eq!(db.zsets().union_store_with("a", ["a", "b"], plain, past).unwrap(), 0);
        assert!(!db.exists("a").unwrap());
    });
}

#[test]
fn keys_and_weights_that_do_not_fit_are_refused() {
    let plain = CombineOptions::new();
    on_both(|_, store| {
        let db = store.db(0);
        fill(&db);
        let zsets = db.zsets();
        let invalid = [
            zsets.union(NONE, plain).err(),
            zsets.inter(NONE, plain).err(),
            zsets.diff(NONE).err(),
            zsets.inter_card(NONE, 0).err(),
            zsets.union_store("a", NONE, plain).err(),
            zsets.diff_store("a", NONE).err(),
            zsets.union(["a", "b"], plain.weights(&[1.0])).err(),
            zsets.inter_store("a", ["a"], plain.weights(&[1.0, 2.0])).err(),
        ];
        for (n, error) in invalid.into_iter().enumerate() {
            assert_eq!(error.unwrap().kind(), ErrorKind::InvalidInput, "operation {n}");
        }
        let nan = plain.weights(&[f64::NAN]);
        assert_eq!(zsets.union(["a"], nan).unwrap_err().kind(), ErrorKind::NotANumber);
        assert_eq!(zsets.union_store("a", ["a"], nan).unwrap_err().kind(), ErrorKind::NotANumber);
        // As in Redis, a source of another type is what is wrong first.
        db.strings().set("string", "v").unwrap();
        assert_eq!(zsets.union(["string"], nan).unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(zsets.inter_store("a", ["a", "string"], nan).unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(all(&db, "a"), "x1 y2 z3");
    });
}

#[test]
fn sources_of_very_different_sizes_give_the_same_as_ones_of_one_size() {
    let plain = CombineOptions::new();
    on_both(|_, store| {
        let db = store.db(0);
        let name = |n: u32| format!("{n:04}");
        for size in [3, 30, 900] {
            let small = (0..size).map(|n| (name(n * (900 / size)), 1.0));
            db.delete(["few"]).unwrap();
            db.zsets().add("few", small).unwrap();
            db.zsets().add("many", (0..900).map(|n| (name(n), f64::from(n)))).unwrap();
            db.sets().add("set", (0..900).filter(|n| n % 2 == 0).map(name)).unwrap();
            let both = db.zsets().inter(["many", "few"], plain).unwrap();
            assert_eq!(both.len(), size as usize);
            assert!(
                both.iter()
                    .all(|(member, score)| std::str::from_utf8(member).unwrap().parse::<f64>().unwrap() == score - 1.0)
            );
            let even = both.iter().filter(|(_, score)| (score - 1.0) % 2.0 == 0.0).count();
            assert_eq!(db.zsets().inter_card(["few", "set", "many"], 0).unwrap(), even as u64);
            assert_eq!(db.zsets().diff(["few", "set"]).unwrap().len(), size as usize - even);
            assert_eq!(db.zsets().diff(["many", "few"]).unwrap().len(), 900 - size as usize);
            assert_eq!(db.zsets().diff(["few", "many"]).unwrap().len(), 0);
        }
    });
}
