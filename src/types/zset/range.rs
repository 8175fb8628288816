//! Parts of a sorted set: walked over, counted, removed, stored elsewhere.
//!
//! May use elements, edits and ranks. Invariant: nothing is read before it is asked for, but what leads to the
//! first element of the part.

use crate::encoding::{CollectionId, DataType, ElementKey, Meta, Score, Tag};
use crate::error::Result;
use crate::types::rank::{self, Place, Question, Stretch};
use crate::types::zset::bounds::Span;
use crate::types::zset::{ZRange, drop_member, entry_of, put};
use crate::types::{Birth, Direction, Elements, KeyPlan, TailRange, Walk};

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

    /// Finds the first element of the range in a set of this size, with the help of the stretch in which it lies, if that is
    /// known.
    pub(crate) fn open(
        elements: &Elements<'_>,
        size: u64,
        range: &ZRange<'_>,
        stretch: Option<&Stretch>,
    ) -> Result<Self> {
        let direction = range.direction();
        let (walk, left) = match range.span(size) {
            Span::Empty => return Ok(Self::nothing()),
            Span::Ranks { first, count } => {
                let left = limited(count, range);
                if left == 0 {
                    return Ok(Self::nothing());
                }
                (rank::walk_from(elements, size, first.saturating_add(range.offset()), direction, stretch)?, left)
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

/// Asks for a walk over the members that a range means.
pub(crate) struct PartOf<'r>(pub(crate) &'r ZRange<'r>);

impl Question for PartOf<'_> {
    type Answer = Selection;

    fn may_take_long(&self) -> bool {
        self.0.may_begin_deep()
    }

    fn places(&self, _elements: &Elements<'_>, size: u64) -> Result<Vec<Place>> {
        Ok(deep_start(self.0, size).map(Place::Rank).into_iter().collect())
    }

    fn answer(
        &self,
        elements: &Elements<'_>,
        size: u64,
        stretches: &[Stretch],
        limit: u64,
    ) -> Result<Option<Selection>> {
        let is_long = stretches.is_empty() && limit < size && deep_start(self.0, size).is_some();
        if is_long { Ok(None) } else { Selection::open(elements, size, self.0, stretches.first()).map(Some) }
    }
}

/// Returns the rank at which a range begins, counted from the lowest score, if it is far from both ends.
pub(crate) fn deep_start(range: &ZRange<'_>, size: u64) -> Option<u64> {
    match range.span(size) {
        Span::Ranks { first, count } if limited(count, range) > 0 => {
            let rank = first.saturating_add(range.offset());
            let rank = match range.direction() {
                Direction::Ascending => rank,
                Direction::Descending => size.checked_sub(rank)?.checked_sub(1)?,
            };
            rank::is_deep(size, rank).then_some(rank)
        }
        _ => None,
    }
}

/// Asks for the number of members that a range means.
pub(crate) struct CountOf<'r>(pub(crate) &'r ZRange<'r>);

impl Question for CountOf<'_> {
    type Answer = u64;

    fn may_take_long(&self) -> bool {
        !self.0.is_by_rank()
    }

    fn places(&self, elements: &Elements<'_>, size: u64) -> Result<Vec<Place>> {
        let Span::Tails(tails) = self.0.span(size) else {
            return Ok(Vec::new());
        };
        let range = by_score(elements, tails)?;
        Ok(range.into_iter().flat_map(|range| [Place::Tail(range.lower), Place::Tail(range.upper)]).collect())
    }

    fn answer(&self, elements: &Elements<'_>, size: u64, stretches: &[Stretch], limit: u64) -> Result<Option<u64>> {
        let found = match (self.0.span(size), stretches) {
            (Span::Empty, _) => Some(0),
            (Span::Ranks { count, .. }, _) => Some(count),
            (Span::Tails(tails), [lower, upper]) => {
                let range = by_score(elements, tails)?.unwrap_or_else(|| TailRange::all(Tag::SortedScore));
                let before = rank::count_before(elements, &range.lower, lower)?;
                Some(rank::count_before(elements, &range.upper, upper)?.saturating_sub(before))
            }
            (Span::Tails(tails), _) => rank::count(elements, &tails, limit)?,
        };
        Ok(found.map(|found| limited(found, self.0)))
    }
}

/// Turns a range of members into the range of scores that means the same, `None` if the set has several scores.
fn by_score(elements: &Elements<'_>, tails: TailRange) -> Result<Option<TailRange>> {
    let all = TailRange::all(Tag::SortedScore);
    if tails.lower.first() != Some(&Tag::SortedMember.byte()) {
        return Ok(Some(tails));
    }
    let first = elements.walk(&all, Direction::Ascending)?;
    let last = elements.walk(&all, Direction::Descending)?;
    let (Some((_, score)), Some((_, highest))) = (entry_of(&first)?, entry_of(&last)?) else {
        return Ok(None);
    };
    if score != highest {
        return Ok(None);
    }
    let scored = |tail: &[u8]| match tail.split_first() {
        Some((tag, member)) if *tag == Tag::SortedMember.byte() => ElementKey::SortedScore(score, member).encode_tail(),
        // The end of all members.
        _ => all.upper.clone(),
    };
    Ok(Some(TailRange { lower: scored(&tails.lower), upper: scored(&tails.upper) }))
}

/// Finds the stretch of a known collection around a rank, if there is an index of its ranks.
pub(crate) type FindStretch<'f> = &'f dyn Fn(CollectionId, u64, u64) -> Option<Stretch>;

/// Opens a walk over the members that a range means in a collection that nobody else changes now.
fn select(elements: &Elements<'_>, size: u64, range: &ZRange<'_>, find: FindStretch<'_>) -> Result<Selection> {
    let stretch = deep_start(range, size).zip(elements.id()).and_then(|(rank, id)| find(id, size, rank));
    Selection::open(elements, size, range, stretch.as_ref())
}

/// Removes the members that the range means; returns how many there were.
pub(crate) fn remove(plan: &mut KeyPlan<'_>, range: &ZRange<'_>, find: FindStretch<'_>) -> Result<u64> {
    let mut zset = plan.edit(DataType::SortedSet, Birth::default())?;
    let mut selection = select(zset.before(), zset.size(), range, find)?;
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
    find: FindStretch<'_>,
) -> Result<u64> {
    let mut selection = match source {
        Some(meta) => select(&Elements::of(destination.reader, meta)?, meta.size, range, find)?,
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
