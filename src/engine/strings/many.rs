//! Several strings in one call.
//!
//! Uses the read and write paths and `types::string`. Invariants: what is read together is of one moment; what is
//! written together is one commit.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::encoding::{DataType, Meta};
use crate::engine::{Source, Strings, Writable};
use crate::error::Result;
use crate::types::KeyPlan;
use crate::types::string::{self, SetCondition, SetExpiry};

/// How many records are looked up together. Larger: more blocks of the cache, 4 KiB each, that cannot leave it until
/// all are read; smaller: look-ups that lie side by side share less.
const LOOKED_UP_TOGETHER: usize = 256;

impl<S: Source> Strings<'_, S> {
    /// Returns the values of several keys, all of one moment, in the order of the keys (MGET). A missing key and one that
    /// holds another data type have none. Costs a snapshot
    /// and, from ten keys on, half to three quarters of what [`Strings::get`] costs for each of them, as they are looked
    /// up together; a long string is read on its own.
    ///
    /// # Errors
    /// Reading errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().mset([("a", "1"), ("b", "2")])?;
    /// db.sets().add("s", ["m"])?;
    /// let values = db.strings().mget(["a", "missing", "s", "b"])?;
    /// assert_eq!(values, [Some("1".into()), None, None, Some("2".into())]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "MGET")]
    pub fn mget<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<Vec<Option<Bytes>>> {
        let reading = self.db.begin()?.steady();
        let value = |meta: Option<Meta>| match meta {
            Some(meta) if meta.data_type == DataType::String => string::whole(&reading.reader, &meta).map(Some),
            _ => Ok(None),
        };
        let keys: Vec<K> = keys.into_iter().collect();
        let mut values = Vec::with_capacity(keys.len());
        for keys in keys.chunks(LOOKED_UP_TOGETHER) {
            for meta in reading.live_many(keys)? {
                values.push(value(meta)?);
            }
        }
        Ok(values)
    }
}

impl<S: Writable> Strings<'_, S> {
    /// Sets several keys to strings without expiry, whatever they held, in one commit (MSET). Of a key that comes twice
    /// the last value counts. Holds everything in memory until it is committed.
    ///
    /// # Errors
    /// [`TooLarge`](crate::ErrorKind::TooLarge); writing errors. Nothing is changed then.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().mset([("from", "90"), ("to", "110")])?;
    /// assert_eq!(db.strings().get("to")?.as_deref(), Some(b"110".as_slice()));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "MSET")]
    pub fn mset<K: AsRef<[u8]>, V: AsRef<[u8]>>(&self, pairs: impl IntoIterator<Item = (K, V)>) -> Result<()> {
        self.set_all(pairs, |_| true).map(|_| ())
    }

    /// Sets several keys as [`Strings::mset`] does if none of them exists, else none; returns whether it did (MSETNX).
    ///
    /// # Errors
    /// As [`Strings::mset`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// assert!(db.strings().mset_nx([("seat:1", "me"), ("seat:2", "me")])?);
    /// assert!(!db.strings().mset_nx([("seat:2", "you"), ("seat:3", "you")])?);
    /// assert!(!db.exists("seat:3")?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "MSETNX")]
    pub fn mset_nx<K: AsRef<[u8]>, V: AsRef<[u8]>>(&self, pairs: impl IntoIterator<Item = (K, V)>) -> Result<bool> {
        self.set_all(pairs, |plans| plans.iter().all(|plan| plan.live().is_none()))
    }

    fn set_all<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        pairs: impl IntoIterator<Item = (K, V)>,
        allows: impl FnOnce(&[KeyPlan<'_>]) -> bool,
    ) -> Result<bool> {
        let pairs: Vec<(K, V)> = pairs.into_iter().collect();
        let last: BTreeMap<&[u8], &[u8]> = pairs.iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect();
        let keys: Vec<&[u8]> = last.keys().copied().collect();
        self.db.write_keys(&keys, |plans| {
            if !allows(plans) {
                return Ok(false);
            }
            for (plan, value) in plans.iter_mut().zip(last.values()) {
                string::set(plan, value, SetCondition::Always, SetExpiry::None)?;
            }
            Ok(true)
        })
    }
}
