//! A client of RESP2: commands are gathered, sent together, and their replies read in order.
//!
//! Uses the standard library alone. Invariant: as many replies are read as commands were sent.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;

use crate::command::Command;

/// Longer than Redis needs for any batch.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a command answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reply {
    Simple(String),
    Error(String),
    Int(i64),
    Bulk(Option<Bytes>),
    Array(Option<Vec<Reply>>),
}

impl Reply {
    pub(crate) fn ok() -> Self {
        Self::Simple("OK".to_owned())
    }

    pub(crate) fn nil() -> Self {
        Self::Bulk(None)
    }

    pub(crate) fn int(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap())
    }

    pub(crate) fn flag(is_true: bool) -> Self {
        Self::Int(i64::from(is_true))
    }

    pub(crate) fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self::Bulk(Some(Bytes::copy_from_slice(bytes.as_ref())))
    }

    pub(crate) fn list<B: AsRef<[u8]>>(items: impl IntoIterator<Item = B>) -> Self {
        Self::Array(Some(items.into_iter().map(Self::bytes).collect()))
    }

    /// The bytes of every bulk string in an array of them; nothing for another reply.
    pub(crate) fn items(&self) -> Vec<Bytes> {
        let Self::Array(Some(items)) = self else {
            return Vec::new();
        };
        let bytes = |item: &Self| if let Self::Bulk(Some(bytes)) = item { Some(bytes.clone()) } else { None };
        items.iter().filter_map(bytes).collect()
    }

    /// The bytes of a bulk string that stands alone, or of those in an array.
    pub(crate) fn names(&self) -> Vec<Bytes> {
        match self {
            Self::Bulk(Some(bytes)) => vec![bytes.clone()],
            other => other.items(),
        }
    }

    /// The same reply with its array in order, for commands that answer in no order.
    pub(crate) fn sorted(self) -> Self {
        match self {
            Self::Array(Some(mut items)) => {
                items.sort();
                Self::Array(Some(items))
            }
            other => other,
        }
    }

    /// The same reply with its array of pairs in order, for commands that answer a map in no order.
    pub(crate) fn sorted_pairs(self) -> Self {
        match self {
            Self::Array(Some(items)) => {
                let mut pairs: Vec<_> = items.chunks(2).map(<[Self]>::to_vec).collect();
                pairs.sort();
                Self::Array(Some(pairs.concat()))
            }
            other => other,
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simple(text) => write!(f, "{text}"),
            Self::Error(text) => write!(f, "(error) {text}"),
            Self::Int(number) => write!(f, "(integer) {number}"),
            Self::Bulk(None) => write!(f, "(nil)"),
            Self::Bulk(Some(bytes)) => write!(f, "{}", Shown(bytes)),
            Self::Array(None) => write!(f, "(nil array)"),
            Self::Array(Some(items)) => {
                let shown: Vec<String> = items.iter().take(40).map(ToString::to_string).collect();
                let more = if items.len() > 40 { format!(", ... {} in all", items.len()) } else { String::new() };
                write!(f, "[{}{more}]", shown.join(", "))
            }
        }
    }
}

/// Bytes as a person can read them, long ones cut.
pub(crate) struct Shown<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.get(..60) {
            Some(start) if self.0.len() > 80 => write!(f, "\"{}\"... {} bytes", start.escape_ascii(), self.0.len()),
            _ => write!(f, "\"{}\"", self.0.escape_ascii()),
        }
    }
}

/// A connection to Redis.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    gathered: Vec<u8>,
    owed: usize,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::with_capacity(1 << 16, stream), gathered: Vec::new(), owed: 0 })
    }

    /// Gathers a command. Nothing is sent before [`Client::exchange`].
    pub(crate) fn gather(&mut self, command: &Command) {
        let bytes = &mut self.gathered;
        bytes.extend(format!("*{}\r\n", command.args.len() + 1).as_bytes());
        for word in std::iter::once(command.name.as_bytes()).chain(command.args.iter().map(Vec::as_slice)) {
            bytes.extend(format!("${}\r\n", word.len()).as_bytes());
            bytes.extend(word);
            bytes.extend(b"\r\n");
        }
        self.owed += 1;
    }

    /// Sends what was gathered and reads all the replies. Redis holds them back in memory as long as it must.
    pub(crate) fn exchange(&mut self) -> io::Result<Vec<Reply>> {
        self.stream.get_mut().write_all(&self.gathered)?;
        self.gathered.clear();
        (0..std::mem::take(&mut self.owed)).map(|_| self.reply()).collect()
    }

    /// Sends one command and returns its reply.
    pub(crate) fn ask(&mut self, command: &Command) -> io::Result<Reply> {
        assert_eq!(self.owed, 0, "replies of a batch are still to come");
        self.gather(command);
        Ok(self.exchange()?.remove(0))
    }

    /// Reads what Redis sends without being asked.
    pub(crate) fn pushed(&mut self) -> io::Result<Reply> {
        self.reply()
    }

    fn reply(&mut self) -> io::Result<Reply> {
        let line = self.line()?;
        let (kind, rest) = line.split_at_checked(1).ok_or_else(|| garbled(&line))?;
        let number = || rest.parse::<i64>().map_err(|_| garbled(&line));
        Ok(match kind {
            "+" => Reply::Simple(rest.to_owned()),
            "-" => Reply::Error(rest.to_owned()),
            ":" => Reply::Int(number()?),
            "$" => match usize::try_from(number()?) {
                Ok(length) => Reply::Bulk(Some(self.bulk(length)?)),
                Err(_) => Reply::Bulk(None),
            },
            "*" => match usize::try_from(number()?) {
                Ok(length) => Reply::Array(Some((0..length).map(|_| self.reply()).collect::<io::Result<_>>()?)),
                Err(_) => Reply::Array(None),
            },
            _ => return Err(garbled(&line)),
        })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        line.strip_suffix("\r\n").map(str::to_owned).ok_or_else(|| garbled(&line))
    }

    fn bulk(&mut self, length: usize) -> io::Result<Bytes> {
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes)?;
        bytes.truncate(length);
        Ok(bytes.into())
    }
}

fn garbled(line: &str) -> io::Error {
    io::Error::other(format!("Redis went away or answered no RESP: {line:?}"))
}
