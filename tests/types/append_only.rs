//! Append-only files: what their commands make of an empty store, what is passed over, and where they end.

use std::time::Duration;

use windrow::{ErrorKind, Existing, ImportOptions, ImportReport, Refusal, Store, Ttl, UnixMillis, append_only_parts};

use crate::fixture::{Fixture, START, close_and_check};

/// The lines of a text as commands, their words between blanks.
fn part(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        windrow::resp::write_command(&mut bytes, &words);
    }
    bytes
}

fn import(store: &Store, parts: &[&[u8]]) -> windrow::Result<ImportReport> {
    store.import_aof(parts.iter().copied(), ImportOptions::new())
}

fn imported(text: &str) -> (Fixture, Store, ImportReport) {
    let fixture = Fixture::new();
    let store = fixture.open();
    let report = import(&store, &[&part(text)]).unwrap();
    (fixture, store, report)
}

fn text(store: &Store, key: &str) -> Option<String> {
    store.db(0).strings().get(key).unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap())
}

#[test]
fn nothing_expires_before_all_is_done_that_the_file_says() {
    let past = START.get() - 1000;
    let future = START.get() + 1000;
    let (fixture, store, report) = imported(&format!(
        "set saved 5 PXAT {past}\nINCR saved\nPERSIST saved\nSET gone v PXAT {past}\nAPPEND gone w\n\
         SET moved v PXAT {past}\nRENAME moved kept\nPEXPIREAT kept {future}\nEXPIRE saved 10\nPEXPIREAT saved -5 GT"
    ));
    assert_eq!((report.keys(), report.counts.with_expiry, report.expired, report.commands), (2, 2, 1, 10));
    assert!(report.is_complete());
    assert_eq!(text(&store, "saved"), Some("6".into()));
    assert_eq!(store.db(0).ttl("saved").unwrap(), Ttl::In(Duration::from_secs(10)));
    assert_eq!(store.db(0).expires_at("kept").unwrap(), Some(UnixMillis::new(future)));
    assert_eq!(text(&store, "gone"), None);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn dbs_are_selected_swapped_and_flushed() {
    let (fixture, store, _) = imported(
        "SET a 0\nSELECT 3\nSET a 3\nMOVE a 4\nSET b 3\nCOPY b c DB 5\nSWAPDB 3 6\nSELECT 5\nSET d 5\nFLUSHDB ASYNC\nSET e 5",
    );
    let keys = |number| store.db(number).keys("").unwrap().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!([keys(0), keys(3), keys(4), keys(5), keys(6)], [vec!["a"], vec![], vec!["a"], vec!["e"], vec!["b"]]);
    close_and_check(store, &fixture.path("store"));
    let (_, store, report) = imported("SET a 0\nSELECT 3\nSET a 3\nFLUSHALL\nSET b 1");
    assert_eq!(report.keys(), 1);
    assert!(store.db(3).exists("b").unwrap());
}

#[test]
fn what_is_not_done_is_counted_by_its_reason() {
    let made_up: String = (0..300).map(|n| format!("MADEUP{n} x\n")).collect();
    let (fixture, store, report) = imported(&format!(
        "SADD s a\nINCR s\nXADD x * f v\nFUNCTION LOAD x\npublish c m\nHSET h f\nSPOP s\nSET k v PXAT 9223372036854775807\n\
         SET k v EX 9223372036854775807\nLPOP l -1\nSELECT -1\n{made_up}{} x\nSET k {}",
        "N".repeat(40),
        "v".repeat(3),
    ));
    let named = |name: &str| report.refused.get(&Refusal::Command(name.into())).copied();
    let failed = |name: &str| report.refused.get(&Refusal::Failed(name.into())).copied();
    assert_eq!((named("PUBLISH"), named("SPOP"), named("MADEUP0")), (Some(1), Some(1), Some(1)));
    assert_eq!([failed("INCR"), failed("HSET"), failed("LPOP"), failed("SELECT")], [Some(1); 4]);
    assert_eq!(failed("SET"), Some(1), "an expiry that cannot be said in milliseconds");
    assert_eq!((report.refused[&Refusal::Stream], report.refused[&Refusal::Function]), (1, 1));
    assert!(report.refused.len() <= 101, "{} reasons", report.refused.len());
    assert_eq!(report.refused.values().sum::<u64>() + report.commands, 313);
    assert_eq!(text(&store, "k"), Some("vvv".into()));
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_last_part_that_is_cut_gives_what_is_whole_and_another_is_refused() {
    let bytes = part("SET a 1\nMULTI\nINCR a\nINCR a\nEXEC\nSET b 1");
    let last = bytes.len() - part("SET b 1").len();
    let exec = last - part("EXEC").len();
    for (end, a, b) in [
        (bytes.len(), "3", true),
        (bytes.len() - 1, "3", false),
        (last, "3", false),
        (last - 1, "1", false),
        (exec, "1", false),
    ] {
        let fixture = Fixture::new();
        let store = fixture.open();
        let report = import(&store, &[&part("SET c 1"), &bytes[..end]]).unwrap();
        assert_eq!(report.is_cut, end != bytes.len() && end != last);
        assert_eq!((text(&store, "a"), store.db(0).exists("b").unwrap()), (Some(a.into()), b));
        assert!(store.db(0).exists("c").unwrap());
        let error = import(&store, &[&bytes[..last - 1], &bytes]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadDump);
        close_and_check(store, &fixture.path("store"));
    }
}

#[test]
fn a_damaged_file_changes_nothing_and_leaves_nothing() {
    let fixture = Fixture::new();
    let store = fixture.open();
    store.db(0).strings().set("there", "v").unwrap();
    let mut bytes = part("SET a 1\nSET b 1");
    bytes.extend(b"\0\0\0\n");
    let error = import(&store, &[&bytes]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadDump);
    assert!(error.to_string().contains(&format!("at byte {}", bytes.len() - 4)), "{error}");
    let claims = part("SET a 1").len() + 2;
    let error = import(&store, &[b"*2\r\n$999999999999\r\n"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadDump, "{claims}");
    let error = import(&store, &[b"REDIS0010\x00"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadDump);
    assert_eq!(store.db(0).len().unwrap(), 1);
    assert!(!fixture.path("store").join("IMPORT").exists());
    let report = import(&store, &[]).unwrap();
    assert_eq!((report.keys(), report.is_complete()), (0, true));
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn what_an_import_left_is_removed_by_the_next_opening() {
    let fixture = Fixture::new();
    fixture.open().close().unwrap();
    let left = fixture.path("store").join("IMPORT");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("CURRENT"), "x").unwrap();
    let store = fixture.open();
    assert!(!left.exists());
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn keys_that_are_there_stay_or_are_replaced_or_end_it_and_no_command_meets_them() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let bytes = part("APPEND a new\nSET b new");
    store.db(0).strings().set("a", "old").unwrap();
    let with = |existing| store.import_aof([bytes.as_slice()], ImportOptions::new().existing(existing));
    assert_eq!(with(Existing::Fail).unwrap_err().kind(), ErrorKind::KeyExists);
    store.db(0).delete(["b"]).unwrap();
    let report = with(Existing::Keep).unwrap();
    assert_eq!((report.keys(), report.kept, text(&store, "a")), (1, 1, Some("old".into())));
    with(Existing::Replace).unwrap();
    assert_eq!(text(&store, "a"), Some("new".into()));
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_part_may_begin_with_what_an_export_wrote() {
    let fixture = Fixture::new();
    let from = fixture.open_at(&fixture.path("from"));
    from.db(2).sets().add("s", ["a"]).unwrap();
    from.db(0).strings().set("n", "1").unwrap();
    let mut bytes = Vec::new();
    from.export_rdb(&mut bytes).unwrap();
    bytes.extend(part("INCR n\nSELECT 2\nSADD s b"));
    let store = fixture.open();
    let report = import(&store, &[&bytes, &part("INCR n")]).unwrap();
    assert_eq!(
        (report.keys(), report.counts.sets, report.bytes),
        (2, 1, bytes.len() as u64 + part("INCR n").len() as u64)
    );
    assert_eq!((text(&store, "n"), store.db(2).sets().len("s").unwrap()), (Some("3".into()), 2));
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn parts_are_found_by_their_manifest_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    assert_eq!(append_only_parts(dir.path()).unwrap_err().kind(), ErrorKind::BadDump);
    assert_eq!(append_only_parts(path("none.manifest")).unwrap_err().kind(), ErrorKind::Io);
    std::fs::write(path("a.manifest"), "file b.rdb seq 1 type b\nfile c.aof seq 2 type i\n").unwrap();
    for given in [dir.path().to_owned(), path("a.manifest")] {
        assert_eq!(append_only_parts(given).unwrap(), [path("b.rdb"), path("c.aof")]);
    }
    std::fs::write(path("b.manifest"), "file ../x seq 1 type b\n").unwrap();
    assert_eq!(append_only_parts(dir.path()).unwrap_err().kind(), ErrorKind::BadDump);
    assert_eq!(append_only_parts(path("b.manifest")).unwrap_err().kind(), ErrorKind::BadDump);
}

/// Reads nothing, but has another import read a file first.
struct Nested<'s>(&'s Store);

impl std::io::Read for Nested<'_> {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        let error = import(self.0, &[&part("SET inner v")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        Ok(0)
    }
}

#[test]
fn an_import_that_is_read_by_another_one_is_refused_and_not_waited_for() {
    let fixture = Fixture::new();
    let store = fixture.open();
    assert_eq!(store.import_aof([Nested(&store)], ImportOptions::new()).unwrap().keys(), 0);
    assert_eq!(import(&store, &[&part("SET outer v")]).unwrap().keys(), 1);
    close_and_check(store, &fixture.path("store"));
}
