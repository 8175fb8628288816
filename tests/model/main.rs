//! Random operations on few keys, compared step by step with a model in memory.
//!
//! A run prints its seed; `WINDROW_SEED=<seed>` repeats it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod operations;
mod world;

#[path = "../support/data.rs"]
mod data;
#[path = "../support/fixture.rs"]
mod fixture;
