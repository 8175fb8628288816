//! Reclaiming in the meta family: records that expired, records that were deleted, and records of flushed keyspaces.
//!
//! Where enough of the family is dead it is compacted whole, file by file, files without dead records included: nobody knows which hold them.
//!
//! May use `store`, the picture and the tombstones. Invariant: records go by filter or under their tombstones alone, in
//! compactions of exactly the files that are worth it.

use std::collections::VecDeque;

use super::expired::ExpiredPass;
use super::hidden::HiddenRecords;
use super::left_over::LeftOver;
use super::log::Quiet;
use super::looks::{approximate, share_of};
use super::reach::Reaches;
use super::reclaimer::PassOutcome;
use super::stats::ReclaimCounters;
use super::tombstones::{Calm, Tombstones, Worth};
use crate::encoding::UnixMillis;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::store::{Family, SstFile};

/// A file that is to be rewritten.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) name: String,
    first: Vec<u8>,
    last: Vec<u8>,
}

impl Target {
    pub(super) fn of(file: &SstFile) -> Self {
        Self { name: file.name.clone(), first: file.smallest.clone(), last: file.largest.clone() }
    }
}

/// Notes kept of what was reaped when.
const NOTES: usize = 512;

/// How many keys had been reaped when the reaper had come so far.
#[derive(Debug, Default)]
struct Reaped {
    /// The reaper's position and the keys reaped by then; both ascend.
    notes: VecDeque<(UnixMillis, u64)>,
}

impl Reaped {
    /// Notes that so many keys had been reaped when the reaper stood there. Of what lies below `through` one note is kept.
    fn note(&mut self, reaped_through: UnixMillis, through: UnixMillis, keys: u64) {
        match self.notes.back_mut() {
            Some((_, noted)) if *noted >= keys => {}
            Some((at, noted)) if *at == reaped_through => *noted = keys,
            _ => self.notes.push_back((reaped_through, keys)),
        }
        while self.notes.get(1).is_some_and(|(at, _)| *at <= through) {
            self.notes.pop_front();
        }
        if self.notes.len() > NOTES {
            // What one of these told is told by the next, only later.
            let mut place = 0;
            self.notes.retain(|_| {
                place += 1;
                place % 2 == 1
            });
        }
    }

    /// Returns how many keys had certainly been reaped when the reaper stood at `through`.
    fn through(&self, through: UnixMillis) -> u64 {
        let behind = self.notes.partition_point(|(at, _)| *at <= through);
        behind.checked_sub(1).and_then(|place| self.notes.get(place)).map_or(0, |(_, keys)| *keys)
    }
}

/// What the last passes saw.
#[derive(Debug)]
pub(super) struct MetaFamily {
    reaped: Reaped,
    /// Keys reaped, as far as they could go, when the family was last compacted.
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
    /// Records of flushed keyspaces.
    hidden: HiddenRecords,
}

impl Default for MetaFamily {
    fn default() -> Self {
        Self {
            reaped: Reaped::default(),
            reaped_at_compaction: 0,
            left_out: 0,
            compacted_through: UnixMillis::ZERO,
            to_compact: VecDeque::new(),
            left_over: LeftOver::default(),
            calm: Calm::default(),
            tombstones: Tombstones::new(Family::Meta),
            hidden: HiddenRecords::default(),
        }
    }
}

impl MetaFamily {
    /// Compacts the family file by file when enough records are dead in all, or else what holds enough of them.
    pub(super) fn pass(&mut self, pass: &ExpiredPass<'_>, counters: &ReclaimCounters) -> Result<PassOutcome> {
        if !self.to_compact.is_empty() && !pass.may_compact(Family::Meta) {
            return Ok(PassOutcome { acted: false, pending: true });
        }
        if let Some(target) = self.next(pass) {
            failpoint!("expired::before_meta_compact");
            let reaches = Reaches::new(pass.db, Family::Meta, pass.files);
            pass.compact(&reaches.of((&target.first, &target.last)), Family::Meta, counters);
            failpoint!("expired::after_meta_compact");
            return Ok(PassOutcome::ACTED);
        }
        let all = counters.totals().keys_reaped;
        self.reaped.note(pass.picture.reaped_through, pass.picture.meta_dead_through, all);
        let since = all.saturating_sub(self.reaped_at_compaction);
        let is_calm = self.calm.notice(since) || pass.quiet == Quiet::Very;
        let worth = Worth::new(pass, Family::Meta, is_calm);
        let outcome = self.expired(pass, counters, worth, is_calm)?;
        if outcome.acted {
            return Ok(outcome);
        }
        let outcome = outcome.and(self.tombstones.pass(pass, counters)?);
        if outcome.acted {
            return Ok(outcome);
        }
        Ok(outcome.and(self.hidden.pass(pass, worth, is_calm || pass.eager, counters)?))
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
        // WHY not all that were reaped: a view keeps what expired since it was opened, and rewriting that is in vain.
        let reaped = self.reaped.through(through);
        let since = reaped.saturating_sub(self.reaped_at_compaction);
        let expired = since + self.left_over.dead() + if everywhere { self.left_out } else { 0 };
        let below = |file: &&SstFile| file.level > 0 || everywhere;
        let reachable: u64 = pass.files_of(Family::Meta).filter(below).map(|file| file.entries).sum();
        let all =
            pass.files_of(Family::Meta).map(|file| file.entries).sum::<u64>() + pass.db.buffered_entries(Family::Meta);
        let new_proof = through > self.compacted_through;
        if expired < worth.entries() || !new_proof {
            return Ok(nothing_yet);
        }
        let tombstones = self.tombstones.removable(pass, pass.files_of(Family::Meta).filter(below));
        if !worth.is_share_reached((expired + tombstones * 2).min(all), all) {
            // The whole is not worth it, but some files may be.
            self.to_compact = if looking { VecDeque::new() } else { self.left_over.take_worth(pass, worth).into() };
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

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> UnixMillis {
        UnixMillis::new(millis)
    }

    #[test]
    fn what_was_reaped_behind_a_view_counts_once_the_view_is_gone() {
        let mut reaped = Reaped::default();
        reaped.note(at(10), at(5), 100);
        assert_eq!(reaped.through(at(5)), 0);
        reaped.note(at(20), at(10), 250);
        assert_eq!((reaped.through(at(10)), reaped.through(at(19)), reaped.through(at(20))), (100, 100, 250));
        reaped.note(at(20), at(10), 300);
        reaped.note(at(30), at(10), 300);
        assert_eq!((reaped.through(at(10)), reaped.through(at(30))), (100, 300));
        reaped.note(at(40), at(40), 400);
        assert_eq!((reaped.notes.len(), reaped.through(at(40))), (1, 400));
    }

    #[test]
    fn under_a_view_that_stays_few_notes_are_kept_and_none_tells_too_much() {
        let mut reaped = Reaped::default();
        for n in 1..=10_000 {
            reaped.note(at(n), at(0), n * 7);
            assert!(reaped.notes.len() <= NOTES);
        }
        for n in 0..=10_000 {
            assert!(reaped.through(at(n)) <= n * 7);
        }
        assert!(reaped.through(at(9_000)) > 8_000 * 7);
    }
}
