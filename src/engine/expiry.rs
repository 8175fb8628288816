//! The expiry of keys: how long they live, and what changes it.
//!
//! Uses the read and write paths and `types::keys`. Invariant: a lifetime is counted from the operation's own time,
//! never from a clock that is read here.

use std::time::Duration;

use crate::encoding::{Meta, UnixMillis};
use crate::engine::{Db, Source, Writable};
use crate::error::{Error, Result};
use crate::types::keys::{self, ExpireCondition};

/// How long a key has to live.
///
/// # Examples
/// ```
/// use windrow::Ttl;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// store.db(0).strings().set("k", "v")?;
/// assert_eq!(store.db(0).ttl("k")?, Ttl::Forever);
/// assert_eq!(store.db(0).ttl("missing")?, Ttl::NoKey);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// The key does not exist.
    NoKey,
    /// The key has no expiry.
    Forever,
    /// The key expires after this time.
    In(Duration),
}

/// When a key expires.
///
/// # Examples
/// ```
/// use windrow::{ExpireTime, SetOptions, UnixMillis};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let far = UnixMillis::new(4_102_444_800_000);
/// store.db(0).strings().set_with("k", "v", SetOptions::new().expire_at(far))?;
/// assert_eq!(store.db(0).expire_time("k")?, ExpireTime::At(far));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpireTime {
    /// The key does not exist.
    NoKey,
    /// The key has no expiry.
    Never,
    /// The key expires at this time.
    At(UnixMillis),
}

impl Ttl {
    /// Returns the time that is left, `None` for a key that does not exist and for one that never expires: match the
    /// value itself to tell these two apart.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::Ttl;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("session", "alice")?;
    /// db.expire("session", Duration::from_secs(60))?;
    /// if let Some(left) = db.ttl("session")?.as_duration() {
    ///     println!("{} seconds are left", left.as_secs());
    /// }
    /// assert_eq!(Ttl::Forever.as_duration(), None);
    /// assert_eq!(Ttl::NoKey.as_duration(), None);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn as_duration(self) -> Option<Duration> {
        match self {
            Self::NoKey | Self::Forever => None,
            Self::In(left) => Some(left),
        }
    }
}

impl<S: Source> Db<S> {
    /// Returns how long the key has to live, to the millisecond (PTTL; TTL in Redis is this rounded to the nearest second). A key
    /// is gone from the millisecond of its expiry on; in Redis it is there for that one still. Costs one point read.
    ///
    /// # Errors
    /// As [`Db::exists`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::Ttl;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("k", "v")?;
    /// db.expire("k", Duration::from_secs(60))?;
    /// assert!(matches!(db.ttl("k")?, Ttl::In(left) if left <= Duration::from_secs(60)));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PTTL")]
    pub fn ttl(&self, key: impl AsRef<[u8]>) -> Result<Ttl> {
        let reading = self.begin()?;
        Ok(match reading.live(key.as_ref())? {
            None => Ttl::NoKey,
            Some(Meta { expires_at: None, .. }) => Ttl::Forever,
            Some(Meta { expires_at: Some(time), .. }) => Ttl::In(time.saturating_since(reading.now)),
        })
    }

    /// Returns when the key expires, and tells a missing key from one that never does (EXPIRETIME, PEXPIRETIME). Costs one
    /// point read.
    ///
    /// # Errors
    /// As [`Db::exists`].
    ///
    /// # Examples
    /// ```
    /// use windrow::ExpireTime;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "v")?;
    /// assert_eq!(store.db(0).expire_time("k")?, ExpireTime::Never);
    /// assert_eq!(store.db(0).expire_time("missing")?, ExpireTime::NoKey);
    /// # Ok(()) }
    /// ```
    #[doc(alias("EXPIRETIME", "PEXPIRETIME"))]
    pub fn expire_time(&self, key: impl AsRef<[u8]>) -> Result<ExpireTime> {
        Ok(match self.live(key.as_ref())? {
            None => ExpireTime::NoKey,
            Some(meta) => meta.expires_at.map_or(ExpireTime::Never, ExpireTime::At),
        })
    }

    /// Returns when the key expires, `None` if it does not exist or never expires: [`Db::expire_time`] tells these two apart.
    /// Costs one point read.
    ///
    /// # Errors
    /// As [`Db::exists`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).expires_at("k")?, None);
    /// # Ok(()) }
    /// ```
    pub fn expires_at(&self, key: impl AsRef<[u8]>) -> Result<Option<UnixMillis>> {
        Ok(self.live(key.as_ref())?.and_then(|meta| meta.expires_at))
    }
}

impl<S: Writable> Db<S> {
    /// Lets the key expire after `lifetime`, at millisecond precision; returns whether it exists. Less than a millisecond
    /// deletes the key. Costs one commit.
    ///
    /// # Errors
    /// [`OutOfRange`](crate::ErrorKind::OutOfRange) for a lifetime that ends beyond 63 bits of milliseconds; as [`Db::delete`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert!(!store.db(0).expire("missing", Duration::from_secs(1))?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PEXPIRE")]
    pub fn expire(&self, key: impl AsRef<[u8]>, lifetime: Duration) -> Result<bool> {
        self.expire_if(key, lifetime, ExpireCondition::Always)
    }

    /// Lets the key expire after `lifetime` if the condition allows it; returns whether it was set.
    ///
    /// # Errors
    /// [`OutOfRange`](crate::ErrorKind::OutOfRange) for a lifetime that ends beyond 63 bits of milliseconds; as [`Db::delete`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::ExpireCondition;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("k", "v")?;
    /// db.expire("k", Duration::from_secs(60))?;
    /// assert!(!db.expire_if("k", Duration::from_secs(5), ExpireCondition::Later)?);
    /// # Ok(()) }
    /// ```
    pub fn expire_if(&self, key: impl AsRef<[u8]>, lifetime: Duration, condition: ExpireCondition) -> Result<bool> {
        self.write_key(key.as_ref(), |plan| {
            let time = after(plan.now, lifetime)?;
            Ok(keys::expire_at(plan, time, condition))
        })
    }

    /// Lets the key expire at a time, if the condition allows it; returns whether it was set. A time that has passed
    /// deletes the key, which also counts as set.
    ///
    /// # Errors
    /// [`OutOfRange`](crate::ErrorKind::OutOfRange) for a time beyond 63 bits of milliseconds; as [`Db::delete`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{ExpireCondition, UnixMillis};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("k", "v")?;
    /// assert!(db.expire_at("k", UnixMillis::new(1), ExpireCondition::Always)?);
    /// assert!(!db.exists("k")?);
    /// # Ok(()) }
    /// ```
    #[doc(alias("EXPIREAT", "PEXPIREAT"))]
    pub fn expire_at(&self, key: impl AsRef<[u8]>, time: UnixMillis, condition: ExpireCondition) -> Result<bool> {
        let time = within_63_bits(time)?;
        self.write_key(key.as_ref(), |plan| Ok(keys::expire_at(plan, time, condition)))
    }

    /// Takes the key's expiry away; returns whether it had one. Costs one commit.
    ///
    /// # Errors
    /// As [`Db::delete`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert!(!store.db(0).persist("k")?);
    /// # Ok(()) }
    /// ```
    pub fn persist(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.write_key(key.as_ref(), |plan| Ok(keys::persist(plan)))
    }
}

/// Returns the moment `lifetime` after `now`. Refuses what [`within_63_bits`] does.
pub(super) fn after(now: UnixMillis, lifetime: Duration) -> Result<UnixMillis> {
    within_63_bits(now.saturating_add(lifetime))
}

/// Refuses a time of which a signed number of milliseconds cannot tell, as Redis does. Records may hold such times all the
/// same: not every version of the crate refused them.
pub(super) fn within_63_bits(time: UnixMillis) -> Result<UnixMillis> {
    if i64::try_from(time.get()).is_err() {
        return Err(Error::out_of_range("the expiry lies too far away: more than 63 bits of milliseconds"));
    }
    Ok(time)
}
