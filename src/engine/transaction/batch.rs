//! Writes that are gathered first and made in one commit.
//!
//! Uses transactions. Invariant: a batch declares the keys of its writes itself; it reads nothing that its caller sees.

use std::time::Duration;

use crate::engine::transaction::Tx;
use crate::engine::{Db, SetOptions};
use crate::error::Result;

/// A write that waits for its commit.
type Write = Box<dyn FnOnce(&Db<Tx>) -> Result<()> + Send>;

/// Writes to keys of one db, made together in the order in which they were given. Made by [`Db::batch`].
///
/// What it is dropped with is never made. For writes that depend on what is there, see [`Db::transaction`].
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// let mut batch = db.batch();
/// for n in 0..1000 {
///     batch.set(format!("user:{n}"), "new").zset_add("newest", [(n.to_string(), f64::from(n))]);
/// }
/// batch.commit()?;
/// assert_eq!(db.zsets().len("newest")?, 1000);
/// # Ok(()) }
/// ```
#[must_use]
pub struct WriteBatch {
    db: Db,
    keys: Vec<Box<[u8]>>,
    writes: Vec<Write>,
}

/// What is given by reference, on its own.
fn own<A: AsRef<[u8]>>(given: impl IntoIterator<Item = A>) -> Vec<Vec<u8>> {
    given.into_iter().map(|one| one.as_ref().to_vec()).collect()
}

impl WriteBatch {
    pub(super) fn of(db: &Db) -> Self {
        Self { db: db.clone(), keys: Vec::new(), writes: Vec::new() }
    }

    /// Adds any write to one key, for which there is no method here.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let mut batch = db.batch();
    /// batch.write("n", |db, key| db.strings().incr_by(key, 5).map(drop));
    /// batch.commit()?;
    /// assert_eq!(db.strings().get("n")?, Some("5".into()));
    /// # Ok(()) }
    /// ```
    pub fn write(
        &mut self,
        key: impl AsRef<[u8]>,
        write: impl FnOnce(&Db<Tx>, &[u8]) -> Result<()> + Send + 'static,
    ) -> &mut Self {
        let key: Box<[u8]> = key.as_ref().into();
        self.keys.push(key.clone());
        self.writes.push(Box::new(move |db| write(db, &key)));
        self
    }

    /// Adds a [`Strings::set`](crate::Strings::set).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut batch = store.db(0).batch();
    /// batch.set("a", "1").set("b", "2");
    /// batch.commit()?;
    /// # Ok(()) }
    /// ```
    pub fn set(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> &mut Self {
        self.set_with(key, value, SetOptions::new())
    }

    /// Adds a [`Strings::set_with`](crate::Strings::set_with).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::SetOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut batch = store.db(0).batch();
    /// batch.set_with("session", "alice", SetOptions::new().expire_in(Duration::from_secs(60)));
    /// batch.commit()?;
    /// # Ok(()) }
    /// ```
    pub fn set_with(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, options: SetOptions) -> &mut Self {
        let value = value.as_ref().to_vec();
        self.write(key, move |db, key| db.strings().set_with(key, value, options).map(drop))
    }

    /// Adds a [`Db::delete`] of one key.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut batch = store.db(0).batch();
    /// batch.delete("a").delete("b");
    /// batch.commit()?;
    /// # Ok(()) }
    /// ```
    pub fn delete(&mut self, key: impl AsRef<[u8]>) -> &mut Self {
        self.write(key, |db, key| db.delete([key]).map(drop))
    }

    /// Adds a [`Db::expire`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut batch = store.db(0).batch();
    /// batch.set_add("s", ["a"]).expire("s", Duration::from_secs(60));
    /// batch.commit()?;
    /// # Ok(()) }
    /// ```
    pub fn expire(&mut self, key: impl AsRef<[u8]>, lifetime: Duration) -> &mut Self {
        self.write(key, move |db, key| db.expire(key, lifetime).map(drop))
    }

    /// Adds a [`Hashes::set_many`](crate::Hashes::set_many).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut batch = store.db(0).batch();
    /// batch.hash_set("user:1", [("name", "alice"), ("mail", "a@b.c")]);
    /// batch.commit()?;
    /// # Ok(()) }
    /// ```
    pub fn hash_set<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        entries: impl IntoIterator<Item = (F, V)>,
    ) -> &mut Self {
        let own = |(field, value): (F, V)| (field.as_ref().to_vec(), value.as_ref().to_vec());
        let entries: Vec<(Vec<u8>, Vec<u8>)> = entries.into_iter().map(own).collect();
        self.write(key, move |db, key| db.hashes().set_many(key, entries).map(drop))
    }

    /// Adds a [`Hashes::delete`](crate::Hashes::delete).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut batch = store.db(0).batch();
    /// batch.hash_delete("user:1", ["mail"]);
    /// batch.commit()?;
    /// # Ok(()) }
    /// ```
    pub fn hash_delete<F: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> &mut Self {
        let fields = own(fields);
        self.write(key, move |db, key| db.hashes().delete(key, fields).map(drop))
    }

    /// Adds a [`Sets::add`](crate::Sets::add).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut batch = store.db(0).batch();
    /// batch.set_add("s", ["a", "b"]);
    /// batch.commit()?;
    /// # Ok(()) }
    /// ```
    pub fn set_add<M: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = M>,
    ) -> &mut Self {
        let members = own(members);
        self.write(key, move |db, key| db.sets().add(key, members).map(drop))
    }

    /// Adds a [`Sets::remove`](crate::Sets::remove).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut batch = store.db(0).batch();
    /// batch.set_remove("s", ["a"]);
    /// batch.commit()?;
    /// # Ok(()) }
    /// ```
    pub fn set_remove<M: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = M>,
    ) -> &mut Self {
        let members = own(members);
        self.write(key, move |db, key| db.sets().remove(key, members).map(drop))
    }

    /// Adds a [`Lists::push_right`](crate::Lists::push_right).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut batch = store.db(0).batch();
    /// batch.push_right("queue", ["job"]);
    /// batch.commit()?;
    /// # Ok(()) }
    /// ```
    pub fn push_right<I: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        items: impl IntoIterator<Item = I>,
    ) -> &mut Self {
        let items = own(items);
        self.write(key, move |db, key| db.lists().push_right(key, items).map(drop))
    }

    /// Adds a [`ZSets::add`](crate::ZSets::add).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut batch = store.db(0).batch();
    /// batch.zset_add("scores", [("alice", 1.5)]);
    /// batch.commit()?;
    /// # Ok(()) }
    /// ```
    pub fn zset_add<M: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = (M, f64)>,
    ) -> &mut Self {
        let members: Vec<_> = members.into_iter().map(|(member, score)| (member.as_ref().to_vec(), score)).collect();
        self.write(key, move |db, key| db.zsets().add(key, members).map(drop))
    }

    /// Adds a [`ZSets::remove`](crate::ZSets::remove).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut batch = store.db(0).batch();
    /// batch.zset_remove("scores", ["alice"]);
    /// batch.commit()?;
    /// # Ok(()) }
    /// ```
    pub fn zset_remove<M: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = M>,
    ) -> &mut Self {
        let members = own(members);
        self.write(key, move |db, key| db.zsets().remove(key, members).map(drop))
    }

    /// Makes all of the writes in one commit, or none if one of them fails.
    ///
    /// # Errors
    /// That of the first write that fails, else as [`Namespace::transaction`](crate::Namespace::transaction).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let mut batch = db.batch();
    /// batch.set("k", "a string").set_add("k", ["no set"]);
    /// assert_eq!(batch.commit().unwrap_err().kind(), windrow::ErrorKind::WrongType);
    /// assert!(!db.exists("k")?);
    /// # Ok(()) }
    /// ```
    pub fn commit(self) -> Result<()> {
        let writes = self.writes;
        self.db.transaction(self.keys, |db| writes.into_iter().try_for_each(|write| write(db)))
    }
}
