//! Steady writes and reads while everything expires: six published mixes, each as strings and as hashes.
//!
//! Uses the strategies' names, the timeline and the tool's `disk`. Invariant: every answer is held against a model that knows
//! what lives; a wrong one, or a store that `windrow::check` finds fault with, ends the program with 1.
//!
//! A run is a *history* (the sets of the longest lifetime and some more, without gets, which change nothing), the *load* (sets and
//! gets in the published shares, timed and sampled), a *quiet* time in which nobody calls and nothing expires, and a look at
//! what is left. One thread calls; the store's own threads have the other cores.
//!
//! A get of a key that does not live sets nothing: the published shares count the sets that follow a miss already.

mod keys;
mod load;
mod mix;
mod model;
mod plan;
mod report;
mod store;
mod time;
mod watch;
mod zipf;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use super::options::Asked;
use super::strategy::{Ids, Strategy};
use load::{Driver, Seen, write_living};
pub(crate) use mix::Mix;
use plan::Plan;
pub(crate) use store::Shape;
use store::{Churned, Closed, FamilyFiles};
use time::MixClock;
use watch::{Sample, Watch};

/// Operations of a run's history and of its load, at the most.
const OPERATIONS: u64 = 1_000_000;

/// What a call asks for of this scenario.
#[derive(Clone, Debug)]
pub(crate) struct ChurnAsked {
    pub(crate) is_wanted: bool,
    pub(crate) mixes: Vec<&'static Mix>,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) operations: u64,
    /// windrow's option of this name.
    pub(crate) compact_dead_percent: u8,
    /// How often a key is set in its lifetime, in the mean.
    pub(crate) sets_a_life: f64,
    /// SST files past the operating system's cache.
    pub(crate) direct_io: bool,
}

impl Default for ChurnAsked {
    fn default() -> Self {
        let (mixes, shapes) = (Vec::new(), Vec::new());
        let compact_dead_percent = ::windrow::Options::default().compact_dead_percent;
        let operations = OPERATIONS;
        Self { is_wanted: false, mixes, shapes, operations, compact_dead_percent, sets_a_life: 1.0, direct_io: true }
    }
}

impl ChurnAsked {
    /// WHY no direct I/O: not every temporary directory can do it. WHY not all mixes: each run makes three stores.
    pub(crate) fn make_tiny(&mut self) {
        (self.operations, self.direct_io) = (4_000, false);
        let [first, ..] = Mix::ALL;
        (self.mixes, self.shapes) = (vec![first], vec![Shape::String, Shape::HashInPlace]);
    }

    pub(crate) fn fill_up(&mut self) {
        if self.mixes.is_empty() {
            self.mixes = Mix::ALL.to_vec();
        }
        if self.shapes.is_empty() {
            self.shapes = vec![Shape::String, Shape::Hash];
        }
    }
}

/// What a run found out.
#[derive(Debug)]
pub(crate) struct Row {
    plan: Plan,
    shape: Shape,
    strategy: Strategy,
    ids: Ids,
    cache_bytes: usize,
    seen: Seen,
    seconds_of_history: f64,
    seconds_of_load: f64,
    /// All of the run, and where in them the load began and ended.
    samples: Vec<Sample>,
    load: std::ops::Range<usize>,
    /// When all was quiet after the load.
    settled: Sample,
    /// After somebody had asked for all space, and whether it ended in time.
    asked: Option<(Sample, bool)>,
    /// The files of a new store in which the living keys alone were written: the least that the format takes.
    fresh: Option<Vec<FamilyFiles>>,
    /// Sets that have not expired, for each key that lives.
    unexpired_over_living: f64,
    closed: Closed,
}

impl Row {
    /// Answers that were wrong, and findings of the check.
    pub(crate) fn faults(&self) -> u64 {
        self.seen.fault_count + self.closed.faults.len() as u64
    }
}

/// Runs all that is asked for, and prints it.
pub(crate) fn run_all(asked: &Asked) -> Vec<Row> {
    let mut rows = Vec::new();
    for mix in &asked.churn.mixes {
        for shape in &asked.churn.shapes {
            let plan = Plan::of(mix, asked.churn.operations, asked.churn.sets_a_life);
            println!("\n{}", report::title(&plan, *shape, &plan.options(&asked.churn)));
            for (strategy, ids) in contestants(asked) {
                if let Some(row) = run(asked, plan, *shape, strategy, ids) {
                    report::lines(&row).iter().for_each(|line| println!("{line}"));
                    rows.push(row);
                }
            }
        }
    }
    rows
}

/// Makes the rows for the JSON of all scenarios.
pub(crate) fn to_json(rows: &[Row]) -> impl Iterator<Item = serde_json::Value> {
    rows.iter().map(report::to_json)
}

/// Who runs. The baselines with the ids that suit them: slots are bytes of a random id, and spans of the dead need an order.
fn contestants(asked: &Asked) -> impl Iterator<Item = (Strategy, Ids)> {
    let of = |strategy: &Strategy| match strategy {
        Strategy::ScanSlots | Strategy::ScanOne => (*strategy, Ids::Random),
        _ => (*strategy, Ids::Ordered),
    };
    asked.strategies.iter().map(of).filter(|(strategy, ids)| strategy.is_windrow() || asked.ids.contains(ids))
}

/// Runs one mix in a directory of its own, which is gone afterwards; none if the strategy is not written for it.
fn run(asked: &Asked, plan: Plan, shape: Shape, strategy: Strategy, ids: Ids) -> Option<Row> {
    let directory = match &asked.directory {
        Some(place) => tempfile::tempdir_in(place),
        None => tempfile::tempdir(),
    };
    let directory = directory.expect("a temporary directory");
    let options = plan.options(&asked.churn);
    let clock = MixClock::starting_now();
    let store = store::open(strategy, ids, shape, directory.path(), &options, &clock)?;
    let live_bytes = Arc::new(AtomicU64::new(0));
    let watch = Watch::of(&directory.path().join("store"), &clock, &live_bytes);
    let mut driver = Driver::new(plan, &*store, &clock, &live_bytes);
    let measured = std::thread::scope(|scope| {
        scope.spawn(|| watch.watch(&*store));
        let measured = measure(asked, &mut driver, &*store, &watch, &clock);
        watch.end();
        measured
    });
    let Driver { model, seen, .. } = driver;
    let closed = store.close(&model);
    let fresh = strategy.is_windrow().then(|| {
        std::fs::remove_dir_all(directory.path().join("store")).expect("make room");
        fresh_files(&plan, shape, &directory.path().join("fresh"), &options, &model)
    });
    let Measured { seconds_of_history, seconds_of_load, load, settled, asked } = measured;
    let (samples, cache_bytes) = (watch.samples(), options.block_cache_bytes);
    Some(Row {
        plan,
        shape,
        strategy,
        ids,
        cache_bytes,
        seen,
        seconds_of_history,
        seconds_of_load,
        samples,
        load,
        settled,
        asked,
        fresh,
        unexpired_over_living: model.unexpired_over_living(),
        closed,
    })
}

/// How much longer than elsewhere all must be quiet: a store that nobody calls gives its log back after ten seconds.
const QUIET_FOR_THE_LOG: u32 = 4;

struct Measured {
    seconds_of_history: f64,
    seconds_of_load: f64,
    load: std::ops::Range<usize>,
    settled: Sample,
    asked: Option<(Sample, bool)>,
}

fn measure(asked: &Asked, driver: &mut Driver<'_>, store: &dyn Churned, watch: &Watch, clock: &MixClock) -> Measured {
    let began = Instant::now();
    driver.history();
    let (seconds_of_history, first) = (began.elapsed().as_secs_f64(), watch.samples().len());
    let (began, passed_before) = (Instant::now(), clock.passed());
    driver.load();
    watch.look(store);
    let (took, last) = (began.elapsed(), watch.samples().len());
    clock.idle((clock.passed() - passed_before).as_secs_f64() / took.as_secs_f64());
    watch.wait_until_quiet(store, asked.quiet * QUIET_FOR_THE_LOG, asked.wait);
    let settled = watch.look(store);
    driver.read_back();
    let is_over = store.settle(asked.wait);
    watch.wait_until_quiet(store, Duration::from_millis(500), asked.wait);
    let by_request = (watch.look(store), is_over);
    Measured {
        seconds_of_history,
        seconds_of_load: took.as_secs_f64(),
        load: first..last,
        settled,
        asked: Some(by_request),
    }
}

/// Writes what lives to a new store, and lists its files: the least that this shape can come to.
fn fresh_files(
    plan: &Plan,
    shape: Shape,
    directory: &Path,
    options: &::windrow::Options,
    model: &model::Model,
) -> Vec<FamilyFiles> {
    let clock = MixClock::starting_now();
    std::fs::create_dir(directory).expect("a directory");
    let store = store::open(Strategy::Windrow, Ids::Ordered, shape, directory, options, &clock).expect("windrow");
    write_living(plan.mix, model, &*store);
    let closed = store.close(model);
    assert_eq!(closed.faults, Vec::<String>::new(), "a new store");
    // What is still in the log when a store is closed is written to files when it is opened, which the listing does.
    closed.families
}
