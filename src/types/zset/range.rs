//! Parts of a sorted set: walked over, counted, removed, stored elsewhere.
//!
//! May use elements, edits and ranks. Invariant: nothing is read before it is asked for, but what leads to the
//! first element of the part.

use crate::encoding::{CollectionId, DataType, ElementKey, Meta, Score, Tag};
use crate::error::Result;
use crate::types::rank::{self, Place, Question, Stretch};
use crate::types::zset::bounds::Span;
use crate::types::zset::{ZRange, drop_member, entry_of};
use crate::types::{Birth, Direction, Edit, Elements, EventKind, KeyPlan, TailRange, Walk};

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
    /// known. All of the set's scores lie in `within`.
    pub(crate) fn open(
        elements: &Elements<'_>,
        size: u64,
        range: &ZRange<'_>,
        within: &TailRange,
        stretch: Option<Stretch>,
    ) -> Result<Self> {
        let direction = range.direction();
        let (walk, left) = match range.span(size) {
            Span::Empty => return Ok(Self::nothing()),
            Span::Ranks { first, count } => {
                let left = limited(count, range);
                if left == 0 {
                    return Ok(Self::nothing());
                }
                let stretch = stretch.unwrap_or_else(|| Stretch::whole(size)).within(within);
                (rank::walk_from(elements, size, first.saturating_add(range.offset()), direction, &stretch)?, left)
            }
            Span::Tails(_) if range.count() == 0 || range.offset() >= size => return Ok(Self::nothing()),
            Span::Tails(tails) => {
                let tails = if range.is_by_score() { tails.within(within) } else { tails };
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
        if is_long {
            return Ok(None);
        }
        // WHY not within what is remembered of the set: a reader holds no lock, so that may be wrong for what it sees.
        let anywhere = TailRange::all(Tag::SortedScore);
        Selection::open(elements, size, self.0, &anywhere, stretches.first().cloned()).map(Some)
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

/// Opens a walk over the members that a range means in a collection that nobody else changes now, and whose scores all lie
/// in `within`.
fn select(
    elements: &Elements<'_>,
    size: u64,
    range: &ZRange<'_>,
    within: &TailRange,
    find: FindStretch<'_>,
) -> Result<Selection> {
    let stretch = deep_start(range, size).zip(elements.id()).and_then(|(rank, id)| find(id, size, rank));
    Selection::open(elements, size, range, within, stretch)
}

/// What a removal did, and what it found out about the ends of the set as it was before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Removal {
    pub(crate) removed: u64,
    /// A tail before which the set had no element.
    pub(crate) lowest: Option<Vec<u8>>,
    /// A tail behind which the set had no element.
    pub(crate) highest: Option<Vec<u8>>,
}

/// Removes the members that the range means. All of the set's scores lie in `within`.
pub(crate) fn remove(
    plan: &mut KeyPlan<'_>,
    range: &ZRange<'_>,
    within: &TailRange,
    find: FindStretch<'_>,
) -> Result<Removal> {
    let mut zset = plan.edit(DataType::SortedSet, Birth::default())?;
    let size = zset.size();
    let mut selection = select(zset.before(), size, range, within, find)?;
    let mut removed = 0;
    while let Some((member, score)) = selection.next_ref()? {
        drop_member(&mut zset, member, score);
        removed += 1;
    }
    let removal = look_at_ends(&zset, size, range, within, removed);
    zset.shrink(removed)?;
    zset.finish()?;
    if removed > 0 {
        plan.note(range.removal());
    }
    Ok(removal)
}

/// Finds out where the set began and ended that has just lost the members that the range means.
fn look_at_ends(zset: &Edit<'_, '_>, size: u64, range: &ZRange<'_>, within: &TailRange, removed: u64) -> Removal {
    let mut removal = Removal { removed, ..Removal::default() };
    let (at_lowest, at_highest) = reached_ends(range, size, within, removed);
    if let Some((lowest, highest)) = zset.changed_ends(Tag::SortedScore) {
        removal.lowest = at_lowest.then(|| lowest.to_vec());
        removal.highest = at_highest.then(|| highest.to_vec());
    } else if let Span::Tails(tails) = range.span(size) {
        // The whole part was empty, so the set lies on its other side.
        removal.lowest = (at_lowest && tails.upper > within.lower).then_some(tails.upper);
        removal.highest = (at_highest && tails.lower < within.upper).then_some(tails.lower);
    }
    removal
}

/// Tells whether no element of the set lay before the lowest that was removed, and whether none lay behind the highest.
/// If nothing was removed: whether none lay before the end of the part, and none behind its beginning.
fn reached_ends(range: &ZRange<'_>, size: u64, within: &TailRange, removed: u64) -> (bool, bool) {
    let (is_first, is_last) = match range.span(size) {
        Span::Ranks { first, .. } if removed > 0 => {
            let first = first.saturating_add(range.offset());
            (first == 0, first.saturating_add(removed) == size)
        }
        // What the offset leaves out may lie before all that is removed.
        Span::Tails(tails) if range.is_by_score() && range.offset() == 0 => {
            let is_whole = removed < range.count();
            let (begins, ends) = (tails.lower <= within.lower, tails.upper >= within.upper);
            return match range.direction() {
                _ if removed == 0 => (is_whole && begins && !ends, is_whole && ends && !begins),
                Direction::Ascending => (begins, ends && is_whole),
                Direction::Descending => (begins && is_whole, ends),
            };
        }
        Span::Empty | Span::Ranks { .. } | Span::Tails(_) => (false, false),
    };
    match range.direction() {
        Direction::Ascending => (is_first, is_last),
        Direction::Descending => (is_last, is_first),
    }
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
        Some(meta) => {
            let anywhere = TailRange::all(Tag::SortedScore);
            select(&Elements::of(destination.reader, meta)?, meta.size, range, &anywhere, find)?
        }
        None => Selection::nothing(),
    };
    super::store(destination, (birth, EventKind::ZRangeStore), |take| {
        while let Some((member, score)) = selection.next_ref()? {
            take(member, score)?;
        }
        Ok(())
    })
}
