//! Operations on parts of a sorted set.
//!
//! Uses the read and write paths, `types::zset` and the margins. Invariants: as for all handles, names follow the Redis
//! commands; margins are read and learnt under the lock of their set's key.

use crate::encoding::DataType;
use crate::engine::write::distinct;
use crate::engine::zsets::ZEntries;
use crate::engine::zsets::pops::within_margins;
use crate::engine::{CreateOptions, Engine, Source, Writable, ZSets};
use crate::error::{Error, Result};
use crate::types::zset::range::{CountOf, PartOf};
use crate::types::zset::{Selection, ZRange, range};
use crate::types::{Direction, KeyPlan};

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

impl<S: Writable> ZSets<'_, S> {
    /// Removes what [`ZSets::range`] would give; returns how many members there were (ZREMRANGEBYRANK,
    /// ZREMRANGEBYSCORE, ZREMRANGEBYLEX). Costs what [`ZSets::range`] costs, and one commit of its members' keys, which are
    /// in memory until then.
    ///
    /// Where the set begins and ends is remembered after removals by score or rank that take its first members or its last, as
    /// after [`ZSets::pop_min`]: what they left behind is passed once more, by the next one, and not by each. So a window of
    /// time that slides over a set, or a list of the best that is cut to its length, costs what comes and goes. This lives
    /// in memory, for the 1024 sets that were used last or fewer; a removal by members knows nothing of it.
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
        let engine = self.db.engine();
        self.db.write_key(key.as_ref(), |plan| remove(engine, plan, &range))
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
        let (keys, _) = distinct(&[destination.as_ref(), source.as_ref()]);
        self.db.write_keys(&keys, |plans| {
            // With one key alone, it is both.
            let meta = plans.last().map(|source| source.live_as(DataType::SortedSet)).transpose()?.flatten().cloned();
            let destination: &mut KeyPlan<'_> = plans.first_mut().ok_or_else(|| Error::invalid("no key"))?;
            let birth = create.birth(destination.now)?;
            let reader = destination.reader;
            let find =
                |id, size, rank| reader.changes(id).is_none().then(|| ranks.stretch_at(id, size, rank)).flatten();
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

/// Removes a part, not looking where the set is known to be empty.
///
/// ORDER: what is learnt is noted before the commit, which may fail: it is true of the set as it was. The commit forgets the
/// set if nothing is left.
fn remove(engine: &Engine, plan: &mut KeyPlan<'_>, range: &ZRange<'_>) -> Result<u64> {
    let id = plan.committed_id();
    let within = within_margins(engine, plan);
    let reader = plan.reader;
    let find = |id, size, rank| reader.changes(id).is_none().then(|| engine.ranks.stretch_at(id, size, rank)).flatten();
    let removal = range::remove(plan, range, &within, &find)?;
    if let Some(id) = id {
        let ends = [(Direction::Ascending, removal.lowest), (Direction::Descending, removal.highest)];
        for (direction, end) in ends {
            end.into_iter().for_each(|end| engine.margins.learn(id, direction, &end));
        }
    }
    Ok(removal.removed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tempfile::TempDir;

    use crate::{Bytes, LexBound, Options, Result, ScoreBound, Store, ZRange, ZSets};

    const NEVER: f64 = f64::NEG_INFINITY;
    const EVER: f64 = f64::INFINITY;

    /// A store in which every set lies apart.
    fn open() -> (TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { packed_lasting_bytes: 0, packed_expiring_bytes: 0, ..Options::default() };
        let store = Store::builder(dir.path().join("s")).options(options).background(false).open().unwrap();
        (dir, store)
    }

    fn known(store: &Store) -> (Option<f64>, Option<f64>) {
        store.engine().margins.known_scores()
    }

    fn fill(zsets: &ZSets<'_>, scores: std::ops::Range<u32>) {
        zsets.add("z", scores.map(|n| (n.to_be_bytes(), f64::from(n)))).unwrap();
    }

    #[test]
    fn a_removal_begins_where_the_last_one_ended_and_at_whatever_came_before_that() {
        let (_dir, store) = open();
        let db = store.db(0);
        let zsets = db.zsets();
        fill(&zsets, 0..100);
        let cut = |range| zsets.remove_range("z", range).unwrap();
        assert_eq!((cut(ZRange::scores(NEVER, 9.0)), known(&store)), (10, (Some(0.0), None)));
        assert_eq!((cut(ZRange::scores(NEVER, 10.0)), known(&store)), (1, (Some(10.0), None)));
        assert_eq!((cut(ZRange::ranks(0, 3)), known(&store)), (4, (Some(11.0), None)));
        assert_eq!((cut(ZRange::scores(NEVER, 20.0).rev().limit(0, 1)), known(&store)), (1, (Some(11.0), None)));
        assert_eq!((cut(ZRange::scores(NEVER, 20.0).rev()), known(&store)), (5, (Some(15.0), None)));
        assert_eq!((cut(ZRange::scores(95.0, EVER)), known(&store)), (5, (Some(15.0), Some(99.0))));
        assert_eq!((cut(ZRange::ranks(-2, -1)), known(&store)), (2, (Some(15.0), Some(94.0))));
        assert_eq!((cut(ZRange::ranks(0, 1).rev()), known(&store)), (2, (Some(15.0), Some(92.0))));
        assert_eq!(zsets.pop_max("z", 1).unwrap(), [(90_u32.to_be_bytes().to_vec().into(), 90.0)]);
        assert_eq!(known(&store), (Some(15.0), Some(90.0)), "pops and removals share what they know");
        zsets.add("z", [("early", 2.0), ("late", 98.0)]).unwrap();
        assert_eq!(known(&store), (Some(2.0), Some(98.0)));
        assert_eq!((cut(ZRange::scores(NEVER, 21.0)), known(&store)), (2, (Some(2.0), Some(98.0))));
        assert_eq!((cut(ZRange::ranks(-1, -1)), known(&store)), (1, (Some(2.0), Some(98.0))));
        assert_eq!((cut(ZRange::ranks(0, -1)), known(&store)), (68, (None, None)), "what is gone is forgotten");
    }

    #[test]
    fn a_removal_that_finds_nothing_remembers_where_nothing_is() {
        let (_dir, store) = open();
        let db = store.db(0);
        let zsets = db.zsets();
        fill(&zsets, 0..100);
        let cut = |range| zsets.remove_range("z", range).unwrap();
        assert_eq!((cut(ZRange::scores(NEVER, 49.0)), known(&store)), (50, (Some(0.0), None)));
        let nothing = ZRange::scores(NEVER, ScoreBound::Excluded(49.5));
        assert_eq!((cut(nothing.limit(0, 0)), known(&store)), (0, (Some(0.0), None)));
        assert_eq!((cut(nothing), known(&store)), (0, (Some(49.5), None)));
        assert_eq!((cut(ZRange::scores(NEVER, ScoreBound::Excluded(7.0))), known(&store)), (0, (Some(49.5), None)));
        assert_eq!((cut(ZRange::scores(120.0, EVER)), known(&store)), (0, (Some(49.5), Some(120.0))));
        assert_eq!((cut(ZRange::scores(130.0, EVER).rev()), known(&store)), (0, (Some(49.5), Some(120.0))));
        assert_eq!((cut(ZRange::scores(30.0, 40.0)), known(&store)), (0, (Some(49.5), Some(120.0))));
        zsets.add("z", [("early", 40.0), ("late", 120.5)]).unwrap();
        assert_eq!(known(&store), (Some(40.0), Some(120.5)));
        assert_eq!(cut(ZRange::scores(NEVER, 49.0)), 1);
        assert_eq!(cut(ZRange::scores(120.0, EVER)), 1);
        assert_eq!(zsets.len("z").unwrap(), 50);
    }

    #[test]
    fn a_removal_that_leaves_members_at_the_end_learns_nothing_of_it() {
        let (_dir, store) = open();
        let db = store.db(0);
        let zsets = db.zsets();
        fill(&zsets, 0..100);
        let ranges = [
            ZRange::scores(NEVER, 50.0).limit(1, 3),
            ZRange::scores(NEVER, 50.0).limit(60, 3),
            ZRange::scores(NEVER, 50.0).rev().limit(0, 3),
            ZRange::scores(NEVER, EVER).rev().limit(1, 3),
            ZRange::scores(60.0, EVER).limit(0, 3),
            ZRange::scores(60.0, EVER).limit(2, 30),
            ZRange::scores(10.0, 12.0),
            ZRange::ranks(0, 5).limit(1, 2),
            ZRange::ranks(1, 2),
            ZRange::ranks(-3, -2).rev(),
            ZRange::lex(LexBound::Min, LexBound::Excluded(&[0, 0, 0, 1])),
            ZRange::lex(LexBound::Included(&[0, 0, 0, 1]), LexBound::Max).limit(70, 1),
        ];
        for range in ranges {
            zsets.remove_range("z", range).unwrap();
            let (low, high) = known(&store);
            // Two of them take the last members and may well know it.
            let ends = zsets.range("z", ZRange::ranks(0, -1)).unwrap().collect::<Result<Vec<_>>>().unwrap();
            assert!(low.is_none_or(|low| low <= ends[0].1), "{range:?}");
            assert!(high.is_none_or(|high| high >= ends[ends.len() - 1].1), "{range:?}");
        }
        assert_eq!(known(&store).0, None);
    }

    #[test]
    fn a_removal_looks_at_nothing_outside_of_what_is_known() {
        let (_dir, store) = open();
        let db = store.db(0);
        let zsets = db.zsets();
        fill(&zsets, 0..100);
        zsets.pop_min("z", 1).unwrap();
        for range in [ZRange::scores(NEVER, 51.0), ZRange::ranks(0, 1), ZRange::ranks(-2, -1).rev()] {
            // Not true, and so the members below are not seen.
            store.engine().margins.pretend_lowest(50.0);
            assert_eq!(zsets.remove_range("z", range).unwrap(), 2, "{range:?}");
            assert_eq!(zsets.score("z", 50_u32.to_be_bytes()).unwrap(), None);
            assert_eq!(zsets.score("z", 51_u32.to_be_bytes()).unwrap(), None);
            assert_eq!(zsets.score("z", 49_u32.to_be_bytes()).unwrap(), Some(49.0));
            fill(&zsets, 50..52);
        }
        // By members, nothing is known.
        assert_eq!(
            zsets.remove_range("z", ZRange::lex(LexBound::Min, LexBound::Excluded(&[0, 0, 0, 11]))).unwrap(),
            10
        );
    }

    /// Every call counts itself and throws out what has left the window, as in `docs/examples/limiter_and_lease.rs`.
    #[test]
    fn a_window_that_slides_over_a_set_does_not_pass_its_past_again_and_again() {
        let (_dir, store) = open();
        let db = store.db(0);
        let zsets = db.zsets();
        let (calls, window) = (20_000_u32, 50_u32);
        for call in 0..calls {
            // Calls come in bursts of ten.
            let now = f64::from(call / 10 * 10);
            let begins = now - f64::from(window);
            zsets.remove_range("z", ZRange::scores(NEVER, begins)).unwrap();
            zsets.add("z", [(call.to_be_bytes(), now)]).unwrap();
            if begins >= 10.0 {
                let low = known(&store).0.expect("the margin is known");
                assert!(begins - low <= 10.0, "call {call}: a removal walks from {low} to {begins}");
            }
        }
        assert!(zsets.len("z").unwrap() <= u64::from(window));
    }

    #[test]
    fn removals_pops_and_additions_in_any_order_do_what_the_model_does() {
        let seed = std::env::var("WINDROW_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
        println!("WINDROW_SEED={seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let (_dir, store) = open();
        let db = store.db(0);
        let zsets = db.zsets();
        let mut model: BTreeMap<(i32, u8), ()> = BTreeMap::new();
        for _ in 0..6000 {
            let score = |random: &mut fastrand::Rng| match random.u8(..8) {
                0 => NEVER,
                1 => EVER,
                _ => f64::from(random.i32(-20..20)),
            };
            match random.u8(..10) {
                0..=3 => {
                    for _ in 0..random.u8(..6) {
                        let (member, at) = (random.u8(..40), random.i32(-20..20));
                        model.retain(|(_, known), ()| *known != member);
                        model.insert((at, member), ());
                        zsets.add("z", [([member], f64::from(at))]).unwrap();
                    }
                }
                4 => {
                    let popped = zsets.pop_min("z", 1).unwrap();
                    let expected = model.pop_first().map(|((at, member), ())| entry(at, member));
                    assert_eq!(popped, Vec::from_iter(expected));
                }
                5 => {
                    let popped = zsets.pop_max("z", 1).unwrap();
                    let expected = model.pop_last().map(|((at, member), ())| entry(at, member));
                    assert_eq!(popped, Vec::from_iter(expected));
                }
                choice => {
                    let mut found: Vec<(i32, u8)> = model.keys().copied().collect();
                    let (is_rev, is_limited) = (random.bool(), random.u8(..4) == 0);
                    let (mut range, ranks) = if choice < 9 {
                        let (min, max) = (score(&mut random), score(&mut random));
                        found.retain(|(at, _)| min <= f64::from(*at) && f64::from(*at) <= max);
                        (ZRange::scores(min, max), None)
                    } else {
                        let (start, count) = (random.usize(..4), random.usize(..4));
                        let range = ZRange::ranks(start as i64, (start + count) as i64);
                        (range, Some((start, count + 1)))
                    };
                    if is_rev {
                        range = range.rev();
                        found.reverse();
                    }
                    if let Some((start, count)) = ranks {
                        found = found.into_iter().skip(start).take(count).collect();
                    }
                    if is_limited {
                        let (offset, count) = (random.usize(..3), random.usize(..5));
                        range = range.limit(offset as u64, count as u64);
                        found = found.into_iter().skip(offset).take(count).collect();
                    }
                    assert_eq!(zsets.remove_range("z", range).unwrap(), found.len() as u64, "{range:?}");
                    found.iter().for_each(|gone| _ = model.remove(gone));
                }
            }
            let left = zsets.range("z", ZRange::ranks(0, -1)).unwrap().collect::<Result<Vec<_>>>().unwrap();
            assert_eq!(left, model.keys().map(|(at, member)| entry(*at, *member)).collect::<Vec<_>>());
            let (low, high) = known(&store);
            if let (Some(first), Some(last)) = (left.first(), left.last()) {
                assert!(low.is_none_or(|low| low <= first.1) && high.is_none_or(|high| high >= last.1));
            }
        }
    }

    fn entry(at: i32, member: u8) -> (Bytes, f64) {
        (Bytes::copy_from_slice(&[member]), f64::from(at))
    }
}
