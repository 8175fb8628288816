//! Operations on lists.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use windrow::{Db, ErrorKind, ListEnd, Writable};

use crate::draw::{Birth, Data, Home, Word, between, birth, index, item, key, place};
use crate::reply::{Answer, Reply, many, walked};
use crate::world::{self, List};

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Push(Word, ListEnd, Vec<Data>, Birth),
    PushExisting(Word, ListEnd, Vec<Data>),
    Pop(Word, ListEnd, u64),
    PopFirst(Vec<Word>, ListEnd, u64),
    Move { from: Word, to: Word, from_end: ListEnd, to_end: ListEnd },
    Set(Word, i64, Data),
    Insert { key: Word, pivot: Data, is_behind: bool, item: Data },
    Remove(Word, i64, Data),
    Trim(Word, i64, i64),
    Index(Word, i64),
    Range { key: Word, start: i64, stop: i64, is_back: bool },
}
use Operation::*;

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let key = || key(Home::Lists);
    let items = || vec(item(), 0..8);
    prop_oneof![
        16 => (key(), end(), items(), birth()).prop_map(|(k, end, items, birth)| Push(k, end, items, birth)),
        2 => (key(), end(), items()).prop_map(|(k, end, items)| PushExisting(k, end, items)),
        3 => (key(), end(), 0..6_u64).prop_map(|(k, end, count)| Pop(k, end, count)),
        2 => (vec(key(), 1..4), end(), 0..4_u64).prop_map(|(keys, end, count)| PopFirst(keys, end, count)),
        4 => (key(), key(), end(), end())
            .prop_map(|(from, to, from_end, to_end)| Move { from, to, from_end, to_end }),
        3 => (key(), index(), item()).prop_map(|(k, at, item)| Set(k, at, item)),
        4 => (key(), item(), any::<bool>(), item())
            .prop_map(|(key, pivot, is_behind, item)| Insert { key, pivot, is_behind, item }),
        3 => (key(), -3..4_i64, item()).prop_map(|(k, count, item)| Remove(k, count, item)),
        2 => trim(),
        2 => (key(), index()).prop_map(|(k, at)| Index(k, at)),
        2 => (key(), index(), index(), any::<bool>())
            .prop_map(|(key, start, stop, is_back)| Range { key, start, stop, is_back }),
    ]
}

/// Mostly one that keeps something.
fn trim() -> impl Strategy<Value = Operation> {
    let bounds = prop_oneof![4 => (0..4_i64, -4..0_i64), 1 => (index(), index())];
    (key(Home::Lists), bounds).prop_map(|(key, (start, stop))| Trim(key, start, stop))
}

fn end() -> impl Strategy<Value = ListEnd> {
    prop_oneof![Just(ListEnd::Left), Just(ListEnd::Right)]
}

impl Operation {
    /// Does it on the store.
    pub(crate) fn ask<S: Writable>(&self, db: &Db<S>) -> windrow::Result<Reply> {
        let lists = db.lists();
        let owned = |items: &[Data]| items.iter().map(|item| item.bytes()).collect::<Vec<_>>();
        Ok(match self {
            Push(key, end, items, birth) => lists.push_with(key, *end, owned(items), birth.options())?.into(),
            PushExisting(key, end, items) => lists.push_existing(key, *end, owned(items))?.into(),
            Pop(key, end, count) => lists.pop(key, *end, *count)?.into(),
            PopFirst(keys, end, count) => lists.pop_first(keys, *end, *count)?.into(),
            Move { from, to, from_end, to_end } => lists.move_item(from, to, *from_end, *to_end)?.into(),
            Set(key, at, item) => lists.set(key, *at, item.bytes())?.into(),
            Insert { key, pivot, is_behind: false, item } => {
                lists.insert_before(key, pivot.bytes(), item.bytes())?.into()
            }
            Insert { key, pivot, is_behind: true, item } => {
                lists.insert_after(key, pivot.bytes(), item.bytes())?.into()
            }
            Remove(key, count, item) => lists.remove(key, *count, item.bytes())?.into(),
            Trim(key, start, stop) => lists.trim(key, *start, *stop)?.into(),
            Index(key, at) => many([Reply::from(lists.index(key, *at)?), lists.len(key)?.into()]),
            Range { key, start, stop, is_back: false } => walked(lists.range(key, *start, *stop)?)?,
            Range { key, start, stop, is_back: true } => walked(lists.range_back(key, *start, *stop)?)?,
        })
    }

    /// Does it on the model.
    pub(crate) fn expect(&self, db: &mut world::Db) -> Answer {
        match self {
            Push(key, end, items, birth) => {
                let is_born_dead = db.is_born_dead(*key, *birth);
                let length = db.change(*key, *birth, |list| Ok(push_all(list, *end, items)))?;
                Ok(if is_born_dead { 0 } else { length }.into())
            }
            PushExisting(key, end, items) => match db.read::<List>(*key)? {
                None => Ok(0_u64.into()),
                Some(_) => db.change(*key, Birth::PLAIN, |list| Ok(push_all(list, *end, items).into())),
            },
            Pop(key, end, count) => match db.read::<List>(*key)? {
                None => Ok(Reply::Nothing),
                Some(_) => db.change(*key, Birth::PLAIN, |list| Ok(pop_many(list, *end, *count))),
            },
            PopFirst(_, _, 0) => Err(ErrorKind::InvalidInput),
            PopFirst(keys, end, count) => match keys.iter().find(|key| db.has(**key)) {
                None => Ok(Reply::Nothing),
                Some(key) => db.change(*key, Birth::PLAIN, |list| Ok((*key, pop_many(list, *end, *count)).into())),
            },
            Move { from, to, from_end, to_end } => move_item(db, (*from, *from_end), (*to, *to_end)),
            Set(key, at, item) => {
                let mut list: List = db.read(*key)?.ok_or(ErrorKind::NoSuchKey)?;
                let at = usize::try_from(place(*at, list.len())).ok().filter(|at| *at < list.len());
                list[at.ok_or(ErrorKind::OutOfRange)?] = item.bytes();
                db.put(*key, list, db.expires_at(*key));
                Ok(Reply::Nothing)
            }
            Insert { key, pivot, is_behind, item } => insert(db, *key, &pivot.bytes(), *is_behind, item.bytes()),
            Remove(key, count, item) => {
                db.change(*key, Birth::PLAIN, |list| Ok(remove(list, *count, &item.bytes()).into()))
            }
            Trim(key, start, stop) => db.change(*key, Birth::PLAIN, |list: &mut List| {
                let kept = between(*start, *stop, list.len());
                *list = list.range(kept).cloned().collect();
                Ok(Reply::Nothing)
            }),
            Index(key, at) => {
                let list: List = db.get(*key)?;
                let item = usize::try_from(place(*at, list.len())).ok().and_then(|at| list.get(at).cloned());
                Ok(many([Reply::from(item), list.len().into()]))
            }
            Range { key, start, stop, is_back } => {
                let list: List = db.get(*key)?;
                let mut items: Vec<Bytes> = list.range(between(*start, *stop, list.len())).cloned().collect();
                if *is_back {
                    items.reverse();
                }
                Ok(items.into())
            }
        }
    }
}

fn push(list: &mut List, end: ListEnd, item: Bytes) {
    match end {
        ListEnd::Left => list.push_front(item),
        ListEnd::Right => list.push_back(item),
    }
}

fn push_all(list: &mut List, end: ListEnd, items: &[Data]) -> usize {
    items.iter().for_each(|item| push(list, end, item.bytes()));
    list.len()
}

fn pop(list: &mut List, end: ListEnd) -> Option<Bytes> {
    match end {
        ListEnd::Left => list.pop_front(),
        ListEnd::Right => list.pop_back(),
    }
}

fn pop_many(list: &mut List, end: ListEnd, count: u64) -> Reply {
    many((0..count).map_while(|_| pop(list, end)))
}

fn move_item(db: &mut world::Db, (from, from_end): (Word, ListEnd), (to, to_end): (Word, ListEnd)) -> Answer {
    let source: Option<List> = db.read(from)?;
    let Some(mut source) = source else { return Ok(Reply::Nothing) };
    db.read::<List>(to)?;
    let item = pop(&mut source, from_end).unwrap();
    if from == to {
        push(&mut source, to_end, item.clone());
    }
    db.put(from, source, db.expires_at(from));
    if from != to {
        let mut target: List = db.get(to)?;
        push(&mut target, to_end, item.clone());
        db.put(to, target, db.expires_at(to));
    }
    Ok(item.into())
}

fn insert(db: &mut world::Db, key: Word, pivot: &Bytes, is_behind: bool, item: Bytes) -> Answer {
    let list: Option<List> = db.read(key)?;
    let Some(list) = list else { return Ok(0_u64.into()) };
    let Some(at) = list.iter().position(|item| item == pivot) else { return Ok(Reply::Nothing) };
    db.change(key, Birth::PLAIN, |list: &mut List| {
        list.insert(at + usize::from(is_behind), item);
        Ok(list.len().into())
    })
}

fn remove(list: &mut List, count: i64, item: &Bytes) -> usize {
    let mut places: Vec<usize> = (0..list.len()).filter(|n| list[*n] == item).collect();
    if count < 0 {
        places.reverse();
    }
    places.truncate(if count == 0 { usize::MAX } else { count.unsigned_abs() as usize });
    places.sort_unstable();
    places.iter().rev().for_each(|n| drop(list.remove(*n)));
    places.len()
}

pub(crate) fn positions(list: &List, item: &Bytes, rank: i64, count: u64, max_len: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..list.len()).collect();
    if rank < 0 {
        order.reverse();
    }
    order.truncate(if max_len == 0 { usize::MAX } else { max_len as usize });
    let found = order.into_iter().filter(|n| list[*n] == item).skip(rank.unsigned_abs() as usize - 1);
    found.take(if count == 0 { usize::MAX } else { count as usize }).collect()
}
