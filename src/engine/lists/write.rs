//! Changing lists.
//!
//! Uses the write path and `types::list`. Invariant: limits are checked before anything is locked.

use bytes::Bytes;

use crate::engine::write::distinct;
use crate::engine::{CreateOptions, Lists, Writable};
use crate::error::{Error, Result};
use crate::types::KeyPlan;
use crate::types::list::{self, ListEnd};

impl<S: Writable> Lists<'_, S> {
    /// Adds items one after the other at the left end, creating the list if missing; returns the new length (LPUSH). No
    /// items change nothing. Costs one commit of the items and the record, whatever the length.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), [`TooLarge`](crate::ErrorKind::TooLarge); writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// assert_eq!(db.lists().push_left("l", ["b", "a"])?, 2);
    /// assert_eq!(db.lists().index("l", 0)?.unwrap(), "a");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPUSH")]
    pub fn push_left<I: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, items: impl IntoIterator<Item = I>) -> Result<u64> {
        self.push_with(key, ListEnd::Left, items, CreateOptions::new())
    }

    /// Adds items one after the other at the right end, creating the list if missing; returns the new length
    /// (RPUSH). No items change nothing. Costs one commit of the items and the record, whatever the length.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), [`TooLarge`](crate::ErrorKind::TooLarge); writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// assert_eq!(db.lists().push_right("l", ["a", "b"])?, 2);
    /// assert_eq!(db.lists().index("l", 0)?.unwrap(), "a");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RPUSH")]
    pub fn push_right<I: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, items: impl IntoIterator<Item = I>) -> Result<u64> {
        self.push_with(key, ListEnd::Right, items, CreateOptions::new())
    }

    /// Adds items at one end as [`Lists::push_left`] and [`Lists::push_right`] do, and says how a new list is to be
    /// born.
    ///
    /// # Errors
    /// As [`Lists::push_left`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::{CreateOptions, ListEnd};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let hour = CreateOptions::new().expire_in(Duration::from_secs(3600)).growing();
    /// store.db(0).lists().push_with("events:17h", ListEnd::Right, ["login"], hour)?;
    /// # Ok(()) }
    /// ```
    pub fn push_with<I: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        end: ListEnd,
        items: impl IntoIterator<Item = I>,
        options: CreateOptions,
    ) -> Result<u64> {
        self.write_items(key.as_ref(), items, |plan, items| {
            let birth = options.birth(plan.now)?;
            list::push(plan, end, items, birth)
        })
    }

    /// Adds items at one end of a list that exists; returns the new length, 0 if there is no list (LPUSHX, RPUSHX).
    /// Costs as [`Lists::push_left`].
    ///
    /// # Errors
    /// As [`Lists::push_left`].
    ///
    /// # Examples
    /// ```
    /// use windrow::ListEnd;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// assert_eq!(db.lists().push_existing("l", ListEnd::Left, ["a"])?, 0);
    /// assert!(!db.exists("l")?);
    /// # Ok(()) }
    /// ```
    #[doc(alias("LPUSHX", "RPUSHX"))]
    pub fn push_existing<I: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        end: ListEnd,
        items: impl IntoIterator<Item = I>,
    ) -> Result<u64> {
        self.write_items(key.as_ref(), items, |plan, items| list::push_existing(plan, end, items))
    }

    fn write_items<I: AsRef<[u8]>>(
        &self,
        key: &[u8],
        items: impl IntoIterator<Item = I>,
        change: impl FnOnce(&mut KeyPlan<'_>, &[&[u8]]) -> Result<u64>,
    ) -> Result<u64> {
        let items: Vec<I> = items.into_iter().collect();
        let items: Vec<&[u8]> = items.iter().map(AsRef::as_ref).collect();
        items.iter().try_for_each(|item| self.db.engine().check_value(item))?;
        self.db.write_key(key, |plan| change(plan, &items))
    }

    /// Takes the item at the left end, `None` if there is no list (LPOP). The last one's removal removes the key.
    /// Costs two point reads and one commit.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).lists().push_right("l", ["a", "b"])?;
    /// assert_eq!(store.db(0).lists().pop_left("l")?.unwrap(), "a");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPOP")]
    pub fn pop_left(&self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>> {
        Ok(self.pop(key, ListEnd::Left, 1)?.and_then(|taken| taken.into_iter().next()))
    }

    /// Takes the item at the right end, `None` if there is no list (RPOP). The last one's removal removes the key.
    /// Costs two point reads and one commit.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).lists().push_right("l", ["a", "b"])?;
    /// assert_eq!(store.db(0).lists().pop_right("l")?.unwrap(), "b");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RPOP")]
    pub fn pop_right(&self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>> {
        Ok(self.pop(key, ListEnd::Right, 1)?.and_then(|taken| taken.into_iter().next()))
    }

    /// Takes up to `count` items from one end, in the order in which they go; `None` if there is no list (LPOP and RPOP
    /// with a count). Costs one commit, and the reading and deleting of these items; what is left is written anew
    /// instead where it is few items beside those taken.
    ///
    /// # Errors
    /// As [`Lists::pop_left`].
    ///
    /// # Examples
    /// ```
    /// use windrow::ListEnd;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).lists().push_right("l", ["a", "b", "c"])?;
    /// assert_eq!(store.db(0).lists().pop("l", ListEnd::Right, 2)?.unwrap(), ["c", "b"]);
    /// assert_eq!(store.db(0).lists().pop("l", ListEnd::Right, 0)?, Some(vec![]));
    /// assert_eq!(store.db(0).lists().pop("missing", ListEnd::Right, 2)?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias("LPOP", "RPOP"))]
    pub fn pop(&self, key: impl AsRef<[u8]>, end: ListEnd, count: u64) -> Result<Option<Vec<Bytes>>> {
        self.db.write_key(key.as_ref(), |plan| list::pop(plan, end, count))
    }

    /// Takes up to `count` items from one end of the first of several keys that holds a list; returns that key and
    /// the items, `None` if there is no list (LMPOP). Costs a point read for each different key, else as
    /// [`Lists::pop`].
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) without keys or with a count of 0;
    /// [`WrongType`](crate::ErrorKind::WrongType) if a key of another type comes before the first list; writing
    /// errors.
    ///
    /// # Examples
    /// ```
    /// use windrow::ListEnd;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).lists().push_right("normal", ["job"])?;
    /// let (key, jobs) = store.db(0).lists().pop_first(["urgent", "normal"], ListEnd::Left, 10)?.unwrap();
    /// assert_eq!((key.as_ref(), jobs), (b"normal".as_slice(), vec!["job".into()]));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LMPOP")]
    pub fn pop_first<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        end: ListEnd,
        count: u64,
    ) -> Result<Option<(Bytes, Vec<Bytes>)>> {
        let keys: Vec<K> = keys.into_iter().collect();
        let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        if keys.is_empty() || count == 0 {
            return Err(Error::invalid("items are taken from at least one key, and at least one"));
        }
        let (different, _) = distinct(&keys);
        let found = self.db.write_keys(&different, |plans| list::pop_first(plans, end, count))?;
        Ok(found.and_then(|(which, taken)| Some((Bytes::copy_from_slice(different.get(which)?), taken))))
    }

    /// Moves an item from an end of one list to an end of another, which is created if missing, or to the other end
    /// of the same list; returns the item, `None` if there is nothing to move (LMOVE; from right to left:
    /// RPOPLPUSH). Costs three point reads and one commit.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) if `from` holds another type, or `to` does and `from` exists;
    /// writing errors.
    ///
    /// # Examples
    /// ```
    /// use windrow::ListEnd;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.lists().push_right("queue", ["job"])?;
    /// assert_eq!(db.lists().move_item("queue", "working", ListEnd::Left, ListEnd::Right)?.unwrap(), "job");
    /// assert_eq!(db.lists().len("working")?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias("LMOVE", "RPOPLPUSH"))]
    pub fn move_item(
        &self,
        from: impl AsRef<[u8]>,
        to: impl AsRef<[u8]>,
        from_end: ListEnd,
        to_end: ListEnd,
    ) -> Result<Option<Bytes>> {
        let (from, to) = (from.as_ref(), to.as_ref());
        if from == to {
            return self.db.write_key(from, |plan| list::rotate(plan, from_end, to_end));
        }
        self.db.write_keys(&[from, to], |plans| match plans {
            [from, to] => list::move_item((from, from_end), (to, to_end)),
            _ => Err(Error::invalid("two keys make two plans")),
        })
    }

    /// Overwrites the item at an index; negative ones count from the right end (LSET). Costs one point read and one
    /// commit of the item, wherever it stands.
    ///
    /// # Errors
    /// [`NoSuchKey`](crate::ErrorKind::NoSuchKey) if there is no list, [`OutOfRange`](crate::ErrorKind::OutOfRange)
    /// outside of it, [`WrongType`](crate::ErrorKind::WrongType), [`TooLarge`](crate::ErrorKind::TooLarge); writing
    /// errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.lists().push_right("l", ["a", "b"])?;
    /// db.lists().set("l", -1, "c")?;
    /// assert_eq!(db.lists().index("l", 1)?.unwrap(), "c");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LSET")]
    pub fn set(&self, key: impl AsRef<[u8]>, index: i64, item: impl AsRef<[u8]>) -> Result<()> {
        self.db.engine().check_value(item.as_ref())?;
        self.db.write_key(key.as_ref(), |plan| list::set(plan, index, item.as_ref()))
    }

    /// Inserts an item before the first one that equals `pivot`; returns the new length, 0 if there is no list,
    /// `None` if no item equals the pivot (LINSERT BEFORE). Reads as far as the pivot and moves the items on the
    /// shorter side of it by one: they are written again in the one commit, and lie in memory until then.
    ///
    /// # Errors
    /// As [`Lists::push_left`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.lists().push_right("l", ["a", "b", "c"])?;
    /// assert_eq!(db.lists().insert_before("l", "b", "x")?, Some(4));
    /// assert_eq!(db.lists().index("l", 1)?.unwrap(), "x");
    /// assert_eq!(db.lists().insert_before("l", "nowhere", "x")?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LINSERT")]
    pub fn insert_before(
        &self,
        key: impl AsRef<[u8]>,
        pivot: impl AsRef<[u8]>,
        item: impl AsRef<[u8]>,
    ) -> Result<Option<u64>> {
        self.insert(key.as_ref(), pivot.as_ref(), false, item.as_ref())
    }

    /// Inserts an item after the first one that equals `pivot` (LINSERT AFTER); else as [`Lists::insert_before`].
    ///
    /// # Errors
    /// As [`Lists::insert_before`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.lists().push_right("l", ["a", "b", "c"])?;
    /// assert_eq!(db.lists().insert_after("l", "b", "x")?, Some(4));
    /// assert_eq!(db.lists().index("l", 2)?.unwrap(), "x");
    /// assert_eq!(db.lists().insert_after("l", "nowhere", "x")?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LINSERT")]
    pub fn insert_after(
        &self,
        key: impl AsRef<[u8]>,
        pivot: impl AsRef<[u8]>,
        item: impl AsRef<[u8]>,
    ) -> Result<Option<u64>> {
        self.insert(key.as_ref(), pivot.as_ref(), true, item.as_ref())
    }

    fn insert(&self, key: &[u8], pivot: &[u8], behind: bool, item: &[u8]) -> Result<Option<u64>> {
        self.db.engine().check_value(item)?;
        self.db.write_key(key, |plan| list::insert(plan, pivot, behind, item))
    }

    /// Removes items that equal `item`: the first `count` from the left, the first from the right if `count` is
    /// negative, all if it is 0; returns how many went (LREM). The last one's removal removes the key.
    ///
    /// Reads the list as far as the last of them, then what it moves. The longest run of items between removed ones
    /// stays in place and the others move towards it: they are written again in the one commit, and lie in memory
    /// until then. Where that run is short beside what is removed, what is left is written as a new collection, in
    /// several commits if it is large.
    ///
    /// # Errors
    /// As [`Lists::pop_left`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.lists().push_right("l", ["a", "b", "a", "c", "a"])?;
    /// assert_eq!(db.lists().remove("l", -2, "a")?, 2);
    /// let left = db.lists().range("l", 0, -1)?.collect::<windrow::Result<Vec<_>>>()?;
    /// assert_eq!(left, ["a", "b", "c"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LREM")]
    pub fn remove(&self, key: impl AsRef<[u8]>, count: i64, item: impl AsRef<[u8]>) -> Result<u64> {
        self.db.write_key(key.as_ref(), |plan| list::remove(plan, count, item.as_ref()))
    }

    /// Keeps the items between two indexes, both included, and removes the others; indexes mean what they mean to
    /// [`Lists::range`]. Keeping nothing removes the key (LTRIM). Costs one commit and a deletion for each item
    /// that goes, unread; or, where few stay beside those that go, the writing of what stays as a new collection.
    ///
    /// # Errors
    /// As [`Lists::pop_left`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.lists().push_left("latest", ["1", "2", "3"])?;
    /// db.lists().trim("latest", 0, 1)?;
    /// let left = db.lists().range("latest", 0, -1)?.collect::<windrow::Result<Vec<_>>>()?;
    /// assert_eq!(left, ["3", "2"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LTRIM")]
    pub fn trim(&self, key: impl AsRef<[u8]>, start: i64, stop: i64) -> Result<()> {
        self.db.write_key(key.as_ref(), |plan| list::trim(plan, start, stop))
    }
}
