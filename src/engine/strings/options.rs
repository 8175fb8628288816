//! How strings are set and read: the options of SET and GETEX.
//!
//! Uses `types`. Invariant: plain data; nothing here reads the clock.

use std::time::Duration;

use bytes::Bytes;

use crate::encoding::UnixMillis;
use crate::engine::expiry::{after, within_63_bits};
use crate::error::{Error, Result};
use crate::types::KeyPlan;
use crate::types::keys::{self, ExpireCondition};
use crate::types::string::{SetCondition, SetExpiry};

/// How [`Strings::set_with`](crate::Strings::set_with) sets: Redis' `NX`, `XX`, `GET`, `KEEPTTL`, `EX` and `EXAT`.
///
/// Of conditions that exclude each other the one given last holds, and so of expiries.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use windrow::SetOptions;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let lease = SetOptions::new().if_absent().expire_in(Duration::from_secs(30));
/// assert!(store.db(0).strings().set_with("lock", "me", lease)?.was_set);
/// assert!(!store.db(0).strings().set_with("lock", "you", lease)?.was_set);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct SetOptions {
    pub(super) condition: SetCondition,
    expiry: ChosenExpiry,
    pub(super) get: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ChosenExpiry {
    #[default]
    None,
    Keep,
    In(Duration),
    At(UnixMillis),
}

impl SetOptions {
    /// Sets in any case, without expiry.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::{SetOptions, Ttl};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("k", "old")?;
    /// db.expire("k", Duration::from_secs(60))?;
    /// db.strings().set_with("k", "new", SetOptions::new())?;
    /// assert_eq!(db.ttl("k")?, Ttl::Forever);
    /// # Ok(()) }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets only if the key does not exist (NX).
    ///
    /// # Examples
    /// ```
    /// use windrow::SetOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("k", "first")?;
    /// assert!(!db.strings().set_with("k", "second", SetOptions::new().if_absent())?.was_set);
    /// assert_eq!(db.strings().get("k")?.as_deref(), Some(b"first".as_slice()));
    /// # Ok(()) }
    /// ```
    pub fn if_absent(mut self) -> Self {
        self.condition = SetCondition::IfAbsent;
        self
    }

    /// Sets only if the key exists (XX).
    ///
    /// # Examples
    /// ```
    /// use windrow::SetOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// assert!(!db.strings().set_with("k", "v", SetOptions::new().if_present())?.was_set);
    /// assert!(!db.exists("k")?);
    /// # Ok(()) }
    /// ```
    pub fn if_present(mut self) -> Self {
        self.condition = SetCondition::IfPresent;
        self
    }

    /// Lets the key expire after `lifetime`, at millisecond precision (EX, PX). Less than a millisecond is refused, and
    /// what ends beyond 63 bits of milliseconds.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::{SetOptions, Ttl};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let minute = Duration::from_secs(60);
    /// db.strings().set_with("k", "v", SetOptions::new().expire_in(minute))?;
    /// assert!(matches!(db.ttl("k")?, Ttl::In(left) if left <= minute));
    /// # Ok(()) }
    /// ```
    pub fn expire_in(mut self, lifetime: Duration) -> Self {
        self.expiry = ChosenExpiry::In(lifetime);
        self
    }

    /// Lets the key expire at a time (EXAT, PXAT); one that has passed deletes the key. The time 0 is refused, and one
    /// beyond 63 bits of milliseconds.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::{SetOptions, UnixMillis};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let soon = store.time().saturating_add(Duration::from_secs(60));
    /// db.strings().set_with("k", "v", SetOptions::new().expire_at(soon))?;
    /// assert_eq!(db.expires_at("k")?, Some(soon));
    /// db.strings().set_with("k", "v", SetOptions::new().expire_at(UnixMillis::new(1)))?;
    /// assert!(!db.exists("k")?);
    /// # Ok(()) }
    /// ```
    pub fn expire_at(mut self, time: UnixMillis) -> Self {
        self.expiry = ChosenExpiry::At(time);
        self
    }

    /// Keeps the expiry that the key has (KEEPTTL).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::SetOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set_with("k", "old", SetOptions::new().expire_in(Duration::from_secs(60)))?;
    /// let expiry = db.expires_at("k")?;
    /// db.strings().set_with("k", "new", SetOptions::new().keep_ttl())?;
    /// assert_eq!(db.expires_at("k")?, expiry);
    /// # Ok(()) }
    /// ```
    pub fn keep_ttl(mut self) -> Self {
        self.expiry = ChosenExpiry::Keep;
        self
    }

    /// Returns the previous value (GET), refusing a key that holds another data type.
    ///
    /// # Examples
    /// ```
    /// use windrow::{ErrorKind, SetOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.sets().add("k", ["a"])?;
    /// let refused = db.strings().set_with("k", "v", SetOptions::new().get()).unwrap_err();
    /// assert_eq!(refused.kind(), ErrorKind::WrongType);
    /// db.strings().set("k", "old")?;
    /// let outcome = db.strings().set_with("k", "new", SetOptions::new().get())?;
    /// assert_eq!(outcome.previous.as_deref(), Some(b"old".as_slice()));
    /// # Ok(()) }
    /// ```
    pub fn get(mut self) -> Self {
        self.get = true;
        self
    }

    /// Refuses an expiry that Redis calls invalid.
    pub(super) fn check(&self) -> Result<()> {
        match self.expiry {
            ChosenExpiry::None | ChosenExpiry::Keep => Ok(()),
            ChosenExpiry::In(lifetime) => check_lifetime(lifetime),
            ChosenExpiry::At(time) => check_time(time),
        }
    }

    pub(super) fn expiry(&self, now: UnixMillis) -> Result<SetExpiry> {
        Ok(match self.expiry {
            ChosenExpiry::None => SetExpiry::None,
            ChosenExpiry::Keep => SetExpiry::Keep,
            ChosenExpiry::In(lifetime) => SetExpiry::At(after(now, lifetime)?),
            ChosenExpiry::At(time) => SetExpiry::At(time),
        })
    }
}

fn check_lifetime(lifetime: Duration) -> Result<()> {
    if lifetime < Duration::from_millis(1) { Err(invalid_expiry()) } else { Ok(()) }
}

fn check_time(time: UnixMillis) -> Result<()> {
    if time == UnixMillis::ZERO { Err(invalid_expiry()) } else { within_63_bits(time).map(drop) }
}

fn invalid_expiry() -> Error {
    Error::invalid("invalid expire time")
}

/// What [`Strings::set_with`](crate::Strings::set_with) did.
///
/// # Examples
/// ```
/// use windrow::SetOptions;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// let claim = SetOptions::new().if_absent().get();
/// let first = db.strings().set_with("owner", "me", claim)?;
/// assert!(first.was_set && first.previous.is_none());
/// let second = db.strings().set_with("owner", "you", claim)?;
/// assert!(!second.was_set);
/// assert_eq!(second.previous.as_deref(), Some(b"me".as_slice()));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetOutcome {
    /// Whether the condition allowed the set.
    pub was_set: bool,
    /// The value before, if [`SetOptions::get`] asked for it and there was one.
    pub previous: Option<Bytes>,
}

/// What [`Strings::get_ex`](crate::Strings::get_ex) makes of the key's expiry: Redis' `EX`, `PX`, `EXAT`, `PXAT` and
/// `PERSIST`. The last choice counts.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use windrow::GetExOptions;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let extend = GetExOptions::new().expire_in(Duration::from_secs(60));
/// assert_eq!(store.db(0).strings().get_ex("missing", extend)?, None);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct GetExOptions {
    expiry: NewExpiry,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum NewExpiry {
    #[default]
    AsItIs,
    Never,
    In(Duration),
    At(UnixMillis),
}

impl GetExOptions {
    /// Leaves the expiry as it is.
    ///
    /// # Examples
    /// ```
    /// use windrow::{GetExOptions, Ttl};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("k", "v")?;
    /// db.strings().get_ex("k", GetExOptions::new())?;
    /// assert_eq!(db.ttl("k")?, Ttl::Forever);
    /// # Ok(()) }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the key expire after `lifetime`, at millisecond precision (EX, PX). Less than a millisecond is refused, and
    /// what ends beyond 63 bits of milliseconds.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::{GetExOptions, Ttl};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("k", "v")?;
    /// db.strings().get_ex("k", GetExOptions::new().expire_in(Duration::from_secs(60)))?;
    /// assert!(matches!(db.ttl("k")?, Ttl::In(_)));
    /// # Ok(()) }
    /// ```
    pub fn expire_in(mut self, lifetime: Duration) -> Self {
        self.expiry = NewExpiry::In(lifetime);
        self
    }

    /// Lets the key expire at a time (EXAT, PXAT); one that has passed deletes the key, and the value is still returned.
    /// The time 0 is refused, and one beyond 63 bits of milliseconds.
    ///
    /// # Examples
    /// ```
    /// use windrow::{GetExOptions, UnixMillis};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("k", "v")?;
    /// let last = db.strings().get_ex("k", GetExOptions::new().expire_at(UnixMillis::new(1)))?;
    /// assert_eq!(last.as_deref(), Some(b"v".as_slice()));
    /// assert!(!db.exists("k")?);
    /// # Ok(()) }
    /// ```
    pub fn expire_at(mut self, time: UnixMillis) -> Self {
        self.expiry = NewExpiry::At(time);
        self
    }

    /// Takes the expiry away (PERSIST).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::{GetExOptions, Ttl};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("k", "v")?;
    /// db.expire("k", Duration::from_secs(60))?;
    /// db.strings().get_ex("k", GetExOptions::new().persist())?;
    /// assert_eq!(db.ttl("k")?, Ttl::Forever);
    /// # Ok(()) }
    /// ```
    pub fn persist(mut self) -> Self {
        self.expiry = NewExpiry::Never;
        self
    }

    /// Plans the change of the expiry. Refuses one that Redis calls invalid.
    pub(super) fn apply(self, plan: &mut KeyPlan<'_>) -> Result<()> {
        let time = match self.expiry {
            NewExpiry::AsItIs => return Ok(()),
            NewExpiry::Never => {
                keys::persist(plan);
                return Ok(());
            }
            NewExpiry::In(lifetime) => {
                check_lifetime(lifetime)?;
                after(plan.now, lifetime)?
            }
            NewExpiry::At(time) => {
                check_time(time)?;
                time
            }
        };
        keys::expire_at(plan, time, ExpireCondition::Always);
        Ok(())
    }
}
