//! Union, intersection and difference of sorted sets.
//!
//! Uses the read and write paths and `types::zset`. Invariant: the sources of one call are read at one moment.

use bytes::Bytes;

use crate::encoding::Meta;
use crate::engine::write::distinct;
use crate::engine::{CreateOptions, Source, Writable, ZSets};
use crate::error::{Error, Result};
use crate::types::zset::combine::{self, Aggregate, Input, Operation};
use crate::types::{KeyPlan, Reader};

/// How scores are made when sets are combined.
///
/// # Examples
/// ```
/// use windrow::{Aggregate, CombineOptions};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.zsets().add("likes", [("post", 10.0)])?;
/// db.sets().add("pinned", ["post", "news"])?;
/// let pins_first = CombineOptions::new().weights(&[1.0, 100.0]).aggregate(Aggregate::Max);
/// let ranked = db.zsets().union(["likes", "pinned"], pins_first)?;
/// assert_eq!(ranked, [("news".into(), 100.0), ("post".into(), 100.0)]);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[must_use]
pub struct CombineOptions<'a> {
    weights: Option<&'a [f64]>,
    aggregate: Aggregate,
}

impl<'a> CombineOptions<'a> {
    /// Takes scores as they are and adds them up.
    ///
    /// # Examples
    /// ```
    /// use windrow::CombineOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("a", [("m", 1.0)])?;
    /// let doubled = store.db(0).zsets().union(["a", "a"], CombineOptions::new())?;
    /// assert_eq!(doubled, [("m".into(), 2.0)]);
    /// # Ok(()) }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Multiplies the scores of each source by its weight (WEIGHTS), one for each key. 0 times infinity is 0.
    ///
    /// # Examples
    /// ```
    /// use windrow::CombineOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("a", [("m", 2.0)])?;
    /// let halved = store.db(0).zsets().union(["a"], CombineOptions::new().weights(&[0.5]))?;
    /// assert_eq!(halved, [("m".into(), 1.0)]);
    /// # Ok(()) }
    /// ```
    pub fn weights(mut self, weights: &'a [f64]) -> Self {
        self.weights = Some(weights);
        self
    }

    /// Says what the scores of one member become (AGGREGATE).
    ///
    /// # Examples
    /// ```
    /// use windrow::{Aggregate, CombineOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("a", [("m", 2.0)])?;
    /// store.db(0).zsets().add("b", [("m", 3.0)])?;
    /// let least = store.db(0).zsets().inter(["a", "b"], CombineOptions::new().aggregate(Aggregate::Min))?;
    /// assert_eq!(least, [("m".into(), 2.0)]);
    /// # Ok(()) }
    /// ```
    pub fn aggregate(mut self, aggregate: Aggregate) -> Self {
        self.aggregate = aggregate;
        self
    }

    fn check(&self, keys: usize) -> Result<()> {
        match self.weights {
            Some(weights) if weights.len() != keys => Err(Error::invalid("each key needs one weight")),
            Some(weights) if weights.iter().any(|weight| weight.is_nan()) => {
                Err(Error::not_a_number("a weight is NaN"))
            }
            _ => Ok(()),
        }
    }

    /// ORDER: a source of another type is told before a wrong weight, as in Redis.
    fn inputs<'r>(&self, reader: &'r Reader, sources: &[Option<Meta>]) -> Result<Vec<Input<'r>>> {
        let weights = self.weights.into_iter().flatten().copied().chain(std::iter::repeat(1.0));
        let inputs = sources.iter().zip(weights).map(|(meta, weight)| Input::of(reader, meta.as_ref(), weight));
        let inputs = inputs.collect::<Result<_>>()?;
        self.check(sources.len())?;
        Ok(inputs)
    }
}

impl<S: Source> ZSets<'_, S> {
    /// Returns the members of any of the sorted sets and sets, in the order of their combined scores (ZUNION); a
    /// member of a plain set has score 1. Reads all of them, side by side; the result is in memory, as the order of
    /// scores needs.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); [`InvalidInput`](crate::ErrorKind::InvalidInput) without a key, or
    /// if the weights are not as many; [`NotANumber`](crate::ErrorKind::NotANumber) for a weight; reading errors.
    ///
    /// # Examples
    /// ```
    /// use windrow::CombineOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.zsets().add("mon", [("ann", 3.0), ("bob", 1.0)])?;
    /// db.zsets().add("tue", [("bob", 5.0)])?;
    /// let week = db.zsets().union(["mon", "tue"], CombineOptions::new())?;
    /// assert_eq!(week, [("ann".into(), 3.0), ("bob".into(), 6.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZUNION")]
    pub fn union<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        options: CombineOptions<'_>,
    ) -> Result<Vec<(Bytes, f64)>> {
        self.combine(Operation::Union, keys, options)
    }

    /// Returns the members that all of the sorted sets and sets have, in the order of their combined scores (ZINTER).
    /// Reads the smallest one, and of each other one either all up to the last common member or, if it is much larger,
    /// a point for each member of the smallest. The result is in memory.
    ///
    /// # Errors
    /// As [`ZSets::union`].
    ///
    /// # Examples
    /// ```
    /// use windrow::CombineOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.zsets().add("mon", [("ann", 3.0), ("bob", 1.0)])?;
    /// db.zsets().add("tue", [("bob", 5.0)])?;
    /// assert_eq!(db.zsets().inter(["mon", "tue"], CombineOptions::new())?, [("bob".into(), 6.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZINTER")]
    pub fn inter<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        options: CombineOptions<'_>,
    ) -> Result<Vec<(Bytes, f64)>> {
        self.combine(Operation::Inter, keys, options)
    }

    /// Returns the members of the first sorted set or set that no other one has, in the order of their scores there
    /// (ZDIFF). Costs as [`ZSets::inter`] if the first one is the smallest.
    ///
    /// # Errors
    /// As [`ZSets::union`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.zsets().add("all", [("ann", 3.0), ("bob", 1.0)])?;
    /// db.sets().add("banned", ["bob"])?;
    /// assert_eq!(db.zsets().diff(["all", "banned"])?, [("ann".into(), 3.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZDIFF")]
    pub fn diff<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<Vec<(Bytes, f64)>> {
        self.combine(Operation::Diff, keys, CombineOptions::new())
    }

    /// Counts the members that all of the sorted sets and sets have, and stops at `limit`; 0 is no limit
    /// (ZINTERCARD). Costs as [`ZSets::inter`], but no memory.
    ///
    /// # Errors
    /// As [`ZSets::union`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.zsets().add("mon", [("ann", 3.0), ("bob", 1.0)])?;
    /// db.zsets().add("tue", [("ann", 3.0), ("bob", 5.0)])?;
    /// assert_eq!(db.zsets().inter_card(["mon", "tue"], 0)?, 2);
    /// assert_eq!(db.zsets().inter_card(["mon", "tue"], 1)?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZINTERCARD")]
    pub fn inter_card<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>, limit: u64) -> Result<u64> {
        let limit = if limit == 0 { u64::MAX } else { limit };
        self.with_inputs(keys, CombineOptions::new(), |inputs| combine::inter_card(inputs, limit))
    }

    fn combine<K: AsRef<[u8]>>(
        &self,
        operation: Operation,
        keys: impl IntoIterator<Item = K>,
        options: CombineOptions<'_>,
    ) -> Result<Vec<(Bytes, f64)>> {
        self.with_inputs(keys, options, |inputs| combine::collect(operation, inputs, options.aggregate))
    }

    fn with_inputs<K: AsRef<[u8]>, T>(
        &self,
        keys: impl IntoIterator<Item = K>,
        options: CombineOptions<'_>,
        work: impl FnOnce(Vec<Input<'_>>) -> Result<T>,
    ) -> Result<T> {
        let reading = self.db.begin()?.steady();
        let sources = keys.into_iter().map(|key| reading.live(key.as_ref())).collect::<Result<Vec<_>>>()?;
        require_keys(sources.len())?;
        work(options.inputs(&reading.reader, &sources)?)
    }
}

impl<S: Writable> ZSets<'_, S> {
    /// Stores what [`ZSets::union`] would return in place of whatever `destination` holds; returns its size
    /// (ZUNIONSTORE). An empty result removes it. Reads all sources, side by side, in constant memory; costs one
    /// commit or, above a few MiB, several that become visible together.
    ///
    /// # Errors
    /// As [`ZSets::union`]; writing errors.
    ///
    /// # Examples
    /// ```
    /// use windrow::CombineOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.zsets().add("mon", [("ann", 3.0)])?;
    /// db.zsets().add("week", [("ann", 4.0), ("bob", 1.0)])?;
    /// assert_eq!(db.zsets().union_store("week", ["week", "mon"], CombineOptions::new())?, 2);
    /// assert_eq!(db.zsets().score("week", "ann")?, Some(7.0));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZUNIONSTORE")]
    pub fn union_store<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
        options: CombineOptions<'_>,
    ) -> Result<u64> {
        self.union_store_with(destination, keys, options, CreateOptions::new())
    }

    /// Stores a union as [`ZSets::union_store`] does, and says how the new set is to be born.
    ///
    /// # Errors
    /// As [`ZSets::union_store`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{CombineOptions, CreateOptions, Ttl};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.zsets().add("mon", [("ann", 3.0)])?;
    /// let minute = CreateOptions::new().expire_in(std::time::Duration::from_secs(60));
    /// db.zsets().union_store_with("cache", ["mon", "tue"], CombineOptions::new(), minute)?;
    /// assert!(matches!(db.ttl("cache")?, Ttl::In(_)));
    /// # Ok(()) }
    /// ```
    pub fn union_store_with<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
        options: CombineOptions<'_>,
        create: CreateOptions,
    ) -> Result<u64> {
        self.store(Operation::Union, destination.as_ref(), keys, options, create)
    }

    /// Stores what [`ZSets::inter`] would return in place of whatever `destination` holds; returns its size
    /// (ZINTERSTORE). An empty result removes it. Reads as [`ZSets::inter`] and writes as [`ZSets::union_store`].
    ///
    /// # Errors
    /// As [`ZSets::union_store`].
    ///
    /// # Examples
    /// ```
    /// use windrow::CombineOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.zsets().add("mon", [("ann", 3.0), ("bob", 1.0)])?;
    /// db.zsets().add("tue", [("bob", 5.0)])?;
    /// assert_eq!(db.zsets().inter_store("both", ["mon", "tue"], CombineOptions::new())?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZINTERSTORE")]
    pub fn inter_store<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
        options: CombineOptions<'_>,
    ) -> Result<u64> {
        self.inter_store_with(destination, keys, options, CreateOptions::new())
    }

    /// Stores an intersection as [`ZSets::inter_store`] does, and says how the new set is to be born.
    ///
    /// # Errors
    /// As [`ZSets::union_store`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{CombineOptions, CreateOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.zsets().add("mon", [("ann", 3.0)])?;
    /// let growing = CreateOptions::new().growing();
    /// assert_eq!(db.zsets().inter_store_with("both", ["mon", "mon"], CombineOptions::new(), growing)?, 1);
    /// # Ok(()) }
    /// ```
    pub fn inter_store_with<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
        options: CombineOptions<'_>,
        create: CreateOptions,
    ) -> Result<u64> {
        self.store(Operation::Inter, destination.as_ref(), keys, options, create)
    }

    /// Stores what [`ZSets::diff`] would return in place of whatever `destination` holds; returns its size
    /// (ZDIFFSTORE). An empty result removes it. Reads as [`ZSets::diff`] and writes as [`ZSets::union_store`].
    ///
    /// # Errors
    /// As [`ZSets::union_store`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.zsets().add("all", [("ann", 3.0), ("bob", 1.0)])?;
    /// db.sets().add("banned", ["bob"])?;
    /// assert_eq!(db.zsets().diff_store("all", ["all", "banned"])?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZDIFFSTORE")]
    pub fn diff_store<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<u64> {
        self.diff_store_with(destination, keys, CreateOptions::new())
    }

    /// Stores a difference as [`ZSets::diff_store`] does, and says how the new set is to be born.
    ///
    /// # Errors
    /// As [`ZSets::union_store`].
    ///
    /// # Examples
    /// ```
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.zsets().add("all", [("ann", 3.0)])?;
    /// assert_eq!(db.zsets().diff_store_with("rest", ["all", "none"], CreateOptions::new().growing())?, 1);
    /// # Ok(()) }
    /// ```
    pub fn diff_store_with<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
        create: CreateOptions,
    ) -> Result<u64> {
        self.store(Operation::Diff, destination.as_ref(), keys, CombineOptions::new(), create)
    }

    fn store<K: AsRef<[u8]>>(
        &self,
        operation: Operation,
        destination: &[u8],
        keys: impl IntoIterator<Item = K>,
        options: CombineOptions<'_>,
        create: CreateOptions,
    ) -> Result<u64> {
        let keys: Vec<K> = keys.into_iter().collect();
        require_keys(keys.len())?;
        let all: Vec<&[u8]> = std::iter::once(destination).chain(keys.iter().map(AsRef::as_ref)).collect();
        let (different, places) = distinct(&all);
        self.db.write_keys(&different, |plans| {
            let sources = places.iter().skip(1).map(|place| plans.get(*place).and_then(KeyPlan::live).cloned());
            let sources: Vec<Option<Meta>> = sources.collect();
            let destination = plans.first_mut().ok_or_else(no_keys)?;
            let inputs = options.inputs(destination.reader, &sources)?;
            let birth = create.birth(destination.now)?;
            combine::store(destination, operation, inputs, options.aggregate, birth)
        })
    }
}

fn require_keys(keys: usize) -> Result<()> {
    if keys == 0 { Err(no_keys()) } else { Ok(()) }
}

fn no_keys() -> Error {
    Error::invalid("at least 1 input key is needed")
}
