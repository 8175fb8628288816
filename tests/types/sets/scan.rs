//! Reading a set in pages.

use std::collections::BTreeSet;

use bytes::Bytes;
use windrow::{Db, ErrorKind, ScanCursor, ScanOptions, Source};

use crate::both::both;

/// All pages of a scan.
fn pages<S: Source>(db: &Db<S>, options: ScanOptions<'_>) -> Vec<Vec<Bytes>> {
    let (mut cursor, mut pages) = (ScanCursor::START, Vec::new());
    while !cursor.is_finished() {
        let page = db.sets().scan("s", &cursor, options).unwrap();
        pages.push(page.items);
        cursor = ScanCursor::from_bytes(page.cursor.as_bytes()).unwrap();
    }
    pages
}

#[test]
fn pages_have_the_size_asked_for_and_the_last_one_says_that_it_is() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add("s", (0..25).map(|n| format!("{n:02}"))).unwrap();
        let sizes = |count| pages(&db, ScanOptions::new().count(count)).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(10), [10, 10, 5]);
        assert_eq!(sizes(5), [5; 5]);
        assert_eq!(sizes(1), [1; 25]);
        assert_eq!(sizes(u64::MAX), [25]);
        assert_eq!(pages(&db, ScanOptions::new()).concat(), crate::data::members(&db, "s"));
        let finished = db.sets().scan("s", &ScanCursor::START, ScanOptions::new().count(25)).unwrap().cursor;
        let behind = db.sets().scan("s", &finished, ScanOptions::new()).unwrap();
        assert!(behind.items.is_empty() && behind.cursor.is_finished());
    });
}

#[test]
fn a_pattern_filters_what_is_looked_at() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add("s", ["", "a", "ab", "abc", "b", "ba", "*", "\\"]).unwrap();
        let all = |pattern: &str| pages(&db, ScanOptions::new().matching(pattern).count(2)).concat();
        assert_eq!(all("*").len(), 8);
        assert_eq!(all("a*"), ["a", "ab", "abc"]);
        assert_eq!(all("?"), ["*", "\\", "a", "b"]);
        assert_eq!(all("\\*"), ["*"]);
        assert_eq!(all("[ab]?"), ["ab", "ba"]);
        assert_eq!(all("*b*"), ["ab", "abc", "b", "ba"]);
        assert_eq!(all(""), [""]);
        assert_eq!(all("zz*"), [""; 0]);
        let first = db.sets().scan("s", &ScanCursor::START, ScanOptions::new().matching("b?").count(2)).unwrap();
        assert_eq!(first.items, ["ba"], "a page begins where the pattern does");
        assert!(first.cursor.is_finished());
        let all_names = db.sets().scan("s", &ScanCursor::START, ScanOptions::new().count(1)).unwrap().cursor;
        let later = db.sets().scan("s", &all_names, ScanOptions::new().matching("b?").count(2)).unwrap();
        assert_eq!(later.items, ["ba"], "also for a cursor from a scan without pattern");
    });
}

#[test]
fn what_is_there_throughout_is_returned_exactly_once_whatever_comes_and_goes() {
    both(|_, store| {
        let db = store.db(0);
        let mut random = fastrand::Rng::with_seed(3);
        let lasting: BTreeSet<String> = (0..300).map(|n| format!("k{}", n * 7 % 1000)).collect();
        db.sets().add("s", &lasting).unwrap();
        let (mut cursor, mut seen) = (ScanCursor::START, Vec::new());
        while !cursor.is_finished() {
            let page = db.sets().scan("s", &cursor, ScanOptions::new().count(random.u64(1..20))).unwrap();
            seen.extend(page.items);
            cursor = page.cursor;
            let passing = format!("x{}", random.u8(..)).repeat(usize::from(random.bool()) + 1);
            db.sets().add("s", [&passing, &format!("k{}+", random.u32(..1000))]).unwrap();
            db.sets().remove("s", [passing]).unwrap();
        }
        let different: BTreeSet<&Bytes> = seen.iter().collect();
        assert_eq!(different.len(), seen.len(), "none twice");
        assert!(lasting.iter().all(|member| different.contains(&Bytes::from(member.clone()))));
    });
}

#[test]
fn a_scan_goes_on_when_its_set_shrinks_grows_is_packed_or_is_gone() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add("s", ["a", "b", "c"]).unwrap();
        let cursor = db.sets().scan("s", &ScanCursor::START, ScanOptions::new().count(1)).unwrap().cursor;
        db.sets().add("s", (0..200).map(|n| format!("d{n}"))).unwrap();
        db.sets().remove("s", ["a", "b"]).unwrap();
        let page = db.sets().scan("s", &cursor, ScanOptions::new().count(1)).unwrap();
        assert_eq!(page.items, ["c"]);
        let view = store.view().unwrap();
        db.delete(["s"]).unwrap();
        let gone = db.sets().scan("s", &page.cursor, ScanOptions::new()).unwrap();
        assert!(gone.items.is_empty() && gone.cursor.is_finished());
        assert_eq!(view.db(0).sets().scan("s", &page.cursor, ScanOptions::new().count(500)).unwrap().items.len(), 200);
        db.strings().set("s", "v").unwrap();
        let refused = db.sets().scan("s", &cursor, ScanOptions::new());
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::WrongType);
        db.sets().add("t", ["a"]).unwrap();
        let refused = db.sets().scan("t", &ScanCursor::START, ScanOptions::new().count(0));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}
