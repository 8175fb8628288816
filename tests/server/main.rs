//! `windrow serve` as its users meet it: the tool as a child of its own, spoken to through its sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod blocking;
mod bursts;
mod child;
mod description;
mod hostile;
mod introspection;
mod libraries;
mod limits;
mod meetings;
mod metrics;
mod pausing;
mod redis_cli;
mod saves;
mod script;
mod start_and_stop;
mod stopping;
mod subscribers;
mod transactions;
mod trouble;
