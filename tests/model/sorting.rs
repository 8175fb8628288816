//! Sorting: by the elements or by other keys, and what is returned of each element.

use std::cmp::Ordering;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use windrow::{Db, ErrorKind, SortOptions, Writable};

use crate::draw::{Birth, Data, Home, Word, any_key, key, number};
use crate::reply::{Answer, Reply};
use crate::world::{self, Hash, List, Value};
use crate::zset_range::ranked;

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// Makes a list of numbers alone or of keys alone: few others can be sorted by what they are, or where they lead.
    Fill(Word, Vec<Data>),
    Store {
        from: Word,
        to: Word,
        order: Order,
    },
}
use Operation::*;

#[derive(Clone, Debug)]
pub(crate) struct Order {
    by: Option<Place>,
    gets: Vec<Place>,
    limit: Option<(u8, u8)>,
    is_descending: bool,
    is_alphabetic: bool,
}

/// Where an element leads.
#[derive(Clone, Copy, Debug)]
enum Place {
    Nowhere,
    Itself,
    /// To the key with the element between two parts, and there to a field if one is named.
    Key {
        before: Word,
        behind: Word,
        field: Option<Word>,
    },
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let items = prop_oneof![vec(number(), 0..9), vec(any_key().prop_map(Data::Text), 0..9)];
    prop_oneof![
        2 => (key(Home::Lists), items).prop_map(|(k, items)| Fill(k, items)),
        3 => (sortable(), key(Home::Lists), order()).prop_map(|(from, to, order)| Store { from, to, order }),
    ]
}

pub(crate) fn sortable() -> impl Strategy<Value = Word> {
    prop_oneof![2 => key(Home::Sets), 3 => key(Home::Lists), 2 => key(Home::ZSets), 1 => any_key()]
}

pub(crate) fn order() -> impl Strategy<Value = Order> {
    let limit = proptest::option::weighted(0.3, (0..4_u8, 0..4_u8));
    (proptest::option::of(place()), vec(place(), 0..3), limit, any::<bool>(), any::<bool>()).prop_map(
        |(by, gets, limit, is_descending, is_alphabetic)| Order { by, gets, limit, is_descending, is_alphabetic },
    )
}

/// Keys lead to themselves where nothing stands before or behind; else `""`, `"h"` and `"\0"` lead to some.
fn place() -> impl Strategy<Value = Place> {
    let before = select(&[Word(b""), Word(b""), Word(b"h")][..]);
    let behind = select(&[Word(b""), Word(b""), Word(b"\0"), Word(b"s")][..]);
    let field = proptest::option::weighted(0.7, select(&[Word(b"7"), Word(b"a"), Word(b"\xff")][..]));
    prop_oneof![
        2 => Just(Place::Nowhere),
        1 => Just(Place::Itself),
        4 => (before, behind, field).prop_map(|(before, behind, field)| Place::Key { before, behind, field }),
    ]
}

impl Place {
    fn text(self) -> Vec<u8> {
        match self {
            Self::Nowhere => b"nowhere".to_vec(),
            Self::Itself => b"#".to_vec(),
            Self::Key { before, behind, field: None } => [before.0, b"*", behind.0].concat(),
            Self::Key { before, behind, field: Some(field) } => [before.0, b"*", behind.0, b"->", field.0].concat(),
        }
    }

    fn look_up(self, db: &world::Db, element: &Bytes) -> Option<Bytes> {
        match self {
            Self::Nowhere => None,
            Self::Itself => Some(element.clone()),
            Self::Key { before, behind, field } => {
                // As C reads it: no arrow is seen behind a zero byte, and it is a part of the key like the rest.
                let (behind, field) = match field {
                    Some(field) if behind.0.contains(&0) => ([behind.0, b"->", field.0].concat(), None),
                    field => (behind.0.to_vec(), field),
                };
                let key = [before.0, element, &behind].concat();
                let entry = db.entries.iter().find(|(name, _)| name.0 == key);
                match (entry.map(|(_, entry)| &entry.value), field) {
                    (Some(Value::String(text)), None) => Some(text.clone()),
                    (Some(Value::Hash(hash)), Some(field)) => Hash::get(hash, field.0).cloned(),
                    _ => None,
                }
            }
        }
    }
}

impl Order {
    pub(crate) fn options(&self) -> SortOptions {
        let mut options = SortOptions::new();
        if let Some(by) = self.by {
            options = options.by(by.text());
        }
        for place in &self.gets {
            options = options.get(place.text());
        }
        if let Some((offset, count)) = self.limit {
            options = options.limit(offset.into(), count.into());
        }
        if self.is_descending {
            options = options.descending();
        }
        if self.is_alphabetic { options.alphabetic() } else { options }
    }
}

impl Order {
    /// Tells whether other keys are read.
    pub(crate) fn leads_to_keys(&self) -> bool {
        self.by.iter().chain(&self.gets).any(|place| matches!(place, Place::Key { .. }))
    }
}

impl Operation {
    /// Tells whether keys are read that it does not name.
    pub(crate) fn leads_to_keys(&self) -> bool {
        matches!(self, Store { order, .. } if order.leads_to_keys())
    }

    /// Does it on the store.
    pub(crate) fn ask<S: Writable>(&self, db: &Db<S>) -> windrow::Result<Reply> {
        Ok(match self {
            Fill(key, items) => {
                db.delete([key])?;
                db.lists().push_right(key, items.iter().map(|item| item.bytes()))?.into()
            }
            Store { from, to, order } => db.sort_store(from, to, &order.options())?.into(),
        })
    }

    /// Does it on the model.
    pub(crate) fn expect(&self, db: &mut world::Db) -> Answer {
        let (to, list) = match self {
            Fill(key, items) => (key, items.iter().map(|item| item.bytes()).collect()),
            Store { from, to, order } => {
                let found = sorted(db, *from, order, true)?;
                (to, found.into_iter().map(Option::unwrap_or_default).collect::<List>())
            }
        };
        let size = list.len();
        Ok(db.store(*to, list, size, Birth::PLAIN).into())
    }
}

/// What is returned of the elements, in their order.
pub(crate) fn sorted(
    db: &world::Db,
    key: Word,
    order: &Order,
    is_stored: bool,
) -> Result<Vec<Option<Bytes>>, ErrorKind> {
    let (elements, has_order) = elements(db, key)?;
    let mut elements = match order.by {
        // Nobody may rely on the order of a set, which the store reads by its bytes and turns round only if it is stored.
        Some(Place::Nowhere | Place::Itself) => {
            let is_turned = order.is_descending && (has_order || is_stored);
            if is_turned { elements.into_iter().rev().collect() } else { elements }
        }
        _ => weighed(db, elements, order)?,
    };
    if let Some((offset, count)) = order.limit {
        elements = elements.into_iter().skip(offset.into()).take(count.into()).collect();
    }
    Ok(match &order.gets[..] {
        [] => elements.into_iter().map(Some).collect(),
        gets => elements.iter().flat_map(|element| gets.iter().map(|place| place.look_up(db, element))).collect(),
    })
}

/// The elements, and whether their order is one that a caller knows.
fn elements(db: &world::Db, key: Word) -> Result<(Vec<Bytes>, bool), ErrorKind> {
    match db.entries.get(&key).map(|entry| &entry.value) {
        None => Ok((Vec::new(), true)),
        Some(Value::String(_) | Value::Hash(_)) => Err(ErrorKind::WrongType),
        Some(Value::Set(set)) => Ok((set.iter().cloned().collect(), false)),
        Some(Value::List(list)) => Ok((list.iter().cloned().collect(), true)),
        Some(Value::ZSet(zset)) => Ok((ranked(zset).into_iter().map(|(member, _)| member).collect(), true)),
    }
}

fn weighed(db: &world::Db, mut elements: Vec<Bytes>, order: &Order) -> Result<Vec<Bytes>, ErrorKind> {
    elements.sort();
    let text = |element: &Bytes| order.by.map_or(Some(element.clone()), |by| by.look_up(db, element));
    // Sorting is stable, so that the bytes decide between equal weights.
    if order.is_alphabetic {
        elements.sort_by_key(text);
    } else {
        let weigh = |element: Bytes| Ok((text(&element).map_or(Ok(0.0), |text| weight(&text))?, element));
        let mut pairs: Vec<(f64, Bytes)> = elements.into_iter().map(weigh).collect::<Result<_, ErrorKind>>()?;
        pairs.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal));
        elements = pairs.into_iter().map(|(_, element)| element).collect();
    }
    if order.is_descending {
        elements.reverse();
    }
    Ok(elements)
}

/// As C reads a number: it ends at a zero byte, spaces may be before it, and nothing at all is 0.
fn weight(bytes: &[u8]) -> Result<f64, ErrorKind> {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Ok(0.0);
    }
    let text = std::str::from_utf8(text).map_err(|_| ErrorKind::NotAFloat)?;
    let text = text.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    let number: f64 = text.parse().map_err(|_| ErrorKind::NotAFloat)?;
    let is_too_large = number.is_infinite() && !text.contains("inf");
    if number.is_nan() || is_too_large { Err(ErrorKind::NotAFloat) } else { Ok(number) }
}
