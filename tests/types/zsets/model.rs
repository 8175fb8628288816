//! Random operations on few keys against a model in memory. A run prints its seed; `WINDROW_SEED=<seed>` repeats it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use windrow::{Aggregate, CombineOptions, Db, LexBound, Options, ScoreBound, Store, View, ZAddOptions, ZEnd, ZRange};

use super::{both_ways, open, read};
use crate::fixture::{Fixture, assert_clean};

const STEPS: u32 = 3000;

type Zset = BTreeMap<Vec<u8>, f64>;
type World = BTreeMap<String, Zset>;
type Entries = Vec<(Vec<u8>, f64)>;

/// Whether an old score, if there is one, may become a new one.
type Allows = fn(Option<f64>, f64) -> bool;

/// The members in the order of scores.
fn ranked(zset: &Zset) -> Entries {
    let mut entries: Entries = zset.iter().map(|(member, score)| (member.clone(), *score)).collect();
    entries.sort_by(|a, b| a.1.total_cmp(&b.1));
    entries
}

struct Run<'a> {
    fixture: &'a Fixture,
    options: Options,
    /// `None` only while it is opened again.
    store: Option<Store>,
    world: World,
    /// Keys that expire, and after how many seconds from now.
    expiring: BTreeMap<String, u64>,
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

    fn member(&mut self) -> Vec<u8> {
        let length = self.random.usize(..3);
        let mut member: Vec<u8> = (0..length).map(|_| [0, b'a', b'b', 0xff][self.random.usize(..4)]).collect();
        if self.random.u8(..20) == 0 {
            member.resize(150, b'x');
        }
        member
    }

    fn score(&mut self) -> f64 {
        match self.random.u8(..12) {
            0 => f64::INFINITY,
            1 => f64::NEG_INFINITY,
            2 => -0.0,
            3 => 1e17,
            4 => f64::from_bits(1),
            n => f64::from(n) / 2.0 - 4.0,
        }
    }

    fn step(&mut self) {
        match self.random.u8(..100) {
            0..=29 => self.add(),
            30..=37 => self.incr(),
            38..=45 => self.remove(),
            46..=55 => self.pop(),
            56..=63 => self.remove_range(),
            64..=70 => self.range_store(),
            71..=78 => self.combine(),
            79..=82 => self.whole_key(),
            83..=86 => self.time_passes(),
            87..=88 => self.views.clear(),
            89 => _ = self.store.as_ref().unwrap().settle(Duration::from_millis(1)).unwrap(),
            90 => self.view(),
            91 => self.reopen(),
            _ => self.compare(),
        }
    }

    fn change(&mut self, key: &str, change: impl FnOnce(&mut Zset)) {
        change(self.world.entry(key.to_owned()).or_default());
        if self.world.get(key).is_some_and(BTreeMap::is_empty) {
            self.drop_key(key);
        }
    }

    fn drop_key(&mut self, key: &str) {
        self.world.remove(key);
        self.expiring.remove(key);
    }

    fn replace(&mut self, key: String, zset: Zset) {
        self.drop_key(&key);
        if !zset.is_empty() {
            self.world.insert(key, zset);
        }
    }

    fn rule(&mut self) -> (ZAddOptions, Allows) {
        let plain = ZAddOptions::new();
        match self.random.u8(..10) {
            0 => (plain.if_absent(), |old, _| old.is_none()),
            1 => (plain.if_present(), |old, _| old.is_some()),
            2 => (plain.if_greater(), |old, new| old.is_none_or(|old| new > old)),
            3 => (plain.if_less(), |old, new| old.is_none_or(|old| new < old)),
            4 => (plain.if_present().if_less(), |old, new| old.is_some_and(|old| new < old)),
            _ => (plain, |_, _| true),
        }
    }

    fn add(&mut self) {
        let key = self.key();
        let (options, allows) = self.rule();
        let count = self.random.usize(..6);
        let given: Entries = (0..count).map(|_| (self.member(), self.score())).collect();
        let done = self.db().zsets().add_with(&key, given.clone(), options).unwrap();
        let (mut added, mut updated) = (0, 0);
        self.change(&key, |zset| {
            for (member, score) in given {
                let old = zset.get(&member).copied();
                if allows(old, score) {
                    added += u64::from(old.is_none());
                    updated += u64::from(old.is_some_and(|old| old != score));
                    zset.insert(member, score + 0.0);
                }
            }
        });
        assert_eq!((done.added, done.updated), (added, updated));
    }

    fn incr(&mut self) {
        let (key, member, by) = (self.key(), self.member(), self.score());
        let (options, allows) = self.rule();
        let answer = self.db().zsets().incr_by_with(&key, &member, by, options);
        let old = self.world.get(&key).and_then(|zset| zset.get(&member)).copied();
        let new = old.map_or(by, |old| old + by) + 0.0;
        if new.is_nan() {
            assert!(!matches!(answer, Ok(Some(_))));
            return;
        }
        assert_eq!(answer.unwrap(), allows(old, new).then_some(new));
        if allows(old, new) {
            self.change(&key, |zset| _ = zset.insert(member, new));
        }
    }

    fn remove(&mut self) {
        let key = self.key();
        let gone: Vec<Vec<u8>> = (0..4).map(|_| self.member()).collect();
        let removed = self.db().zsets().remove(&key, &gone).unwrap();
        let mut expected = 0;
        self.change(&key, |zset| expected = gone.iter().filter(|member| zset.remove(*member).is_some()).count());
        assert_eq!(removed, expected as u64);
    }

    fn pop(&mut self) {
        let (keys, count) = ([self.key(), self.key()], self.random.u64(1..4));
        let end = if self.random.bool() { ZEnd::Min } else { ZEnd::Max };
        let popped = self.db().zsets().mpop(&keys, end, count).unwrap();
        let Some(key) = keys.iter().find(|key| self.world.contains_key(*key)) else {
            return assert_eq!(popped, None);
        };
        let mut expected = ranked(&self.world[key]);
        if end == ZEnd::Max {
            expected.reverse();
        }
        expected.truncate(count as usize);
        let popped = popped.unwrap();
        assert_eq!(popped.key, key.as_bytes());
        assert_eq!(
            popped.members,
            expected.iter().map(|(member, score)| (member.clone().into(), *score)).collect::<Vec<_>>()
        );
        self.change(key, |zset| expected.iter().for_each(|(member, _)| _ = zset.remove(member)));
    }

    /// Draws a range, and finds what it means in the model.
    fn range_in(&mut self, key: &str, use_range: impl FnOnce(&mut Self, ZRange<'_>, Entries)) {
        let entries = ranked(self.world.get(key).unwrap_or(&Zset::new()));
        let (low, high) = (self.member(), self.member());
        let is_open = [self.random.bool(), self.random.bool()];
        let mut ranks = None;
        let (range, mut found): (ZRange<'_>, Entries) = match self.random.u8(..3) {
            0 => {
                let (start, stop) = (self.random.i64(-12..12), self.random.i64(-12..12));
                ranks = Some([start, stop]);
                (ZRange::ranks(start, stop), entries)
            }
            1 => {
                let (min, max) = (self.score(), self.score());
                let bound = |open: bool, at| if open { ScoreBound::Excluded(at) } else { ScoreBound::Included(at) };
                let met = entries.into_iter().filter(|(_, score)| {
                    let above = if is_open[0] { *score > min } else { *score >= min };
                    above && if is_open[1] { *score < max } else { *score <= max }
                });
                (ZRange::scores(bound(is_open[0], min), bound(is_open[1], max)), met.collect())
            }
            _ => {
                let min = if is_open[0] { LexBound::Excluded(&low) } else { LexBound::Included(&low) };
                let max = if is_open[1] { LexBound::Max } else { LexBound::Included(&high) };
                let zset = self.world.get(key).cloned().unwrap_or_default();
                let met = zset.into_iter().filter(|(member, _)| {
                    let above = if is_open[0] { *member > low } else { *member >= low };
                    above && (is_open[1] || *member <= high)
                });
                (ZRange::lex(min, max), met.collect())
            }
        };
        let mut range = range;
        if self.random.bool() {
            range = range.rev();
            found.reverse();
        }
        if let Some(ranks) = ranks {
            found = cut_to_ranks(ranks, found);
        }
        if self.random.u8(..3) == 0 {
            let (offset, count) = (self.random.u64(..4), self.random.u64(..4));
            range = range.limit(offset, count);
            found = found.into_iter().skip(offset as usize).take(count as usize).collect();
        }
        use_range(self, range, found);
    }

    fn remove_range(&mut self) {
        let key = self.key();
        self.range_in(&key.clone(), |run, range, found| {
            assert_eq!(run.db().zsets().count(&key, range).unwrap(), found.len() as u64, "{range:?}");
            assert_eq!(run.db().zsets().remove_range(&key, range).unwrap(), found.len() as u64);
            run.change(&key, |zset| found.iter().for_each(|(member, _)| _ = zset.remove(member)));
        });
    }

    fn range_store(&mut self) {
        let (from, to) = (self.key(), self.key());
        self.range_in(&from.clone(), |run, range, found| {
            let seen = read(run.db().zsets().range(&from, range).unwrap());
            assert_eq!(
                seen,
                found.iter().map(|(member, at)| (member.clone().into(), *at)).collect::<Vec<_>>(),
                "{range:?}"
            );
            assert_eq!(run.db().zsets().range_store(&to, &from, range).unwrap(), found.len() as u64);
            run.replace(to, found.into_iter().collect());
        });
    }

    fn combine(&mut self) {
        let count = self.random.usize(1..4);
        let keys: Vec<String> = (0..count).map(|_| self.key()).collect();
        let weights: Vec<f64> = keys.iter().map(|_| [1.0, -2.0, 0.5][self.random.usize(..3)]).collect();
        let (aggregate, fold): (_, fn(f64, f64) -> f64) = match self.random.u8(..3) {
            0 => (Aggregate::Sum, |a, b| if (a + b).is_nan() { 0.0 } else { a + b }),
            1 => (Aggregate::Min, f64::min),
            _ => (Aggregate::Max, f64::max),
        };
        let mut sources: Vec<(Zset, f64)> = Vec::new();
        for (key, weight) in keys.iter().zip(&weights) {
            sources.push((self.world.get(key).cloned().unwrap_or_default(), *weight));
        }
        let options = CombineOptions::new().weights(&weights).aggregate(aggregate);
        let db = self.db();
        let zsets = db.zsets();
        let operation = self.random.u8(..3);
        let wanted = if operation == 2 { difference(&sources) } else { fold_all(sources, fold, operation == 1) };
        let found = match operation {
            0 => zsets.union(&keys, options),
            1 => zsets.inter(&keys, options),
            _ => zsets.diff(&keys),
        };
        let found: Entries = found.unwrap().into_iter().map(|(member, score)| (member.to_vec(), score)).collect();
        assert_eq!(found, ranked(&wanted), "{operation} {keys:?} {weights:?} {aggregate:?}");
        if operation == 1 {
            assert_eq!(zsets.inter_card(&keys, 2).unwrap(), wanted.len().min(2) as u64);
        }
        let to = self.key();
        let stored = match operation {
            0 => zsets.union_store(&to, &keys, options),
            1 => zsets.inter_store(&to, &keys, options),
            _ => zsets.diff_store(&to, &keys),
        };
        assert_eq!(stored.unwrap(), wanted.len() as u64);
        self.replace(to, wanted);
    }

    fn whole_key(&mut self) {
        let key = self.key();
        if self.random.bool() {
            let deleted = self.db().delete([&key]).unwrap();
            assert_eq!(deleted, u64::from(self.world.contains_key(&key)));
            self.drop_key(&key);
        } else {
            let seconds = self.random.u64(1..50);
            if self.db().expire(&key, Duration::from_secs(seconds)).unwrap() {
                self.expiring.insert(key, seconds);
            }
        }
    }

    fn time_passes(&mut self) {
        let seconds = self.random.u64(1..20);
        self.fixture.seconds_pass(seconds);
        for (key, left) in std::mem::take(&mut self.expiring) {
            if left <= seconds {
                self.drop_key(&key);
            } else {
                self.expiring.insert(key, left - seconds);
            }
        }
    }

    fn view(&mut self) {
        if self.views.len() > 2 {
            let at = self.random.usize(..3);
            self.views.remove(at);
        }
        self.views.push((self.store.as_ref().unwrap().view().unwrap(), self.world.clone()));
    }

    fn reopen(&mut self) {
        self.views.clear();
        self.store.take().unwrap().close().unwrap();
        assert_clean(&self.fixture.path("store"));
        self.store = Some(open(self.fixture, &self.options));
    }

    fn compare(&mut self) {
        compare(&self.db(), &self.world);
        for (view, world) in &self.views {
            compare(&view.db(0), world);
        }
    }
}

/// Keeps the entries between two ranks, both included, negative ones counted from the end.
fn cut_to_ranks(ranks: [i64; 2], found: Entries) -> Entries {
    let size = found.len() as i64;
    let [start, stop] = ranks.map(|rank| if rank < 0 { size + rank } else { rank });
    let met = found.into_iter().zip(0..).filter(|(_, rank)| (start..=stop).contains(rank));
    met.map(|(entry, _)| entry).collect()
}

/// Union or intersection, folded from the smallest source on.
fn fold_all(mut sources: Vec<(Zset, f64)>, fold: fn(f64, f64) -> f64, common: bool) -> Zset {
    sources.sort_by_key(|(zset, _)| zset.len());
    let names: BTreeSet<&Vec<u8>> = sources.iter().flat_map(|(zset, _)| zset.keys()).collect();
    let mut result = Zset::new();
    for name in names {
        let scores = sources.iter().filter_map(|(zset, weight)| zset.get(name).map(|score| score * weight));
        let scores: Vec<f64> = scores.collect();
        if !common || scores.len() == sources.len() {
            result.insert(name.clone(), scores.into_iter().reduce(fold).unwrap() + 0.0);
        }
    }
    result
}

fn difference(sources: &[(Zset, f64)]) -> Zset {
    let mut result = sources[0].0.clone();
    result.retain(|member, _| sources[1..].iter().all(|(zset, _)| !zset.contains_key(member)));
    result
}

fn compare<S: windrow::Source>(db: &Db<S>, world: &World) {
    for key in (0..5).map(|n| format!("k{n}")) {
        let nothing = Zset::new();
        let zset = world.get(&key).unwrap_or(&nothing);
        let expected = ranked(zset);
        let found = read(db.zsets().range(&key, ZRange::ranks(0, -1)).unwrap());
        assert_eq!(
            found,
            expected.iter().map(|(member, at)| (member.clone().into(), *at)).collect::<Vec<_>>(),
            "{key}"
        );
        assert_eq!(db.zsets().len(&key).unwrap(), expected.len() as u64);
        assert_eq!(db.exists(&key).unwrap(), !expected.is_empty());
        for (rank, (member, score)) in expected.iter().enumerate() {
            assert_eq!(db.zsets().score(&key, member).unwrap(), Some(*score));
            assert_eq!(db.zsets().rank(&key, member).unwrap(), Some(rank as u64));
            let from_top = expected.len() - 1 - rank;
            assert_eq!(db.zsets().rev_rank(&key, member).unwrap(), Some(from_top as u64));
        }
        let random = db.zsets().random(&key, 3).unwrap();
        assert_eq!(random.len(), expected.len().min(3));
        assert!(random.iter().all(|(member, score)| zset.get(member.as_ref()) == Some(score)));
    }
}

#[test]
fn random_operations_do_what_the_model_does() {
    let seed = std::env::var("WINDROW_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("WINDROW_SEED={seed}");
    for options in both_ways() {
        let fixture = Fixture::new();
        let store = Some(open(&fixture, &options));
        let mut run = Run {
            fixture: &fixture,
            options,
            store,
            world: World::new(),
            expiring: BTreeMap::new(),
            views: Vec::new(),
            random: Rng::with_seed(seed),
        };
        for _ in 0..STEPS {
            run.step();
        }
        run.compare();
        run.reopen();
        run.compare();
        drop(run);
    }
}
