//! Changes that go ahead only if the key holds a certain value: for leases, and for whoever reads, thinks and writes.
//!
//! Uses the write path and `types::string`. Invariant: value and change belong to one moment, as both happen
//! under the key's lock.

use std::time::Duration;

use super::current;
use crate::engine::expiry::after;
use crate::engine::{SetOptions, SetOutcome, Strings, Writable};
use crate::error::Result;
use crate::types::keys::{self, ExpireCondition};
use crate::types::string;

impl<S: Writable> Strings<'_, S> {
    /// Sets the key if it holds the string `expected`; the options say the rest, as in [`Strings::set_with`]. A missing key
    /// holds nothing, so it is not set. Costs a read of a value as long as `expected`, and one commit.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), [`TooLarge`](crate::ErrorKind::TooLarge);
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a lifetime below a millisecond or the time 0,
    /// [`OutOfRange`](crate::ErrorKind::OutOfRange) for an expiry beyond 63 bits of milliseconds; writing errors. Nothing is
    /// changed then.
    ///
    /// # Examples
    /// ```
    /// use windrow::SetOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let strings = db.strings();
    /// strings.set("config", "v1")?;
    /// assert!(strings.set_if_equals("config", "v1", "v2", SetOptions::new())?.was_set);
    /// let late = strings.set_if_equals("config", "v1", "v3", SetOptions::new().get())?;
    /// assert!(!late.was_set);
    /// assert_eq!(late.previous.as_deref(), Some(b"v2".as_slice()));
    /// # Ok(()) }
    /// ```
    pub fn set_if_equals(
        &self,
        key: impl AsRef<[u8]>,
        expected: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        options: SetOptions,
    ) -> Result<SetOutcome> {
        options.check()?;
        self.db.write_key(key.as_ref(), |plan| {
            let expiry = options.expiry(plan.now)?;
            let previous = if options.get { current(plan)? } else { None };
            let was_set = string::equals(plan, expected.as_ref())?
                && string::set(plan, value.as_ref(), options.condition, expiry)?;
            Ok(SetOutcome { was_set, previous })
        })
    }

    /// Deletes the key if it holds the string `expected`; returns whether it did. Costs as [`Strings::set_if_equals`].
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); writing errors. Nothing is changed then.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("lock", "me")?;
    /// assert!(!db.strings().delete_if_equals("lock", "you")?);
    /// assert!(db.strings().delete_if_equals("lock", "me")?);
    /// # Ok(()) }
    /// ```
    pub fn delete_if_equals(&self, key: impl AsRef<[u8]>, expected: impl AsRef<[u8]>) -> Result<bool> {
        self.db.write_key(key.as_ref(), |plan| Ok(string::equals(plan, expected.as_ref())? && keys::delete(plan)))
    }

    /// Lets the key expire after `lifetime` if it holds the string `expected`; returns whether it did. Costs as
    /// [`Strings::set_if_equals`]. A lifetime below a millisecond deletes the key, as [`Db::expire`](crate::Db::expire) does.
    ///
    /// # Errors
    /// [`OutOfRange`](crate::ErrorKind::OutOfRange) as for [`Db::expire`](crate::Db::expire); as [`Strings::delete_if_equals`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::SetOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let lease = Duration::from_secs(30);
    /// db.strings().set_with("lock", "me", SetOptions::new().if_absent().expire_in(lease))?;
    /// assert!(db.strings().expire_if_equals("lock", "me", lease)?, "still mine, and prolonged");
    /// assert!(!db.strings().expire_if_equals("lock", "you", lease)?);
    /// # Ok(()) }
    /// ```
    pub fn expire_if_equals(
        &self,
        key: impl AsRef<[u8]>,
        expected: impl AsRef<[u8]>,
        lifetime: Duration,
    ) -> Result<bool> {
        self.db.write_key(key.as_ref(), |plan| {
            let time = after(plan.now, lifetime)?;
            Ok(string::equals(plan, expected.as_ref())? && keys::expire_at(plan, time, ExpireCondition::Always))
        })
    }
}
