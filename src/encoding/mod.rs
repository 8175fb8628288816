//! The bytes that lie on disk, and nothing else.
//!
//! What lives here: every key and value of every column family, the bounds of key ranges, the
//! merges of merge operands, and the small text file that names the format. `docs/format.md` draws
//! them.
//!
//! What it may use: the standard library, `bytes`, `crc32fast`, `roaring` and `thiserror`. No I/O,
//! no clock, no RocksDB.
//!
//! INVARIANT: encoding cannot fail. Decoding is total (any bytes give a value or a [`DecodeError`],
//! never a panic) and canonical (bytes that decode are exactly the bytes that the decoded value
//! encodes to). All integers are big-endian, so that the order of encoded keys is the order of what
//! they say.

mod bitmap;
mod count;
mod element;
mod error;
mod expire;
mod family;
mod format_file;
mod habits;
mod history;
mod id;
mod key;
mod length;
mod merge;
mod meta;
mod packed;
mod range;
mod reader;
mod records;
mod residue;
mod score;
mod segment;
mod segment_set;
mod slot;
mod store_key;
mod time;
mod version;

pub use bitmap::{DecodedSegment, SegmentBits};
pub use count::CountValue;
pub use element::{ElementKey, LIST_MIDDLE, STRING_PIECE_BYTES, Tag, element_prefix, id_of_key};
pub use error::{DecodeError, Fault, RecordKind};
pub use expire::{ExpireKey, ExpireValue};
pub use family::{DataFamily, Habit, LifetimeClass};
pub use format_file::FormatFile;
pub use habits::{HabitsFile, PatternHabits};
pub use history::{FamilyHistory, HistoryFile};
pub use id::{CollectionId, MAX_COUNTER};
pub use key::{KeyLayout, KeyspaceNo, MetaKey};
pub use merge::{default_merge, merge_counts, merge_segments};
pub use meta::{Body, DataType, META_HEADER_BYTES, Meta, MetaHead};
pub use packed::{PackedEntries, PackedEntry, encode_packed, packed_entry_bytes};
pub use range::{KeyRange, prefix_end};
pub use records::{Building, Flushed, Lease, NextKeyspace, ReapedThrough, StoreTime};
pub use score::Score;
pub use segment::{SEGMENT_IDS, Segment};
pub use segment_set::SegmentSet;
pub use slot::{HASH_SLOTS, hash_slot};
pub use store_key::{KeyspaceName, MAX_NAMESPACE_BYTES, StoreKey};
pub use time::UnixMillis;
pub use version::FormatVersion;
