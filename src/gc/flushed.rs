//! Flushed keyspaces: burying the ids of their meta records, then removing the records.
//!
//! May use `store`, `encoding`, the pins and the watermark. Invariants: a walk begins only when every pin
//! older than the flush is gone; a restart in the middle begins it anew; the records go only after the burials
//! are on stable storage; a keyspace of which a record cannot be decoded keeps its records, and is never called done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::dead::Burials;
use super::emptied::Emptied;
use super::pins::Pins;
use super::watermark::Watermark;
use crate::encoding::{KeyRange, KeyspaceNo, Meta, StoreKey};
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::store::{Batch, Cursor, Database, Family, Scan};

/// Records walked in one commit. WHY: more would make a longer commit and hold more memory.
const STEP_RECORDS: usize = 64 << 10;
/// Keyspaces finished in one commit. WHY: each leaves a range deletion that costs readers until the flush after it.
const STEP_KEYSPACES: usize = 256;

/// Keyspaces whose flush is committed and not finished.
#[derive(Debug, Default)]
pub(crate) struct FlushedKeyspaces {
    waiting: Mutex<Vec<Walk>>,
    /// Keyspaces that were walked and keep their records until the next open, as some cannot be decoded.
    kept: AtomicUsize,
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
    /// Records read.
    records: usize,
    /// Records met that cannot be decoded.
    undecodable: u64,
    /// Whether every record was read.
    finished: bool,
}

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stepped {
    /// Whether a keyspace was walked.
    pub(crate) walked: bool,
    /// Records that cannot be decoded in the keyspaces whose walk has ended.
    pub(crate) undecodable: u64,
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

    /// Returns how many keyspaces still have their records: those that wait or are being walked, and those whose records
    /// are kept.
    pub(crate) fn len(&self) -> usize {
        self.waiting.lock().len() + self.kept.load(Ordering::Relaxed)
    }

    /// Tells whether a keyspace waits or is being walked.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.lock().is_empty()
    }

    /// Returns the era for which the youngest of the waiting keyspaces waits: every older pin holds it back.
    pub(crate) fn awaited_era(&self) -> Option<u64> {
        self.waiting.lock().iter().map(|walk| walk.era).max()
    }

    /// Walks one step over the keyspaces that may be walked.
    pub(crate) fn step(&self, db: &Arc<Database>, pins: &Pins, watermark: &Watermark) -> Result<Stepped> {
        let _one = self.stepping.lock();
        let oldest = pins.oldest_era();
        let mut ready: Vec<Walk> = self.waiting.lock().iter().filter(|walk| walk.era <= oldest).cloned().collect();
        if ready.is_empty() {
            return Ok(Stepped::default());
        }
        let walked = walk_some(db, watermark, &mut ready)?;
        let (finished, unfinished): (Vec<&Walk>, Vec<&Walk>) =
            ready.iter().take(walked).partition(|walk| walk.finished);
        remove_records(db, &watermark.emptied, &finished)?;
        self.kept.fetch_add(finished.iter().filter(|walk| walk.undecodable > 0).count(), Ordering::Relaxed);
        let undecodable = finished.iter().map(|walk| walk.undecodable).sum();
        let mut waiting = self.waiting.lock();
        waiting.retain(|walk| !finished.iter().any(|other| other.keyspace == walk.keyspace));
        for walk in waiting.iter_mut() {
            if let Some(further) = unfinished.iter().find(|other| other.keyspace == walk.keyspace) {
                *walk = Walk::clone(further);
            }
        }
        Ok(Stepped { walked: true, undecodable })
    }
}

/// Walks over as many keyspaces as one commit takes, in order; returns how many it touched.
fn walk_some(db: &Arc<Database>, watermark: &Watermark, walks: &mut [Walk]) -> Result<usize> {
    let mut burials = Burials::default();
    let mut left = STEP_RECORDS;
    let mut touched = 0;
    for walk in walks.iter_mut().take(STEP_KEYSPACES) {
        left -= walk.read(db, left, &mut burials)?;
        touched += 1;
        if left == 0 {
            break;
        }
    }
    failpoint!("flushed::before_commit");
    // ORDER: a walk's last step is synced, so that all burials are durable before the records go.
    let sync = walks.iter().take(touched).any(|walk| walk.finished);
    watermark.bury(db, burials, Batch::new(), sync)?;
    Ok(touched)
}

impl Walk {
    fn new(keyspace: KeyspaceNo, era: u64) -> Self {
        Self { keyspace, era, last_meta_key: Vec::new(), records: 0, undecodable: 0, finished: false }
    }

    /// Reads up to `most` further records and collects what they bury; returns how many there were.
    fn read(&mut self, db: &Arc<Database>, most: usize, burials: &mut Burials) -> Result<usize> {
        let range = KeyRange::keyspace(self.keyspace);
        let mut lower = range.start().to_vec();
        if !self.last_meta_key.is_empty() {
            lower.clone_from(&self.last_meta_key);
            lower.push(0);
        }
        let mut scan = Scan::between(lower, Some(range.end().to_vec()));
        scan.bypass_cache = true;
        let mut cursor = Cursor::open(db, Family::Meta, scan, None);
        let mut walked = 0;
        while let Some((key, value)) = cursor.entry()? {
            if walked == most {
                self.records += walked;
                return Ok(walked);
            }
            match Meta::peek(value) {
                Ok(head) => head.id.into_iter().for_each(|id| burials.add(id)),
                Err(_) => self.undecodable += 1,
            }
            key.clone_into(&mut self.last_meta_key);
            walked += 1;
            cursor.advance();
        }
        self.records += walked;
        self.finished = true;
        Ok(walked)
    }
}

/// ORDER: the burials are synced. The keyspaces are finished in the same commit that hides their records, before any
/// file goes: no walk ever meets what a dropped tombstone had hidden.
///
/// WHY nothing of what a view may read goes: every keyspace of a range was walked, so all pins older than its flush are gone, and a younger
/// one does not know its number.
///
/// Records that cannot be decoded are kept, and with them the keyspace's flushed record: the next open tries again.
fn remove_records(db: &Database, emptied: &Emptied, finished: &[&Walk]) -> Result<()> {
    let mut batch = Batch::new();
    let (mut ended, mut with_records) = (Vec::new(), Vec::new());
    for walk in finished {
        let keyspace = walk.keyspace.get();
        if walk.undecodable > 0 {
            tracing::warn!(
                keyspace,
                records = walk.undecodable,
                "a flushed keyspace keeps its meta records: some cannot be decoded"
            );
            continue;
        }
        ended.push(walk.keyspace);
        if walk.records > 0 {
            with_records.push(walk.keyspace);
        }
        batch.delete(db, Family::Default, &StoreKey::Flushed(walk.keyspace).encode());
        batch.delete(db, Family::Default, &StoreKey::Count(walk.keyspace).encode());
    }
    if batch.is_empty() {
        return Ok(());
    }
    // ORDER: a range is hidden as a whole before files are dropped over it, see [`Emptied::joined`].
    let ranges = emptied.joined(&ended, &with_records);
    ranges.iter().for_each(|range| batch.delete_range(db, Family::Meta, range));
    failpoint!("flushed::before_removal");
    db.commit(batch, true)?;
    emptied.add(ended, db.last_commit());
    failpoint!("flushed::before_drop");
    for range in &ranges {
        db.drop_files(Family::Meta, range)?;
    }
    failpoint!("flushed::after_drop");
    if ranges.is_empty() { Ok(()) } else { db.flush(Family::Meta) }
}
