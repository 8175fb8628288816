//! Cursors: reading in pages that come from calls of their own.
//!
//! Uses `types`. Invariant: a cursor is all that a scan remembers between two pages; it holds the last name
//! that was looked at, and names come in byte order. So a name that is there throughout is returned, once, and
//! nothing is kept in memory.

use bytes::Bytes;

use crate::encoding::{ElementKey, prefix_end};
use crate::error::{Error, Result};
use crate::types::glob::Glob;
use crate::types::names::name_of;
use crate::types::{Direction, Elements, TailRange};

/// The first byte of a cursor in the middle of a scan; the last name follows.
const BEHIND: u8 = 1;

/// A cursor behind the last name.
const FINISHED: &[u8] = &[0];

/// How many names a page looks at unless the caller says otherwise, as in Redis.
const DEFAULT_COUNT: u64 = 10;

/// A place in a scan, between two names. Holds the last name that was looked at and nothing else: it outlives the
/// store's handle, and can go to a client and back as [bytes](ScanCursor::as_bytes). These are as long as the name: who speaks to
/// clients that expect a 64-bit number, as those of Redis do, has to remember the cursor under one.
///
/// Every name that is there from the first page to the last is returned exactly once. A name that comes or goes
/// meanwhile may be returned or not.
///
/// # Examples
/// ```
/// use windrow::{ScanCursor, ScanOptions};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// store.db(0).sets().add("s", (0..100).map(|n| n.to_string()))?;
/// let (mut cursor, mut seen) = (ScanCursor::START, 0);
/// while !cursor.is_finished() {
///     let page = store.db(0).sets().scan("s", &cursor, ScanOptions::new().count(30))?;
///     seen += page.items.len();
///     cursor = page.cursor;
/// }
/// assert_eq!(seen, 100);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ScanCursor {
    bytes: Vec<u8>,
}

impl ScanCursor {
    /// Before the first name.
    ///
    /// # Examples
    /// ```
    /// use windrow::{ScanCursor, ScanOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["a", "b"])?;
    /// let page = store.db(0).sets().scan("s", &ScanCursor::START, ScanOptions::new())?;
    /// assert_eq!(page.items, ["a", "b"]);
    /// # Ok(()) }
    /// ```
    pub const START: Self = Self { bytes: Vec::new() };

    /// Tells whether the scan is over. Scanning on gives empty pages.
    ///
    /// # Examples
    /// ```
    /// use windrow::{ScanCursor, ScanOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert!(!ScanCursor::START.is_finished());
    /// let page = store.db(0).sets().scan("missing", &ScanCursor::START, ScanOptions::new())?;
    /// assert!(page.cursor.is_finished());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.bytes == FINISHED
    }

    /// Returns the cursor as bytes, a few more than the last name has.
    ///
    /// # Examples
    /// ```
    /// use windrow::{ScanCursor, ScanOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["a", "b"])?;
    /// let page = store.db(0).sets().scan("s", &ScanCursor::START, ScanOptions::new().count(1))?;
    /// let sent = page.cursor.as_bytes().to_vec();
    /// let page = store.db(0).sets().scan("s", &ScanCursor::from_bytes(sent)?, ScanOptions::new())?;
    /// assert_eq!(page.items, ["b"]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes a cursor from its bytes.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for bytes that [`ScanCursor::as_bytes`] does not give.
    ///
    /// # Examples
    /// ```
    /// use windrow::ScanCursor;
    /// # fn main() -> windrow::Result<()> {
    /// assert_eq!(ScanCursor::from_bytes(ScanCursor::START.as_bytes())?, ScanCursor::START);
    /// assert!(ScanCursor::from_bytes("something else").is_err());
    /// # Ok(()) }
    /// ```
    pub fn from_bytes(bytes: impl AsRef<[u8]>) -> Result<Self> {
        match bytes.as_ref() {
            bytes @ ([] | [BEHIND, ..]) => Ok(Self { bytes: bytes.to_vec() }),
            bytes if bytes == FINISHED => Ok(Self { bytes: bytes.to_vec() }),
            _ => Err(Error::invalid("these bytes are no scan cursor")),
        }
    }

    /// The place behind `name`.
    pub(crate) fn behind(name: &[u8]) -> Self {
        Self { bytes: [&[BEHIND], name].concat() }
    }

    /// The place behind the last name.
    pub(crate) fn finished() -> Self {
        Self { bytes: FINISHED.to_vec() }
    }

    /// The last name that was looked at, `None` at the start. A finished scan has no names left: ask first.
    pub(crate) fn last_name(&self) -> Option<&[u8]> {
        match self.bytes.split_first() {
            Some((&BEHIND, name)) => Some(name),
            _ => None,
        }
    }
}

impl Default for ScanCursor {
    fn default() -> Self {
        Self::START
    }
}

/// One page of a scan. It may be empty although more pages follow.
///
/// # Examples
/// ```
/// use windrow::{ScanCursor, ScanOptions, ScanPage};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// store.db(0).hashes().set("h", "field", "value")?;
/// let ScanPage { items, cursor, .. } = store.db(0).hashes().scan("h", &ScanCursor::START, ScanOptions::new())?;
/// assert_eq!(items[0], ("field".into(), "value".into()));
/// assert!(cursor.is_finished());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScanPage<T = Bytes> {
    /// What was found, in byte order.
    pub items: Vec<T>,
    /// Where the next page begins.
    pub cursor: ScanCursor,
}

impl<T> ScanPage<T> {
    /// What a scan finds that has nothing to read.
    pub(crate) fn nothing() -> Self {
        Self { items: Vec::new(), cursor: ScanCursor::finished() }
    }
}

/// What a page of a scan contains: Redis' `MATCH` and `COUNT`.
///
/// # Examples
/// ```
/// use windrow::{ScanCursor, ScanOptions};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// store.db(0).sets().add("s", ["apple", "avocado", "banana"])?;
/// let a = ScanOptions::new().matching(b"a*").count(1000);
/// assert_ne!(a, ScanOptions::new());
/// assert_eq!(store.db(0).sets().scan("s", &ScanCursor::START, a)?.items, ["apple", "avocado"]);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct ScanOptions<'a> {
    pattern: Option<Glob<'a>>,
    count: u64,
}

impl<'a> ScanOptions<'a> {
    /// Looks at ten names for a page and returns all of them.
    ///
    /// # Examples
    /// ```
    /// use windrow::{ScanCursor, ScanOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", (0..100).map(|n| n.to_string()))?;
    /// assert_eq!(store.db(0).sets().scan("s", &ScanCursor::START, ScanOptions::new())?.items.len(), 10);
    /// # Ok(()) }
    /// ```
    pub fn new() -> Self {
        Self { pattern: None, count: DEFAULT_COUNT }
    }

    /// Returns only names that match a pattern of `*`, `?`, `[a-z]`, `[^a]` and `\` (MATCH). Names that do not begin
    /// as the pattern does are not even read.
    ///
    /// # Examples
    /// ```
    /// use windrow::{ScanCursor, ScanOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["a1", "a2", "ax", "b1"])?;
    /// let page = store.db(0).sets().scan("s", &ScanCursor::START, ScanOptions::new().matching("a[0-9]"))?;
    /// assert_eq!(page.items, ["a1", "a2"]);
    /// # Ok(()) }
    /// ```
    pub fn matching(mut self, pattern: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.pattern = Some(Glob::new(pattern.as_ref()));
        self
    }

    /// Looks at so many names for a page (COUNT), at least one; returns those that match.
    ///
    /// # Examples
    /// ```
    /// use windrow::{ScanCursor, ScanOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["a", "b", "c"])?;
    /// assert_eq!(store.db(0).sets().scan("s", &ScanCursor::START, ScanOptions::new().count(2))?.items, ["a", "b"]);
    /// # Ok(()) }
    /// ```
    pub fn count(mut self, names: u64) -> Self {
        self.count = names;
        self
    }

    /// How many names a page looks at. Refuses none, as Redis does.
    pub(crate) fn wanted(&self) -> Result<u64> {
        if self.count == 0 {
            Err(Error::invalid("the count of a scan is 0; a page looks at one name at least"))
        } else {
            Ok(self.count)
        }
    }

    /// Tells whether a name is wanted.
    pub(crate) fn matches(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| pattern.matches(name))
    }

    /// The bytes with which every wanted name begins.
    pub(crate) fn prefix(&self) -> Vec<u8> {
        self.pattern.map(|pattern| pattern.literal_prefix()).unwrap_or_default()
    }
}

/// Reads a page of elements that have names; `key_of` makes an element of a name, `own` keeps one that is wanted.
/// Needs no snapshot: each page is one walk.
pub(super) fn page<T>(
    elements: &Elements<'_>,
    key_of: impl Fn(&[u8]) -> ElementKey<'_>,
    cursor: &ScanCursor,
    options: ScanOptions<'_>,
    own: impl Fn(&[u8], &[u8]) -> T,
) -> Result<ScanPage<T>> {
    let wanted = options.wanted()?;
    let lower = key_of(&options.prefix()).encode_tail();
    // No tag is 0xff, so there is an end.
    let upper = prefix_end(&lower).unwrap_or_default();
    let mut range = TailRange { lower, upper };
    if let Some(last) = cursor.last_name() {
        let behind = range.clone().after(&key_of(last));
        range.lower = range.lower.max(behind.lower);
    }
    let mut page = ScanPage::nothing();
    if cursor.is_finished() {
        return Ok(page);
    }
    let mut walk = elements.walk(&range, Direction::Ascending)?;
    for turn in 1..=wanted {
        let Some((key, value)) = walk.entry()? else {
            return Ok(page);
        };
        let name = name_of(&key)?;
        if options.matches(name) {
            page.items.push(own(name, value));
        }
        let last = (turn == wanted).then(|| ScanCursor::behind(name));
        walk.advance();
        if let Some(last) = last
            && walk.entry()?.is_some()
        {
            page.cursor = last;
        }
    }
    Ok(page)
}

impl Default for ScanOptions<'_> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cursor_comes_back_from_its_bytes() {
        for cursor in
            [ScanCursor::START, ScanCursor::behind(b""), ScanCursor::behind(b"\0\xff"), ScanCursor::finished()]
        {
            assert_eq!(ScanCursor::from_bytes(cursor.as_bytes()).unwrap(), cursor);
        }
        assert_eq!(ScanCursor::behind(b"").last_name(), Some(b"".as_slice()));
        assert_eq!(ScanCursor::START.last_name(), None);
    }

    #[test]
    fn other_bytes_are_no_cursor() {
        for bytes in [b"\0\0".as_slice(), b"\x02", b"0"] {
            assert!(ScanCursor::from_bytes(bytes).is_err(), "{bytes:?}");
        }
    }
}
