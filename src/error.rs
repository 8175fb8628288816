//! What can go wrong, sorted by what the caller should do next.
//!
//! Uses nothing of the crate but the errors of `encoding` and `rdb` and the data types. Invariant: an error that is returned
//! before a commit has changed nothing in the store.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::aof::{AofError, AofFault};
use crate::encoding::{DataType, DecodeError};
use crate::rdb::{FileError, RdbError};

/// The result of every fallible call of this crate.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// fn count_visit(db: &windrow::Db) -> windrow::Result<i64> {
///     db.strings().incr("visits")
/// }
/// assert_eq!(count_visit(&store.db(0))?, 1);
/// # Ok(()) }
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Names what went wrong.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.strings().set("k", "not a number")?;
/// let error = db.strings().incr("k").unwrap_err();
/// assert_eq!(error.kind(), windrow::ErrorKind::NotAnInteger);
/// assert_eq!(error.action(), windrow::Action::FixCall);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The key holds another data type than the operation works on.
    WrongType,
    /// The value or the argument is no 64-bit signed integer.
    NotAnInteger,
    /// A score, a bound, a weight or the result of an increment is not a number (NaN).
    NotANumber,
    /// The value or the argument is no floating-point number, where one is needed.
    NotAFloat,
    /// The result would not fit into its type.
    Overflow,
    /// An offset, index, time or coordinate lies outside what the operation allows.
    OutOfRange,
    /// The operation needs the key to exist.
    NoSuchKey,
    /// The operation needs the key not to exist.
    KeyExists,
    /// The bytes to restore are no dump, or none that is supported.
    BadDump,
    /// The operation needs the member to exist.
    NoSuchMember,
    /// The string says that it is a HyperLogLog and is a damaged one (`INVALIDOBJ` in Redis).
    InvalidObject,
    /// A key, member or value is longer than the store's limit.
    TooLarge,
    /// Arguments or options contradict each other or lie outside their range.
    InvalidInput,
    /// A transaction was ended on purpose, by [`Error::aborted`].
    Aborted,
    /// The store was opened read-only.
    ReadOnly,
    /// The directory is open already, here or in another process.
    InUse,
    /// The directory is not a store, or its files do not belong together.
    NotAStore,
    /// The store was written in a format that this version does not know.
    UnknownFormat,
    /// The handle was closed.
    Closed,
    /// A background task failed; its error is this one's source.
    Poisoned,
    /// The file system or RocksDB refused.
    Io,
    /// The disk is full, wherever [`Io`](Self::Io) may be told. Reads go on. Once there is room again, so do writes after some
    /// seconds, in most cases; else the store has to be opened again.
    DiskFull,
    /// Stored bytes are not what the store wrote.
    Corruption,
}

/// Says what the caller should do about an error.
///
/// # Examples
/// ```
/// use windrow::{Action, Store};
/// let error = Store::open("/proc/nowhere").unwrap_err();
/// assert_eq!(error.action(), Action::FixEnvironment);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Change the call: the same one fails again.
    FixCall,
    /// Change what surrounds the store (directory, permissions, disk, options), then try again.
    FixEnvironment,
    /// Close the store and open it again.
    Reopen,
    /// Run `windrow check`; restore a backup if it confirms damage.
    Verify,
}

/// The error of every fallible call of this crate.
///
/// # Examples
/// ```
/// use std::error::Error as _;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("file");
/// std::fs::write(&path, "").unwrap();
/// let error = windrow::Store::open(path.join("store")).unwrap_err();
/// assert!(error.source().is_some(), "what the file system said");
/// println!("{error}");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn with_source(
        kind: ErrorKind,
        message: impl Into<Cow<'static, str>>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self { kind, message: message.into(), source: Some(Arc::new(source)) }
    }

    /// Makes an error with which the closure of a transaction ends it on purpose: nothing of it happens. Its kind is
    /// [`ErrorKind::Aborted`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{Error, ErrorKind};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let outcome = db.transaction(["seats"], |db| match db.strings().incr("seats")? {
    ///     taken if taken > 0 => Err(Error::aborted("all seats are taken")),
    ///     taken => Ok(taken),
    /// });
    /// assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Aborted);
    /// assert!(!db.exists("seats")?);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn aborted(why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Aborted, why)
    }

    /// Returns what went wrong.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.sets().add("k", ["a"])?;
    /// let error = db.strings().get("k").unwrap_err();
    /// assert_eq!(error.kind(), windrow::ErrorKind::WrongType);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns what the caller should do next.
    ///
    /// # Examples
    /// ```
    /// use windrow::{Action, Store};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// let path = dir.path().join("s");
    /// let first = Store::open(&path)?;
    /// let error = Store::open(&path).unwrap_err();
    /// assert_eq!(error.action(), Action::FixEnvironment, "close the first, then try again");
    /// drop(first);
    /// Store::open(&path)?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn action(&self) -> Action {
        match self.kind {
            ErrorKind::WrongType
            | ErrorKind::NotAnInteger
            | ErrorKind::NotANumber
            | ErrorKind::NotAFloat
            | ErrorKind::Overflow
            | ErrorKind::OutOfRange
            | ErrorKind::NoSuchKey
            | ErrorKind::KeyExists
            | ErrorKind::BadDump
            | ErrorKind::NoSuchMember
            | ErrorKind::InvalidObject
            | ErrorKind::TooLarge
            | ErrorKind::InvalidInput
            | ErrorKind::Aborted
            | ErrorKind::ReadOnly => Action::FixCall,
            ErrorKind::InUse
            | ErrorKind::NotAStore
            | ErrorKind::UnknownFormat
            | ErrorKind::Io
            | ErrorKind::DiskFull => Action::FixEnvironment,
            ErrorKind::Closed | ErrorKind::Poisoned => Action::Reopen,
            ErrorKind::Corruption => Action::Verify,
        }
    }

    /// The refusal of a key that holds `found`, where only a `wanted` will do. WHY not the key: it may be long, or secret.
    #[cold]
    pub(crate) fn wrong_type(found: DataType, wanted: impl fmt::Display) -> Self {
        Self::new(ErrorKind::WrongType, format!("the key holds a {found}, where a {wanted} is needed"))
    }

    /// The refusal of something that has `bytes`, where `option` allows `limit`.
    #[cold]
    pub(crate) fn too_large(what: &str, bytes: u64, option: &str, limit: u64) -> Self {
        Self::new(ErrorKind::TooLarge, format!("{what} has {bytes} bytes; {option} allows {limit}"))
    }

    /// The refusal to replace a key, by whoever replaces none unless told otherwise. WHY the key: among millions that are imported
    /// nobody knows which one it is.
    #[cold]
    pub(crate) fn key_exists(db: u32, key: &[u8]) -> Self {
        Self::new(
            ErrorKind::KeyExists,
            format!("db {db} holds the key {} already, and nothing is to be replaced", shown(key)),
        )
    }

    pub(crate) fn not_an_integer() -> Self {
        Self::new(ErrorKind::NotAnInteger, "value is not a 64-bit signed integer")
    }

    pub(crate) fn not_a_number(message: &'static str) -> Self {
        Self::new(ErrorKind::NotANumber, message)
    }

    pub(crate) fn overflow() -> Self {
        Self::new(ErrorKind::Overflow, "increment or decrement would overflow")
    }

    pub(crate) fn out_of_range(message: &'static str) -> Self {
        Self::new(ErrorKind::OutOfRange, message)
    }

    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    pub(crate) fn corrupt(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Corruption, message)
    }

    pub(crate) fn closed() -> Self {
        Self::new(ErrorKind::Closed, "the store is closed")
    }

    pub(crate) fn poisoned_by(cause: Error) -> Self {
        Self::with_source(ErrorKind::Poisoned, "a background task failed", cause)
    }

    pub(crate) fn io(what: impl Into<Cow<'static, str>>, source: std::io::Error) -> Self {
        Self::with_source(ErrorKind::Io, what, source)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<DecodeError> for Error {
    #[cold]
    fn from(source: DecodeError) -> Self {
        Self::with_source(ErrorKind::Corruption, "a stored record cannot be decoded", source)
    }
}

impl From<RdbError> for Error {
    #[cold]
    fn from(source: RdbError) -> Self {
        Self::with_source(kind_of(&source), "a dump cannot be read", source)
    }
}

impl From<FileError> for Error {
    #[cold]
    fn from(error: FileError) -> Self {
        Self::with_source(kind_of(&error.source), "an RDB file cannot be read", error)
    }
}

impl From<AofError> for Error {
    #[cold]
    fn from(error: AofError) -> Self {
        let kind = match error.source {
            AofFault::Io(_) => ErrorKind::Io,
            _ => ErrorKind::BadDump,
        };
        Self::with_source(kind, "an append-only file cannot be read", error)
    }
}

/// The most bytes of a key that are shown.
const SHOWN_KEY_BYTES: usize = 64;

/// A key as an error shows it: its beginning, in quotes, as a literal of Rust would have it.
pub(crate) fn shown(key: &[u8]) -> String {
    let begin = key.get(..SHOWN_KEY_BYTES).unwrap_or(key);
    let rest = if begin.len() < key.len() { format!("... ({} bytes)", key.len()) } else { String::new() };
    format!("\"{}\"{rest}", begin.escape_ascii())
}

fn kind_of(error: &RdbError) -> ErrorKind {
    match error {
        RdbError::TooLarge { .. } => ErrorKind::TooLarge,
        RdbError::Io(_) => ErrorKind::Io,
        _ => ErrorKind::BadDump,
    }
}
