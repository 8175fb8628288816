//! What each data type and each operation on keys does, edge cases first, through the public API.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod bytes_and_limits;
mod clock;
mod dbs;
mod expiry;
mod keys;
mod opening;
mod sets;
mod strings;
mod version_record;

#[path = "../support/data.rs"]
mod data;
#[path = "../support/fixture.rs"]
mod fixture;
#[path = "../support/raw.rs"]
mod raw;
