//! Flushed keyspaces: burying the ids of their meta records, then removing the records.
//!
//! May use `store`, `encoding`, the pins and the watermark. Invariants: a walk begins only when every pin
//! older than the flush is gone; a restart in the middle begins it anew; the records go only after the burials
//! are on stable storage.

use std::sync::Arc;

use parking_lot::Mutex;

use super::dead::Burials;
use super::merge_burials;
use super::pins::Pins;
use super::watermark::Watermark;
use crate::encoding::{KeyRange, KeyspaceNo, Meta, StoreKey};
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::store::{Batch, Cursor, Database, Family, Scan};

/// Records walked in one commit. WHY: more would make a longer commit and hold more memory.
const STEP_RECORDS: usize = 64 << 10;

/// Keyspaces whose flush is committed and not finished.
#[derive(Debug, Default)]
pub(crate) struct FlushedKeyspaces {
    waiting: Mutex<Vec<Walk>>,
    /// One step at a time, whoever asks.
    stepping: Mutex<()>,
}

/// The walk over one flushed keyspace. Begins anew after a restart: burying twice changes nothing.
#[derive(Clone, Debug)]
struct Walk {
    keyspace: KeyspaceNo,
    /// The era that must have opened before the walk begins.
    era: u64,
    /// The last meta key read.
    last_meta_key: Vec<u8>,
    /// Whether a record was met that cannot be decoded.
    undecodable: bool,
}

impl FlushedKeyspaces {
    /// Takes over the keyspaces that an earlier session left; nothing is pinned then.
    pub(crate) fn left_over(keyspaces: Vec<KeyspaceNo>) -> Self {
        let flushed = Self::default();
        flushed.waiting.lock().extend(keyspaces.into_iter().map(|keyspace| Walk::new(keyspace, 0)));
        flushed
    }

    /// Adds a keyspace after its flush was committed and published.
    pub(crate) fn add(&self, pins: &Pins, keyspace: KeyspaceNo) {
        let walk = Walk::new(keyspace, pins.open_era());
        self.waiting.lock().push(walk);
    }

    /// Returns how many keyspaces wait or are being walked.
    pub(crate) fn len(&self) -> usize {
        self.waiting.lock().len()
    }

    /// Walks one step of one keyspace that may be walked; returns whether there was one.
    pub(crate) fn step(&self, db: &Arc<Database>, pins: &Pins, watermark: &Watermark) -> Result<bool> {
        let _one = self.stepping.lock();
        let oldest = pins.oldest_era();
        let ready = self.waiting.lock().iter().find(|walk| walk.era <= oldest).cloned();
        let Some(mut walk) = ready else {
            return Ok(false);
        };
        let finished = walk.step(db, watermark)?;
        let mut waiting = self.waiting.lock();
        match waiting.iter().position(|other| other.keyspace == walk.keyspace) {
            Some(place) if finished => drop(waiting.remove(place)),
            Some(place) => waiting.get_mut(place).into_iter().for_each(|other| *other = walk.clone()),
            None => {}
        }
        Ok(true)
    }
}

impl Walk {
    fn new(keyspace: KeyspaceNo, era: u64) -> Self {
        Self { keyspace, era, last_meta_key: Vec::new(), undecodable: false }
    }

    /// Walks one step; returns whether the keyspace is finished.
    fn step(&mut self, db: &Arc<Database>, watermark: &Watermark) -> Result<bool> {
        let step = read_step(db, self.keyspace, &self.last_meta_key)?;
        let mut batch = Batch::new();
        merge_burials(db, &watermark.picture(), &step.burials, &mut batch);
        failpoint!("flushed::before_commit");
        // ORDER: the last step is synced, so that all burials are durable before the records go.
        db.commit(batch, step.stopped_at.is_none())?;
        watermark.committed(step.burials);
        self.undecodable |= step.undecodable;
        match step.stopped_at {
            Some(last_meta_key) => {
                self.last_meta_key = last_meta_key;
                Ok(false)
            }
            None => remove_records(db, self.keyspace, self.undecodable).map(|()| true),
        }
    }
}

struct Step {
    burials: Burials,
    /// The last key read, if there are more.
    stopped_at: Option<Vec<u8>>,
    undecodable: bool,
}

fn read_step(db: &Arc<Database>, keyspace: KeyspaceNo, last_meta_key: &[u8]) -> Result<Step> {
    let range = KeyRange::keyspace(keyspace);
    let mut lower = range.start().to_vec();
    if !last_meta_key.is_empty() {
        lower = last_meta_key.to_vec();
        lower.push(0);
    }
    let mut scan = Scan::between(lower, Some(range.end().to_vec()));
    scan.bypass_cache = true;
    let mut cursor = Cursor::open(db, Family::Meta, scan, None);
    let mut step = Step { burials: Burials::default(), stopped_at: None, undecodable: false };
    let mut walked = 0;
    while let Some((key, value)) = cursor.entry()? {
        match Meta::peek(value) {
            Ok(head) => head.id.into_iter().for_each(|id| step.burials.add(id)),
            Err(_) => step.undecodable = true,
        }
        walked += 1;
        if walked == STEP_RECORDS {
            step.stopped_at = Some(key.to_vec());
            break;
        }
        cursor.advance();
    }
    Ok(step)
}

/// ORDER: the burials are synced. The keyspace is finished in the same commit that hides its records, before any
/// file goes: no walk ever meets what a dropped tombstone had hidden.
///
/// Records that cannot be decoded are kept, and with them the keyspace's flushed record: the next open tries again.
fn remove_records(db: &Database, keyspace: KeyspaceNo, undecodable: bool) -> Result<()> {
    if undecodable {
        tracing::warn!(keyspace = keyspace.get(), "a flushed keyspace keeps its meta records: some cannot be decoded");
        return Ok(());
    }
    let range = KeyRange::keyspace(keyspace);
    let mut batch = Batch::new();
    batch.delete_range(db, Family::Meta, &range);
    batch.delete(db, Family::Default, &StoreKey::Flushed(keyspace).encode());
    batch.delete(db, Family::Default, &StoreKey::Count(keyspace).encode());
    failpoint!("flushed::before_removal");
    db.commit(batch, true)?;
    failpoint!("flushed::before_drop");
    db.drop_files(Family::Meta, &range)?;
    failpoint!("flushed::after_drop");
    db.flush(Family::Meta)
}
