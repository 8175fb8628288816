//! Reclaiming in the meta family: records that expired, and records that were deleted.
//!
//! May use `store`, the picture and the tombstones. Invariant: records go by filter or under their tombstones alone, in
//! compactions of exactly the files that are worth it.

use std::collections::VecDeque;
use std::time::Duration;

use super::expired::ExpiredPass;
use super::left_over::LeftOver;
use super::log::Quiet;
use super::looks::{approximate, share_of};
use super::reclaimer::PassOutcome;
use super::stats::ReclaimCounters;
use super::tombstones::{Calm, Tombstones, Worth};
use crate::encoding::UnixMillis;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::store::{Family, SstFile};

/// How far the oldest pin may stand behind the reaper without being called an old view.
const VIEW_LAG: Duration = Duration::from_secs(1);

/// A file that is to be rewritten.
#[derive(Clone, Debug)]
pub(super) struct Target {
    name: String,
    first: Vec<u8>,
    last: Vec<u8>,
}

impl Target {
    pub(super) fn of(file: &SstFile) -> Self {
        Self { name: file.name.clone(), first: file.smallest.clone(), last: file.largest.clone() }
    }
}

/// What the last passes saw.
#[derive(Debug)]
pub(super) struct MetaFamily {
    /// Keys reaped when the family was last compacted.
    reaped_at_compaction: u64,
    /// Dead records in write buffers and in L0 that this compaction left out, about.
    left_out: u64,
    /// The part of the picture that the last compaction of everything could use.
    compacted_through: UnixMillis,
    /// Files that are still to be compacted, one in each pass.
    to_compact: VecDeque<Target>,
    /// What an earlier session reaped and did not give back.
    left_over: LeftOver,
    calm: Calm,
    tombstones: Tombstones,
}

impl Default for MetaFamily {
    fn default() -> Self {
        Self {
            reaped_at_compaction: 0,
            left_out: 0,
            compacted_through: UnixMillis::ZERO,
            to_compact: VecDeque::new(),
            left_over: LeftOver::default(),
            calm: Calm::default(),
            tombstones: Tombstones::new(Family::Meta),
        }
    }
}

impl MetaFamily {
    /// Compacts the family file by file when enough records are dead in all, or else what holds enough of them.
    pub(super) fn pass(&mut self, pass: &ExpiredPass<'_>, counters: &ReclaimCounters) -> Result<PassOutcome> {
        if let Some(target) = self.next(pass) {
            failpoint!("expired::before_meta_compact");
            pass.db.compact_keys(Family::Meta, &target.first, &target.last);
            failpoint!("expired::after_meta_compact");
            ReclaimCounters::add(&counters.compactions, 1);
            return Ok(PassOutcome::ACTED);
        }
        let since = counters.totals().keys_reaped.saturating_sub(self.reaped_at_compaction);
        let is_calm = self.calm.notice(since) || pass.quiet == Quiet::Very;
        let worth = Worth::new(pass, Family::Meta, is_calm);
        let outcome = self.expired(pass, counters, worth, is_calm)?;
        if outcome.acted { Ok(outcome) } else { Ok(outcome.and(self.tombstones.pass(pass, counters)?)) }
    }

    /// Takes the next file that is to be compacted and is still there: others were rewritten together with one before them.
    fn next(&mut self, pass: &ExpiredPass<'_>) -> Option<Target> {
        loop {
            let target = self.to_compact.pop_front()?;
            if pass.files_of(Family::Meta).any(|file| file.name == target.name) {
                return Some(target);
            }
        }
    }

    /// Looks whether enough records are dead, most of them by expiry, and notes what is to be compacted.
    fn expired(
        &mut self,
        pass: &ExpiredPass<'_>,
        counters: &ReclaimCounters,
        worth: Worth,
        is_calm: bool,
    ) -> Result<PassOutcome> {
        // WHY not in L0 under load: files there span nearly all keys, so compacting one would compact everything; RocksDB moves
        // them soon.
        let everywhere = is_calm || pass.eager;
        let through = pass.picture.meta_dead_through;
        let looking = self.left_over.look(pass, worth, everywhere)?;
        let nothing_yet = PassOutcome { acted: false, pending: looking };
        let reaped = counters.totals().keys_reaped;
        let since = reaped.saturating_sub(self.reaped_at_compaction);
        let expired = since + self.left_over.dead() + if everywhere { self.left_out } else { 0 };
        let below = |file: &&SstFile| file.level > 0 || everywhere;
        let reachable: u64 = pass.files_of(Family::Meta).filter(below).map(|file| file.entries).sum();
        let all =
            pass.files_of(Family::Meta).map(|file| file.entries).sum::<u64>() + pass.db.buffered_entries(Family::Meta);
        // WHY: under an old view most of the dead records must stay, and rewriting them all would be in vain.
        let all_may_go = through.saturating_add(VIEW_LAG) >= pass.picture.reaped_through;
        let new_proof = all_may_go && through > self.compacted_through;
        if expired < worth.entries() || !new_proof {
            return Ok(nothing_yet);
        }
        let tombstones = self.tombstones.removable(pass, pass.files_of(Family::Meta).filter(below));
        if !worth.is_share_reached((expired + tombstones * 2).min(all), all) {
            // The whole is not worth it, but some files may be.
            self.to_compact = if looking { VecDeque::new() } else { self.left_over.take_worth(worth.entries()).into() };
            return Ok(if self.to_compact.is_empty() { nothing_yet } else { PassOutcome::ACTED });
        }
        self.reaped_at_compaction = reaped;
        self.left_over.clear();
        if everywhere {
            self.compacted_through = through;
            self.left_out = 0;
            self.flush(pass, counters)?;
        } else {
            let share = approximate(expired.min(all)) / approximate(all.max(1));
            self.left_out = share_of(all.saturating_sub(reachable), share);
        }
        let files = pass.db.live_files()?;
        let files = files.iter().filter(|file| file.family == Family::Meta);
        self.to_compact = files.filter(below).map(Target::of).collect();
        Ok(PassOutcome::ACTED)
    }

    fn flush(&self, pass: &ExpiredPass<'_>, counters: &ReclaimCounters) -> Result<()> {
        if pass.db.buffered_entries(Family::Meta) > 0 {
            pass.db.flush(Family::Meta)?;
            failpoint!("expired::after_meta_flush");
            ReclaimCounters::add(&counters.flushes, 1);
        }
        Ok(())
    }
}
