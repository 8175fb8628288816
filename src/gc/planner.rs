//! Which files of a data family can be given back, and how: pure arithmetic on runs and file spans.
//!
//! May use `encoding` and the store's file list as data. Invariant: a file is called dead only if every id
//! that its span can hold is in one run of dead ids; a file whose span cannot be read is left alone.

use std::collections::HashSet;
use std::ops::Range;

use super::dead::{FIRST_COUNTER, FamilyDead};
use crate::encoding::{CollectionId, DataFamily, KeyRange, id_of_key};
use crate::store::SstFile;

/// A file of a data family and the counters of the ids in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileSpan {
    pub(crate) name: String,
    pub(crate) level: u32,
    pub(crate) size_bytes: u64,
    pub(crate) counters: Range<u64>,
}

impl FileSpan {
    /// Reads a file's span; `None` if its bounds are not of this family.
    pub(crate) fn of(file: &SstFile, family: DataFamily) -> Option<Self> {
        let first = bound(&file.smallest, family)?;
        let last = bound(&file.largest, family)?;
        // WHY: a range deletion can make a bare id a file's largest key; it excludes that id.
        let end = if file.largest.len() == 8 { last } else { last + 1 };
        (first < end).then(|| Self {
            name: file.name.clone(),
            level: file.level,
            size_bytes: file.size_bytes,
            counters: first..end,
        })
    }
}

/// The counter of a file's first or last key. A range deletion may begin before the first id there can be.
fn bound(key: &[u8], family: DataFamily) -> Option<u64> {
    let id = match <[u8; 8]>::try_from(key) {
        Ok(bare) if bare == KeyRange::family(family).start() => return Some(FIRST_COUNTER),
        Ok(bare) => CollectionId::from_be_bytes(bare).ok()?,
        Err(_) => id_of_key(key).ok()?,
    };
    (id.family() == family).then(|| id.counter())
}

/// A file that holds both dead and live ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MixedFile {
    pub(crate) file: FileSpan,
    /// Dead ids in its span, retired segments left out. Their elements may be gone from the file already.
    pub(crate) dead_ids: u64,
    /// Ids in its span that are not dead. Far fewer may have elements here.
    pub(crate) living_ids: u64,
}

impl MixedFile {
    /// Counts the ids in a file's span.
    pub(crate) fn of(dead: &FamilyDead, file: &FileSpan) -> Self {
        let dead_ids = dead.buried_in(&file.counters);
        let gone = dead_ids + dead.retired_in(&file.counters);
        let living_ids = (file.counters.end - file.counters.start).saturating_sub(gone);
        Self { file: file.clone(), dead_ids, living_ids }
    }
}

/// What can be done for one family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FamilyPlan {
    /// Dead spans that hold at least one whole file below L0, with those files.
    pub(crate) drops: Vec<Drop>,
    /// Dead files in L0, which cannot be dropped where they are.
    pub(crate) stuck: Vec<FileSpan>,
    /// Files with dead and live ids.
    pub(crate) mixed: Vec<MixedFile>,
    /// Counter behind the last one in any file.
    pub(crate) files_end: u64,
}

/// Files to drop inside one run of dead ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drop {
    pub(crate) run: Range<u64>,
    pub(crate) files: Vec<FileSpan>,
}

impl Drop {
    /// Returns the keys to drop.
    pub(crate) fn range(&self, family: DataFamily) -> KeyRange {
        // WHY: a file can begin with a range deletion from the start of the family, which no id has.
        let start = if self.run.start == FIRST_COUNTER { 0 } else { self.run.start };
        KeyRange::ids(family, start, self.run.end)
    }
}

impl FamilyPlan {
    /// Forgets the files of the drops that are not among the `left` ones: they are no debt any more. Counts them and their bytes.
    pub(crate) fn forget_dropped(&mut self, left: &[SstFile]) -> (u64, u64) {
        let left: HashSet<&str> = left.iter().map(|file| file.name.as_str()).collect();
        let (mut files, mut bytes) = (0, 0);
        for drop in &mut self.drops {
            drop.files.retain(|file| {
                let is_left = left.contains(file.name.as_str());
                files += u64::from(!is_left);
                bytes += if is_left { 0 } else { file.size_bytes };
                is_left
            });
        }
        self.drops.retain(|drop| !drop.files.is_empty());
        (files, bytes)
    }
}

/// Plans one family.
pub(crate) fn plan(dead: &FamilyDead, files: &[FileSpan]) -> FamilyPlan {
    let mut plan = FamilyPlan::default();
    let mut droppable: Vec<&FileSpan> = Vec::new();
    for file in files {
        plan.files_end = plan.files_end.max(file.counters.end);
        let ids = MixedFile::of(dead, file);
        match (ids.dead_ids, ids.living_ids, file.level) {
            (_, 0, 0) => plan.stuck.push(file.clone()),
            (_, 0, _) => droppable.push(file),
            (0, ..) => {}
            _ => plan.mixed.push(ids),
        }
    }
    droppable.sort_unstable_by_key(|file| file.counters.start);
    for file in droppable {
        add_drop(dead, &mut plan.drops, file);
    }
    plan
}

/// Joins a file to the span before it if all between them is dead. WHY: thousands of small drops are slow.
fn add_drop(dead: &FamilyDead, drops: &mut Vec<Drop>, file: &FileSpan) {
    match drops.last_mut() {
        Some(last) if dead.all_dead_in(&(last.run.end..file.counters.start.max(last.run.end))) => {
            last.run.end = last.run.end.max(file.counters.end);
            last.files.push(file.clone());
        }
        _ => drops.push(Drop { run: file.counters.clone(), files: vec![file.clone()] }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::encoding::{ElementKey, SEGMENT_IDS};
    use crate::gc::Burials;
    use crate::store::Family;

    fn family() -> DataFamily {
        DataFamily::new(1).unwrap()
    }

    fn dead<const N: usize>(ranges: [Range<u64>; N]) -> FamilyDead {
        let mut burials = Burials::default();
        for range in ranges {
            burials.add_range(family(), range);
        }
        let mut dead = FamilyDead::default();
        for (segment, bits) in burials.iter() {
            dead.bury(segment.number(), bits, Duration::ZERO);
        }
        dead
    }

    fn file(level: u32, counters: Range<u64>) -> FileSpan {
        FileSpan { name: format!("{counters:?}"), level, size_bytes: 1000, counters }
    }

    #[test]
    fn only_files_wholly_inside_one_run_are_dropped() {
        let files = [file(6, 5..10), file(6, 10..20), file(6, 20..31), file(0, 12..13), file(6, 40..50)];
        let plan = plan(&dead([10..20, 20..30]), &files);
        assert_eq!(plan.drops, vec![Drop { run: 10..20, files: vec![file(6, 10..20)] }]);
        assert_eq!(plan.stuck.len(), 1);
        assert_eq!(plan.mixed.len(), 1);
        assert_eq!((plan.mixed[0].dead_ids, plan.mixed[0].living_ids), (10, 1));
        assert_eq!(plan.files_end, 50);
    }

    #[test]
    fn retired_segments_in_a_files_span_hold_nothing_dead_or_living() {
        let mut dead = dead([1..SEGMENT_IDS - 1, SEGMENT_IDS..SEGMENT_IDS * 2 + 9]);
        dead.retire(1);
        let plan =
            plan(&dead, &[file(6, SEGMENT_IDS - 1..SEGMENT_IDS * 2 + 10), file(6, SEGMENT_IDS..SEGMENT_IDS * 2 + 9)]);
        assert_eq!(plan.mixed, [MixedFile { file: plan.mixed[0].file.clone(), dead_ids: 9, living_ids: 2 }]);
        assert_eq!(plan.drops.len(), 1, "dead and retired make one run for a drop");
    }

    #[test]
    fn a_file_across_two_runs_with_a_survivor_between_is_mixed() {
        let plan = plan(&dead([10..20, 21..30]), &[file(6, 10..30)]);
        assert!(plan.drops.is_empty());
        assert_eq!(plan.mixed[0].dead_ids, 19);
    }

    #[test]
    fn dead_files_are_dropped_together_when_all_between_them_is_dead() {
        let dead = dead([10..20, 20..40, 50..60]);
        let plan = plan(&dead, &[file(6, 30..40), file(5, 10..15), file(6, 50..60)]);
        assert_eq!(plan.drops.iter().map(|drop| drop.run.clone()).collect::<Vec<_>>(), [10..40, 50..60]);
    }

    #[test]
    fn a_file_that_rocksdb_did_not_drop_is_not_counted_and_stays_in_the_plan() {
        let mut plan = plan(&dead([10..25, 25..40]), &[file(6, 10..20), file(6, 20..30), file(6, 30..40)]);
        let listed = |counters: Range<u64>| SstFile {
            family: Family::Data(family()),
            name: format!("{counters:?}"),
            level: 6,
            size_bytes: 1000,
            smallest: Vec::new(),
            largest: Vec::new(),
            entries: 1,
            tombstones: 0,
        };
        assert_eq!(plan.forget_dropped(&[listed(20..30), listed(70..80)]), (2, 2000));
        assert_eq!(plan.drops.iter().flat_map(|drop| &drop.files).collect::<Vec<_>>(), [&file(6, 20..30)]);
        assert_eq!(plan.forget_dropped(&[]), (1, 1000));
        assert!(plan.drops.is_empty());
    }

    #[test]
    fn a_drop_from_the_first_id_on_takes_in_the_bare_start_of_the_family() {
        let plan = plan(&dead([1..20, 30..40]), &[file(6, 1..10), file(6, 30..40)]);
        let ranges: Vec<_> = plan.drops.iter().map(|drop| drop.range(family())).collect();
        assert_eq!(ranges, [KeyRange::ids(family(), 0, 10), KeyRange::ids(family(), 30, 40)]);
    }

    #[test]
    fn a_bare_id_as_largest_key_is_excluded_and_foreign_bounds_are_refused() {
        let id = |family: u8, counter| CollectionId::new(DataFamily::new(family).unwrap(), counter).unwrap();
        let mut sst = SstFile {
            family: Family::Data(family()),
            name: "1".into(),
            level: 6,
            size_bytes: 1,
            smallest: ElementKey::SetMember(b"m").encode(id(1, 3)),
            largest: id(1, 7).to_be_bytes().to_vec(),
            entries: 1,
            tombstones: 0,
        };
        assert_eq!(FileSpan::of(&sst, family()).unwrap().counters, 3..7);
        sst.largest = ElementKey::SetMember(b"m").encode(id(1, 7));
        assert_eq!(FileSpan::of(&sst, family()).unwrap().counters, 3..8);
        sst.largest = ElementKey::SetMember(b"m").encode(id(2, 7));
        assert_eq!(FileSpan::of(&sst, family()), None);
        sst.largest = b"short".to_vec();
        assert_eq!(FileSpan::of(&sst, family()), None);
        sst.smallest = vec![1, 0, 0, 0, 0, 0, 0, 0];
        sst.largest = id(1, 7).to_be_bytes().to_vec();
        assert_eq!(FileSpan::of(&sst, family()).unwrap().counters, 1..7, "no id has counter 0");
    }
}
