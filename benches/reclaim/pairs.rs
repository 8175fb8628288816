//! What callers feel while space is given back, against what they feel when nothing dies: pairs of stretches in one store.
//!
//! Uses the strategies, the foreground and the timeline. Invariant: each pair has one idle stretch, before the death, and one that begins
//! with the death and ends when the space is back; nothing else goes on in either.

use std::hint::black_box;
use std::ops::Range;
use std::time::Duration;

use super::foreground::Foreground;
use super::latency::Pace;
use super::options::Asked;
use super::run::{AtEnd, LOAD_WAIT};
use super::spread::Spread;
use super::strategy::{Engine, Ids, Strategy};
use super::text::bytes;
use super::timeline::Timeline;
use super::workload::{Scenario, Workload, mixed};

/// Of a window, this part may stay when its space counts as given back. WHY more than in a single run: the dead
/// records of a small window wait for those of the next ones.
const LEFT_OVER_SHARE: u64 = 10;
/// Between two looks. Shorter: the end of a stretch is found sooner, and the looks disturb more.
const POLL: Duration = Duration::from_millis(10);

/// All pairs of one strategy.
#[derive(Clone, Debug)]
pub(crate) struct Pairs {
    pub(crate) workload: Workload,
    pub(crate) strategy: Strategy,
    pub(crate) ids: Ids,
    pub(crate) pairs: Vec<Pair>,
    /// How often a living key was read wrong.
    pub(crate) faults: u64,
}

/// One window's death.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    /// None: over before there was an operation.
    pub(crate) idle: Option<Pace>,
    pub(crate) reclaiming: Option<Pace>,
    /// Beside a thread that only computes, for as long as the giving back took: what the machine alone does to callers.
    pub(crate) computing: Option<Pace>,
    /// From death until the space was back; none: not in time.
    pub(crate) seconds_to_freed: Option<f64>,
    /// SST bytes after the window's death, when all was quiet again.
    pub(crate) held_bytes: u64,
}

impl Pair {
    fn p99_ratio(&self) -> Option<f64> {
        Some(self.reclaiming?.p99_us / self.idle?.p99_us)
    }

    fn computing_ratio(&self) -> Option<f64> {
        Some(self.computing?.p99_us / self.idle?.p99_us)
    }

    fn throughput_kept(&self) -> Option<f64> {
        Some(self.reclaiming?.ops_per_s / self.idle?.ops_per_s)
    }
}

impl Pairs {
    pub(crate) fn p99_ratio(&self) -> Option<Spread> {
        Spread::of(self.pairs.iter().filter_map(Pair::p99_ratio))
    }

    pub(crate) fn throughput_kept(&self) -> Option<Spread> {
        Spread::of(self.pairs.iter().filter_map(Pair::throughput_kept))
    }

    pub(crate) fn computing_ratio(&self) -> Option<Spread> {
        Spread::of(self.pairs.iter().filter_map(Pair::computing_ratio))
    }

    /// The figures in a few lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let quartiles = |name: &str, spread: Option<Spread>| match spread {
            Some(spread) => {
                let Spread { first_quartile, median, third_quartile, .. } = spread;
                format!("  {name}: {median:.3} (quartiles {first_quartile:.3} and {third_quartile:.3})")
            }
            None => format!("  {name}: ?"),
        };
        let freed = Spread::of(self.pairs.iter().filter_map(|pair| pair.seconds_to_freed));
        let held = |pair: Option<&Pair>| pair.map_or(0, |pair| pair.held_bytes);
        let most = self.pairs.iter().map(|pair| pair.held_bytes).max().unwrap_or(0);
        let never = self.pairs.iter().filter(|pair| pair.seconds_to_freed.is_none()).count();
        vec![
            format!("{}, {} ids, {} pairs:", self.strategy.name(), self.ids.name(), self.pairs.len()),
            quartiles("p99 while reclaiming / idle", self.p99_ratio()),
            quartiles("p99 beside a thread that only computes / idle", self.computing_ratio()),
            quartiles("p99 idle, in µs", Spread::of(self.pairs.iter().filter_map(|pair| Some(pair.idle?.p99_us)))),
            quartiles("throughput kept", self.throughput_kept()),
            format!(
                "  seconds to freed: {}; not in time: {never}",
                freed.map_or("?".to_owned(), |freed| freed.to_string())
            ),
            format!(
                "  SST files when quiet after a death: {} the first time, {} the last, {} at most; a window has {}",
                bytes(held(self.pairs.first())),
                bytes(held(self.pairs.last())),
                bytes(most),
                bytes(self.workload.totals().dead_bytes)
            ),
        ]
    }
}

/// Lets so many windows die one after the other in one store.
pub(crate) fn run(asked: &Asked, count: u32, strategy: Strategy, ids: Ids) -> Option<Pairs> {
    let workload = asked.workload(Scenario::Window);
    let directory = asked.new_directory();
    let engine = strategy.open(ids, directory.path(), &asked.store_options(), false);
    let timeline = Timeline::of_files(&directory.path().join("store"));
    let foreground = Foreground::new(engine.callers()?, timeline.began(), asked.rate);
    let pairs = std::thread::scope(|scope| {
        let _end = AtEnd(|| foreground.end());
        scope.spawn(|| foreground.work());
        let deaths = (0..count).map(|turn| {
            let workload = Workload { first: u64::from(turn) * workload.collections, ..workload };
            let pair = one_death(asked, &workload, &*engine, &timeline).pair(&foreground);
            foreground.forget();
            pair
        });
        deaths.collect()
    });
    let wrong = foreground.wrong();
    drop(foreground);
    let all = Workload { collections: u64::from(count) * workload.collections, ..workload };
    let faults = wrong + engine.check(&all).fault_count;
    Some(Pairs { workload, strategy, ids, pairs, faults })
}

/// When things happened.
struct Death {
    computing: Range<Duration>,
    idle_from: Duration,
    died_at: Duration,
    ended_at: Duration,
    is_freed: bool,
    held_bytes: u64,
}

impl Death {
    fn pair(&self, foreground: &Foreground<'_>) -> Pair {
        let took = (self.ended_at - self.died_at).as_secs_f64();
        Pair {
            idle: foreground.pace(&(self.idle_from..self.died_at)),
            reclaiming: foreground.pace(&(self.died_at..self.ended_at)),
            computing: foreground.pace(&self.computing),
            seconds_to_freed: self.is_freed.then_some(took),
            held_bytes: self.held_bytes,
        }
    }
}

fn one_death(asked: &Asked, workload: &Workload, engine: &dyn Engine, timeline: &Timeline) -> Death {
    let window_bytes = workload.totals().dead_bytes;
    let limit = timeline.look().held_bytes + window_bytes / LEFT_OVER_SHARE;
    engine.load(workload);
    timeline.wait_until_quiet(asked.quiet, LOAD_WAIT, || engine.activity());
    let idle_from = timeline.elapsed();
    // WHY looking, too: so does the other stretch.
    look_until(timeline, asked.quiet, |_| false);
    engine.expire(workload);
    let died_at = timeline.elapsed();
    engine.reap(workload.first + workload.collections, asked.wait);
    engine.reclaim(asked.wait);
    let is_freed = look_until(timeline, asked.wait, |held_bytes| held_bytes <= limit);
    let ended_at = timeline.elapsed();
    timeline.wait_until_quiet(asked.quiet, asked.wait, || engine.activity());
    let computing = compute_for(timeline, ended_at - died_at);
    Death { computing, idle_from, died_at, ended_at, is_freed, held_bytes: timeline.look().held_bytes }
}

/// Computes, and looks at the files as often as the other stretches do; returns when.
fn compute_for(timeline: &Timeline, time: Duration) -> Range<Duration> {
    let (began, mut number) = (timeline.elapsed(), 0);
    while timeline.elapsed() - began < time {
        timeline.look();
        let looked_at = timeline.elapsed();
        while timeline.elapsed() - looked_at < POLL {
            number = black_box(mixed(number));
        }
    }
    began..timeline.elapsed()
}

/// Looks at the files until what they hold is as wanted, or until `limit` has passed; returns whether it is.
fn look_until(timeline: &Timeline, limit: Duration, is_wanted: impl Fn(u64) -> bool) -> bool {
    let began = timeline.elapsed();
    while timeline.elapsed() - began < limit {
        if is_wanted(timeline.look().held_bytes) {
            return true;
        }
        std::thread::sleep(POLL);
    }
    false
}
