//! LZF: how Redis compresses strings of more than 20 bytes.
//!
//! What lives here: taking it apart. Nothing is compressed here, as Redis reads a plain string just as well. It may use the
//! errors only.

use super::{RdbError, Result};

/// How many times its size a compressed string is trusted to have at once. It can have 88 times its size.
const TRUSTED: usize = 4;

/// Decompresses to exactly `length` bytes.
///
/// Each step begins with a control byte. Below 32 it is followed by one byte more than it says, as they are. Above, its upper
/// three bits (7: and another byte) tell how many bytes are repeated, less two, and its lower five bits and the next byte
/// how far back they begin, less one.
///
/// # Errors
/// The bytes are no compressed string, or one of another length.
pub fn decompress(mut compressed: &[u8], length: usize) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(length.min(compressed.len().saturating_mul(TRUSTED)));
    while let Some((&control, rest)) = compressed.split_first() {
        if control < 32 {
            let (plain, rest) = rest.split_at_checked(usize::from(control) + 1).ok_or(WRONG)?;
            if plain.len() > length - out.len() {
                return Err(WRONG);
            }
            out.extend_from_slice(plain);
            compressed = rest;
            continue;
        }
        let (more, rest) = match control >> 5 {
            7 => rest.split_first().ok_or(WRONG)?,
            _ => (&0, rest),
        };
        let (&low, rest) = rest.split_first().ok_or(WRONG)?;
        let repeated = usize::from(control >> 5) + usize::from(*more) + 2;
        let back = usize::from(u16::from_be_bytes([control & 0x1F, low])) + 1;
        if repeated > length - out.len() {
            return Err(WRONG);
        }
        repeat(&mut out, back, repeated)?;
        compressed = rest;
    }
    if out.len() == length { Ok(out) } else { Err(WRONG) }
}

const WRONG: RdbError = RdbError::Corrupt("a compressed string is damaged");

/// Appends `count` bytes that begin `back` bytes before the end. What is appended may be repeated in turn.
fn repeat(out: &mut Vec<u8>, back: usize, count: usize) -> Result<()> {
    let start = out.len().checked_sub(back).ok_or(WRONG)?;
    let mut left = count;
    while left > 0 {
        let some = left.min(out.len() - start);
        out.extend_from_within(start..start + some);
        left -= some;
    }
    Ok(())
}
