//! Members taken from the ends of a sorted set.
//!
//! May use `types::zset` and the margins. Invariant: a pop's margins are read and learnt under the lock of its key.

use bytes::Bytes;

use crate::encoding::{ElementKey, Meta, Score, Tag};
use crate::engine::write::distinct;
use crate::engine::{Engine, Writable, ZEnd, ZPopped, ZSets};
use crate::error::{Error, Result};
use crate::types::{Direction, KeyPlan, TailRange, zset};

impl<S: Writable> ZSets<'_, S> {
    /// Removes up to `count` members with the lowest scores and returns them, the lowest first (ZPOPMIN). Costs the
    /// reading of what is removed, in memory too, and one commit. Where the set begins after its pops, and after
    /// [`ZSets::remove_range`], is remembered, so emptying one by pops is linear; members removed otherwise from its end are
    /// passed once more, by the next pop.
    ///
    /// # Errors
    /// As [`ZSets::remove`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 1.0), ("b", 2.0)])?;
    /// assert_eq!(store.db(0).zsets().pop_min("z", 1)?, [("a".into(), 1.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZPOPMIN")]
    pub fn pop_min(&self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<(Bytes, f64)>> {
        let engine = self.db.engine();
        self.db.write_key(key.as_ref(), |plan| pop(engine, plan, Direction::Ascending, count))
    }

    /// Removes up to `count` members with the highest scores and returns them, the highest first (ZPOPMAX). Costs as
    /// [`ZSets::pop_min`].
    ///
    /// # Errors
    /// As [`ZSets::remove`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 1.0), ("b", 2.0)])?;
    /// assert_eq!(store.db(0).zsets().pop_max("z", 1)?, [("b".into(), 2.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZPOPMAX")]
    pub fn pop_max(&self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<(Bytes, f64)>> {
        let engine = self.db.engine();
        self.db.write_key(key.as_ref(), |plan| pop(engine, plan, Direction::Descending, count))
    }

    /// Removes up to `count` members from one end of the first key that exists, and returns that key and them (ZMPOP);
    /// `None` if no key exists. Costs as [`ZSets::pop_min`], and a point read for each key.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) if the first key that exists is no sorted set;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) without a key or with a count of 0; writing errors.
    ///
    /// # Examples
    /// ```
    /// use windrow::ZEnd;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("late", [("a", 1.0), ("b", 2.0)])?;
    /// let popped = store.db(0).zsets().mpop(["urgent", "late"], ZEnd::Min, 1)?;
    /// assert_eq!(popped.unwrap().members, [("a".into(), 1.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZMPOP")]
    pub fn mpop<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        end: ZEnd,
        count: u64,
    ) -> Result<Option<ZPopped>> {
        let keys: Vec<K> = keys.into_iter().collect();
        let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        if keys.is_empty() || count == 0 {
            return Err(Error::invalid("a pop needs at least one key and a count above 0"));
        }
        let engine = self.db.engine();
        let (different, _) = distinct(&keys);
        self.db.write_keys(&different, |plans| {
            let Some(plan) = plans.iter_mut().find(|plan| plan.live().is_some()) else {
                return Ok(None);
            };
            let popped = pop(engine, plan, end.direction(), count)?;
            Ok(Some(ZPopped { key: Bytes::copy_from_slice(plan.key), members: popped }))
        })
    }
}

/// Pops, beginning where the last pop ended.
/// Returns a range in which all scores of the key's set lie. What a transaction has put outside of what is remembered lies in it,
/// too.
pub(super) fn within_margins(engine: &Engine, plan: &KeyPlan<'_>) -> TailRange {
    let Some(id) = plan.live().and_then(Meta::id) else { return TailRange::all(Tag::SortedScore) };
    let range = engine.margins.range(id);
    match plan.reader.changes(id) {
        Some(changes) => changes.widen(range, Tag::SortedScore),
        None => range,
    }
}

fn pop(engine: &Engine, plan: &mut KeyPlan<'_>, direction: Direction, count: u64) -> Result<Vec<(Bytes, f64)>> {
    let id = plan.committed_id();
    let range = within_margins(engine, plan);
    let popped = zset::pop(plan, &range, direction, count)?;
    if let (Some(id), Some((member, score))) = (id, popped.first())
        && let Some(score) = Score::new(*score)
    {
        engine.margins.learn(id, direction, &ElementKey::SortedScore(score, member).encode_tail());
    }
    Ok(popped)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use crate::types::merged::PASSED;
    use crate::{Options, Result, Store, ZRange};

    fn open() -> (TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { packed_lasting_bytes: 0, ..Options::default() };
        let store = Store::builder(dir.path().join("s")).options(options).background(false).open().unwrap();
        (dir, store)
    }

    #[test]
    fn members_taken_one_by_one_inside_a_transaction_are_not_passed_again_and_again() {
        let (_dir, store) = open();
        let db = store.db(0);
        let scored = |n: u32| (n.to_be_bytes(), f64::from(n));
        db.zsets().add("z", (0..3000).map(scored)).unwrap();
        let passed = PASSED.get();
        db.transaction(["z"], |db| {
            let zsets = db.zsets();
            for n in 0..500 {
                let (first, last) = (scored(n), scored(2999 - n));
                assert_eq!(zsets.pop_min("z", 1)?, [(first.0.to_vec().into(), first.1)]);
                assert_eq!(zsets.pop_max("z", 1)?, [(last.0.to_vec().into(), last.1)]);
            }
            for n in 500..1000 {
                let first = zsets.range("z", ZRange::ranks(0, 0))?.collect::<Result<Vec<_>>>()?;
                assert_eq!(zsets.remove("z", [&first[0].0])?, 1);
                assert_eq!(zsets.remove_range("z", ZRange::scores(f64::NEG_INFINITY, f64::from(n)))?, 0);
                assert_eq!(zsets.remove_range("z", ZRange::scores(f64::from(2999 - n), f64::INFINITY))?, 1);
                let last = zsets.range("z", ZRange::ranks(0, 0).rev())?.collect::<Result<Vec<_>>>()?;
                assert_eq!(last[0].1, f64::from(2998 - n));
            }
            // What comes where nothing was is there.
            zsets.add("z", [scored(5), scored(2990)])?;
            assert_eq!(zsets.pop_min("z", 2)?[1].1, 1000.0);
            assert_eq!(zsets.pop_max("z", 2)?[1].1, 1999.0);
            Ok(())
        })
        .unwrap();
        assert_eq!(db.zsets().len("z").unwrap(), 998);
        // Each of the two thousand once or twice.
        assert!(PASSED.get() - passed < 8000, "{} passed", PASSED.get() - passed);
    }

    #[test]
    fn what_is_remembered_of_a_set_helps_inside_a_transaction_and_hides_nothing_of_it() {
        let (_dir, store) = open();
        let db = store.db(0);
        db.zsets().add("z", (0..100_u32).map(|n| (n.to_be_bytes(), f64::from(n)))).unwrap();
        db.zsets().pop_min("z", 1).unwrap();
        // Not true, and so the members below are not seen.
        store.engine().margins.pretend_lowest(50.0);
        db.transaction(["z"], |db| {
            let zsets = db.zsets();
            zsets.remove("z", [70_u32.to_be_bytes()])?;
            assert_eq!(zsets.pop_min("z", 1)?[0].1, 50.0);
            zsets.add("z", [("early", -1.0)])?;
            assert_eq!(zsets.pop_min("z", 1)?[0].1, -1.0);
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn walks_that_are_kept_inside_a_transaction_see_what_there_was_when_they_began() {
        let (_dir, store) = open();
        let db = store.db(0);
        let keys: Vec<String> = (0..500).map(|n| format!("h:{n}")).chain(["z".to_owned()]).collect();
        let members = 2000_u32;
        db.transaction(&keys, |db| {
            keys.iter().take(500).try_for_each(|key| db.hashes().set(key, "f", "v").map(drop))?;
            let mut kept = Vec::new();
            for n in 0..members {
                db.zsets().add("z", [(n.to_be_bytes(), f64::from(n))])?;
                kept.push((n, db.zsets().range("z", ZRange::ranks(0, -1))?));
            }
            while let Some((member, _)) = db.zsets().range("z", ZRange::ranks(0, 0))?.next().transpose()? {
                db.zsets().remove("z", [member])?;
            }
            for (n, walk) in kept.into_iter().step_by(100) {
                assert_eq!(walk.count(), usize::try_from(n).unwrap() + 1, "what there was when it began");
            }
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn a_pop_begins_where_the_last_one_ended_and_at_whatever_came_before_that() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { packed_lasting_bytes: 0, ..Options::default() };
        let store = Store::builder(dir.path().join("s")).options(options).background(false).open().unwrap();
        let db = store.db(0);
        let zsets = db.zsets();
        zsets.add("z", (0..100_u32).map(|n| (n.to_be_bytes(), f64::from(n)))).unwrap();
        let known = || {
            let margins = &store.engine().margins;
            margins.known_scores()
        };
        assert_eq!(known(), (None, None));
        zsets.pop_min("z", 10).unwrap();
        zsets.pop_min("z", 1).unwrap();
        zsets.mpop(["none", "z"], crate::ZEnd::Max, 5).unwrap();
        assert_eq!(known(), (Some(10.0), Some(99.0)), "as far as each walk has seen");
        zsets.add("z", [("early", 3.0)]).unwrap();
        assert_eq!(known(), (Some(3.0), Some(99.0)));
        assert_eq!(
            zsets.pop_min("z", 2).unwrap(),
            [("early".into(), 3.0), (11_u32.to_be_bytes().to_vec().into(), 11.0)]
        );
        db.rename("z", "other").unwrap();
        zsets.incr_by("other", 20_u32.to_be_bytes(), -100.0).unwrap();
        assert_eq!(zsets.pop_min("other", 1).unwrap(), [(20_u32.to_be_bytes().to_vec().into(), -80.0)]);
        db.delete(["other"]).unwrap();
        assert_eq!(known(), (None, None));
    }
}
