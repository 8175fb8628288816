//! What a transaction does not do.

use std::time::Duration;

use windrow::{
    CreateOptions, Db, ErrorKind, EventOptions, Existing, ImportOptions, ScanCursor, ScanOptions, SortOptions, Store,
    Tx,
};

use crate::both::both;
use crate::data::payload;
use crate::fixture::{Fixture, close_and_check, small};

fn kind<T>(outcome: windrow::Result<T>) -> ErrorKind {
    outcome.map(drop).unwrap_err().kind()
}

#[test]
fn keys_that_were_not_declared_are_refused_by_name() {
    both(|_, store| {
        store.db(0).strings().set("secret", "v").unwrap();
        store
            .transaction([(0, "a")], |tx| {
                let db = tx.db(0);
                let error = db.strings().get("secret").unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
                assert!(error.to_string().contains("\"secret\""), "{error}");
                assert_eq!(kind(db.exists_many(["a", "secret"])), ErrorKind::InvalidInput);
                assert_eq!(kind(db.strings().set("secret", "")), ErrorKind::InvalidInput);
                assert_eq!(kind(db.copy("a", "secret")), ErrorKind::InvalidInput);
                assert_eq!(kind(db.move_to("a", 1)), ErrorKind::InvalidInput);
                assert_eq!(kind(tx.db(5).exists("a")), ErrorKind::InvalidInput);
                assert_eq!(kind(tx.db(5).strings().set("a", "")), ErrorKind::InvalidInput);
                db.sets().add("a", ["secret"])?;
                for undeclared in [SortOptions::new().by("*"), SortOptions::new().alphabetic().get("*")] {
                    assert_eq!(kind(db.sort("a", &undeclared)), ErrorKind::InvalidInput);
                    assert_eq!(kind(db.sort_store("a", "a", &undeclared)), ErrorKind::InvalidInput);
                }
                assert_eq!(kind(db.sort("a", &SortOptions::new().by("*->f"))), ErrorKind::InvalidInput);
                assert_eq!(db.sort("a", &SortOptions::new().alphabetic().get("#"))?, [Some("secret".into())]);
                Ok(())
            })
            .unwrap();
        assert_eq!(store.db(0).len().unwrap(), 2);
    });
}

#[test]
fn walks_over_all_keys_are_refused() {
    both(|_, store| {
        store
            .db(0)
            .transaction(["a"], |db| {
                assert_eq!(kind(db.keys("")), ErrorKind::InvalidInput);
                assert_eq!(kind(db.keys_matching("*")), ErrorKind::InvalidInput);
                assert_eq!(kind(db.scan(&ScanCursor::START, ScanOptions::new())), ErrorKind::InvalidInput);
                assert_eq!(kind(db.random_key()), ErrorKind::InvalidInput);
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn whatever_would_wait_for_the_own_thread_is_refused() {
    both(|_, store| {
        let db = store.db(0);
        db.transaction(["a"], |inside| {
            assert_eq!(kind(db.strings().set("a", "v")), ErrorKind::InvalidInput);
            assert_eq!(kind(db.strings().set("other", "v")), ErrorKind::InvalidInput);
            assert_eq!(kind(db.transaction(["b"], |_| Ok(()))), ErrorKind::InvalidInput);
            assert_eq!(kind(db.watch(["a"])?.transaction([(0, "a")], |_| Ok(()))), ErrorKind::InvalidInput);
            assert_eq!(kind(db.flush()), ErrorKind::InvalidInput);
            assert_eq!(kind(store.flush_all()), ErrorKind::InvalidInput);
            assert_eq!(kind(store.namespace("").swap(0, 1)), ErrorKind::InvalidInput);
            inside.strings().set("a", "inside")
        })
        .unwrap();
        assert_eq!(db.strings().get("a").unwrap().unwrap(), "inside");
        db.strings().set("a", "after").unwrap();
    });
}

#[test]
fn imports_loads_subscribers_and_settling_are_refused_and_exports_are_not() {
    both(|_, store| {
        let db = store.db(0);
        db.strings().set("a", "v").unwrap();
        let mut file = Vec::new();
        store.export_rdb(&mut file).unwrap();
        let appended = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nx\r\n".as_slice();
        let options = ImportOptions::new().existing(Existing::Replace);
        let mut load = db.bulk_load().unwrap();
        load.string("b", "x", CreateOptions::new()).unwrap();
        db.transaction(["a"], |inside| {
            assert_eq!(kind(store.import_rdb(file.as_slice(), options)), ErrorKind::InvalidInput);
            assert_eq!(kind(store.namespace("other").import_rdb(b"".as_slice(), options)), ErrorKind::InvalidInput);
            assert_eq!(kind(store.import_aof([appended], options)), ErrorKind::InvalidInput);
            assert_eq!(kind(store.subscribe(EventOptions::new())), ErrorKind::InvalidInput);
            assert_eq!(kind(load.finish()), ErrorKind::InvalidInput);
            assert_eq!(kind(store.settle(Duration::from_secs(1))), ErrorKind::InvalidInput);
            inside.strings().set("a", "inside")?;
            // It shows what was before.
            let mut again = Vec::new();
            store.export_rdb(&mut again)?;
            assert_eq!(again, file);
            Ok(())
        })
        .unwrap();
        assert_eq!(db.strings().get("a").unwrap().unwrap(), "inside");
        assert_eq!(db.len().unwrap(), 1);
        assert!(store.import_rdb(file.as_slice(), options).unwrap().is_complete());
        assert_eq!(db.strings().get("a").unwrap().unwrap(), "v");
    });
}

#[test]
fn another_store_is_not_concerned() {
    let fixture = Fixture::new();
    let (one, other) = (fixture.open(), fixture.open_at(&fixture.path("other")));
    one.db(0)
        .transaction(["a"], |inside| {
            inside.strings().set("a", "1")?;
            other.db(0).transaction(["a"], |deeper| {
                assert_eq!(kind(one.db(0).strings().set("b", "")), ErrorKind::InvalidInput);
                deeper.strings().set("a", "2")
            })?;
            other.db(0).strings().set("b", "3")
        })
        .unwrap();
    assert_eq!(other.db(0).len().unwrap(), 2);
    close_and_check(one, &fixture.path("store"));
    close_and_check(other, &fixture.path("other"));
}

#[test]
fn handles_that_are_kept_refuse() {
    both(|_, store| {
        let kept: Db<Tx> = store.db(0).transaction(["a"], |inside| Ok(inside.clone())).unwrap();
        assert_eq!(kind(kept.strings().get("a")), ErrorKind::InvalidInput);
        assert_eq!(kind(kept.strings().set("a", "late")), ErrorKind::InvalidInput);
        assert!(!store.db(0).exists("a").unwrap());
    });
}

#[test]
fn changes_that_take_too_much_memory_are_refused_and_undone_alone() {
    let fixture = Fixture::new();
    let mut options = small();
    options.max_value_bytes = 1 << 20;
    options.max_commit_bytes = 64 << 10;
    let store = Store::builder(fixture.path("store")).options(options).background(false).open().unwrap();
    let db = store.db(0);
    db.transaction(["a", "b", "c"], |inside| {
        inside.strings().set("a", payload(1, 1 << 20))?;
        assert_eq!(kind(inside.strings().set("b", payload(2, 1 << 17))), ErrorKind::TooLarge);
        assert!(!inside.exists("b")?);
        // A new collection goes to disk, and what makes room is no burden.
        assert_eq!(inside.sets().add("c", (0..20_000).map(|n| n.to_string()))?, 20_000);
        for n in 0..5 {
            inside.strings().set("a", payload(n, 1 << 20))?;
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(db.strings().len("a").unwrap(), 1 << 20);
    assert_eq!(db.sets().len("c").unwrap(), 20_000);
    assert_eq!(db.len().unwrap(), 2);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn closed_and_read_only_stores_refuse() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let outcome = db.transaction(["a"], |inside| {
        inside.strings().set("a", "1")?;
        store.clone().close()
    });
    assert_eq!(kind(outcome), ErrorKind::Closed);
    assert_eq!(kind(db.transaction(["a"], |_| Ok(()))), ErrorKind::Closed);
    drop((db, store));
    let store = Store::builder(fixture.path("store")).read_only(true).open().unwrap();
    assert!(!store.db(0).exists("a").unwrap());
    assert_eq!(kind(store.db(0).transaction(["a"], |_| Ok(()))), ErrorKind::ReadOnly);
    assert_eq!(kind(store.import_rdb(b"".as_slice(), ImportOptions::new())), ErrorKind::ReadOnly);
}
