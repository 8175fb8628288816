//! Lists.

use std::hint::black_box;

use criterion::Criterion;
use windrow::encoding::{ElementKey, LIST_MIDDLE, Tag};

use crate::common::bare::Twins;
use crate::common::data::{Shuffled, VALUE, fill_list, options};
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
        group.finish();
    }
}
