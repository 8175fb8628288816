//! Strings that hold numbers.
//!
//! Uses the write path and `types::string`. Invariant: an increment that is refused changes nothing.

use crate::engine::{CreateOptions, Strings, Writable};
use crate::error::{Error, Result};
use crate::types::number::LongDouble;
use crate::types::string;

impl<S: Writable> Strings<'_, S> {
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
    #[doc(alias = "INCRBY")]
    pub fn incr_by(&self, key: impl AsRef<[u8]>, by: i64) -> Result<i64> {
        self.incr_by_with(key, by, CreateOptions::new())
    }

    /// Adds to the number as [`Strings::incr_by`] does, and gives a number that this call creates an expiry: a
    /// counter of a time window in one call. An existing number keeps the expiry that it has. An expiry that has
    /// passed already creates nothing, and `by` is returned.
    ///
    /// # Errors
    /// As [`Strings::incr_by`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::{CreateOptions, Ttl};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    /// assert_eq!(db.strings().incr_by_with("calls:alice", 1, minute)?, 1);
    /// let expiry = db.expires_at("calls:alice")?;
    /// assert_eq!(db.strings().incr_by_with("calls:alice", 1, minute)?, 2);
    /// assert_eq!(db.expires_at("calls:alice")?, expiry, "the window is not moved by later calls");
    /// # Ok(()) }
    /// ```
    pub fn incr_by_with(&self, key: impl AsRef<[u8]>, by: i64, options: CreateOptions) -> Result<i64> {
        self.db.write_key(key.as_ref(), |plan| {
            let birth = options.birth(plan.now)?;
            string::incr_by(plan, by, birth)
        })
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
    #[doc(alias = "DECRBY")]
    pub fn decr_by(&self, key: impl AsRef<[u8]>, by: i64) -> Result<i64> {
        self.incr_by(key, by.checked_neg().ok_or_else(Error::overflow)?)
    }

    /// Adds to the floating-point number that the string holds, 0 if missing; returns the sum and keeps the expiry
    /// (INCRBYFLOAT). The string is then what the sum's `to_string` gives: up to 17 digits behind the point, no
    /// exponent, no zeros at the end. Costs one commit.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), [`NotAFloat`](crate::ErrorKind::NotAFloat),
    /// [`Overflow`](crate::ErrorKind::Overflow) for a sum that is infinite or not a number, as with such an increment;
    /// writing errors. Nothing is changed then.
    ///
    /// # Examples
    /// ```
    /// use windrow::LongDouble;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("price", "10.50")?;
    /// assert_eq!(db.strings().incr_by_float("price", 0.1)?.to_string(), "10.6");
    /// db.strings().incr_by_float("price", LongDouble::parse("-5e-1")?)?;
    /// assert_eq!(db.strings().get("price")?.as_deref(), Some(b"10.1".as_slice()));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "INCRBYFLOAT")]
    pub fn incr_by_float(&self, key: impl AsRef<[u8]>, by: impl Into<LongDouble>) -> Result<LongDouble> {
        self.incr_by_float_with(key, by, CreateOptions::new())
    }

    /// Adds to the floating-point number as [`Strings::incr_by_float`] does, and gives a number that this call creates an
    /// expiry, as [`Strings::incr_by_with`] does.
    ///
    /// # Errors
    /// As [`Strings::incr_by_float`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::{CreateOptions, Ttl};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let hour = CreateOptions::new().expire_in(Duration::from_secs(3600));
    /// db.strings().incr_by_float_with("spent", 0.25, hour)?;
    /// assert!(matches!(db.ttl("spent")?, Ttl::In(_)));
    /// # Ok(()) }
    /// ```
    pub fn incr_by_float_with(
        &self,
        key: impl AsRef<[u8]>,
        by: impl Into<LongDouble>,
        options: CreateOptions,
    ) -> Result<LongDouble> {
        let by = by.into();
        self.db.write_key(key.as_ref(), |plan| {
            let birth = options.birth(plan.now)?;
            string::incr_by_float(plan, by, birth)
        })
    }
}
