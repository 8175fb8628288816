//! Meta records: what the store knows of a user key.
//!
//! What lives here: the 48-byte header and the body behind it. It may use ids,
//! times and packed entries.
//!
//! INVARIANT: the checksum covers every other byte of the record, and a record that decodes is
//! consistent: its type, its encoding, its id, its size and its body fit each other.

use std::fmt;

use bytes::Bytes;

use super::error::{DecodeError, Fault, RecordKind};
use super::id::CollectionId;
use super::packed::PackedEntries;
use super::reader::Reader;
use super::time::UnixMillis;

/// The length of a meta record's header.
///
/// Small strings are mostly header, so every byte here is paid for each of them; the fields are
/// fixed so that a filter finds them without parsing.
pub const META_HEADER_BYTES: usize = 48;

/// The first byte of every meta record.
const RECORD_FORMAT: u8 = 0x01;

const INLINE: u8 = 1;
const ELEMENTS: u8 = 2;
const PACKED: u8 = 3;

/// No flag is defined. Reserved, among others, for a field-level time to live.
const FLAGS: u8 = 0;

/// The type of a value.
///
/// # Examples
///
/// ```
/// # use windrow::encoding::DataType;
/// assert_eq!(DataType::from_number(3), Some(DataType::Set));
/// assert_eq!(DataType::from_number(0), None);
/// assert_eq!(DataType::SortedSet.to_string(), "zset");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum DataType {
    /// A string of bytes.
    String = 1,
    /// A map from fields to values.
    Hash = 2,
    /// A set of members.
    Set = 3,
    /// A sequence of items.
    List = 4,
    /// A set of members, each with a score, ordered by score.
    #[doc(alias = "zset")]
    SortedSet = 5,
}

/// Writes the name that Redis gives the type: string, hash, list, set or zset.
impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::String => "string",
            Self::Hash => "hash",
            Self::Set => "set",
            Self::List => "list",
            Self::SortedSet => "zset",
        })
    }
}

impl DataType {
    /// The byte that stands for the type.
    ///
    /// # Examples
    ///
    /// ```
    /// # use windrow::encoding::DataType;
    /// assert_eq!(DataType::String.number(), 1);
    /// ```
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The type that a byte stands for.
    ///
    /// # Examples
    ///
    /// ```
    /// # use windrow::encoding::DataType;
    /// assert_eq!(DataType::from_number(DataType::List.number()), Some(DataType::List));
    /// assert_eq!(DataType::from_number(6), None);
    /// ```
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::String),
            2 => Some(Self::Hash),
            3 => Some(Self::Set),
            4 => Some(Self::List),
            5 => Some(Self::SortedSet),
            _ => None,
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let number = reader.u8()?;
        Self::from_number(number).ok_or_else(|| reader.error(Fault::Unknown { what: "data type", value: number }))
    }
}

/// Where the value lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// In the meta record: the bytes of a string.
    Inline(Bytes),
    /// In a data family, under this id.
    Elements(CollectionId),
    /// A list in a data family, whose items have the indices `head..head + size`.
    List {
        /// The id under which the items lie.
        id: CollectionId,
        /// The index of the first item.
        head: u64,
    },
    /// In the meta record: the entries of a hash, set, list or sorted set, as
    /// [`encode_packed`](super::encode_packed) writes them and [`PackedEntries`] reads them.
    Packed(Bytes),
}

impl Body {
    /// The id under which elements lie, if they lie apart.
    pub const fn id(&self) -> Option<CollectionId> {
        match self {
            Self::Inline(_) | Self::Packed(_) => None,
            Self::Elements(id) | Self::List { id, .. } => Some(*id),
        }
    }

    fn place(&self) -> Place<'_> {
        match self {
            Self::Inline(bytes) => Place::Inline(bytes),
            Self::Elements(id) => Place::Elements(*id),
            Self::List { id, head } => Place::List { id: *id, head: *head },
            Self::Packed(bytes) => Place::Packed(bytes),
        }
    }
}

/// A meta record.
///
/// The fields must fit each other, as [`Meta::validate`] says; what does not fit encodes to a
/// record that the decoder refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// The type of the value.
    pub data_type: DataType,
    /// Where the value lies.
    pub body: Body,
    /// When the key was created.
    pub created_at: UnixMillis,
    /// When this record was last written. Overwriting an element does not touch it.
    pub updated_at: UnixMillis,
    /// When the key expires. The epoch itself is stored as the millisecond after it, because a
    /// stored 0 means "never".
    pub expires_at: Option<UnixMillis>,
    /// The number of elements; for a string, of bytes.
    pub size: u64,
}

/// The header of a meta record, without its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetaHead {
    /// The type of the value.
    pub data_type: DataType,
    /// The id under which elements lie, if they lie apart.
    pub id: Option<CollectionId>,
    /// When the key expires.
    pub expires_at: Option<UnixMillis>,
    /// The number of elements; for a string, of bytes.
    pub size: u64,
}

/// A body by reference, as the checks and both codecs see it.
#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    Inline(&'a [u8]),
    Elements(CollectionId),
    List { id: CollectionId, head: u64 },
    Packed(&'a [u8]),
}

impl Place<'_> {
    const fn id(self) -> Option<CollectionId> {
        match self {
            Self::Inline(_) | Self::Packed(_) => None,
            Self::Elements(id) | Self::List { id, .. } => Some(id),
        }
    }

    const fn encoding(self) -> u8 {
        match self {
            Self::Inline(_) => INLINE,
            Self::Elements(_) | Self::List { .. } => ELEMENTS,
            Self::Packed(_) => PACKED,
        }
    }

    /// Checks that a body fits a type and a size.
    fn check(self, data_type: DataType, size: u64) -> Result<(), DecodeError> {
        let what = match (self, data_type) {
            (Self::Inline(bytes), DataType::String) if u64::try_from(bytes.len()) != Ok(size) => {
                "the size is not the length of the string"
            }
            (Self::List { head, .. }, DataType::List) if head.checked_add(size).is_none() => {
                "the list's indices run past the last index"
            }
            (Self::Packed(_), DataType::String) => "a string is never packed",
            (Self::Packed(bytes), _) if size > 0 => return check_packed(data_type, bytes, size),
            (Self::Inline(_), DataType::String) => return Ok(()),
            (Self::Inline(_), _) => "only a string lies inline",
            (Self::Elements(_), DataType::List) => "a list lacks its head",
            (Self::List { .. }, found) if found != DataType::List => "only a list has a head",
            (_, found) if size == 0 && found != DataType::String => "a collection without elements",
            _ => return Ok(()),
        };
        Err(DecodeError::new(RecordKind::Meta, Fault::Inconsistent { what }))
    }
}

/// Walks through packed entries: each must be well formed, and they must be as many as the size.
fn check_packed(data_type: DataType, bytes: &[u8], size: u64) -> Result<(), DecodeError> {
    let mut entries = 0_u64;
    for entry in PackedEntries::new(data_type, bytes) {
        entry?;
        entries += 1;
    }
    if entries == size {
        return Ok(());
    }
    let fault = Fault::Inconsistent { what: "the size is not the number of packed entries" };
    Err(DecodeError::new(RecordKind::Meta, fault))
}

impl Meta {
    /// The id under which elements lie, if they lie apart.
    pub const fn id(&self) -> Option<CollectionId> {
        self.body.id()
    }

    /// Checks that the fields fit each other.
    ///
    /// # Errors
    ///
    /// An inline body that is not a string or whose length is not the size; a list body that is not
    /// a list, or the reverse; an index of a list that would be all ones; a size of 0 for anything
    /// but a string; a packed string, or packed entries that are not well formed, in order and as
    /// many as the size says.
    pub fn validate(&self) -> Result<(), DecodeError> {
        self.body.place().check(self.data_type, self.size)
    }

    /// The bytes of the record. Costs one allocation and a checksum over the record.
    pub fn encode(&self) -> Vec<u8> {
        debug_assert_eq!(self.validate(), Ok(()), "an inconsistent meta record is written");
        let place = self.body.place();
        let list_head;
        let body: &[u8] = match place {
            Place::Inline(bytes) | Place::Packed(bytes) => bytes,
            Place::Elements(_) => &[],
            Place::List { head, .. } => {
                list_head = head.to_be_bytes();
                &list_head
            }
        };
        let mark = [RECORD_FORMAT, self.data_type.number(), place.encoding(), FLAGS];
        let numbers = [
            place.id().map_or(0, CollectionId::get),
            self.created_at.get(),
            self.updated_at.get(),
            self.expires_at.map_or(0, |time| time.as_expiry().get()),
            self.size,
        ];
        let mut fields = [0; META_HEADER_BYTES - 8];
        for (field, number) in fields.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *field = number.to_be_bytes();
        }
        let mut record = Vec::with_capacity(META_HEADER_BYTES + body.len());
        record.extend_from_slice(&mark);
        record.extend_from_slice(&checksum(&[&mark, &fields, body]).to_be_bytes());
        record.extend_from_slice(&fields);
        record.extend_from_slice(body);
        record
    }

    /// Reads a record, copying the bytes of an inline string or of packed entries.
    ///
    /// # Errors
    ///
    /// The bytes are not a meta record of this format, or are damaged.
    pub fn decode(record: &[u8]) -> Result<Self, DecodeError> {
        Ok(Parsed::read(record)?.into_meta(Bytes::copy_from_slice))
    }

    /// Reads a record; an inline string and packed entries share the record's memory.
    ///
    /// # Errors
    ///
    /// As [`Meta::decode`].
    pub fn decode_owned(record: Bytes) -> Result<Self, DecodeError> {
        Ok(Parsed::read(&record)?.into_meta(|body| record.slice_ref(body)))
    }

    /// Reads the header of a record, copying nothing. Accepts exactly what [`Meta::decode`]
    /// accepts: the checksum, the body and the fit of all fields are verified, so packed entries are
    /// walked through.
    ///
    /// # Errors
    ///
    /// As [`Meta::decode`].
    pub fn peek(record: &[u8]) -> Result<MetaHead, DecodeError> {
        let Parsed { data_type, place, expires_at, size, .. } = Parsed::read(record)?;
        Ok(MetaHead { data_type, id: place.id(), expires_at, size })
    }
}

/// CRC-32 (IEEE) over the parts, one after the other.
fn checksum(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// A record that was read and found right, its body still in place.
struct Parsed<'a> {
    data_type: DataType,
    place: Place<'a>,
    created_at: UnixMillis,
    updated_at: UnixMillis,
    expires_at: Option<UnixMillis>,
    size: u64,
}

impl<'a> Parsed<'a> {
    fn read(record: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(RecordKind::Meta, record);
        let mark: [u8; 4] = reader.array()?;
        let [format, ..] = mark;
        if format != RECORD_FORMAT {
            return Err(reader.error(Fault::Unknown { what: "record format", value: format }));
        }
        let stored = reader.u32()?;
        let computed = checksum(&[&mark, reader.clone().rest()]);
        if stored != computed {
            return Err(reader.error(Fault::Checksum { stored, computed }));
        }
        Self::read_fields(mark, reader)
    }

    fn read_fields(mark: [u8; 4], mut reader: Reader<'a>) -> Result<Self, DecodeError> {
        let [_, data_type, encoding, flags] = mark;
        let Some(data_type) = DataType::from_number(data_type) else {
            return Err(reader.error(Fault::Unknown { what: "data type", value: data_type }));
        };
        if flags != FLAGS {
            return Err(reader.error(Fault::Unknown { what: "flags", value: flags }));
        }
        let raw_id = reader.u64()?;
        let created_at = reader.time()?;
        let updated_at = reader.time()?;
        let expires_at = match reader.time()? {
            UnixMillis::ZERO => None,
            time => Some(time),
        };
        let size = reader.u64()?;
        let place = match (encoding, data_type) {
            (INLINE, _) if raw_id == 0 => Place::Inline(reader.rest()),
            (PACKED, _) if raw_id == 0 => Place::Packed(reader.rest()),
            (INLINE | PACKED, _) => {
                return Err(reader.error(Fault::Inconsistent { what: "a value in the meta record has an id" }));
            }
            (ELEMENTS, DataType::List) => {
                let id = CollectionId::from_raw(raw_id)?;
                let head = reader.u64()?;
                reader.finish()?;
                Place::List { id, head }
            }
            (ELEMENTS, _) => {
                reader.finish()?;
                Place::Elements(CollectionId::from_raw(raw_id)?)
            }
            _ => {
                return Err(reader.error(Fault::Unknown { what: "encoding", value: encoding }));
            }
        };
        place.check(data_type, size)?;
        Ok(Self { data_type, place, created_at, updated_at, expires_at, size })
    }

    fn into_meta(self, own: impl FnOnce(&'a [u8]) -> Bytes) -> Meta {
        let Self { data_type, place, created_at, updated_at, expires_at, size } = self;
        let body = match place {
            Place::Inline(bytes) => Body::Inline(own(bytes)),
            Place::Elements(id) => Body::Elements(id),
            Place::List { id, head } => Body::List { id, head },
            Place::Packed(bytes) => Body::Packed(own(bytes)),
        };
        Meta { data_type, body, created_at, updated_at, expires_at, size }
    }
}
