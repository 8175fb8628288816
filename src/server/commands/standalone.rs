//! What a server tells that stands alone: without replicas, cluster, users or functions.
//!
//! Uses nothing but the session. Invariant: as in Redis, had it none of these either.

use bytes::Bytes;

use super::arguments::{integer_or, is};
use super::connection::REDIS_VERSION;
use super::refusal::{NOT_AN_INTEGER, Refusal};
use super::{Answer, Command, Run, row};
use crate::resp::Frame;
use crate::server::session::Session;

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("role", 1, "noscript loading stale fast", [0, 0, 0], ("server", "2.8.12"), Run::Session(role),
        "Return the role of the instance in the context of replication"),
    row("wait", 3, "noscript", [0, 0, 0], ("generic", "3.0.0"), Run::Session(wait),
        "Wait for the synchronous replication of all the write commands sent in the context of the current connection"),
    row("acl", -2, "", [0, 0, 0], ("server", "6.0.0"), Run::Container,
        "A container for Access List Control commands "),
    row("acl|whoami", 2, "noscript loading stale", [0, 0, 0], ("server", "6.0.0"), Run::Session(|_, _| Ok(Frame::name("default"))),
        "Return the name of the user associated to the current connection"),
    row("acl|users", 2, "admin noscript loading stale", [0, 0, 0], ("server", "6.0.0"), Run::Session(acl_users),
        "List the username of all the configured ACL rules"),
    row("function", -2, "", [0, 0, 0], ("scripting", "7.0.0"), Run::Container,
        "A container for function commands"),
    row("function|flush", -2, "write noscript", [0, 0, 0], ("scripting", "7.0.0"), Run::Session(function_flush),
        "Deleting all functions"),
    row("lolwut", -1, "readonly fast", [0, 0, 0], ("server", "5.0.0"), Run::Session(lolwut),
        "Display some computer art and the Redis version"),
    row("readonly", 1, "loading stale fast", [0, 0, 0], ("cluster", "3.0.0"), Run::Session(no_cluster),
        "Enables read queries for a connection to a cluster replica node"),
    row("readwrite", 1, "loading stale fast", [0, 0, 0], ("cluster", "3.0.0"), Run::Session(no_cluster),
        "Disables read queries for a connection to a cluster replica node"),
    row("asking", 1, "fast", [0, 0, 0], ("cluster", "3.0.0"), Run::Session(no_cluster),
        "Sent by cluster clients after an -ASK redirect"),
    row("cluster", -2, "", [0, 0, 0], ("cluster", "3.0.0"), Run::Session(no_cluster),
        "A container for cluster commands"),
];

/// Nobody replicates, so that no replica has a place in a log.
fn role(_: &mut Session, _: &[Bytes]) -> Answer {
    Ok(Frame::Array(vec![Frame::name("master"), Frame::Integer(0), Frame::Array(Vec::new())]))
}

/// There is no replica that could acknowledge anything: waiting would not change that.
fn wait(_: &mut Session, args: &[Bytes]) -> Answer {
    let [replicas, timeout] = args else {
        return Err(NOT_AN_INTEGER);
    };
    integer_or(replicas, NOT_AN_INTEGER)?;
    if integer_or(timeout, Refusal::of("ERR timeout is not an integer or out of range"))? < 0 {
        return Err(Refusal::of("ERR timeout is negative"));
    }
    Ok(Frame::Integer(0))
}

fn acl_users(_: &mut Session, _: &[Bytes]) -> Answer {
    Ok(Frame::Array(vec![Frame::name("default")]))
}

/// There are no functions, so that none are left.
fn function_flush(_: &mut Session, args: &[Bytes]) -> Answer {
    match args {
        [] => Ok(Frame::OK),
        [mode] if is(mode, "SYNC") || is(mode, "ASYNC") => Ok(Frame::OK),
        _ => Err(Refusal::of("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")),
    }
}

fn lolwut(_: &mut Session, _: &[Bytes]) -> Answer {
    let rows = ["  \\\\ | //", "   \\\\|//", "~~~~~~~~~~~", "~ windrow ~", "~~~~~~~~~~~"];
    Ok(Frame::Verbatim(format!("{}\n\nRedis ver. {REDIS_VERSION}\n", rows.join("\n")).into()))
}

fn no_cluster(_: &mut Session, _: &[Bytes]) -> Answer {
    Err(Refusal::of("ERR This instance has cluster support disabled"))
}
