//! A transaction that does not end well leaves nothing: not a byte in any family.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use windrow::{CreateOptions, ErrorKind, Store, Transaction};

use crate::both::{both, both_ways, open};
use crate::data::payload;
use crate::fixture::{Fixture, close_and_check, settle};
use crate::raw::open_raw;

use super::stop;

/// Every entry of every family of a closed store.
fn dump(path: &Path) -> BTreeMap<(String, Vec<u8>), Vec<u8>> {
    let names = rocksdb::DB::list_cf(&rocksdb::Options::default(), path).unwrap();
    let db = open_raw(path);
    let mut found = BTreeMap::new();
    for name in names {
        let handle = db.cf_handle(&name).unwrap();
        for entry in db.iterator_cf(handle, rocksdb::IteratorMode::Start) {
            let (key, value) = entry.unwrap();
            found.insert((name.clone(), key.to_vec()), value.to_vec());
        }
    }
    found
}

fn fill(store: &Store) {
    let db = store.db(0);
    db.strings().set("string", payload(1, 30_000)).unwrap();
    db.sets().add_with("set", ["a", "b"], CreateOptions::new().expire_in(Duration::from_secs(60))).unwrap();
    db.zsets().add("zset", [("a", 1.0)]).unwrap();
    db.lists().push_right("list", ["1", "2"]).unwrap();
    db.hashes().set("hash", "f", "v").unwrap();
}

const KEYS: [(u32, &str); 8] =
    [(0, "string"), (0, "set"), (0, "zset"), (0, "list"), (0, "hash"), (0, "new"), (7, "elsewhere"), (0, "gone")];

fn change_everything(tx: &Transaction) -> windrow::Result<()> {
    let db = tx.db(0);
    db.strings().append("string", "more")?;
    db.sets().add("set", ["c"])?;
    db.persist("set")?;
    db.zsets().pop_min("zset", 1)?;
    db.lists().pop_left("list")?;
    db.rename("hash", "new")?;
    db.hashes().set("new", "g", payload(2, 2000))?;
    tx.db(7).strings().set("elsewhere", payload(3, 50_000))?;
    db.delete(["string"]).map(drop)
}

#[test]
fn a_transaction_that_fails_or_panics_leaves_not_a_byte() {
    for options in both_ways() {
        let fixture = Fixture::new();
        let path = fixture.path("store");
        let store = open(&fixture, &options);
        fill(&store);
        // Of several dbs, those that are missing are created at the beginning.
        store.db(7).strings().set("elsewhere", "").unwrap();
        store.db(7).delete(["elsewhere"]).unwrap();
        store.close().unwrap();
        // Opened and closed once more, so that only the transaction makes the difference.
        open(&fixture, &options).close().unwrap();
        let before = dump(&path);
        let store = open(&fixture, &options);
        let failed = store.transaction(KEYS, |tx| {
            change_everything(tx)?;
            stop::<()>()
        });
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Aborted);
        let failed = store.db(8).transaction(["in a new db"], |db| {
            db.strings().set("in a new db", payload(4, 50_000))?;
            stop::<()>()
        });
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Aborted);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            store.transaction(KEYS, |tx| -> windrow::Result<()> {
                change_everything(tx)?;
                panic!("inside")
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(store.db(0).len().unwrap(), 5);
        // Neither holds locks, pins or the thread.
        store.transaction(KEYS, |tx| tx.db(0).exists("string").map(drop)).unwrap();
        assert_eq!(store.db(0).strings().len("string").unwrap(), 30_000);
        settle(&store);
        store.close().unwrap();
        let after = dump(&path);
        let differing: Vec<_> = after.iter().filter(|(key, value)| before.get(*key) != Some(*value)).collect();
        assert!(differing.is_empty() && before.len() == after.len(), "{differing:?}");
        close_and_check(open(&fixture, &options), &path);
    }
}

#[test]
fn large_collections_that_were_built_inside_are_buried_unless_the_end_is_good() {
    both(|_, store| {
        let db = store.db(0);
        let many = || (0..90_000).map(|n| format!("{n:060}"));
        let build = |ends_well: bool| {
            db.transaction(["large", "copy"], |inside| {
                assert_eq!(inside.sets().add("large", many())?, 90_000);
                assert!(inside.copy("large", "copy")?);
                inside.sets().remove("large", [format!("{:060}", 77)])?;
                assert!(!inside.sets().contains("large", format!("{:060}", 77))?);
                assert_eq!(inside.sets().members("large")?.count(), 89_999);
                inside.rename("copy", "large")?;
                assert_eq!(inside.sets().members("large")?.count(), 90_000);
                if ends_well { Ok(()) } else { stop() }
            })
        };
        assert!(build(false).is_err());
        assert!(!db.exists("large").unwrap());
        settle(store);
        assert_eq!(store.stats().data_file_bytes, 0);
        build(true).unwrap();
        assert_eq!(db.sets().len("large").unwrap(), 90_000);
        assert_eq!(db.sets().members("large").unwrap().count(), 90_000);
        assert!(!db.exists("copy").unwrap());
        db.delete(["large"]).unwrap();
        settle(store);
        assert_eq!(store.stats().data_file_bytes, 0);
    });
}

#[test]
fn the_failure_of_one_operation_inside_undoes_that_one_alone() {
    both(|_, store| {
        let db = store.db(0);
        db.transaction(["a", "b"], |inside| {
            inside.strings().set("a", "text")?;
            assert_eq!(inside.strings().incr("a").unwrap_err().kind(), ErrorKind::NotAnInteger);
            assert_eq!(inside.sets().add("a", ["m"]).unwrap_err().kind(), ErrorKind::WrongType);
            inside.sets().add("b", ["m"]).map(drop)
        })
        .unwrap();
        assert_eq!(db.strings().get("a").unwrap().unwrap(), "text");
        assert_eq!(db.sets().len("b").unwrap(), 1);
    });
}
