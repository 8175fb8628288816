//! Keys that expire at once: how many of them the reaper gives back in a second on a processor.
//!
//! The keys have 44 bytes and lie in files when their time comes; nobody is subscribed to anything.

use std::time::{Duration, Instant};

use windrow::{CreateOptions, ManualClock, Options, SetOptions, Store, UnixMillis};

use crate::common::data::{member, name, options};
use crate::cpu;
use crate::measure::Scale;

const LIFETIME: Duration = Duration::from_secs(50);
const TARGET: u64 = 1_000_000;
/// How long to wait for the reaper at most.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// The value lies in the meta record: nothing to bury.
    Strings,
    /// A member lies under an id, and ids die in the order of their births.
    Sets,
    /// The same, and they die in no order.
    Scattered,
}

pub(crate) fn run(scale: Scale) {
    println!("\nreap: keys of 44 bytes, expired at once, target >= {TARGET} in a second of the reaper's thread");
    println!("  {:<12} {:>9} {:>14} {:>22} {:>9}", "", "keys", "reaper's thread", "the whole process", "seconds");
    for kind in [Kind::Strings, Kind::Sets, Kind::Scattered] {
        for _ in 0..scale.pairs(3) {
            one(scale, kind);
        }
    }
}

fn one(scale: Scale, kind: Kind) {
    let keys = scale.of(1_000, 1_000_000, 4_000_000);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("store");
    let clock = ManualClock::starting_at(UnixMillis::new(1_700_000_000_000));
    let open = |background| {
        let mut options: Options = options();
        options.packed_expiring_bytes = 0;
        Store::builder(&path).options(options).clock(clock.clone()).background(background).open().expect("a store")
    };
    let store = open(false);
    fill(&store, kind, keys);
    // Opening writes what the log holds into files.
    store.close().expect("close");
    let store = open(true);
    std::thread::sleep(Duration::from_millis(if scale.smoke { 0 } else { 2_000 }));
    let before = cpu::of_threads("windrow-reaper");
    let begun = Instant::now();
    clock.advance(LIFETIME * 2);
    while store.stats().keys_reaped < keys {
        assert!(begun.elapsed() < PATIENCE, "reaped in time");
        std::thread::sleep(Duration::from_millis(2));
    }
    let (seconds, after) = (begun.elapsed().as_secs_f64(), cpu::of_threads("windrow-reaper"));
    let rate = |used: f64| format!("{:.0}", keys as f64 / used);
    let [thread, process] = match before.zip(after) {
        Some((before, after)) => [rate(after.named - before.named), rate(after.others - before.others)],
        None => ["unknown", "unknown"].map(str::to_owned),
    };
    println!("  {:<12} {keys:>9} {thread:>14}/s {process:>20}/s {seconds:>9.2}", format!("{kind:?}"));
    store.close().expect("close");
}

fn fill(store: &Store, kind: Kind, keys: u64) {
    let db = store.db(0);
    for n in 0..keys {
        match kind {
            Kind::Strings => {
                db.strings().set_with(key(n), name(n), SetOptions::new().expire_in(LIFETIME)).expect("set");
            }
            Kind::Sets | Kind::Scattered => {
                let sooner = if matches!(kind, Kind::Sets) { 0 } else { u64::from(name(n)[0]) * 100 };
                let create = CreateOptions::new().expire_in(LIFETIME - Duration::from_millis(sooner));
                db.sets().add_with(key(n), [member(n)], create).expect("add");
            }
        }
    }
}

/// A name of 44 bytes.
fn key(number: u64) -> [u8; 44] {
    let mut key = *b"cache:v3:user-profile:0000000000000000:json:";
    for (place, nibble) in key[22..38].iter_mut().zip((0..16).rev()) {
        *place = b"0123456789abcdef"[(u64::from_be_bytes(name(number)) >> (nibble * 4)) as usize & 15];
    }
    key
}
