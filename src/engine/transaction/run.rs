//! One transaction from its locks to its commit.
//!
//! May use everything below the engine. Invariant: ORDER: locks, pin, time, keyspaces; whatever happens inside, the locks
//! are released after the transaction is over.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::Live;
use crate::engine::transaction::{Transaction, Tx, Watch};
use crate::engine::write::{Place, check_namespace, is_missing_one_of_several};
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::gc::PinKind;

/// The keys that a transaction declares: dbs and user keys, different and in order.
pub(super) struct Keys {
    keys: BTreeSet<(u32, Box<[u8]>)>,
}

impl Keys {
    pub(super) fn of<K: AsRef<[u8]>>(keys: impl IntoIterator<Item = (u32, K)>) -> Self {
        Self { keys: keys.into_iter().map(|(db, key)| (db, key.as_ref().into())).collect() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.keys.iter().map(|(db, key)| (*db, &**key))
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

/// Ends a transaction, unless that has happened already.
struct Ending<'t>(&'t Tx);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Runs a transaction, `None` if a key that it watches has changed.
pub(super) fn run<T>(
    live: &Live,
    namespace: &Arc<[u8]>,
    keys: Keys,
    watch: Option<&Watch>,
    body: impl FnOnce(&Transaction) -> Result<T>,
) -> Result<Option<T>> {
    let engine = &live.engine;
    engine.check_writable()?;
    check_namespace(namespace)?;
    keys.iter().try_for_each(|(_, key)| engine.check_key(key))?;
    let _inside = engine.enter()?;
    let declared = keys.iter().map(|(db, key)| (&**namespace, db, key));
    // WHY the watched ones, too: they must not change between the look at them and the commit.
    let _locked = engine.locks.lock(declared.chain(watch.into_iter().flat_map(Watch::names)));
    let pin = engine.pins.pin(PinKind::Write);
    let keyspaces = engine.keyspaces.current();
    if let Some(watch) = watch
        && watch.is_broken_at(&keyspaces, pin.now())?
    {
        return Ok(None);
    }
    let dbs = || keys.iter().map(|(db, _)| db);
    let keyspaces = if is_missing_one_of_several(&keyspaces, namespace, dbs()) {
        engine.keyspaces.with_all(&engine.db, namespace, dbs())?
    } else {
        keyspaces
    };
    let tx = Tx::open(engine, namespace, &keyspaces, &keys, pin.now())?;
    let _ending = Ending(&tx);
    failpoint!("transaction::begun");
    let outcome = body(&Transaction { tx: tx.clone(), namespace: Arc::clone(namespace) })?;
    // The store may have been closed, or a background task have failed, meanwhile.
    engine.check_writable()?;
    failpoint!("transaction::before_commit");
    tx.commit(Place { namespace, durability: live.durability }, &keyspaces)?;
    Ok(Some(outcome))
}

/// The outcome of a transaction that watches nothing.
pub(super) fn unwatched<T>(outcome: Option<T>) -> Result<T> {
    outcome.ok_or_else(|| Error::invalid("a transaction that watches nothing was aborted"))
}
