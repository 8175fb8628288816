//! Sorted sets: one element holds a member's score, another one stands in the order of scores.
//!
//! May use edits, elements, picks and ranks. Invariants: every member has both elements, with the same score; the
//! record's size is the number of members.

pub(crate) mod bounds;
pub(crate) mod combine;
pub(crate) mod range;

use bytes::Bytes;

use crate::encoding::{DataType, ElementKey, Meta, Score, Tag};
use crate::error::{Error, Result};
use crate::types::rank::{self, Place, Question, Stretch};
use crate::types::{Birth, Direction, Edit, Elements, EventKind, KeyPlan, Reader, TailRange, Walk, pick};

pub(crate) use bounds::ZRange;
pub(crate) use range::Selection;

/// Which members an add may touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Presence {
    #[default]
    Any,
    New,
    Existing,
}

/// Which scores may take the place of a member's score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Replacing {
    #[default]
    Any,
    Greater,
    Less,
}

/// When an add does something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AddRule {
    pub(crate) presence: Presence,
    pub(crate) replacing: Replacing,
}

impl AddRule {
    fn allows_presence(self, present: bool) -> bool {
        match self.presence {
            Presence::Any => true,
            Presence::New => !present,
            Presence::Existing => present,
        }
    }

    fn allows_change(self, old: Score, new: Score) -> bool {
        match self.replacing {
            Replacing::Any => true,
            Replacing::Greater => new > old,
            Replacing::Less => new < old,
        }
    }
}

/// What [`ZSets::add_with`](crate::ZSets::add_with) did.
///
/// # Examples
/// ```
/// use windrow::ZAddOptions;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.zsets().add("z", [("a", 1.0), ("b", 2.0)])?;
/// let done = db.zsets().add_with("z", [("a", 5.0), ("b", 2.0), ("c", 3.0)], ZAddOptions::new())?;
/// assert_eq!((done.added, done.updated), (1, 1));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ZAddOutcome {
    /// Members that are new: the reply of ZADD.
    pub added: u64,
    /// Members whose score changed; together with `added` the reply of ZADD with CH.
    pub updated: u64,
}

/// What became of one member.
enum Placed {
    Added(Score),
    Updated(Score),
    Same(Score),
    Refused,
}

/// Gives members their scores, adding those that are missing, as far as the rule allows.
pub(crate) fn add(
    plan: &mut KeyPlan<'_>,
    entries: &[(&[u8], Score)],
    rule: AddRule,
    birth: Birth,
) -> Result<ZAddOutcome> {
    let mut zset = plan.edit(DataType::SortedSet, birth)?;
    let mut done = ZAddOutcome::default();
    if is_born_dead(&zset, birth) {
        return Ok(done);
    }
    for (member, score) in entries {
        match place(&mut zset, member, rule, |_| Ok(*score))? {
            Placed::Added(_) => done.added += 1,
            Placed::Updated(_) => done.updated += 1,
            Placed::Same(_) | Placed::Refused => {}
        }
    }
    zset.finish()?;
    if done.added + done.updated > 0 {
        plan.note(EventKind::ZAdd);
    }
    Ok(done)
}

/// Adds to a member's score, 0 if missing; returns the new score, `None` if the rule did not allow it.
pub(crate) fn incr_by(
    plan: &mut KeyPlan<'_>,
    member: &[u8],
    by: Score,
    rule: AddRule,
    birth: Birth,
) -> Result<Option<f64>> {
    let mut zset = plan.edit(DataType::SortedSet, birth)?;
    if is_born_dead(&zset, birth) {
        return Ok(None);
    }
    let sum = |old: Option<Score>| {
        let sum = old.map_or(by.get(), |old| old.get() + by.get());
        Score::new(sum).ok_or_else(|| {
            Error::not_a_number("the sum of the score and the increment is NaN: they are infinities of opposite signs")
        })
    };
    let placed = place(&mut zset, member, rule, sum)?;
    zset.finish()?;
    if matches!(placed, Placed::Added(_) | Placed::Updated(_)) {
        plan.note(EventKind::ZIncr);
    }
    Ok(match placed {
        Placed::Added(score) | Placed::Updated(score) | Placed::Same(score) => Some(score.get()),
        Placed::Refused => None,
    })
}

fn place(
    zset: &mut Edit<'_, '_>,
    member: &[u8],
    rule: AddRule,
    score_after: impl FnOnce(Option<Score>) -> Result<Score>,
) -> Result<Placed> {
    let old = zset.get(&ElementKey::SortedMember(member))?.map(|value| score_from(&value)).transpose()?;
    if !rule.allows_presence(old.is_some()) {
        return Ok(Placed::Refused);
    }
    let new = score_after(old)?;
    match old {
        None => {
            put(zset, member, new)?;
            zset.grow(1)?;
            Ok(Placed::Added(new))
        }
        Some(old) if !rule.allows_change(old, new) => Ok(Placed::Refused),
        Some(old) if old == new => Ok(Placed::Same(new)),
        Some(old) => {
            zset.unmark(&ElementKey::SortedScore(old, member));
            put(zset, member, new)?;
            Ok(Placed::Updated(new))
        }
    }
}

/// A collection whose expiry has passed at its birth is not created.
fn is_born_dead(zset: &Edit<'_, '_>, birth: Birth) -> bool {
    !zset.existed() && birth.expires_at.is_some_and(|expires_at| expires_at <= zset.now())
}

/// Takes the members of a new set, each of them once.
pub(crate) type Take<'t> = &'t mut dyn FnMut(&[u8], Score) -> Result<()>;

/// Stores what `give` hands out in place of what the key holds; returns how many members there are.
pub(crate) fn store(
    destination: &mut KeyPlan<'_>,
    (birth, kind): (Birth, EventKind),
    give: impl FnOnce(Take<'_>) -> Result<()>,
) -> Result<u64> {
    let mut zset = destination.replace(DataType::SortedSet, birth);
    if !is_born_dead(&zset, birth) {
        give(&mut |member, score| {
            put(&mut zset, member, score)?;
            zset.grow(1)
        })?;
    }
    let stored = zset.size();
    zset.finish()?;
    if stored > 0 {
        destination.note(kind);
    }
    Ok(stored)
}

/// Puts a member that is not there.
pub(crate) fn put(zset: &mut Edit<'_, '_>, member: &[u8], score: Score) -> Result<()> {
    zset.put(&ElementKey::SortedMember(member), Bytes::copy_from_slice(&score.to_ordered_bytes()))?;
    zset.mark(&ElementKey::SortedScore(score, member))
}

fn drop_member(zset: &mut Edit<'_, '_>, member: &[u8], score: Score) {
    zset.delete(&ElementKey::SortedMember(member));
    zset.unmark(&ElementKey::SortedScore(score, member));
}

/// Removes members; returns how many were there.
pub(crate) fn remove(plan: &mut KeyPlan<'_>, members: &[&[u8]]) -> Result<u64> {
    let mut zset = plan.edit(DataType::SortedSet, Birth::default())?;
    let mut removed = 0;
    for member in members {
        if let Some(score) = zset.get(&ElementKey::SortedMember(member))? {
            drop_member(&mut zset, member, score_from(&score)?);
            removed += 1;
        }
    }
    zset.shrink(removed)?;
    zset.finish()?;
    if removed > 0 {
        plan.note(EventKind::ZRem);
    }
    Ok(removed)
}

/// Removes up to `count` members from the end where the direction begins, and returns them in its order. All of the set's
/// scores lie in `range`.
pub(crate) fn pop(
    plan: &mut KeyPlan<'_>,
    range: &TailRange,
    direction: Direction,
    count: u64,
) -> Result<Vec<(Bytes, f64)>> {
    let mut zset = plan.edit(DataType::SortedSet, Birth::default())?;
    let mut walk = zset.walk(range, direction)?;
    let mut popped = Vec::new();
    let mut left = count.min(zset.size());
    while left > 0 {
        let (member, score) = entry_of(&walk)?.ok_or_else(too_few)?;
        drop_member(&mut zset, member, score);
        popped.push((Bytes::copy_from_slice(member), score.get()));
        left -= 1;
        // WHY not always: behind the last one there may be a long way through what is gone.
        if left > 0 {
            walk.advance();
        }
    }
    zset.shrink(count.min(zset.size()))?;
    zset.finish()?;
    if !popped.is_empty() {
        plan.note(match direction {
            Direction::Ascending => EventKind::ZPopMin,
            Direction::Descending => EventKind::ZPopMax,
        });
    }
    Ok(popped)
}

/// Returns the member's score.
pub(crate) fn score(elements: &Elements<'_>, member: &[u8]) -> Result<Option<Score>> {
    elements.get(&ElementKey::SortedMember(member))?.map(|value| score_from(&value)).transpose()
}

/// Asks for a member's rank, counted from where the direction begins; `None` if it is not there.
pub(crate) struct RankOf<'m> {
    pub(crate) member: &'m [u8],
    pub(crate) direction: Direction,
}

impl Question for RankOf<'_> {
    type Answer = Option<u64>;

    fn may_take_long(&self) -> bool {
        true
    }

    fn places(&self, elements: &Elements<'_>, _size: u64) -> Result<Vec<Place>> {
        let score = score(elements, self.member)?;
        Ok(score
            .map(|score| Place::Tail(ElementKey::SortedScore(score, self.member).encode_tail()))
            .into_iter()
            .collect())
    }

    fn answer(
        &self,
        elements: &Elements<'_>,
        size: u64,
        stretches: &[Stretch],
        limit: u64,
    ) -> Result<Option<Option<u64>>> {
        match score(elements, self.member)? {
            Some(score) => {
                let element = (score, self.member);
                let rank = rank::rank_of(elements, size, element, self.direction, stretches.first(), limit)?;
                Ok(rank.map(Some))
            }
            None => Ok(Some(None)),
        }
    }
}

/// Chooses up to `wanted` different members, every choice with the same chance.
pub(crate) fn sample(reader: &Reader, meta: &Meta, wanted: u64) -> Result<Vec<(Bytes, f64)>> {
    let mut chosen = Vec::new();
    pick::distinct(scores(reader, meta)?, meta.size, wanted, |key, _| chosen.push(owned(&key)))?;
    Ok(chosen)
}

/// Chooses `wanted` members, each time anew from all of them.
pub(crate) fn sample_repeated(reader: &Reader, meta: &Meta, wanted: u64) -> Result<Vec<(Bytes, f64)>> {
    let wanted = usize::try_from(wanted).map_err(|_| pick::too_many(wanted))?;
    pick::repeated(scores(reader, meta)?, meta.size, wanted, |key, _| owned(&key))
}

fn scores(reader: &Reader, meta: &Meta) -> Result<Walk> {
    Elements::of(reader, meta)?.walk(&TailRange::all(Tag::SortedScore), Direction::Ascending)
}

fn owned(key: &ElementKey<'_>) -> (Bytes, f64) {
    match key {
        ElementKey::SortedScore(score, member) => (Bytes::copy_from_slice(member), score.get()),
        _ => (Bytes::new(), 0.0),
    }
}

/// Returns the member under a walk over either kind of element, and its score.
#[inline]
pub(crate) fn entry_of(walk: &Walk) -> Result<Option<(&[u8], Score)>> {
    match walk.entry()? {
        None => Ok(None),
        Some((ElementKey::SortedScore(score, member), _)) => Ok(Some((member, score))),
        Some((ElementKey::SortedMember(member), value)) => Ok(Some((member, score_from(value)?))),
        Some(_) => Err(Error::corrupt("a sorted set's range holds another element")),
    }
}

/// Reads the score that a member's element holds.
pub(crate) fn score_from(value: &[u8]) -> Result<Score> {
    let bytes = value.try_into().map_err(|_| Error::corrupt("a member's score has not 8 bytes"))?;
    Ok(Score::from_ordered_bytes(bytes)?)
}

fn too_few() -> Error {
    Error::corrupt("a sorted set holds fewer scores than its size")
}
