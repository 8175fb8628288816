//! One family's part of a pass: files dropped, buffers flushed, mixed files rewritten, in the order of what they cost.
//!
//! May use all that the reclaimer may. Invariant: it acts on the picture of the pass alone.

use super::{Memory, Occasion, Pass, PassOutcome, Reclaimer};
use crate::encoding::{DataFamily, Habit};
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::gc::ages::Ages;
use crate::gc::dead::FIRST_COUNTER;
use crate::gc::debt::{Debt, waiting_bytes};
use crate::gc::mixed::Choice;
use crate::gc::pacing::Turn;
use crate::gc::planner::{FamilyPlan, FileSpan, plan};
use crate::gc::reach::{Reach, Reaches};
use crate::gc::stats::ReclaimCounters;
use crate::gc::swarm::{Run, WORTH_MERGING_FOR};
use crate::store::{Family, SstFile};

/// Passes without a new id after which a family counts as quiet.
pub(super) const QUIET_PASSES: u32 = 5;
/// Passes for which dead files in L0 of a closed family are left to RocksDB while it is at work.
const MOVING_PASSES: u32 = 100;

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
        memory.mixed.notice(&plan.mixed, &spans);
        let mut outcome = self.drop_files(family, &mut plan, pass)?;
        let flushed = self.end_game(family, dead, &plan, &mut memory, pass)?;
        outcome = outcome.and(flushed);
        // WHY not behind a flush: what it has made is not among the files of this pass, and would be taken along.
        if !flushed.acted {
            outcome = outcome.and(self.rewrite(family, &plan, outcome, &mut memory, pass)?);
        }
        if unreadable == 0 {
            outcome = outcome.and(self.retire(family, dead, &spans, &mut memory, pass)?);
        }
        let Memory { mixed, owing, .. } = &mut *memory;
        let mut debt = Debt::of(dead, &plan, mixed, owing, pass.now);
        debt.waiting_bytes = waiting_bytes(family, dead, pass.waiting, &spans, mixed);
        Ok((outcome, debt))
    }

    /// Rewrites what is worth it.
    fn rewrite(
        &self,
        family: DataFamily,
        plan: &FamilyPlan,
        before: PassOutcome,
        memory: &mut Memory,
        pass: &Pass<'_>,
    ) -> Result<PassOutcome> {
        let reaches = Reaches::new(&self.db, Family::Data(family), pass.files);
        let mut outcome = self.unstick(family, plan, &reaches, memory, pass);
        if !outcome.acted {
            outcome = outcome.and(self.compact_mixed(family, plan, &reaches, memory, pass)?);
        }
        if !outcome.acted && !before.acted && plan.drops.is_empty() {
            outcome = outcome.and(self.merge_small(family, plan, &reaches, memory, pass)?);
        }
        Ok(outcome)
    }

    /// Takes note of what was born in every family. WHY also where nothing is dead: it tells how old the ids are, later.
    pub(super) fn notice_births(&self, pass: &Pass<'_>) {
        for (family, memory) in DataFamily::all().zip(&self.families) {
            let mut memory = memory.lock();
            let next = self.ids.next_counter(family);
            if memory.next_counter != next {
                memory.quiet_passes = 0;
            } else if pass.occasion != Occasion::News {
                memory.quiet_passes = memory.quiet_passes.saturating_add(1);
            }
            memory.next_counter = next;
            if pass.picture.dead.family(family).is_empty() {
                memory.mixed.notice_nothing();
            }
            if let Some(longest) = family.class().longest().filter(|_| next > FIRST_COUNTER) {
                memory.ages.note(next, pass.now, longest);
            }
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

    /// Compacts dead files that stay in L0: closed families move them down by themselves, growing ones may not. Those that would
    /// take along much that lives are left until RocksDB has moved them down.
    fn unstick(
        &self,
        family: DataFamily,
        plan: &FamilyPlan,
        reaches: &Reaches<'_>,
        memory: &mut Memory,
        pass: &Pass<'_>,
    ) -> PassOutcome {
        memory.stuck.retain(|name, _| plan.stuck.iter().any(|file| file.name == *name));
        let mut outcome = PassOutcome::default();
        for file in &plan.stuck {
            let Some(reach) = reaches.of_file(&file.name) else { continue };
            if !memory.mixed.is_mostly_dead(&reach, plan, self.settings.compact_dead_percent) {
                continue;
            }
            outcome.pending = true;
            if pass.occasion == Occasion::News {
                return outcome;
            }
            let passes = memory.stuck.entry(file.name.clone()).or_default();
            *passes += 1;
            let passes = *passes;
            let patience = match family.habit() {
                Habit::Growing if pass.eager => 0,
                Habit::Closed if self.db.is_compacting(Family::Data(family)) => MOVING_PASSES,
                _ => QUIET_PASSES,
            };
            let is_due = passes > patience && (pass.eager || memory.quiet_passes >= QUIET_PASSES);
            if is_due && self.pacer.offers(Turn::of(family), pass.eager) {
                failpoint!("reclaimer::before_unstick");
                self.compact(family, &reach);
                failpoint!("reclaimer::after_unstick");
                return PassOutcome::ACTED;
            }
        }
        outcome
    }

    /// Compacts one file that is worth it, and its neighbours that are.
    fn compact_mixed(
        &self,
        family: DataFamily,
        plan: &FamilyPlan,
        reaches: &Reaches<'_>,
        memory: &mut Memory,
        pass: &Pass<'_>,
    ) -> Result<PassOutcome> {
        // WHY: what is dead in L0 goes unread once RocksDB has moved it down, and would be read if it went along with others.
        let moves_soon = |file: &FileSpan| memory.stuck.get(&file.name).is_none_or(|passes| *passes <= MOVING_PASSES);
        let is_moving = family.habit() == Habit::Closed
            && plan.stuck.iter().any(moves_soon)
            && self.db.is_compacting(Family::Data(family));
        // WHY before the choice: it reads.
        if is_moving || !self.pacer.offers(Turn::of(family), pass.eager) {
            return Ok(PassOutcome { acted: false, pending: !plan.mixed.is_empty() });
        }
        let Memory { mixed, ages, .. } = memory;
        let choice = self.choice(family, plan, reaches, ages, pass);
        let Some(chosen) = mixed.choose(&choice)? else {
            return Ok(PassOutcome::default());
        };
        failpoint!("reclaimer::before_rewrite");
        self.compact(family, &chosen.reach);
        failpoint!("reclaimer::after_rewrite");
        let left = self.db.live_files()?;
        mixed.rewritten(&chosen.reach.counters(family), &left, pass.files, &choice);
        mixed.forget_gone(&left, pass.now);
        // RocksDB does not say whether it worked, but a rewritten file is gone.
        for name in chosen.names.iter().filter(|name| left.iter().any(|live| live.name == **name)) {
            tracing::warn!(file = name, "a compaction left its file as it was");
            mixed.left(name, pass.now);
        }
        Ok(PassOutcome::ACTED)
    }

    fn choice<'a>(
        &'a self,
        family: DataFamily,
        plan: &'a FamilyPlan,
        reaches: &'a Reaches<'a>,
        ages: &'a Ages,
        pass: &'a Pass<'_>,
    ) -> Choice<'a> {
        Choice {
            db: &self.db,
            family,
            dead: pass.picture.dead.family(family),
            dead_percent: self.settings.compact_dead_percent,
            eager: pass.eager,
            now: pass.now,
            plan,
            reaches,
            rent: pass.rent,
            step_bytes: self.pacer.step_bytes(pass.eager),
            ages,
        }
    }

    /// Merges a run of small files that stay for long.
    fn merge_small(
        &self,
        family: DataFamily,
        plan: &FamilyPlan,
        reaches: &Reaches<'_>,
        memory: &mut Memory,
        pass: &Pass<'_>,
    ) -> Result<PassOutcome> {
        if pass.occasion == Occasion::News || !pass.sizes.are_many_small(pass.files_of(family)) {
            return Ok(PassOutcome::default());
        }
        let is_quiet = pass.eager || memory.quiet_passes >= QUIET_PASSES;
        let Memory { mixed, ages, swarm, .. } = memory;
        let choice = self.choice(family, plan, reaches, ages, pass);
        let lasts = |file: &SstFile| {
            FileSpan::of(file, family)
                .is_some_and(|span| choice.dies_within(span.counters.end).is_none_or(|rest| rest >= WORTH_MERGING_FOR))
        };
        let Some(run) = Run::find(pass.files_of(family), pass.sizes, is_quiet, lasts) else {
            return Ok(PassOutcome::default());
        };
        // A buffer that reaches into the run would be flushed first, and would take along what it spans.
        if reaches.of(run.keys()).takes_buffer {
            return Ok(PassOutcome::default());
        }
        if !self.pacer.offers(Turn::of(family), pass.eager) {
            return Ok(PassOutcome { acted: false, pending: true });
        }
        if !swarm.is_new(&run) {
            return Ok(PassOutcome::default());
        }
        let step = self.pacer.begin(Turn::of(family));
        let left = run.merge(&self.db, Family::Data(family), &self.counters)?;
        drop(step);
        let spans = run.files().filter_map(|file| FileSpan::of(file, family));
        if let Some(whole) = spans.map(|span| span.counters).reduce(|whole, span| whole.start..span.end) {
            mixed.rewritten(&whole, &left, pass.files, &choice);
        }
        Ok(PassOutcome::ACTED)
    }

    fn compact(&self, family: DataFamily, reach: &Reach<'_>) {
        let (first, last) = reach.keys();
        let _step = self.pacer.begin(Turn::of(family));
        failpoint!("reclaimer::before_compact");
        // WHY not all keys of the ids: those of a giant fill many files.
        let family = Family::Data(family);
        self.counters.count_rewriting(&self.db, family, || self.db.compact_keys(family, first, last));
    }
}
