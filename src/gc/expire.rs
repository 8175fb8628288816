//! Reclaiming in the expire family: files of past times, and entries that were taken out before their time.
//!
//! May use `store` and the picture. Invariant: files are dropped only below the reaper's durable position.

use super::expired::ExpiredPass;
use super::log::Quiet;
use super::reach::{Reach, Reaches};
use super::reclaimer::PassOutcome;
use super::stats::ReclaimCounters;
use super::tombstones::Tombstones;
use crate::encoding::{KeyRange, UnixMillis};
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::store::{Family, SstFile};

/// Passes in which a dead file may stay in L0 before it is compacted.
const PATIENCE_PASSES: u32 = 50;
/// Past entries in the write buffer for which it is worth a flush when the store is quiet, and when it is very quiet.
const WORTH_FLUSHING_ENTRIES: [u64; 2] = [10_000, 1_000];
/// Past bytes in a file for which it is worth rewriting it: less is not believed of the index, which knows blocks only.
const WORTH_REWRITING_BYTES: u64 = 64 << 10;
/// The part that has to be past of a file, and of all that goes along with it: then no more is rewritten than goes.
const PART_PAST: u64 = 2;

/// What the last passes saw.
#[derive(Debug)]
pub(super) struct ExpireFamily {
    /// Passes in which dead files stayed where they cannot be dropped.
    stuck_passes: u32,
    /// The reaper's position when the family was last flushed.
    flushed_at: UnixMillis,
    /// Keys reaped by then.
    reaped_at_flush: u64,
    /// The reaper's position when a file that reaches into the future was last rewritten for its past.
    rewritten_through: UnixMillis,
    tombstones: Tombstones,
}

impl Default for ExpireFamily {
    fn default() -> Self {
        Self {
            stuck_passes: 0,
            flushed_at: UnixMillis::ZERO,
            reaped_at_flush: 0,
            rewritten_through: UnixMillis::ZERO,
            tombstones: Tombstones::new(Family::Expire),
        }
    }
}

impl ExpireFamily {
    pub(super) fn pass(&mut self, pass: &ExpiredPass<'_>, counters: &ReclaimCounters) -> Result<PassOutcome> {
        let past = KeyRange::expired_through(pass.picture.reaped_through);
        let dead: Vec<&SstFile> = pass.files_of(Family::Expire).filter(|file| past.contains(&file.largest)).collect();
        let mut outcome = drop_files(pass, &past, &dead, counters)?;
        let reaches = Reaches::new(pass.db, Family::Expire, pass.files);
        outcome = outcome.and(self.unstick(pass, &past, &dead, &reaches, counters));
        outcome = outcome.and(self.flush(pass, &past, &reaches, counters)?);
        if !outcome.acted {
            outcome = outcome.and(self.rewrite(pass, &past, &reaches, counters));
        }
        // WHY not with dead files about: they go unread, with the tombstones in them.
        if outcome.acted || !dead.is_empty() {
            return Ok(outcome);
        }
        Ok(outcome.and(self.tombstones.pass(pass, counters)?))
    }

    /// Compacts dead files that stay in L0, those that do not take along much that lives.
    fn unstick(
        &mut self,
        pass: &ExpiredPass<'_>,
        past: &KeyRange,
        dead: &[&SstFile],
        reaches: &Reaches<'_>,
        counters: &ReclaimCounters,
    ) -> PassOutcome {
        let is_stuck = dead.iter().any(|file| file.level == 0);
        self.stuck_passes = if is_stuck { self.stuck_passes.saturating_add(1) } else { 0 };
        if !is_stuck || !(pass.eager || self.stuck_passes > PATIENCE_PASSES) {
            return PassOutcome::default();
        }
        let stuck = || dead.iter().filter(|file| file.level == 0);
        let first = stuck().map(|file| &file.smallest).min();
        let last = stuck().map(|file| &file.largest).max();
        let all = first.zip(last).map(|(first, last)| (first.as_slice(), last.as_slice()));
        let each = stuck().map(|file| (file.smallest.as_slice(), file.largest.as_slice()));
        let Some(reach) = all.into_iter().chain(each).find_map(|keys| mostly_past(pass, past, reaches, keys)) else {
            // Asked again as late as the first time.
            self.stuck_passes = 0;
            return PassOutcome::default();
        };
        if !pass.may_compact(Family::Expire) {
            return PassOutcome { acted: false, pending: true };
        }
        failpoint!("expired::before_unstick");
        pass.compact(&reach, Family::Expire, counters);
        failpoint!("expired::after_unstick");
        self.stuck_passes = 0;
        PassOutcome::ACTED
    }

    /// Writes past entries out of the buffer once nobody writes, so that their file can go.
    ///
    /// WHY not beside much that is still to come: the file would reach far, and take along what lies under all of it.
    fn flush(
        &mut self,
        pass: &ExpiredPass<'_>,
        past: &KeyRange,
        reaches: &Reaches<'_>,
        counters: &ReclaimCounters,
    ) -> Result<PassOutcome> {
        let through = pass.picture.reaped_through;
        let buffered = pass.db.buffered_entries(Family::Expire);
        if through <= self.flushed_at || buffered == 0 {
            return Ok(PassOutcome::default());
        }
        let reaped = counters.totals().keys_reaped;
        let gone = buffered.min(reaped.saturating_sub(self.reaped_at_flush));
        let [quiet, very_quiet] = WORTH_FLUSHING_ENTRIES;
        let worth_it = match pass.quiet {
            Quiet::No => false,
            Quiet::Yes => gone >= quiet,
            Quiet::Very => gone >= very_quiet,
        };
        let goes_along = || {
            let reach = reaches.of((past.start(), past.end()));
            let entries: u64 =
                reach.files().filter(|file| !past.contains(&file.largest)).map(|file| file.entries).sum();
            buffered + entries
        };
        let is_time = pass.eager || (worth_it && gone * PART_PAST >= goes_along());
        if !is_time {
            return Ok(PassOutcome::default());
        }
        pass.db.flush(Family::Expire)?;
        failpoint!("expired::after_flush");
        ReclaimCounters::add(&counters.flushes, 1);
        self.flushed_at = through;
        self.reaped_at_flush = reaped;
        Ok(PassOutcome::ACTED)
    }

    /// Rewrites a file that is mostly past and reaches into the future, once nobody writes. WHY not before: under load the
    /// next merge does it, and soon after the file is past as a whole.
    fn rewrite(
        &mut self,
        pass: &ExpiredPass<'_>,
        past: &KeyRange,
        reaches: &Reaches<'_>,
        counters: &ReclaimCounters,
    ) -> PassOutcome {
        let through = pass.picture.reaped_through;
        let is_time = pass.eager || pass.quiet >= Quiet::Yes;
        // WHY once for each position: what cannot be decoded stays.
        if !is_time || through <= self.rewritten_through {
            return PassOutcome::default();
        }
        let is_worth_it = |file: &&SstFile| {
            let bytes = pass.db.approximate_bytes_between(Family::Expire, &file.smallest, past.end());
            let bytes = bytes.min(file.size_bytes);
            bytes >= WORTH_REWRITING_BYTES && bytes >= file.size_bytes / PART_PAST
        };
        let mut across = pass
            .files_of(Family::Expire)
            .filter(|file| past.contains(&file.smallest) && !past.contains(&file.largest))
            .filter(is_worth_it);
        let Some(reach) = across.find_map(|file| mostly_past(pass, past, reaches, (&file.smallest, past.end()))) else {
            return PassOutcome::default();
        };
        if !pass.may_compact(Family::Expire) {
            return PassOutcome { acted: false, pending: true };
        }
        failpoint!("expired::before_rewrite");
        pass.compact(&reach, Family::Expire, counters);
        failpoint!("expired::after_rewrite");
        self.rewritten_through = through;
        PassOutcome::ACTED
    }
}

/// Tells what a compaction of some keys takes along, if enough of that is past.
fn mostly_past<'a>(
    pass: &ExpiredPass<'_>,
    past: &KeyRange,
    reaches: &Reaches<'a>,
    keys: (&[u8], &[u8]),
) -> Option<Reach<'a>> {
    let reach = reaches.of(keys);
    let (first, last) = reach.extent();
    // A file that is past as a whole counts as what it is on disk: the index leaves out what lies behind its last block.
    let bytes = if past.contains(last) {
        reach.bytes
    } else {
        pass.db.approximate_bytes_between(Family::Expire, first, past.end()).min(reach.bytes)
    };
    (bytes > 0 && bytes >= reach.bytes / PART_PAST).then_some(reach)
}

fn drop_files(
    pass: &ExpiredPass<'_>,
    past: &KeyRange,
    dead: &[&SstFile],
    counters: &ReclaimCounters,
) -> Result<PassOutcome> {
    let droppable: Vec<_> = dead.iter().filter(|file| file.level > 0).collect();
    if droppable.is_empty() {
        return Ok(PassOutcome::default());
    }
    failpoint!("expired::before_drop");
    pass.db.drop_files(Family::Expire, past)?;
    failpoint!("expired::after_drop");
    // WHY a second look: RocksDB leaves files that it is compacting where they are.
    let left = pass.db.live_files()?;
    let gone: Vec<_> = droppable.iter().filter(|file| left.iter().all(|other| other.name != file.name)).collect();
    ReclaimCounters::add(&counters.files_dropped, u64::try_from(gone.len()).unwrap_or(0));
    ReclaimCounters::add(&counters.bytes_dropped, gone.iter().map(|file| file.size_bytes).sum());
    Ok(PassOutcome { acted: !gone.is_empty(), pending: true })
}
