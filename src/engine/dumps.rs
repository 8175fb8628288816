//! Values in the form in which Redis dumps them: DUMP and RESTORE.
//!
//! Uses the read and write paths, `types` and `rdb`. Invariant: a payload is restored whole or not at all.

use std::time::Duration;

use bytes::Bytes;

use crate::encoding::{Habit, UnixMillis};
use crate::engine::{CreateOptions, Db, Engine, Source, Writable};
use crate::error::Result;
use crate::rdb::{Element, open_payload};
use crate::types::Birth;
use crate::types::dump::{self, MAX_DUMP_BYTES, Restoring};

/// How [`Db::restore`] restores: Redis' `ttl`, `ABSTTL` and `REPLACE`.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use windrow::RestoreOptions;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.strings().set("k", "v")?;
/// let payload = db.dump("k")?.unwrap();
/// db.restore("k", payload, RestoreOptions::new().replace().expire_in(Duration::from_secs(60)))?;
/// assert!(db.expires_at("k")?.is_some());
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct RestoreOptions {
    /// Says when it expires.
    birth: CreateOptions,
    replace: bool,
}

impl RestoreOptions {
    /// Restores a value that lives for ever, and replaces nothing: a `ttl` of 0.
    ///
    /// # Examples
    /// ```
    /// use windrow::{RestoreOptions, Ttl};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.sets().add("s", ["a"])?;
    /// db.restore("again", db.dump("s")?.unwrap(), RestoreOptions::new())?;
    /// assert_eq!(db.ttl("again")?, Ttl::Forever);
    /// # Ok(()) }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the key expire after `lifetime`. With less than a millisecond nothing is created, as with a time that has
    /// passed; a `ttl` of 0, by which Redis means no expiry, is said by not calling this.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::RestoreOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("k", "v")?;
    /// let payload = db.dump("k")?.unwrap();
    /// db.restore("brief", payload, RestoreOptions::new().expire_in(Duration::from_secs(1)))?;
    /// assert!(db.expires_at("brief")? > Some(store.time()));
    /// # Ok(()) }
    /// ```
    pub fn expire_in(mut self, lifetime: Duration) -> Self {
        self.birth = self.birth.expire_in(lifetime);
        self
    }

    /// Lets the key expire at a time (ABSTTL). One that has passed creates nothing, and takes away what was to be replaced.
    ///
    /// # Examples
    /// ```
    /// use windrow::{RestoreOptions, UnixMillis};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("k", "v")?;
    /// let payload = db.dump("k")?.unwrap();
    /// db.restore("k", payload, RestoreOptions::new().replace().expire_at(UnixMillis::new(1)))?;
    /// assert!(!db.exists("k")?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ABSTTL")]
    pub fn expire_at(mut self, time: UnixMillis) -> Self {
        self.birth = self.birth.expire_at(time);
        self
    }

    /// Replaces what is there, of whatever type (REPLACE).
    ///
    /// # Examples
    /// ```
    /// use windrow::{ErrorKind, RestoreOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("k", "v")?;
    /// let payload = db.dump("k")?.unwrap();
    /// let error = db.restore("k", &payload, RestoreOptions::new()).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::KeyExists);
    /// db.restore("k", &payload, RestoreOptions::new().replace())?;
    /// # Ok(()) }
    /// ```
    pub fn replace(mut self) -> Self {
        self.replace = true;
        self
    }

    /// Changes nothing: nothing here is evicted, so it is not kept when a key was last used (IDLETIME).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::RestoreOptions;
    /// assert_eq!(RestoreOptions::new().idle_time(Duration::from_secs(9)), RestoreOptions::new());
    /// ```
    #[doc(alias = "IDLETIME")]
    pub fn idle_time(self, _: Duration) -> Self {
        self
    }

    /// Changes nothing: nothing here is evicted, so it is not kept how often a key is used (FREQ).
    ///
    /// # Examples
    /// ```
    /// use windrow::RestoreOptions;
    /// assert_eq!(RestoreOptions::new().frequency(255), RestoreOptions::new());
    /// ```
    #[doc(alias = "FREQ")]
    pub fn frequency(self, _: u8) -> Self {
        self
    }
}

impl<S: Source> Db<S> {
    /// Returns the key's value as Redis dumps it (DUMP): its type and content without its expiry, RDB version 10, with a
    /// checksum. `None` if there is no key. [`Db::restore`] takes it, here as in any other store, and so does `RESTORE` of
    /// Redis 7.0 and later. Costs a snapshot, a read of the whole value, and memory for it; the bytes are not those that Redis
    /// would write, but mean the same.
    ///
    /// # Errors
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if the dump would have more than 4 GiB; else as [`Db::exists`].
    ///
    /// # Examples
    /// ```
    /// use windrow::RestoreOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.zsets().add("z", [("a", 1.0), ("b", 2.0)])?;
    /// let payload = db.dump("z")?.unwrap();
    /// db.restore("copy", payload, RestoreOptions::new())?;
    /// assert_eq!(db.zsets().score("copy", "b")?, Some(2.0));
    /// assert_eq!(db.dump("missing")?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "DUMP")]
    pub fn dump(&self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>> {
        let reading = self.begin()?.steady();
        let meta = reading.live(key.as_ref())?;
        meta.map(|meta| dump::dump(&reading.reader, &meta, MAX_DUMP_BYTES)).transpose()
    }
}

impl<S: Writable> Db<S> {
    /// Creates the key from what [`Db::dump`], or DUMP of a Redis up to 7.0, made of a value (RESTORE): of the five types, in
    /// every encoding, also those of older versions. Everything that Redis checks with `sanitize-dump-payload yes` is checked,
    /// before anything is changed. Costs a write of the whole value; a large one goes to disk in several commits, of which
    /// the last makes it appear, and beside the payload never more of it than about
    /// [`max_commit_bytes`](crate::Options::max_commit_bytes) is in memory.
    ///
    /// # Errors
    /// [`KeyExists`](crate::ErrorKind::KeyExists) without [`RestoreOptions::replace`];
    /// [`BadDump`](crate::ErrorKind::BadDump) for a payload that is damaged, newer, or of a stream or a module's value;
    /// [`TooLarge`](crate::ErrorKind::TooLarge) for a string, element or key above the store's limit;
    /// [`OutOfRange`](crate::ErrorKind::OutOfRange) for an expiry beyond 63 bits of milliseconds; else as [`Db::delete`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{ErrorKind, RestoreOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// // What Redis answers to SET mykey 10, DUMP mykey.
    /// let payload = b"\x00\xc0\n\n\x00n\x9fWE\x0e\xaec\xbb";
    /// db.restore("mykey", payload, RestoreOptions::new())?;
    /// assert_eq!(db.strings().incr("mykey")?, 11);
    /// let error = db.restore("other", b"\x00\xc0\n", RestoreOptions::new()).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::BadDump);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RESTORE")]
    pub fn restore(&self, key: impl AsRef<[u8]>, payload: impl AsRef<[u8]>, options: RestoreOptions) -> Result<()> {
        let engine = self.engine();
        let check = |element: &Element| engine.check_element(element);
        // WHY here: the key is not locked while the bytes are summed up. Told only behind what is wrong with the key, as in Redis.
        let value = open_payload(payload.as_ref());
        self.write_key(key.as_ref(), |plan| {
            // Whoever restores a value has it whole.
            let birth = Birth { habit: Some(Habit::Closed), ..options.birth.birth(plan.now)? };
            let with = Restoring {
                birth,
                may_replace: options.replace,
                max_string_bytes: engine.most_string_bytes(),
                check: &check,
            };
            dump::restore(plan, value, &with)
        })
    }
}

impl Engine {
    /// The longest string of a value that is read before its place in the value says how long it may be.
    pub(super) fn most_string_bytes(&self) -> usize {
        self.options.max_value_bytes.max(self.options.max_member_bytes)
    }

    /// Refuses elements longer than the store's limits. A string's length is checked where it is set.
    pub(super) fn check_element(&self, element: &Element) -> Result<()> {
        match element {
            Element::Text(_) => Ok(()),
            Element::Item(item) => self.check_value(item),
            Element::Member(member) | Element::Scored(member, _) => self.check_member(member),
            Element::Field(field, value) => {
                self.check_member(field)?;
                self.check_value(value)
            }
        }
    }
}
