//! The write buffer of a family: dead data gets out of it once the family has fallen quiet.
//!
//! May use all that the reclaimer may. Invariant: only what is dead is deleted; what is flushed too often only makes small files.

use std::ops::Range;

use super::family::QUIET_PASSES;
use super::{Occasion, Pass, PassOutcome, Reclaimer};
use crate::encoding::{DataFamily, KeyRange, id_of_key};
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::gc::dead::FamilyDead;
use crate::gc::planner::FamilyPlan;
use crate::gc::stats::ReclaimCounters;
use crate::store::{Batch, Cursor, Family, Scan};

/// Passes in which nothing is written after which even a small buffer is flushed, if it is mostly dead.
const VERY_QUIET_PASSES: u32 = 50;
/// Passes between two flushes, or looks through the buffer, at the least. WHY: each flush makes a file.
const PASSES_BETWEEN: u32 = 50;
/// Buffers with less in them are left alone unless most of it is dead.
const WORTH_FLUSHING_BYTES: u64 = 1 << 20;
/// The share that is most, in percent.
const MOSTLY_PERCENT: u64 = 75;
/// Entries of a buffer that are looked at. More: a better estimate; fewer: a shorter look.
const ENTRIES_LOOKED_AT: u64 = 4096;
/// Deletions in a row that end the look.
const MAX_DELETED: u64 = 100_000;
/// Dead runs that are range-deleted before a flush, at the most. WHY: each tombstone costs readers until the flush.
const MAX_RANGE_DELETIONS: usize = 64;

/// What the last passes saw of one family's buffer.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Ids buried when it was last flushed for reclaiming.
    buried_at_flush: u64,
    entries: u64,
    /// Passes in which nothing was written to it. WHY not births alone: where collections are appended to, none may be born.
    quiet_passes: u32,
    /// Passes for which it is left alone.
    rest: u32,
}

impl Memory {
    fn notice(&mut self, entries: u64, occasion: Occasion) {
        if entries > self.entries {
            self.quiet_passes = 0;
        } else if occasion != Occasion::News {
            self.quiet_passes = self.quiet_passes.saturating_add(1);
        }
        if occasion != Occasion::News {
            self.rest = self.rest.saturating_sub(1);
        }
        self.entries = entries;
    }
}

impl Reclaimer {
    /// Gets dead data out of the write buffer of a family that has fallen quiet. What is dead only there is
    /// range-deleted first, so that the flush does not write it.
    pub(super) fn end_game(
        &self,
        family: DataFamily,
        dead: &FamilyDead,
        plan: &FamilyPlan,
        memory: &mut super::Memory,
        pass: &Pass<'_>,
    ) -> Result<PassOutcome> {
        let buried = dead.ever_buried();
        let here = Family::Data(family);
        let births = memory.quiet_passes;
        let memory = &mut memory.buffer;
        memory.notice(self.db.buffered_entries(here), pass.occasion);
        if buried == memory.buried_at_flush || memory.entries == 0 {
            return Ok(PassOutcome::default());
        }
        if !pass.eager && !self.is_worth_flushing(family, dead, births, memory)? {
            return Ok(PassOutcome::default());
        }
        match dead.runs_in(&(plan.files_end..u64::MAX), MAX_RANGE_DELETIONS) {
            Some(only_buffered) if !only_buffered.is_empty() => self.range_delete(family, &only_buffered)?,
            _ => {}
        }
        failpoint!("reclaimer::before_flush");
        if !self.births.flush(&self.db, here)? {
            // The next pass tries again.
            memory.rest = 0;
            return Ok(PassOutcome { acted: false, pending: true });
        }
        failpoint!("reclaimer::after_flush");
        ReclaimCounters::add(&self.counters.flushes, 1);
        (memory.buried_at_flush, memory.rest) = (buried, PASSES_BETWEEN);
        Ok(PassOutcome::ACTED)
    }

    /// Tells whether a buffer that has fallen quiet holds enough, or is dead for the most part.
    fn is_worth_flushing(
        &self,
        family: DataFamily,
        dead: &FamilyDead,
        quiet_passes: u32,
        memory: &mut Memory,
    ) -> Result<bool> {
        let quiet_passes = quiet_passes.min(memory.quiet_passes);
        if memory.rest > 0 || quiet_passes < QUIET_PASSES {
            return Ok(false);
        }
        memory.rest = PASSES_BETWEEN;
        let buffered = self.look_into_buffer(family, dead, memory.entries)?;
        let is_mostly_dead = buffered.bytes > 0 && buffered.dead_bytes >= buffered.bytes * MOSTLY_PERCENT / 100;
        Ok(buffered.bytes >= WORTH_FLUSHING_BYTES || (quiet_passes >= VERY_QUIET_PASSES && is_mostly_dead))
    }

    /// Estimates what a buffer of so many entries holds from the first of them. WHY not by its size: that counts the room that RocksDB has set
    /// aside for it, which is a MiB for one entry.
    fn look_into_buffer(&self, family: DataFamily, dead: &FamilyDead, entries: u64) -> Result<Buffered> {
        let scan =
            Scan { buffers_only: true, see_range_deleted: true, max_deleted: Some(MAX_DELETED), ..Scan::everything() };
        let mut cursor = Cursor::open(&self.db, Family::Data(family), scan, None);
        let (mut seen, mut buffered) = (0, Buffered::default());
        // An error is the end of the look: too many deletions in a row.
        while seen < ENTRIES_LOOKED_AT
            && let Ok(Some((key, value))) = cursor.entry()
        {
            let bytes = u64::try_from(key.len() + value.len()).unwrap_or(0);
            let is_dead = id_of_key(key).is_ok_and(|id| dead.contains(id));
            buffered.bytes += bytes;
            buffered.dead_bytes += if is_dead { bytes } else { 0 };
            seen += 1;
            cursor.advance();
        }
        let times = |bytes: u64| bytes.saturating_mul(entries.max(seen)) / seen.max(1);
        Ok(Buffered { bytes: times(buffered.bytes), dead_bytes: times(buffered.dead_bytes) })
    }

    fn range_delete(&self, family: DataFamily, runs: &[Range<u64>]) -> Result<()> {
        let mut batch = Batch::new();
        for run in runs {
            batch.delete_range(&self.db, Family::Data(family), &KeyRange::ids(family, run.start, run.end));
        }
        failpoint!("reclaimer::before_range_delete");
        self.db.commit(batch, false)?;
        failpoint!("reclaimer::after_range_delete");
        ReclaimCounters::add(&self.counters.range_deletions, u64::try_from(runs.len()).unwrap_or(0));
        Ok(())
    }
}

/// What a buffer holds, about.
#[derive(Clone, Copy, Debug, Default)]
struct Buffered {
    bytes: u64,
    dead_bytes: u64,
}
