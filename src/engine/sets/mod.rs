//! The set operations of a db. Here: the handle and what reads one set.
//!
//! Uses the read path and `types::set`. Invariant: names follow the Redis commands.

mod combine;
mod members;
mod write;

use bytes::Bytes;

use crate::encoding::{DataType, ElementKey, Meta};
use crate::engine::scan::page;
use crate::engine::{Db, Live, ScanCursor, ScanOptions, ScanPage, Source};
use crate::error::{Error, Result};
use crate::types::set::combine::Combined;
use crate::types::{Elements, Reader, set};

pub use members::Members;

/// The set operations of a db or of a view's db.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// assert_eq!(db.sets().add("s", ["a", "b", "a"])?, 2);
/// # Ok(()) }
/// ```
pub struct Sets<'a, S: Source = Live> {
    pub(super) db: &'a Db<S>,
}

impl<'a, S: Source> Sets<'a, S> {
    pub(super) fn new(db: &'a Db<S>) -> Self {
        Self { db }
    }

    /// Tells whether the set has the member (SISMEMBER). Costs two point reads.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); reading errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert!(!store.db(0).sets().contains("s", "a")?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SISMEMBER")]
    pub fn contains(&self, key: impl AsRef<[u8]>, member: impl AsRef<[u8]>) -> Result<bool> {
        let reading = self.db.begin()?;
        match as_set(reading.live(key.as_ref())?)? {
            Some(meta) => set::contains(&reading.reader, &meta, member.as_ref()),
            None => Ok(false),
        }
    }

    /// Tells for each of `members` whether the set has it (SMISMEMBER). Costs a snapshot and a point read for each.
    ///
    /// # Errors
    /// As [`Sets::contains`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["a", "b"])?;
    /// assert_eq!(store.db(0).sets().contains_many("s", ["b", "c"])?, [true, false]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SMISMEMBER")]
    pub fn contains_many<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = M>,
    ) -> Result<Vec<bool>> {
        let reading = self.db.begin()?.steady();
        let meta = as_set(reading.live(key.as_ref())?)?;
        let elements = elements_of(&reading.reader, meta.as_ref())?;
        members.into_iter().map(|member| elements.has(&ElementKey::SetMember(member.as_ref()))).collect()
    }

    /// Returns the number of members, 0 for a missing key (SCARD). Costs one point read.
    ///
    /// # Errors
    /// As [`Sets::contains`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).sets().len("s")?, 0);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCARD")]
    pub fn len(&self, key: impl AsRef<[u8]>) -> Result<u64> {
        let reading = self.db.begin()?;
        Ok(as_set(reading.live(key.as_ref())?)?.map_or(0, |meta| meta.size))
    }

    /// Walks over the members in byte order, as they are at the time of the call (SMEMBERS). Reads as it goes, in
    /// constant memory; as long as the iterator lives it holds reclaiming back like a view.
    ///
    /// # Errors
    /// As [`Sets::contains`]; each item can fail with a reading error.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["b", "a"])?;
    /// let members = store.db(0).sets().members("s")?.collect::<windrow::Result<Vec<_>>>()?;
    /// assert_eq!(members, ["a", "b"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SMEMBERS")]
    pub fn members(&self, key: impl AsRef<[u8]>) -> Result<Members> {
        let reading = self.db.begin()?.steady();
        let set = as_set(reading.live(key.as_ref())?)?;
        Ok(Members::new(Combined::one(&reading.reader, set)?, reading))
    }

    /// Returns up to `count` different members, each choice with the same chance (SRANDMEMBER with a positive count).
    /// Walks over the set as far as the last member chosen: half of it on average for one member, nearly all of it for
    /// many.
    ///
    /// # Errors
    /// As [`Sets::contains`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["only"])?;
    /// assert_eq!(store.db(0).sets().random("s", 3)?, ["only"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SRANDMEMBER")]
    pub fn random(&self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<Bytes>> {
        let reading = self.db.begin()?.steady();
        match as_set(reading.live(key.as_ref())?)? {
            Some(meta) => set::sample(&reading.reader, &meta, count),
            None => Ok(Vec::new()),
        }
    }

    /// Returns `count` members, each chosen from all of them, so that one may come several times, in random order; none
    /// of a missing set (SRANDMEMBER with a negative count). Reads the set as far as the last member chosen, and takes
    /// memory for what is chosen.
    ///
    /// # Errors
    /// As [`Sets::contains`]; [`TooLarge`](crate::ErrorKind::TooLarge) if memory does not hold so many.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["only"])?;
    /// assert_eq!(store.db(0).sets().random_repeated("s", 3)?, ["only", "only", "only"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SRANDMEMBER")]
    pub fn random_repeated(&self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<Bytes>> {
        let reading = self.db.begin()?.steady();
        match as_set(reading.live(key.as_ref())?)? {
            Some(meta) => set::sample_repeatedly(&reading.reader, &meta, count),
            None => Ok(Vec::new()),
        }
    }

    /// Returns the next page of members, in byte order, and where the one after it begins (SSCAN). Costs a seek and a
    /// step for each member looked at; holds nothing between two pages.
    ///
    /// # Errors
    /// As [`Sets::contains`]; [`InvalidInput`](crate::ErrorKind::InvalidInput) for pages of no member.
    ///
    /// # Examples
    /// ```
    /// use windrow::{ScanCursor, ScanOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["a", "b", "c"])?;
    /// let first = store.db(0).sets().scan("s", &ScanCursor::START, ScanOptions::new().count(2))?;
    /// let second = store.db(0).sets().scan("s", &first.cursor, ScanOptions::new().count(2))?;
    /// assert_eq!((first.items, second.items), (vec!["a".into(), "b".into()], vec!["c".into()]));
    /// assert!(second.cursor.is_finished());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SSCAN")]
    pub fn scan(
        &self,
        key: impl AsRef<[u8]>,
        cursor: &ScanCursor,
        options: ScanOptions<'_>,
    ) -> Result<ScanPage<Bytes>> {
        let reading = self.db.begin()?;
        match as_set(reading.live(key.as_ref())?)? {
            Some(meta) => {
                let elements = Elements::of(&reading.reader, &meta)?;
                page(
                    &elements,
                    |name| ElementKey::SetMember(name),
                    cursor,
                    options,
                    |name, _| Bytes::copy_from_slice(name),
                )
            }
            None => Ok(ScanPage::nothing()),
        }
    }
}

fn elements_of<'r>(reader: &'r Reader, meta: Option<&Meta>) -> Result<Elements<'r>> {
    meta.map_or_else(|| Ok(Elements::none(reader)), |meta| Elements::of(reader, meta))
}

fn as_set(meta: Option<Meta>) -> Result<Option<Meta>> {
    match meta {
        Some(meta) if meta.data_type != DataType::Set => Err(Error::wrong_type(meta.data_type, DataType::Set)),
        found => Ok(found),
    }
}
