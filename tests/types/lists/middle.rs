//! Setting and inserting.

use windrow::ErrorKind;

use super::{both, items, numbers};

#[test]
fn an_item_is_overwritten_where_it_stands() {
    both(|_, store| {
        let db = store.db(0);
        db.lists().push_left("l", ["c", "b", "a"]).unwrap();
        db.lists().set("l", 0, "x").unwrap();
        db.lists().set("l", -1, "").unwrap();
        db.lists().set("l", -2, vec![b'y'; 600]).unwrap();
        assert_eq!(items(&db, "l"), ["x", &"y".repeat(600), ""]);
        for index in [3, -4, i64::MAX, i64::MIN] {
            assert_eq!(db.lists().set("l", index, "z").unwrap_err().kind(), ErrorKind::OutOfRange);
        }
        assert_eq!(db.lists().set("none", 0, "z").unwrap_err().kind(), ErrorKind::NoSuchKey);
        assert_eq!(db.lists().len("l").unwrap(), 3);
        assert!(!db.exists("none").unwrap());
    });
}

#[test]
fn an_item_is_inserted_beside_the_first_pivot() {
    both(|_, store| {
        let db = store.db(0);
        let lists = db.lists();
        lists.push_right("l", ["a", "p", "b", "p", "c"]).unwrap();
        assert_eq!(lists.insert_before("l", "p", "1").unwrap(), Some(6));
        assert_eq!(lists.insert_after("l", "p", "2").unwrap(), Some(7));
        assert_eq!(items(&db, "l"), ["a", "1", "p", "2", "b", "p", "c"]);
        assert_eq!(lists.insert_before("l", "a", "0").unwrap(), Some(8));
        assert_eq!(lists.insert_after("l", "c", "9").unwrap(), Some(9));
        assert_eq!(items(&db, "l"), ["0", "a", "1", "p", "2", "b", "p", "c", "9"]);
        assert_eq!(lists.insert_after("l", "nowhere", "x").unwrap(), None);
        assert_eq!(lists.insert_before("none", "a", "x").unwrap(), Some(0));
        assert_eq!(lists.len("l").unwrap(), 9);
        assert!(!db.exists("none").unwrap());
    });
}

#[test]
fn inserting_at_every_place_leaves_every_other_item_where_it_was() {
    both(|_, store| {
        let db = store.db(0);
        let all = numbers(0..11);
        for place in 0..all.len() {
            for behind in [false, true] {
                db.delete(["l"]).unwrap();
                db.lists().push_right("l", &all).unwrap();
                let insert = |pivot: &str| {
                    if behind {
                        db.lists().insert_after("l", pivot, "new")
                    } else {
                        db.lists().insert_before("l", pivot, "new")
                    }
                };
                assert_eq!(insert(&all[place]).unwrap(), Some(12));
                let mut expected = all.clone();
                expected.insert(place + usize::from(behind), "new".to_owned());
                assert_eq!(items(&db, "l"), expected);
                assert_eq!(db.lists().index("l", place as i64 + i64::from(behind)).unwrap().unwrap(), "new");
            }
        }
    });
}

#[test]
fn a_small_list_that_grows_in_the_middle_moves_out_of_its_record_whole() {
    both(|_, store| {
        let db = store.db(0);
        db.lists().push_left("l", ["z", "a"]).unwrap();
        for n in 0..300 {
            assert_eq!(db.lists().insert_before("l", "z", format!("item {n:04}")).unwrap(), Some(n + 3));
        }
        let expected = std::iter::once("a".to_owned()).chain((0..300).map(|n| format!("item {n:04}")));
        assert_eq!(items(&db, "l"), expected.chain(["z".to_owned()]).collect::<Vec<_>>());
    });
}
