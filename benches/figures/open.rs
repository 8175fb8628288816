//! Opening a cleanly closed store with many keys and many dead ids, beside opening the bare RocksDB beneath it.
//!
//! Each side has a directory of its own; both begin with the same bytes, and are opened in turns.

use std::fs;
use std::path::Path;
use std::time::Instant;

use windrow::{Options, Store};

use crate::common::bare::{Bare, compact};
use crate::common::data::{VALUE, name, options};
use crate::measure::{Comparison, Scale, heading, line};

const PAIRS: usize = 21;
const CHUNK: u64 = 1_000;

pub(crate) fn run(scale: Scale) {
    let (keys, dead) = (scale.of(2_000, 1_000_000, 10_000_000), scale.of(100, 100_000, 1_000_000));
    let title = format!("open: a store of {keys} keys, and {dead} ids dead and not given back / bare RocksDB");
    heading(&title, "windrow", "bare");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let [ours, bare] = ["windrow", "bare"].map(|name| dir.path().join(name));
    fill(&ours, keys, dead);
    for all_compacted in [false, true] {
        let _ = fs::remove_dir_all(&bare);
        if all_compacted {
            compact(&ours, &opened_with());
        }
        copy(&ours, &bare);
        let pairs = (0..=scale.pairs(PAIRS)).map(|_| (time_ours(&ours, dead), time_bare(&bare)));
        let pairs: Vec<(f64, f64)> = pairs.skip(1).collect();
        let name = if all_compacted { "the files in order" } else { "as it was closed" };
        line(name, "<= 1.5", &Comparison::of(pairs));
    }
}

fn opened_with() -> Options {
    let mut options: Options = options();
    options.packed_lasting_bytes = 0;
    // The dead are to stay where they are.
    options.compact_dead_percent = 100;
    options
}

/// Sets, half of which die without any order, and strings for the rest of the keys.
fn fill(path: &Path, keys: u64, dead: u64) {
    let store = open(path);
    let db = store.db(0);
    for n in 0..2 * dead {
        db.sets().add(set(n), ["m"]).expect("add");
    }
    let doomed: Vec<u64> = (0..2 * dead).filter(|n| name(*n)[3] & 1 == 0).collect();
    for chunk in doomed.chunks(1_000) {
        db.delete(chunk.iter().map(|n| set(*n))).expect("delete");
    }
    let rest = keys - (2 * dead - doomed.len() as u64);
    for start in (0..rest).step_by(CHUNK as usize) {
        db.strings().mset((start..rest.min(start + CHUNK)).map(|n| (name(n), VALUE))).expect("mset");
    }
    drop(db);
    store.close().expect("close");
}

fn set(number: u64) -> String {
    format!("set {number:08}")
}

fn open(path: &Path) -> Store {
    // Without threads: what they would give back would be missing at the next turn.
    Store::builder(path).options(opened_with()).background(false).open().expect("the store")
}

fn time_ours(path: &Path, dead: u64) -> f64 {
    let begun = Instant::now();
    let store = open(path);
    let time = begun.elapsed().as_nanos() as f64;
    let buried = store.stats().buried_ids;
    assert!(buried > dead * 8 / 10, "{buried} dead ids");
    store.close().expect("close");
    time
}

fn time_bare(path: &Path) -> f64 {
    let begun = Instant::now();
    let bare = Bare::open(path, &opened_with());
    let time = begun.elapsed().as_nanos() as f64;
    drop(bare);
    time
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new directory");
    for file in fs::read_dir(from).expect("the store's files") {
        let file = file.expect("a file");
        fs::copy(file.path(), to.join(file.file_name())).expect("copy a file");
    }
}
