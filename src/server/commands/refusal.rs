//! Refusals in Redis' words.
//!
//! May use the crate's errors. Invariant: what Redis would say for the same fault is said; what Redis knows no fault for is told
//! as the crate tells it.

use std::borrow::Cow;

use bytes::Bytes;

use super::Command;
use crate::resp::Frame;
use crate::{Error, ErrorKind};

/// Why a command was not done: the text of the error, its code included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal(Cow<'static, str>);

pub(super) const SYNTAX: Refusal = Refusal::of("ERR syntax error");
pub(super) const NOT_AN_INTEGER: Refusal = Refusal::of("ERR value is not an integer or out of range");
pub(super) const NOT_A_FLOAT: Refusal = Refusal::of("ERR value is not a valid float");
pub(super) const MUST_BE_POSITIVE: Refusal = Refusal::of("ERR value is out of range, must be positive");
pub(super) const NO_SUCH_KEY: Refusal = Refusal::of("ERR no such key");
pub(super) const WRONG_TYPE: Refusal = Refusal::of("WRONGTYPE Operation against a key holding the wrong kind of value");
pub(super) const NO_SUCH_DB: Refusal = Refusal::of("ERR DB index is out of range");

impl Refusal {
    pub(crate) const fn of(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    pub(crate) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(text.into())
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// The first word of the text.
    pub(crate) fn code(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }

    pub(crate) fn into_frame(self) -> Frame {
        Frame::Error(self.0)
    }

    pub(crate) fn wrong_number(command: &Command) -> Self {
        Self::new(format!("ERR wrong number of arguments for '{}' command", command.name))
    }
}

impl From<Error> for Refusal {
    #[cold]
    fn from(error: Error) -> Self {
        Self::of(match error.kind() {
            ErrorKind::WrongType => return WRONG_TYPE,
            ErrorKind::NotAnInteger => "ERR value is not an integer or out of range",
            ErrorKind::NotANumber => "ERR resulting score is not a number (NaN)",
            ErrorKind::NotAFloat => "ERR value is not a valid float",
            ErrorKind::Overflow => "ERR increment or decrement would overflow",
            ErrorKind::OutOfRange => "ERR index out of range",
            ErrorKind::NoSuchKey => "ERR no such key",
            ErrorKind::TooLarge => "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            ErrorKind::BadDump => "ERR DUMP payload version or checksum are wrong",
            ErrorKind::KeyExists => "BUSYKEY Target key name already exists.",
            ErrorKind::InvalidObject => "INVALIDOBJ Corrupted HLL object detected",
            ErrorKind::ReadOnly => "READONLY You can't write against a read only store.",
            ErrorKind::Io | ErrorKind::DiskFull | ErrorKind::Poisoned | ErrorKind::Closed => {
                return Self::new(format!("MISCONF The store cannot do this: {error}"));
            }
            _ => return Self::new(format!("ERR {error}")),
        })
    }
}

/// Replaces the words for one kind of refusal.
pub(super) fn instead(kind: ErrorKind, text: &'static str) -> impl FnOnce(Error) -> Refusal {
    move |error| if error.kind() == kind { Refusal::of(text) } else { error.into() }
}

/// How much of a client's words an error repeats, as in Redis.
const REPEATED: usize = 128;

/// The refusal of a command that is not in the table.
pub(crate) fn unknown_command(words: &[Bytes]) -> Refusal {
    let (name, args) =
        words.split_first().map_or((Cow::Borrowed(""), words), |(name, args)| (shown(name, REPEATED), args));
    let mut listed = String::new();
    for arg in args {
        if listed.len() >= REPEATED {
            break;
        }
        listed = format!("{listed}'{}' ", shown(arg, REPEATED - listed.len()));
    }
    Refusal::new(format!("ERR unknown command '{name}', with args beginning with: {listed}"))
}

/// The refusal of a subcommand that is not in the table.
pub(crate) fn unknown_subcommand(container: &Command, name: &[u8]) -> Refusal {
    let of = container.name.to_uppercase();
    Refusal::new(format!("ERR unknown subcommand '{}'. Try {of} HELP.", shown(name, REPEATED)))
}

/// The beginning of a client's word. As a C string it ends at its first zero byte.
fn shown(word: &[u8], most: usize) -> Cow<'_, str> {
    let word = word.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(word.get(..most).unwrap_or(word))
}
