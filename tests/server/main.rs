//! `windrow serve` as its users meet it: the tool as a child of its own, spoken to through its sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bursts;
mod child;
mod description;
mod hostile;
mod redis_cli;
mod script;
mod start_and_stop;
mod transactions;
