//! Flushed keyspaces: burying the ids of their meta records, then removing the records.
//!
//! May use `store`, `encoding`, the pins and the watermark. Invariants: a walk begins only when every pin
//! older than the flush is gone; it can stop at any record and go on after a restart; the records go only
//! after the burials are on stable storage.

use std::sync::Arc;

use parking_lot::Mutex;

use super::dead::Burials;
use super::merge_burials;
use super::pins::Pins;
use super::watermark::Watermark;
use crate::encoding::{Flushed, KeyRange, KeyspaceNo, Meta, StoreKey};
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::store::{Batch, Cursor, Database, Family, Scan};

/// Records walked in one commit. WHY: the cost of a restart in the middle against the size of a commit.
const STEP_RECORDS: usize = 64 << 10;

/// Keyspaces whose flush is committed and not finished.
#[derive(Debug, Default)]
pub(crate) struct FlushedKeyspaces {
    /// Each with the era that must have opened before its walk.
    waiting: Mutex<Vec<(u64, KeyspaceNo)>>,
}

impl FlushedKeyspaces {
    /// Takes over the keyspaces that an earlier session left; nothing is pinned then.
    pub(crate) fn left_over(keyspaces: Vec<KeyspaceNo>) -> Self {
        Self { waiting: Mutex::new(keyspaces.into_iter().map(|keyspace| (0, keyspace)).collect()) }
    }

    /// Adds a keyspace after its flush was committed and published.
    pub(crate) fn add(&self, pins: &Pins, keyspace: KeyspaceNo) {
        let era = pins.open_era();
        self.waiting.lock().push((era, keyspace));
    }

    /// Returns how many keyspaces wait or are being walked.
    pub(crate) fn len(&self) -> usize {
        self.waiting.lock().len()
    }

    /// Walks one step of one keyspace that may be walked; returns whether there was one.
    pub(crate) fn step(&self, db: &Arc<Database>, pins: &Pins, watermark: &Watermark) -> Result<bool> {
        let oldest = pins.oldest_era();
        let ready = self.waiting.lock().iter().find(|(era, _)| *era <= oldest).map(|(_, keyspace)| *keyspace);
        let Some(keyspace) = ready else {
            return Ok(false);
        };
        if walk(db, watermark, keyspace)? {
            self.waiting.lock().retain(|(_, other)| *other != keyspace);
        }
        Ok(true)
    }
}

/// Walks one step; returns whether the keyspace is finished.
fn walk(db: &Arc<Database>, watermark: &Watermark, keyspace: KeyspaceNo) -> Result<bool> {
    let record = StoreKey::Flushed(keyspace).encode();
    let progress = match db.get(Family::Default, &record, None)? {
        Some(value) => Flushed::decode(keyspace, &value)?,
        None => return Ok(true),
    };
    let step = read_step(db, keyspace, &progress)?;
    let mut batch = Batch::new();
    merge_burials(db, &watermark.picture(), &step.burials, &mut batch);
    if let Some(last_meta_key) = step.stopped_at {
        batch.put(db, Family::Default, &record, &Flushed { last_meta_key }.encode());
        failpoint!("flushed::before_commit");
        db.commit(batch, false)?;
        watermark.committed(step.burials);
        return Ok(false);
    }
    failpoint!("flushed::before_commit");
    db.commit(batch, true)?;
    watermark.committed(step.burials);
    remove_records(db, keyspace, step.undecodable)?;
    Ok(true)
}

struct Step {
    burials: Burials,
    /// The last key read, if there are more.
    stopped_at: Option<Vec<u8>>,
    undecodable: bool,
}

fn read_step(db: &Arc<Database>, keyspace: KeyspaceNo, progress: &Flushed) -> Result<Step> {
    let range = KeyRange::keyspace(keyspace);
    let mut lower = range.start().to_vec();
    if !progress.last_meta_key.is_empty() {
        lower.clone_from(&progress.last_meta_key);
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

/// ORDER: the burials are synced; files go first, so that the one range deletion has little left to hide.
fn remove_records(db: &Database, keyspace: KeyspaceNo, undecodable: bool) -> Result<()> {
    let range = KeyRange::keyspace(keyspace);
    let mut batch = Batch::new();
    if undecodable {
        tracing::warn!(keyspace = keyspace.get(), "a flushed keyspace keeps its meta records: some cannot be decoded");
    } else {
        failpoint!("flushed::before_drop");
        db.drop_files(Family::Meta, &range)?;
        batch.delete_range(db, Family::Meta, &range);
    }
    batch.delete(db, Family::Default, &StoreKey::Flushed(keyspace).encode());
    batch.delete(db, Family::Default, &StoreKey::Count(keyspace).encode());
    failpoint!("flushed::before_removal");
    db.commit(batch, false)?;
    db.flush(Family::Meta)
}
