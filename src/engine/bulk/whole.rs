//! The end of a load into a db that holds nothing: records and expire entries go to files, too, under the number of a keyspace
//! that has no name yet, and one commit gives it the name of the db.
//!
//! May use the keyspaces and `store`. Invariants: until that commit the keyspace counts as flushed, so that the next open buries
//! its ids; its records are taken in first, so that these ids are known; what they do not name is buried, durably, before its
//! elements are taken in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::encoding::{ExpireKey, ExpireValue, KeyspaceNo, Meta, MetaKey, Segment, SegmentBits, UnixMillis};
use crate::engine::bulk::BulkLoad;
use crate::engine::bulk::finish::{Stage, ids_of, user_key};
use crate::engine::bulk::series::Series;
use crate::engine::bulk::value::unnumbered;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::gc::{Burials, PinKind};
use crate::store::{Batch, Family, FileShape};
use crate::types::Reader;

/// Fewer values are committed one by one. WHY: files, and a keyspace's number, for a few of them would cost more.
const LEAST_VALUES: u64 = 100;

/// The files of a load's records.
#[derive(Default)]
struct Records {
    metas: Vec<PathBuf>,
    expiries: Vec<PathBuf>,
    keys: u64,
    /// The ids that the records name.
    named: Burials,
}

impl BulkLoad {
    /// Puts all values in their places at once, if the db holds nothing; returns how many there are.
    ///
    /// WHY a write's pin from before the first record: an expiry that it files is above its sample, and the reaper passes none of them
    /// before the keys count.
    pub(super) fn take_whole_db(&mut self) -> Result<Option<u64>> {
        if self.given < LEAST_VALUES || self.live.engine.events.is_heard() || !self.is_vacant()? {
            return Ok(None);
        }
        let engine = Arc::clone(&self.live.engine);
        let pin = engine.pins.pin(PinKind::Write);
        let keyspace = engine.keyspaces.begin_unnamed(&engine.db)?;
        let taken = self.take_in(keyspace, pin.now());
        if self.stage != Stage::Done && self.stage != Stage::InDoubt {
            engine.flushed.add(&engine.pins, keyspace);
        }
        taken
    }

    /// Tells whether there is nothing in the db, not even what has expired.
    fn is_vacant(&self) -> Result<bool> {
        let engine = &self.live.engine;
        match engine.keyspaces.current().find(&self.namespace, self.db) {
            None => Ok(true),
            Some(keyspace) if keyspace.count() > 0 => Ok(false),
            Some(keyspace) => {
                let reader = Reader::new(&engine.db, engine.directory.layout, None);
                Ok(reader.last_record(keyspace.number)?.is_none())
            }
        }
    }

    fn take_in(&mut self, keyspace: KeyspaceNo, now: UnixMillis) -> Result<Option<u64>> {
        let engine = Arc::clone(&self.live.engine);
        let records = self.write_records(keyspace, now)?;
        if records.keys == 0 {
            return Ok(None);
        }
        self.bury(self.without(&records.named), Batch::new(), true)?;
        failpoint!("bulk::built");
        let _nobody_writes = engine.locks.lock_all();
        // WHY not for whoever has subscribed: each key is told, in the order of its changes.
        if !self.is_vacant()? || engine.events.is_heard() {
            return Ok(None);
        }
        engine.db.ingest(Family::Meta, &records.metas)?;
        // The walk of a flushed keyspace would find them now.
        self.scratch.forget_ids();
        failpoint!("bulk::records_ingested");
        self.ingest_elements()?;
        if !records.expiries.is_empty() {
            engine.db.ingest(Family::Expire, &records.expiries)?;
        }
        failpoint!("bulk::naming");
        self.stage = Stage::InDoubt;
        let sync = engine.must_sync(self.live.durability);
        let old = engine.keyspaces.name(&engine.db, &self.namespace, self.db, (keyspace, records.keys), sync)?;
        self.stage = Stage::Done;
        if let Some(old) = old {
            engine.flushed.add(&engine.pins, old);
        }
        engine.mark_swapped(&self.namespace, [self.db, self.db], now);
        engine.want_sync(self.live.durability);
        Ok(Some(records.keys))
    }

    /// Writes the records of what lives at `now`, and their expire entries.
    fn write_records(&mut self, keyspace: KeyspaceNo, now: UnixMillis) -> Result<Records> {
        let engine = Arc::clone(&self.live.engine);
        let mut written = Records::default();
        let Self { records, scores: expiries, scratch, .. } = self;
        expiries.clear();
        let shape = FileShape::of(Family::Meta, &engine.options)?;
        let mut file = Series::new(&shape, scratch, &mut written.metas, engine.options.file_bytes);
        let mut merged = records.merged()?;
        let mut meta_key = MetaKey::prefix(keyspace).to_vec();
        while merged.advance()? {
            let (place, record) = merged.entry();
            let Some(meta) = unnumbered(record)? else { continue };
            if meta.expires_at.is_some_and(|expires_at| expires_at <= now) {
                continue;
            }
            meta_key.truncate(MetaKey::prefix(keyspace).len());
            meta_key.extend_from_slice(place);
            file.put(&meta_key, record.get(8..).unwrap_or_default())?;
            written.keys += 1;
            meta.id().into_iter().for_each(|id| written.named.add(id));
            if let Some((entry, value)) = expire_entry(&meta, keyspace, user_key(engine.directory.layout, place)) {
                expiries.push(&entry, &value)?;
            }
        }
        file.finish()?;
        let shape = FileShape::of(Family::Expire, &engine.options)?;
        let mut file = Series::new(&shape, scratch, &mut written.expiries, engine.options.file_bytes);
        let mut merged = expiries.merged()?;
        while merged.advance()? {
            let (entry, value) = merged.entry();
            file.put(entry, value)?;
        }
        file.finish()?;
        Ok(written)
    }

    /// Returns the ids of the load without these: those of values that another of the same key has replaced, or that have expired.
    fn without(&self, named: &Burials) -> Burials {
        let named: BTreeMap<&Segment, &SegmentBits> = named.iter().collect();
        let mut others = Burials::default();
        for id in self.taken.ids.iter().flat_map(ids_of) {
            if !named.get(&id.segment()).is_some_and(|bits| bits.contains(id.low())) {
                others.add(id);
            }
        }
        others
    }
}

fn expire_entry(meta: &Meta, keyspace: KeyspaceNo, user_key: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let entry = ExpireKey { expires_at: meta.expires_at?, keyspace, user_key }.encode();
    Some((entry, ExpireValue { data_type: meta.data_type, id: meta.id() }.encode()))
}
