//! Unions, intersections and differences of sets, member by member.
//!
//! May use walks and elements. Invariant: members come in byte order, each once; what is in memory is one member of
//! each set and what a walk holds, whatever the sizes.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use crate::encoding::{DataType, ElementKey, Meta};
use crate::error::Result;
use crate::types::set::{member_of, members};
use crate::types::{Birth, Direction, Elements, EventKind, KeyPlan, Reader, TailRange, Walk};

/// A set so many times larger than the leading one is asked for each member instead of walked along. A point read
/// costs about as much as this many steps of a walk.
const PROBE_RATIO: u64 = 16;

/// How sets are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// What is in any of them.
    Union,
    /// What is in all of them.
    Intersection,
    /// What is in the first and in no other.
    Difference,
}

/// Walks over the members of a combination of sets.
pub(crate) struct Combined {
    way: Way,
}

enum Way {
    Sieve(Sieve),
    Merge(Merge),
}

impl Combined {
    /// Opens the walk; a set that does not exist is `None`. The reader must have a snapshot or its user the keys' locks.
    pub(crate) fn open(reader: &Reader, operation: Operation, sets: Vec<Option<Meta>>) -> Result<Self> {
        let complete = sets.iter().all(Option::is_some);
        let first_is_missing = sets.first().is_none_or(Option::is_none);
        let mut present: Vec<Meta> = sets.into_iter().flatten().collect();
        let way = match operation {
            Operation::Union => Way::Merge(Merge::open(reader, &present)?),
            Operation::Intersection if !complete => Way::Sieve(Sieve::open(reader, &[], Keep::InAll)?),
            Operation::Difference if first_is_missing => Way::Sieve(Sieve::open(reader, &[], Keep::InNone)?),
            Operation::Difference => Way::Sieve(Sieve::open(reader, &present, Keep::InNone)?),
            Operation::Intersection => {
                present.sort_by_key(|meta| meta.size);
                Way::Sieve(Sieve::open(reader, &present, Keep::InAll)?)
            }
        };
        Ok(Self { way })
    }

    /// Opens a walk over the members of one set.
    pub(crate) fn one(reader: &Reader, set: Option<Meta>) -> Result<Self> {
        Self::open(reader, Operation::Difference, vec![set])
    }

    /// Moves to the next member and lends it, `None` behind the last or an error.
    #[inline]
    pub(crate) fn next(&mut self, reader: &Reader) -> Result<Option<&[u8]>> {
        match &mut self.way {
            Way::Sieve(sieve) => sieve.next(reader),
            Way::Merge(merge) => merge.next(),
        }
    }

    /// Counts the members, as far as `limit`.
    pub(crate) fn count(mut self, reader: &Reader, limit: u64) -> Result<u64> {
        let mut count = 0;
        while count < limit && self.next(reader)?.is_some() {
            count += 1;
        }
        Ok(count)
    }
}

/// Which members of the leading set are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// Those that all the others have too.
    InAll,
    /// Those that none of the others has.
    InNone,
}

/// Members of one set, sifted by the others.
struct Sieve {
    lead: Walk,
    others: Vec<Other>,
    keep: Keep,
    begun: bool,
    ended: bool,
}

/// How another set is asked for members of the leading one.
enum Other {
    /// Walked along.
    Beside(Walk),
    /// Asked for each.
    Probed(Meta),
}

impl Other {
    /// Tells whether it has the member; asked for members in ascending order.
    fn has(&mut self, reader: &Reader, member: &[u8]) -> Result<bool> {
        match self {
            Self::Probed(meta) => Elements::of(reader, meta)?.has(&ElementKey::SetMember(member)),
            Self::Beside(walk) => loop {
                match member_of(walk)?.map(|found| found.cmp(member)) {
                    Some(Ordering::Less) => walk.advance(),
                    Some(Ordering::Equal) => return Ok(true),
                    Some(Ordering::Greater) | None => return Ok(false),
                }
            },
        }
    }

    fn is_at_end(&self) -> Result<bool> {
        match self {
            Self::Probed(_) => Ok(false),
            Self::Beside(walk) => Ok(member_of(walk)?.is_none()),
        }
    }
}

impl Sieve {
    /// The first set leads.
    fn open(reader: &Reader, sets: &[Meta], keep: Keep) -> Result<Self> {
        let Some((lead, others)) = sets.split_first() else {
            let lead = Elements::none(reader).walk(&TailRange::all(super::TAG), Direction::Ascending)?;
            return Ok(Self { lead, others: Vec::new(), keep, begun: false, ended: false });
        };
        let as_other = |other: &Meta| {
            let probe = other.size / PROBE_RATIO > lead.size;
            if probe { Ok(Other::Probed(other.clone())) } else { members(reader, other).map(Other::Beside) }
        };
        let others = others.iter().map(as_other).collect::<Result<_>>()?;
        Ok(Self { lead: members(reader, lead)?, others, keep, begun: false, ended: false })
    }

    #[inline]
    fn next(&mut self, reader: &Reader) -> Result<Option<&[u8]>> {
        if self.ended {
            return Ok(None);
        }
        self.ended = true;
        if !self.advance(reader)? {
            return Ok(None);
        }
        let Self { lead, ended, .. } = self;
        let member = member_of(lead)?;
        *ended = member.is_none();
        Ok(member)
    }

    /// Moves to the next member that is kept, or to the end; returns false if the others tell that none follows.
    #[inline]
    fn advance(&mut self, reader: &Reader) -> Result<bool> {
        let Self { lead, others, keep, begun, .. } = self;
        if std::mem::replace(begun, true) {
            lead.advance();
        }
        if others.is_empty() {
            return Ok(true);
        }
        while let Some(member) = member_of(lead)? {
            match first_veto(others, reader, member, *keep)? {
                None => break,
                Some(other) if *keep == Keep::InAll && other.is_at_end()? => return Ok(false),
                Some(_) => lead.advance(),
            }
        }
        Ok(true)
    }
}

/// Returns the first of the other sets because of which a member is not kept.
fn first_veto<'o>(others: &'o mut [Other], reader: &Reader, member: &[u8], keep: Keep) -> Result<Option<&'o Other>> {
    for other in others {
        if other.has(reader, member)? != (keep == Keep::InAll) {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

/// Members of several sets, merged. Each step costs the logarithm of the number of sets.
struct Merge {
    /// The least member is on top.
    heads: BinaryHeap<Reverse<Head>>,
    current: Vec<u8>,
}

/// A walk and a copy of the member under it.
struct Head {
    member: Vec<u8>,
    walk: Walk,
}

impl Head {
    /// Copies the member under the walk; returns whether there was one.
    fn refill(&mut self) -> Result<bool> {
        let member = member_of(&self.walk)?;
        self.member.clear();
        self.member.extend_from_slice(member.unwrap_or_default());
        Ok(member.is_some())
    }
}

impl Merge {
    fn open(reader: &Reader, sets: &[Meta]) -> Result<Self> {
        let mut heads = BinaryHeap::with_capacity(sets.len());
        for set in sets {
            let mut head = Head { member: Vec::new(), walk: members(reader, set)? };
            if head.refill()? {
                heads.push(Reverse(head));
            }
        }
        Ok(Self { heads, current: Vec::new() })
    }

    fn next(&mut self) -> Result<Option<&[u8]>> {
        let Some(Reverse(least)) = self.heads.peek() else {
            return Ok(None);
        };
        self.current.clear();
        self.current.extend_from_slice(&least.member);
        // Nothing follows an error.
        self.pass_current().inspect_err(|_| self.heads.clear())?;
        Ok(Some(&self.current))
    }

    /// Moves all walks behind the current member.
    fn pass_current(&mut self) -> Result<()> {
        while let Some(mut top) = self.heads.peek_mut().filter(|top| top.0.member == self.current) {
            top.0.walk.advance();
            if !top.0.refill()? {
                PeekMut::pop(top);
            }
        }
        Ok(())
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        self.member.cmp(&other.member)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

/// Puts the combination in place of whatever the key holds; returns its size.
pub(crate) fn store(
    plan: &mut KeyPlan<'_>,
    operation: Operation,
    sets: Vec<Option<Meta>>,
    birth: Birth,
) -> Result<u64> {
    let reader = plan.reader;
    let born_dead = birth.expires_at.is_some_and(|expires_at| expires_at <= plan.now);
    let mut combined = Combined::open(reader, operation, sets)?;
    let mut stored = plan.replace(DataType::Set, birth);
    let mut size = 0;
    while !born_dead && let Some(member) = combined.next(reader)? {
        stored.put(&ElementKey::SetMember(member), bytes::Bytes::new())?;
        size += 1;
    }
    stored.set_size(size);
    stored.finish()?;
    if size > 0 {
        plan.note(match operation {
            Operation::Union => EventKind::SUnionStore,
            Operation::Intersection => EventKind::SInterStore,
            Operation::Difference => EventKind::SDiffStore,
        });
    }
    Ok(size)
}
