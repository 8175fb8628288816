//! Operations on sorted sets.

use std::collections::BTreeSet;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use windrow::{Aggregate, CombineOptions, Db, ErrorKind, Writable, ZAddOptions, ZEnd};

use crate::draw::{Birth, Home, Word, birth, key, name};
use crate::reply::{Answer, Reply, chosen, many, walked};
use crate::sets::{Combination, combination};
use crate::world::{self, Set, Value, ZSet};
use crate::zset_range::{Entries, Range, range, ranked};

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Add(Word, Vec<(Word, f64)>, Rule, Birth),
    Incr(Word, Word, f64, Rule, Birth),
    Remove(Word, Vec<Word>),
    Pop(Word, ZEnd, u64),
    PopFirst(Vec<Word>, ZEnd, u64),
    RemoveRange(Word, Range),
    StoreRange(Word, Word, Range, Birth),
    Range(Word, Range),
    Store(Combination, Word, Vec<(Word, f64)>, Aggregate, Birth),
    Ask(Word, Vec<Word>),
    Random { key: Word, count: u64, is_repeated: bool },
}
use Operation::*;

/// NX and XX, GT and LT: whether only new members, or only old ones, are meant, and which way an old score may change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    only_new: Option<bool>,
    only_greater: Option<bool>,
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let key = || key(Home::ZSets);
    let entries = || vec((name(), score()), 0..10);
    prop_oneof![
        16 => (key(), entries(), rule(), birth()).prop_map(|(k, entries, rule, birth)| Add(k, entries, rule, birth)),
        4 => (key(), name(), score(), rule(), birth()).prop_map(|(k, m, by, rule, birth)| Incr(k, m, by, rule, birth)),
        2 => (key(), vec(name(), 0..6)).prop_map(|(k, members)| Remove(k, members)),
        2 => (key(), end(), 0..4_u64).prop_map(|(k, end, count)| Pop(k, end, count)),
        2 => (vec(key(), 1..4), end(), 0..4_u64).prop_map(|(keys, end, count)| PopFirst(keys, end, count)),
        2 => (key(), range()).prop_map(|(k, range)| RemoveRange(k, range)),
        2 => (key(), key(), range(), birth()).prop_map(|(to, from, range, birth)| StoreRange(to, from, range, birth)),
        4 => (key(), range()).prop_map(|(k, part)| Operation::Range(k, part)),
        3 => (combination(), key(), sources(), aggregate(), birth())
            .prop_map(|(how, to, sources, fold, birth)| Store(how, to, sources, fold, birth)),
        1 => (key(), vec(name(), 1..6)).prop_map(|(k, members)| Ask(k, members)),
        1 => (key(), 0..9_u64, any::<bool>()).prop_map(|(key, count, is_repeated)| Random { key, count, is_repeated }),
    ]
}

pub(crate) fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-6..7_i8).prop_map(|halves| f64::from(halves) / 2.0),
        1 => select(vec![f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e17, f64::from_bits(1)]),
    ]
}

fn end() -> impl Strategy<Value = ZEnd> {
    prop_oneof![Just(ZEnd::Min), Just(ZEnd::Max)]
}

pub(crate) fn aggregate() -> impl Strategy<Value = Aggregate> {
    prop_oneof![Just(Aggregate::Sum), Just(Aggregate::Min), Just(Aggregate::Max)]
}

fn rule() -> impl Strategy<Value = Rule> {
    let option = || proptest::option::weighted(0.2, any::<bool>());
    (option(), option()).prop_map(|(only_new, only_greater)| Rule { only_new, only_greater })
}

/// Plain sets are sources too.
pub(crate) fn source() -> impl Strategy<Value = Word> {
    prop_oneof![5 => key(Home::ZSets), 1 => key(Home::Sets)]
}

pub(crate) fn sources() -> impl Strategy<Value = Vec<(Word, f64)>> {
    vec((source(), select(vec![1.0, -2.0, 0.5, 0.0])), 1..4)
}

impl Rule {
    fn options(self, birth: Birth) -> ZAddOptions {
        let options = match self.only_new {
            None => ZAddOptions::new(),
            Some(true) => ZAddOptions::new().if_absent(),
            Some(false) => ZAddOptions::new().if_present(),
        };
        let options = match self.only_greater {
            None => options,
            Some(true) => options.if_greater(),
            Some(false) => options.if_less(),
        };
        options.create(birth.options())
    }

    fn check(self) -> Result<(), ErrorKind> {
        let contradicts_itself = self.only_new == Some(true) && self.only_greater.is_some();
        if contradicts_itself { Err(ErrorKind::InvalidInput) } else { Ok(()) }
    }

    fn allows_member(self, exists: bool) -> bool {
        self.only_new.is_none_or(|only_new| only_new != exists)
    }

    fn allows_change(self, old: f64, new: f64) -> bool {
        self.only_greater.is_none_or(|greater| if greater { new > old } else { new < old })
    }
}

impl Operation {
    /// Does it on the store.
    pub(crate) fn ask<S: Writable>(&self, db: &Db<S>) -> windrow::Result<Reply> {
        let zsets = db.zsets();
        Ok(match self {
            Add(key, entries, rule, birth) => {
                zsets.add_with(key, entries.iter().copied(), rule.options(*birth))?.into()
            }
            Incr(key, member, by, rule, birth) => zsets.incr_by_with(key, member, *by, rule.options(*birth))?.into(),
            Remove(key, members) => zsets.remove(key, members)?.into(),
            Pop(key, ZEnd::Min, count) => zsets.pop_min(key, *count)?.into(),
            Pop(key, ZEnd::Max, count) => zsets.pop_max(key, *count)?.into(),
            PopFirst(keys, end, count) => {
                zsets.mpop(keys, *end, *count)?.map(|popped| (popped.key, popped.members)).into()
            }
            RemoveRange(key, range) => zsets.remove_range(key, range.told())?.into(),
            StoreRange(to, from, range, birth) => {
                zsets.range_store_with(to, from, range.told(), birth.options())?.into()
            }
            Operation::Range(key, range) => {
                (walked(zsets.range(key, range.told())?)?, zsets.count(key, range.told())?).into()
            }
            Store(how, to, sources, aggregate, birth) => {
                let (keys, weights): (Vec<Word>, Vec<f64>) = sources.iter().copied().unzip();
                let options = CombineOptions::new().weights(&weights).aggregate(*aggregate);
                match how {
                    Combination::Union => zsets.union_store_with(to, keys, options, birth.options())?.into(),
                    Combination::Inter => zsets.inter_store_with(to, keys, options, birth.options())?.into(),
                    Combination::Diff => zsets.diff_store_with(to, keys, birth.options())?.into(),
                }
            }
            Ask(key, members) => many([
                Reply::from(zsets.mscore(key, members)?),
                zsets.rank(key, members[0])?.into(),
                zsets.rev_rank(key, members[0])?.into(),
                zsets.len(key)?.into(),
            ]),
            Random { key, count, is_repeated: false } => zsets.random(key, *count)?.into(),
            Random { key, count, is_repeated: true } => zsets.random_repeated(key, *count)?.into(),
        })
    }

    /// Does it on the model; `found` is what the store chose where it chooses.
    pub(crate) fn expect(&self, db: &mut world::Db, found: &Answer) -> Answer {
        match self {
            Add(key, entries, rule, birth) => {
                rule.check()?;
                let is_born_dead = db.is_born_dead(*key, *birth);
                let done = db.change(*key, *birth, |zset| Ok(add(zset, entries, *rule)))?;
                Ok(if is_born_dead { (0, 0) } else { done }.into())
            }
            Incr(key, member, by, rule, birth) => {
                rule.check()?;
                if db.is_born_dead(*key, *birth) {
                    return Ok(Reply::Nothing);
                }
                db.change(*key, *birth, |zset| Ok(incr(zset, member.bytes(), *by, *rule)?.into()))
            }
            Remove(key, members) => db.change(*key, Birth::PLAIN, |zset: &mut ZSet| {
                Ok(members.iter().filter(|member| zset.remove(member.as_ref()).is_some()).count().into())
            }),
            Pop(key, end, count) => db.change(*key, Birth::PLAIN, |zset| Ok(pop(zset, *end, *count).into())),
            PopFirst(_, _, 0) => Err(ErrorKind::InvalidInput),
            PopFirst(keys, end, count) => match keys.iter().find(|key| db.has(**key)) {
                None => Ok(Reply::Nothing),
                Some(key) => db.change(*key, Birth::PLAIN, |zset| Ok((*key, pop(zset, *end, *count)).into())),
            },
            RemoveRange(key, range) => db.change(*key, Birth::PLAIN, |zset| {
                let gone = range.of(zset);
                gone.iter().for_each(|(member, _)| _ = zset.remove(member));
                Ok(gone.len().into())
            }),
            StoreRange(to, from, range, birth) => {
                let part = range.of(&db.get(*from)?);
                Ok(db.store(*to, part.iter().cloned().collect::<ZSet>(), part.len(), *birth).into())
            }
            Operation::Range(key, range) => {
                let part = range.of(&db.get(*key)?);
                let size = part.len();
                Ok((part, size).into())
            }
            Store(how, to, sources, aggregate, birth) => {
                let result = combined(db, *how, sources, *aggregate)?;
                let size = result.len();
                Ok(db.store(*to, result, size, *birth).into())
            }
            Ask(key, members) => Ok(ask(&db.get(*key)?, members)),
            Random { key, count, is_repeated } => {
                let all = db.get::<ZSet>(*key)?.into_iter().map(Reply::from).collect();
                Ok(chosen(found, all, *count, *is_repeated).into())
            }
        }
    }
}

/// How many members are new, and how many have another score.
fn add(zset: &mut ZSet, entries: &[(Word, f64)], rule: Rule) -> (u64, u64) {
    let (mut added, mut updated) = (0, 0);
    for (member, score) in entries {
        let old = zset.get(member.as_ref()).copied();
        if rule.allows_member(old.is_some()) && old.is_none_or(|old| rule.allows_change(old, *score)) {
            added += u64::from(old.is_none());
            updated += u64::from(old.is_some_and(|old| old != *score));
            zset.insert(member.bytes(), score + 0.0);
        }
    }
    (added, updated)
}

fn incr(zset: &mut ZSet, member: Bytes, by: f64, rule: Rule) -> Result<Option<f64>, ErrorKind> {
    let old = zset.get(&member).copied();
    if !rule.allows_member(old.is_some()) {
        return Ok(None);
    }
    let new = old.unwrap_or(0.0) + by + 0.0;
    if new.is_nan() {
        return Err(ErrorKind::NotANumber);
    }
    if !old.is_none_or(|old| rule.allows_change(old, new)) {
        return Ok(None);
    }
    zset.insert(member, new);
    Ok(Some(new))
}

fn pop(zset: &mut ZSet, end: ZEnd, count: u64) -> Entries {
    let mut popped = ranked(zset);
    if end == ZEnd::Max {
        popped.reverse();
    }
    popped.truncate(count as usize);
    popped.iter().for_each(|(member, _)| _ = zset.remove(member));
    popped
}

fn ask(zset: &ZSet, members: &[Word]) -> Reply {
    let rank = ranked(zset).iter().position(|(member, _)| *member == members[0].bytes());
    many([
        many(members.iter().map(|member| zset.get(member.as_ref()).copied())),
        rank.into(),
        rank.map(|rank| zset.len() - 1 - rank).into(),
        zset.len().into(),
    ])
}

pub(crate) fn combined(
    db: &world::Db,
    how: Combination,
    sources: &[(Word, f64)],
    aggregate: Aggregate,
) -> Result<ZSet, ErrorKind> {
    let read = |(key, weight): &(Word, f64)| Ok((source_in(db, *key)?, *weight));
    let mut sources: Vec<(ZSet, f64)> = sources.iter().map(read).collect::<Result<_, ErrorKind>>()?;
    if matches!(how, Combination::Diff) {
        let mut result = sources[0].0.clone();
        result.retain(|member, _| sources[1..].iter().all(|(zset, _)| !zset.contains_key(member)));
        return Ok(result);
    }
    // Redis folds from the smallest source on, and sums of infinities and of fractions depend on it.
    sources.sort_by_key(|(zset, _)| zset.len());
    let members: BTreeSet<Bytes> = sources.iter().flat_map(|(zset, _)| zset.keys().cloned()).collect();
    let mut result = ZSet::new();
    for member in members {
        let scores = sources.iter().filter_map(|(zset, weight)| zset.get(&member).map(|score| score * weight));
        // In an intersection Redis makes only the first score 0 if it is no number.
        let mend = |(n, score)| if n == 0 || matches!(how, Combination::Union) { or_zero(score) } else { score };
        let scores: Vec<f64> = scores.enumerate().map(mend).collect();
        if matches!(how, Combination::Union) || scores.len() == sources.len() {
            let total = scores.into_iter().reduce(|total, score| folded(aggregate, total, score));
            result.insert(member, total.unwrap() + 0.0);
        }
    }
    Ok(result)
}

/// A member of a plain set has score 1.
fn source_in(db: &world::Db, key: Word) -> Result<ZSet, ErrorKind> {
    match db.entries.get(&key).map(|entry| &entry.value) {
        Some(Value::Set(_)) => Ok(db.get::<Set>(key)?.into_iter().map(|member| (member, 1.0)).collect()),
        _ => db.get(key),
    }
}

fn folded(aggregate: Aggregate, total: f64, score: f64) -> f64 {
    match aggregate {
        Aggregate::Sum => or_zero(total + score),
        Aggregate::Min => total.min(score),
        Aggregate::Max => total.max(score),
    }
}

fn or_zero(number: f64) -> f64 {
    if number.is_nan() { 0.0 } else { number }
}
