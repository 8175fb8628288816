//! The stored bytes of format 1.0.
//!
//! What lives here: reading `tests/fixtures/format-1.0`. A table file has lines `name = hex`, where
//! `55*8192` repeats a byte; lines that begin with `#` say something to the reader.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A table of named byte strings that notes which of them a test has used.
pub(crate) struct Table {
    file: &'static str,
    entries: BTreeMap<String, Vec<u8>>,
}

impl Table {
    pub(crate) fn read(file: &'static str) -> Self {
        let mut entries = BTreeMap::new();
        for line in String::from_utf8(read(file)).unwrap().lines() {
            if line.starts_with('#') {
                continue;
            }
            let (name, bytes) = line.split_once('=').unwrap();
            let earlier = entries.insert(name.trim().to_owned(), parse(bytes));
            assert!(earlier.is_none(), "{file} has {name} twice");
        }
        Self { file, entries }
    }

    /// The bytes with this name; each name can be taken once.
    pub(crate) fn take(&mut self, name: &str) -> Vec<u8> {
        let file = self.file;
        self.entries.remove(name).unwrap_or_else(|| panic!("{file} has no (further) {name}"))
    }

    /// Ends the test of the table: every name must have been taken.
    pub(crate) fn finish(self) {
        let left: Vec<_> = self.entries.keys().collect();
        assert!(left.is_empty(), "{} has entries that no test looks at: {left:?}", self.file);
    }
}

/// The bytes of a fixture file.
pub(crate) fn read(file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1.0").join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parse(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        let (hex, times) = word.split_once('*').map_or((word, 1), |(hex, times)| (hex, times.parse().unwrap()));
        let piece: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        bytes.extend(piece.repeat(times));
    }
    bytes
}
