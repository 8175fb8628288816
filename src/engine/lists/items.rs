//! Walking over items.
//!
//! Uses `types::list`. Invariant: the reading lives as long as the walk.

use bytes::Bytes;

use crate::engine::read::Reading;
use crate::error::Result;
use crate::types::list::Items;

/// Walks over items of a list as they were when the walk was opened. Made by [`Lists::range`](crate::Lists::range)
/// and [`Lists::range_back`](crate::Lists::range_back).
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.lists().push_right("l", ["a", "b"])?;
/// let items = db.lists().range("l", 0, -1)?;
/// db.delete(["l"])?;
/// assert_eq!(items.count(), 2);
/// # Ok(()) }
/// ```
#[must_use]
pub struct ListItems {
    items: Option<Items>,
    _reading: Reading,
}

impl ListItems {
    pub(super) fn new(items: Option<Items>, reading: Reading) -> Self {
        Self { items, _reading: reading }
    }

    /// Lends the next item without copying it, `None` after the last; mixes with [`Iterator::next`]. After an error
    /// nothing follows.
    ///
    /// # Errors
    /// Reading errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).lists().push_right("l", ["four", "five"])?;
    /// let mut items = store.db(0).lists().range("l", 0, -1)?;
    /// let mut bytes = 0;
    /// while let Some(item) = items.next_ref()? {
    ///     bytes += item.len();
    /// }
    /// assert_eq!(bytes, 8);
    /// # Ok(()) }
    /// ```
    #[inline]
    pub fn next_ref(&mut self) -> Result<Option<&[u8]>> {
        match &mut self.items {
            Some(items) => Ok(items.next_ref()?.map(|(_, item)| item)),
            None => Ok(None),
        }
    }

    /// Returns how many items are still to come. Costs nothing.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).lists().push_right("l", ["a", "b", "c"])?;
    /// assert_eq!(store.db(0).lists().range("l", 1, 100)?.left(), 2);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn left(&self) -> u64 {
        self.items.as_ref().map_or(0, Items::left)
    }
}

impl Iterator for ListItems {
    type Item = Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_ref().map(|item| item.map(Bytes::copy_from_slice)).transpose()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // An error ends the walk early.
        (0, usize::try_from(self.left()).ok())
    }
}
