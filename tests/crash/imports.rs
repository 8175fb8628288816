//! Imports into a db that holds nothing, which come by a bulk load: cut off, failing, and beside others who write.

use std::path::Path;

use fail::FailScenario;
use windrow::{Clock, ErrorKind, Existing, ImportOptions, Store};

use crate::bulk::{expect, feed};
use crate::data::{keys, members};
use crate::fixture::{Fixture, close_and_check, settle};
use crate::pause::Pause;
use crate::recorder::Recorder;

/// Where an import into a db that holds nothing comes by.
const PLACES: &[&str] = &[
    "store::commit",
    "bulk::ids_taken",
    "bulk::file_written",
    "bulk::fed",
    "bulk::built",
    "bulk::expiries_ingested",
    "bulk::records_ingested",
    "bulk::ingested",
    "bulk::naming",
];

/// What the loads of the tests beside this one leave, as a file of 202 keys in db 0.
fn file(round: u64) -> Vec<u8> {
    // What another test breaks is not for this.
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let mut load = store.db(0).bulk_load().unwrap();
    feed(&mut load, round);
    assert_eq!(load.finish().unwrap(), 202);
    let mut file = Vec::new();
    store.export_rdb(&mut file).unwrap();
    file
}

fn import(store: &Store, file: &[u8], existing: Existing) -> windrow::Result<windrow::ImportReport> {
    store.import_rdb(file, ImportOptions::new().existing(existing).threads(2))
}

#[test]
fn every_copy_taken_around_an_import_holds_all_of_a_db_or_nothing() {
    let file = file(1);
    for loses_power in [false, true] {
        let _alone = FailScenario::setup();
        let fixture = Fixture::new();
        let recorder = Recorder::new(&fixture, PLACES, loses_power);
        recorder.phase("importing");
        recorder.step(
            |world| expect(world, 1, fixture.clock.wall()),
            |store| assert_eq!(import(store, &file, Existing::Fail).unwrap().keys(), 202),
        );
        recorder.sync();
        recorder.phase("reclaiming");
        fixture.seconds_pass(4000);
        settle(recorder.store());
        assert!(recorder.verify() >= 8);
    }
}

/// Stops an import at a place, writes a key that is in the file and one that is not, and lets it go on.
fn import_beside(store: &Store, file: &[u8], existing: Existing, place: &'static str) -> windrow::Result<u64> {
    let pause = Pause::at(place);
    std::thread::scope(|scope| {
        let importing = scope.spawn(|| import(store, file, existing).map(|report| report.kept));
        pause.wait();
        store.db(0).sets().add("set:7", ["beside"]).unwrap();
        store.db(0).sets().add("other", ["beside"]).unwrap();
        pause.resume();
        importing.join().unwrap()
    })
}

#[test]
fn a_key_that_somebody_writes_during_an_import_is_one_that_is_there() {
    let file = file(1);
    for place in ["bulk::fed", "bulk::built"] {
        for existing in [Existing::Fail, Existing::Keep, Existing::Replace] {
            let _alone = FailScenario::setup();
            let fixture = Fixture::new();
            let store = fixture.open();
            let done = import_beside(&store, &file, existing, place);
            let (beside, kept) = (members(&store.db(0), "set:7") == ["beside"], existing == Existing::Keep);
            match done {
                Err(error) => {
                    assert_eq!((error.kind(), existing), (ErrorKind::KeyExists, Existing::Fail), "{error}");
                    assert!(error.to_string().contains("\"set:7\""), "{error}");
                    assert_eq!(keys(&store.db(0)), ["other", "set:7"]);
                }
                Ok(count) => {
                    assert_eq!(count, u64::from(kept), "{existing:?}");
                    assert_eq!(store.db(0).len().unwrap(), 203);
                }
            }
            assert_eq!(beside, existing != Existing::Replace);
            assert_eq!(members(&store.db(0), "other"), ["beside"]);
            // One value among the living, which is worth no rewriting, was replaced or never came.
            nothing_leaks(store, &fixture.path("store"), u64::from(existing != Existing::Fail));
        }
    }
}

fn nothing_leaks(store: Store, path: &Path, most_debt: u64) {
    assert!(!path.join("BULK").exists());
    settle(&store);
    assert!(store.stats().debt_ids <= most_debt, "{} ids", store.stats().debt_ids);
    assert_eq!(store.stats().flushed_keyspaces, 0);
    close_and_check(store, path);
}

#[test]
fn an_import_that_fails_leaves_what_was_there_and_nothing_else() {
    let file = file(1);
    for (place, failure) in [
        ("store::write_file", "1*return->off"),
        ("store::ingest", "1*return->off"),
        ("store::ingest", "1*off->1*return->off"),
        ("ids::take", "20*off->1*return->off"),
    ] {
        let _alone = FailScenario::setup();
        let fixture = Fixture::new();
        let store = fixture.open();
        store.db(1).sets().add("there", ["member"]).unwrap();
        fail::cfg(place, failure).unwrap();
        assert_eq!(import(&store, &file, Existing::Fail).unwrap_err().kind(), ErrorKind::Io, "{place}");
        fail::remove(place);
        assert!(store.db(0).is_empty().unwrap(), "{place}");
        assert_eq!(import(&store, &file, Existing::Fail).unwrap().keys(), 202);
        assert_eq!(members(&store.db(1), "there"), ["member"]);
        nothing_leaks(store, &fixture.path("store"), 0);
    }
}
