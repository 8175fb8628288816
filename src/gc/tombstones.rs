//! Tombstones of single deletes, in the families whose records are deleted one by one: when it is worth rewriting what
//! they lie in.
//!
//! May use `store`. Invariants: a file is rewritten only when everything that goes with it is older than every snapshot, so
//! it is not rewritten in vain, and only when the dead share of all that is rewritten with it passes the limit.
//!
//! WHY at all: RocksDB moves tombstones down when its levels are full. In a store that falls quiet after a mass delete that never happens,
//! and every look-up and every walk over keys passes them and what they hide.

use std::collections::HashMap;

use super::expired::ExpiredPass;
use super::log::Quiet;
use super::reach::{Reach, Reaches};
use super::reclaimer::PassOutcome;
use super::stats::ReclaimCounters;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::store::{Family, SstFile};

/// Dead entries from which it is worth rewriting what they lie in: under load, when no more of them come, when the store has
/// been quiet for long, and when somebody asks for everything that can be given back. WHY at all: small stores are cheap as they are.
const WORTH_REWRITING: [u64; 4] = [100_000, 10_000, 1_000, 100];
/// The same for the families of few and larger records.
const WORTH_REWRITING_OF_FEW: [u64; 4] = [1_000, 100, 10, 10];
/// The dead share from which they are rewritten, in percent: under load, when no more of them come, and when somebody asks. The first two
/// rise to [`compact_dead_percent`](crate::Options::compact_dead_percent) where that is higher.
///
/// WHY earlier in calm times: every look-up and every walk over keys passes what is dead among the records, and nobody meets dead
/// elements. At 30 percent a walk passes at most 1.4 times the living, and 2.3 records are rewritten for each that goes. WHY not under
/// load: there the share is soon reached again, and at 60 percent it is 0.7 records.
const WORTH_PERCENT: [u8; 3] = [60, 30, 10];

/// Passes in which next to nothing has died after which no more is expected. WHY wait: what is deleted next goes with
/// the same rewriting.
const CALM_PASSES: u32 = 5;
/// Passes after which a file is tried again that a compaction left as it was: a minute. WHY so long: what stood in the way may stay.
const TRY_AGAIN_PASSES: u32 = 300;
/// The part by which deaths grow in a calm time, at the most.
const CALM_GROWTH: u64 = 16;

/// Tells whether deaths have come to an end, or nearly.
#[derive(Debug, Default)]
pub(super) struct Calm {
    dead: u64,
    passes: u32,
}

impl Calm {
    /// Takes note of the deaths so far, in one pass.
    pub(super) fn notice(&mut self, dead: u64) -> bool {
        // Less than before is no new death: some have left.
        self.dead = self.dead.min(dead);
        if dead > self.dead + self.dead / CALM_GROWTH {
            *self = Self { dead, passes: 0 };
        } else {
            self.passes = self.passes.saturating_add(1);
        }
        self.passes >= CALM_PASSES
    }
}

/// From what dead share, and from how many dead entries, a rewriting is worth it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Worth {
    percent: u8,
    entries: u64,
}

impl Worth {
    pub(super) fn new(pass: &ExpiredPass<'_>, family: Family, is_calm: bool) -> Self {
        let few = matches!(family, Family::Gc | Family::Default);
        let [under_load, calm, very_quiet, eager] = if few { WORTH_REWRITING_OF_FEW } else { WORTH_REWRITING };
        let [load_percent, calm_percent, eager_percent] = WORTH_PERCENT;
        let at_least = |percent: u8| percent.max(pass.dead_percent);
        match (pass.quiet, is_calm) {
            _ if pass.eager => Self { percent: eager_percent, entries: eager },
            (Quiet::Very, _) => Self { percent: at_least(calm_percent), entries: very_quiet },
            (_, true) => Self { percent: at_least(calm_percent), entries: calm },
            _ => Self { percent: at_least(load_percent), entries: under_load },
        }
    }

    /// Tells whether so many dead are enough, of so many in all.
    pub(super) fn is_reached(self, dead: u64, all: u64) -> bool {
        dead >= self.entries && self.is_share_reached(dead, all)
    }

    pub(super) fn is_share_reached(self, dead: u64, all: u64) -> bool {
        u128::from(dead) * 100 >= u128::from(all) * u128::from(self.percent)
    }

    /// Returns from how many dead entries on.
    pub(super) fn entries(self) -> u64 {
        self.entries
    }
}

/// What is known of one family.
#[derive(Debug)]
pub(super) struct Tombstones {
    family: Family,
    /// The last commit when each file was first seen: nothing in the file is younger.
    made_by: HashMap<String, u64>,
    /// Files that a compaction left as they were, and for how many passes they are not tried again.
    left: HashMap<String, u32>,
    calm: Calm,
}

impl Tombstones {
    pub(super) fn new(family: Family) -> Self {
        Self { family, made_by: HashMap::new(), left: HashMap::new(), calm: Calm::default() }
    }

    /// Writes a buffer full of tombstones to a file once no more of them come, and rewrites the file for which that is worth most.
    pub(super) fn pass(&mut self, pass: &ExpiredPass<'_>, counters: &ReclaimCounters) -> Result<PassOutcome> {
        let files: Vec<&SstFile> = pass.files_of(self.family).collect();
        self.notice_files(pass, &files);
        let buffered = pass.db.buffered_tombstones(self.family);
        let young: u64 = files.iter().filter(|file| file.level == 0).map(|file| file.tombstones).sum();
        let is_calm = self.calm.notice(buffered + young) || pass.quiet == Quiet::Very;
        let worth = Worth::new(pass, self.family, is_calm);
        if is_calm || pass.eager {
            let records: u64 = files.iter().map(|file| records(file)).sum();
            let all = pass.db.buffered_entries(self.family) + files.iter().map(|file| file.entries).sum::<u64>();
            if buffered > 0 && worth.is_reached(buffered + buffered.min(records), all) {
                failpoint!(&format!("tombstones::before_flush_{}", self.family.name()));
                pass.db.flush(self.family)?;
                failpoint!(&format!("tombstones::after_flush_{}", self.family.name()));
                ReclaimCounters::add(&counters.flushes, 1);
                return Ok(PassOutcome::ACTED);
            }
        }
        let Some(region) = self.choose(pass, &files, worth, is_calm) else {
            return Ok(PassOutcome::default());
        };
        if !pass.may_compact(self.family) {
            return Ok(PassOutcome { acted: false, pending: true });
        }
        failpoint!(&format!("tombstones::before_compact_{}", self.family.name()));
        pass.compact(&region.reach, self.family, counters);
        failpoint!(&format!("tombstones::after_compact_{}", self.family.name()));
        // RocksDB does not say whether it worked, but a rewritten file is gone.
        let name = &region.top.name;
        if pass.db.live_files()?.iter().any(|live| live.name == *name) {
            tracing::warn!(file = name, "a compaction left its file as it was");
            self.left.insert(name.clone(), TRY_AGAIN_PASSES);
        }
        Ok(PassOutcome::ACTED)
    }

    /// Adds up the tombstones in files that a compaction would take away now.
    pub(super) fn removable<'a>(&self, pass: &ExpiredPass<'_>, files: impl Iterator<Item = &'a SstFile>) -> u64 {
        let oldest_snapshot = pass.db.oldest_snapshot();
        files.filter(|file| self.may_go(file, oldest_snapshot)).map(|file| file.tombstones).sum()
    }

    fn notice_files(&mut self, pass: &ExpiredPass<'_>, files: &[&SstFile]) {
        let now = pass.db.last_commit();
        let mut known = std::mem::take(&mut self.made_by);
        for file in files.iter().filter(|file| file.tombstones > 0) {
            let made_by = known.remove(&file.name).unwrap_or(now);
            self.made_by.insert(file.name.clone(), made_by);
        }
        self.left.retain(|name, passes| {
            *passes -= 1;
            *passes > 0 && self.made_by.contains_key(name)
        });
    }

    fn may_go(&self, file: &SstFile, oldest_snapshot: Option<u64>) -> bool {
        let Some(oldest_snapshot) = oldest_snapshot else { return true };
        self.made_by.get(&file.name).is_none_or(|commit| *commit <= oldest_snapshot)
    }

    /// Finds the file whose rewriting frees the largest share of what it takes along.
    fn choose<'a>(
        &self,
        pass: &ExpiredPass<'a>,
        files: &[&'a SstFile],
        worth: Worth,
        is_calm: bool,
    ) -> Option<Region<'a>> {
        // WHY not in L0 while more is dying: files there span nearly all keys, so rewriting one rewrites everything; RocksDB
        // moves them soon.
        let in_reach = |file: &&SstFile| file.level > 0 || is_calm || pass.eager;
        let oldest_snapshot = pass.db.oldest_snapshot();
        let reaches = Reaches::new(pass.db, self.family, pass.files);
        let buffered = pass.db.buffered_entries(self.family);
        files
            .iter()
            .filter(|file| in_reach(file) && !self.left.contains_key(&file.name))
            // The share is largest if every tombstone hides a record: no look at what lies beneath can raise it.
            .filter(|file| file.tombstones > 0)
            .filter(|file| worth.is_share_reached(file.tombstones * 2, file.entries + file.tombstones))
            .filter_map(|file| Some(Region::of(file, reaches.of_file(&file.name)?, buffered)))
            .filter(|region| worth.is_reached(region.dead(), region.entries))
            .filter(|region| region.reach.files().all(|file| self.may_go(file, oldest_snapshot)))
            .max_by_key(|region| u128::from(region.dead()) * 1_000_000 / u128::from(region.entries.max(1)))
    }
}

fn records(file: &SstFile) -> u64 {
    file.entries.saturating_sub(file.tombstones)
}

/// All that a rewriting of a file's keys takes along.
struct Region<'a> {
    top: &'a SstFile,
    reach: Reach<'a>,
    entries: u64,
    tombstones: u64,
}

impl<'a> Region<'a> {
    /// `buffered` are the entries in the write buffer, which may go along.
    fn of(top: &'a SstFile, reach: Reach<'a>, buffered: u64) -> Self {
        let buffered = if reach.takes_buffer { buffered } else { 0 };
        let entries = buffered + reach.files().map(|file| file.entries).sum::<u64>();
        let tombstones = reach.files().map(|file| file.tombstones).sum();
        Self { top, reach, entries, tombstones }
    }

    /// Estimates the dead entries: the tombstones, and a record for each of them as far as there are any. An upper bound: a tombstone of
    /// what was never in a file hides nothing, a record above it is not hidden, and RocksDB counts a range deletion as one.
    fn dead(&self) -> u64 {
        let others = self.reach.files().filter(|file| file.name != self.top.name);
        self.tombstones + self.tombstones.min(others.map(records).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, level: u32, keys: (&str, &str), entries: u64, tombstones: u64) -> SstFile {
        SstFile {
            family: Family::Meta,
            name: name.to_owned(),
            level,
            size_bytes: 1,
            smallest: keys.0.into(),
            largest: keys.1.into(),
            entries,
            tombstones,
        }
    }

    /// What goes with the first file, with so many entries in a write buffer that goes along: how many entries are dead, and all.
    fn region(files: &[SstFile], buffered: u64) -> (u64, u64) {
        let all: Vec<&SstFile> = files.iter().collect();
        let region = Region::of(all[0], Reach::whole(&all, buffered > 0), buffered);
        (region.dead(), region.entries)
    }

    #[test]
    fn all_that_goes_along_counts_and_tombstones_hide_no_more_than_lies_in_other_files() {
        assert_eq!(region(&[file("a", 0, ("a", "z"), 100, 90)], 0), (90, 100));
        let files = [file("a", 0, ("a", "z"), 100, 90), file("b", 6, ("a", "z"), 20, 0)];
        assert_eq!(region(&files, 0), (110, 120));
        assert_eq!(region(&files, 300), (110, 420), "with the write buffer");
        let files =
            [file("a", 5, ("d", "m"), 100, 60), file("b", 6, ("a", "z"), 1000, 0), file("c", 0, ("a", "z"), 50, 0)];
        assert_eq!(region(&files, 0), (120, 1150));
    }

    #[test]
    fn it_is_calm_while_next_to_nothing_dies_also_when_some_of_the_dead_leave() {
        let mut calm = Calm::default();
        assert!((0..CALM_PASSES * 3).all(|pass| !calm.notice(1000 + u64::from(pass) * 100)), "many die");
        let dead = 10_000;
        assert!(!calm.notice(dead));
        let passes: Vec<bool> = (0..CALM_PASSES).map(|pass| calm.notice(dead + u64::from(pass % 7))).collect();
        let (last, earlier) = passes.split_last().unwrap();
        assert!(*last && earlier.iter().all(|is_calm| !is_calm), "after enough passes");
        assert!(calm.notice(5), "some have left");
        assert!(!calm.notice(100), "some have died");
    }
}
