//! Saves: SAVE, BGSAVE, LASTSAVE, and what INFO tells of them and of the store's condition.
//!
//! May use the saves and the health of the server. Invariant: a save that was said to be made is whole on stable storage.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::arguments::is;
use super::refusal::{Refusal, SYNTAX};
use super::{Answer, Command, Run, row};
use crate::resp::Frame;
use crate::server::health::Condition;
use crate::server::saves::Saves;
use crate::server::session::Session;

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("save", 1, "admin noscript no_async_loading no_multi", [0, 0, 0], ("server", "1.0.0"), Run::Session(save),
        "Synchronously save the dataset to disk"),
    row("bgsave", -1, "admin noscript no_async_loading", [0, 0, 0], ("server", "1.0.0"), Run::Session(bgsave),
        "Asynchronously save the dataset to disk"),
    row("lastsave", 1, "loading stale fast", [0, 0, 0], ("server", "1.0.0"), Run::Session(lastsave),
        "Get the UNIX time stamp of the last successful save to disk"),
];

const IN_PROGRESS: Refusal = Refusal::of("ERR Background save already in progress");

fn save(session: &mut Session, _: &[Bytes]) -> Answer {
    let turn = Saves::take_turn(&session.shared).ok_or(IN_PROGRESS)?;
    turn.save().map_err(|why| Refusal::new(format!("ERR {why}")))?;
    Ok(Frame::OK)
}

fn bgsave(session: &mut Session, args: &[Bytes]) -> Answer {
    match args {
        [] => {}
        [word] if is(word, "SCHEDULE") => {}
        _ => return Err(SYNTAX),
    }
    let turn = Saves::take_turn(&session.shared).ok_or(IN_PROGRESS)?;
    let shared = Arc::clone(&session.shared);
    let is_inside = session.is_executing;
    let work = move || {
        if is_inside {
            // WHY: the transaction that asked is not committed yet; behind the gate it is.
            drop(shared.gate.write());
        }
        // It has been logged and is told by INFO.
        let _ = turn.save();
    };
    std::thread::Builder::new()
        .name("windrow-save".to_owned())
        .spawn(work)
        .map_err(|error| Refusal::new(format!("ERR a save cannot begin: {error}")))?;
    Ok(Frame::Simple(if is_inside { "Background saving scheduled" } else { "Background saving started" }.into()))
}

fn lastsave(session: &mut Session, _: &[Bytes]) -> Answer {
    Ok(Frame::count(session.shared.saves.told().last_time))
}

/// The section `Persistence`. There are no append-only files; their fields are there because programs look for
/// them.
pub(super) fn about_persistence(session: &Session, text: &mut String) {
    let shared = &session.shared;
    let (told, health) = (shared.saves.told(), &shared.health);
    let seconds = |time: Option<Duration>| time.map_or(-1, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
    let changes = shared.store.changes().saturating_sub(told.changes);
    let status = |is_good: bool| if is_good { "ok" } else { "err" };
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let _ = write!(text, "{name}:{value}\r\n");
    };
    line("loading", &0);
    line("async_loading", &0);
    line("rdb_changes_since_last_save", &changes);
    line("rdb_bgsave_in_progress", &u8::from(told.began.is_some()));
    line("rdb_last_save_time", &told.last_time);
    line("rdb_last_bgsave_status", &status(told.last_error.is_none()));
    line("rdb_last_bgsave_time_sec", &seconds(told.last_took));
    line("rdb_current_bgsave_time_sec", &seconds(told.began.map(|began| began.elapsed())));
    line("rdb_saves", &told.made);
    line("aof_enabled", &0);
    line("aof_rewrite_in_progress", &0);
    line("aof_last_write_status", &status(health.condition() == Condition::Well));
    line("saves_kept", &shared.saves.count());
    line("last_save_path", &told.last_path.unwrap_or_default().display());
    line("last_save_error", &one_line(&told.last_error.unwrap_or_default()));
    line("store_status", &health.condition().name());
    line("store_status_reason", &one_line(&health.why()));
    line("store_last_error", &one_line(&health.last_error()));
    line("store_refused_commands", &health.refused());
    line("disk_free_bytes", &health.free_bytes());
    line("disk_reserve_bytes", &shared.options.disk_reserve_bytes);
}

/// A text that ends no line of the section.
fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}
