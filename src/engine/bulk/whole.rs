//! The end of a load into a db that holds nothing: records and expire entries go to files, too, under the number of a keyspace
//! that has no name yet, and one commit gives it the name of the db.
//!
//! May use the keyspaces and `store`. Invariants: until that commit the keyspace counts as flushed, so that the next open buries
//! its ids; its records are taken in before its elements, so that these ids are known, and its expire entries before its records, so
//! that they stay known when a record that has expired is filtered; what they do not name is buried, durably, before its elements are
//! taken in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::encoding::{KeyspaceNo, MetaKey, Segment, SegmentBits, UnixMillis};
use crate::engine::KeyCounts;
use crate::engine::bulk::finish::{Stage, ids_of, user_key};
use crate::engine::bulk::load::{Finished, Load};
use crate::engine::bulk::series::Series;
use crate::engine::bulk::sorter::{Sorter, Winner};
use crate::engine::bulk::value::unnumbered;
use crate::engine::commit::expire_entry;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::gc::{Burials, PinKind};
use crate::store::{Batch, Family, FileShape};

/// Fewer values are committed one by one. WHY: files, and a keyspace's number, for a few of them would cost more.
const LEAST_VALUES: u64 = 100;

/// The files of a load's records.
#[derive(Default)]
struct Records {
    metas: Vec<PathBuf>,
    expiries: Vec<PathBuf>,
    /// Keys that live.
    keys: u64,
    counts: KeyCounts,
    given_twice: Option<Vec<u8>>,
    /// The ids that the records name.
    named: Burials,
}

impl Load {
    /// Puts all values in their places at once, if the db holds nothing.
    ///
    /// WHY a write's pin from before the first record: an expiry that it files is above its sample, and the reaper passes none of them
    /// before the keys count.
    pub(super) fn take_whole_db(&mut self) -> Result<Option<Finished>> {
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

    fn is_vacant(&self) -> Result<bool> {
        self.live.engine.is_vacant(&self.namespace, self.db)
    }

    fn take_in(&mut self, keyspace: KeyspaceNo, now: UnixMillis) -> Result<Option<Finished>> {
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
        // ORDER: what has expired is filtered only where the reaper has been, and it buries by these entries, named keyspace or not.
        if !records.expiries.is_empty() {
            engine.db.ingest(Family::Expire, &records.expiries)?;
        }
        failpoint!("bulk::expiries_ingested");
        engine.db.ingest(Family::Meta, &records.metas)?;
        // The walk of a flushed keyspace would find them now.
        self.scratch.forget_ids();
        failpoint!("bulk::records_ingested");
        self.ingest_elements()?;
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
        let Records { keys, counts, given_twice, .. } = records;
        Ok(Some(Finished { keys, counts, given_twice }))
    }

    /// Writes the records of what lives at `now`, and their expire entries.
    fn write_records(&mut self, keyspace: KeyspaceNo, now: UnixMillis) -> Result<Records> {
        let engine = Arc::clone(&self.live.engine);
        let mut written = Records::default();
        let Self { records, scratch, memory_bytes, .. } = self;
        let mut expiries = Sorter::new(scratch, Winner::Last, *memory_bytes / 8);
        let shape = FileShape::of(Family::Meta, &engine.options)?;
        let mut file = Series::new(&shape, scratch, &mut written.metas, engine.options.file_bytes);
        let mut merged = records.merged()?;
        let mut meta_key = MetaKey::prefix(keyspace).to_vec();
        while merged.advance()? {
            let (place, record) = merged.entry();
            let Some(meta) = unnumbered(record)? else { continue };
            written.counts.count(meta.data_type, meta.expires_at.is_some());
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
        written.given_twice = merged.twice().map(|place| user_key(engine.directory.layout, place).to_vec());
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
