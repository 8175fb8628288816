//! Segments, and the keys of the `gc` family.
//!
//! What lives here: 65,536 consecutive ids of one data family, as a unit. It may use families and
//! ids.
//!
//! INVARIANT: a segment's number fits 40 bits. The first id of segment 0 and the last id of the
//! last segment are never used; every other place in a segment is an id.

use std::fmt;
use std::ops::RangeInclusive;

use super::error::{DecodeError, Fault, RecordKind};
use super::family::DataFamily;
use super::id::CollectionId;
use super::range::KeyRange;
use super::reader::{Reader, be40};

/// Bits of an id that count within its segment.
const LOW_BITS: u32 = 16;

/// How many ids a segment holds.
///
/// It is what one container of a roaring bitmap holds. Larger: a single dead id rewrites a larger
/// bitmap. Smaller: more records for the same run of dead ids.
pub const SEGMENT_IDS: u64 = 1 << LOW_BITS;

/// 65,536 consecutive ids of one data family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    family: DataFamily,
    number: u64,
}

impl Segment {
    /// The number of the last segment of a family.
    pub const MAX_NUMBER: u64 = (1 << 40) - 1;

    /// The segment with this number; none when the number is above [`Segment::MAX_NUMBER`].
    pub const fn new(family: DataFamily, number: u64) -> Option<Self> {
        if number > Self::MAX_NUMBER { None } else { Some(Self { family, number }) }
    }

    /// The segment of an id. The id's family is known, so the fallback is never taken.
    pub(super) const fn of_id(id: CollectionId) -> Self {
        let [number, ..] = id.to_be_bytes();
        let family = match DataFamily::new(number) {
            Some(family) => family,
            None => DataFamily::for_birth(super::family::LifetimeClass::NONE, super::family::Habit::Growing),
        };
        Self { family, number: id.counter() >> LOW_BITS }
    }

    /// The data family of the segment.
    pub const fn family(self) -> DataFamily {
        self.family
    }

    /// The number of the segment within its family.
    pub const fn number(self) -> u64 {
        self.number
    }

    /// The counter of the segment's first place. In segment 0 that is counter 0, which is no id.
    pub const fn first_counter(self) -> u64 {
        self.number << LOW_BITS
    }

    /// The counter after the segment's last place.
    pub const fn end_counter(self) -> u64 {
        self.first_counter() + SEGMENT_IDS
    }

    /// The id at a place of the segment; none for the two places that no id has.
    pub const fn id(self, low: u16) -> Option<CollectionId> {
        CollectionId::new(self.family, self.first_counter() | low as u64)
    }

    /// The places of the segment that ids can have: all 65,536, but one less in the first and in
    /// the last segment.
    pub const fn lows(self) -> RangeInclusive<u16> {
        let first = if self.number == 0 { 1 } else { 0 };
        let last = if self.number == Self::MAX_NUMBER { u16::MAX - 1 } else { u16::MAX };
        first..=last
    }

    /// The keys of every element of every id of the segment.
    pub fn range(self) -> KeyRange {
        KeyRange::segment(self)
    }

    /// The key of the segment in the `gc` family: `family:u8 segment:u40`.
    pub const fn encode_key(self) -> [u8; 6] {
        let [a, b, c, d, e] = be40(self.number);
        [self.family.number(), a, b, c, d, e]
    }

    /// Reads a key of the `gc` family.
    ///
    /// # Errors
    ///
    /// The key is not 6 bytes long or its family is unknown.
    pub fn decode_key(key: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(RecordKind::SegmentKey, key);
        let number = reader.u8()?;
        let Some(family) = DataFamily::new(number) else {
            return Err(reader.error(Fault::Unknown { what: "data family", value: number }));
        };
        let number = reader.u40()?;
        reader.finish()?;
        Ok(Self { family, number })
    }
}

impl fmt::Display for Segment {
    /// Family and number, such as `7:12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.family.number(), self.number)
    }
}
