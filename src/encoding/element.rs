//! Keys of the data families.
//!
//! What lives here: `id:u64 tag:u8 suffix`, one tag for each kind of element. It may use ids and
//! scores.
//!
//! INVARIANT: every key is longer than a bare id, because a suffix begins with a tag; no index and
//! no piece number is all ones. So the end of a range is never an element.

use super::error::{DecodeError, Fault, RecordKind};
use super::id::CollectionId;
use super::reader::Reader;
use super::score::Score;

/// The length of a string's pieces; the last may be shorter.
///
/// Larger: a write or a read of a few bytes costs more, and a piece outgrows the block it lies in.
/// Smaller: more keys for the same bytes; at 16 KiB the key and its bookkeeping are a thousandth of
/// the value.
pub const STRING_PIECE_BYTES: usize = 16 * 1024;

/// The index of a new list's first item: half of the indices lie on each side.
pub const LIST_MIDDLE: u64 = 1 << 63;

/// The byte after the id: what kind of element follows.
///
/// Each data type has 16 tags, most of them unused: room for field-level times to live, ranks and
/// packed forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Tag {
    /// A field of a hash; the value is the field's value.
    HashField = 0x10,
    /// A member of a set; the value is empty.
    SetMember = 0x20,
    /// An item of a list, under its index.
    ListItem = 0x30,
    /// A member of a sorted set; the value is its score.
    SortedMember = 0x40,
    /// A score of a sorted set with its member; the value is empty.
    SortedScore = 0x41,
    /// A piece of a large string, under its number.
    StringPiece = 0x50,
}

impl Tag {
    /// The byte of the tag.
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// The tag with this byte.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x10 => Some(Self::HashField),
            0x20 => Some(Self::SetMember),
            0x30 => Some(Self::ListItem),
            0x40 => Some(Self::SortedMember),
            0x41 => Some(Self::SortedScore),
            0x50 => Some(Self::StringPiece),
            _ => None,
        }
    }
}

/// What follows the id in a key of a data family. Orders as its bytes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ElementKey<'a> {
    /// A field of a hash.
    HashField(&'a [u8]),
    /// A member of a set.
    SetMember(&'a [u8]),
    /// The index of an item of a list; `u64::MAX` is no index.
    ListItem(u64),
    /// A member of a sorted set.
    SortedMember(&'a [u8]),
    /// A score of a sorted set, then its member.
    SortedScore(Score, &'a [u8]),
    /// The number of a piece of a string; `u32::MAX` is no number.
    StringPiece(u32),
}

impl<'a> ElementKey<'a> {
    /// The tag of the element.
    pub const fn tag(&self) -> Tag {
        match self {
            Self::HashField(_) => Tag::HashField,
            Self::SetMember(_) => Tag::SetMember,
            Self::ListItem(_) => Tag::ListItem,
            Self::SortedMember(_) => Tag::SortedMember,
            Self::SortedScore(..) => Tag::SortedScore,
            Self::StringPiece(_) => Tag::StringPiece,
        }
    }

    /// The bytes of the key. Costs one allocation.
    pub fn encode(&self, id: CollectionId) -> Vec<u8> {
        let mut key = Vec::with_capacity(8 + self.tail_bytes());
        self.encode_into(id, &mut key);
        key
    }

    /// Appends the bytes of the key to `out`, for callers that reuse a buffer.
    pub fn encode_into(&self, id: CollectionId, out: &mut Vec<u8>) {
        out.extend_from_slice(&id.to_be_bytes());
        self.encode_tail_into(out);
    }

    /// The bytes of the key behind the id. Costs one allocation.
    pub fn encode_tail(&self) -> Vec<u8> {
        let mut tail = Vec::with_capacity(self.tail_bytes());
        self.encode_tail_into(&mut tail);
        tail
    }

    fn encode_tail_into(&self, out: &mut Vec<u8>) {
        debug_assert!(
            !matches!(self, Self::ListItem(u64::MAX) | Self::StringPiece(u32::MAX)),
            "an index of all ones is written"
        );
        out.push(self.tag().byte());
        match self {
            Self::HashField(bytes) | Self::SetMember(bytes) | Self::SortedMember(bytes) => {
                out.extend_from_slice(bytes);
            }
            Self::ListItem(index) => out.extend_from_slice(&index.to_be_bytes()),
            Self::SortedScore(score, member) => {
                out.extend_from_slice(&score.to_ordered_bytes());
                out.extend_from_slice(member);
            }
            Self::StringPiece(number) => out.extend_from_slice(&number.to_be_bytes()),
        }
    }

    fn tail_bytes(&self) -> usize {
        1 + match self {
            Self::HashField(bytes) | Self::SetMember(bytes) | Self::SortedMember(bytes) => bytes.len(),
            Self::SortedScore(_, member) => 8 + member.len(),
            Self::ListItem(_) => 8,
            Self::StringPiece(_) => 4,
        }
    }

    /// Reads a key of a data family.
    ///
    /// # Errors
    ///
    /// The id or the tag is unknown, the suffix has the wrong length, or it is an index of all ones
    /// or no score.
    pub fn decode(key: &'a [u8]) -> Result<(CollectionId, Self), DecodeError> {
        let mut reader = Reader::new(RecordKind::ElementKey, key);
        let id = CollectionId::from_be_bytes(reader.array()?)?;
        Ok((id, Self::read_tail(reader)?))
    }

    /// Reads what stands behind the id in a key of a data family.
    ///
    /// # Errors
    ///
    /// As [`ElementKey::decode`].
    #[inline]
    pub fn decode_tail(tail: &'a [u8]) -> Result<Self, DecodeError> {
        Self::read_tail(Reader::new(RecordKind::ElementKey, tail))
    }

    #[inline]
    fn read_tail(mut reader: Reader<'a>) -> Result<Self, DecodeError> {
        let byte = reader.u8()?;
        let Some(tag) = Tag::from_byte(byte) else {
            return Err(reader.error(Fault::Unknown { what: "element tag", value: byte }));
        };
        Ok(match tag {
            Tag::HashField => Self::HashField(reader.rest()),
            Tag::SetMember => Self::SetMember(reader.rest()),
            Tag::SortedMember => Self::SortedMember(reader.rest()),
            Tag::SortedScore => {
                let score = Score::from_ordered_bytes(reader.array()?)?;
                Self::SortedScore(score, reader.rest())
            }
            Tag::ListItem => {
                let index = reader.u64()?;
                if index == u64::MAX {
                    return Err(reader.error(Fault::OutOfRange { what: "list index" }));
                }
                reader.finish()?;
                Self::ListItem(index)
            }
            Tag::StringPiece => {
                let number = reader.u32()?;
                if number == u32::MAX {
                    return Err(reader.error(Fault::OutOfRange { what: "piece number" }));
                }
                reader.finish()?;
                Self::StringPiece(number)
            }
        })
    }
}

/// The bytes that begin every key of one kind of element of a collection.
pub const fn element_prefix(id: CollectionId, tag: Tag) -> [u8; 9] {
    let [a, b, c, d, e, f, g, h] = id.to_be_bytes();
    [a, b, c, d, e, f, g, h, tag.byte()]
}

/// The id that begins a key of a data family, without a look at the rest: for filters, which meet
/// every key.
///
/// # Errors
///
/// The key is not longer than an id, or the id is illegal.
pub fn id_of_key(key: &[u8]) -> Result<CollectionId, DecodeError> {
    let mut reader = Reader::new(RecordKind::ElementKey, key);
    let id = reader.array()?;
    reader.u8()?;
    CollectionId::from_be_bytes(id)
}
