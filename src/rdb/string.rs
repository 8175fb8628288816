//! Strings: as they are, as small integers, and compressed.
//!
//! What lives here: reading all three, and writing the first. It may use lengths and LZF.

use std::io::Read;

use bytes::Bytes;

use super::input::{self, array, byte};
use super::length::{Length, read_length, read_plain, write_length};
use super::{RdbError, Result, decompress};

const WHAT: &str = "a string";

/// Reads a string of at most `limit` bytes.
///
/// # Errors
/// The input ends or fails, the string is longer, or its form is unknown or damaged.
pub fn read_string(from: &mut impl Read, limit: usize) -> Result<Bytes> {
    let number = match read_length(from)? {
        Length::Plain(length) => return input::bytes(from, length, limit, WHAT).map(Bytes::from),
        Length::Special(0) => i32::from(i8::from_le_bytes(array(from, WHAT)?)),
        Length::Special(1) => i32::from(i16::from_le_bytes(array(from, WHAT)?)),
        Length::Special(2) => i32::from_le_bytes(array(from, WHAT)?),
        Length::Special(3) => return compressed(from, limit),
        Length::Special(_) => return Err(RdbError::Corrupt("a string has an unknown form")),
    };
    let text = decimal(i64::from(number));
    input::within(u64::try_from(text.len()).unwrap_or(u64::MAX), limit, WHAT)?;
    Ok(text)
}

fn compressed(from: &mut impl Read, limit: usize) -> Result<Bytes> {
    let (compressed, length) = (read_plain(from)?, read_plain(from)?);
    let length = input::within(length, limit, WHAT)?;
    // Compressed, no string is longer by more than a byte for each 32.
    let compressed = input::bytes(from, compressed, limit.saturating_add(limit / 32 + 1), "a compressed string")?;
    decompress(&compressed, length).map(Bytes::from)
}

/// The text of a number that is stored as one.
pub(super) fn decimal(number: i64) -> Bytes {
    number.to_string().into()
}

/// Reads the text of a score, which is held to be one where it stands among a sorted set's members.
pub(super) fn score(text: &[u8]) -> Result<f64> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.ok_or(RdbError::Corrupt("a score is no number"))
}

/// Reads a score as Redis wrote it before 4.0: its length, or what it is, in one byte, then its text.
pub(super) fn old_score(from: &mut impl Read) -> Result<f64> {
    match byte(from, "a score")? {
        u8::MAX => Ok(f64::NEG_INFINITY),
        0xFE => Ok(f64::INFINITY),
        0xFD => Ok(f64::NAN),
        length => score(&input::bytes(from, u64::from(length), usize::from(u8::MAX), "a score")?),
    }
}

/// Appends a string as it is.
pub fn write_string(out: &mut Vec<u8>, bytes: &[u8]) {
    write_length(out, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(bytes);
}
