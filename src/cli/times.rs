//! When collections die: by the window clock, whose time passes with the writing, or in real time.
//!
//! Uses the crate's clocks. Invariant: the window clock shows the start plus one tick for each window that has
//! been written, whatever the machine's clock does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::{Clock, SystemClock, UnixMillis};

/// Store time that passes while a window is written. WHY: three of them are a lifetime of one minute.
const TICK: Duration = Duration::from_secs(20);
/// How long before a tick its window dies. WHY: a tick must pass the expiry, or the reaper, which stays below the
/// present, would wait for the next one.
const BEFORE_TICK: Duration = Duration::from_millis(1);
/// Ticks that a collection lives: the rest of its own window's, and two more windows.
const LIFETIME_TICKS: u32 = 3;

/// A clock whose wall time moves only by ticks; its monotonic time is the machine's.
#[derive(Clone, Debug)]
pub(crate) struct WindowClock {
    system: SystemClock,
    wall_millis: Arc<AtomicU64>,
}

impl WindowClock {
    fn starting_now() -> Self {
        let system = SystemClock::default();
        let wall_millis = Arc::new(AtomicU64::new(system.wall().get()));
        Self { system, wall_millis }
    }

    fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.wall_millis.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for WindowClock {
    fn wall(&self) -> UnixMillis {
        UnixMillis::new(self.wall_millis.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        self.system.monotonic()
    }
}

/// The rule by which collections of a run die.
#[derive(Debug)]
pub(crate) enum Times {
    /// All of a window die together, when the second window after it has been written.
    ByWindow {
        /// The store's clock.
        clock: WindowClock,
        /// What it showed at first.
        start: UnixMillis,
    },
    /// Each dies by itself, a lifetime after its birth.
    Real {
        /// The store's clock.
        clock: SystemClock,
        /// How long a collection lives.
        lifetime: Duration,
        /// What the clock showed at first.
        start: UnixMillis,
    },
}

impl Times {
    pub(crate) fn new(lifetime: Option<Duration>) -> Self {
        match lifetime {
            None => {
                let clock = WindowClock::starting_now();
                let start = clock.wall();
                Self::ByWindow { clock, start }
            }
            Some(lifetime) => {
                let clock = SystemClock::default();
                let start = clock.wall();
                Self::Real { clock, lifetime, start }
            }
        }
    }

    pub(crate) fn start(&self) -> UnixMillis {
        match self {
            Self::ByWindow { start, .. } | Self::Real { start, .. } => *start,
        }
    }

    /// Tells when a collection dies that is born in `window` (from 0) at `now`.
    pub(crate) fn expiry(&self, window: u32, now: UnixMillis) -> UnixMillis {
        match self {
            Self::ByWindow { start, .. } => {
                let ticks = TICK.saturating_mul(window.saturating_add(LIFETIME_TICKS));
                start.saturating_add(ticks.saturating_sub(BEFORE_TICK))
            }
            Self::Real { lifetime, .. } => now.saturating_add(*lifetime),
        }
    }

    /// Lets the window clock pass the end of a window.
    pub(crate) fn window_written(&self) {
        if let Self::ByWindow { clock, .. } = self {
            clock.advance(TICK);
        }
    }

    /// Lets the window clock pass the last expiry.
    pub(crate) fn pass_last_expiry(&self) {
        if let Self::ByWindow { clock, .. } = self {
            clock.advance(TICK.saturating_mul(LIFETIME_TICKS - 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_dies_when_the_second_one_after_it_has_been_written() {
        let times = Times::new(None);
        let Times::ByWindow { clock, .. } = &times else {
            panic!("no lifetime means the window clock");
        };
        let dies = times.expiry(4, clock.wall());
        for _ in 0..6 {
            times.window_written();
        }
        assert!(clock.wall() < dies, "windows 0 to 5 are written");
        times.window_written();
        assert!(clock.wall() > dies, "window 6 is written");
    }

    #[test]
    fn the_last_window_is_dead_once_the_last_expiry_is_passed() {
        let times = Times::new(None);
        let Times::ByWindow { clock, .. } = &times else {
            panic!("no lifetime means the window clock");
        };
        times.window_written();
        times.pass_last_expiry();
        assert!(clock.wall() > times.expiry(0, clock.wall()));
    }
}
