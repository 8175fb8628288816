//! Hashes.

use std::hint::black_box;

use criterion::Criterion;
use windrow::encoding::{ElementKey, Tag};

use crate::common::bare::Twins;
use crate::common::data::{Shuffled, VALUE, fill_hash, name, options};
use crate::elements::BareCollection;
use crate::{beside, group, sizes};

pub(crate) fn bench(c: &mut Criterion) {
    for size in sizes() {
        let twins = Twins::filled(&options(), |db| fill_hash(db, "key", size));
        let (db, bare) = (twins.store.db(0), BareCollection::find(&twins.bare, "key"));
        let mut group = group(c, "hash", size);
        let (mut a, mut b) = (Shuffled::below(size), Shuffled::below(size));
        beside(
            &mut group,
            "get",
            || db.hashes().get("key", name(a.next())),
            || bare.get(&ElementKey::HashField(&name(b.next()))),
        );
        beside(
            &mut group,
            "set a field that is there",
            || db.hashes().set("key", name(a.next()), VALUE),
            || bare.put(&ElementKey::HashField(&name(b.next())), &VALUE),
        );
        let new = name(size);
        beside(
            &mut group,
            "set a new field, delete it",
            || {
                db.hashes().set("key", new, VALUE).expect("set");
                db.hashes().delete("key", [new])
            },
            || bare.put_and_delete(&[(ElementKey::HashField(&new), &VALUE)]),
        );
        group.sample_size(10);
        beside(
            &mut group,
            "get all",
            || {
                let mut walk = db.hashes().get_all("key").expect("get_all");
                while let Some(entry) = walk.next_ref().expect("walk") {
                    black_box(entry);
                }
            },
            || bare.walk(Tag::HashField, size),
        );
        db.hashes().set("key", "counter", "0").expect("set");
        let counter = ElementKey::HashField(b"counter");
        bare.put(&counter, b"0");
        group.sample_size(20);
        beside(
            &mut group,
            "incr",
            || db.hashes().incr_by("key", "counter", 1),
            || {
                bare.get(&counter);
                bare.put(&counter, b"1234");
            },
        );
        group.finish();
    }
}
