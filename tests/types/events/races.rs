//! Writers, transactions, flushes and the reaper at once: each key's expiry is told in its place, exactly once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use windrow::{Error, EventKind, EventOptions, Options, SetOptions, Store};

use crate::fixture::settle;

const THREADS: u64 = 4;
const KEYS: usize = 8;

/// These keys and the ones behind them lie in db 1, which is flushed at times.
const FLUSHED: usize = 6;

/// What is known of a key, by what each operation found, and what has to be told of it. Its lock is held through each operation.
#[derive(Default)]
struct Known {
    lives: bool,
    has_expiry: bool,
    /// In order, and whether it may be missing.
    expected: Vec<(EventKind, bool)>,
}

impl Known {
    /// An operation found the key alive, or not.
    fn found(&mut self, was_there: bool) {
        assert!(self.lives || !was_there, "it came back to life");
        if self.lives && !was_there {
            assert!(self.has_expiry, "it died without an expiry");
            self.tell(EventKind::Expired);
            self.lives = false;
        }
    }

    fn set(&mut self, has_expiry: bool) {
        self.tell(EventKind::Set);
        (self.lives, self.has_expiry) = (true, has_expiry);
        if has_expiry {
            self.tell(EventKind::Expire);
        }
    }

    fn tell(&mut self, kind: EventKind) {
        self.expected.push((kind, false));
    }

    fn flush(&mut self) {
        // What expired before the flush is told if the reaper came before it.
        match self.expected.last_mut() {
            _ if self.lives && self.has_expiry => self.expected.push((EventKind::Expired, true)),
            Some((EventKind::Expired, may_be_missing)) if !self.lives => *may_be_missing = true,
            _ => {}
        }
        self.lives = false;
    }
}

#[test]
fn every_expiry_is_told_once_and_in_its_place_whoever_comes_first() {
    let seed = std::env::var("WINDROW_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("WINDROW_SEED={seed}");
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    options.reap_interval = Duration::from_millis(1);
    let store = Store::builder(dir.path().join("s")).options(options).open().unwrap();
    let events = store.subscribe(EventOptions::new().capacity(1 << 20)).unwrap();
    let known: [Mutex<Known>; KEYS] = Default::default();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (store, known, is_over) = (&store, &known, &is_over);
        scope.spawn(move || disturb(store, &known[FLUSHED..], is_over));
        let writers = (0..THREADS).map(|thread| {
            let mut random = fastrand::Rng::with_seed(seed.wrapping_add(thread));
            scope.spawn(move || {
                for _ in 0..4000 {
                    let number = random.usize(..KEYS);
                    step(store, number, &mut random, known[number].lock().unwrap());
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        let ends: Vec<_> = writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Relaxed);
        ends.into_iter().for_each(|end| end.unwrap());
    });
    std::thread::sleep(Duration::from_millis(20));
    settle(&store);
    assert_eq!(events.missed(), 0);
    let mut told: HashMap<usize, Vec<EventKind>> = HashMap::new();
    for event in std::iter::from_fn(|| events.try_recv()) {
        told.entry(std::str::from_utf8(&event.key).unwrap().parse().unwrap()).or_default().push(event.kind);
    }
    for (number, known) in known.into_iter().enumerate() {
        let mut known = known.into_inner().unwrap();
        let was_there = store.db(db_of(number)).exists(number.to_string()).unwrap();
        known.found(was_there);
        check(number, &known.expected, &told[&number]);
    }
}

fn db_of(number: usize) -> u32 {
    u32::from(number >= FLUSHED)
}

fn step(store: &Store, number: usize, random: &mut fastrand::Rng, mut known: MutexGuard<'_, Known>) {
    let (db, key) = (store.db(db_of(number)), number.to_string());
    let lifetime = Duration::from_millis(random.u64(1..4));
    match random.u8(..12) {
        0..=3 => {
            let options = SetOptions::new().expire_in(lifetime).get();
            known.found(db.strings().set_with(&key, "v", options).unwrap().previous.is_some());
            known.set(true);
        }
        4 => {
            known.found(db.strings().get_set(&key, "v").unwrap().is_some());
            known.set(false);
        }
        5 => {
            known.found(db.delete([&key]).unwrap() > 0);
            if std::mem::take(&mut known.lives) {
                known.tell(EventKind::Del);
            }
        }
        6..=7 => {
            known.found(db.expire(&key, lifetime).unwrap());
            if known.lives {
                known.tell(EventKind::Expire);
                known.has_expiry = true;
            }
        }
        8 => {
            if db.persist(&key).unwrap() {
                known.found(true);
                known.tell(EventKind::Persist);
                known.has_expiry = false;
            }
        }
        9 => transact(store, number, random, &mut known),
        _ => std::thread::sleep(Duration::from_micros(random.u64(..2000))),
    }
}

/// Sets the key, deletes it perhaps, and perhaps thinks better of it.
fn transact(store: &Store, number: usize, random: &mut fastrand::Rng, known: &mut Known) {
    let (db, key) = (store.db(db_of(number)), number.to_string());
    let (deletes, aborts) = (random.bool(), random.bool());
    let mut was_there = None;
    let done = db.transaction([&key], |tx| {
        was_there = Some(tx.exists(&key)?);
        tx.strings().set(&key, "v")?;
        if deletes {
            tx.delete([&key])?;
        }
        if aborts { Err(Error::aborted("no")) } else { Ok(()) }
    });
    assert_eq!(done.is_err(), aborts);
    known.found(was_there.unwrap());
    if aborts {
        return;
    }
    known.set(false);
    if deletes {
        known.tell(EventKind::Del);
        known.lives = false;
    }
}

/// Flushes one db at times; others subscribe and go meanwhile.
fn disturb(store: &Store, known: &[Mutex<Known>], is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        drop(store.subscribe(EventOptions::new()).unwrap());
        let mut all: Vec<_> = known.iter().map(|known| known.lock().unwrap()).collect();
        store.db(1).flush().unwrap();
        all.iter_mut().for_each(|known| known.flush());
        drop(all);
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn check(number: usize, expected: &[(EventKind, bool)], told: &[EventKind]) {
    let mut told = told.iter().enumerate().peekable();
    for (at, (kind, may_be_missing)) in expected.iter().enumerate() {
        let found = told.next_if(|(_, told)| *told == kind);
        if found.is_none() && !may_be_missing {
            let before = &expected[at.saturating_sub(6)..=at];
            panic!("key {number}: told {:?} after {before:?}", told.next());
        }
    }
    assert_eq!(told.next(), None, "key {number}: told what did not happen");
}
