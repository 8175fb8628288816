//! The list operations of a db.
//!
//! Uses the read and write paths and `types::list`. Invariant: names follow the Redis commands; what depends on
//! positions is read from one moment.

mod items;
mod options;
mod write;

pub use items::ListItems;
pub use options::PositionOptions;

use bytes::Bytes;

use crate::encoding::{DataType, Meta};
use crate::engine::{Db, Live, Source};
use crate::error::{Error, Result};
use crate::types::{Direction, list};

/// The list operations of a db or of a view's db.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.lists().push_right("queue", ["first", "second"])?;
/// assert_eq!(db.lists().pop_left("queue")?.unwrap(), "first");
/// # Ok(()) }
/// ```
pub struct Lists<'a, S: Source = Live> {
    pub(super) db: &'a Db<S>,
}

impl<'a, S: Source> Lists<'a, S> {
    pub(super) fn new(db: &'a Db<S>) -> Self {
        Self { db }
    }

    /// Returns the number of items, 0 for a missing key (LLEN). Costs one point read.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); reading errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).lists().len("l")?, 0);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LLEN")]
    pub fn len(&self, key: impl AsRef<[u8]>) -> Result<u64> {
        let reading = self.db.begin()?;
        Ok(as_list(reading.live(key.as_ref())?)?.map_or(0, |meta| meta.size))
    }

    /// Returns the item at an index, counted from 0 on, or from the right end if negative: -1 is the last. `None`
    /// outside of the list and for a missing key (LINDEX). Costs two point reads and a snapshot, wherever the item
    /// stands.
    ///
    /// # Errors
    /// As [`Lists::len`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.lists().push_right("l", ["a", "b"])?;
    /// assert_eq!(db.lists().index("l", -1)?.unwrap(), "b");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LINDEX")]
    pub fn index(&self, key: impl AsRef<[u8]>, index: i64) -> Result<Option<Bytes>> {
        // Positions move: the record and the item have to be of one moment.
        let reading = self.db.begin()?.steady();
        match as_list(reading.live(key.as_ref())?)? {
            Some(meta) => list::get(&reading.reader, &meta, index),
            None => Ok(None),
        }
    }

    /// Walks over the items between two indexes, both included, as they are at the time of the call (LRANGE). Negative
    /// indexes count from the right end; what lies outside of the list is left out. Reads as it goes, in constant
    /// memory, and begins anywhere at the cost of a point read; as long as the iterator lives it holds reclaiming back
    /// like a view.
    ///
    /// # Errors
    /// As [`Lists::len`]; each item can fail with a reading error.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).lists().push_right("l", ["a", "b", "c"])?;
    /// let items = store.db(0).lists().range("l", -2, -1)?.collect::<windrow::Result<Vec<_>>>()?;
    /// assert_eq!(items, ["b", "c"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LRANGE")]
    pub fn range(&self, key: impl AsRef<[u8]>, start: i64, stop: i64) -> Result<ListItems> {
        self.items(key.as_ref(), start, stop, Direction::Ascending)
    }

    /// Walks over the same items as [`Lists::range`], at the same cost, from the last one to the first.
    ///
    /// # Errors
    /// As [`Lists::range`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).lists().push_right("log", ["old", "newer", "newest"])?;
    /// let latest = store.db(0).lists().range_back("log", -2, -1)?.collect::<windrow::Result<Vec<_>>>()?;
    /// assert_eq!(latest, ["newest", "newer"]);
    /// # Ok(()) }
    /// ```
    pub fn range_back(&self, key: impl AsRef<[u8]>, start: i64, stop: i64) -> Result<ListItems> {
        self.items(key.as_ref(), start, stop, Direction::Descending)
    }

    fn items(&self, key: &[u8], start: i64, stop: i64, direction: Direction) -> Result<ListItems> {
        let reading = self.db.begin()?.steady();
        let items = match as_list(reading.live(key)?)? {
            Some(meta) => {
                let places = list::places(meta.size, start, stop);
                Some(list::items(&reading.reader, &meta, places, direction)?)
            }
            None => None,
        };
        Ok(ListItems::new(items, reading))
    }

    /// Returns the index of the first item that equals `item` (LPOS). Reads as far as that item, in constant memory.
    ///
    /// # Errors
    /// As [`Lists::len`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).lists().push_right("l", ["a", "b"])?;
    /// assert_eq!(store.db(0).lists().position("l", "b")?, Some(1));
    /// assert_eq!(store.db(0).lists().position("l", "c")?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPOS")]
    pub fn position(&self, key: impl AsRef<[u8]>, item: impl AsRef<[u8]>) -> Result<Option<u64>> {
        Ok(self.positions(key, item, PositionOptions::new().count(1))?.into_iter().next())
    }

    /// Returns the indexes of the items that equal `item` and that the options ask for, in the order in which they are
    /// met (LPOS with COUNT). Reads as far as the last of them, or as [`PositionOptions::max_len`] allows; takes memory
    /// for the indexes.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a rank of 0 or `i64::MIN`; else as [`Lists::len`].
    ///
    /// # Examples
    /// ```
    /// use windrow::PositionOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).lists().push_right("l", ["a", "b", "a"])?;
    /// assert_eq!(store.db(0).lists().positions("l", "a", PositionOptions::new())?, [0, 2]);
    /// assert_eq!(store.db(0).lists().positions("l", "a", PositionOptions::new().rank(-1))?, [2, 0]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPOS")]
    pub fn positions(
        &self,
        key: impl AsRef<[u8]>,
        item: impl AsRef<[u8]>,
        options: PositionOptions,
    ) -> Result<Vec<u64>> {
        let wanted = options.wanted()?;
        let reading = self.db.begin()?.steady();
        match as_list(reading.live(key.as_ref())?)? {
            Some(meta) => list::positions(&reading.reader, &meta, item.as_ref(), wanted),
            None => Ok(Vec::new()),
        }
    }
}

fn as_list(meta: Option<Meta>) -> Result<Option<Meta>> {
    match meta {
        Some(meta) if meta.data_type != DataType::List => Err(Error::wrong_type(meta.data_type, DataType::List)),
        found => Ok(found),
    }
}
