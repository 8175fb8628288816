//! Collections that are too large for one commit: written under an id that a durable building record names.
//!
//! May use everything below the engine. Invariant: an id that was begun here is linked by the operation's commit,
//! or buried; after a crash the next open buries it.

use parking_lot::Mutex;

use crate::encoding::{Building, CollectionId, Habit, KeyspaceNo, StoreKey, UnixMillis};
use crate::engine::Engine;
use crate::engine::commit::stage_elements;
use crate::engine::habits::Lesson;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::gc::Burials;
use crate::store::{Batch, Family};
use crate::types::{Builder, Lot, Pending};

/// The large collections of one operation.
pub(super) struct Builds<'a> {
    engine: &'a Engine,
    /// Begun and not linked.
    open: Mutex<Vec<CollectionId>>,
}

impl<'a> Builds<'a> {
    pub(super) fn new(engine: &'a Engine) -> Self {
        Self { engine, open: Mutex::default() }
    }

    /// Takes over collections that were begun by others and are not linked.
    pub(super) fn adopt(&self, ids: impl IntoIterator<Item = CollectionId>) {
        self.open.lock().extend(ids);
    }

    /// Leaves these collections to the commit that links them and removes their building records. If it fails,
    /// the next open finds out whether it happened: it buries what a building record still names. Or leaves them to
    /// whoever has made note of them for a later commit.
    pub(super) fn leave_to_commit(&self, ids: impl Iterator<Item = CollectionId>) {
        let ids: Vec<CollectionId> = ids.collect();
        self.open.lock().retain(|id| !ids.contains(id));
    }

    /// Buries what was begun and is not linked, and removes its building record, in one commit.
    fn bury_open(&self) -> Result<()> {
        let mut burials = Burials::default();
        let mut batch = Batch::new();
        let engine = self.engine;
        for id in self.open.lock().drain(..) {
            burials.add(id);
            batch.delete(&engine.db, Family::Default, &StoreKey::Building(id).encode());
        }
        if batch.is_empty() {
            return Ok(());
        }
        failpoint!("builds::before_burial");
        engine.watermark.bury(&engine.db, burials, batch, false)
    }
}

impl Builder for Builds<'_> {
    /// The collection goes to the growing family of its class, as it is written for longer than one commit.
    fn begin(
        &self,
        (keyspace, key): (Option<KeyspaceNo>, &[u8]),
        expires_at: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Result<CollectionId> {
        let engine = self.engine;
        let lot = Lot::with_habit(Some(Habit::Growing));
        let placed = engine.place_birth(keyspace.map(|keyspace| (keyspace, key)), lot, expires_at, now);
        let family = placed.family;
        let _birth = engine.births.begin(family);
        let id = engine.ids.take(&engine.db, family)?;
        let mut batch = Batch::new();
        let record = Building { started_at: now };
        batch.put(&engine.db, Family::Default, &StoreKey::Building(id).encode(), &record.encode());
        engine.db.commit(batch, false).inspect_err(|_| engine.ids.doubt())?;
        self.open.lock().push(id);
        engine.learn(placed.born.map(|born| Lesson::Born { id, born }), now);
        failpoint!("builds::begun");
        Ok(id)
    }

    fn write(&self, id: CollectionId, elements: Pending) -> Result<()> {
        let engine = self.engine;
        let mut batch = Batch::new();
        let written = stage_elements(&mut batch, &engine.db, id, elements);
        engine.db.commit(batch, false)?;
        engine.births.wrote(&engine.db, id.family(), written);
        failpoint!("builds::written");
        Ok(())
    }
}

impl Drop for Builds<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.bury_open() {
            // The building records are still there: the next open buries what they name.
            tracing::warn!(%error, "an unfinished collection could not be buried; the next open does it");
        }
    }
}
