//! Many namespaces: what creating them costs, and what giving their windows back costs, beside one namespace with
//! the same data.

use std::time::{Duration, Instant};

use windrow::{CreateOptions, Db, ManualClock, Options, Stats, Store, UnixMillis};

use crate::common::data::{name, options};
use crate::measure::Scale;

const LIFETIME: Duration = Duration::from_secs(50);
const WINDOWS: u64 = 5;
const VALUE_BYTES: usize = 1_000;

pub(crate) fn run(scale: Scale) {
    creation(scale);
    reclaiming(scale);
}

/// Creates namespaces of one key each.
fn creation(scale: Scale) {
    println!("\nnamespaces: creating them, microseconds for each of so many");
    println!("  {:>10} {:>12} {:>12} {:>12} {:>10}", "namespaces", "first tenth", "last tenth", "all", "reopened");
    for count in [scale.of(100, 10_000, 10_000), scale.of(200, 100_000, 100_000)] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let open = || Store::builder(dir.path().join("s")).options(options()).open().expect("a store");
        let store = open();
        let mut tenths = Vec::new();
        for tenth in 0..10 {
            let begun = Instant::now();
            for n in tenth * count / 10..(tenth + 1) * count / 10 {
                store.namespace(namespace(n)).db(0).strings().set("key", "value").expect("set");
            }
            tenths.push(begun.elapsed().as_secs_f64() * 1e6 / (count / 10) as f64);
        }
        let all = tenths.iter().sum::<f64>() / 10.0;
        store.close().expect("close");
        let begun = Instant::now();
        let store = open();
        let reopened = format!("{:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
        println!("  {count:>10} {:>12.1} {:>12.1} {all:>12.1} {reopened:>10}", tenths[0], tenths[9]);
        store.close().expect("close");
    }
}

fn namespace(number: u64) -> String {
    format!("tenant {number:06}")
}

/// Bytes moved, by what moved them.
#[derive(Clone, Copy, Default)]
struct Moved {
    log: u64,
    flushed: u64,
    compactions_read: u64,
    compactions_wrote: u64,
    /// What the process asked the system to read, and to write: with the reaper's reads, and the whole log.
    asked_to_read: u64,
    asked_to_write: u64,
}

impl Moved {
    fn now(stats: &Stats) -> Self {
        let (asked_to_read, asked_to_write) = asked().unwrap_or_default();
        Self {
            log: stats.log_bytes,
            flushed: stats.flushed_bytes,
            compactions_read: stats.compaction_read_bytes,
            compactions_wrote: stats.compaction_written_bytes,
            asked_to_read,
            asked_to_write,
        }
    }

    fn parts(&self) -> [u64; 6] {
        let Self { log, flushed, compactions_read, compactions_wrote, asked_to_read, asked_to_write } = *self;
        [log, flushed, compactions_read, compactions_wrote, asked_to_read, asked_to_write]
    }

    fn add(&mut self, from: &Self, to: &Self) {
        self.log += to.log - from.log;
        self.flushed += to.flushed - from.flushed;
        self.compactions_read += to.compactions_read - from.compactions_read;
        self.compactions_wrote += to.compactions_wrote - from.compactions_wrote;
        self.asked_to_read += to.asked_to_read - from.asked_to_read;
        self.asked_to_write += to.asked_to_write - from.asked_to_write;
    }
}

/// The bytes that this process has asked to read and to write so far.
fn asked() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/self/io").ok()?;
    let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok();
    Some((of("rchar:")?, of("wchar:")?))
}

/// Writes windows, lets each expire, and gives it back.
fn reclaiming(scale: Scale) {
    let many = scale.of(50, 10_000, 10_000);
    let sets = scale.of(1_000, 200_000, 1_000_000);
    println!(
        "\nnamespaces: {WINDOWS} windows of {sets} sets of {VALUE_BYTES} bytes in {many} namespaces / in one, target <= 1.05"
    );
    let names = ["log", "flushes", "compactions read", "and wrote", "asked to read", "asked to write"];
    println!("  {:<34} {}", "bytes", names.map(|name| format!("{name:>17}")).concat());
    let [one, all] = [1, many].map(|namespaces| run_windows(namespaces, sets));
    for (what, one, all) in [("while giving back", one.0, all.0), ("while loading, too", one.1, all.1)] {
        for (moved, count) in [(one, 1), (all, many)] {
            let parts = moved.parts().map(|bytes| format!("{bytes:>17}")).concat();
            println!("  {:<34} {parts}", format!("{what}, {count} namespaces"));
        }
        let sum = |moved: &Moved| moved.parts()[..4].iter().sum::<u64>() as f64;
        let asked = |moved: &Moved| (moved.asked_to_read + moved.asked_to_write) as f64;
        println!(
            "  {what}: RocksDB's bytes {:.3}, what was asked of the system {:.3}",
            sum(&all) / sum(&one),
            asked(&all) / asked(&one)
        );
    }
}

/// Returns what was moved while giving back, and in all.
fn run_windows(namespaces: u64, sets: u64) -> (Moved, Moved) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = ManualClock::starting_at(UnixMillis::new(1_700_000_000_000));
    let mut options: Options = options();
    options.packed_expiring_bytes = 0;
    let builder = Store::builder(dir.path().join("s")).options(options).clock(clock.clone()).background(false);
    let store = builder.open().expect("a store");
    let dbs: Vec<Db> = (0..namespaces).map(|n| store.namespace(namespace(n)).db(0)).collect();
    let mut random = fastrand::Rng::with_seed(7);
    let mut member = [0; VALUE_BYTES];
    // The first commit of each namespace is no part of this.
    dbs.iter().for_each(|db| db.strings().set("here", "").expect("set"));
    let mut back = Moved::default();
    let begun = Moved::now(&store.stats());
    for window in 0..WINDOWS {
        for n in 0..sets {
            random.fill(&mut member);
            let db = &dbs[(n % namespaces) as usize];
            // The namespaces' keys expire in turns, as they were written.
            let create = CreateOptions::new().expire_in(LIFETIME + Duration::from_millis(n * 5_000 / sets));
            db.sets().add_with(name(window * sets + n), [member], create).expect("add");
        }
        let loaded = Moved::now(&store.stats());
        clock.advance(LIFETIME * 2);
        assert!(store.settle(Duration::from_secs(300)).expect("settle"), "settled in time");
        back.add(&loaded, &Moved::now(&store.stats()));
    }
    let mut all = Moved::default();
    all.add(&begun, &Moved::now(&store.stats()));
    (back, all)
}
