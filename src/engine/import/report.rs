//! What an import did.
//!
//! Uses the data types and the errors. Invariant: there are few reasons of refusal, whatever was imported.

use std::collections::BTreeMap;
use std::fmt;

use crate::engine::KeyCounts;
use crate::error::{Error, ErrorKind, shown};

/// Why something was not imported.
///
/// # Examples
/// ```
/// assert_eq!(windrow::Refusal::Stream.to_string(), "streams are not supported");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// A stream.
    Stream,
    /// A value of a module, or its data that belong to no key.
    Module,
    /// A library of functions.
    Function,
    /// A key, a value or a part of one that is longer than the store's limits.
    TooLarge,
    /// A value that contradicts itself.
    Damaged,
    /// A db's number or an expiry that the store cannot have.
    OutOfRange,
    /// A command in an append-only file that is not known here, by its name.
    Command(String),
    /// A command in an append-only file that failed, by its name.
    Failed(String),
}

impl Refusal {
    /// What stands behind the error of a single key; `None` if it is not of that key alone.
    pub(super) fn of(error: &Error) -> Option<Self> {
        match error.kind() {
            ErrorKind::BadDump => Some(Self::Damaged),
            ErrorKind::TooLarge => Some(Self::TooLarge),
            ErrorKind::OutOfRange => Some(Self::OutOfRange),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream => f.write_str("streams are not supported"),
            Self::Module => f.write_str("values of modules are not supported"),
            Self::Function => f.write_str("functions are not supported"),
            Self::TooLarge => f.write_str("longer than the store's limits"),
            Self::Damaged => f.write_str("the value contradicts itself"),
            Self::OutOfRange => f.write_str("a db or an expiry is out of range"),
            Self::Command(name) => write!(f, "the command {name} is not supported"),
            Self::Failed(name) => write!(f, "the command {name} fails"),
        }
    }
}

/// How many of those that were refused are named. More: a file in which nothing fits makes a long report.
const MOST_EXAMPLES: usize = 10;

/// Something that is refused, and a line about it.
pub(super) struct Refused {
    why: Refusal,
    what: String,
}

impl Refused {
    /// A key that is refused; `None` for a name that is too long to be kept.
    pub(super) fn key(why: Refusal, db: u64, key: Option<&[u8]>, wrong: impl fmt::Display) -> Self {
        let key = key.map_or_else(|| "a key".to_owned(), |key| format!("key {}", shown(key)));
        Self { why, what: format!("db {db}, {key}: {wrong}") }
    }

    /// Something else.
    pub(super) fn other(why: Refusal, what: String) -> Self {
        Self { why, what }
    }
}

/// What an import did.
///
/// # Examples
/// ```
/// let report = windrow::ImportReport::default();
/// assert_eq!(report.keys(), 0);
/// assert!(report.is_complete());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportReport {
    /// The keys that were imported.
    pub counts: KeyCounts,
    /// Keys that had expired and were passed over.
    pub expired: u64,
    /// Keys that were there already and stayed as they were.
    pub kept: u64,
    /// What was refused, and why.
    pub refused: BTreeMap<Refusal, u64>,
    /// The first ten or so of these that have a name, each as a line that tells its db, its key and what is wrong with it.
    pub examples: Vec<String>,
    /// Commands of an append-only file that were done.
    pub commands: u64,
    /// Whether an append-only file ends within a command, which was left out.
    pub is_cut: bool,
    /// Bytes that were read.
    pub bytes: u64,
}

impl ImportReport {
    /// Returns how many keys were imported.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let file = b"REDIS0010\xfe\x00\x00\x01k\x01v\xff\0\0\0\0\0\0\0\0";
    /// let report = store.import_rdb(file.as_slice(), windrow::ImportOptions::new())?;
    /// assert_eq!(report.keys(), 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.counts.keys()
    }

    /// Tells whether nothing was refused or cut off.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let file = b"REDIS0010\xf5\x05#!lua\xff\0\0\0\0\0\0\0\0";
    /// let report = store.import_rdb(file.as_slice(), windrow::ImportOptions::new())?;
    /// assert!(!report.is_complete());
    /// assert_eq!(report.refused[&windrow::Refusal::Function], 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.refused.is_empty() && !self.is_cut
    }

    pub(super) fn refuse(&mut self, why: Refusal) {
        *self.refused.entry(why).or_default() += 1;
    }

    /// Counts a refusal, of something that is told with it.
    pub(super) fn refuse_named(&mut self, Refused { why, what }: Refused) {
        self.refuse(why);
        if self.examples.len() < MOST_EXAMPLES {
            self.examples.push(what);
        }
    }

    /// Adds what another part of the same import did.
    pub(super) fn add(&mut self, other: Self) {
        self.counts.add(other.counts);
        self.expired += other.expired;
        self.kept += other.kept;
        self.commands += other.commands;
        self.is_cut |= other.is_cut;
        self.bytes += other.bytes;
        let room = MOST_EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.into_iter().take(room));
        for (why, count) in other.refused {
            *self.refused.entry(why).or_default() += count;
        }
    }
}
