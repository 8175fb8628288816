//! Operations on two whole collections, half of whose members are in both.
//!
//! At 1,000,000 one of them takes a second and more, so there are ten samples.

use std::hint::black_box;

use criterion::Criterion;
use windrow::encoding::{ElementKey, Score, Tag};
use windrow::{CombineOptions, Db, Members, Result};

use crate::common::bare::Twins;
use crate::common::data::{member, options};
use crate::elements::BareCollection;
use crate::{beside, group, sizes};

const KEYS: [&str; 2] = ["key", "other"];

pub(crate) fn bench(c: &mut Criterion) {
    for size in sizes() {
        sets(c, size);
        sorted_sets(c, size);
    }
}

fn sets(c: &mut Criterion, size: u64) {
    let twins = Twins::filled(&options(), |db| {
        for (key, first) in KEYS.into_iter().zip([0, size / 2]) {
            db.sets().add(key, (first..first + size).map(member)).expect("fill a set");
        }
    });
    let db = twins.store.db(0);
    let [key, other] = KEYS.map(|key| BareCollection::find(&twins.bare, key));
    let mut group = group(c, "two sets", size);
    group.sample_size(10);
    beside(
        &mut group,
        "union",
        || walk(db.sets().union(KEYS)),
        || {
            key.merge(&other, Tag::SetMember, |tail, _, _| {
                black_box(tail);
            })
        },
    );
    beside(
        &mut group,
        "inter",
        || walk(db.sets().inter(KEYS)),
        || {
            key.merge(&other, Tag::SetMember, |tail, left, right| {
                if left.is_some() && right.is_some() {
                    black_box(tail);
                }
            });
        },
    );
    group.finish();
}

fn sorted_sets(c: &mut Criterion, size: u64) {
    let union = |db: &Db| db.zsets().union_store("sum", KEYS, CombineOptions::new());
    let twins = Twins::filled(&options(), |db| {
        for (key, first) in KEYS.into_iter().zip([0, size / 2]) {
            db.zsets().add(key, (first..first + size).map(|n| (member(n), n as f64))).expect("fill a sorted set");
        }
        union(db).expect("union");
    });
    let db = twins.store.db(0);
    let [key, other] = KEYS.map(|key| BareCollection::find(&twins.bare, key));
    let sum = BareCollection::find(&twins.bare, "sum");
    let mut group = group(c, "two sorted sets", size);
    group.sample_size(10);
    // windrow writes a new collection in place of the old; the bare side writes over what it wrote before.
    beside(&mut group, "union store", || union(&db), || bare_union(&key, &other, &sum));
    group.finish();
}

/// Reads the members of both with their scores, and puts each with the sum of its scores.
fn bare_union(key: &BareCollection<'_>, other: &BareCollection<'_>, sum: &BareCollection<'_>) {
    sum.fill(|put| {
        key.merge(other, Tag::SortedMember, |tail, left, right| {
            let total = number(left) + number(right);
            let total = Score::new(total).expect("a number");
            let member = ElementKey::decode_tail(tail).expect("an element");
            // The tag makes it one.
            let ElementKey::SortedMember(name) = member else { return };
            put(&member, &total.to_ordered_bytes());
            put(&ElementKey::SortedScore(total, name), &[]);
        });
    });
}

fn number(score: Option<&[u8]>) -> f64 {
    score.map_or(0.0, |score| {
        let score = score.try_into().expect("8 bytes");
        Score::from_ordered_bytes(score).expect("a score").get()
    })
}

fn walk(members: Result<Members>) {
    let mut members = members.expect("combine");
    while let Some(member) = members.next_ref().expect("walk") {
        black_box(member);
    }
}
