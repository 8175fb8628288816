//! The retired segments of a family.
//!
//! What lives here: a set of segment numbers as intervals, in memory and on disk. It may use
//! segments.
//!
//! INVARIANT: intervals are sorted, not empty, and neither overlap nor touch; so a set has one
//! encoding.

use std::collections::BTreeMap;
use std::ops::Range;

use super::error::{DecodeError, Fault, RecordKind};
use super::reader::{Reader, be40};
use super::segment::Segment;

/// A set of segment numbers of one family, kept as intervals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SegmentSet {
    /// First number to the number after the last.
    intervals: BTreeMap<u64, u64>,
}

impl SegmentSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { intervals: BTreeMap::new() }
    }

    /// Adds the segments `numbers`; numbers above [`Segment::MAX_NUMBER`] are no segments and are
    /// left out.
    ///
    /// Costs the logarithm of the intervals, and the intervals that it swallows.
    pub fn insert(&mut self, numbers: Range<u64>) {
        let mut first = numbers.start;
        let mut end = numbers.end.min(Segment::MAX_NUMBER + 1);
        if first >= end {
            return;
        }
        while let Some((&touching_first, &touching_end)) = self.intervals.range(..=end).next_back() {
            if touching_end < first {
                break;
            }
            first = first.min(touching_first);
            end = end.max(touching_end);
            self.intervals.remove(&touching_first);
        }
        self.intervals.insert(first, end);
    }

    /// True when the segment with this number is in the set.
    pub fn contains(&self, number: u64) -> bool {
        self.intervals.range(..=number).next_back().is_some_and(|(_, &end)| number < end)
    }

    /// The intervals in order, each half-open.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Range<u64>> + '_ {
        self.intervals.iter().map(|(&first, &end)| first..end)
    }

    /// The intervals that overlap `numbers`, whole and in order.
    ///
    /// Costs the logarithm of the intervals, and a step for each.
    pub fn overlapping(&self, numbers: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let before = self.intervals.range(..numbers.start).next_back().filter(|&(_, &end)| numbers.start < end);
        let from = before.map_or(numbers.start, |(&first, _)| first);
        self.intervals.range(from..numbers.end.max(from)).map(|(&first, &end)| first..end)
    }

    /// How many segments the set has. Costs a walk over the intervals.
    pub fn len_segments(&self) -> u64 {
        self.iter().map(|interval| interval.end - interval.start).sum()
    }

    /// True when the set has no segment.
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// The bytes of the set: `(first:u40 last:u40)*`. The last one is included, so that it fits its
    /// 40 bits.
    pub fn encode(&self) -> Vec<u8> {
        self.iter().flat_map(|interval| [interval.start, interval.end - 1]).flat_map(be40).collect()
    }

    /// Reads a set.
    ///
    /// # Errors
    ///
    /// The value ends within an interval, or its intervals are out of order, empty or adjacent.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(RecordKind::SegmentSet, value);
        let mut intervals = BTreeMap::new();
        let mut previous_end = None;
        while !reader.is_at_end() {
            let (first, last) = (reader.u40()?, reader.u40()?);
            if first > last || previous_end.is_some_and(|previous| first <= previous) {
                let what = "intervals out of order, empty or adjacent";
                return Err(reader.error(Fault::NotCanonical { what }));
            }
            intervals.insert(first, last + 1);
            previous_end = Some(last + 1);
        }
        Ok(Self { intervals })
    }
}
