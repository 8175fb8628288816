//! Single operations on a small, cached store: how long one call takes on one thread.
//!
//! Uses the public API and criterion. What it shows: that deleting costs the same for a set of any size, and what
//! a time to live adds to a write. Values are 100 bytes, durability is `Buffered`.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot begin has nothing to measure")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use windrow::{CreateOptions, Durability, Options, SetOptions, Store};

fn open() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut options = Options::default();
    options.durability = Durability::Buffered;
    let store = Store::builder(dir.path().join("store")).options(options).open().expect("a new store");
    (dir, store)
}

fn strings(c: &mut Criterion) {
    let (_dir, store) = open();
    let db = store.db(0);
    let value = [7_u8; 100];
    let mut n = 0_u64;
    let mut next = move || {
        n += 1;
        n.to_be_bytes()
    };
    let mut group = c.benchmark_group("string");
    group.bench_function("set", |b| b.iter(|| db.strings().set(next(), value)));
    let minute = SetOptions::new().expire_in(Duration::from_secs(60));
    group.bench_function("set expiring", |b| b.iter(|| db.strings().set_with(next(), value, minute.clone())));
    db.strings().set("here", value).expect("set");
    group.bench_function("get", |b| b.iter(|| black_box(db.strings().get("here"))));
    group.bench_function("get missing", |b| b.iter(|| black_box(db.strings().get("nowhere"))));
    group.bench_function("incr", |b| b.iter(|| db.strings().incr("counter")));
    group.finish();
}

fn sets(c: &mut Criterion) {
    let (_dir, store) = open();
    let db = store.db(0);
    let mut n = 0_u64;
    let mut next = move || {
        n += 1;
        n.to_be_bytes()
    };
    let mut group = c.benchmark_group("set");
    let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    group.bench_function("create expiring, 1 member", |b| {
        b.iter(|| db.sets().add_with(next(), [[7_u8; 100]], minute.clone()));
    });
    group.bench_function("add 1 new member", |b| b.iter(|| db.sets().add("growing", [next()])));
    group.bench_function("contains", |b| b.iter(|| black_box(db.sets().contains("growing", 9_u64.to_be_bytes()))));
    for members in [1_u64, 1_000] {
        group.bench_function(format!("delete, {members} members"), |b| {
            b.iter_batched(
                || db.sets().add("doomed", (0..members).map(u64::to_be_bytes)).expect("add"),
                |_| db.delete(["doomed"]),
                BatchSize::PerIteration,
            );
        });
    }
    db.sets().add("large", (0..10_000_u64).map(u64::to_be_bytes)).expect("add");
    group.bench_function("members, 10,000", |b| {
        b.iter(|| {
            db.sets().members("large").expect("members").fold(0, |count, member| count + usize::from(member.is_ok()))
        });
    });
    group.finish();
}

criterion_group!(benches, strings, sets);
criterion_main!(benches);
