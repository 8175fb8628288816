//! Batches of writes.

use std::time::Duration;

use windrow::{ErrorKind, SetOptions, Ttl};

use crate::both::both;
use crate::data::members;

#[test]
fn a_batch_makes_all_of_its_writes_in_their_order_or_none() {
    both(|_, store| {
        let db = store.db(2);
        db.strings().set("old", "v").unwrap();
        let mut batch = db.batch();
        batch.set("k", "1").set_with("k", "2", SetOptions::new().expire_in(Duration::from_secs(9))).delete("old");
        batch.hash_set("h", [("a", "1"), ("b", "2")]).hash_delete("h", ["a"]);
        batch.set_add("s", ["a", "b"]).set_remove("s", ["a"]).expire("s", Duration::from_secs(5));
        batch.push_right("l", ["1", "2"]).zset_add("z", [("a", 1.0), ("b", 2.0)]).zset_remove("z", ["b"]);
        batch.write("n", |db, key| db.strings().incr_by(key, 7).map(drop));
        assert!(!db.exists("k").unwrap(), "nothing before the commit");
        batch.commit().unwrap();
        assert_eq!(db.strings().get("k").unwrap().unwrap(), "2");
        assert_eq!(db.ttl("k").unwrap(), Ttl::In(Duration::from_secs(9)));
        assert_eq!(db.hashes().len("h").unwrap(), 1);
        assert_eq!(members(&db, "s"), ["b"]);
        assert_eq!(db.ttl("s").unwrap(), Ttl::In(Duration::from_secs(5)));
        assert_eq!(db.lists().len("l").unwrap(), 2);
        assert_eq!(db.zsets().len("z").unwrap(), 1);
        assert_eq!(db.strings().get("n").unwrap().unwrap(), "7");
        assert_eq!(db.len().unwrap(), 6);
        let mut failing = db.batch();
        failing.set("k", "3").push_right("k", ["no list"]).set("other", "");
        assert_eq!(failing.commit().unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(db.strings().get("k").unwrap().unwrap(), "2");
        _ = db.batch().set("dropped", "");
        db.batch().commit().unwrap();
        assert_eq!(db.len().unwrap(), 6);
    });
}
