//! The set operations of a db.
//!
//! Uses the read and write paths and `types::set`. Invariant: names follow the Redis commands.

use bytes::Bytes;

use crate::encoding::{DataType, Meta};
use crate::engine::read::Reading;
use crate::engine::{CreateOptions, Db, Live, Source};
use crate::error::{Error, Result};
use crate::types::{Walk, set};

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
    db: &'a Db<S>,
}

impl<'a, S: Source> Sets<'a, S> {
    pub(super) fn new(db: &'a Db<S>) -> Self {
        Self { db }
    }

    /// Tells whether the set has the member. Costs two point reads.
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
    pub fn contains(&self, key: impl AsRef<[u8]>, member: impl AsRef<[u8]>) -> Result<bool> {
        let reading = self.db.begin()?;
        match as_set(reading.live(key.as_ref())?)? {
            Some(meta) => set::contains(&reading.reader, &meta, member.as_ref()),
            None => Ok(false),
        }
    }

    /// Returns the number of members, 0 for a missing key. Costs one point read.
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
    pub fn len(&self, key: impl AsRef<[u8]>) -> Result<u64> {
        let reading = self.db.begin()?;
        Ok(as_set(reading.live(key.as_ref())?)?.map_or(0, |meta| meta.size))
    }

    /// Walks over the members in byte order, as they are at the time of the call. Reads as it goes, in constant
    /// memory; as long as the iterator lives it holds reclaiming back like a view.
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
    pub fn members(&self, key: impl AsRef<[u8]>) -> Result<Members> {
        let reading = self.db.begin()?.steady();
        let walk = match as_set(reading.live(key.as_ref())?)? {
            Some(meta) => Some(set::members(&reading.reader, &meta)?),
            None => None,
        };
        Ok(Members { walk, _reading: reading })
    }

    /// Returns up to `count` different members, each choice with the same chance (SRANDMEMBER with a positive count).
    /// Reads the set as far as the last member chosen: on average nearly all of it.
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
    pub fn random(&self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<Bytes>> {
        let reading = self.db.begin()?.steady();
        match as_set(reading.live(key.as_ref())?)? {
            Some(meta) => set::sample(&reading.reader, &meta, count),
            None => Ok(Vec::new()),
        }
    }
}

impl Sets<'_, Live> {
    /// Adds members, creating the set if missing; returns how many are new. Costs one commit, and one point read
    /// for each member of an existing set.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), [`TooLarge`](crate::ErrorKind::TooLarge); writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).sets().add("s", ["a"])?, 1);
    /// assert_eq!(store.db(0).sets().add("s", ["a"])?, 0);
    /// # Ok(()) }
    /// ```
    pub fn add<M: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, members: impl IntoIterator<Item = M>) -> Result<u64> {
        self.add_with(key, members, CreateOptions::new())
    }

    /// Adds members as [`Sets::add`] does, and says how a new set is to be born.
    ///
    /// # Errors
    /// As [`Sets::add`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add_with("s", ["a"], CreateOptions::new().expire_in(Duration::from_secs(60)))?;
    /// # Ok(()) }
    /// ```
    pub fn add_with<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = M>,
        options: CreateOptions,
    ) -> Result<u64> {
        let members: Vec<M> = members.into_iter().collect();
        let members: Vec<&[u8]> = members.iter().map(AsRef::as_ref).collect();
        members.iter().try_for_each(|member| self.db.engine().check_member(member))?;
        self.db.write_key(key.as_ref(), |plan| {
            let birth = options.birth(plan.now);
            set::add(plan, &members, birth)
        })
    }

    /// Removes members; returns how many were there. The last one's removal removes the key. Costs one commit and a
    /// point read for each member.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["a"])?;
    /// assert_eq!(store.db(0).sets().remove("s", ["a", "b"])?, 1);
    /// assert!(!store.db(0).exists("s")?);
    /// # Ok(()) }
    /// ```
    pub fn remove<M: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, members: impl IntoIterator<Item = M>) -> Result<u64> {
        let members: Vec<M> = members.into_iter().collect();
        let members: Vec<&[u8]> = members.iter().map(AsRef::as_ref).collect();
        self.db.write_key(key.as_ref(), |plan| set::remove(plan, &members))
    }

    /// Removes up to `count` members chosen at random and returns them (SPOP). Costs as [`Sets::random`] and one commit.
    ///
    /// # Errors
    /// As [`Sets::remove`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["a", "b"])?;
    /// assert_eq!(store.db(0).sets().pop("s", 1)?.len(), 1);
    /// assert_eq!(store.db(0).sets().len("s")?, 1);
    /// # Ok(()) }
    /// ```
    pub fn pop(&self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<Bytes>> {
        self.db.write_key(key.as_ref(), |plan| set::pop(plan, count))
    }
}

/// Walks over a set's members. Made by [`Sets::members`].
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.sets().add("s", ["b", "a"])?;
/// let mut members = db.sets().members("s")?;
/// db.delete(["s"])?;
/// assert_eq!(members.next().transpose()?.as_deref(), Some(b"a".as_slice()));
/// assert_eq!(members.count(), 1);
/// # Ok(()) }
/// ```
#[must_use]
pub struct Members {
    walk: Option<Walk>,
    _reading: Reading,
}

impl Iterator for Members {
    type Item = Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let walk = self.walk.as_mut()?;
        let next = set::member_of(walk).map(|member| member.map(Bytes::copy_from_slice));
        match next {
            Ok(Some(_)) => walk.advance(),
            Ok(None) | Err(_) => self.walk = None,
        }
        next.transpose()
    }
}

fn as_set(meta: Option<Meta>) -> Result<Option<Meta>> {
    match meta {
        Some(meta) if meta.data_type != DataType::Set => Err(Error::wrong_type()),
        found => Ok(found),
    }
}
