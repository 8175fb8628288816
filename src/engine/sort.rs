//! Sorting lists, sets and sorted sets.
//!
//! Uses the read and write paths and `types::sort`. Invariant: the elements and the keys they lead to are read at one moment;
//! when the result is stored, that moment lies under the lock of its source and its destination.

use bytes::Bytes;

use crate::engine::{Db, Source, Writable};
use crate::error::{Error, Result};
use crate::types::sort::{self, Keyspace, Order, Pattern};

/// How [`Db::sort`] sorts, and what it returns: Redis' `BY`, `GET`, `LIMIT`, `DESC` and `ALPHA`.
///
/// # Examples
/// ```
/// use windrow::SortOptions;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.sets().add("players", ["ann", "bob"])?;
/// db.strings().mset([("points:ann", "3"), ("points:bob", "7")])?;
/// let best = SortOptions::new().by("points:*").descending().limit(0, 1).get("#").get("points:*");
/// assert_eq!(db.sort("players", &best)?, [Some("bob".into()), Some("7".into())]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct SortOptions {
    order: Order,
}

impl SortOptions {
    /// Sorts the elements by the numbers that they are, the least first, and returns them all.
    ///
    /// # Examples
    /// ```
    /// use windrow::SortOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.sets().add("s", ["10", "9"])?;
    /// assert_eq!(db.sort("s", &SortOptions::new())?, [Some("9".into()), Some("10".into())]);
    /// # Ok(()) }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Sorts by the values of other keys: the first `*` of `pattern` stands for the element, and `->field` behind it for
    /// a field of a hash. A key or field that does not exist counts as 0, or comes first if the order is
    /// alphabetic. A pattern without `*` leaves the elements in the order that they have, or reverses
    /// that of lists and sorted sets if the order is descending. As in Redis, a `*` or `->` behind
    /// a zero byte of the pattern is a character like any other.
    ///
    /// # Examples
    /// ```
    /// use windrow::SortOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.sets().add("s", ["a", "b"])?;
    /// db.strings().set("weight:a", "1")?;
    /// let by_weight = SortOptions::new().by("weight:*");
    /// assert_eq!(db.sort("s", &by_weight)?, [Some("b".into()), Some("a".into())]);
    /// # Ok(()) }
    /// ```
    pub fn by(mut self, pattern: impl AsRef<[u8]>) -> Self {
        self.order.by = Some(Pattern::parse(pattern.as_ref()));
        self
    }

    /// Returns, instead of each element, the value of the key that `pattern` makes of it as in [`SortOptions::by`]; `#` is
    /// the element itself. Several patterns return several values for each element.
    ///
    /// # Examples
    /// ```
    /// use windrow::SortOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.sets().add("s", ["1"])?;
    /// db.strings().set("name:1", "one")?;
    /// let named = SortOptions::new().get("#").get("name:*").get("missing:*");
    /// assert_eq!(db.sort("s", &named)?, [Some("1".into()), Some("one".into()), None]);
    /// # Ok(()) }
    /// ```
    pub fn get(mut self, pattern: impl AsRef<[u8]>) -> Self {
        self.order.get.push(Pattern::parse(pattern.as_ref()));
        self
    }

    /// Returns only `count` elements, after leaving `offset` out; `u64::MAX` takes all the rest. Everything is sorted nevertheless.
    ///
    /// # Examples
    /// ```
    /// use windrow::SortOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.sets().add("s", ["1", "2", "3"])?;
    /// assert_eq!(db.sort("s", &SortOptions::new().limit(1, 1))?, [Some("2".into())]);
    /// # Ok(()) }
    /// ```
    pub fn limit(mut self, offset: u64, count: u64) -> Self {
        self.order.offset = offset;
        self.order.count = Some(count);
        self
    }

    /// Turns the order round.
    ///
    /// # Examples
    /// ```
    /// use windrow::SortOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.sets().add("s", ["1", "2"])?;
    /// assert_eq!(db.sort("s", &SortOptions::new().descending())?, [Some("2".into()), Some("1".into())]);
    /// # Ok(()) }
    /// ```
    pub fn descending(mut self) -> Self {
        self.order.is_descending = true;
        self
    }

    /// Compares bytes instead of numbers (ALPHA).
    ///
    /// # Examples
    /// ```
    /// use windrow::SortOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.sets().add("s", ["b", "a"])?;
    /// assert!(db.sort("s", &SortOptions::new()).is_err());
    /// assert_eq!(db.sort("s", &SortOptions::new().alphabetic())?, [Some("a".into()), Some("b".into())]);
    /// # Ok(()) }
    /// ```
    pub fn alphabetic(mut self) -> Self {
        self.order.is_alphabetic = true;
        self
    }
}

impl<S: Source> Db<S> {
    /// Sorts the elements of a list, a set or a sorted set, whose members are meant and not their scores (SORT). A missing
    /// key has no elements. `None` stands for what a [`SortOptions::get`] did not find. Elements of the same weight come
    /// in byte order, where Redis leaves it open if they are compared as text.
    ///
    /// Costs a snapshot, a walk over all elements, memory for them all and for what they are sorted by, and a point read for
    /// each of them that [`SortOptions::by`] or [`SortOptions::get`] makes necessary. Without an order, a limit leaves the
    /// rest unread.
    ///
    /// # Errors
    /// [`NotAFloat`](crate::ErrorKind::NotAFloat) if something to be compared is no number;
    /// [`WrongType`](crate::ErrorKind::WrongType); reading errors.
    ///
    /// # Examples
    /// ```
    /// use windrow::SortOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.sets().add("ages", ["41", "7", "30"])?;
    /// let youngest = db.sort("ages", &SortOptions::new().limit(0, 2))?;
    /// assert_eq!(youngest, [Some("7".into()), Some("30".into())]);
    /// # Ok(()) }
    /// ```
    #[doc(alias("SORT", "SORT_RO"))]
    pub fn sort(&self, key: impl AsRef<[u8]>, options: &SortOptions) -> Result<Vec<Option<Bytes>>> {
        self.sorted(key.as_ref(), options, false)
    }

    fn sorted(&self, key: &[u8], options: &SortOptions, is_stored: bool) -> Result<Vec<Option<Bytes>>> {
        let reading = self.begin()?.steady();
        let Some(number) = reading.number() else {
            return Ok(Vec::new());
        };
        let keyspace = Keyspace { reader: &reading.reader, number, now: reading.now };
        keyspace.sort(key, &options.order, is_stored)
    }
}

impl<S: Writable> Db<S> {
    /// Sorts as [`Db::sort`] does and stores the result as a list in place of whatever `destination` holds, without expiry;
    /// returns the list's length (SORT with STORE). What a [`SortOptions::get`] did not find becomes an empty item; an empty
    /// result removes the key. A set without an order is stored in byte order.
    ///
    /// # Errors
    /// As [`Db::sort`]; writing errors. Nothing is changed then.
    ///
    /// # Examples
    /// ```
    /// use windrow::{DataType, SortOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.sets().add("s", ["2", "1"])?;
    /// assert_eq!(db.sort_store("s", "sorted", &SortOptions::new())?, 2);
    /// assert_eq!(db.data_type("sorted")?, Some(DataType::List));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SORT")]
    pub fn sort_store(
        &self,
        key: impl AsRef<[u8]>,
        destination: impl AsRef<[u8]>,
        options: &SortOptions,
    ) -> Result<u64> {
        let (key, destination) = (key.as_ref(), destination.as_ref());
        let mut keys = vec![destination, key];
        keys.dedup();
        self.write_keys(&keys, |plans| match plans {
            // The locks that are held keep source and destination as they are meanwhile.
            [destination, ..] => sort::store(destination, self.sorted(key, options, true)?),
            [] => Err(Error::invalid("a destination makes a plan")),
        })
    }
}
