//! Reading collections far larger than what may be held in memory: how much memory it takes.
//!
//! One test alone, because all threads of a process share what is counted.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod counting;
mod process;

use std::path::Path;
use std::process::Command;

use windrow::{Db, LexBound, ScanCursor, ScanOptions, ScanPage, ScoreBound, Source, Store, ZRange};

use crate::fixture::{Fixture, settle, small};

#[path = "../support/fixture.rs"]
#[expect(dead_code, reason = "these tests need a part of it")]
mod fixture;

/// Members of the set.
const MEMBERS: u64 = 1_000_000;

/// Members of each other collection, and keys. Fewer, for the time it takes: one byte kept of each would not be seen,
/// ten would.
const OTHERS: u64 = 100_000;

/// Members that are added at once.
const CHUNK: u64 = 50_000;

/// Names the store that a process is to read.
const STORE: &str = "WINDROW_MEMORY_STORE";

/// What Rust code may hold more while it reads: a hundredth of what the members would take.
const RUST_BYTES: usize = 1 << 20;

/// What the process may take more, RocksDB and the opening of the store included, which takes most of it. The names of
/// the set alone have 46 MB.
const PROCESS_BYTES: u64 = 40 << 20;

fn name(number: u64) -> String {
    format!("a member with a rather long name: {number:07}")
}

fn fill(store: &Store) {
    let db = store.db(0);
    for start in (0..MEMBERS).step_by(CHUNK as usize) {
        let names: Vec<String> = (start..start + CHUNK).map(name).collect();
        db.sets().add("set", &names).unwrap();
        if start >= OTHERS {
            continue;
        }
        db.hashes().set_many("hash", names.iter().map(|name| (name, "value"))).unwrap();
        db.lists().push_right("list", &names).unwrap();
        db.zsets().add("zset", names.iter().map(|name| (name, 1.0))).unwrap();
        store.db(1).strings().mset(names.iter().map(|name| (name, "value"))).unwrap();
    }
}

/// Reads to the end; returns how many there are.
fn count<T>(items: windrow::Result<impl Iterator<Item = windrow::Result<T>>>) -> u64 {
    items.unwrap().map(Result::unwrap).count() as u64
}

/// Reads all pages; returns how many items they have.
fn scan<T>(mut page: impl FnMut(&ScanCursor, ScanOptions<'_>) -> windrow::Result<ScanPage<T>>) -> u64 {
    let (mut cursor, mut count) = (ScanCursor::START, 0);
    while !cursor.is_finished() {
        let next = page(&cursor, ScanOptions::new().count(1000)).unwrap();
        count += next.items.len() as u64;
        cursor = next.cursor;
    }
    count
}

/// Every way to read a collection or the keys from end to end.
fn reads<S: Source>(db: &Db<S>, keys: &Db<S>) -> Vec<(&'static str, u64, u64)> {
    let (all, any) = ((LexBound::Min, LexBound::Max), (ScoreBound::Included(0.0), ScoreBound::Included(2.0)));
    vec![
        ("members", count(db.sets().members("set")), MEMBERS),
        ("entries of a hash", count(db.hashes().get_all("hash")), OTHERS),
        ("fields", count(db.hashes().keys("hash")), OTHERS),
        ("values", count(db.hashes().values("hash")), OTHERS),
        ("items", count(db.lists().range("list", 0, -1)), OTHERS),
        ("items from the right", count(db.lists().range_back("list", 0, -1)), OTHERS),
        ("ranks", count(db.zsets().range("zset", ZRange::ranks(0, -1))), OTHERS),
        ("ranks, reversed", count(db.zsets().range("zset", ZRange::ranks(0, -1).rev())), OTHERS),
        ("scores", count(db.zsets().range("zset", ZRange::scores(any.0, any.1))), OTHERS),
        ("members by their bytes", count(db.zsets().range("zset", ZRange::lex(all.0, all.1))), OTHERS),
        ("a scan of a set", scan(|cursor, options| db.sets().scan("set", cursor, options)), MEMBERS),
        ("a scan of a hash", scan(|cursor, options| db.hashes().scan("hash", cursor, options)), OTHERS),
        ("a scan of a sorted set", scan(|cursor, options| db.zsets().scan("zset", cursor, options)), OTHERS),
        ("keys", count(keys.keys("")), OTHERS),
        ("keys by a pattern", count(keys.keys_matching("a*:*")), OTHERS),
        ("a scan of keys", scan(|cursor, options| keys.scan(cursor, options)), OTHERS),
    ]
}

fn open(path: &Path) -> Store {
    let mut options = small();
    options.block_cache_bytes = 2 << 20;
    Store::builder(path).options(options).background(false).open().unwrap()
}

/// Opens the store and reads everything, live and from a view.
fn read(path: &Path) {
    let mut found = Vec::with_capacity(64);
    let mut rust_bytes = 0;
    let process_bytes = process::most_bytes(|| {
        let store = open(path);
        let view = store.view().unwrap();
        rust_bytes = counting::most_bytes(|| {
            found.extend(reads(&store.db(0), &store.db(1)));
            found.extend(reads(&view.db(0), &view.db(1)));
        });
    });
    for (what, count, expected) in found {
        assert_eq!(count, expected, "{what}");
    }
    println!("Rust code held at most {rust_bytes} bytes more, the process {process_bytes:?}");
    assert!(rust_bytes < RUST_BYTES, "Rust code held {rust_bytes} bytes more");
    assert!(process_bytes.is_none_or(|bytes| bytes < PROCESS_BYTES), "the process held {process_bytes:?} bytes more");
    let store = open(path);
    let owned = counting::most_bytes(|| drop(store.db(0).sets().members("set").unwrap().collect::<Vec<_>>()));
    assert!(owned > 50 * RUST_BYTES, "what is kept is counted: {owned} bytes");
}

/// WHY the reading has a process of its own: memory that was held while the store was filled would be taken again, and
/// not be seen.
#[test]
fn a_million_members_are_read_with_a_few_megabytes() {
    if let Some(path) = std::env::var_os(STORE) {
        return read(Path::new(&path));
    }
    let fixture = Fixture::new();
    let path = fixture.path("store");
    let store = open(&path);
    fill(&store);
    settle(&store);
    store.close().unwrap();
    let mut reading = Command::new(std::env::current_exe().unwrap());
    let output = reading.arg("--nocapture").env(STORE, &path).output().unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
