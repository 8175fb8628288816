//! A client of RESP2, of as much as an import needs.
//!
//! Uses the standard library. Invariants: nothing is reserved for a length that is only claimed; nothing is waited for
//! without an end.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::resp::write_command;
use crate::types::dump::MAX_DUMP_BYTES;

/// How long connecting may take, and each wait for bytes. Longer: a dead server is noticed later; shorter: a busy one is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest line of a reply: errors are a few words.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// How deep arrays lie in arrays: SCAN answers two levels, FUNCTION LIST five.
const MAX_DEPTH: u8 = 5;

/// What a command answers.
pub(super) enum Reply {
    Nil,
    Text,
    Error(String),
    Number(i64),
    Bytes(Vec<u8>),
    Array(Vec<Reply>),
}

impl Reply {
    /// `None` for a command that an older Redis does not know; refuses every other error.
    pub(super) fn known(self) -> io::Result<Option<Self>> {
        match self {
            Self::Error(text) if is_unknown(&text) => Ok(None),
            Self::Error(text) => Err(refused(&text)),
            reply => Ok(Some(reply)),
        }
    }

    /// Refuses an error.
    pub(super) fn done(self) -> io::Result<()> {
        match self {
            Self::Error(text) => Err(refused(&text)),
            _ => Ok(()),
        }
    }

    pub(super) fn bytes(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Error(text) => Err(refused(&text)),
            _ => Err(garbled()),
        }
    }

    pub(super) fn array(self) -> io::Result<Vec<Self>> {
        match self {
            Self::Array(items) => Ok(items),
            Self::Error(text) => Err(refused(&text)),
            _ => Err(garbled()),
        }
    }

    pub(super) fn number(self) -> io::Result<i64> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Error(text) => Err(refused(&text)),
            _ => Err(garbled()),
        }
    }
}

/// A connection.
pub(super) struct Client {
    stream: BufReader<TcpStream>,
    gathered: Vec<u8>,
}

impl Client {
    pub(super) fn connect(host: &str, port: u16) -> io::Result<Self> {
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in (host, port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_write_timeout(Some(PATIENCE))?;
                    return Ok(Self { stream: BufReader::with_capacity(1 << 16, stream), gathered: Vec::new() });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Gathers a command.
    pub(super) fn gather(&mut self, words: &[&[u8]]) {
        write_command(&mut self.gathered, words);
    }

    /// Sends what was gathered.
    pub(super) fn send(&mut self) -> io::Result<()> {
        self.stream.get_mut().write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(())
    }

    /// Sends a command and reads its reply.
    pub(super) fn ask(&mut self, words: &[&[u8]]) -> io::Result<Reply> {
        self.gather(words);
        self.send()?;
        self.reply()
    }

    /// Reads the next reply.
    pub(super) fn reply(&mut self) -> io::Result<Reply> {
        reply(&mut self.stream, 0)
    }
}

fn reply(from: &mut impl BufRead, depth: u8) -> io::Result<Reply> {
    let mut line = Vec::new();
    from.take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
    let line = line.strip_suffix(b"\r\n").ok_or_else(garbled)?;
    let line = String::from_utf8_lossy(line);
    let (kind, rest) = line.split_at_checked(1).ok_or_else(garbled)?;
    let number = || rest.parse::<i64>().map_err(|_| garbled());
    Ok(match kind {
        "+" => Reply::Text,
        "-" => Reply::Error(rest.to_owned()),
        ":" => Reply::Number(number()?),
        "$" => match u64::try_from(number()?) {
            Ok(length) => Reply::Bytes(bulk(from, length)?),
            Err(_) => Reply::Nil,
        },
        "*" if depth < MAX_DEPTH => match u64::try_from(number()?) {
            Ok(length) => Reply::Array((0..length).map(|_| reply(from, depth + 1)).collect::<io::Result<_>>()?),
            Err(_) => Reply::Nil,
        },
        _ => return Err(garbled()),
    })
}

fn bulk(from: &mut impl BufRead, length: u64) -> io::Result<Vec<u8>> {
    if length > MAX_DUMP_BYTES {
        return Err(io::Error::other("a reply of Redis is longer than any value that can be imported"));
    }
    // Grows with the bytes that come.
    let mut bytes = Vec::new();
    from.take(length + 2).read_to_end(&mut bytes)?;
    if bytes.ends_with(b"\r\n") && u64::try_from(bytes.len()).is_ok_and(|read| read == length + 2) {
        bytes.truncate(bytes.len() - 2);
        Ok(bytes)
    } else {
        Err(garbled())
    }
}

fn is_unknown(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["err unknown command", "err unknown subcommand"].iter().any(|beginning| text.starts_with(beginning))
}

fn garbled() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "Redis went away, or answers no RESP")
}

fn refused(text: &str) -> io::Error {
    io::Error::other(format!("Redis refuses: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_that_lie_or_end_are_errors() {
        let claims = [
            b"$99999999999\r\n".as_slice(),
            b"$4000000000\r\nabc",
            b"$3\r\nabcxx",
            b"*2\r\n:1\r\n",
            b"*9223372036854775807\r\n",
            b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
            b"",
            b"\r\n",
            b":x\r\n",
            b"hello",
        ];
        for claim in claims {
            assert!(reply(&mut &*claim, 0).is_err(), "{}", claim.escape_ascii());
        }
    }

    #[test]
    fn only_what_is_unknown_is_passed_over() {
        let known = |text: &str| Reply::Error(text.to_owned()).known();
        for text in ["ERR unknown command `X`, with args beginning with: ", "ERR Unknown subcommand or wrong number"] {
            assert!(known(text).unwrap().is_none(), "{text}");
        }
        for text in ["NOPERM this user has no permissions", "ERR wrong number of arguments", "LOADING"] {
            assert!(known(text).is_err(), "{text}");
        }
        assert!(Reply::Number(-2).known().unwrap().is_some());
    }

    #[test]
    fn replies_are_read_one_after_the_other() {
        let mut bytes = b"*2\r\n$1\r\n0\r\n*1\r\n$3\r\na\r\n\r\n$-1\r\n:-7\r\n-ERR no\r\n+OK\r\n".as_slice();
        let page = reply(&mut bytes, 0).unwrap().array().unwrap();
        assert_eq!(page.len(), 2);
        assert!(matches!(reply(&mut bytes, 0), Ok(Reply::Nil)));
        assert_eq!(reply(&mut bytes, 0).unwrap().number().unwrap(), -7);
        assert_eq!(reply(&mut bytes, 0).unwrap().done().unwrap_err().to_string(), "Redis refuses: ERR no");
        assert!(matches!(reply(&mut bytes, 0), Ok(Reply::Text)));
    }
}
