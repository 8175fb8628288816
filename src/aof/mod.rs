//! Append-only files of Redis: the commands by which they tell what happened, and the manifest that names their parts.
//!
//! What lives here: reading a part command by command, and reading a manifest. What it may use: the standard library, `bytes`,
//! `thiserror`, and `resp`. No store, no engine; what a command means is not known here. `docs/dumps.md` draws the files.
//!
//! INVARIANT: reading is total, and takes no more memory than a small multiple of the bytes that came. A transaction comes
//! whole or not at all.

mod error;
mod manifest;
mod reader;

pub use error::{AofError, AofFault};
pub use manifest::{Part, PartKind, read_manifest};
pub use reader::AofReader;
