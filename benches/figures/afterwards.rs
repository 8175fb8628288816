//! Reads and writes right after a mass delete, beside stores in which nothing was ever deleted: one that never held
//! what is dead, one in which it lives, and one in which it lives and as many strings were set as keys were deleted.

use std::hint::black_box;
use std::time::Duration;

use windrow::{CreateOptions, ManualClock, SetOptions, Store, UnixMillis};

use crate::common::bare::compact;
use crate::common::data::{Shuffled, VALUE, fill_hash, member, name, options};
use crate::measure::{Scale, compare, heading, line};

const PAIRS: usize = 2_000;
const LIVE: u64 = 100_000;
const FIELDS: u64 = 10_000;

/// How long a store is left alone before it is asked again: its background has seen to the dead records by then.
const LEFT_ALONE: Duration = Duration::from_secs(3);

/// How the doomed keys die.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Delete,
    Expiry,
}

/// What dies.
#[derive(Clone, Copy)]
struct Doomed {
    sets: u64,
    members: u64,
}

pub(crate) fn run(scale: Scale) {
    let many_small = Doomed { sets: LIVE, members: 5 };
    let few_large = Doomed { sets: 10, members: 50_000 };
    for (doomed, end) in [(few_large, End::Delete), (many_small, End::Delete), (many_small, End::Expiry)] {
        let how = if end == End::Delete { "deleted" } else { "expired" };
        let Doomed { sets, members } = doomed;
        let title = format!("afterwards: {LIVE} keys live, {sets} sets of {members} just {how} / without those sets");
        let doomed = Doomed { sets: scale.size(sets), members: scale.size(members) };
        heading(&title, "afterwards", "fresh");
        one(scale, doomed, end, &place(scale, Doomed { sets: 0, members: 0 }, end), true);
        heading("  the same / where those sets live", "afterwards", "alive");
        // Sets that are to be deleted live as long as nobody does it.
        one(scale, doomed, end, &place(scale, doomed, End::Delete), false);
    }
    let many_small = Doomed { sets: scale.size(many_small.sets), ..many_small };
    let alive = place(scale, many_small, End::Delete);
    (0..many_small.sets).for_each(|n| alive.store.db(0).strings().set(key(b's', n), "").expect("set"));
    let title = format!("afterwards: {LIVE} sets just deleted / where they live and as many strings were just set");
    heading(&title, "afterwards", "others set");
    one(scale, many_small, End::Delete, &alive, false);
}

struct Place {
    store: Store,
    clock: ManualClock,
    _dir: tempfile::TempDir,
}

/// Live strings `k…`, a large hash, and doomed sets `k…` between the strings; all in compacted files.
fn place(scale: Scale, doomed: Doomed, end: End) -> Place {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = ManualClock::starting_at(UnixMillis::new(1_700_000_000_000));
    let path = dir.path().join("store");
    let open = || Store::builder(&path).options(options()).clock(clock.clone()).open().expect("a store");
    let store = open();
    let db = store.db(0);
    fill_hash(&db, "hash", scale.size(FIELDS));
    for n in 0..scale.size(LIVE) {
        db.strings().set_with(live(n), VALUE, SetOptions::new()).expect("set");
    }
    let create =
        if end == End::Expiry { CreateOptions::new().expire_in(Duration::from_secs(60)) } else { CreateOptions::new() };
    for n in 0..doomed.sets {
        db.sets().add_with(doomed_key(n), (0..doomed.members).map(member), create).expect("add");
    }
    // A handle would keep the store open.
    drop(db);
    store.close().expect("close");
    compact(&path, &options());
    Place { store: open(), clock, _dir: dir }
}

fn live(n: u64) -> [u8; 10] {
    key(b'l', n)
}

fn doomed_key(n: u64) -> [u8; 10] {
    key(b'd', n)
}

/// Keys of both kinds lie side by side.
fn key(kind: u8, n: u64) -> [u8; 10] {
    let mut key = [b'k'; 10];
    key[1..9].copy_from_slice(&name(n));
    key[9] = kind;
    key
}

/// Compares a store in which the doomed have just died with `other`; `walks` if both hold the same keys.
fn one(scale: Scale, doomed: Doomed, end: End, other: &Place, walks: bool) {
    let worn = place(scale, doomed, end);
    let numbers: Vec<u64> = (0..doomed.sets).collect();
    match end {
        End::Delete => numbers.chunks(1_000).for_each(|chunk| {
            worn.store.db(0).delete(chunk.iter().map(|n| doomed_key(*n))).expect("delete");
        }),
        End::Expiry => [&worn, other].into_iter().for_each(|place| place.clock.advance(Duration::from_secs(61))),
    }
    [&worn, other].into_iter().for_each(warm);
    if walks {
        keys(scale, "walk over all keys", &worn, other);
    }
    points(scale, &worn, other);
    std::thread::sleep(LEFT_ALONE);
    if walks {
        keys(scale, "walk over all keys, 3 s later", &worn, other);
    }
    gets(scale, "GET, 3 s later", &worn, other);
    if !worn.store.settle(Duration::from_secs(60)).expect("settle") {
        println!("  not settled after a minute");
    }
    if walks {
        keys(scale, "walk over all keys, settled", &worn, other);
    }
    gets(scale, "GET, settled", &worn, other);
    hgets(scale, "HGET, settled", &worn, other);
}

/// Reads every record once, and puts an entry into the write buffers that the figures read through. WHY: deleting has
/// read the records, and the other store's would be read from files; and RocksDB skips a buffer that is empty, as none
/// is in a store at work.
fn warm(place: &Place) {
    let db = place.store.db(0);
    let mut keys = db.keys("").expect("keys");
    while keys.next_ref().expect("walk").is_some() {}
    db.strings().set(live(0), VALUE).expect("set");
    db.hashes().set("hash", name(0), VALUE).expect("set");
}

fn gets(scale: Scale, name: &str, worn: &Place, fresh: &Place) {
    let (worn, fresh) = (worn.store.db(0), fresh.store.db(0));
    let count = scale.size(LIVE);
    let (mut a, mut b) = (Shuffled::below(count), Shuffled::below(count));
    let get = |db: &windrow::Db, n| assert!(db.strings().get(live(n)).expect("get").is_some());
    line(name, "<= 1.05", &compare(scale, PAIRS, 50, || get(&worn, a.next()), || get(&fresh, b.next())));
}

fn hgets(scale: Scale, title: &str, worn: &Place, fresh: &Place) {
    let (worn, fresh) = (worn.store.db(0), fresh.store.db(0));
    let count = scale.size(FIELDS);
    let (mut a, mut b) = (Shuffled::below(count), Shuffled::below(count));
    let get = |db: &windrow::Db, n| assert!(db.hashes().get("hash", name(n)).expect("get").is_some());
    line(title, "<= 1.05", &compare(scale, PAIRS, 50, || get(&worn, a.next()), || get(&fresh, b.next())));
}

fn points(scale: Scale, worn: &Place, fresh: &Place) {
    gets(scale, "GET", worn, fresh);
    hgets(scale, "HGET", worn, fresh);
    let (worn, fresh) = (worn.store.db(0), fresh.store.db(0));
    let count = scale.size(LIVE);
    let fields = scale.size(FIELDS);
    let all = |db: &windrow::Db| {
        let mut walk = db.hashes().get_all("hash").expect("get_all");
        while let Some(entry) = walk.next_ref().expect("walk") {
            black_box(entry);
        }
    };
    line("HGETALL of 10,000", "<= 1.05", &compare(scale, PAIRS / 20, 1, || all(&worn), || all(&fresh)));
    let (mut a, mut b) = (Shuffled::below(count), Shuffled::below(count));
    let set = |db: &windrow::Db, n| db.strings().set(live(n), VALUE).expect("set");
    line("SET", "<= 1.05", &compare(scale, PAIRS, 20, || set(&worn, a.next()), || set(&fresh, b.next())));
    let (mut a, mut b) = (fields, fields);
    let hset = |db: &windrow::Db, n: &mut u64| {
        *n += 1;
        assert!(db.hashes().set("hash", name(*n), VALUE).expect("set"));
    };
    line("HSET of a new field", "<= 1.05", &compare(scale, PAIRS, 20, || hset(&worn, &mut a), || hset(&fresh, &mut b)));
}

fn keys(scale: Scale, name: &str, worn: &Place, fresh: &Place) {
    let walk = |place: &Place| {
        let mut keys = place.store.db(0).keys("").expect("keys");
        let mut count = 0;
        while keys.next_ref().expect("walk").is_some() {
            count += 1;
        }
        assert_eq!(count, scale.size(LIVE) + 1);
    };
    line(name, "", &compare(scale, 20, 1, || walk(worn), || walk(fresh)));
}
