//! What a compaction of some keys takes along: the files above and beneath them, and what those reach.
//!
//! May use `store`. Invariant: it only tells in advance what RocksDB will read, so that a compaction can be priced before it is
//! chosen.
//!
//! WHY: files in L0 overlap and go down together, with all that lies beneath them in the next level. One that was appended to
//! all over its family takes the whole family along, whichever of its keys is to be compacted; so does a write buffer, as
//! RocksDB flushes it first if it holds one of the keys.

use std::ops::Range;
use std::sync::Arc;

use super::planner::FileSpan;
use crate::encoding::DataFamily;
use crate::store::{Cursor, Database, Family, Scan, SstFile};

/// A first and a last key.
type Keys = (Vec<u8>, Vec<u8>);

/// The files and the write buffer of one family.
pub(super) struct Reaches<'a> {
    files: Vec<&'a SstFile>,
    buffer: Option<Buffer<'a>>,
}

impl<'a> Reaches<'a> {
    pub(super) fn new(db: &'a Arc<Database>, family: Family, files: &'a [SstFile]) -> Self {
        let files = files.iter().filter(|file| file.family == family).collect();
        let buffer = (db.buffered_entries(family) > 0).then_some(Buffer { db, family });
        Self { files, buffer }
    }

    /// Returns what a compaction of one file's keys takes along; `None` if there is no such file.
    pub(super) fn of_file(&self, name: &str) -> Option<Reach<'a>> {
        let file = self.files.iter().find(|file| file.name == name)?;
        Some(self.of((&file.smallest, &file.largest)))
    }

    /// Returns what a compaction of the keys of both takes along.
    pub(super) fn of_both(&self, one: &Reach<'_>, other: &Reach<'_>) -> Reach<'a> {
        let (first, last) = &one.keys;
        let (other_first, other_last) = &other.keys;
        self.of((first.min(other_first), last.max(other_last)))
    }

    /// Returns what a compaction of the keys from the first to the last takes along.
    pub(super) fn of(&self, (first, last): Span<'_>) -> Reach<'a> {
        let keys = (first.to_vec(), last.to_vec());
        let buffered = self.buffer.as_ref().filter(|buffer| buffer.has_any_in(&keys));
        reach(&self.files, keys, buffered.map(Buffer::keys))
    }
}

/// What goes with the keys that are compacted.
#[derive(Clone, Debug)]
pub(super) struct Reach<'a> {
    keys: Keys,
    files: Vec<&'a SstFile>,
    /// The bytes of these files.
    pub(super) bytes: u64,
    /// Whether the write buffer is flushed and goes along.
    pub(super) takes_buffer: bool,
}

impl Reach<'_> {
    /// Takes all of some files along.
    #[cfg(test)]
    pub(super) fn whole<'a>(files: &[&'a SstFile], takes_buffer: bool) -> Reach<'a> {
        let bytes = files.iter().map(|file| file.size_bytes).sum();
        Reach { keys: Keys::default(), files: files.to_vec(), bytes, takes_buffer }
    }

    /// Returns the first and the last key to compact.
    pub(super) fn keys(&self) -> (&[u8], &[u8]) {
        (&self.keys.0, &self.keys.1)
    }

    /// Lists the files.
    pub(super) fn files(&self) -> impl Iterator<Item = &SstFile> {
        self.files.iter().copied()
    }

    /// Lists the names of the files.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// Tells whether nothing but this file is rewritten.
    pub(super) fn is_only(&self, name: &str) -> bool {
        !self.takes_buffer && self.files.len() == 1 && self.names().all(|own| own == name)
    }

    /// Returns the first and the last key in any of the files.
    pub(super) fn extent(&self) -> (&[u8], &[u8]) {
        let first = self.files.iter().map(|file| file.smallest.as_slice()).min();
        let last = self.files.iter().map(|file| file.largest.as_slice()).max();
        let (own_first, own_last) = self.keys();
        (first.unwrap_or(own_first), last.unwrap_or(own_last))
    }

    /// Returns the counters of the ids in all the files together.
    pub(super) fn counters(&self, family: DataFamily) -> Range<u64> {
        let spans = || self.files.iter().filter_map(|file| FileSpan::of(file, family)).map(|span| span.counters);
        let first = spans().map(|counters| counters.start).min().unwrap_or(0);
        first..spans().map(|counters| counters.end).max().unwrap_or(first)
    }
}

/// Finds the files that go with `keys`, as RocksDB does: level by level those that hold such keys, each time with what lies
/// beneath them in the next level. `buffered` are the keys of a write buffer that is flushed before.
fn reach<'a>(all: &[&'a SstFile], keys: Keys, buffered: Option<Keys>) -> Reach<'a> {
    let takes_buffer = buffered.is_some();
    let mut taken = vec![false; all.len()];
    let mut above = sink(all, &mut taken, span(&keys), buffered.as_ref().map(span));
    let mut levels: Vec<u32> = all.iter().map(|file| file.level).filter(|level| *level > 0).collect();
    levels.sort_unstable();
    levels.dedup();
    for level in levels {
        let mut met = None;
        for (file, taken) in all.iter().zip(&mut taken).filter(|(file, _)| file.level == level) {
            let is_own = overlaps(file, span(&keys));
            *taken |= is_own || above.is_some_and(|above| overlaps(file, above));
            if is_own {
                met = Some(widened(met, (&file.smallest, &file.largest)));
            }
        }
        above = met;
    }
    let files: Vec<&SstFile> = all.iter().zip(taken).filter_map(|(file, taken)| taken.then_some(*file)).collect();
    let bytes = files.iter().map(|file| file.size_bytes).sum();
    Reach { keys, files, bytes, takes_buffer }
}

/// The first and the last key of some files.
type Span<'a> = (&'a [u8], &'a [u8]);

fn span(keys: &Keys) -> Span<'_> {
    (&keys.0, &keys.1)
}

/// Takes the files in L0 that reach into `keys`, and those that reach into them; returns what they span, the buffer included.
fn sink<'a>(all: &[&'a SstFile], taken: &mut [bool], keys: Span<'a>, buffered: Option<Span<'a>>) -> Option<Span<'a>> {
    let mut met = buffered;
    let mut wide = buffered.map_or(keys, |buffered| widened(Some(keys), buffered));
    loop {
        let mut found = false;
        for (file, taken) in all.iter().zip(taken.iter_mut()).filter(|(file, _)| file.level == 0) {
            if !*taken && overlaps(file, wide) {
                (*taken, found) = (true, true);
                met = Some(widened(met, (&file.smallest, &file.largest)));
                wide = widened(Some(wide), (&file.smallest, &file.largest));
            }
        }
        if !found {
            return met;
        }
    }
}

fn widened<'a>(span: Option<Span<'a>>, (first, last): Span<'a>) -> Span<'a> {
    span.map_or((first, last), |(low, high)| (low.min(first), high.max(last)))
}

fn overlaps(file: &SstFile, (first, last): Span<'_>) -> bool {
    file.smallest.as_slice() <= last && first <= file.largest.as_slice()
}

/// A write buffer that is not empty.
struct Buffer<'a> {
    db: &'a Arc<Database>,
    family: Family,
}

impl Buffer<'_> {
    /// Tells whether it holds any of `keys`, deletions included but for a single one. A read that fails says yes.
    fn has_any_in(&self, (first, last): &Keys) -> bool {
        let scan = Scan { lower: first.clone(), upper: Some([last.as_slice(), &[0]].concat()), ..self.scan() };
        let cursor = Cursor::open(self.db, self.family, scan, None);
        cursor.entry().is_err() || cursor.entry().is_ok_and(|entry| entry.is_some())
    }

    /// Returns the first and the last key, or those of the whole family where deletions hide them.
    fn keys(&self) -> Keys {
        let key = |cursor: &Cursor| cursor.entry().ok().flatten().map(|(key, _)| key.to_vec());
        let first = key(&Cursor::open(self.db, self.family, self.scan(), None));
        let last = key(&Cursor::open_last(self.db, self.family, self.scan(), None));
        (first.unwrap_or_default(), last.unwrap_or_else(|| vec![u8::MAX; 16]))
    }

    fn scan(&self) -> Scan {
        Scan { buffers_only: true, max_deleted: Some(1), see_range_deleted: true, ..Scan::everything() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, level: u32, first: &str, last: &str) -> SstFile {
        SstFile {
            family: Family::Meta,
            name: name.to_owned(),
            level,
            size_bytes: 10,
            smallest: first.into(),
            largest: last.into(),
            entries: 1,
            tombstones: 0,
        }
    }

    /// The names of what goes with the keys, in order.
    fn taken(files: &[SstFile], keys: (&str, &str), buffered: Option<(&str, &str)>) -> String {
        let all: Vec<&SstFile> = files.iter().collect();
        let owned = |(first, last): (&str, &str)| (first.into(), last.into());
        let reach = reach(&all, owned(keys), buffered.map(owned));
        assert_eq!(reach.bytes, 10 * reach.names().count() as u64);
        reach.names().collect()
    }

    fn lowest() -> Vec<SstFile> {
        vec![file("a", 6, "a", "c"), file("b", 6, "d", "f"), file("c", 6, "g", "i"), file("d", 6, "j", "z")]
    }

    #[test]
    fn a_file_with_nothing_above_it_goes_alone() {
        let mut files = lowest();
        assert_eq!(taken(&files, ("d", "f"), None), "b");
        files.push(file("e", 0, "g", "z"));
        assert_eq!(taken(&files, ("d", "f"), None), "b", "L0 beside it");
        assert_eq!(taken(&files, ("d", "g"), None), "bcde");
    }

    #[test]
    fn a_wide_file_in_l0_takes_along_all_that_lies_beneath_it() {
        let mut files = lowest();
        files.push(file("e", 0, "b", "h"));
        assert_eq!(taken(&files, ("d", "f"), None), "abce");
        files.push(file("f", 0, "h", "k"));
        files.push(file("g", 0, "y", "z"));
        assert_eq!(taken(&files, ("d", "f"), None), "abcdef", "and what overlaps it in L0");
    }

    #[test]
    fn a_buffer_that_holds_one_of_the_keys_goes_down_first() {
        let mut files = lowest();
        assert_eq!(taken(&files, ("d", "f"), Some(("a", "h"))), "abc");
        files.push(file("e", 0, "h", "k"));
        assert_eq!(taken(&files, ("d", "f"), Some(("a", "h"))), "abcde");
        assert_eq!(taken(&files[4..], ("x", "y"), Some(("x", "y"))), "");
    }

    #[test]
    fn what_lies_between_takes_along_what_is_beneath_it_and_no_more() {
        let mut files = lowest();
        files.extend([file("e", 5, "b", "e"), file("f", 5, "h", "k"), file("g", 4, "f", "f")]);
        assert_eq!(taken(&files, ("e", "e"), None), "abe");
        assert_eq!(taken(&files, ("d", "f"), None), "abeg");
        files.push(file("h", 0, "a", "z"));
        assert_eq!(
            taken(&files, ("e", "e"), None),
            "abegh",
            "L0 goes to the uppermost level, and its keys alone go on"
        );
    }
}
