//! A copy of the directory at every step of a burial and of reclaiming: each opens, holds one moment's truth,
//! and nothing in it is torn or leaked.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use fail::FailScenario;
use windrow::{Clock, CreateOptions, ErrorKind, SetOptions, Store, UnixMillis};

use crate::data::{members, payload};
use crate::disk::copy_store;
use crate::fixture::{Fixture, PATIENCE, assert_clean, close_and_check, settle, small};
use crate::recorder::{Recorder, Value, World};

/// The places that burying and reclaiming pass by, but for retiring, and for what `paths` looks at.
const PLACES: &[&str] = &[
    "ids::lease",
    "store::commit",
    "commit::before",
    "commit::after",
    "builds::begun",
    "builds::written",
    "keyspaces::flush",
    "reaper::before_read",
    "reaper::before_commit",
    "reaper::after_commit",
    "watermark::before_sync",
    "watermark::after_sync",
    "flushed::before_commit",
    "flushed::before_drop",
    "flushed::before_removal",
    "flushed::after_drop",
    "expired::before_drop",
    "expired::after_drop",
    "expired::after_flush",
    "expired::after_meta_flush",
    "expired::before_meta_compact",
    "expired::after_meta_compact",
    "reclaimer::before_drop",
    "reclaimer::after_drop",
    "reclaimer::before_flush",
    "reclaimer::after_flush",
    "reclaimer::before_range_delete",
    "reclaimer::after_range_delete",
    "reclaimer::before_rewrite",
    "reclaimer::after_rewrite",
    "log::before_flush",
    "log::after_flush",
];

/// Places around the retirement of a whole segment.
const RETIRING: &[&str] = &[
    "reaper::after_commit",
    "watermark::after_sync",
    "reclaimer::after_drop",
    "reclaimer::before_retire",
    "reclaimer::after_retire",
];

/// Sets of either kind, of 8 KB each: more than one write buffer.
const PAIRS: u64 = 160;

pub(crate) fn key(db: u32, name: &str) -> (u32, Vec<u8>) {
    (db, name.as_bytes().to_vec())
}

pub(crate) fn add(recorder: &Recorder<'_>, now: UnixMillis, name: &str, seed: u64, lifetime: Option<Duration>) {
    let two = [payload(seed, 4000), payload(seed + 10_000, 4000)];
    recorder.step(
        |world: &mut World| {
            let members = two.iter().cloned().collect();
            let expires_at = lifetime.map(|lifetime| now.saturating_add(lifetime));
            world.insert(key(0, name), (Value::set(&members), expires_at));
        },
        |store| {
            let mut options = CreateOptions::new();
            if let Some(lifetime) = lifetime {
                options = options.expire_in(lifetime);
            }
            store.db(0).sets().add_with(name, &two, options).unwrap();
        },
    );
}

pub(crate) fn set(recorder: &Recorder<'_>, db: u32, name: &str, value: Vec<u8>) {
    recorder.step(
        |world| {
            world.insert(key(db, name), (Value::string(&value), None));
        },
        |store| store.db(db).strings().set(name, &value).unwrap(),
    );
}

pub(crate) fn delete(recorder: &Recorder<'_>, name: &str) {
    recorder.step(
        |world| {
            world.remove(&key(0, name));
        },
        |store| assert_eq!(store.db(0).delete([name]).unwrap(), 1),
    );
}

/// A life in which everything happens: births, deletes, overwrites, expiry, renames, swaps and flushes.
fn live(recorder: &Recorder<'_>, fixture: &Fixture) {
    let minute = Some(Duration::from_secs(60));
    let hour = Some(Duration::from_secs(3600));
    brief_ones(recorder, fixture);
    recorder.phase("writing");
    for n in 0..PAIRS {
        add(recorder, fixture.clock.wall(), &format!("dying:{n:03}"), n, minute);
        add(recorder, fixture.clock.wall(), &format!("lasting:{n:03}"), n + 1000, None);
        if n % 20 == 0 {
            recorder.sync();
        }
    }
    add(recorder, fixture.clock.wall(), "hourly", 5000, hour);
    set(recorder, 0, "inline", b"v".to_vec());
    set(recorder, 0, "pieces", payload(1, 60_000));
    recorder.sync();
    build(recorder, fixture);
    recorder.phase("deleting");
    for n in 0..PAIRS - 30 {
        delete(recorder, &format!("lasting:{n:03}"));
        if n % 30 == 0 {
            recorder.sync();
        }
    }
    recorder.phase("overwriting");
    set(recorder, 0, "pieces", payload(2, 30_000));
    set(recorder, 0, "lasting:150", b"now a string".to_vec());
    recorder.phase("renaming");
    recorder.step(
        |world| {
            let moved = world.remove(&key(0, "lasting:131")).unwrap();
            world.insert(key(0, "lasting:132"), moved);
        },
        |store| store.db(0).rename("lasting:131", "lasting:132").unwrap(),
    );
    promote(recorder, fixture.clock.wall());
    recorder.phase("reclaiming deletes");
    settle(recorder.store());
    recorder.sync();
    recorder.phase("expiring");
    fixture.seconds_pass(61);
    settle(recorder.store());
    recorder.phase("deleting scattered ones");
    for n in (133..PAIRS).filter(|n| n % 4 != 0 && *n != 150) {
        delete(recorder, &format!("lasting:{n:03}"));
    }
    settle(recorder.store());
    flush(recorder, fixture);
    expire_little_by_little(recorder, fixture);
    recorder.phase("a quiet end");
    settle(recorder.store());
}

/// A set that got its expiry late, and moves when it is written again: all of it, in the commit of that write.
fn promote(recorder: &Recorder<'_>, now: UnixMillis) {
    let (name, hour) = ("lasting:136", Duration::from_secs(3600));
    let old = [payload(1136, 4000), payload(11_136, 4000)];
    recorder.step(
        |world| world.get_mut(&key(0, name)).unwrap().1 = Some(now.saturating_add(hour)),
        |store| assert!(store.db(0).expire(name, hour).unwrap()),
    );
    recorder.phase("promoting");
    recorder.step(
        |world| {
            let members = old.iter().cloned().chain([b"new".to_vec()]).collect();
            world.get_mut(&key(0, name)).unwrap().0 = Value::set(&members);
        },
        |store| assert_eq!(store.db(0).sets().add(name, ["new"]).unwrap(), 1),
    );
    assert_eq!(recorder.store().stats().promotions, 1);
}

/// Short strings that expire while there is little else: enough of the meta family is dead to compact it.
fn brief_ones(recorder: &Recorder<'_>, fixture: &Fixture) {
    recorder.phase("expiring short strings");
    let second = Duration::from_secs(1);
    let now = fixture.clock.wall();
    for n in 0..300 {
        let name = format!("brief:{n}");
        recorder.step(
            |world| {
                world.insert(key(0, &name), (Value::string(b"v"), Some(now.saturating_add(second))));
            },
            |store| drop(store.db(0).strings().set_with(&name, "v", SetOptions::new().expire_in(second)).unwrap()),
        );
    }
    recorder.sync();
    fixture.seconds_pass(2);
    settle(recorder.store());
}

/// Members of a set that does not fit into one commit.
fn many(seed: u64, count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|n| format!("{seed}:{n:058}").into_bytes()).collect()
}

/// Large collections, built in several commits: of each the whole is there or nothing.
fn build(recorder: &Recorder<'_>, fixture: &Fixture) {
    recorder.phase("building");
    for (seed, lifetime) in [(1, None), (2, Some(Duration::from_secs(1)))] {
        let name = format!("large:{seed}");
        let now = fixture.clock.wall();
        recorder.step(
            |world| {
                let members = many(seed, 90_000).into_iter().collect();
                let expires_at = lifetime.map(|lifetime| now.saturating_add(lifetime));
                world.insert(key(0, &name), (Value::set(&members), expires_at));
            },
            |store| {
                let options = lifetime.map_or_else(CreateOptions::new, |time| CreateOptions::new().expire_in(time));
                assert_eq!(store.db(0).sets().add_with(&name, many(seed, 90_000), options).unwrap(), 90_000);
            },
        );
    }
    recorder.phase("deleting what was built");
    delete(recorder, "large:1");
    fixture.seconds_pass(2);
    settle(recorder.store());
    recorder.sync();
}

fn flush(recorder: &Recorder<'_>, fixture: &Fixture) {
    recorder.phase("swapping");
    set(recorder, 1, "one", b"1".to_vec());
    recorder.step(
        |world| {
            let all = std::mem::take(world);
            world.extend(all.into_iter().map(|((db, key), value)| ((1 - db, key), value)));
        },
        |store| store.namespace("").swap(0, 1).unwrap(),
    );
    recorder.phase("flushing");
    recorder.step(|world| world.retain(|(db, _), _| *db != 1), |store| store.db(1).flush().unwrap());
    recorder.phase("reclaiming the flush");
    settle(recorder.store());
    recorder.phase("expiring after the flush");
    for n in 0..10 {
        let now = fixture.clock.wall();
        recorder.step(
            |world| {
                let expires_at = now.saturating_add(Duration::from_secs(5));
                world.insert(key(1, &n.to_string()), (Value::string(&payload(n, 5000)), Some(expires_at)));
            },
            |store| {
                let expiring = SetOptions::new().expire_in(Duration::from_secs(5));
                store.db(1).strings().set_with(n.to_string(), payload(n, 5000), expiring).unwrap();
            },
        );
    }
    fixture.seconds_pass(4000);
    settle(recorder.store());
}

/// Moves the entries of later times below L0, so that their file is dropped when its time has come.
fn expire_little_by_little(recorder: &Recorder<'_>, fixture: &Fixture) {
    recorder.phase("expiring little by little");
    for n in 0..8 {
        let now = fixture.clock.wall();
        add(recorder, now, &format!("soon:{n}"), n, Some(Duration::from_secs(1)));
        add(recorder, now, &format!("later:{n}"), n, Some(Duration::from_secs(60)));
        fixture.seconds_pass(2);
        settle(recorder.store());
        std::thread::sleep(Duration::from_millis(50));
    }
    fixture.seconds_pass(100);
    settle(recorder.store());
}

#[test]
fn every_copy_taken_while_the_process_works_opens_whole() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let recorder = Recorder::new(&fixture, PLACES, false);
    live(&recorder, &fixture);
    let copies = recorder.verify();
    assert!(copies >= 40, "{copies} copies");
}

#[test]
fn every_copy_that_a_power_loss_would_leave_opens_whole() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let recorder = Recorder::new(&fixture, PLACES, true);
    live(&recorder, &fixture);
    let copies = recorder.verify();
    assert!(copies >= 40, "{copies} copies");
}

#[test]
fn every_copy_taken_while_a_large_build_fails_and_is_given_up_opens_whole() {
    for loses_power in [false, true] {
        let _alone = FailScenario::setup();
        let fixture = Fixture::new();
        let recorder =
            Recorder::new(&fixture, &["builds::begun", "builds::written", "builds::before_burial"], loses_power);
        set(&recorder, 0, "kept", payload(1, 5000));
        recorder.sync();
        recorder.phase("building");
        build(&recorder, &fixture);
        recorder.phase("failing");
        // The first or the second chunk fails, and the build is given up at once. Or the linking commit fails, and nobody
        // knows whether it happened: the next open has to look.
        for failure in ["1*off->1*return->off", "2*off->1*return->off", "3*off->1*return->off"] {
            fail::cfg("store::commit", failure).unwrap();
            let error = recorder.store().db(0).sets().add("failed", many(3, 150_000)).unwrap_err();
            fail::remove("store::commit");
            assert_eq!(error.kind(), ErrorKind::Io);
            assert!(!recorder.store().db(0).exists("failed").unwrap());
        }
        recorder.phase("after it");
        set(&recorder, 0, "next", payload(2, 5000));
        settle(recorder.store());
        recorder.verify();
    }
}

#[test]
fn every_copy_taken_while_a_segment_is_retired_opens_whole() {
    for loses_power in [false, true] {
        let _alone = FailScenario::setup();
        let fixture = Fixture::new();
        let recorder = Recorder::new(&fixture, RETIRING, loses_power);
        set(&recorder, 0, "kept", payload(1, 5000));
        recorder.sync();
        recorder.phase("filling a segment");
        let expiring = CreateOptions::new().expire_in(Duration::from_secs(60));
        for n in 0..66_000 {
            recorder.store().db(2).sets().add_with(format!("{n}"), ["m"], expiring).unwrap();
        }
        recorder.phase("retiring it");
        fixture.seconds_pass(61);
        settle(recorder.store());
        assert_eq!(recorder.store().stats().segments_retired, 1);
        recorder.verify();
    }
}

#[test]
fn every_copy_taken_while_small_files_are_merged_opens_whole() {
    for loses_power in [false, true] {
        let _alone = FailScenario::setup();
        let fixture = Fixture::new();
        let recorder =
            Recorder::new(&fixture, &["swarm::before_merge_data-15", "swarm::after_merge_data-15"], loses_power);
        recorder.phase("merging");
        let lifetime = Some(Duration::from_secs(3 * 86_400));
        for n in 0..60 {
            add(&recorder, fixture.clock.wall(), &format!("{n:02}"), n, lifetime);
            if n >= 40 {
                delete(&recorder, &format!("{:02}", n - 40));
            }
            recorder.store().flush_everything().unwrap();
        }
        recorder.sync();
        settle(recorder.store());
        assert!(recorder.store().stats().files_merged > 0, "{:#?}", recorder.store().stats());
        recorder.verify();
    }
}

#[test]
fn every_copy_taken_while_a_long_log_is_cut_under_load_opens_whole() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let mut options = small();
    options.max_log_bytes = 16 << 20;
    // No buffer is full before.
    options.family_write_buffer_bytes = 32 << 20;
    options.reclaim_interval = Duration::from_millis(1);
    // Held while a set is written or a copy taken, which takes a directory that stands still.
    let written = Arc::new(Mutex::new(0));
    let copies: Arc<Mutex<Vec<(PathBuf, u64)>>> = Arc::default();
    for place in ["log::before_cut", "log::after_cut"] {
        let (from, to) = (fixture.path("store"), fixture.path(place));
        let (written, copies, once) = (Arc::clone(&written), Arc::clone(&copies), Once::new());
        fail::cfg_callback(place, move || {
            once.call_once(|| {
                let written = written.lock().unwrap();
                copy_store(&from, &to);
                copies.lock().unwrap().push((to.clone(), *written));
            });
        })
        .unwrap();
    }
    let store = Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options).open().unwrap();
    let began = Instant::now();
    while copies.lock().unwrap().len() < 2 {
        assert!(began.elapsed() < PATIENCE, "the log was not cut: {:#?}", store.stats());
        let mut written = written.lock().unwrap();
        store.db(0).sets().add(written.to_string(), [payload(*written, 4000)]).unwrap();
        *written += 1;
    }
    close_and_check(store, &fixture.path("store"));
    for (path, written) in copies.lock().unwrap().iter() {
        assert_clean(path);
        let copy = fixture.open_at(path);
        for n in 0..*written {
            assert_eq!(members(&copy.db(0), n.to_string()), [payload(n, 4000)]);
        }
        assert_eq!(copy.db(0).len().unwrap(), *written);
        settle(&copy);
        close_and_check(copy, path);
    }
}

#[test]
fn a_segment_is_retired_only_when_nothing_of_it_is_left_on_disk() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let (from, to) = (fixture.path("store"), fixture.path("copy"));
    let mut options = small();
    options.reclaim_interval = Duration::from_millis(1);
    let builder = Store::builder(&from).clock(fixture.clock.clone()).options(options);
    let store = builder.open().unwrap();
    // Sets that grow stay in L0 for a while, where their files cannot be dropped.
    let expiring = CreateOptions::new().expire_in(Duration::from_secs(60)).growing();
    for n in 0..66_000_u64 {
        store.db(0).sets().add_with(format!("{n}"), [payload(n, 40)], expiring).unwrap();
    }
    let (copied_from, copied_to) = (from.clone(), to.clone());
    let first = Once::new();
    fail::cfg_callback("reclaimer::before_retire", move || {
        first.call_once(|| copy_store(&copied_from, &copied_to));
    })
    .unwrap();
    fixture.seconds_pass(61);
    let began = Instant::now();
    while store.stats().segments_retired == 0 {
        assert!(began.elapsed() < PATIENCE, "{:#?}", store.stats());
        std::thread::sleep(Duration::from_millis(10));
    }
    store.close().unwrap();
    let report = windrow::check(&to).unwrap();
    assert!(report.is_clean(), "{report}");
    assert!(report.dead_elements < 1000, "the segment still held elements: {report}");
    assert_clean(&from);
}
