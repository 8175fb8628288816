//! Key counts and their merge operands.
//!
//! What lives here: `0x01 i64`, and the same with a residue. It may use the residue.
//!
//! INVARIANT: an operand and a value look the same, and counts add up in any grouping.

use bytes::Bytes;

use super::error::{DecodeError, Fault, RecordKind};
use super::reader::Reader;
use super::residue::{self, RESIDUE_FORM};

const COUNT_FORM: u8 = 0x01;

/// A key count, or the difference that a merge operand adds to one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CountValue {
    /// The count or difference.
    pub count: i64,
    /// Operands that did not decode, kept as they were.
    pub residue: Vec<Bytes>,
}

impl CountValue {
    /// The value `count`, or the operand that adds it: 9 bytes.
    pub const fn encode_plain(count: i64) -> [u8; 9] {
        let [a, b, c, d, e, f, g, h] = count.to_be_bytes();
        [COUNT_FORM, a, b, c, d, e, f, g, h]
    }

    /// The bytes of the value: `0x01 count:i64`, or `0x0F count:i64 (length:u32 item)*` with a
    /// residue.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Self::encode_plain(self.count).to_vec();
        if !self.residue.is_empty() {
            if let Some(form) = out.first_mut() {
                *form = RESIDUE_FORM;
            }
            residue::write(&self.residue, &mut out);
        }
        out
    }

    /// Reads a value or operand.
    ///
    /// # Errors
    ///
    /// The form is unknown, or is not what [`CountValue::encode`] writes.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(RecordKind::Count, value);
        if value.first() != Some(&RESIDUE_FORM) {
            return Ok(Self { count: decode_plain(value)?, residue: Vec::new() });
        }
        reader.u8()?;
        let count = reader.i64()?;
        let residue = residue::read(reader, |item| decode_plain(item).is_ok())?;
        Ok(Self { count, residue })
    }

    /// Adds a value or operand; what does not decode joins the residue. Never fails.
    ///
    /// The sum wraps: RocksDB regroups operands, and a saturating sum would depend on the grouping.
    /// No store holds 2^63 keys.
    pub(super) fn merge(&mut self, operand: &[u8]) {
        match Self::decode(operand) {
            Ok(other) => {
                self.count = self.count.wrapping_add(other.count);
                self.residue.extend(other.residue);
            }
            Err(_) => self.residue.push(Bytes::copy_from_slice(operand)),
        }
    }
}

/// Reads a value or operand without residue.
fn decode_plain(value: &[u8]) -> Result<i64, DecodeError> {
    let mut reader = Reader::new(RecordKind::Count, value);
    let form = reader.u8()?;
    if form != COUNT_FORM {
        return Err(reader.error(Fault::Unknown { what: "form", value: form }));
    }
    let count = reader.i64()?;
    reader.finish()?;
    Ok(count)
}
