//! An RDB file imported, beside the same keys written by ordinary calls one by one.
//!
//! Both sides begin with a new store and end with everything on stable storage; the calls have their keys and values in
//! memory, the import has the file there.

use std::time::Instant;

use windrow::{CreateOptions, ImportOptions, SetOptions, Store, UnixMillis};

use crate::common::data::{VALUE, name, options};
use crate::measure::{Comparison, Scale, heading, line};

const PAIRS: usize = 7;
const KEYS: u64 = 100_000;
/// A third: how much of the calls' time an import may take.
const TARGET: &str = "<= 0.33";
/// 2100: nothing expires meanwhile.
const EXPIRY: UnixMillis = UnixMillis::new(4_102_444_800_000);
/// Elements of each collection.
const ELEMENTS: u64 = 8;

/// Writes the key of this number, by one call.
type Call = fn(&Store, u64);

pub(crate) fn run(scale: Scale) {
    heading("import: an RDB file / the same keys by calls one by one", "import", "calls");
    line("strings of 100 bytes", TARGET, &compared(scale, |store, n| strings(store, n, SetOptions::new())));
    let expiring: Call = |store, n| strings(store, n, SetOptions::new().expire_at(EXPIRY));
    line("strings of 100 bytes that expire", TARGET, &compared(scale, expiring));
    line("sets of 8 members that expire", TARGET, &compared(scale, sets));
    line("all five types, some of them expire", TARGET, &compared(scale, mixed));
}

fn strings(store: &Store, n: u64, options: SetOptions) {
    store.db(0).strings().set_with(name(n), VALUE, options).expect("set");
}

fn sets(store: &Store, n: u64) {
    let create = CreateOptions::new().expire_at(EXPIRY);
    store.db(0).sets().add_with(name(n), (0..ELEMENTS).map(name), create).expect("add");
}

fn mixed(store: &Store, n: u64) {
    let db = store.db(0);
    let create = if n.is_multiple_of(2) { CreateOptions::new() } else { CreateOptions::new().expire_at(EXPIRY) };
    match n % 5 {
        0 => strings(store, n, SetOptions::new()),
        1 => sets(store, n),
        2 => drop(db.hashes().set_many_with(name(n), (0..ELEMENTS).map(|m| (name(m), VALUE)), create).expect("set")),
        3 => drop(db.lists().push_right(name(n), (0..ELEMENTS).map(name)).expect("push")),
        _ => drop(db.zsets().add(name(n), (0..ELEMENTS).map(|m| (name(m), m as f64))).expect("add")),
    }
}

fn compared(scale: Scale, call: Call) -> Comparison {
    let keys = scale.size(KEYS);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let open = |which: &str| {
        let path = dir.path().join(which);
        let _ = std::fs::remove_dir_all(&path);
        Store::builder(path).options(options()).open().expect("a new store")
    };
    let fill = |store: &Store| (0..keys).for_each(|n| call(store, n));
    let source = open("source");
    fill(&source);
    let mut file = Vec::new();
    source.export_rdb(&mut file).expect("export");
    source.close().expect("close");
    let import = || {
        let store = open("import");
        let begun = Instant::now();
        let report = store.import_rdb(file.as_slice(), ImportOptions::new()).expect("import");
        let time = begun.elapsed();
        assert_eq!(report.keys(), keys);
        store.close().expect("close");
        time.as_nanos() as f64 / keys as f64
    };
    let calls = || {
        let store = open("calls");
        let begun = Instant::now();
        fill(&store);
        // As the import does.
        store.sync().expect("sync");
        let time = begun.elapsed();
        store.close().expect("close");
        time.as_nanos() as f64 / keys as f64
    };
    let pair = |turn: usize| {
        if turn.is_multiple_of(2) {
            let first = import();
            (first, calls())
        } else {
            let second = calls();
            (import(), second)
        }
    };
    Comparison::of((0..scale.pairs(PAIRS)).map(pair))
}
