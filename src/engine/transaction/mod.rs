//! Transactions: several operations on declared keys, in one commit.
//!
//! Uses the read and write paths, the locks and the overlay. Invariants: all stripes of the declared keys are taken at
//! once, in order, before anything is read, and a thread inside a transaction takes no others, so no two transactions
//! wait for each other; nothing is written before the one commit, but chunks of large builds.

mod batch;
mod inside;
mod run;
mod tx;
mod watch;

use std::sync::Arc;

pub use batch::WriteBatch;
pub use tx::Tx;
pub use watch::Watch;
pub(super) use watch::Watches;

use crate::engine::{Db, Namespace, Store};
use crate::error::Result;

/// A transaction under way: gives the dbs in which its keys lie.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// store.transaction([(0, "queue"), (1, "done")], |tx| {
///     tx.db(0).lists().push_right("queue", ["job"])?;
///     tx.db(1).strings().incr("done")
/// })?;
/// # Ok(()) }
/// ```
pub struct Transaction {
    tx: Tx,
    namespace: Arc<[u8]>,
}

impl Transaction {
    /// Returns a db of the transaction's namespace. A handle that is kept for longer than the transaction only refuses.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let length = store.transaction([(3, "k")], |tx| tx.db(3).strings().append("k", "abc"))?;
    /// assert_eq!(length, 3);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn db(&self, number: u32) -> Db<Tx> {
        Db::new(self.tx.clone(), Arc::clone(&self.namespace), number)
    }
}

impl Store {
    /// Runs a transaction on keys of the default namespace, each named by its db and its key; see [`Namespace::transaction`].
    ///
    /// # Errors
    /// As [`Namespace::transaction`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let moved = store.transaction([(0, "from"), (1, "to")], |tx| {
    ///     let value = tx.db(0).strings().get_del("from")?;
    ///     tx.db(1).strings().set("to", value.unwrap_or_default())
    /// });
    /// assert!(moved.is_ok());
    /// # Ok(()) }
    /// ```
    #[doc(alias("MULTI", "EXEC"))]
    pub fn transaction<K: AsRef<[u8]>, T>(
        &self,
        keys: impl IntoIterator<Item = (u32, K)>,
        body: impl FnOnce(&Transaction) -> Result<T>,
    ) -> Result<T> {
        self.namespace([]).transaction(keys, body)
    }

    /// Watches keys of the default namespace; see [`Namespace::watch`].
    ///
    /// # Errors
    /// As [`Namespace::watch`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let watch = store.watch([(0, "k")])?;
    /// store.db(0).strings().set("k", "changed")?;
    /// assert!(watch.is_broken()?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "WATCH")]
    pub fn watch<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = (u32, K)>) -> Result<Watch> {
        self.namespace([]).watch(keys)
    }
}

impl Namespace {
    /// Runs `body` as a transaction on keys of this namespace, each named by its db and its key: what it reads does not change
    /// meanwhile but by itself, it sees its own writes, and when it returns `Ok` all of them become visible and durable in
    /// one commit. When it returns an error, nothing has happened; [`Error::aborted`](crate::Error::aborted) makes one to end it on
    /// purpose.
    /// The failure of a single operation inside changes nothing, and ends the transaction only if `body` returns it.
    ///
    /// Only the keys declared can be touched, for reading too. They are locked until the end, and the store's reaper waits
    /// for it: keep it short. Inside, time stands still: all of it happens at the moment at which the locks were taken.
    ///
    /// Not offered inside are walks over keys ([`Db::keys`], [`Db::scan`], [`Db::random_key`] and their like), and sorting
    /// by or getting keys that were not declared, which is refused as everything else about them. In the thread that runs `body`,
    /// writes to the store beside the transaction, flushes, swaps and another transaction are refused, as they could wait for
    /// this one; reads beside it are allowed, and do not see what it writes. Work that `body` hands to other threads and waits for must not write
    /// to the store beside the transaction; and transactions on several stores, one inside the other, need an order
    /// of the stores, as any locks do.
    ///
    /// Costs the locks, a read of each key that is touched, and one commit; if the keys lie in several dbs, one more for those of them
    /// that are not there yet, which stay there, empty, if it fails. The changes wait in memory, of which new
    /// collections of more than [`max_commit_bytes`](crate::Options::max_commit_bytes) take no more than that. Ranks in large
    /// sorted sets that the transaction has changed are found by walking.
    ///
    /// # Errors
    /// Those of `body`. [`InvalidInput`](crate::ErrorKind::InvalidInput) for a key that was not declared and inside another
    /// transaction of the same thread; [`TooLarge`](crate::ErrorKind::TooLarge) for an operation with which the changes
    /// would take more than [`max_value_bytes`](crate::Options::max_value_bytes) and
    /// [`max_commit_bytes`](crate::Options::max_commit_bytes) together; else as [`Db::delete`].
    ///
    /// # Examples
    /// ```
    /// use windrow::Error;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let bank = store.namespace("bank");
    /// bank.db(0).strings().mset([("alice", "10"), ("bob", "0")])?;
    /// let pay = |amount| {
    ///     bank.transaction([(0, "alice"), (0, "bob")], |tx| {
    ///         let db = tx.db(0);
    ///         if db.strings().decr_by("alice", amount)? < 0 {
    ///             return Err(Error::aborted("alice has not enough"));
    ///         }
    ///         db.strings().incr_by("bob", amount)
    ///     })
    /// };
    /// assert_eq!(pay(7)?, 7);
    /// assert_eq!(pay(7).unwrap_err().kind(), windrow::ErrorKind::Aborted);
    /// assert_eq!(bank.db(0).strings().get("alice")?, Some("3".into()));
    /// # Ok(()) }
    /// ```
    #[doc(alias("MULTI", "EXEC"))]
    pub fn transaction<K: AsRef<[u8]>, T>(
        &self,
        keys: impl IntoIterator<Item = (u32, K)>,
        body: impl FnOnce(&Transaction) -> Result<T>,
    ) -> Result<T> {
        let keys = run::Keys::of(keys);
        run::unwatched(run::run(&self.live, &self.name, keys, None, body)?)
    }

    /// Watches keys of this namespace, each named by its db and its key: read them, think, and then have
    /// [`Watch::transaction`] write only if none of them has changed since.
    ///
    /// Costs a read of each key, and memory for it as long as the watch lives. What others write costs a look at a table
    /// while anybody watches anything.
    ///
    /// # Errors
    /// [`TooLarge`](crate::ErrorKind::TooLarge) for a key; else as [`Db::exists`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let users = store.namespace("users");
    /// let watch = users.watch([(0, "next")])?;
    /// let next = users.db(0).strings().get("next")?.unwrap_or_else(|| "0".into());
    /// let done = watch.transaction([(0, "next")], |tx| tx.db(0).strings().append("next", &next))?;
    /// assert_eq!(done, Some(1));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "WATCH")]
    pub fn watch<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = (u32, K)>) -> Result<Watch> {
        Watch::begin(&self.live, &self.name, keys)
    }
}

impl Db {
    /// Runs a transaction on keys of this db; see [`Namespace::transaction`].
    ///
    /// # Errors
    /// As [`Namespace::transaction`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let visits = db.transaction(["visitors", "visits"], |db| {
    ///     db.sets().add("visitors", ["alice"])?;
    ///     db.strings().incr("visits")
    /// })?;
    /// assert_eq!(visits, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias("MULTI", "EXEC"))]
    pub fn transaction<K: AsRef<[u8]>, T>(
        &self,
        keys: impl IntoIterator<Item = K>,
        body: impl FnOnce(&Db<Tx>) -> Result<T>,
    ) -> Result<T> {
        let number = self.number();
        let keys = run::Keys::of(keys.into_iter().map(|key| (number, key)));
        run::unwatched(run::run(self.source(), self.namespace(), keys, None, |tx| body(&tx.db(number)))?)
    }

    /// Watches keys of this db; see [`Namespace::watch`].
    ///
    /// # Errors
    /// As [`Namespace::watch`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let watch = db.watch(["k"])?;
    /// db.sets().add("other", ["a"])?;
    /// assert!(!watch.is_broken()?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "WATCH")]
    pub fn watch<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<Watch> {
        let number = self.number();
        Watch::begin(self.source(), self.namespace(), keys.into_iter().map(|key| (number, key)))
    }

    /// Begins a batch: writes to keys of this db that are gathered first and then made in one commit.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let mut batch = db.batch();
    /// batch.set("k", "v").set_add("s", ["a", "b"]).delete("old");
    /// batch.commit()?;
    /// assert_eq!(db.len()?, 2);
    /// # Ok(()) }
    /// ```
    pub fn batch(&self) -> WriteBatch {
        WriteBatch::of(self)
    }
}
