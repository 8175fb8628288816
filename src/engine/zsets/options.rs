//! Options of sorted sets.
//!
//! Uses `types::zset`. Invariant: plain data; nothing here reads the clock.

use bytes::Bytes;

use crate::encoding::UnixMillis;
use crate::engine::CreateOptions;
use crate::error::{Error, Result};
use crate::types::zset::{AddRule, Presence, Replacing};
use crate::types::{Birth, Direction};

/// Which end of a sorted set an operation means.
///
/// # Examples
/// ```
/// use windrow::ZEnd;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// store.db(0).zsets().add("z", [("a", 1.0), ("b", 2.0)])?;
/// let popped = store.db(0).zsets().mpop(["z"], ZEnd::Max, 1)?;
/// assert_eq!(popped.unwrap().members, [("b".into(), 2.0)]);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZEnd {
    /// The lowest scores.
    Min,
    /// The highest scores.
    Max,
}

impl ZEnd {
    pub(super) fn direction(self) -> Direction {
        match self {
            Self::Min => Direction::Ascending,
            Self::Max => Direction::Descending,
        }
    }
}

/// What [`ZSets::mpop`](crate::ZSets::mpop) removed.
///
/// # Examples
/// ```
/// use windrow::{ZEnd, ZPopped};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// store.db(0).zsets().add("z", [("a", 1.0)])?;
/// if let Some(ZPopped { key, members, .. }) = store.db(0).zsets().mpop(["y", "z"], ZEnd::Min, 9)? {
///     assert_eq!((key.as_ref(), members.len()), (b"z".as_slice(), 1));
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ZPopped {
    /// The key from which they are.
    pub key: Bytes,
    /// The members with their scores, in the order of the end that was asked for.
    pub members: Vec<(Bytes, f64)>,
}

/// When an add changes something, and how it creates a set that does not exist. Of [`if_absent`](Self::if_absent) and
/// [`if_present`](Self::if_present), and of [`if_greater`](Self::if_greater) and [`if_less`](Self::if_less), the one
/// that was said last holds.
///
/// # Examples
/// ```
/// use windrow::ZAddOptions;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.zsets().add("seen", [("page", 100.0)])?;
/// let later = ZAddOptions::new().if_present().if_greater();
/// assert_eq!(db.zsets().add_with("seen", [("page", 90.0), ("new", 1.0)], later)?.updated, 0);
/// assert_eq!(db.zsets().len("seen")?, 1);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct ZAddOptions {
    rule: AddRule,
    create: CreateOptions,
}

impl ZAddOptions {
    /// Adds and changes without conditions; a new set lives for ever.
    ///
    /// # Examples
    /// ```
    /// use windrow::ZAddOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let done = store.db(0).zsets().add_with("z", [("a", 1.0)], ZAddOptions::new())?;
    /// assert_eq!((done.added, done.updated), (1, 0));
    /// # Ok(()) }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Only adds members, and leaves those that are there as they are (NX). Contradicts
    /// [`if_greater`](Self::if_greater) and [`if_less`](Self::if_less).
    ///
    /// # Examples
    /// ```
    /// use windrow::ZAddOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 1.0)])?;
    /// store.db(0).zsets().add_with("z", [("a", 2.0), ("b", 2.0)], ZAddOptions::new().if_absent())?;
    /// assert_eq!(store.db(0).zsets().mscore("z", ["a", "b"])?, [Some(1.0), Some(2.0)]);
    /// # Ok(()) }
    /// ```
    pub fn if_absent(mut self) -> Self {
        self.rule.presence = Presence::New;
        self
    }

    /// Only changes members that are there, and adds none (XX).
    ///
    /// # Examples
    /// ```
    /// use windrow::ZAddOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 1.0)])?;
    /// store.db(0).zsets().add_with("z", [("a", 2.0), ("b", 2.0)], ZAddOptions::new().if_present())?;
    /// assert_eq!(store.db(0).zsets().mscore("z", ["a", "b"])?, [Some(2.0), None]);
    /// # Ok(()) }
    /// ```
    pub fn if_present(mut self) -> Self {
        self.rule.presence = Presence::Existing;
        self
    }

    /// Changes a member only to a greater score (GT); adds those that are missing.
    ///
    /// # Examples
    /// ```
    /// use windrow::ZAddOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 5.0)])?;
    /// store.db(0).zsets().add_with("z", [("a", 2.0), ("b", 2.0)], ZAddOptions::new().if_greater())?;
    /// assert_eq!(store.db(0).zsets().mscore("z", ["a", "b"])?, [Some(5.0), Some(2.0)]);
    /// # Ok(()) }
    /// ```
    pub fn if_greater(mut self) -> Self {
        self.rule.replacing = Replacing::Greater;
        self
    }

    /// Changes a member only to a lesser score (LT); adds those that are missing.
    ///
    /// # Examples
    /// ```
    /// use windrow::ZAddOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 5.0)])?;
    /// store.db(0).zsets().add_with("z", [("a", 2.0)], ZAddOptions::new().if_less())?;
    /// assert_eq!(store.db(0).zsets().score("z", "a")?, Some(2.0));
    /// # Ok(()) }
    /// ```
    pub fn if_less(mut self) -> Self {
        self.rule.replacing = Replacing::Less;
        self
    }

    /// Says how a set is created that does not exist.
    ///
    /// # Examples
    /// ```
    /// use windrow::{CreateOptions, Ttl, ZAddOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let hourly = CreateOptions::new().expire_in(std::time::Duration::from_secs(3600));
    /// store.db(0).zsets().add_with("z", [("a", 1.0)], ZAddOptions::new().create(hourly))?;
    /// assert!(matches!(store.db(0).ttl("z")?, Ttl::In(_)));
    /// # Ok(()) }
    /// ```
    pub fn create(mut self, options: CreateOptions) -> Self {
        self.create = options;
        self
    }

    /// Refuses options that contradict each other.
    pub(super) fn rule(self) -> Result<AddRule> {
        if self.rule.presence == Presence::New && self.rule.replacing != Replacing::Any {
            return Err(Error::invalid("GT, LT, and/or NX options at the same time are not compatible"));
        }
        Ok(self.rule)
    }

    pub(super) fn birth(self, now: UnixMillis) -> Result<Birth> {
        self.create.birth(now)
    }
}
