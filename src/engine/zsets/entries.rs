//! The lazy iterator over a part of a sorted set.
//!
//! Uses the read path and `types::zset`. Invariant: what walks is dropped before what it reads from.

use bytes::Bytes;

use crate::engine::read::Reading;
use crate::error::Result;
use crate::types::zset::Selection;

/// Walks over a part of a sorted set, as it was at the time of the call. Made by
/// [`ZSets::range`](crate::ZSets::range).
///
/// # Examples
/// ```
/// use windrow::ZRange;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.zsets().add("z", [("a", 1.0), ("b", 2.0)])?;
/// let all = db.zsets().range("z", ZRange::ranks(0, -1))?;
/// db.delete(["z"])?;
/// assert_eq!(all.count(), 2);
/// # Ok(()) }
/// ```
#[must_use]
pub struct ZEntries {
    selection: Selection,
    _reading: Reading,
}

impl ZEntries {
    pub(super) fn new(selection: Selection, reading: Reading) -> Self {
        Self { selection, _reading: reading }
    }

    /// Returns the next member and its score without copying, `None` behind the last. For loops over many members.
    ///
    /// # Errors
    /// Reading errors; the walk then ends.
    ///
    /// # Examples
    /// ```
    /// use windrow::ZRange;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).zsets().add("z", [("a", 1.0), ("b", 2.0)])?;
    /// let mut entries = store.db(0).zsets().range("z", ZRange::ranks(0, -1))?;
    /// let mut sum = 0.0;
    /// while let Some((_member, score)) = entries.next_ref()? {
    ///     sum += score;
    /// }
    /// assert_eq!(sum, 3.0);
    /// # Ok(()) }
    /// ```
    #[inline]
    pub fn next_ref(&mut self) -> Result<Option<(&[u8], f64)>> {
        Ok(self.selection.next_ref()?.map(|(member, score)| (member, score.get())))
    }
}

impl Iterator for ZEntries {
    type Item = Result<(Bytes, f64)>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_ref();
        next.map(|entry| entry.map(|(member, score)| (Bytes::copy_from_slice(member), score))).transpose()
    }
}
