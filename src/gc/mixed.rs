//! Files with dead and live ids: which are worth rewriting, and when.
//!
//! May use `store` and the planner. Invariants: a file is rewritten only for dead data that a look has found in
//! it, so a sparse file is not rewritten again and again; what is noted here is a hint that may be lost.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::dead::FamilyDead;
use super::planner::{FileSpan, MixedFile};
use crate::encoding::{DataFamily, KeyRange, id_of_key};
use crate::error::Result;
use crate::store::{Cursor, Database, Family, Scan};

/// A dead piece of a file from which the file is worth rewriting although it is mostly alive: a giant collection's end.
const LARGE_RESIDUE_BYTES: u64 = 16 << 20;
/// Less than this is not believed of the index, which knows blocks only: where nothing is left it may show some.
const SMALLEST_WEIGHED_BYTES: u64 = 1 << 20;
/// Files with more runs than this are judged by their ids alone. WHY: each look at bytes reads index blocks.
const MAX_RUNS_WEIGHED: usize = 8;
/// Dead ids that are looked for in a file before it is rewritten. Each costs a seek; 16 tell a quarter from a half.
const PROBES: u64 = 16;
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
    /// Dead ids in its span of which a look found no element any more.
    gone: u64,
    /// When its dead bytes were last read from the index, and how many there were.
    weighed: Option<(Duration, u64)>,
    /// When it was last looked into, and how many dead ids its span had then.
    looked: Option<(Duration, u64)>,
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
        let gone = self.gone(&mixed.file.name);
        (mixed.dead_left(gone), mixed.dead_bytes(gone))
    }

    /// Returns how many dead ids in a file's span were found to have no element any more.
    pub(super) fn gone(&self, name: &str) -> u64 {
        self.watched.get(name).map_or(0, |watched| watched.gone)
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
            let is_known = watched.looked.is_some_and(|(at, dead_ids)| {
                dead_ids == mixed.dead_ids || (!choice.eager && choice.now.saturating_sub(at) < LOOK_AGAIN)
            });
            if is_known || mixed.dead_left(watched.gone) == 0 {
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
        self.gone = count_gone(mixed, choice)?;
        self.looked = Some((choice.now, mixed.dead_ids));
        Ok(())
    }

    fn is_worth_it(&mut self, mixed: &MixedFile, choice: &Choice<'_>) -> bool {
        let by_ids = mixed.dead_bytes(self.gone);
        let limit = u128::from(mixed.file.size_bytes) * u128::from(choice.dead_percent);
        if u128::from(by_ids) * 100 >= limit {
            return true;
        }
        if self.gone >= mixed.dead_ids {
            return false;
        }
        let by_index = self.weigh(mixed, choice);
        by_index >= LARGE_RESIDUE_BYTES || (by_index >= SMALLEST_WEIGHED_BYTES && u128::from(by_index) * 100 >= limit)
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

/// Looks for some of the dead ids, spread over the file's span, and estimates how many of all have no element any more.
fn count_gone(mixed: &MixedFile, choice: &Choice<'_>) -> Result<u64> {
    let span = &mixed.file.counters;
    let range = KeyRange::ids(choice.family, span.start, span.end);
    let mut scan = Scan::between(range.start(), Some(range.end().to_vec()));
    scan.see_range_deleted = true;
    scan.bypass_cache = true;
    let mut cursor = Cursor::open(choice.db, Family::Data(choice.family), scan, None);
    let (mut looked, mut missing) = (0, 0);
    for probe in 0..PROBES {
        let from = span.start + (span.end - span.start) * probe / PROBES;
        let Some(dead) = choice.dead.first_from(from).filter(|dead| *dead < span.end) else {
            break;
        };
        cursor.seek(KeyRange::ids(choice.family, dead, span.end).start());
        let found = cursor.entry()?.is_some_and(|(key, _)| id_of_key(key).is_ok_and(|id| id.counter() == dead));
        looked += 1;
        missing += u64::from(!found);
    }
    // A span has less than 2^56 ids, so the product fits.
    Ok(mixed.dead_ids * missing / looked.max(1))
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
