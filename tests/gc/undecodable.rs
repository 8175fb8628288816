//! Records that nobody can decode, put into a store behind its back: they are kept and counted, and what lies
//! around them works on.

use std::time::Duration;

use rocksdb::IteratorMode;
use windrow::{CreateOptions, Finding};

use crate::data::{members, payload};
use crate::fixture::{Fixture, settle};
use crate::raw::open_raw;

/// Junk for each family that reclaiming reads. No key of windrow's looks like these.
const JUNK: [(&str, &[u8], &[u8]); 5] = [
    ("data-1", b"\x01\x00", b"short element key"),
    ("data-1", b"\x01\x00\x00\x00\x00\x00\x00\x05\xee?", b"element of an unknown tag"),
    ("meta", b"\x00\x00\x00\x01Mjunk", b"no header"),
    ("expire", b"\x00\x00\x00\x00\x00\x00\x00\x09", b"short entry"),
    ("gc", b"\x01\x00\x00", b"no segment"),
];

#[test]
fn what_cannot_be_decoded_is_kept_and_counted_and_the_rest_is_reclaimed() {
    let fixture = Fixture::new();
    let path = fixture.path("store");
    let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    {
        let store = fixture.open();
        store.db(0).sets().add("kept", ["m"]).unwrap();
        for n in 0..1000 {
            store.db(0).sets().add_with(format!("{n}"), [payload(n, 2000)], minute.clone()).unwrap();
        }
        store.close().unwrap();
    }
    {
        let raw = open_raw(&path);
        for (family, key, value) in JUNK {
            raw.put_cf(raw.cf_handle(family).unwrap(), key, value).unwrap();
        }
    }
    {
        let store = fixture.open();
        for n in 1000..2000 {
            store.db(0).sets().add_with(format!("{n}"), [payload(n, 2000)], minute.clone()).unwrap();
        }
        fixture.seconds_pass(61);
        store.settle(Duration::from_secs(3)).unwrap();
        let db = store.db(0);
        assert_eq!(members(&db, "kept"), ["m"]);
        assert_eq!(db.len().unwrap(), 1);
        assert!(store.stats().undecodable_entries > 0, "{:#?}", store.stats());
        drop(db);
        store.close().unwrap();
    }
    let report = windrow::check(&path).unwrap();
    let undecodable = report.findings().iter().filter(|finding| matches!(finding, Finding::Undecodable { .. })).count();
    assert!(undecodable >= 3, "{report}");
    let raw = open_raw(&path);
    // An element of an unknown tag may go: its id can be read, and is dead. So may the expire entry: it lies behind the
    // reaper's position, in a file that is dropped unread.
    let kept = |(family, key, _): &(&str, &[u8], &[u8])| *family != "expire" && !(*family == "data-1" && key.len() > 8);
    let is_missing = |(family, key, value): &(&str, &[u8], &[u8])| {
        raw.get_cf(raw.cf_handle(family).unwrap(), key).unwrap().as_deref() != Some(*value)
    };
    let missing: Vec<_> = JUNK.into_iter().filter(kept).filter(is_missing).map(|(family, ..)| family).collect();
    assert!(missing.is_empty(), "lost what nobody could decode: {missing:?}");
    let left = raw.iterator_cf(raw.cf_handle("data-1").unwrap(), IteratorMode::Start).count();
    // The one file that begins with the junk stays whole: nobody knows what its span is.
    assert!(left < 1000, "{left} entries are left of 2,000 dead ones");
}

#[test]
fn compactions_while_nothing_is_dead_keep_everything() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for n in 0..2000 {
        store.db(0).sets().add_with(format!("{n}"), [payload(n, 2000)], CreateOptions::new()).unwrap();
    }
    settle(&store);
    assert_eq!(store.stats().entries_filtered, 0);
    for n in 0..2000 {
        assert_eq!(members(&store.db(0), format!("{n}")), [payload(n, 2000)]);
    }
}
