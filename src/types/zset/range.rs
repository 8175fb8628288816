//! Parts of a sorted set: walked over, counted, removed, stored elsewhere.
//!
//! May use elements, edits and ranks. Invariant: nothing is read before it is asked for, but what leads to the
//! first element of the part.

use crate::encoding::{DataType, Meta, Score};
use crate::error::Result;
use crate::types::zset::bounds::Span;
use crate::types::zset::{ZRange, drop_member, entry_of, put};
use crate::types::{Birth, Elements, KeyPlan, Walk, rank};

/// A walk over the part of a sorted set that a range means.
pub(crate) struct Selection {
    walk: Option<Walk>,
    left: u64,
    /// The walk still stands at the element that was given last.
    is_given: bool,
}

impl Selection {
    /// What a range means in a key that does not exist.
    pub(crate) fn nothing() -> Self {
        Self { walk: None, left: 0, is_given: false }
    }

    /// Finds the first element of the range in a set of this size.
    pub(crate) fn open(elements: &Elements<'_>, size: u64, range: &ZRange<'_>) -> Result<Self> {
        let direction = range.direction();
        let (walk, left) = match range.span(size) {
            Span::Empty => return Ok(Self::nothing()),
            Span::Ranks { first, count } => {
                let left = limited(count, range);
                if left == 0 {
                    return Ok(Self::nothing());
                }
                (rank::walk_from(elements, size, first.saturating_add(range.offset()), direction)?, left)
            }
            Span::Tails(_) if range.count() == 0 || range.offset() >= size => return Ok(Self::nothing()),
            Span::Tails(tails) => {
                let mut walk = elements.walk(&tails, direction)?;
                walk.skip(range.offset())?;
                (walk, range.count())
            }
        };
        Ok(Self { walk: Some(walk), left, is_given: false })
    }

    /// Returns the next member and its score, and copies nothing.
    #[inline]
    pub(crate) fn next_ref(&mut self) -> Result<Option<(&[u8], Score)>> {
        if self.left == 0 {
            self.walk = None;
        }
        let Some(walk) = &mut self.walk else {
            return Ok(None);
        };
        if std::mem::replace(&mut self.is_given, true) {
            walk.advance();
        }
        let entry = entry_of(walk);
        self.left = if matches!(entry, Ok(Some(_))) { self.left - 1 } else { 0 };
        entry
    }
}

fn limited(found: u64, range: &ZRange<'_>) -> u64 {
    found.saturating_sub(range.offset()).min(range.count())
}

/// Counts the members that the range means.
pub(crate) fn count(elements: &Elements<'_>, size: u64, range: &ZRange<'_>) -> Result<u64> {
    let found = match range.span(size) {
        Span::Empty => 0,
        Span::Ranks { count, .. } => count,
        Span::Tails(tails) => rank::count(elements, &tails)?,
    };
    Ok(limited(found, range))
}

/// Removes the members that the range means; returns how many there were.
pub(crate) fn remove(plan: &mut KeyPlan<'_>, range: &ZRange<'_>) -> Result<u64> {
    let mut zset = plan.edit(DataType::SortedSet, Birth::default())?;
    let mut selection = Selection::open(zset.before(), zset.size(), range)?;
    let mut removed = 0;
    while let Some((member, score)) = selection.next_ref()? {
        drop_member(&mut zset, member, score);
        removed += 1;
    }
    zset.shrink(removed)?;
    zset.finish()?;
    Ok(removed)
}

/// Stores the members that the range means in place of what the key holds; returns how many there are.
pub(crate) fn store(
    destination: &mut KeyPlan<'_>,
    source: Option<&Meta>,
    range: &ZRange<'_>,
    birth: Birth,
) -> Result<u64> {
    let mut selection = match source {
        Some(meta) => Selection::open(&Elements::of(destination.reader, meta)?, meta.size, range)?,
        None => Selection::nothing(),
    };
    let mut zset = destination.replace(DataType::SortedSet, birth);
    if !super::is_born_dead(&zset, birth) {
        while let Some((member, score)) = selection.next_ref()? {
            put(&mut zset, member, score)?;
            zset.grow(1)?;
        }
    }
    let stored = zset.size();
    zset.finish()?;
    Ok(stored)
}
