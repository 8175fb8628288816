//! RDB files: what an export writes an import reads, and what becomes of the rest.

use windrow::{
    ErrorKind, EventOptions, Existing, ImportOptions, ImportReport, Options, Refusal, SetOptions, Source, Store,
    UnixMillis,
};

use crate::fixture::{Fixture, START, close_and_check};
use crate::rdb;

/// A file around `parts`, without a checksum.
fn file(parts: &[Vec<u8>]) -> Vec<u8> {
    [b"REDIS0010".to_vec(), parts.concat(), vec![0xFF], vec![0; 8]].concat()
}

/// How many keys are put in front of a file that is to come by a bulk load.
const PADS: u64 = 1100;

/// The file as it is, which comes some keys in one commit, and behind so many other keys of db 0 that a bulk load is begun for it.
fn both_roads(file: &[u8]) -> [(u64, Vec<u8>); 2] {
    let pads: Vec<u8> = (0..PADS).flat_map(|n| text(&format!("pad:{n}"), "")).collect();
    let (head, rest) = file.split_at(9);
    [(0, file.to_vec()), (PADS, [head, &pads, rest].concat())]
}

/// Puts a key into db 0 that keeps the bulk load away, if the file is to come without; returns how many.
fn decoy(store: &Store, pads: u64) -> u64 {
    if pads > 0 {
        return 0;
    }
    store.db(0).strings().set("pad:decoy", "").unwrap();
    1
}

/// The keys of a db but for those in front.
fn names(store: &Store, db: u32) -> Vec<String> {
    let keys = store.db(db).keys("").unwrap().map(|key| String::from_utf8(key.unwrap().to_vec()).unwrap());
    keys.filter(|key| !key.starts_with("pad:")).collect()
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
    assert_eq!((exported.keys(), exported.counts.with_expiry, exported.bytes), (7001, 1400, bytes.len() as u64));
    for (threads, is_empty) in [(1, true), (3, true), (1, false), (3, false)] {
        let other = Fixture::new();
        let into = other.open();
        let tenant = into.namespace("tenant");
        if !is_empty {
            // Which is replaced, and keeps the bulk load away.
            for number in [0, 3] {
                tenant.db(number).strings().append("set:0", "old").unwrap();
            }
        }
        let options = ImportOptions::new().threads(threads).existing(Existing::Replace);
        let report = tenant.import_rdb(bytes.as_slice(), options).unwrap();
        assert!(report.is_complete());
        assert_eq!((report.keys(), report.counts.sets, report.counts.with_expiry), (7001, 1401, 1400));
        assert_eq!(report.bytes, bytes.len() as u64);
        for number in [0, 3] {
            let copy = into.namespace("tenant").db(number);
            assert!(state(&view.db(number)) == state(&copy), "db {number} differs");
            assert_eq!(copy.len().unwrap(), view.db(number).len().unwrap());
        }
        drop(tenant);
        close_and_check(into, &other.path("store"));
    }
}

#[test]
fn what_cannot_be_imported_is_counted_and_the_rest_comes() {
    let long = || (0..80_000).map(|m| string(&format!("{m:050}")));
    // Of which more is in memory than is kept there.
    let members = long().chain(long().next()).flatten().collect();
    let long_twice = [vec![2], string("long twice"), rdb::length(80_001), members].concat();
    let mut options = Options::default();
    options.max_value_bytes = 1024;
    options.max_key_bytes = 20;
    let twice = [vec![2], string("twice"), vec![2], string("a"), string("a")].concat();
    let passed = [vec![0xFC], 1_u64.to_le_bytes().to_vec(), text("passed", "v")].concat();
    let never = [vec![0xFC], (1_u64 << 62).to_le_bytes().to_vec(), text("far", "v")].concat();
    let bytes = file(&[
        text("a", "v"),
        text("long", &"x".repeat(1025)),
        text(&"long".repeat(6), "v"),
        twice,
        long_twice,
        passed,
        never,
        [vec![15], string("stream"), vec![0; 5]].concat(),
        [vec![7], string("module"), vec![1, 0]].concat(),
        [vec![0xF5], string("#!lua")].concat(),
        [vec![0xFE, 0x81, 0, 0, 0, 1, 0, 0, 0, 0], text("far away", "v")].concat(),
        [vec![0xFE, 1], text("z", "v")].concat(),
    ]);
    for (pads, bytes) in both_roads(&bytes) {
        let fixture = Fixture::new();
        let builder = Store::builder(fixture.path("store")).clock(fixture.clock.clone());
        let store = builder.options(options.clone()).open().unwrap();
        let decoy = decoy(&store, pads);
        let report = import(&store, &bytes, Existing::Fail).unwrap();
        let expected = [
            (Refusal::Stream, 1),
            (Refusal::Module, 1),
            (Refusal::Function, 1),
            (Refusal::TooLarge, 2),
            (Refusal::Damaged, 2),
            (Refusal::OutOfRange, 1),
        ];
        assert_eq!(report.refused, expected.into());
        assert_eq!((report.keys() - pads, report.expired, report.counts.with_expiry), (3, 1, 1));
        assert_eq!(names(&store, 0), ["a", "far"]);
        assert_eq!(names(&store, 1), ["z"]);
        assert_eq!(store.db(0).len().unwrap(), 2 + pads + decoy);
        close_and_check(store, &fixture.path("store"));
    }
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
    let far = [vec![0xFE, 5], text("far", "v"), vec![0xFE, 0]].concat();
    let of_set = [vec![2], string("a"), vec![1], string("second")].concat();
    // The second time at once, and when another db has been in between.
    for between in [vec![], far] {
        let bytes = file(&[text("a", "first"), between.clone(), of_set.clone(), text("b", "v")]);
        for (pads, bytes) in both_roads(&bytes) {
            let others = pads + 1 + u64::from(!between.is_empty());
            for existing in [Existing::Keep, Existing::Replace, Existing::Fail] {
                let fixture = Fixture::new();
                let store = fixture.open();
                decoy(&store, pads);
                let done = import(&store, &bytes, existing);
                let first = store.db(0).strings().get("a").ok().flatten();
                let seen = format!("{existing:?}, {pads} in front, {done:?}");
                match (existing, &done) {
                    (Existing::Keep, Ok(report)) => {
                        assert_eq!((report.keys(), report.kept, report.counts.sets), (others + 1, 1, 0), "{seen}");
                    }
                    (Existing::Replace, Ok(report)) => {
                        assert_eq!((report.keys(), report.kept, report.counts.sets), (others + 2, 0, 1), "{seen}");
                    }
                    (Existing::Fail, Err(error)) => {
                        assert_eq!(error.kind(), ErrorKind::KeyExists);
                        assert!(error.to_string().contains("db 0 holds the key \"a\" already"), "{seen}");
                    }
                    _ => panic!("{seen}"),
                }
                assert_eq!(first, (existing != Existing::Replace).then(|| "first".into()), "{seen}");
                close_and_check(store, &fixture.path("store"));
            }
        }
    }
}

#[test]
fn what_came_before_an_error_stays() {
    for pads in [0, PADS] {
        let fixture = Fixture::new();
        let store = fixture.open();
        let [_, (_, bytes)] = both_roads(&file(&[text("a", "v"), [vec![0xFE, 1], text("b", "v")].concat()]));
        let end = bytes.len() - 12;
        decoy(&store, pads);
        let error = import(&store, &bytes[..end], Existing::Fail).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadDump);
        assert_eq!((names(&store, 0), names(&store, 1)), (vec!["a".to_owned()], vec![]));
        assert!((0..PADS).all(|n| store.db(0).exists(format!("pad:{n}")).unwrap()));
        close_and_check(store, &fixture.path("store"));
    }
}

#[test]
fn each_db_comes_whole_however_often_the_file_changes_it() {
    let many =
        |of: &str, from: u64| (from..from + 1500).flat_map(|n| text(&format!("{of}:{n}"), of)).collect::<Vec<u8>>();
    let parts: Vec<_> = [(0, "a"), (1, "b"), (0, "c"), (2, "d"), (1, "e"), (2, "d")].into();
    let parts =
        parts.iter().zip([0, 0, 0, 0, 0, 750]).map(|((db, of), from)| [vec![0xFE, *db], many(of, from)].concat());
    let bytes = file(&parts.collect::<Vec<_>>());
    for threads in [1, 4] {
        let fixture = Fixture::new();
        let store = fixture.open();
        let options = ImportOptions::new().threads(threads).existing(Existing::Keep);
        let report = store.import_rdb(bytes.as_slice(), options).unwrap();
        assert_eq!((report.keys(), report.kept), (8250, 750));
        assert_eq!([0, 1, 2].map(|db| store.db(db).len().unwrap()), [3000, 3000, 2250]);
        assert!(!fixture.path("store").join("BULK").exists());
        close_and_check(store, &fixture.path("store"));
    }
}

#[test]
fn a_few_keys_of_a_db_between_loads_of_others_stay_in_it() {
    let many = |count: u64, length: usize| {
        (0..count).flat_map(|n| text(&format!("k:{n}"), &"v".repeat(length))).collect::<Vec<u8>>()
    };
    let db = |number: u8, keys: Vec<u8>| [vec![0xFE, number], keys].concat();
    let twice = [text("x", "first"), text("x", "second")].concat();
    let files = [
        (file(&[db(0, many(1024, 1)), db(1, text("x", "v")), db(2, many(1500, 1))]), [1024, 1, 1500]),
        (file(&[db(0, many(1, 300_000)), db(1, many(1, 300_000)), db(2, many(40, 30_000))]), [1, 1, 40]),
        (file(&[db(0, many(1024, 1)), db(1, twice), db(2, many(1500, 1))]), [1024, 1, 1500]),
    ];
    for (bytes, lengths) in &files {
        for (existing, threads) in [(Existing::Keep, 1), (Existing::Replace, 1), (Existing::Replace, 4)] {
            let fixture = Fixture::new();
            let store = fixture.open();
            let options = ImportOptions::new().threads(threads).existing(existing);
            store.import_rdb(bytes.as_slice(), options).unwrap();
            assert_eq!([0, 1, 2].map(|db| store.db(db).len().unwrap()), *lengths);
            let counted = [0, 1, 2].map(|db| u64::try_from(state(&store.db(db)).len()).unwrap());
            assert_eq!(counted, *lengths);
            close_and_check(store, &fixture.path("store"));
        }
    }
}

#[test]
fn who_has_subscribed_is_told_of_every_key() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let events = store.subscribe(EventOptions::new()).unwrap();
    let [_, (_, bytes)] = both_roads(&file(&[text("a", "v")]));
    assert_eq!(import(&store, &bytes, Existing::Fail).unwrap().keys(), PADS + 1);
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv()).collect();
    assert_eq!(told.len() as u64, PADS + 1);
    drop(events);
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

#[test]
fn however_many_threads_are_asked_for_the_file_comes() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let bytes = file(&[text("a", "1"), text("b", "2")]);
    for threads in [0, 100_000, usize::MAX] {
        let options = ImportOptions::new().existing(Existing::Replace).threads(threads);
        assert_eq!(store.import_rdb(bytes.as_slice(), options).unwrap().keys(), 2);
    }
    close_and_check(store, &fixture.path("store"));
}
