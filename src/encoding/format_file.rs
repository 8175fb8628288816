//! The plain file `WINDROW` that lies beside RocksDB's files.
//!
//! What lives here: its text, written and read. It may use the format version and the key layout.
//!
//! INVARIANT: the first two lines are the same in every version, so that any crate can name the
//! version of any store before RocksDB touches it.

use super::error::{DecodeError, Fault, RecordKind};
use super::key::KeyLayout;
use super::version::FormatVersion;

/// The contents of the `WINDROW` file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatFile {
    /// The version of the store's format.
    pub version: FormatVersion,
    /// How the keys of the `meta` family are laid out.
    pub layout: KeyLayout,
}

impl FormatFile {
    /// The name of the file.
    pub const NAME: &'static str = "WINDROW";

    /// The file of a store that this crate creates.
    pub const fn new(layout: KeyLayout) -> Self {
        Self { version: FormatVersion::CURRENT, layout }
    }

    /// The text of the file.
    ///
    /// # Examples
    ///
    /// ```
    /// # use windrow::encoding::{FormatFile, KeyLayout};
    /// let file = FormatFile::new(KeyLayout::Plain);
    /// assert_eq!(file.print(), "windrow\nformat 1.0\nkeys plain\n");
    /// ```
    pub fn print(&self) -> String {
        let keys = match self.layout {
            KeyLayout::Plain => "plain",
            KeyLayout::Cluster => "cluster",
        };
        format!("windrow\nformat {}\nkeys {keys}\n", self.version)
    }

    /// Reads the text of the file.
    ///
    /// # Errors
    ///
    /// [`Fault::UnknownVersion`] when the first two lines name a version that this crate does not
    /// read, whatever follows them; another fault when the text is not what [`FormatFile::print`]
    /// writes.
    pub fn parse(text: &[u8]) -> Result<Self, DecodeError> {
        let error = |what| DecodeError::new(RecordKind::FormatFile, Fault::Inconsistent { what });
        let rest = text.strip_prefix(b"windrow\nformat ").ok_or(error("it does not begin as it should"))?;
        let line_end = rest.iter().position(|&byte| byte == b'\n').ok_or(error("the version has no end"))?;
        let (line, rest) = rest.split_at_checked(line_end).ok_or(error("the version has no end"))?;
        let found = parse_version(line).ok_or(error("the version is not two numbers"))?;
        if !found.is_supported() {
            return Err(DecodeError::new(RecordKind::FormatFile, Fault::UnknownVersion { found }));
        }
        match rest {
            b"\nkeys plain\n" => Ok(Self::new(KeyLayout::Plain)),
            b"\nkeys cluster\n" => Ok(Self::new(KeyLayout::Cluster)),
            _ => Err(error("the key layout is unknown")),
        }
    }
}

/// Reads `major.minor`, each written as short as it can be.
fn parse_version(line: &[u8]) -> Option<FormatVersion> {
    let (major, minor) = std::str::from_utf8(line).ok()?.split_once('.')?;
    let version = FormatVersion { major: major.parse().ok()?, minor: minor.parse().ok()? };
    (version.to_string().as_bytes() == line).then_some(version)
}
