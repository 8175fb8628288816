//! The operations inside a transaction: they read under its overlay, and their plans go into it.
//!
//! May use the read and write paths and the overlay. Invariants: one operation at a time changes the overlay; one that
//! fails leaves it as it was; once the transaction is over, everything is refused.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use parking_lot::ReentrantMutex;

use crate::encoding::{CollectionId, KeyspaceNo, UnixMillis};
use crate::engine::builds::Builds;
use crate::engine::events::{Claim, Happened, in_redis_order};
use crate::engine::keyspaces::{Keyspace, Map};
use crate::engine::read::{Begin, Destination, Lead, Reading};
use crate::engine::transaction::run::Keys;
use crate::engine::write::{Place, Target};
use crate::engine::{Engine, Source, Writable};
use crate::error::{Error, Result};
use crate::types::overlay::{Declared, Overlay, Planned, undeclared};
use crate::types::{Before, EventKind, KeyPlan, PlanContext, Reader};

/// Reads and writes inside a transaction, what it has written included.
///
/// # Examples
/// ```
/// use windrow::{Db, Tx};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// fn enqueue_once(db: &Db<Tx>, job: &str) -> windrow::Result<bool> {
///     let is_new = db.sets().add("known", [job])? == 1;
///     if is_new {
///         db.lists().push_right("queue", [job])?;
///     }
///     Ok(is_new)
/// }
/// let db = store.db(0);
/// assert!(db.transaction(["known", "queue"], |db| enqueue_once(db, "job"))?);
/// assert!(!db.transaction(["known", "queue"], |db| enqueue_once(db, "job"))?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Tx {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Arc<Engine>,
    /// WHY reentrant: an operation may read by the same handle while it plans. `None` when the transaction is over.
    state: ReentrantMutex<RefCell<Option<Open>>>,
}

/// A transaction that is not over.
struct Open {
    now: UnixMillis,
    /// In the order of their numbers.
    dbs: Vec<DeclaredDb>,
    keys: Arc<[Declared]>,
    overlay: Arc<Overlay>,
    /// Large collections that were built here.
    built: Vec<CollectionId>,
    /// Whether anybody wants to know what happens.
    is_heard: bool,
    /// What happened to which key, in order.
    notes: Vec<(usize, EventKind)>,
}

struct DeclaredDb {
    number: u32,
    /// A placeholder if it is not there yet.
    keyspace: Keyspace,
    is_there: bool,
}

/// What an operation begins with.
struct Begun {
    now: UnixMillis,
    slots: Vec<usize>,
    befores: Vec<Before>,
    are_there: Vec<bool>,
    reader: Reader,
    is_heard: bool,
}

impl Tx {
    /// Opens a transaction on these keys, whose locks the caller holds.
    pub(super) fn open(
        engine: &Arc<Engine>,
        namespace: &[u8],
        keyspaces: &Map,
        keys: &Keys,
        now: UnixMillis,
    ) -> Result<Self> {
        let mut dbs: Vec<DeclaredDb> = Vec::new();
        let mut declared = Vec::with_capacity(keys.len());
        for (number, key) in keys.iter() {
            if dbs.last().is_none_or(|last| last.number != number) {
                dbs.push(DeclaredDb::find(keyspaces, namespace, number, dbs.len())?);
            }
            let keyspace = dbs.last().map(|db| db.keyspace.number).ok_or_else(undeclared)?;
            declared.push(Declared { keyspace, key: key.into() });
        }
        declared.sort_unstable();
        let keys: Arc<[Declared]> = declared.into();
        let overlay = Arc::new(Overlay::new(Arc::clone(&keys)));
        // The caller holds the locks of the keys.
        let is_heard = engine.events.is_heard();
        let open = Open { now, dbs, keys, overlay, built: Vec::new(), is_heard, notes: Vec::new() };
        let state = ReentrantMutex::new(RefCell::new(Some(open)));
        Ok(Self { shared: Arc::new(Shared { engine: Arc::clone(engine), state }) })
    }

    pub(in crate::engine) fn engine(&self) -> &Arc<Engine> {
        &self.shared.engine
    }

    /// Plans a change of several different declared keys, and takes it over.
    pub(in crate::engine) fn write_targets<T>(
        &self,
        targets: &[Target<'_>],
        plan: impl FnOnce(&mut [KeyPlan<'_>]) -> Result<T>,
    ) -> Result<T> {
        let engine = &*self.shared.engine;
        engine.check_writable()?;
        targets.iter().try_for_each(|target| engine.check_key(target.key))?;
        // Held until the plans are taken over, so that no other thread's come in between.
        let state = self.shared.state.lock();
        let Begun { now, slots, befores, are_there, reader, is_heard } =
            state.borrow_mut().as_mut().ok_or_else(is_over)?.begin(engine, targets)?;
        let limits = engine.limits();
        let builds = Builds::new(engine);
        let context = PlanContext { now, reader: &reader, limits: &limits, builder: &builds, is_heard };
        let mut plans = Vec::with_capacity(targets.len());
        for ((target, before), is_there) in targets.iter().zip(befores).zip(are_there) {
            // The number of a db that is not there stands for nothing.
            let keyspace = is_there.then(|| self.keyspace_of(&state, target.db)).transpose()?;
            plans.push(KeyPlan::new(keyspace.map(|keyspace| keyspace.number), target.key, context, before));
        }
        let outcome = plan(&mut plans)?;
        let mut notes = Vec::new();
        for (place, kinds) in in_redis_order(plans.iter_mut().map(KeyPlan::take_notes).collect()) {
            let slot = *slots.get(place).ok_or_else(undeclared)?;
            notes.extend(kinds.into_iter().map(|kind| (slot, kind)));
        }
        let mut planned = Vec::with_capacity(plans.len());
        let mut built = Vec::new();
        for (slot, plan) in slots.into_iter().zip(plans).filter(|(_, plan)| plan.changes_something()) {
            built.extend(plan.built);
            planned.push(Planned { slot, change: plan.change, elements: plan.elements });
        }
        // It shares the overlay, which is changed in place if nobody else does.
        drop(reader);
        let mut state = state.borrow_mut();
        let open = state.as_mut().ok_or_else(is_over)?;
        Arc::make_mut(&mut open.overlay).apply(planned, now, engine.most_transaction_bytes())?;
        builds.leave_to_commit(built.iter().copied());
        open.built.append(&mut built);
        open.notes.append(&mut notes);
        Ok(outcome)
    }

    fn keyspace_of(&self, state: &RefCell<Option<Open>>, number: u32) -> Result<Keyspace> {
        Ok(state.borrow().as_ref().ok_or_else(is_over)?.db(number)?.keyspace.clone())
    }

    /// Commits what was planned, and ends the transaction. The caller holds the locks and the pin.
    pub(super) fn commit(&self, place: Place<'_>, keyspaces: &Map) -> Result<()> {
        let Some(open) = self.take() else { return Ok(()) };
        let engine = &*self.shared.engine;
        let builds = Builds::new(engine);
        builds.adopt(open.built.iter().copied());
        let Open { now, dbs, keys, overlay, built, is_heard, notes } = open;
        let happened = if is_heard { happened(&dbs, &keys, &overlay, notes)? } else { Vec::new() };
        let net = Arc::unwrap_or_clone(overlay).into_net();
        let reader = Reader::new(&engine.db, engine.directory.layout, None);
        let limits = engine.limits();
        let context = PlanContext { now, reader: &reader, limits: &limits, builder: &builds, is_heard: false };
        let built: BTreeSet<CollectionId> = built.into_iter().collect();
        let numbers: BTreeMap<KeyspaceNo, &DeclaredDb> = dbs.iter().map(|db| (db.keyspace.number, db)).collect();
        let (mut targets, mut plans) = (Vec::with_capacity(net.len()), Vec::with_capacity(net.len()));
        for net in net {
            let declared = keys.get(net.slot).ok_or_else(undeclared)?;
            let db = numbers.get(&declared.keyspace).ok_or_else(undeclared)?;
            let keyspace = db.is_there.then_some(declared.keyspace);
            let mut plan = KeyPlan::new(keyspace, &declared.key, context, net.before);
            plan.take_over(net.change, net.elements, &built);
            targets.push(Target { db: db.number, key: &declared.key });
            plans.push(plan);
        }
        if !plans.is_empty() {
            engine.commit_plans_of(place, keyspaces, &targets, plans, &builds)?;
        }
        if is_heard {
            engine.events.publish(place.namespace, &happened);
        }
        Ok(())
    }

    /// Ends the transaction without a commit: what was built is buried.
    pub(super) fn end(&self) {
        if let Some(open) = self.take() {
            Builds::new(&self.shared.engine).adopt(open.built);
        }
    }

    fn take(&self) -> Option<Open> {
        self.shared.state.lock().borrow_mut().take()
    }

    /// Makes a reading of a declared db.
    fn read(&self, number: u32) -> Result<Reading> {
        let engine = &self.shared.engine;
        engine.check_open()?;
        let state = self.shared.state.lock();
        let state = state.borrow();
        let open = state.as_ref().ok_or_else(is_over)?;
        Ok(Reading::inside(engine, open.now, open.db(number)?.keyspace.clone(), Arc::clone(&open.overlay)))
    }
}

impl Begin for Tx {
    fn begin(&self, _namespace: &[u8], db: u32) -> Result<Reading> {
        self.read(db)
    }

    fn begin_over_all(&self, _namespace: &[u8], _db: u32) -> Result<Reading> {
        Err(Error::invalid("a transaction sees the keys that it declared, and cannot walk over others"))
    }
}

impl Source for Tx {}

impl Lead for Tx {
    fn destination(&self) -> Destination<'_> {
        Destination::Transaction(self)
    }
}

impl Writable for Tx {}

impl Open {
    fn db(&self, number: u32) -> Result<&DeclaredDb> {
        let place = self.dbs.binary_search_by_key(&number, |db| db.number);
        let found = place.ok().and_then(|place| self.dbs.get(place));
        found.ok_or_else(|| Error::invalid(format!("the transaction declared no key of db {number}")))
    }

    /// Looks up what the keys are, and notes what had to be read for it.
    fn begin(&mut self, engine: &Engine, targets: &[Target<'_>]) -> Result<Begun> {
        let database = Reader::new(&engine.db, engine.directory.layout, None);
        let mut slots = Vec::with_capacity(targets.len());
        let mut befores = Vec::with_capacity(targets.len());
        let mut are_there = Vec::with_capacity(targets.len());
        for target in targets {
            let (keyspace, is_there) = self.db(target.db).map(|db| (db.keyspace.number, db.is_there))?;
            let slot = self.overlay.slot(keyspace, target.key)?;
            let before = match self.overlay.record(slot) {
                Some(known) => known.clone(),
                None => {
                    let read = || database.before(keyspace, target.key, self.now);
                    let before = if is_there { read()? } else { Before::Absent };
                    Arc::make_mut(&mut self.overlay).note(slot, &before);
                    before
                }
            };
            slots.push(slot);
            befores.push(before);
            are_there.push(is_there);
        }
        let reader = database.under(Arc::clone(&self.overlay));
        Ok(Begun { now: self.now, slots, befores, are_there, reader, is_heard: self.is_heard })
    }
}

impl DeclaredDb {
    fn find(keyspaces: &Map, namespace: &[u8], number: u32, turn: usize) -> Result<Self> {
        let found = keyspaces.find(namespace, number).cloned();
        let is_there = found.is_some();
        let placeholder = || Keyspace::placeholder(u32::try_from(turn).ok()?);
        let keyspace = found.or_else(placeholder).ok_or_else(Error::overflow)?;
        Ok(Self { number, keyspace, is_there })
    }
}

impl Engine {
    /// How much a transaction may change in memory. WHY so much: no single write is refused that is none outside.
    fn most_transaction_bytes(&self) -> usize {
        self.options.max_value_bytes.saturating_add(self.options.max_commit_bytes)
    }
}

/// Says what happened in a transaction, in order.
fn happened<'k>(
    dbs: &[DeclaredDb],
    keys: &'k [Declared],
    overlay: &Overlay,
    notes: Vec<(usize, EventKind)>,
) -> Result<Vec<Happened<'k>>> {
    let mut expired = HashSet::new();
    let happened = notes.into_iter().map(|(slot, kind)| {
        let Declared { keyspace, key } = keys.get(slot).ok_or_else(undeclared)?;
        let db = dbs.iter().find(|db| db.keyspace.number == *keyspace).ok_or_else(undeclared)?;
        let target = Target { db: db.number, key };
        let expires_at = overlay.expired_before(slot).filter(|_| expired.insert(slot));
        let claim = expires_at.map(|expires_at| Claim { expires_at, keyspace: *keyspace, key });
        Ok(Happened::new(target, claim, vec![kind]))
    });
    happened.collect()
}

/// The refusal of a handle that was kept.
fn is_over() -> Error {
    Error::invalid("the transaction is over")
}
