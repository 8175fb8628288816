//! The string operations of a db.
//!
//! Uses the read and write paths and `types::string`. Invariant: names follow the Redis commands. Here: whole values and
//! parts of them; numbers, several keys, conditions and subsequences have files of their own.

mod conditional;
mod lcs;
mod many;
mod numbers;
mod options;

use bytes::Bytes;

pub use lcs::{Lcs, LcsMatch};
pub use options::{GetExOptions, SetOptions, SetOutcome};

use crate::encoding::{DataType, Meta};
use crate::engine::{Db, Live, Source, Writable};
use crate::error::{Error, Result};
use crate::types::{KeyPlan, keys, string};

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
    pub(super) db: &'a Db<S>,
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
        self.read(key.as_ref(), Ok, string::whole)
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
    #[doc(alias("GETRANGE", "SUBSTR"))]
    pub fn get_range(&self, key: impl AsRef<[u8]>, start: i64, end: i64) -> Result<Bytes> {
        let cut = |bytes: Bytes| Ok(string::range_of(&bytes, start, end));
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
    #[doc(alias = "STRLEN")]
    pub fn len(&self, key: impl AsRef<[u8]>) -> Result<u64> {
        let reading = self.db.begin()?;
        Ok(as_string(reading.live(key.as_ref())?)?.map_or(0, |meta| meta.size))
    }

    /// Reads a value with `of_whole` where one element holds it, else with `of_pieces` from a snapshot.
    pub(in crate::engine) fn read<T>(
        &self,
        key: &[u8],
        of_whole: impl FnOnce(Bytes) -> Result<T>,
        of_pieces: impl FnOnce(&crate::types::Reader, &Meta) -> Result<T>,
    ) -> Result<Option<T>> {
        let reading = self.db.begin()?;
        let Some(meta) = as_string(reading.live(key)?)? else {
            return Ok(None);
        };
        if !string::is_in_pieces(&meta) {
            return Ok(Some(of_whole(string::whole(&reading.reader, &meta)?)?));
        }
        if let Some(piece) = string::single_piece(&reading.reader, &meta)? {
            return Ok(Some(of_whole(piece)?));
        }
        let reading = reading.steady();
        match as_string(reading.live(key)?)? {
            Some(meta) => Ok(Some(of_pieces(&reading.reader, &meta)?)),
            None => Ok(None),
        }
    }
}

impl<S: Writable> Strings<'_, S> {
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
    /// As [`Strings::set`]; [`WrongType`](crate::ErrorKind::WrongType) with [`SetOptions::get`];
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a lifetime below a millisecond or the time 0,
    /// [`OutOfRange`](crate::ErrorKind::OutOfRange) for an expiry beyond 63 bits of milliseconds. Nothing is changed then.
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
    #[doc(alias("SETEX", "PSETEX", "SETNX"))]
    pub fn set_with(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, options: SetOptions) -> Result<SetOutcome> {
        options.check()?;
        self.db.write_key(key.as_ref(), |plan| {
            let expiry = options.expiry(plan.now)?;
            let previous = if options.get { current(plan)? } else { None };
            let was_set = string::set(plan, value.as_ref(), options.condition, expiry)?;
            Ok(SetOutcome { was_set, previous })
        })
    }

    /// Sets the key to a string without expiry and returns what it held (GETSET). Costs a read of the old value and one
    /// commit.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), [`TooLarge`](crate::ErrorKind::TooLarge); writing errors. Nothing is
    /// changed then.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// assert_eq!(db.strings().get_set("k", "new")?, None);
    /// assert_eq!(db.strings().get_set("k", "newer")?.as_deref(), Some(b"new".as_slice()));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GETSET")]
    pub fn get_set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<Option<Bytes>> {
        Ok(self.set_with(key, value, SetOptions::new().get())?.previous)
    }

    /// Returns the value and deletes the key (GETDEL). Costs a read of the value and one commit.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), and nothing is deleted; writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("token", "once")?;
    /// assert_eq!(db.strings().get_del("token")?.as_deref(), Some(b"once".as_slice()));
    /// assert_eq!(db.strings().get_del("token")?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GETDEL")]
    pub fn get_del(&self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>> {
        self.db.write_key(key.as_ref(), |plan| {
            let value = current(plan)?;
            keys::delete(plan);
            Ok(value)
        })
    }

    /// Returns the value and changes the key's expiry as the options say (GETEX). Costs a read of the value and, if
    /// anything changes, one commit of the record.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); if there is a value, [`InvalidInput`](crate::ErrorKind::InvalidInput) for a
    /// lifetime below a millisecond or the time 0, and [`OutOfRange`](crate::ErrorKind::OutOfRange) for an expiry beyond 63
    /// bits of milliseconds; writing errors. Nothing is changed then.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::{GetExOptions, Ttl};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("session", "alice")?;
    /// let half_hour = GetExOptions::new().expire_in(Duration::from_secs(1800));
    /// assert_eq!(db.strings().get_ex("session", half_hour)?.as_deref(), Some(b"alice".as_slice()));
    /// assert!(matches!(db.ttl("session")?, Ttl::In(_)));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GETEX")]
    pub fn get_ex(&self, key: impl AsRef<[u8]>, options: GetExOptions) -> Result<Option<Bytes>> {
        self.db.write_key(key.as_ref(), |plan| {
            let value = current(plan)?;
            if value.is_some() {
                options.apply(plan)?;
            }
            Ok(value)
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
    /// As [`Strings::append`]; [`OutOfRange`](crate::ErrorKind::OutOfRange) if `offset` and the part together go beyond 64 bits.
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
    #[doc(alias = "SETRANGE")]
    pub fn set_range(&self, key: impl AsRef<[u8]>, offset: u64, part: impl AsRef<[u8]>) -> Result<u64> {
        self.db.write_key(key.as_ref(), |plan| string::set_range(plan, offset, part.as_ref()))
    }
}

/// Reads the value that the key has before the operation.
fn current(plan: &KeyPlan<'_>) -> Result<Option<Bytes>> {
    plan.live_as(DataType::String)?.map(|meta| string::whole(plan.reader, meta)).transpose()
}

/// Refuses the record of another data type.
pub(in crate::engine) fn as_string(meta: Option<Meta>) -> Result<Option<Meta>> {
    match meta {
        Some(meta) if meta.data_type != DataType::String => Err(Error::wrong_type(meta.data_type, DataType::String)),
        found => Ok(found),
    }
}
