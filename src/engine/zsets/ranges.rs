//! Operations on parts of a sorted set.
//!
//! Uses the read and write paths and `types::zset`. Invariant: as for all handles, names follow the Redis commands.

use crate::encoding::DataType;
use crate::engine::write::distinct;
use crate::engine::zsets::ZEntries;
use crate::engine::{CreateOptions, Live, Source, ZSets};
use crate::error::{Error, Result};
use crate::types::KeyPlan;
use crate::types::zset::range::{CountOf, PartOf};
use crate::types::zset::{Selection, ZRange, range};

impl<S: Source> ZSets<'_, S> {
    /// Walks over a part of the set, as it is at the time of the call (ZRANGE with BYSCORE, BYLEX, REV, LIMIT, and so
    /// ZREVRANGE and the rest of its family). Reads as it goes, in constant memory; as long as the iterator lives it
    /// holds reclaiming back like a view.
    ///
    /// Costs a snapshot, one seek, and a step for each member that is given or left out by the limit, and for each that was
    /// removed there since the last compaction. A part by ranks
    /// first reads its way from the nearer end of the set, if that is near, and else from the nearest place that the index
    /// of ranks knows, at the cost of [`ZSets::rank`].
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), [`NotANumber`](crate::ErrorKind::NotANumber) for a bound; reading
    /// errors, also of each item.
    ///
    /// # Examples
    /// ```
    /// use windrow::ZRange;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.zsets().add("z", [("c", 3.0), ("a", 1.0), ("b", 2.0)])?;
    /// let top = db.zsets().range("z", ZRange::scores(1.5, 9.0).rev())?;
    /// let top: Vec<_> = top.collect::<windrow::Result<_>>()?;
    /// assert_eq!(top, [("c".into(), 3.0), ("b".into(), 2.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias("ZRANGE", "ZREVRANGE", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE", "ZRANGEBYLEX", "ZREVRANGEBYLEX"))]
    pub fn range(&self, key: impl AsRef<[u8]>, range: ZRange<'_>) -> Result<ZEntries> {
        range.check()?;
        let (reading, selection) = self.db.ask(key.as_ref(), &PartOf(&range))?;
        Ok(ZEntries::new(selection.unwrap_or_else(Selection::nothing), reading))
    }

    /// Counts the members of a part (ZCOUNT, ZLEXCOUNT). Costs the reading of the part, or, of a large one, that of its
    /// ends as in [`ZSets::rank`]. A part by ranks costs one point read; one by members of a set with several scores is
    /// always read.
    ///
    /// # Errors
    /// As [`ZSets::range`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{ScoreBound, ZRange};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 1.0), ("b", 2.0)])?;
    /// let above_one = ZRange::scores(ScoreBound::Excluded(1.0), f64::INFINITY);
    /// assert_eq!(store.db(0).zsets().count("z", above_one)?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias("ZCOUNT", "ZLEXCOUNT"))]
    pub fn count(&self, key: impl AsRef<[u8]>, range: ZRange<'_>) -> Result<u64> {
        range.check()?;
        let (_, count) = self.db.ask(key.as_ref(), &CountOf(&range))?;
        Ok(count.unwrap_or(0))
    }
}

impl ZSets<'_, Live> {
    /// Removes what [`ZSets::range`] would give; returns how many members there were (ZREMRANGEBYRANK,
    /// ZREMRANGEBYSCORE, ZREMRANGEBYLEX). Costs what [`ZSets::range`] costs, and one commit of its members' keys, which are
    /// in memory until then.
    ///
    /// # Errors
    /// As [`ZSets::range`]; writing errors.
    ///
    /// # Examples
    /// ```
    /// use windrow::ZRange;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.zsets().add("recent", [("a", 1.0), ("b", 2.0), ("c", 3.0)])?;
    /// assert_eq!(db.zsets().remove_range("recent", ZRange::ranks(0, -3))?, 1);
    /// assert_eq!(db.zsets().remove_range("recent", ZRange::scores(2.0, 2.5))?, 1);
    /// assert_eq!(db.zsets().len("recent")?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias("ZREMRANGEBYRANK", "ZREMRANGEBYSCORE", "ZREMRANGEBYLEX"))]
    pub fn remove_range(&self, key: impl AsRef<[u8]>, range: ZRange<'_>) -> Result<u64> {
        range.check()?;
        self.index_for(key.as_ref(), &range)?;
        let ranks = &self.db.engine().ranks;
        let find = |id, size, rank| ranks.stretch_at(id, size, rank);
        self.db.write_key(key.as_ref(), |plan| range::remove(plan, &range, &find))
    }

    /// Stores what [`ZSets::range`] would give, in place of whatever `destination` holds; returns how many members it
    /// now has (ZRANGESTORE). Nothing to store removes it. Costs the reading of the part and one commit, or, above a
    /// few MiB, several that become visible together.
    ///
    /// # Errors
    /// As [`ZSets::range`]; writing errors.
    ///
    /// # Examples
    /// ```
    /// use windrow::ZRange;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.zsets().add("points", [("ann", 7.0), ("bob", 9.0), ("cid", 3.0)])?;
    /// assert_eq!(db.zsets().range_store("podium", "points", ZRange::ranks(0, 1).rev())?, 2);
    /// assert_eq!(db.zsets().score("podium", "bob")?, Some(9.0));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGESTORE")]
    pub fn range_store(
        &self,
        destination: impl AsRef<[u8]>,
        source: impl AsRef<[u8]>,
        range: ZRange<'_>,
    ) -> Result<u64> {
        self.range_store_with(destination, source, range, CreateOptions::new())
    }

    /// Stores a part as [`ZSets::range_store`] does, and says how the new set is to be born.
    ///
    /// # Errors
    /// As [`ZSets::range_store`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{CreateOptions, Ttl, ZRange};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.zsets().add("points", [("ann", 7.0), ("bob", 9.0)])?;
    /// let minute = CreateOptions::new().expire_in(std::time::Duration::from_secs(60));
    /// db.zsets().range_store_with("best", "points", ZRange::ranks(0, 0).rev(), minute)?;
    /// assert!(matches!(db.ttl("best")?, Ttl::In(_)));
    /// # Ok(()) }
    /// ```
    pub fn range_store_with(
        &self,
        destination: impl AsRef<[u8]>,
        source: impl AsRef<[u8]>,
        range: ZRange<'_>,
        create: CreateOptions,
    ) -> Result<u64> {
        range.check()?;
        self.index_for(source.as_ref(), &range)?;
        let ranks = &self.db.engine().ranks;
        let find = |id, size, rank| ranks.stretch_at(id, size, rank);
        let (keys, _) = distinct(&[destination.as_ref(), source.as_ref()]);
        self.db.write_keys(&keys, |plans| {
            // With one key alone, it is both.
            let meta = plans.last().map(|source| source.live_as(DataType::SortedSet)).transpose()?.flatten().cloned();
            let destination: &mut KeyPlan<'_> = plans.first_mut().ok_or_else(|| Error::invalid("no key"))?;
            let birth = create.birth(destination.now)?;
            range::store(destination, meta.as_ref(), &range, birth, &find)
        })
    }

    /// Has an index made if a change is about to look for a far rank, before anything is locked for it.
    fn index_for(&self, key: &[u8], range: &ZRange<'_>) -> Result<()> {
        if range.may_begin_deep() {
            self.db.ask(key, &PartOf(range))?;
        }
        Ok(())
    }
}
