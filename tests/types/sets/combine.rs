//! Unions, intersections and differences, read and stored.

use std::time::Duration;

use bytes::Bytes;
use windrow::{CreateOptions, DataType, Db, ErrorKind, Members, Source, Ttl};

use crate::both::both;
use crate::data::members;
use crate::fixture::{START, settle};

fn read(members: Members) -> Vec<Bytes> {
    members.map(Result::unwrap).collect()
}

fn numbers(range: std::ops::Range<u32>, step: usize) -> impl Iterator<Item = String> {
    range.step_by(step).map(|n| format!("{n:06}"))
}

fn combined<S: Source>(db: &Db<S>, keys: &[&str]) -> [Vec<Bytes>; 3] {
    let sets = db.sets();
    [read(sets.union(keys).unwrap()), read(sets.inter(keys).unwrap()), read(sets.diff(keys).unwrap())]
}

#[test]
fn combinations_come_in_byte_order_each_member_once() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add("a", ["", "1", "2", "3", "\u{ff}"]).unwrap();
        db.sets().add("b", ["", "2", "3", "4"]).unwrap();
        db.sets().add("c", ["3", "5", ""]).unwrap();
        let [union, inter, diff] = combined(&db, &["a", "b", "c"]);
        assert_eq!(union, ["", "1", "2", "3", "4", "5", "\u{ff}"]);
        assert_eq!(inter, ["", "3"]);
        assert_eq!(diff, ["1", "\u{ff}"]);
        let [union, inter, diff] = combined(&db, &["a", "a"]);
        assert_eq!((union.len(), inter.len(), diff.len()), (5, 5, 0), "the same set twice");
        let [union, inter, diff] = combined(&db, &["a"]);
        assert_eq!((union.len(), inter.len(), diff.len()), (5, 5, 5), "one set alone");
        let [union, inter, diff] = combined(&db, &["a", "missing"]);
        assert_eq!((union.len(), inter.len(), diff.len()), (5, 0, 5));
        let [union, inter, diff] = combined(&db, &["missing", "a"]);
        assert_eq!((union.len(), inter.len(), diff.len()), (5, 0, 0));
        assert_eq!(combined(&db, &["missing"]).map(|all| all.len()), [0, 0, 0]);
    });
}

#[test]
fn sets_of_very_different_sizes_combine_as_others_do() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add("large", numbers(0..20_000, 1)).unwrap();
        db.sets().add("middle", numbers(0..20_000, 50)).unwrap();
        db.sets().add("small", ["000050", "000051", "019950", "x"]).unwrap();
        for keys in [["large", "middle", "small"], ["small", "large", "middle"], ["middle", "small", "large"]] {
            assert_eq!(read(db.sets().inter(keys).unwrap()), ["000050", "019950"]);
            assert_eq!(db.sets().union(keys).unwrap().count(), 20_001);
        }
        assert_eq!(read(db.sets().diff(["small", "large"]).unwrap()), ["x"]);
        assert_eq!(read(db.sets().diff(["small", "middle"]).unwrap()), ["000051", "x"]);
        assert_eq!(db.sets().diff(["large", "small", "middle"]).unwrap().count(), 20_000 - 401);
    });
}

#[test]
fn the_size_of_an_intersection_is_counted_as_far_as_the_limit() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add("a", numbers(0..100, 1)).unwrap();
        db.sets().add("b", numbers(0..100, 2)).unwrap();
        for (limit, expected) in [(0, 50), (1, 1), (49, 49), (50, 50), (51, 50), (u64::MAX, 50)] {
            assert_eq!(db.sets().inter_card(["a", "b"], limit).unwrap(), expected, "limit {limit}");
        }
        assert_eq!(db.sets().inter_card(["a", "missing"], 0).unwrap(), 0);
        assert_eq!(db.sets().inter_card(["a"], 7).unwrap(), 7);
    });
}

#[test]
fn a_wrong_type_is_refused_even_beside_a_missing_key_and_no_keys_are_refused() {
    both(|_, store| {
        let db = store.db(0);
        let sets = db.sets();
        db.strings().set("string", "v").unwrap();
        sets.add("s", ["a"]).unwrap();
        sets.add("kept", ["a"]).unwrap();
        for keys in [["missing", "string"], ["string", "missing"], ["s", "string"], ["string", "s"]] {
            let refused = [
                sets.union(keys).err(),
                sets.inter(keys).err(),
                sets.diff(keys).err(),
                sets.inter_card(keys, 1).err(),
                sets.union_store("kept", keys).err(),
                sets.inter_store("kept", keys).err(),
                sets.diff_store("kept", keys).err(),
            ];
            for (n, error) in refused.into_iter().enumerate() {
                assert_eq!(error.unwrap().kind(), ErrorKind::WrongType, "operation {n} of {keys:?}");
            }
        }
        assert_eq!(members(&db, "kept"), ["a"]);
        let none: [&str; 0] = [];
        assert_eq!(sets.union(none).err().unwrap().kind(), ErrorKind::InvalidInput);
        assert_eq!(sets.inter_card(none, 0).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(sets.diff_store("kept", none).unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_stored_result_replaces_whatever_was_there_and_its_expiry() {
    both(|fixture, store| {
        let db = store.db(0);
        let sets = db.sets();
        sets.add("a", ["1", "2"]).unwrap();
        sets.add("b", ["2", "3"]).unwrap();
        db.strings().set("d", "a string").unwrap();
        db.expire("d", Duration::from_secs(60)).unwrap();
        assert_eq!(sets.union_store("d", ["a", "b"]).unwrap(), 3);
        assert_eq!(db.data_type("d").unwrap(), Some(DataType::Set));
        assert_eq!(db.ttl("d").unwrap(), Ttl::Forever);
        assert_eq!(sets.inter_store("d", ["a", "b", "d"]).unwrap(), 1, "the destination is a source");
        assert_eq!(members(&db, "d"), ["2"]);
        assert_eq!(sets.diff_store("a", ["a", "b"]).unwrap(), 1);
        assert_eq!(members(&db, "a"), ["1"]);
        assert_eq!(sets.union_store("b", ["b"]).unwrap(), 2, "onto itself");
        assert_eq!(members(&db, "b"), ["2", "3"]);
        assert_eq!(sets.inter_store("d", ["a", "b"]).unwrap(), 0);
        assert!(!db.exists("d").unwrap(), "an empty result removes the key");
        db.strings().set("d", "a string").unwrap();
        assert_eq!(sets.diff_store("d", ["missing", "a"]).unwrap(), 0);
        assert!(!db.exists("d").unwrap());
        assert_eq!(db.len().unwrap(), 2);
        fixture.seconds_pass(100);
        settle(store);
        assert_eq!(store.stats().keys_reaped, 0);
    });
}

#[test]
fn a_stored_result_is_born_as_the_caller_says() {
    both(|fixture, store| {
        let db = store.db(0);
        let sets = db.sets();
        sets.add("a", ["1", "2"]).unwrap();
        let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
        assert_eq!(sets.union_store_with("u", ["a"], minute).unwrap(), 2);
        assert_eq!(sets.inter_store_with("i", ["a"], minute.growing()).unwrap(), 2);
        assert_eq!(sets.diff_store_with("d", ["a"], minute).unwrap(), 2);
        assert_eq!(db.ttl("i").unwrap(), Ttl::In(Duration::from_secs(60)));
        let past = CreateOptions::new().expire_at(START);
        assert_eq!(sets.union_store_with("u", ["a"], past).unwrap(), 0);
        assert!(!db.exists("u").unwrap());
        fixture.seconds_pass(60);
        assert_eq!(sets.union(["i", "d", "u"]).unwrap().count(), 0, "expired sets are absent");
        assert_eq!(sets.union_store("i", ["i", "a"]).unwrap(), 2);
        settle(store);
        assert_eq!(db.len().unwrap(), 2);
    });
}

#[test]
fn a_result_larger_than_a_commit_is_stored_whole_and_seen_at_once() {
    both(|_, store| {
        let db = store.db(0);
        let long = "x".repeat(200);
        db.sets().add("a", (0..25_000).map(|n| format!("{n:06}{long}"))).unwrap();
        db.sets().add("b", (20_000..45_000).map(|n| format!("{n:06}{long}"))).unwrap();
        db.sets().add("d", ["old"]).unwrap();
        let before = store.view().unwrap();
        assert_eq!(db.sets().union_store("d", ["a", "b", "d"]).unwrap(), 45_001);
        assert_eq!(db.sets().len("d").unwrap(), 45_001);
        let union: Vec<Bytes> = read(db.sets().union(["a", "b"]).unwrap());
        assert_eq!(union.len(), 45_000);
        assert_eq!(read(db.sets().diff(["d", "missing"]).unwrap()).len(), 45_001);
        assert!(read(db.sets().inter(["d", "a", "b"]).unwrap()) == union[20_000..25_000]);
        assert_eq!(members(&before.db(0), "d"), ["old"]);
        drop(before);
        assert_eq!(db.sets().diff_store("d", ["d", "d"]).unwrap(), 0);
        settle(store);
    });
}

#[test]
fn a_combination_shows_one_moment_and_outlives_its_sets() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add("a", numbers(0..1000, 1)).unwrap();
        db.sets().add("b", numbers(0..1000, 2)).unwrap();
        let view = store.view().unwrap();
        let mut open = [["a", "b"]; 3].map(|keys| db.sets().inter(keys).unwrap());
        let union = db.sets().union(["a", "b"]).unwrap();
        assert_eq!(open[0].next_ref().unwrap(), Some(b"000000".as_slice()));
        db.sets().add("b", numbers(0..1000, 1)).unwrap();
        db.delete(["a"]).unwrap();
        settle_while(store, || {
            assert_eq!(open.each_mut().map(|members| members.by_ref().count()), [499, 500, 500]);
            assert_eq!(union.count(), 1000);
            assert_eq!(combined(&view.db(0), &["a", "b"]).map(|all| all.len()), [1000, 500, 500]);
            assert_eq!(view.db(0).sets().inter_card(["a", "b"], 0).unwrap(), 500);
        });
        assert!(open[0].next_ref().unwrap().is_none() && open[0].next().is_none());
    });
}

/// Reclaims what can be reclaimed, then runs the rest, then reclaims again.
fn settle_while(store: &windrow::Store, rest: impl FnOnce()) {
    // It does not settle while readers hold data back: that is the point.
    let _ = store.settle(Duration::from_millis(200)).unwrap();
    rest();
}
