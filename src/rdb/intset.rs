//! Intsets: small sets of integers.
//!
//! What lives here: reading one from its front. It may use numbers' texts.
//!
//! INVARIANT: the numbers ascend, so none comes twice; whoever reads to the end has checked all of them.

use bytes::{Buf, Bytes};

use super::listpack::little_endian;
use super::string::decimal;
use super::{RdbError, Result};

/// An intset that is being read.
#[derive(Clone, Debug)]
pub(super) struct Intset {
    /// What was not read yet.
    left: Bytes,
    width: usize,
    last: Option<i64>,
}

const WRONG: RdbError = RdbError::Corrupt("an intset is damaged");

impl Intset {
    /// `width:u32 count:u32`, little-endian; the numbers, each of so many bytes.
    pub(super) fn open(mut bytes: Bytes) -> Result<Self> {
        let width = match bytes.try_get_u32_le() {
            Ok(2) => 2,
            Ok(4) => 4,
            Ok(8) => 8,
            _ => return Err(WRONG),
        };
        let count = bytes.try_get_u32_le().ok().and_then(|count| usize::try_from(count).ok()).ok_or(WRONG)?;
        if count == 0 || count.checked_mul(width) != Some(bytes.len()) {
            return Err(WRONG);
        }
        Ok(Self { left: bytes, width, last: None })
    }

    /// The next number, `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let number = little_endian(self.left.get(..self.width).ok_or(WRONG)?);
        if self.last.is_some_and(|last| last >= number) {
            return Err(WRONG);
        }
        self.left.advance(self.width);
        self.last = Some(number);
        Ok(Some(decimal(number)))
    }
}
