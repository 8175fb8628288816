//! Lists whose indices run out on one side. No caller gets there in practice; here they are put there by hand.

use std::path::Path;
use std::time::Duration;

use windrow::encoding::{Body, ElementKey, Meta};
use windrow::{CreateOptions, ListEnd, Ttl};

use super::{items, numbers, open, record};
use crate::fixture::{Fixture, START, close_and_check};
use crate::raw::open_raw;

const MINUTE: Duration = Duration::from_secs(60);

/// Gives the items of the store's only list other indices.
fn move_head(path: &Path, head: impl Fn(&Meta) -> u64) {
    let db = open_raw(path);
    let metas = db.cf_handle("meta").unwrap();
    let (key, record) = db.iterator_cf(metas, rocksdb::IteratorMode::Start).next().unwrap().unwrap();
    let mut meta = Meta::decode(&record).unwrap();
    let Body::List { id, head: old } = meta.body else { panic!("{meta:?}") };
    let new = head(&meta);
    let data = db.cf_handle(&format!("data-{}", id.family().number())).unwrap();
    for place in 0..meta.size {
        let at = |index: u64| ElementKey::ListItem(index).encode(id);
        let item = db.get_cf(data, at(old + place)).unwrap().unwrap();
        db.delete_cf(data, at(old + place)).unwrap();
        db.put_cf(data, at(new + place), item).unwrap();
    }
    meta.body = Body::List { id, head: new };
    db.put_cf(metas, key, meta.encode()).unwrap();
}

/// A closed store with one list of the numbers 0 to 9, whose first item has the index that `head` says.
fn list_at(head: impl Fn(&Meta) -> u64) -> Fixture {
    let fixture = Fixture::new();
    let store = open(&fixture, 0);
    let minute = CreateOptions::new().expire_in(MINUTE);
    store.db(0).lists().push_with("l", ListEnd::Right, numbers(0..10), minute).unwrap();
    store.close().unwrap();
    move_head(&fixture.path("store"), head);
    fixture
}

#[test]
fn a_list_without_room_on_one_side_moves_to_the_middle_as_the_same_list() {
    let first = |_: &Meta| 2;
    let last = |meta: &Meta| u64::MAX - meta.size;
    for (end, fixture) in [(ListEnd::Left, list_at(first)), (ListEnd::Right, list_at(last))] {
        let (old_id, ..) = record(&fixture.path("store"));
        fixture.seconds_pass(10);
        let store = open(&fixture, 0);
        let db = store.db(0);
        assert_eq!(items(&db, "l"), numbers(0..10));
        assert_eq!(db.lists().push_with("l", end, ["x", "y", "z"], CreateOptions::new()).unwrap(), 13);
        let expected = match end {
            ListEnd::Left => [&["z".to_owned(), "y".to_owned(), "x".to_owned()], &numbers(0..10)[..]].concat(),
            ListEnd::Right => [&numbers(0..10)[..], &["x".to_owned(), "y".to_owned(), "z".to_owned()]].concat(),
        };
        assert_eq!(items(&db, "l"), expected);
        assert_eq!(db.ttl("l").unwrap(), Ttl::In(MINUTE - Duration::from_secs(10)));
        drop(db);
        close_and_check(store, &fixture.path("store"));
        let (new_id, head, created_at) = record(&fixture.path("store"));
        assert!(old_id != new_id && head.abs_diff(1 << 63) < 100);
        assert_eq!(created_at, START, "it is still the list that was created then");
    }
}

#[test]
fn a_list_is_filled_up_to_its_outermost_indices() {
    let fixture = list_at(|_| 3);
    let path = fixture.path("store");
    let before = record(&path).0;
    let store = open(&fixture, 0);
    assert_eq!(store.db(0).lists().push_left("l", ["2", "1", "0"]).unwrap(), 13);
    close_and_check(store, &path);
    assert_eq!((record(&path).0, record(&path).1), (before, 0));
    let fixture = list_at(|meta| u64::MAX - meta.size - 2);
    let path = fixture.path("store");
    let before = record(&path).0;
    let store = open(&fixture, 0);
    assert_eq!(store.db(0).lists().push_right("l", ["a", "b"]).unwrap(), 12);
    assert_eq!(store.db(0).lists().pop_right("l").unwrap().unwrap(), "b");
    assert_eq!(store.db(0).lists().index("l", -1).unwrap().unwrap(), "a");
    close_and_check(store, &path);
    assert_eq!(record(&path).0, before);
}

#[test]
fn an_insertion_and_a_rotation_find_room_where_there_is_some() {
    for head in [|_: &Meta| 0, |meta: &Meta| u64::MAX - meta.size] {
        let fixture = list_at(head);
        let store = open(&fixture, 0);
        let db = store.db(0);
        assert_eq!(db.lists().insert_before("l", "1", "x").unwrap(), Some(11));
        assert_eq!(db.lists().insert_after("l", "8", "y").unwrap(), Some(12));
        let expected = ["0", "x", "1", "2", "3", "4", "5", "6", "7", "8", "y", "9"];
        assert_eq!(items(&db, "l"), expected);
        for (from, to) in [(ListEnd::Left, ListEnd::Right), (ListEnd::Right, ListEnd::Left)] {
            db.lists().move_item("l", "l", from, to).unwrap();
            db.lists().move_item("l", "l", from, to).unwrap();
        }
        assert_eq!(items(&db, "l"), expected);
        drop(db);
        close_and_check(store, &fixture.path("store"));
    }
    for (head, from, to) in [(0, ListEnd::Right, ListEnd::Left), (u64::MAX - 10, ListEnd::Left, ListEnd::Right)] {
        let fixture = list_at(|_| head);
        let store = open(&fixture, 0);
        let db = store.db(0);
        let moved = db.lists().move_item("l", "l", from, to).unwrap().unwrap();
        let mut expected = numbers(0..10);
        match to {
            ListEnd::Left => expected.rotate_right(1),
            ListEnd::Right => expected.rotate_left(1),
        }
        assert_eq!(items(&db, "l"), expected);
        assert_eq!(moved, if to == ListEnd::Left { "9" } else { "0" });
        drop(db);
        close_and_check(store, &fixture.path("store"));
    }
}
