//! Small collections, packed into the meta record.
//!
//! What lives here: the entries of a hash, set, list or sorted set one behind the other, written,
//! measured and read. It may use lengths and scores.
//!
//! INVARIANT: entries have one form. Names ascend, each is there once (a list has no names and
//! keeps its order), lengths are the shortest, scores are legal. Reading allocates nothing.

use std::iter::FusedIterator;

use super::error::{DecodeError, Fault, RecordKind};
use super::length;
use super::meta::DataType;
use super::reader::Reader;
use super::score::Score;

/// The ordered bytes of a score.
const SCORE_BYTES: usize = 8;

/// One entry of a packed collection.
///
/// | type | name | value |
/// |---|---|---|
/// | hash | the field | its value |
/// | set | the member | empty |
/// | list | empty | the item |
/// | sorted set | the member | its score, as [`Score::to_ordered_bytes`] gives it |
///
/// # Examples
///
/// ```
/// # use windrow::encoding::{PackedEntry, Score};
/// let score = Score::new(1.5).unwrap().to_ordered_bytes();
/// let member = PackedEntry { name: b"alice", value: &score };
/// assert_eq!(member.value.len(), 8);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedEntry<'a> {
    /// What the entry is found by; empty in a list.
    pub name: &'a [u8],
    /// What the entry holds; empty in a set.
    pub value: &'a [u8],
}

/// The bytes of a packed collection's entries, which the caller gives in order: by name, each name
/// once; for a list, from its first item to its last. Costs one pass and the buffer.
///
/// What is not in order, or does not fit the type, encodes to bytes that the decoder refuses or
/// loses what the type does not have; a debug build panics. A string has no entries.
///
/// # Examples
///
/// ```
/// # use windrow::encoding::{DataType, PackedEntry, encode_packed};
/// let member = |name| PackedEntry { name, value: b"" };
/// let bytes = encode_packed(DataType::Set, [member(b"a"), member(b"bc")]);
/// assert_eq!(bytes, b"\x01a\x02bc");
/// ```
pub fn encode_packed<'a>(data_type: DataType, entries: impl IntoIterator<Item = PackedEntry<'a>>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut last_name = None;
    for entry in entries {
        debug_assert!(entry.fits(data_type), "an entry that does not fit its type is packed");
        debug_assert!(follows(data_type, last_name, entry.name), "entries are packed out of order");
        last_name = Some(entry.name);
        entry.write(data_type, &mut out);
    }
    out
}

/// The exact number of bytes that one entry takes, with a name and a value of these lengths. Costs
/// nothing; for limits on what is packed.
///
/// What the type does not have is not counted (the value of a set's entry, the name of a list's),
/// and a score takes 8 bytes whatever `value_bytes` says. A string has no entries: 0.
///
/// # Examples
///
/// ```
/// # use windrow::encoding::{DataType, packed_entry_bytes};
/// assert_eq!(packed_entry_bytes(DataType::Hash, 5, 200), 1 + 5 + 2 + 200);
/// assert_eq!(packed_entry_bytes(DataType::SortedSet, 5, 8), 1 + 5 + 8);
/// ```
pub const fn packed_entry_bytes(data_type: DataType, name_bytes: usize, value_bytes: usize) -> usize {
    let (name, value) = (with_length(name_bytes), with_length(value_bytes));
    match data_type {
        DataType::Hash => name.saturating_add(value),
        DataType::Set => name,
        DataType::List => value,
        DataType::SortedSet => name.saturating_add(SCORE_BYTES),
        DataType::String => 0,
    }
}

/// What a length and as many bytes take. Saturates: nothing that long is in memory.
const fn with_length(bytes: usize) -> usize {
    bytes.saturating_add(length::bytes_of(bytes))
}

impl PackedEntry<'_> {
    /// True when the entry says just what an entry of this type says.
    fn fits(&self, data_type: DataType) -> bool {
        match data_type {
            DataType::String => false,
            DataType::Hash => true,
            DataType::Set => self.value.is_empty(),
            DataType::List => self.name.is_empty(),
            DataType::SortedSet => {
                self.value.try_into().is_ok_and(|score: [u8; SCORE_BYTES]| Score::from_ordered_bytes(score).is_ok())
            }
        }
    }

    fn write(&self, data_type: DataType, out: &mut Vec<u8>) {
        match data_type {
            DataType::String => {}
            DataType::Hash => {
                write_bytes(self.name, out);
                write_bytes(self.value, out);
            }
            DataType::Set => write_bytes(self.name, out),
            DataType::List => write_bytes(self.value, out),
            DataType::SortedSet => {
                write_bytes(self.name, out);
                out.extend_from_slice(self.value);
            }
        }
    }
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    length::write(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// True when an entry with this name may come after one with the last name.
fn follows(data_type: DataType, last_name: Option<&[u8]>, name: &[u8]) -> bool {
    data_type == DataType::List || last_name.is_none_or(|last| last < name)
}

/// Reads the entries of a packed collection, one by one. Allocates nothing; each step costs a
/// comparison with the name before.
///
/// The bytes are well formed when every item is `Ok`: only the walk to the end proves it. After the
/// first error nothing follows.
///
/// # Examples
///
/// ```
/// # use windrow::encoding::{DataType, PackedEntries, PackedEntry};
/// let mut entries = PackedEntries::new(DataType::Hash, b"\x01k\x02vw\x01k\x00");
/// assert_eq!(entries.next(), Some(Ok(PackedEntry { name: b"k", value: b"vw" })));
/// assert!(entries.next().is_some_and(|repeated| repeated.is_err()));
/// assert_eq!(entries.next(), None);
/// ```
#[derive(Debug, Clone)]
pub struct PackedEntries<'a> {
    data_type: DataType,
    /// What is still to be read; nothing after the last entry and after an error.
    rest: Option<Reader<'a>>,
    last_name: Option<&'a [u8]>,
}

impl<'a> PackedEntries<'a> {
    /// Reads `bytes` as the entries of a collection of this type. Reads nothing yet.
    ///
    /// A string is never packed: its only item is an error.
    pub const fn new(data_type: DataType, bytes: &'a [u8]) -> Self {
        Self { data_type, rest: Some(Reader::new(RecordKind::PackedEntries, bytes)), last_name: None }
    }

    fn read(&self, reader: &mut Reader<'a>) -> Result<PackedEntry<'a>, DecodeError> {
        let entry = match self.data_type {
            DataType::String => return Err(reader.error(Fault::Inconsistent { what: "a string is never packed" })),
            DataType::Hash => PackedEntry { name: read_bytes(reader)?, value: read_bytes(reader)? },
            DataType::Set => PackedEntry { name: read_bytes(reader)?, value: &[] },
            DataType::List => PackedEntry { name: &[], value: read_bytes(reader)? },
            DataType::SortedSet => PackedEntry { name: read_bytes(reader)?, value: read_score(reader)? },
        };
        if !follows(self.data_type, self.last_name, entry.name) {
            return Err(reader.error(Fault::NotCanonical { what: "entries out of order" }));
        }
        Ok(entry)
    }
}

impl<'a> Iterator for PackedEntries<'a> {
    type Item = Result<PackedEntry<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.rest.take()?;
        if reader.is_at_end() && self.data_type != DataType::String {
            return None;
        }
        let entry = self.read(&mut reader);
        if let Ok(entry) = entry {
            self.rest = Some(reader);
            self.last_name = Some(entry.name);
        }
        Some(entry)
    }
}

impl FusedIterator for PackedEntries<'_> {}

fn read_bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let length = length::read(reader)?;
    reader.take(length)
}

fn read_score<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let value = reader.clone().take(SCORE_BYTES)?;
    Score::from_ordered_bytes(reader.array()?)?;
    Ok(value)
}
