//! Threads that could wait for each other for ever, and writes that RocksDB has stopped.

use std::path::Path;
use std::process::Command;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use fail::FailScenario;
use windrow::{CreateOptions, Store};

use crate::data::payload;
use crate::fixture::{Fixture, START, close_and_check, small};
use crate::pause::Pause;

const DIR: &str = "WINDROW_STALLS_DIR";
/// The victim's name as a test, by which its parent starts it.
const VICTIM: &str = "stalls::victim";

#[test]
fn a_write_over_an_expired_record_a_quiet_flush_and_the_saving_of_the_time_do_not_wait_in_a_circle() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let mut options = small();
    options.family_write_buffer_bytes = 32 << 20;
    options.reclaim_interval = Duration::from_millis(2);
    // So that the expired record is still there when it is written over.
    options.reap_interval = Duration::from_secs(60);
    let store = Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options).open().unwrap();
    let db = store.db(0);
    let birth = CreateOptions::new().expire_at(START.saturating_add(Duration::from_secs(10)));
    db.sets().add_with("a", ["old"], birth).unwrap();
    sleep(Duration::from_millis(1500));
    fixture.seconds_pass(12);
    // The thread that saves the time stands before its commit: nobody else commits.
    let saving = Pause::at("store::commit");
    assert!(!db.exists("a").unwrap());
    saving.wait();
    for number in 0..500_u64 {
        db.sets().add(format!("s:{number}"), [payload(number, 2000)]).unwrap();
    }
    let writer = {
        let db = store.db(0);
        spawn(move || db.sets().add("a", [payload(7, 2000)]).unwrap())
    };
    // Long enough for the reclaimer to begin the flush of a quiet store's log, which waits for the writer's birth.
    sleep(Duration::from_secs(1));
    saving.resume();
    let began = Instant::now();
    while !writer.is_finished() {
        assert!(began.elapsed() < Duration::from_secs(10), "the writer waits for ever");
        sleep(Duration::from_millis(10));
    }
    writer.join().unwrap();
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

/// Flushes that hang stop the writes: nothing is lost or broken by that, so reads go on and nothing is poisoned.
#[test]
#[cfg(target_os = "linux")]
fn a_store_whose_writes_are_stopped_is_not_poisoned() {
    let fixture = Fixture::new();
    let victim = Command::new(std::env::current_exe().unwrap())
        .args([VICTIM, "--exact", "--nocapture", "--test-threads=1"])
        .env(DIR, fixture.path("store"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&victim.stdout);
    assert!(said.contains("\nstopped and alive"), "{said}");
}

/// Not a test of its own: a process with a store on a disk on which every new SST file hangs. It aborts: an exit would wait for
/// RocksDB's threads.
#[test]
fn victim() {
    let Ok(dir) = std::env::var(DIR) else {
        return;
    };
    let dir = Path::new(&dir);
    let mut options = small();
    options.max_log_bytes = 16 << 20;
    options.family_write_buffer_bytes = 4 << 20;
    // Longer than the writes take to be stopped: the log is looked at then.
    options.reclaim_interval = Duration::from_secs(3);
    let store = Store::builder(dir).options(options).open().unwrap();
    store.db(0).strings().set("k", "v").unwrap();
    let names: Vec<_> =
        (0..400).map(|number| dir.join(format!("{number:06}.sst"))).filter(|path| !path.exists()).collect();
    assert!(Command::new("mkfifo").args(&names).status().unwrap().success());
    let writer = {
        let db = store.db(0);
        spawn(move || {
            let value = payload(1, 1000);
            (0..100_000).for_each(|number| db.strings().set(format!("{number}"), &value).unwrap());
        })
    };
    let end = Instant::now() + Duration::from_secs(8);
    while Instant::now() < end {
        sleep(Duration::from_millis(100));
        if let Err(error) = store.db(0).exists("k") {
            println!("\npoisoned: {error}");
            std::process::abort();
        }
    }
    println!("\n{} and alive", if writer.is_finished() { "done" } else { "stopped" });
    std::process::abort();
}
