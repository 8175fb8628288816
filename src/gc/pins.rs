//! Pins: the marks of operations in flight and of open views, which hold reclaiming back.
//!
//! May use `clock` and `encoding`. Invariants: (1) when [`Pins::oldest_era`] returns `e`, every operation
//! that began before the era `e` opened has ended; (2) when [`Pins::write_horizon`] returns `h`, no write
//! in flight, and none to come, samples a time below `h`.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::StoreTime;
use crate::encoding::UnixMillis;

/// Threads spread over this many lists. WHY: one list would be one cache line for all cores; many make every
/// look at all pins longer.
const SHARDS: usize = 16;

/// What a pin stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PinKind {
    Read,
    Write,
    View,
    /// Work of the store's own.
    Own,
}

/// What is seen of those who call the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calling {
    /// Operations that were ever begun.
    pub(crate) operations: u64,
    /// Whether one is under way; an open view is none.
    pub(crate) in_flight: bool,
}

#[derive(Debug)]
struct Entry {
    token: u64,
    era: u64,
    sample: UnixMillis,
    since: Duration,
    kind: PinKind,
}

#[derive(Debug, Default)]
struct Shard {
    next_token: u64,
    /// Pins of callers; the store's own do not count.
    operations: u64,
    entries: Vec<Entry>,
}

/// All pins of a store.
pub(crate) struct Pins {
    time: Arc<StoreTime>,
    /// Grows by one whenever the watermark wants to know that everything older has ended.
    era: AtomicU64,
    shards: [Mutex<Shard>; SHARDS],
}

/// Marks an operation in flight until it is dropped.
pub(crate) struct Pin {
    pins: Arc<Pins>,
    shard: usize,
    token: u64,
    sample: UnixMillis,
}

/// The pin that holds reclaiming back the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OldestPin {
    pub(crate) era: u64,
    pub(crate) kind: PinKind,
    pub(crate) age: Duration,
}

impl Pins {
    pub(crate) fn new(time: Arc<StoreTime>) -> Self {
        Self { time, era: AtomicU64::new(1), shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// Registers an operation and samples the store's time for it.
    ///
    /// ORDER: era and time are read under the lock that publishes the entry. Whoever raises the era or computes
    /// a horizon and then takes this lock either sees the entry, or is seen by it.
    pub(crate) fn pin(self: &Arc<Self>, kind: PinKind) -> Pin {
        self.register(kind, 1)
    }

    /// Registers work of the store's own, which shows the time to nobody.
    pub(crate) fn pin_own(self: &Arc<Self>) -> Pin {
        self.register(PinKind::Own, 0)
    }

    fn register(self: &Arc<Self>, kind: PinKind, operations: u64) -> Pin {
        let shard_no = shard_of_this_thread();
        let since = if kind == PinKind::View { self.time.monotonic() } else { Duration::ZERO };
        let mut guard = self.shard(shard_no).lock();
        let sample = self.time.sample();
        guard.next_token += 1;
        guard.operations += operations;
        let token = guard.next_token;
        guard.entries.push(Entry { token, era: self.era.load(Ordering::SeqCst), sample, since, kind });
        drop(guard);
        Pin { pins: Arc::clone(self), shard: shard_no, token, sample }
    }

    /// Opens a new era and returns its number: pins of this era or later began after this call did.
    pub(crate) fn open_era(&self) -> u64 {
        self.era.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Returns the oldest era that is still pinned, or `u64::MAX` when nothing is pinned.
    pub(crate) fn oldest_era(&self) -> u64 {
        self.fold(u64::MAX, |oldest, entry| oldest.min(entry.era))
    }

    /// Lists the eras that are pinned.
    pub(crate) fn eras(&self) -> BTreeSet<u64> {
        self.fold(BTreeSet::new(), |mut eras, entry| {
            eras.insert(entry.era);
            eras
        })
    }

    /// Returns the earliest sample of a write in flight, or the present: no write works with an earlier time.
    ///
    /// WHY it may equal a write's sample: a write files and removes only expiries above its own sample, so what
    /// expires at or before it is out of its reach.
    pub(crate) fn write_horizon(&self) -> UnixMillis {
        let now = self.time.sample();
        self.fold(now, |oldest, entry| match entry.kind {
            PinKind::Write => oldest.min(entry.sample),
            PinKind::Read | PinKind::View | PinKind::Own => oldest,
        })
    }

    /// Returns the earliest sample that any pin works with, or the present when nothing is pinned.
    pub(crate) fn oldest_sample(&self) -> UnixMillis {
        let now = self.time.sample();
        self.fold(now, |oldest, entry| oldest.min(entry.sample))
    }

    /// Returns the pin of the oldest era, if anything is pinned; of several of one era, the oldest.
    pub(crate) fn oldest(&self) -> Option<OldestPin> {
        let now = self.time.monotonic();
        self.fold(None, |best: Option<OldestPin>, entry| {
            let age = if entry.since.is_zero() { Duration::ZERO } else { now.saturating_sub(entry.since) };
            match best {
                Some(oldest) if (oldest.era, Reverse(oldest.age)) <= (entry.era, Reverse(age)) => best,
                _ => Some(OldestPin { era: entry.era, kind: entry.kind, age }),
            }
        })
    }

    /// Returns the number of callers' pins there ever were: while it stands still, nobody has seen the time.
    pub(crate) fn operations(&self) -> u64 {
        self.shards.iter().map(|shard| shard.lock().operations).sum()
    }

    /// Looks who calls.
    pub(crate) fn calling(&self) -> Calling {
        let is_operation = |entry: &Entry| matches!(entry.kind, PinKind::Read | PinKind::Write);
        let in_flight = self.fold(false, |found, entry| found || is_operation(entry));
        Calling { operations: self.operations(), in_flight }
    }

    /// Returns the number of open views.
    pub(crate) fn views(&self) -> usize {
        self.fold(0, |count, entry| count + usize::from(entry.kind == PinKind::View))
    }

    fn fold<T>(&self, start: T, mut step: impl FnMut(T, &Entry) -> T) -> T {
        let mut value = start;
        for shard in &self.shards {
            for entry in &shard.lock().entries {
                value = step(value, entry);
            }
        }
        value
    }

    fn shard(&self, number: usize) -> &Mutex<Shard> {
        #[expect(clippy::indexing_slicing, reason = "shard_of_this_thread stays below SHARDS")]
        &self.shards[number]
    }
}

impl Pin {
    /// Returns the store's time as this operation sees it.
    pub(crate) fn now(&self) -> UnixMillis {
        self.sample
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut shard = self.pins.shard(self.shard).lock();
        if let Some(place) = shard.entries.iter().position(|entry| entry.token == self.token) {
            shard.entries.swap_remove(place);
        }
    }
}

fn shard_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    MINE.with(|mine| *mine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn pins() -> (ManualClock, Arc<Pins>) {
        let clock = ManualClock::starting_at(UnixMillis::new(1_000));
        let time = StoreTime::new(Arc::new(clock.clone()), UnixMillis::new(0), Duration::from_secs(3600));
        (clock, Arc::new(Pins::new(Arc::new(time))))
    }

    #[test]
    fn an_era_is_over_only_when_all_older_pins_are_gone() {
        let (_, pins) = pins();
        let reader = pins.pin(PinKind::Read);
        let era = pins.open_era();
        assert!(pins.oldest_era() < era);
        let younger = pins.pin(PinKind::View);
        drop(reader);
        assert!(pins.oldest_era() >= era);
        drop(younger);
        assert_eq!(pins.oldest_era(), u64::MAX);
    }

    #[test]
    fn the_horizon_never_passes_a_write_in_flight_and_ignores_readers() {
        let (clock, pins) = pins();
        let view = pins.pin(PinKind::View);
        clock.advance(Duration::from_millis(10));
        let write = pins.pin(PinKind::Write);
        clock.advance(Duration::from_millis(10));
        assert_eq!(pins.write_horizon(), UnixMillis::new(1_010));
        assert_eq!(pins.oldest_sample(), UnixMillis::new(1_000));
        drop(write);
        assert_eq!(pins.write_horizon(), UnixMillis::new(1_020));
        drop(view);
    }

    #[test]
    fn operations_in_flight_are_callers_and_neither_open_views_nor_the_stores_own_work_is() {
        let (_, pins) = pins();
        let _own = pins.pin_own();
        let _view = pins.pin(PinKind::View);
        assert_eq!(pins.calling(), Calling { operations: 1, in_flight: false });
        let read = pins.pin(PinKind::Read);
        assert_eq!(pins.calling(), Calling { operations: 2, in_flight: true });
        drop(read);
        assert_eq!(pins.calling(), Calling { operations: 2, in_flight: false });
    }

    #[test]
    fn the_view_that_holds_back_is_named_with_its_age() {
        let (clock, pins) = pins();
        clock.advance(Duration::from_millis(1));
        let view = pins.pin(PinKind::View);
        clock.advance(Duration::from_secs(5));
        assert_eq!(pins.views(), 1);
        assert_eq!(pins.oldest(), Some(OldestPin { era: 1, kind: PinKind::View, age: Duration::from_secs(5) }));
        drop(view);
        assert_eq!(pins.oldest(), None);
    }
}
