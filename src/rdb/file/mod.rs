//! Files of Redis: what stands around the values. `docs/dumps.md` draws it.
//!
//! What lives here: reading a file key by key, writing one, and how far a value reaches without looking into it. It may use
//! everything of this room.
//!
//! INVARIANT: as the whole room: total, and nothing is reserved for a length that is only claimed. A value that cannot be used
//! is passed over, if its end can be found; else the file ends in an error that names the place.

mod input;
mod reader;
mod span;
mod writer;

pub use reader::{FileError, FileReader, FoundKey, FoundValue, Record, is_preamble};
pub use writer::FileWriter;

/// What begins a file, before four digits of its version.
pub const MAGIC: &[u8; 5] = b"REDIS";

/// The bytes that stand where the type of a value may stand, by their names in `rdb.h`.
mod opcode {
    pub(super) const FUNCTION_2: u8 = 245;
    pub(super) const FUNCTION_PRE_GA: u8 = 246;
    pub(super) const MODULE_AUX: u8 = 247;
    pub(super) const IDLE: u8 = 248;
    pub(super) const FREQ: u8 = 249;
    pub(super) const AUX: u8 = 250;
    pub(super) const RESIZE_DB: u8 = 251;
    pub(super) const EXPIRE_TIME_MS: u8 = 252;
    pub(super) const EXPIRE_TIME: u8 = 253;
    pub(super) const SELECT_DB: u8 = 254;
    pub(super) const EOF: u8 = 255;
}
