//! A db: the operations on keys of any type, and the way to the typed ones.
//!
//! Uses the read and write paths and `types::keys`. Invariant: a handle holds no state of its own; any number
//! of them, in any threads, see the same db.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::encoding::{DataType, Meta};
use crate::engine::read::{Destination, Reading};
use crate::engine::write::{Place, Target};
use crate::engine::{Bits, Engine, Geo, Hashes, HyperLogLogs, Lists, Live, Sets, Source, Strings, Writable, ZSets};
use crate::error::{Error, Result};
use crate::options::Durability;
use crate::types::KeyPlan;
use crate::types::keys;

/// A db of a namespace: [`Live`], or as a view froze it.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.strings().set("k", "v")?;
/// assert_eq!(db.delete(["k", "missing"])?, 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Db<S: Source = Live> {
    source: S,
    namespace: Arc<[u8]>,
    number: u32,
}

impl<S: Source> Db<S> {
    pub(super) fn new(source: S, namespace: Arc<[u8]>, number: u32) -> Self {
        Self { source, namespace, number }
    }

    /// Returns the db's number in its namespace.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(7).number(), 7);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn namespace(&self) -> &Arc<[u8]> {
        &self.namespace
    }

    pub(super) fn begin(&self) -> Result<Reading> {
        self.source.begin(&self.namespace, self.number)
    }

    pub(super) fn begin_over_all(&self) -> Result<Reading> {
        self.source.begin_over_all(&self.namespace, self.number)
    }

    pub(super) fn source(&self) -> &S {
        &self.source
    }

    /// Returns the string operations.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "v")?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn strings(&self) -> Strings<'_, S> {
        Strings::new(self)
    }

    /// Returns the operations on the bits of strings.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).bits().set("seen", 7, true)?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn bits(&self) -> Bits<'_, S> {
        Bits::new(self)
    }

    /// Returns the set operations.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["member"])?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn sets(&self) -> Sets<'_, S> {
        Sets::new(self)
    }

    /// Returns the list operations.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).lists().push_right("queue", ["job"])?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn lists(&self) -> Lists<'_, S> {
        Lists::new(self)
    }

    /// Returns the hash operations.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set("h", "field", "value")?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn hashes(&self) -> Hashes<'_, S> {
        Hashes::new(self)
    }

    /// Returns the sorted-set operations.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("member", 1.5)])?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn zsets(&self) -> ZSets<'_, S> {
        ZSets::new(self)
    }

    /// Returns the operations on places, which are scores of sorted sets.
    ///
    /// # Examples
    /// ```
    /// use windrow::GeoPosition;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).geo().add("g", [("member", GeoPosition::new(13.361389, 38.115556))])?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn geo(&self) -> Geo<'_, S> {
        Geo::new(self)
    }

    /// Returns the operations on HyperLogLogs, which are strings.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hyperloglogs().add("seen", ["element"])?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn hyperloglogs(&self) -> HyperLogLogs<'_, S> {
        HyperLogLogs::new(self)
    }

    /// Tells whether the key exists. Costs one point read.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed), [`Poisoned`](crate::ErrorKind::Poisoned), [`Io`](crate::ErrorKind::Io)
    /// or [`Corruption`](crate::ErrorKind::Corruption), as every read.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert!(!store.db(0).exists("k")?);
    /// # Ok(()) }
    /// ```
    pub fn exists(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        Ok(self.live(key.as_ref())?.is_some())
    }

    /// Counts the keys that exist, all at one moment; one that is named several times counts as often (EXISTS). Costs a
    /// snapshot and a point read for each.
    ///
    /// # Errors
    /// As [`Db::exists`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "v")?;
    /// assert_eq!(store.db(0).exists_many(["k", "missing", "k"])?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "EXISTS")]
    pub fn exists_many<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<u64> {
        let reading = self.begin()?.steady();
        keys.into_iter().try_fold(0, |count, key| Ok(count + u64::from(reading.live(key.as_ref())?.is_some())))
    }

    /// Counts the keys that exist as [`Db::exists_many`] does, and nothing else (TOUCH): nothing here is evicted, so no
    /// time of last use is kept.
    ///
    /// # Errors
    /// As [`Db::exists`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).touch(["missing"])?, 0);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "TOUCH")]
    pub fn touch<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<u64> {
        self.exists_many(keys)
    }

    /// Returns the data type of the key's value, `None` if there is none (TYPE). Costs one point read.
    ///
    /// # Errors
    /// As [`Db::exists`].
    ///
    /// # Examples
    /// ```
    /// use windrow::DataType;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["a"])?;
    /// let data_type = store.db(0).data_type("s")?;
    /// assert_eq!(data_type, Some(DataType::Set));
    /// assert_eq!(data_type.map_or("none".to_owned(), |found| found.to_string()), "set");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "TYPE")]
    pub fn data_type(&self, key: impl AsRef<[u8]>) -> Result<Option<DataType>> {
        Ok(self.live(key.as_ref())?.map(|meta| meta.data_type))
    }

    pub(super) fn live(&self, key: &[u8]) -> Result<Option<Meta>> {
        self.begin()?.live(key)
    }
}

impl<S: Writable> Db<S> {
    pub(super) fn engine(&self) -> &Arc<Engine> {
        match self.source.destination() {
            Destination::Store(live) => &live.engine,
            Destination::Transaction(tx) => tx.engine(),
        }
    }

    /// Plans a change of one key and makes it.
    pub(super) fn write_key<T>(&self, key: &[u8], plan: impl FnOnce(&mut KeyPlan<'_>) -> Result<T>) -> Result<T> {
        self.write_keys(&[key], |plans| match plans {
            [one] => plan(one),
            _ => Err(Error::invalid("one key makes one plan")),
        })
    }

    /// Plans a change of several different keys and makes it.
    pub(super) fn write_keys<T>(
        &self,
        keys: &[&[u8]],
        plan: impl FnOnce(&mut [KeyPlan<'_>]) -> Result<T>,
    ) -> Result<T> {
        let targets: Vec<Target<'_>> = keys.iter().map(|key| Target { db: self.number, key }).collect();
        self.write_targets(&targets, plan)
    }

    /// Plans a change of several different keys, which may lie in different dbs of the namespace, and makes it.
    pub(super) fn write_targets<T>(
        &self,
        targets: &[Target<'_>],
        plan: impl FnOnce(&mut [KeyPlan<'_>]) -> Result<T>,
    ) -> Result<T> {
        match self.source.destination() {
            Destination::Store(live) => {
                let place = Place { namespace: &self.namespace, durability: live.durability };
                live.engine.write_targets(place, targets, plan)
            }
            Destination::Transaction(tx) => tx.write_targets(targets, plan),
        }
    }

    /// Deletes keys in one commit; returns how many existed. Costs the same for a collection of any size.
    ///
    /// # Errors
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly), [`TooLarge`](crate::ErrorKind::TooLarge) for a key, and those of
    /// [`Db::exists`], as every write.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", (0..1000).map(|n| n.to_string()))?;
    /// assert_eq!(store.db(0).delete(["s"])?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "DEL")]
    pub fn delete<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<u64> {
        let keys: Vec<K> = keys.into_iter().collect();
        let different: BTreeSet<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        let different: Vec<&[u8]> = different.into_iter().collect();
        self.write_keys(&different, |plans| {
            let deleted = plans.iter_mut().map(keys::delete).filter(|lived| *lived).count();
            Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
        })
    }

    /// Deletes keys as [`Db::delete`] does, which never costs more for a larger collection (UNLINK).
    ///
    /// # Errors
    /// As [`Db::delete`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "v")?;
    /// assert_eq!(store.db(0).unlink(["k", "missing"])?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "UNLINK")]
    pub fn unlink<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<u64> {
        self.delete(keys)
    }
}

impl Db<Live> {
    /// Returns a handle whose writes have another durability than the store's.
    ///
    /// # Examples
    /// ```
    /// use windrow::Durability;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).with_durability(Durability::Sync).strings().set("order", "paid")?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_durability(&self, durability: Durability) -> Self {
        let mut other = self.clone();
        other.source.durability = Some(durability);
        other
    }

    /// Returns the number of keys, in O(1) from memory. As in Redis, a key that expired counts until it is reaped, which takes
    /// about the [`reap_interval`](crate::Options::reap_interval); unlike there also when a new key has taken its place, which
    /// is one more until then. A view counts what it shows, by a walk over all keys.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) or [`Poisoned`](crate::ErrorKind::Poisoned).
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "v")?;
    /// assert_eq!(store.db(0).len()?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "DBSIZE")]
    pub fn len(&self) -> Result<u64> {
        Ok(self.begin()?.keyspace.map_or(0, |keyspace| keyspace.count()))
    }

    /// Tells whether the db has no keys; counts as [`Db::len`] does.
    ///
    /// # Errors
    /// As [`Db::len`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert!(store.db(0).is_empty()?);
    /// # Ok(()) }
    /// ```
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Removes every key of the db, in the same time for any number of keys; views keep what they saw, the space comes back
    /// in the background. Waits for no write: one in flight counts as before the flush.
    ///
    /// # Errors
    /// As [`Db::delete`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "v")?;
    /// store.db(0).flush()?;
    /// assert!(store.db(0).is_empty()?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "FLUSHDB")]
    pub fn flush(&self) -> Result<()> {
        let engine = self.engine();
        engine.check_writable()?;
        engine.refuse_inside()?;
        engine.flush_keyspace(&self.namespace, self.number, engine.must_sync(self.source.durability))?;
        engine.want_sync(self.source.durability);
        Ok(())
    }
}

impl Db<super::Frozen> {
    /// Counts the keys that lived at the view's moment, by reading them all.
    ///
    /// # Errors
    /// As [`Db::exists`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "v")?;
    /// assert_eq!(store.view()?.db(0).len()?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "DBSIZE")]
    pub fn len(&self) -> Result<u64> {
        self.keys([])?.try_fold(0, |count, key| key.map(|_| count + 1))
    }

    /// Tells whether no key lived at the view's moment. Costs the reading of one key.
    ///
    /// # Errors
    /// As [`Db::exists`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert!(store.view()?.db(0).is_empty()?);
    /// # Ok(()) }
    /// ```
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.keys([])?.next().transpose()?.is_none())
    }
}
