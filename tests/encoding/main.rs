//! Tests of the encoding: bytes of every kind, their order, their merges, and bytes that mean
//! nothing.
//!
//! What lives here: one file for each property. They use the public face of `windrow::encoding`
//! only.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "in a test a panic is the report")]

pub mod canonical;
mod fixtures;
mod golden;
mod history;
mod ids;
mod merges;
mod meta_rules;
mod order;
mod packed;
mod ranges;
mod refusals;
mod round_trip;
mod sets;
mod strategies;
mod total;
