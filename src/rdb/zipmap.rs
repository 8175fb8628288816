//! Zipmaps: small hashes before Redis 2.6.
//!
//! What lives here: reading one from its front. It may use the errors only.
//!
//! INVARIANT: fields and values take turns; whoever reads to the end has checked all of them.

use bytes::Bytes;

use super::{RdbError, Result};

const END: u8 = 0xFF;

/// The first byte of a length that takes four more, and the count of a map of as many fields or more.
const LONG: u8 = 0xFE;

/// A zipmap that is being read.
#[derive(Clone, Debug)]
pub(super) struct Zipmap {
    bytes: Bytes,
    at: usize,
    count: u8,
    found: u64,
    /// Whether a value is next.
    within_field: bool,
}

const WRONG: RdbError = RdbError::Corrupt("a zipmap is damaged");

impl Zipmap {
    /// `count:u8`; the fields with their values; 0xff.
    pub(super) fn open(bytes: Bytes) -> Result<Self> {
        match (bytes.first(), bytes.last()) {
            (Some(&count), Some(&END)) if bytes.len() >= 2 => {
                Ok(Self { bytes, at: 1, count, found: 0, within_field: false })
            }
            _ => Err(WRONG),
        }
    }

    /// The next field or value, `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>> {
        let left = self.bytes.get(self.at..).ok_or(WRONG)?;
        if left.first() == Some(&END) && !self.within_field {
            // Redis looks no further, and so do we.
            let counted = self.count == LONG || u64::from(self.count) == self.found;
            return if counted { Ok(None) } else { Err(WRONG) };
        }
        let (length, head) = length(left)?;
        // Behind the length of a value, a byte tells how many unused ones follow the value.
        let (head, unused) =
            if self.within_field { (head + 1, usize::from(*left.get(head).ok_or(WRONG)?)) } else { (head, 0) };
        let text = left.get(head..).and_then(|text| text.get(..length)).ok_or(WRONG)?;
        let text = self.bytes.slice_ref(text);
        self.at += head + length + unused;
        self.within_field = !self.within_field;
        self.found += u64::from(self.within_field);
        Ok(Some(text))
    }
}

/// A length, and how many bytes say it. One byte, or 0xfe and four, little-endian; the long form of a short length is one that
/// Redis itself takes for another, so it is none.
fn length(left: &[u8]) -> Result<(usize, usize)> {
    match left {
        [LONG, a, b, c, d, ..] => {
            let length = usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).map_err(|_| WRONG)?;
            if length < usize::from(LONG) { Err(WRONG) } else { Ok((length, 5)) }
        }
        [first @ ..LONG, ..] => Ok((usize::from(*first), 1)),
        _ => Err(WRONG),
    }
}
