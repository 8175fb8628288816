//! Ranks by counts: the elements of a sorted set in the order of scores, cut into chunks of which only the first tail
//! and the number of elements are known.
//!
//! May use elements' ranges. Invariants: a chunk's elements lie between its lower bound and the next chunk's; counts
//! follow every change that [`Chunks::apply`] is told; nothing here reads the store.
//!
//! With `c` chunks, a change costs a search of log c steps, and once in some hundred deletions a move of up to 24 c bytes;
//! a question sums up to c counts. A set of 1,000,000 has about 4,000 chunks.

use crate::encoding::Tag;
use crate::types::TailRange;

/// Entries that a cut gives to each chunk. Larger: longer walks inside a chunk; smaller: more memory for each member.
const CHUNK: u64 = 256;

/// A chunk above this size is cut by the question that meets it. Nearer to [`CHUNK`]: more cuts; larger: longer walks.
const CUT_ABOVE: u64 = 2 * CHUNK;

/// A chunk below this size is united with a neighbour, if both together are no more than [`CHUNK`]. Larger: more moving
/// of chunks; smaller: more memory for a set that shrank.
const UNITE_BELOW: u64 = CHUNK / 4;

/// Changes that are kept for a cut in progress. More: more memory for each cut; fewer: a set that changes faster than it
/// can be read stays in one piece.
const MAX_LOG: usize = 100_000;

/// Memory of a chunk beside the bytes of its bound: a boxed slice, a count, an allocation.
const CHUNK_BYTES: usize = 40;

/// Whether an element came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Came,
    Went,
}

/// Consecutive elements of a sorted set, and how many there are before and among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) range: TailRange,
    pub(crate) before: u64,
    pub(crate) count: u64,
}

impl Stretch {
    /// All elements of a set of this size.
    pub(crate) fn whole(size: u64) -> Self {
        Self { range: TailRange::all(Tag::SortedScore), before: 0, count: size }
    }

    /// The same elements, if all of them lie in `range` too.
    #[must_use]
    pub(crate) fn within(mut self, range: &TailRange) -> Self {
        self.range = self.range.within(range);
        self
    }
}

/// The chunks of one sorted set.
#[derive(Debug)]
pub(crate) struct Chunks {
    /// Where each chunk begins: at or before its first element and behind the last one of the chunk before.
    lowers: Vec<Box<[u8]>>,
    counts: Vec<u64>,
    total: u64,
    bound_bytes: usize,
    cut: Option<Cut>,
    cuts_begun: u64,
}

/// A chunk that somebody reads in order to cut it.
#[derive(Debug)]
struct Cut {
    number: u64,
    at: usize,
    /// What happened in the chunk since.
    log: Vec<(Box<[u8]>, Step)>,
}

/// The right to end a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CutNumber(u64);

impl Chunks {
    /// One chunk for all elements of a set of this size.
    pub(crate) fn whole(size: u64) -> Self {
        let lowest: Box<[u8]> = TailRange::all(Tag::SortedScore).lower.into();
        let bound_bytes = lowest.len();
        Self { lowers: vec![lowest], counts: vec![size], total: size, bound_bytes, cut: None, cuts_begun: 0 }
    }

    /// The number of elements.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The memory that the chunks take, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bound_bytes + CHUNK_BYTES * self.counts.len()
    }

    /// Returns the chunk in which the element of this rank lies, counted from the lowest score.
    pub(crate) fn at_rank(&self, rank: u64) -> Option<Stretch> {
        let mut before = 0;
        for (at, count) in self.counts.iter().enumerate() {
            if rank - before < *count {
                return self.stretch(at, before);
            }
            before += count;
        }
        None
    }

    /// Returns the chunk in which this tail lies or would lie.
    pub(crate) fn around(&self, tail: &[u8]) -> Option<Stretch> {
        let at = self.position(tail);
        let before = self.counts.iter().take(at).sum();
        self.stretch(at, before)
    }

    fn stretch(&self, at: usize, before: u64) -> Option<Stretch> {
        let mut range = TailRange::all(Tag::SortedScore);
        range.lower = self.lowers.get(at)?.to_vec();
        if let Some(next) = self.lowers.get(at + 1) {
            range.upper = next.to_vec();
        }
        Some(Stretch { range, before, count: *self.counts.get(at)? })
    }

    fn position(&self, tail: &[u8]) -> usize {
        self.lowers.partition_point(|lower| lower.as_ref() <= tail).saturating_sub(1)
    }

    /// Follows a change of the set; returns whether that was possible. If not, all of it is wrong.
    #[must_use]
    pub(crate) fn apply(&mut self, tail: &[u8], step: Step) -> bool {
        let at = self.position(tail);
        if let Some(cut) = self.cut.as_mut().filter(|cut| cut.at == at) {
            cut.log.push((tail.into(), step));
            if cut.log.len() > MAX_LOG {
                self.cut = None;
            }
        }
        let Some(count) = self.counts.get_mut(at) else {
            return false;
        };
        let (Some(after), Some(total)) = (stepped(*count, step), stepped(self.total, step)) else {
            return false;
        };
        *count = after;
        self.total = total;
        if step == Step::Went && after < UNITE_BELOW {
            self.unite(at);
        }
        true
    }

    /// Unites a small chunk with one of its neighbours, if one is small enough.
    fn unite(&mut self, at: usize) {
        for left in [at.checked_sub(1), Some(at)].into_iter().flatten() {
            let right = left + 1;
            let is_cut = self.cut.as_ref().is_some_and(|cut| cut.at == left || cut.at == right);
            let (Some(a), Some(b)) = (self.counts.get(left), self.counts.get(right)) else {
                continue;
            };
            let together = a.saturating_add(*b);
            if is_cut || together > CHUNK {
                continue;
            }
            self.counts.remove(right);
            self.bound_bytes -= self.lowers.remove(right).len();
            if let Some(count) = self.counts.get_mut(left) {
                *count = together;
            }
            if let Some(cut) = self.cut.as_mut().filter(|cut| cut.at > right) {
                cut.at -= 1;
            }
            return;
        }
    }

    /// Tells whether a stretch is so long that it should be cut, and could be now.
    pub(crate) fn wants_cut(&self, stretch: &Stretch) -> bool {
        stretch.count > CUT_ABOVE && self.cut.is_none()
    }

    /// Begins to cut the chunk around a tail, if it wants that. Whoever gets the number reads the stretch as it is at this
    /// moment and hands over its pieces.
    pub(crate) fn begin_cut(&mut self, tail: &[u8]) -> Option<(CutNumber, Stretch)> {
        let stretch = self.around(tail)?;
        if !self.wants_cut(&stretch) {
            return None;
        }
        self.cuts_begun += 1;
        self.cut = Some(Cut { number: self.cuts_begun, at: self.position(tail), log: Vec::new() });
        Some((CutNumber(self.cuts_begun), stretch))
    }

    /// Leaves the chunk in one piece.
    pub(crate) fn abandon_cut(&mut self, number: CutNumber) {
        if self.cut.as_ref().is_some_and(|cut| cut.number == number.0) {
            self.cut = None;
        }
    }

    /// Puts the pieces in place of the chunk, with what changed meanwhile. Returns whether the pieces hold what the chunk
    /// held; if not, all of it is wrong.
    #[must_use]
    pub(crate) fn end_cut(&mut self, number: CutNumber, pieces: Pieces) -> bool {
        let Some(cut) = self.cut.take_if(|cut| cut.number == number.0) else {
            return true;
        };
        let (Some(counted), Some(lower)) = (self.counts.get(cut.at), self.lowers.get(cut.at)) else {
            return false;
        };
        let Some(Pieces { lowers, counts, .. }) = pieces.changed(lower, &cut.log) else {
            return false;
        };
        if counts.iter().sum::<u64>() != *counted {
            return false;
        }
        self.bound_bytes += lowers.iter().map(|lower| lower.len()).sum::<usize>();
        self.bound_bytes -= lower.len();
        self.lowers.splice(cut.at..=cut.at, lowers);
        self.counts.splice(cut.at..=cut.at, counts);
        true
    }
}

fn stepped(count: u64, step: Step) -> Option<u64> {
    match step {
        Step::Came => count.checked_add(1),
        Step::Went => count.checked_sub(1),
    }
}

/// The pieces that a chunk is cut into, filled tail by tail, in order.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    lowers: Vec<Box<[u8]>>,
    counts: Vec<u64>,
    bound_bytes: usize,
    last: Vec<u8>,
}

impl Pieces {
    /// Adds the next element.
    pub(crate) fn push(&mut self, tail: &[u8]) {
        match self.counts.last_mut() {
            Some(count) if *count < CHUNK => {
                *count += 1;
                if *count < CHUNK {
                    return;
                }
                self.last = tail.to_vec();
            }
            _ => {
                let lower = between(&self.last, tail);
                self.bound_bytes += lower.len();
                self.lowers.push(lower.into());
                self.counts.push(1);
            }
        }
    }

    /// The memory that the pieces take, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bound_bytes + CHUNK_BYTES * self.counts.len()
    }

    /// Follows what changed while the pieces were counted, and leaves out those that are empty now. The first one takes the
    /// bound of the chunk that is cut.
    fn changed(mut self, lower: &[u8], log: &[(Box<[u8]>, Step)]) -> Option<Self> {
        match self.lowers.first_mut() {
            Some(first) => *first = lower.into(),
            None => {
                self.lowers.push(lower.into());
                self.counts.push(0);
            }
        }
        for (tail, step) in log {
            let at = self.lowers.partition_point(|lower| lower <= tail).saturating_sub(1);
            let count = self.counts.get_mut(at)?;
            *count = stepped(*count, *step)?;
        }
        let mut kept = Self::default();
        for (bound, count) in self.lowers.into_iter().zip(self.counts) {
            if count > 0 || kept.lowers.is_empty() {
                kept.lowers.push(bound);
                kept.counts.push(count);
            }
        }
        Some(kept)
    }
}

/// The shortest tail behind `before` and not behind `tail`: long members need not be kept whole.
fn between<'t>(before: &[u8], tail: &'t [u8]) -> &'t [u8] {
    let common = before.iter().zip(tail).take_while(|(a, b)| a == b).count();
    tail.get(..=common).unwrap_or(tail)
}

#[cfg(test)]
#[path = "chunks_tests.rs"]
mod tests;
