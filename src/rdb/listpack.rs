//! Listpacks: small hashes, sorted sets and the nodes of lists since Redis 7.0.
//!
//! What lives here: reading one from its front. It may use numbers' texts.
//!
//! INVARIANT: what lies behind an entry is looked at when its turn comes; whoever reads to the end has checked all of it.

use bytes::Bytes;

use super::string::decimal;
use super::{RdbError, Result};

/// `total:u32 count:u16`, little-endian; the entries; 0xff.
const HEADER_BYTES: usize = 6;
const END: u8 = 0xFF;

/// The header's count if there are more entries than it can say.
const MANY: u16 = u16::MAX;

/// A listpack that is being read.
#[derive(Clone, Debug)]
pub(super) struct Listpack {
    bytes: Bytes,
    at: usize,
    count: u16,
    found: u64,
}

const WRONG: RdbError = RdbError::Corrupt("a listpack is damaged");

/// Where an entry's text lies behind its first byte, or the number that it is.
enum Entry {
    Text { head: usize, bytes: usize },
    Number { bytes: usize, value: i64 },
}

impl Listpack {
    pub(super) fn open(bytes: Bytes) -> Result<Self> {
        let (head, rest) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(WRONG)?;
        let [a, b, c, d, low, high] = *head;
        let total = usize::try_from(u32::from_le_bytes([a, b, c, d])).map_err(|_| WRONG)?;
        if total != bytes.len() || rest.last() != Some(&END) {
            return Err(WRONG);
        }
        let count = u16::from_le_bytes([low, high]);
        Ok(Self { bytes, at: HEADER_BYTES, count, found: 0 })
    }

    /// The next entry, `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>> {
        let left = self.bytes.get(self.at..).ok_or(WRONG)?;
        if left == [END] {
            let agrees = self.count == MANY || u64::from(self.count) == self.found;
            return if agrees { Ok(None) } else { Err(WRONG) };
        }
        let entry = entry(left)?;
        let (length, text) = match entry {
            Entry::Number { bytes, value } => (1 + bytes, decimal(value)),
            Entry::Text { head, bytes } => {
                let text = left.get(head..).and_then(|text| text.get(..bytes)).ok_or(WRONG)?;
                (head + bytes, self.bytes.slice_ref(text))
            }
        };
        let (back, back_bytes) = back_length(length);
        let back = back.get(..back_bytes).ok_or(WRONG)?;
        if left.get(length..length + back_bytes) != Some(back) {
            return Err(WRONG);
        }
        self.at += length + back_bytes;
        self.found += 1;
        Ok(Some(text))
    }
}

/// Reads an entry's first bytes. Numbers are little-endian, the lengths of texts of 12 bits are not.
fn entry(left: &[u8]) -> Result<Entry> {
    let (&first, rest) = left.split_first().ok_or(WRONG)?;
    let number = |bytes| Ok(Entry::Number { bytes, value: little_endian(rest.get(..bytes).ok_or(WRONG)?) });
    match first {
        0..=0x7F => Ok(Entry::Number { bytes: 0, value: i64::from(first) }),
        0x80..=0xBF => Ok(Entry::Text { head: 1, bytes: usize::from(first & 0x3F) }),
        0xC0..=0xDF => {
            // 13 bits: shifted up to the sign and back.
            let bits = u16::from_be_bytes([first & 0x1F, *rest.first().ok_or(WRONG)?]);
            Ok(Entry::Number { bytes: 1, value: i64::from((bits << 3).cast_signed() >> 3) })
        }
        0xE0..=0xEF => {
            let length = u16::from_be_bytes([first & 0x0F, *rest.first().ok_or(WRONG)?]);
            Ok(Entry::Text { head: 2, bytes: usize::from(length) })
        }
        0xF0 => {
            let length = u32::from_le_bytes(*rest.first_chunk().ok_or(WRONG)?);
            Ok(Entry::Text { head: 5, bytes: usize::try_from(length).map_err(|_| WRONG)? })
        }
        0xF1 => number(2),
        0xF2 => number(3),
        0xF3 => number(4),
        0xF4 => number(8),
        0xF5..=END => Err(WRONG),
    }
}

/// A signed number of up to eight bytes.
pub(super) fn little_endian(bytes: &[u8]) -> i64 {
    let fill = if bytes.last().is_some_and(|last| last & 0x80 != 0) { u8::MAX } else { 0 };
    let mut wide = [fill; 8];
    wide.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    i64::from_le_bytes(wide)
}

/// What stands behind an entry of so many bytes: its length in groups of seven bits, the highest first and without a mark, so
/// that it can be read from its end. Redis takes a byte more than is needed for the last length of each size.
fn back_length(length: usize) -> ([u8; 5], usize) {
    let groups = match length {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    };
    let mut bytes = [0; 5];
    for (place, byte) in bytes.iter_mut().take(groups).enumerate() {
        let group = u8::try_from((length >> (7 * (groups - 1 - place))) & 0x7F).unwrap_or(0);
        *byte = if place == 0 { group } else { group | 0x80 };
    }
    (bytes, groups)
}
