//! One family's part of a pass: files dropped, buffers flushed, mixed files rewritten, in the order of what they cost.
//!
//! May use all that the reclaimer may. Invariant: it acts on the picture of the pass alone.

use std::ops::Range;

use super::{Memory, Occasion, Pass, PassOutcome, Reclaimer};
use crate::encoding::{DataFamily, Habit, KeyRange};
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::gc::dead::FamilyDead;
use crate::gc::debt::{Debt, waiting_bytes};
use crate::gc::mixed::Choice;
use crate::gc::pacing::Turn;
use crate::gc::planner::{FamilyPlan, FileSpan, plan};
use crate::gc::stats::ReclaimCounters;
use crate::store::{Batch, Family};

/// Passes without a new id after which a family counts as quiet.
const QUIET_PASSES: u32 = 5;
/// Passes without a new id after which even a small buffer with dead data is flushed.
const VERY_QUIET_PASSES: u32 = 50;
/// Buffers below this are left alone until the family is very quiet. WHY: each flush makes a file.
const WORTH_FLUSHING_BYTES: u64 = 1 << 20;
/// Dead runs that are range-deleted before a flush, at the most. WHY: each tombstone costs readers until the flush.
const MAX_RANGE_DELETIONS: usize = 64;

impl Reclaimer {
    /// Works on one family; returns what it did and the debt it saw.
    pub(super) fn reclaim_family(&self, family: DataFamily, pass: &Pass<'_>) -> Result<(PassOutcome, Debt)> {
        let dead = pass.picture.dead.family(family);
        let (mut spans, mut unreadable) = (Vec::new(), 0_u32);
        for file in pass.files.iter().filter(|file| file.family == Family::Data(family)) {
            match FileSpan::of(file, family) {
                Some(span) => spans.push(span),
                None => unreadable += 1,
            }
        }
        let Some(memory) = self.families.get(family.index()) else {
            return Ok((PassOutcome::default(), Debt::default()));
        };
        let mut memory = memory.lock();
        let mut plan = plan(dead, &spans);
        memory.mixed.keep_only(&plan.mixed);
        self.notice_births(&mut memory, family, pass);
        let mut outcome = self.drop_files(family, &mut plan, pass)?;
        outcome = outcome.and(self.end_game(family, dead, &plan, &mut memory, pass)?);
        outcome = outcome.and(self.unstick(family, &plan, &mut memory, pass));
        outcome = outcome.and(self.compact_mixed(family, &plan, &spans, &mut memory, pass)?);
        if unreadable == 0 {
            outcome = outcome.and(self.retire(family, dead, &spans, &mut memory, pass)?);
        }
        let Memory { mixed, owing, .. } = &mut *memory;
        let mut debt = Debt::of(dead, &plan, mixed, owing, pass.now);
        debt.waiting_bytes = waiting_bytes(family, dead, pass.waiting, &spans, mixed);
        Ok((outcome, debt))
    }

    fn notice_births(&self, memory: &mut Memory, family: DataFamily, pass: &Pass<'_>) {
        let next = self.ids.next_counter(family);
        if memory.next_counter != next {
            memory.quiet_passes = 0;
        } else if pass.occasion != Occasion::News {
            memory.quiet_passes = memory.quiet_passes.saturating_add(1);
        }
        memory.next_counter = next;
        if let Some(longest) = family.class().longest() {
            memory.ages.note(next, pass.now, longest);
        }
    }

    fn drop_files(&self, family: DataFamily, plan: &mut FamilyPlan, pass: &Pass<'_>) -> Result<PassOutcome> {
        if plan.drops.is_empty() {
            return Ok(PassOutcome::default());
        }
        for drop in plan.drops.iter().take(self.pacer.drop_calls(pass.eager)) {
            failpoint!("reclaimer::before_drop");
            self.db.drop_files(Family::Data(family), &drop.range(family))?;
            failpoint!("reclaimer::after_drop");
        }
        // WHY a second look: RocksDB leaves files that it is compacting where they are.
        let (files, bytes) = plan.forget_dropped(&self.db.live_files()?);
        ReclaimCounters::add(&self.counters.files_dropped, files);
        ReclaimCounters::add(&self.counters.bytes_dropped, bytes);
        Ok(PassOutcome { acted: files > 0, pending: true })
    }

    /// Gets dead data out of the write buffer of a family that has fallen quiet. What is dead only there is
    /// range-deleted first, so that the flush does not write it.
    fn end_game(
        &self,
        family: DataFamily,
        dead: &FamilyDead,
        plan: &FamilyPlan,
        memory: &mut Memory,
        pass: &Pass<'_>,
    ) -> Result<PassOutcome> {
        let buried = dead.ever_buried();
        let here = Family::Data(family);
        if buried == memory.buried_at_flush || self.db.buffered_entries(here) == 0 {
            return Ok(PassOutcome::default());
        }
        let worth_it = memory.quiet_passes >= VERY_QUIET_PASSES
            || (memory.quiet_passes >= QUIET_PASSES && self.db.buffered_bytes(here) >= WORTH_FLUSHING_BYTES);
        if !pass.eager && !worth_it {
            return Ok(PassOutcome::default());
        }
        match dead.runs_in(&(plan.files_end..u64::MAX), MAX_RANGE_DELETIONS) {
            Some(only_buffered) if !only_buffered.is_empty() => self.range_delete(family, &only_buffered)?,
            _ => {}
        }
        failpoint!("reclaimer::before_flush");
        if !self.births.flush(&self.db, here)? {
            return Ok(PassOutcome { acted: false, pending: true });
        }
        failpoint!("reclaimer::after_flush");
        ReclaimCounters::add(&self.counters.flushes, 1);
        memory.buried_at_flush = buried;
        Ok(PassOutcome::ACTED)
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

    /// Compacts dead files that stay in L0: closed families move them down by themselves, growing ones may not.
    fn unstick(&self, family: DataFamily, plan: &FamilyPlan, memory: &mut Memory, pass: &Pass<'_>) -> PassOutcome {
        memory.stuck.retain(|name, _| plan.stuck.iter().any(|file| file.name == *name));
        let mut outcome = PassOutcome { acted: false, pending: !plan.stuck.is_empty() };
        if pass.occasion == Occasion::News {
            return outcome;
        }
        for file in &plan.stuck {
            let passes = memory.stuck.entry(file.name.clone()).or_default();
            *passes += 1;
            let passes = *passes;
            let patience = if pass.eager && family.habit() == Habit::Growing { 0 } else { QUIET_PASSES };
            let is_due = passes > patience && (pass.eager || memory.quiet_passes >= QUIET_PASSES);
            if is_due && self.pacer.offers(Turn::of(family), pass.eager) {
                self.compact(family, &file.counters);
                outcome = PassOutcome::ACTED;
                break;
            }
        }
        outcome
    }

    /// Compacts one file that is worth it, and its neighbours that are.
    fn compact_mixed(
        &self,
        family: DataFamily,
        plan: &FamilyPlan,
        files: &[FileSpan],
        memory: &mut Memory,
        pass: &Pass<'_>,
    ) -> Result<PassOutcome> {
        // WHY before the choice: it reads.
        if !self.pacer.offers(Turn::of(family), pass.eager) {
            return Ok(PassOutcome { acted: false, pending: !plan.mixed.is_empty() });
        }
        let Memory { mixed, ages, .. } = memory;
        let choice = Choice {
            db: &self.db,
            family,
            dead: pass.picture.dead.family(family),
            dead_percent: self.settings.compact_dead_percent,
            eager: pass.eager,
            now: pass.now,
            files,
            rent: pass.rent,
            step_bytes: self.pacer.step_bytes(pass.eager),
            ages,
        };
        let chosen = mixed.choose(&plan.mixed, &choice)?;
        let (Some(first), Some(last)) = (chosen.first(), chosen.last()) else {
            return Ok(PassOutcome::default());
        };
        let counters = first.counters.start..last.counters.end;
        let before = self.db.compaction_io(Family::Data(family));
        self.compact(family, &counters);
        let after = self.db.compaction_io(Family::Data(family));
        ReclaimCounters::add(&self.counters.rewrite_read_bytes, after.read_bytes - before.read_bytes);
        ReclaimCounters::add(&self.counters.rewritten_bytes, after.written_bytes - before.written_bytes);
        let left = self.db.live_files()?;
        mixed.rewritten(&counters, &left, pass.files, &choice);
        mixed.forget_gone(&left, pass.now);
        // RocksDB does not say whether it worked, but a rewritten file is gone. The next try waits as the first did.
        if let Some(file) = chosen.iter().find(|file| left.iter().any(|live| live.name == file.name)) {
            tracing::warn!(file = file.name, "a compaction left its file as it was");
        }
        Ok(PassOutcome::ACTED)
    }

    fn compact(&self, family: DataFamily, counters: &Range<u64>) {
        let _step = self.pacer.begin(Turn::of(family));
        failpoint!("reclaimer::before_compact");
        self.db.compact(Family::Data(family), &KeyRange::ids(family, counters.start, counters.end));
        failpoint!("reclaimer::after_compact");
        ReclaimCounters::add(&self.counters.compactions, 1);
    }
}
