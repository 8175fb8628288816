//! Bulk load: many whole values at once, whose elements go to SST files and not through the log and the write buffers.
//!
//! May use everything below the engine. Invariants: until [`BulkLoad::finish`] nothing is visible and nothing belongs to the store; an id
//! that a load has taken is linked by the commit of its key, or buried; after a crash the next open buries it.

mod blocks;
mod finish;
mod load;
mod series;
mod sorter;
mod value;
mod whole;

pub(super) use blocks::Draft;
pub(super) use load::Load;
pub(super) use value::{Closed, Given, Values};

use crate::encoding::{DataType, ElementKey, LIST_MIDDLE, Score};
use crate::engine::{CreateOptions, Db, Existing, Live};
use crate::error::{Error, Result};
use crate::gc::PinKind;
use crate::types::Birth;

/// Many whole values, given in any order of their keys, which take their places in one db with [`finish`](Self::finish). Made by
/// [`Db::bulk_load`].
///
/// Each value takes the place of what its key held, of whatever type, as a `SET` does: nothing is added to what is there. Of several
/// values for one key the last one wins. A collection without elements, and a value whose expiry has passed, takes
/// away what the key held.
///
/// Before `finish` nothing is visible, and a load that is dropped, or whose process dies, leaves nothing behind. During `finish` the keys
/// appear one after the other, each whole: a reader sees the old value or the new one. In a db that holds nothing all of them appear
/// at once, and it goes faster. Views that are open see none of it. Other threads may read and write the same keys all the time; what
/// they write before a key's turn is replaced.
///
/// What goes to disk meanwhile lies in a directory of its own in that of the store, and takes as much space as the values.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use windrow::CreateOptions;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// let day = CreateOptions::new().expire_in(Duration::from_secs(86_400));
/// let mut load = db.bulk_load()?;
/// for user in 0..1000 {
///     load.hash(format!("user:{user}"), [("name", "Ann"), ("city", "Bergen")], CreateOptions::new())?;
///     load.string(format!("session:{user}"), "opaque", day)?;
/// }
/// assert!(!db.exists("user:7")?, "nothing is visible yet");
/// assert_eq!(load.finish()?, 2000);
/// assert_eq!(db.hashes().get("user:7", "city")?.as_deref(), Some(b"Bergen".as_slice()));
/// # Ok(()) }
/// ```
#[must_use]
pub struct BulkLoad {
    values: Values,
    load: Load,
}

impl Db<Live> {
    /// Begins a bulk load into this db: for many keys at once, several times as fast as ordinary writes, as the elements of
    /// collections go to files directly, and records are written in the order of their keys. Costs a directory in that of the store.
    ///
    /// # Errors
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly), [`TooLarge`](crate::ErrorKind::TooLarge) for the namespace's name,
    /// [`Io`](crate::ErrorKind::Io), [`Closed`](crate::ErrorKind::Closed) or [`Poisoned`](crate::ErrorKind::Poisoned).
    ///
    /// # Examples
    /// ```
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let mut load = db.bulk_load()?;
    /// load.set("members", ["alice", "bob"], CreateOptions::new())?;
    /// load.finish()?;
    /// assert_eq!(db.sets().len("members")?, 2);
    /// # Ok(()) }
    /// ```
    pub fn bulk_load(&self) -> Result<BulkLoad> {
        let load = Load::begin(self.source(), self.namespace(), self.number(), Existing::Replace)?;
        let values = load.values(share(load.memory_bytes));
        Ok(BulkLoad { values, load })
    }
}

/// What is kept in memory of the elements of one value.
fn share(memory_bytes: usize) -> usize {
    memory_bytes / 8
}

impl BulkLoad {
    /// Says how much of what was given is kept in memory, at least 256 KiB; 64 MiB unless said. The rest waits in sorted files, and each
    /// file in the making takes about as much again as its index and its filter. More memory makes fewer and larger files.
    ///
    /// # Examples
    /// ```
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut load = store.db(0).bulk_load()?.memory(1 << 20);
    /// load.set("large", (0..100_000_u32).map(u32::to_be_bytes), CreateOptions::new())?;
    /// assert_eq!(load.finish()?, 1);
    /// assert_eq!(store.db(0).sets().len("large")?, 100_000);
    /// # Ok(()) }
    /// ```
    pub fn memory(mut self, bytes: usize) -> Self {
        let bytes = self.load.set_memory(bytes);
        self.values.set_limit(share(bytes));
        self
    }

    /// Begins a value in place of the one that was given before and did not come to its end. `None` if its expiry has passed: it just
    /// takes away what the key holds.
    fn begin_value(&mut self, data_type: DataType, key: &[u8], options: CreateOptions) -> Result<Option<Given>> {
        let engine = &self.load.live.engine;
        engine.check_writable()?;
        engine.check_key(key)?;
        let now = engine.pins.pin(PinKind::Read).now();
        let Birth { expires_at, habit } = options.birth(now)?;
        let keyspace = self.load.keyspace();
        self.values.begin();
        let number = self.load.count_given();
        if expires_at.is_some_and(|expires_at| expires_at <= now) {
            self.load.file(key, number, None)?;
            return Ok(None);
        }
        let draft = Draft { number, data_type, created_at: now, expires_at, size: 0 };
        Ok(Some(Given { draft, habit, keyspace }))
    }

    /// Ends a collection.
    fn end(&mut self, key: &[u8], given: Given) -> Result<()> {
        let closed = self.values.collection(&self.load.live.engine.limits(), given.draft)?;
        self.load.end(&mut self.values, key, given, closed)
    }

    /// Gives a key a string. Costs a copy of it.
    ///
    /// # Errors
    /// [`TooLarge`](crate::ErrorKind::TooLarge) for a key or a value above the store's limit,
    /// [`OutOfRange`](crate::ErrorKind::OutOfRange) for an expiry beyond 63 bits of milliseconds; else as [`Db::bulk_load`]. The value
    /// is left out then, and the load can go on.
    ///
    /// # Examples
    /// ```
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut load = store.db(0).bulk_load()?;
    /// load.string("k", "first", CreateOptions::new())?;
    /// load.string("k", "last", CreateOptions::new())?;
    /// assert_eq!(load.finish()?, 1);
    /// assert_eq!(store.db(0).strings().get("k")?.as_deref(), Some(b"last".as_slice()));
    /// # Ok(()) }
    /// ```
    pub fn string(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, options: CreateOptions) -> Result<()> {
        let (key, value) = (key.as_ref(), value.as_ref());
        self.load.live.engine.check_value(value)?;
        let Some(given) = self.begin_value(DataType::String, key, options)? else { return Ok(()) };
        let closed = self.values.string(&self.load.live.engine.limits(), given.draft, value)?;
        self.load.end(&mut self.values, key, given, closed)
    }

    /// Gives a key a hash. Of several values for one field the last one wins. Costs a copy of the fields, and sorting them; a hash may
    /// be larger than the memory.
    ///
    /// # Errors
    /// As [`BulkLoad::string`], for a field or a value too.
    ///
    /// # Examples
    /// ```
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut load = store.db(0).bulk_load()?;
    /// load.hash("user:1", [("name", "Ann"), ("age", "7")], CreateOptions::new())?;
    /// load.finish()?;
    /// assert_eq!(store.db(0).hashes().len("user:1")?, 2);
    /// # Ok(()) }
    /// ```
    pub fn hash<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = (F, V)>,
        options: CreateOptions,
    ) -> Result<()> {
        let Some(given) = self.begin_value(DataType::Hash, key.as_ref(), options)? else { return Ok(()) };
        for (field, value) in fields {
            self.load.live.engine.check_member(field.as_ref())?;
            self.load.live.engine.check_value(value.as_ref())?;
            self.values.put(&ElementKey::HashField(field.as_ref()), value.as_ref())?;
        }
        self.end(key.as_ref(), given)
    }

    /// Gives a key a set. Costs a copy of the members, and sorting them; a set may be larger than the memory.
    ///
    /// # Errors
    /// As [`BulkLoad::string`], for a member too.
    ///
    /// # Examples
    /// ```
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut load = store.db(0).bulk_load()?;
    /// load.set("letters", ["b", "a", "b"], CreateOptions::new())?;
    /// load.finish()?;
    /// assert_eq!(store.db(0).sets().len("letters")?, 2);
    /// # Ok(()) }
    /// ```
    pub fn set<M: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = M>,
        options: CreateOptions,
    ) -> Result<()> {
        let Some(given) = self.begin_value(DataType::Set, key.as_ref(), options)? else { return Ok(()) };
        for member in members {
            self.load.live.engine.check_member(member.as_ref())?;
            self.values.put(&ElementKey::SetMember(member.as_ref()), b"")?;
        }
        self.end(key.as_ref(), given)
    }

    /// Gives a key a list, from its first item to its last. Costs a copy of the items; a list may be larger than the memory.
    ///
    /// # Errors
    /// As [`BulkLoad::string`], for an item too.
    ///
    /// # Examples
    /// ```
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut load = store.db(0).bulk_load()?;
    /// load.list("jobs", ["first", "second"], CreateOptions::new())?;
    /// load.finish()?;
    /// assert_eq!(store.db(0).lists().index("jobs", 0)?.as_deref(), Some(b"first".as_slice()));
    /// # Ok(()) }
    /// ```
    pub fn list<I: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        items: impl IntoIterator<Item = I>,
        options: CreateOptions,
    ) -> Result<()> {
        let Some(given) = self.begin_value(DataType::List, key.as_ref(), options)? else { return Ok(()) };
        for (index, item) in (LIST_MIDDLE..u64::MAX).zip(items) {
            self.load.live.engine.check_value(item.as_ref())?;
            self.values.put(&ElementKey::ListItem(index), item.as_ref())?;
        }
        self.end(key.as_ref(), given)
    }

    /// Gives a key a sorted set. Of several scores for one member the last one wins. Costs two copies of the members, and sorting
    /// them; a sorted set may be larger than the memory.
    ///
    /// # Errors
    /// As [`BulkLoad::string`], for a member too; [`NotANumber`](crate::ErrorKind::NotANumber) for a score.
    ///
    /// # Examples
    /// ```
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let mut load = store.db(0).bulk_load()?;
    /// load.zset("board", [("ann", 7.0), ("bob", 3.0)], CreateOptions::new())?;
    /// load.finish()?;
    /// assert_eq!(store.db(0).zsets().rank("board", "ann")?, Some(1));
    /// # Ok(()) }
    /// ```
    pub fn zset<M: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = (M, f64)>,
        options: CreateOptions,
    ) -> Result<()> {
        let Some(given) = self.begin_value(DataType::SortedSet, key.as_ref(), options)? else { return Ok(()) };
        for (member, score) in members {
            self.load.live.engine.check_member(member.as_ref())?;
            let score = Score::new(score).ok_or_else(|| Error::not_a_number("a score is not a number"))?;
            self.values.put(&ElementKey::SortedMember(member.as_ref()), &score.to_ordered_bytes())?;
        }
        self.end(key.as_ref(), given)
    }
}
