//! Single operations of every data type at 10, 10,000 and 1,000,000 elements, beside the same records put and got on
//! bare RocksDB.
//!
//! Uses the public API, criterion and `../common`. One thread, 100-byte values, durability `Buffered`, everything
//! cached; both sides open copies of the same compacted files. What adds also removes, so that sizes stay. What writes
//! whole collections or combines two ends at 100,000.
//!
//! With `--test`, more than 10,000 elements are left out.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot go on has nothing to measure")]
#![allow(clippy::indexing_slicing, reason = "a benchmark that is wrong may stop")]

#[path = "../common/mod.rs"]
mod common;

mod combined;
mod elements;
mod hashes;
mod keys;
mod lists;
mod sets;
mod strings;
mod zsets;

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};

/// How many elements there are.
fn sizes() -> Vec<u64> {
    let smoke = std::env::args().any(|argument| argument == "--test");
    let most = if smoke { 10_000 } else { 1_000_000 };
    [10, 10_000, 1_000_000].into_iter().filter(|size| *size <= most).collect()
}

/// Begins a group, with times that fit a hundred of benchmarks into a few minutes.
fn group<'c>(c: &'c mut Criterion, name: &str, size: u64) -> BenchmarkGroup<'c, WallTime> {
    let mut group = c.benchmark_group(format!("{name} of {size}"));
    group.sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    group
}

/// Measures an operation of the store and its counterpart.
fn beside<A, B>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    mut ours: impl FnMut() -> A,
    mut bare: impl FnMut() -> B,
) {
    group.bench_function(name, |b| b.iter(&mut ours));
    group.bench_function(format!("{name} (bare)"), |b| b.iter(&mut bare));
}

criterion_group!(
    benches,
    strings::bench,
    hashes::bench,
    sets::bench,
    zsets::bench,
    lists::bench,
    combined::bench,
    keys::bench
);
criterion_main!(benches);
