//! The merge functions of the `gc` and `default` families.
//!
//! What lives here: what the two merge operators compute. It may use bitmaps, counts and store
//! keys.
//!
//! INVARIANT: a merge never fails and never panics (either would stop the whole store), loses no
//! operand, and gives the same bytes however RocksDB groups the operands.

use super::bitmap::DecodedSegment;
use super::count::CountValue;
use super::store_key::COUNT_MARK;

/// Merges operands of the `gc` family: the union of all places. Undecodable operands are carried
/// along.
pub fn merge_segments<'a>(existing: Option<&[u8]>, operands: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut operands = operands.into_iter();
    let mut merged = DecodedSegment::default();
    if let Some(existing) = existing {
        merged.merge(existing);
    } else if let Some(first) = operands.next() {
        merged.merge(first);
        let Some(second) = operands.next() else {
            // What decodes has one encoding: its own. An open reads many that are alone.
            return if merged.residue.is_empty() { first.to_vec() } else { merged.encode() };
        };
        merged.merge(second);
    }
    for operand in operands {
        merged.merge(operand);
    }
    merged.encode()
}

/// Merges operands of a key count: the sum. Undecodable operands are carried along.
pub fn merge_counts<'a>(existing: Option<&[u8]>, operands: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut merged = CountValue::default();
    if let Some(existing) = existing {
        merged.merge(existing);
    }
    for operand in operands {
        merged.merge(operand);
    }
    merged.encode()
}

/// Merges operands of the `default` family. Only counts are merged there; for any other key the
/// last operand wins.
pub fn default_merge<'a>(key: &[u8], existing: Option<&[u8]>, operands: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    if key.first() == Some(&COUNT_MARK) {
        return merge_counts(existing, operands);
    }
    operands.into_iter().last().or(existing).unwrap_or_default().to_vec()
}
