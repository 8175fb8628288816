//! Small collections packed into their records, and large ones built in several commits.

use std::time::Duration;

use windrow::{CreateOptions, Options, Store};

use crate::data::members;
use crate::fixture::{Fixture, close_and_check, settle, small};

fn packing() -> Options {
    let mut options = small();
    options.packed_expiring_bytes = 40;
    options.packed_lasting_bytes = 100;
    options
}

fn open(fixture: &Fixture, options: Options) -> Store {
    let builder = Store::builder(fixture.path("store")).clock(fixture.clock.clone());
    builder.options(options).background(false).open().unwrap()
}

/// Bytes that the data families hold once everything is in files.
fn data_bytes(store: Store, fixture: &Fixture, options: Options) -> (Store, u64) {
    store.close().unwrap();
    let report = windrow::check(fixture.path("store")).unwrap();
    assert!(report.is_clean(), "{report}");
    (open(fixture, options), report.live_elements)
}

#[test]
fn a_small_set_takes_no_element_until_it_outgrows_its_record() {
    let fixture = Fixture::new();
    let store = open(&fixture, packing());
    let sets = |store: &Store| members(&store.db(0), "s");
    store.db(0).sets().add("s", ["b", "a", "c", "a"]).unwrap();
    let (store, elements) = data_bytes(store, &fixture, packing());
    assert_eq!((sets(&store), elements), (vec!["a".into(), "b".into(), "c".into()], 0));
    assert_eq!(store.db(0).sets().remove("s", ["b", "x"]).unwrap(), 1);
    assert!(!store.db(0).sets().contains("s", "b").unwrap());
    let many: Vec<String> = (0..40).map(|n| format!("m{n:03}")).collect();
    assert_eq!(store.db(0).sets().add("s", &many).unwrap(), 40);
    let (store, elements) = data_bytes(store, &fixture, packing());
    assert_eq!((sets(&store).len(), elements), (42, 42));
    assert_eq!(store.db(0).sets().remove("s", &many).unwrap(), 40);
    let (store, elements) = data_bytes(store, &fixture, packing());
    assert_eq!((sets(&store).len(), elements), (2, 2), "it is never packed again");
    store.db(0).sets().remove("s", ["a", "c"]).unwrap();
    assert!(!store.db(0).exists("s").unwrap());
    settle(&store);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn the_limit_is_that_of_the_expiry_at_the_time_of_writing() {
    let fixture = Fixture::new();
    let store = open(&fixture, packing());
    let member = "m".repeat(60);
    let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    store.db(0).sets().add_with("expiring", [&member], minute).unwrap();
    store.db(0).sets().add("lasting", [&member]).unwrap();
    let (store, elements) = data_bytes(store, &fixture, packing());
    assert_eq!(elements, 1);
    store.db(0).expire("lasting", Duration::from_secs(60)).unwrap();
    let view = store.view().unwrap();
    store.db(0).sets().add("lasting", ["x"]).unwrap();
    assert_eq!(view.db(0).sets().len("lasting").unwrap(), 1);
    drop(view);
    let (store, elements) = data_bytes(store, &fixture, packing());
    assert_eq!(elements, 3, "a packed set that was given an expiry moves out when it is written");
    fixture.seconds_pass(61);
    assert!(!store.db(0).exists("lasting").unwrap());
    settle(&store);
    assert_eq!((store.db(0).len().unwrap(), store.stats().data_file_bytes), (0, 0));
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn packed_sets_go_along_with_renames_flushes_pops_and_expiry() {
    let fixture = Fixture::new();
    let store = open(&fixture, packing());
    let db = store.db(0);
    let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    db.sets().add_with("s", ["a", "b", "c"], minute).unwrap();
    db.rename("s", "t").unwrap();
    db.persist("t").unwrap();
    let popped = db.sets().pop("t", 2).unwrap();
    assert_eq!(popped.len(), 2);
    assert_eq!(db.sets().random("t", 5).unwrap().len(), 1);
    fixture.seconds_pass(61);
    settle(&store);
    assert_eq!(db.sets().len("t").unwrap(), 1);
    db.flush().unwrap();
    settle(&store);
    assert!(!db.exists("t").unwrap());
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_set_too_large_for_one_commit_is_whole_or_absent() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let large: Vec<String> = (0..100_000).map(|n| format!("{n:060}")).collect();
    assert_eq!(store.db(0).sets().add("s", &large).unwrap(), 100_000);
    assert_eq!(store.db(0).sets().len("s").unwrap(), 100_000);
    assert_eq!(members(&store.db(0), "s"), large);
    let expired = CreateOptions::new().expire_at(windrow::UnixMillis::new(1));
    assert_eq!(store.db(0).sets().add_with("late", &large, expired).unwrap(), 0);
    store.close().unwrap();
    let report = windrow::check(fixture.path("store")).unwrap();
    assert!(report.is_clean() && report.dead_elements == 0, "{report}");
    let store = fixture.open();
    assert_eq!(members(&store.db(0), "s"), large);
    store.db(0).delete(["s"]).unwrap();
    settle(&store);
    assert_eq!(store.stats().data_file_bytes, 0);
    close_and_check(store, &fixture.path("store"));
}
