//! `windrow check` on a sound store, on a damaged one, and on what is no store.

use std::time::Duration;

use rocksdb::IteratorMode;
use windrow::{CreateOptions, Store};

use crate::raw::open_raw;
use crate::tool::Place;

#[test]
fn a_store_that_a_run_left_is_clean() {
    let place = Place::new();
    let run = ["bench", "window", "--dir", "@store", "--windows", "3", "--collections", "200", "--value-bytes", "64"];
    place.run(&run).well();
    let checked = place.run(&["check", "@store"]).well();
    assert!(checked.stdout().trim_end().ends_with("clean"), "{}", checked.stdout());
}

#[test]
fn a_damaged_store_ends_it_with_1_and_every_finding_is_printed() {
    let place = Place::new();
    let store = Store::open(place.path("store")).unwrap();
    let hour = CreateOptions::new().expire_in(Duration::from_secs(3600));
    store.db(0).sets().add_with("window", ["a", "b"], hour).unwrap();
    store.close().unwrap();
    let sound = place.run(&["check", "@store"]).well();
    assert!(sound.stdout().contains("pending expiries:  1"), "{}", sound.stdout());
    let raw = open_raw(&place.path("store"));
    let expire = raw.cf_handle("expire").unwrap();
    let (entry, _) = raw.iterator_cf(expire, IteratorMode::Start).next().unwrap().unwrap();
    raw.delete_cf(expire, entry).unwrap();
    drop(raw);
    for _ in 0..2 {
        let checked = place.run(&["check", "@store"]);
        assert_eq!(checked.code(), Some(1), "{}{}", checked.stdout(), checked.stderr());
        for line in ["no expire entry for key window", "keyspace 0 counts 1 keys, has 0", "2 findings"] {
            assert!(checked.stdout().lines().any(|printed| printed == line), "{line}: {}", checked.stdout());
        }
    }
}

#[test]
fn a_directory_that_is_no_store_is_refused_and_left_as_it_is() {
    let place = Place::new();
    std::fs::create_dir(place.path("other")).unwrap();
    std::fs::write(place.path("other").join("file"), "mine").unwrap();
    let checked = place.run(&["check", "@other"]);
    assert_eq!(checked.code(), Some(1));
    assert!(checked.stderr().contains("is not a store"), "{}", checked.stderr());
    assert_eq!(std::fs::read(place.path("other").join("file")).unwrap(), b"mine");
}
