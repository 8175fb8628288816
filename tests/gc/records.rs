//! The families that hold no elements give back as well: records that were deleted or expired, entries of leases, bitmaps of
//! retired segments.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use windrow::{CreateOptions, Options, SetOptions, Store};

use crate::data::{keys, payload};
use crate::fixture::{Fixture, PATIENCE, assert_clean, close_and_check, settle, small};
use crate::raw::open_raw;

const MINUTE: Duration = Duration::from_secs(60);

/// What the files of one family of a closed store hold: what was not flushed counts as well, as recovery has written it to a file.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    bytes: usize,
    entries: u64,
    tombstones: u64,
}

fn held(fixture: &Fixture, family: &str) -> Held {
    let raw = open_raw(&fixture.path("store"));
    let files = raw.live_files().unwrap().into_iter().filter(|file| file.column_family_name == family);
    files.fold(Held::default(), |held, file| Held {
        bytes: held.bytes + file.size,
        entries: held.entries + file.num_entries,
        tombstones: held.tombstones + file.num_deletions,
    })
}

/// Opens the store with background threads that hurry.
fn open_hurrying(fixture: &Fixture, mut options: Options) -> Store {
    options.reclaim_interval = Duration::from_millis(2);
    options.reap_interval = Duration::from_millis(2);
    Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options).open().unwrap()
}

/// The SST files and the log of a store, by name with their sizes.
fn files(path: &Path) -> BTreeMap<String, u64> {
    let is_counted = |name: &str| Path::new(name).extension().is_some_and(|kind| kind == "sst" || kind == "log");
    std::fs::read_dir(path)
        .unwrap()
        .filter_map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            // A file may go while the directory is read.
            is_counted(&name).then(|| (name, entry.metadata().map_or(0, |metadata| metadata.len())))
        })
        .collect()
}

fn bytes(path: &Path) -> u64 {
    files(path).values().sum()
}

fn wait_until(what: &str, store: &Store, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}: {:#?}", store.stats());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn key(n: u64) -> String {
    format!("k:{n:06}")
}

/// Writes strings that lie in their records, and reopens the store so that all of them are in files.
fn fill(fixture: &Fixture, count: u64) {
    let store = fixture.open();
    for n in 0..count {
        store.db(0).strings().set(key(n), payload(n, 60)).unwrap();
    }
    store.close().unwrap();
}

fn delete(store: &Store, keys: impl Iterator<Item = u64>) {
    for n in keys {
        assert_eq!(store.db(0).delete([key(n)]).unwrap(), 1);
    }
}

#[test]
fn records_deleted_one_by_one_leave_the_meta_family_when_the_store_settles() {
    let fixture = Fixture::new();
    fill(&fixture, 20_000);
    let store = fixture.open();
    let full = store.stats().other_file_bytes;
    delete(&store, (0..20_000).step_by(2));
    settle(&store);
    let left = store.stats().other_file_bytes;
    assert!(left * 100 < full * 55, "of {full} bytes {left} are left: {:#?}", store.stats());
    let compactions = store.stats().compactions;
    settle(&store);
    assert_eq!(store.stats().compactions, compactions, "once is enough");
    assert_eq!(keys(&store.db(0)).len(), 10_000);
    close_and_check(store, &fixture.path("store"));
    let held = held(&fixture, "meta");
    assert!(held.entries == 10_000 && held.tombstones == 0, "{held:?}");
}

#[test]
fn few_deleted_records_are_not_worth_a_rewriting() {
    let fixture = Fixture::new();
    fill(&fixture, 20_000);
    let store = fixture.open();
    delete(&store, (0..20_000).step_by(25));
    for _ in 0..3 {
        settle(&store);
    }
    assert_eq!(store.stats().compactions, 0, "{:#?}", store.stats());
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn deleted_records_of_one_part_of_the_keys_go_without_the_rest_being_rewritten() {
    let fixture = Fixture::new();
    // Many files: about 60 bytes that do not compress and a header of 48 for each key.
    fill(&fixture, 120_000);
    let store = fixture.open();
    let full = store.stats().other_file_bytes;
    settle(&store);
    let before = store.stats();
    delete(&store, 60_000..72_000);
    settle(&store);
    let after = store.stats();
    let written = after.other_compaction_written_bytes - before.other_compaction_written_bytes;
    assert!(written < full, "of {full} bytes a tenth died, {written} were written");
    assert!(after.other_file_bytes < full * 95 / 100, "{after:#?}");
    close_and_check(store, &fixture.path("store"));
    assert!(held(&fixture, "meta").entries < 110_000);
}

#[test]
fn deleted_records_go_although_somebody_writes_now_and_then() {
    let fixture = Fixture::new();
    fill(&fixture, 40_000);
    let store = open_hurrying(&fixture, small());
    let full = store.stats().other_file_bytes;
    delete(&store, (0..40_000).filter(|n| n % 4 != 0));
    let (mut n, mut compactions, mut since) = (0, 0, 0);
    wait_until("never quiet", &store, || {
        n += 1;
        store.db(0).strings().set(key(n % 4 * 4), "overwritten").unwrap();
        let stats = store.stats();
        if stats.compactions != compactions {
            (compactions, since) = (stats.compactions, n);
        }
        // It has done one part of the keys after the other, and has come to the end.
        stats.other_file_bytes < full * 55 / 100 && n - since > 100
    });
    close_and_check(store, &fixture.path("store"));
    // Less than ten thousand of the dead may wait for more to come, with as many tombstones.
    let held = held(&fixture, "meta");
    assert!(held.entries < 30_100, "{held:?}");
}

#[test]
fn under_a_view_deleted_records_stay_and_are_not_rewritten_again_and_again() {
    let fixture = Fixture::new();
    fill(&fixture, 20_000);
    let store = fixture.open();
    let view = store.view().unwrap();
    delete(&store, 0..10_000);
    for _ in 0..5 {
        let _ = store.settle(Duration::from_millis(300)).unwrap();
    }
    assert_eq!(store.stats().compactions, 0, "in vain: {:#?}", store.stats());
    let seen = view.db(0);
    assert_eq!(seen.keys("").unwrap().count(), 20_000);
    for n in (0..20_000).step_by(7) {
        assert_eq!(seen.strings().get(key(n)).unwrap().unwrap(), payload(n, 60));
    }
    drop((seen, view));
    settle(&store);
    assert_eq!(keys(&store.db(0)).len(), 10_000);
    close_and_check(store, &fixture.path("store"));
    let held = held(&fixture, "meta");
    assert!(held.entries == 10_000 && held.tombstones == 0, "{held:?}");
}

#[test]
fn under_a_view_entries_taken_out_stay_and_are_not_rewritten_again_and_again() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let hour = SetOptions::new().expire_in(Duration::from_secs(3600));
    for n in 0..20_000_u64 {
        store.db(0).strings().set_with(key(n), payload(n, 60), hour).unwrap();
    }
    store.close().unwrap();
    let store = fixture.open();
    let view = store.view().unwrap();
    for n in 0..20_000 {
        assert!(store.db(0).persist(key(n)).unwrap());
    }
    for _ in 0..5 {
        let _ = store.settle(Duration::from_millis(300)).unwrap();
    }
    let stats = store.stats();
    // RocksDB keeps what the view could read: a rewriting would give nothing back, and the second one even less.
    assert!(stats.compactions <= 1, "in vain: {stats:#?}");
    for n in (0..20_000).step_by(7) {
        assert!(view.db(0).expires_at(key(n)).unwrap().is_some());
        assert!(store.db(0).expires_at(key(n)).unwrap().is_none());
    }
    drop(view);
    settle(&store);
    close_and_check(store, &fixture.path("store"));
    let held = held(&fixture, "expire");
    assert!(held.entries < 200 && held.tombstones < 200, "{held:?}");
}

#[test]
fn what_dies_after_a_view_was_opened_is_not_rewritten_before_it_ends() {
    let fixture = Fixture::new();
    fill(&fixture, 20_000);
    let store = fixture.open();
    delete(&store, 0..10_000);
    let view = store.view().unwrap();
    // The buffer is written while only the earlier ones are dead. RocksDB may do the rest by itself.
    let _ = store.settle(Duration::from_secs(5)).unwrap();
    let compactions = store.stats().compactions;
    delete(&store, 10_000..15_000);
    for _ in 0..3 {
        let _ = store.settle(Duration::from_millis(300)).unwrap();
    }
    assert_eq!(store.stats().compactions, compactions, "the later ones: {:#?}", store.stats());
    assert_eq!(view.db(0).keys("").unwrap().count(), 10_000);
    drop(view);
    settle(&store);
    close_and_check(store, &fixture.path("store"));
    assert_eq!(held(&fixture, "meta").entries, 5_000);
}

/// A store of which everything expires, inline strings and sets, among them some that were deleted before.
fn fill_and_expire(fixture: &Fixture, store: &Store) -> u64 {
    let db = store.db(0);
    let strings = SetOptions::new().expire_in(MINUTE);
    for n in 0..8_000_u64 {
        db.strings().set_with(key(n), payload(n, 60), strings).unwrap();
        let mut options = CreateOptions::new().expire_in(MINUTE);
        if n % 10 == 0 {
            options = options.growing();
        }
        db.sets().add_with(format!("s:{n}"), [payload(n, 1000)], options).unwrap();
    }
    db.hashes().set("without an end", "f", payload(1, 10_000)).unwrap();
    delete(store, 0..1_000);
    let full = bytes(&fixture.path("store"));
    db.delete(["without an end"]).unwrap();
    fixture.seconds_pass(61);
    full
}

#[test]
fn everything_expired_and_quiet_leaves_less_than_a_hundredth_without_being_asked() {
    let fixture = Fixture::new();
    let path = fixture.path("store");
    let store = open_hurrying(&fixture, small());
    let full = fill_and_expire(&fixture, &store);
    assert!(full > 8 << 20, "{full}");
    wait_until("all files and the log", &store, || bytes(&path) < full / 100);
    let left = files(&path);
    // The time is saved once more after the last operation, and then nothing happens at all.
    std::thread::sleep(Duration::from_millis(2500));
    let before = (store.stats(), files(&path));
    std::thread::sleep(Duration::from_millis(2000));
    assert_eq!((store.stats(), files(&path)), before, "a quiet store is still");
    assert!(bytes(&path) < full / 100 && left.len() < 12, "{left:?}");
    store.close().unwrap();
    assert_clean(&path);
}

#[test]
fn everything_expired_leaves_less_than_a_hundredth_as_soon_as_the_store_has_settled() {
    let fixture = Fixture::new();
    let path = fixture.path("store");
    let store = fixture.open();
    let full = fill_and_expire(&fixture, &store);
    settle(&store);
    // RocksDB unlinks what is not needed a moment later.
    wait_until("all files and the log", &store, || bytes(&path) < full / 100);
    close_and_check(store, &path);
}

#[test]
fn a_quiet_store_of_the_living_is_still() {
    let fixture = Fixture::new();
    let path = fixture.path("store");
    let store = open_hurrying(&fixture, Options::default());
    for n in 0..5_000 {
        store.db(0).strings().set(key(n), payload(n, 60)).unwrap();
        store.db(0).sets().add(format!("s:{n}"), [payload(n, 900)]).unwrap();
    }
    delete(&store, (0..5_000).step_by(20));
    std::thread::sleep(Duration::from_millis(2500));
    let before = (store.stats(), files(&path));
    std::thread::sleep(Duration::from_millis(2000));
    assert_eq!((store.stats(), files(&path)), before);
    close_and_check(store, &path);
}

#[test]
fn a_lease_that_is_refreshed_again_and_again_leaves_the_expire_family_small() {
    for background in [true, false] {
        let fixture = Fixture::new();
        let store = if background {
            open_hurrying(&fixture, Options::default())
        } else {
            fixture.open_at(&fixture.path("store"))
        };
        let db = store.db(0);
        db.strings().set_with("in a year", "v", SetOptions::new().expire_in(MINUTE * 525_600)).unwrap();
        db.strings().set("lease", "v").unwrap();
        for _ in 0..100_000 {
            fixture.seconds_pass(1);
            assert!(db.expire("lease", Duration::from_secs(30)).unwrap());
        }
        if background {
            let before = store.stats().flushes + store.stats().compactions;
            wait_until("a flush", &store, || store.stats().flushes + store.stats().compactions > before + 1);
            // What follows a flush takes a pass or two.
            std::thread::sleep(Duration::from_millis(500));
        } else {
            settle(&store);
        }
        assert!(db.exists("lease").unwrap());
        drop(db);
        close_and_check(store, &fixture.path("store"));
        let held = held(&fixture, "expire");
        assert!(held.entries < 1_000 && held.tombstones < 1_000, "background {background}: {held:?}");
    }
}

#[test]
fn entries_taken_out_long_before_their_time_leave_the_expire_family() {
    let fixture = Fixture::new();
    let hours = |n: u64| SetOptions::new().expire_in(Duration::from_secs(3600 + n));
    let store = fixture.open();
    for n in 0..20_000 {
        store.db(0).strings().set_with(key(n), "v", hours(n)).unwrap();
    }
    store.close().unwrap();
    let store = fixture.open();
    for n in 0..15_000 {
        let key = key(n * 4 / 3);
        if n % 2 == 0 {
            assert!(store.db(0).persist(key).unwrap());
        } else {
            store.db(0).delete([key]).unwrap();
        }
    }
    settle(&store);
    close_and_check(store, &fixture.path("store"));
    let held = held(&fixture, "expire");
    assert!(held.entries < 6_000 && held.tombstones == 0, "{held:?}");
}

#[test]
fn an_expire_file_that_is_mostly_past_and_reaches_far_is_rewritten() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.strings().set_with("in a year", "v", SetOptions::new().expire_in(MINUTE * 525_600)).unwrap();
    for n in 0..20_000 {
        db.strings().set_with(key(n), "v", SetOptions::new().expire_in(MINUTE)).unwrap();
    }
    drop(db);
    store.close().unwrap();
    let store = fixture.open();
    fixture.seconds_pass(61);
    settle(&store);
    close_and_check(store, &fixture.path("store"));
    let held = held(&fixture, "expire");
    assert_eq!(held.entries, 1, "{held:?}");
}

#[test]
fn bitmaps_of_retired_segments_do_not_pile_up() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let hour = CreateOptions::new().expire_in(Duration::from_secs(3600));
    let mut sizes = Vec::new();
    for window in 1..=4 {
        for n in 0..66_000_u32 {
            store.db(0).sets().add_with(n.to_string(), ["member"], hour).unwrap();
        }
        fixture.seconds_pass(3601);
        settle(&store);
        let stats = store.stats();
        assert_eq!((stats.segments_retired, stats.data_file_bytes), (window, 0));
        sizes.push(stats.other_file_bytes);
    }
    assert!(sizes.iter().all(|bytes| *bytes < 100_000), "{sizes:?}");
    close_and_check(store, &fixture.path("store"));
    let (gc, default) = (held(&fixture, "gc"), held(&fixture, "default"));
    assert!(gc.entries < 6 && gc.bytes < 20_000, "{gc:?}");
    assert!(default.entries < 60 && default.bytes < 20_000, "{default:?}");
}
