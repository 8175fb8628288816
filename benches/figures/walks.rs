//! Reading a large collection, beside a bare `DBRawIterator` over the same elements.

use std::hint::black_box;

use windrow::encoding::Tag;
use windrow::{DataType, Db, ZRange};

use crate::common::bare::Twins;
use crate::common::data::{fill_hash, fill_list, fill_set, fill_zset, options};
use crate::measure::{Scale, compare, heading, line};

/// A turn reads this many elements, and the next one goes on from there. WHY: a turn over all of them would hardly
/// ever pass without an interruption by another process.
const TURN: u64 = 500;
const PAIRS: usize = 6_000;

/// Reads so many elements more, from the start again behind the last.
type Walk<'d> = Box<dyn FnMut(u64) + 'd>;

pub(crate) fn run(scale: Scale) {
    heading("walks: the speed of reading all elements, as a share of a bare DBRawIterator's", "bare", "windrow");
    for count in scale.sizes(&[10_000, 1_000_000]) {
        for data_type in [DataType::Hash, DataType::Set, DataType::SortedSet, DataType::List] {
            one(scale, data_type, count);
        }
    }
}

fn one(scale: Scale, data_type: DataType, count: u64) {
    let (fill, tag): (fn(&Db, &str, u64), Tag) = match data_type {
        DataType::Hash => (fill_hash, Tag::HashField),
        DataType::Set => (fill_set, Tag::SetMember),
        DataType::SortedSet => (fill_zset, Tag::SortedScore),
        _ => (fill_list, Tag::ListItem),
    };
    let twins = Twins::filled(&options(), |db| fill(db, "key", count));
    let db = twins.store.db(0);
    let turn = TURN.min(count);
    for (how, target, mut walk) in
        [("lent", ">= 0.85", lent(&db, data_type)), ("owned", ">= 0.60", owned(&db, data_type))]
    {
        let mut bare = bare(&twins, tag);
        let compared = compare(scale, PAIRS, 1, || bare(turn), || walk(turn));
        line(&format!("{data_type:?}, {count} elements, {how}"), target, &compared);
    }
}

fn bare(twins: &Twins, tag: Tag) -> Walk<'_> {
    let id = twins.bare.record(b"key").1.id().expect("large enough to lie apart");
    let open = move || twins.bare.elements(id, tag.byte());
    let mut elements = open();
    Box::new(move |turn| {
        for _ in 0..turn {
            match elements.item() {
                Some(element) => {
                    black_box(element);
                    elements.next();
                }
                None => {
                    elements.status().expect("walk");
                    elements = open();
                }
            }
        }
    })
}

/// Walks without a copy.
fn lent(db: &Db, data_type: DataType) -> Walk<'_> {
    macro_rules! walk {
        ($open:expr) => {{
            let open = move || $open.expect("open a walk");
            let mut walk = open();
            Box::new(move |turn| {
                for _ in 0..turn {
                    match walk.next_ref().expect("walk") {
                        Some(element) => {
                            black_box(element);
                        }
                        None => walk = open(),
                    }
                }
            })
        }};
    }
    match data_type {
        DataType::Hash => walk!(db.hashes().get_all("key")),
        DataType::Set => walk!(db.sets().members("key")),
        DataType::SortedSet => walk!(db.zsets().range("key", ZRange::ranks(0, -1))),
        _ => walk!(db.lists().range("key", 0, -1)),
    }
}

/// Walks over owned elements.
fn owned(db: &Db, data_type: DataType) -> Walk<'_> {
    fn walk<'d, T, W>(open: impl Fn() -> windrow::Result<W> + 'd) -> Walk<'d>
    where
        W: Iterator<Item = windrow::Result<T>> + 'd,
    {
        let mut walk = open().expect("open a walk");
        Box::new(move |turn| {
            for _ in 0..turn {
                match walk.next() {
                    Some(element) => drop(black_box(element.expect("walk"))),
                    None => walk = open().expect("open a walk"),
                }
            }
        })
    }
    match data_type {
        DataType::Hash => walk(|| db.hashes().get_all("key")),
        DataType::Set => walk(|| db.sets().members("key")),
        DataType::SortedSet => walk(|| db.zsets().range("key", ZRange::ranks(0, -1))),
        _ => walk(|| db.lists().range("key", 0, -1)),
    }
}
