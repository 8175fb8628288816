//! Which events each operation makes. What is expected here is what Redis 7.0.15 says.

use std::time::Duration;

use windrow::{
    BitField, BitOp, BitType, CombineOptions, CopyOptions, CreateOptions, EventClass, EventOptions, ExpireCondition,
    GetExOptions, ListEnd, RestoreOptions, SetOptions, SortOptions, UnixMillis, ZEnd, ZRange,
};

use super::{subscribe, taken};
use crate::both::both;

const HOUR: Duration = Duration::from_secs(3600);
const PAST: UnixMillis = UnixMillis::new(1000);
const NOTHING: [&str; 0] = [];

#[test]
fn strings() {
    both(|_, store| {
        let (db, events) = (store.db(0), subscribe(store));
        let strings = db.strings();
        strings.set("a", "1").unwrap();
        assert_eq!(taken(&events), ["set a"]);
        strings.set_with("a", "1", SetOptions::new().expire_in(HOUR)).unwrap();
        assert_eq!(taken(&events), ["set a", "expire a"]);
        strings.set_with("a", "1", SetOptions::new().keep_ttl()).unwrap();
        assert_eq!(taken(&events), ["set a"]);
        strings.set_with("a", "1", SetOptions::new().if_absent()).unwrap();
        assert_eq!(taken(&events), NOTHING);
        strings.get_set("a", "5").unwrap();
        strings.mset([("b", "1"), ("c", "2")]).unwrap();
        strings.mset_nx([("b", "1"), ("d", "2")]).unwrap();
        assert_eq!(taken(&events), ["set a", "set b", "set c"]);
        strings.append("a", "").unwrap();
        strings.append("new", "x").unwrap();
        strings.set_range("a", 0, "").unwrap();
        strings.set_range("a", 0, "7").unwrap();
        strings.incr("a").unwrap();
        strings.decr("a").unwrap();
        strings.incr_by_float("a", 1_i64).unwrap();
        assert_eq!(taken(&events), ["append a", "append new", "setrange a", "incrby a", "incrby a", "incrbyfloat a"]);
        strings.get_del("a").unwrap();
        strings.get_del("a").unwrap();
        assert_eq!(taken(&events), ["del a"]);
        strings.get_ex("b", GetExOptions::new()).unwrap();
        strings.get_ex("b", GetExOptions::new().expire_in(HOUR)).unwrap();
        strings.get_ex("b", GetExOptions::new().persist()).unwrap();
        strings.get_ex("b", GetExOptions::new().persist()).unwrap();
        strings.get_ex("b", GetExOptions::new().expire_at(PAST)).unwrap();
        assert_eq!(taken(&events), ["expire b", "persist b", "del b"]);
        strings.set_with("c", "1", SetOptions::new().expire_at(PAST)).unwrap();
        strings.set_with("none", "1", SetOptions::new().expire_at(PAST)).unwrap();
        assert_eq!(taken(&events), ["del c"], "never born");
        strings.incr_by("c", i64::MAX).unwrap();
        strings.incr("c").unwrap_err();
        db.hashes().set("c", "f", "v").unwrap_err();
        assert_eq!(taken(&events), ["incrby c"]);
    });
}

#[test]
fn bits_and_hyperloglogs() {
    both(|_, store| {
        let (db, events) = (store.db(0), subscribe(store));
        for bit in [true, true, false] {
            db.bits().set("b", 5, bit).unwrap();
        }
        db.bits().set("b", 1, true).unwrap();
        assert_eq!(taken(&events), ["setbit b", "setbit b", "setbit b"]);
        db.bits().op(BitOp::And, "d", ["b"]).unwrap();
        db.bits().op(BitOp::And, "d", ["none"]).unwrap();
        db.bits().op(BitOp::And, "d", ["none"]).unwrap();
        assert_eq!(taken(&events), ["set d", "del d"]);
        let byte = BitType::u(8);
        let field = |value| db.bits().field("b", BitField::new().set(byte, 0, value)).unwrap();
        field(5);
        field(5);
        assert_eq!(taken(&events), ["setbit b"]);
        db.hyperloglogs().add("p", ["a"]).unwrap();
        db.hyperloglogs().add("p", ["a"]).unwrap();
        db.hyperloglogs().merge("q", ["p"]).unwrap();
        db.hyperloglogs().merge("q", ["p"]).unwrap();
        assert_eq!(taken(&events), ["pfadd p", "pfadd q", "pfadd q"]);
    });
}

#[test]
fn keys_of_any_type() {
    both(|_, store| {
        let (db, events) = (store.db(0), subscribe(store));
        db.strings().mset([("a", "1"), ("b", "2")]).unwrap();
        taken(&events);
        db.expire("a", HOUR).unwrap();
        db.expire_if("a", HOUR, ExpireCondition::NoExpiry).unwrap();
        db.persist("a").unwrap();
        db.persist("a").unwrap();
        db.expire_at("a", PAST, ExpireCondition::Always).unwrap();
        db.expire("a", HOUR).unwrap();
        assert_eq!(taken(&events), ["expire a", "persist a", "del a"]);
        db.delete(["a", "b", "b"]).unwrap();
        assert_eq!(taken(&events), ["del b"]);
        db.strings().mset([("a", "1"), ("b", "2")]).unwrap();
        taken(&events);
        db.rename("a", "b").unwrap();
        db.rename("b", "b").unwrap();
        db.rename_if_absent("b", "c").unwrap();
        db.strings().set("d", "1").unwrap();
        db.rename_if_absent("c", "d").unwrap();
        assert_eq!(taken(&events), ["rename_from a", "rename_to b", "rename_from b", "rename_to c", "set d"]);
        db.move_to("c", 3).unwrap();
        db.move_to("c", 3).unwrap();
        assert_eq!(taken(&events), ["move_from c", "3 move_to c"]);
        db.copy("d", "e").unwrap();
        db.copy("d", "e").unwrap();
        db.copy_with("d", "e", CopyOptions::new().replace().to_db(4)).unwrap();
        assert_eq!(taken(&events), ["copy_to e", "4 copy_to e"]);
        let payload = db.dump("d").unwrap().unwrap();
        db.restore("x", &payload, RestoreOptions::new().expire_in(HOUR)).unwrap();
        db.restore("x", &payload, RestoreOptions::new()).unwrap_err();
        db.restore("x", &payload, RestoreOptions::new().replace().expire_at(PAST)).unwrap();
        db.restore("y", &payload, RestoreOptions::new().expire_at(PAST)).unwrap();
        assert_eq!(taken(&events), ["restore x", "del x"]);
        store.namespace([]).swap(0, 3).unwrap();
        db.flush().unwrap();
        assert_eq!(taken(&events), NOTHING);
    });
}

#[test]
fn hashes_and_sets() {
    both(|_, store| {
        let (db, events) = (store.db(0), subscribe(store));
        let hashes = db.hashes();
        hashes.set_many("h", [("a", "1"), ("b", "2")]).unwrap();
        hashes.set("h", "a", "1").unwrap();
        hashes.set_if_absent("h", "a", "1").unwrap();
        hashes.set_if_absent("h", "c", "1").unwrap();
        hashes.incr_by("h", "a", 0).unwrap();
        hashes.incr_by_float("h", "a", 1_i64).unwrap();
        assert_eq!(taken(&events), ["hset h", "hset h", "hset h", "hincrby h", "hincrbyfloat h"]);
        hashes.delete("h", ["zz"]).unwrap();
        hashes.delete("h", ["a", "b"]).unwrap();
        hashes.delete("h", ["c"]).unwrap();
        assert_eq!(taken(&events), ["hdel h", "hdel h", "del h"]);
        hashes.set_with("h", "f", "v", CreateOptions::new().expire_in(HOUR)).unwrap();
        hashes.set_with("h", "g", "v", CreateOptions::new().expire_in(HOUR)).unwrap();
        assert_eq!(taken(&events), ["hset h", "expire h", "hset h"]);
        let sets = db.sets();
        sets.add("s", ["a", "b"]).unwrap();
        sets.add("s", ["a"]).unwrap();
        sets.remove("s", ["z"]).unwrap();
        sets.pop("s", 0).unwrap();
        sets.pop("s", 1).unwrap();
        sets.pop("s", 9).unwrap();
        sets.pop("s", 9).unwrap();
        assert_eq!(taken(&events), ["sadd s", "spop s", "spop s", "del s"]);
        sets.add("s", ["a", "b"]).unwrap();
        for member in ["a", "z", "b"] {
            sets.move_member("s", "t", member).unwrap();
        }
        assert_eq!(taken(&events), ["sadd s", "srem s", "sadd t", "srem s", "del s", "sadd t"]);
        sets.union_store("u", ["t"]).unwrap();
        sets.inter_store("u", ["t", "t"]).unwrap();
        sets.diff_store("u", ["t"]).unwrap();
        sets.diff_store("u", ["t", "t"]).unwrap();
        sets.diff_store("u", ["t", "t"]).unwrap();
        assert_eq!(taken(&events), ["sunionstore u", "sinterstore u", "sdiffstore u", "del u"]);
    });
}

#[test]
fn lists() {
    both(|_, store| {
        let (db, events) = (store.db(0), subscribe(store));
        let lists = db.lists();
        lists.push_left("l", ["a"]).unwrap();
        lists.push_right("l", ["b"]).unwrap();
        lists.push_existing("none", ListEnd::Left, ["b"]).unwrap();
        lists.pop("l", ListEnd::Left, 0).unwrap();
        lists.pop_left("l").unwrap();
        lists.pop("l", ListEnd::Right, 9).unwrap();
        lists.pop_right("l").unwrap();
        assert_eq!(taken(&events), ["lpush l", "rpush l", "lpop l", "rpop l", "del l"]);
        lists.push_left("l", ["a"]).unwrap();
        taken(&events);
        lists.move_item("l", "l", ListEnd::Left, ListEnd::Right).unwrap();
        assert_eq!(taken(&events), ["rpush l", "lpop l"]);
        lists.move_item("l", "m", ListEnd::Right, ListEnd::Left).unwrap();
        assert_eq!(taken(&events), ["lpush m", "rpop l", "del l"]);
        lists.set("m", 0, "a").unwrap();
        lists.insert_before("m", "a", "b").unwrap();
        lists.insert_before("m", "zz", "b").unwrap();
        lists.remove("m", 0, "zz").unwrap();
        lists.remove("m", 0, "a").unwrap();
        lists.trim("m", 0, -1).unwrap();
        lists.trim("m", 5, 4).unwrap();
        lists.trim("m", 5, 4).unwrap();
        assert_eq!(taken(&events), ["lset m", "linsert m", "lrem m", "ltrim m", "ltrim m", "del m"]);
        lists.push_right("l", ["3", "1"]).unwrap();
        for key in ["l", "none", "none"] {
            db.sort_store(key, "out", &SortOptions::new()).unwrap();
        }
        assert_eq!(taken(&events), ["rpush l", "sortstore out", "del out"]);
    });
}

#[test]
fn sorted_sets() {
    both(|_, store| {
        let (db, events) = (store.db(0), subscribe(store));
        let zsets = db.zsets();
        let members = [("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 4.0), ("e", 5.0), ("f", 6.0), ("g", 7.0)];
        zsets.add("z", members).unwrap();
        zsets.add("z", members).unwrap();
        zsets.add("z", [("a", 0.5)]).unwrap();
        zsets.incr_by("z", "a", 0.5).unwrap();
        zsets.incr_by("z", "a", 0.0).unwrap();
        zsets.remove("z", ["none"]).unwrap();
        zsets.remove("z", ["a"]).unwrap();
        assert_eq!(taken(&events), ["zadd z", "zadd z", "zincr z", "zrem z"]);
        zsets.pop_min("z", 1).unwrap();
        zsets.pop_max("z", 0).unwrap();
        zsets.mpop(["none", "z"], ZEnd::Max, 1).unwrap();
        zsets.remove_range("z", ZRange::scores(0.0, 0.0)).unwrap();
        zsets.remove_range("z", ZRange::scores(3.0, 3.0)).unwrap();
        zsets.remove_range("z", ZRange::ranks(0, 0)).unwrap();
        zsets.remove_range("z", ZRange::lex(windrow::LexBound::Min, windrow::LexBound::Max)).unwrap();
        let expected =
            ["zpopmin z", "zpopmax z", "zremrangebyscore z", "zremrangebyrank z", "zremrangebylex z", "del z"];
        assert_eq!(taken(&events), expected);
        zsets.add("z", members).unwrap();
        taken(&events);
        zsets.range_store("y", "z", ZRange::ranks(0, -1)).unwrap();
        zsets.union_store("y", ["z"], CombineOptions::new()).unwrap();
        zsets.inter_store("y", ["z"], CombineOptions::new()).unwrap();
        zsets.diff_store("y", ["z"]).unwrap();
        zsets.diff_store("y", ["z", "z"]).unwrap();
        zsets.diff_store("y", ["z", "z"]).unwrap();
        assert_eq!(taken(&events), ["zrangestore y", "zunionstore y", "zinterstore y", "zdiffstore y", "del y"]);
    });
}

#[test]
fn a_transaction_tells_all_that_happened_in_it_when_it_is_committed() {
    both(|_, store| {
        let (db, events) = (store.db(0), subscribe(store));
        db.transaction(["a", "b"], |tx| {
            tx.strings().set("a", "1")?;
            tx.sets().add("b", ["m"])?;
            tx.delete(["a"])?;
            tx.sets().remove("b", ["m"])?;
            tx.lists().push_left("b", ["x"])?;
            assert_eq!(taken(&events), NOTHING);
            Ok(())
        })
        .unwrap();
        assert_eq!(taken(&events), ["set a", "sadd b", "del a", "srem b", "del b", "lpush b"]);
        db.transaction(["a"], |tx| {
            tx.strings().set("a", "1").and_then(|()| Err::<(), _>(windrow::Error::aborted("no")))
        })
        .unwrap_err();
        db.transaction(["a"], |tx| {
            assert!(tx.strings().incr_by("a", 1).is_ok());
            assert!(tx.sets().add("a", ["m"]).is_err());
            tx.delete(["a"])
        })
        .unwrap();
        assert_eq!(taken(&events), ["incrby a", "del a"], "nothing came of it, and still it happened");
    });
}

#[test]
fn new_keys_are_told_to_whoever_asks() {
    both(|_, store| {
        let db = store.db(0);
        let events = store.subscribe(EventOptions::new().class(EventClass::New).class(EventClass::Generic)).unwrap();
        db.strings().set("a", "1").unwrap();
        db.strings().set("a", "2").unwrap();
        db.rename("a", "b").unwrap();
        db.sets().add("c", ["m"]).unwrap();
        assert_eq!(taken(&events), ["new a", "new b", "rename_from a", "rename_to b", "new c"]);
        db.copy_with("b", "c", CopyOptions::new().replace()).unwrap();
        db.sets().union_store("c", ["none"]).unwrap();
        db.strings().set_with("d", "1", SetOptions::new().expire_at(PAST)).unwrap();
        assert_eq!(taken(&events), ["new c", "copy_to c", "del c"], "also in another key's place");
        db.move_to("b", 3).unwrap();
        assert_eq!(taken(&events), ["3 new b", "move_from b", "3 move_to b"]);
    });
}

#[test]
fn letters_name_classes_as_in_redis() {
    both(|_, store| {
        let db = store.db(0);
        let subscribe = |letters: &str| store.subscribe(EventOptions::new().letters(letters).unwrap()).unwrap();
        let (all, lists, nothing) = (subscribe("KEA"), subscribe("Kln"), subscribe("KEetd"));
        let every = store.subscribe(EventOptions::new().all()).unwrap();
        db.strings().set("a", "1").unwrap();
        db.lists().push_left("l", ["x"]).unwrap();
        assert_eq!(taken(&all), ["set a", "lpush l"]);
        assert_eq!(taken(&lists), ["new a", "new l", "lpush l"]);
        assert_eq!(taken(&every), ["new a", "set a", "new l", "lpush l"]);
        assert!(taken(&nothing).is_empty());
        for letters in ["m", "q", "a", "K E"] {
            assert!(EventOptions::new().letters(letters).is_err(), "{letters}");
        }
    });
}
