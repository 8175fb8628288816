//! The commands that an append-only file holds: all that change strings, lists, sets, hashes, sorted sets and keys, as clients
//! send them and as Redis rewrites them.
//!
//! Uses the public handles. Invariant: each does to a db what it does in Redis 7.0; what depends on chance, or reads only, is not
//! here, as Redis writes what came of it.

mod bits;
mod geo;
mod keys;
mod lists;
mod members;
mod strings;
mod zsets;

use super::replay::Replay;
use super::words::Words;
use crate::engine::import::Refusal;
use crate::error::Result;

/// Does a command whose name was taken off.
pub(super) type Run = fn(&mut Replay<'_>, Words) -> Result<()>;

/// The command of a name in upper case.
pub(super) fn find(name: &str) -> Option<Run> {
    keys::find(name)
        .or_else(|| strings::find(name))
        .or_else(|| members::find(name))
        .or_else(|| lists::find(name))
        .or_else(|| zsets::find(name))
        .or_else(|| bits::find(name))
        .or_else(|| geo::find(name))
}

/// Why a command of this name is not done, where more is to be said than that it is unknown.
pub(super) fn refusal(name: &str) -> Option<Refusal> {
    const STREAMS: [&str; 9] =
        ["XACK", "XADD", "XAUTOCLAIM", "XCLAIM", "XDEL", "XGROUP", "XREADGROUP", "XSETID", "XTRIM"];
    match name {
        "FUNCTION" => Some(Refusal::Function),
        _ if STREAMS.contains(&name) => Some(Refusal::Stream),
        _ => None,
    }
}
