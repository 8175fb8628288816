//! What one client does to the others' commands: CLIENT PAUSE, UNPAUSE, UNBLOCK; and what CLIENT says of tracking.
//!
//! May use pauses and who waits. Invariant: nothing here touches a key.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use super::arguments::{integer, integer_or, is, option};
use super::refusal::{Refusal, SYNTAX};
use super::{Answer, Command, Run, row};
use crate::resp::Frame;
use crate::server::pauses::Paused;
use crate::server::session::Session;
use crate::server::waiting::UNBLOCKED;

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("client|pause", -3, "admin noscript loading stale", [0, 0, 0], ("connection", "2.9.50"), Run::Session(pause),
        "Stop processing commands from clients for some time"),
    row("client|unpause", 2, "admin noscript loading stale", [0, 0, 0], ("connection", "6.2.0"), Run::Session(unpause),
        "Resume processing of clients that were paused"),
    row("client|unblock", -3, "admin noscript loading stale", [0, 0, 0], ("connection", "5.0.0"), Run::Session(unblock),
        "Unblock a client blocked in a blocking command from a different connection"),
    row("client|no-evict", 3, "admin noscript loading stale", [0, 0, 0], ("connection", "7.0.0"), Run::Session(no_evict),
        "Set client eviction mode for the current connection"),
    row("client|tracking", -3, "noscript loading stale", [0, 0, 0], ("connection", "6.0.0"), Run::Session(tracking),
        "Enable or disable server assisted client side caching support"),
    row("client|trackinginfo", 2, "noscript loading stale", [0, 0, 0], ("connection", "6.2.0"), Run::Session(trackinginfo),
        "Return information about server assisted client side caching for the current connection"),
    row("client|getredir", 2, "noscript loading stale", [0, 0, 0], ("connection", "6.0.0"), Run::Session(getredir),
        "Get tracking notifications redirection client ID if any"),
];

/// Redis' words for more words than a subcommand has.
fn wrong_number(name: &str) -> Refusal {
    Refusal::new(format!("ERR unknown subcommand or wrong number of arguments for '{name}'. Try CLIENT HELP."))
}

fn pause(session: &mut Session, args: &[Bytes]) -> Answer {
    let (time, what) = match args {
        [time] => (time, Paused::All),
        [time, word] if is(word, "WRITE") => (time, Paused::Writes),
        [time, word] if is(word, "ALL") => (time, Paused::All),
        [_, _] => return Err(Refusal::of("ERR CLIENT PAUSE mode must be WRITE or ALL")),
        _ => return Err(wrong_number("PAUSE")),
    };
    let time = integer_or(time, Refusal::of("ERR timeout is not an integer or out of range"))?;
    let time = u64::try_from(time).map_err(|_| Refusal::of("ERR timeout is negative"))?;
    session.shared.pauses.pause(what, Duration::from_millis(time));
    Ok(Frame::OK)
}

fn unpause(session: &mut Session, _: &[Bytes]) -> Answer {
    session.shared.pauses.end();
    for client in session.shared.clients.list() {
        if client.is_blocked.load(Ordering::Relaxed) {
            client.woken.notify_one();
        }
    }
    Ok(Frame::OK)
}

fn unblock(session: &mut Session, args: &[Bytes]) -> Answer {
    let (id, answer) = match args {
        [id] => (id, Ok(Frame::NullArray)),
        [id, word] if is(word, "TIMEOUT") => (id, Ok(Frame::NullArray)),
        [id, word] if is(word, "ERROR") => (id, Err(UNBLOCKED)),
        [_, _] => return Err(Refusal::of("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
        _ => return Err(wrong_number("UNBLOCK")),
    };
    let id = u64::try_from(integer(id)?).unwrap_or(0);
    Ok(Frame::flag(session.shared.waiters.unblock(id, answer)))
}

/// Nobody is sent away for want of memory before it holds more than its share, so that this changes what is told of the client alone.
fn no_evict(session: &mut Session, args: &[Bytes]) -> Answer {
    let is_spared = match args {
        [word] if is(word, "ON") => true,
        [word] if is(word, "OFF") => false,
        _ => return Err(SYNTAX),
    };
    session.me.is_spared.store(is_spared, Ordering::Relaxed);
    Ok(Frame::OK)
}

fn tracking(_: &mut Session, args: &[Bytes]) -> Answer {
    match args.first().map(|word| option(word)).as_deref() {
        // It is.
        Some(b"OFF") => Ok(Frame::OK),
        Some(b"ON") => Err(Refusal::of("ERR client side caching is not offered by this server: tracking stays off")),
        _ => Err(SYNTAX),
    }
}

fn trackinginfo(_: &mut Session, _: &[Bytes]) -> Answer {
    Ok(Frame::Map(vec![
        (Frame::name("flags"), Frame::Set(vec![Frame::name("off")])),
        (Frame::name("redirect"), Frame::Integer(-1)),
        (Frame::name("prefixes"), Frame::Array(Vec::new())),
    ]))
}

fn getredir(_: &mut Session, _: &[Bytes]) -> Answer {
    Ok(Frame::Integer(-1))
}
