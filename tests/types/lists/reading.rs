//! Indexes, ranges in both directions, positions, views.

use std::time::Duration;

use bytes::Bytes;
use windrow::{ErrorKind, PositionOptions};

use super::{both, items, numbers};
use crate::data::payload;

fn collect(items: windrow::ListItems) -> Vec<Bytes> {
    items.map(Result::unwrap).collect()
}

#[test]
fn an_index_counts_from_either_end() {
    both(|_, store| {
        let db = store.db(0);
        db.lists().push_left("l", ["c", "b", "a"]).unwrap();
        for (index, item) in [(0, Some("a")), (2, Some("c")), (-1, Some("c")), (-3, Some("a")), (3, None), (-4, None)] {
            assert_eq!(db.lists().index("l", index).unwrap(), item.map(Bytes::from), "{index}");
        }
        assert_eq!(db.lists().index("l", i64::MIN).unwrap(), None);
        assert_eq!(db.lists().index("l", i64::MAX).unwrap(), None);
        assert_eq!(db.lists().index("none", 0).unwrap(), None);
    });
}

#[test]
fn a_range_is_cut_as_redis_cuts_it_and_read_from_both_sides() {
    both(|_, store| {
        let db = store.db(0);
        let all = numbers(0..6);
        db.lists().push_left("l", all.iter().rev()).unwrap();
        for start in -8..9_i64 {
            for stop in -8..9_i64 {
                let place = |index: i64| if index < 0 { index + 6 } else { index };
                let mut expected: Vec<&String> =
                    (place(start).max(0)..=place(stop).min(5)).map(|n| &all[n as usize]).collect();
                let range = db.lists().range("l", start, stop).unwrap();
                assert_eq!(range.left(), expected.len() as u64);
                assert_eq!(collect(range), expected, "{start} {stop}");
                expected.reverse();
                assert_eq!(collect(db.lists().range_back("l", start, stop).unwrap()), expected, "{start} {stop}");
            }
        }
        assert_eq!(collect(db.lists().range("l", i64::MIN, i64::MAX).unwrap()), all);
        assert_eq!(collect(db.lists().range("none", 0, -1).unwrap()).len(), 0);
        assert_eq!(db.lists().range_back("none", 0, -1).unwrap().left(), 0);
    });
}

#[test]
fn items_are_lent_and_owned_in_turn() {
    both(|_, store| {
        let db = store.db(0);
        db.lists().push_right("l", numbers(0..5)).unwrap();
        let mut range = db.lists().range("l", 0, -1).unwrap();
        assert_eq!(range.next_ref().unwrap().unwrap(), b"0");
        assert_eq!(range.next().unwrap().unwrap(), "1");
        assert_eq!((range.left(), range.size_hint()), (3, (0, Some(3))));
        assert_eq!(range.next_ref().unwrap().unwrap(), b"2");
        assert_eq!(range.by_ref().count(), 2);
        assert_eq!(range.next_ref().unwrap(), None);
        assert!(range.next().is_none());
    });
}

#[test]
fn a_walk_shows_the_list_as_it_was_whatever_happens_to_it() {
    both(|fixture, store| {
        let db = store.db(0);
        let all: Vec<Vec<u8>> = (0..200).map(|n| payload(n, 5000)).collect();
        db.lists().push_right("l", &all).unwrap();
        let view = store.view().unwrap();
        let mut forwards = db.lists().range("l", 0, -1).unwrap();
        let mut backwards = db.lists().range_back("l", 0, -1).unwrap();
        assert!(forwards.next().unwrap().unwrap() == all[0]);
        db.lists().insert_before("l", &all[30], "x").unwrap();
        db.lists().remove("l", 0, &all[100]).unwrap();
        db.lists().trim("l", 50, 60).unwrap();
        db.expire("l", Duration::from_secs(1)).unwrap();
        fixture.seconds_pass(2);
        store.settle(Duration::from_millis(100)).unwrap();
        let rest: Vec<Bytes> = forwards.map(Result::unwrap).collect();
        assert!(rest == all[1..]);
        for item in all.iter().rev() {
            assert!(backwards.next_ref().unwrap().unwrap() == item);
        }
        assert!(items(&view.db(0), "l") == all);
        let lists = view.db(0);
        assert!(lists.lists().index("l", -1).unwrap().unwrap() == all[199]);
        assert_eq!(lists.lists().position("l", &all[77]).unwrap(), Some(77));
        assert_eq!(db.lists().len("l").unwrap(), 0);
    });
}

#[test]
fn positions_are_found_by_rank_count_and_length() {
    both(|_, store| {
        let db = store.db(0);
        let all = ["a", "b", "c", "1", "2", "3", "c", "c"];
        db.lists().push_right("l", all).unwrap();
        let find = |options: PositionOptions| db.lists().positions("l", "c", options).unwrap();
        let new = PositionOptions::new;
        let none: [u64; 0] = [];
        assert_eq!(db.lists().position("l", "c").unwrap(), Some(2));
        assert_eq!(find(new()), [2, 6, 7]);
        assert_eq!(find(new().count(2)), [2, 6]);
        assert_eq!(find(new().rank(2)), [6, 7]);
        assert_eq!(find(new().rank(2).count(1)), [6]);
        assert_eq!(find(new().rank(4)), none);
        assert_eq!(find(new().rank(-1)), [7, 6, 2]);
        assert_eq!(find(new().rank(-3)), [2]);
        assert_eq!(find(new().rank(-2).count(1)), [6]);
        assert_eq!(find(new().max_len(2)), none);
        assert_eq!(find(new().max_len(3)), [2]);
        assert_eq!(find(new().rank(-1).max_len(2)), [7, 6]);
        assert_eq!(find(new().rank(-2).max_len(1)), none);
        assert_eq!(find(new().rank(i64::MAX)), none);
        assert_eq!(find(new().count(u64::MAX).max_len(u64::MAX)), [2, 6, 7]);
        assert_eq!(db.lists().position("l", "x").unwrap(), None);
        assert_eq!(db.lists().position("none", "c").unwrap(), None);
        assert_eq!(db.lists().positions("none", "c", new()).unwrap(), none);
        for rank in [0, i64::MIN] {
            for key in ["l", "none"] {
                let error = db.lists().positions(key, "c", new().rank(rank)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
            }
        }
    });
}
