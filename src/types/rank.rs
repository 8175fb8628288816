//! Ranks in a sorted set: where the element of a rank is, and which rank an element has.
//!
//! May use elements. Invariant: nobody else counts elements in score order, so that an index of ranks need only take
//! the place of this file. Cost now: the elements between the place asked for and an end of the set are read.

use crate::encoding::{ElementKey, Score, Tag};
use crate::error::{Error, Result};
use crate::types::{Direction, Elements, TailRange, Walk};

/// Opens a walk in score order that begins with the element of this rank, counted from where the walk comes from.
/// Reads its way from the nearer end.
pub(crate) fn walk_from(elements: &Elements<'_>, size: u64, rank: u64, direction: Direction) -> Result<Walk> {
    let behind = size.saturating_sub(rank).saturating_sub(1);
    if rank <= behind {
        let mut walk = elements.walk(&everything(), direction)?;
        walk.skip(rank)?;
        return Ok(walk);
    }
    let mut back = elements.walk(&everything(), opposite(direction))?;
    back.skip(behind)?;
    let (first, _) = back.entry()?.ok_or_else(|| Error::corrupt("a sorted set holds fewer scores than its size"))?;
    let range = match direction {
        Direction::Ascending => everything().from(&first),
        Direction::Descending => everything().through(&first),
    };
    elements.walk(&range, direction)
}

/// Returns the rank of an element of the set, counted from where a walk in this direction begins.
pub(crate) fn rank_of(elements: &Elements<'_>, score: Score, member: &[u8], direction: Direction) -> Result<u64> {
    let key = ElementKey::SortedScore(score, member);
    let before = match direction {
        Direction::Ascending => everything().before(&key),
        Direction::Descending => everything().after(&key),
    };
    count(elements, &before)
}

/// Counts the elements of a range.
pub(crate) fn count(elements: &Elements<'_>, range: &TailRange) -> Result<u64> {
    elements.walk(range, Direction::Ascending)?.skip(u64::MAX)
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
