//! Values as Redis writes them: in the payload of DUMP, and in an RDB file.
//!
//! What lives here: the payload's footer, lengths and strings, every encoding of the five types that Redis has written
//! up to 7.0, and the plain ones to write. `docs/dumps.md` draws them.
//!
//! What it may use: the standard library, `bytes`, `crc`, `thiserror`, and the data types of `encoding`. No store, no
//! engine, no clock.
//!
//! INVARIANT: writing cannot fail. Reading is total (any bytes give a value or an [`RdbError`], never a panic). Nothing is
//! reserved for a length that the input only claims: what is in memory are the bytes that came of one string, at most as many
//! again, and, if it is compressed, up to 88 times as many, as it is unpacked. A string has at most as many bytes as the reader
//! was told to take, a collection in one string 1 GiB, compressed or not.

mod error;
mod file;
mod input;
mod intset;
mod length;
mod listpack;
mod lzf;
mod packed;
mod payload;
mod string;
mod value;
mod write;
mod ziplist;
mod zipmap;

pub use error::RdbError;
pub use file::{FileError, FileReader, FileWriter, FoundKey, FoundValue, MAGIC, Record, is_preamble};
pub use length::{Length, read_length, write_length};
pub use lzf::decompress;
pub use payload::{RDB_VERSION, checksum, open_payload, seal_payload};
pub use string::{read_string, write_string};
pub use value::{Element, ValueReader};
pub use write::{begin_value, write_score};

/// The result of reading.
type Result<T, E = RdbError> = std::result::Result<T, E>;
