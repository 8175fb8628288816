//! Channels: subscribing and publishing.
//!
//! May use the channels. Invariant: nothing here touches a key, though shard channels are told as keys.

use std::sync::Arc;

use bytes::Bytes;

use super::refusal::Refusal;
use super::{Answer, Command, Run, row};
use crate::resp::Frame;
use crate::server::channels::{Channels, Kind};
use crate::server::session::Session;

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("subscribe", -2, "pubsub noscript loading stale", [0, 0, 0], ("pubsub", "2.0.0"), Run::Session(subscribe),
        "Listen for messages published to the given channels"),
    row("unsubscribe", -1, "pubsub noscript loading stale", [0, 0, 0], ("pubsub", "2.0.0"), Run::Session(unsubscribe),
        "Stop listening for messages posted to the given channels"),
    row("psubscribe", -2, "pubsub noscript loading stale", [0, 0, 0], ("pubsub", "2.0.0"), Run::Session(psubscribe),
        "Listen for messages published to channels matching the given patterns"),
    row("punsubscribe", -1, "pubsub noscript loading stale", [0, 0, 0], ("pubsub", "2.0.0"), Run::Session(punsubscribe),
        "Stop listening for messages posted to channels matching the given patterns"),
    row("publish", 3, "pubsub loading stale fast", [0, 0, 0], ("pubsub", "2.0.0"), Run::Session(publish),
        "Post a message to a channel"),
    row("ssubscribe", -2, "pubsub noscript loading stale", [1, -1, 1], ("pubsub", "7.0.0"), Run::Session(ssubscribe),
        "Listen for messages published to the given shard channels"),
    row("sunsubscribe", -1, "pubsub noscript loading stale", [1, -1, 1], ("pubsub", "7.0.0"), Run::Session(sunsubscribe),
        "Stop listening for messages posted to the given shard channels"),
    row("spublish", 3, "pubsub loading stale fast", [1, 1, 1], ("pubsub", "7.0.0"), Run::Session(spublish),
        "Post a message to a shard channel"),
    row("pubsub|channels", -2, "pubsub loading stale", [0, 0, 0], ("pubsub", "2.8.0"), Run::Session(channels),
        "List active channels"),
    row("pubsub|numsub", -2, "pubsub loading stale", [0, 0, 0], ("pubsub", "2.8.0"), Run::Session(numsub),
        "Get the count of subscribers for channels"),
    row("pubsub|numpat", 2, "pubsub loading stale", [0, 0, 0], ("pubsub", "2.8.0"), Run::Session(numpat),
        "Get the count of unique patterns pattern subscriptions"),
    row("pubsub|shardchannels", -2, "pubsub loading stale", [0, 0, 0], ("pubsub", "7.0.0"), Run::Session(shardchannels),
        "List active shard channels"),
    row("pubsub|shardnumsub", -2, "pubsub loading stale", [0, 0, 0], ("pubsub", "7.0.0"), Run::Session(shardnumsub),
        "Get the count of subscribers for shard channels"),
    row("pubsub|help", 2, "loading stale", [0, 0, 0], ("pubsub", "6.2.0"), Run::Session(help),
        "Show helpful text about the different subcommands"),
    row("pubsub", -2, "", [0, 0, 0], ("pubsub", "2.8.0"), Run::Container,
        "A container for Pub/Sub commands"),
];

/// Replies to each name by itself; what was replied to a name stands if a later one is refused.
fn subscribe_to(session: &mut Session, kind: Kind, names: &[Bytes]) -> Answer {
    let shared = Arc::clone(&session.shared);
    session.is_inbox_first = false;
    let mut replies = Vec::with_capacity(names.len());
    for name in names {
        let reply = shared.channels.subscribe(kind, &session.me, &mut session.names, name);
        replies.push(reply.unwrap_or_else(|| {
            Frame::Error("ERR too many subscriptions, or names that are too long, for one client".into())
        }));
    }
    Ok(Frame::Sequence(replies))
}

fn unsubscribe_from(session: &mut Session, kind: Kind, names: &[Bytes]) -> Answer {
    let shared = Arc::clone(&session.shared);
    let all = session.names.list(kind);
    let names = if names.is_empty() { &all } else { names };
    if names.is_empty() {
        return Ok(Frame::Sequence(vec![Channels::nothing(kind, &session.names)]));
    }
    let end = |name| shared.channels.unsubscribe(kind, &session.me, &mut session.names, name);
    Ok(Frame::Sequence(names.iter().map(end).collect()))
}

fn subscribe(session: &mut Session, names: &[Bytes]) -> Answer {
    subscribe_to(session, Kind::Channel, names)
}

fn psubscribe(session: &mut Session, names: &[Bytes]) -> Answer {
    subscribe_to(session, Kind::Pattern, names)
}

fn ssubscribe(session: &mut Session, names: &[Bytes]) -> Answer {
    subscribe_to(session, Kind::Shard, names)
}

fn unsubscribe(session: &mut Session, names: &[Bytes]) -> Answer {
    unsubscribe_from(session, Kind::Channel, names)
}

fn punsubscribe(session: &mut Session, names: &[Bytes]) -> Answer {
    unsubscribe_from(session, Kind::Pattern, names)
}

fn sunsubscribe(session: &mut Session, names: &[Bytes]) -> Answer {
    unsubscribe_from(session, Kind::Shard, names)
}

/// The words of a message. WHY copies: they may wait for long, and what a client sent lies in a buffer with much else.
fn message(args: &[Bytes]) -> Result<(Bytes, Bytes), Refusal> {
    match args {
        [channel, message] => Ok((Bytes::copy_from_slice(channel), Bytes::copy_from_slice(message))),
        _ => Err(super::refusal::SYNTAX),
    }
}

fn publish(session: &mut Session, args: &[Bytes]) -> Answer {
    let (channel, message) = message(args)?;
    let shared = &session.shared;
    Ok(Frame::count(shared.channels.publish(&channel, &message, &shared.waiting)))
}

fn spublish(session: &mut Session, args: &[Bytes]) -> Answer {
    let (channel, message) = message(args)?;
    let shared = &session.shared;
    Ok(Frame::count(shared.channels.publish_to_shard(&channel, &message, &shared.waiting)))
}

fn active(session: &Session, kind: Kind, args: &[Bytes], name: &str) -> Answer {
    match args {
        [] => Ok(Frame::bulks(session.shared.channels.active(kind, None))),
        [pattern] => Ok(Frame::bulks(session.shared.channels.active(kind, Some(pattern)))),
        _ => {
            let words = "ERR unknown subcommand or wrong number of arguments for";
            Err(Refusal::new(format!("{words} '{name}'. Try PUBSUB HELP.")))
        }
    }
}

fn channels(session: &mut Session, args: &[Bytes]) -> Answer {
    active(session, Kind::Channel, args, "CHANNELS")
}

fn shardchannels(session: &mut Session, args: &[Bytes]) -> Answer {
    active(session, Kind::Shard, args, "SHARDCHANNELS")
}

fn counts(session: &Session, kind: Kind, names: &[Bytes]) -> Answer {
    let count = |name: &Bytes| {
        let subscribers = session.shared.channels.subscribers(kind, name);
        [Frame::Bulk(name.clone()), Frame::count(u64::try_from(subscribers).unwrap_or(u64::MAX))]
    };
    Ok(Frame::Array(names.iter().flat_map(count).collect()))
}

fn numsub(session: &mut Session, args: &[Bytes]) -> Answer {
    counts(session, Kind::Channel, args)
}

fn shardnumsub(session: &mut Session, args: &[Bytes]) -> Answer {
    counts(session, Kind::Shard, args)
}

fn numpat(session: &mut Session, _: &[Bytes]) -> Answer {
    Ok(Frame::count(u64::try_from(session.shared.channels.names(Kind::Pattern)).unwrap_or(u64::MAX)))
}

/// What PUBSUB HELP tells, line by line, as in Redis.
const HELP: [&str; 14] = [
    "PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CHANNELS [<pattern>]",
    "    Return the currently active channels matching a <pattern> (default: '*').",
    "NUMPAT",
    "    Return number of subscriptions to patterns.",
    "NUMSUB [<channel> ...]",
    "    Return the number of subscribers for the specified channels, excluding",
    "    pattern subscriptions(default: no channels).",
    "SHARDCHANNELS [<pattern>]",
    "    Return the currently active shard level channels matching a <pattern> (default: '*').",
    "SHARDNUMSUB [<shardchannel> ...]",
    "    Return the number of subscribers for the specified shard level channel(s)",
    "HELP",
    "    Prints this help.",
];

fn help(_: &mut Session, _: &[Bytes]) -> Answer {
    Ok(Frame::Array(HELP.iter().map(|line| Frame::Simple((*line).into())).collect()))
}

/// PING of a subscriber who speaks version two, whose replies all have the form of messages.
pub(super) fn subscribers_ping(args: &[Bytes]) -> Frame {
    let word = args.first().cloned().unwrap_or_default();
    Frame::Array(vec![Frame::name("pong"), Frame::Bulk(word)])
}

/// Ends all subscriptions and their like, without a word.
pub(super) fn reset(session: &mut Session) {
    let shared = Arc::clone(&session.shared);
    shared.channels.leave_all(&session.me, &mut session.names);
    shared.monitors.leave(&session.me);
}
