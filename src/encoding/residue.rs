//! What a merge could not decode, carried along.
//!
//! What lives here: a sorted list of byte strings, each behind its length. It may use the reader
//! only.
//!
//! INVARIANT: a merge is a total function. What it does not understand it keeps, byte for byte; the
//! order of the items says nothing, so they are sorted, and regrouping the operands gives the same
//! bytes. An item is never read as a residue of its own, so that hostile nesting costs no stack.

use bytes::Bytes;

use super::error::{DecodeError, Fault};
use super::reader::Reader;

/// The first byte of a value that carries a residue.
pub(super) const RESIDUE_FORM: u8 = 0x0F;

/// Appends `items`, sorted, each as `length:u32 bytes`.
pub(super) fn write(items: &[Bytes], out: &mut Vec<u8>) {
    let mut sorted: Vec<&Bytes> = items.iter().collect();
    sorted.sort_unstable();
    for item in sorted {
        // An operand is far below 4 GiB: RocksDB refuses larger ones.
        let len = u32::try_from(item.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(item);
    }
}

/// Reads items to the end of the record. Allocates a small multiple of what the record is long.
///
/// `is_clean` says of an item that it decodes as a value without residue, and so should not be
/// here.
pub(super) fn read(mut reader: Reader<'_>, is_clean: impl Fn(&[u8]) -> bool) -> Result<Vec<Bytes>, DecodeError> {
    let mut items: Vec<Bytes> = Vec::new();
    while !reader.is_at_end() {
        let len = reader.u32()?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let item = reader.take(len)?;
        if items.last().is_some_and(|last| last.as_ref() > item) {
            return Err(reader.error(Fault::NotCanonical { what: "residue out of order" }));
        }
        if is_clean(item) {
            return Err(reader.error(Fault::NotCanonical { what: "residue that decodes" }));
        }
        items.push(Bytes::copy_from_slice(item));
    }
    if items.is_empty() {
        return Err(reader.error(Fault::NotCanonical { what: "an empty residue" }));
    }
    Ok(items)
}
