//! Windrow beside a real Redis: random commands on few keys are done on both, and every reply is compared.
//!
//! A run prints its seeds. `WINDROW_SEED=<seed>` repeats one, `WINDROW_STEPS=<steps>` says how long a test runs.
//! To add a data type, write a file of [`Commands`], list it in `FILES`, and read its values in `dump`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod append_only;
mod births;
mod bits;
mod command;
mod contest;
mod draw;
mod dump;
mod dumps;
mod events;
mod files;
mod geo;
mod hashes;
mod hyperloglogs;
mod keys;
mod lists;
mod payloads;
mod random;
mod redis;
mod resp;
mod scans;
mod sets;
mod sorting;
mod strings;
mod strings_together;
mod transactions;
mod transfers;
#[cfg(feature = "server")]
mod wire;
mod world;
mod zsets;

#[path = "../support/compact.rs"]
mod compact;
#[path = "../support/fixture.rs"]
#[expect(dead_code, reason = "the comparison needs a part of it")]
mod fixture;
#[path = "../support/rdb.rs"]
#[allow(dead_code, reason = "the comparison needs a part of it")]
mod rdb;

use command::Commands;
use contest::Contest;

const KEYS: &dyn Commands = &keys::Keys;
const STRINGS: &dyn Commands = &strings::Strings;
const HASHES: &dyn Commands = &hashes::Hashes;
const SETS: &dyn Commands = &sets::Sets;
const LISTS: &dyn Commands = &lists::Lists;
const ZSETS: &dyn Commands = &zsets::Zsets;
const DEEP: &dyn Commands = &zsets::deep::Deep;
const STRINGS_TOGETHER: &dyn Commands = &strings_together::StringsTogether;
const TRANSFERS: &dyn Commands = &transfers::Transfers;
const SORTING: &dyn Commands = &sorting::Sorting;
const GEO: &dyn Commands = &geo::Geo;
const HYPERLOGLOGS: &dyn Commands = &hyperloglogs::HyperLogLogs;
const DUMPS: &dyn Commands = &dumps::Dumps;
const BITS: &dyn Commands = &bits::Bits;

/// Every file of commands.
const FILES: [&dyn Commands; 14] = [
    KEYS,
    STRINGS,
    HASHES,
    SETS,
    LISTS,
    ZSETS,
    DEEP,
    STRINGS_TOGETHER,
    TRANSFERS,
    SORTING,
    GEO,
    HYPERLOGLOGS,
    DUMPS,
    BITS,
];

/// How many commands a test does if nobody says otherwise: about three seconds.
const STEPS: u64 = 30_000;

/// A seed that every run takes, beside a new one.
const STEADY_SEED: u64 = 7;

/// Draws six commands of `file` for one of each other.
fn mostly(file: &'static dyn Commands) -> Vec<&'static dyn Commands> {
    FILES.into_iter().chain([file; 5]).collect()
}

/// Compares commands of `files` with Redis; does nothing where there is none.
fn compare(files: &[&dyn Commands]) {
    compare_by(|server, seed, steps| Contest::run(server, files, seed, steps));
}

/// Does a run for each seed.
fn compare_by(run: impl Fn(&redis::Server, u64, u64)) {
    let Some(server) = redis::Server::start() else {
        return;
    };
    let from_env = |name| std::env::var(name).ok().map(|number| number.parse::<u64>().unwrap());
    let seeds = from_env("WINDROW_SEED").map_or_else(|| vec![STEADY_SEED, fastrand::u64(..)], |seed| vec![seed]);
    let steps = from_env("WINDROW_STEPS").unwrap_or(STEPS).div_ceil(seeds.len() as u64);
    println!("redis-server {}", server.version);
    for seed in seeds {
        run(&server, seed, steps);
    }
}

/// The files whose commands are what goes over the wire; a dump is drawn as something else.
#[cfg(feature = "server")]
#[test]
fn the_server_answers_as_redis_does() {
    let Some(server) = redis::Server::start() else {
        return;
    };
    let files: Vec<&'static dyn Commands> =
        FILES.into_iter().filter(|file| file.handlers().iter().all(|handler| handler.name != "RESTORE")).collect();
    let from_env = |name| std::env::var(name).ok().map(|number| number.parse::<u64>().unwrap());
    let seed = from_env("WINDROW_SEED").unwrap_or_else(|| fastrand::u64(..));
    wire::compare(&server, &files, seed, from_env("WINDROW_STEPS").unwrap_or(STEPS / 2));
}

#[test]
fn keys_answer_as_redis_does() {
    compare(&mostly(KEYS));
}

#[test]
fn strings_answer_as_redis_does() {
    compare(&mostly(STRINGS));
}

#[test]
fn hashes_answer_as_redis_does() {
    compare(&mostly(HASHES));
}

#[test]
fn sets_answer_as_redis_does() {
    compare(&mostly(SETS));
}

#[test]
fn lists_answer_as_redis_does() {
    compare(&mostly(LISTS));
}

#[test]
fn sorted_sets_answer_as_redis_does() {
    compare(&mostly(ZSETS));
}

#[test]
fn ranks_of_large_sorted_sets_answer_as_redis_does() {
    compare(&FILES.into_iter().chain([DEEP; 60]).collect::<Vec<_>>());
}

#[test]
fn several_strings_answer_as_redis_does() {
    compare(&mostly(STRINGS_TOGETHER));
}

#[test]
fn moved_and_copied_keys_answer_as_redis_does() {
    compare(&mostly(TRANSFERS));
}

#[test]
fn sorts_answer_as_redis_does() {
    compare(&mostly(SORTING));
}

#[test]
fn dumped_and_restored_keys_answer_as_redis_does() {
    compare(&mostly(DUMPS));
}

#[test]
fn places_answer_as_redis_does() {
    compare(&mostly(GEO));
}

#[test]
fn hyperloglogs_answer_as_redis_does() {
    compare(&mostly(HYPERLOGLOGS));
}

#[test]
fn bits_answer_as_redis_does() {
    compare(&mostly(BITS));
}

#[test]
fn transactions_and_watches_do_as_redis_does() {
    compare_by(|server, seed, steps| transactions::Exchange::run(server, &FILES, seed, steps));
}

#[test]
fn all_types_answer_as_redis_does() {
    compare(&FILES);
}
