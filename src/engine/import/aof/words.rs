//! The words of a command, taken from the front.
//!
//! Uses the numbers of `types`. Invariant: what is missing or no number is an error, never a guess.

use std::vec::IntoIter;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::types::number::parse_integer;

/// What is left of a command's words.
pub(super) struct Words {
    left: IntoIter<Bytes>,
}

impl Words {
    pub(super) fn of(words: Vec<Bytes>) -> Self {
        Self { left: words.into_iter() }
    }

    /// The next word.
    pub(super) fn next(&mut self) -> Result<Bytes> {
        self.left.next().ok_or_else(wrong)
    }

    /// The next word as an integer.
    pub(super) fn int(&mut self) -> Result<i64> {
        int(&self.next()?)
    }

    /// The next word as a number that is not negative.
    pub(super) fn count(&mut self) -> Result<u64> {
        u64::try_from(self.int()?).map_err(|_| wrong())
    }

    /// The next word as the number of a db.
    pub(super) fn db(&mut self) -> Result<u32> {
        u32::try_from(self.int()?).map_err(|_| Error::out_of_range("a db's number is out of range"))
    }

    /// The next word as a number of any kind.
    pub(super) fn float(&mut self) -> Result<f64> {
        float(&self.next()?)
    }

    /// The next word in upper case, `None` behind the last.
    pub(super) fn option(&mut self) -> Option<String> {
        self.left.next().map(|word| upper(&word))
    }

    /// The next word in upper case if it is one of these.
    pub(super) fn flag(&mut self, among: &[&'static str]) -> Option<&'static str> {
        let next = self.left.as_slice().first()?;
        let found = among.iter().find(|flag| next.eq_ignore_ascii_case(flag.as_bytes()))?;
        self.left.next();
        Some(found)
    }

    /// All words that are left, as many as this.
    pub(super) fn exactly<const N: usize>(&mut self) -> Result<[Bytes; N]> {
        self.all().try_into().map_err(|_| wrong())
    }

    /// All words that are left, at least one.
    pub(super) fn some(&mut self) -> Result<Vec<Bytes>> {
        let all = self.all();
        if all.is_empty() { Err(wrong()) } else { Ok(all) }
    }

    /// All words that are left.
    pub(super) fn all(&mut self) -> Vec<Bytes> {
        self.left.by_ref().collect()
    }

    /// The keys that stand behind their number.
    pub(super) fn numbered(&mut self) -> Result<Vec<Bytes>> {
        let count = usize::try_from(self.count()?).map_err(|_| wrong())?;
        if count == 0 || count > self.left.len() {
            return Err(wrong());
        }
        Ok(self.left.by_ref().take(count).collect())
    }

    /// All words that are left, in pairs, at least one.
    pub(super) fn pairs(&mut self) -> Result<Vec<(Bytes, Bytes)>> {
        if self.left.len() == 0 || !self.left.len().is_multiple_of(2) {
            return Err(wrong());
        }
        let mut pairs = Vec::with_capacity(self.left.len() / 2);
        while let (Some(first), Some(second)) = (self.left.next(), self.left.next()) {
            pairs.push((first, second));
        }
        Ok(pairs)
    }

    /// Refuses words that are left.
    pub(super) fn end(&self) -> Result<()> {
        if self.left.len() == 0 { Ok(()) } else { Err(wrong()) }
    }
}

/// A word as an integer.
pub(super) fn int(word: &[u8]) -> Result<i64> {
    parse_integer(word).ok_or_else(Error::not_an_integer)
}

/// A word as a number of any kind.
pub(super) fn float(word: &[u8]) -> Result<f64> {
    let number = std::str::from_utf8(word).ok().and_then(|text| text.parse().ok());
    number.filter(|number: &f64| !number.is_nan()).ok_or_else(|| Error::not_a_number("a word is no number"))
}

/// A word in upper case. What is no text is no option either.
pub(super) fn upper(word: &[u8]) -> String {
    String::from_utf8_lossy(word).to_ascii_uppercase()
}

/// The refusal of a command whose words make no sense.
pub(super) fn wrong() -> Error {
    Error::invalid("a command has not the words that it must have")
}
