//! Walking over the members of a set, or of several sets combined.
//!
//! Uses the read path and `types::set`. Invariant: what the walk reads is covered by the reading that it holds.

use bytes::Bytes;

use crate::engine::read::Reading;
use crate::error::Result;
use crate::types::set::combine::Combined;

/// Walks over the members of a set, or of a combination of sets, in byte order. Made by
/// [`Sets::members`](crate::Sets::members), [`union`](crate::Sets::union), [`inter`](crate::Sets::inter) and
/// [`diff`](crate::Sets::diff).
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.sets().add("s", ["b", "a"])?;
/// let mut members = db.sets().members("s")?;
/// db.delete(["s"])?;
/// assert_eq!(members.next().transpose()?.as_deref(), Some(b"a".as_slice()));
/// assert_eq!(members.count(), 1);
/// # Ok(()) }
/// ```
#[must_use]
pub struct Members {
    combined: Combined,
    reading: Reading,
}

impl Members {
    pub(super) fn new(combined: Combined, reading: Reading) -> Self {
        Self { combined, reading }
    }

    /// Moves to the next member and lends it, `None` behind the last: as the iterator does, without a copy.
    ///
    /// # Errors
    /// Reading errors; behind one nothing follows.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).sets().add("s", ["a", "bc"])?;
    /// let (mut members, mut bytes) = (store.db(0).sets().members("s")?, 0);
    /// while let Some(member) = members.next_ref()? {
    ///     bytes += member.len();
    /// }
    /// assert_eq!(bytes, 3);
    /// # Ok(()) }
    /// ```
    #[inline]
    pub fn next_ref(&mut self) -> Result<Option<&[u8]>> {
        self.combined.next(&self.reading.reader)
    }
}

impl Iterator for Members {
    type Item = Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_ref().map(|member| member.map(Bytes::copy_from_slice)).transpose()
    }
}
