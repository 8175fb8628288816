//! The time in which clients' commands wait: CLIENT PAUSE.
//!
//! Uses the standard library and `parking_lot`. Invariant: who asks while there is no pause looks at one number.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// What has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Paused {
    Writes = 1,
    All = 2,
}

/// Longer pauses end after so long: about a century, which any clock can count.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

#[derive(Debug, Default)]
pub(crate) struct Pauses {
    what: AtomicU8,
    until: Mutex<Option<Instant>>,
    /// How many clients wait for the end.
    pub(crate) postponed: AtomicUsize,
}

impl Pauses {
    /// Begins a pause, or makes one longer or stricter.
    pub(crate) fn pause(&self, what: Paused, time: Duration) {
        let mut until = self.until.lock();
        let end = Instant::now() + time.min(LONGEST);
        if until.is_none_or(|until| until <= Instant::now()) {
            self.what.store(what as u8, Ordering::Relaxed);
            *until = Some(end);
            return;
        }
        self.what.fetch_max(what as u8, Ordering::Relaxed);
        *until = (*until).max(Some(end));
    }

    pub(crate) fn end(&self) {
        let mut until = self.until.lock();
        *until = None;
        self.what.store(0, Ordering::Relaxed);
    }

    /// Until when a command has to wait.
    #[inline]
    pub(crate) fn until(&self, is_write: bool) -> Option<Instant> {
        let what = self.what.load(Ordering::Relaxed);
        if what == 0 || (what == Paused::Writes as u8 && !is_write) {
            return None;
        }
        let until = *self.until.lock();
        match until {
            Some(until) if until > Instant::now() => Some(until),
            _ => {
                self.end_if_over();
                None
            }
        }
    }

    fn end_if_over(&self) {
        let mut until = self.until.lock();
        if until.is_none_or(|until| until <= Instant::now()) {
            *until = None;
            self.what.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_and_ends() {
        let pauses = Pauses::default();
        assert_eq!(pauses.until(true), None);
        pauses.pause(Paused::Writes, Duration::from_secs(100));
        assert!(pauses.until(true).is_some() && pauses.until(false).is_none());
        pauses.pause(Paused::All, Duration::ZERO);
        assert!(pauses.until(false).unwrap() > Instant::now() + Duration::from_secs(50), "it did not get shorter");
        pauses.end();
        assert_eq!((pauses.until(true), pauses.until(false)), (None, None));
        pauses.pause(Paused::All, Duration::ZERO);
        assert_eq!(pauses.until(true), None);
        pauses.pause(Paused::Writes, Duration::MAX);
        assert!(
            pauses.until(true).is_some() && pauses.until(false).is_none(),
            "what is over does not make it stricter"
        );
    }
}
