//! How long the callers' operations take: some of them are timed, at next to no cost.
//!
//! Uses the standard library. Invariant: a caller never waits here; what is read may lack what is being recorded.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Threads spread over this many tables. WHY: one table would be fought over; each takes 6.5 KiB.
const SHARDS: usize = 8;
/// Steps in each doubling of the time. WHY: a difference of a tenth should show.
const STEPS: u64 = 8;
/// Times below 2^6 ns count as that long: nothing that reads or writes is faster.
const FIRST_DOUBLING: u32 = 6;
/// From 64 ns to 18 minutes.
const BUCKETS: usize = 34 * 8;
/// Of a thread's operations, one in so many is timed at the least. WHY: two looks at the clock take some 50 ns.
const RAREST: u32 = 48;
/// A thread that does less is timed more often, about once in this time.
const TIME_EVERY: Duration = Duration::from_millis(1);

/// What was timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Looking up the record of a key.
    Read,
    /// Looking up the records of several keys, for each of them.
    ReadMany,
    /// A commit, from its waiting for a buffer's switch to its end.
    Write,
}

impl Kind {
    pub(super) const COUNT: usize = 3;
    pub(super) const ALL: [Self; Self::COUNT] = [Self::Read, Self::ReadMany, Self::Write];

    pub(super) fn index(self) -> usize {
        match self {
            Self::Read => 0,
            Self::ReadMany => 1,
            Self::Write => 2,
        }
    }
}

/// How often each time was met, by kind and by bucket.
pub(super) type Counts = [[u64; BUCKETS]; Kind::COUNT];

#[derive(Debug)]
struct Shard([[AtomicU64; BUCKETS]; Kind::COUNT]);

/// The times of a store's operations since it was opened.
#[derive(Debug)]
pub(crate) struct Latencies {
    shards: Box<[Shard]>,
}

/// What a thread planned when it last timed an operation.
#[derive(Clone, Copy)]
struct Plan {
    /// Operations up to the next one that is timed, that one included.
    gap: u32,
    made: Option<Instant>,
}

impl Plan {
    const FIRST: Self = Self { gap: 1, made: None };

    /// Plans the next gap from what the thread did in the last one; drawn, so that it keeps no step with the caller's own.
    fn next(self, now: Instant) -> Self {
        let since = self.made.map_or(TIME_EVERY, |made| now.saturating_duration_since(made));
        let an_operation = (since / self.gap).max(Duration::from_nanos(1));
        let wanted = TIME_EVERY.as_nanos() / an_operation.as_nanos();
        let wanted = u32::try_from(wanted).unwrap_or(RAREST).clamp(1, RAREST);
        let gap = if wanted == 1 { 1 } else { fastrand::u32(1..wanted * 2) };
        Self { gap, made: Some(now) }
    }
}

thread_local! {
    /// Operations that go untimed before the next one that is not. WHY apart from the plan: most operations touch this alone.
    static UNTIMED: Cell<u32> = const { Cell::new(0) };
    static PLAN: Cell<Plan> = const { Cell::new(Plan::FIRST) };
}

impl Default for Latencies {
    fn default() -> Self {
        let table = || std::array::from_fn(|_| AtomicU64::new(0));
        Self { shards: (0..SHARDS).map(|_| Shard(Kind::ALL.map(|_| table()))).collect() }
    }
}

impl Latencies {
    /// Does `work` on so many keys, and notes now and then how long it took for each.
    pub(crate) fn time<T>(&self, kind: Kind, keys: usize, work: impl FnOnce() -> T) -> T {
        let untimed = UNTIMED.get();
        if untimed > 0 {
            UNTIMED.set(untimed - 1);
            return work();
        }
        self.time_this(kind, keys, work)
    }

    #[cold]
    fn time_this<T>(&self, kind: Kind, keys: usize, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let plan = PLAN.get().next(began);
        PLAN.set(plan);
        UNTIMED.set(plan.gap - 1);
        let done = work();
        self.record(kind, began.elapsed() / u32::try_from(keys).unwrap_or(u32::MAX).max(1));
        done
    }

    pub(super) fn record(&self, kind: Kind, took: Duration) {
        let table = self.shards.get(shard_of_this_thread()).and_then(|shard| shard.0.get(kind.index()));
        if let Some(count) = table.and_then(|table| table.get(bucket(took))) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Adds up what was recorded so far: some 6,500 loads.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = [[0; BUCKETS]; Kind::COUNT];
        for shard in &self.shards {
            for (sums, table) in counts.iter_mut().zip(&shard.0) {
                for (sum, count) in sums.iter_mut().zip(table) {
                    *sum += count.load(Ordering::Relaxed);
                }
            }
        }
        counts
    }
}

fn shard_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    MINE.with(|mine| *mine)
}

fn bucket(took: Duration) -> usize {
    let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1 << FIRST_DOUBLING);
    let doubling = nanos.ilog2();
    let step = (nanos >> (doubling - STEPS.ilog2())) % STEPS;
    let place = u64::from(doubling - FIRST_DOUBLING) * STEPS + step;
    usize::try_from(place).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// Returns the least time of a bucket, in nanoseconds; that of the next one is its end.
pub(super) fn least_nanos(bucket: usize) -> f64 {
    let place = u32::try_from(bucket).unwrap_or(u32::MAX);
    let (doubling, step) = (place / 8 + FIRST_DOUBLING, place % 8);
    2_f64.powi(i32::try_from(doubling).unwrap_or(0)) * (1.0 + f64::from(step) / 8.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_lies_in_its_bucket_and_a_bucket_is_an_eighth_wide_at_the_most() {
        for nanos in (64..5_000).chain([1_000_000, 123_456_789, 60_000_000_000]) {
            let found = bucket(Duration::from_nanos(nanos));
            let (low, high) = (least_nanos(found), least_nanos(found + 1));
            assert!(low <= nanos as f64 && (nanos as f64) < high, "{nanos} in {low}..{high}");
            assert!(high / low <= 1.126, "{nanos}");
        }
        assert_eq!(bucket(Duration::ZERO), 0);
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn a_busy_thread_times_one_operation_in_some_fifty_and_an_idle_one_every_operation() {
        let mut now = Instant::now();
        let mut timed = |spacing: Duration, operations: u32| {
            let (mut plan, mut untimed, mut timed) = (Plan::FIRST, 0, 0);
            for _ in 0..operations {
                now += spacing;
                if untimed == 0 {
                    timed += 1;
                    plan = plan.next(now);
                    untimed = plan.gap;
                }
                untimed -= 1;
            }
            timed
        };
        let busy = timed(Duration::from_micros(1), 100_000);
        assert!((1_500..3_000).contains(&busy), "{busy} of 100,000");
        assert_eq!(timed(Duration::from_millis(10), 100), 100);
        let between = timed(Duration::from_micros(100), 10_000);
        assert!((500..3_000).contains(&between), "{between} of 10,000 in one second");
    }

    #[test]
    fn what_all_threads_recorded_is_added_up_by_kind() {
        let latencies = Latencies::default();
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| latencies.record(Kind::Write, Duration::from_micros(7)));
            }
        });
        latencies.record(Kind::Read, Duration::from_micros(7));
        let counts = latencies.counts();
        let place = bucket(Duration::from_micros(7));
        assert_eq!((counts[Kind::Read.index()][place], counts[Kind::Write.index()][place]), (1, 20));
        assert_eq!(counts.as_flattened().iter().sum::<u64>(), 21);
    }

    #[test]
    fn a_look_up_of_many_keys_is_noted_by_what_each_of_them_took() {
        let latencies = Latencies::default();
        let mut calls = 0;
        while latencies.counts()[Kind::ReadMany.index()].iter().all(|count| *count == 0) {
            latencies.time(Kind::ReadMany, 100, || std::thread::sleep(Duration::from_millis(10)));
            calls += 1;
            assert!(calls < 200, "never timed");
        }
        let counts = latencies.counts()[Kind::ReadMany.index()];
        let met = counts.iter().position(|count| *count > 0).unwrap();
        assert!((bucket(Duration::from_micros(90))..bucket(Duration::from_millis(2))).contains(&met), "{met}");
    }
}
