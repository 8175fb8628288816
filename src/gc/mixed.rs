//! Files with dead and live ids: which are worth rewriting, and when.
//!
//! May use `store`, the planner, the cost model, the reaches and the ages. Invariants: a file is rewritten only for dead data
//! that a look has found in it, so a sparse file is not rewritten again and again; what else a compaction takes along is priced
//! before it is chosen; what is noted here is a hint that may be lost.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::ages::Ages;
use super::dead::FamilyDead;
use super::looks::{Judged, Look, approximate, share_of};
use super::planner::{FamilyPlan, FileSpan, MixedFile};
use super::reach::{Reach, Reaches};
use super::worth::{Rent, Rewrite};
use crate::encoding::{DataFamily, KeyRange, id_of_key};
use crate::error::Result;
use crate::store::{Database, Family, SstFile};

/// A dead piece of a file from which the file is worth rewriting although it is mostly alive: a giant collection's end.
const LARGE_RESIDUE_BYTES: u64 = 16 << 20;
/// Less than this is not believed of the index, which knows blocks only: where nothing is left it may show some.
const SMALLEST_WEIGHED_BYTES: u64 = 1 << 20;
/// Files with more runs than this are judged by their ids alone. WHY: each look at bytes reads index blocks.
const MAX_RUNS_WEIGHED: usize = 8;
/// Wait between two looks at bytes.
const WEIGH_AGAIN: Duration = Duration::from_secs(5);
/// Wait between two looks into a file that is not worth rewriting, and only if more has died in it. WHY: RocksDB may have
/// filtered it long ago, and what is called debt should be there; but each look costs seeks, and only a figure gains.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Looks into files in one pass that lead to no rewriting; those that do are bounded by its bytes. More: debt is known sooner after an
/// opening. Fewer: less to read at once.
const LOOKS_A_PASS: usize = 4;
/// Wait between two looks at all that a file's rewriting would take along. WHY also for what is refused unread: each takes a walk over
/// the family's files and a seek into its buffer, and under a wide file in L0 all are refused. More: rent that is due waits as long.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// What is known of one file.
#[derive(Clone, Debug, Default)]
struct Watched {
    /// Rent paid while it has been worth rewriting, in bytes, and up to when.
    paid: f64,
    paid_until: Option<Duration>,
    /// When its dead bytes were last read from the index, and how many there were.
    weighed: Option<(Duration, u64)>,
    looked: Option<Looked>,
    /// Dead ids in its span when it was first seen, of which nobody knows whether they are in the file.
    dead_at_first: u64,
    /// When what goes with it was last found not to be worth it.
    refused: Option<Duration>,
}

/// What the last look into a file found.
#[derive(Clone, Copy, Debug)]
struct Looked {
    at: Duration,
    /// Share of its data that was dead.
    dead_share: f64,
    /// Dead ids in its span then.
    dead_ids: u64,
}

/// The mixed files of one family, by name.
#[derive(Debug, Default)]
pub(super) struct MixedFiles {
    watched: HashMap<String, Watched>,
    /// Numbers of all files of the family at the last pass.
    seen: HashSet<u64>,
    /// Whether nothing at all was dead then.
    nothing_was_dead: bool,
}

/// What a choice depends on.
pub(super) struct Choice<'a> {
    pub(super) db: &'a Arc<Database>,
    pub(super) family: DataFamily,
    pub(super) dead: &'a FamilyDead,
    pub(super) dead_percent: u8,
    /// Waits for nothing.
    pub(super) eager: bool,
    pub(super) now: Duration,
    /// What compactions of the family's files take along.
    pub(super) reaches: &'a Reaches<'a>,
    pub(super) plan: &'a FamilyPlan,
    pub(super) rent: Rent,
    /// Neighbours are rewritten together up to this many bytes. More: fewer small files are left; less: sooner done.
    pub(super) step_bytes: u64,
    pub(super) ages: &'a Ages,
}

impl Choice<'_> {
    fn limit(&self) -> f64 {
        f64::from(self.dead_percent) / 100.0
    }

    /// Estimates the dead share of the data between two keys, in all files.
    fn look(&self, keys: (&[u8], &[u8])) -> Result<f64> {
        let look = Look { db: self.db, family: Family::Data(self.family), keys, see_range_deleted: true };
        look.dead_share(|key, _| {
            let id = id_of_key(key).ok();
            Judged { is_dead: id.is_some_and(|id| self.dead.contains(id)), together_with: id.map(|id| id.counter()) }
        })
    }

    /// Reads from RocksDB's index how many bytes lie under the dead among these ids, where few runs make that cheap.
    fn weigh(&self, counters: &Range<u64>) -> u64 {
        let runs = self.dead.runs_in(counters, MAX_RUNS_WEIGHED).unwrap_or_default();
        let ranges: Vec<_> = runs.iter().map(|run| KeyRange::ids(self.family, run.start, run.end)).collect();
        self.db.approximate_bytes(Family::Data(self.family), &ranges).iter().sum()
    }

    /// How long it takes at the most until all that was born below `counters_end` is dead, if nothing is refreshed. None: not
    /// known, or it should have died already.
    pub(super) fn dies_within(&self, counters_end: u64) -> Option<Duration> {
        let dies_at = self.ages.born_by(counters_end)?.saturating_add(self.family.class().longest()?);
        dies_at.checked_sub(self.now).filter(|rest| !rest.is_zero())
    }
}

/// What is to be rewritten.
pub(super) struct Chosen<'a> {
    pub(super) reach: Reach<'a>,
    /// The files for whose sake.
    pub(super) names: Vec<String>,
}

impl MixedFiles {
    /// Takes note of the family's files, of which some are mixed.
    pub(super) fn notice(&mut self, mixed: &[MixedFile], all: &[FileSpan]) {
        let names: HashSet<&str> = mixed.iter().map(|mixed| mixed.file.name.as_str()).collect();
        self.watched.retain(|name, _| names.contains(name.as_str()));
        for mixed in mixed {
            // What has died in a file that was there before lies in it.
            let was_alive =
                self.nothing_was_dead || number_of(&mixed.file.name).is_some_and(|n| self.seen.contains(&n));
            let dead_at_first = if was_alive { 0 } else { mixed.dead_ids };
            let first = || Watched { dead_at_first, ..Watched::default() };
            self.watched.entry(mixed.file.name.clone()).or_insert_with(first);
        }
        self.seen = all.iter().filter_map(|file| number_of(&file.name)).collect();
        self.nothing_was_dead = false;
    }

    /// Takes note that nothing in the family is dead.
    pub(super) fn notice_nothing(&mut self) {
        self.nothing_was_dead = true;
    }

    /// Estimates the dead ids with elements in a file, and their bytes.
    pub(super) fn debt(&self, mixed: &MixedFile) -> (u64, u64) {
        let share = self.dead_share(mixed);
        // As many as make the share if the living ones all have elements, and all are equally large.
        let dead = share_of(mixed.living_ids, share / (1.0 - share)).max(u64::from(share > 0.0));
        (dead.min(mixed.dead_ids), share_of(mixed.file.size_bytes, share))
    }

    /// Estimates which share of a file is dead, from 0 to 1.
    pub(super) fn dead_share(&self, mixed: &MixedFile) -> f64 {
        self.watched.get(&mixed.file.name).map_or_else(|| share_by_ids(mixed), |watched| watched.dead_share(mixed))
    }

    /// Estimates the dead share of a file as far as it is known: by a look, or because it has died since the file was first seen.
    pub(super) fn known_share(&self, mixed: &MixedFile) -> f64 {
        self.watched.get(&mixed.file.name).map_or(0.0, |watched| watched.known_share(mixed))
    }

    /// Chooses what to rewrite now: a file that is due and in which the dead data was found, and the neighbours of which the
    /// same is true, if all that goes with them is worth it.
    pub(super) fn choose<'a>(&mut self, choice: &Choice<'a>) -> Result<Option<Chosen<'a>>> {
        let due = self.due(choice);
        let mut looks = if choice.eager { usize::MAX } else { LOOKS_A_PASS };
        let mut chosen: Option<Chosen<'a>> = None;
        for mixed in due {
            let Some(own) = choice.reaches.of_file(&mixed.file.name) else { continue };
            let joined = chosen.as_ref().map(|before| choice.reaches.of_both(&before.reach, &own));
            if let (Some(joined), Some(before)) = (&joined, &chosen)
                && (joined.bytes > choice.step_bytes.max(before.reach.bytes)
                    || joined.bytes > before.reach.bytes + own.bytes)
            {
                break;
            }
            if !self.may_be_worth_it(mixed, &own, choice) {
                self.refuse(&mixed.file.name, choice.now);
                continue;
            }
            if looks == 0 {
                break;
            }
            let watched = self.watched.entry(mixed.file.name.clone()).or_default();
            watched.look_if_unknown(mixed, choice)?;
            if !watched.is_worth_it(mixed, choice) || !self.is_worth_it(mixed, &own, choice)? {
                looks -= 1;
                continue;
            }
            let mut names = chosen.map(|before| before.names).unwrap_or_default();
            names.push(mixed.file.name.clone());
            chosen = Some(Chosen { reach: joined.unwrap_or(own), names });
        }
        if chosen.is_none() {
            self.look_around(looks, choice)?;
        }
        Ok(chosen)
    }

    /// Lets every file pay, and lists those that are due, in the order of their ids.
    fn due<'a>(&mut self, choice: &Choice<'a>) -> Vec<&'a MixedFile> {
        let mut due: Vec<&MixedFile> = Vec::new();
        for mixed in &choice.plan.mixed {
            let watched = self.watched.entry(mixed.file.name.clone()).or_default();
            watched.pay_rent(mixed, choice);
            if watched.is_due(mixed, choice) {
                due.push(mixed);
            }
        }
        due.sort_unstable_by_key(|mixed| mixed.file.counters.start);
        due
    }

    /// Tells whether all that goes with a file is worth rewriting by what is known of each. WHY first: it reads nothing, and what lies under
    /// a wide file may lie there for long.
    fn may_be_worth_it(&self, mixed: &MixedFile, reach: &Reach<'_>, choice: &Choice<'_>) -> bool {
        reach.is_only(&mixed.file.name) || self.pays(reach, self.dead_bytes_in(reach, choice.plan), choice)
    }

    /// Tells the same by a look over all of it. If it is not worth it, the file is left for a while.
    fn is_worth_it(&mut self, mixed: &MixedFile, reach: &Reach<'_>, choice: &Choice<'_>) -> Result<bool> {
        if reach.is_only(&mixed.file.name) {
            return Ok(true);
        }
        let by_look = share_of(reach.bytes, choice.look(reach.extent())?);
        let dead_bytes = by_look.max(choice.weigh(&reach.counters(choice.family)));
        let pays = self.pays(reach, dead_bytes, choice);
        if !pays {
            self.refuse(&mixed.file.name, choice.now);
        }
        Ok(pays)
    }

    fn refuse(&mut self, name: &str, now: Duration) {
        if let Some(watched) = self.watched.get_mut(name) {
            watched.refused = Some(now);
        }
    }

    /// Tells whether so many dead bytes are worth a rewriting of all that goes with a file.
    fn pays(&self, reach: &Reach<'_>, dead_bytes: u64, choice: &Choice<'_>) -> bool {
        let dead_bytes = dead_bytes.min(reach.bytes);
        let rewrite = Rewrite { dead_bytes, living_bytes: reach.bytes - dead_bytes };
        let paid = reach.names().filter_map(|name| self.watched.get(name)).map(|watched| watched.paid).sum();
        let dies_within = || choice.dies_within(reach.counters(choice.family).end);
        let is_large = dead_bytes >= LARGE_RESIDUE_BYTES && reach.bytes <= choice.step_bytes;
        (is_large || dead_bytes >= share_of(reach.bytes, choice.limit()))
            && (choice.eager || rewrite.is_due(paid, choice.rent, dies_within()))
    }

    /// Tells whether a compaction of a dead file takes along little enough that lives.
    pub(super) fn is_mostly_dead(&self, reach: &Reach<'_>, plan: &FamilyPlan, dead_percent: u8) -> bool {
        u128::from(self.dead_bytes_in(reach, plan)) * 100 >= u128::from(reach.bytes) * u128::from(dead_percent)
    }

    /// Estimates the dead bytes in what goes together.
    fn dead_bytes_in(&self, reach: &Reach<'_>, plan: &FamilyPlan) -> u64 {
        let names: HashSet<&str> = reach.names().collect();
        let whole = plan.drops.iter().flat_map(|drop| &drop.files).chain(&plan.stuck);
        let whole = whole.filter(|file| names.contains(file.name.as_str())).map(|file| file.size_bytes);
        let partly = plan.mixed.iter().filter(|mixed| names.contains(mixed.file.name.as_str()));
        let partly = partly.map(|mixed| match self.watched.get(&mixed.file.name) {
            Some(watched) => watched.rewrite(mixed).dead_bytes,
            None => share_of(mixed.file.size_bytes, share_by_ids(mixed)),
        });
        whole.chain(partly).sum()
    }

    /// Takes note of a file that a compaction left as it was: it pays anew, so that the next try waits as the first did.
    pub(super) fn left(&mut self, name: &str, now: Duration) {
        if let Some(watched) = self.watched.get_mut(name) {
            (watched.paid, watched.paid_until) = (0.0, Some(now));
        }
    }

    /// Takes note of the files that a rewrite of `counters` has left: nothing in them is dead, although the span of their ids may
    /// say otherwise. `before` are the files that there were.
    pub(super) fn rewritten(
        &mut self,
        counters: &Range<u64>,
        after: &[SstFile],
        before: &[SstFile],
        choice: &Choice<'_>,
    ) {
        let family = Family::Data(choice.family);
        let old: HashSet<&str> = before.iter().map(|old| old.name.as_str()).collect();
        let is_new = |file: &&SstFile| file.family == family && file.level > 0 && !old.contains(file.name.as_str());
        for span in after.iter().filter(is_new).filter_map(|file| FileSpan::of(file, choice.family)) {
            if span.counters.start < counters.end && counters.start < span.counters.end {
                let dead_ids = MixedFile::of(choice.dead, &span).dead_ids;
                let looked = Some(Looked { at: choice.now, dead_share: 0.0, dead_ids });
                self.watched.insert(span.name, Watched { looked, ..Watched::default() });
            }
        }
    }

    /// Takes note that the files that are not among the `left` ones owe nothing any more, until they are forgotten.
    pub(super) fn forget_gone(&mut self, left: &[SstFile], now: Duration) {
        let left: HashSet<&str> = left.iter().map(|file| file.name.as_str()).collect();
        for (_, watched) in self.watched.iter_mut().filter(|(name, _)| !left.contains(name.as_str())) {
            watched.looked = Some(Looked { at: now, dead_share: 0.0, dead_ids: u64::MAX });
        }
    }

    /// Lists the numbers of so many files for which most rent was paid, and the rent.
    pub(super) fn rents(&self, count: usize) -> Vec<(u64, u64)> {
        let paid = self.watched.iter().filter(|(_, watched)| watched.paid >= 1.0);
        let mut rents: Vec<(u64, u64)> =
            paid.filter_map(|(name, watched)| Some((number_of(name)?, share_of(1, watched.paid)))).collect();
        rents.sort_unstable_by_key(|(number, paid)| (std::cmp::Reverse(*paid), *number));
        rents.truncate(count);
        rents
    }

    /// Takes in the rent that an earlier session paid. WHY nothing of what it saw in the files: a wrong look would keep dead data
    /// where it is, and a wrong rent only has a file looked into too early.
    pub(super) fn restore_rents<'a>(&mut self, rents: &[(u64, u64)], files: impl Iterator<Item = &'a SstFile>) {
        let rents: HashMap<u64, u64> = rents.iter().copied().collect();
        for file in files {
            if let Some(paid) = number_of(&file.name).and_then(|number| rents.get(&number)) {
                let paid = approximate(*paid);
                self.watched.insert(file.name.clone(), Watched { paid, dead_at_first: u64::MAX, ..Watched::default() });
            }
        }
    }

    /// Looks into some files in which dead data is only supposed.
    fn look_around(&mut self, looks: usize, choice: &Choice<'_>) -> Result<()> {
        let mut left = looks;
        for mixed in &choice.plan.mixed {
            if left == 0 {
                break;
            }
            let watched = self.watched.entry(mixed.file.name.clone()).or_default();
            let is_known = watched.looked.is_some_and(|last| {
                last.dead_ids == mixed.dead_ids || (!choice.eager && choice.now.saturating_sub(last.at) < LOOK_AGAIN)
            });
            if !is_known {
                watched.look(mixed, choice)?;
                left -= 1;
            }
        }
        Ok(())
    }
}

impl Watched {
    /// Pays for the time since the last pass, while there is reason to.
    fn pay_rent(&mut self, mixed: &MixedFile, choice: &Choice<'_>) {
        if !self.is_worth_it(mixed, choice) {
            (self.paid, self.paid_until) = (0.0, None);
            return;
        }
        let since = self.paid_until.replace(choice.now).unwrap_or(choice.now);
        self.paid += choice.rent.over(self.rewrite(mixed).dead_bytes, choice.now.saturating_sub(since));
    }

    fn is_due(&mut self, mixed: &MixedFile, choice: &Choice<'_>) -> bool {
        // Rent is paid for what is worth it alone.
        let Some(_) = self.paid_until else { return false };
        if !choice.eager && self.refused.is_some_and(|at| choice.now.saturating_sub(at) < TRY_AGAIN) {
            return false;
        }
        choice.eager || self.rewrite(mixed).is_due(self.paid, choice.rent, choice.dies_within(mixed.file.counters.end))
    }

    /// What a rewrite would free, by the last look or by what the index told.
    fn rewrite(&self, mixed: &MixedFile) -> Rewrite {
        let by_share = share_of(mixed.file.size_bytes, self.dead_share(mixed));
        let dead_bytes = by_share.max(self.weighed.map_or(0, |(_, bytes)| bytes)).min(mixed.file.size_bytes);
        Rewrite { dead_bytes, living_bytes: mixed.file.size_bytes - dead_bytes }
    }

    fn look_if_unknown(&mut self, mixed: &MixedFile, choice: &Choice<'_>) -> Result<()> {
        let is_known = self.looked.is_some_and(|last| last.dead_ids == mixed.dead_ids);
        if is_known { Ok(()) } else { self.look(mixed, choice) }
    }

    fn look(&mut self, mixed: &MixedFile, choice: &Choice<'_>) -> Result<()> {
        let counters = &mixed.file.counters;
        let range = KeyRange::ids(choice.family, counters.start, counters.end);
        let dead_share = choice.look((range.start(), range.end()))?;
        self.looked = Some(Looked { at: choice.now, dead_share, dead_ids: mixed.dead_ids });
        Ok(())
    }

    /// Estimates the dead share: as it was found by a look, and by ids what has died since.
    fn dead_share(&self, mixed: &MixedFile) -> f64 {
        if self.looked.is_some() { self.known_share(mixed) } else { share_by_ids(mixed) }
    }

    fn known_share(&self, mixed: &MixedFile) -> f64 {
        let (share, dead_ids) = self.looked.map_or((0.0, self.dead_at_first), |last| (last.dead_share, last.dead_ids));
        let died = mixed.dead_ids.saturating_sub(dead_ids);
        let died = approximate(died) / approximate((mixed.living_ids + died).max(1));
        share + (1.0 - share) * died
    }

    fn is_worth_it(&mut self, mixed: &MixedFile, choice: &Choice<'_>) -> bool {
        let limit = choice.limit();
        if self.dead_share(mixed) >= limit {
            return true;
        }
        if self.looked.is_some_and(|last| last.dead_share == 0.0 && last.dead_ids == mixed.dead_ids) {
            return false;
        }
        let by_index = self.weigh(mixed, choice);
        by_index >= LARGE_RESIDUE_BYTES
            || (by_index >= SMALLEST_WEIGHED_BYTES && by_index >= share_of(mixed.file.size_bytes, limit))
    }

    /// Reads the dead bytes from RocksDB's index, now and then, where few runs make that cheap. By ids, a dead giant
    /// beside a thousand small collections would count for nothing.
    fn weigh(&mut self, mixed: &MixedFile, choice: &Choice<'_>) -> u64 {
        if let Some((at, bytes)) = self.weighed
            && !choice.eager
            && choice.now.saturating_sub(at) < WEIGH_AGAIN
        {
            return bytes;
        }
        let bytes = choice.weigh(&mixed.file.counters).min(mixed.file.size_bytes);
        self.weighed = Some((choice.now, bytes));
        bytes
    }
}

/// Reads the number in the name that RocksDB gives to an SST file.
fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix('/')?.strip_suffix(".sst")?.parse().ok()
}

/// Estimates the dead share of a file that nobody has looked into, taking every id in its span for equally large.
fn share_by_ids(mixed: &MixedFile) -> f64 {
    approximate(mixed.dead_ids) / approximate(mixed.dead_ids + mixed.living_ids)
}

#[cfg(test)]
#[path = "mixed_tests.rs"]
mod tests;
