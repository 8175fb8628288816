//! The server beside Debian's redis-server, and beside bare RocksDB, under redis-benchmark.
//!
//! Uses the tool `windrow`, `redis-server` and `redis-benchmark` as child processes, and `../common`. Invariant: all servers get the same
//! load in turns in one run, so that what the machine does meanwhile falls on all alike; a ratio is the median of the rounds' ratios.
//!
//! `--help` lists the arguments. Where there is no redis-server, it says so and measures nothing.
#![allow(missing_docs, reason = "a program, not an interface")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot go on has nothing to measure")]
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a benchmark that is wrong may stop")]

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "a part of it is needed")]
mod common;
#[path = "../reclaim/foreground.rs"]
mod foreground;
#[path = "../reclaim/latency.rs"]
#[expect(dead_code, reason = "a part of it is needed")]
mod latency;
#[path = "../reclaim/spread.rs"]
mod spread;

mod beside;
mod client;
mod options;
mod pairs;
mod rounds;
mod servers;

/// What `foreground` asks for.
mod strategy {
    pub(crate) use super::client::Callers;
}

/// What `foreground` asks for.
mod workload {
    /// Spreads the bits of a number (the finish of splitmix64); different numbers stay different.
    pub(crate) fn mixed(number: u64) -> u64 {
        let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

use std::process::ExitCode;

use options::{Asked, USAGE};

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--help") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let asked = match Asked::read(std::env::args().skip(1)) {
        Ok(Some(asked)) => asked,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let mut rows = Vec::new();
    if let Some(count) = asked.pairs {
        rows.push(pairs::run(&asked, count));
    } else if servers::are_here() {
        rows.extend(rounds::run(&asked));
        rows.extend(beside::run(&asked));
    } else {
        println!("skipped: there is no redis-server, or no redis-benchmark");
    }
    if let Some(file) = &asked.json {
        std::fs::write(file, format!("{:#}\n", serde_json::Value::Array(rows))).expect("write the rows");
    }
    ExitCode::SUCCESS
}
