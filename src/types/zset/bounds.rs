//! Which part of a sorted set an operation means: by rank, by score or by member.
//!
//! May use `encoding`. Invariant: plain data; a part whose bounds cross is empty, not refused.

use crate::encoding::{ElementKey, Score, Tag};
use crate::error::{Error, Result};
use crate::types::rank::DEEP;
use crate::types::{Direction, EventKind, TailRange};

/// Where a range of scores begins or ends. A bare number is an included bound: an `f64`, or an `i32` or
/// `u32`, which it holds exactly. A wider integer is not: say how it is to be rounded.
///
/// # Examples
/// ```
/// use windrow::{ScoreBound, ZRange};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.zsets().add("z", [("a", 1.0), ("b", 2.0), ("c", 3.0)])?;
/// assert_eq!(db.zsets().count("z", ZRange::scores(1.0, f64::INFINITY))?, 3);
/// assert_eq!(db.zsets().count("z", ZRange::scores(ScoreBound::Excluded(1.0), 3.0))?, 2);
/// assert_eq!(db.zsets().count("z", ZRange::scores(2, 3))?, 2);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScoreBound {
    /// The score itself belongs to the range; an infinite one leaves it open.
    Included(f64),
    /// The score itself does not (`(1.5` in Redis).
    Excluded(f64),
}

impl From<f64> for ScoreBound {
    fn from(score: f64) -> Self {
        Self::Included(score)
    }
}

impl From<i32> for ScoreBound {
    fn from(score: i32) -> Self {
        Self::Included(score.into())
    }
}

impl From<u32> for ScoreBound {
    fn from(score: u32) -> Self {
        Self::Included(score.into())
    }
}

/// Where a range of members in byte order begins or ends.
///
/// # Examples
/// ```
/// use windrow::{LexBound, ZRange};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.zsets().add("names", [("ann", 0.0), ("bob", 0.0), ("cid", 0.0)])?;
/// let from_b = ZRange::lex(LexBound::Included(b"b"), LexBound::Max);
/// assert_eq!(db.zsets().count("names", from_b)?, 2);
/// let before_cid = ZRange::lex(LexBound::Min, LexBound::Excluded(b"cid"));
/// assert_eq!(db.zsets().count("names", before_cid)?, 2);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// Before every member (`-` in Redis).
    Min,
    /// This member, which belongs to the range (`[`).
    Included(&'a [u8]),
    /// This member, which does not (`(`).
    Excluded(&'a [u8]),
    /// Behind every member (`+`).
    Max,
}

/// A part of a sorted set: by rank, by score or by member, from either end, perhaps only some of it.
///
/// # Examples
/// ```
/// use windrow::ZRange;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.zsets().add("points", [("ann", 7.0), ("bob", 9.0), ("cid", 3.0)])?;
/// let best = db.zsets().range("points", ZRange::ranks(0, 1).rev())?;
/// let best: Vec<_> = best.collect::<windrow::Result<_>>()?;
/// assert_eq!(best, [("bob".into(), 9.0), ("ann".into(), 7.0)]);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct ZRange<'a> {
    part: Part<'a>,
    rev: bool,
    offset: u64,
    count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part<'a> {
    Ranks(i64, i64),
    Scores(ScoreBound, ScoreBound),
    Lex(LexBound<'a>, LexBound<'a>),
}

impl<'a> ZRange<'a> {
    /// Means the members from rank `start` to rank `stop`, both included; -1 is the last rank, -2 the one before.
    /// Ranks follow the scores; members of one score follow each other in byte order.
    ///
    /// # Examples
    /// ```
    /// use windrow::ZRange;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 1.0), ("b", 2.0), ("c", 3.0)])?;
    /// assert_eq!(store.db(0).zsets().range("z", ZRange::ranks(-2, -1))?.count(), 2);
    /// # Ok(()) }
    /// ```
    pub fn ranks(start: i64, stop: i64) -> Self {
        Self::of(Part::Ranks(start, stop))
    }

    /// Means the members with scores from `min` to `max` (BYSCORE); the lower bound comes first also with
    /// [`ZRange::rev`].
    ///
    /// # Examples
    /// ```
    /// use windrow::ZRange;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 1.0), ("b", 2.0), ("c", 3.0)])?;
    /// assert_eq!(store.db(0).zsets().range("z", ZRange::scores(2.0, 9.0))?.count(), 2);
    /// # Ok(()) }
    /// ```
    pub fn scores(min: impl Into<ScoreBound>, max: impl Into<ScoreBound>) -> Self {
        Self::of(Part::Scores(min.into(), max.into()))
    }

    /// Means the members from `min` to `max` in byte order (BYLEX); the lower bound comes first also with
    /// [`ZRange::rev`].
    ///
    /// For members of one score, the only ones for which Redis defines it, this is the order of ranks. Of a set with
    /// several scores it takes the members between the bounds, in byte order, whatever their scores.
    ///
    /// # Examples
    /// ```
    /// use windrow::{LexBound, ZRange};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 0.0), ("b", 0.0)])?;
    /// let to_a = ZRange::lex(LexBound::Min, LexBound::Included(b"a"));
    /// assert_eq!(store.db(0).zsets().range("z", to_a)?.count(), 1);
    /// # Ok(()) }
    /// ```
    pub fn lex(min: LexBound<'a>, max: LexBound<'a>) -> Self {
        Self::of(Part::Lex(min, max))
    }

    fn of(part: Part<'a>) -> Self {
        Self { part, rev: false, offset: 0, count: u64::MAX }
    }

    /// Goes from the highest to the lowest (REV); ranks then count from the highest.
    ///
    /// # Examples
    /// ```
    /// use windrow::ZRange;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 1.0), ("b", 2.0)])?;
    /// let first = store.db(0).zsets().range("z", ZRange::scores(0.0, 9.0).rev())?.next().transpose()?;
    /// assert_eq!(first, Some(("b".into(), 2.0)));
    /// # Ok(()) }
    /// ```
    pub fn rev(mut self) -> Self {
        self.rev = true;
        self
    }

    /// Leaves out the first `offset` members of the part and takes up to `count` of the rest (LIMIT). What is left
    /// out is read. `u64::MAX` takes all the rest, for which Redis has negative counts. Taken also with [`ZRange::ranks`], and by
    /// [`ZSets::count`](crate::ZSets::count) and [`ZSets::remove_range`](crate::ZSets::remove_range), where Redis calls it a syntax error.
    ///
    /// # Examples
    /// ```
    /// use windrow::ZRange;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 1.0), ("b", 2.0), ("c", 3.0)])?;
    /// let second = store.db(0).zsets().range("z", ZRange::scores(0.0, 9.0).limit(1, 1))?.next().transpose()?;
    /// assert_eq!(second, Some(("b".into(), 2.0)));
    /// # Ok(()) }
    /// ```
    pub fn limit(mut self, offset: u64, count: u64) -> Self {
        self.offset = offset;
        self.count = count;
        self
    }

    pub(super) fn direction(&self) -> Direction {
        if self.rev { Direction::Descending } else { Direction::Ascending }
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Tells whether the range may begin so far from both ends of a set that an index of ranks helps to find it.
    pub(crate) fn may_begin_deep(&self) -> bool {
        matches!(self.part, Part::Ranks(start, _) if start.unsigned_abs().saturating_add(self.offset) > DEEP)
    }

    pub(super) fn is_by_rank(&self) -> bool {
        matches!(self.part, Part::Ranks(..))
    }

    pub(super) fn is_by_score(&self) -> bool {
        matches!(self.part, Part::Scores(..))
    }

    /// What is said to happen when the range is removed.
    pub(super) fn removal(&self) -> EventKind {
        match self.part {
            Part::Ranks(..) => EventKind::ZRemRangeByRank,
            Part::Scores(..) => EventKind::ZRemRangeByScore,
            Part::Lex(..) => EventKind::ZRemRangeByLex,
        }
    }

    /// Finds out what the range means in a set of this size.
    pub(super) fn span(&self, size: u64) -> Span {
        match self.part {
            Part::Ranks(start, stop) => ranks_between(start, stop, size),
            Part::Scores(min, max) => scores_between(min, max).map_or(Span::Empty, Span::Tails),
            Part::Lex(min, max) => members_between(min, max).map_or(Span::Empty, Span::Tails),
        }
    }

    /// Refuses bounds that are no numbers.
    pub(crate) fn check(&self) -> Result<()> {
        let is_nan = |bound| match bound {
            ScoreBound::Included(score) | ScoreBound::Excluded(score) => f64::is_nan(score),
        };
        match self.part {
            Part::Scores(min, max) if is_nan(min) || is_nan(max) => {
                Err(Error::not_a_number("a bound of a range of scores is NaN"))
            }
            _ => Ok(()),
        }
    }
}

/// What a range means in one set, the limit aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// Nothing.
    Empty,
    /// So many ranks from this one on, counted from where the walk begins.
    Ranks { first: u64, count: u64 },
    /// Elements between two tails.
    Tails(TailRange),
}

fn ranks_between(start: i64, stop: i64, size: u64) -> Span {
    let counted = |rank: i64| {
        if rank < 0 { size.checked_sub(rank.unsigned_abs()) } else { Some(rank.unsigned_abs()) }
    };
    let first = counted(start).unwrap_or(0);
    match counted(stop).map(|stop| stop.min(size.saturating_sub(1))) {
        Some(last) if first <= last && first < size => Span::Ranks { first, count: last - first + 1 },
        _ => Span::Empty,
    }
}

/// `None` if no score can lie between. Bounds that cross make a range that ends before it begins.
fn scores_between(min: ScoreBound, max: ScoreBound) -> Option<TailRange> {
    let all = TailRange::all(Tag::SortedScore);
    let lowest = match min {
        ScoreBound::Included(score) => score,
        ScoreBound::Excluded(f64::INFINITY) => return None,
        ScoreBound::Excluded(score) => score.next_up(),
    };
    let lower = Score::new(lowest)?;
    // Open at both ends alike, so that such a range is seen to begin where the set does.
    let all = if lowest == f64::NEG_INFINITY { all } else { all.from(&ElementKey::SortedScore(lower, b"")) };
    let beyond = match max {
        ScoreBound::Included(f64::INFINITY) => return Some(all),
        ScoreBound::Included(score) => score.next_up(),
        ScoreBound::Excluded(score) => score,
    };
    let upper = Score::new(beyond)?;
    Some(all.before(&ElementKey::SortedScore(upper, b"")))
}

fn members_between(min: LexBound<'_>, max: LexBound<'_>) -> Option<TailRange> {
    let all = TailRange::all(Tag::SortedMember);
    let lower = match min {
        LexBound::Min => all,
        LexBound::Included(member) => all.from(&ElementKey::SortedMember(member)),
        LexBound::Excluded(member) => all.after(&ElementKey::SortedMember(member)),
        LexBound::Max => return None,
    };
    match max {
        LexBound::Min => None,
        LexBound::Included(member) => Some(lower.through(&ElementKey::SortedMember(member))),
        LexBound::Excluded(member) => Some(lower.before(&ElementKey::SortedMember(member))),
        LexBound::Max => Some(lower),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_counted_from_both_ends_and_cut_to_the_set() {
        let cases = [
            ((0, -1), Some((0, 5))),
            ((-100, 100), Some((0, 5))),
            ((1, 3), Some((1, 3))),
            ((-2, -1), Some((3, 2))),
            ((-1, -2), None),
            ((5, 9), None),
            ((3, 2), None),
            ((0, -6), None),
            ((i64::MIN, i64::MAX), Some((0, 5))),
            ((i64::MAX, i64::MIN), None),
        ];
        for ((start, stop), wanted) in cases {
            let wanted = wanted.map_or(Span::Empty, |(first, count)| Span::Ranks { first, count });
            assert_eq!(ranks_between(start, stop, 5), wanted, "{start} to {stop}");
        }
        assert_eq!(ranks_between(0, -1, 0), Span::Empty);
    }

    #[test]
    fn neighbouring_scores_are_told_apart_at_every_bound() {
        use ScoreBound::{Excluded, Included};
        let tiny = f64::from_bits(1);
        let numbers =
            [f64::NEG_INFINITY, f64::MIN, -1.0, -tiny, 0.0, tiny, 1.0, 1.0_f64.next_up(), f64::MAX, f64::INFINITY];
        for min in numbers {
            for max in numbers {
                for (from, to) in [
                    (Included(min), Included(max)),
                    (Included(min), Excluded(max)),
                    (Excluded(min), Included(max)),
                    (Excluded(min), Excluded(max)),
                ] {
                    let range = scores_between(from, to);
                    for number in numbers {
                        let tail = ElementKey::SortedScore(Score::new(number).unwrap(), b"m").encode_tail();
                        let is_above = if from == Included(min) { min <= number } else { min < number };
                        let is_below = if to == Included(max) { number <= max } else { number < max };
                        let is_met = range.as_ref().is_some_and(|range| range.lower <= tail && tail < range.upper);
                        assert_eq!(is_met, is_above && is_below, "{number} between {from:?} and {to:?}");
                    }
                }
            }
        }
    }
}
