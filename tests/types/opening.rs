//! Opening and closing: one writer, readers that change nothing, foreign directories left untouched.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use windrow::{Action, CreateOptions, Durability, ErrorKind, KeyLayout, Options, Store};

use crate::data::{keys, members};
use crate::fixture::{Fixture, START, close_and_check, settle};

/// Every file of a directory with its bytes; RocksDB's own log of events left out.
pub(crate) fn contents(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if !name.starts_with("LOG") {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    found
}

fn read_only(path: &Path, fixture: &Fixture) -> windrow::Result<Store> {
    Store::builder(path).clock(fixture.clock.clone()).read_only(true).open()
}

#[test]
fn a_store_is_open_once_and_free_again_when_its_last_handle_is_gone() {
    let fixture = Fixture::new();
    let path = fixture.path("store");
    let store = fixture.open();
    let error = Store::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    assert_eq!(error.action(), Action::FixEnvironment);
    assert_eq!(read_only(&path, &fixture).unwrap_err().kind(), ErrorKind::InUse);
    assert_eq!(windrow::check(&path).unwrap_err().kind(), ErrorKind::InUse);
    let view = store.view().unwrap();
    store.close().unwrap();
    assert_eq!(Store::open(&path).unwrap_err().kind(), ErrorKind::InUse, "a view is still there");
    drop(view);
    Store::open(&path).unwrap().close().unwrap();
}

#[test]
fn a_view_keeps_its_store_open() {
    let fixture = Fixture::new();
    let view = {
        let store = fixture.open();
        store.db(0).strings().set("k", "v").unwrap();
        store.view().unwrap()
    };
    assert!(view.db(0).exists("k").unwrap());
    drop(view);
    fixture.open().close().unwrap();
}

#[test]
fn a_closed_store_refuses_everything_and_closing_twice_does_nothing() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let (db, view) = (store.db(0), store.view().unwrap());
    db.sets().add("s", ["a", "b"]).unwrap();
    let mut walk = db.sets().members("s").unwrap();
    store.clone().close().unwrap();
    store.clone().close().unwrap();
    let refused = [
        db.exists("s").err(),
        db.strings().get("s").err(),
        db.strings().set("k", "v").err(),
        db.sets().members("s").err(),
        db.keys("").err(),
        db.len().err(),
        db.flush().err(),
        db.rename("s", "s").err(),
        store.namespace("").swap(0, 1).err(),
        store.view().err(),
        store.sync().err(),
        store.settle(Duration::ZERO).err(),
        view.db(0).exists("s").err(),
    ];
    for (n, error) in refused.into_iter().enumerate() {
        assert_eq!(error.unwrap().kind(), ErrorKind::Closed, "operation {n}");
    }
    assert_eq!(walk.next().unwrap().unwrap(), "a", "an iterator that was open goes on");
    drop((db, view, walk));
    close_and_check(store, &fixture.path("store"));
    let db = fixture.open().db(0);
    assert_eq!(members(&db, "s"), ["a", "b"]);
}

#[test]
fn reading_only_changes_nothing_on_disk_and_honours_expiry() {
    let fixture = Fixture::new();
    let path = fixture.path("store");
    {
        let store = fixture.open();
        let db = store.db(0);
        db.sets().add("lasting", ["m"]).unwrap();
        db.sets().add_with("dying", ["m"], CreateOptions::new().expire_in(Duration::from_secs(10))).unwrap();
        db.sets().add("deleted", ["m"]).unwrap();
        db.delete(["deleted"]).unwrap();
    }
    let before = contents(&path);
    let (first, second) = (read_only(&path, &fixture).unwrap(), read_only(&path, &fixture).unwrap());
    assert_eq!(Store::open(&path).unwrap_err().kind(), ErrorKind::InUse);
    let db = first.db(0);
    assert_eq!(keys(&db), ["dying", "lasting"]);
    assert_eq!(keys(&second.view().unwrap().db(0)), ["dying", "lasting"]);
    fixture.seconds_pass(10);
    assert_eq!(keys(&db), ["lasting"]);
    assert_eq!(db.len().unwrap(), 2);
    let refused = [
        db.strings().set("k", "v").err(),
        db.delete(["lasting"]).err(),
        db.flush().err(),
        db.rename("lasting", "lasting").err(),
        db.persist("dying").err(),
        db.sets().add("x", ["m"]).err(),
        first.namespace("").swap(0, 1).err(),
        first.sync().err(),
        first.settle(Duration::ZERO).err(),
    ];
    for (n, error) in refused.into_iter().enumerate() {
        assert_eq!(error.unwrap().kind(), ErrorKind::ReadOnly, "operation {n}");
    }
    drop(db);
    first.close().unwrap();
    second.close().unwrap();
    assert_eq!(contents(&path), before);
    windrow::check(&path).unwrap();
    assert_eq!(contents(&path), before, "a check changes nothing either");
}

#[test]
fn a_directory_that_is_no_store_or_of_an_unknown_format_is_left_untouched() {
    let fixture = Fixture::new();
    let path = fixture.path("store");
    fixture.open().close().unwrap();
    let known = fs::read_to_string(path.join("WINDROW")).unwrap();
    let newer = known.replace("1.0", "9.9");
    let next = known.replace("1.0", "1.1");
    let earlier = known.replace("1.0", "0.2");
    assert!(newer != known && next != known && earlier != known);
    for (name, text) in [
        ("newer", newer.as_str()),
        ("next", next.as_str()),
        ("earlier", earlier.as_str()),
        ("noise", "not a format file"),
        ("empty", ""),
        ("cut", &known[..known.len() / 2]),
    ] {
        fs::write(path.join("WINDROW"), text).unwrap();
        let before = contents(&path);
        for opened in [Store::open(&path), read_only(&path, &fixture)] {
            let error = opened.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownFormat, "{name}: {error}");
        }
        assert_eq!(windrow::check(&path).unwrap_err().kind(), ErrorKind::UnknownFormat, "{name}");
        assert_eq!(contents(&path), before, "{name}");
    }
    fs::write(path.join("WINDROW"), &known).unwrap();
    fixture.open().close().unwrap();
    let foreign = fixture.path("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("letter.txt"), "dear").unwrap();
    let before = contents(&foreign);
    assert_eq!(Store::open(&foreign).unwrap_err().kind(), ErrorKind::NotAStore);
    assert_eq!(read_only(&foreign, &fixture).unwrap_err().kind(), ErrorKind::NotAStore);
    assert_eq!(contents(&foreign), before);
    let missing = fixture.path("missing");
    assert_eq!(read_only(&missing, &fixture).unwrap_err().kind(), ErrorKind::NotAStore);
    assert!(!missing.exists());
    fs::write(fixture.path("file"), "x").unwrap();
    assert!(Store::open(fixture.path("file")).is_err());
}

#[test]
fn a_store_of_the_cluster_layout_stays_one_and_does_everything_the_plain_one_does() {
    let fixture = Fixture::new();
    let path = fixture.path("cluster");
    let mut options = Options::default();
    options.key_layout = KeyLayout::Cluster;
    let builder = Store::builder(&path).clock(fixture.clock.clone()).background(false);
    let store = builder.options(options).open().unwrap();
    let fill = |store: &Store| {
        for n in 0..300 {
            store.db(0).strings().set(format!("key:{n:03}"), n.to_string()).unwrap();
            store.db(0).sets().add(format!("set:{n:03}{{tag}}"), ["m"]).unwrap();
        }
    };
    fill(&store);
    store.close().unwrap();
    // The layout is the store's, whatever the options say.
    let store = fixture.open_at(&path);
    let db = store.db(0);
    for n in 0..300 {
        assert_eq!(db.strings().get(format!("key:{n:03}")).unwrap().unwrap(), n.to_string());
    }
    let mut found: Vec<_> = db.keys("key:").unwrap().map(Result::unwrap).collect();
    assert_eq!(found.len(), 300);
    found.sort();
    assert_eq!(found[299], "key:299");
    db.rename("key:000", "key:new").unwrap();
    db.expire("key:001", Duration::from_secs(1)).unwrap();
    fixture.seconds_pass(2);
    settle(&store);
    assert_eq!(db.len().unwrap(), 599);
    let view = store.view().unwrap();
    db.flush().unwrap();
    assert_eq!(view.db(0).len().unwrap(), 599);
    drop(view);
    settle(&store);
    assert_eq!(store.stats().data_file_bytes, 0);
    drop(db);
    close_and_check(store, &path);
}

#[test]
fn each_durability_survives_a_clean_close_and_can_be_chosen_for_a_call() {
    let fixture = Fixture::new();
    for durability in [Durability::Buffered, Durability::Interval, Durability::Sync] {
        let path = fixture.path(&format!("{durability:?}"));
        let mut options = Options::default();
        options.durability = durability;
        let open = || Store::builder(&path).clock(fixture.clock.clone()).options(options.clone()).open().unwrap();
        let store = open();
        store.db(0).strings().set("k", "v").unwrap();
        store.db(0).with_durability(Durability::Sync).strings().set("s", "v").unwrap();
        store.close().unwrap();
        let store = open();
        assert_eq!(keys(&store.db(0)), ["k", "s"]);
        assert_eq!(store.time(), START);
    }
}

#[test]
fn options_out_of_range_are_refused_before_anything_is_created() {
    let fixture = Fixture::new();
    let mut options = Options::default();
    options.reclaim_threads = 0;
    let error = Store::builder(fixture.path("never")).options(options).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!fixture.path("never").exists());
}

#[test]
fn a_checkpoint_names_the_directory_that_it_misses_and_makes_none() {
    let fixture = Fixture::new();
    let store = fixture.open();
    store.db(0).strings().set("k", "v").unwrap();
    let missing = fixture.path("missing");
    for parent in [missing.clone(), fixture.path("store").join("missing")] {
        let error = store.checkpoint(parent.join("copy")).unwrap_err();
        assert_eq!((error.kind(), error.action()), (ErrorKind::Io, Action::FixEnvironment));
        assert!(error.to_string().contains(&format!("needs the directory {}: ", parent.display())), "{error}");
        assert!(!parent.exists());
    }
    fs::write(&missing, "a file").unwrap();
    assert_eq!(store.checkpoint(missing.join("copy")).unwrap_err().kind(), ErrorKind::Io);
    store.checkpoint(fixture.path("copy")).unwrap();
}
