//! Values to write, in the plain encodings: every Redis that knows the version reads them, and chooses its own in memory.
//!
//! What lives here: a value's beginning, and scores. It may use lengths.
//!
//! INVARIANT: behind the beginning of a collection come as many elements as it says, each of one string, or of a string and
//! another one (hash) or a score (sorted set); a value of type string is one string.

use super::length::write_length;
use crate::encoding::DataType;

/// Appends the byte of the type and, of a collection, its size.
pub fn begin_value(out: &mut Vec<u8>, data_type: DataType, size: u64) {
    out.push(match data_type {
        DataType::String => 0,
        DataType::List => 1,
        DataType::Set => 2,
        DataType::Hash => 4,
        DataType::SortedSet => 5,
    });
    if data_type != DataType::String {
        write_length(out, size);
    }
}

/// Appends the score of a member.
pub fn write_score(out: &mut Vec<u8>, score: f64) {
    out.extend_from_slice(&score.to_le_bytes());
}
