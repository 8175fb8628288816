//! What each data type and each operation on keys does, edge cases first, through the public API.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod append_only;
mod bits;
mod both;
mod bytes_and_limits;
mod clock;
mod dbs;
mod dumps;
mod events;
mod expiry;
mod finding;
mod flushes;
mod geo;
mod hashes;
mod hyperloglogs;
mod imports;
mod keys;
mod lists;
mod opening;
mod packed;
mod random_picks;
mod ranks;
mod sets;
mod slots;
mod sorting;
mod strings;
mod strings_read_and_changed;
mod strings_together;
mod transactions;
mod transfers;
mod version_record;
mod zsets;

#[path = "../support/data.rs"]
mod data;
#[path = "../support/fixture.rs"]
mod fixture;
#[path = "../support/raw.rs"]
mod raw;
#[path = "../support/rdb.rs"]
#[allow(dead_code, reason = "these tests need a part of it")]
mod rdb;
