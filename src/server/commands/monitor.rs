//! MONITOR.
//!
//! May use the list of those that listen. Invariant: nothing here touches a key.

use bytes::Bytes;

use super::{Answer, Command, Run, row};
use crate::resp::Frame;
use crate::server::session::Session;

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("monitor", 1, "admin noscript loading stale", [0, 0, 0], ("server", "1.0.0"), Run::Session(monitor),
        "Listen for all requests received by the server in real time"),
];

fn monitor(session: &mut Session, _: &[Bytes]) -> Answer {
    session.shared.monitors.enter(&session.me);
    session.is_inbox_first = false;
    Ok(Frame::OK)
}
