//! Lists.

use std::hint::black_box;

use criterion::Criterion;
use windrow::encoding::{ElementKey, LIST_MIDDLE, Tag};

use crate::common::bare::Twins;
use crate::common::data::{Shuffled, VALUE, fill_list, member, options};
use crate::elements::BareCollection;
use crate::{beside, group, sizes};

pub(crate) fn bench(c: &mut Criterion) {
    for size in sizes() {
        let twins = Twins::filled(&options(), |db| fill_list(db, "key", size));
        let (db, bare) = (twins.store.db(0), BareCollection::find(&twins.bare, "key"));
        let mut group = group(c, "list", size);
        let (mut a, mut b) = (Shuffled::below(size), Shuffled::below(size));
        beside(
            &mut group,
            "index",
            || db.lists().index("key", a.next().cast_signed()),
            || bare.get(&ElementKey::ListItem(LIST_MIDDLE + b.next())),
        );
        // Before the changes, because what is deleted slows down the walk of a short list.
        group.sample_size(10);
        beside(
            &mut group,
            "range",
            || {
                let mut walk = db.lists().range("key", 0, -1).expect("range");
                while let Some(item) = walk.next_ref().expect("walk") {
                    black_box(item);
                }
            },
            || bare.walk(Tag::ListItem, size),
        );
        group.sample_size(20);
        // In the middle of a short list, not far from the beginning of a long one: what lies before the place moves.
        let place = size.min(10_000) / 2;
        let pivot = member(place);
        beside(
            &mut group,
            &format!("insert before item {place}, remove it"),
            || {
                db.lists().insert_before("key", pivot, VALUE).expect("insert");
                db.lists().remove("key", 1, VALUE)
            },
            || insert_and_remove(&bare, place),
        );
        beside(
            &mut group,
            "set",
            || db.lists().set("key", a.next().cast_signed(), VALUE),
            || bare.put(&ElementKey::ListItem(LIST_MIDDLE + b.next()), &VALUE),
        );
        beside(
            &mut group,
            "push right, pop right",
            || {
                db.lists().push_right("key", [VALUE]).expect("push");
                db.lists().pop_right("key")
            },
            || bare.put_and_delete(&[(ElementKey::ListItem(LIST_MIDDLE + size), &VALUE)]),
        );
        group.finish();
    }
}

/// Reads the items before a place and moves them by one to the left with a new one behind them, then back.
fn insert_and_remove(bare: &BareCollection<'_>, place: u64) {
    let moved = |items: &[Vec<u8>], first: u64| {
        let keys = (first..).map(ElementKey::ListItem);
        keys.zip(items.iter().cloned()).collect::<Vec<(ElementKey<'_>, Vec<u8>)>>()
    };
    bare.get_record();
    let mut items = bare.values(Tag::ListItem, place);
    items.push(VALUE.to_vec());
    let puts = moved(&items, LIST_MIDDLE - 1);
    bare.commit(&puts.iter().map(|(key, item)| (*key, item.as_slice())).collect::<Vec<_>>(), &[]);
    bare.get_record();
    let mut items = bare.values(Tag::ListItem, place + 1);
    items.pop();
    let puts = moved(&items, LIST_MIDDLE);
    let puts: Vec<_> = puts.iter().map(|(key, item)| (*key, item.as_slice())).collect();
    bare.commit(&puts, &[ElementKey::ListItem(LIST_MIDDLE - 1)]);
}
