//! Finding keys: by what they begin with, by pattern, by chance.
//!
//! Uses the read path. Invariant: a key that expired is never found.

use bytes::Bytes;

use crate::encoding::{DataType, KeyLayout, Meta, MetaKey, UnixMillis};
use crate::engine::read::Reading;
use crate::engine::{Db, ScanCursor, ScanOptions, ScanPage, Source};
use crate::error::Result;
use crate::store::Cursor;
use crate::types::glob::Glob;
use crate::types::random_key;

impl<S: Source> Db<S> {
    /// Walks over the keys that begin with `prefix`, in byte order, as they are at the time of the call. Reads as it
    /// goes, in constant memory; as long as the iterator lives it holds reclaiming back like a view.
    ///
    /// In a store with the cluster layout the keys come in order of their slots, and every key of the db is read.
    ///
    /// # Errors
    /// As [`Db::exists`]; each item can fail with a reading error.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// for key in ["user:2", "user:1", "group:1"] {
    ///     db.strings().set(key, "")?;
    /// }
    /// let users = db.keys("user:")?.collect::<windrow::Result<Vec<_>>>()?;
    /// assert_eq!(users, ["user:1", "user:2"]);
    /// # Ok(()) }
    /// ```
    pub fn keys(&self, prefix: impl AsRef<[u8]>) -> Result<Keys> {
        let reading = self.begin_over_all()?.steady();
        let prefix = prefix.as_ref().to_vec();
        let cursor = reading.number().map(|number| reading.reader.records(number, &prefix));
        Ok(Keys::over(reading, cursor, prefix))
    }

    /// Walks over the keys that match `pattern`, as [`Db::keys`] does (KEYS). In a pattern `*` stands for any bytes, `?` for
    /// one, `[a-z]` for one of those, `[^a]` for one of the others, and `\\` takes the meaning from the byte behind it.
    /// Reads the keys that begin as the pattern does up to its first special byte.
    ///
    /// # Errors
    /// As [`Db::keys`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().mset([("user:1:name", ""), ("user:1:mail", ""), ("user:2:name", "")])?;
    /// let names = db.keys_matching("user:*:name")?.collect::<windrow::Result<Vec<_>>>()?;
    /// assert_eq!(names, ["user:1:name", "user:2:name"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "KEYS")]
    pub fn keys_matching(&self, pattern: impl AsRef<[u8]>) -> Result<Keys> {
        let pattern = pattern.as_ref();
        let mut keys = self.keys(Glob::new(pattern).literal_prefix())?;
        keys.pattern = Some(pattern.to_vec());
        Ok(keys)
    }

    /// Returns a page of the keys, and the cursor with which the next page begins (SCAN). Nothing is kept between two
    /// pages: see [`ScanCursor`] for what a scan promises while keys come and go.
    ///
    /// Costs a seek, and a read for each key that is looked at; a key that has expired is one of them. In a store with
    /// the cluster layout a pattern's first bytes save nothing.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a count of 0; as [`Db::exists`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{ScanCursor, ScanOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().mset([("user:1", ""), ("user:2", ""), ("group:1", "")])?;
    /// let (mut cursor, mut users) = (ScanCursor::START, Vec::new());
    /// while !cursor.is_finished() {
    ///     let page = db.scan(&cursor, ScanOptions::new().matching("user:*").count(1))?;
    ///     users.extend(page.items);
    ///     cursor = page.cursor;
    /// }
    /// assert_eq!(users, ["user:1", "user:2"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCAN")]
    pub fn scan(&self, cursor: &ScanCursor, options: ScanOptions<'_>) -> Result<ScanPage> {
        self.page(cursor, options, None)
    }

    /// Returns a page of the keys as [`Db::scan`] does, only of those that hold a certain data type (SCAN with TYPE).
    ///
    /// # Errors
    /// As [`Db::scan`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{DataType, ScanCursor, ScanOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("a", "")?;
    /// db.sets().add("b", ["m"])?;
    /// let page = db.scan_of_type(&ScanCursor::START, ScanOptions::new(), DataType::Set)?;
    /// assert_eq!(page.items, ["b"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCAN")]
    pub fn scan_of_type(&self, cursor: &ScanCursor, options: ScanOptions<'_>, wanted: DataType) -> Result<ScanPage> {
        self.page(cursor, options, Some(wanted))
    }

    fn page(&self, cursor: &ScanCursor, options: ScanOptions<'_>, of_type: Option<DataType>) -> Result<ScanPage> {
        let wanted = options.wanted()?;
        let reading = self.begin_over_all()?;
        let mut page = ScanPage::nothing();
        let Some(number) = reading.number().filter(|_| !cursor.is_finished()) else {
            return Ok(page);
        };
        let layout = reading.reader.layout();
        let mut records = reading.reader.records_behind(number, &options.prefix(), cursor.last_name());
        for turn in 1..=wanted {
            let Some((key, record)) = records.entry()? else {
                return Ok(page);
            };
            let key = MetaKey::decode(layout, key)?.user_key;
            let meta = Meta::peek(record)?;
            let lives = meta.expires_at.is_none_or(|expires_at| expires_at > reading.now);
            if lives && of_type.is_none_or(|wanted| meta.data_type == wanted) && options.matches(key) {
                page.items.push(Bytes::copy_from_slice(key));
            }
            let last = (turn == wanted).then(|| ScanCursor::behind(key));
            records.advance();
            if let Some(last) = last
                && records.entry()?.is_some()
            {
                page.cursor = last;
            }
        }
        Ok(page)
    }

    /// Returns a key chosen at random, `None` if there is none (RANDOMKEY).
    ///
    /// In a db of up to 256 keys every key has the same chance. In a larger one the chances are only alike: at least eight
    /// keys are found by random steps down the tree of the keys' bytes, more while the tree proves to be lopsided, and one
    /// of them is kept, so that what is easily found is kept less often. Keys that stand apart from most others come
    /// too often: that is seldom noticed, but no sample for statistics.
    ///
    /// Costs a snapshot and, in a large db, some hundred seeks: about a millisecond for a million keys. More while many
    /// expired keys wait to be reaped.
    ///
    /// # Errors
    /// As [`Db::exists`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// assert_eq!(db.random_key()?, None);
    /// db.strings().set("only", "v")?;
    /// assert_eq!(db.random_key()?, Some("only".into()));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RANDOMKEY")]
    pub fn random_key(&self) -> Result<Option<Bytes>> {
        let reading = self.begin_over_all()?.steady();
        match &reading.keyspace {
            Some(keyspace) => random_key::choose(&reading.reader, keyspace.number, reading.now, keyspace.count()),
            None => Ok(None),
        }
    }
}

/// Walks over the keys of a db. Made by [`Db::keys`], [`Db::keys_matching`] and [`Db::keys_in_slots`].
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.strings().set("user:1", "alice")?;
/// db.strings().set("user:2", "bob")?;
/// let users = db.keys("user:")?;
/// db.delete(["user:2"])?;
/// for key in users {
///     println!("{}", key?.escape_ascii()); // user:1 and user:2
/// }
/// # Ok(()) }
/// ```
#[must_use]
pub struct Keys {
    cursor: Option<Cursor>,
    prefix: Vec<u8>,
    pattern: Option<Vec<u8>>,
    now: UnixMillis,
    layout: KeyLayout,
    /// Whether the cursor stands on the key that was returned last.
    is_on_last: bool,
    _reading: Reading,
}

impl Keys {
    /// Walks over the living ones of the records under `cursor` whose keys begin with `prefix`.
    pub(super) fn over(reading: Reading, cursor: Option<Cursor>, prefix: Vec<u8>) -> Self {
        Self {
            cursor,
            prefix,
            pattern: None,
            now: reading.now,
            layout: reading.reader.layout(),
            is_on_last: false,
            _reading: reading,
        }
    }

    /// Returns the next key, which the iterator lends until it is asked again: copies nothing. `None` after the last one.
    ///
    /// # Errors
    /// As [`Db::exists`]. The walk is over then.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().mset([("a", ""), ("bc", "")])?;
    /// let (mut keys, mut bytes) = (db.keys("")?, 0);
    /// while let Some(key) = keys.next_ref()? {
    ///     bytes += key.len();
    /// }
    /// assert_eq!(bytes, 3);
    /// # Ok(()) }
    /// ```
    pub fn next_ref(&mut self) -> Result<Option<&[u8]>> {
        match self.find_next() {
            Ok(true) => self.current(),
            Ok(false) => {
                self.cursor = None;
                Ok(None)
            }
            Err(error) => {
                self.cursor = None;
                Err(error)
            }
        }
    }

    /// Moves to the next key that is wanted; returns whether there is one.
    fn find_next(&mut self) -> Result<bool> {
        let Some(cursor) = &mut self.cursor else {
            return Ok(false);
        };
        if self.is_on_last {
            cursor.advance();
            self.is_on_last = false;
        }
        while let Some((key, record)) = cursor.entry()? {
            let key = MetaKey::decode(self.layout, key)?.user_key;
            if key.starts_with(&self.prefix)
                && self.pattern.as_ref().is_none_or(|pattern| Glob::new(pattern).matches(key))
                && Meta::peek(record)?.expires_at.is_none_or(|expires_at| expires_at > self.now)
            {
                self.is_on_last = true;
                return Ok(true);
            }
            cursor.advance();
        }
        Ok(false)
    }

    /// The key under the cursor.
    fn current(&self) -> Result<Option<&[u8]>> {
        match self.cursor.as_ref().map(Cursor::entry).transpose()?.flatten() {
            Some((key, _)) => Ok(Some(MetaKey::decode(self.layout, key)?.user_key)),
            None => Ok(None),
        }
    }
}

impl Iterator for Keys {
    type Item = Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_ref().map(|key| key.map(Bytes::copy_from_slice)).transpose()
    }
}
