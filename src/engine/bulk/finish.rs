//! The end of a load: its files are taken in, its records committed, and whatever nothing links is buried.
//!
//! May use the write path and `store`. Invariants (design, rules 1 and 2): before a file is taken in, a durable building record names
//! every id in it; the commit that links an id removes that record; an id is never left without the one and the other.

use std::sync::Arc;

use crate::encoding::{Building, CollectionId, DataFamily, KeyLayout, Meta, StoreKey};
use crate::engine::Existing;
use crate::engine::bulk::BulkLoad;
use crate::engine::bulk::blocks::Blocks;
use crate::engine::bulk::load::{Finished, Load};
use crate::engine::bulk::sorter::{Sorter, Winner};
use crate::engine::bulk::value::unnumbered;
use crate::engine::write::{Place, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::failpoint;
use crate::gc::Burials;
use crate::options::Durability;
use crate::store::{Batch, Cursor, Family, Scan};
use crate::types::{Change, EventKind, Home, KeyPlan, NewRecord};

/// Keys that are locked and committed together. More: whoever writes one of them waits for longer; fewer: each commit costs the log a
/// write of its own.
const KEYS: usize = 512;
/// And so many bytes of records.
const RECORD_BYTES: usize = 1 << 20;
/// Building records that are written or removed in one commit.
const MARKS: usize = 16 << 10;

/// How far a load has come, which is what its drop goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its ids are known to it alone.
    Feeding,
    /// A file could not be written: it cannot be finished.
    Failed,
    /// Building records name all ids that no key links.
    Marked,
    /// A commit failed, and nobody knows whether it happened.
    InDoubt,
    Done,
}

/// A key and what becomes of its record; `None` takes it away.
type Linking = (Vec<u8>, Option<Meta>);

impl BulkLoad {
    /// Puts all values in their places; returns how many keys there are that hold one. Costs a move of the files, and for each key a
    /// share in a commit of a few hundred; if the handle's durability asks for a sync, there is one, at the end.
    ///
    /// In a db that holds nothing, values from a hundred on appear all at once, in one commit. What is written for that takes no
    /// log; no key of the store is reaped meanwhile (it expires for readers all the same, and its `expired` event comes late), no space of
    /// the store is given back, and while the files are moved no write of the store begins. While somebody has subscribed to events, the
    /// keys come some hundreds at a time there, too, and are told as [`Restore`](crate::EventKind::Restore).
    ///
    /// Where the store is to put collections that get their expiry later is learnt from ordinary writes alone, not from loads.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) inside of a transaction; [`Io`](crate::ErrorKind::Io), also if a value could not
    /// be written before; else as [`Db::bulk_load`](crate::Db::bulk_load). After an error some of the keys may hold their new values, each
    /// whole, and the others what they held.
    ///
    /// # Examples
    /// ```
    /// use windrow::CreateOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("k", "old")?;
    /// let view = store.view()?;
    /// let mut load = db.bulk_load()?;
    /// load.list("k", ["new"], CreateOptions::new())?;
    /// assert_eq!(load.finish()?, 1);
    /// assert_eq!(db.lists().len("k")?, 1);
    /// assert_eq!(view.db(0).strings().get("k")?.as_deref(), Some(b"old".as_slice()));
    /// # Ok(()) }
    /// ```
    pub fn finish(self) -> Result<u64> {
        self.load.finish().map(|finished| finished.keys)
    }
}

impl Load {
    /// Puts all values in their places, or as many as [`Existing`] lets.
    pub(in crate::engine) fn finish(mut self) -> Result<Finished> {
        let engine = Arc::clone(&self.live.engine);
        engine.check_writable()?;
        engine.refuse_inside()?;
        self.write(Blocks::write_all)?;
        if self.stage == Stage::Failed {
            return Err(Error::new(ErrorKind::Io, "a value of the load could not be written, so none takes its place"));
        }
        failpoint!("bulk::fed");
        if let Some(finished) = self.take_whole_db()? {
            return Ok(finished);
        }
        self.mark()?;
        failpoint!("bulk::marked");
        self.ingest_elements()?;
        let finished = self.link()?;
        failpoint!("bulk::linked");
        self.bury_unlinked()?;
        self.stage = Stage::Done;
        if engine.must_sync(self.live.durability) {
            engine.db.sync_log()?;
        }
        Ok(finished)
    }

    /// Moves the files of elements in.
    pub(super) fn ingest_elements(&self) -> Result<()> {
        for (family, files) in &self.taken.files {
            self.live.engine.db.ingest(Family::Data(*family), files)?;
            failpoint!("bulk::ingested");
        }
        Ok(())
    }

    /// Names all ids in durable building records.
    fn mark(&mut self) -> Result<()> {
        let engine = &self.live.engine;
        self.stage = Stage::InDoubt;
        let record = Building { started_at: engine.time.sample() }.encode();
        let mut batch = Batch::new();
        let mut marks = 0;
        for id in self.taken.ids.iter().flat_map(ids_of) {
            batch.put(&engine.db, Family::Default, &StoreKey::Building(id).encode(), &record);
            marks += 1;
            if marks % MARKS == 0 {
                engine.db.commit(std::mem::take(&mut batch), false)?;
            }
        }
        if !batch.is_empty() {
            engine.db.commit(batch, false)?;
        }
        // ORDER: a file that was taken in is durable by itself, and what names its ids has to be so before.
        engine.db.sync_log()?;
        self.scratch.forget_ids();
        self.stage = Stage::Marked;
        Ok(())
    }

    /// Commits all records.
    fn link(&mut self) -> Result<Finished> {
        let layout = self.live.engine.directory.layout;
        let mut records = std::mem::replace(&mut self.records, Sorter::new(&self.scratch, Winner::Last, 0));
        let mut merged = records.merged()?;
        let mut finished = Finished::default();
        let (mut linking, mut bytes) = (Vec::<Linking>::with_capacity(KEYS), 0);
        while merged.advance()? {
            let (place, record) = merged.entry();
            linking.push((user_key(layout, place).to_vec(), unnumbered(record)?));
            bytes += place.len() + record.len();
            if linking.len() >= KEYS || bytes >= RECORD_BYTES {
                self.link_some(&linking, &mut finished)?;
                linking.clear();
                bytes = 0;
            }
        }
        self.link_some(&linking, &mut finished)?;
        finished.given_twice = merged.twice().map(|place| user_key(layout, place).to_vec());
        Ok(finished)
    }

    /// Commits some records, of different keys.
    fn link_some(&mut self, linking: &[Linking], finished: &mut Finished) -> Result<()> {
        if linking.is_empty() {
            return Ok(());
        }
        let Self { live, stage, namespace, db, existing, .. } = self;
        let engine = &live.engine;
        let targets: Vec<_> = linking.iter().map(|(key, _)| Target { db: *db, key }).collect();
        // The end of the load syncs for all.
        let durability = if engine.must_sync(live.durability) { Some(Durability::Buffered) } else { live.durability };
        engine.write_targets(Place { namespace, durability }, &targets, |plans| {
            for (plan, (key, record)) in plans.iter_mut().zip(linking) {
                match existing {
                    Existing::Fail if plan.live().is_some() => return Err(Error::key_exists(*db, key)),
                    Existing::Keep if plan.live().is_some() => continue,
                    _ => put_in_place(plan, record.as_ref()),
                }
                if let Some(record) = record {
                    finished.counts.count(record.data_type, record.expires_at.is_some());
                    finished.keys += u64::from(record.expires_at.is_none_or(|expires_at| expires_at > plan.now));
                }
            }
            failpoint!("bulk::linking");
            *stage = Stage::InDoubt;
            Ok(())
        })?;
        self.stage = Stage::Marked;
        Ok(())
    }

    /// Buries the ids that a building record still names: those of values that another of the same key has replaced, or that found no
    /// way into the store.
    fn bury_unlinked(&self) -> Result<()> {
        let engine = &self.live.engine;
        for run in &self.taken.ids {
            let (Some(first), Some(last)) = (ids_of(run).next(), ids_of(run).next_back()) else { continue };
            let upper = [StoreKey::Building(last).encode(), vec![0]].concat();
            let scan = Scan::between(StoreKey::Building(first).encode(), Some(upper));
            let mut cursor = Cursor::open(&engine.db, Family::Default, scan, None);
            let mut burials = Burials::default();
            let mut batch = Batch::new();
            while let Some((key, _)) = cursor.entry()? {
                if let StoreKey::Building(id) = StoreKey::decode(key)? {
                    burials.add(id);
                    batch.delete(&engine.db, Family::Default, key);
                }
                cursor.advance();
            }
            self.bury(burials, batch, false)?;
        }
        Ok(())
    }

    /// Buries the ids of files that were never taken in.
    fn bury_taken(&self) -> Result<()> {
        let mut burials = Burials::default();
        self.taken.ids.iter().for_each(|(family, counters)| burials.add_range(*family, counters.clone()));
        self.bury(burials, Batch::new(), false)
    }

    pub(super) fn bury(&self, burials: Burials, batch: Batch, sync: bool) -> Result<()> {
        if burials.is_empty() {
            return Ok(());
        }
        failpoint!("bulk::before_burial");
        let engine = &self.live.engine;
        engine.watermark.bury(&engine.db, burials, batch, sync)
    }

    /// Buries the ids of a load that did not come to its end.
    fn abandon(&self) -> Result<()> {
        self.live.engine.check_writable()?;
        match self.stage {
            Stage::Done => Ok(()),
            Stage::Feeding | Stage::Failed => self.bury_taken(),
            Stage::Marked => self.bury_unlinked(),
            Stage::InDoubt => Err(Error::new(ErrorKind::Io, "a commit of the load is in doubt")),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if self.stage != Stage::Done
            && let Err(error) = self.abandon()
        {
            // The directory notes the ids, and what was marked has its building records.
            tracing::warn!(%error, "what a bulk load left is buried by the next open");
            self.live.engine.ids.doubt();
            self.scratch.keep();
        }
    }
}

pub(super) fn ids_of(
    (family, counters): &(DataFamily, std::ops::Range<u64>),
) -> impl DoubleEndedIterator<Item = CollectionId> {
    let family = *family;
    counters.clone().filter_map(move |counter| CollectionId::new(family, counter))
}

/// Returns the key that the caller named.
pub(super) fn user_key(layout: KeyLayout, place: &[u8]) -> &[u8] {
    match layout {
        KeyLayout::Plain => place,
        // Behind the slot.
        KeyLayout::Cluster => place.get(2..).unwrap_or_default(),
    }
}

/// Plans that the key holds what the record says, or nothing.
fn put_in_place(plan: &mut KeyPlan<'_>, record: Option<&Meta>) {
    let Some(record) = record else {
        if plan.live().is_some() {
            plan.change = Change::Remove;
        }
        return;
    };
    plan.note(EventKind::Restore);
    plan.built = record.body.id();
    plan.change = Change::Put(NewRecord {
        data_type: record.data_type,
        home: Home::Known(record.body.clone()),
        created_at: plan.now,
        expires_at: record.expires_at,
        size: record.size,
    });
}
