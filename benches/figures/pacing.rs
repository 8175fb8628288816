//! What callers feel while a scattered store is rewritten, with the pace steered by them and with a full one.
//!
//! One thread reads and writes without a pause. Every other collection is deleted under a view, so nothing is given back; then the
//! view is closed. Each window of the time after that is set against the median window before it.

use std::time::{Duration, Instant};

use windrow::{Db, Durability, Options, Store};

use crate::common::data::{Shuffled, VALUE, name};
use crate::measure::Scale;

/// Collections of one element of 4 KiB: half a gigabyte, half of which dies.
const COLLECTIONS: u64 = 120_000;
const ELEMENT: usize = 4 << 10;
const WINDOW: Duration = Duration::from_secs(2);
const WINDOWS_BEFORE: usize = 8;
/// Where the pace is slow, the rest of the debt is left.
const WINDOWS_AFTER: usize = 30;
/// One operation in so many writes.
const WRITES: u64 = 5;

/// One stretch of the caller's time.
#[derive(Clone, Copy)]
struct Window {
    ops_per_s: f64,
    p99_us: f64,
}

pub(crate) fn run(scale: Scale) {
    println!("\npacing: a caller's windows of 2 s while half of a store is rewritten / the median window before that");
    println!(
        "  {:<12} {:>8} {:>15} {:>10} {:>15}  {:>8} {:>12} {:>10}  last reason",
        "pace", "p99", "middle half", "throughput", "middle half", "windows", "debt MiB", "idle p99"
    );
    for round in 0..scale.pairs(3) {
        for steered in if round % 2 == 0 { [true, false] } else { [false, true] } {
            one(scale, steered);
        }
    }
}

fn options(steered: bool) -> Options {
    let mut options = Options::default();
    options.durability = Durability::Buffered;
    options.compact_dead_percent = 40;
    options.file_bytes = 32 << 20;
    options.block_cache_bytes = 64 << 20;
    if !steered {
        // Any debt is too much: space comes first, always.
        options.max_debt_percent = 1;
        options.max_debt_age = Duration::from_secs(1);
    }
    options
}

fn one(scale: Scale, steered: bool) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = Store::builder(dir.path().join("store")).options(options(steered)).open().expect("a store");
    let db = store.db(0);
    let collections = scale.size(COLLECTIONS);
    let mut random = fastrand::Rng::with_seed(7);
    for n in 0..collections {
        let mut element = [0; ELEMENT];
        random.fill(&mut element);
        db.sets().add(name(n), [element]).expect("add");
    }
    let view = store.view().expect("a view");
    for n in (0..collections).filter(|n| n % 2 == 0) {
        db.delete([name(n)]).expect("delete");
    }
    let mut caller = Caller { db, survivors: Shuffled::below(collections / 2), turn: 0 };
    let length = if scale.smoke { Duration::from_millis(50) } else { WINDOW };
    // The first one warms up.
    caller.window(length);
    let before: Vec<Window> = (0..scale.pairs(WINDOWS_BEFORE)).map(|_| caller.window(length)).collect();
    drop(view);
    let mut after = Vec::new();
    let mut reason = String::new();
    let started = store.stats().pacing.steps;
    for _ in 0..scale.pairs(WINDOWS_AFTER) + 10 {
        let window = caller.window(length);
        let stats = store.stats();
        // A collection has to wait for some seconds until it is clear that no more will die beside it.
        if stats.pacing.steps > started {
            after.push(window);
            reason = stats.pacing.reason.to_string();
        }
        let is_done = stats.debt_bytes < 1 << 20 && !after.is_empty();
        if is_done || after.len() == WINDOWS_AFTER {
            break;
        }
    }
    show(&store, steered, &before, &after, &reason);
}

struct Caller {
    db: Db,
    survivors: Shuffled,
    turn: u64,
}

impl Caller {
    fn window(&mut self, length: Duration) -> Window {
        let mut nanos: Vec<u64> = Vec::new();
        let began = Instant::now();
        let mut last = began;
        while last - began < length {
            self.turn += 1;
            if self.turn.is_multiple_of(WRITES) {
                self.db.strings().set(name(self.turn % 100_000 + (1 << 40)), VALUE).expect("set");
            } else {
                let n = self.survivors.next() * 2 + 1;
                assert_eq!(self.db.sets().members(name(n)).expect("members").count(), 1);
            }
            let now = Instant::now();
            nanos.push((now - last).as_nanos() as u64);
            last = now;
        }
        let ops_per_s = nanos.len() as f64 / (last - began).as_secs_f64();
        nanos.sort_unstable();
        Window { ops_per_s, p99_us: nanos[nanos.len() * 99 / 100] as f64 / 1e3 }
    }
}

fn show(store: &Store, steered: bool, before: &[Window], after: &[Window], reason: &str) {
    let quartiles = |windows: &[Window], figure: fn(&Window) -> f64| {
        let mut figures: Vec<f64> = windows.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        [1, 2, 3].map(|quarter| figures.get((figures.len().max(1) - 1) * quarter / 4).copied().unwrap_or(f64::NAN))
    };
    let [_, idle_p99, _] = quartiles(before, |window| window.p99_us);
    let [_, idle_ops, _] = quartiles(before, |window| window.ops_per_s);
    let p99 = quartiles(after, |window| window.p99_us).map(|p99| p99 / idle_p99);
    let kept = quartiles(after, |window| window.ops_per_s).map(|ops| ops / idle_ops);
    println!(
        "  {:<12} {:>8.2} {:>15} {:>10.2} {:>15}  {:>8} {:>12} {:>7.1} µs  {reason}",
        if steered { "steered" } else { "full" },
        p99[1],
        format!("{:.2} to {:.2}", p99[0], p99[2]),
        kept[1],
        format!("{:.2} to {:.2}", kept[0], kept[2]),
        after.len(),
        store.stats().debt_bytes >> 20,
        idle_p99,
    );
}
