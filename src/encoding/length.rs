//! Lengths of variable length.
//!
//! What lives here: the unsigned LEB128 form of a length, written, measured and read. It may use
//! the reader.
//!
//! INVARIANT: a length has one form, the shortest, and what is read fits a `u32`.

use super::error::{DecodeError, Fault};
use super::reader::Reader;

/// The bit of a byte that says that another byte follows.
const MORE: u8 = 0x80;

/// Appends a length: 7 bits a byte, the lowest first. A length above `u32::MAX` is written too, and
/// the reader refuses it.
pub(super) fn write(length: usize, out: &mut Vec<u8>) {
    let mut rest = length;
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            out.push(low);
            return;
        }
        out.push(low | MORE);
    }
}

/// The number of bytes that a length takes.
pub(super) const fn bytes_of(length: usize) -> usize {
    let mut rest = length >> 7;
    let mut bytes = 1;
    while rest > 0 {
        rest >>= 7;
        bytes += 1;
    }
    bytes
}

/// Reads a length.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
    let mut length = 0;
    for shift in [0, 7, 14, 21, 28_u32] {
        let byte = reader.u8()?;
        let bits = u32::from(byte & !MORE);
        if shift == 28 && byte > 0x0F {
            break;
        }
        if shift > 0 && byte == 0 {
            return Err(reader.error(Fault::NotCanonical { what: "a length not in its shortest form" }));
        }
        length |= bits << shift;
        if byte & MORE == 0 {
            // A platform that cannot address so many bytes does not have them either.
            return Ok(usize::try_from(length).unwrap_or(usize::MAX));
        }
    }
    Err(reader.error(Fault::OutOfRange { what: "length" }))
}
