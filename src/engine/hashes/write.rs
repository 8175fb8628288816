//! What changes a hash.
//!
//! Uses the write path and `types::hash`. Invariant: every call is one commit.

use crate::engine::{CreateOptions, Hashes, Writable};
use crate::error::{Error, ErrorKind, Result};
use crate::types::hash;
use crate::types::number::LongDouble;

impl<S: Writable> Hashes<'_, S> {
    /// Sets a field, creating the hash if missing; returns whether the field is new (HSET). Costs one commit, and a point
    /// read in an existing hash.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), [`TooLarge`](crate::ErrorKind::TooLarge); writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert!(store.db(0).hashes().set("h", "f", "old")?);
    /// assert!(!store.db(0).hashes().set("h", "f", "new")?);
    /// assert_eq!(store.db(0).hashes().get("h", "f")?.as_deref(), Some(b"new".as_slice()));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HSET")]
    pub fn set(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool> {
        self.set_with(key, field, value, CreateOptions::new())
    }

    /// Sets a field as [`Hashes::set`] does, and says how a new hash is to be born.
    ///
    /// # Errors
    /// As [`Hashes::set`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let hour = CreateOptions::new().expire_in(Duration::from_secs(3600));
    /// assert!(store.db(0).hashes().set_with("session", "user", "alice", hour)?);
    /// assert!(store.db(0).expires_at("session")?.is_some());
    /// # Ok(()) }
    /// ```
    pub fn set_with(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        options: CreateOptions,
    ) -> Result<bool> {
        Ok(self.set_many_with(key, [(field, value)], options)? > 0)
    }

    /// Sets fields in one commit, the later ones over the earlier; returns how many are new (HSET, HMSET). Costs one commit,
    /// and a point read for each field of an existing hash.
    ///
    /// # Errors
    /// As [`Hashes::set`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).hashes().set_many("h", [("a", "1"), ("b", "2"), ("a", "3")])?, 2);
    /// assert_eq!(store.db(0).hashes().get("h", "a")?.as_deref(), Some(b"3".as_slice()));
    /// # Ok(()) }
    /// ```
    #[doc(alias("HSET", "HMSET"))]
    pub fn set_many<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        entries: impl IntoIterator<Item = (F, V)>,
    ) -> Result<u64> {
        self.set_many_with(key, entries, CreateOptions::new())
    }

    /// Sets fields as [`Hashes::set_many`] does, and says how a new hash is to be born.
    ///
    /// # Errors
    /// As [`Hashes::set`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let hour = CreateOptions::new().expire_in(Duration::from_secs(3600));
    /// store.db(0).hashes().set_many_with("session", [("user", "alice"), ("lang", "en")], hour)?;
    /// assert!(store.db(0).expires_at("session")?.is_some());
    /// # Ok(()) }
    /// ```
    pub fn set_many_with<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        entries: impl IntoIterator<Item = (F, V)>,
        options: CreateOptions,
    ) -> Result<u64> {
        let entries: Vec<(F, V)> = entries.into_iter().collect();
        let entries: Vec<(&[u8], &[u8])> =
            entries.iter().map(|(field, value)| (field.as_ref(), value.as_ref())).collect();
        entries.iter().try_for_each(|(field, value)| self.check_entry(field, value))?;
        self.db.write_key(key.as_ref(), |plan| {
            let birth = options.birth(plan.now)?;
            hash::set(plan, &entries, birth)
        })
    }

    /// Sets a field only if it does not exist; returns whether it was set (HSETNX). Costs as [`Hashes::set`].
    ///
    /// # Errors
    /// As [`Hashes::set`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert!(store.db(0).hashes().set_if_absent("h", "f", "first")?);
    /// assert!(!store.db(0).hashes().set_if_absent("h", "f", "second")?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HSETNX")]
    pub fn set_if_absent(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<bool> {
        self.set_if_absent_with(key, field, value, CreateOptions::new())
    }

    /// Sets a field as [`Hashes::set_if_absent`] does, and says how a new hash is to be born.
    ///
    /// # Errors
    /// As [`Hashes::set`].
    ///
    /// # Examples
    /// ```
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert!(store.db(0).hashes().set_if_absent_with("h", "f", "v", CreateOptions::new().growing())?);
    /// # Ok(()) }
    /// ```
    pub fn set_if_absent_with(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        options: CreateOptions,
    ) -> Result<bool> {
        let (field, value) = (field.as_ref(), value.as_ref());
        self.check_entry(field, value)?;
        self.db.write_key(key.as_ref(), |plan| {
            let birth = options.birth(plan.now)?;
            hash::set_if_absent(plan, field, value, birth)
        })
    }

    /// Deletes fields; returns how many were there (HDEL). The last one's removal removes the key. Costs one commit and a
    /// point read for each field.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set("h", "a", "1")?;
    /// assert_eq!(store.db(0).hashes().delete("h", ["a", "b"])?, 1);
    /// assert!(!store.db(0).exists("h")?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HDEL")]
    pub fn delete<F: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, fields: impl IntoIterator<Item = F>) -> Result<u64> {
        let fields: Vec<F> = fields.into_iter().collect();
        let fields: Vec<&[u8]> = fields.iter().map(AsRef::as_ref).collect();
        self.db.write_key(key.as_ref(), |plan| hash::delete(plan, &fields))
    }

    /// Adds to the integer that a field holds, 0 if there is none; returns the sum (HINCRBY). Costs as [`Hashes::set`].
    ///
    /// # Errors
    /// [`NotAnInteger`](crate::ErrorKind::NotAnInteger) if the field holds something else,
    /// [`Overflow`](crate::ErrorKind::Overflow) beyond 64 bits; as [`Hashes::set`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).hashes().incr_by("h", "visits", 5)?, 5);
    /// assert_eq!(store.db(0).hashes().incr_by("h", "visits", -2)?, 3);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HINCRBY")]
    pub fn incr_by(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, by: i64) -> Result<i64> {
        self.incr_by_with(key, field, by, CreateOptions::new())
    }

    /// Adds as [`Hashes::incr_by`] does, and says how a new hash is to be born.
    ///
    /// # Errors
    /// As [`Hashes::incr_by`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let minute = CreateOptions::new().expire_in(Duration::from_secs(60)).growing();
    /// assert_eq!(store.db(0).hashes().incr_by_with("calls:17:05", "alice", 1, minute)?, 1);
    /// # Ok(()) }
    /// ```
    pub fn incr_by_with(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        by: i64,
        options: CreateOptions,
    ) -> Result<i64> {
        let field = field.as_ref();
        self.check_entry(field, b"")?;
        self.db.write_key(key.as_ref(), |plan| {
            let birth = options.birth(plan.now)?;
            hash::incr_by(plan, field, by, birth)
        })
    }

    /// Adds to the number that a field holds, 0 if there is none; stores and returns the sum as Redis writes it (HINCRBYFLOAT).
    /// [`LongDouble`] says how it is computed. Costs as [`Hashes::set`].
    ///
    /// # Errors
    /// [`NotAFloat`](crate::ErrorKind::NotAFloat) if the field holds something else, or for an increment that is not finite;
    /// [`Overflow`](crate::ErrorKind::Overflow) if the sum is not finite; as [`Hashes::set`].
    ///
    /// # Examples
    /// ```
    /// use windrow::LongDouble;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).hashes().incr_by_float("h", "price", 10.5)?.to_string(), "10.5");
    /// assert_eq!(store.db(0).hashes().incr_by_float("h", "price", LongDouble::parse("0.1")?)?.to_string(), "10.6");
    /// assert_eq!(store.db(0).hashes().get("h", "price")?.as_deref(), Some(b"10.6".as_slice()));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HINCRBYFLOAT")]
    pub fn incr_by_float(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        by: impl Into<LongDouble>,
    ) -> Result<LongDouble> {
        self.incr_by_float_with(key, field, by, CreateOptions::new())
    }

    /// Adds as [`Hashes::incr_by_float`] does, and says how a new hash is to be born.
    ///
    /// # Errors
    /// As [`Hashes::incr_by_float`].
    ///
    /// # Examples
    /// ```
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let sum = store.db(0).hashes().incr_by_float_with("h", "f", -0.25, CreateOptions::new().growing())?;
    /// assert_eq!(sum.to_string(), "-0.25");
    /// # Ok(()) }
    /// ```
    pub fn incr_by_float_with(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        by: impl Into<LongDouble>,
        options: CreateOptions,
    ) -> Result<LongDouble> {
        let (field, by) = (field.as_ref(), by.into());
        if !by.is_finite() {
            return Err(Error::new(ErrorKind::NotAFloat, "value is NaN or Infinity"));
        }
        self.check_entry(field, b"")?;
        self.db.write_key(key.as_ref(), |plan| {
            let birth = options.birth(plan.now)?;
            hash::incr_by_float(plan, field, by, birth)
        })
    }

    fn check_entry(&self, field: &[u8], value: &[u8]) -> Result<()> {
        let engine = self.db.engine();
        engine.check_member(field)?;
        engine.check_value(value)
    }
}
