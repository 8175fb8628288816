//! Collection ids.
//!
//! What lives here: the 8-byte number under which a collection's elements lie. It may use families
//! and segments.
//!
//! INVARIANT: an id names a known family, and its counter is neither 0 (a raw id of 0 means "none")
//! nor all ones (so that the end of a range is never an id).

use std::fmt;

use super::error::{DecodeError, Fault, RecordKind};
use super::family::DataFamily;
use super::segment::Segment;

/// The bits of an id that hold the counter; the family's number stands above them.
pub(super) const COUNTER_BITS: u32 = 56;

/// The last counter a family can hand out: 2^56 - 2. At a million ids a second it lasts for 2,280
/// years.
pub const MAX_COUNTER: u64 = (1 << COUNTER_BITS) - 2;

/// The never-reused number of a collection: its data family, then that family's own counter.
///
/// Ids of one family order by birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionId(u64);

impl CollectionId {
    /// The id with this family and counter; none when the counter is not in `1..=MAX_COUNTER`.
    pub const fn new(family: DataFamily, counter: u64) -> Option<Self> {
        if counter == 0 || counter > MAX_COUNTER {
            return None;
        }
        Some(Self(((family.number() as u64) << COUNTER_BITS) | counter))
    }

    /// The id with these 64 bits.
    ///
    /// # Errors
    ///
    /// The family is unknown, or the counter is 0 or all ones.
    pub const fn from_raw(raw: u64) -> Result<Self, DecodeError> {
        let [number, ..] = raw.to_be_bytes();
        let Some(family) = DataFamily::new(number) else {
            let fault = Fault::Unknown { what: "data family", value: number };
            return Err(DecodeError::new(RecordKind::CollectionId, fault));
        };
        match Self::new(family, raw & ((1 << COUNTER_BITS) - 1)) {
            Some(id) => Ok(id),
            None => {
                let fault = Fault::OutOfRange { what: "counter" };
                Err(DecodeError::new(RecordKind::CollectionId, fault))
            }
        }
    }

    /// The id with these 8 bytes.
    ///
    /// # Errors
    ///
    /// As [`CollectionId::from_raw`].
    pub const fn from_be_bytes(bytes: [u8; 8]) -> Result<Self, DecodeError> {
        Self::from_raw(u64::from_be_bytes(bytes))
    }

    /// The 64 bits of the id.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The 8 bytes of the id, as they begin its element keys.
    pub const fn to_be_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// The data family in which the elements lie.
    pub const fn family(self) -> DataFamily {
        self.segment().family()
    }

    /// The place of the id among its family's, from 1.
    pub const fn counter(self) -> u64 {
        self.0 & ((1 << COUNTER_BITS) - 1)
    }

    /// The segment that holds the id.
    pub const fn segment(self) -> Segment {
        Segment::of_id(self)
    }

    /// The place of the id in its segment.
    pub const fn low(self) -> u16 {
        (self.0 & 0xFFFF) as u16
    }
}

impl fmt::Display for CollectionId {
    /// Family and counter, such as `7:1234`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.family().number(), self.counter())
    }
}
