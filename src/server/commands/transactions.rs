//! Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! May use the crate's transactions. Invariant: between the first and the last command of a transaction nobody else's command is
//! done that touches its keys; its writes become visible in one commit, unless it holds a command on more than keys of dbs.
//!
//! WHY two ways: flushes, walks over keys and their like are not offered inside of the crate's transactions. One that holds such a
//! command is done while nobody else does anything, command by command; a crash can cut it there.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;

use super::refusal::Refusal;
use super::{Answer, Call, Command, Run, keys_of, may_fill, row};
use crate::Watch;
use crate::resp::Frame;
use crate::server::clients::Seen;
use crate::server::session::{Queue, Queued, Session};
use crate::server::shared::Shared;

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("multi", 1, "noscript loading stale fast allow_busy", [0, 0, 0], ("transactions", "1.2.0"), Run::Session(multi),
        "Mark the start of a transaction block"),
    row("exec", 1, "noscript loading stale skip_slowlog", [0, 0, 0], ("transactions", "1.2.0"), Run::Session(exec),
        "Execute all commands issued after MULTI"),
    row("discard", 1, "noscript loading stale fast allow_busy", [0, 0, 0], ("transactions", "2.0.0"), Run::Session(discard),
        "Discard all commands issued after MULTI"),
    row("watch", -2, "noscript loading stale fast allow_busy", [1, -1, 1], ("transactions", "2.2.0"), Run::Session(watch),
        "Watch the given keys to determine execution of the MULTI/EXEC block"),
    row("unwatch", 1, "noscript loading stale fast allow_busy", [0, 0, 0], ("transactions", "2.2.0"), Run::Session(unwatch),
        "Forget about all watched keys"),
];

/// What a watched key takes beside its bytes, about.
const WATCHED_BYTES: usize = 128;

fn multi(session: &mut Session, _: &[Bytes]) -> Answer {
    if session.queue.is_some() {
        return Err(Refusal::of("ERR MULTI calls can not be nested"));
    }
    session.queue = Some(Queue::default());
    session.me.queued.store(1, Ordering::Relaxed);
    Ok(Frame::OK)
}

fn discard(session: &mut Session, _: &[Bytes]) -> Answer {
    if session.queue.is_none() {
        return Err(Refusal::of("ERR DISCARD without MULTI"));
    }
    session.discard();
    Ok(Frame::OK)
}

fn watch(session: &mut Session, keys: &[Bytes]) -> Answer {
    if session.queue.is_some() {
        return Err(Refusal::of("ERR WATCH inside MULTI is not allowed"));
    }
    let bytes: usize = keys.iter().map(|key| key.len() + WATCHED_BYTES).sum();
    if session.watched_bytes.saturating_add(bytes) > session.shared.options.max_query_bytes {
        return Err(Refusal::of("ERR too many keys are watched"));
    }
    session.watched_bytes += bytes;
    let number = session.db.number();
    let keys = keys.iter().map(|key| (number, key));
    match &mut session.watch {
        Some(watch) => watch.add(keys)?,
        None => session.watch = Some(session.shared.store.watch(keys)?),
    }
    Ok(Frame::OK)
}

fn unwatch(session: &mut Session, _: &[Bytes]) -> Answer {
    session.unwatch();
    Ok(Frame::OK)
}

fn exec(session: &mut Session, _: &[Bytes]) -> Answer {
    let Some(queue) = session.queue.take() else {
        return Err(Refusal::of("ERR EXEC without MULTI"));
    };
    let watch = session.watch.take();
    session.discard();
    if queue.is_broken {
        return Err(Refusal::of("EXECABORT Transaction discarded because of previous errors."));
    }
    if let Some(refusal) = queue.commands.iter().find_map(|queued| session.shared.health.check(queued.known).err()) {
        return Err(Refusal::new(format!("EXECABORT Transaction discarded because of: {}", refusal.text())));
    }
    session.is_executing = true;
    let done = execute(session, watch, &queue.commands);
    session.is_executing = false;
    Ok(done?.map_or(Frame::NullArray, Frame::Array))
}

/// Does the commands, and serves who waits for what they have written.
fn execute(session: &mut Session, watch: Option<Watch>, commands: &[Queued]) -> Result<Option<Vec<Frame>>, Refusal> {
    let shared = Arc::clone(&session.shared);
    let number = session.db.number();
    // ORDER: the turn before the locks of keys, also if it is only needed within.
    let unblocks = commands.iter().any(|queued| queued.known.command.name == "client|unblock");
    let turn = (unblocks || shared.waiters.count() > 0).then(|| shared.waiters.take_turn());
    let is_whole = |queued: &Queued| matches!(queued.known.command.run, Run::Whole(_));
    let done = if commands.iter().any(is_whole) {
        alone(session, watch, commands)?
    } else {
        together(session, watch, commands)?
    };
    if done.is_some() {
        show(session, commands);
    }
    if shared.waiters.is_any_after_write() {
        let places = filled(&shared, number, commands);
        shared.waiters.serve(&shared, &turn.unwrap_or_else(|| shared.waiters.take_turn()), places);
    }
    Ok(done)
}

/// Shows the commands to who listens; their end is shown as any command.
fn show(session: &Session, commands: &[Queued]) {
    let monitors = &session.shared.monitors;
    if monitors.is_any() {
        commands.iter().for_each(|queued| monitors.show(session, queued.known.command, &queued.words));
    }
}

/// The keys that the commands may have filled and for which somebody waits.
fn filled(shared: &Shared, number: u32, commands: &[Queued]) -> Vec<(u32, Bytes)> {
    let mut places = Vec::new();
    for (number, Queued { known, words, names }) in with_dbs(shared, number, commands) {
        if known.is_write {
            places.extend(shared.waiters.places(number, &may_fill(known.command, words, *names)));
        }
    }
    places
}

/// The commands, each with the db that is selected when it is done.
fn with_dbs<'a>(
    shared: &'a Shared,
    mut number: u32,
    commands: &'a [Queued],
) -> impl Iterator<Item = (u32, &'a Queued)> {
    commands.iter().map(move |queued| {
        if let ("select", Some(word)) = (queued.known.command.name, queued.words.get(1)) {
            let wanted = super::arguments::integer(word).ok();
            number = wanted.and_then(|wanted| shared.db_number(wanted)).unwrap_or(number);
        }
        (number, queued)
    })
}

/// Does the commands while nobody else does any. `None` if a watched key has changed.
fn alone(session: &mut Session, watch: Option<Watch>, commands: &[Queued]) -> Result<Option<Vec<Frame>>, Refusal> {
    let shared = Arc::clone(&session.shared);
    let _alone = shared.gate.write();
    if watch.map_or(Ok(false), |watch| watch.is_broken())? {
        return Ok(None);
    }
    let mut frames = Vec::with_capacity(commands.len());
    for queued in commands {
        let started = Instant::now();
        let args = queued.words.get(queued.names..).unwrap_or_default();
        let answer = session.run_inside_gate(queued.known, args);
        frames.push(counted(&shared, &session.me, queued, started, answer));
    }
    Ok(Some(frames))
}

/// Does the commands in one transaction of the crate. `None` if a watched key has changed.
fn together(session: &mut Session, watch: Option<Watch>, commands: &[Queued]) -> Result<Option<Vec<Frame>>, Refusal> {
    let shared = Arc::clone(&session.shared);
    let _open = shared.gate.read();
    let keys = declared(&shared, session.db.number(), commands);
    let body = |tx: &crate::Transaction| {
        let mut frames = Vec::with_capacity(commands.len());
        for queued in commands {
            let started = Instant::now();
            let args = queued.words.get(queued.names..).unwrap_or_default();
            let answer = match queued.known.command.run {
                Run::Keyed { inside, .. } => {
                    let db = tx.db(session.db.number());
                    inside(&Call { db: &db, args, command: queued.known.command, shared: &shared })
                }
                Run::Blocking(read) => read(args).and_then(|wanted| wanted.at_once(&tx.db(session.db.number()))),
                _ => session.run_inside_gate(queued.known, args),
            };
            frames.push(counted(&shared, &session.me, queued, started, answer));
        }
        Ok(frames)
    };
    Ok(match watch {
        Some(watch) => watch.transaction(keys, body)?,
        None => Some(shared.store.transaction(keys, body)?),
    })
}

/// The reply to a command of a transaction, counted as one outside of it is.
fn counted(shared: &Shared, me: &Seen, queued: &Queued, started: Instant, answer: Answer) -> Frame {
    shared.tally.done(me, queued.known, &queued.words, started.elapsed(), &answer);
    let frame = answer.unwrap_or_else(Refusal::into_frame);
    shared.tally.replied(&frame);
    frame
}

/// The keys of all commands, each with the db that is selected when its command is done.
fn declared<'a>(shared: &'a Shared, number: u32, commands: &'a [Queued]) -> Vec<(u32, &'a Bytes)> {
    let commands = with_dbs(shared, number, commands);
    let keys = |(number, queued): (u32, &'a Queued)| {
        let keys = keys_of(queued.known.command, &queued.words, queued.names);
        keys.into_iter().map(move |key| (number, key))
    };
    commands.flat_map(keys).collect()
}
