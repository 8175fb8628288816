//! Whole keys: creating and deleting them, whatever they hold.

use std::time::Duration;

use criterion::{BatchSize, Criterion};
use windrow::{CreateOptions, Store};

use crate::common::data::{member, name, options};
use crate::group;

pub(crate) fn bench(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = Store::builder(dir.path().join("store")).options(options()).open().expect("a new store");
    let db = store.db(0);
    let mut n = 0;
    let mut next = move || {
        n += 1;
        n
    };
    let mut group = group(c, "sets", 1);
    let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    group.bench_function("create expiring", |b| {
        b.iter(|| db.sets().add_with(name(next()), [member(0)], minute));
    });
    group.finish();
    for size in [1, 1_000] {
        let mut group = self::group(c, "sets", size);
        group.bench_function("delete", |b| {
            b.iter_batched(
                || db.sets().add("doomed", (0..size).map(member)).expect("add"),
                |_| db.delete(["doomed"]),
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}
