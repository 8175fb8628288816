//! Requests in Redis' protocol: whatever comes, however it comes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod properties;
mod seeds;
mod total;
