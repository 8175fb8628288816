//! A file in the making.
//!
//! What lives here: the writer. It may use the checksum, lengths and strings.
//!
//! INVARIANT: what was written is a whole file once [`FileWriter::finish`] has returned, and none before.

use std::fmt;
use std::io::{self, Write};

use super::super::payload::Sum;
use super::super::{RDB_VERSION, write_length, write_string};
use super::{MAGIC, opcode};

/// Writes a file of version 10, which Redis 7.0 and later load.
pub struct FileWriter<W> {
    to: W,
    sum: Sum,
    db: Option<u32>,
    /// What is written next.
    head: Vec<u8>,
    bytes: u64,
}

impl<W: Write> FileWriter<W> {
    /// Begins with magic and version, and says who wrote it.
    ///
    /// # Errors
    /// The output fails.
    pub fn begin(to: W) -> io::Result<Self> {
        let mut writer = Self { to, sum: Sum::default(), db: None, head: Vec::new(), bytes: 0 };
        writer.write(MAGIC)?;
        writer.write(format!("{RDB_VERSION:04}").as_bytes())?;
        for (name, value) in [("windrow-ver", env!("CARGO_PKG_VERSION")), ("redis-bits", "64")] {
            writer.head.push(opcode::AUX);
            write_string(&mut writer.head, name.as_bytes());
            write_string(&mut writer.head, value.as_bytes());
        }
        writer.write_head()?;
        Ok(writer)
    }

    /// Appends a key: `value` begins with the byte of its type.
    ///
    /// # Errors
    /// The output fails.
    pub fn key(&mut self, db: u32, key: &[u8], expires_at: Option<u64>, value: &[u8]) -> io::Result<()> {
        let (number, value) = value.split_first().unwrap_or((&0, &[0]));
        if self.db != Some(db) {
            self.db = Some(db);
            self.head.push(opcode::SELECT_DB);
            write_length(&mut self.head, u64::from(db));
        }
        if let Some(expires_at) = expires_at {
            self.head.push(opcode::EXPIRE_TIME_MS);
            self.head.extend_from_slice(&expires_at.to_le_bytes());
        }
        self.head.push(*number);
        write_string(&mut self.head, key);
        self.write_head()?;
        self.write(value)
    }

    /// Ends the file with its checksum, and flushes; returns the number of its bytes.
    ///
    /// # Errors
    /// The output fails.
    pub fn finish(mut self) -> io::Result<u64> {
        self.write(&[opcode::EOF])?;
        let sum = self.sum.value();
        self.write(&sum.to_le_bytes())?;
        self.to.flush()?;
        Ok(self.bytes)
    }

    fn write_head(&mut self) -> io::Result<()> {
        let mut head = std::mem::take(&mut self.head);
        let done = self.write(&head);
        head.clear();
        self.head = head;
        done
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.add(bytes);
        self.bytes += u64::try_from(bytes.len()).unwrap_or(0);
        self.to.write_all(bytes)
    }
}

impl<W> fmt::Debug for FileWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileWriter").field("db", &self.db).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
