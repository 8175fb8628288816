//! A part of an append-only file, command by command.
//!
//! What lives here: the reader. It may use `resp`.
//!
//! INVARIANT: commands between MULTI and EXEC are given when EXEC has come, and dropped if it does not.

use std::fmt;
use std::io::{ErrorKind, Read};

use bytes::Bytes;

use super::{AofError, AofFault};
use crate::resp::{Limits, Parser, Request};

/// How much is fetched at a time. Larger: no faster; smaller: more calls of the system.
const BUFFER_BYTES: usize = 64 * 1024;

/// Reads a part from its beginning, or from behind the RDB file with which it begins, to its end.
pub struct AofReader<R> {
    from: R,
    /// How many bytes of the part stand before those of `from`.
    before: u64,
    chunk: Box<[u8]>,
    parser: Parser,
    /// The commands of a transaction that has not ended.
    queued: Option<Vec<Vec<Bytes>>>,
    /// Where what was given ends.
    good: u64,
    is_cut: bool,
}

impl<R: Read> AofReader<R> {
    /// Begins behind `before` bytes that were read already.
    pub fn new(from: R, before: u64, limits: Limits) -> Self {
        let chunk = vec![0; BUFFER_BYTES].into();
        Self { from, before, chunk, parser: Parser::new(limits), queued: None, good: before, is_cut: false }
    }

    /// The next commands, which belong together if they are several; none behind the last. SELECT is one of them.
    ///
    /// # Errors
    /// The input fails, or holds something else than commands and notes.
    pub fn next_commands(&mut self) -> Result<Option<Vec<Vec<Bytes>>>, AofError> {
        while let Some(words) = self.command().map_err(|source| AofError { offset: self.good, source })? {
            let is =
                |name: &str| words.len() == 1 && words.iter().all(|word| word.eq_ignore_ascii_case(name.as_bytes()));
            let done = match &mut self.queued {
                None if is("MULTI") => {
                    self.queued = Some(Vec::new());
                    continue;
                }
                None => vec![words],
                Some(_) if is("EXEC") => self.queued.take().unwrap_or_default(),
                Some(queued) => {
                    queued.push(words);
                    continue;
                }
            };
            self.good = self.before.saturating_add(self.parser.whole());
            if !done.is_empty() {
                return Ok(Some(done));
            }
        }
        Ok(None)
    }

    /// How many bytes were read of which everything was given.
    pub fn good(&self) -> u64 {
        self.good
    }

    /// Whether the part ended within a command or a transaction, which was left out. Known once there were no more commands.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The next command, `None` at the end.
    fn command(&mut self) -> Result<Option<Vec<Bytes>>, AofFault> {
        loop {
            match self.parser.next_request().map_err(AofFault::Resp)? {
                Some(Request::Command(words)) if words.is_empty() => {
                    return Err(AofFault::Corrupt("a command has no words"));
                }
                Some(Request::Command(words)) => return Ok(Some(words)),
                // A note, such as the time of what follows.
                Some(Request::Line(line)) if line.starts_with(b"#") => {}
                Some(Request::Line(_)) => return Err(AofFault::Corrupt("something stands there that is no command")),
                None => {
                    let read = self.fetch()?;
                    if read == 0 {
                        self.is_cut = self.parser.is_inside() || self.queued.is_some();
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Feeds what comes next; returns how much that is, nothing at the end.
    fn fetch(&mut self) -> Result<usize, AofFault> {
        loop {
            match self.from.read(&mut self.chunk) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(AofFault::Io(error)),
                Ok(read) => {
                    let came = self.chunk.get(..read).unwrap_or_default();
                    self.parser.feed(came);
                    return Ok(came.len());
                }
            }
        }
    }
}

impl<R> fmt::Debug for AofReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AofReader").field("good", &self.good).field("is_cut", &self.is_cut).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::write_command;

    fn file(commands: &[&[&str]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        commands.iter().for_each(|words| write_command(&mut bytes, words));
        bytes
    }

    type Read = (Vec<Vec<String>>, u64, bool);

    fn read(bytes: &[u8]) -> Result<Read, AofError> {
        let mut reader = AofReader::new(bytes, 0, Limits::default());
        let mut found = Vec::new();
        while let Some(commands) = reader.next_commands()? {
            let text = |words: &Vec<Bytes>| {
                words.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(" ")
            };
            found.push(commands.iter().map(text).collect());
        }
        Ok((found, reader.good(), reader.is_cut()))
    }

    #[test]
    fn transactions_come_whole_and_notes_are_passed_over() {
        let mut bytes = b"#TS:1700000000\r\n".to_vec();
        bytes.extend(file(&[
            &["SELECT", "0"],
            &["multi"],
            &["SET", "a", "1"],
            &["DEL", "b"],
            &["exec"],
            &["INCR", "a"],
        ]));
        let expected = [vec!["SELECT 0"], vec!["SET a 1", "DEL b"], vec!["INCR a"]];
        assert_eq!(
            read(&bytes).unwrap(),
            (expected.map(|step| step.into_iter().map(str::to_owned).collect()).into(), bytes.len() as u64, false)
        );
    }

    #[test]
    fn a_file_cut_anywhere_gives_what_is_whole_before() {
        let bytes = file(&[&["SET", "a", "1"], &["MULTI"], &["INCR", "a"], &["INCR", "b"], &["EXEC"], &["DEL", "c"]]);
        let (all, ..) = read(&bytes).unwrap();
        let mut last = 0;
        for end in 0..bytes.len() {
            let (found, good, is_cut) = read(&bytes[..end]).unwrap();
            assert_eq!(found, all[..found.len()]);
            assert_eq!(is_cut, good < end as u64, "{end}");
            assert!(found.len() >= last);
            last = found.len();
        }
        assert_eq!(last, 2);
    }

    #[test]
    fn what_is_no_command_is_named_with_its_place() {
        let mut bytes = file(&[&["SET", "a", "1"]]);
        let good = bytes.len();
        bytes.extend(b"\0\0\0\0\n");
        let error = read(&bytes).unwrap_err();
        assert_eq!(error.to_string(), format!("at byte {good}: something stands there that is no command"));
        let error = read(b"*0\r\n").unwrap_err();
        assert_eq!(error.to_string(), "at byte 0: a command has no words");
    }
}
