//! What callers feel while a scattered store is rewritten, with the pace steered by them and with a full one.
//!
//! One thread reads and writes without a pause. Every other collection of a portion is deleted; while reclaiming still waits
//! whether more of its files will die, the caller's time is the idle one, and from the first step until the debt is paid it is
//! the other one. So each pair lies within seconds, and what the machine does meanwhile falls on both sides alike.

use std::time::{Duration, Instant};

use windrow::{Db, Durability, Options, PacingReason, Store};

use crate::common::data::{Shuffled, VALUE, name};
use crate::measure::Scale;

/// Collections of one element of 4 KiB in a portion: 192 MiB, half of which die.
const PORTION: u64 = 48_000;
const ELEMENT: usize = 4 << 10;
const PAIRS: usize = 8;
/// Where the pace is slow, the rest of a portion's debt is not measured.
const LONGEST: Duration = Duration::from_secs(8);
/// How often the store is asked whether it has begun, or is done.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// One operation in so many writes.
const WRITES: u64 = 5;
/// How long the caller calls before its time counts: what it reads is in the caches then.
const WARM_UP: Duration = Duration::from_millis(1500);

pub(crate) fn run(scale: Scale) {
    println!("\npacing: a caller while half of a portion of 192 MiB is given back / the seconds before");
    let portions = scale.pairs(PAIRS);
    let sides = [Side::new(scale, true, portions), Side::new(scale, false, portions)];
    let mut pairs = [Vec::new(), Vec::new()];
    for portion in 0..portions {
        for turn in [portion % 2, (portion + 1) % 2] {
            let pair = sides[turn].pair(scale, portion as u64);
            pairs[turn].push(pair);
        }
    }
    println!(
        "  {:<8} {:>6} {:>15} {:>11} {:>15}  {:>10} {:>10} {:>8}  often",
        "pace", "p99", "middle half", "throughput", "middle half", "idle p99", "ops/s", "seconds"
    );
    for (side, pairs) in sides.iter().zip(&pairs) {
        show(side, pairs);
    }
}

struct Side {
    steered: bool,
    portion: u64,
    store: Store,
    _dir: tempfile::TempDir,
}

/// One stretch of the caller's time.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    ops_per_s: f64,
    p99_us: f64,
    seconds: f64,
}

#[derive(Debug)]
struct Pair {
    idle: Stretch,
    busy: Stretch,
    reasons: Vec<String>,
}

fn options(steered: bool) -> Options {
    let mut options = Options::default();
    options.durability = Durability::Buffered;
    options.compact_dead_percent = 40;
    options.file_bytes = 32 << 20;
    options.block_cache_bytes = 64 << 20;
    if !steered {
        // Any debt is too much and too old: space comes first, always.
        options.max_debt_percent = 1;
        options.max_debt_age = Duration::from_secs(1);
    }
    options
}

impl Side {
    fn new(scale: Scale, steered: bool, portions: usize) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::builder(dir.path().join("store")).options(options(steered)).open().expect("a store");
        let portion = scale.size(PORTION);
        let mut random = fastrand::Rng::with_seed(7);
        for n in 0..portion * portions as u64 {
            let mut element = [0; ELEMENT];
            random.fill(&mut element);
            store.db(0).sets().add(name(n), [element]).expect("add");
        }
        Self { steered, portion, store, _dir: dir }
    }

    fn pair(&self, scale: Scale, number: u64) -> Pair {
        let mine = number * self.portion..(number + 1) * self.portion;
        let db = self.store.db(0);
        let steps = || self.store.stats().pacing.steps;
        let before = steps();
        for n in mine.clone().filter(|n| n % 2 == 0) {
            db.delete([name(n)]).expect("delete");
        }
        let longest = if scale.smoke { Duration::from_millis(300) } else { LONGEST };
        let mut caller = Caller { db, first: mine.start, survivors: Shuffled::below(self.portion / 2), turn: 0 };
        caller.call(if scale.smoke { longest } else { WARM_UP }, || steps() > before);
        let idle = caller.call(longest, || steps() > before);
        let mut reasons = Vec::new();
        let busy = caller.call(longest, || {
            let stats = self.store.stats();
            reasons.push(stats.pacing.reason.to_string());
            stats.pacing.reason == PacingReason::NothingToDo
        });
        // Each pair begins with a store in which nothing is left to do.
        self.store.settle(Duration::from_secs(60)).expect("settle");
        Pair { idle, busy, reasons }
    }
}

struct Caller {
    db: Db,
    first: u64,
    survivors: Shuffled,
    turn: u64,
}

impl Caller {
    /// Calls until `is_over` says so; what it takes to ask is nobody's time.
    fn call(&mut self, longest: Duration, mut is_over: impl FnMut() -> bool) -> Stretch {
        let mut nanos: Vec<u64> = Vec::new();
        let (began, mut calling) = (Instant::now(), Duration::ZERO);
        while began.elapsed() < longest {
            let slice = Instant::now();
            let mut last = slice;
            while last - slice < ASK_EVERY {
                self.once();
                let now = Instant::now();
                nanos.push((now - last).as_nanos() as u64);
                last = now;
            }
            calling += last - slice;
            if is_over() {
                break;
            }
        }
        nanos.sort_unstable();
        let p99_us = nanos[nanos.len() * 99 / 100] as f64 / 1e3;
        let seconds = calling.as_secs_f64();
        Stretch { ops_per_s: nanos.len() as f64 / seconds, p99_us, seconds }
    }

    fn once(&mut self) {
        self.turn += 1;
        if self.turn.is_multiple_of(WRITES) {
            self.db.strings().set(name(self.turn % 100_000 + (1 << 40)), VALUE).expect("set");
        } else {
            let n = self.first + self.survivors.next() * 2 + 1;
            assert_eq!(self.db.sets().members(name(n)).expect("members").count(), 1);
        }
    }
}

fn show(side: &Side, pairs: &[Pair]) {
    let quartiles = |figure: &dyn Fn(&Pair) -> f64| {
        let mut figures: Vec<f64> = pairs.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        [1, 2, 3].map(|quarter| figures[(figures.len() - 1) * quarter / 4])
    };
    let p99 = quartiles(&|pair| pair.busy.p99_us / pair.idle.p99_us);
    let kept = quartiles(&|pair| pair.busy.ops_per_s / pair.idle.ops_per_s);
    let reasons: Vec<&String> = pairs.iter().flat_map(|pair| &pair.reasons).collect();
    let often = reasons.iter().max_by_key(|one| reasons.iter().filter(|other| other == one).count());
    println!(
        "  {:<8} {:>6.2} {:>15} {:>11.2} {:>15}  {:>7.1} µs {:>10.0} {:>8.1}  {}",
        if side.steered { "steered" } else { "full" },
        p99[1],
        format!("{:.2} to {:.2}", p99[0], p99[2]),
        kept[1],
        format!("{:.2} to {:.2}", kept[0], kept[2]),
        quartiles(&|pair| pair.idle.p99_us)[1],
        quartiles(&|pair| pair.idle.ops_per_s)[1],
        quartiles(&|pair| pair.busy.seconds)[1],
        often.map_or("", |reason| reason),
    );
}
