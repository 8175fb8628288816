//! Pushing, popping and moving at the ends.

use std::time::Duration;

use windrow::{CreateOptions, DataType, ListEnd, Ttl};

use super::{both, items, numbers};
use crate::fixture::{START, settle};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn items_are_pushed_one_after_the_other_at_either_end() {
    both(|_, store| {
        let db = store.db(0);
        let lists = db.lists();
        assert_eq!(lists.push_left("l", ["a", "b"]).unwrap(), 2);
        assert_eq!(lists.push_right("l", ["c", ""]).unwrap(), 4);
        assert_eq!(lists.push_left("l", [vec![0, 255]]).unwrap(), 5);
        assert_eq!(items(&db, "l"), [&[0, 255][..], b"b", b"a", b"c", b""]);
        assert_eq!(lists.len("l").unwrap(), 5);
        assert_eq!(db.data_type("l").unwrap(), Some(DataType::List));
        assert_eq!(lists.push_left("l", Vec::<&str>::new()).unwrap(), 5);
        assert_eq!(lists.push_right("", [""]).unwrap(), 1);
        assert_eq!(items(&db, ""), [""]);
        assert_eq!(lists.push_right("none", Vec::<&str>::new()).unwrap(), 0);
        assert!(!db.exists("none").unwrap());
    });
}

#[test]
fn a_push_to_an_existing_list_only_creates_nothing() {
    both(|_, store| {
        let db = store.db(0);
        for end in [ListEnd::Left, ListEnd::Right] {
            assert_eq!(db.lists().push_existing("l", end, ["x"]).unwrap(), 0);
            assert!(!db.exists("l").unwrap());
        }
        db.lists().push_right("l", ["m"]).unwrap();
        assert_eq!(db.lists().push_existing("l", ListEnd::Left, ["b", "a"]).unwrap(), 3);
        assert_eq!(db.lists().push_existing("l", ListEnd::Right, ["y", "z"]).unwrap(), 5);
        assert_eq!(items(&db, "l"), ["a", "b", "m", "y", "z"]);
    });
}

#[test]
fn pops_take_from_their_end_and_tell_a_missing_list_from_a_count_of_zero() {
    both(|_, store| {
        let db = store.db(0);
        let lists = db.lists();
        lists.push_right("l", numbers(0..10)).unwrap();
        assert_eq!(lists.pop_left("l").unwrap().unwrap(), "0");
        assert_eq!(lists.pop_right("l").unwrap().unwrap(), "9");
        assert_eq!(lists.pop("l", ListEnd::Left, 2).unwrap().unwrap(), ["1", "2"]);
        assert_eq!(lists.pop("l", ListEnd::Right, 2).unwrap().unwrap(), ["8", "7"]);
        assert_eq!(lists.pop("l", ListEnd::Left, 0).unwrap(), Some(vec![]));
        assert_eq!(items(&db, "l"), ["3", "4", "5", "6"]);
        assert_eq!(lists.pop("l", ListEnd::Right, u64::MAX).unwrap().unwrap(), ["6", "5", "4", "3"]);
        assert!(!db.exists("l").unwrap());
        assert_eq!(db.len().unwrap(), 0);
        for count in [0, 1, 5] {
            assert_eq!(lists.pop("l", ListEnd::Left, count).unwrap(), None);
        }
        assert_eq!((lists.pop_left("l").unwrap(), lists.pop_right("l").unwrap()), (None, None));
    });
}

#[test]
fn a_large_pop_that_leaves_little_keeps_the_rest_and_its_expiry() {
    for end in [ListEnd::Left, ListEnd::Right] {
        both(|fixture, store| {
            let db = store.db(0);
            let minute = CreateOptions::new().expire_in(MINUTE);
            db.lists().push_with("l", ListEnd::Right, numbers(0..500), minute).unwrap();
            let taken = db.lists().pop("l", end, 490).unwrap().unwrap();
            let (expected, left) = match end {
                ListEnd::Left => (numbers(0..490), numbers(490..500)),
                ListEnd::Right => (numbers(10..500).into_iter().rev().collect(), numbers(0..10)),
            };
            assert_eq!(taken, expected);
            assert_eq!(items(&db, "l"), left);
            assert_eq!(db.ttl("l").unwrap(), Ttl::In(MINUTE));
            db.lists().push_left("l", ["new"]).unwrap();
            assert_eq!(db.lists().index("l", -1).unwrap().unwrap(), left[9].as_str());
            fixture.seconds_pass(60);
            assert_eq!(db.lists().len("l").unwrap(), 0);
            settle(store);
            assert_eq!(db.len().unwrap(), 0);
            assert_eq!(store.stats().data_file_bytes, 0);
        });
    }
}

#[test]
fn a_new_list_is_born_as_asked_and_an_existing_one_keeps_its_expiry() {
    both(|fixture, store| {
        let db = store.db(0);
        let minute = CreateOptions::new().expire_in(MINUTE).growing();
        db.lists().push_with("l", ListEnd::Left, ["a"], minute).unwrap();
        db.lists().push_with("l", ListEnd::Left, ["b"], CreateOptions::new().expire_in(2 * MINUTE)).unwrap();
        assert_eq!(db.ttl("l").unwrap(), Ttl::In(MINUTE));
        let past = CreateOptions::new().expire_at(START);
        assert_eq!(db.lists().push_with("late", ListEnd::Right, ["a"], past).unwrap(), 0);
        assert!(!db.exists("late").unwrap());
        assert_eq!(db.lists().push_with("l", ListEnd::Right, ["c"], past).unwrap(), 3);
        fixture.seconds_pass(60);
        assert_eq!(db.lists().pop_left("l").unwrap(), None, "an expired list is absent");
        assert_eq!(db.lists().push_existing("l", ListEnd::Left, ["x"]).unwrap(), 0);
        assert_eq!(db.lists().move_item("l", "m", ListEnd::Left, ListEnd::Left).unwrap(), None);
        assert_eq!(db.lists().pop_first(["l"], ListEnd::Left, 1).unwrap(), None);
        assert_eq!(db.lists().push_right("l", ["fresh"]).unwrap(), 1);
        assert_eq!(items(&db, "l"), ["fresh"]);
        assert_eq!(db.ttl("l").unwrap(), Ttl::Forever);
        settle(store);
        assert_eq!(items(&db, "l"), ["fresh"]);
    });
}

#[test]
fn an_item_moves_between_any_ends_of_two_lists() {
    both(|_, store| {
        let db = store.db(0);
        let ends = [ListEnd::Left, ListEnd::Right];
        for (from_end, to_end) in ends.into_iter().flat_map(|from| ends.map(|to| (from, to))) {
            db.delete(["from", "to"]).unwrap();
            db.lists().push_right("from", ["a", "b", "c"]).unwrap();
            db.lists().push_right("to", ["x", "y"]).unwrap();
            let item = if from_end == ListEnd::Left { "a" } else { "c" };
            assert_eq!(db.lists().move_item("from", "to", from_end, to_end).unwrap().unwrap(), item);
            let rest = if from_end == ListEnd::Left { ["b", "c"] } else { ["a", "b"] };
            assert_eq!(items(&db, "from"), rest);
            let all = if to_end == ListEnd::Left { [item, "x", "y"] } else { ["x", "y", item] };
            assert_eq!(items(&db, "to"), all);
        }
    });
}

#[test]
fn a_move_creates_its_target_without_expiry_and_removes_an_emptied_source() {
    both(|_, store| {
        let db = store.db(0);
        let minute = CreateOptions::new().expire_in(MINUTE);
        db.lists().push_with("from", ListEnd::Right, ["only"], minute).unwrap();
        let moved = db.lists().move_item("from", "to", ListEnd::Right, ListEnd::Left).unwrap();
        assert_eq!(moved.unwrap(), "only");
        assert!(!db.exists("from").unwrap());
        assert_eq!(items(&db, "to"), ["only"]);
        assert_eq!(db.ttl("to").unwrap(), Ttl::Forever);
        assert_eq!(db.lists().move_item("from", "to", ListEnd::Right, ListEnd::Left).unwrap(), None);
        assert_eq!(db.len().unwrap(), 1);
    });
}

#[test]
fn a_list_rotates_onto_itself_and_keeps_its_expiry() {
    both(|_, store| {
        let db = store.db(0);
        let lists = db.lists();
        let minute = CreateOptions::new().expire_in(MINUTE);
        lists.push_with("l", ListEnd::Right, ["a", "b", "c"], minute).unwrap();
        assert_eq!(lists.move_item("l", "l", ListEnd::Left, ListEnd::Right).unwrap().unwrap(), "a");
        assert_eq!(items(&db, "l"), ["b", "c", "a"]);
        assert_eq!(lists.move_item("l", "l", ListEnd::Right, ListEnd::Left).unwrap().unwrap(), "a");
        assert_eq!(lists.move_item("l", "l", ListEnd::Right, ListEnd::Left).unwrap().unwrap(), "c");
        assert_eq!(items(&db, "l"), ["c", "a", "b"]);
        assert_eq!(lists.move_item("l", "l", ListEnd::Left, ListEnd::Left).unwrap().unwrap(), "c");
        assert_eq!(lists.move_item("l", "l", ListEnd::Right, ListEnd::Right).unwrap().unwrap(), "b");
        assert_eq!(items(&db, "l"), ["c", "a", "b"]);
        for _ in 0..100 {
            lists.move_item("l", "l", ListEnd::Left, ListEnd::Right).unwrap();
        }
        assert_eq!(items(&db, "l"), ["a", "b", "c"]);
        lists.trim("l", 0, 0).unwrap();
        assert_eq!(lists.move_item("l", "l", ListEnd::Left, ListEnd::Right).unwrap().unwrap(), "a");
        assert_eq!(items(&db, "l"), ["a"]);
        assert_eq!(db.ttl("l").unwrap(), Ttl::In(MINUTE));
        assert_eq!(lists.move_item("none", "none", ListEnd::Left, ListEnd::Right).unwrap(), None);
    });
}

#[test]
fn the_first_list_of_several_keys_gives_its_items() {
    both(|_, store| {
        let db = store.db(0);
        let lists = db.lists();
        lists.push_right("b", ["1", "2", "3"]).unwrap();
        lists.push_right("c", ["4"]).unwrap();
        let (key, taken) = lists.pop_first(["a", "b", "a", "b", "c"], ListEnd::Right, 2).unwrap().unwrap();
        assert_eq!((key.as_ref(), taken), (&b"b"[..], vec!["3".into(), "2".into()]));
        let (key, taken) = lists.pop_first(["c", "b"], ListEnd::Left, 9).unwrap().unwrap();
        assert_eq!((key.as_ref(), taken), (&b"c"[..], vec!["4".into()]));
        let (key, _) = lists.pop_first(["c", "b"], ListEnd::Left, 9).unwrap().unwrap();
        assert_eq!(key, "b");
        assert_eq!(lists.pop_first(["a", "b", "c"], ListEnd::Left, 1).unwrap(), None);
        assert_eq!(db.len().unwrap(), 0);
    });
}

#[test]
fn a_queue_that_runs_far_from_where_it_began_loses_nothing() {
    both(|_, store| {
        let db = store.db(0);
        for n in 0..2000 {
            db.lists().push_right("q", [format!("{n}")]).unwrap();
            if n >= 20 {
                assert_eq!(db.lists().pop_left("q").unwrap().unwrap(), format!("{}", n - 20));
            }
            if n % 500 == 0 {
                settle(store);
            }
        }
        assert_eq!(items(&db, "q"), numbers(1980..2000));
    });
}
