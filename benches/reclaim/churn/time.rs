//! The mix's time: it passes with the operations, not with the machine.
//!
//! Uses windrow's clock. Invariants: both clocks move together while operations come; the monotonic one never stands
//! still and never runs back.
//!
//! What windrow reads from which clock, and why both must move:
//! - the *wall* clock decides what has expired. It moves with the operations alone, so the driver knows what lives.
//! - the *monotonic* clock times windrow's waits, of which the longest are measured in lifetimes: a half-dead file waits as
//!   long as what is in it may live. If it ran at the machine's pace, a wait of 300 s would outlast the run in which the
//!   lifetime of 300 s passes in ten. So it runs with the wall clock. The waits that spare looks (5 and 60 s) shrink as
//!   well, so windrow looks more often for each byte than it would in production.
//! - its *threads* wake by the machine's clock (20 and 200 ms), which the mix's time makes long: where a lifetime of 7 h
//!   passes in 20 s, 200 ms are 4 minutes of it. That is held against windrow.
//! - when the load has ended, the wall clock stands, so that what lives then stays, and the monotonic one runs on, so
//!   that windrow's waits end as they would in a store whose keys live on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::windrow::{Clock, SystemClock, UnixMillis};

/// What passes of the mix's time in a second of the machine's after the load, at the least. WHY: windrow waits up to
/// 600 s for a half-dead file; so they are over in two.
const LEAST_IDLE_PACE: u64 = 300;

/// Tells the mix's time; clones tell the same.
#[derive(Clone, Debug)]
pub(crate) struct MixClock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    system: SystemClock,
    start: UnixMillis,
    passed_nanos: AtomicU64,
    /// The machine's milliseconds at which the load ended, and how many of the mix's pass in one of them; 0: it goes on.
    idle_since: AtomicU64,
    idle_pace: AtomicU64,
}

impl MixClock {
    pub(crate) fn starting_now() -> Self {
        let system = SystemClock::default();
        let start = system.wall();
        let (passed_nanos, idle_since, idle_pace) = Default::default();
        Self { shared: Arc::new(Shared { system, start, passed_nanos, idle_since, idle_pace }) }
    }

    /// Lets an operation's time pass.
    pub(crate) fn advance(&self, nanos: u64) {
        self.shared.passed_nanos.fetch_add(nanos, Ordering::SeqCst);
    }

    /// How much of the mix's time has passed.
    pub(crate) fn passed(&self) -> Duration {
        Duration::from_nanos(self.shared.passed_nanos.load(Ordering::SeqCst))
    }

    /// Stops the wall clock and lets the monotonic one run on, so many times as fast as the machine's.
    pub(crate) fn idle(&self, pace: f64) {
        self.shared.idle_since.store(millis(self.shared.system.monotonic()), Ordering::SeqCst);
        self.shared.idle_pace.store((pace as u64).max(LEAST_IDLE_PACE), Ordering::SeqCst);
    }
}

impl Clock for MixClock {
    fn wall(&self) -> UnixMillis {
        self.shared.start.saturating_add(self.passed())
    }

    fn monotonic(&self) -> Duration {
        let system = self.shared.system.monotonic();
        let pace = self.shared.idle_pace.load(Ordering::SeqCst);
        let idle = millis(system).saturating_sub(self.shared.idle_since.load(Ordering::SeqCst));
        self.passed() + system + Duration::from_millis(idle * pace)
    }
}

/// Milliseconds, as the store counts them.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("a run is short")
}
