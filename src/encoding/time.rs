//! Times as they are stored.
//!
//! What lives here: milliseconds since the Unix epoch. It may use `std::time::Duration`; it never
//! reads a clock.
//!
//! INVARIANT: a time is never all ones, so that the end of a range of times is never a stored time.

use std::fmt;
use std::time::Duration;

/// A moment, in milliseconds since 1970-01-01 00:00 UTC.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use windrow::encoding::UnixMillis;
/// let noon = UnixMillis::new(1_000);
/// assert_eq!(noon.saturating_add(Duration::from_secs(2)), UnixMillis::new(3_000));
/// assert_eq!(UnixMillis::new(u64::MAX), UnixMillis::MAX);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// The epoch itself.
    ///
    /// # Examples
    ///
    /// ```
    /// # use windrow::encoding::UnixMillis;
    /// assert_eq!(UnixMillis::ZERO, UnixMillis::new(0));
    /// assert!(UnixMillis::ZERO < UnixMillis::new(1));
    /// ```
    pub const ZERO: Self = Self(0);

    /// The last moment that can be stored: 2^64 - 2 ms, in 584 million years. Expiries are taken in the first half of them only.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use windrow::encoding::UnixMillis;
    /// let later = UnixMillis::MAX.saturating_add(Duration::from_secs(1));
    /// assert_eq!(later, UnixMillis::MAX, "nothing lies behind it");
    /// ```
    pub const MAX: Self = Self(u64::MAX - 1);

    /// The moment `millis` after the epoch; what lies beyond [`UnixMillis::MAX`] becomes `MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use windrow::encoding::UnixMillis;
    /// assert_eq!(UnixMillis::new(1_000).get(), 1_000);
    /// assert_eq!(UnixMillis::new(u64::MAX), UnixMillis::MAX);
    /// ```
    pub const fn new(millis: u64) -> Self {
        if millis == u64::MAX { Self::MAX } else { Self(millis) }
    }

    /// Milliseconds since the epoch.
    ///
    /// # Examples
    ///
    /// ```
    /// # use windrow::encoding::UnixMillis;
    /// assert_eq!(UnixMillis::ZERO.get(), 0);
    /// assert_eq!(UnixMillis::MAX.get(), u64::MAX - 1);
    /// ```
    pub const fn get(self) -> u64 {
        self.0
    }

    /// This moment plus `duration`, whose part below a millisecond is cut off; at most
    /// [`UnixMillis::MAX`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use windrow::encoding::UnixMillis;
    /// let time = UnixMillis::new(1_000);
    /// assert_eq!(time.saturating_add(Duration::from_micros(2_900)), UnixMillis::new(1_002));
    /// assert_eq!(time.saturating_add(Duration::MAX), UnixMillis::MAX);
    /// ```
    pub fn saturating_add(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self::new(self.0.saturating_add(millis))
    }

    /// How long this moment lies after `earlier`; zero when it does not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use windrow::encoding::UnixMillis;
    /// let (early, late) = (UnixMillis::new(1_000), UnixMillis::new(3_000));
    /// assert_eq!(late.saturating_since(early), Duration::from_secs(2));
    /// assert_eq!(early.saturating_since(late), Duration::ZERO);
    /// ```
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This moment as a time of expiry. A stored zero means "never", so the epoch becomes the
    /// millisecond after it: expired all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// # use windrow::encoding::UnixMillis;
    /// assert_eq!(UnixMillis::ZERO.as_expiry(), UnixMillis::new(1));
    /// assert_eq!(UnixMillis::new(1_000).as_expiry(), UnixMillis::new(1_000));
    /// ```
    pub const fn as_expiry(self) -> Self {
        if self.0 == 0 { Self(1) } else { self }
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}
