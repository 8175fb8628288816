//! What a subscription is about.
//!
//! Uses patterns. Invariant: plain data; what it asks of an event costs no more than a look at it, but for a pattern.

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::types::glob::Glob;
use crate::types::{EventClass, EventKind, EventKinds};

/// Events that wait for their subscriber. WHY so many: a pause of a tenth of a second at half a million writes in a second
/// costs none; about 10 MB when all of them wait.
const DEFAULT_CAPACITY: usize = 1 << 16;

/// Which events a subscription gets, and how many of them may wait. By default those of all keys, and of all classes but
/// [`EventClass::New`], as with Redis' `A`.
///
/// # Examples
/// ```
/// use windrow::{EventClass, EventKind, EventOptions};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let options = EventOptions::new().db(0).keys("session:*").class(EventClass::Expired).kind(EventKind::Del);
/// let ends = store.subscribe(options)?;
/// store.db(0).strings().mset([("session:1", "alice"), ("other", "x")])?;
/// store.db(0).delete(["session:1", "other"])?;
/// assert_eq!(ends.recv().unwrap().key, "session:1");
/// assert_eq!(ends.try_recv(), None);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct EventOptions {
    namespace: Option<Bytes>,
    db: Option<u32>,
    pattern: Option<Bytes>,
    /// `None`: the usual ones.
    kinds: Option<EventKinds>,
    capacity: usize,
}

impl Default for EventOptions {
    fn default() -> Self {
        Self { namespace: None, db: None, pattern: None, kinds: None, capacity: DEFAULT_CAPACITY }
    }
}

impl EventOptions {
    /// All keys and the usual kinds.
    ///
    /// # Examples
    /// ```
    /// let options = windrow::EventOptions::new();
    /// # let _ = options;
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Keys of one namespace only; the default one has the empty name.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let events = store.subscribe(windrow::EventOptions::new().namespace("a"))?;
    /// store.namespace("b").db(0).strings().set("k", "v")?;
    /// store.namespace("a").db(0).strings().set("k", "v")?;
    /// assert_eq!(events.recv().unwrap().namespace, "a");
    /// # Ok(()) }
    /// ```
    pub fn namespace(mut self, name: impl AsRef<[u8]>) -> Self {
        self.namespace = Some(Bytes::copy_from_slice(name.as_ref()));
        self
    }

    /// Keys of dbs with this number only.
    ///
    /// # Examples
    /// ```
    /// let options = windrow::EventOptions::new().db(3);
    /// # let _ = options;
    /// ```
    pub fn db(mut self, number: u32) -> Self {
        self.db = Some(number);
        self
    }

    /// Keys only that match a pattern, as that of Redis' KEYS. Each event is compared while its key is locked: a long pattern
    /// holds writers up.
    ///
    /// # Examples
    /// ```
    /// let options = windrow::EventOptions::new().keys("user:*");
    /// # let _ = options;
    /// ```
    pub fn keys(mut self, pattern: impl AsRef<[u8]>) -> Self {
        self.pattern = Some(Bytes::copy_from_slice(pattern.as_ref()));
        self
    }

    /// Events of this kind, and of the others that are named, instead of the usual ones.
    ///
    /// # Examples
    /// ```
    /// use windrow::{EventKind, EventOptions};
    /// let options = EventOptions::new().kind(EventKind::Set).kind(EventKind::Del);
    /// # let _ = options;
    /// ```
    pub fn kind(mut self, kind: EventKind) -> Self {
        self.kinds = Some(self.kinds.unwrap_or_default().with(kind));
        self
    }

    /// Events of this class, and of the others that are named, instead of the usual ones.
    ///
    /// # Examples
    /// ```
    /// use windrow::{EventClass, EventOptions};
    /// let options = EventOptions::new().class(EventClass::List).class(EventClass::Expired);
    /// # let _ = options;
    /// ```
    pub fn class(mut self, class: EventClass) -> Self {
        self.kinds = Some(self.kinds.unwrap_or_default().with_class(class));
        self
    }

    /// Events of every kind, [`EventKind::New`] included, instead of the usual ones.
    ///
    /// # Examples
    /// ```
    /// use windrow::{EventKind, EventOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let events = store.subscribe(EventOptions::new().all())?;
    /// store.db(0).strings().set("k", "v")?;
    /// let kinds: Vec<_> = events.take(2).map(|event| event.kind).collect();
    /// assert_eq!(kinds, [EventKind::New, EventKind::Set]);
    /// # Ok(()) }
    /// ```
    pub fn all(mut self) -> Self {
        self.kinds = Some(EventKinds::all());
        self
    }

    /// Events of the classes that these letters name, and of the others that are named, instead of the usual ones: the letters of
    /// Redis' `notify-keyspace-events`. `A` stands for all classes but [`EventClass::New`]. `e`, `t` and `d` name evictions, streams
    /// and modules, of which there are none here; `K` and `E` say under which names Redis tells events, and change nothing.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for any other letter, `m` included: reads that find nothing are not told.
    ///
    /// # Examples
    /// ```
    /// use windrow::{EventKind, EventOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let events = store.subscribe(EventOptions::new().letters("Kgl")?)?;
    /// let db = store.db(0);
    /// db.strings().set("k", "v")?;
    /// db.lists().push_left("l", ["a"])?;
    /// db.delete(["k"])?;
    /// let kinds: Vec<_> = events.take(2).map(|event| event.kind).collect();
    /// assert_eq!(kinds, [EventKind::LPush, EventKind::Del]);
    /// assert!(EventOptions::new().letters("q").is_err());
    /// # Ok(()) }
    /// ```
    pub fn letters(mut self, letters: &str) -> Result<Self> {
        let mut kinds = self.kinds.unwrap_or_default();
        for letter in letters.chars() {
            kinds = match (letter, EventClass::from_letter(letter)) {
                (_, Some(class)) => kinds.with_class(class),
                ('A', _) => kinds.and(EventKinds::usual()),
                ('K' | 'E' | 'e' | 't' | 'd', _) => kinds,
                _ => return Err(Error::invalid("a letter stands for no class of events")),
            };
        }
        self.kinds = Some(kinds);
        Ok(self)
    }

    /// How many events may wait; the oldest one makes room for one more. Default 65,536. What waits holds its key in memory,
    /// which is why there is a bound at all. [`Store::subscribe`](crate::Store::subscribe) refuses 0.
    ///
    /// # Examples
    /// ```
    /// use windrow::EventOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let events = store.subscribe(EventOptions::new().capacity(2))?;
    /// for key in ["a", "b", "c", "d"] {
    ///     store.db(0).strings().set(key, "v")?;
    /// }
    /// let event = events.recv().unwrap();
    /// assert_eq!((&event.key[..], event.missed), (&b"c"[..], 2));
    /// # Ok(()) }
    /// ```
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.capacity == 0 {
            return Err(Error::invalid("a subscription has room for at least one event"));
        }
        Ok(())
    }

    pub(super) fn into_parts(self) -> (Filter, usize) {
        let Self { namespace, db, pattern, kinds, capacity } = self;
        let kinds = kinds.unwrap_or_else(EventKinds::usual);
        (Filter { namespace, db, pattern, kinds }, capacity)
    }
}

/// Which events a subscriber wants.
#[derive(Debug)]
pub(super) struct Filter {
    namespace: Option<Bytes>,
    db: Option<u32>,
    pattern: Option<Bytes>,
    kinds: EventKinds,
}

impl Filter {
    pub(super) fn wants(&self, namespace: &[u8], db: u32, key: &[u8], kind: EventKind) -> bool {
        self.kinds.has(kind)
            && self.db.is_none_or(|wanted| wanted == db)
            && self.namespace.as_ref().is_none_or(|wanted| wanted == namespace)
            && self.pattern.as_ref().is_none_or(|pattern| Glob::new(pattern).matches(key))
    }
}
