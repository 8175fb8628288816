//! Records of flushed keyspaces that lie in files with others': when it is worth rewriting what they lie in.
//!
//! May use `store`, the reaches and the list of emptied keyspaces. Invariants: a compaction is asked for only where the range deletions
//! are older than every snapshot, and only if the dead share of all that goes along passes the limit; what goes is decided by the
//! range deletions alone.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::Ordering;

use super::emptied::Hidden;
use super::expired::ExpiredPass;
use super::reach::{Reach, Reaches};
use super::reclaimer::PassOutcome;
use super::stats::ReclaimCounters;
use super::tombstones::Worth;
use crate::encoding::KeyRange;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::store::{Database, Family, SstFile};

/// Bytes that count as one record where the least number of dead ones is asked for.
const RECORD_BYTES: u64 = 80;
/// Passes for which nothing is looked at while more is being emptied: what comes next may go with the same files, unread. More: such
/// files stand for longer. A store in which there is no end of it is looked at all the same.
const MOST_PUT_OFF: u32 = 50;
/// Passes from one look to the next, and one more for so many ranges. WHY: each costs two look-ups in the index of every file over it, and
/// of ten thousand keyspaces every other one may be gone.
const LOOK_EVERY: u32 = 5;
const RANGES_A_PASS: usize = 64;

/// What a look depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sight {
    version: u64,
    files: u64,
    worth: Worth,
}

/// What the last passes saw.
#[derive(Debug, Default)]
pub(super) struct HiddenRecords {
    version: u64,
    put_off: u32,
    wait: u32,
    /// Where there was nothing to do.
    done: Option<Sight>,
}

impl HiddenRecords {
    /// Rewrites the file for which that frees the largest share of what it takes along. `everywhere` takes those in L0, too.
    pub(super) fn pass(
        &mut self,
        pass: &ExpiredPass<'_>,
        worth: Worth,
        everywhere: bool,
        counters: &ReclaimCounters,
    ) -> Result<PassOutcome> {
        let hidden = pass.emptied.hidden(pass.db.oldest_snapshot());
        if hidden.runs.is_empty() {
            return Ok(PassOutcome::default());
        }
        let files: Vec<&SstFile> = pass.files_of(Family::Meta).collect();
        let sight = Sight { version: hidden.version, files: hash_of(&files), worth };
        if self.done == Some(sight) {
            return Ok(PassOutcome::default());
        }
        if self.is_put_off(hidden.version, pass.eager) {
            return Ok(PassOutcome { acted: false, pending: true });
        }
        let weighed = Weighed::of(pass.db, &hidden, &files);
        self.wait = LOOK_EVERY.saturating_add(u32::try_from(weighed.ranges.len() / RANGES_A_PASS).unwrap_or(u32::MAX));
        counters.emptied_bytes.store(weighed.bytes(), Ordering::Relaxed);
        let reaches = Reaches::new(pass.db, Family::Meta, pass.files);
        let in_reach = files.iter().filter(|file| file.level > 0 || everywhere);
        let Some((reach, dead_bytes)) = choose(in_reach, &weighed, &reaches, worth) else {
            self.done = Some(sight);
            return Ok(PassOutcome::default());
        };
        if !pass.may_compact(Family::Meta) {
            return Ok(PassOutcome { acted: false, pending: true });
        }
        failpoint!("hidden::before_compact");
        pass.compact(&reach, Family::Meta, counters);
        failpoint!("hidden::after_compact");
        self.look_back(pass, &hidden, &reach, dead_bytes)?;
        Ok(PassOutcome::ACTED)
    }

    /// Tells whether it is too early for a look.
    fn is_put_off(&mut self, version: u64, eager: bool) -> bool {
        self.wait = self.wait.saturating_sub(1);
        if version != self.version && self.put_off < MOST_PUT_OFF {
            (self.version, self.put_off) = (version, self.put_off + 1);
            return true;
        }
        (self.version, self.put_off) = (version, 0);
        self.wait > 0 && !eager
    }

    /// WHY: RocksDB does not say whether it worked. What no range deletion hides would be rewritten for ever.
    fn look_back(&self, pass: &ExpiredPass<'_>, hidden: &Hidden, reach: &Reach<'_>, dead_bytes: u64) -> Result<()> {
        let (first, last) = reach.keys();
        let files = pass.db.live_files()?;
        let files: Vec<&SstFile> = files.iter().filter(|file| file.family == Family::Meta).collect();
        if Weighed::of(pass.db, hidden, &files).within(first, last) > dead_bytes / 2 {
            tracing::warn!("a compaction left the records of flushed keyspaces where they were");
            pass.emptied.leave(first, last);
        }
        Ok(())
    }
}

/// Finds what to compact, and how many bytes of it are dead.
fn choose<'a: 'b, 'b>(
    files: impl Iterator<Item = &'b &'a SstFile>,
    weighed: &Weighed<'_>,
    reaches: &Reaches<'a>,
    worth: Worth,
) -> Option<(Reach<'a>, u64)> {
    let least = worth.entries().saturating_mul(RECORD_BYTES);
    files
        .filter(|file| weighed.within(&file.smallest, &file.largest) > 0)
        .filter_map(|file| reaches.of_file(&file.name))
        .map(|reach| {
            let (first, last) = reach.extent();
            let dead_bytes = weighed.within(first, last).min(reach.bytes);
            (reach, dead_bytes)
        })
        .filter(|(reach, dead_bytes)| *dead_bytes >= least && worth.is_share_reached(*dead_bytes, reach.bytes))
        .max_by_key(|(reach, dead_bytes)| u128::from(*dead_bytes) * 1_000_000 / u128::from(reach.bytes.max(1)))
}

/// The ranges of hidden records that some file reaches, in order, and the bytes that files hold of each.
struct Weighed<'a> {
    db: &'a Database,
    ranges: Vec<(KeyRange, u64)>,
}

impl<'a> Weighed<'a> {
    fn of(db: &'a Database, hidden: &Hidden, files: &[&SstFile]) -> Self {
        let mut ranges: Vec<KeyRange> =
            files.iter().flat_map(|file| hidden.runs.ranges(&file.smallest, &file.largest)).collect();
        ranges.sort_unstable_by(|a, b| a.start().cmp(b.start()));
        ranges.dedup();
        let bytes = db.approximate_bytes(Family::Meta, &ranges);
        Self { db, ranges: ranges.into_iter().zip(bytes).collect() }
    }

    fn bytes(&self) -> u64 {
        self.ranges.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Estimates the dead bytes between two keys, in all files.
    fn within(&self, first: &[u8], last: &[u8]) -> u64 {
        let from = self.ranges.partition_point(|(range, _)| range.end() <= first);
        let met = self.ranges.iter().skip(from).take_while(|(range, _)| range.start() <= last);
        met.map(|(range, bytes)| {
            let (start, end) = (range.start().max(first), range.end().min(last));
            let is_whole = start == range.start() && end == range.end();
            if is_whole { *bytes } else { self.part(start, end).min(*bytes) }
        })
        .sum()
    }

    fn part(&self, start: &[u8], end: &[u8]) -> u64 {
        if start < end { self.db.approximate_bytes_between(Family::Meta, start, end) } else { 0 }
    }
}

fn hash_of(files: &[&SstFile]) -> u64 {
    let mut hasher = DefaultHasher::new();
    files.iter().for_each(|file| (file.level, &file.name).hash(&mut hasher));
    hasher.finish()
}
