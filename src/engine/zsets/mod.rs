//! The sorted-set operations of a db.
//!
//! Uses the read and write paths and `types::zset`. Invariant: names follow the Redis commands.

mod combine;
mod entries;
mod options;
mod pops;
mod ranges;

pub use combine::CombineOptions;
pub use entries::ZEntries;
pub use options::{ZAddOptions, ZEnd, ZPopped};

use bytes::Bytes;

use crate::encoding::{DataType, ElementKey, Meta, Score};
use crate::engine::scan::page;
use crate::engine::{Db, Live, ScanCursor, ScanOptions, ScanPage, Source, Writable};
use crate::error::{Error, Result};
use crate::types::zset::{self, RankOf, ZAddOutcome};
use crate::types::{Direction, Elements};

/// The sorted-set operations of a db or of a view's db. Scores are `f64` but NaN; -0 is 0. Members of one score follow
/// each other in byte order.
///
/// # Examples
/// ```
/// use windrow::ZRange;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.zsets().add("points", [("ann", 7.0), ("bob", 9.5)])?;
/// db.zsets().incr_by("points", "ann", 3.0)?;
/// let mut best = db.zsets().range("points", ZRange::ranks(0, -1).rev())?;
/// assert_eq!(best.next().transpose()?, Some(("ann".into(), 10.0)));
/// assert_eq!(db.zsets().rev_rank("points", "bob")?, Some(1));
/// # Ok(()) }
/// ```
pub struct ZSets<'a, S: Source = Live> {
    pub(super) db: &'a Db<S>,
}

impl<'a, S: Source> ZSets<'a, S> {
    pub(super) fn new(db: &'a Db<S>) -> Self {
        Self { db }
    }

    /// Returns the member's score, `None` if it is not there (ZSCORE). Costs two point reads.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); reading errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).zsets().score("z", "a")?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZSCORE")]
    pub fn score(&self, key: impl AsRef<[u8]>, member: impl AsRef<[u8]>) -> Result<Option<f64>> {
        let reading = self.db.begin()?;
        match as_zset(reading.live(key.as_ref())?)? {
            Some(meta) => Ok(zset::score(&Elements::of(&reading.reader, &meta)?, member.as_ref())?.map(Score::get)),
            None => Ok(None),
        }
    }

    /// Returns the scores of members, all of one moment, `None` for those that are not there (ZMSCORE). Costs a
    /// snapshot and a point read for each member.
    ///
    /// # Errors
    /// As [`ZSets::score`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 1.0)])?;
    /// assert_eq!(store.db(0).zsets().mscore("z", ["a", "b"])?, [Some(1.0), None]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZMSCORE")]
    pub fn mscore<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = M>,
    ) -> Result<Vec<Option<f64>>> {
        let reading = self.db.begin()?.steady();
        let Some(meta) = as_zset(reading.live(key.as_ref())?)? else {
            return Ok(members.into_iter().map(|_| None).collect());
        };
        let elements = Elements::of(&reading.reader, &meta)?;
        let score = |member: M| Ok(zset::score(&elements, member.as_ref())?.map(Score::get));
        members.into_iter().map(score).collect()
    }

    /// Returns the number of members, 0 for a missing key (ZCARD). Costs one point read.
    ///
    /// # Errors
    /// As [`ZSets::score`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).zsets().len("z")?, 0);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZCARD")]
    pub fn len(&self, key: impl AsRef<[u8]>) -> Result<u64> {
        let reading = self.db.begin()?;
        Ok(as_zset(reading.live(key.as_ref())?)?.map_or(0, |meta| meta.size))
    }

    /// Returns how many members stand before this one, from the lowest score up (ZRANK), `None` if it is not there.
    ///
    /// Costs a snapshot and the reading of the members before it. From about 2,000 of them on, an index of the set's ranks
    /// is made, in memory, by reading the set once; then it costs up to some hundred steps. See
    /// [`rank_index_bytes`](crate::Options::rank_index_bytes). In a view it always costs the reading.
    ///
    /// # Errors
    /// As [`ZSets::score`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 1.0), ("b", 2.0)])?;
    /// assert_eq!(store.db(0).zsets().rank("z", "b")?, Some(1));
    /// assert_eq!(store.db(0).zsets().rank("z", "c")?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANK")]
    pub fn rank(&self, key: impl AsRef<[u8]>, member: impl AsRef<[u8]>) -> Result<Option<u64>> {
        self.rank_from(Direction::Ascending, key.as_ref(), member.as_ref())
    }

    /// Returns how many members stand before this one, from the highest score down (ZREVRANK), `None` if it is not
    /// there. Costs as [`ZSets::rank`], only that members are read from the other end: the ranks of the best are cheap.
    ///
    /// # Errors
    /// As [`ZSets::score`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 1.0), ("b", 2.0)])?;
    /// assert_eq!(store.db(0).zsets().rev_rank("z", "b")?, Some(0));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREVRANK")]
    pub fn rev_rank(&self, key: impl AsRef<[u8]>, member: impl AsRef<[u8]>) -> Result<Option<u64>> {
        self.rank_from(Direction::Descending, key.as_ref(), member.as_ref())
    }

    fn rank_from(&self, direction: Direction, key: &[u8], member: &[u8]) -> Result<Option<u64>> {
        let (_, rank) = self.db.ask(key, &RankOf { member, direction })?;
        Ok(rank.flatten())
    }

    /// Returns up to `count` different members with their scores, each choice with the same chance (ZRANDMEMBER with
    /// a positive count). Walks over the set as far as the last member chosen: half of it on average for one member,
    /// nearly all of it for many.
    ///
    /// # Errors
    /// As [`ZSets::score`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("only", 1.0)])?;
    /// assert_eq!(store.db(0).zsets().random("z", 3)?, [("only".into(), 1.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANDMEMBER")]
    pub fn random(&self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<(Bytes, f64)>> {
        let reading = self.db.begin()?.steady();
        match as_zset(reading.live(key.as_ref())?)? {
            Some(meta) => zset::sample(&reading.reader, &meta, count),
            None => Ok(Vec::new()),
        }
    }

    /// Returns `count` members with their scores, each drawn from all members (ZRANDMEMBER with a negative count).
    /// Costs as [`ZSets::random`], and memory for what is chosen.
    ///
    /// # Errors
    /// As [`ZSets::score`]; [`TooLarge`](crate::ErrorKind::TooLarge) if memory does not hold so many.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("only", 1.0)])?;
    /// assert_eq!(store.db(0).zsets().random_repeated("z", 3)?.len(), 3);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANDMEMBER")]
    pub fn random_repeated(&self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<(Bytes, f64)>> {
        let reading = self.db.begin()?.steady();
        match as_zset(reading.live(key.as_ref())?)? {
            Some(meta) => zset::sample_repeated(&reading.reader, &meta, count),
            None => Ok(Vec::new()),
        }
    }

    /// Returns the next page of members with their scores, in byte order, and where the one after it begins (ZSCAN).
    /// Costs a seek and a step for each member looked at; holds nothing between two pages.
    ///
    /// # Errors
    /// As [`ZSets::score`]; [`InvalidInput`](crate::ErrorKind::InvalidInput) for pages of no member.
    ///
    /// # Examples
    /// ```
    /// use windrow::{ScanCursor, ScanOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 2.0), ("b", 1.0), ("c", 3.0)])?;
    /// let first = store.db(0).zsets().scan("z", &ScanCursor::START, ScanOptions::new().count(2))?;
    /// let second = store.db(0).zsets().scan("z", &first.cursor, ScanOptions::new().count(2))?;
    /// assert_eq!((first.items.len(), second.items), (2, vec![("c".into(), 3.0)]));
    /// assert!(second.cursor.is_finished());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZSCAN")]
    pub fn scan(
        &self,
        key: impl AsRef<[u8]>,
        cursor: &ScanCursor,
        options: ScanOptions<'_>,
    ) -> Result<ScanPage<(Bytes, f64)>> {
        let reading = self.db.begin()?;
        let Some(meta) = as_zset(reading.live(key.as_ref())?)? else {
            return Ok(ScanPage::nothing());
        };
        let elements = Elements::of(&reading.reader, &meta)?;
        let own = |member: &[u8], value: &[u8]| Ok((Bytes::copy_from_slice(member), zset::score_from(value)?.get()));
        let found = page(&elements, |member| ElementKey::SortedMember(member), cursor, options, own)?;
        Ok(ScanPage { items: found.items.into_iter().collect::<Result<_>>()?, cursor: found.cursor })
    }
}

impl<S: Writable> ZSets<'_, S> {
    /// Gives members these scores, creating the set if missing; returns how many are new (ZADD). Costs one commit, and
    /// one point read for each member of an existing set.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), [`NotANumber`](crate::ErrorKind::NotANumber) for a score,
    /// [`TooLarge`](crate::ErrorKind::TooLarge); writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).zsets().add("z", [("a", 1.0), ("b", 2.0)])?, 2);
    /// assert_eq!(store.db(0).zsets().add("z", [("a", 5.0)])?, 0);
    /// assert_eq!(store.db(0).zsets().score("z", "a")?, Some(5.0));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZADD")]
    pub fn add<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = (M, f64)>,
    ) -> Result<u64> {
        Ok(self.add_with(key, members, ZAddOptions::new())?.added)
    }

    /// Gives members these scores as far as the options allow (ZADD with NX, XX, GT, LT, CH).
    ///
    /// # Errors
    /// As [`ZSets::add`]; [`InvalidInput`](crate::ErrorKind::InvalidInput) for options that contradict each other.
    ///
    /// # Examples
    /// ```
    /// use windrow::ZAddOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.zsets().add("best", [("ann", 7.0), ("bob", 9.0)])?;
    /// let better = ZAddOptions::new().if_greater();
    /// let done = db.zsets().add_with("best", [("ann", 8.0), ("bob", 1.0), ("cid", 2.0)], better)?;
    /// assert_eq!((done.added, done.updated), (1, 1));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZADD")]
    pub fn add_with<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = (M, f64)>,
        options: ZAddOptions,
    ) -> Result<ZAddOutcome> {
        let rule = options.rule()?;
        let members: Vec<(M, f64)> = members.into_iter().collect();
        let mut entries = Vec::with_capacity(members.len());
        for (member, score) in &members {
            entries.push((self.checked(member.as_ref())?, a_number(*score)?));
        }
        self.db.write_key(key.as_ref(), |plan| {
            let birth = options.birth(plan.now)?;
            zset::add(plan, &entries, rule, birth)
        })
    }

    /// Adds to the member's score, 0 if it is missing, creating the set if need be; returns the new score (ZINCRBY).
    /// Costs two point reads and one commit.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); [`NotANumber`](crate::ErrorKind::NotANumber) if the score or the sum
    /// is none, as that of two infinities is not; [`TooLarge`](crate::ErrorKind::TooLarge); writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).zsets().incr_by("z", "a", 1.5)?, 1.5);
    /// assert_eq!(store.db(0).zsets().incr_by("z", "a", -2.0)?, -0.5);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZINCRBY")]
    pub fn incr_by(&self, key: impl AsRef<[u8]>, member: impl AsRef<[u8]>, by: f64) -> Result<f64> {
        // Without a condition there is always a score.
        Ok(self.incr_by_with(key, member, by, ZAddOptions::new())?.unwrap_or(by))
    }

    /// Adds to the member's score if the options allow it; returns the new score, `None` if they do not (ZADD with
    /// INCR).
    ///
    /// # Errors
    /// As [`ZSets::incr_by`]; [`InvalidInput`](crate::ErrorKind::InvalidInput) for options that contradict each other.
    ///
    /// # Examples
    /// ```
    /// use windrow::ZAddOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let only_known = ZAddOptions::new().if_present();
    /// assert_eq!(store.db(0).zsets().incr_by_with("z", "a", 1.0, only_known)?, None);
    /// assert!(!store.db(0).exists("z")?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZADD")]
    pub fn incr_by_with(
        &self,
        key: impl AsRef<[u8]>,
        member: impl AsRef<[u8]>,
        by: f64,
        options: ZAddOptions,
    ) -> Result<Option<f64>> {
        let rule = options.rule()?;
        let (member, by) = (self.checked(member.as_ref())?, a_number(by)?);
        self.db.write_key(key.as_ref(), |plan| {
            let birth = options.birth(plan.now)?;
            zset::incr_by(plan, member, by, rule, birth)
        })
    }

    fn checked<'m>(&self, member: &'m [u8]) -> Result<&'m [u8]> {
        self.db.engine().check_member(member)?;
        Ok(member)
    }

    /// Removes members; returns how many were there (ZREM). The last one's removal removes the key. Costs one commit
    /// and a point read for each member.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 1.0)])?;
    /// assert_eq!(store.db(0).zsets().remove("z", ["a", "b"])?, 1);
    /// assert!(!store.db(0).exists("z")?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREM")]
    pub fn remove<M: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, members: impl IntoIterator<Item = M>) -> Result<u64> {
        let members: Vec<M> = members.into_iter().collect();
        let members: Vec<&[u8]> = members.iter().map(AsRef::as_ref).collect();
        self.db.write_key(key.as_ref(), |plan| zset::remove(plan, &members))
    }
}

fn a_number(score: f64) -> Result<Score> {
    Score::new(score).ok_or_else(|| Error::not_a_number("a score or an increment is NaN"))
}

pub(super) fn as_zset(meta: Option<Meta>) -> Result<Option<Meta>> {
    match meta {
        Some(meta) if meta.data_type != DataType::SortedSet => {
            Err(Error::wrong_type(meta.data_type, DataType::SortedSet))
        }
        found => Ok(found),
    }
}
