//! Swarms of small files: which neighbours are worth merging into one.
//!
//! May use `store`. Invariants: a pure choice from the list of files, on which nothing depends but how many of them hold the data; every
//! file of a run is small and in one level, and no other file reaches into the run, so that a compaction of its keys takes along nothing else.
//!
//! WHY: each cut of the log and each end of a quiet time leaves a file in every family that has something in its buffer, however
//! little. Where keys ascend (ids do, and times), RocksDB moves such files down unread, and never merges them.
//!
//! What it costs: a run is merged when none of its files holds more than an [eighth](PARTS) of its entries, so at least eight files go and whatever
//! is rewritten lies in a file eight times as large then, less what was dead and left. A file that is not small is never taken. So of n
//! entries that come in ever so many small files each is rewritten at most log8(m) + 1 times, m being the entries of the largest small
//! file: six times for 100,000. What is left side by side is a few files of each size: at most seven of one, if the buffers
//! that are flushed are alike.

use std::time::Duration;

use super::stats::ReclaimCounters;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::store::{Database, Family, SstFile};

/// Files that will be gone as a whole within this time are left alone. Longer: less is rewritten; shorter: fewer files stand meanwhile. A
/// store whose log is cut every ten seconds, which is as often as quiet times can be, makes 360 in each family.
pub(super) const WORTH_MERGING_FOR: Duration = Duration::from_secs(3600);

/// A file of a run holds at most one part in so many of its entries. More: less is rewritten; fewer: fewer files are left.
const PARTS: u64 = 8;
/// Files that stand side by side before they are merged while somebody writes. WHY not as few as in a quiet time: what comes next
/// may go with the same merge. WHY at all: a store may never be quiet.
const BUSY_FILES: usize = 64;
/// Files merged at once, at the most. WHY: so long is the search for each beginning of a run.
const MOST_FILES: usize = 256;
/// The part of a full file, and of a full write buffer, below which a file is small. WHY so little: a full buffer of tiny elements
/// makes a file of a tenth of it, and what was loaded in full buffers is not to be rewritten.
const PART_OF_FULL: u64 = 16;
/// Bytes for each entry of a file whose entries are not known: little, so that it counts as large.
const BYTES_OF_UNKNOWN: u64 = 64;

/// What decides how small a small file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    small_bytes: u64,
    run_bytes: u64,
}

impl Sizes {
    /// Takes the sizes of full files and full write buffers.
    pub(super) fn new(file_bytes: u64, buffer_bytes: u64) -> Self {
        // What a run becomes fits one file.
        Self { small_bytes: file_bytes.min(buffer_bytes) / PART_OF_FULL, run_bytes: file_bytes }
    }

    /// Tells whether a file may be part of a run.
    pub(super) fn is_small(self, file: &SstFile) -> bool {
        file.level > 0 && file.size_bytes < self.small_bytes
    }

    /// Tells whether there are enough small files for a run.
    pub(super) fn are_many_small<'a>(self, mut files: impl Iterator<Item = &'a SstFile>) -> bool {
        (0..PARTS).all(|_| files.any(|file| self.is_small(file)))
    }
}

/// Neighbours that are worth merging, in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run<'a> {
    files: Vec<&'a SstFile>,
}

impl<'a> Run<'a> {
    /// Finds the longest run among the files of one family, of those that `last` for long enough to be worth it.
    pub(super) fn find(
        files: impl Iterator<Item = &'a SstFile>,
        sizes: Sizes,
        is_quiet: bool,
        lasts: impl Fn(&SstFile) -> bool,
    ) -> Option<Self> {
        let least = if is_quiet { 0 } else { BUSY_FILES };
        let mut files: Vec<&SstFile> = files.collect();
        files.sort_unstable_by(|a, b| a.smallest.cmp(&b.smallest));
        let (mut longest, mut side_by_side): (Vec<&SstFile>, Vec<&SstFile>) = (Vec::new(), Vec::new());
        let mut end: &[u8] = &[];
        for (place, file) in files.iter().enumerate() {
            let next = files.get(place + 1);
            let is_apart = end < file.smallest.as_slice() && next.is_none_or(|next| file.largest < next.smallest);
            end = end.max(&file.largest);
            let fits = is_apart && sizes.is_small(file) && lasts(file);
            if !fits || side_by_side.last().is_some_and(|last| last.level != file.level) {
                keep_longer(&mut longest, &side_by_side, sizes, least);
                side_by_side.clear();
            }
            if fits {
                side_by_side.push(file);
            }
        }
        keep_longer(&mut longest, &side_by_side, sizes, least);
        (!longest.is_empty()).then_some(Self { files: longest })
    }

    /// Merges the files; returns all that there are then.
    pub(super) fn merge(&self, db: &Database, family: Family, counters: &ReclaimCounters) -> Result<Vec<SstFile>> {
        let (first, last) = self.keys();
        failpoint!(&format!("swarm::before_merge_{}", family.name()));
        db.compact_keys(family, first, last);
        failpoint!(&format!("swarm::after_merge_{}", family.name()));
        let left = db.live_files()?;
        // RocksDB does not say whether it worked, but a merged file is gone.
        let gone = |file: &&&SstFile| left.iter().all(|live| live.name != file.name);
        let bytes: Vec<u64> = self.files.iter().filter(gone).map(|file| file.size_bytes).collect();
        if bytes.len() < self.files.len() {
            tracing::warn!(family = family.name(), "a compaction left small files as they were");
        }
        ReclaimCounters::add(&counters.compactions, 1);
        ReclaimCounters::add(&counters.files_merged, u64::try_from(bytes.len()).unwrap_or(0));
        ReclaimCounters::add(&counters.merged_bytes, bytes.iter().sum());
        Ok(left)
    }

    /// Lists the files in the order of their keys.
    pub(super) fn files(&self) -> impl Iterator<Item = &'a SstFile> {
        self.files.iter().copied()
    }

    /// Returns the first and the last key.
    pub(super) fn keys(&self) -> (&'a [u8], &'a [u8]) {
        let first = self.files.first().map_or(&[][..], |file| &file.smallest);
        (first, self.files.last().map_or(first, |file| &file.largest))
    }
}

/// What was merged last in one family.
#[derive(Debug, Default)]
pub(super) struct Swarm {
    tried: Vec<(u32, String)>,
}

impl Swarm {
    /// Takes note of a run that is being merged; false if it is the one that was merged last. WHY: RocksDB does not say whether a
    /// compaction worked, and one that leaves its files as they were would be tried for ever. One that moved them down is tried again there.
    pub(super) fn is_new(&mut self, run: &Run<'_>) -> bool {
        let files: Vec<_> = run.files.iter().map(|file| (file.level, file.name.clone())).collect();
        let is_new = self.tried != files;
        self.tried = files;
        is_new
    }
}

/// Looks for a run that is longer than the longest so far, among files that stand side by side.
fn keep_longer<'a>(longest: &mut Vec<&'a SstFile>, files: &[&'a SstFile], sizes: Sizes, least: usize) {
    for start in 0..files.len() {
        let (mut bytes, mut all, mut most) = (0, 0, 0);
        for (place, file) in files.iter().enumerate().skip(start).take(MOST_FILES) {
            bytes += file.size_bytes;
            all += entries(file);
            most = most.max(entries(file));
            if bytes > sizes.run_bytes {
                break;
            }
            let count = place + 1 - start;
            if most * PARTS <= all && count > longest.len() && count >= least {
                *longest = files.iter().skip(start).take(count).copied().collect();
            }
        }
    }
}

/// Returns the entries of a file. WHY not its bytes: a file has a kilobyte more than its data, so eight small ones may make one
/// that is little larger than each of them.
fn entries(file: &SstFile) -> u64 {
    if file.entries > 0 { file.entries } else { file.size_bytes / BYTES_OF_UNKNOWN + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::DataFamily;
    use crate::store::Family;

    /// What a file has beside its data.
    const OVERHEAD_BYTES: u64 = 1100;
    const ENTRY_BYTES: u64 = 100;

    fn sizes() -> Sizes {
        Sizes::new(64 << 20, 32 << 20)
    }

    /// A file in the lowest level with the keys from `first` on, one for each entry.
    fn file(first: u64, entries: u64) -> SstFile {
        SstFile {
            family: Family::Data(DataFamily::new(1).unwrap()),
            name: format!("{first}+{entries}"),
            level: 6,
            size_bytes: OVERHEAD_BYTES + entries * ENTRY_BYTES,
            smallest: first.to_be_bytes().to_vec(),
            largest: (first + entries - 1).to_be_bytes().to_vec(),
            entries,
            tombstones: 0,
        }
    }

    /// Files of so many entries side by side.
    fn side_by_side(entries: &[u64]) -> Vec<SstFile> {
        let mut next = 1;
        entries
            .iter()
            .map(|entries| {
                next += entries;
                file(next - entries, *entries)
            })
            .collect()
    }

    /// The entries of the files that would be merged.
    fn found(files: &[SstFile], is_quiet: bool) -> Vec<u64> {
        let run = Run::find(files.iter(), sizes(), is_quiet, |_| true);
        run.map(|run| run.files.iter().map(|file| file.entries).collect()).unwrap_or_default()
    }

    #[test]
    fn eight_alike_are_merged_and_seven_are_not() {
        assert_eq!(found(&side_by_side(&[5; 7]), true), [0; 0]);
        assert_eq!(found(&side_by_side(&[5; 8]), true), [5; 8]);
        assert_eq!(found(&side_by_side(&[5; 8]), false), [0; 0], "somebody writes");
        assert_eq!(found(&side_by_side(&[5; 64]), false), [5; 64]);
    }

    #[test]
    fn a_file_is_merged_only_into_one_that_is_eight_times_as_large() {
        assert_eq!(found(&side_by_side(&[41, 5, 5, 5, 5, 5, 5, 5, 5]), true), [5; 8]);
        assert_eq!(found(&side_by_side(&[40, 41, 40, 40, 40, 40, 40, 39]), true), [0; 0], "a little too large");
        let mixed = [7, 9, 8, 1, 7, 9, 8, 8, 6, 9];
        assert_eq!(found(&side_by_side(&mixed), true), mixed, "nearly alike");
    }

    #[test]
    fn large_files_bound_a_run_and_are_not_in_it() {
        let large = (2 << 20) / ENTRY_BYTES;
        let files = side_by_side(&[&[large][..], &[9; 9], &[large], &[9; 12], &[large]].concat());
        assert_eq!(found(&files, true), [9; 12], "the longest run");
        assert_eq!(found(&side_by_side(&[large; 20]), true), [0; 0]);
        assert_eq!(found(&side_by_side(&[large - 20; 20]), true), [large - 20; 20]);
    }

    #[test]
    fn no_file_in_l0_none_that_is_overlapped_and_none_of_another_level_is_in_a_run() {
        let alike = || side_by_side(&[10; 16]);
        let mut files = alike();
        files[8].level = 0;
        assert_eq!(found(&files, true), [10; 8], "those before it");
        let mut files = alike();
        (files[3].largest, files[12].largest) = (files[4].smallest.clone(), files[13].smallest.clone());
        assert_eq!(found(&files, true), [0; 0], "two pairs that share a key: seven are left between them");
        let mut files = alike();
        files.push(SstFile { level: 0, largest: files[4].largest.clone(), ..files[2].clone() });
        assert_eq!(found(&files, true), [10; 11], "a file in L0 over three of them");
        let mut files = alike();
        files.iter_mut().take(9).for_each(|file| file.level = 5);
        assert_eq!(found(&files, true), [10; 9]);
        files.reverse();
        assert_eq!(found(&files, true), [10; 9], "whatever the order of the list");
    }

    #[test]
    fn what_does_not_last_is_left_alone() {
        let files = side_by_side(&[10; 16]);
        let from = 30_u64.to_be_bytes();
        let run = Run::find(files.iter(), sizes(), true, |file| file.smallest.as_slice() > &from[..]).unwrap();
        assert_eq!(run.files.len(), 13);
        assert_eq!(run.keys(), (&files[3].smallest[..], &files[15].largest[..]));
        assert_eq!(Run::find(files.iter(), sizes(), true, |_| false), None);
    }

    #[test]
    fn a_run_is_not_merged_twice_over() {
        let files = side_by_side(&[10; 8]);
        let run = Run::find(files.iter(), sizes(), true, |_| true).unwrap();
        let mut swarm = Swarm::default();
        assert!(swarm.is_new(&run));
        assert!(!swarm.is_new(&run), "RocksDB has left it as it was");
        let mut moved = files.clone();
        moved.iter_mut().for_each(|file| file.level = 5);
        assert!(swarm.is_new(&Run::find(moved.iter(), sizes(), true, |_| true).unwrap()), "it was moved");
        let more = side_by_side(&[10; 9]);
        assert!(swarm.is_new(&Run::find(more.iter(), sizes(), true, |_| true).unwrap()));
    }

    #[test]
    fn entries_that_are_not_known_are_estimated() {
        let mut files = side_by_side(&[10; 16]);
        files.iter_mut().for_each(|file| file.entries = 0);
        assert_eq!(found(&files, true), [0; 16]);
    }

    /// Flushes buffers of so many entries one after the other, merging what is found after each. Returns how often an entry was
    /// rewritten: on average and at the most; and how many small files there were at the most.
    fn simulate(flushes: impl Iterator<Item = u64>, is_quiet: bool) -> (f64, u32, usize) {
        // A file, and how often the entry in it that was rewritten most often was.
        let mut files: Vec<(SstFile, u32)> = Vec::new();
        let (mut next, mut rewritten, mut most_files) = (1, 0, 0);
        for entries in flushes {
            files.push((file(next, entries), 0));
            next += entries;
            while let Some(run) = Run::find(files.iter().map(|(file, _)| file), sizes(), is_quiet, |_| true) {
                let (first, count) = (run.files[0].name.clone(), run.files.len());
                let at = files.iter().position(|(file, _)| file.name == first).unwrap();
                let merged: Vec<(SstFile, u32)> = files.drain(at..at + count).collect();
                let entries = merged.iter().map(|(file, _)| file.entries).sum();
                rewritten += entries;
                let times = merged.iter().map(|(_, times)| times + 1).max().unwrap();
                let start = u64::from_be_bytes(merged[0].0.smallest.clone().try_into().unwrap());
                files.insert(at, (file(start, entries), times));
            }
            most_files = most_files.max(files.iter().filter(|(file, _)| sizes().is_small(file)).count());
        }
        let most_rewritten = files.iter().map(|(_, times)| *times).max().unwrap();
        (rewritten as f64 / (next - 1) as f64, most_rewritten, most_files)
    }

    /// A small file has at most so many entries here, and log8 of that is less than 5.
    const LARGEST_SMALL: u64 = (2 << 20) / ENTRY_BYTES;

    #[test]
    fn each_entry_of_ten_thousand_flushes_is_rewritten_a_few_times_and_few_files_are_left() {
        let mut random = fastrand::Rng::with_seed(7);
        let alike = simulate(std::iter::repeat_n(3, 10_000), true);
        let drawn = simulate(std::iter::repeat_with(|| random.u64(1..50)).take(10_000), true);
        let uneven = simulate((0..10_000).map(|n| if n % 5 == 0 { 500 } else { 1 }), true);
        let wild = simulate(std::iter::repeat_with(|| 1 << random.u64(0..12)).take(10_000), true);
        let busy = simulate(std::iter::repeat_n(3, 10_000), false);
        println!("alike {alike:?}, drawn {drawn:?}, uneven {uneven:?}, wild {wild:?}, busy {busy:?}");
        assert!(8_u64.pow(5) > LARGEST_SMALL);
        // Seven of each power of eight; some more stay between files that are not small any more.
        for ((average, most, files), limit) in [(alike, 42), (drawn, 42), (uneven, 60), (wild, 130)] {
            assert!(average < 4.0 && most <= 5, "rewritten {average} times on average, {most} at the most");
            assert!(files <= limit, "{files} files");
        }
        let (average, most, files) = busy;
        assert!(average < 3.0 && most <= 4 && files < 100, "{busy:?}");
    }

    #[test]
    fn a_swarm_of_an_earlier_version_is_merged_in_few_steps() {
        let mut files = side_by_side(&[4; 5_000]);
        let mut steps = 0;
        while let Some(run) = Run::find(files.iter(), sizes(), true, |_| true) {
            steps += 1;
            let names: Vec<String> = run.files.iter().map(|file| file.name.clone()).collect();
            let (first, entries) = (run.keys().0.to_vec(), run.files.iter().map(|file| file.entries).sum());
            files.retain(|file| !names.contains(&file.name));
            files.push(file(u64::from_be_bytes(first.try_into().unwrap()), entries));
        }
        assert!(steps <= 25 && files.len() < 20, "{steps} steps, {} files", files.len());
    }
}
