//! Values that change their key or their db, or are copied to another.
//!
//! Uses the write path and `types`. Invariant: both keys are locked together and change in one commit.

use crate::engine::write::Target;
use crate::engine::{Db, Writable};
use crate::error::{Error, Result};
use crate::types::{KeyPlan, copy, keys};

/// How [`Db::copy_with`] copies: Redis' `DB` and `REPLACE`.
///
/// # Examples
/// ```
/// use windrow::CopyOptions;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// store.db(0).strings().set("k", "v")?;
/// assert!(store.db(0).copy_with("k", "k", CopyOptions::new().to_db(1).replace())?);
/// assert!(store.db(1).exists("k")?);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct CopyOptions {
    db: Option<u32>,
    replace: bool,
}

impl CopyOptions {
    /// Copies within the db, and replaces nothing.
    ///
    /// # Examples
    /// ```
    /// use windrow::CopyOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert!(!store.db(0).copy_with("missing", "k", CopyOptions::new())?);
    /// # Ok(()) }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Copies to another db of the same namespace (DB).
    ///
    /// # Examples
    /// ```
    /// use windrow::CopyOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["a"])?;
    /// store.db(0).copy_with("s", "s", CopyOptions::new().to_db(9))?;
    /// assert_eq!(store.db(9).sets().len("s")?, 1);
    /// # Ok(()) }
    /// ```
    pub fn to_db(mut self, number: u32) -> Self {
        self.db = Some(number);
        self
    }

    /// Replaces what is there, of whatever type (REPLACE).
    ///
    /// # Examples
    /// ```
    /// use windrow::CopyOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().mset([("from", "new"), ("to", "old")])?;
    /// assert!(!db.copy("from", "to")?);
    /// assert!(db.copy_with("from", "to", CopyOptions::new().replace())?);
    /// assert_eq!(db.strings().get("to")?.as_deref(), Some(b"new".as_slice()));
    /// # Ok(()) }
    /// ```
    pub fn replace(mut self) -> Self {
        self.replace = true;
        self
    }
}

impl<S: Writable> Db<S> {
    /// Gives the value of `from` the name `to`, with its expiry, replacing what was there. Costs one commit, whatever
    /// the sizes.
    ///
    /// # Errors
    /// [`NoSuchKey`](crate::ErrorKind::NoSuchKey) if `from` does not exist; else as [`Db::delete`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.sets().add("building", ["a"])?;
    /// db.rename("building", "current")?;
    /// assert!(db.sets().contains("current", "a")?);
    /// # Ok(()) }
    /// ```
    pub fn rename(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        if from == to {
            return if self.exists(from)? { self.engine().check_writable() } else { Err(keys::no_such_key()) };
        }
        self.write_two(self.here(from), self.here(to), keys::rename)
    }

    /// Renames as [`Db::rename`] does, unless `to` exists; returns whether it did (RENAMENX).
    ///
    /// # Errors
    /// As [`Db::rename`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().mset([("a", "1"), ("b", "2")])?;
    /// assert!(!db.rename_if_absent("a", "b")?);
    /// assert!(db.rename_if_absent("a", "c")?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RENAMENX")]
    pub fn rename_if_absent(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<bool> {
        let (from, to) = (from.as_ref(), to.as_ref());
        if from == to {
            return self.rename(from, to).map(|()| false);
        }
        self.write_two(self.here(from), self.here(to), keys::rename_if_absent)
    }

    /// Moves the key with its expiry to another db of the same namespace, if it exists here and not there; returns whether
    /// it did (MOVE). Costs one commit, whatever the size.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if `db` is this db; else as [`Db::delete`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["a"])?;
    /// assert!(store.db(0).move_to("s", 1)?);
    /// assert!(store.db(1).sets().contains("s", "a")?);
    /// assert!(!store.db(0).exists("s")?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "MOVE")]
    pub fn move_to(&self, key: impl AsRef<[u8]>, db: u32) -> Result<bool> {
        let key = key.as_ref();
        self.write_two(self.here(key), Target { db, key }, keys::move_to)
    }

    /// Copies the value of `from` with its expiry to `to`, unless that exists; returns whether it did (COPY). Costs a read
    /// and a write of the whole value; a large one goes to disk in several commits, of which the last makes it
    /// appear, and never more of it than about [`max_commit_bytes`](crate::Options::max_commit_bytes) is in memory.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if both are the same key; else as [`Db::delete`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.sets().add("today", ["a"])?;
    /// assert!(db.copy("today", "yesterday")?);
    /// db.sets().add("today", ["b"])?;
    /// assert_eq!(db.sets().len("yesterday")?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "COPY")]
    pub fn copy(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<bool> {
        self.copy_with(from, to, CopyOptions::new())
    }

    /// Copies as [`Db::copy`] does, perhaps to another db or in place of what is there.
    ///
    /// # Errors
    /// As [`Db::copy`].
    ///
    /// # Examples
    /// ```
    /// use windrow::CopyOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "v")?;
    /// assert!(store.db(0).copy_with("k", "backup of k", CopyOptions::new().to_db(1))?);
    /// # Ok(()) }
    /// ```
    pub fn copy_with(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>, options: CopyOptions) -> Result<bool> {
        let to = Target { db: options.db.unwrap_or(self.number()), key: to.as_ref() };
        self.write_two(self.here(from.as_ref()), to, |from, to| copy::copy(from, to, options.replace))
    }

    fn here<'k>(&self, key: &'k [u8]) -> Target<'k> {
        Target { db: self.number(), key }
    }

    /// Plans a change of two different keys and commits it.
    fn write_two<T>(
        &self,
        from: Target<'_>,
        to: Target<'_>,
        plan: impl FnOnce(&mut KeyPlan<'_>, &mut KeyPlan<'_>) -> Result<T>,
    ) -> Result<T> {
        if from == to {
            return Err(keys::same_key());
        }
        self.write_targets(&[from, to], |plans| match plans {
            [from, to] => plan(from, to),
            _ => Err(Error::invalid("two keys make two plans")),
        })
    }
}
