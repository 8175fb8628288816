//! Reclaiming, end to end through the public API.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod edges;
mod scattered;
mod undecodable;
mod under_load;
mod views;
mod windows;

#[path = "../support/data.rs"]
mod data;
#[path = "../support/fixture.rs"]
mod fixture;
