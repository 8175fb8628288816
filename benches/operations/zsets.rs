//! Sorted sets.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use windrow::encoding::{ElementKey, Score, Tag};
use windrow::{Db, ZRange};

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
        group.sample_size(10);
        beside(
            &mut group,
            "all by rank",
            || walk(db.zsets().range("key", ZRange::ranks(0, -1))),
            || bare.walk(Tag::SortedScore, size),
        );
        // Last, because what is deleted slows down the walks of a small set.
        ranks_and_changes(&mut group, &db, &bare, size);
        group.finish();
    }
}

fn ranks_and_changes(group: &mut BenchmarkGroup<'_, WallTime>, db: &Db, bare: &BareCollection<'_>, size: u64) {
    // Bare RocksDB has to count the members before; windrow keeps an index once it was asked (`rank_index_bytes`).
    group.sample_size(10);
    let middle = member(size / 2);
    beside(
        group,
        "rank",
        || db.zsets().rank("key", middle),
        || {
            bare.get(&ElementKey::SortedMember(&middle));
            bare.walk(Tag::SortedScore, size / 2);
        },
    );
    group.sample_size(20);
    beside(
        group,
        "pop the first, add it",
        || {
            let popped = db.zsets().pop_min("key", 1).expect("pop");
            db.zsets().add("key", popped)
        },
        || pop_and_add(bare),
    );
    // The last member, whose rank does not change.
    let last = member(size - 1);
    let mut at = Score::new((size - 1) as f64).expect("a number");
    beside(
        group,
        "incr",
        || db.zsets().incr_by("key", last, 1.0),
        || {
            bare.get(&ElementKey::SortedMember(&last));
            let old = at;
            at = Score::new(old.get() + 1.0).expect("a number");
            bare.replace(
                &[(ElementKey::SortedMember(&last), &at.to_ordered_bytes()), (ElementKey::SortedScore(at, &last), &[])],
                &[ElementKey::SortedScore(old, &last)],
            );
        },
    );
}

fn walk(entries: windrow::Result<windrow::ZEntries>) {
    let mut entries = entries.expect("range");
    while let Some(entry) = entries.next_ref().expect("walk") {
        black_box(entry);
    }
}

/// Reads and deletes the first element by score and its member's, then reads the member's and puts both again.
fn pop_and_add(bare: &BareCollection<'_>) {
    bare.get_record();
    let first = bare.key_behind(Tag::SortedScore, 0);
    let (_, first) = ElementKey::decode(&first).expect("an element");
    // The tag makes it one.
    let ElementKey::SortedScore(score, member) = first else { return };
    let member = ElementKey::SortedMember(member);
    bare.commit(&[], &[first, member]);
    bare.get(&member);
    bare.commit(&[(first, &[]), (member, &score.to_ordered_bytes())], &[]);
}
