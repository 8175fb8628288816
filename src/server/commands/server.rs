//! The server as a whole: its time, its end.
//!
//! May use the shared state. Invariant: what was answered is in the store when the server has ended.

use bytes::Bytes;

use super::arguments::option;
use super::refusal::{Refusal, SYNTAX};
use super::{Answer, Command, Run, row};
use crate::resp::Frame;
use crate::server::session::Session;

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("time", 1, "loading stale fast", [0, 0, 0], ("server", "2.6.0"), Run::Session(time),
        "Return the current server time"),
    row("shutdown", -1, "admin noscript loading stale no_multi allow_busy", [0, 0, 0], ("server", "1.0.0"), Run::Session(shutdown),
        "Synchronously save the dataset to disk and then shut down the server"),
];

fn time(session: &mut Session, _: &[Bytes]) -> Answer {
    let millis = session.shared.store.time().get();
    Ok(Frame::Array(vec![
        Frame::text((millis / 1000).to_string()),
        Frame::text((millis % 1000).saturating_mul(1000).to_string()),
    ]))
}

/// Every stop here saves: what was answered is in the log, which is synced at the end.
fn shutdown(session: &mut Session, args: &[Bytes]) -> Answer {
    for word in args {
        match option(word).as_slice() {
            b"SAVE" | b"NOSAVE" | b"NOW" | b"FORCE" => {}
            b"ABORT" => return Err(Refusal::of("ERR No shutdown in progress.")),
            _ => return Err(SYNTAX),
        }
    }
    tracing::info!(client = %session.me.address, "a client stops the server");
    session.shared.stop.send_replace(true);
    session.is_closing = true;
    session.replies = crate::server::session::Replies::None;
    Ok(Frame::OK)
}
