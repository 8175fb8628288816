//! Integers of a few bits within a string.
//!
//! Uses the read and write paths and `types::bits`. Invariant: the steps of one call are done one after the other and
//! committed together.

use std::borrow::Borrow;

use super::Bits;
use crate::engine::strings::as_string;
use crate::engine::{Source, Writable};
use crate::error::Result;
use crate::types::bits::{self, BitOffset, BitOverflow, BitType, Field, FieldChange, FieldStep};
use crate::types::string;

/// What [`Bits::field`] does to integers within a string, in this order.
///
/// # Examples
/// ```
/// use windrow::{BitField, BitOffset, BitType};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// let level = BitType::u(4);
/// let steps = BitField::new().set(level, BitOffset::Nth(0), 9).incr_by(level, BitOffset::Nth(1), 2).get(BitType::u(8), 0);
/// assert_eq!(db.bits().field("player:7", &steps)?, [Some(0), Some(2), Some(0x92)]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct BitField {
    steps: Vec<(BitType, BitOffset, FieldChange)>,
    overflow: BitOverflow,
}

impl BitField {
    /// Does nothing yet.
    ///
    /// # Examples
    /// ```
    /// use windrow::BitField;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).bits().field("k", BitField::new())?, []);
    /// # Ok(()) }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the integer (GET), 0 behind the string's end.
    ///
    /// # Examples
    /// ```
    /// use windrow::{BitField, BitType};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "\x01\x02")?;
    /// let steps = BitField::new().get(BitType::u(8), 8).get(BitType::u(16), 0);
    /// assert_eq!(store.db(0).bits().field("k", &steps)?, [Some(2), Some(258)]);
    /// # Ok(()) }
    /// ```
    pub fn get(self, kind: BitType, offset: impl Into<BitOffset>) -> Self {
        self.then(kind, offset.into(), FieldChange::Get)
    }

    /// Writes an integer and gives the one before (SET). For an unsigned type, `value` is its 64 bits: a negative one is
    /// greater than any that fits, as in Redis.
    ///
    /// # Examples
    /// ```
    /// use windrow::{BitField, BitType};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let steps = BitField::new().set(BitType::i(8), 0, -1).set(BitType::i(8), 0, 5);
    /// assert_eq!(store.db(0).bits().field("k", &steps)?, [Some(0), Some(-1)]);
    /// # Ok(()) }
    /// ```
    pub fn set(self, kind: BitType, offset: impl Into<BitOffset>, value: i64) -> Self {
        let change = FieldChange::Set(value, self.overflow);
        self.then(kind, offset.into(), change)
    }

    /// Adds to an integer and gives the sum (INCRBY).
    ///
    /// # Examples
    /// ```
    /// use windrow::{BitField, BitType};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let steps = BitField::new().incr_by(BitType::i(5), 100, 1).incr_by(BitType::i(5), 100, -3);
    /// assert_eq!(store.db(0).bits().field("k", &steps)?, [Some(1), Some(-2)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "INCRBY")]
    pub fn incr_by(self, kind: BitType, offset: impl Into<BitOffset>, by: i64) -> Self {
        let change = FieldChange::IncrBy(by, self.overflow);
        self.then(kind, offset.into(), change)
    }

    /// Says what becomes of integers that do not fit, in the steps that follow (OVERFLOW). Else they wrap.
    ///
    /// # Examples
    /// ```
    /// use windrow::{BitField, BitOverflow, BitType};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let stars = BitField::new().overflow(BitOverflow::Saturate).incr_by(BitType::u(3), 0, 6);
    /// assert_eq!(db.bits().field("k", &stars)?, [Some(6)]);
    /// assert_eq!(db.bits().field("k", &stars)?, [Some(7)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "OVERFLOW")]
    pub fn overflow(mut self, overflow: BitOverflow) -> Self {
        self.overflow = overflow;
        self
    }

    fn then(mut self, kind: BitType, offset: BitOffset, change: FieldChange) -> Self {
        self.steps.push((kind, offset, change));
        self
    }
}

impl<S: Source> Bits<'_, S> {
    /// Returns integers within a string, each of a type and at an offset; 0 behind its end and for a missing key
    /// (BITFIELD_RO). Costs one point read for the record, and one or two for each integer of a string in pieces, under a
    /// snapshot.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a width that no integer may have, and else as [`Bits::get`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{BitOffset, BitType};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", [0x12, 0x34])?;
    /// let digits = (0..4).map(|n| (BitType::u(4), BitOffset::Nth(n)));
    /// assert_eq!(store.db(0).bits().field_ro("k", digits)?, [1, 2, 3, 4]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITFIELD_RO")]
    pub fn field_ro<O: Into<BitOffset>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = (BitType, O)>,
    ) -> Result<Vec<i64>> {
        let mut reading = self.db.begin()?;
        let max_value = reading.engine().options.max_value_bytes;
        let fields = fields.into_iter().map(|(kind, offset)| Field::new(kind, offset.into(), max_value));
        let fields = fields.collect::<Result<Vec<_>>>()?;
        let mut meta = as_string(reading.live(key.as_ref())?)?;
        if meta.as_ref().is_some_and(string::is_in_pieces) {
            reading = reading.steady();
            meta = as_string(reading.live(key.as_ref())?)?;
        }
        bits::read_fields(&reading.reader, meta.as_ref(), &fields)
    }
}

impl<S: Writable> Bits<'_, S> {
    /// Reads and changes integers within a string, one after the other, in one commit; returns what each step gives, `None` for
    /// one that failed (BITFIELD). The key keeps its expiry. If any step writes, the string grows as far as the farthest one
    /// would write, even if that fails; steps that only read make nothing grow.
    ///
    /// Costs one or two point reads for each step, and the commit of the pieces of 16 KiB that change, which are in memory until
    /// then.
    ///
    /// # Errors
    /// As [`Bits::field_ro`]; [`TooLarge`](crate::ErrorKind::TooLarge) if an integer begins within
    /// [`max_value_bytes`](crate::Options::max_value_bytes) and ends behind; writing errors. Nothing is changed then.
    ///
    /// # Examples
    /// ```
    /// use windrow::{BitField, BitOverflow, BitType};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let take = BitField::new().overflow(BitOverflow::Fail).incr_by(BitType::u(2), 0, 2);
    /// assert_eq!(db.bits().field("seats", &take)?, [Some(2)]);
    /// assert_eq!(db.bits().field("seats", &take)?, [None], "only one is left");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITFIELD")]
    pub fn field(&self, key: impl AsRef<[u8]>, steps: impl Borrow<BitField>) -> Result<Vec<Option<i64>>> {
        let steps = steps.borrow();
        if steps.steps.iter().all(|(_, _, change)| *change == FieldChange::Get) {
            let reads = steps.steps.iter().map(|(kind, offset, _)| (*kind, *offset));
            return Ok(self.field_ro(key, reads)?.into_iter().map(Some).collect());
        }
        let max_value = self.db.engine().options.max_value_bytes;
        let step = |(kind, offset, change): &(BitType, BitOffset, FieldChange)| {
            Ok(FieldStep { field: Field::new(*kind, *offset, max_value)?, change: *change })
        };
        let steps = steps.steps.iter().map(step).collect::<Result<Vec<_>>>()?;
        self.db.write_key(key.as_ref(), |plan| bits::change_fields(plan, &steps))
    }
}
