//! Removing and trimming.

use std::time::Duration;

use windrow::{CreateOptions, ListEnd, Ttl};

use super::{both, items, numbers, open, record};
use crate::data::payload;
use crate::fixture::{Fixture, close_and_check, settle};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_removal_counts_from_the_end_that_its_sign_says() {
    both(|_, store| {
        let db = store.db(0);
        let fill = || {
            db.delete(["l"]).unwrap();
            db.lists().push_right("l", ["x", "a", "x", "b", "x", "c", "x"]).unwrap();
        };
        let cases: [(i64, u64, &[&str]); 7] = [
            (1, 1, &["a", "x", "b", "x", "c", "x"]),
            (2, 2, &["a", "b", "x", "c", "x"]),
            (-1, 1, &["x", "a", "x", "b", "x", "c"]),
            (-3, 3, &["x", "a", "b", "c"]),
            (0, 4, &["a", "b", "c"]),
            (i64::MAX, 4, &["a", "b", "c"]),
            (i64::MIN, 4, &["a", "b", "c"]),
        ];
        for (count, removed, left) in cases {
            fill();
            assert_eq!(db.lists().remove("l", count, "x").unwrap(), removed, "{count}");
            assert_eq!(items(&db, "l"), left, "{count}");
        }
        assert_eq!(db.lists().remove("l", 0, "nowhere").unwrap(), 0);
        assert_eq!(db.lists().remove("none", 0, "x").unwrap(), 0);
        assert_eq!(items(&db, "l"), ["a", "b", "c"]);
    });
}

#[test]
fn every_pattern_of_removed_items_leaves_the_others_in_order() {
    both(|_, store| {
        let db = store.db(0);
        for pattern in 0..1_u32 << 9 {
            let all: Vec<String> =
                (0..9).map(|n| if pattern >> n & 1 == 1 { "x".to_owned() } else { n.to_string() }).collect();
            db.lists().push_right("l", &all).unwrap();
            assert_eq!(db.lists().remove("l", 0, "x").unwrap(), u64::from(pattern.count_ones()));
            let left: Vec<&String> = all.iter().filter(|item| *item != "x").collect();
            assert_eq!(items(&db, "l"), left);
            assert_eq!(db.exists("l").unwrap(), !left.is_empty());
            db.delete(["l"]).unwrap();
        }
    });
}

#[test]
fn removing_the_last_items_removes_the_key() {
    both(|fixture, store| {
        let db = store.db(0);
        let minute = CreateOptions::new().expire_in(MINUTE);
        db.lists().push_with("l", ListEnd::Right, ["x", "x", "x"], minute).unwrap();
        assert_eq!(db.lists().remove("l", 0, "x").unwrap(), 3);
        assert!(!db.exists("l").unwrap());
        db.lists().push_right("l", ["new"]).unwrap();
        assert_eq!(db.ttl("l").unwrap(), Ttl::Forever);
        fixture.seconds_pass(100);
        settle(store);
        assert_eq!(items(&db, "l"), ["new"]);
        assert_eq!(store.stats().keys_reaped, 0);
    });
}

#[test]
fn trimming_keeps_what_redis_keeps() {
    both(|_, store| {
        let db = store.db(0);
        let all = numbers(0..6);
        for start in -8..9_i64 {
            for stop in -8..9_i64 {
                db.delete(["l"]).unwrap();
                db.lists().push_left("l", all.iter().rev()).unwrap();
                db.lists().trim("l", start, stop).unwrap();
                let place = |index: i64| if index < 0 { index + 6 } else { index };
                let kept: Vec<&String> = (place(start).max(0)..=place(stop).min(5)).map(|n| &all[n as usize]).collect();
                assert_eq!(items(&db, "l"), kept, "{start} {stop}");
                assert_eq!(db.exists("l").unwrap(), !kept.is_empty());
            }
        }
        db.lists().trim("none", 0, -1).unwrap();
        assert!(!db.exists("none").unwrap());
    });
}

#[test]
fn trimming_a_long_list_to_little_or_to_most_of_it_keeps_its_expiry() {
    both(|fixture, store| {
        let db = store.db(0);
        let minute = CreateOptions::new().expire_in(MINUTE);
        for (start, end) in [(0, 10), (490, 500), (200, 210), (0, 480), (20, 500), (50, 300), (7, 8)] {
            db.delete(["l"]).unwrap();
            db.lists().push_with("l", ListEnd::Right, numbers(0..500), minute).unwrap();
            db.lists().trim("l", start, end - 1).unwrap();
            assert_eq!(items(&db, "l"), numbers(start as usize..end as usize));
            assert_eq!(db.ttl("l").unwrap(), Ttl::In(MINUTE));
            db.lists().push_left("l", ["left"]).unwrap();
            db.lists().push_right("l", ["right"]).unwrap();
            assert_eq!(db.lists().len("l").unwrap(), (end - start) as u64 + 2);
            settle(store);
        }
        fixture.seconds_pass(60);
        settle(store);
        assert_eq!((db.len().unwrap(), store.stats().data_file_bytes), (0, 0));
    });
}

#[test]
fn what_is_left_of_a_very_large_list_is_written_in_several_commits() {
    both(|_, store| {
        let db = store.db(0);
        let item = |n: usize| if n % 16 == 3 { payload(n as u64, 100_000) } else { format!("{}", n % 2).into_bytes() };
        let minute = CreateOptions::new().expire_in(MINUTE);
        db.lists().push_with("l", ListEnd::Right, (0..1600).map(item), minute).unwrap();
        let view = store.view().unwrap();
        assert_eq!(db.lists().remove("l", 0, "0").unwrap(), 800);
        let odd: Vec<Vec<u8>> = (0..1600).filter(|n| n % 2 == 1).map(item).collect();
        assert!(items(&db, "l") == odd);
        db.lists().remove("l", 0, "1").unwrap();
        let large: Vec<Vec<u8>> = (0..1600).filter(|n| n % 16 == 3).map(item).collect();
        assert!(items(&db, "l") == large);
        assert_eq!(db.ttl("l").unwrap(), Ttl::In(MINUTE));
        assert_eq!(view.db(0).lists().len("l").unwrap(), 1600);
        assert!(items(&view.db(0), "l") == (0..1600).map(item).collect::<Vec<_>>());
        drop(view);
        settle(store);
        assert!(items(&db, "l") == large);
    });
}

/// What becomes of a list of the numbers 0 to 999: whether it goes on under its id, and how far its head moves.
fn moved_by(change: impl Fn(&windrow::Lists<'_>)) -> (bool, i128) {
    let fixture = Fixture::new();
    let path = fixture.path("store");
    let store = open(&fixture, 0);
    store.db(0).lists().push_right("l", numbers(0..1000)).unwrap();
    close_and_check(store, &path);
    let (old_id, old_head, _) = record(&path);
    let store = open(&fixture, 0);
    change(&store.db(0).lists());
    close_and_check(store, &path);
    let (id, head, _) = record(&path);
    (id == old_id, i128::from(head) - i128::from(old_head))
}

#[test]
fn the_longest_run_stays_in_place_and_little_that_is_left_is_written_anew() {
    let remove = |items: &'static [&'static str]| {
        moved_by(|lists| items.iter().for_each(|item| assert_eq!(lists.remove("l", 0, item).unwrap(), 1)))
    };
    assert_eq!(remove(&["990"]), (true, 0));
    assert_eq!(remove(&["10"]), (true, 1));
    assert_eq!(remove(&["10", "20", "980"]), (true, 2));
    assert_eq!(moved_by(|lists| assert!(lists.insert_after("l", "10", "x").unwrap().is_some())), (true, -1));
    assert_eq!(moved_by(|lists| assert!(lists.insert_before("l", "990", "x").unwrap().is_some())), (true, 0));
    assert_eq!(moved_by(|lists| lists.set("l", 500, "x").unwrap()), (true, 0));
    assert_eq!(moved_by(|lists| lists.trim("l", 100, 899).unwrap()), (true, 100));
    assert_eq!(moved_by(|lists| lists.trim("l", 0, 500).unwrap()), (true, 0));
    assert_eq!(moved_by(|lists| lists.trim("l", 100, 199).unwrap()), (false, 0));
    assert_eq!(moved_by(|lists| drop(lists.pop("l", ListEnd::Left, 900).unwrap())), (false, 0));
    assert_eq!(moved_by(|lists| drop(lists.pop("l", ListEnd::Left, 100).unwrap())), (true, 100));
}

#[test]
fn a_trim_to_a_few_small_items_packs_them_into_the_record() {
    let fixture = Fixture::new();
    let store = open(&fixture, 512);
    let db = store.db(0);
    let minute = CreateOptions::new().expire_in(MINUTE);
    db.lists().push_with("l", ListEnd::Right, numbers(0..1000), minute).unwrap();
    db.lists().trim("l", 500, 509).unwrap();
    settle(&store);
    assert_eq!(store.stats().data_file_bytes, 0, "nothing lies apart any more");
    assert_eq!(items(&db, "l"), numbers(500..510));
    db.lists().push_left("l", numbers(0..1000)).unwrap();
    assert_eq!(db.lists().index("l", -1).unwrap().unwrap(), "509");
    assert_eq!(db.ttl("l").unwrap(), Ttl::In(MINUTE));
    fixture.seconds_pass(60);
    settle(&store);
    assert_eq!((db.len().unwrap(), store.stats().data_file_bytes), (0, 0));
    drop(db);
    close_and_check(store, &fixture.path("store"));
}
