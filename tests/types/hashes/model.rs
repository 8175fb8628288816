//! Random operations on few hashes against a model in memory. A run prints its seed; `WINDROW_SEED=<seed>` repeats it.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use windrow::{CreateOptions, Db, ErrorKind, Options, ScanCursor, ScanOptions, Source, Store, View};

use super::entries;
use crate::both::{both_ways, open, seed};
use crate::data::payload;
use crate::fixture::{Fixture, assert_clean, settle};

const STEPS: u32 = 3000;

type Hash = BTreeMap<Bytes, Bytes>;

/// Living hashes, and when those expire that do, in seconds.
#[derive(Clone, Default)]
struct World {
    hashes: BTreeMap<String, Hash>,
    expiries: BTreeMap<String, u64>,
    now: u64,
}

impl World {
    fn get(&self, key: &str) -> Hash {
        self.hashes.get(key).cloned().unwrap_or_default()
    }

    fn put(&mut self, key: &str, hash: Hash) {
        if hash.is_empty() {
            self.remove(key);
        } else {
            self.hashes.insert(key.to_owned(), hash);
        }
    }

    fn remove(&mut self, key: &str) {
        self.hashes.remove(key);
        self.expiries.remove(key);
    }
}

struct Run<'a> {
    fixture: &'a Fixture,
    options: Options,
    /// `None` only while it is opened again.
    store: Option<Store>,
    world: World,
    views: Vec<(View, World)>,
    random: Rng,
}

impl Run<'_> {
    fn db(&self) -> Db {
        self.store.as_ref().unwrap().db(0)
    }

    fn key(&mut self) -> String {
        format!("k{}", self.random.u8(..4))
    }

    fn field(&mut self) -> Bytes {
        let most = if self.random.u8(..10) == 0 { 1000 } else { 20 };
        let number = self.random.u32(..most);
        if number == 0 { Bytes::new() } else { format!("f{number}").into() }
    }

    fn value(&mut self) -> Bytes {
        match self.random.u8(..4) {
            0 => payload(self.random.u64(..), [0, 1, 20, 400][self.random.usize(..4)]).into(),
            1 => self.random.i64(..).to_string().into(),
            2 => format!("{}.{}", self.random.i16(..), self.random.u8(..)).into(),
            _ => self.random.i8(..).to_string().into(),
        }
    }

    fn some_fields(&mut self) -> Vec<Bytes> {
        (0..self.random.usize(..8)).map(|_| self.field()).collect()
    }

    fn step(&mut self) {
        match self.random.u8(..100) {
            0..=29 => self.set(),
            30..=34 => self.set_if_absent(),
            35..=46 => self.delete(),
            47..=56 => self.add_integer(),
            57..=62 => self.add_float(),
            63..=72 => self.ask(),
            73..=77 => self.take_by_chance(),
            78..=82 => self.scan(),
            83..=86 => self.expire_or_delete(),
            87..=90 => self.time_passes(),
            91..=97 => self.view_or_compare(),
            98 => self.reclaim(),
            _ => self.reopen(),
        }
    }

    fn set(&mut self) {
        let key = self.key();
        let many = if self.random.u8(..60) == 0 { 500 } else { self.random.usize(..6) };
        let set: Vec<(Bytes, Bytes)> = (0..many).map(|_| (self.field(), self.value())).collect();
        let seconds = self.random.u64(1..30);
        let expiring = self.random.u8(..4) == 0;
        let options = CreateOptions::new();
        let options = if expiring { options.expire_in(Duration::from_secs(seconds)) } else { options };
        let mut hash = self.world.get(&key);
        let before = hash.len();
        hash.extend(set.iter().cloned());
        let new = (hash.len() - before) as u64;
        assert_eq!(self.db().hashes().set_many_with(&key, set, options).unwrap(), new);
        if expiring && before == 0 && new > 0 {
            self.world.expiries.insert(key.clone(), self.world.now + seconds);
        }
        self.world.put(&key, hash);
    }

    fn set_if_absent(&mut self) {
        let (key, field, value) = (self.key(), self.field(), self.value());
        let mut hash = self.world.get(&key);
        let absent = !hash.contains_key(&field);
        assert_eq!(self.db().hashes().set_if_absent(&key, &field, &value).unwrap(), absent);
        hash.entry(field).or_insert(value);
        self.world.put(&key, hash);
    }

    fn delete(&mut self) {
        let (key, fields) = (self.key(), self.some_fields());
        let mut hash = self.world.get(&key);
        let gone = fields.iter().filter(|field| hash.remove(*field).is_some()).count() as u64;
        assert_eq!(self.db().hashes().delete(&key, &fields).unwrap(), gone);
        self.world.put(&key, hash);
    }

    fn add_integer(&mut self) {
        let (key, field) = (self.key(), self.field());
        let by = if self.random.bool() { self.random.i64(..) } else { self.random.i64(-9..9) };
        let mut hash = self.world.get(&key);
        let old = hash.get(&field).map_or(Some(0), |old| std::str::from_utf8(old).ok()?.parse::<i64>().ok());
        let expected = match old {
            None => Err(ErrorKind::NotAnInteger),
            Some(old) => old.checked_add(by).ok_or(ErrorKind::Overflow),
        };
        let sum = self.db().hashes().incr_by(&key, &field, by);
        assert_eq!(sum.as_ref().map_err(|error| error.kind()).copied(), expected);
        if let Ok(sum) = expected {
            hash.insert(field, sum.to_string().into());
            self.world.put(&key, hash);
        }
    }

    /// Quarters, whose sums an `f64` holds exactly.
    fn add_float(&mut self) {
        let (key, field, quarters) = (self.key(), self.field(), self.random.i32(-1000..1000));
        let by = f64::from(quarters) / 4.0;
        let mut hash = self.world.get(&key);
        let old = hash.get(&field).map_or(Some(0.0), |old| std::str::from_utf8(old).ok()?.parse::<f64>().ok());
        match (self.db().hashes().incr_by_float(&key, &field, by), old) {
            (Ok(sum), Some(old)) => {
                let near = (sum.to_f64() - (old + by)).abs() <= old.abs() * 1e-15 + 1e-12;
                assert!(near, "{old} + {by} = {sum}");
                assert_eq!(self.db().hashes().get(&key, &field).unwrap().unwrap(), sum.to_string());
                hash.insert(field, sum.to_string().into());
                self.world.put(&key, hash);
            }
            (Err(error), None) => assert_eq!(error.kind(), ErrorKind::NotAFloat),
            (outcome, old) => panic!("{old:?} + {by}: {outcome:?}"),
        }
    }

    fn ask(&mut self) {
        let (key, fields) = (self.key(), self.some_fields());
        let (db, hash) = (self.db(), self.world.get(&key));
        let expected: Vec<Option<Bytes>> = fields.iter().map(|field| hash.get(field).cloned()).collect();
        assert_eq!(db.hashes().get_many(&key, &fields).unwrap(), expected);
        assert_eq!(db.hashes().len(&key).unwrap(), hash.len() as u64);
        for (field, expected) in fields.iter().zip(expected).take(3) {
            let length = expected.as_ref().map_or(0, Bytes::len) as u64;
            assert_eq!(db.hashes().value_len(&key, field).unwrap(), length);
            assert_eq!(db.hashes().exists(&key, field).unwrap(), expected.is_some());
            assert_eq!(db.hashes().get(&key, field).unwrap(), expected);
        }
    }

    fn take_by_chance(&mut self) {
        let (key, count) = (self.key(), self.random.usize(..9));
        let (db, hash) = (self.db(), self.world.get(&key));
        let repeated = db.hashes().random_repeated_with_values(&key, count as u64).unwrap();
        assert_eq!(repeated.len(), if hash.is_empty() { 0 } else { count });
        let chosen = db.hashes().random_with_values(&key, count as u64).unwrap();
        assert_eq!(chosen.len(), count.min(hash.len()));
        assert!(repeated.iter().chain(&chosen).all(|(field, value)| hash.get(field) == Some(value)));
    }

    fn scan(&mut self) {
        let (key, count) = (self.key(), self.random.u64(1..20));
        let (mut cursor, mut found) = (ScanCursor::START, Vec::new());
        while !cursor.is_finished() {
            let options = ScanOptions::new().matching("f1*").count(count);
            let page = self.db().hashes().scan(&key, &cursor, options).unwrap();
            found.extend(page.items);
            cursor = page.cursor;
        }
        let expected = self.world.get(&key).into_iter().filter(|(field, _)| field.starts_with(b"f1"));
        assert!(found.into_iter().eq(expected));
    }

    fn expire_or_delete(&mut self) {
        let key = self.key();
        let lives = self.world.hashes.contains_key(&key);
        if self.random.bool() {
            assert_eq!(self.db().delete([&key]).unwrap(), u64::from(lives));
            self.world.remove(&key);
        } else {
            let seconds = self.random.u64(1..30);
            assert_eq!(self.db().expire(&key, Duration::from_secs(seconds)).unwrap(), lives);
            if lives {
                self.world.expiries.insert(key, self.world.now + seconds);
            }
        }
    }

    fn time_passes(&mut self) {
        let seconds = self.random.u64(1..10);
        self.fixture.seconds_pass(seconds);
        self.world.now += seconds;
        let now = self.world.now;
        let expired = self.world.expiries.iter().filter(|(_, at)| **at <= now);
        let expired: Vec<String> = expired.map(|(key, _)| key.clone()).collect();
        expired.iter().for_each(|key| self.world.remove(key));
    }

    fn view_or_compare(&mut self) {
        compare(&self.db(), &self.world);
        for (view, world) in self.views.drain(..) {
            compare(&view.db(0), &world);
        }
        if self.random.bool() {
            self.views.push((self.store.as_ref().unwrap().view().unwrap(), self.world.clone()));
        }
    }

    fn reclaim(&mut self) {
        let store = self.store.as_ref().unwrap();
        if self.views.is_empty() {
            settle(store);
        } else {
            // Views hold something back for as long as they live.
            store.settle(Duration::from_millis(50)).unwrap();
        }
    }

    fn reopen(&mut self) {
        self.views.clear();
        self.store.take().unwrap().close().unwrap();
        assert_clean(&self.fixture.path("store"));
        self.store = Some(open(self.fixture, &self.options));
    }
}

fn compare<S: Source>(db: &Db<S>, world: &World) {
    for n in 0..4 {
        let key = format!("k{n}");
        assert!(entries(db, &key).into_iter().eq(world.get(&key)), "{key}");
        assert_eq!(db.exists(&key).unwrap(), world.hashes.contains_key(&key), "{key}");
    }
}

#[test]
fn random_operations_do_what_the_model_does() {
    let seed = seed();
    for options in both_ways() {
        let fixture = Fixture::new();
        let store = Some(open(&fixture, &options));
        let (world, views, random) = (World::default(), Vec::new(), Rng::with_seed(seed));
        let mut run = Run { fixture: &fixture, options, store, world, views, random };
        (0..STEPS).for_each(|_| run.step());
        run.view_or_compare();
        run.reopen();
    }
}
