//! What each durability has put on stable storage, and when: a copy of the directory, while the log lies in memory
//! until it is synced, is what a power loss leaves.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use fail::FailScenario;
use windrow::{CreateOptions, Durability, ExpireCondition, ManualClock, Store, UnixMillis};

use crate::data::{keys, members, payload};
use crate::disk::copy_store;
use crate::fixture::{Fixture, PATIENCE, START, assert_clean, settle, small};
use crate::pause::Pause;

/// Opens a store that loses, in a copy, everything that was not synced.
fn open(fixture: &Fixture, durability: Durability, background: bool) -> Store {
    fail::cfg("store::hold_log", "return").unwrap();
    let mut options = small();
    options.durability = durability;
    let builder = Store::builder(fixture.path("store")).clock(fixture.clock.clone());
    builder.options(options).background(background).open().unwrap()
}

/// The keys of db 0 after a power loss now. Proves that what is left is whole.
fn after_power_loss(fixture: &Fixture) -> Vec<String> {
    let copy = fixture.path("copy");
    copy_store(&fixture.path("store"), &copy);
    assert_clean(&copy);
    let store = fixture.open_at(&copy);
    let left: Vec<String> = keys(&store.db(0)).iter().map(|key| String::from_utf8(key.to_vec()).unwrap()).collect();
    for key in left.iter().filter(|key| key.starts_with("set:")) {
        assert_eq!(members(&store.db(0), key), ["a", "b"]);
    }
    store.close().unwrap();
    left
}

fn close(store: Store, path: &Path) {
    store.close().unwrap();
    assert_clean(path);
}

#[test]
fn a_synced_write_survives_a_power_loss_and_a_buffered_one_after_it_does_not() {
    let _alone = FailScenario::setup();
    for of_the_store in [Durability::Buffered, Durability::Interval, Durability::Sync] {
        let fixture = Fixture::new();
        let store = open(&fixture, of_the_store, false);
        let (synced, buffered) =
            (store.db(0).with_durability(Durability::Sync), store.db(0).with_durability(Durability::Buffered));
        buffered.strings().set("1", "v").unwrap();
        assert_eq!(after_power_loss(&fixture), [""; 0], "{of_the_store:?}");
        synced.sets().add_with("set:2", ["a", "b"], CreateOptions::new().expire_in(Duration::from_secs(60))).unwrap();
        assert_eq!(after_power_loss(&fixture), ["1", "set:2"], "{of_the_store:?}: a sync covers what was before it");
        buffered.sets().add("set:3", ["a", "b"]).unwrap();
        buffered.delete(["1"]).unwrap();
        assert_eq!(after_power_loss(&fixture), ["1", "set:2"], "{of_the_store:?}");
        store.sync().unwrap();
        assert_eq!(after_power_loss(&fixture), ["set:2", "set:3"], "{of_the_store:?}");
        synced.delete(["set:2"]).unwrap();
        assert_eq!(after_power_loss(&fixture), ["set:3"], "{of_the_store:?}");
        drop((synced, buffered));
        close(store, &fixture.path("store"));
    }
}

#[test]
fn a_write_without_a_durability_of_its_own_has_that_of_its_store() {
    let _alone = FailScenario::setup();
    for (durability, survives) in
        [(Durability::Buffered, false), (Durability::Interval, false), (Durability::Sync, true)]
    {
        let fixture = Fixture::new();
        let store = open(&fixture, durability, false);
        store.db(0).strings().set("k", "v").unwrap();
        assert_eq!(after_power_loss(&fixture) == ["k"], survives, "{durability:?}");
        close(store, &fixture.path("store"));
    }
}

#[test]
fn a_write_of_interval_durability_in_a_buffered_store_survives_a_power_loss_soon_after_it() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = open(&fixture, Durability::Buffered, true);
    store.db(0).strings().set("buffered", "v").unwrap();
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(after_power_loss(&fixture), [""; 0], "nothing asked for a sync");
    store.db(0).with_durability(Durability::Interval).strings().set("interval", "v").unwrap();
    let began = Instant::now();
    while after_power_loss(&fixture) != ["buffered", "interval"] {
        assert!(began.elapsed() < Duration::from_secs(3), "not synced after {:?}", began.elapsed());
        thread::sleep(Duration::from_millis(20));
    }
    close(store, &fixture.path("store"));
}

#[test]
fn time_that_a_reader_saw_is_behind_the_store_after_a_power_loss() {
    let _alone = FailScenario::setup();
    for durability in [Durability::Interval, Durability::Sync] {
        let fixture = Fixture::new();
        let store = open(&fixture, durability, true);
        fixture.seconds_pass(600);
        let seen = store.time();
        assert!(!store.db(0).exists("k").unwrap());
        let began = Instant::now();
        while time_after_power_loss(&fixture) < seen {
            assert!(began.elapsed() < Duration::from_secs(5), "{durability:?}: not saved after {:?}", began.elapsed());
            thread::sleep(Duration::from_millis(50));
        }
        close(store, &fixture.path("store"));
    }
}

/// A kill leaves what was committed, synced or not; the power loss above is the harder case for what syncs.
#[test]
fn time_that_anybody_saw_is_behind_the_store_after_a_kill_whatever_the_durability() {
    let _alone = FailScenario::setup();
    let all = [Durability::Buffered, Durability::Interval, Durability::Sync];
    let stores = all.map(|durability| {
        let fixture = Fixture::new();
        let mut options = small();
        options.durability = durability;
        let builder = Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options);
        (builder.open().unwrap(), fixture, durability)
    });
    // Nothing expires and nothing is written with a time: only the saved time can tell.
    for (store, fixture, _) in &stores {
        fixture.seconds_pass(600);
        store.db(0).strings().set("k", "v").unwrap();
    }
    for (store, fixture, durability) in stores {
        let acknowledged = START.saturating_add(Duration::from_secs(600));
        let began = Instant::now();
        while time_after_power_loss(&fixture) < acknowledged {
            assert!(began.elapsed() < Duration::from_secs(5), "{durability:?}: not saved after {:?}", began.elapsed());
            thread::sleep(Duration::from_millis(50));
        }
        close(store, &fixture.path("store"));
    }
}

/// The time at which a store would start after a power loss now, on a machine whose clock was set back.
fn time_after_power_loss(fixture: &Fixture) -> UnixMillis {
    let copy = fixture.path("copy");
    copy_store(&fixture.path("store"), &copy);
    let store = Store::builder(&copy).clock(ManualClock::starting_at(START)).background(false).open().unwrap();
    store.time()
}

#[test]
fn a_store_that_nobody_uses_writes_nothing() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = Store::builder(fixture.path("store")).options(small()).open().unwrap();
    store.db(0).strings().set("k", "v").unwrap();
    thread::sleep(Duration::from_millis(2500));
    let log_bytes = store.stats().log_bytes;
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(store.stats().log_bytes, log_bytes);
    close(store, &fixture.path("store"));
}

/// The lengths of the log files of a store.
fn log_files(of: &Path) -> BTreeMap<OsString, u64> {
    let entries = fs::read_dir(of).unwrap().map(Result::unwrap);
    let logs = entries.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "log"));
    logs.map(|entry| (entry.file_name(), entry.metadata().unwrap().len())).collect()
}

#[test]
fn what_recovery_read_from_the_end_of_the_log_survives_a_power_loss_once_files_were_dropped_for_it() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let (first, second, lost) = (fixture.path("store"), fixture.path("second"), fixture.path("lost"));
    let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    let store = fixture.open();
    for n in 0..1500 {
        store.db(0).sets().add_with(format!("{n:04}"), [payload(n, 2000)], minute).unwrap();
    }
    // Two write buffers were full: their files must be there for the next life to drop.
    let began = Instant::now();
    while store.stats().data_file_bytes < 2_000_000 {
        assert!(began.elapsed() < PATIENCE, "{:#?}", store.stats());
        thread::sleep(Duration::from_millis(5));
    }
    store.sync().unwrap();
    // What follows reaches the page cache, as every commit does, and no disk.
    let synced = log_files(&first);
    for n in 0..1400 {
        store.db(0).delete([format!("{n:04}")]).unwrap();
    }
    copy_store(&first, &second);
    let of_the_first_life = log_files(&second).into_keys();
    drop(store);
    // The process has died. In the next life its log is recovered and believed, and files are dropped.
    fail::cfg("store::hold_log", "return").unwrap();
    let store = fixture.open_at(&second);
    assert_eq!(store.db(0).len().unwrap(), 100);
    // Right after the first files were dropped the power fails: later flushes would save what recovery did not.
    let (from, to) = (second.clone(), lost.clone());
    let first_drop = std::sync::Once::new();
    fail::cfg_callback("reclaimer::after_drop", move || first_drop.call_once(|| copy_store(&from, &to))).unwrap();
    settle(&store);
    fail::remove("reclaimer::after_drop");
    assert!(store.stats().files_dropped > 0, "{:#?}", store.stats());
    // Of the first life's log only that is left which was synced in it.
    for name in of_the_first_life {
        let log = lost.join(&name);
        let length = synced.get(&name).copied().unwrap_or(0);
        if log.exists() {
            fs::File::options().write(true).open(log).unwrap().set_len(length).unwrap();
        }
    }
    fail::remove("store::hold_log");
    store.close().unwrap();
    assert_clean(&lost);
    let store = fixture.open_at(&lost);
    for key in keys(&store.db(0)) {
        let n = std::str::from_utf8(&key).unwrap().parse().unwrap();
        assert_eq!(members(&store.db(0), &key), [payload(n, 2000)]);
    }
    assert!(store.db(0).len().unwrap() >= 100);
    close(store, &lost);
}

#[test]
fn what_a_write_took_for_past_stays_past_after_a_crash_although_the_clock_was_set_back() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let (store, copy) = (fixture.path("store"), fixture.path("copy"));
    let due = START.saturating_add(Duration::from_secs(1));
    let first_life = fixture.open();
    let sets = first_life.db(0);
    sets.sets().add_with("k", ["old"], CreateOptions::new().expire_at(due)).unwrap();
    fixture.seconds_pass(2);
    sets.sets().add("k", ["new"]).unwrap();
    copy_store(&store, &copy);
    fixture.clock.set_wall(START);
    // Were it the time of the clock again, the new set would take the old one's place in the expire family.
    let second_life = fixture.open_at(&copy);
    assert!(second_life.db(0).expire_at("k", due, ExpireCondition::Always).unwrap());
    fixture.clock.set_wall(START.saturating_add(Duration::from_secs(5)));
    settle(&second_life);
    assert_eq!(second_life.db(0).len().unwrap(), 0);
    close(second_life, &copy);
}

#[test]
fn the_time_that_a_slow_commit_took_along_does_not_replace_a_later_one() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let copy = fixture.path("copy");
    let store = fixture.open();
    let db = store.db(0);
    for (key, second) in [("a", 10), ("b", 20)] {
        let birth = CreateOptions::new().expire_at(START.saturating_add(Duration::from_secs(second)));
        db.sets().add_with(key, ["old"], birth).unwrap();
    }
    fixture.seconds_pass(12);
    thread::scope(|scope| {
        let pause = Pause::at_passage("commit::before", 1);
        let slow = scope.spawn(|| store.db(0).sets().add("a", ["new"]).unwrap());
        pause.wait();
        fixture.seconds_pass(13);
        let later = scope.spawn(|| store.db(0).sets().add("b", ["new"]).unwrap());
        // Long enough to overtake, if there is nothing to wait for.
        thread::sleep(Duration::from_millis(200));
        pause.resume();
        slow.join().unwrap();
        later.join().unwrap();
    });
    copy_store(&fixture.path("store"), &copy);
    fixture.clock.set_wall(START);
    let second_life = fixture.open_at(&copy);
    assert!(second_life.time() >= START.saturating_add(Duration::from_secs(25)), "{:?}", second_life.time());
    close(second_life, &copy);
}
