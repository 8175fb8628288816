//! Why bytes could not be decoded.
//!
//! What lives here: the one error type of the encoding. It may use nothing else of the crate but
//! the format version.
//!
//! INVARIANT: an error names the record and the fault, and carries no stored user data.

use std::fmt;

use super::version::FormatVersion;

/// Bytes that are not the record they should be.
///
/// What cannot be decoded is kept and treated as live: an error here never permits a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot decode {record}: {fault}")]
pub struct DecodeError {
    record: RecordKind,
    fault: Fault,
}

impl DecodeError {
    pub(super) const fn new(record: RecordKind, fault: Fault) -> Self {
        Self { record, fault }
    }

    /// The kind of record the bytes should have been.
    pub const fn record(&self) -> RecordKind {
        self.record
    }

    /// What is wrong with the bytes.
    pub const fn fault(&self) -> Fault {
        self.fault
    }
}

/// What is wrong with bytes that do not decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The bytes end before the record does.
    #[error("{missing} bytes are missing")]
    Truncated {
        /// How many bytes the field that was being read still lacked.
        missing: usize,
    },
    /// The record ends before the bytes do.
    #[error("{extra} bytes follow its end")]
    TrailingBytes {
        /// How many bytes are too many.
        extra: usize,
    },
    /// A byte that names a type, tag, form or version has no meaning in this format.
    #[error("{what} {value:#04x} is unknown")]
    Unknown {
        /// What the byte stands for.
        what: &'static str,
        /// The byte found.
        value: u8,
    },
    /// A number lies outside what the format allows.
    #[error("{what} is out of range")]
    OutOfRange {
        /// The number that is out of range.
        what: &'static str,
    },
    /// Two parts of the record contradict each other.
    #[error("{what}")]
    Inconsistent {
        /// The contradiction.
        what: &'static str,
    },
    /// The bytes mean something, but are not the way the encoder writes it.
    #[error("not in canonical form: {what}")]
    NotCanonical {
        /// The deviation.
        what: &'static str,
    },
    /// The stored checksum is not that of the bytes.
    #[error("checksum {stored:#010x} is stored, {computed:#010x} is right")]
    Checksum {
        /// The checksum in the record.
        stored: u32,
        /// The checksum of the record's bytes.
        computed: u32,
    },
    /// The format version is one this crate does not read.
    #[error("format version {found} is not {}", FormatVersion::CURRENT)]
    UnknownVersion {
        /// The version found.
        found: FormatVersion,
    },
}

/// The kinds of record that are decoded, for error messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordKind {
    /// A collection id.
    CollectionId,
    /// A key of the `meta` family.
    MetaKey,
    /// A value of the `meta` family.
    Meta,
    /// The entries of a collection that is packed into its meta record.
    PackedEntries,
    /// A key of the `expire` family.
    ExpireKey,
    /// A value of the `expire` family.
    ExpireValue,
    /// A key of a data family.
    ElementKey,
    /// A score in its ordered form.
    Score,
    /// A key of the `gc` family.
    SegmentKey,
    /// A value or merge operand of the `gc` family.
    SegmentBits,
    /// A key of the `default` family.
    StoreKey,
    /// The format version record.
    FormatVersion,
    /// The number that stands for a namespace and db.
    KeyspaceNo,
    /// The next keyspace number.
    NextKeyspace,
    /// An id lease.
    Lease,
    /// A key count or its merge operand.
    Count,
    /// The record of a large build.
    Building,
    /// The record of a flushed keyspace.
    Flushed,
    /// The reaper's position.
    ReapedThrough,
    /// The store time's high-water mark.
    StoreTime,
    /// The set of retired segments.
    SegmentSet,
    /// The plain file that names the format.
    FormatFile,
    /// The file of what was learnt of key patterns.
    Habits,
    /// The file of what reclaiming has done.
    History,
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CollectionId => "collection id",
            Self::MetaKey => "meta key",
            Self::Meta => "meta record",
            Self::PackedEntries => "packed entries",
            Self::ExpireKey => "expire key",
            Self::ExpireValue => "expire value",
            Self::ElementKey => "element key",
            Self::Score => "score",
            Self::SegmentKey => "segment key",
            Self::SegmentBits => "segment bitmap",
            Self::StoreKey => "key of the default family",
            Self::FormatVersion => "format version",
            Self::KeyspaceNo => "keyspace number",
            Self::NextKeyspace => "next keyspace number",
            Self::Lease => "id lease",
            Self::Count => "key count",
            Self::Building => "building record",
            Self::Flushed => "flushed keyspace record",
            Self::ReapedThrough => "reaped-through record",
            Self::StoreTime => "store time record",
            Self::SegmentSet => "set of retired segments",
            Self::FormatFile => "WINDROW file",
            Self::Habits => "HABITS file",
            Self::History => "HISTORY file",
        })
    }
}
