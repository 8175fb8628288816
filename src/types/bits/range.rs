//! Which part of a string is counted or searched.
//!
//! Uses `string`'s way to cut. Invariant: plain data until the string's length is known.

use std::ops::Range;

use super::BYTE;
use crate::types::string::{clamp, clamp_loosely};

/// A part of a string, counted in bytes or in bits, from the end if negative. Both ends are included, as in Redis.
///
/// # Examples
/// ```
/// use windrow::BitRange;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.strings().set("k", "foobar")?;
/// assert_eq!(db.bits().count_in("k", BitRange::bytes(1, 1))?, 6);
/// assert_eq!(db.bits().count_in("k", BitRange::bits(5, 30))?, 17);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct BitRange {
    start: i64,
    end: Option<i64>,
    unit: u64,
}

impl BitRange {
    /// The bytes from `start` to `end`.
    ///
    /// # Examples
    /// ```
    /// use windrow::BitRange;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", [0xff, 0xf0, 0x00])?;
    /// assert_eq!(store.db(0).bits().pos_in("k", false, BitRange::bytes(0, 1))?, Some(12));
    /// # Ok(()) }
    /// ```
    pub fn bytes(start: i64, end: i64) -> Self {
        Self { start, end: Some(end), unit: BYTE }
    }

    /// The bytes from `start` on. A search for a clear bit goes on behind the string's end, where all bits are clear.
    ///
    /// # Examples
    /// ```
    /// use windrow::BitRange;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("k", [0xff, 0xff])?;
    /// assert_eq!(db.bits().pos_in("k", false, BitRange::bytes_from(1))?, Some(16));
    /// assert_eq!(db.bits().pos_in("k", false, BitRange::bytes(1, -1))?, None);
    /// # Ok(()) }
    /// ```
    pub fn bytes_from(start: i64) -> Self {
        Self { start, end: None, unit: BYTE }
    }

    /// The bits from `start` to `end`.
    ///
    /// # Examples
    /// ```
    /// use windrow::BitRange;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", [0xff, 0xf0])?;
    /// assert_eq!(store.db(0).bits().count_in("k", BitRange::bits(-6, -4))?, 2);
    /// # Ok(()) }
    /// ```
    pub fn bits(start: i64, end: i64) -> Self {
        Self { start, end: Some(end), unit: 1 }
    }

    /// The bits from `start` on, else as [`BitRange::bytes_from`].
    ///
    /// # Examples
    /// ```
    /// use windrow::BitRange;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.bits().set("seats", 3, true)?;
    /// assert_eq!(db.bits().pos_in("seats", false, BitRange::bits_from(3))?, Some(4), "the next free one");
    /// # Ok(()) }
    /// ```
    pub fn bits_from(start: i64) -> Self {
        Self { start, end: None, unit: 1 }
    }

    /// The whole string.
    pub(crate) const WHOLE: Self = Self { start: 0, end: None, unit: BYTE };

    /// The bits of a string of `length` bytes that are counted.
    pub(crate) fn counted(self, length: u64) -> Range<u64> {
        self.in_bits(length, clamp)
    }

    /// The bits of a string of `length` bytes that are searched. WHY not the same: Redis cuts bounds that cross before the
    /// string's start in another way here.
    pub(crate) fn searched(self, length: u64) -> Range<u64> {
        self.in_bits(length, clamp_loosely)
    }

    /// Tells whether a search may go on behind the string's end.
    pub(crate) fn is_open(self) -> bool {
        self.end.is_none()
    }

    fn in_bits(self, length: u64, cut: fn(i64, i64, u64) -> Option<(u64, u64)>) -> Range<u64> {
        let units = length * BYTE / self.unit;
        cut(self.start, self.end.unwrap_or(-1), units).map_or(0..0, |(from, to)| from * self.unit..to * self.unit)
    }
}
