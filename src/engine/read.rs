//! The path of every read: pin, sample, keyspaces and, where several elements must agree, a snapshot.
//!
//! May use everything below the engine. Invariant (design, rule 5): the pin comes first and lives as long as
//! anything that reads under it.

use std::sync::Arc;

use crate::encoding::{KeyspaceNo, Meta, UnixMillis};
use crate::engine::Engine;
use crate::engine::keyspaces::{Keyspace, Map};
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::gc::{Pin, PinKind, Timed};
use crate::options::Durability;
use crate::store::Snapshot;
use crate::types::Reader;
use crate::types::overlay::Overlay;

/// What one read works with.
pub struct Reading {
    pub(crate) now: UnixMillis,
    pub(crate) keyspace: Option<Keyspace>,
    pub(crate) reader: Reader,
    steady: bool,
    _pin: Arc<Pin>,
    /// Declared last, so that whatever reads is gone before the engine is.
    engine: Arc<Engine>,
}

impl Reading {
    /// Begins a reading inside a transaction, which holds the keys' locks and a pin of its own.
    ///
    /// WHY another pin: what walks may live for longer than the transaction, and a write's pin holds up the reaper.
    pub(super) fn inside(engine: &Arc<Engine>, now: UnixMillis, keyspace: Keyspace, overlay: Arc<Overlay>) -> Self {
        let pin = engine.pins.pin(PinKind::Read);
        let reader = Reader::new(&engine.db, engine.directory.layout, None).under(overlay);
        Self { engine: Arc::clone(engine), now, keyspace: Some(keyspace), reader, steady: false, _pin: Arc::new(pin) }
    }

    /// Reads the record of a living key.
    pub(crate) fn live(&self, key: &[u8]) -> Result<Option<Meta>> {
        let found = match self.number() {
            Some(number) => {
                let look_up = || self.reader.live(number, key, self.now);
                self.engine.reclaimer.pacer.time(Timed::Read, 1, look_up)?
            }
            None => None,
        };
        failpoint!("read::after_record");
        Ok(found)
    }

    /// Reads the records of several keys, those that live, in the order of the keys.
    pub(crate) fn live_many<K: AsRef<[u8]>>(&self, keys: &[K]) -> Result<Vec<Option<Meta>>> {
        if let [key] = keys {
            // A look-up of several costs more than a plain one if it is of one.
            return Ok(vec![self.live(key.as_ref())?]);
        }
        let found = match self.number() {
            Some(number) => {
                let look_up = || self.reader.live_many(number, keys, self.now);
                self.engine.reclaimer.pacer.time(Timed::ReadMany, keys.len(), look_up)?
            }
            None => keys.iter().map(|_| None).collect(),
        };
        failpoint!("read::after_record");
        Ok(found)
    }

    /// Returns the keyspace's number, if it was ever written to.
    pub(crate) fn number(&self) -> Option<KeyspaceNo> {
        self.keyspace.as_ref().map(|keyspace| keyspace.number)
    }

    /// Tells whether all elements agree in this reading.
    pub(super) fn is_steady(&self) -> bool {
        self.steady
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Moves a reading of the present to this moment, in which all elements agree, under the same pin.
    pub(super) fn renew(&mut self) {
        let snapshot = Arc::new(Snapshot::new(&self.engine.db));
        self.reader = self.reader.at(snapshot);
        self.steady = true;
    }

    /// Returns a reading of the same moment or a later one, under the same pin, in which all elements agree.
    pub(crate) fn steady(mut self) -> Self {
        if !self.steady {
            self.renew();
        }
        self
    }
}

mod sealed {
    use super::{Live, Reading};
    use crate::engine::Tx;
    use crate::error::Result;

    /// Begins readings.
    pub trait Begin: Clone + Send + Sync + 'static {
        /// Begins a reading of one keyspace.
        fn begin(&self, namespace: &[u8], db: u32) -> Result<Reading>;

        /// Begins a reading of one keyspace that may walk over all its keys.
        fn begin_over_all(&self, namespace: &[u8], db: u32) -> Result<Reading> {
            self.begin(namespace, db)
        }
    }

    /// Says where writes go.
    pub trait Lead: Begin {
        /// Says where writes go.
        fn destination(&self) -> Destination<'_>;
    }

    /// Where writes go.
    #[derive(Debug)]
    pub enum Destination<'a> {
        /// To the store, each in a commit of its own.
        Store(&'a Live),
        /// To a transaction, which commits them together.
        Transaction(&'a Tx),
    }
}

pub(crate) use sealed::{Begin, Destination, Lead};

/// Where a handle reads: [`Live`], the present, [`Frozen`], the moment of a view, or [`Tx`](crate::Tx), a transaction.
///
/// # Examples
/// ```
/// use windrow::{Db, Source};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// fn is_member<S: Source>(db: &Db<S>, user: &str) -> windrow::Result<bool> {
///     db.sets().contains("members", user)
/// }
/// let before = store.view()?;
/// store.db(0).sets().add("members", ["alice"])?;
/// assert!(is_member(&store.db(0), "alice")?);
/// assert!(!is_member(&before.db(0), "alice")?);
/// # Ok(()) }
/// ```
pub trait Source: Begin {}

/// What can be written to as well: [`Live`], the present, and [`Tx`](crate::Tx), a transaction.
///
/// # Examples
/// ```
/// use windrow::{Db, Writable};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// fn join<S: Writable>(db: &Db<S>, user: &str) -> windrow::Result<bool> {
///     Ok(db.sets().add("members", [user])? == 1)
/// }
/// let db = store.db(0);
/// assert!(join(&db, "alice")?);
/// assert!(db.transaction(["members"], |db| join(db, "bob"))?);
/// # Ok(()) }
/// ```
pub trait Writable: Source + Lead {}

/// Reads and writes the present.
///
/// # Examples
/// ```
/// use windrow::{Db, Live};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// fn join(db: &Db<Live>, user: &str) -> windrow::Result<u64> {
///     db.sets().add("members", [user]) // `Db<Live>`, or just `Db`: only the present can be written
/// }
/// assert_eq!(join(&store.db(0), "alice")?, 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Live {
    pub(crate) engine: Arc<Engine>,
    /// Keeps the background threads running.
    pub(super) _store: Arc<super::store::Shared>,
    pub(crate) durability: Option<Durability>,
}

impl Begin for Live {
    fn begin(&self, namespace: &[u8], db: u32) -> Result<Reading> {
        let engine = &self.engine;
        engine.check_open()?;
        let pin = engine.pins.pin(PinKind::Read);
        let keyspace = engine.keyspaces.current().find(namespace, db).cloned();
        let reader = Reader::new(&engine.db, engine.directory.layout, None);
        let now = pin.now();
        Ok(Reading { engine: Arc::clone(engine), now, keyspace, reader, steady: false, _pin: Arc::new(pin) })
    }
}

impl Source for Live {}

impl Lead for Live {
    fn destination(&self) -> Destination<'_> {
        Destination::Store(self)
    }
}

impl Writable for Live {}

/// Reads the moment at which a view was opened.
///
/// # Examples
/// ```
/// use windrow::{Db, Frozen};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// fn both(db: &Db<Frozen>) -> windrow::Result<(u64, u64)> {
///     Ok((db.sets().len("a")?, db.sets().len("b")?)) // two calls, one moment
/// }
/// store.db(0).sets().add("a", ["x"])?;
/// let view = store.view()?;
/// store.db(0).rename("a", "b")?;
/// assert_eq!(both(&view.db(0))?, (1, 0));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Frozen {
    shared: Arc<FrozenShared>,
}

struct FrozenShared {
    map: Arc<Map>,
    reader: Reader,
    pin: Arc<Pin>,
    engine: Arc<Engine>,
    /// Keeps the store open. Declared last: what is read goes before the store does.
    _store: Arc<super::store::Shared>,
}

impl Frozen {
    /// ORDER: pin, time, keyspaces and snapshot together.
    pub(super) fn now(store: &Arc<super::store::Shared>) -> Result<Self> {
        let engine = store.engine();
        engine.check_open()?;
        let pin = Arc::new(engine.pins.pin(PinKind::View));
        let (map, snapshot) = engine.keyspaces.freeze(|map| (Arc::clone(map), Arc::new(Snapshot::new(&engine.db))));
        let reader = Reader::new(&engine.db, engine.directory.layout, Some(snapshot));
        let shared = FrozenShared { engine: Arc::clone(engine), map, reader, pin, _store: Arc::clone(store) };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Returns the time at which the view stands.
    pub(super) fn time(&self) -> UnixMillis {
        self.shared.pin.now()
    }

    /// The numbers of a namespace's dbs, in order.
    pub(super) fn dbs(&self, namespace: &[u8]) -> Vec<u32> {
        self.shared.map.dbs_of(namespace)
    }
}

impl Begin for Frozen {
    fn begin(&self, namespace: &[u8], db: u32) -> Result<Reading> {
        let shared = &self.shared;
        shared.engine.check_open()?;
        Ok(Reading {
            engine: Arc::clone(&shared.engine),
            now: shared.pin.now(),
            keyspace: shared.map.find(namespace, db).cloned(),
            reader: shared.reader.clone(),
            steady: true,
            _pin: Arc::clone(&shared.pin),
        })
    }
}

impl Source for Frozen {}
