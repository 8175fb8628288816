//! Operations, workers and whole processes stopped in the middle.
//!
//! Fail points are global, so every test holds a `FailScenario` and runs alone.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod bulk;
mod checkpoints;
mod copies;
mod durability;
mod emptied;
mod events;
mod failing_worker;
mod flushes;
mod full_disk;
mod history;
mod imports;
mod kill;
mod margins;
mod one_commit;
mod pacing;
mod paths;
mod paused;
mod ranks;
mod reaper_failures;
mod reaper_races;
mod recorder;
mod retirement;
mod slots;
mod stalls;
mod transactions;

#[path = "../support/data.rs"]
mod data;
#[path = "../support/disk.rs"]
mod disk;
#[path = "../support/fixture.rs"]
mod fixture;
#[path = "../support/pause.rs"]
mod pause;
#[path = "../support/raw.rs"]
mod raw;
