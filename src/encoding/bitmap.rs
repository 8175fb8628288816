//! The buried ids of a segment: values and merge operands of the `gc` family.
//!
//! What lives here: a set of `u16` in memory and its forms on disk. It may use segments and the
//! residue.
//!
//! INVARIANT: one set has one encoding, the shortest of three forms; an operand and a value look
//! the same. The forms are our own, not the portable ones of `roaring`, because those allocate from
//! a declared size and have many spellings for one set.

use std::fmt;
use std::ops::RangeInclusive;

use bytes::Bytes;
use roaring::RoaringBitmap;

use super::error::{DecodeError, Fault, RecordKind};
use super::reader::Reader;
use super::residue::{self, RESIDUE_FORM};
use super::segment::{SEGMENT_IDS, Segment};

const LIST_FORM: u8 = 0x01;
const RUNS_FORM: u8 = 0x02;
const BITS_FORM: u8 = 0x03;

/// The length of the form with one bit for each place.
const BITS_BYTES: usize = SEGMENT_IDS as usize / 8;

/// Runs that take more than the bits. Whoever chooses a form need not count further.
const TOO_MANY_RUNS: usize = BITS_BYTES / 4 + 1;

/// The form that is shortest for a set of `len` places in `runs` runs; on a tie the first of list,
/// runs, bits.
const fn form_of(len: usize, runs: usize) -> u8 {
    let (list, runs) = (2 * len, 4 * runs);
    if list <= runs && list <= BITS_BYTES {
        LIST_FORM
    } else if runs <= BITS_BYTES {
        RUNS_FORM
    } else {
        BITS_FORM
    }
}

/// A set of places in a segment: its buried ids.
#[derive(Clone, PartialEq, Default)]
pub struct SegmentBits(RoaringBitmap);

impl SegmentBits {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a place; true when it was not in the set.
    pub fn insert(&mut self, low: u16) -> bool {
        self.0.insert(u32::from(low))
    }

    /// Adds all places of a range.
    pub fn insert_range(&mut self, lows: RangeInclusive<u16>) {
        self.0.insert_range(u32::from(*lows.start())..=u32::from(*lows.end()));
    }

    /// True when the place is in the set. Costs a search in one container.
    pub fn contains(&self, low: u16) -> bool {
        self.0.contains(u32::from(low))
    }

    /// How many places the set has, 0 to 65,536.
    pub fn len(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// The number of places in the set that lie in `lows`.
    pub fn count_in(&self, lows: RangeInclusive<u16>) -> u64 {
        self.0.range_cardinality(u32::from(*lows.start())..=u32::from(*lows.end()))
    }

    /// True when the set has no place.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True when the set has all 65,536 places. Segment 0 never does: see [`SegmentBits::covers`].
    pub fn is_full(&self) -> bool {
        self.0.len() == SEGMENT_IDS
    }

    /// True when every id that the segment can have is in the set.
    pub fn covers(&self, segment: Segment) -> bool {
        let lows = segment.lows();
        self.0.contains_range(u32::from(*lows.start())..=u32::from(*lows.end()))
    }

    /// Adds all places of another set.
    pub fn union_with(&mut self, other: &Self) {
        self.0 |= &other.0;
    }

    /// The places in order.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().map(low_of)
    }

    /// The maximal runs of consecutive places, in order.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u16>> + '_ {
        let mut iter = self.0.iter();
        std::iter::from_fn(move || iter.next_range()).map(|run| low_of(*run.start())..=low_of(*run.end()))
    }

    /// The merge operand that adds these places, in any order. One place takes 3 bytes.
    pub fn encode_operand(lows: &[u16]) -> Vec<u8> {
        if let [low] = lows {
            let [high_byte, low_byte] = low.to_be_bytes();
            return vec![LIST_FORM, high_byte, low_byte];
        }
        lows.iter().copied().collect::<Self>().encode()
    }

    /// The bytes of the set: a form byte and its shortest form.
    pub fn encode(&self) -> Vec<u8> {
        let len = usize::try_from(self.0.len()).unwrap_or(usize::MAX);
        let form = form_of(len, self.ranges().take(TOO_MANY_RUNS).count());
        let mut out = vec![form];
        match form {
            LIST_FORM => out.extend(self.iter().flat_map(u16::to_be_bytes)),
            RUNS_FORM => {
                for run in self.ranges() {
                    out.extend_from_slice(&run.start().to_be_bytes());
                    out.extend_from_slice(&run.end().to_be_bytes());
                }
            }
            _ => {
                let mut bits = vec![0_u8; BITS_BYTES];
                for low in self.iter() {
                    if let Some(byte) = bits.get_mut(usize::from(low / 8)) {
                        *byte |= 1 << (low % 8);
                    }
                }
                out.extend_from_slice(&bits);
            }
        }
        out
    }

    /// Reads a value or operand without residue.
    ///
    /// # Errors
    ///
    /// The form is unknown, or is not what [`SegmentBits::encode`] writes.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut bits = Self::new();
        bits.absorb(value)?;
        Ok(bits)
    }

    /// Adds the places of an encoded set; adds nothing when it does not decode.
    fn absorb(&mut self, value: &[u8]) -> Result<(), DecodeError> {
        let mut reader = Reader::new(RecordKind::SegmentBits, value);
        match reader.u8()? {
            LIST_FORM => self.absorb_list(reader),
            RUNS_FORM => self.absorb_runs(reader),
            BITS_FORM => self.absorb_bits(reader),
            form => Err(reader.error(Fault::Unknown { what: "form", value: form })),
        }
    }

    fn absorb_list(&mut self, reader: Reader<'_>) -> Result<(), DecodeError> {
        let not_ascending = reader.error(Fault::NotCanonical { what: "places out of order" });
        let not_shortest = reader.error(Fault::NotCanonical { what: "not the shortest form" });
        let odd = reader.error(Fault::Truncated { missing: 1 });
        let (places, rest) = reader.rest().as_chunks::<2>();
        if !rest.is_empty() {
            return Err(odd);
        }
        let mut runs = 0;
        let mut previous: Option<u16> = None;
        for low in places.iter().map(|bytes| u16::from_be_bytes(*bytes)) {
            match previous {
                Some(previous) if low <= previous => return Err(not_ascending),
                Some(previous) if low - previous == 1 => {}
                _ => runs += 1,
            }
            previous = Some(low);
        }
        if form_of(places.len(), runs) != LIST_FORM {
            return Err(not_shortest);
        }
        self.0.extend(places.iter().map(|bytes| u32::from(u16::from_be_bytes(*bytes))));
        Ok(())
    }

    fn absorb_runs(&mut self, reader: Reader<'_>) -> Result<(), DecodeError> {
        let bad_run = reader.error(Fault::NotCanonical { what: "runs out of order, empty or adjacent" });
        let not_shortest = reader.error(Fault::NotCanonical { what: "not the shortest form" });
        let odd = reader.error(Fault::Truncated { missing: 1 });
        let (runs, rest) = reader.rest().as_chunks::<4>();
        if !rest.is_empty() {
            return Err(odd);
        }
        let mut len: usize = 0;
        let mut previous: Option<u16> = None;
        for &[a, b, c, d] in runs {
            let (first, last) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let apart = previous.is_none_or(|previous| u32::from(first) > u32::from(previous) + 1);
            if first > last || !apart {
                return Err(bad_run);
            }
            len += usize::from(last - first) + 1;
            previous = Some(last);
        }
        if form_of(len, runs.len()) != RUNS_FORM {
            return Err(not_shortest);
        }
        for &[a, b, c, d] in runs {
            self.insert_range(u16::from_be_bytes([a, b])..=u16::from_be_bytes([c, d]));
        }
        Ok(())
    }

    fn absorb_bits(&mut self, mut reader: Reader<'_>) -> Result<(), DecodeError> {
        let not_shortest = reader.error(Fault::NotCanonical { what: "not the shortest form" });
        let bits = reader.take(BITS_BYTES)?;
        reader.finish()?;
        let (len, runs) = count_bits(bits);
        if form_of(len, runs) != BITS_FORM {
            return Err(not_shortest);
        }
        self.0 |= RoaringBitmap::from_lsb0_bytes(0, bits);
        Ok(())
    }
}

/// Counts the bits that are set, and their maximal runs. Costs a look at each word: an open reads many such sets.
fn count_bits(bits: &[u8]) -> (usize, usize) {
    let (words, _) = bits.as_chunks::<8>();
    let (mut len, mut runs, mut below) = (0, 0, 0);
    for word in words.iter().map(|bytes| u64::from_le_bytes(*bytes)) {
        len += word.count_ones();
        runs += (word & !(word << 1 | below)).count_ones();
        below = word >> 63;
    }
    (len as usize, runs as usize)
}

/// The place that a value of the set is: all of them are below 65,536.
const fn low_of(value: u32) -> u16 {
    (value & 0xFFFF) as u16
}

impl Eq for SegmentBits {}

impl fmt::Debug for SegmentBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.ranges()).finish()
    }
}

impl FromIterator<u16> for SegmentBits {
    fn from_iter<I: IntoIterator<Item = u16>>(lows: I) -> Self {
        Self(lows.into_iter().map(u32::from).collect())
    }
}

impl Extend<u16> for SegmentBits {
    fn extend<I: IntoIterator<Item = u16>>(&mut self, lows: I) {
        self.0.extend(lows.into_iter().map(u32::from));
    }
}

/// A value of the `gc` family: the buried ids, and what merges could not decode.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DecodedSegment {
    /// The buried ids.
    pub bits: SegmentBits,
    /// Operands that did not decode, kept as they were. Their ids count as live.
    pub residue: Vec<Bytes>,
}

impl DecodedSegment {
    /// The bytes of the value. Without residue they are those of the set; else
    /// `0x0F length:u32 set (length:u32 item)*`.
    pub fn encode(&self) -> Vec<u8> {
        let bits = self.bits.encode();
        if self.residue.is_empty() {
            return bits;
        }
        let mut out = vec![RESIDUE_FORM];
        // A set is at most 8,193 bytes long.
        out.extend_from_slice(&u32::try_from(bits.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(&bits);
        residue::write(&self.residue, &mut out);
        out
    }

    /// Reads a value or operand, with or without residue.
    ///
    /// # Errors
    ///
    /// The form is unknown, or is not what [`DecodedSegment::encode`] writes.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut decoded = Self::default();
        decoded.absorb(value)?;
        Ok(decoded)
    }

    /// Adds a value or operand; what does not decode joins the residue. Never fails.
    pub(super) fn merge(&mut self, operand: &[u8]) {
        if self.absorb(operand).is_err() {
            self.residue.push(Bytes::copy_from_slice(operand));
        }
    }

    /// Adds a value or operand; adds nothing when it does not decode.
    fn absorb(&mut self, value: &[u8]) -> Result<(), DecodeError> {
        let mut reader = Reader::new(RecordKind::SegmentBits, value);
        if reader.u8()? != RESIDUE_FORM {
            return self.bits.absorb(value);
        }
        let len = reader.u32()?;
        let bits = SegmentBits::decode(reader.take(usize::try_from(len).unwrap_or(usize::MAX))?)?;
        let items = residue::read(reader, |item| SegmentBits::decode(item).is_ok())?;
        self.bits.union_with(&bits);
        self.residue.extend(items);
        Ok(())
    }
}
