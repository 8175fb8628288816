//! Integers of a few bits within a string, and what becomes of those that do not fit.
//!
//! Uses errors alone. Invariants: an integer is within [`WINDOW`] bytes, the highest bit first; the same results as
//! Redis 7.0.

use super::check_offset;
use crate::error::{Error, Result};

/// How many bytes hold any field, wherever in the first of them it begins.
pub(super) const WINDOW: usize = 9;

/// The signedness and the width of an integer within a string, in [`BitField`](crate::BitField).
///
/// # Examples
/// ```
/// use windrow::{BitField, BitType};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let both = BitField::new().set(BitType::i(5), 0, -3).get(BitType::u(5), 0);
/// assert_eq!(store.db(0).bits().field("k", &both)?, [Some(0), Some(0b11101)]);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BitType {
    is_signed: bool,
    bits: u32,
}

impl BitType {
    /// A signed integer of 1 to 64 bits; other widths are refused where they are used.
    ///
    /// # Examples
    /// ```
    /// use windrow::BitType;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", [0xff, 0xfe])?;
    /// assert_eq!(store.db(0).bits().field_ro("k", [(BitType::i(16), 0)])?, [-2]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn i(bits: u32) -> Self {
        Self { is_signed: true, bits }
    }

    /// An unsigned integer of 1 to 63 bits; other widths are refused where they are used.
    ///
    /// # Examples
    /// ```
    /// use windrow::BitType;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).bits().field_ro("k", [(BitType::u(63), 0)])?, [0]);
    /// assert!(store.db(0).bits().field_ro("k", [(BitType::u(64), 0)]).is_err());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn u(bits: u32) -> Self {
        Self { is_signed: false, bits }
    }

    fn check(self) -> Result<()> {
        let widest = if self.is_signed { 64 } else { 63 };
        if (1..=widest).contains(&self.bits) {
            return Ok(());
        }
        Err(Error::invalid("a field has 1 to 64 bits if it is signed, and 1 to 63 bits if not"))
    }

    fn min(self) -> i128 {
        if self.is_signed { -(1 << (self.bits - 1)) } else { 0 }
    }

    fn max(self) -> i128 {
        if self.is_signed { (1 << (self.bits - 1)) - 1 } else { (1 << self.bits) - 1 }
    }

    fn mask(self) -> u128 {
        (1 << self.bits) - 1
    }

    /// What the lowest bits of a number mean in a field.
    fn wrap(self, number: i128) -> i64 {
        let raw = (number.cast_unsigned() & self.mask()).cast_signed();
        let value = if raw > self.max() { raw - (1 << self.bits) } else { raw };
        i64::try_from(value).unwrap_or_default()
    }
}

/// Where a field begins.
///
/// # Examples
/// ```
/// use windrow::{BitField, BitOffset, BitType};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let bits = store.db(0);
/// bits.bits().field("k", BitField::new().set(BitType::u(8), BitOffset::Nth(2), 200))?;
/// assert_eq!(bits.bits().field_ro("k", [(BitType::u(8), 16)])?, [200]);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BitOffset {
    /// At this bit of the string. A plain number means this.
    At(u64),
    /// Where the field of this number begins if the string is an array of such fields, the first one 0 (`#`).
    Nth(u64),
}

impl From<u64> for BitOffset {
    fn from(bit: u64) -> Self {
        Self::At(bit)
    }
}

/// What becomes of an integer that does not fit its field.
///
/// # Examples
/// ```
/// use windrow::{BitField, BitOverflow, BitType};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// let far = BitField::new()
///     .incr_by(BitType::u(2), 0, 5)
///     .overflow(BitOverflow::Saturate)
///     .incr_by(BitType::u(2), 2, 5)
///     .overflow(BitOverflow::Fail)
///     .incr_by(BitType::u(2), 4, 5);
/// assert_eq!(db.bits().field("k", &far)?, [Some(1), Some(3), None]);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BitOverflow {
    /// Only its lowest bits are written.
    #[default]
    Wrap,
    /// The greatest or the least integer that fits is written.
    Saturate,
    /// Nothing is written, and the reply is `None`.
    Fail,
}

/// A field of one string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    kind: BitType,
    /// Where it begins, in bits.
    pub(crate) offset: u64,
}

impl Field {
    /// Refuses widths that no field has, and beginnings that no string of at most `max_value` bytes has.
    pub(crate) fn new(kind: BitType, offset: BitOffset, max_value: usize) -> Result<Self> {
        kind.check()?;
        let offset = match offset {
            BitOffset::At(bit) => Some(bit),
            BitOffset::Nth(number) => number.checked_mul(u64::from(kind.bits)),
        };
        let offset = offset.ok_or_else(|| Error::out_of_range("bit offset is out of range"))?;
        check_offset(max_value, offset)?;
        Ok(Self { kind, offset })
    }

    /// Its last bit.
    pub(super) fn last_bit(self) -> u64 {
        self.offset.saturating_add(u64::from(self.kind.bits) - 1)
    }

    /// How many bits of the window stand behind the field.
    fn behind(self) -> u32 {
        let before = u32::try_from(self.offset % 8).unwrap_or_default();
        8 * 9 - before - self.kind.bits
    }

    /// Reads the field from the bytes that begin with its first.
    pub(super) fn read(self, window: &[u8; WINDOW]) -> i64 {
        self.kind.wrap((joined(window) >> self.behind()).cast_signed())
    }

    /// Writes the lowest bits of an integer into the field.
    pub(super) fn write(self, window: &mut [u8; WINDOW], value: i64) {
        let mask = self.kind.mask();
        let raw = i128::from(value).cast_unsigned() & mask;
        let all = joined(window) & !(mask << self.behind()) | (raw << self.behind());
        let bytes = all.to_be_bytes();
        window.iter_mut().rev().zip(bytes.iter().rev()).for_each(|(byte, new)| *byte = *new);
    }

    /// What a field that holds `old` holds after an increment; `None` if it fails.
    pub(super) fn sum(self, old: i64, by: i64, overflow: BitOverflow) -> Option<i64> {
        let sum = i128::from(old) + i128::from(by);
        let bound = if sum > self.kind.max() { self.kind.max() } else { self.kind.min() };
        self.fit(sum, bound, overflow)
    }

    /// What a field holds that is set to an integer; `None` if that fails.
    ///
    /// WHY an unsigned field takes negative integers for ones above 2^63, and a signed one takes the lowest 2^63 - max of them
    /// for ones above its greatest: Redis saturates them so.
    pub(super) fn fitted(self, value: i64, overflow: BitOverflow) -> Option<i64> {
        let (kind, exact) = (self.kind, i128::from(value));
        let exact = if kind.is_signed { exact } else { i128::from(value.cast_unsigned()) };
        let is_taken_for_great = kind.bits < 64 && kind.max() - exact > i128::from(i64::MAX);
        let bound = if exact > kind.max() || is_taken_for_great { kind.max() } else { kind.min() };
        self.fit(exact, bound, overflow)
    }

    /// What becomes of an integer; `bound` is what it saturates to if it does not fit.
    fn fit(self, exact: i128, bound: i128, overflow: BitOverflow) -> Option<i64> {
        if (self.kind.min()..=self.kind.max()).contains(&exact) {
            return Some(self.kind.wrap(exact));
        }
        match overflow {
            BitOverflow::Wrap => Some(self.kind.wrap(exact)),
            BitOverflow::Saturate => Some(self.kind.wrap(bound)),
            BitOverflow::Fail => None,
        }
    }
}

fn joined(window: &[u8; WINDOW]) -> u128 {
    window.iter().fold(0, |so_far, byte| so_far << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests;
