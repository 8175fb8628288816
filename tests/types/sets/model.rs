//! Random operations on few sets against a model in memory. A run prints its seed; `WINDROW_SEED=<seed>` repeats it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use windrow::{CreateOptions, Db, Options, ScanCursor, ScanOptions, Source, Store, View};

use crate::both::{both_ways, open, seed};
use crate::data::members;
use crate::fixture::{Fixture, assert_clean, settle};

const STEPS: u32 = 3000;

type Set = BTreeSet<Bytes>;

/// Living sets, and when those expire that do, in seconds.
#[derive(Clone, Default)]
struct World {
    sets: BTreeMap<String, Set>,
    expiries: BTreeMap<String, u64>,
    now: u64,
}

impl World {
    fn get(&self, key: &str) -> Set {
        self.sets.get(key).cloned().unwrap_or_default()
    }

    fn put(&mut self, key: &str, set: Set) {
        if set.is_empty() {
            self.remove(key);
        } else {
            self.sets.insert(key.to_owned(), set);
        }
    }

    fn remove(&mut self, key: &str) {
        self.sets.remove(key);
        self.expiries.remove(key);
    }

    fn combine(&self, operation: u8, keys: &[String]) -> Set {
        let sets: Vec<Set> = keys.iter().map(|key| self.get(key)).collect();
        let first = sets[0].clone();
        sets[1..].iter().fold(first, |all, set| match operation {
            0 => &all | set,
            1 => &all & set,
            _ => &all - set,
        })
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
        format!("k{}", self.random.u8(..5))
    }

    fn member(&mut self) -> Bytes {
        let most = if self.random.u8(..10) == 0 { 2000 } else { 40 };
        let number = self.random.u32(..most);
        let padding = [0, 0, 3, 60][self.random.usize(..4)];
        Bytes::from(
            [number.to_string().into_bytes(), vec![0xff; if number.is_multiple_of(3) { padding } else { 0 }]].concat(),
        )
    }

    fn some_members(&mut self) -> Vec<Bytes> {
        let many = if self.random.u8(..60) == 0 { 800 } else { self.random.usize(..12) };
        (0..many).map(|_| self.member()).collect()
    }

    fn step(&mut self) {
        match self.random.u8(..100) {
            0..=24 => self.add(),
            25..=34 => self.remove(),
            35..=41 => self.take_by_chance(),
            42..=49 => self.move_member(),
            50..=64 => self.combine(),
            65..=74 => self.combine_and_store(),
            75..=79 => self.scan(),
            80..=84 => self.ask(),
            85..=89 => self.expire_or_delete(),
            90..=93 => self.time_passes(),
            94..=97 => self.view_or_compare(),
            98 => self.reclaim(),
            _ => self.reopen(),
        }
    }

    fn add(&mut self) {
        let (key, members) = (self.key(), self.some_members());
        let seconds = self.random.u64(1..30);
        let expiring = self.random.u8(..4) == 0;
        let options = CreateOptions::new();
        let options = if expiring { options.expire_in(Duration::from_secs(seconds)) } else { options };
        let mut set = self.world.get(&key);
        let new = members.iter().filter(|member| set.insert((*member).clone())).count() as u64;
        assert_eq!(self.db().sets().add_with(&key, &members, options).unwrap(), new);
        if expiring && !set.is_empty() && !self.world.sets.contains_key(&key) {
            self.world.expiries.insert(key.clone(), self.world.now + seconds);
        }
        self.world.put(&key, set);
    }

    fn remove(&mut self) {
        let (key, members) = (self.key(), self.some_members());
        let mut set = self.world.get(&key);
        let gone = members.iter().filter(|member| set.remove(*member)).count() as u64;
        assert_eq!(self.db().sets().remove(&key, &members).unwrap(), gone);
        self.world.put(&key, set);
    }

    fn take_by_chance(&mut self) {
        let (key, count) = (self.key(), self.random.usize(..8));
        let mut set = self.world.get(&key);
        let repeated = self.db().sets().random_repeated(&key, count as u64).unwrap();
        assert_eq!(repeated.len(), if set.is_empty() { 0 } else { count });
        assert!(repeated.iter().all(|member| set.contains(member)));
        let chosen = self.db().sets().random(&key, count as u64).unwrap();
        assert_eq!(chosen.len(), count.min(set.len()));
        assert!(chosen.iter().all(|member| set.contains(member)));
        for member in self.db().sets().pop(&key, count as u64).unwrap() {
            assert!(set.remove(&member));
        }
        assert_eq!(set.len(), self.world.get(&key).len() - chosen.len());
        self.world.put(&key, set);
    }

    fn move_member(&mut self) {
        let (from, to, member) = (self.key(), self.key(), self.member());
        let mut source = self.world.get(&from);
        let there = source.remove(&member);
        assert_eq!(self.db().sets().move_member(&from, &to, &member).unwrap(), there);
        if there && from != to {
            self.world.put(&from, source);
            let mut target = self.world.get(&to);
            target.insert(member);
            self.world.put(&to, target);
        }
    }

    fn some_keys(&mut self) -> Vec<String> {
        (0..self.random.usize(1..5)).map(|_| self.key()).collect()
    }

    fn combine(&mut self) {
        let (keys, operation) = (self.some_keys(), self.random.u8(..3));
        let expected = self.world.combine(operation, &keys);
        let db = self.db();
        let sets = db.sets();
        let found = match operation {
            0 => sets.union(&keys),
            1 => sets.inter(&keys),
            _ => sets.diff(&keys),
        };
        let found: Vec<Bytes> = found.unwrap().map(Result::unwrap).collect();
        assert!(found.iter().eq(&expected), "{operation} of {keys:?}");
        if operation == 1 {
            let limit = self.random.usize(..20);
            let counted = if limit == 0 { expected.len() } else { expected.len().min(limit) };
            assert_eq!(sets.inter_card(&keys, limit as u64).unwrap(), counted as u64);
        }
    }

    fn combine_and_store(&mut self) {
        let (key, keys, operation) = (self.key(), self.some_keys(), self.random.u8(..3));
        let result = self.world.combine(operation, &keys);
        let db = self.db();
        let size = match operation {
            0 => db.sets().union_store(&key, &keys),
            1 => db.sets().inter_store(&key, &keys),
            _ => db.sets().diff_store(&key, &keys),
        };
        assert_eq!(size.unwrap(), result.len() as u64);
        self.world.remove(&key);
        self.world.put(&key, result);
    }

    fn scan(&mut self) {
        let (key, count) = (self.key(), self.random.u64(1..30));
        let pattern = ["*", "1*", "*5*", "[1-3]?", "??"][self.random.usize(..5)];
        let (mut cursor, mut found) = (ScanCursor::START, Vec::new());
        while !cursor.is_finished() {
            let page = self.db().sets().scan(&key, &cursor, ScanOptions::new().matching(pattern).count(count)).unwrap();
            found.extend(page.items);
            cursor = page.cursor;
        }
        let wanted = |member: &&Bytes| match pattern {
            "*" => true,
            "1*" => member.starts_with(b"1"),
            "*5*" => member.contains(&b'5'),
            "[1-3]?" => member.len() == 2 && (b'1'..=b'3').contains(&member[0]),
            _ => member.len() == 2,
        };
        assert!(found.iter().eq(self.world.get(&key).iter().filter(wanted)), "{pattern}");
    }

    fn ask(&mut self) {
        let (key, members) = (self.key(), self.some_members());
        let set = self.world.get(&key);
        let expected: Vec<bool> = members.iter().map(|member| set.contains(member)).collect();
        assert_eq!(self.db().sets().contains_many(&key, &members).unwrap(), expected);
        assert_eq!(self.db().sets().len(&key).unwrap(), set.len() as u64);
        for (member, expected) in members.iter().zip(expected).take(3) {
            assert_eq!(self.db().sets().contains(&key, member).unwrap(), expected);
        }
    }

    fn expire_or_delete(&mut self) {
        let key = self.key();
        let lives = self.world.sets.contains_key(&key);
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
        let expired: Vec<String> =
            self.world.expiries.iter().filter(|(_, at)| **at <= now).map(|(key, _)| key.clone()).collect();
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
    for n in 0..5 {
        let key = format!("k{n}");
        assert!(members(db, &key).iter().eq(&world.get(&key)), "{key}");
        assert_eq!(db.exists(&key).unwrap(), world.sets.contains_key(&key), "{key}");
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
