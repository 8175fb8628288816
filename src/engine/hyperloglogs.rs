//! The operations on HyperLogLogs of a db.
//!
//! Uses the read and write paths, strings and `types::hyperloglog`. Invariant: a HyperLogLog is a string like any other, in
//! Redis' own form.

use crate::engine::strings::as_string;
use crate::engine::write::distinct;
use crate::engine::{CreateOptions, Db, Live, Source, Writable};
use crate::error::{Error, Result};
use crate::types::hyperloglog::{self, LAST_READ, Raise};
use crate::types::string;

/// The operations on HyperLogLogs of a db or of a view's db: how many different elements there were, in at most 12 KiB, with a
/// standard error of 0.81 percent.
///
/// A HyperLogLog is a string in Redis' own form, sparse or dense. What a Redis wrote can be set here as a string, counted and
/// added to, and the other way round: after the same additions the bytes are the same.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// let visitors = db.hyperloglogs();
/// visitors.add("mon", ["ann", "bob", "ann"])?;
/// visitors.add("tue", ["bob", "cid"])?;
/// assert_eq!(visitors.count(["mon"])?, 2);
/// assert_eq!(visitors.count(["mon", "tue"])?, 3);
/// # Ok(()) }
/// ```
pub struct HyperLogLogs<'a, S: Source = Live> {
    pub(super) db: &'a Db<S>,
}

impl<'a, S: Source> HyperLogLogs<'a, S> {
    pub(super) fn new(db: &'a Db<S>) -> Self {
        Self { db }
    }

    /// Returns about how many different elements were added to any of the keys (PFCOUNT); a missing key has none. Costs the
    /// reading of up to 12 KiB for each key, all of one moment, and a few steps for each of the 16,384 registers.
    ///
    /// A single key's count is taken from the string's header if a Redis left it there and nothing was added since. Redis writes
    /// it when it counts. Windrow does not: reading writes nothing here, so that it takes no lock and works on views.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), also for a string that is no HyperLogLog;
    /// [`InvalidObject`](crate::ErrorKind::InvalidObject) for a damaged one; [`InvalidInput`](crate::ErrorKind::InvalidInput)
    /// without a key; reading errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.hyperloglogs().add("seen", (0..1000).map(|n| n.to_string()))?;
    /// let count = db.hyperloglogs().count(["seen"])?;
    /// assert!((970..1030).contains(&count));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PFCOUNT")]
    pub fn count<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<u64> {
        let keys: Vec<K> = keys.into_iter().collect();
        match &keys[..] {
            [] => Err(no_keys()),
            [key] => self.count_one(key.as_ref()),
            keys => {
                let reading = self.db.begin()?.steady();
                let metas = keys.iter().map(|key| as_string(reading.live(key.as_ref())?));
                hyperloglog::count_union(&reading.reader, metas)
            }
        }
    }

    fn count_one(&self, key: &[u8]) -> Result<u64> {
        let start = |bytes| Ok(string::range_of(&bytes, 0, LAST_READ));
        let found = self.db.strings().read(key, start, |reader, meta| string::range(reader, meta, 0, LAST_READ))?;
        found.map_or(Ok(0), |bytes| hyperloglog::count(bytes.into()))
    }
}

impl<S: Writable> HyperLogLogs<'_, S> {
    /// Adds elements, creating the HyperLogLog if missing, even without elements; returns whether anything changed, so that the
    /// count may be another (PFADD). The expiry stays. Costs the reading of up to 12 KiB and, if something changed, one commit of as
    /// much.
    ///
    /// # Errors
    /// As [`HyperLogLogs::count`]; [`TooLarge`](crate::ErrorKind::TooLarge) in a store that allows no strings of 12 KiB; writing
    /// errors. Nothing is changed then.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// assert!(db.hyperloglogs().add("seen", ["ann", "bob"])?);
    /// assert!(!db.hyperloglogs().add("seen", ["bob"])?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PFADD")]
    pub fn add<E: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, elements: impl IntoIterator<Item = E>) -> Result<bool> {
        self.add_with(key, elements, CreateOptions::new())
    }

    /// Adds elements as [`HyperLogLogs::add`] does, and says how a HyperLogLog that this call creates is to be born: one for each
    /// hour that is gone a day later, for instance.
    ///
    /// # Errors
    /// As [`HyperLogLogs::add`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{CreateOptions, Ttl};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let daily = CreateOptions::new().expire_in(std::time::Duration::from_secs(86_400));
    /// db.hyperloglogs().add_with("seen:17h", ["ann"], daily)?;
    /// db.hyperloglogs().add_with("seen:17h", ["bob"], daily)?;
    /// assert!(matches!(db.ttl("seen:17h")?, Ttl::In(_)));
    /// # Ok(()) }
    /// ```
    pub fn add_with<E: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        elements: impl IntoIterator<Item = E>,
        create: CreateOptions,
    ) -> Result<bool> {
        // Elements are hashed before the key is locked, and are not held.
        let raises: Vec<Raise> = elements.into_iter().map(|element| Raise::by(element.as_ref())).collect();
        self.db.write_key(key.as_ref(), |plan| {
            let birth = create.birth(plan.now)?;
            hyperloglog::add(plan, &raises, birth)
        })
    }

    /// Makes `destination` count what it and all of the keys count together, creating it if missing (PFMERGE). Its expiry stays.
    /// Costs the reading of up to 12 KiB for each key and one commit of as much.
    ///
    /// # Errors
    /// As [`HyperLogLogs::add`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.hyperloglogs().add("mon", ["ann", "bob"])?;
    /// db.hyperloglogs().add("tue", ["bob", "cid"])?;
    /// db.hyperloglogs().merge("week", ["mon", "tue"])?;
    /// assert_eq!(db.hyperloglogs().count(["week"])?, 3);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PFMERGE")]
    pub fn merge<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<()> {
        self.merge_with(destination, keys, CreateOptions::new())
    }

    /// Merges as [`HyperLogLogs::merge`] does, and says how a HyperLogLog that this call creates is to be born.
    ///
    /// # Errors
    /// As [`HyperLogLogs::add`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{CreateOptions, Ttl};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let minute = CreateOptions::new().expire_in(std::time::Duration::from_secs(60));
    /// db.hyperloglogs().merge_with("cache", ["mon", "tue"], minute)?;
    /// assert!(matches!(db.ttl("cache")?, Ttl::In(_)));
    /// # Ok(()) }
    /// ```
    pub fn merge_with<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
        create: CreateOptions,
    ) -> Result<()> {
        let keys: Vec<K> = keys.into_iter().collect();
        let all: Vec<&[u8]> = std::iter::once(destination.as_ref()).chain(keys.iter().map(AsRef::as_ref)).collect();
        let (different, _) = distinct(&all);
        self.db.write_keys(&different, |plans| {
            let birth = match plans.first() {
                Some(destination) => create.birth(destination.now)?,
                None => return Err(no_keys()),
            };
            hyperloglog::merge(plans, birth)
        })
    }
}

fn no_keys() -> Error {
    Error::invalid("at least 1 input key is needed")
}
