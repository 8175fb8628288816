//! Which files of a data family can be given back, and how: pure arithmetic on runs and file spans.
//!
//! May use `encoding` and the store's file list as data. Invariant: a file is called dead only if every id
//! that its span can hold is in one run of dead ids; a file whose span cannot be read is left alone.

use std::ops::Range;

use super::cleaned::Cleaned;
use super::dead::FamilyDead;
use crate::encoding::{CollectionId, DataFamily, id_of_key};
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
        let first = bound(&file.smallest)?;
        let last = bound(&file.largest)?;
        // WHY: a range deletion can make a bare id a file's largest key; it excludes that id.
        let end = if file.largest.len() == 8 { last.counter() } else { last.counter() + 1 };
        let known = first.family() == family && last.family() == family && first.counter() < end;
        known.then(|| Self {
            name: file.name.clone(),
            level: file.level,
            size_bytes: file.size_bytes,
            counters: first.counter()..end,
        })
    }
}

fn bound(key: &[u8]) -> Option<CollectionId> {
    match <[u8; 8]>::try_from(key) {
        Ok(bare) => CollectionId::from_be_bytes(bare).ok(),
        Err(_) => id_of_key(key).ok(),
    }
}

/// A file that holds live ids and dead ones that no compaction has left out yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MixedFile {
    pub(crate) file: FileSpan,
    pub(crate) dead_ids: u64,
    /// The runs in it, cut to its span.
    pub(crate) runs: Vec<Range<u64>>,
}

impl MixedFile {
    /// Estimates the dead bytes, taking every id for equally large.
    pub(crate) fn dead_bytes(&self) -> u64 {
        let ids = self.file.counters.end - self.file.counters.start;
        share(self.file.size_bytes, self.dead_ids, ids)
    }
}

/// What can be done for one family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FamilyPlan {
    /// Runs that hold at least one whole file below L0, with those files' number and bytes.
    pub(crate) drops: Vec<Drop>,
    /// Dead files in L0, which cannot be dropped where they are.
    pub(crate) stuck: Vec<FileSpan>,
    /// Files with dead and live ids.
    pub(crate) mixed: Vec<MixedFile>,
    /// Counter behind the last one in any file.
    pub(crate) files_end: u64,
}

/// Files to drop inside one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drop {
    pub(crate) run: Range<u64>,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

impl FamilyPlan {
    /// Estimates the dead bytes in files.
    pub(crate) fn debt_bytes(&self) -> u64 {
        let whole: u64 = self.drops.iter().map(|drop| drop.bytes).sum();
        let stuck: u64 = self.stuck.iter().map(|file| file.size_bytes).sum();
        let mixed: u64 = self.mixed.iter().map(MixedFile::dead_bytes).sum();
        whole + stuck + mixed
    }
}

/// Plans one family.
pub(crate) fn plan(dead: &FamilyDead, cleaned: &Cleaned, files: &[FileSpan]) -> FamilyPlan {
    let runs = dead.runs();
    let mut plan = FamilyPlan::default();
    for file in files {
        plan.files_end = plan.files_end.max(file.counters.end);
        let inside = clipped(&runs, &file.counters);
        match inside.as_slice() {
            [] => {}
            [whole] if *whole == file.counters => {
                if file.level == 0 {
                    plan.stuck.push(file.clone());
                } else if let Some(run) = run_around(&runs, &file.counters) {
                    add_drop(&mut plan.drops, run, file.size_bytes);
                }
            }
            _ => {
                let dead_ids: u64 = inside.iter().map(|run| run.end - run.start).sum();
                let still_there = dead_ids.saturating_sub(cleaned.gone(&file.counters));
                if still_there > 0 {
                    plan.mixed.push(MixedFile { file: file.clone(), dead_ids: still_there, runs: inside });
                }
            }
        }
    }
    plan
}

fn add_drop(drops: &mut Vec<Drop>, run: Range<u64>, bytes: u64) {
    match drops.iter_mut().find(|drop| drop.run == run) {
        Some(drop) => {
            drop.files += 1;
            drop.bytes += bytes;
        }
        None => drops.push(Drop { run, files: 1, bytes }),
    }
}

fn run_around(runs: &[Range<u64>], span: &Range<u64>) -> Option<Range<u64>> {
    let behind = runs.partition_point(|run| run.start <= span.start);
    runs.get(behind.checked_sub(1)?).filter(|run| run.end >= span.end).cloned()
}

/// Cuts the runs to `span`. Runs are sorted and disjoint.
pub(crate) fn clipped(runs: &[Range<u64>], span: &Range<u64>) -> Vec<Range<u64>> {
    let first = runs.partition_point(|run| run.end <= span.start);
    runs.iter()
        .skip(first)
        .take_while(|run| run.start < span.end)
        .map(|run| run.start.max(span.start)..run.end.min(span.end))
        .collect()
}

/// Returns `whole * part / of`, without overflow.
fn share(whole: u64, part: u64, of: u64) -> u64 {
    let exact = u128::from(whole) * u128::from(part) / u128::from(of.max(1));
    u64::try_from(exact).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::encoding::ElementKey;
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
        let plan = plan(&dead([10..20, 20..30]), &Cleaned::default(), &files);
        assert_eq!(plan.drops, vec![Drop { run: 10..30, files: 1, bytes: 1000 }]);
        assert_eq!(plan.stuck.len(), 1);
        assert_eq!(plan.mixed.len(), 1);
        assert_eq!(plan.mixed[0].dead_ids, 10);
        assert_eq!(plan.files_end, 50);
        assert_eq!(plan.debt_bytes(), 2000 + 909);
    }

    #[test]
    fn a_file_across_two_runs_with_a_survivor_between_is_mixed() {
        let plan = plan(&dead([10..20, 21..30]), &Cleaned::default(), &[file(6, 10..30)]);
        assert!(plan.drops.is_empty());
        assert_eq!(plan.mixed[0].dead_ids, 19);
    }

    #[test]
    fn what_a_compaction_has_left_out_is_no_debt_any_more() {
        let mut cleaned = Cleaned::default();
        cleaned.note(&(10..30), &std::sync::Arc::new(dead([10..20, 22..30])));
        let files = [file(6, 10..30)];
        assert!(plan(&dead([10..20, 22..30]), &cleaned, &files).mixed.is_empty());
        assert_eq!(plan(&dead([10..21, 22..30]), &cleaned, &files).mixed[0].dead_ids, 1);
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
        };
        assert_eq!(FileSpan::of(&sst, family()).unwrap().counters, 3..7);
        sst.largest = ElementKey::SetMember(b"m").encode(id(1, 7));
        assert_eq!(FileSpan::of(&sst, family()).unwrap().counters, 3..8);
        sst.largest = ElementKey::SetMember(b"m").encode(id(2, 7));
        assert_eq!(FileSpan::of(&sst, family()), None);
        sst.largest = b"short".to_vec();
        assert_eq!(FileSpan::of(&sst, family()), None);
    }
}
