//! SLOWLOG and LATENCY: what took long.
//!
//! May use the tally. Invariant: what is told was measured.

use bytes::Bytes;

use super::arguments::integer;
use super::refusal::Refusal;
use super::{Answer, Command, Run, find, row};
use crate::resp::Frame;
use crate::server::session::Session;
use crate::server::tally::{Counted, Slow};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("slowlog", -2, "", [0, 0, 0], ("server", "2.2.12"), Run::Container,
        "A container for slow log commands"),
    row("slowlog|get", -2, "admin loading stale", [0, 0, 0], ("server", "2.2.12"), Run::Session(slowlog_get),
        "Get the slow log's entries"),
    row("slowlog|len", 2, "admin loading stale", [0, 0, 0], ("server", "2.2.12"), Run::Session(slowlog_len),
        "Get the slow log's length"),
    row("slowlog|reset", 2, "admin loading stale", [0, 0, 0], ("server", "2.2.12"), Run::Session(slowlog_reset),
        "Clear all entries from the slow log"),
    row("latency", -2, "", [0, 0, 0], ("server", "2.8.13"), Run::Container,
        "A container for latency diagnostics commands"),
    row("latency|latest", 2, "admin noscript loading stale", [0, 0, 0], ("server", "2.8.13"), Run::Session(latency_latest),
        "Return the latest latency samples for all events."),
    row("latency|history", 3, "admin noscript loading stale", [0, 0, 0], ("server", "2.8.13"), Run::Session(latency_history),
        "Return timestamp-latency samples for the event."),
    row("latency|reset", -2, "admin noscript loading stale", [0, 0, 0], ("server", "2.8.13"), Run::Session(latency_reset),
        "Reset latency data for one or more events."),
    row("latency|histogram", -2, "admin noscript loading stale", [0, 0, 0], ("server", "7.0.0"), Run::Session(latency_histogram),
        "Return the cumulative distribution of latencies of a subset of commands or all."),
];

/// How many entries are told to who does not say.
const SHOWN: usize = 10;

fn count(count: usize) -> Frame {
    Frame::count(u64::try_from(count).unwrap_or(u64::MAX))
}

fn slowlog_get(session: &mut Session, args: &[Bytes]) -> Answer {
    let most = match args {
        [] => SHOWN,
        [word] => match integer(word) {
            Ok(-1) => usize::MAX,
            wanted => {
                let wanted = wanted.ok().and_then(|wanted| usize::try_from(wanted).ok());
                wanted.ok_or(Refusal::of("ERR count should be greater than or equal to -1"))?
            }
        },
        _ => {
            return Err(Refusal::of(
                "ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.",
            ));
        }
    };
    Ok(Frame::Array(session.shared.tally.slow(most).into_iter().map(entry).collect()))
}

fn entry(slow: Slow) -> Frame {
    Frame::Array(vec![
        Frame::count(slow.id),
        Frame::count(slow.at_seconds),
        Frame::count(slow.micros),
        Frame::bulks(slow.words),
        Frame::text(slow.address),
        Frame::Bulk(slow.name),
    ])
}

fn slowlog_len(session: &mut Session, _: &[Bytes]) -> Answer {
    Ok(count(session.shared.tally.slow_count()))
}

fn slowlog_reset(session: &mut Session, _: &[Bytes]) -> Answer {
    session.shared.tally.forget_slow();
    Ok(Frame::OK)
}

fn latency_latest(session: &mut Session, _: &[Bytes]) -> Answer {
    let moments = session.shared.tally.moments().into_iter();
    let told = moments.filter_map(|(kind, moments)| {
        let (at, millis) = *moments.all.back()?;
        let numbers = [at, millis, moments.worst_millis].map(Frame::count);
        Some(Frame::Array([Frame::name(kind)].into_iter().chain(numbers).collect()))
    });
    Ok(Frame::Array(told.collect()))
}

fn latency_history(session: &mut Session, args: &[Bytes]) -> Answer {
    let kind = args.first().map_or(&b""[..], |kind| kind);
    let moments = session.shared.tally.moments();
    let found = moments.iter().find(|(name, _)| name.as_bytes() == kind);
    let pair = |(at, millis): &(u64, u64)| Frame::Array(vec![Frame::count(*at), Frame::count(*millis)]);
    Ok(Frame::Array(found.iter().flat_map(|(_, moments)| &moments.all).map(pair).collect()))
}

fn latency_reset(session: &mut Session, kinds: &[Bytes]) -> Answer {
    let fits = |kind: &str| kinds.is_empty() || kinds.iter().any(|wanted| wanted.as_ref() == kind.as_bytes());
    Ok(count(session.shared.tally.forget_moments(fits)))
}

fn latency_histogram(session: &mut Session, names: &[Bytes]) -> Answer {
    let counted: Vec<(&Command, Counted)> =
        session.shared.tally.by_command().filter(|(_, counted)| counted.calls > 0).collect();
    if names.is_empty() {
        return Ok(Frame::Map(counted.iter().map(histogram).collect()));
    }
    let mut told: Vec<(Frame, Frame)> = Vec::new();
    for name in names {
        let Some(known) = find(name, None) else {
            continue;
        };
        // A container stands for its subcommands, too.
        let wanted = |command: &Command| {
            let rest = command.name.strip_prefix(known.command.name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('|'))
        };
        told.extend(counted.iter().filter(|(command, _)| wanted(command)).map(histogram));
    }
    Ok(Frame::Map(told))
}

/// How many calls took at most so many microseconds, wherever that grows.
fn histogram((command, counted): &(&Command, Counted)) -> (Frame, Frame) {
    let mut seen = 0;
    let mut steps = Vec::new();
    for (place, count) in counted.buckets.iter().enumerate().filter(|(_, count)| **count > 0) {
        seen += count;
        steps.push((Frame::count(1 << place), Frame::count(seen)));
    }
    let told =
        vec![(Frame::name("calls"), Frame::count(counted.calls)), (Frame::name("histogram_usec"), Frame::Map(steps))];
    (Frame::name(command.name), Frame::Map(told))
}
