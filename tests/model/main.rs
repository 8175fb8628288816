//! Random operations of every type on few keys, compared reply by reply with a model in memory.
//!
//! A failing run prints the shortest sequence that fails and writes its seed to `tests/proptest-regressions/`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod bits;
mod common;
mod compare;
mod dbs;
mod draw;
mod hashes;
mod keys;
mod lists;
mod operations;
mod patterns;
mod reads;
mod reply;
mod run;
mod sets;
mod sorting;
mod strings;
mod transactions;
mod world;
mod zset_range;
mod zsets;

#[path = "../support/compact.rs"]
mod compact;
#[path = "../support/data.rs"]
#[expect(dead_code, reason = "the model needs a part of it")]
mod data;
#[path = "../support/fixture.rs"]
#[expect(dead_code, reason = "the model needs a part of it")]
mod fixture;
