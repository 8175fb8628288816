//! Operations on sets.

use proptest::collection::vec;
use proptest::prelude::*;
use windrow::{Db, Writable};

use crate::draw::{Birth, Home, Word, birth, key, name};
use crate::reply::{Answer, Reply, chosen, many};
use crate::world::{self, Set};

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Add(Word, Vec<Word>, Birth),
    Remove(Word, Vec<Word>),
    Pop(Word, u64),
    Move(Word, Word, Word, Birth),
    Store(Combination, Word, Vec<Word>, Birth),
    Contains(Word, Vec<Word>),
    Random { key: Word, count: u64, is_repeated: bool },
}
use Operation::*;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Combination {
    Union,
    Inter,
    Diff,
}
use Combination::*;

pub(crate) fn combination() -> impl Strategy<Value = Combination> {
    prop_oneof![Just(Union), Just(Inter), Just(Diff)]
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let key = || key(Home::Sets);
    let keys = || vec(key(), 1..4);
    prop_oneof![
        16 => (key(), vec(name(), 0..10), birth()).prop_map(|(k, members, birth)| Add(k, members, birth)),
        4 => (key(), vec(name(), 0..6)).prop_map(|(k, members)| Remove(k, members)),
        2 => (key(), 0..6_u64).prop_map(|(k, count)| Pop(k, count)),
        3 => (key(), key(), name(), birth()).prop_map(|(from, to, m, birth)| Move(from, to, m, birth)),
        3 => (combination(), key(), keys(), birth()).prop_map(|(how, to, keys, birth)| Store(how, to, keys, birth)),
        1 => (key(), vec(name(), 0..6)).prop_map(|(k, members)| Contains(k, members)),
        1 => (key(), 0..9_u64, any::<bool>()).prop_map(|(key, count, is_repeated)| Random { key, count, is_repeated }),
    ]
}

impl Operation {
    /// Does it on the store.
    pub(crate) fn ask<S: Writable>(&self, db: &Db<S>) -> windrow::Result<Reply> {
        let sets = db.sets();
        Ok(match self {
            Add(key, members, birth) => sets.add_with(key, members, birth.options())?.into(),
            Remove(key, members) => sets.remove(key, members)?.into(),
            Pop(key, count) => sets.pop(key, *count)?.into(),
            Move(from, to, member, birth) => sets.move_member_with(from, to, member, birth.options())?.into(),
            Store(Union, to, keys, birth) => sets.union_store_with(to, keys, birth.options())?.into(),
            Store(Inter, to, keys, birth) => sets.inter_store_with(to, keys, birth.options())?.into(),
            Store(Diff, to, keys, birth) => sets.diff_store_with(to, keys, birth.options())?.into(),
            Contains(key, members) => {
                let single = members.iter().map(|member| sets.contains(key, member));
                let single = single.collect::<windrow::Result<Vec<bool>>>()?;
                many([Reply::from(sets.contains_many(key, members)?), single.into()])
            }
            Random { key, count, is_repeated: false } => sets.random(key, *count)?.into(),
            Random { key, count, is_repeated: true } => sets.random_repeated(key, *count)?.into(),
        })
    }

    /// Does it on the model; `found` is what the store chose where it chooses.
    pub(crate) fn expect(&self, db: &mut world::Db, found: &Answer) -> Answer {
        match self {
            Add(key, members, birth) => {
                let is_born_dead = db.is_born_dead(*key, *birth);
                let new = db.change(*key, *birth, |set: &mut Set| {
                    Ok(members.iter().filter(|member| set.insert(member.bytes())).count())
                })?;
                Ok(if is_born_dead { 0 } else { new }.into())
            }
            Remove(key, members) => db.change(*key, Birth::PLAIN, |set: &mut Set| {
                Ok(members.iter().filter(|member| set.remove(member.as_ref())).count().into())
            }),
            Pop(key, count) => db.change(*key, Birth::PLAIN, |set: &mut Set| {
                let popped = chosen(found, set.iter().cloned().map(Reply::from).collect(), *count, false);
                set.retain(|member| !popped.contains(&Reply::Bytes(member.clone())));
                Ok(popped.into())
            }),
            Move(from, to, member, birth) => move_member(db, *from, *to, *member, *birth),
            Store(how, to, keys, birth) => {
                let result = combined(db, *how, keys)?;
                let size = result.len();
                Ok(db.store(*to, result, size, *birth).into())
            }
            Contains(key, members) => {
                let set: Set = db.get(*key)?;
                let found = many(members.iter().map(|member| set.contains(member.as_ref())));
                Ok(many([found.clone(), found]))
            }
            Random { key, count, is_repeated } => {
                let all = db.get::<Set>(*key)?.into_iter().map(Reply::from).collect();
                Ok(chosen(found, all, *count, *is_repeated).into())
            }
        }
    }
}

fn move_member(db: &mut world::Db, from: Word, to: Word, member: Word, birth: Birth) -> Answer {
    let source: Option<Set> = db.read(from)?;
    let Some(source) = source else { return Ok(false.into()) };
    db.read::<Set>(to)?;
    let is_there = source.contains(member.as_ref());
    if is_there && from != to {
        db.change(from, Birth::PLAIN, |set: &mut Set| Ok(set.remove(member.as_ref())))?;
        db.change(to, birth, |set: &mut Set| Ok(set.insert(member.bytes())))?;
    }
    Ok(is_there.into())
}

pub(crate) fn combined(db: &world::Db, how: Combination, keys: &[Word]) -> Result<Set, windrow::ErrorKind> {
    let sets = keys.iter().map(|key| db.get(*key)).collect::<Result<Vec<Set>, _>>()?;
    let first = sets[0].clone();
    Ok(sets[1..].iter().fold(first, |all, set| match how {
        Union => &all | set,
        Inter => &all & set,
        Diff => &all - set,
    }))
}
