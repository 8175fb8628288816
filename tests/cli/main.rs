//! The command-line tool as a person uses it: its output, its files, how it ends.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first thing that is not as expected")]

mod arguments;
mod check;
mod directories;
mod figures;
mod files;
mod real_time;
mod redis;
mod tool;
mod transfers;

#[path = "../support/raw.rs"]
mod raw;
