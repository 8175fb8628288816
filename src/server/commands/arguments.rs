//! Reading the words behind a command's name.
//!
//! May use `resp` and the refusals. Invariant: total; arithmetic on what a client says is checked.

use std::time::Duration;

use bytes::Bytes;

use super::refusal::{MUST_BE_POSITIVE, NO_SUCH_DB, NOT_A_FLOAT, NOT_AN_INTEGER, Refusal, SYNTAX, WRONG_TYPE};
use super::{Call, Command};
use crate::resp::parse_double;
use crate::server::shared::Shared;
use crate::{DataType, Error, ErrorKind, Source, UnixMillis};

impl<'a, S: Source> Call<'a, S> {
    /// The word at `place` behind the name. The arity has been looked at, so it is there for every place that it grants.
    pub(super) fn arg(&self, place: usize) -> Result<&'a Bytes, Refusal> {
        self.args.get(place).ok_or_else(|| Refusal::wrong_number(self.command))
    }

    /// The words from `place` on.
    pub(super) fn from(&self, place: usize) -> &'a [Bytes] {
        self.args.get(place..).unwrap_or_default()
    }

    pub(super) fn integer(&self, place: usize) -> Result<i64, Refusal> {
        integer(self.arg(place)?)
    }

    pub(super) fn double(&self, place: usize) -> Result<f64, Refusal> {
        double(self.arg(place)?)
    }

    /// The refusal to tell where Redis looks at some keys before it reads the words behind them: that of the first key that holds
    /// none of the `wanted` types, else `refusal`. WHY so: who says it right pays nothing for it.
    pub(super) fn keys_first<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k Bytes>,
        wanted: &[DataType],
        refusal: Refusal,
    ) -> Refusal {
        for key in keys {
            match self.db.data_type(key) {
                Ok(Some(held)) if !wanted.contains(&held) => return WRONG_TYPE,
                Ok(_) => {}
                Err(error) => return error.into(),
            }
        }
        refusal
    }

    pub(super) fn wrong_number(&self) -> Refusal {
        Refusal::wrong_number(self.command)
    }

    /// The words from `place` on, one by one.
    pub(super) fn words(&self, place: usize) -> Words<'a> {
        Words { rest: self.from(place) }
    }

    /// The words from `place` on in groups of `N`.
    pub(super) fn groups<const N: usize>(&self, place: usize) -> Result<&'a [[Bytes; N]], Refusal> {
        groups(self.from(place)).ok_or_else(|| self.wrong_number())
    }

    /// The keys whose number stands at `place`, and what stands behind them; `few` is said for a number below one.
    pub(super) fn numbered_keys(&self, place: usize, few: Refusal) -> Result<(&'a [Bytes], Words<'a>), Refusal> {
        let count = self.integer(place)?;
        if count < 1 {
            return Err(few);
        }
        let count = usize::try_from(count).map_err(|_| SYNTAX)?;
        let (keys, rest) = self.from(place + 1).split_at_checked(count).ok_or(SYNTAX)?;
        Ok((keys, Words { rest }))
    }
}

/// Words in groups of `N`; `None` if some are left over.
pub(super) fn groups<const N: usize>(words: &[Bytes]) -> Option<&[[Bytes; N]]> {
    let (groups, rest) = words.as_chunks::<N>();
    rest.is_empty().then_some(groups)
}

/// Words that are read one after the other.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) rest: &'a [Bytes],
}

impl<'a> Words<'a> {
    /// The next word, which must be there.
    pub(super) fn wanted(&mut self) -> Result<&'a Bytes, Refusal> {
        self.next().ok_or(SYNTAX)
    }

    pub(super) fn integer(&mut self) -> Result<i64, Refusal> {
        integer(self.wanted()?)
    }

    /// A number that is not below zero.
    pub(super) fn natural(&mut self, refusal: Refusal) -> Result<u64, Refusal> {
        u64::try_from(self.integer()?).map_err(|_| refusal)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a Bytes;

    fn next(&mut self) -> Option<&'a Bytes> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }
}

/// Whether a word is this option, in any case.
pub(super) fn is(word: &[u8], option: &str) -> bool {
    word.eq_ignore_ascii_case(option.as_bytes())
}

/// The word in capitals, if it can be an option at all.
pub(super) fn option(word: &[u8]) -> Vec<u8> {
    if word.len() > 24 { Vec::new() } else { word.to_ascii_uppercase() }
}

/// An integer the strict way: no sign but `-`, no spaces, no leading zeros.
pub(super) fn integer(word: &[u8]) -> Result<i64, Refusal> {
    integer_or(word, NOT_AN_INTEGER)
}

pub(super) fn integer_or(word: &[u8], refusal: Refusal) -> Result<i64, Refusal> {
    crate::types::number::parse_integer(word).ok_or(refusal)
}

/// The number of a db. Like Redis, tells apart what no number of a db could be.
pub(super) fn db_number(word: &[u8], shared: &Shared) -> Result<u32, Refusal> {
    let number = integer(word)?;
    if i32::try_from(number).is_err() {
        return Err(Refusal::of("ERR value is out of range, value must between -2147483648 and 2147483647"));
    }
    shared.db_number(number).ok_or(NO_SUCH_DB)
}

/// A count that is not below zero, in Redis' words for counts of pops.
pub(super) fn positive(word: &[u8]) -> Result<u64, Refusal> {
    let count = integer_or(word, MUST_BE_POSITIVE)?;
    u64::try_from(count).map_err(|_| MUST_BE_POSITIVE)
}

pub(super) fn double(word: &[u8]) -> Result<f64, Refusal> {
    parse_double(word).ok_or(NOT_A_FLOAT)
}

/// When a key is to expire, as clients say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    In(Duration),
    At(UnixMillis),
}

/// Reads the time behind one of these words: EX, PX, EXAT, PXAT.
pub(super) fn when(word: &[u8], number: &[u8], command: &Command) -> Result<When, Refusal> {
    let number = integer(number)?;
    let is_seconds = is(word, "EX") || is(word, "EXAT");
    let millis = if is_seconds { number.checked_mul(1000) } else { Some(number) };
    let millis = millis.and_then(|millis| u64::try_from(millis).ok()).filter(|millis| *millis > 0);
    let millis = millis.ok_or_else(|| invalid_expiry(command))?;
    let is_relative = is(word, "EX") || is(word, "PX");
    Ok(if is_relative { When::In(Duration::from_millis(millis)) } else { When::At(UnixMillis::new(millis)) })
}

/// The refusal of a time that is not above zero, or too far away.
pub(super) fn invalid_expiry(command: &Command) -> Refusal {
    Refusal::new(format!("ERR invalid expire time in '{}' command", command.name))
}

/// An error of what sets an expiry.
pub(super) fn of_expiry(command: &'static Command) -> impl FnOnce(Error) -> Refusal {
    move |error| match error.kind() {
        ErrorKind::OutOfRange | ErrorKind::InvalidInput => invalid_expiry(command),
        _ => error.into(),
    }
}
