//! Ranks in a sorted set: where the element of a rank is, and which rank an element has.
//!
//! May use elements. Invariant: nobody else counts elements in score order. Cost: the elements between the place asked
//! for and an end of the set are read; or, if an index tells in which stretch the place lies, those between it and
//! an end of the stretch.

mod chunks;

pub(crate) use chunks::{Chunks, CutNumber, Pieces, Step, Stretch};

use crate::encoding::{ElementKey, Score, Tag};
use crate::error::{Error, Result};
use crate::types::{Direction, Elements, TailRange, Walk};

/// Steps of a walk from which on an index pays. Larger: longer walks without one; smaller: more sets have an index.
pub(crate) const DEEP: u64 = 2048;

/// Something that is asked about a sorted set and takes long without an index of its ranks.
pub(crate) trait Question {
    type Answer;

    /// Tells whether the answer may take a long walk; to be known before the set is read.
    fn may_take_long(&self) -> bool;

    /// Returns the places around which the answer is found, none if an index would not help.
    fn places(&self, elements: &Elements<'_>, size: u64) -> Result<Vec<Place>>;

    /// Answers with the help of the stretches around those places, or without if there are none. Returns `None` if it would
    /// then have to walk over more than `limit` elements.
    fn answer(
        &self,
        elements: &Elements<'_>,
        size: u64,
        stretches: &[Stretch],
        limit: u64,
    ) -> Result<Option<Self::Answer>>;
}

/// A place in the order of scores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// That of a rank, counted from the lowest score.
    Rank(u64),
    /// That of a tail, whether or not there is such an element.
    Tail(Vec<u8>),
}

impl Chunks {
    /// Returns the chunk around a place.
    pub(crate) fn find(&self, place: &Place) -> Option<Stretch> {
        match place {
            Place::Rank(rank) => self.at_rank(*rank),
            Place::Tail(tail) => self.around(tail),
        }
    }
}

/// Opens a walk in score order that begins with the element of this rank, counted from where the walk comes from.
/// Reads its way from the nearer end of the stretch in which the element lies, which may be the whole set.
pub(crate) fn walk_from(
    elements: &Elements<'_>,
    size: u64,
    rank: u64,
    direction: Direction,
    stretch: &Stretch,
) -> Result<Walk> {
    let inside = rank.saturating_sub(passed(stretch, size, direction));
    let behind = stretch.count.saturating_sub(inside).saturating_sub(1);
    if inside <= behind {
        let mut walk = elements.walk(&onward(stretch, direction), direction)?;
        walk.skip(inside)?;
        return Ok(walk);
    }
    let mut back = elements.walk(&onward(stretch, opposite(direction)), opposite(direction))?;
    back.skip(behind)?;
    let (first, _) = back.entry()?.ok_or_else(|| Error::corrupt("a sorted set holds fewer scores than its size"))?;
    let range = match direction {
        Direction::Ascending => everything().from(&first),
        Direction::Descending => everything().through(&first),
    };
    elements.walk(&range, direction)
}

/// Returns the rank of an element of the set, counted from where a walk in this direction begins; `None` if more than
/// `limit` elements had to be counted.
pub(crate) fn rank_of(
    elements: &Elements<'_>,
    size: u64,
    (score, member): (Score, &[u8]),
    direction: Direction,
    stretch: Option<&Stretch>,
    limit: u64,
) -> Result<Option<u64>> {
    let whole = Stretch::whole(size);
    let stretch = stretch.unwrap_or(&whole);
    let key = ElementKey::SortedScore(score, member);
    let before = match direction {
        Direction::Ascending => stretch.range.clone().before(&key),
        Direction::Descending => stretch.range.clone().after(&key),
    };
    let counted = count(elements, &before, limit)?;
    Ok(counted.map(|counted| passed(stretch, size, direction) + counted))
}

/// Counts the elements of a range; `None` if there are more than `limit`.
pub(crate) fn count(elements: &Elements<'_>, range: &TailRange, limit: u64) -> Result<Option<u64>> {
    let counted = elements.walk(range, Direction::Ascending)?.skip(limit.saturating_add(1))?;
    Ok((counted <= limit).then_some(counted))
}

/// Counts the elements before a tail, of which the stretch around it is known.
pub(crate) fn count_before(elements: &Elements<'_>, tail: &[u8], stretch: &Stretch) -> Result<u64> {
    if tail >= everything().upper.as_slice() {
        return Ok(stretch.before + stretch.count);
    }
    let range = TailRange { lower: stretch.range.lower.clone(), upper: tail.to_vec() };
    Ok(stretch.before + elements.walk(&range, Direction::Ascending)?.skip(u64::MAX)?)
}

/// Tells whether the way to a rank is long from either end.
pub(crate) fn is_deep(size: u64, rank: u64) -> bool {
    rank.min(size.saturating_sub(rank)) > DEEP
}

/// The number of elements that a walk in this direction meets before the stretch.
fn passed(stretch: &Stretch, size: u64, direction: Direction) -> u64 {
    match direction {
        Direction::Ascending => stretch.before,
        Direction::Descending => size.saturating_sub(stretch.before).saturating_sub(stretch.count),
    }
}

/// The stretch and all that a walk in this direction meets behind it.
fn onward(stretch: &Stretch, direction: Direction) -> TailRange {
    match direction {
        Direction::Ascending => TailRange { lower: stretch.range.lower.clone(), ..everything() },
        Direction::Descending => TailRange { upper: stretch.range.upper.clone(), ..everything() },
    }
}

fn everything() -> TailRange {
    TailRange::all(Tag::SortedScore)
}

fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Ascending => Direction::Descending,
        Direction::Descending => Direction::Ascending,
    }
}
