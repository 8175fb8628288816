//! Sorts more entries than fit into memory: sorted runs go to files, and are merged.
//!
//! Uses the scratch directory. Invariants: of several entries with one key one is left, which [`Winner`] says; what is held in memory
//! stays within the limit, but for one entry.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::store::Scratch;

/// What is read of each run at a time. Larger: more memory when many are merged; smaller: more reads.
const READ_BYTES: usize = 32 << 10;
/// Runs that are merged at once. More: more files open, and more memory; fewer: entries are written anew more often.
const MOST_RUNS: usize = 64;
/// What is written of a run at a time.
const WRITE_BYTES: usize = 256 << 10;

/// Which of several entries with one key is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Winner {
    /// The one that was given last.
    Last,
    /// The one with the greatest value.
    Greatest,
}

/// One entry in memory.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// What follows the keys' common beginning, as far as it fits: most comparisons look no further.
    prefix: u64,
    start: usize,
    key_bytes: u32,
    value_bytes: u32,
}

impl Entry {
    fn key(self, bytes: &[u8]) -> &[u8] {
        let start = self.start;
        bytes.get(start..start + self.key_bytes as usize).unwrap_or_default()
    }

    fn value(self, bytes: &[u8]) -> &[u8] {
        let start = self.start + self.key_bytes as usize;
        bytes.get(start..start + self.value_bytes as usize).unwrap_or_default()
    }
}

/// A file of sorted entries.
#[derive(Clone, Debug)]
struct Run {
    path: PathBuf,
    entries: u64,
}

/// Entries that are to be sorted.
pub(super) struct Sorter {
    scratch: Arc<Scratch>,
    winner: Winner,
    limit_bytes: usize,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// How many bytes all keys in memory begin with.
    common: usize,
    /// Whether the keys in memory were given in order, each once.
    in_order: bool,
    /// From the oldest to the youngest.
    runs: Vec<Run>,
    /// A key that was given twice, once that was noticed: when the entries are sorted and merged.
    twice: Option<Vec<u8>>,
}

impl Sorter {
    pub(super) fn new(scratch: &Arc<Scratch>, winner: Winner, limit_bytes: usize) -> Self {
        Self {
            scratch: Arc::clone(scratch),
            winner,
            limit_bytes,
            bytes: Vec::new(),
            entries: Vec::new(),
            common: 0,
            in_order: true,
            runs: Vec::new(),
            twice: None,
        }
    }

    pub(super) fn set_limit(&mut self, bytes: usize) {
        self.limit_bytes = bytes;
    }

    /// Adds an entry; once what is held reaches the limit, it goes to a file.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let held = self.bytes.len() + self.entries.len() * size_of::<Entry>();
        if !self.entries.is_empty() && held + key.len() + value.len() + size_of::<Entry>() > self.limit_bytes {
            self.spill()?;
        }
        match (self.entries.first(), self.entries.last()) {
            (Some(first), Some(last)) => {
                self.common = common_bytes(first.key(&self.bytes), key.get(..self.common).unwrap_or(key));
                self.in_order = self.in_order && last.key(&self.bytes) < key;
            }
            _ => {
                self.common = key.len();
                self.in_order = true;
            }
        }
        let entry = Entry { prefix: 0, start: self.bytes.len(), key_bytes: length(key)?, value_bytes: length(value)? };
        self.entries.push(entry);
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        Ok(())
    }

    /// Tells whether nothing went to a file.
    pub(super) fn is_in_memory(&self) -> bool {
        self.runs.is_empty()
    }

    /// Sorts the entries in memory and returns how many keys there are.
    pub(super) fn count_sorted(&mut self) -> u64 {
        self.sort();
        self.entries.len() as u64
    }

    /// Lists the entries in memory, which were sorted.
    pub(super) fn sorted(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries.iter().map(|entry| (entry.key(&self.bytes), entry.value(&self.bytes)))
    }

    /// Forgets everything, and keeps its memory for what comes next.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.twice = None;
        for run in self.runs.drain(..) {
            // If it stays, it goes with its directory.
            let _ = std::fs::remove_file(run.path);
        }
    }

    /// Begins to read the entries in the order of their keys, each key once.
    pub(super) fn merged(&mut self) -> Result<Merged<'_>> {
        if self.runs.is_empty() {
            self.sort();
            return Ok(Merged::Memory { sorter: self, next: 0 });
        }
        self.spill()?;
        self.merge_until_few()?;
        let mut files = Files::open(&self.runs, self.winner)?;
        files.twice.clone_from(&self.twice);
        Ok(Merged::Files(files))
    }

    /// Merges runs until there are few enough to read all of them at once. Only neighbours are merged, so that the runs stay in order of
    /// their age.
    fn merge_until_few(&mut self) -> Result<()> {
        while self.runs.len() > MOST_RUNS {
            let mut fewer = Vec::with_capacity(self.runs.len().div_ceil(MOST_RUNS));
            for group in self.runs.chunks(MOST_RUNS) {
                fewer.push(match group {
                    [alone] => alone.clone(),
                    several => merge(several, self.winner, &self.scratch, &mut self.twice)?,
                });
            }
            self.runs = fewer;
        }
        Ok(())
    }

    fn sort(&mut self) {
        if self.in_order {
            return;
        }
        let (bytes, common, winner) = (&self.bytes, self.common, self.winner);
        for entry in &mut self.entries {
            let rest = entry.key(bytes).get(common..).unwrap_or_default();
            let mut prefix = [0; 8];
            prefix.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            entry.prefix = u64::from_be_bytes(prefix);
        }
        let rank = |a: &Entry, b: &Entry| match winner {
            Winner::Last => a.start.cmp(&b.start),
            Winner::Greatest => a.value(bytes).cmp(b.value(bytes)),
        };
        let order = |a: &Entry, b: &Entry| {
            a.prefix.cmp(&b.prefix).then_with(|| a.key(bytes).cmp(b.key(bytes))).then_with(|| rank(a, b))
        };
        self.entries.sort_unstable_by(order);
        let twice = &mut self.twice;
        // The last of each key wins.
        self.entries.dedup_by(|later, kept| {
            let is_same = later.prefix == kept.prefix && later.key(bytes) == kept.key(bytes);
            if is_same {
                note_twice(twice, kept.key(bytes));
                *kept = *later;
            }
            is_same
        });
        self.in_order = true;
    }

    fn spill(&mut self) -> Result<()> {
        if self.entries.is_empty() {
            return Ok(());
        }
        self.sort();
        let mut run = RunWriter::create(&self.scratch)?;
        for entry in &self.entries {
            run.put(entry.key(&self.bytes), entry.value(&self.bytes))?;
        }
        self.runs.push(run.finish()?);
        self.bytes.clear();
        self.entries.clear();
        Ok(())
    }
}

fn length(bytes: &[u8]) -> Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| Error::overflow())
}

fn common_bytes(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn note_twice(twice: &mut Option<Vec<u8>>, key: &[u8]) {
    twice.get_or_insert_with(|| key.to_vec());
}

fn read_failed(error: io::Error) -> Error {
    Error::io("cannot read a sorted run", error)
}

/// Merges some runs, in order of their age, into one, and removes them.
fn merge(runs: &[Run], winner: Winner, scratch: &Scratch, twice: &mut Option<Vec<u8>>) -> Result<Run> {
    let mut files = Files::open(runs, winner)?;
    let mut merged = RunWriter::create(scratch)?;
    while files.advance()? {
        merged.put(&files.key, &files.value)?;
    }
    let merged = merged.finish()?;
    files.twice.iter().for_each(|key| note_twice(twice, key));
    for run in runs {
        // If it stays, it goes with its directory.
        let _ = std::fs::remove_file(&run.path);
    }
    Ok(merged)
}

/// The entries in order.
pub(super) enum Merged<'s> {
    Memory { sorter: &'s Sorter, next: usize },
    Files(Files),
}

impl Merged<'_> {
    /// Moves to the next entry; returns whether there is one.
    pub(super) fn advance(&mut self) -> Result<bool> {
        match self {
            Self::Memory { sorter, next } => {
                *next += 1;
                Ok(*next <= sorter.entries.len())
            }
            Self::Files(files) => files.advance(),
        }
    }

    /// Returns a key of which several entries were given; where they come from files, once all was read.
    pub(super) fn twice(&self) -> Option<&[u8]> {
        match self {
            Self::Memory { sorter, .. } => sorter.twice.as_deref(),
            Self::Files(files) => files.twice.as_deref(),
        }
    }

    /// Returns the key and the value of the entry.
    pub(super) fn entry(&self) -> (&[u8], &[u8]) {
        match self {
            Self::Memory { sorter, next } => match next.checked_sub(1).and_then(|at| sorter.entries.get(at)) {
                Some(entry) => (entry.key(&sorter.bytes), entry.value(&sorter.bytes)),
                None => (&[], &[]),
            },
            Self::Files(files) => (&files.key, &files.value),
        }
    }
}

/// A merge of files.
pub(super) struct Files {
    winner: Winner,
    readers: Vec<RunReader>,
    /// The next key of each run. Of equal keys the one of the youngest run comes first.
    heads: BinaryHeap<Reverse<(Vec<u8>, Reverse<usize>)>>,
    key: Vec<u8>,
    value: Vec<u8>,
    twice: Option<Vec<u8>>,
}

impl Files {
    fn open(runs: &[Run], winner: Winner) -> Result<Self> {
        let (key, value) = (Vec::new(), Vec::new());
        let mut files = Self { winner, readers: Vec::new(), heads: BinaryHeap::new(), key, value, twice: None };
        for run in runs {
            let file = File::open(&run.path).map_err(read_failed)?;
            let input = BufReader::with_capacity(READ_BYTES, file);
            files.readers.push(RunReader { input, left: run.entries, value: Vec::new() });
            files.refill(files.readers.len() - 1, Vec::new())?;
        }
        Ok(files)
    }

    fn advance(&mut self) -> Result<bool> {
        let Some(Reverse((key, Reverse(run)))) = self.heads.pop() else { return Ok(false) };
        if let Some(reader) = self.readers.get_mut(run) {
            std::mem::swap(&mut self.value, &mut reader.value);
        }
        let spare = std::mem::replace(&mut self.key, key);
        self.refill(run, spare)?;
        while let Some(Reverse((next, _))) = self.heads.peek() {
            if *next != self.key {
                break;
            }
            note_twice(&mut self.twice, &self.key);
            if let Some(Reverse((older, Reverse(run)))) = self.heads.pop() {
                if let Some(reader) = self.readers.get_mut(run)
                    && self.winner == Winner::Greatest
                    && reader.value > self.value
                {
                    std::mem::swap(&mut self.value, &mut reader.value);
                }
                self.refill(run, older)?;
            }
        }
        Ok(true)
    }

    /// Reads the next entry of a run, its key into `key`.
    fn refill(&mut self, run: usize, mut key: Vec<u8>) -> Result<()> {
        if let Some(reader) = self.readers.get_mut(run)
            && reader.read(&mut key).map_err(read_failed)?
        {
            self.heads.push(Reverse((key, Reverse(run))));
        }
        Ok(())
    }
}

/// Writes one run.
struct RunWriter {
    output: BufWriter<File>,
    run: Run,
}

impl RunWriter {
    fn create(scratch: &Scratch) -> Result<Self> {
        let run = Run { path: scratch.new_file(), entries: 0 };
        let file = File::create(&run.path).map_err(|error| write_failed(&run, error))?;
        Ok(Self { output: BufWriter::with_capacity(WRITE_BYTES, file), run })
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let lengths = [length(key)?.to_be_bytes(), length(value)?.to_be_bytes()];
        let mut parts = [lengths.as_flattened(), key, value].into_iter();
        parts.try_for_each(|part| self.output.write_all(part)).map_err(|error| write_failed(&self.run, error))?;
        self.run.entries += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<Run> {
        self.output.flush().map_err(|error| write_failed(&self.run, error))?;
        Ok(self.run)
    }
}

fn write_failed(run: &Run, error: io::Error) -> Error {
    Error::io(format!("cannot write {}", run.path.display()), error)
}

/// Reads one run.
pub(super) struct RunReader {
    input: BufReader<File>,
    left: u64,
    value: Vec<u8>,
}

impl RunReader {
    fn read(&mut self, key: &mut Vec<u8>) -> io::Result<bool> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        let (mut key_bytes, mut value_bytes) = ([0; 4], [0; 4]);
        self.input.read_exact(&mut key_bytes)?;
        self.input.read_exact(&mut value_bytes)?;
        key.resize(u32::from_be_bytes(key_bytes) as usize, 0);
        self.value.resize(u32::from_be_bytes(value_bytes) as usize, 0);
        self.input.read_exact(key)?;
        self.input.read_exact(&mut self.value)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn assert_sorts(winner: Winner, limit_bytes: usize, keys: u64) {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Arc::new(Scratch::make(dir.path()).unwrap());
        let mut sorter = Sorter::new(&scratch, winner, limit_bytes);
        let mut random = fastrand::Rng::with_seed(7);
        for round in 0..3 {
            let mut model = BTreeMap::new();
            for n in 0..2_000_u32 {
                let key = format!("common:{}{}", random.u64(0..keys), "x".repeat(random.usize(0..20))).into_bytes();
                let value = vec![n as u8; random.usize(0..30)];
                sorter.push(&key, &value).unwrap();
                let kept: &mut Vec<u8> = model.entry(key).or_default();
                if winner == Winner::Last || value > *kept {
                    *kept = value;
                }
            }
            assert_eq!(sorter.is_in_memory(), limit_bytes > 1 << 20, "round {round}");
            let mut merged = sorter.merged().unwrap();
            for (key, value) in &model {
                assert!(merged.advance().unwrap());
                assert_eq!(merged.entry(), (key.as_slice(), value.as_slice()));
            }
            assert!(!merged.advance().unwrap());
            assert_eq!(merged.twice().is_some(), model.len() < 2000, "round {round}");
            assert!(merged.twice().is_none_or(|key| model.contains_key(key)));
            sorter.clear();
        }
    }

    #[test]
    fn entries_come_out_in_order_one_of_each_key() {
        for keys in [1, 50, u64::MAX] {
            for winner in [Winner::Last, Winner::Greatest] {
                assert_sorts(winner, 2 << 20, keys);
                assert_sorts(winner, 10_000, keys);
                assert_sorts(winner, 1, keys);
            }
        }
    }

    #[test]
    fn many_runs_are_merged_a_few_at_a_time() {
        for winner in [Winner::Last, Winner::Greatest] {
            let dir = tempfile::tempdir().unwrap();
            let scratch = Arc::new(Scratch::make(dir.path()).unwrap());
            // One entry is a run: more of them than two merges bring down to one.
            let mut sorter = Sorter::new(&scratch, winner, 1);
            let runs = (MOST_RUNS * MOST_RUNS + MOST_RUNS + 1) as u64;
            for n in 0..runs {
                sorter.push(&(n % 100).to_be_bytes(), &(n * 7 % runs).to_be_bytes()).unwrap();
            }
            let mut merged = sorter.merged().unwrap();
            let Merged::Files(files) = &merged else { panic!("it went to files") };
            assert!(files.readers.len() <= MOST_RUNS, "{} files are open", files.readers.len());
            for key in 0..100 {
                let mut values = (0..runs).filter(|n| n % 100 == key).map(|n| n * 7 % runs);
                let wins = if winner == Winner::Last { values.next_back() } else { values.max() }.unwrap();
                assert!(merged.advance().unwrap());
                assert_eq!(merged.entry(), (key.to_be_bytes().as_slice(), wins.to_be_bytes().as_slice()));
            }
            assert!(!merged.advance().unwrap());
            let left = dir.path().read_dir().unwrap().map(|user| user.unwrap().path().read_dir().unwrap());
            assert!(left.flatten().all(|user| user.unwrap().path().read_dir().unwrap().count() <= MOST_RUNS));
        }
    }

    #[test]
    fn what_was_given_in_order_stays_so() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Arc::new(Scratch::make(dir.path()).unwrap());
        let mut sorter = Sorter::new(&scratch, Winner::Last, 1 << 20);
        for key in ["a", "ab", "b", "b\0", "c"] {
            sorter.push(key.as_bytes(), b"").unwrap();
        }
        assert!(sorter.in_order);
        sorter.push(b"c", b"last").unwrap();
        assert!(!sorter.in_order, "a key that comes twice is out of order");
        let mut merged = sorter.merged().unwrap();
        let mut found = Vec::new();
        while merged.advance().unwrap() {
            found.push((merged.entry().0.to_vec(), merged.entry().1.to_vec()));
        }
        assert_eq!(found.len(), 5);
        assert_eq!(found[4], (b"c".to_vec(), b"last".to_vec()));
    }
}
