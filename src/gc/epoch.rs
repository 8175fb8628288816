//! Moments of the monotonic clock as times that another session can read, and back.
//!
//! Uses `encoding`. Invariant: what is said to be of some time may have been earlier, and never was later.

use std::time::Duration;

use crate::encoding::UnixMillis;

/// One moment on both clocks: when the store was opened. WHY not the present: the same moment always gives the same time, so
/// what has not changed looks as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch {
    time: UnixMillis,
    moment: Duration,
}

impl Epoch {
    pub(crate) fn new(time: UnixMillis, moment: Duration) -> Self {
        Self { time, moment }
    }

    /// Returns the store's time at a moment, rounded up.
    pub(super) fn time_of(self, moment: Duration) -> UnixMillis {
        if let Some(before) = self.moment.checked_sub(moment) {
            let millis = u64::try_from(before.as_millis()).unwrap_or(u64::MAX);
            return UnixMillis::new(self.time.get().saturating_sub(millis));
        }
        let after = moment.saturating_sub(self.moment).as_nanos().div_ceil(1_000_000);
        UnixMillis::new(self.time.get().saturating_add(u64::try_from(after).unwrap_or(u64::MAX)))
    }

    /// Returns the moment of a time of an earlier session, which is the opening at the latest.
    pub(super) fn moment_of(self, time: UnixMillis) -> Duration {
        self.moment.saturating_sub(self.time.saturating_since(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up_and_come_back_as_they_were() {
        let millis = |millis| UnixMillis::new(millis);
        let first = Epoch::new(millis(1_000_000), Duration::from_micros(50_000_500));
        assert_eq!(first.time_of(Duration::from_micros(50_000_500)), millis(1_000_000));
        assert_eq!(first.time_of(Duration::from_micros(50_001_400)), millis(1_000_001));
        assert_eq!(first.time_of(Duration::from_micros(49_998_600)), millis(999_999));
        assert_eq!(first.time_of(Duration::ZERO), millis(950_000));
        let next = Epoch::new(millis(2_000_000), Duration::from_micros(3_000_000_321));
        for time in [millis(1_999_999), millis(1_000_000), millis(2_000_000)] {
            assert_eq!(next.time_of(next.moment_of(time)), time);
        }
    }

    #[test]
    fn a_time_that_cannot_be_is_taken_for_the_nearest_that_can() {
        let epoch = Epoch::new(UnixMillis::new(5_000), Duration::from_secs(2));
        assert_eq!(epoch.moment_of(UnixMillis::MAX), Duration::from_secs(2), "the future");
        assert_eq!(epoch.moment_of(UnixMillis::ZERO), Duration::ZERO, "before the clock began");
        assert_eq!(Epoch::new(UnixMillis::ZERO, Duration::from_secs(9)).time_of(Duration::ZERO), UnixMillis::ZERO);
    }
}
