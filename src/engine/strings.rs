//! The string operations of a db.
//!
//! Uses the read and write paths and `types::string`. Invariant: names follow the Redis commands.

use std::time::Duration;

use bytes::Bytes;

use crate::encoding::{DataType, Meta, UnixMillis};
use crate::engine::{Db, Live, Source};
use crate::error::{Error, Result};
use crate::types::KeyPlan;
use crate::types::string::{self, SetCondition, SetExpiry};

/// How [`Strings::set_with`] sets: Redis' `NX`, `XX`, `GET`, `KEEPTTL`, `EX` and `EXAT`.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use windrow::SetOptions;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let lease = SetOptions::new().if_absent().expire_in(Duration::from_secs(30));
/// assert!(store.db(0).strings().set_with("lock", "me", lease.clone())?.was_set);
/// assert!(!store.db(0).strings().set_with("lock", "you", lease)?.was_set);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct SetOptions {
    condition: SetCondition,
    expiry: ChosenExpiry,
    get: bool,
}

#[derive(Clone, Copy, Debug, Default)]
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

    /// Lets the key expire after `lifetime`, at millisecond precision (EX, PX).
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

    /// Lets the key expire at a time (EXAT, PXAT); one that has passed deletes the key.
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

    fn expiry(&self, now: UnixMillis) -> SetExpiry {
        match self.expiry {
            ChosenExpiry::None => SetExpiry::None,
            ChosenExpiry::Keep => SetExpiry::Keep,
            ChosenExpiry::In(lifetime) => SetExpiry::At(now.saturating_add(lifetime)),
            ChosenExpiry::At(time) => SetExpiry::At(time),
        }
    }
}

/// What [`Strings::set_with`] did.
///
/// # Examples
/// ```
/// use windrow::SetOptions;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// let claim = SetOptions::new().if_absent().get();
/// let first = db.strings().set_with("owner", "me", claim.clone())?;
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

/// The string operations of a db or of a view's db.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// let strings = db.strings();
/// strings.set("k", "v")?;
/// assert_eq!(strings.get("k")?.as_deref(), Some(b"v".as_slice()));
/// # Ok(()) }
/// ```
pub struct Strings<'a, S: Source = Live> {
    db: &'a Db<S>,
}

impl<'a, S: Source> Strings<'a, S> {
    pub(super) fn new(db: &'a Db<S>) -> Self {
        Self { db }
    }

    /// Returns the value. Costs one point read, and a range read for strings above 16 KiB.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); reading errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).strings().get("missing")?, None);
    /// # Ok(()) }
    /// ```
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>> {
        self.read(key.as_ref(), |bytes| bytes, string::whole)
    }

    /// Returns the bytes from `start` to `end`, both included, counted from the end if negative (GETRANGE).
    /// Empty for a missing key. Costs as [`Strings::get`], and only the 16 KiB pieces that the range meets.
    ///
    /// # Errors
    /// As [`Strings::get`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "hello")?;
    /// assert_eq!(store.db(0).strings().get_range("k", -3, -1)?, "llo");
    /// # Ok(()) }
    /// ```
    pub fn get_range(&self, key: impl AsRef<[u8]>, start: i64, end: i64) -> Result<Bytes> {
        let cut = |bytes: Bytes| string::range_of(&bytes, start, end);
        let found = self.read(key.as_ref(), cut, |reader, meta| string::range(reader, meta, start, end))?;
        Ok(found.unwrap_or_default())
    }

    /// Returns the length in bytes, 0 for a missing key (STRLEN). Costs one point read.
    ///
    /// # Errors
    /// As [`Strings::get`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).strings().len("k")?, 0);
    /// # Ok(()) }
    /// ```
    pub fn len(&self, key: impl AsRef<[u8]>) -> Result<u64> {
        let reading = self.db.begin()?;
        Ok(as_string(reading.live(key.as_ref())?)?.map_or(0, |meta| meta.size))
    }

    /// Reads a value with `of_whole` where one element holds it, else with `of_pieces` from a snapshot.
    fn read(
        &self,
        key: &[u8],
        of_whole: impl FnOnce(Bytes) -> Bytes,
        of_pieces: impl FnOnce(&crate::types::Reader, &Meta) -> Result<Bytes>,
    ) -> Result<Option<Bytes>> {
        let reading = self.db.begin()?;
        let Some(meta) = as_string(reading.live(key)?)? else {
            return Ok(None);
        };
        if !string::is_in_pieces(&meta) {
            return Ok(Some(of_whole(string::whole(&reading.reader, &meta)?)));
        }
        if let Some(piece) = string::single_piece(&reading.reader, &meta)? {
            return Ok(Some(of_whole(piece)));
        }
        let reading = reading.steady();
        match as_string(reading.live(key)?)? {
            Some(meta) => Ok(Some(of_pieces(&reading.reader, &meta)?)),
            None => Ok(None),
        }
    }
}

impl Strings<'_, Live> {
    /// Sets the key to a string without expiry, whatever it held. Costs one commit; the old value is buried, not read.
    ///
    /// # Errors
    /// [`TooLarge`](crate::ErrorKind::TooLarge); writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set(b"any\0bytes", vec![0, 255])?;
    /// # Ok(()) }
    /// ```
    pub fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        self.set_with(key, value, SetOptions::new()).map(|_| ())
    }

    /// Sets the key with conditions, expiry, or the previous value in return.
    ///
    /// # Errors
    /// As [`Strings::set`]; [`WrongType`](crate::ErrorKind::WrongType) with [`SetOptions::get`].
    ///
    /// # Examples
    /// ```
    /// use windrow::SetOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let strings = store.db(0);
    /// strings.strings().set("k", "old")?;
    /// let outcome = strings.strings().set_with("k", "new", SetOptions::new().get())?;
    /// assert_eq!(outcome.previous.as_deref(), Some(b"old".as_slice()));
    /// # Ok(()) }
    /// ```
    pub fn set_with(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, options: SetOptions) -> Result<SetOutcome> {
        self.db.write_key(key.as_ref(), |plan| {
            let previous = if options.get { current(plan)? } else { None };
            let expiry = options.expiry(plan.now);
            let was_set = string::set(plan, value.as_ref(), options.condition, expiry)?;
            Ok(SetOutcome { was_set, previous })
        })
    }

    /// Appends to the string, creating it if missing; returns the new length. Costs one commit of the record and of
    /// the 16 KiB pieces it touches.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), [`TooLarge`](crate::ErrorKind::TooLarge); writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).strings().append("log", "line\n")?, 5);
    /// # Ok(()) }
    /// ```
    pub fn append(&self, key: impl AsRef<[u8]>, tail: impl AsRef<[u8]>) -> Result<u64> {
        self.db.write_key(key.as_ref(), |plan| string::append(plan, tail.as_ref()))
    }

    /// Overwrites part of the string from `offset` on, filling a gap with zeros; returns the new length (SETRANGE).
    /// Costs as [`Strings::append`].
    ///
    /// # Errors
    /// As [`Strings::append`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "hello")?;
    /// store.db(0).strings().set_range("k", 1, "u")?;
    /// assert_eq!(store.db(0).strings().get("k")?.as_deref(), Some(b"hullo".as_slice()));
    /// # Ok(()) }
    /// ```
    pub fn set_range(&self, key: impl AsRef<[u8]>, offset: u64, part: impl AsRef<[u8]>) -> Result<u64> {
        self.db.write_key(key.as_ref(), |plan| string::set_range(plan, offset, part.as_ref()))
    }

    /// Adds 1 to the number that the string holds, 0 if missing; returns the sum and keeps the expiry.
    ///
    /// # Errors
    /// As [`Strings::incr_by`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).strings().incr("hits")?, 1);
    /// # Ok(()) }
    /// ```
    pub fn incr(&self, key: impl AsRef<[u8]>) -> Result<i64> {
        self.incr_by(key, 1)
    }

    /// Adds to the number that the string holds, 0 if missing; returns the sum and keeps the expiry. Costs one commit.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), [`NotAnInteger`](crate::ErrorKind::NotAnInteger),
    /// [`Overflow`](crate::ErrorKind::Overflow); writing errors. Nothing is changed then.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).strings().incr_by("n", -5)?, -5);
    /// assert!(store.db(0).strings().incr_by("n", i64::MIN).is_err());
    /// # Ok(()) }
    /// ```
    pub fn incr_by(&self, key: impl AsRef<[u8]>, by: i64) -> Result<i64> {
        self.db.write_key(key.as_ref(), |plan| string::incr_by(plan, by))
    }

    /// Subtracts 1; else as [`Strings::incr`].
    ///
    /// # Errors
    /// As [`Strings::incr_by`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).strings().decr("n")?, -1);
    /// # Ok(()) }
    /// ```
    pub fn decr(&self, key: impl AsRef<[u8]>) -> Result<i64> {
        self.incr_by(key, -1)
    }

    /// Subtracts from the number; else as [`Strings::incr_by`].
    ///
    /// # Errors
    /// As [`Strings::incr_by`]; [`Overflow`](crate::ErrorKind::Overflow) for `i64::MIN`, which has no negative.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).strings().decr_by("n", 3)?, -3);
    /// # Ok(()) }
    /// ```
    pub fn decr_by(&self, key: impl AsRef<[u8]>, by: i64) -> Result<i64> {
        self.incr_by(key, by.checked_neg().ok_or_else(Error::overflow)?)
    }
}

fn current(plan: &KeyPlan<'_>) -> Result<Option<Bytes>> {
    plan.live_as(DataType::String)?.map(|meta| string::whole(plan.reader, meta)).transpose()
}

fn as_string(meta: Option<Meta>) -> Result<Option<Meta>> {
    match meta {
        Some(meta) if meta.data_type != DataType::String => Err(Error::wrong_type()),
        found => Ok(found),
    }
}
