//! Unions, intersections and differences of sets, read or stored.
//!
//! Uses the read and write paths and `types::set::combine`. Invariant: all sets are read as of one moment; a stored
//! result becomes visible in one commit.

use crate::encoding::DataType;
use crate::engine::read::Reading;
use crate::engine::sets::{Members, as_set};
use crate::engine::write::distinct;
use crate::engine::{CreateOptions, Sets, Source, Writable};
use crate::error::{Error, Result};
use crate::types::set::combine::{self, Combined, Operation};

impl<S: Source> Sets<'_, S> {
    /// Walks over the members that any of the sets has, in byte order, as they are at the time of the call (SUNION).
    /// Reads all sets side by side, in constant memory; as long as the iterator lives it holds reclaiming back like a
    /// view.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), [`InvalidInput`](crate::ErrorKind::InvalidInput) without keys; reading
    /// errors, for each member too.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let sets = db.sets();
    /// sets.add("a", ["1", "2"])?;
    /// sets.add("b", ["2", "3"])?;
    /// assert_eq!(sets.union(["a", "b"])?.collect::<windrow::Result<Vec<_>>>()?, ["1", "2", "3"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SUNION")]
    pub fn union<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<Members> {
        self.combine(Operation::Union, keys)
    }

    /// Walks over the members that all of the sets have, as [`Sets::union`] does (SINTER). Reads the smallest set and
    /// walks along with the others, but asks one that is many times larger only for the members in question.
    ///
    /// # Errors
    /// As [`Sets::union`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let sets = db.sets();
    /// sets.add("a", ["1", "2"])?;
    /// sets.add("b", ["2", "3"])?;
    /// assert_eq!(sets.inter(["a", "b"])?.collect::<windrow::Result<Vec<_>>>()?, ["2"]);
    /// assert_eq!(sets.inter(["a", "missing"])?.count(), 0);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SINTER")]
    pub fn inter<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<Members> {
        self.combine(Operation::Intersection, keys)
    }

    /// Walks over the members that the first set has and no other, as [`Sets::union`] does (SDIFF). Reads the first set,
    /// and the others as [`Sets::inter`] does.
    ///
    /// # Errors
    /// As [`Sets::union`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let sets = db.sets();
    /// sets.add("a", ["1", "2"])?;
    /// sets.add("b", ["2", "3"])?;
    /// assert_eq!(sets.diff(["a", "b"])?.collect::<windrow::Result<Vec<_>>>()?, ["1"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SDIFF")]
    pub fn diff<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<Members> {
        self.combine(Operation::Difference, keys)
    }

    /// Counts the members that all of the sets have, as far as `limit`; 0 is no limit, as in Redis (SINTERCARD). Reads
    /// as [`Sets::inter`] does.
    ///
    /// # Errors
    /// As [`Sets::union`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let sets = db.sets();
    /// sets.add("a", ["1", "2", "3"])?;
    /// sets.add("b", ["2", "3"])?;
    /// assert_eq!(sets.inter_card(["a", "b"], 0)?, 2);
    /// assert_eq!(sets.inter_card(["a", "b"], 1)?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SINTERCARD")]
    pub fn inter_card<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>, limit: u64) -> Result<u64> {
        let (combined, reading) = self.open(Operation::Intersection, keys)?;
        combined.count(&reading.reader, if limit == 0 { u64::MAX } else { limit })
    }

    fn combine<K: AsRef<[u8]>>(&self, operation: Operation, keys: impl IntoIterator<Item = K>) -> Result<Members> {
        let (combined, reading) = self.open(operation, keys)?;
        Ok(Members::new(combined, reading))
    }

    fn open<K: AsRef<[u8]>>(
        &self,
        operation: Operation,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<(Combined, Reading)> {
        let reading = self.db.begin()?.steady();
        let read = |key: K| as_set(reading.live(key.as_ref())?);
        let sets = keys.into_iter().map(read).collect::<Result<Vec<_>>>()?;
        require_keys(sets.len())?;
        Ok((Combined::open(&reading.reader, operation, sets)?, reading))
    }
}

impl<S: Writable> Sets<'_, S> {
    /// Stores what [`Sets::union`] would give in place of whatever `destination` holds, without expiry; returns its size
    /// (SUNIONSTORE). An empty result removes it. Reads in constant memory, as that does, and locks all keys meanwhile; costs one
    /// commit or, above a few MiB, several that become visible together.
    ///
    /// # Errors
    /// As [`Sets::union`], with [`TooLarge`](crate::ErrorKind::TooLarge) for a key; writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let sets = db.sets();
    /// sets.add("mon", ["ann", "bob"])?;
    /// sets.add("tue", ["bob", "eve"])?;
    /// assert_eq!(sets.union_store("days", ["mon", "tue"])?, 3);
    /// assert_eq!(sets.len("days")?, 3);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SUNIONSTORE")]
    pub fn union_store<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<u64> {
        self.union_store_with(destination, keys, CreateOptions::new())
    }

    /// Stores as [`Sets::union_store`] does, and says how the result is to be born. A result that would be born expired
    /// removes the destination and counts as empty.
    ///
    /// # Errors
    /// As [`Sets::union_store`].
    ///
    /// # Examples
    /// ```
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let sets = db.sets();
    /// sets.add("mon", ["ann", "bob"])?;
    /// sets.add("tue", ["bob", "eve"])?;
    /// assert_eq!(sets.union_store_with("days", ["mon", "tue"], CreateOptions::new().growing())?, 3);
    /// # Ok(()) }
    /// ```
    pub fn union_store_with<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
        options: CreateOptions,
    ) -> Result<u64> {
        self.store(Operation::Union, destination.as_ref(), keys, options)
    }

    /// Stores what [`Sets::inter`] would give, as [`Sets::union_store`] does; returns its size (SINTERSTORE).
    ///
    /// # Errors
    /// As [`Sets::union_store`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let sets = db.sets();
    /// sets.add("mon", ["ann", "bob"])?;
    /// sets.add("tue", ["bob", "eve"])?;
    /// assert_eq!(sets.inter_store("both", ["mon", "tue"])?, 1);
    /// assert_eq!(sets.len("both")?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SINTERSTORE")]
    pub fn inter_store<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<u64> {
        self.inter_store_with(destination, keys, CreateOptions::new())
    }

    /// Stores as [`Sets::inter_store`] does, and says how the result is to be born. A result that would be born expired
    /// removes the destination and counts as empty.
    ///
    /// # Errors
    /// As [`Sets::union_store`].
    ///
    /// # Examples
    /// ```
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let sets = db.sets();
    /// sets.add("mon", ["ann", "bob"])?;
    /// sets.add("tue", ["bob", "eve"])?;
    /// assert_eq!(sets.inter_store_with("both", ["mon", "tue"], CreateOptions::new().growing())?, 1);
    /// # Ok(()) }
    /// ```
    pub fn inter_store_with<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
        options: CreateOptions,
    ) -> Result<u64> {
        self.store(Operation::Intersection, destination.as_ref(), keys, options)
    }

    /// Stores what [`Sets::diff`] would give, as [`Sets::union_store`] does; returns its size (SDIFFSTORE).
    ///
    /// # Errors
    /// As [`Sets::union_store`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let sets = db.sets();
    /// sets.add("mon", ["ann", "bob"])?;
    /// sets.add("tue", ["bob", "eve"])?;
    /// assert_eq!(sets.diff_store("mon", ["mon", "tue"])?, 1);
    /// assert_eq!(sets.len("mon")?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SDIFFSTORE")]
    pub fn diff_store<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<u64> {
        self.diff_store_with(destination, keys, CreateOptions::new())
    }

    /// Stores as [`Sets::diff_store`] does, and says how the result is to be born. A result that would be born expired
    /// removes the destination and counts as empty.
    ///
    /// # Errors
    /// As [`Sets::union_store`].
    ///
    /// # Examples
    /// ```
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let sets = db.sets();
    /// sets.add("mon", ["ann", "bob"])?;
    /// sets.add("tue", ["bob", "eve"])?;
    /// assert_eq!(sets.diff_store_with("mon", ["mon", "tue"], CreateOptions::new().growing())?, 1);
    /// # Ok(()) }
    /// ```
    pub fn diff_store_with<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
        options: CreateOptions,
    ) -> Result<u64> {
        self.store(Operation::Difference, destination.as_ref(), keys, options)
    }

    fn store<K: AsRef<[u8]>>(
        &self,
        operation: Operation,
        destination: &[u8],
        keys: impl IntoIterator<Item = K>,
        options: CreateOptions,
    ) -> Result<u64> {
        let keys: Vec<K> = keys.into_iter().collect();
        require_keys(keys.len())?;
        let all: Vec<&[u8]> = std::iter::once(destination).chain(keys.iter().map(AsRef::as_ref)).collect();
        let (different, places) = distinct(&all);
        self.db.write_keys(&different, |plans| {
            let source = |place: &usize| match plans.get(*place) {
                Some(plan) => Ok(plan.live_as(DataType::Set)?.cloned()),
                None => Err(Error::invalid("each key makes a plan")),
            };
            let sources = places.iter().skip(1).map(source).collect::<Result<Vec<_>>>()?;
            // The destination was named first.
            let destination = plans.first_mut().ok_or_else(|| Error::invalid("each key makes a plan"))?;
            let birth = options.birth(destination.now)?;
            combine::store(destination, operation, sources, birth)
        })
    }
}

/// Redis has no such command without keys.
fn require_keys(given: usize) -> Result<()> {
    if given == 0 { Err(Error::invalid("sets are combined of at least one key")) } else { Ok(()) }
}
