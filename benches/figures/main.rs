//! The figures of `docs/benchmarks.md` that compare: with bare RocksDB, or one state of a store with another.
//!
//! Uses the public API and `../common`. Each figure is a ratio of times taken in turns in one run: the median of the
//! pairs' ratios. Values are 100 bytes, durability is `Buffered`, one thread calls, everything is cached.
//!
//! Arguments: names of figures (all without any); `--test` runs each once, small.
#![allow(missing_docs, reason = "a program, not an interface")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot go on has nothing to measure")]
#![allow(clippy::indexing_slicing, reason = "a benchmark that is wrong may stop")]

#[path = "../common/mod.rs"]
mod common;

mod adds;
mod afterwards;
mod deletes;
mod many;
mod measure;
mod pacing;
mod reads;
mod small;
mod walks;

use measure::Scale;

type Figure = (&'static str, fn(Scale));

const FIGURES: [Figure; 8] = [
    ("reads", reads::run),
    ("many", many::run),
    ("adds", adds::run),
    ("deletes", deletes::run),
    ("walks", walks::run),
    ("afterwards", afterwards::run),
    ("small", small::run),
    ("pacing", pacing::run),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let scale = Scale { smoke: arguments.iter().any(|argument| argument == "--test") };
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    for (name, run) in FIGURES {
        if wanted.is_empty() || wanted.iter().any(|wanted| *wanted == name) {
            run(scale);
        }
    }
}
