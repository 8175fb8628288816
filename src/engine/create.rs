//! How collections are created by the call that finds none.
//!
//! Uses `types`. Invariant: plain data; nothing here reads the clock.

use std::time::Duration;

use crate::encoding::{Habit, UnixMillis};
use crate::engine::expiry::{after, within_63_bits};
use crate::error::Result;
use crate::types::Birth;

/// How a call that adds to a collection creates one that does not exist. An existing collection keeps its expiry.
///
/// What is not said here, how long it will live and whether it will grow, is guessed from what happened to keys like it
/// (that differ in numbers and ids only) after their birth. A guess decides where the collection lies, and nothing else.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use windrow::CreateOptions;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let hourly = CreateOptions::new().expire_in(Duration::from_secs(3600)).growing();
/// store.db(0).sets().add_with("visitors:17h", ["alice"], hourly)?;
/// store.db(0).sets().add_with("visitors:17h", ["bob"], hourly)?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct CreateOptions {
    expiry: Option<ChosenExpiry>,
    growing: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChosenExpiry {
    In(Duration),
    At(UnixMillis),
}

impl CreateOptions {
    /// Creates a collection that lives for ever and is written once.
    ///
    /// # Examples
    /// ```
    /// use windrow::{CreateOptions, Ttl};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.sets().add_with("s", ["a"], CreateOptions::new())?;
    /// assert_eq!(db.ttl("s")?, Ttl::Forever);
    /// # Ok(()) }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a collection that this call creates expire after `lifetime`, at millisecond precision. With less than a
    /// millisecond nothing is created, as with a time that has passed. One that ends beyond 63 bits of milliseconds is refused.
    ///
    /// A lifetime that is known at birth is what makes reclaiming nearly free: collections that will die together are
    /// then laid side by side.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.sets().add_with("s", ["a"], CreateOptions::new().expire_in(Duration::from_secs(60)))?;
    /// let expiry = db.expires_at("s")?;
    /// db.sets().add_with("s", ["b"], CreateOptions::new().expire_in(Duration::from_secs(3600)))?;
    /// assert_eq!(db.expires_at("s")?, expiry, "an existing collection keeps its expiry");
    /// # Ok(()) }
    /// ```
    pub fn expire_in(mut self, lifetime: Duration) -> Self {
        self.expiry = Some(ChosenExpiry::In(lifetime));
        self
    }

    /// Lets a collection that this call creates expire at a time; one that has passed creates nothing, and one beyond 63 bits
    /// of milliseconds is refused.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::{CreateOptions, UnixMillis};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let soon = store.time().saturating_add(Duration::from_secs(60));
    /// db.sets().add_with("s", ["a"], CreateOptions::new().expire_at(soon))?;
    /// assert_eq!(db.expires_at("s")?, Some(soon));
    /// db.sets().add_with("late", ["a"], CreateOptions::new().expire_at(UnixMillis::new(1)))?;
    /// assert!(!db.exists("late")?);
    /// # Ok(()) }
    /// ```
    pub fn expire_at(mut self, time: UnixMillis) -> Self {
        self.expiry = Some(ChosenExpiry::At(time));
        self
    }

    /// Says that the collection will be added to later. A hint that costs only locality when wrong.
    ///
    /// # Examples
    /// ```
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// for visitor in ["alice", "bob", "alice"] {
    ///     db.sets().add_with("visitors", [visitor], CreateOptions::new().growing())?;
    /// }
    /// assert_eq!(db.sets().len("visitors")?, 2);
    /// # Ok(()) }
    /// ```
    pub fn growing(mut self) -> Self {
        self.growing = true;
        self
    }

    /// What the options mean for an operation whose time is `now`.
    pub(super) fn birth(self, now: UnixMillis) -> Result<Birth> {
        let expires_at = match self.expiry {
            Some(ChosenExpiry::In(lifetime)) => Some(after(now, lifetime)?),
            Some(ChosenExpiry::At(time)) => Some(within_63_bits(time)?),
            None => None,
        };
        Ok(Birth { expires_at, habit: self.growing.then_some(Habit::Growing) })
    }
}
