//! Lengths, and the marks of strings in a special form that stand in their place.
//!
//! What lives here: both directions. It may use the input.

use std::io::Read;

use super::input::{array, byte};
use super::{RdbError, Result};

/// What stands where a length may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// A number of bytes or elements.
    Plain(u64),
    /// A string in the special form of this number.
    Special(u8),
}

const WHAT: &str = "a length";

/// Reads a length, in any of its forms.
///
/// # Errors
/// The input ends or fails, or the form is none.
pub fn read_length(from: &mut impl Read) -> Result<Length> {
    let first = byte(from, WHAT)?;
    let low = first & 0x3F;
    Ok(match (first >> 6, first) {
        (0, _) => Length::Plain(u64::from(low)),
        (1, _) => Length::Plain(u64::from(u16::from_be_bytes([low, byte(from, WHAT)?]))),
        (3, _) => Length::Special(low),
        (_, 0x80) => Length::Plain(u64::from(u32::from_be_bytes(array(from, WHAT)?))),
        (_, 0x81) => Length::Plain(u64::from_be_bytes(array(from, WHAT)?)),
        _ => return Err(RdbError::Corrupt("a length has an unknown form")),
    })
}

/// Reads a length where no special form may stand. One that Redis takes for an error is one here.
pub(super) fn read_plain(from: &mut impl Read) -> Result<u64> {
    match read_length(from)? {
        Length::Plain(u64::MAX) => Err(RdbError::Corrupt("a length is out of range")),
        Length::Plain(length) => Ok(length),
        Length::Special(_) => Err(RdbError::Corrupt("a string's form stands where a length must stand")),
    }
}

/// Appends a length, as short as it can be.
pub fn write_length(out: &mut Vec<u8>, length: u64) {
    if let Ok(short @ ..0x40) = u8::try_from(length) {
        out.push(short);
    } else if let Ok(short @ ..0x4000) = u16::try_from(length) {
        out.extend_from_slice(&(short | 0x4000).to_be_bytes());
    } else if let Ok(medium) = u32::try_from(length) {
        out.push(0x80);
        out.extend_from_slice(&medium.to_be_bytes());
    } else {
        out.push(0x81);
        out.extend_from_slice(&length.to_be_bytes());
    }
}
