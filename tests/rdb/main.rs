//! Tests of Redis' encodings: every one built by hand from its description, dumps of a real Redis, and bytes that mean nothing.
//!
//! What lives here: one file for each property. They use the public face of `windrow::rdb` only, and need no RocksDB.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "in a test a panic is the report")]

mod encodings;
mod files;
pub mod hostile;
mod refusals;
mod total;

#[path = "../support/rdb.rs"]
#[allow(dead_code, reason = "these tests need a part of it")]
mod rdb;
