//! Bits of strings: arithmetic on bytes, walks over stored pieces, and what changes.
//!
//! May use `string`, the reader and the plan. Invariants: the first bit of a byte is its highest, as in Redis; what is not
//! stored of a string is zeros and is not looked at, let alone written.

mod change;
mod combine;
mod field;
mod range;
mod scan;
mod walk;

pub use combine::BitOp;
pub use field::{BitOffset, BitOverflow, BitType};
pub use range::BitRange;

pub(crate) use change::{FieldChange, FieldStep, bit_at, change_fields, read_fields, set};
pub(crate) use combine::store;
pub(crate) use field::Field;
pub(crate) use walk::{count, first};

use crate::error::{Error, ErrorKind, Result};

/// Bits of a byte, as offsets are counted.
const BYTE: u64 = 8;

/// Refuses bits that no string of at most `max_value` bytes has.
pub(crate) fn check_offset(max_value: usize, offset: u64) -> Result<()> {
    if offset / BYTE >= wide(max_value) {
        let message =
            format!("bit offset {offset} is out of range; max_value_bytes allows strings of {max_value} bytes");
        return Err(Error::new(ErrorKind::OutOfRange, message));
    }
    Ok(())
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
