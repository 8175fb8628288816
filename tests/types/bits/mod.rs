//! Bits of strings, with the naive way beside.

mod combining;
mod fields;
mod large;
mod parts;
mod single;

pub(crate) const PIECE: usize = 16 * 1024;

/// Whether the bit is set; bits behind the end are not.
pub(crate) fn bit(bytes: &[u8], at: u64) -> bool {
    bytes.get((at / 8) as usize).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0)
}
