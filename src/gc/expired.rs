//! Reclaiming in the families that hold no elements: what expired, what was deleted one by one, what was retired.
//!
//! May use `store` and the picture. Invariants: whole files go only from the expire family, and only below the reaper's
//! durable position; in the other families entries go by filter or under their tombstones alone.

use std::sync::Arc;

use super::emptied::Emptied;
use super::expire::ExpireFamily;
use super::log::Quiet;
use super::meta::MetaFamily;
use super::pacing::{Pacer, Turn};
use super::reach::{Reach, Reaches};
use super::reclaimer::PassOutcome;
use super::stats::ReclaimCounters;
use super::swarm::{Run, Sizes, Swarm, WORTH_MERGING_FOR};
use super::tombstones::Tombstones;
use super::watermark::Picture;
use crate::encoding::KeyRange;
use crate::error::Result;
use crate::store::{Database, Family, SstFile};

/// What a pass works on.
pub(super) struct ExpiredPass<'a> {
    pub(super) db: &'a Arc<Database>,
    pub(super) picture: &'a Picture,
    pub(super) files: &'a [SstFile],
    /// The dead share from which a file of elements is rewritten, in percent.
    pub(super) dead_percent: u8,
    /// Waits for nothing.
    pub(super) eager: bool,
    pub(super) quiet: Quiet,
    /// Which files are small.
    pub(super) sizes: Sizes,
    pub(super) pacer: &'a Pacer,
    /// Keyspaces that are gone.
    pub(super) emptied: &'a Emptied,
}

impl<'a> ExpiredPass<'a> {
    /// Tells whether a compaction may begin now; if not, a later pass asks again.
    pub(super) fn may_compact(&self, family: Family) -> bool {
        self.pacer.offers(turn(family), self.eager)
    }

    /// Compacts what was priced.
    pub(super) fn compact(&self, reach: &Reach<'_>, family: Family, counters: &ReclaimCounters) {
        let _step = self.pacer.begin(turn(family));
        let (first, last) = reach.keys();
        counters.count_rewriting(self.db, family, || self.db.compact_keys(family, first, last));
    }

    /// Lists the files of one family.
    pub(super) fn files_of(&self, family: Family) -> impl Iterator<Item = &'a SstFile> {
        self.files.iter().filter(move |file| file.family == family)
    }
}

/// In whose turn a family's compactions come.
fn turn(family: Family) -> Turn {
    match family {
        Family::Data(family) => Turn::of(family),
        Family::Expire => Turn::EXPIRE,
        Family::Meta => Turn::META,
        Family::Gc => Turn::GC,
        Family::Default => Turn::DEFAULT,
    }
}

/// What the last passes saw.
#[derive(Debug)]
pub(super) struct Memory {
    expire: ExpireFamily,
    meta: MetaFamily,
    /// The families that have nothing but tombstones to give back.
    others: [Tombstones; 2],
    swarms: [(Family, Swarm); 4],
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            expire: ExpireFamily::default(),
            meta: MetaFamily::default(),
            others: [Tombstones::new(Family::Gc), Tombstones::new(Family::Default)],
            swarms: [Family::Expire, Family::Meta, Family::Gc, Family::Default]
                .map(|family| (family, Swarm::default())),
        }
    }
}

impl Memory {
    /// Gives back past times, and rewrites what holds enough dead records.
    pub(super) fn pass(&mut self, pass: &ExpiredPass<'_>, counters: &ReclaimCounters) -> Result<PassOutcome> {
        let mut outcome = self.expire.pass(pass, counters)?.and(self.meta.pass(pass, counters)?);
        for family in &mut self.others {
            outcome = outcome.and(family.pass(pass, counters)?);
        }
        if outcome.acted { Ok(outcome) } else { Ok(outcome.and(self.merge_small(pass, counters)?)) }
    }

    /// Merges a run of small files, in the first family that has one.
    fn merge_small(&mut self, pass: &ExpiredPass<'_>, counters: &ReclaimCounters) -> Result<PassOutcome> {
        let is_quiet = pass.eager || pass.quiet >= Quiet::Yes;
        let soon_past = KeyRange::expired_through(pass.picture.reaped_through.saturating_add(WORTH_MERGING_FOR));
        for (family, swarm) in &mut self.swarms {
            let family = *family;
            let lasts = |file: &SstFile| family != Family::Expire || !soon_past.contains(&file.largest);
            let may_be = pass.sizes.are_many_small(pass.files_of(family));
            let run = may_be.then(|| Run::find(pass.files_of(family), pass.sizes, is_quiet, lasts)).flatten();
            let Some(run) = run else { continue };
            // A buffer that reaches into the run would be flushed first, and would take along what it spans.
            if Reaches::new(pass.db, family, pass.files).of(run.keys()).takes_buffer {
                continue;
            }
            if !pass.may_compact(family) {
                return Ok(PassOutcome { acted: false, pending: true });
            }
            if swarm.is_new(&run) {
                let _step = pass.pacer.begin(turn(family));
                run.merge(pass.db, family, counters)?;
                return Ok(PassOutcome::ACTED);
            }
        }
        Ok(PassOutcome::default())
    }
}
