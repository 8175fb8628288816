//! Loading: what is written to the data families for each byte loaded, and how fast, beside bare RocksDB that writes the
//! same records with ordered and with random ids.
//!
//! Hashes of one field of 1 to 4 KiB that does not compress; `growing` has many fields, added one by one. The log is left
//! out; what was made is read from RocksDB's own log of events, once nothing is pending.

use std::path::Path;
use std::time::{Duration, Instant};

use rocksdb::{FlushOptions, WriteBatch};
use windrow::encoding::{
    Body, CollectionId, CountValue, DataFamily, DataType, ElementKey, ExpireKey, ExpireValue, Habit, LifetimeClass,
    Meta, StoreKey, UnixMillis,
};
use windrow::{CreateOptions, ManualClock, Options, Store};

use crate::common::bare::{Bare, keyspace, meta_key};
use crate::common::data::{name, options};
use crate::events::{Made, now_micros};
use crate::measure::{Comparison, Scale, heading, line};

const FIELD: &[u8] = b"field";
/// Collections written in one turn.
const TURN: u64 = 500;
/// The mean length of a value.
const MEAN_BYTES: u64 = 2_560;
const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);

pub(crate) fn run(scale: Scale) {
    let hashes = scale.of(2, 600, 2_000) * (1 << 20) / MEAN_BYTES;
    println!("\ningest: bytes of the files made in the data families / bytes loaded, nothing pending, log left out");
    for (what, target, shape) in [
        ("closed, one lifetime", "<= 1.15", Shape { lifetimes: 1, namespaces: 1 }),
        ("closed, 8 lifetimes side by side", "<= 1.25", Shape { lifetimes: 8, namespaces: 1 }),
        ("1,000 namespaces", "<= 1.25", Shape { lifetimes: 1, namespaces: 1_000 }),
    ] {
        println!("  {what:<44} {target:>8} {:>8.3}", closed(hashes, shape));
    }
    let [ours, plain] = [growing_ours(hashes), growing_plain(hashes)];
    println!("  {:<44} {:>8} {ours:>8.3}  the same in one plain family: {plain:.3}", "growing", "plain's");
    beside(hashes);
}

/// How the collections differ.
#[derive(Clone, Copy)]
struct Shape {
    lifetimes: u64,
    namespaces: u64,
}

/// A value that does not compress, drawn anew from the number.
struct Values {
    buffer: Vec<u8>,
}

impl Values {
    fn new() -> Self {
        let mut random = fastrand::Rng::with_seed(7);
        Self { buffer: (0..1 << 20).map(|_| random.u8(..)).collect() }
    }

    /// 1 to 4 KiB out of the buffer. WHY not drawn for each: that would be timed. No two within RocksDB's blocks are equal.
    fn of(&self, number: u64) -> &[u8] {
        let mixed = u64::from_be_bytes(name(number + 1));
        let length = 1_024 + (mixed % 3_073) as usize;
        let start = (mixed >> 20) as usize % (self.buffer.len() - length);
        &self.buffer[start..start + length]
    }
}

/// A lifetime of the class `1 + n`.
fn lifetime(n: u64) -> Duration {
    Duration::from_secs(50 * 4_u64.pow(u32::try_from(n).expect("few classes")))
}

/// A store in which time stands still: nothing expires.
fn open(path: &Path) -> Store {
    Store::builder(path).options(options()).clock(ManualClock::starting_at(NOW)).open().expect("a store")
}

/// Waits until nothing is pending; returns the bytes made in the data families for each of `loaded`.
fn amplification(store: Store, path: &Path, loaded: u64) -> f64 {
    let made = at_rest(&store, path);
    let live = store.stats().data_file_bytes;
    assert!(live * 10 > loaded * 9, "{live} bytes of {loaded} are in files");
    store.close().expect("close");
    made.data_bytes() as f64 / loaded as f64
}

/// WHY more than once: buffers are flushed when the log has not grown between two passes.
fn at_rest(store: &Store, path: &Path) -> Made {
    while !store.settle(Duration::from_secs(300)).expect("settle") || store.stats().data_file_bytes == 0 {}
    for _ in 0..3 {
        store.settle(Duration::from_secs(300)).expect("settle");
    }
    Made::at_rest(path)
}

fn closed(hashes: u64, shape: Shape) -> f64 {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("store");
    let store = open(&path);
    let values = Values::new();
    let dbs: Vec<_> = (0..shape.namespaces).map(|n| store.namespace(format!("tenant {n}")).db(0)).collect();
    let mut loaded = 0;
    for n in 0..hashes {
        let value = values.of(n);
        let create = CreateOptions::new().expire_in(lifetime(n % shape.lifetimes) + Duration::from_secs(5));
        let db = &dbs[(n % shape.namespaces) as usize];
        db.hashes().set_many_with(name(n), [(FIELD, value)], create).expect("create");
        loaded += element_bytes(value);
    }
    drop(dbs);
    amplification(store, &path, loaded)
}

/// The bytes of an element as it is stored.
fn element_bytes(value: &[u8]) -> u64 {
    (8 + 1 + FIELD.len() + value.len()) as u64
}

/// Collections that are open for more, side by side, and the fields that each of them gets.
const OPEN: u64 = 2_000;
const FIELDS: u64 = 50;

/// The collection that gets the next field, and that field: those that are open, without any order, each replaced by a new
/// one when it has all of its fields.
fn growing(hashes: u64, mut write: impl FnMut(u64, u64, &[u8])) -> u64 {
    let values = Values::new();
    let mut random = fastrand::Rng::with_seed(11);
    let mut open: Vec<(u64, u64)> = (0..OPEN).map(|n| (n, 0)).collect();
    let (mut next, mut loaded) = (OPEN, 0);
    for n in 0..hashes {
        let place = random.usize(..open.len());
        let (collection, field) = open[place];
        let value = values.of(n);
        write(collection, field, value);
        loaded += element_bytes(value) + 3;
        open[place] = if field + 1 == FIELDS { (next, 0) } else { (collection, field + 1) };
        next += u64::from(field + 1 == FIELDS);
    }
    loaded
}

fn growing_ours(hashes: u64) -> f64 {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("store");
    let store = open(&path);
    let db = store.db(0);
    let create = CreateOptions::new().expire_in(lifetime(3)).growing();
    let loaded = growing(hashes, |collection, field, value| {
        db.hashes().set_many_with(name(collection), [(field.to_be_bytes(), value)], create).expect("set");
    });
    drop(db);
    amplification(store, &path, loaded)
}

/// The same elements under ids in the order of birth, in a family as RocksDB has them by itself.
fn growing_plain(hashes: u64) -> f64 {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("bare");
    let bare = open_bare(&path, &options());
    let data = bare.data(id(Habit::Growing, 1));
    let mut ids = std::collections::HashMap::new();
    let loaded = growing(hashes, |collection, field, value| {
        let next = ids.len() as u64 + 1;
        let id = id(Habit::Growing, *ids.entry(collection).or_insert(next));
        bare.db().put_cf(data, ElementKey::HashField(&field.to_be_bytes()).encode(id), value).expect("put");
    });
    settle_bare(&bare);
    Made::at_rest(&path).data_bytes() as f64 / loaded as f64
}

fn open_bare(path: &Path, options: &Options) -> Bare {
    // Windrow switches its buffers at half of what the twins' settings say.
    let bytes = options.family_write_buffer_bytes;
    Bare::open_tuned(path, options, |name, settings| {
        if name.is_some_and(|name| name.starts_with("data-")) {
            settings.set_write_buffer_size(bytes);
        }
    })
}

fn settle_bare(bare: &Bare) {
    for family in ["meta", "expire", "default"]
        .map(str::to_owned)
        .into_iter()
        .chain(DataFamily::all().map(|family| format!("data-{}", family.number())))
    {
        bare.db().flush_cf_opt(bare.family(&family), &FlushOptions::default()).expect("flush");
    }
}

fn id(habit: Habit, counter: u64) -> CollectionId {
    let class = LifetimeClass::for_ttl(Some(lifetime(0)));
    CollectionId::new(DataFamily::for_birth(class, habit), counter).expect("a small counter")
}

/// How bare RocksDB numbers its collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ids {
    Ordered,
    Random,
}

/// Bare RocksDB that writes the records that windrow writes.
struct Twin {
    bare: Bare,
    ids: Ids,
}

impl Twin {
    fn create(&self, number: u64, value: &[u8]) {
        let expires_at = NOW.saturating_add(lifetime(0));
        let id = match self.ids {
            Ids::Ordered => id(Habit::Closed, number + 1),
            // A family of the other habit: it gathers four files before it merges, which is better for random ids.
            Ids::Random => id(Habit::Growing, (u64::from_be_bytes(name(number)) >> 8).max(1)),
        };
        let key = name(number);
        let record = Meta {
            data_type: DataType::Hash,
            body: Body::Elements(id),
            created_at: NOW,
            updated_at: NOW,
            expires_at: Some(expires_at),
            size: 1,
        };
        let mut batch = WriteBatch::default();
        let entry = ExpireKey { expires_at, keyspace: keyspace(), user_key: &key }.encode();
        let entry_value = ExpireValue { data_type: DataType::Hash, id: Some(id) }.encode();
        batch.put_cf(self.bare.family("expire"), entry, entry_value);
        batch.put_cf(self.bare.meta(), meta_key(&key), record.encode());
        batch.put_cf(self.bare.data(id), ElementKey::HashField(FIELD).encode(id), value);
        batch.merge_cf(self.bare.family("default"), StoreKey::Count(keyspace()).encode(), CountValue::encode_plain(1));
        self.bare.db().write(batch).expect("write");
    }
}

/// Windrow and its twins, in turns.
fn beside(hashes: u64) {
    heading("ingest: bare RocksDB writing the same records / windrow, time of a turn", "bare", "windrow");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let values = Values::new();
    for ids in [Ids::Ordered, Ids::Random] {
        let [ours, theirs] = ["windrow", "bare"].map(|side| dir.path().join(format!("{side} {ids:?}")));
        let store = open(&ours);
        let twin = Twin { bare: open_bare(&theirs, &options()), ids };
        let db = store.db(0);
        let create = CreateOptions::new().expire_in(lifetime(0));
        let windrow = |number: u64, value: &[u8]| {
            db.hashes().set_many_with(name(number), [(FIELD, value)], create).expect("create");
        };
        let time = |from: u64, write: &dyn Fn(u64, &[u8])| {
            let begun = Instant::now();
            (from..(from + TURN).min(hashes)).for_each(|n| write(n, values.of(n)));
            begun.elapsed().as_nanos() as f64
        };
        let bare = |number: u64, value: &[u8]| twin.create(number, value);
        let turns = (0..hashes.div_ceil(TURN)).map(|turn| {
            let from = turn * TURN;
            if turn % 2 == 0 {
                let first = time(from, &bare);
                (first, time(from, &windrow))
            } else {
                let second = time(from, &windrow);
                (time(from, &bare), second)
            }
        });
        let turns: Vec<(f64, f64)> = turns.collect();
        let (bare_sum, sum) = turns.iter().fold((0.0, 0.0), |sums, turn| (sums.0 + turn.0, sums.1 + turn.1));
        let target = if ids == Ids::Ordered { ">= 0.85" } else { "" };
        line(&format!("{ids:?} ids, while loading"), target, &Comparison::of(turns));
        println!("  {:<44} {target:>8} {:>8.2}", format!("{ids:?} ids, sum of all turns"), bare_sum / sum);
        drop(db);
        store.close().expect("close");
        drop(twin);
    }
    settled(dir.path(), hashes, &values);
}

/// Loads one after the other, and counts until nothing is pending.
fn settled(dir: &Path, hashes: u64, values: &Values) {
    println!("  alone, until nothing is pending: seconds, and bytes made in the data families / bytes loaded");
    let loaded: u64 = (0..hashes).map(|n| element_bytes(values.of(n))).sum();
    let mut all = Vec::new();
    for round in 0..2 {
        for (what, ids) in [("windrow", None), ("ordered", Some(Ids::Ordered)), ("random", Some(Ids::Random))] {
            let path = dir.join(format!("{what} alone {round}"));
            let begun = now_micros();
            let made = match ids {
                None => load_ours(&path, hashes, values),
                Some(ids) => {
                    let twin = Twin { bare: open_bare(&path, &options()), ids };
                    (0..hashes).for_each(|n| twin.create(n, values.of(n)));
                    settle_bare(&twin.bare);
                    Made::at_rest(&path)
                }
            };
            let seconds = made.last_micros.saturating_sub(begun) as f64 / 1e6;
            let amplification = made.data_bytes() as f64 / loaded as f64;
            println!("    {what:<12} {seconds:>8.2} s {amplification:>8.3}");
            all.push((what, seconds, amplification));
            let _ = std::fs::remove_dir_all(&path);
        }
    }
    let best = |what: &str| {
        all.iter()
            .filter(|run| run.0 == what)
            .map(|run| (run.1, run.2))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .expect("a run")
    };
    let [ours, ordered, random] = ["windrow", "ordered", "random"].map(best);
    println!("  {:<44} {:>8} {:>8.2}", "random / windrow, seconds until settled", ">= 2", random.0 / ours.0);
    println!("  {:<44} {:>8} {:>8.2}", "windrow / random, write amplification", "<= 0.5", ours.1 / random.1);
    println!("  {:<44} {:>8} {:>8.2}", "ordered / windrow, seconds until settled", ">= 0.85", ordered.0 / ours.0);
}

fn load_ours(path: &Path, hashes: u64, values: &Values) -> Made {
    let store = open(path);
    let db = store.db(0);
    let create = CreateOptions::new().expire_in(lifetime(0));
    for n in 0..hashes {
        db.hashes().set_many_with(name(n), [(FIELD, values.of(n))], create).expect("create");
    }
    drop(db);
    let made = at_rest(&store, path);
    store.close().expect("close");
    made
}
