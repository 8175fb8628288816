//! Bulk loads that are cut off, fail or are given up: every key holds its old value or its new one, and nothing leaks.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fail::FailScenario;
use windrow::{BulkLoad, Clock, CreateOptions, ErrorKind, Store, UnixMillis};

use crate::data::{keys, members, payload};
use crate::disk::copy_store;
use crate::fixture::{Fixture, assert_clean, close_and_check, settle};
use crate::pause::Pause;
use crate::recorder::{Recorder, Value, World};

pub(crate) const PLACES: &[&str] = &[
    "store::commit",
    "bulk::ids_taken",
    "bulk::file_written",
    "bulk::fed",
    "bulk::built",
    "bulk::expiries_ingested",
    "bulk::records_ingested",
    "bulk::naming",
    "bulk::marked",
    "bulk::ingested",
    "bulk::linking",
    "bulk::linked",
    "bulk::before_burial",
    "commit::after",
];

const HOUR: Duration = Duration::from_secs(3600);

fn key(name: &str) -> (u32, Vec<u8>) {
    (0, name.as_bytes().to_vec())
}

fn two(seed: u64) -> BTreeSet<Vec<u8>> {
    [payload(seed, 2000), payload(seed + 1, 2000)].into()
}

/// Gives sets under new keys and old ones, some of them twice, strings of both kinds, and removals. As many records as are
/// committed together.
pub(crate) fn feed(load: &mut BulkLoad, round: u64) {
    for n in 0..200 {
        let expiring = CreateOptions::new().expire_in(HOUR * (1 + n as u32 % 3));
        if n % 10 == 0 {
            load.set(format!("set:{n}"), ["never seen"], expiring).unwrap();
        }
        let options = if n % 4 == 0 { expiring } else { CreateOptions::new() };
        load.set(format!("set:{n}"), two(round * 1000 + n), options).unwrap();
    }
    load.string("short", format!("{round}"), CreateOptions::new()).unwrap();
    load.string("long", payload(round, 50_000), CreateOptions::new()).unwrap();
    load.set::<&str>("removed", [], CreateOptions::new()).unwrap();
}

/// What that leaves.
pub(crate) fn expect(world: &mut World, round: u64, now: UnixMillis) {
    for n in 0..200 {
        let expires_at = (n % 4 == 0).then(|| now.saturating_add(HOUR * (1 + n as u32 % 3)));
        world.insert(key(&format!("set:{n}")), (Value::set(&two(round * 1000 + n)), expires_at));
    }
    world.insert(key("short"), (Value::string(format!("{round}").as_bytes()), None));
    world.insert(key("long"), (Value::string(&payload(round, 50_000)), None));
    world.remove(&key("removed"));
}

fn write(recorder: &Recorder<'_>, round: u64) {
    for n in 0..60 {
        let (name, held) = (format!("written:{n}"), two(n + round + 77_000));
        recorder.step(
            |world| {
                world.insert(key(&name), (Value::set(&held), None));
            },
            |store| assert_eq!(store.db(0).sets().add(&name, &held).unwrap(), 2),
        );
    }
    let held = payload(round, 3000);
    recorder.step(
        |world| {
            world.insert(key("removed"), (Value::string(&held), None));
        },
        |store| store.db(0).strings().set("removed", &held).unwrap(),
    );
}

fn load(recorder: &Recorder<'_>, fixture: &Fixture, round: u64) {
    let now = fixture.clock.wall();
    recorder.step(
        |world| expect(world, round, now),
        |store| {
            let mut load = store.db(0).bulk_load().unwrap().memory(0);
            feed(&mut load, round);
            assert_eq!(load.finish().unwrap(), 202);
        },
    );
}

#[test]
fn every_copy_taken_around_a_bulk_load_holds_all_of_a_commit_or_nothing() {
    for loses_power in [false, true] {
        let _alone = FailScenario::setup();
        let fixture = Fixture::new();
        let recorder = Recorder::new(&fixture, PLACES, loses_power);
        recorder.phase("loading into nothing");
        load(&recorder, &fixture, 1);
        recorder.sync();
        settle(recorder.store());
        recorder.phase("writing");
        write(&recorder, 1);
        recorder.phase("loading over it");
        load(&recorder, &fixture, 2);
        recorder.sync();
        recorder.phase("giving a load up");
        let mut given_up = recorder.store().db(0).bulk_load().unwrap().memory(0);
        feed(&mut given_up, 3);
        drop(given_up);
        recorder.phase("failing");
        fail_at_each_step(&recorder);
        recorder.phase("reclaiming");
        settle(recorder.store());
        recorder.phase("loading again");
        load(&recorder, &fixture, 4);
        recorder.sync();
        fixture.seconds_pass(4000);
        settle(recorder.store());
        assert!(recorder.verify() >= 25);
    }
}

/// Fails in the first or a later file, before and between the families' files, and in commits before the one that links.
fn fail_at_each_step(recorder: &Recorder<'_>) {
    for (db, place, failure) in [
        (0, "store::write_file", "1*return->off"),
        (0, "store::write_file", "2*off->1*return->off"),
        (0, "store::ingest", "1*return->off"),
        (0, "store::ingest", "1*off->1*return->off"),
        (0, "store::sync_log", "1*return->off"),
        (2, "store::write_file", "1*return->off"),
        (2, "store::ingest", "1*return->off"),
        (2, "store::ingest", "1*off->1*return->off"),
        (2, "store::ingest", "2*off->1*return->off"),
        (2, "store::ingest", "4*off->1*return->off"),
    ] {
        let mut load = recorder.store().db(db).bulk_load().unwrap().memory(0);
        fail::cfg(place, failure).unwrap();
        let fed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| feed(&mut load, 5)));
        let error = load.finish().unwrap_err();
        fail::remove(place);
        assert_eq!(error.kind(), ErrorKind::Io, "{db} {place} {failure}");
        assert!(fed.is_ok() || place == "store::write_file");
    }
}

#[test]
fn a_link_whose_commit_fails_is_decided_by_the_next_open() {
    // The commits of a load into a db that holds something: its marks, then its records. Into one that holds nothing: the keyspace,
    // the burial of what comes twice, and the name.
    for (db, failing) in [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)] {
        let _alone = FailScenario::setup();
        let fixture = Fixture::new();
        let store = fixture.open();
        store.db(0).sets().add("set:0", ["old"]).unwrap();
        let mut load = store.db(db).bulk_load().unwrap();
        feed(&mut load, 1);
        fail::cfg_callback("bulk::fed", move || {
            fail::cfg("store::commit", &format!("{failing}*off->1*return->off")).unwrap();
        })
        .unwrap();
        assert_eq!(load.finish().unwrap_err().kind(), ErrorKind::Io);
        fail::remove("store::commit");
        fail::remove("bulk::fed");
        assert_eq!(members(&store.db(0), "set:0"), ["old"]);
        assert_eq!(keys(&store.db(0)), ["set:0"]);
        assert!(store.db(1).is_empty().unwrap());
        close_and_check(store, &fixture.path("store"));
        let store = fixture.open();
        assert_eq!(keys(&store.db(0)), ["set:0"]);
        assert!(store.db(1).is_empty().unwrap());
        assert_eq!(members(&store.db(0), "set:0"), ["old"]);
        assert!(!fixture.path("store").join("BULK").exists());
        store.db(0).delete(["set:0"]).unwrap();
        settle(&store);
        assert_eq!(store.stats().debt_ids, 0, "all that was taken in is given back");
        close_and_check(store, &fixture.path("store"));
    }
}

/// 2,000 sets, each of which says which load it is of.
fn feed_many(store: &Store, round: u64) -> BulkLoad {
    let mut load = store.db(0).bulk_load().unwrap().memory(1 << 20);
    for n in 0..2000 {
        load.set(format!("{n:04}"), [format!("round {round}").into_bytes(), payload(n, 300)], CreateOptions::new())
            .unwrap();
    }
    load
}

fn round_of(store: &Store, n: u64) -> Option<u64> {
    let key = format!("{n:04}");
    let found = members(&store.db(0), &key);
    let rounds: Vec<u64> =
        (0..3).filter(|round| found.iter().any(|member| *member == format!("round {round}"))).collect();
    assert!(rounds.len() <= 1 && (found.len() == 2 || rounds.is_empty()), "{key} is torn: {found:?}");
    rounds.first().copied()
}

#[test]
fn a_crash_between_two_commits_of_a_load_leaves_each_key_whole() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    assert_eq!(feed_many(&store, 1).finish().unwrap(), 2000);
    let load = feed_many(&store, 2);
    let (from, to) = (fixture.path("store"), fixture.path("copy"));
    let passed = std::sync::atomic::AtomicUsize::new(0);
    fail::cfg_callback("bulk::linking", move || {
        if passed.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 2 {
            copy_store(&from, &to);
        }
    })
    .unwrap();
    assert_eq!(load.finish().unwrap(), 2000);
    fail::remove("bulk::linking");
    close_and_check(store, &fixture.path("store"));
    assert_clean(&fixture.path("copy"));
    let store = fixture.open_at(&fixture.path("copy"));
    let rounds: Vec<_> = (0..2000).map(|n| round_of(&store, n).unwrap()).collect();
    assert!(rounds.is_sorted_by(|a, b| a >= b) && rounds[0] == 2 && rounds[1999] == 1, "a few commits were made");
    settle(&store);
    assert_eq!((0..2000).map(|n| round_of(&store, n).unwrap()).collect::<Vec<_>>(), rounds);
    assert_eq!(store.db(0).len().unwrap(), 2000);
    close_and_check(store, &fixture.path("copy"));
}

#[test]
fn readers_and_writers_go_on_between_the_commits_of_a_load() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    assert_eq!(feed_many(&store, 1).finish().unwrap(), 2000);
    let load = feed_many(&store, 2);
    let pause = Pause::at_passage("commit::after", 2);
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| load.finish().unwrap());
        pause.wait();
        let rounds: Vec<_> = (0..2000).map(|n| round_of(&store, n).unwrap()).collect();
        assert_eq!((rounds[0], rounds[1999]), (2, 1));
        let view = store.view().unwrap();
        pause.resume();
        assert_eq!(loading.join().unwrap(), 2000);
        let seen: Vec<_> = (0..2000)
            .map(|n| u64::from(members(&view.db(0), format!("{n:04}")).iter().any(|member| *member == "round 2")))
            .collect();
        assert_eq!(seen, rounds.iter().map(|round| round - 1).collect::<Vec<_>>(), "the view stands still");
    });
    // Whoever writes beside it: each key holds the load's value, or what came after it.
    let load = feed_many(&store, 0);
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| load.finish().unwrap());
        for n in (0..2000).rev() {
            let db = store.db(0);
            db.transaction([format!("{n:04}")], |db| {
                db.delete([format!("{n:04}")])?;
                db.sets().add(format!("{n:04}"), ["beside"]).map(drop)
            })
            .unwrap();
        }
        loading.join().unwrap();
    });
    for n in 0..2000 {
        let found = members(&store.db(0), format!("{n:04}"));
        assert!(found == ["beside"] || round_of(&store, n) == Some(0), "{n}: {found:?}");
    }
    settle(&store);
    assert_eq!(store.db(0).len().unwrap(), 2000);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_db_that_is_written_to_at_the_last_moment_keeps_what_was_written() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let load = feed_many(&store, 1);
    let pause = Pause::at("bulk::built");
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| load.finish().unwrap());
        pause.wait();
        store.db(0).sets().add("beside", ["the load"]).unwrap();
        pause.resume();
        assert_eq!(loading.join().unwrap(), 2000);
    });
    assert_eq!(members(&store.db(0), "beside"), ["the load"]);
    assert!((0..2000).all(|n| round_of(&store, n) == Some(1)));
    assert_eq!(store.db(0).len().unwrap(), 2001);
    settle(&store);
    assert_eq!(store.stats().flushed_keyspaces, 0);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn nothing_of_a_load_is_reaped_before_it_counts() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let mut load = store.db(0).bulk_load().unwrap();
    for n in 0..500_u64 {
        load.set(format!("{n}"), [payload(n, 100)], CreateOptions::new().expire_in(Duration::from_secs(1 + n % 2)))
            .unwrap();
    }
    let pause = Pause::at("bulk::naming");
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| load.finish().unwrap());
        pause.wait();
        fixture.seconds_pass(1);
        let _ = store.settle(Duration::from_millis(200)).unwrap();
        assert!(store.db(0).is_empty().unwrap());
        pause.resume();
        assert_eq!(loading.join().unwrap(), 500);
    });
    assert_eq!(keys(&store.db(0)).len(), 250);
    settle(&store);
    assert_eq!((store.db(0).len().unwrap(), store.stats().keys_reaped), (250, 250));
    fixture.seconds_pass(1);
    settle(&store);
    assert_eq!((store.db(0).len().unwrap(), store.stats().keys_reaped), (0, 500));
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn ids_of_a_load_that_died_are_buried_by_the_next_open_however_much_was_born_since() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let mut load = db.bulk_load().unwrap().memory(0);
    for n in 0..3000_u64 {
        load.set(format!("{n}"), [payload(n, 200)], CreateOptions::new()).unwrap();
    }
    for n in 0..5000_u64 {
        db.sets().add(format!("live:{n}"), [payload(n, 20)]).unwrap();
    }
    let (from, to) = (fixture.path("store"), fixture.path("copy"));
    copy_store(&from, &to);
    drop((load, db));
    close_and_check(store, &from);
    let store = fixture.open_at(&to);
    assert!(!to.join("BULK").exists());
    assert_eq!(store.stats().buried_ids, (1 << 20) - 5000, "all of the lease but what lives");
    assert_eq!(store.db(0).len().unwrap(), 5000);
    settle(&store);
    close_and_check(store, &to);
}

/// Takes a copy of a store when somebody comes by a place as the `nth`, counted from 1; tells how many came.
fn copy_at(place: &'static str, nth: usize, from: PathBuf, to: PathBuf) -> Arc<AtomicUsize> {
    let passed = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&passed);
    fail::cfg_callback(place, move || {
        if counted.fetch_add(1, Ordering::Relaxed) + 1 == nth {
            copy_store(&from, &to);
        }
    })
    .unwrap();
    passed
}

#[test]
fn what_a_load_leaves_that_was_cut_off_goes_though_its_keys_have_expired_meanwhile() {
    let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    for place in ["bulk::expiries_ingested", "bulk::records_ingested", "bulk::ingested", "bulk::naming"] {
        let _alone = FailScenario::setup();
        let fixture = Fixture::new();
        let store = fixture.open();
        store.db(1).sets().add_with("also", ["expires"], minute).unwrap();
        let mut load = store.db(0).bulk_load().unwrap();
        for n in 0..500_u64 {
            load.set(format!("{n}"), [payload(n, 200)], minute).unwrap();
        }
        copy_at(place, 1, fixture.path("store"), fixture.path("copy"));
        assert_eq!(load.finish().unwrap(), 500);
        fail::remove(place);
        close_and_check(store, &fixture.path("store"));
        fixture.seconds_pass(61);
        // Another crash: the reaper has passed the keys, and nobody has walked over the keyspace without a name.
        copy_at("flushed::before_commit", 1, fixture.path("copy"), fixture.path("again"));
        let store = fixture.open_at(&fixture.path("copy"));
        settle(&store);
        fail::remove("flushed::before_commit");
        assert_eq!((store.stats().debt_ids, store.stats().keys_reaped), (0, 1), "{place}");
        close_and_check(store, &fixture.path("copy"));
        let store = fixture.open_at(&fixture.path("again"));
        store.compact_everything().unwrap();
        settle(&store);
        assert_eq!((store.stats().debt_ids, store.stats().data_file_bytes), (0, 0), "{place}");
        close_and_check(store, &fixture.path("again"));
    }
}

#[test]
fn a_copy_is_made_before_or_after_files_are_taken_in() {
    for holds_something in [false, true] {
        let _alone = FailScenario::setup();
        let fixture = Fixture::new();
        let store = fixture.open();
        if holds_something {
            store.db(0).sets().add("old", ["member"]).unwrap();
        }
        let load = feed_many(&store, 1);
        let pause = Pause::at("store::copying");
        std::thread::scope(|scope| {
            let copying = scope.spawn(|| store.checkpoint(fixture.path("copy")).unwrap());
            pause.wait();
            let loading = scope.spawn(|| load.finish().unwrap());
            std::thread::sleep(Duration::from_secs(1));
            assert!(!loading.is_finished(), "files came into the middle of a copy");
            assert_eq!(round_of(&store, 0), None);
            pause.resume();
            copying.join().unwrap();
            assert_eq!(loading.join().unwrap(), 2000);
        });
        assert_eq!(round_of(&store, 1999), Some(1));
        close_and_check(store, &fixture.path("store"));
        let copy = fixture.open_at(&fixture.path("copy"));
        let rounds: BTreeSet<_> = (0..2000).map(|n| round_of(&copy, n)).collect();
        assert!(rounds.contains(&None), "the load came to its end after the copy");
        settle(&copy);
        close_and_check(copy, &fixture.path("copy"));
    }
}

#[test]
fn many_ids_that_nothing_came_to_link_are_buried_in_several_commits() {
    const SETS: u64 = 40_000;
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    store.db(0).sets().add("live", ["member"]).unwrap();
    let mut load = store.db(0).bulk_load().unwrap();
    for n in 0..SETS {
        load.set(format!("{n}"), [payload(n, 20)], CreateOptions::new()).unwrap();
    }
    copy_at("bulk::ingested", 1, fixture.path("store"), fixture.path("copy"));
    assert_eq!(load.finish().unwrap(), SETS);
    fail::remove("bulk::ingested");
    close_and_check(store, &fixture.path("store"));
    // The first open dies between two of the commits, too.
    for (path, nth, least) in [("copy", 2, 4), ("again", usize::MAX, 3)] {
        let commits = copy_at("open::before_burial", nth, fixture.path(path), fixture.path("again"));
        let store = fixture.open_at(&fixture.path(path));
        let commits = commits.load(Ordering::Relaxed);
        assert!(commits >= least, "{path}: {commits} commits");
        assert_eq!(store.stats().buried_ids, (1 << 20) - 1, "{path}: all of the lease but what lives");
        assert_eq!(keys(&store.db(0)), ["live"]);
        settle(&store);
        assert_eq!(store.stats().debt_ids, 0);
        close_and_check(store, &fixture.path(path));
    }
}

#[test]
fn ids_that_were_taken_before_one_that_could_not_be_had_are_buried() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let mut load = store.db(0).bulk_load().unwrap();
    for n in 0..6000_u64 {
        load.set(format!("{n}"), [payload(n, 20)], CreateOptions::new()).unwrap();
    }
    fail::cfg("ids::take", "5000*off->1*return->off").unwrap();
    assert_eq!(load.finish().unwrap_err().kind(), ErrorKind::Io);
    fail::remove("ids::take");
    store.db(0).sets().add("later", ["member"]).unwrap();
    settle(&store);
    assert_eq!((store.stats().buried_ids, store.db(0).len().unwrap()), (5000, 1));
    close_and_check(store, &fixture.path("store"));
}
