//! A file, key by key.
//!
//! What lives here: the reader and what it finds. It may use the input, spans, lengths and strings.
//!
//! INVARIANT: whoever is told `None` has read a whole file, and its checksum, if it has one, was right.

use std::fmt;
use std::io::Read;

use bytes::Bytes;

use super::super::input::{array, byte};
use super::super::length::read_plain;
use super::super::{RDB_VERSION, RdbError, Result, read_string};
use super::input::Input;
use super::{MAGIC, opcode, span};

/// Why a file cannot be read on, and how far it was.
#[derive(Debug, thiserror::Error)]
#[error("at byte {offset}: {source}")]
pub struct FileError {
    /// How many bytes of the file had been read.
    pub offset: u64,
    /// What is wrong there.
    pub source: RdbError,
}

/// Tells whether what begins so is an RDB file that begins an append-only file: Redis says so in front of the first key.
#[must_use]
pub fn is_preamble(head: &[u8]) -> bool {
    // The name as a string, then 1 as a number of one byte.
    let marks: [&[u8]; 2] = [b"\x08aof-base\xC0\x01", b"\x0Caof-preamble\xC0\x01"];
    head.starts_with(MAGIC) && marks.iter().any(|mark| head.windows(mark.len()).any(|part| part == *mark))
}

/// Reads a file from its beginning to its end.
pub struct FileReader<R> {
    input: Input<R>,
    version: u16,
    db: u64,
    limits: Limits,
    is_over: bool,
}

#[derive(Clone, Copy)]
struct Limits {
    key: usize,
    value: usize,
}

/// What a file holds.
#[derive(Debug)]
pub enum Record {
    /// A key.
    Key(FoundKey),
    /// A library of functions, which was passed over.
    Function,
    /// Data of a module that belong to no key, which were passed over.
    ModuleData,
}

/// A key in a file.
#[derive(Debug)]
pub struct FoundKey {
    /// The number of its db.
    pub db: u64,
    /// Its name; `None` if that is longer than the reader was told to take.
    pub key: Option<Bytes>,
    /// When it expires, in milliseconds.
    pub expires_at: Option<u64>,
    /// Its value.
    pub value: FoundValue,
}

/// A key's value as it stands in the file.
#[derive(Debug)]
pub enum FoundValue {
    /// The byte of its type and the value, as [`ValueReader`](super::super::ValueReader) takes them; not looked at yet.
    Raw {
        /// The bytes.
        bytes: Vec<u8>,
        /// How many bytes its strings have when they are unpacked, or say that they have.
        unpacked: u64,
    },
    /// It has more bytes than the reader was told to take.
    TooLarge,
    /// A value that is known and not supported: its name.
    Unsupported(&'static str),
}

impl<R: Read> FileReader<R> {
    /// Begins with magic and version. Keys and values of more bytes than given are passed over.
    ///
    /// # Errors
    /// The input ends or fails, is no such file, or of a later version.
    pub fn open(from: R, max_key_bytes: usize, max_value_bytes: usize) -> Result<Self, FileError> {
        let limits = Limits { key: max_key_bytes, value: max_value_bytes };
        let mut reader = Self { input: Input::new(from), version: 0, db: 0, limits, is_over: false };
        reader.version = reader.begin().map_err(|source| reader.error(source))?;
        Ok(reader)
    }

    /// The version that the file says it has.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// How many bytes were read.
    pub fn offset(&self) -> u64 {
        self.input.offset()
    }

    /// The next record, `None` behind the last.
    ///
    /// # Errors
    /// The input ends or fails, contradicts itself, holds something whose end cannot be found, or is not what its checksum
    /// says.
    pub fn next_record(&mut self) -> Result<Option<Record>, FileError> {
        self.record().map_err(|source| self.error(source))
    }

    /// What follows the file in its input: behind one that begins an append-only file, that.
    pub fn into_rest(self) -> impl Read {
        self.input
    }

    fn error(&self, source: RdbError) -> FileError {
        FileError { offset: self.offset(), source }
    }

    fn begin(&mut self) -> Result<u16> {
        let magic: [u8; 9] = array(&mut self.input, "the beginning of a file")?;
        let version = magic.strip_prefix(MAGIC).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        match version {
            None | Some(0) => Err(RdbError::Corrupt("this is no RDB file")),
            Some(version) if version > RDB_VERSION => Err(RdbError::Version(version)),
            Some(version) => Ok(version),
        }
    }

    fn record(&mut self) -> Result<Option<Record>> {
        if self.is_over {
            return Ok(None);
        }
        let mut expires_at = None;
        loop {
            let number = byte(&mut self.input, "a file")?;
            let from = &mut self.input;
            match number {
                opcode::EOF => {
                    self.end()?;
                    self.is_over = true;
                    return Ok(None);
                }
                opcode::SELECT_DB => self.db = read_plain(from)?,
                opcode::EXPIRE_TIME => {
                    let seconds = u32::from_le_bytes(array(from, "an expiry")?);
                    expires_at = Some(u64::from(seconds) * 1000);
                }
                opcode::EXPIRE_TIME_MS => {
                    // Written as a signed number: what lies before 1970 has passed as long ago as anything.
                    let millis = i64::from_le_bytes(array(from, "an expiry")?);
                    expires_at = Some(u64::try_from(millis).unwrap_or(0));
                }
                opcode::RESIZE_DB => {
                    read_plain(from)?;
                    read_plain(from)?;
                }
                opcode::FREQ => drop(byte(from, "how often a key is used")?),
                opcode::IDLE => drop(read_plain(from)?),
                opcode::AUX => {
                    span::string(from)?;
                    span::string(from)?;
                }
                opcode::MODULE_AUX => {
                    span::module(from)?;
                    return Ok(Some(Record::ModuleData));
                }
                opcode::FUNCTION_2 => {
                    span::string(from)?;
                    return Ok(Some(Record::Function));
                }
                opcode::FUNCTION_PRE_GA => {
                    return Err(RdbError::Corrupt("a function stands in the form of a preview of Redis 7.0"));
                }
                number => return self.key(number, expires_at).map(|key| Some(Record::Key(key))),
            }
        }
    }

    fn key(&mut self, number: u8, expires_at: Option<u64>) -> Result<FoundKey> {
        let key = self.key_name()?;
        self.input.keep(vec![number], self.limits.value);
        let spanned = span::value(&mut self.input, number);
        let kept = self.input.kept();
        let unpacked = spanned?;
        let value = match (number, kept) {
            (6 | 7, _) => FoundValue::Unsupported("a module's value"),
            (15 | 19 | 21, _) => FoundValue::Unsupported("a stream"),
            (_, None) => FoundValue::TooLarge,
            (_, Some(bytes)) => FoundValue::Raw { bytes, unpacked },
        };
        Ok(FoundKey { db: self.db, key, expires_at, value })
    }

    /// The name of a key, `None` if it is longer than was asked for.
    fn key_name(&mut self) -> Result<Option<Bytes>> {
        // WHY a little more: the name is kept as it stands, with its length or compressed.
        self.input.keep(Vec::new(), self.limits.key.saturating_add(self.limits.key / 32 + 32));
        let spanned = span::string(&mut self.input);
        let kept = self.input.kept();
        spanned?;
        match kept.map(|kept| read_string(&mut kept.as_slice(), self.limits.key)) {
            None | Some(Err(RdbError::TooLarge { .. })) => Ok(None),
            Some(name) => name.map(Some),
        }
    }

    /// Compares the checksum. A file of before version 5 has none, and 0 stands for none.
    fn end(&mut self) -> Result<()> {
        if self.version < 5 {
            return Ok(());
        }
        let computed = self.input.checksum();
        let stored = u64::from_le_bytes(array(&mut self.input, "the checksum of a file")?);
        if stored == 0 || stored == computed { Ok(()) } else { Err(RdbError::Checksum { stored, computed }) }
    }
}

impl<R> fmt::Debug for FileReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileReader").field("version", &self.version).field("db", &self.db).finish_non_exhaustive()
    }
}
