//! Time: the only place that reads the wall clock, and the store's own time made from it.
//!
//! Uses `encoding` for [`UnixMillis`], and `error`. Invariant: store time never runs backwards, and a wall clock
//! that leaps further than the configured limit stops it instead of moving it (design, rule 10). While the wall
//! clock lies behind, it runs at half speed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::encoding::UnixMillis;
use crate::error::{Error, Result};

/// Tells the time to a store; inject one with `StoreBuilder::clock`.
///
/// # Examples
/// ```
/// use windrow::{Clock, SystemClock};
/// let clock = SystemClock::default();
/// assert!(clock.wall().get() > 1_500_000_000_000);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Returns the wall-clock time.
    fn wall(&self) -> UnixMillis;
    /// Returns the time since some fixed point; must never run backwards.
    fn monotonic(&self) -> Duration;
}

/// The machine's clock, the default of every store.
///
/// # Examples
/// ```
/// use windrow::{Clock, SystemClock};
/// let clock = SystemClock::default();
/// assert!(clock.monotonic() <= clock.monotonic());
/// ```
#[derive(Clone, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Takes a moment to the millisecond; what lies below one is cut off.
///
/// # Errors
/// [`OutOfRange`](crate::ErrorKind::OutOfRange) for a moment before 1970 or after [`UnixMillis::MAX`].
///
/// # Examples
/// ```
/// use std::time::{Duration, SystemTime};
/// use windrow::{CreateOptions, ErrorKind, UnixMillis};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
/// let options = CreateOptions::new().expire_at(tomorrow.try_into()?);
/// store.db(0).sets().add_with("s", ["a"], options)?;
///
/// let before_1970 = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
/// assert_eq!(UnixMillis::try_from(before_1970).unwrap_err().kind(), ErrorKind::OutOfRange);
/// # Ok(()) }
/// ```
impl TryFrom<SystemTime> for UnixMillis {
    type Error = Error;

    fn try_from(time: SystemTime) -> Result<Self> {
        let since = time.duration_since(UNIX_EPOCH).map_err(|_| Error::out_of_range("the time lies before 1970"))?;
        match u64::try_from(since.as_millis()) {
            Ok(millis) if millis <= Self::MAX.get() => Ok(Self::new(millis)),
            _ => Err(Error::out_of_range("the time lies too far in the future to be stored")),
        }
    }
}

/// Gives the same moment. Only on Unix, where `SystemTime` reaches further than [`UnixMillis::MAX`].
///
/// # Examples
/// ```
/// use std::time::{Duration, SystemTime};
/// use windrow::UnixMillis;
/// let time = SystemTime::from(UnixMillis::new(1_500));
/// assert_eq!(time, SystemTime::UNIX_EPOCH + Duration::from_millis(1_500));
/// assert_eq!(UnixMillis::try_from(time)?, UnixMillis::new(1_500));
/// assert_eq!(UnixMillis::try_from(SystemTime::from(UnixMillis::MAX))?, UnixMillis::MAX);
/// # Ok::<(), windrow::Error>(())
/// ```
#[cfg(unix)]
impl From<UnixMillis> for SystemTime {
    fn from(time: UnixMillis) -> Self {
        // Cannot overflow: its seconds are an `i64`, and there are fewer than 2^55 in 2^64 ms.
        UNIX_EPOCH + Duration::from_millis(time.get())
    }
}

/// A clock that moves only when it is told to, for tests.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use windrow::{Clock, ManualClock, UnixMillis};
/// let clock = ManualClock::starting_at(UnixMillis::new(1_000));
/// clock.advance(Duration::from_secs(2));
/// assert_eq!(clock.wall(), UnixMillis::new(3_000));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: Arc<Mutex<(UnixMillis, Duration)>>,
}

impl ManualClock {
    /// Makes a clock that shows `wall`; clones show and move the same time.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::{Clock, ManualClock, UnixMillis};
    /// let clock = ManualClock::starting_at(UnixMillis::new(1_000));
    /// clock.clone().advance(Duration::from_millis(5));
    /// assert_eq!(clock.wall(), UnixMillis::new(1_005));
    /// ```
    #[must_use]
    pub fn starting_at(wall: UnixMillis) -> Self {
        Self { now: Arc::new(Mutex::new((wall, Duration::ZERO))) }
    }

    /// Lets time pass on both the wall and the monotonic clock.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::{Clock, ManualClock, UnixMillis};
    /// let clock = ManualClock::starting_at(UnixMillis::new(1_000));
    /// clock.advance(Duration::from_secs(2));
    /// assert_eq!(clock.wall(), UnixMillis::new(3_000));
    /// assert_eq!(clock.monotonic(), Duration::from_secs(2));
    /// ```
    pub fn advance(&self, by: Duration) {
        let mut now = self.now.lock();
        now.0 = now.0.saturating_add(by);
        now.1 = now.1.saturating_add(by);
    }

    /// Sets the wall clock alone, as a fault or an administrator would.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::{ManualClock, Store, UnixMillis};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// let start = UnixMillis::new(1_000_000);
    /// let clock = ManualClock::starting_at(start);
    /// let store = Store::builder(dir.path().join("s")).clock(clock.clone()).open()?;
    /// clock.set_wall(start.saturating_add(Duration::from_secs(86_400)));
    /// assert!(store.stats().expiry_paused, "a day's leap is not believed");
    /// clock.set_wall(start);
    /// assert!(!store.stats().expiry_paused);
    /// # Ok(()) }
    /// ```
    pub fn set_wall(&self, wall: UnixMillis) {
        self.now.lock().0 = wall;
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> UnixMillis {
        self.now.lock().0
    }

    fn monotonic(&self) -> Duration {
        self.now.lock().1
    }
}

/// What ages are reckoned from lies so long before the monotonic clock's fixed point. WHY: things of earlier sessions have ages, too.
const HEAD_START: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Reads a monotonic clock, for ages and pauses.
pub(crate) fn moment(clock: &dyn Clock) -> Duration {
    clock.monotonic().saturating_add(HEAD_START)
}

const PAUSES: &str = "the wall clock is not believed; expiry pauses until it has returned or is trusted";

/// The store's time: what an operation samples once, under its pin.
pub(crate) struct StoreTime {
    clock: Arc<dyn Clock>,
    /// Largest sample handed out.
    last: AtomicU64,
    /// Wall minus monotonic milliseconds at the last good sample.
    offset: AtomicI64,
    /// A wall clock further ahead of the monotonic one than this is not believed.
    max_leap: Duration,
    /// Set while the wall clock is not believed.
    paused: AtomicBool,
    /// Set while the wall clock lies behind the store's time: from where, and since when, it runs at half speed.
    slewing: Mutex<Option<(UnixMillis, Duration)>>,
    /// Whether it is set, to be asked without the lock; written under it.
    is_slewing: AtomicBool,
}

impl StoreTime {
    /// Starts store time at the wall clock, or at `floor` (what the store has durably seen) if that is later.
    pub(crate) fn new(clock: Arc<dyn Clock>, floor: UnixMillis, max_leap: Duration) -> Self {
        let wall = clock.wall();
        let behind = floor.saturating_since(wall);
        let lies_behind = behind > max_leap;
        if lies_behind {
            tracing::warn!(behind_ms = signed_millis(behind), "{PAUSES}");
        }
        let believed = if lies_behind { floor } else { wall };
        let offset = signed(believed.get()) - signed_millis(clock.monotonic());
        Self {
            last: AtomicU64::new(wall.max(floor).get()),
            offset: AtomicI64::new(offset),
            max_leap,
            paused: AtomicBool::new(lies_behind),
            slewing: Mutex::new(None),
            is_slewing: AtomicBool::new(false),
            clock,
        }
    }

    /// Samples the time. Monotone over all threads: a later call never returns less.
    pub(crate) fn sample(&self) -> UnixMillis {
        // ORDER: read before the wall clock, so that another thread's later sample is not taken for a step back.
        let last = UnixMillis::new(self.last.load(Ordering::SeqCst));
        let wall = self.clock.wall();
        let offset = signed(wall.get()) - signed_millis(self.clock.monotonic());
        if !self.believes(wall, offset) {
            return last;
        }
        let now = if wall >= last { self.follow(wall, offset) } else { self.slew(last) };
        UnixMillis::new(self.last.fetch_max(now.get(), Ordering::SeqCst)).max(now)
    }

    fn follow(&self, wall: UnixMillis, offset: i64) -> UnixMillis {
        if self.is_slewing.load(Ordering::Relaxed) {
            self.stop_slewing();
            // WHY: a step back that was made good must not widen the guard against leaps.
            self.offset.store(offset, Ordering::Relaxed);
        }
        wall
    }

    /// Lets time run at half the speed of the monotonic clock until the wall clock has caught up.
    ///
    /// WHY: it must not run back, and if it stood still, nothing would expire for as long as the clock had been ahead.
    fn slew(&self, last: UnixMillis) -> UnixMillis {
        let now = self.clock.monotonic();
        let (from, since) = {
            let mut slewing = self.slewing.lock();
            self.is_slewing.store(true, Ordering::Relaxed);
            *slewing.get_or_insert((last, now))
        };
        from.saturating_add(now.saturating_sub(since) / 2)
    }

    fn stop_slewing(&self) {
        let mut slewing = self.slewing.lock();
        *slewing = None;
        self.is_slewing.store(false, Ordering::Relaxed);
    }

    /// Tells whether expiry stands still because the wall clock is not believed.
    pub(crate) fn is_paused(&self) -> bool {
        let _ = self.sample();
        self.paused.load(Ordering::Relaxed)
    }

    /// Believes the wall clock as it is now, ending a pause.
    pub(crate) fn trust_wall(&self) {
        let wall = self.clock.wall();
        self.offset.store(signed(wall.get()) - signed_millis(self.clock.monotonic()), Ordering::Relaxed);
        self.paused.store(false, Ordering::Relaxed);
        self.stop_slewing();
        self.last.fetch_max(wall.get(), Ordering::SeqCst);
    }

    /// Reads the injected monotonic clock, for ages and pauses.
    pub(crate) fn monotonic(&self) -> Duration {
        moment(self.clock.as_ref())
    }

    /// INVARIANT: the offset moves only by steps within the limit, and to where a step back has been made good; so a leap
    /// ahead stays visible until it is undone or trusted.
    fn believes(&self, wall: UnixMillis, offset: i64) -> bool {
        let leap = offset.saturating_sub(self.offset.load(Ordering::Relaxed));
        let limit = signed_millis(self.max_leap);
        let was_paused = self.paused.load(Ordering::Relaxed);
        // WHY: a pause because the wall lay far behind at open ends when it has caught up with the store's time;
        // a wall clock that steps back while open only slows store time down.
        let caught_up = signed(wall.get()).saturating_add(limit) >= signed(self.last.load(Ordering::SeqCst));
        let believed = leap <= limit && (!was_paused || caught_up);
        if leap.saturating_abs() <= limit || (believed && was_paused) {
            self.offset.store(offset, Ordering::Relaxed);
        }
        if believed == was_paused {
            self.paused.store(!believed, Ordering::Relaxed);
            if believed {
                self.stop_slewing();
                tracing::info!("the wall clock is believed again; expiry goes on");
            } else {
                tracing::warn!(leap_ms = leap, "{PAUSES}");
            }
        }
        believed
    }
}

fn signed(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}

fn signed_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_000_000_000;
    const HOUR: Duration = Duration::from_secs(3600);

    fn at(millis: u64) -> UnixMillis {
        UnixMillis::new(millis)
    }

    fn time(floor: u64) -> (ManualClock, StoreTime) {
        let clock = ManualClock::starting_at(at(START));
        (clock.clone(), StoreTime::new(Arc::new(clock), at(floor), HOUR))
    }

    #[test]
    fn time_follows_the_wall_clock_forward_and_never_back() {
        let (clock, time) = time(0);
        clock.advance(Duration::from_secs(5));
        assert_eq!(time.sample(), at(START + 5_000));
        clock.set_wall(at(START + 1_000));
        assert_eq!(time.sample(), at(START + 5_000));
        assert!(!time.is_paused());
        clock.advance(Duration::from_secs(60));
        assert_eq!(time.sample(), at(START + 61_000));
    }

    #[test]
    fn a_leap_stops_time_until_the_clock_returns_or_is_trusted() {
        let (clock, time) = time(0);
        clock.set_wall(at(START + 3_600_001));
        assert_eq!(time.sample(), at(START));
        assert!(time.is_paused());
        clock.set_wall(at(START + 1_000));
        assert!(!time.is_paused());
        assert_eq!(time.sample(), at(START + 1_000));
        clock.set_wall(at(START + 9_000_000));
        assert!(time.is_paused());
        time.trust_wall();
        assert!(!time.is_paused());
        assert_eq!(time.sample(), at(START + 9_000_000));
    }

    #[test]
    fn a_long_wait_is_no_leap() {
        let (clock, time) = time(0);
        clock.advance(HOUR * 100);
        assert!(!time.is_paused());
        assert_eq!(time.sample(), at(START + 360_000_000));
    }

    #[test]
    fn a_wall_clock_far_behind_the_past_pauses_until_it_catches_up() {
        let (clock, time) = time(START + 7_200_000);
        assert_eq!(time.sample(), at(START + 7_200_000));
        assert!(time.is_paused());
        clock.advance(Duration::from_secs(1));
        assert!(time.is_paused(), "the wall clock still lies far behind");
        clock.advance(HOUR);
        assert!(!time.is_paused(), "it has caught up by running");
        assert_eq!(time.sample(), at(START + 7_200_000));
        clock.advance(HOUR);
        assert_eq!(time.sample(), at(START + 7_201_000));
    }

    #[test]
    fn a_wall_clock_a_little_behind_makes_time_run_at_half_speed_until_it_has_caught_up() {
        let (clock, time) = time(START + 10_000);
        assert!(!time.is_paused());
        for second in 1..=18 {
            clock.advance(Duration::from_secs(1));
            assert_eq!(time.sample(), at(START + 10_000 + second * 500));
        }
        clock.advance(Duration::from_secs(3));
        assert_eq!(time.sample(), at(START + 21_000));
        clock.set_wall(at(START));
        assert_eq!(time.sample(), at(START + 21_000));
        clock.advance(Duration::from_secs(2));
        assert_eq!(time.sample(), at(START + 22_000), "it slows down anew");
    }

    #[test]
    fn once_time_has_caught_up_after_a_step_back_the_guard_is_as_narrow_as_before() {
        let (clock, time) = time(0);
        clock.set_wall(at(START - 5 * 3_600_000));
        for _ in 0..11 {
            clock.advance(HOUR);
            let _ = time.sample();
        }
        let now = time.sample();
        assert_eq!(now, clock.wall(), "the wall clock leads again");
        clock.set_wall(now.saturating_add(HOUR * 2));
        assert_eq!(time.sample(), now, "two hours ahead are a leap, whatever was an hour of the past");
        assert!(time.is_paused());
    }

    /// Counts warnings.
    #[derive(Clone, Default)]
    struct Warnings(Arc<AtomicU64>);

    impl tracing::Subscriber for Warnings {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            *metadata.level() == tracing::Level::WARN
        }
        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }
        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
        fn event(&self, _: &tracing::Event<'_>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        fn enter(&self, _: &tracing::span::Id) {}
        fn exit(&self, _: &tracing::span::Id) {}
    }

    #[test]
    fn a_pause_at_open_is_said_aloud() {
        let warnings = Warnings::default();
        tracing::subscriber::with_default(warnings.clone(), || time(START + 7_200_000));
        assert_eq!(warnings.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn moments_that_cannot_be_stored_are_refused() {
        let after = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        let refused = |time: SystemTime| UnixMillis::try_from(time).unwrap_err().kind();
        assert_eq!(refused(UNIX_EPOCH - Duration::from_nanos(1)), crate::ErrorKind::OutOfRange);
        assert_eq!(refused(after(u64::MAX)), crate::ErrorKind::OutOfRange);
        assert_eq!(refused(after(u64::MAX) + Duration::from_millis(1)), crate::ErrorKind::OutOfRange);
        assert_eq!(UnixMillis::try_from(after(u64::MAX - 1)).unwrap(), UnixMillis::MAX);
        assert_eq!(UnixMillis::try_from(after(7) + Duration::from_nanos(999_999)).unwrap(), UnixMillis::new(7));
    }

    #[cfg(unix)]
    #[test]
    fn every_stored_moment_is_a_system_time() {
        for time in [UnixMillis::ZERO, UnixMillis::new(1_999), UnixMillis::MAX] {
            assert_eq!(UnixMillis::try_from(SystemTime::from(time)).unwrap(), time);
        }
    }
}
