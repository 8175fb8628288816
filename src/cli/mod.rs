//! The command-line tool's work, behind the arguments that `src/bin/windrow.rs` reads.
//!
//! May use the public handles of the crate, as any other program would, and the list of files below them, for one figure.
//! Invariant: no error, however unlikely, ends in a panic; a run that found a mismatch, or whose space did not come
//! back, never ends well.

mod bench;
mod chart;
mod check;
mod config;
mod disk;
mod failure;
#[cfg(test)]
mod fixture;
mod generated;
mod histogram;
mod json;
mod ledger;
mod live;
mod parallel;
mod place;
mod progress;
mod report;
mod run;
#[cfg(feature = "server")]
mod serve;
mod settle;
mod table;
mod text;
mod times;
mod transfer;
mod tree;
mod verify;
mod watcher;
mod workload;
mod write;

#[cfg(feature = "server")]
pub use self::serve::{Serve, serve};
pub use self::{
    bench::bench_window,
    config::{Input, JsonTo, WindowBench},
    failure::{Failure, Result},
    text::duration,
    transfer::{Export, Import, export, import},
    verify::check_store,
};
