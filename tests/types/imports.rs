//! RDB files: what an export writes an import reads, and what becomes of the rest.

use windrow::{
    ErrorKind, Existing, ImportOptions, ImportReport, Options, Refusal, SetOptions, Source, Store, UnixMillis,
};

use crate::fixture::{Fixture, START, close_and_check};
use crate::rdb;

/// A file around `parts`, without a checksum.
fn file(parts: &[Vec<u8>]) -> Vec<u8> {
    [b"REDIS0010".to_vec(), parts.concat(), vec![0xFF], vec![0; 8]].concat()
}

fn string(text: &str) -> Vec<u8> {
    rdb::string(text.as_bytes())
}

fn text(key: &str, value: &str) -> Vec<u8> {
    [vec![0], string(key), string(value)].concat()
}

fn import(store: &Store, file: &[u8], existing: Existing) -> windrow::Result<ImportReport> {
    store.import_rdb(file, ImportOptions::new().existing(existing))
}

fn expire_at(time: UnixMillis) -> SetOptions {
    SetOptions::new().expire_at(time)
}

/// Every key of a db with its dump and expiry.
fn state<S: Source>(db: &windrow::Db<S>) -> Vec<(Vec<u8>, Vec<u8>, Option<UnixMillis>)> {
    let keys = db.keys("").unwrap().map(Result::unwrap);
    keys.map(|key| (key.to_vec(), db.dump(&key).unwrap().unwrap().to_vec(), db.expires_at(&key).unwrap())).collect()
}

#[test]
fn what_a_view_exports_is_imported_as_it_was() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let hour = UnixMillis::new(START.get() + 3_600_000);
    for number in [0, 3] {
        let db = store.db(number);
        for n in 0..700 {
            let name = |kind: &str| format!("{kind}:{n}");
            db.strings().set_with(name("text"), "x".repeat(n * 7), expire_at(hour)).unwrap();
            db.sets().add(name("set"), (0..=n % 9).map(|m| m.to_string())).unwrap();
            db.lists().push_right(name("list"), (0..=n % 9).map(|m| m.to_string())).unwrap();
            db.hashes().set_many(name("hash"), (0..=n % 9).map(|m| (m.to_string(), "v"))).unwrap();
            db.zsets().add(name("zset"), (0..=n % 9).map(|m| (m.to_string(), m as f64))).unwrap();
        }
    }
    store.db(3).sets().add("large", (0..40_000).map(|m| format!("{m:060}"))).unwrap();
    let view = store.view().unwrap();
    store.db(0).flush().unwrap();
    let mut bytes = Vec::new();
    let exported = view.export_rdb(&mut bytes).unwrap();
    assert_eq!((exported.keys(), exported.with_expiry, exported.bytes), (7001, 1400, bytes.len() as u64));
    for threads in [1, 3] {
        let other = Fixture::new();
        let into = other.open();
        let report =
            into.namespace("tenant").import_rdb(bytes.as_slice(), ImportOptions::new().threads(threads)).unwrap();
        assert!(report.is_complete());
        assert_eq!((report.keys(), report.sets, report.with_expiry), (7001, 1401, 1400));
        assert_eq!(report.bytes, bytes.len() as u64);
        for number in [0, 3] {
            let copy = into.namespace("tenant").db(number);
            assert!(state(&view.db(number)) == state(&copy), "db {number} differs");
            assert_eq!(copy.len().unwrap(), view.db(number).len().unwrap());
        }
        close_and_check(into, &other.path("store"));
    }
}

#[test]
fn what_cannot_be_imported_is_counted_and_the_rest_comes() {
    let fixture = Fixture::new();
    let mut options = Options::default();
    options.max_value_bytes = 1024;
    options.max_key_bytes = 20;
    let store = Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options).open().unwrap();
    let twice = [vec![2], string("twice"), vec![2], string("a"), string("a")].concat();
    let passed = [vec![0xFC], 1_u64.to_le_bytes().to_vec(), text("passed", "v")].concat();
    let never = [vec![0xFC], (1_u64 << 62).to_le_bytes().to_vec(), text("far", "v")].concat();
    let bytes = file(&[
        text("a", "v"),
        text("long", &"x".repeat(1025)),
        text(&"long".repeat(6), "v"),
        twice,
        passed,
        never,
        [vec![15], string("stream"), vec![0; 5]].concat(),
        [vec![7], string("module"), vec![1, 0]].concat(),
        [vec![0xF5], string("#!lua")].concat(),
        [vec![0xFE, 0x81, 0, 0, 0, 1, 0, 0, 0, 0], text("far away", "v")].concat(),
        [vec![0xFE, 1], text("z", "v")].concat(),
    ]);
    let report = import(&store, &bytes, Existing::Fail).unwrap();
    let expected = [
        (Refusal::Stream, 1),
        (Refusal::Module, 1),
        (Refusal::Function, 1),
        (Refusal::TooLarge, 2),
        (Refusal::Damaged, 1),
        (Refusal::OutOfRange, 1),
    ];
    assert_eq!(report.refused, expected.into());
    assert_eq!((report.keys(), report.expired, report.with_expiry), (3, 1, 1));
    let keys = |number| store.db(number).keys("").unwrap().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(keys(0), ["a", "far"]);
    assert_eq!(keys(1), ["z"]);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn existing_keys_stay_or_are_replaced_or_end_it() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let bytes = file(&[text("a", "new"), text("b", "new")]);
    let value = |key| db.strings().get(key).unwrap().unwrap();
    db.sets().add("gone", ["x"]).unwrap();
    db.strings().set_with("a", "old", expire_at(UnixMillis::new(START.get() + 1000))).unwrap();
    let error = import(&store, &bytes, Existing::Fail).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyExists);
    assert_eq!(value("a"), "old");
    db.delete(["b"]).unwrap();
    let report = import(&store, &bytes, Existing::Keep).unwrap();
    assert_eq!((report.keys(), report.kept), (1, 1));
    assert_eq!((value("a"), value("b")), ("old".into(), "new".into()));
    let report = import(&store, &bytes, Existing::Replace).unwrap();
    assert_eq!((report.keys(), report.kept), (2, 0));
    assert_eq!((value("a"), db.expires_at("a").unwrap()), ("new".into(), None));
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_key_that_comes_twice_is_one_key() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let bytes = file(&[text("a", "first"), text("a", "second"), text("b", "v")]);
    import(&store, &bytes, Existing::Replace).unwrap();
    assert_eq!(store.db(0).len().unwrap(), 2);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_damaged_file_is_an_error_that_names_the_place() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let mut bytes = file(&[text("a", "v")]);
    bytes.pop();
    let error = import(&store, &bytes, Existing::Fail).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadDump);
    assert!(error.to_string().contains("at byte"), "{error}");
    let error = import(&store, b"no file", Existing::Fail).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadDump);
    close_and_check(store, &fixture.path("store"));
}
