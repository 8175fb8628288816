//! Giving dead data back: what is dead, since when for everybody, and how its space returns.
//!
//! May use `encoding`, `store` and `clock`; the engine starts it. Invariant: nothing here walks elements to
//! find garbage, and nothing physical happens to what a pin may still read.

mod ages;
mod dead;
mod debt;
mod emptied;
mod epoch;
mod expire;
mod expired;
mod filter;
mod flushed;
mod hearing;
mod hidden;
mod latency;
mod left_over;
mod log;
mod looks;
mod meta;
mod mixed;
mod pace;
mod pace_shown;
mod pacing;
mod pins;
mod places;
mod planner;
mod reach;
mod reclaimer;
mod spread;
mod stats;
mod steps;
mod swarm;
mod tombstones;
mod turns;
mod watermark;
mod worth;

pub(crate) use dead::{Burials, DeadSet};
pub(crate) use epoch::Epoch;
pub(crate) use filter::Filters;
pub(crate) use flushed::FlushedKeyspaces;
pub(crate) use latency::Kind as Timed;
pub(crate) use log::LogLimit;
pub use pace_shown::{Pacing, PacingReason};
pub(crate) use pacing::LOOK_EVERY;
pub(crate) use pins::{Pin, PinKind, Pins};
pub(crate) use reclaimer::{Occasion, ReclaimSettings, Reclaimer};
pub(crate) use stats::ReclaimCounters;
pub(crate) use watermark::{Picture, Watermark};

use std::sync::Arc;
use std::time::Duration;

use crate::encoding::{DataFamily, DecodedSegment, Segment, SegmentSet, StoreKey};
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::store::{Batch, Cursor, Database, Family, Scan};

/// Adds burials to a commit. Retired segments are dead already and get no record again.
pub(crate) fn merge_burials(db: &Database, picture: &Picture, burials: &Burials, batch: &mut Batch) {
    for (segment, bits) in burials.iter() {
        if !picture.dead.family(segment.family()).retired().contains(segment.number()) {
            batch.merge(db, Family::Gc, &segment.encode_key(), &bits.encode());
        }
    }
}

/// What a store has buried and retired.
#[derive(Debug, Default)]
pub(crate) struct LoadedDead {
    pub(crate) dead: DeadSet,
    /// Records that cannot be decoded: they are left alone, and what they name is treated as live.
    pub(crate) undecodable: u64,
    /// Keys of records of retired segments, which say nothing new.
    left_over: Vec<Vec<u8>>,
}

impl LoadedDead {
    /// Counts the records of retired segments.
    pub(crate) fn left_over_records(&self) -> usize {
        self.left_over.len()
    }

    /// Deletes the records of retired segments. WHY there are any: who buries looks at the picture before the commit, and the segment may be
    /// retired in between.
    pub(crate) fn forget_left_over(&mut self, db: &Database) -> Result<()> {
        let mut batch = Batch::new();
        self.left_over.drain(..).for_each(|key| batch.delete(db, Family::Gc, &key));
        if batch.is_empty() {
            return Ok(());
        }
        failpoint!("open::before_forget");
        db.commit(batch, false)?;
        failpoint!("open::after_forget");
        Ok(())
    }
}

/// Reads what the store has buried and retired. For open, when nothing is pinned.
pub(crate) fn load_dead(db: &Arc<Database>, now: Duration) -> Result<LoadedDead> {
    let mut loaded = LoadedDead::default();
    for family in DataFamily::all() {
        if let Some(value) = db.get(Family::Default, &StoreKey::Retired(family).encode(), None)? {
            loaded.dead.family_mut(family).set_retired(SegmentSet::decode(&value)?);
        }
    }
    let mut cursor = Cursor::open(db, Family::Gc, Scan::everything(), None);
    while let Some((key, value)) = cursor.entry()? {
        match (Segment::decode_key(key), DecodedSegment::decode(value)) {
            (Ok(segment), Ok(decoded)) => {
                loaded.undecodable += u64::try_from(decoded.residue.len()).unwrap_or(0);
                let family = loaded.dead.family_mut(segment.family());
                if decoded.residue.is_empty() && family.retired().contains(segment.number()) {
                    loaded.left_over.push(key.to_vec());
                }
                family.bury(segment.number(), &decoded.bits, now);
            }
            _ => loaded.undecodable += 1,
        }
        cursor.advance();
    }
    loaded.dead.shrink();
    Ok(loaded)
}
