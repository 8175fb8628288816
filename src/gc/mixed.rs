//! Files with dead and live ids: which are worth rewriting, and when.
//!
//! May use `store`, the planner, the cost model and the ages. Invariants: a file is rewritten only for dead data that a look has
//! found in it, so a sparse file is not rewritten again and again; what is noted here is a hint that may be lost.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::ages::Ages;
use super::dead::FamilyDead;
use super::looks::{Judged, Look, approximate, share_of};
use super::planner::{FileSpan, MixedFile};
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
/// What is known of one file.
#[derive(Clone, Debug, Default)]
struct Watched {
    /// Rent paid while it has been worth rewriting, in bytes, and up to when.
    paid: f64,
    paid_until: Option<Duration>,
    /// When its dead bytes were last read from the index, and how many there were.
    weighed: Option<(Duration, u64)>,
    looked: Option<Looked>,
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
    /// All files of the family.
    pub(super) files: &'a [FileSpan],
    pub(super) rent: Rent,
    /// Neighbours are rewritten together up to this many bytes. More: fewer small files are left; less: sooner done.
    pub(super) step_bytes: u64,
    pub(super) ages: &'a Ages,
}

impl Choice<'_> {
    /// How long it takes at the most until all that was born below `counters_end` is dead, if nothing is refreshed. None: not
    /// known, or it should have died already.
    fn dies_within(&self, counters_end: u64) -> Option<Duration> {
        let dies_at = self.ages.born_by(counters_end)?.saturating_add(self.family.class().longest()?);
        dies_at.checked_sub(self.now).filter(|rest| !rest.is_zero())
    }
}

impl MixedFiles {
    /// Forgets files that are not there any more.
    pub(super) fn keep_only(&mut self, files: &[MixedFile]) {
        self.watched.retain(|name, _| files.iter().any(|mixed| mixed.file.name == *name));
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

    /// Chooses what to rewrite now: a file that is due and in which the dead data was found, and the neighbours of which the
    /// same is true. Empty if there is none.
    pub(super) fn choose(&mut self, files: &[MixedFile], choice: &Choice<'_>) -> Result<Vec<FileSpan>> {
        let mut due: Vec<&MixedFile> = Vec::new();
        for mixed in files {
            let watched = self.watched.entry(mixed.file.name.clone()).or_default();
            watched.pay_rent(mixed, choice);
            if watched.is_due(mixed, choice) {
                due.push(mixed);
            }
        }
        due.sort_unstable_by_key(|mixed| mixed.file.counters.start);
        let mut chosen = Vec::new();
        let mut bytes = 0;
        for mixed in due {
            if !chosen.is_empty()
                && (bytes + mixed.file.size_bytes > choice.step_bytes || has_between(&chosen, mixed, choice))
            {
                break;
            }
            let watched = self.watched.entry(mixed.file.name.clone()).or_default();
            watched.look(mixed, choice)?;
            if watched.is_worth_it(mixed, choice) {
                bytes += mixed.file.size_bytes;
                chosen.push(mixed.file.clone());
            }
        }
        if chosen.is_empty() {
            self.look_around(files, choice)?;
        }
        Ok(chosen)
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
        let is_new =
            |file: &&SstFile| file.family == family && file.level > 0 && before.iter().all(|old| old.name != file.name);
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

    /// Looks into one file in which dead data is only supposed; into all of them if nothing is to wait.
    fn look_around(&mut self, files: &[MixedFile], choice: &Choice<'_>) -> Result<()> {
        for mixed in files {
            let watched = self.watched.entry(mixed.file.name.clone()).or_default();
            let is_known = watched.looked.is_some_and(|last| {
                last.dead_ids == mixed.dead_ids || (!choice.eager && choice.now.saturating_sub(last.at) < LOOK_AGAIN)
            });
            if is_known {
                continue;
            }
            watched.look(mixed, choice)?;
            if !choice.eager {
                return Ok(());
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
        choice.eager || self.rewrite(mixed).is_due(self.paid, choice.rent, choice.dies_within(mixed.file.counters.end))
    }

    /// What a rewrite would free, by the last look or by what the index told.
    fn rewrite(&self, mixed: &MixedFile) -> Rewrite {
        let by_share = share_of(mixed.file.size_bytes, self.dead_share(mixed));
        let dead_bytes = by_share.max(self.weighed.map_or(0, |(_, bytes)| bytes)).min(mixed.file.size_bytes);
        Rewrite { dead_bytes, living_bytes: mixed.file.size_bytes - dead_bytes }
    }

    fn look(&mut self, mixed: &MixedFile, choice: &Choice<'_>) -> Result<()> {
        let counters = &mixed.file.counters;
        let range = KeyRange::ids(choice.family, counters.start, counters.end);
        let keys = (range.start(), range.end());
        let look = Look { db: choice.db, family: Family::Data(choice.family), keys, see_range_deleted: true };
        let judge = |key: &[u8], _: &[u8]| {
            let id = id_of_key(key).ok();
            Judged { is_dead: id.is_some_and(|id| choice.dead.contains(id)), together_with: id.map(|id| id.counter()) }
        };
        let dead_share = look.dead_share(judge)?;
        self.looked = Some(Looked { at: choice.now, dead_share, dead_ids: mixed.dead_ids });
        Ok(())
    }

    /// Estimates the dead share: as it was found by a look, and by ids what has died since.
    fn dead_share(&self, mixed: &MixedFile) -> f64 {
        let Some(last) = self.looked else {
            return share_by_ids(mixed);
        };
        let died = mixed.dead_ids.saturating_sub(last.dead_ids);
        let died = approximate(died) / approximate(mixed.living_ids + died);
        last.dead_share + (1.0 - last.dead_share) * died
    }

    fn is_worth_it(&mut self, mixed: &MixedFile, choice: &Choice<'_>) -> bool {
        let limit = f64::from(choice.dead_percent) / 100.0;
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
        let ranges: Vec<KeyRange> = choice
            .dead
            .runs_in(&mixed.file.counters, MAX_RUNS_WEIGHED)
            .unwrap_or_default()
            .iter()
            .map(|run| KeyRange::ids(choice.family, run.start, run.end))
            .collect();
        let bytes: u64 = choice.db.approximate_bytes(Family::Data(choice.family), &ranges).iter().sum();
        let bytes = bytes.min(mixed.file.size_bytes);
        self.weighed = Some((choice.now, bytes));
        bytes
    }
}

/// Estimates the dead share of a file that nobody has looked into, taking every id in its span for equally large.
fn share_by_ids(mixed: &MixedFile) -> f64 {
    approximate(mixed.dead_ids) / approximate(mixed.dead_ids + mixed.living_ids)
}

/// Tells whether a file that is not chosen reaches into the span between the chosen ones and the next: it would be rewritten
/// with them.
fn has_between(chosen: &[FileSpan], next: &MixedFile, choice: &Choice<'_>) -> bool {
    let first = chosen.iter().map(|file| file.counters.start).min().unwrap_or(0);
    let span = first..next.file.counters.end;
    let reaches_in = |file: &FileSpan| file.counters.start < span.end && span.start < file.counters.end;
    let is_chosen = |file: &FileSpan| file.name == next.file.name || chosen.iter().any(|other| other.name == file.name);
    choice.files.iter().any(|file| reaches_in(file) && !is_chosen(file))
}
