//! A copy of the directory at every step of one way of giving back at a time, where `copies` would not tell which way it met.

use std::time::Duration;

use fail::FailScenario;
use windrow::encoding::{DataFamily, Segment, SegmentBits};
use windrow::{Clock, CreateOptions, SetOptions};

use crate::copies::{add, delete, key, set};
use crate::data::payload;
use crate::fixture::{Fixture, settle};
use crate::raw::open_raw;
use crate::recorder::{Recorder, Value, World, observe};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAYS: Duration = Duration::from_secs(3 * 86_400);

/// Lets a new store live, once so that the process dies and once so that the power does.
fn every_copy_opens_whole(places: &'static [&'static str], live: impl Fn(&Recorder<'_>, &Fixture)) {
    for loses_power in [false, true] {
        let _alone = FailScenario::setup();
        let fixture = Fixture::new();
        let recorder = Recorder::new(&fixture, places, loses_power);
        live(&recorder, &fixture);
        recorder.verify();
    }
}

/// The same for a store that `prepare` has left closed, from its opening on; `prepare` tells what it holds.
fn every_copy_of_the_reopened_opens_whole(
    places: &'static [&'static str],
    prepare: impl Fn(&Fixture) -> World,
    live: impl Fn(&Recorder<'_>, &Fixture),
) {
    for loses_power in [false, true] {
        let _alone = FailScenario::setup();
        let fixture = Fixture::new();
        let world = prepare(&fixture);
        let recorder = Recorder::reopening(&fixture, places, loses_power, world);
        live(&recorder, &fixture);
        recorder.verify();
    }
}

/// Sets a string that expires.
fn set_for(recorder: &Recorder<'_>, fixture: &Fixture, name: &str, lifetime: Duration) {
    let expires_at = fixture.clock.wall().saturating_add(lifetime);
    recorder.step(
        |world| {
            world.insert(key(0, name), (Value::string(b"v"), Some(expires_at)));
        },
        |store| {
            store.db(0).strings().set_with(name, "v", SetOptions::new().expire_in(lifetime)).unwrap();
        },
    );
}

/// Adds two sets that are expected to grow in one file of their own.
fn grow(recorder: &Recorder<'_>, fixture: &Fixture, names: [&str; 2]) {
    for (seed, name) in (0..).zip(names) {
        let members = [payload(seed, 4000), payload(seed + 100, 4000)];
        let expires_at = fixture.clock.wall().saturating_add(DAYS);
        recorder.step(
            |world| {
                let members = members.iter().cloned().collect();
                world.insert(key(0, name), (Value::set(&members), Some(expires_at)));
            },
            |store| {
                let growing = CreateOptions::new().expire_in(DAYS).growing();
                store.db(0).sets().add_with(name, &members, growing).unwrap();
            },
        );
    }
    recorder.store().flush_everything().unwrap();
}

#[test]
fn when_a_dead_file_that_stays_in_l0_is_compacted() {
    every_copy_opens_whole(&["reclaimer::before_unstick", "reclaimer::after_unstick"], |recorder, fixture| {
        grow(recorder, fixture, ["c", "d"]);
        recorder.store().compact_everything().unwrap();
        grow(recorder, fixture, ["a", "b"]);
        recorder.sync();
        for name in ["a", "b"] {
            delete(recorder, name);
        }
        settle(recorder.store());
        assert_eq!(recorder.store().stats().files_dropped, 0);
    });
}

#[test]
fn when_a_file_of_dead_and_living_elements_is_rewritten() {
    every_copy_opens_whole(&["reclaimer::before_rewrite", "reclaimer::after_rewrite"], |recorder, fixture| {
        for n in 0..40 {
            add(recorder, fixture.clock.wall(), &format!("{n:02}"), n, None);
        }
        recorder.store().flush_everything().unwrap();
        for n in (0..40).filter(|n| n % 4 != 0) {
            delete(recorder, &format!("{n:02}"));
        }
        settle(recorder.store());
        assert!(recorder.store().stats().rewritten_bytes > 0);
    });
}

#[test]
fn when_small_files_of_records_and_of_expiries_are_merged() {
    let places = &[
        "swarm::before_merge_meta",
        "swarm::after_merge_meta",
        "swarm::before_merge_expire",
        "swarm::after_merge_expire",
    ];
    every_copy_opens_whole(places, |recorder, fixture| {
        for n in 0..60 {
            set_for(recorder, fixture, &format!("{n:02}"), DAYS);
            recorder.store().flush_everything().unwrap();
            fixture.seconds_pass(1);
        }
        settle(recorder.store());
    });
}

#[test]
fn when_past_times_that_stay_in_l0_are_compacted() {
    every_copy_opens_whole(&["expired::before_unstick", "expired::after_unstick"], |recorder, fixture| {
        set_for(recorder, fixture, "later", HOUR);
        // Below L0: two files there would be moved down by RocksDB.
        recorder.store().compact_everything().unwrap();
        for n in 0..5 {
            set_for(recorder, fixture, &n.to_string(), MINUTE);
        }
        recorder.store().flush_everything().unwrap();
        fixture.seconds_pass(61);
        settle(recorder.store());
        assert_eq!(recorder.store().stats().files_dropped, 0);
    });
}

#[test]
fn when_a_file_of_past_times_that_reaches_far_is_rewritten() {
    every_copy_opens_whole(&["expired::before_rewrite", "expired::after_rewrite"], |recorder, fixture| {
        set_for(recorder, fixture, "in three days", DAYS);
        // Long keys make a file that is worth it of few entries.
        for n in 0..300_u64 {
            let long: String = payload(n, 400).iter().map(|byte| char::from(b'0' + byte % 64)).collect();
            set_for(recorder, fixture, &long, MINUTE);
        }
        recorder.store().flush_everything().unwrap();
        fixture.seconds_pass(61);
        settle(recorder.store());
    });
}

#[test]
fn when_records_that_were_deleted_one_by_one_leave() {
    let places = &[
        "tombstones::before_flush_meta",
        "tombstones::after_flush_meta",
        "tombstones::before_compact_meta",
        "tombstones::after_compact_meta",
    ];
    every_copy_opens_whole(places, |recorder, _| {
        for n in 0..300 {
            set(recorder, 0, &format!("{n:03}"), b"v".to_vec());
        }
        recorder.store().flush_everything().unwrap();
        for n in (0..300).filter(|n| n % 3 != 0) {
            delete(recorder, &format!("{n:03}"));
        }
        settle(recorder.store());
    });
}

#[test]
fn when_expiries_that_were_taken_out_leave() {
    let places = &[
        "tombstones::before_flush_expire",
        "tombstones::after_flush_expire",
        "tombstones::before_compact_expire",
        "tombstones::after_compact_expire",
    ];
    every_copy_opens_whole(places, |recorder, fixture| {
        for n in 0..300 {
            set_for(recorder, fixture, &format!("{n:03}"), HOUR);
        }
        // Below L0: two files there would be merged by RocksDB.
        recorder.store().compact_everything().unwrap();
        for n in (0..300).filter(|n| n % 3 != 0) {
            let name = format!("{n:03}");
            recorder.step(
                |world| world.get_mut(&key(0, &name)).unwrap().1 = None,
                |store| assert!(store.db(0).persist(&name).unwrap()),
            );
        }
        settle(recorder.store());
    });
}

#[test]
fn when_the_records_of_flushed_dbs_leave() {
    let places = &[
        "tombstones::before_flush_default",
        "tombstones::after_flush_default",
        "tombstones::before_compact_default",
        "tombstones::after_compact_default",
    ];
    every_copy_opens_whole(places, |recorder, _| {
        set(recorder, 0, "kept", payload(1, 5000));
        // The recorder looks at the first three dbs alone.
        for n in 3..60 {
            recorder.store().db(n).strings().set("k", "v").unwrap();
        }
        recorder.store().flush_everything().unwrap();
        for n in 3..60 {
            recorder.store().db(n).flush().unwrap();
        }
        settle(recorder.store());
    });
}

/// A copy of a store, which takes a whole family's next ids for retired, with records of such segments. What leaves them is a burial that
/// is committed behind a retirement.
fn with_left_over_burials(fixture: &Fixture) -> World {
    let original = fixture.open_at(&fixture.path("original"));
    for n in 0..30 {
        original.db(0).sets().add(n.to_string(), [payload(n, 1000)]).unwrap();
    }
    original.checkpoint(fixture.path("store")).unwrap();
    original.close().unwrap();
    let store = fixture.open();
    // Few files in L0: RocksDB would merge them before the tombstones in one of them are looked at.
    store.compact_everything().unwrap();
    // Too little for a rewriting: its burial, beside those that are forgotten, says to the end that it is dead.
    store.db(0).delete(["0"]).unwrap();
    let world = observe(&store);
    store.close().unwrap();
    let raw = open_raw(&fixture.path("store"));
    let mut bits = SegmentBits::new();
    bits.insert_range(5..=500);
    for number in 10..30 {
        let segment = Segment::new(DataFamily::new(3).unwrap(), number).unwrap();
        raw.put_cf(raw.cf_handle("gc").unwrap(), segment.encode_key(), bits.encode()).unwrap();
    }
    raw.flush_cf(raw.cf_handle("gc").unwrap()).unwrap();
    world
}

#[test]
fn when_burials_of_retired_segments_are_forgotten_and_leave() {
    let places = &[
        "open::before_forget",
        "open::after_forget",
        "tombstones::before_flush_gc",
        "tombstones::after_flush_gc",
        "tombstones::before_compact_gc",
        "tombstones::after_compact_gc",
    ];
    every_copy_of_the_reopened_opens_whole(places, with_left_over_burials, |recorder, fixture| {
        settle(recorder.store());
        let left = windrow::check(fixture.path("copies").join("0")).unwrap();
        assert_eq!(left.left_over_burials, 20, "before they were forgotten");
    });
}

/// A store with dead records that were reaped, and not given back before it was closed.
fn with_dead_records(fixture: &Fixture, lasting: u64) -> World {
    let store = fixture.open();
    let db = store.db(0);
    db.strings().set_with("later", "v", SetOptions::new().expire_in(HOUR)).unwrap();
    for n in 0..lasting {
        db.strings().set(format!("lasting:{n:04}"), "v").unwrap();
    }
    store.compact_everything().unwrap();
    for n in 0..120 {
        db.strings().set_with(format!("dying:{n:03}"), "v", SetOptions::new().expire_in(MINUTE)).unwrap();
    }
    store.flush_everything().unwrap();
    fixture.seconds_pass(61);
    assert!(!store.settle(Duration::ZERO).unwrap());
    assert_eq!(store.stats().keys_reaped, 120);
    let world = observe(&store);
    drop(db);
    store.close().unwrap();
    world
}

#[test]
fn when_dead_records_of_an_earlier_session_leave_with_all_others() {
    let places = &["expired::before_meta_compact", "expired::after_meta_compact"];
    every_copy_of_the_reopened_opens_whole(
        places,
        |fixture| with_dead_records(fixture, 100),
        |recorder, _| {
            settle(recorder.store());
            assert_eq!(recorder.store().stats().keys_reaped, 0);
        },
    );
}

#[test]
fn when_a_file_of_dead_records_of_an_earlier_session_is_compacted_by_itself() {
    let places = &["left_over::taken", "expired::before_meta_compact", "expired::after_meta_compact"];
    every_copy_of_the_reopened_opens_whole(
        places,
        |fixture| with_dead_records(fixture, 1300),
        |recorder, _| {
            settle(recorder.store());
            assert_eq!(recorder.store().stats().keys_reaped, 0);
        },
    );
}
