//! Reclaiming, end to end through the public API.
//!
//! Where each rule of the design (section 5) is tested; `crash`, `gc`, `model` and `types` are test binaries:
//!
//! | rule | tests |
//! |---|---|
//! | 1 one commit | `crash`: `one_commit`, `copies`, `kill` |
//! | 2 ids are never reused | `crash`: `copies` (every reopened copy writes fresh collections), `reaper_failures` (gaps), `checkpoints` (a copy skips 2^32 ids of each family) |
//! | 3 positive proof of death | `gc`: `undecodable`; `types`: `opening` (a record of an unknown version) |
//! | 4 durable before physical | `crash`: `copies::every_copy_that_a_power_loss_would_leave_opens_whole`, `paths` (each way by itself), `durability` (recovery) |
//! | 5 readers come first | `gc`: `views`, `views_of_paths` (beside every way of giving back that can be told apart); `crash`: `paused` |
//! | 6 a filter is a pure look-up | `gc`: `undecodable::compactions_while_nothing_is_dead_keep_everything`, `under_load` |
//! | 7 range ends | `gc`: `edges` |
//! | 8 nothing forgotten before it is proven empty | `crash`: `copies` (retirement); `gc`: `reopened` |
//! | 9 the reaper and the writers agree | `crash`: `reaper_races`, `reaper_failures`; `types`: `expiry` |
//! | 10 time does not jump | `types`: `clock`; `crash`: `durability` (what a write took for past stays past); `crash`: `reaper_failures` (the millisecond in which reaping stopped) |
//! | 11 background failure is loud and closable | `crash`: `failing_worker`; `gc`: `failing_flush` |
//!
//! `model` compares random operations with a model, all rules at once.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod edges;
mod emptied;
mod failing_flush;
mod figures;
mod habits;
mod history;
#[cfg(feature = "failpoints")]
mod passages;
mod promotions;
mod quiet;
mod reach;
mod records;
mod reopened;
mod scattered;
mod swarm;
mod undecodable;
mod under_load;
mod verifier;
mod views;
#[cfg(feature = "failpoints")]
mod views_of_paths;
mod whole_families;
mod wide_files;
mod windows;

#[path = "../support/compact.rs"]
mod compact;
#[path = "../support/data.rs"]
mod data;
#[path = "../support/fixture.rs"]
mod fixture;
#[path = "../support/raw.rs"]
mod raw;
