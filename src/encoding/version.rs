//! The version of the format on disk.
//!
//! What lives here: two numbers, their bytes and their text. It may use the reader only.
//!
//! INVARIANT: the version's own encoding never changes, so that any crate can read any store's
//! version.

use std::fmt;

use super::error::{DecodeError, RecordKind};
use super::reader::Reader;

/// The version of the format on disk. A store of another version is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormatVersion {
    /// Changes when older stores can no longer be read; 0 was the drafts'.
    pub major: u16,
    /// Counts changes within a major version.
    pub minor: u16,
}

impl FormatVersion {
    /// The version this crate reads and writes.
    pub const CURRENT: Self = Self { major: 1, minor: 0 };

    /// True when this crate reads and writes the version.
    pub fn is_supported(self) -> bool {
        self == Self::CURRENT
    }

    /// The value of the version record: `major:u16 minor:u16`.
    pub const fn encode(self) -> [u8; 4] {
        let ([a, b], [c, d]) = (self.major.to_be_bytes(), self.minor.to_be_bytes());
        [a, b, c, d]
    }

    /// Reads the value of the version record; versions this crate does not support decode too.
    ///
    /// # Errors
    ///
    /// The value is not 4 bytes long.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(RecordKind::FormatVersion, value);
        let version = Self { major: reader.u16()?, minor: reader.u16()? };
        reader.finish()?;
        Ok(version)
    }
}

impl fmt::Display for FormatVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
