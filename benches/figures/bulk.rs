//! Bulk load beside the same keys by ordinary calls one by one, and beside batches of 1,000 (of 20 of the large sets).
//!
//! Each side fills a store of its own, in turns, with keys in no order: the time until the last call has returned, and the bytes that
//! the process wrote for each byte of keys and values until nothing is pending and nothing waits in a write buffer.

use std::path::Path;
use std::time::{Duration, Instant};

use windrow::{CreateOptions, Db, Store};

use crate::common::data::{VALUE, member, name, options};
use crate::measure::{Comparison, Scale, heading, line};

const PAIRS: usize = 5;
/// Keys of one batch.
const BATCH: u64 = 1_000;
const MEMBERS: u64 = 1_000;

/// What is loaded.
#[derive(Clone, Copy)]
enum Shape {
    Strings,
    Hashes,
    Sets,
}

/// How it is loaded.
#[derive(Clone, Copy)]
enum Way {
    Singly,
    Batches,
    /// Into a db that holds nothing.
    Bulk,
    /// Into one that holds a key.
    Beside,
}

/// Nanoseconds for each key, and bytes written for each byte.
struct Loaded {
    nanos: f64,
    written: f64,
}

impl Shape {
    fn keys(self, scale: Scale) -> u64 {
        match self {
            Self::Strings => scale.of(2_000, 1_000_000, 10_000_000),
            Self::Hashes => scale.of(2_000, 500_000, 5_000_000),
            Self::Sets => scale.of(20, 2_000, 20_000),
        }
    }

    fn bytes(self) -> u64 {
        match self {
            Self::Strings => 116,
            Self::Hashes => 16 + 5 * 28,
            Self::Sets => 16 + MEMBERS * 100,
        }
    }

    fn key(number: u64) -> String {
        format!("{:016x}", u64::from_be_bytes(name(number)))
    }

    fn singly(self, db: &Db, number: u64) {
        let key = Self::key(number);
        match self {
            Self::Strings => db.strings().set(key, VALUE),
            Self::Hashes => db.hashes().set_many(key, fields(number)).map(drop),
            Self::Sets => db.sets().add(key, (0..MEMBERS).map(|m| member(number * MEMBERS + m))).map(drop),
        }
        .expect("a write");
    }

    fn bulk(self, load: &mut windrow::BulkLoad, number: u64) {
        let (key, options) = (Self::key(number), CreateOptions::new());
        match self {
            Self::Strings => load.string(key, VALUE, options),
            Self::Hashes => load.hash(key, fields(number), options),
            Self::Sets => load.set(key, (0..MEMBERS).map(|m| member(number * MEMBERS + m)), options),
        }
        .expect("a value");
    }

    fn in_batch(self, batch: &mut windrow::WriteBatch, number: u64) {
        let key = Self::key(number);
        match self {
            Self::Strings => batch.set(key, VALUE),
            Self::Hashes => batch.write(key, move |db, key| db.hashes().set_many(key, fields(number)).map(drop)),
            Self::Sets => batch.set_add(key, (0..MEMBERS).map(|m| member(number * MEMBERS + m))),
        };
    }
}

/// 5 fields of 8 bytes with values of 20.
fn fields(number: u64) -> impl Iterator<Item = ([u8; 8], [u8; 20])> {
    (0..5).map(move |field| {
        let mut value = [0; 20];
        value[..8].copy_from_slice(&name(number * 5 + field));
        (name(field), value)
    })
}

pub(crate) fn run(scale: Scale) {
    for (what, shape) in [
        ("strings of 100 bytes", Shape::Strings),
        ("hashes of 5 fields", Shape::Hashes),
        ("sets of 1,000 members of 100 bytes", Shape::Sets),
    ] {
        let [singly, batches, bulk, beside] = loaded(scale, shape);
        let compared =
            |side: &[Loaded], bulk: &[Loaded]| Comparison::of(side.iter().zip(bulk).map(|(a, b)| (a.nanos, b.nanos)));
        heading(&format!("bulk: {what}, time of a key (higher is better)"), "the other", "bulk load");
        line("one by one / bulk into nothing", "> 1", &compared(&singly, &bulk));
        line("one by one / bulk beside a key", "> 1", &compared(&singly, &beside));
        line("batches / bulk into nothing", "", &compared(&batches, &bulk));
        let mean = |side: &[Loaded]| side.iter().map(|one| one.written).sum::<f64>() / side.len() as f64;
        println!(
            "  bytes written for each byte: one by one {:.2}, batches {:.2}, bulk into nothing {:.2}, beside a key {:.2}",
            mean(&singly),
            mean(&batches),
            mean(&bulk),
            mean(&beside)
        );
    }
}

fn loaded(scale: Scale, shape: Shape) -> [Vec<Loaded>; 4] {
    let mut sides = [const { Vec::new() }; 4];
    let ways = [Way::Singly, Way::Batches, Way::Bulk, Way::Beside];
    for pair in 0..scale.pairs(PAIRS) {
        for turn in 0..ways.len() {
            let side = (pair + turn) % ways.len();
            sides[side].push(load(shape, ways[side], shape.keys(scale)));
        }
    }
    sides
}

fn load(shape: Shape, way: Way, keys: u64) -> Loaded {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("s");
    let store = open(&path);
    let db = store.db(0);
    if matches!(way, Way::Beside) {
        db.strings().set("there", "before").expect("a write");
    }
    let before = bytes_written();
    let begun = Instant::now();
    match way {
        Way::Singly => (0..keys).for_each(|number| shape.singly(&db, number)),
        Way::Batches => {
            // As many sets of 1,000 members as make a batch of a few MiB.
            let size = if matches!(shape, Shape::Sets) { 20 } else { BATCH };
            for first in (0..keys).step_by(usize::try_from(size).expect("small")) {
                let mut batch = db.batch();
                (first..keys.min(first + size)).for_each(|number| shape.in_batch(&mut batch, number));
                batch.commit().expect("a batch");
            }
        }
        Way::Bulk | Way::Beside => {
            let mut load = db.bulk_load().expect("a load");
            (0..keys).for_each(|number| shape.bulk(&mut load, number));
            assert_eq!(load.finish().expect("the end"), keys);
        }
    }
    let nanos = begun.elapsed().as_nanos() as f64 / keys as f64;
    assert_eq!(db.len().expect("a count"), keys + u64::from(matches!(way, Way::Beside)));
    drop(db);
    // What waits in the write buffers is written by the next open.
    settle_and_close(store);
    settle_and_close(open(&path));
    Loaded { nanos, written: (bytes_written() - before) as f64 / (keys * shape.bytes()) as f64 }
}

fn settle_and_close(store: Store) {
    store.settle(Duration::from_secs(60)).expect("settled");
    store.close().expect("closed");
}

fn open(path: &Path) -> Store {
    Store::builder(path).options(options()).open().expect("a store")
}

/// Bytes that this process has written, by the kernel's count.
fn bytes_written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").expect("the kernel's counters");
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: ")).expect("a counter");
    line.parse().expect("a number")
}
