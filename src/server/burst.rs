//! Commands of one client that came together and share a commit.
//!
//! May use the session, the commands and the crate's transactions. Invariants: each command is done as if it had come alone, in its turn;
//! a reply is given only once the commit is made that holds what it tells; if that fails, every command is told so.
//!
//! WHY: a commit costs more than most of what is in it. Who sends a command before the reply to the one before has come has said that
//! nothing needs to be seen between them.

use std::sync::Arc;

use bytes::Bytes;

use super::commands::{Call, Refusal, Run, keys_of};
use super::session::{Queued, Replies, Session};

/// How many commands share a commit. More gain little, and hold the locks of their keys for longer.
const MOST_COMMANDS: usize = 64;

/// How many bytes their words have together. More gain little: the bytes are the price then.
const MOST_BYTES: usize = 64 * 1024;

/// When their replies have so many bytes, the rest of them share the next commit. WHY: replies wait in memory for the commit.
const MOST_REPLY_BYTES: usize = 64 * 1024;

/// Commands that wait for those that follow them.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    commands: Vec<Queued>,
    bytes: usize,
}

impl Burst {
    /// How many bytes of memory wait here, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Takes a command that can share a commit with those that are here; returns whether it did, else it leaves the words.
    pub(crate) fn take(&mut self, session: &Session, words: &mut Vec<Bytes>) -> bool {
        let is_plain = session.queue.is_none() && session.replies == Replies::All && session.is_unwatched();
        // WHY: a write may wait for RocksDB then, and is done where it keeps nobody.
        if !is_plain || session.shared.health.is_pressed() || self.commands.len() >= MOST_COMMANDS {
            return false;
        }
        let bytes = words.iter().fold(self.bytes, |bytes, word| bytes.saturating_add(word.len()));
        let Ok((known, names)) = session.resolve(words) else { return false };
        if session.allow(known, words.len()).is_err() {
            return false;
        }
        // Reads alone need no commit. Behind a write they come along, as the next write would need another one else.
        let fits = known.is_small_write || (known.is_small_read && !self.is_empty());
        if !fits || bytes > MOST_BYTES {
            return false;
        }
        self.bytes = bytes;
        self.commands.push(Queued { known, words: std::mem::take(words), names });
        true
    }

    /// Does commands and appends their replies, in order, until all are done or `most_bytes` of replies have come.
    pub(crate) fn finish(&mut self, session: &mut Session, out: &mut Vec<u8>, most_bytes: usize) {
        let before = out.len();
        while !self.is_empty() && out.len() - before < most_bytes {
            let mut done = match self.commands.as_slice() {
                commands @ [_, _, ..] => together(session, commands, out),
                _ => 0,
            };
            if done == 0
                && let Some(first) = self.commands.first()
            {
                // It is alone, or the transaction was refused before it began: by a key that is too long, which is the fault of
                // one of them.
                let frame = session.run_resolved(first).unwrap_or_else(Refusal::into_frame);
                session.shared.tally.replied(&frame);
                session.notify();
                frame.write(out, session.version);
                done = 1;
            }
            self.commands.drain(..done);
        }
        self.bytes = if self.is_empty() { 0 } else { self.bytes };
    }
}

/// Does some of the commands, the first ones, in one transaction; returns how many: none if it did not begin.
fn together(session: &mut Session, commands: &[Queued], out: &mut Vec<u8>) -> usize {
    let shared = Arc::clone(&session.shared);
    let open = shared.gate.read();
    let number = session.db.number();
    let keys = commands.iter().flat_map(|queued| keys_of(queued.known.command, &queued.words, queued.names));
    let (before, mut done) = (out.len(), 0);
    let outcome = shared.store.transaction(keys.map(|key| (number, key)), |tx| {
        let db = tx.db(number);
        for queued in commands {
            let started = session.begins(queued.known);
            let args = queued.words.get(queued.names..).unwrap_or_default();
            let command = queued.known.command;
            let answer = match command.run {
                Run::Keyed { inside, .. } => inside(&Call { db: &db, args, command, shared: &shared }),
                _ => Err(Refusal::wrong_number(command)),
            };
            session.ended(queued, started, &answer);
            let frame = answer.unwrap_or_else(Refusal::into_frame);
            shared.tally.replied(&frame);
            frame.write(out, session.version);
            done += 1;
            if out.len() - before >= MOST_REPLY_BYTES {
                break;
            }
        }
        Ok(())
    });
    drop(open);
    session.ended_together(commands.get(..done).unwrap_or_default());
    if let Err(error) = outcome {
        // Nothing was changed, so nothing that was said holds.
        out.truncate(before);
        let refusal = Refusal::from(error);
        shared.health.note(&Err(refusal.clone()));
        let reply = refusal.into_frame();
        commands.iter().take(done).for_each(|_| reply.write(out, session.version));
    }
    done
}
