//! What changes one set or moves members between two.
//!
//! Uses the write path and `types::set`. Invariant: every call is one commit.

use bytes::Bytes;

use crate::engine::{CreateOptions, Sets, Writable};
use crate::error::{Error, Result};
use crate::types::set;

impl<S: Writable> Sets<'_, S> {
    /// Adds members, creating the set if missing; returns how many are new (SADD). Costs one commit, and one point read
    /// for each member of an existing set.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), [`TooLarge`](crate::ErrorKind::TooLarge); writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).sets().add("s", ["a"])?, 1);
    /// assert_eq!(store.db(0).sets().add("s", ["a"])?, 0);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SADD")]
    pub fn add<M: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, members: impl IntoIterator<Item = M>) -> Result<u64> {
        self.add_with(key, members, CreateOptions::new())
    }

    /// Adds members as [`Sets::add`] does, and says how a new set is to be born.
    ///
    /// # Errors
    /// As [`Sets::add`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add_with("s", ["a"], CreateOptions::new().expire_in(Duration::from_secs(60)))?;
    /// # Ok(()) }
    /// ```
    pub fn add_with<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = M>,
        options: CreateOptions,
    ) -> Result<u64> {
        let members: Vec<M> = members.into_iter().collect();
        let members: Vec<&[u8]> = members.iter().map(AsRef::as_ref).collect();
        members.iter().try_for_each(|member| self.db.engine().check_member(member))?;
        self.db.write_key(key.as_ref(), |plan| {
            let birth = options.birth(plan.now)?;
            set::add(plan, &members, birth)
        })
    }

    /// Removes members; returns how many were there (SREM). The last one's removal removes the key. Costs one commit and a
    /// point read for each member.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["a"])?;
    /// assert_eq!(store.db(0).sets().remove("s", ["a", "b"])?, 1);
    /// assert!(!store.db(0).exists("s")?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SREM")]
    pub fn remove<M: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, members: impl IntoIterator<Item = M>) -> Result<u64> {
        let members: Vec<M> = members.into_iter().collect();
        let members: Vec<&[u8]> = members.iter().map(AsRef::as_ref).collect();
        self.db.write_key(key.as_ref(), |plan| set::remove(plan, &members))
    }

    /// Removes up to `count` members chosen at random, each choice with the same chance, and returns them (SPOP). Costs a
    /// walk as [`Sets::random`] does, and one commit: emptying a large set one by one takes the square of its size, in batches far less.
    ///
    /// # Errors
    /// As [`Sets::remove`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["a", "b"])?;
    /// assert_eq!(store.db(0).sets().pop("s", 1)?.len(), 1);
    /// assert_eq!(store.db(0).sets().len("s")?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SPOP")]
    pub fn pop(&self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<Bytes>> {
        self.db.write_key(key.as_ref(), |plan| set::pop(plan, count))
    }

    /// Takes a member out of one set and adds it to another, creating that one if missing; returns whether it was
    /// there (SMOVE). Costs one commit and two point reads.
    ///
    /// # Errors
    /// As [`Sets::remove`], for either key.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let sets = db.sets();
    /// sets.add("todo", ["write", "test"])?;
    /// assert!(sets.move_member("todo", "done", "write")?);
    /// assert!(sets.contains("done", "write")?);
    /// assert!(!sets.move_member("todo", "done", "write")?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SMOVE")]
    pub fn move_member(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>, member: impl AsRef<[u8]>) -> Result<bool> {
        self.move_member_with(from, to, member, CreateOptions::new())
    }

    /// Moves a member as [`Sets::move_member`] does, and says how a new set is to be born.
    ///
    /// # Errors
    /// As [`Sets::move_member`].
    ///
    /// # Examples
    /// ```
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("todo", ["write"])?;
    /// assert!(store.db(0).sets().move_member_with("todo", "done", "write", CreateOptions::new().growing())?);
    /// # Ok(()) }
    /// ```
    pub fn move_member_with(
        &self,
        from: impl AsRef<[u8]>,
        to: impl AsRef<[u8]>,
        member: impl AsRef<[u8]>,
        options: CreateOptions,
    ) -> Result<bool> {
        let (from, to, member) = (from.as_ref(), to.as_ref(), member.as_ref());
        if from == to {
            self.db.engine().check_writable()?;
            return self.contains(from, member);
        }
        self.db.write_keys(&[from, to], |plans| match plans {
            [from, to] => {
                let birth = options.birth(from.now)?;
                set::move_member(from, to, member, birth)
            }
            _ => Err(Error::invalid("two keys make two plans")),
        })
    }
}
