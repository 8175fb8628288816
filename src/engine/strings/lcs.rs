//! The longest common subsequence of two strings.
//!
//! Uses the read path and `types::lcs`. Invariant: both strings are read at one moment.

use bytes::Bytes;

use super::as_string;
use crate::encoding::Meta;
use crate::engine::{Source, Strings};
use crate::error::Result;
use crate::types::{lcs, string};

/// What two strings have in common, as [`Strings::lcs_matches`] finds it.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// assert_eq!(store.db(0).strings().lcs_matches("a", "b", 0)?, windrow::Lcs::default());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lcs {
    /// The stretches of the subsequence, from the strings' ends to their beginnings.
    pub matches: Vec<LcsMatch>,
    /// The length of the whole subsequence in bytes, that of stretches left out included.
    pub len: u64,
}

/// A stretch that two strings have in common.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.strings().mset([("a", "xyz"), ("b", "yz")])?;
/// let found = db.strings().lcs_matches("a", "b", 0)?.matches;
/// assert_eq!((found[0].a_start, found[0].b_start, found[0].len), (1, 0, 2));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LcsMatch {
    /// Where the stretch begins in the first string, counted from 0.
    pub a_start: u64,
    /// Where the stretch begins in the second string, counted from 0.
    pub b_start: u64,
    /// The length of the stretch in bytes (WITHMATCHLEN); it ends at the byte `start + len - 1`.
    pub len: u64,
}

impl<S: Source> Strings<'_, S> {
    /// Returns the longest sequence of bytes that both strings contain in this order, other bytes in between (LCS). A
    /// missing key is an empty string; of several longest ones, Redis' choice is returned.
    ///
    /// Costs a snapshot, time in proportion to the product of the lengths (about a nanosecond each), and a bit of memory for
    /// each unit of it: at most 16 MiB.
    ///
    /// # Errors
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if the product of the lengths, each plus 1, exceeds 2^27, as in Redis: two
    /// strings of 11,584 bytes are the longest of equal length. [`WrongType`](crate::ErrorKind::WrongType); reading errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().mset([("a", "ohmytext"), ("b", "mynewtext")])?;
    /// assert_eq!(db.strings().lcs("a", "b")?, "mytext");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LCS")]
    pub fn lcs(&self, a: impl AsRef<[u8]>, b: impl AsRef<[u8]>) -> Result<Bytes> {
        let (a, b) = self.pair(a.as_ref(), b.as_ref())?;
        let mut common = Vec::new();
        for stretch in lcs::stretches(&a, &b)?.iter().rev() {
            common.extend_from_slice(a.get(stretch.a..stretch.a + stretch.length).unwrap_or_default());
        }
        Ok(common.into())
    }

    /// Returns the length of the longest common subsequence (LCS with LEN). Costs time as [`Strings::lcs`], and memory in
    /// proportion to the second string's length.
    ///
    /// # Errors
    /// As [`Strings::lcs`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().mset([("a", "ohmytext"), ("b", "mynewtext")])?;
    /// assert_eq!(db.strings().lcs_len("a", "b")?, 6);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LCS")]
    pub fn lcs_len(&self, a: impl AsRef<[u8]>, b: impl AsRef<[u8]>) -> Result<u64> {
        let (a, b) = self.pair(a.as_ref(), b.as_ref())?;
        Ok(wide(lcs::length(&a, &b)?))
    }

    /// Returns where in both strings the longest common subsequence lies: its stretches of at least `min_len` bytes (LCS with
    /// IDX, MINMATCHLEN and WITHMATCHLEN). Costs as [`Strings::lcs`].
    ///
    /// # Errors
    /// As [`Strings::lcs`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().mset([("a", "ohmytext"), ("b", "mynewtext")])?;
    /// let found = db.strings().lcs_matches("a", "b", 4)?;
    /// assert_eq!(found.len, 6);
    /// assert_eq!(found.matches.len(), 1, "\"text\"; \"my\" is too short");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LCS")]
    pub fn lcs_matches(&self, a: impl AsRef<[u8]>, b: impl AsRef<[u8]>, min_len: u64) -> Result<Lcs> {
        let (a, b) = self.pair(a.as_ref(), b.as_ref())?;
        let mut found = Lcs::default();
        for stretch in lcs::stretches(&a, &b)? {
            let len = wide(stretch.length);
            found.len += len;
            if len >= min_len {
                found.matches.push(LcsMatch { a_start: wide(stretch.a), b_start: wide(stretch.b), len });
            }
        }
        Ok(found)
    }

    fn pair(&self, a: &[u8], b: &[u8]) -> Result<(Bytes, Bytes)> {
        let reading = self.db.begin()?.steady();
        let (a, b) = (as_string(reading.live(a)?)?, as_string(reading.live(b)?)?);
        let size = |meta: &Option<Meta>| meta.as_ref().map_or(0, |meta| meta.size);
        lcs::check_lengths(size(&a), size(&b))?;
        let value = |meta: Option<Meta>| match meta {
            Some(meta) => string::whole(&reading.reader, &meta),
            None => Ok(Bytes::new()),
        };
        Ok((value(a)?, value(b)?))
    }
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
