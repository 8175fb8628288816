//! Random operations on few keys, compared step by step with a model in memory.
//!
//! A run prints its seed; `WINDROW_SEED=<seed>` repeats it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod operations;
mod transfers;
mod world;

#[path = "../support/data.rs"]
mod data;
#[path = "../support/fixture.rs"]
#[expect(dead_code, reason = "the model needs a part of it")]
mod fixture;
