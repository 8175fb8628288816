//! The reclaimer: gives the space of dead ids back, cheapest means first, several families at once.
//!
//! May use `store`, the watermark, the planner, ids, births and the clock. Invariants: it acts only on the published picture; a
//! segment is retired only after a look in total order has found nothing in it (design, rule 8).

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::ages::Ages;
use super::dead::{Burials, FamilyDead};
use super::debt::{Debt, Owing, waiting_bytes};
use super::expired;
use super::log::QuietLog;
use super::mixed::{Choice, MixedFiles};
use super::planner::{FamilyPlan, FileSpan, plan};
use super::stats::ReclaimCounters;
use super::watermark::{Picture, Watermark};
use super::worth::Rent;
use crate::births::Births;
use crate::clock::StoreTime;
use crate::encoding::{DataFamily, Habit, KeyRange, SEGMENT_IDS, Segment, StoreKey};
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::ids::Ids;
use crate::store::{Batch, Cursor, Database, Family, Scan, SstFile};

/// Passes without a new id after which a family counts as quiet.
const QUIET_PASSES: u32 = 5;
/// Passes without a new id after which even a small buffer with dead data is flushed.
const VERY_QUIET_PASSES: u32 = 50;
/// Buffers below this are left alone until the family is very quiet. WHY: each flush makes a file.
const WORTH_FLUSHING_BYTES: u64 = 1 << 20;
/// Dead runs that are range-deleted before a flush, at the most. WHY: each tombstone costs readers until the flush.
const MAX_RANGE_DELETIONS: usize = 64;

/// Time between two estimates of what waits. WHY: under an old view each looks at every burial since it was opened.
const WEIGH_WAITING_EVERY: Duration = Duration::from_secs(5);

/// Time between two looks into dead segments that files span. WHY look at all: a file with an old survivor and young ones
/// spans everything between them for ever. WHY not in each pass: mostly the file holds what is dead, until it is dropped.
const LOOK_UNDER_FILES_EVERY: Duration = Duration::from_secs(5);

/// What the last passes saw of one family.
#[derive(Debug, Default)]
struct Memory {
    next_counter: u64,
    quiet_passes: u32,
    /// Ids buried when the family was last flushed for reclaiming.
    buried_at_flush: u64,
    /// Dead L0 files and in how many passes they were seen.
    stuck: HashMap<String, u32>,
    mixed: MixedFiles,
    ages: Ages,
    owing: Owing,
    /// When dead segments that lie under a file were last looked into.
    looked_under_files: Option<Duration>,
}

/// Why a pass is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// It is time for one.
    Turn,
    /// Something has died. Such passes come as they come, so they are no measure of time.
    News,
    /// Somebody wants all space that can be had now, and nothing is to wait.
    Settling,
}

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PassOutcome {
    /// Whether anything on disk was changed.
    pub(crate) acted: bool,
    /// Whether something waits for RocksDB or for another look.
    pub(crate) pending: bool,
}

impl PassOutcome {
    pub(super) const ACTED: Self = Self { acted: true, pending: true };

    pub(super) fn and(self, other: Self) -> Self {
        Self { acted: self.acted || other.acted, pending: self.pending || other.pending }
    }
}

/// Settings that come from the store's options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReclaimSettings {
    pub(crate) threads: usize,
    pub(crate) compact_dead_percent: u8,
}

/// Gives dead data back in passes.
pub(crate) struct Reclaimer {
    db: Arc<Database>,
    watermark: Arc<Watermark>,
    ids: Arc<Ids>,
    births: Arc<Births>,
    time: Arc<StoreTime>,
    counters: Arc<ReclaimCounters>,
    settings: ReclaimSettings,
    families: Vec<Mutex<Memory>>,
    expired: Mutex<expired::Memory>,
    quiet_log: Mutex<QuietLog>,
    /// When the bytes of what waits were last estimated.
    weighed_waiting: Mutex<Option<Duration>>,
    /// One pass at a time, whoever asks.
    passing: Mutex<()>,
}

/// What a pass works on.
struct Pass<'a> {
    picture: &'a Picture,
    files: &'a [SstFile],
    /// Buried and held back: for the figures alone.
    waiting: &'a Burials,
    rent: Rent,
    occasion: Occasion,
    /// Waits for nothing: somebody asked for everything that can be given back now.
    eager: bool,
    now: Duration,
}

impl Pass<'_> {
    /// Tells whether there may be something to give back, or to estimate. WHY also where all that is dead has been retired: a
    /// file may still hold what deletions hid from the look before that.
    fn has_work(&self, family: DataFamily) -> bool {
        let dead = self.picture.dead.family(family);
        !dead.is_empty()
            || self.waiting.iter().any(|(segment, _)| segment.family() == family)
            || (!dead.retired().is_empty() && self.files.iter().any(|file| file.family == Family::Data(family)))
    }
}

impl Reclaimer {
    pub(crate) fn new(
        db: Arc<Database>,
        watermark: Arc<Watermark>,
        ids: Arc<Ids>,
        births: Arc<Births>,
        time: Arc<StoreTime>,
        counters: Arc<ReclaimCounters>,
        settings: ReclaimSettings,
    ) -> Self {
        let families = DataFamily::all().map(|_| Mutex::default()).collect();
        Self {
            db,
            watermark,
            ids,
            births,
            time,
            counters,
            settings,
            families,
            expired: Mutex::default(),
            quiet_log: Mutex::default(),
            weighed_waiting: Mutex::default(),
            passing: Mutex::default(),
        }
    }

    /// Takes the commits from `before` to `after` for no sign of life.
    pub(crate) fn overlook_commit(&self, before: u64, after: u64) {
        self.quiet_log.lock().overlook(before, after);
    }

    /// Looks at every family with dead ids once and gives back what is worth it.
    pub(crate) fn pass(&self, occasion: Occasion) -> Result<PassOutcome> {
        let _one = self.passing.lock();
        let eager = occasion == Occasion::Settling;
        failpoint!("reclaimer::pass", |_| Err(crate::Error::new(crate::ErrorKind::Io, "failpoint reclaimer::pass")));
        let picture = self.watermark.picture();
        let files = self.db.live_files()?;
        let now = self.time.monotonic();
        let weighed = self.waiting_to_weigh(now, eager);
        let nothing = Burials::default();
        let waiting = weighed.as_ref().unwrap_or(&nothing);
        let pass = Pass { picture: &picture, files: &files, waiting, rent: self.rent(&files), occasion, eager, now };
        let families: Vec<DataFamily> = DataFamily::all().filter(|family| pass.has_work(*family)).collect();
        let results = self.in_parallel(&families, |family| self.reclaim_family(family, &pass))?;
        let (mut outcome, mut debt) = (PassOutcome::default(), Debt::default());
        for (did, owed) in results {
            outcome = outcome.and(did);
            debt = debt.and(owed);
        }
        self.show(debt, pass.now);
        if weighed.is_some() {
            self.counters.waiting_bytes.store(debt.waiting_bytes, Ordering::Relaxed);
        }
        if occasion == Occasion::News {
            return Ok(outcome);
        }
        let quiet = self.quiet_log.lock().notice(&self.db);
        let mut memory = self.expired.lock();
        let dead_percent = self.settings.compact_dead_percent;
        let past = expired::ExpiredPass { db: &self.db, picture: &picture, files: &files, dead_percent, eager, quiet };
        let outcome = outcome.and(memory.pass(&past, &self.counters)?);
        let file_bytes = files.iter().map(|file| file.size_bytes).sum();
        Ok(outcome.and(self.quiet_log.lock().pass(&self.db, &self.births, &self.counters, file_bytes, eager)?))
    }

    /// Sets the rent by the debt that the last pass found.
    fn rent(&self, files: &[SstFile]) -> Rent {
        let data = files.iter().filter(|file| matches!(file.family, Family::Data(_)));
        let bytes: u64 = data.map(|file| file.size_bytes).sum();
        let debt = self.counters.totals().debt_bytes.min(bytes);
        Rent::of(debt, bytes - debt)
    }

    fn show(&self, debt: Debt, now: Duration) {
        let age = debt.since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        self.counters.set_debt(debt.ids, debt.bytes, age);
    }

    /// Copies the burials that wait, if it is time to estimate their bytes again.
    fn waiting_to_weigh(&self, now: Duration, eager: bool) -> Option<Burials> {
        let mut last = self.weighed_waiting.lock();
        let is_due = eager || last.is_none_or(|at| now.saturating_sub(at) >= WEIGH_WAITING_EVERY);
        if !is_due && self.watermark.waiting_ids() > 0 {
            return None;
        }
        let waiting = self.watermark.waiting();
        *last = (!waiting.is_empty()).then_some(now);
        Some(waiting)
    }

    /// Runs `work` for every family on up to as many threads as the settings allow.
    fn in_parallel<T: Send>(
        &self,
        families: &[DataFamily],
        work: impl Fn(DataFamily) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let threads = self.settings.threads.min(families.len());
        if threads <= 1 {
            return families.iter().map(|family| work(*family)).collect();
        }
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            let work = || {
                while let Some(family) = families.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(*family);
                    done.lock().push(result);
                }
            };
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            for thread in threads {
                // WHY: the scope alone would say that a thread panicked, and not of what.
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
        });
        done.into_inner().into_iter().collect()
    }

    /// Works on one family; returns what it did and the debt it saw.
    fn reclaim_family(&self, family: DataFamily, pass: &Pass<'_>) -> Result<(PassOutcome, Debt)> {
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
        let plan = plan(dead, &spans);
        memory.mixed.keep_only(&plan.mixed);
        self.notice_births(&mut memory, family, pass);
        let mut outcome = self.drop_files(family, &plan)?;
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

    fn drop_files(&self, family: DataFamily, plan: &FamilyPlan) -> Result<PassOutcome> {
        if plan.drops.is_empty() {
            return Ok(PassOutcome::default());
        }
        for drop in &plan.drops {
            failpoint!("reclaimer::before_drop");
            self.db.drop_files(Family::Data(family), &drop.range(family))?;
            failpoint!("reclaimer::after_drop");
        }
        // WHY a second look: RocksDB leaves files that it is compacting where they are.
        let (files, bytes) = plan.dropped(&self.db.live_files()?);
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
        self.births.flush(&self.db, here)?;
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
            if passes > patience && (pass.eager || memory.quiet_passes >= QUIET_PASSES) {
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
        // RocksDB does not say whether it worked, but a rewritten file is gone. The next try waits as the first did.
        if let Some(file) = chosen.iter().find(|file| left.iter().any(|live| live.name == file.name)) {
            tracing::warn!(file = file.name, "a compaction left its file as it was");
        }
        Ok(PassOutcome::ACTED)
    }

    fn compact(&self, family: DataFamily, counters: &Range<u64>) {
        failpoint!("reclaimer::before_compact");
        self.db.compact(Family::Data(family), &KeyRange::ids(family, counters.start, counters.end));
        failpoint!("reclaimer::after_compact");
        ReclaimCounters::add(&self.counters.compactions, 1);
    }

    /// Finds wholly dead segments that hold nothing any more, and retires them.
    fn retire(
        &self,
        family: DataFamily,
        dead: &FamilyDead,
        spans: &[FileSpan],
        memory: &mut Memory,
        pass: &Pass<'_>,
    ) -> Result<PassOutcome> {
        let is_due = memory.looked_under_files.is_none_or(|at| pass.now.saturating_sub(at) >= LOOK_UNDER_FILES_EVERY);
        let under_files = pass.eager || is_due;
        let mut empty = Vec::new();
        for segment in dead.full_segments(family) {
            let counters = segment.number() * SEGMENT_IDS..segment.end_counter();
            if spans.iter().any(|file| overlaps(&file.counters, &counters)) {
                if !under_files {
                    continue;
                }
                memory.looked_under_files = Some(pass.now);
            }
            if is_empty(&self.db, segment)? {
                empty.push(segment);
            }
        }
        if empty.is_empty() { Ok(PassOutcome::default()) } else { self.retire_all(family, dead, &empty) }
    }

    /// Replaces the bitmaps of segments by their place in the interval set.
    fn retire_all(&self, family: DataFamily, dead: &FamilyDead, empty: &[Segment]) -> Result<PassOutcome> {
        let mut retired = dead.retired().clone();
        let mut batch = Batch::new();
        for segment in empty {
            retired.insert(segment.number()..segment.number() + 1);
            batch.delete(&self.db, Family::Gc, &segment.encode_key());
        }
        batch.put(&self.db, Family::Default, &StoreKey::Retired(family).encode(), &retired.encode());
        failpoint!("reclaimer::before_retire");
        self.db.commit(batch, false)?;
        failpoint!("reclaimer::after_retire");
        self.watermark.update(|picture| {
            let family = picture.dead.family_mut(family);
            empty.iter().for_each(|segment| family.retire(segment.number()));
        });
        ReclaimCounters::add(&self.counters.segments_retired, u64::try_from(empty.len()).unwrap_or(0));
        Ok(PassOutcome { acted: true, pending: false })
    }
}

/// Proves that a segment holds no entry that a reader could meet, not even one that a range deletion hides. What point
/// deletions hide may still lie in files: it is dead by its segment's place in the interval set.
fn is_empty(db: &Arc<Database>, segment: Segment) -> Result<bool> {
    let range = segment.range();
    let mut scan = Scan::between(range.start(), Some(range.end().to_vec()));
    scan.see_range_deleted = true;
    scan.bypass_cache = true;
    let cursor = Cursor::open(db, Family::Data(segment.family()), scan, None);
    Ok(cursor.entry()?.is_none())
}

fn overlaps(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::{CollectionId, ElementKey};
    use crate::gc::Filters;
    use crate::options::Options;
    use crate::store::{FilterSource, Snapshot};

    #[test]
    fn a_segment_is_empty_only_without_a_single_entry_of_its_ids_hidden_ones_included() {
        let dir = tempfile::tempdir().unwrap();
        let source: Arc<dyn FilterSource> = Arc::new(Filters::default());
        let db = Arc::new(Database::open(dir.path(), &Options::default(), &source).unwrap());
        let family = DataFamily::new(1).unwrap();
        let segment = Segment::new(family, 3).unwrap();
        let (first, end) = (segment.first_counter(), segment.end_counter());
        let key = |counter| ElementKey::SetMember(b"m").encode(CollectionId::new(family, counter).unwrap());
        let commit = |change: &dyn Fn(&mut Batch)| {
            let mut batch = Batch::new();
            change(&mut batch);
            db.commit(batch, false).unwrap();
        };
        for neighbour in [first - 1, end] {
            commit(&|batch| batch.put(&db, Family::Data(family), &key(neighbour), b""));
        }
        assert!(is_empty(&db, segment).unwrap(), "the neighbours' entries are not its own");
        for counter in [first, first + 1000, end - 1] {
            commit(&|batch| batch.put(&db, Family::Data(family), &key(counter), b""));
            assert!(!is_empty(&db, segment).unwrap(), "{counter} in the write buffer");
            db.flush(Family::Data(family)).unwrap();
            assert!(!is_empty(&db, segment).unwrap(), "{counter} in a file");
            // Keeps RocksDB's own compaction of the two files from taking the entry away before the look.
            let held = Snapshot::new(&db);
            commit(&|batch| batch.delete_range(&db, Family::Data(family), &segment.range()));
            assert!(!is_empty(&db, segment).unwrap(), "{counter} hidden by a range deletion");
            db.flush(Family::Data(family)).unwrap();
            assert!(!is_empty(&db, segment).unwrap(), "{counter} hidden by a range deletion in a file");
            drop(held);
            // Again, if need be: RocksDB leaves files that it is compacting where they are.
            let began = std::time::Instant::now();
            while !is_empty(&db, segment).unwrap() {
                assert!(began.elapsed() < Duration::from_secs(10), "{counter} is gone");
                db.drop_files(Family::Data(family), &KeyRange::family(family)).unwrap();
                db.compact(Family::Data(family), &KeyRange::family(family));
            }
        }
    }
}
