//! Draws operations, does them on the store and on the model, and compares.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use windrow::{CreateOptions, Db, ErrorKind, ExpireCondition, SetOptions, Source, Store, Ttl, UnixMillis, View};

use crate::data::{keys, members, payload};
use crate::fixture::{Fixture, assert_clean, settle};
use crate::world::{self, Entry, Value, World};

pub(crate) const DBS: u32 = 3;
const STEPS: u32 = 2500;

/// A store, its model, and views with the model of their moment.
pub(crate) struct Run<'a> {
    fixture: &'a Fixture,
    /// `None` only while it is opened again.
    store: Option<Store>,
    pub(crate) world: World,
    views: Vec<(View, World)>,
    pub(crate) random: Rng,
}

pub(crate) fn key(random: &mut Rng) -> Vec<u8> {
    match random.u8(..12) {
        0 => Vec::new(),
        1 => vec![0xff; 9],
        2 => b"k\0".to_vec(),
        n => format!("k{n}").into_bytes(),
    }
}

pub(crate) fn value(random: &mut Rng) -> Vec<u8> {
    let lengths = [0, 1, 99, 100, 101, 1023, 1024, 1025, 5000, 16_383, 16_384, 16_385, 40_000];
    let length = lengths[random.usize(..lengths.len())];
    payload(random.u64(..), length)
}

pub(crate) fn lifetime(random: &mut Rng) -> Duration {
    Duration::from_millis([0, 1, 5, 50, 500, 5000, 100_000, 10_000_000][random.usize(..8)])
}

impl Run<'_> {
    pub(crate) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn step(&mut self) {
        match self.random.u8(..120) {
            0..=19 => self.set(),
            20..=24 => self.append_or_set_range(),
            25..=44 => self.add(),
            45..=54 => self.take_members(),
            55..=64 => self.delete(),
            65..=74 => self.expiry(),
            75..=79 => self.rename(),
            80..=81 => self.flush_or_swap(),
            82..=89 => self.time_passes(),
            90..=93 => self.reclaim(),
            94..=96 => self.view(),
            97 => self.number(),
            98 => self.reopen(),
            99 => self.compare_everything(),
            _ => self.transfer(),
        }
    }

    pub(crate) fn place(&mut self) -> (Db, usize, Vec<u8>) {
        let number = self.random.u32(..DBS);
        (self.store().db(number), number as usize, key(&mut self.random))
    }

    fn set(&mut self) {
        let (db, number, key) = self.place();
        let value = value(&mut self.random);
        let now = self.world.now;
        let model = &mut self.world.dbs[number];
        let old = model.entries.get(&key).cloned();
        let (mut options, mut expires_at, mut is_refused) = (SetOptions::new(), None, false);
        match self.random.u8(..4) {
            0 => {
                options = options.keep_ttl();
                expires_at = old.as_ref().and_then(|entry| entry.expires_at);
            }
            1 => {
                let lifetime = lifetime(&mut self.random);
                options = options.expire_in(lifetime);
                expires_at = Some(now.saturating_add(lifetime));
                is_refused = lifetime.is_zero();
            }
            _ => {}
        }
        let allowed = match self.random.u8(..6) {
            0 => {
                options = options.if_absent();
                old.is_none()
            }
            1 => {
                options = options.if_present();
                old.is_some()
            }
            _ => true,
        };
        let gets = self.random.u8(..4) == 0;
        if gets {
            options = options.get();
        }
        match db.strings().set_with(&key, &value, options) {
            Err(error) if error.kind() == ErrorKind::InvalidInput => assert!(is_refused),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WrongType);
                assert!(gets && matches!(old, Some(Entry { value: Value::Set(_), .. })));
            }
            Ok(outcome) => {
                assert!(!is_refused);
                assert_eq!(outcome.was_set, allowed);
                if gets {
                    let expected = old.map(|entry| match entry.value {
                        Value::String(bytes) => Bytes::from(bytes),
                        Value::Set(_) => panic!("a set was returned"),
                    });
                    assert_eq!(outcome.previous, expected);
                }
                if allowed {
                    model.put(&key, Value::String(value), expires_at, now);
                }
            }
        }
    }

    fn append_or_set_range(&mut self) {
        let (db, number, key) = self.place();
        let part = value(&mut self.random);
        let model = &mut self.world.dbs[number];
        let old = model.entries.get(&key).cloned();
        let appends = self.random.bool();
        let offset = self.random.u64(..40_000);
        let result =
            if appends { db.strings().append(&key, &part) } else { db.strings().set_range(&key, offset, &part) };
        let (mut bytes, expires_at) = match old {
            Some(Entry { value: Value::Set(_), .. }) => {
                assert_eq!(result.unwrap_err().kind(), ErrorKind::WrongType);
                return;
            }
            Some(Entry { value: Value::String(bytes), expires_at }) => (bytes, expires_at),
            None if part.is_empty() && !appends => {
                assert_eq!(result.unwrap(), 0);
                return;
            }
            None => (Vec::new(), None),
        };
        if appends {
            bytes.extend(&part);
        } else if !part.is_empty() {
            let start = offset as usize;
            bytes.resize(bytes.len().max(start + part.len()), 0);
            bytes[start..start + part.len()].copy_from_slice(&part);
        }
        assert_eq!(result.unwrap(), bytes.len() as u64);
        model.entries.insert(key, Entry { value: Value::String(bytes), expires_at });
    }

    fn add(&mut self) {
        let (db, number, key) = self.place();
        let count = self.random.usize(..6);
        let members: Vec<Vec<u8>> = (0..count).map(|_| payload(self.random.u64(..8), 40)).collect();
        let lifetime = lifetime(&mut self.random);
        let (mut options, mut expires_at) = (CreateOptions::new(), None);
        if self.random.bool() {
            options = options.expire_in(lifetime);
            expires_at = Some(self.world.now.saturating_add(lifetime));
        }
        if self.random.bool() {
            options = options.growing();
        }
        let result = db.sets().add_with(&key, &members, options);
        let model = &mut self.world.dbs[number];
        let different: BTreeSet<Vec<u8>> = members.into_iter().collect();
        match model.entries.get_mut(&key) {
            Some(Entry { value: Value::String(_), .. }) => {
                assert_eq!(result.unwrap_err().kind(), ErrorKind::WrongType);
            }
            Some(Entry { value: Value::Set(old), .. }) => {
                let before = old.len();
                old.extend(different);
                assert_eq!(result.unwrap() as usize, old.len() - before);
            }
            None => {
                // A set that would be born dead is not created.
                let is_born_dead = expires_at.is_some_and(|time| time <= self.world.now);
                assert_eq!(result.unwrap() as usize, if is_born_dead { 0 } else { different.len() });
                if !different.is_empty() {
                    model.put(&key, Value::Set(different), expires_at, self.world.now);
                }
            }
        }
    }

    fn take_members(&mut self) {
        let (db, number, key) = self.place();
        let pops = self.random.bool();
        let count = self.random.u64(..5);
        let named: Vec<Vec<u8>> = (0..count).map(|_| payload(self.random.u64(..8), 40)).collect();
        let model = &mut self.world.dbs[number];
        let old = match model.entries.get_mut(&key) {
            Some(Entry { value: Value::String(_), .. }) => {
                let error = if pops { db.sets().pop(&key, count).err() } else { db.sets().remove(&key, &named).err() };
                assert_eq!(error.unwrap().kind(), ErrorKind::WrongType);
                return;
            }
            Some(Entry { value: Value::Set(old), .. }) => old,
            None => &mut BTreeSet::new(),
        };
        if pops {
            let popped = db.sets().pop(&key, count).unwrap();
            assert_eq!(popped.len() as u64, count.min(old.len() as u64));
            for member in popped {
                assert!(old.remove(member.as_ref()), "popped what was not there");
            }
        } else {
            let before = old.len();
            old.retain(|member| !named.contains(member));
            assert_eq!(db.sets().remove(&key, &named).unwrap() as usize, before - old.len());
        }
        if old.is_empty() {
            model.entries.remove(&key);
        }
    }

    fn delete(&mut self) {
        let (db, number, first) = self.place();
        let several = [first.clone(), key(&mut self.random), first];
        let different: BTreeSet<&Vec<u8>> = several.iter().collect();
        let model = &mut self.world.dbs[number];
        let lived = different.into_iter().filter(|key| model.entries.remove(*key).is_some()).count();
        assert_eq!(db.delete(&several).unwrap() as usize, lived);
    }

    fn expiry(&mut self) {
        let (db, number, key) = self.place();
        let now = self.world.now;
        let lifetime = lifetime(&mut self.random);
        let new = now.saturating_add(lifetime);
        let model = &mut self.world.dbs[number];
        let old = model.entries.get(&key).cloned();
        let current = old.as_ref().and_then(|entry| entry.expires_at);
        if self.random.u8(..4) == 0 {
            assert_eq!(db.persist(&key).unwrap(), current.is_some());
            model.entries.entry(key).and_modify(|entry| entry.expires_at = None);
            return;
        }
        let (condition, allowed) = match self.random.u8(..6) {
            0 => (ExpireCondition::NoExpiry, current.is_none()),
            1 => (ExpireCondition::HasExpiry, current.is_some()),
            2 => (ExpireCondition::Later, current.is_some_and(|current| new > current)),
            3 => (ExpireCondition::Earlier, current.is_none_or(|current| new < current)),
            _ => (ExpireCondition::Always, true),
        };
        assert_eq!(db.expire_if(&key, lifetime, condition).unwrap(), allowed && old.is_some());
        if let (true, Some(entry)) = (allowed, old) {
            model.put(&key, entry.value, Some(new), now);
        }
    }

    fn rename(&mut self) {
        let (db, number, from) = self.place();
        let to = key(&mut self.random);
        let result = db.rename(&from, &to);
        let model = &mut self.world.dbs[number];
        match model.entries.remove(&from) {
            None => assert_eq!(result.unwrap_err().kind(), ErrorKind::NoSuchKey),
            Some(entry) => {
                result.unwrap();
                model.entries.insert(to, entry);
            }
        }
    }

    fn flush_or_swap(&mut self) {
        let (a, b) = (self.random.u32(..DBS), self.random.u32(..DBS));
        if self.random.bool() {
            self.store().db(a).flush().unwrap();
            self.world.dbs[a as usize] = world::Db::default();
        } else {
            self.store().namespace("").swap(a, b).unwrap();
            self.world.dbs.swap(a as usize, b as usize);
        }
    }

    fn time_passes(&mut self) {
        let by = Duration::from_millis([1, 1, 4, 45, 450, 4500, 95_000][self.random.usize(..7)]);
        self.fixture.clock.advance(by);
        self.world.time_is(self.world.now.saturating_add(by));
    }

    fn reclaim(&mut self) {
        let settled = self.store().settle(Duration::from_millis(1)).unwrap();
        assert!(!settled || self.views.is_empty() || self.store().stats().waiting_ids == 0);
        self.world.reaped();
    }

    fn view(&mut self) {
        if self.views.len() < 4 && self.random.bool() {
            self.views.push((self.store().view().unwrap(), self.world.clone()));
        } else if !self.views.is_empty() {
            let chosen = self.random.usize(..self.views.len());
            let (view, world) = self.views.swap_remove(chosen);
            compare_view(&view, &world);
        }
    }

    fn number(&mut self) {
        let (db, number, key) = self.place();
        let by = self.random.i64(-5..=5);
        let model = &mut self.world.dbs[number];
        let (old, expires_at) = match model.entries.get(&key) {
            None => (0, None),
            Some(Entry { value: Value::String(bytes), expires_at }) => {
                match std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<i64>().ok()) {
                    Some(old) => (old, *expires_at),
                    None => {
                        assert_eq!(db.strings().incr_by(&key, by).unwrap_err().kind(), ErrorKind::NotAnInteger);
                        return;
                    }
                }
            }
            Some(_) => {
                assert_eq!(db.strings().incr_by(&key, by).unwrap_err().kind(), ErrorKind::WrongType);
                return;
            }
        };
        assert_eq!(db.strings().incr_by(&key, by).unwrap(), old + by);
        let value = Value::String((old + by).to_string().into_bytes());
        model.entries.insert(key, Entry { value, expires_at });
    }

    fn reopen(&mut self) {
        for (view, world) in std::mem::take(&mut self.views) {
            compare_view(&view, &world);
        }
        if let Some(store) = self.store.take() {
            store.close().unwrap();
        }
        assert_clean(&self.fixture.path("store"));
        self.store = Some(self.fixture.open());
    }

    fn compare_everything(&mut self) {
        for (number, model) in self.world.dbs.iter().enumerate() {
            let db = self.store().db(number as u32);
            compare(&db, model, self.world.now);
            assert_eq!(db.len().unwrap(), model.len(), "count of db {number}");
        }
        for (view, world) in &self.views {
            compare_view(view, world);
        }
    }
}

fn compare_view(view: &View, world: &World) {
    assert_eq!(view.time(), world.now);
    for (number, model) in world.dbs.iter().enumerate() {
        let db = view.db(number as u32);
        compare(&db, model, world.now);
        assert_eq!(db.len().unwrap(), model.entries.len() as u64);
    }
}

fn compare<S: Source>(db: &Db<S>, model: &world::Db, now: UnixMillis) {
    let expected: Vec<&[u8]> = model.entries.keys().map(Vec::as_slice).collect();
    assert_eq!(keys(db), expected);
    for (key, entry) in &model.entries {
        match &entry.value {
            Value::String(bytes) => {
                assert!(db.strings().get(key).unwrap().as_deref() == Some(bytes), "string {}", key.escape_ascii());
                assert_eq!(db.strings().len(key).unwrap(), bytes.len() as u64);
                let range = db.strings().get_range(key, 90, 17_000).unwrap();
                assert!(range == bytes[90.min(bytes.len())..17_001.min(bytes.len())]);
            }
            Value::Set(set) => {
                let found = members(db, key);
                assert!(found.iter().eq(set.iter()), "set {}", key.escape_ascii());
                assert_eq!(db.sets().len(key).unwrap(), set.len() as u64);
            }
        }
        let ttl = entry.expires_at.map_or(Ttl::Forever, |time| Ttl::In(time.saturating_since(now)));
        assert_eq!(db.ttl(key).unwrap(), ttl);
    }
}

#[test]
fn random_operations_answer_as_the_model_does() {
    let chosen = std::env::var("WINDROW_SEED").ok().map(|seed| seed.parse().unwrap());
    let seeds = chosen.map_or_else(|| vec![7, fastrand::u64(..)], |seed| vec![seed]);
    for seed in seeds {
        println!("WINDROW_SEED={seed}");
        let fixture = Fixture::new();
        let store = fixture.open();
        let world = World::new(DBS as usize, store.time());
        let mut run =
            Run { fixture: &fixture, store: Some(store), world, views: Vec::new(), random: Rng::with_seed(seed) };
        for _ in 0..STEPS {
            run.step();
        }
        run.compare_everything();
        run.views.clear();
        settle(run.store());
        run.world.reaped();
        run.compare_everything();
        for number in 0..DBS {
            run.store().db(number).flush().unwrap();
        }
        settle(run.store());
        assert_eq!(run.store().stats().data_file_bytes, 0);
        run.store.take().unwrap().close().unwrap();
        assert_clean(&fixture.path("store"));
    }
}
