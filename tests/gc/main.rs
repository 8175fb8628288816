//! Reclaiming, end to end through the public API.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod under_load;
mod windows;
