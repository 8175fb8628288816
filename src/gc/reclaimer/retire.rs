//! Segments that are wholly dead and proven empty give their bitmaps up.
//!
//! May use all that the reclaimer may. Invariant (design, rule 8): a segment is retired only after a look in total order has
//! found nothing in it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::{Memory, Pass, PassOutcome, Reclaimer};
use crate::encoding::{DataFamily, SEGMENT_IDS, Segment, StoreKey};
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::gc::dead::FamilyDead;
use crate::gc::planner::FileSpan;
use crate::gc::stats::ReclaimCounters;
use crate::store::{Batch, Cursor, Database, Family, Scan};

/// Time between two looks into dead segments that files span. WHY look at all: a file with an old survivor and young ones
/// spans everything between them for ever. WHY not in each pass: mostly the file holds what is dead, until it is dropped.
const LOOK_UNDER_FILES_EVERY: Duration = Duration::from_secs(5);

impl Reclaimer {
    /// Finds wholly dead segments that hold nothing any more, and retires them.
    pub(super) fn retire(
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
        let mut was_over = std::mem::take(&mut memory.was_over);
        for segment in dead.full_segments(family) {
            let over = self.what_lies_over(segment, spans);
            let before = was_over.remove(&segment.number());
            let mut seen = before;
            if over.is_none() || (under_files && (pass.eager || before != over)) {
                if over.is_some() {
                    failpoint!("reclaimer::look_under_files");
                    memory.looked_under_files = Some(pass.now);
                }
                if is_empty(&self.db, segment)? {
                    empty.push(segment);
                    continue;
                }
                seen = over;
            }
            if let Some(seen) = seen {
                memory.was_over.insert(segment.number(), seen);
            }
        }
        if empty.is_empty() { Ok(PassOutcome::default()) } else { self.retire_all(family, dead, &empty) }
    }

    /// Tells the files over a segment, and the write buffer, from others; none if there are none. WHY: as long as they are the same, a look
    /// finds what the last one found.
    fn what_lies_over(&self, segment: Segment, spans: &[FileSpan]) -> Option<u64> {
        let counters = segment.number() * SEGMENT_IDS..segment.end_counter();
        let over = spans.iter().filter(|file| overlaps(&file.counters, &counters));
        let mut names: Vec<&str> = over.map(|file| file.name.as_str()).collect();
        names.sort_unstable();
        (!names.is_empty()).then(|| {
            let mut hasher = DefaultHasher::new();
            (names, self.db.buffered_entries(Family::Data(segment.family()))).hash(&mut hasher);
            hasher.finish()
        })
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
    use crate::encoding::{CollectionId, ElementKey, KeyRange};
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
                let everything = KeyRange::family(family);
                db.compact_keys(Family::Data(family), everything.start(), everything.end());
            }
        }
    }
}
