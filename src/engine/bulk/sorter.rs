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
#[derive(Debug)]
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
    runs: Vec<Run>,
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
        let mut files = Files {
            winner: self.winner,
            readers: Vec::new(),
            heads: BinaryHeap::new(),
            key: Vec::new(),
            value: Vec::new(),
        };
        for run in &self.runs {
            let file = File::open(&run.path).map_err(read_failed)?;
            let input = BufReader::with_capacity(READ_BYTES, file);
            files.readers.push(RunReader { input, left: run.entries, value: Vec::new() });
            files.refill(files.readers.len() - 1, Vec::new())?;
        }
        Ok(Merged::Files(files))
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
        // The last of each key wins.
        self.entries.dedup_by(|later, kept| {
            let is_same = later.prefix == kept.prefix && later.key(bytes) == kept.key(bytes);
            if is_same {
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
        let path = self.scratch.new_file();
        let write = || -> io::Result<()> {
            let mut file = BufWriter::with_capacity(WRITE_BYTES, File::create(&path)?);
            for entry in &self.entries {
                file.write_all(&entry.key_bytes.to_be_bytes())?;
                file.write_all(&entry.value_bytes.to_be_bytes())?;
                file.write_all(entry.key(&self.bytes))?;
                file.write_all(entry.value(&self.bytes))?;
            }
            file.flush()
        };
        write().map_err(|error| Error::io(format!("cannot write {}", path.display()), error))?;
        self.runs.push(Run { path, entries: self.entries.len() as u64 });
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

fn read_failed(error: io::Error) -> Error {
    Error::io("cannot read a sorted run", error)
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
}

impl Files {
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
