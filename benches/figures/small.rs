//! Small hashes packed into their records, beside the same hashes apart.

use std::path::PathBuf;
use std::time::Duration;

use windrow::{CreateOptions, Db, ManualClock, Options, Store, UnixMillis};

use crate::common::bare::compact;
use crate::common::data::{Shuffled, name, options};
use crate::measure::{Comparison, Scale, compare, heading, line, time};

const HASHES: u64 = 200_000;
const PAIRS: usize = 2_000;
const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn run(scale: Scale) {
    for (what, fields, expires, limit) in [
        ("5 fields", 5, false, Options::default().packed_lasting_bytes),
        ("20 fields", 20, false, Options::default().packed_lasting_bytes),
        ("5 fields, a time to live", 5, true, 128),
        ("4 fields, a time to live", 4, true, Options::default().packed_expiring_bytes),
    ] {
        heading(&format!("small: hashes of {what}, packed up to {limit} bytes / apart"), "packed", "apart");
        one(scale, fields, expires, limit);
    }
}

struct Place {
    dir: tempfile::TempDir,
    options: Options,
    clock: ManualClock,
}

impl Place {
    fn new(limit: usize) -> Self {
        let mut options = options();
        options.packed_lasting_bytes = limit;
        options.packed_expiring_bytes = limit;
        let clock = ManualClock::starting_at(UnixMillis::new(1_700_000_000_000));
        Self { dir: tempfile::tempdir().expect("a temporary directory"), options, clock }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn open(&self) -> Store {
        let builder = Store::builder(self.path()).options(self.options.clone()).clock(self.clock.clone());
        builder.open().expect("a store")
    }
}

fn one(scale: Scale, fields: u64, expires: bool, limit: usize) {
    let hashes = scale.size(HASHES);
    let places = [Place::new(limit), Place::new(0)];
    let [packed, apart] = places.each_ref().map(Place::open);
    line("creation", "", &creation(scale, hashes, fields, expires, &packed.db(0), &apart.db(0)));
    let logs = [&packed, &apart].map(|store| store.stats().log_bytes / hashes);
    println!("  log bytes a hash: {} packed, {} apart", logs[0], logs[1]);
    [packed, apart].into_iter().for_each(|store| store.close().expect("close"));
    let bytes = places.each_ref().map(|place| compact(&place.path(), &place.options));
    let a_hash = bytes.map(|bytes| bytes as f64 / hashes as f64);
    println!("  bytes on disk a hash: {:.1} packed, {:.1} apart: {:.2}", a_hash[0], a_hash[1], a_hash[0] / a_hash[1]);
    let [packed, apart] = places.each_ref().map(Place::open);
    reads(scale, hashes, fields, &packed.db(0), &apart.db(0));
    changes(scale, hashes, &[&packed, &apart]);
    if expires {
        [packed, apart].into_iter().for_each(|store| store.close().expect("close"));
        for (place, name) in places.iter().zip(["packed", "apart"]) {
            expiry(place, name);
        }
    }
}

fn creation(scale: Scale, hashes: u64, fields: u64, expires: bool, packed: &Db, apart: &Db) -> Comparison {
    let create = if expires { CreateOptions::new().expire_in(HOUR) } else { CreateOptions::new() };
    let make = |db: &Db, n: u64| {
        let entries = (0..fields).map(|field| (field_name(field), value(n, field)));
        db.hashes().set_many_with(name(n), entries, create).expect("create");
    };
    let batch = scale.size(50);
    let mut first = 0..hashes;
    let mut second = 0..hashes;
    let next = |db: &Db, numbers: &mut std::ops::Range<u64>| {
        time(batch, &mut || make(db, numbers.next().expect("as many as planned")))
    };
    Comparison::of((0..hashes / batch).map(|_| (next(packed, &mut first), next(apart, &mut second))))
}

fn reads(scale: Scale, hashes: u64, fields: u64, packed: &Db, apart: &Db) {
    let get = |db: &Db, n: u64| {
        let found = db.hashes().get(name(n), field_name(n % fields)).expect("get");
        assert_eq!(found.as_deref(), Some(value(n, n % fields).as_slice()));
    };
    let (mut a, mut b) = (Shuffled::below(hashes), Shuffled::below(hashes));
    line("HGET", "", &compare(scale, PAIRS, 50, || get(packed, a.next()), || get(apart, b.next())));
    let all = |db: &Db, n: u64| {
        let found: Vec<_> = db.hashes().get_all(name(n)).and_then(Iterator::collect).expect("get_all");
        assert_eq!(found.len() as u64, fields);
    };
    let (mut a, mut b) = (Shuffled::below(hashes), Shuffled::below(hashes));
    line("HGETALL", "", &compare(scale, PAIRS, 20, || all(packed, a.next()), || all(apart, b.next())));
}

/// Overwrites one field, which is all that is written of a hash that lies apart.
fn changes(scale: Scale, hashes: u64, stores: &[&Store; 2]) {
    let set = |db: &Db, n: u64| {
        db.hashes().set(name(n), field_name(1), b"another one!").expect("set");
    };
    let (mut a, mut b) = (Shuffled::below(hashes), Shuffled::below(hashes));
    let [packed, apart] = stores.map(|store| store.db(0));
    let before = stores.map(|store| store.stats().log_bytes);
    let compared = compare(scale, PAIRS, 20, || set(&packed, a.next()), || set(&apart, b.next()));
    line("HSET of one field that is there", "", &compared);
    let changes = (scale.pairs(PAIRS) as u64 + 1) * scale.size(20);
    let logs = [0, 1].map(|n| (stores[n].stats().log_bytes - before[n]) / changes);
    println!("  log bytes a change: {} packed, {} apart", logs[0], logs[1]);
}

/// Lets all of them expire and tells what it took to get their space back.
fn expiry(place: &Place, name: &str) {
    let before = compact(&place.path(), &place.options);
    let store = place.open();
    place.clock.advance(2 * HOUR);
    assert!(store.settle(Duration::from_secs(300)).expect("settle"), "settled in time");
    let stats = store.stats();
    println!(
        "  after expiry, {name}: of {before} bytes in files {} are left; compactions read {} and wrote {}",
        stats.data_file_bytes + stats.other_file_bytes,
        stats.compaction_read_bytes,
        stats.compaction_written_bytes,
    );
    store.close().expect("close");
}

fn field_name(field: u64) -> [u8; 8] {
    let mut name = *b"field  0";
    name[6] = b'0' + (field / 10) as u8;
    name[7] = b'0' + (field % 10) as u8;
    name
}

/// Twelve bytes that do not compress well.
fn value(hash: u64, field: u64) -> [u8; 12] {
    let mut value = [0; 12];
    value[..8].copy_from_slice(&name(hash ^ (field << 40)));
    value[8..].copy_from_slice(&name(hash.wrapping_mul(31) + field)[..4]);
    value
}
