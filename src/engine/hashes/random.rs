//! Fields chosen by chance.
//!
//! Uses the read path and `types::hash`. Invariant: every choice has the same chance.

use bytes::Bytes;

use crate::encoding::ElementKey;
use crate::engine::hashes::as_hash;
use crate::engine::{Hashes, Source};
use crate::error::Result;
use crate::types::hash;

impl<S: Source> Hashes<'_, S> {
    /// Returns up to `count` different fields, each choice with the same chance (HRANDFIELD with a positive count). Walks
    /// over the hash as far as the last field chosen: half of it on average for one field, nearly all of it for many.
    ///
    /// # Errors
    /// As [`Hashes::get`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set("h", "only", "v")?;
    /// assert_eq!(store.db(0).hashes().random("h", 3)?, ["only"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HRANDFIELD")]
    pub fn random(&self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<Bytes>> {
        self.choose(key.as_ref(), count, hash::own_field)
    }

    /// Returns fields with their values, chosen as [`Hashes::random`] does (HRANDFIELD with WITHVALUES).
    ///
    /// # Errors
    /// As [`Hashes::get`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set("h", "only", "v")?;
    /// assert_eq!(store.db(0).hashes().random_with_values("h", 3)?, [("only".into(), "v".into())]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HRANDFIELD")]
    pub fn random_with_values(&self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<(Bytes, Bytes)>> {
        self.choose(key.as_ref(), count, hash::own_entry)
    }

    /// Returns `count` fields, each chosen from all of them, so that one may come several times, in random order; none of a
    /// missing hash (HRANDFIELD with a negative count). Reads as [`Hashes::random`] does, and takes memory for what is chosen.
    ///
    /// # Errors
    /// As [`Hashes::get`]; [`TooLarge`](crate::ErrorKind::TooLarge) if memory does not hold so many.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set("h", "only", "v")?;
    /// assert_eq!(store.db(0).hashes().random_repeated("h", 2)?, ["only", "only"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HRANDFIELD")]
    pub fn random_repeated(&self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<Bytes>> {
        self.choose_repeatedly(key.as_ref(), count, hash::own_field)
    }

    /// Returns fields with their values, chosen as [`Hashes::random_repeated`] does (HRANDFIELD with WITHVALUES).
    ///
    /// # Errors
    /// As [`Hashes::random_repeated`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set("h", "only", "v")?;
    /// assert_eq!(store.db(0).hashes().random_repeated_with_values("h", 1)?, [("only".into(), "v".into())]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HRANDFIELD")]
    pub fn random_repeated_with_values(&self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<(Bytes, Bytes)>> {
        self.choose_repeatedly(key.as_ref(), count, hash::own_entry)
    }

    fn choose<T>(&self, key: &[u8], count: u64, own: impl Fn(&ElementKey<'_>, &[u8]) -> Result<T>) -> Result<Vec<T>> {
        let reading = self.db.begin()?.steady();
        match as_hash(reading.live(key)?)? {
            Some(meta) => hash::sample(&reading.reader, &meta, count, own),
            None => Ok(Vec::new()),
        }
    }

    fn choose_repeatedly<T: Clone>(
        &self,
        key: &[u8],
        count: u64,
        own: impl Fn(&ElementKey<'_>, &[u8]) -> Result<T>,
    ) -> Result<Vec<T>> {
        let reading = self.db.begin()?.steady();
        match as_hash(reading.live(key)?)? {
            Some(meta) => hash::sample_repeatedly(&reading.reader, &meta, count, own),
            None => Ok(Vec::new()),
        }
    }
}
