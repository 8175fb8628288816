//! Sets.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use windrow::Db;
use windrow::encoding::{ElementKey, Tag};

use crate::common::bare::Twins;
use crate::common::data::{Shuffled, fill_set, member, options};
use crate::elements::BareCollection;
use crate::{beside, group, sizes};

pub(crate) fn bench(c: &mut Criterion) {
    for size in sizes() {
        let twins = Twins::filled(&options(), |db| fill_set(db, "key", size));
        let (db, bare) = (twins.store.db(0), BareCollection::find(&twins.bare, "key"));
        let mut group = group(c, "set", size);
        let (mut a, mut b) = (Shuffled::below(size), Shuffled::below(size));
        beside(
            &mut group,
            "contains",
            || db.sets().contains("key", member(a.next())),
            || bare.get(&ElementKey::SetMember(&member(b.next()))),
        );
        let new = member(size);
        beside(
            &mut group,
            "add a member, remove it",
            || {
                db.sets().add("key", [new]).expect("add");
                db.sets().remove("key", [new])
            },
            || bare.put_and_delete(&[(ElementKey::SetMember(&new), &[])]),
        );
        group.sample_size(10);
        beside(
            &mut group,
            "members",
            || {
                let mut walk = db.sets().members("key").expect("members");
                while let Some(member) = walk.next_ref().expect("walk") {
                    black_box(member);
                }
            },
            || bare.walk(Tag::SetMember, size),
        );
        random_members(&mut group, &db, &bare, size);
        group.finish();
    }
}

fn random_members(group: &mut BenchmarkGroup<'_, WallTime>, db: &Db, bare: &BareCollection<'_>, size: u64) {
    let mut places = Shuffled::below(size);
    // A random member is found by walking up to it, on both sides.
    beside(
        group,
        "random",
        || db.sets().random("key", 1),
        || {
            bare.get_record();
            bare.key_behind(Tag::SetMember, places.next())
        },
    );
    beside(
        group,
        "pop a member, add it",
        || {
            let popped = db.sets().pop("key", 1).expect("pop");
            db.sets().add("key", popped)
        },
        || {
            bare.get_record();
            let popped = bare.key_behind(Tag::SetMember, places.next());
            let (_, popped) = ElementKey::decode(&popped).expect("an element");
            bare.commit(&[], &[popped]);
            bare.get(&popped);
            bare.commit(&[(popped, &[])], &[]);
        },
    );
}
