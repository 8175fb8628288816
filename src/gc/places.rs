//! The dead places of a segment as the picture keeps them: immutable, shared between pictures, in as little memory as
//! they take.
//!
//! Uses `encoding`. Invariant: of its three forms a set has the smallest, and not a byte to spare. WHY not
//! `SegmentBits`, which bitmaps are read and gathered with: that one keeps room to grow, 240 bytes for a segment with one
//! id, and a whole bitmap for a run.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::encoding::{SEGMENT_IDS, SegmentBits};

const WORDS: usize = SEGMENT_IDS as usize / 64;

/// More than these take more in a list than as bits.
const MOST_LISTED: usize = size_of::<Words>() / size_of::<u16>();

/// More than these take more as runs than as bits.
const MOST_RUNS: usize = size_of::<Words>() / size_of::<(u16, u16)>();

/// All places of a segment, a bit each; on the stack while two sets are united.
type Words = [u64; WORDS];

/// A set of places.
#[derive(Clone, Debug)]
pub(super) enum Places {
    /// One by one, ascending: 2 bytes each.
    List(Arc<[u16]>),
    /// First and last of each run, ascending, with a gap between any two: 4 bytes each.
    Runs { runs: Arc<[(u16, u16)]>, len: u32 },
    /// A bit for each place: 8 KiB.
    Bits { words: Arc<Words>, len: u32 },
}

impl Places {
    /// Packs a set that was gathered.
    pub(super) fn of(bits: &SegmentBits) -> Self {
        let len = bits.len();
        if len as usize <= MOST_LISTED {
            let list: Arc<[u16]> = bits.iter().collect();
            let runs = list.chunk_by(follows).count();
            return match Form::of(len, runs) {
                Form::List => Self::List(list),
                _ => Self::Runs { runs: ends_of(bits.ranges()).collect(), len },
            };
        }
        // One more than is kept tells that there are too many.
        let runs: Vec<(u16, u16)> = ends_of(bits.ranges()).take(MOST_RUNS + 1).collect();
        if runs.len() <= MOST_RUNS {
            return Self::Runs { runs: runs.into(), len };
        }
        let mut words = [0; WORDS];
        for low in bits.iter() {
            if let Some(word) = words.get_mut(usize::from(low / 64)) {
                *word |= 1 << (low % 64);
            }
        }
        Self::Bits { words: Arc::new(words), len }
    }

    /// Returns the set as one that can grow.
    pub(super) fn to_bits(&self) -> SegmentBits {
        match self {
            Self::List(list) => list.iter().copied().collect(),
            _ => {
                let mut bits = SegmentBits::new();
                self.runs().for_each(|run| bits.insert_range(run));
                bits
            }
        }
    }

    /// Unites two sets.
    pub(super) fn united(&self, other: &Self) -> Self {
        if self.has_all_of(other) {
            return self.clone();
        }
        let mut words = [0; WORDS];
        self.set_in(&mut words);
        other.set_in(&mut words);
        Self::of_words(&words)
    }

    fn of_words(words: &Words) -> Self {
        let len = words.iter().map(|word| word.count_ones()).sum();
        let runs = (0..).zip(words).map(|(at, word)| first_bits(words, at, *word).count_ones()).sum::<u32>();
        match Form::of(len, runs as usize) {
            Form::Bits => Self::Bits { words: Arc::new(*words), len },
            Form::List => {
                let mut list = Vec::with_capacity(len as usize);
                for (base, word) in (0..).step_by(64).zip(words) {
                    let mut left = *word;
                    while left != 0 {
                        list.push(place(base + left.trailing_zeros()));
                        left &= left - 1;
                    }
                }
                Self::List(list.into())
            }
            Form::Runs => Self::Runs { runs: ends_of(runs_of(words)).collect(), len },
        }
    }

    fn set_in(&self, words: &mut Words) {
        match self {
            Self::List(list) => list.iter().for_each(|low| set(words, &(*low..=*low))),
            Self::Runs { runs, .. } => runs.iter().for_each(|(first, last)| set(words, &(*first..=*last))),
            Self::Bits { words: own, .. } => words.iter_mut().zip(own.iter()).for_each(|(word, own)| *word |= own),
        }
    }

    /// Counts the places.
    pub(super) fn len(&self) -> u32 {
        match self {
            Self::List(list) => u32::try_from(list.len()).unwrap_or(u32::MAX),
            Self::Runs { len, .. } | Self::Bits { len, .. } => *len,
        }
    }

    /// Tells whether a place is in the set. Costs a search in a list or in runs, or a look at a bit.
    pub(super) fn contains(&self, low: u16) -> bool {
        match self {
            Self::List(list) => list.binary_search(&low).is_ok(),
            Self::Runs { runs, .. } => {
                let before = runs.partition_point(|(first, _)| *first <= low);
                before.checked_sub(1).and_then(|at| runs.get(at)).is_some_and(|(_, last)| low <= *last)
            }
            Self::Bits { words, .. } => {
                words.get(usize::from(low / 64)).is_some_and(|word| word & (1 << (low % 64)) != 0)
            }
        }
    }

    /// Counts the places in `lows`.
    pub(super) fn count_in(&self, lows: &RangeInclusive<u16>) -> u64 {
        let (first, last) = (*lows.start(), *lows.end());
        if first > last {
            return 0;
        }
        match self {
            Self::List(list) => {
                let (from, to) = (list.partition_point(|low| *low < first), list.partition_point(|low| *low <= last));
                (to - from) as u64
            }
            Self::Runs { runs, .. } => {
                let from = runs.partition_point(|(_, end)| *end < first);
                let within = runs.iter().skip(from).take_while(|(start, _)| *start <= last);
                within.map(|(start, end)| u64::from(last.min(*end)) - u64::from(first.max(*start)) + 1).sum()
            }
            Self::Bits { words, .. } => {
                let (from, to) = ends(lows);
                let count = |word: u64| u64::from(word.count_ones());
                match words.get(usize::from(first / 64)..=usize::from(last / 64)) {
                    Some([word]) => count(word & from & to),
                    Some([head, middle @ .., tail]) => {
                        count(head & from) + middle.iter().copied().map(count).sum::<u64>() + count(tail & to)
                    }
                    Some([]) | None => 0,
                }
            }
        }
    }

    /// Tells whether all of `other` are in this set.
    pub(super) fn has_all_of(&self, other: &Self) -> bool {
        other.runs().all(|run| self.count_in(&run) == u64::from(*run.end() - *run.start()) + 1)
    }

    /// Lists the maximal runs of places, in order.
    pub(super) fn runs(&self) -> Box<dyn Iterator<Item = RangeInclusive<u16>> + '_> {
        match self {
            Self::List(list) => Box::new(list.chunk_by(follows).filter_map(|run| match run {
                [first, .., last] => Some(*first..=*last),
                [only] => Some(*only..=*only),
                [] => None,
            })),
            Self::Runs { runs, .. } => Box::new(runs.iter().map(|(first, last)| *first..=*last)),
            Self::Bits { words, .. } => Box::new(runs_of(words)),
        }
    }
}

/// Tells whether two places of an ascending list are neighbours.
fn follows(a: &u16, b: &u16) -> bool {
    b.abs_diff(*a) == 1
}

/// The first and last places of runs.
fn ends_of(runs: impl Iterator<Item = RangeInclusive<u16>>) -> impl Iterator<Item = (u16, u16)> {
    runs.map(|run| (*run.start(), *run.end()))
}

/// How a set is kept.
enum Form {
    List,
    Runs,
    Bits,
}

impl Form {
    /// The smallest for so many places in so many runs.
    fn of(len: u32, runs: usize) -> Self {
        let (list, runs) = (len as usize * size_of::<u16>(), runs * size_of::<(u16, u16)>());
        match list.min(runs).min(size_of::<Words>()) {
            least if least == list => Self::List,
            least if least == runs => Self::Runs,
            _ => Self::Bits,
        }
    }
}

/// Adds the places of a range.
fn set(words: &mut Words, lows: &RangeInclusive<u16>) {
    let (from, to) = ends(lows);
    match words.get_mut(usize::from(lows.start() / 64)..=usize::from(lows.end() / 64)) {
        Some([word]) => *word |= from & to,
        Some([head, middle @ .., tail]) => {
            *head |= from;
            middle.fill(u64::MAX);
            *tail |= to;
        }
        Some([]) | None => {}
    }
}

/// What a range covers of its first word, and of its last.
fn ends(lows: &RangeInclusive<u16>) -> (u64, u64) {
    (u64::MAX << (lows.start() % 64), u64::MAX >> (63 - lows.end() % 64))
}

/// The bits of the word `at` whose neighbour below is not set.
fn first_bits(words: &Words, at: usize, word: u64) -> u64 {
    let below = at.checked_sub(1).and_then(|at| words.get(at)).map_or(0, |word| word >> 63);
    word & !(word << 1 | below)
}

/// Lists the maximal runs of set bits.
fn runs_of(words: &Words) -> impl Iterator<Item = RangeInclusive<u16>> + '_ {
    let mut next = 0;
    std::iter::from_fn(move || {
        let first = next_that(words, next, |word| word)?;
        let end = next_that(words, first, |word| !word).unwrap_or(SEGMENT_IDS as u32);
        next = end;
        Some(place(first)..=place(end - 1))
    })
}

/// Finds the first bit from `from` on that is set in its word as `see` shows it.
fn next_that(words: &Words, from: u32, see: impl Fn(u64) -> u64) -> Option<u32> {
    let start = from as usize / 64;
    let mut mask = u64::MAX << (from % 64);
    for (at, word) in (start as u32..).zip(words.get(start..)?) {
        let seen = see(*word) & mask;
        if seen != 0 {
            return Some(at * 64 + seen.trailing_zeros());
        }
        mask = u64::MAX;
    }
    None
}

/// Narrows a place within a segment.
fn place(bit: u32) -> u16 {
    u16::try_from(bit).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Sets of every form and their neighbours: single places, runs, dense and full ones, at both ends.
    fn sets() -> Vec<BTreeSet<u16>> {
        let mut random = fastrand::Rng::with_seed(3);
        let mut sets: Vec<BTreeSet<u16>> =
            vec![BTreeSet::new(), [0].into(), [u16::MAX].into(), (0..=u16::MAX).collect(), (1..=u16::MAX).collect()];
        for (runs, longest) in [(1, 1), (300, 1), (5, 4_000), (700, 20), (3_000, 2), (5_000, 9), (3_000, 70)] {
            let mut set = BTreeSet::new();
            for _ in 0..runs {
                let first = random.u16(..);
                set.extend(first..=first.saturating_add(random.u16(0..longest)));
            }
            sets.push(set);
        }
        sets
    }

    fn packed(set: &BTreeSet<u16>) -> Places {
        Places::of(&set.iter().copied().collect())
    }

    fn assert_same(places: &Places, set: &BTreeSet<u16>) {
        assert_eq!(places.len() as usize, set.len());
        assert_eq!(places.to_bits(), set.iter().copied().collect::<SegmentBits>());
        assert_eq!(places.runs().flatten().collect::<Vec<_>>(), set.iter().copied().collect::<Vec<_>>());
        let runs = places.runs().collect::<Vec<_>>();
        assert!(runs.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()), "runs are maximal");
        let bytes = match places {
            Places::List(list) => size_of_val(&**list),
            Places::Runs { runs, .. } => size_of_val(&**runs),
            Places::Bits { .. } => 8_192,
        };
        assert_eq!(bytes, (set.len() * 2).min(runs.len() * 4).min(8_192), "the smallest form");
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..200 {
            let (a, b) = (random.u16(..), random.u16(..));
            assert_eq!(places.contains(a), set.contains(&a));
            let lows = a.min(b)..=a.max(b);
            assert_eq!(places.count_in(&lows), set.range(lows.clone()).count() as u64, "{lows:?}");
        }
        assert_eq!(places.count_in(&(0..=u16::MAX)), set.len() as u64);
    }

    #[test]
    fn a_packed_set_says_what_was_gathered_in_the_smallest_form() {
        for set in sets() {
            assert_same(&packed(&set), &set);
        }
    }

    #[test]
    fn united_sets_hold_the_places_of_both() {
        let sets = sets();
        for a in &sets {
            for b in &sets {
                let united = packed(a).united(&packed(b));
                assert_same(&united, &(a | b));
                assert!(united.has_all_of(&packed(a)) && united.has_all_of(&packed(b)));
                assert_eq!(packed(a).has_all_of(&packed(b)), b.is_subset(a));
            }
        }
    }
}
