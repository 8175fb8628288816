//! A store whose format file is known and whose version record is not: refused, and left as it was.

use windrow::encoding::StoreKey;
use windrow::{ErrorKind, Store};

use crate::fixture::{Fixture, close_and_check};
use crate::opening::contents;
use crate::raw::open_raw;

#[test]
fn a_version_record_of_an_unknown_format_is_refused_and_nothing_is_touched() {
    let fixture = Fixture::new();
    let path = fixture.path("store");
    let store = fixture.open();
    store.db(0).sets().add("s", ["m"]).unwrap();
    store.close().unwrap();
    let key = StoreKey::Version.encode();
    let known = open_raw(&path).get(&key).unwrap().unwrap();
    // A later format, and a record that is none at all.
    for (unknown, kind) in
        [(vec![0x99; known.len()], ErrorKind::UnknownFormat), (b"not a version".to_vec(), ErrorKind::Corruption)]
    {
        open_raw(&path).put(&key, &unknown).unwrap();
        // The record lies in the log alone, as it would after a crash: recovery would have something to write.
        let before = contents(&path);
        let read_only = || Store::builder(&path).clock(fixture.clock.clone()).read_only(true).open();
        for opened in [Store::open(&path), read_only()] {
            let error = opened.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
        }
        assert_eq!(windrow::check(&path).unwrap_err().kind(), kind);
        assert!(contents(&path) == before, "refused, and yet changed");
    }
    open_raw(&path).put(&key, &known).unwrap();
    let store = fixture.open();
    assert!(store.db(0).sets().contains("s", "m").unwrap());
    close_and_check(store, &path);
}
