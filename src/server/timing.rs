//! Slow commands, as the log tells of them.
//!
//! May use the table of commands and who is connected. Invariant: nothing that a client sent is logged, but the name of a command
//! and how much there was: a log is read by more people than the data.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::clients::Seen;
use super::commands::Command;

/// Logs a command that took longer than `slowlog-log-slower-than`, with its cost.
#[cold]
pub(crate) fn tell_slow(me: &Seen, command: &Command, words: &[Bytes], micros: u64) {
    let request_bytes: usize = words.iter().map(Bytes::len).sum();
    tracing::warn!(
        command = command.name,
        micros,
        words = words.len(),
        request_bytes,
        db = me.db.load(Ordering::Relaxed),
        client = me.address,
        "a slow command"
    );
}
