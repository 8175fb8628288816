//! The hash operations of a db. Here: the handle and what reads.
//!
//! Uses the read path and `types::hash`. Invariant: names follow the Redis commands.

mod iterate;
mod random;
mod write;

use bytes::Bytes;

use crate::encoding::{DataType, ElementKey, Meta};
use crate::engine::read::Reading;
use crate::engine::scan::page;
use crate::engine::{Db, Live, ScanCursor, ScanOptions, ScanPage, Source};
use crate::error::{Error, Result};
use crate::types::{Elements, Walk, hash};

pub use iterate::{HashEntries, HashFields, HashValues};

/// The hash operations of a db or of a view's db.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// store.db(0).hashes().set("user:1", "name", "alice")?;
/// assert_eq!(store.db(0).hashes().get("user:1", "name")?.as_deref(), Some(b"alice".as_slice()));
/// # Ok(()) }
/// ```
pub struct Hashes<'a, S: Source = Live> {
    pub(super) db: &'a Db<S>,
}

impl<'a, S: Source> Hashes<'a, S> {
    pub(super) fn new(db: &'a Db<S>) -> Self {
        Self { db }
    }

    /// Returns the value of a field, `None` if the key or the field does not exist (HGET). Costs two point reads; a small
    /// hash that is packed into its record, one.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); reading errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set("h", "f", "v")?;
    /// assert_eq!(store.db(0).hashes().get("h", "f")?.as_deref(), Some(b"v".as_slice()));
    /// assert_eq!(store.db(0).hashes().get("h", "missing")?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGET")]
    pub fn get(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<Bytes>> {
        let reading = self.db.begin()?;
        match as_hash(reading.live(key.as_ref())?)? {
            Some(meta) => hash::get(&reading.reader, &meta, field.as_ref()),
            None => Ok(None),
        }
    }

    /// Returns the value of each of `fields`, as they are at one moment (HMGET). Costs a snapshot and a point read for each.
    ///
    /// # Errors
    /// As [`Hashes::get`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set("h", "f", "v")?;
    /// let values = store.db(0).hashes().get_many("h", ["f", "missing"])?;
    /// assert_eq!(values, [Some("v".into()), None]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HMGET")]
    pub fn get_many<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Option<Bytes>>> {
        let reading = self.db.begin()?.steady();
        let meta = as_hash(reading.live(key.as_ref())?)?;
        let elements = match &meta {
            Some(meta) => Elements::of(&reading.reader, meta)?,
            None => Elements::none(&reading.reader),
        };
        fields.into_iter().map(|field| elements.get(&ElementKey::HashField(field.as_ref()))).collect()
    }

    /// Walks over the fields and their values, in byte order of the fields, as they are at the time of the call (HGETALL).
    /// Reads as it goes, in constant memory; as long as the iterator lives it holds reclaiming back like a view.
    ///
    /// # Errors
    /// As [`Hashes::get`]; each item can fail with a reading error.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set_many("h", [("b", "2"), ("a", "1")])?;
    /// let entries = store.db(0).hashes().get_all("h")?.collect::<windrow::Result<Vec<_>>>()?;
    /// assert_eq!(entries, [("a".into(), "1".into()), ("b".into(), "2".into())]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGETALL")]
    pub fn get_all(&self, key: impl AsRef<[u8]>) -> Result<HashEntries> {
        let (walk, reading) = self.walk(key.as_ref())?;
        Ok(HashEntries::new(walk, reading))
    }

    /// Walks over the fields as [`Hashes::get_all`] does (HKEYS).
    ///
    /// # Errors
    /// As [`Hashes::get_all`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set_many("h", [("b", "2"), ("a", "1")])?;
    /// assert_eq!(store.db(0).hashes().keys("h")?.collect::<windrow::Result<Vec<_>>>()?, ["a", "b"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HKEYS")]
    pub fn keys(&self, key: impl AsRef<[u8]>) -> Result<HashFields> {
        Ok(HashFields::new(self.get_all(key)?))
    }

    /// Walks over the values, in byte order of their fields, as [`Hashes::get_all`] does (HVALS).
    ///
    /// # Errors
    /// As [`Hashes::get_all`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set_many("h", [("b", "2"), ("a", "1")])?;
    /// assert_eq!(store.db(0).hashes().values("h")?.collect::<windrow::Result<Vec<_>>>()?, ["1", "2"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HVALS")]
    pub fn values(&self, key: impl AsRef<[u8]>) -> Result<HashValues> {
        Ok(HashValues::new(self.get_all(key)?))
    }

    fn walk(&self, key: &[u8]) -> Result<(Option<Walk>, Reading)> {
        let reading = self.db.begin()?.steady();
        let meta = as_hash(reading.live(key)?)?;
        let walk = meta.map(|meta| hash::fields(&reading.reader, &meta)).transpose()?;
        Ok((walk, reading))
    }

    /// Tells whether the hash has the field (HEXISTS). Costs as [`Hashes::get`].
    ///
    /// # Errors
    /// As [`Hashes::get`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert!(!store.db(0).hashes().exists("h", "f")?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HEXISTS")]
    pub fn exists(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<bool> {
        let reading = self.db.begin()?;
        match as_hash(reading.live(key.as_ref())?)? {
            Some(meta) => hash::has(&reading.reader, &meta, field.as_ref()),
            None => Ok(false),
        }
    }

    /// Returns the number of fields, 0 for a missing key (HLEN). Costs one point read.
    ///
    /// # Errors
    /// As [`Hashes::get`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set("h", "f", "v")?;
    /// assert_eq!(store.db(0).hashes().len("h")?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HLEN")]
    pub fn len(&self, key: impl AsRef<[u8]>) -> Result<u64> {
        let reading = self.db.begin()?;
        Ok(as_hash(reading.live(key.as_ref())?)?.map_or(0, |meta| meta.size))
    }

    /// Returns the bytes of a field's value, 0 for a missing field (HSTRLEN). Costs as [`Hashes::get`].
    ///
    /// # Errors
    /// As [`Hashes::get`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set("h", "f", "value")?;
    /// assert_eq!(store.db(0).hashes().value_len("h", "f")?, 5);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HSTRLEN")]
    pub fn value_len(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<u64> {
        let value = self.get(key, field)?;
        Ok(value.map_or(0, |value| u64::try_from(value.len()).unwrap_or(u64::MAX)))
    }

    /// Returns the next page of fields with their values, in byte order, and where the one after it begins (HSCAN). Costs a
    /// seek and a step for each field looked at; holds nothing between two pages.
    ///
    /// # Errors
    /// As [`Hashes::get`]; [`InvalidInput`](crate::ErrorKind::InvalidInput) for pages of no field.
    ///
    /// # Examples
    /// ```
    /// use windrow::{ScanCursor, ScanOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set_many("h", [("a", "1"), ("b", "2"), ("x", "3")])?;
    /// let page = store.db(0).hashes().scan("h", &ScanCursor::START, ScanOptions::new().matching("[a-c]"))?;
    /// assert_eq!(page.items, [("a".into(), "1".into()), ("b".into(), "2".into())]);
    /// assert!(page.cursor.is_finished());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HSCAN")]
    pub fn scan(
        &self,
        key: impl AsRef<[u8]>,
        cursor: &ScanCursor,
        options: ScanOptions<'_>,
    ) -> Result<ScanPage<(Bytes, Bytes)>> {
        let reading = self.db.begin()?;
        match as_hash(reading.live(key.as_ref())?)? {
            Some(meta) => {
                let elements = Elements::of(&reading.reader, &meta)?;
                page(
                    &elements,
                    |field| ElementKey::HashField(field),
                    cursor,
                    options,
                    |field, value| (Bytes::copy_from_slice(field), Bytes::copy_from_slice(value)),
                )
            }
            None => Ok(ScanPage::nothing()),
        }
    }
}

fn as_hash(meta: Option<Meta>) -> Result<Option<Meta>> {
    match meta {
        Some(meta) if meta.data_type != DataType::Hash => Err(Error::wrong_type(meta.data_type, DataType::Hash)),
        found => Ok(found),
    }
}
