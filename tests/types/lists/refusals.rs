//! Other types, limits, and arguments that say nothing.

use windrow::{CreateOptions, Error, ErrorKind, ListEnd, PositionOptions};

use super::{both, items};
use crate::fixture::{Fixture, small};

#[test]
fn list_operations_refuse_another_type_and_change_nothing() {
    both(|_, store| {
        let db = store.db(0);
        let (left, right) = (ListEnd::Left, ListEnd::Right);
        db.strings().set("k", "v").unwrap();
        db.lists().push_right("l", ["a", "b"]).unwrap();
        let lists = db.lists();
        let refused: Vec<Option<Error>> = vec![
            lists.push_left("k", ["a"]).err(),
            lists.push_right("k", Vec::<&str>::new()).err(),
            lists.push_with("k", left, ["a"], CreateOptions::new()).err(),
            lists.push_existing("k", right, ["a"]).err(),
            lists.pop_left("k").err(),
            lists.pop_right("k").err(),
            lists.pop("k", left, 0).err(),
            lists.pop_first(["none", "k", "l"], left, 1).err(),
            lists.len("k").err(),
            lists.index("k", 0).err(),
            lists.range("k", 0, -1).err(),
            lists.range_back("k", 0, -1).err(),
            lists.position("k", "a").err(),
            lists.positions("k", "a", PositionOptions::new()).err(),
            lists.set("k", 0, "a").err(),
            lists.insert_before("k", "a", "b").err(),
            lists.insert_after("k", "a", "b").err(),
            lists.remove("k", 0, "a").err(),
            lists.trim("k", 0, -1).err(),
            lists.move_item("k", "l", left, left).err(),
            lists.move_item("l", "k", left, left).err(),
            lists.move_item("k", "k", left, left).err(),
            lists.move_item("k", "none", left, left).err(),
        ];
        for (n, error) in refused.into_iter().enumerate() {
            assert_eq!(error.unwrap().kind(), ErrorKind::WrongType, "operation {n}");
        }
        assert_eq!(lists.move_item("none", "k", left, left).unwrap(), None, "a missing source is looked at first");
        assert_eq!(lists.pop_first(["l", "k"], left, 1).unwrap().unwrap().0, "l", "what comes later is not looked at");
        assert_eq!(items(&db, "l"), ["b"]);
        assert_eq!(db.strings().get("k").unwrap().unwrap(), "v");
        assert_eq!(db.len().unwrap(), 2);
        assert_eq!(db.sets().add("l", ["x"]).unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(db.strings().get("l").unwrap_err().kind(), ErrorKind::WrongType);
    });
}

#[test]
fn taking_from_no_keys_or_no_items_is_refused() {
    both(|_, store| {
        let db = store.db(0);
        db.lists().push_right("l", ["a"]).unwrap();
        let no_keys = db.lists().pop_first(Vec::<&str>::new(), ListEnd::Left, 1).unwrap_err();
        let no_items = db.lists().pop_first(["l"], ListEnd::Left, 0).unwrap_err();
        assert_eq!((no_keys.kind(), no_items.kind()), (ErrorKind::InvalidInput, ErrorKind::InvalidInput));
        assert_eq!(items(&db, "l"), ["a"]);
    });
}

#[test]
fn items_and_keys_beyond_the_limits_are_refused_in_every_way_to_store_them() {
    let fixture = Fixture::new();
    let mut options = small();
    options.max_value_bytes = 1024;
    options.max_key_bytes = 16;
    let store = windrow::Store::builder(fixture.path("limited")).options(options).background(false).open().unwrap();
    let db = store.db(0);
    let (fits, long) = (vec![b'x'; 1024], vec![b'x'; 1025]);
    let (key, long_key) = ("k".repeat(16), "k".repeat(17));
    let lists = db.lists();
    lists.push_right(&key, [&fits]).unwrap();
    let refused = [
        lists.push_left(&key, [&b"ok"[..], &long]).err(),
        lists.push_right(&key, [&long]).err(),
        lists.push_with(&key, ListEnd::Left, [&long], CreateOptions::new()).err(),
        lists.push_existing(&key, ListEnd::Left, [&long]).err(),
        lists.set(&key, 0, &long).err(),
        lists.insert_before(&key, &fits, &long).err(),
        lists.insert_after(&key, &fits, &long).err(),
        lists.push_left(&long_key, ["x"]).err(),
        lists.move_item(&key, &long_key, ListEnd::Left, ListEnd::Left).err(),
    ];
    for (n, error) in refused.into_iter().enumerate() {
        assert_eq!(error.unwrap().kind(), ErrorKind::TooLarge, "operation {n}");
    }
    assert_eq!(items(&db, &key), [fits]);
}
