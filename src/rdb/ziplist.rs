//! Ziplists: small hashes and sorted sets, lists, and the nodes of lists before Redis 7.0.
//!
//! What lives here: reading one from its front. It may use numbers' texts.
//!
//! INVARIANT: what lies behind an entry is looked at when its turn comes; whoever reads to the end has checked all of it.

use bytes::Bytes;

use super::listpack::little_endian;
use super::string::decimal;
use super::{RdbError, Result};

/// `total:u32 last:u32 count:u16`, little-endian; the entries; 0xff.
const HEADER_BYTES: usize = 10;
const END: u8 = 0xFF;

/// The header's count if there are more entries than it can say.
const MANY: u16 = u16::MAX;

/// A ziplist that is being read.
#[derive(Clone, Debug)]
pub(super) struct Ziplist {
    bytes: Bytes,
    at: usize,
    /// Where the last entry begins, as the header says.
    last: usize,
    count: u16,
    found: u64,
    /// The length of the entry before.
    before: usize,
}

const WRONG: RdbError = RdbError::Corrupt("a ziplist is damaged");

impl Ziplist {
    pub(super) fn open(bytes: Bytes) -> Result<Self> {
        let (head, rest) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(WRONG)?;
        let [a, b, c, d, e, f, g, h, low, high] = *head;
        let wide = |number| usize::try_from(u32::from_le_bytes(number)).map_err(|_| WRONG);
        let (total, last) = (wide([a, b, c, d])?, wide([e, f, g, h])?);
        if total != bytes.len() || rest.last() != Some(&END) || last >= total {
            return Err(WRONG);
        }
        let count = u16::from_le_bytes([low, high]);
        Ok(Self { bytes, at: HEADER_BYTES, last, count, found: 0, before: 0 })
    }

    /// The next entry, `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>> {
        let left = self.bytes.get(self.at..).ok_or(WRONG)?;
        if left == [END] {
            let counted = self.count == MANY || u64::from(self.count) == self.found;
            let ends = self.found == 0 || self.at - self.before == self.last;
            return if counted && ends { Ok(None) } else { Err(WRONG) };
        }
        let (before, head) = length_before(left)?;
        if before != self.before {
            return Err(WRONG);
        }
        let (text, length) = text(&self.bytes, left.get(head..).ok_or(WRONG)?)?;
        self.before = head + length;
        self.at += self.before;
        self.found += 1;
        Ok(Some(text))
    }
}

/// The length of the entry before, and how many bytes say it: one, or 0xfe and four.
fn length_before(left: &[u8]) -> Result<(usize, usize)> {
    match left {
        [0xFE, a, b, c, d, ..] => Ok((usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).map_err(|_| WRONG)?, 5)),
        [first @ ..0xFE, ..] => Ok((usize::from(*first), 1)),
        _ => Err(WRONG),
    }
}

/// Reads what follows: the text, and how many bytes it and its form take. The lengths of texts are big-endian.
fn text(whole: &Bytes, left: &[u8]) -> Result<(Bytes, usize)> {
    let (&first, rest) = left.split_first().ok_or(WRONG)?;
    let number = |bytes| Ok((decimal(little_endian(rest.get(..bytes).ok_or(WRONG)?)), 1 + bytes));
    let (head, bytes) = match first {
        0..=0x3F => (1, usize::from(first)),
        0x40..=0x7F => (2, usize::from(u16::from_be_bytes([first & 0x3F, *rest.first().ok_or(WRONG)?]))),
        0x80..=0xBF => {
            let length = u32::from_be_bytes(*rest.first_chunk().ok_or(WRONG)?);
            (5, usize::try_from(length).map_err(|_| WRONG)?)
        }
        0xC0 => return number(2),
        0xD0 => return number(4),
        0xE0 => return number(8),
        0xF0 => return number(3),
        0xFE => return number(1),
        0xF1..=0xFD => return Ok((decimal(i64::from(first) - 0xF1), 1)),
        _ => return Err(WRONG),
    };
    let text = left.get(head..).and_then(|text| text.get(..bytes)).ok_or(WRONG)?;
    Ok((whole.slice_ref(text), head + bytes))
}
