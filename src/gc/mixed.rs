//! Files with dead and live ids: which are worth rewriting, and when.
//!
//! May use `store` and the planner. Invariants: a file is rewritten only for dead data that a look has found in
//! it, so a sparse file is not rewritten again and again; what is noted here is a hint that may be lost.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::dead::FamilyDead;
use super::looks::{Judged, Look, approximate, share_of};
use super::planner::{FileSpan, MixedFile};
use crate::encoding::{DataFamily, KeyRange, id_of_key};
use crate::error::Result;
use crate::store::{Database, Family};

/// A dead piece of a file from which the file is worth rewriting although it is mostly alive: a giant collection's end.
const LARGE_RESIDUE_BYTES: u64 = 16 << 20;
/// Less than this is not believed of the index, which knows blocks only: where nothing is left it may show some.
const SMALLEST_WEIGHED_BYTES: u64 = 1 << 20;
/// Files with more runs than this are judged by their ids alone. WHY: each look at bytes reads index blocks.
const MAX_RUNS_WEIGHED: usize = 8;
/// Longest wait for a half-dead file of an expiring family to die wholly.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// Wait where no lifetime is known, and between two looks at bytes.
const SHORT_WAIT: Duration = Duration::from_secs(5);
/// Wait between two looks into a file that is not worth rewriting, and only if more has died in it. WHY: RocksDB may have
/// filtered it long ago, and what is called debt should be there; but each look costs seeks, and only a figure gains.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// What is known of one file.
#[derive(Clone, Debug, Default)]
struct Watched {
    /// Since when it has been worth rewriting.
    since: Option<Duration>,
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

    /// Chooses a file to rewrite now: one whose dead share has passed the limit for as long as waiting could still
    /// have made it die wholly, and in which the dead data was found.
    pub(super) fn choose(&mut self, files: &[MixedFile], choice: &Choice<'_>) -> Result<Option<FileSpan>> {
        for mixed in files {
            let watched = self.watched.entry(mixed.file.name.clone()).or_default();
            if !watched.is_worth_it(mixed, choice) {
                watched.since = None;
                continue;
            }
            // WHY the clock never starts again while the file is worth it: deaths that trickle would put it off for ever.
            let since = *watched.since.get_or_insert(choice.now);
            if !choice.eager && choice.now.saturating_sub(since) < patience(choice.family) {
                continue;
            }
            watched.look(mixed, choice)?;
            if watched.is_worth_it(mixed, choice) {
                watched.since = None;
                return Ok(Some(mixed.file.clone()));
            }
        }
        self.look_around(files, choice)?;
        Ok(None)
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
            && choice.now.saturating_sub(at) < SHORT_WAIT
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

/// How long a half-dead file may wait to die wholly: as long as its youngest collection may live, or, where no
/// lifetime is known, a moment.
fn patience(family: DataFamily) -> Duration {
    match family.class().longest() {
        Some(longest) => longest.min(LONGEST_WAIT),
        None if family.class().number() == 0 => SHORT_WAIT,
        None => LONGEST_WAIT,
    }
}
