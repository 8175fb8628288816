//! Sorted sets.

use std::hint::black_box;

use criterion::Criterion;
use windrow::ZRange;
use windrow::encoding::{ElementKey, Score, Tag};

use crate::common::bare::Twins;
use crate::common::data::{Shuffled, fill_zset, member, options};
use crate::elements::BareCollection;
use crate::{beside, group, sizes};

pub(crate) fn bench(c: &mut Criterion) {
    for size in sizes() {
        let twins = Twins::filled(&options(), |db| fill_zset(db, "key", size));
        let (db, bare) = (twins.store.db(0), BareCollection::find(&twins.bare, "key"));
        let mut group = group(c, "sorted set", size);
        let (mut a, mut b) = (Shuffled::below(size), Shuffled::below(size));
        beside(
            &mut group,
            "score",
            || db.zsets().score("key", member(a.next())),
            || bare.get(&ElementKey::SortedMember(&member(b.next()))),
        );
        let new = member(size);
        let score = Score::new(0.5).expect("a number");
        beside(
            &mut group,
            "add a member, remove it",
            || {
                db.zsets().add("key", [(new, 0.5)]).expect("add");
                db.zsets().remove("key", [new])
            },
            || {
                let value = score.to_ordered_bytes();
                bare.put_and_delete(&[
                    (ElementKey::SortedMember(&new), &value),
                    (ElementKey::SortedScore(score, &new), &[]),
                ]);
            },
        );
        beside(
            &mut group,
            "the first 10 by score",
            || walk(db.zsets().range("key", ZRange::scores(0.0, f64::INFINITY).limit(0, 10))),
            || bare.walk(Tag::SortedScore, 10),
        );
        group.bench_function("rank", |b| b.iter(|| db.zsets().rank("key", member(size / 2))));
        group.sample_size(10);
        beside(
            &mut group,
            "all by rank",
            || walk(db.zsets().range("key", ZRange::ranks(0, -1))),
            || bare.walk(Tag::SortedScore, size),
        );
        group.finish();
    }
}

fn walk(entries: windrow::Result<windrow::ZEntries>) {
    let mut entries = entries.expect("range");
    while let Some(entry) = entries.next_ref().expect("walk") {
        black_box(entry);
    }
}
