//! Union, intersection and difference of sorted sets and plain sets, whose members count as 1.
//!
//! May use elements and edits. Invariant: sources are walked side by side in the byte order of members, so that
//! nothing but one member of each is in memory; results come in that order.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use bytes::Bytes;

use crate::encoding::{DataType, ElementKey, Meta, Score, Tag};
use crate::error::{Error, Result};
use crate::types::zset::score_from;
use crate::types::{Birth, Direction, Elements, EventKind, KeyPlan, Reader, TailRange, Walk};

/// A source that is this many times larger than the one that leads is asked for each member instead of walked over.
/// Larger: more members read in vain; smaller: more point reads, each of which costs several steps of a walk.
const ASK_FROM: u64 = 8;

/// What the scores of one member in several sources become.
///
/// # Examples
/// ```
/// use windrow::{Aggregate, CombineOptions};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.zsets().add("mon", [("ann", 3.0)])?;
/// db.zsets().add("tue", [("ann", 5.0)])?;
/// let best = CombineOptions::new().aggregate(Aggregate::Max);
/// assert_eq!(db.zsets().union(["mon", "tue"], best)?, [("ann".into(), 5.0)]);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// Their sum; infinities of both signs make 0.
    #[default]
    Sum,
    /// The least of them.
    Min,
    /// The greatest of them.
    Max,
}

impl Aggregate {
    fn fold(self, so_far: f64, next: f64) -> f64 {
        match self {
            Self::Sum => or_zero(so_far + next),
            // A product of 0 and infinity counts for nothing here, as in Redis.
            Self::Min => so_far.min(next),
            Self::Max => so_far.max(next),
        }
    }
}

fn or_zero(number: f64) -> f64 {
    if number.is_nan() { 0.0 } else { number }
}

/// How sources are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Union,
    Inter,
    Diff,
}

/// One source.
pub(crate) struct Input<'a> {
    elements: Elements<'a>,
    tag: Tag,
    size: u64,
    weight: f64,
}

impl<'a> Input<'a> {
    /// A source as the record says; refuses types that are no sets.
    pub(crate) fn of(reader: &'a Reader, meta: Option<&Meta>, weight: f64) -> Result<Self> {
        let Some(meta) = meta else {
            return Ok(Self { elements: Elements::none(reader), tag: Tag::SortedMember, size: 0, weight });
        };
        let tag = match meta.data_type {
            DataType::SortedSet => Tag::SortedMember,
            DataType::Set => Tag::SetMember,
            found => return Err(Error::wrong_type(found, "set or zset")),
        };
        Ok(Self { elements: Elements::of(reader, meta)?, tag, size: meta.size, weight })
    }

    fn walk(&self) -> Result<Walk> {
        self.elements.walk(&TailRange::all(self.tag), Direction::Ascending)
    }
}

/// Gets each member of the result, in byte order, and says whether to go on.
pub(crate) type Visit<'v> = &'v mut dyn FnMut(&[u8], Score) -> Result<ControlFlow<()>>;

/// Combines the sources. Without a source there is no result.
///
/// Scores are folded in the order of the sources' sizes, smallest first, as Redis does: sums of fractions and of
/// infinities depend on it.
pub(crate) fn combine(
    operation: Operation,
    mut inputs: Vec<Input<'_>>,
    aggregate: Aggregate,
    visit: Visit<'_>,
) -> Result<()> {
    if operation != Operation::Diff {
        inputs.sort_by_key(|input| input.size);
    }
    match operation {
        Operation::Union => union(&inputs, aggregate, visit),
        Operation::Inter => inter(&inputs, aggregate, visit),
        Operation::Diff => diff(&inputs, visit),
    }
}

fn union(inputs: &[Input<'_>], aggregate: Aggregate, visit: Visit<'_>) -> Result<()> {
    let mut walks = inputs.iter().map(Input::walk).collect::<Result<Vec<Walk>>>()?;
    let mut heads = BinaryHeap::new();
    for (turn, walk) in walks.iter().enumerate() {
        heads.extend(head_of(walk)?.map(|(member, _)| Reverse((member.to_vec(), turn))));
    }
    while let Some(Reverse((member, turn))) = heads.pop() {
        let mut total = step(&mut walks, inputs, turn, &mut heads)?;
        while heads.peek().is_some_and(|Reverse((other, _))| *other == member) {
            let Some(Reverse((_, turn))) = heads.pop() else { break };
            total = aggregate.fold(total, step(&mut walks, inputs, turn, &mut heads)?);
        }
        if visit(&member, score(total)?)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// The members under the walks that are not at their ends, with the walks' numbers; the first member on top, and
/// of equal ones that of the first walk.
type Heads = BinaryHeap<Reverse<(Vec<u8>, usize)>>;

/// Takes the score under one walk, moves the walk on, and notes its next member.
fn step(walks: &mut [Walk], inputs: &[Input<'_>], turn: usize, heads: &mut Heads) -> Result<f64> {
    let (Some(walk), Some(input)) = (walks.get_mut(turn), inputs.get(turn)) else {
        return Ok(0.0);
    };
    let found = head_of(walk)?.map_or(0.0, |(_, score)| or_zero(score * input.weight));
    walk.advance();
    heads.extend(head_of(walk)?.map(|(member, _)| Reverse((member.to_vec(), turn))));
    Ok(found)
}

fn inter(inputs: &[Input<'_>], aggregate: Aggregate, visit: Visit<'_>) -> Result<()> {
    lead(inputs, |member, own, weight, followers| {
        let mut total = or_zero(own * weight);
        for (follower, weight) in followers {
            match follower.score_of(member)? {
                // Not made 0 if it is no number: Redis does not either.
                Some(score) => total = aggregate.fold(total, score * *weight),
                None => return Ok(ControlFlow::Continue(())),
            }
        }
        visit(member, score(total)?)
    })
}

fn diff(inputs: &[Input<'_>], visit: Visit<'_>) -> Result<()> {
    lead(inputs, |member, own, _, followers| {
        for (follower, _) in followers {
            if follower.score_of(member)?.is_some() {
                return Ok(ControlFlow::Continue(()));
            }
        }
        visit(member, score(own)?)
    })
}

/// Walks over the first source and keeps the others beside it.
fn lead(
    inputs: &[Input<'_>],
    mut judge: impl FnMut(&[u8], f64, f64, &mut [(Follower<'_, '_>, f64)]) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let Some((leader, others)) = inputs.split_first() else {
        return Ok(());
    };
    let follow = |input| Ok((Follower::of(input, leader.size)?, input.weight));
    let mut followers = others.iter().map(follow).collect::<Result<Vec<_>>>()?;
    let mut walk = leader.walk()?;
    while let Some((member, score)) = head_of(&walk)? {
        if judge(member, score, leader.weight, &mut followers)?.is_break() {
            break;
        }
        walk.advance();
    }
    Ok(())
}

/// A source beside the one that leads, asked for members in ascending order.
enum Follower<'i, 'a> {
    Walked(Walk),
    Asked(&'i Input<'a>),
}

impl<'i, 'a> Follower<'i, 'a> {
    fn of(input: &'i Input<'a>, leader_size: u64) -> Result<Self> {
        let is_much_larger = input.size / ASK_FROM > leader_size;
        Ok(if is_much_larger { Self::Asked(input) } else { Self::Walked(input.walk()?) })
    }

    fn score_of(&mut self, member: &[u8]) -> Result<Option<f64>> {
        match self {
            Self::Walked(walk) => {
                while let Some((at, score)) = head_of(walk)? {
                    match at.cmp(member) {
                        Ordering::Less => walk.advance(),
                        Ordering::Equal => return Ok(Some(score)),
                        Ordering::Greater => break,
                    }
                }
                Ok(None)
            }
            Self::Asked(input) if input.tag == Tag::SetMember => {
                Ok(input.elements.has(&ElementKey::SetMember(member))?.then_some(1.0))
            }
            Self::Asked(input) => Ok(super::score(&input.elements, member)?.map(Score::get)),
        }
    }
}

/// Returns the member under a walk and its score, 1 in a plain set.
fn head_of(walk: &Walk) -> Result<Option<(&[u8], f64)>> {
    match walk.entry()? {
        None => Ok(None),
        Some((ElementKey::SetMember(member), _)) => Ok(Some((member, 1.0))),
        Some((ElementKey::SortedMember(member), value)) => Ok(Some((member, score_from(value)?.get()))),
        Some(_) => Err(Error::corrupt("a set's range holds another element")),
    }
}

fn score(total: f64) -> Result<Score> {
    Score::new(total).ok_or_else(|| Error::not_a_number("a combined score is NaN"))
}

/// Returns the result in memory, in the order of scores.
pub(crate) fn collect(operation: Operation, inputs: Vec<Input<'_>>, aggregate: Aggregate) -> Result<Vec<(Bytes, f64)>> {
    let mut found: Vec<(Bytes, Score)> = Vec::new();
    combine(operation, inputs, aggregate, &mut |member, score| {
        found.push((Bytes::copy_from_slice(member), score));
        Ok(ControlFlow::Continue(()))
    })?;
    // Stable: members of one score stay in byte order.
    found.sort_by_key(|(_, score)| *score);
    Ok(found.into_iter().map(|(member, score)| (member, score.get())).collect())
}

/// Counts the members that all sources have, up to `limit`.
pub(crate) fn inter_card(inputs: Vec<Input<'_>>, limit: u64) -> Result<u64> {
    let mut found = 0;
    combine(Operation::Inter, inputs, Aggregate::Sum, &mut |_, _| {
        found += 1;
        Ok(if found < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(found)
}

/// Stores the result in place of what the key holds, in constant memory; returns its size.
pub(crate) fn store(
    destination: &mut KeyPlan<'_>,
    operation: Operation,
    inputs: Vec<Input<'_>>,
    aggregate: Aggregate,
    birth: Birth,
) -> Result<u64> {
    let kind = match operation {
        Operation::Union => EventKind::ZUnionStore,
        Operation::Inter => EventKind::ZInterStore,
        Operation::Diff => EventKind::ZDiffStore,
    };
    super::store(destination, (birth, kind), |take| {
        combine(operation, inputs, aggregate, &mut |member, score| {
            take(member, score)?;
            Ok(ControlFlow::Continue(()))
        })
    })
}
