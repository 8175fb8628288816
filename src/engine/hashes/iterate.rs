//! Walking over the fields and values of a hash.
//!
//! Uses the read path and `types::hash`. Invariant: what the walk reads is covered by the reading that it holds.

use bytes::Bytes;

use crate::engine::read::Reading;
use crate::error::Result;
use crate::types::{Walk, hash};

/// Walks over the fields of a hash and their values, in byte order of the fields. Made by
/// [`Hashes::get_all`](crate::Hashes::get_all).
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.hashes().set_many("h", [("a", "1"), ("b", "2")])?;
/// let entries = db.hashes().get_all("h")?;
/// db.delete(["h"])?;
/// for entry in entries {
///     let (field, value) = entry?;
///     println!("{} = {}", field.escape_ascii(), value.escape_ascii());
/// }
/// # Ok(()) }
/// ```
#[must_use]
pub struct HashEntries {
    walk: Option<Walk>,
    begun: bool,
    ended: bool,
    _reading: Reading,
}

impl HashEntries {
    pub(super) fn new(walk: Option<Walk>, reading: Reading) -> Self {
        Self { begun: false, ended: walk.is_none(), walk, _reading: reading }
    }

    /// Moves to the next field and lends it with its value, `None` behind the last: as the iterator does, without a copy.
    ///
    /// # Errors
    /// Reading errors; behind one nothing follows.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set_many("h", [("a", "1"), ("b", "22")])?;
    /// let (mut entries, mut bytes) = (store.db(0).hashes().get_all("h")?, 0);
    /// while let Some((field, value)) = entries.next_ref()? {
    ///     bytes += field.len() + value.len();
    /// }
    /// assert_eq!(bytes, 5);
    /// # Ok(()) }
    /// ```
    #[inline]
    pub fn next_ref(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        let Self { walk: Some(walk), begun, ended: ended @ false, .. } = self else {
            return Ok(None);
        };
        if std::mem::replace(begun, true) {
            walk.advance();
        }
        *ended = true;
        let entry = hash::entry_of(walk)?;
        *ended = entry.is_none();
        Ok(entry)
    }
}

impl Iterator for HashEntries {
    type Item = Result<(Bytes, Bytes)>;

    // WHY not by combinators: an entry is four times as large as a pointer pair, and each of them would move it.
    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.next_ref() {
            Ok(Some((field, value))) => Some(Ok((Bytes::copy_from_slice(field), Bytes::copy_from_slice(value)))),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

/// Walks over the fields of a hash, in byte order of the fields. Made by [`Hashes::keys`](crate::Hashes::keys).
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// store.db(0).hashes().set_many("h", [("a", "1"), ("b", "22")])?;
/// assert_eq!(store.db(0).hashes().keys("h")?.count(), 2);
/// # Ok(()) }
/// ```
#[must_use]
pub struct HashFields {
    entries: HashEntries,
}

impl HashFields {
    pub(super) fn new(entries: HashEntries) -> Self {
        Self { entries }
    }

    /// Moves to the next field and lends it, `None` behind the last.
    ///
    /// # Errors
    /// As [`HashEntries::next_ref`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set_many("h", [("a", "1"), ("b", "22")])?;
    /// let (mut fields, mut bytes) = (store.db(0).hashes().keys("h")?, 0);
    /// while let Some(field) = fields.next_ref()? {
    ///     bytes += field.len();
    /// }
    /// assert_eq!(bytes, 2);
    /// # Ok(()) }
    /// ```
    #[inline]
    pub fn next_ref(&mut self) -> Result<Option<&[u8]>> {
        Ok(self.entries.next_ref()?.map(|entry| entry.0))
    }
}

impl Iterator for HashFields {
    type Item = Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_ref().map(|field| field.map(Bytes::copy_from_slice)).transpose()
    }
}

/// Walks over the values of a hash, in byte order of their fields. Made by [`Hashes::values`](crate::Hashes::values).
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// store.db(0).hashes().set_many("h", [("a", "1"), ("b", "22")])?;
/// assert_eq!(store.db(0).hashes().values("h")?.count(), 2);
/// # Ok(()) }
/// ```
#[must_use]
pub struct HashValues {
    entries: HashEntries,
}

impl HashValues {
    pub(super) fn new(entries: HashEntries) -> Self {
        Self { entries }
    }

    /// Moves to the next value and lends it, `None` behind the last.
    ///
    /// # Errors
    /// As [`HashEntries::next_ref`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).hashes().set_many("h", [("a", "1"), ("b", "22")])?;
    /// let (mut values, mut bytes) = (store.db(0).hashes().values("h")?, 0);
    /// while let Some(value) = values.next_ref()? {
    ///     bytes += value.len();
    /// }
    /// assert_eq!(bytes, 3);
    /// # Ok(()) }
    /// ```
    #[inline]
    pub fn next_ref(&mut self) -> Result<Option<&[u8]>> {
        Ok(self.entries.next_ref()?.map(|entry| entry.1))
    }
}

impl Iterator for HashValues {
    type Item = Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_ref().map(|value| value.map(Bytes::copy_from_slice)).transpose()
    }
}
