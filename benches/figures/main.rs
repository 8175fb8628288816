//! The figures of `docs/benchmarks.md` that compare: with bare RocksDB, or one state of a store with another.
//!
//! Uses the public API and `../common`. Each figure is a ratio of times taken in turns in one run: the median of the
//! pairs' ratios. Values are 100 bytes, durability is `Buffered`, one thread calls, everything is cached.
//!
//! Arguments: names of figures (all without any); `--test` runs each once, small; `--full` takes the largest sizes of
//! those that have some.
#![allow(missing_docs, reason = "a program, not an interface")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot go on has nothing to measure")]
#![allow(clippy::indexing_slicing, reason = "a benchmark that is wrong may stop")]

#[path = "../common/mod.rs"]
mod common;

mod adds;
mod afterwards;
mod bulk;
mod counting;
mod cpu;
mod dead_ids;
mod deletes;
mod events;
mod import;
mod ingest;
mod many;
mod measure;
mod namespaces;
mod open;
mod pacing;
mod reads;
mod reap;
mod small;
mod subscribers;
mod transactions;
mod walks;

use measure::Scale;

type Figure = (&'static str, fn(Scale));

const FIGURES: [Figure; 17] = [
    ("reads", reads::run),
    ("many", many::run),
    ("adds", adds::run),
    ("deletes", deletes::run),
    ("walks", walks::run),
    ("afterwards", afterwards::run),
    ("small", small::run),
    ("subscribers", subscribers::run),
    ("transactions", transactions::run),
    ("import", import::run),
    ("reap", reap::run),
    ("open", open::run),
    ("dead-ids", dead_ids::run),
    ("namespaces", namespaces::run),
    ("ingest", ingest::run),
    ("bulk", bulk::run),
    ("pacing", pacing::run),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    let scale = Scale { smoke: has("--test"), full: has("--full") };
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    for (name, run) in FIGURES {
        if wanted.is_empty() || wanted.iter().any(|wanted| *wanted == name) {
            run(scale);
        }
    }
}
