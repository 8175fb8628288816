//! What keeps a connection from doing its next request: a key that it waits for, or a pause.
//!
//! May use the session, who waits, and pauses. Invariant: a connection that stands still holds no thread and no lock; its further
//! requests wait, and its reply comes before theirs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;

use super::commands::{Answer, Filled, Known, Refusal, Wanted, may_fill};
use super::session::{Queued, Replies, Session};
use super::waiting::{Turn, Waiter};
use crate::resp::Frame;

/// Why a connection stands still.
#[derive(Debug)]
pub(crate) enum Standing {
    /// It waits for a key. Whether its client wants the reply.
    Key(Arc<Waiter>, bool),
    /// It waits for the end of a pause; then it does these words.
    Pause(Vec<Bytes>),
}

/// Whether a connection goes on.
#[derive(Debug)]
pub(crate) enum Resumed {
    /// It does not stand still.
    Ready,
    /// It still does.
    Standing,
    /// It did; this is the reply, if there is to be one.
    Reply(Option<Frame>),
}

/// What a request gets that is not answered yet.
const NOTHING_YET: Frame = Frame::Sequence(Vec::new());

impl Session {
    /// Looks whether what the connection waits for has come.
    #[inline]
    pub(crate) fn resume(&mut self) -> Resumed {
        match self.standing.take() {
            None => Resumed::Ready,
            Some(standing) => self.resume_from(standing),
        }
    }

    fn resume_from(&mut self, standing: Standing) -> Resumed {
        let shared = Arc::clone(&self.shared);
        match standing {
            Standing::Key(waiter, is_wanted) => {
                let over = || waiter.is_over().then(|| shared.waiters.leave(&waiter)).flatten();
                let Some(answer) = waiter.outcome().or_else(over) else {
                    self.standing = Some(Standing::Key(waiter, is_wanted));
                    return Resumed::Standing;
                };
                let frame = answer.unwrap_or_else(Refusal::into_frame);
                shared.tally.replied(&frame);
                Resumed::Reply(is_wanted.then_some(frame))
            }
            Standing::Pause(words) => {
                self.me.is_blocked.store(false, Ordering::Relaxed);
                shared.pauses.postponed.fetch_sub(1, Ordering::Relaxed);
                // It may be postponed again.
                let reply = self.execute(words);
                if self.standing.is_some() { Resumed::Standing } else { Resumed::Reply(reply) }
            }
        }
    }

    /// When the connection has to look again by itself.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.standing {
            Some(Standing::Key(waiter, _)) => waiter.deadline,
            // WHY now, if there is no pause: it has ended since the request was put aside.
            Some(Standing::Pause(_)) => Some(self.shared.pauses.until(true).unwrap_or_else(Instant::now)),
            None => None,
        }
    }

    /// Whether a pause keeps this command from being done now.
    pub(crate) fn is_paused(&self, known: Known) -> bool {
        // Whoever ends the pause must not wait for its end.
        self.shared.pauses.until(self.writes(known)).is_some() && known.command.name != "client|unpause"
    }

    /// Whether a command is among those that a pause of writes holds: as in Redis, also those that replicas would be told of.
    fn writes(&self, known: Known) -> bool {
        let is_write =
            |known: Known| known.is_write || matches!(known.command.name, "publish" | "spublish" | "pfcount");
        let is_queued = || self.queue.iter().flat_map(|queue| &queue.commands).any(|queued| is_write(queued.known));
        is_write(known) || (known.command.name == "exec" && is_queued())
    }

    /// Puts a request aside until the pause is over.
    pub(crate) fn postpone(&mut self, words: Vec<Bytes>) -> Answer {
        self.me.is_blocked.store(true, Ordering::Relaxed);
        self.shared.pauses.postponed.fetch_add(1, Ordering::Relaxed);
        self.standing = Some(Standing::Pause(words));
        Ok(NOTHING_YET)
    }

    /// Takes what is wanted, or lets the connection stand still.
    pub(crate) fn take_or_wait(&mut self, wanted: Wanted) -> Answer {
        let shared = Arc::clone(&self.shared);
        match shared.waiters.take_or_wait(&shared, &self.me, self.db.number(), wanted) {
            Ok(answer) => answer,
            Err(waiter) => {
                self.standing = Some(Standing::Key(waiter, self.replies == Replies::All));
                Ok(NOTHING_YET)
            }
        }
    }

    /// Does a command that writes, and serves who waits for what it wrote, before anything else is done.
    pub(crate) fn write(&mut self, known: Known, words: &[Bytes], names: usize) -> Answer {
        let shared = Arc::clone(&self.shared);
        let waiting = &shared.waiters;
        let db = self.db.number();
        let filled = || may_fill(known.command, words, names);
        let turn = if waiting.count() > 0 { waiting.turn_for(db, &filled()) } else { None };
        let answer = self.run(known, words.get(names..).unwrap_or_default());
        self.serve_after(db, turn, filled);
        answer
    }

    /// Serves who waits for what was just written.
    fn serve_after<'a>(&self, db: u32, turn: Option<Turn<'_>>, filled: impl FnOnce() -> Filled<'a>) {
        let waiting = &self.shared.waiters;
        if waiting.is_any_after_write() {
            let places = waiting.places(db, &filled());
            if !places.is_empty() {
                waiting.serve(&self.shared, &turn.unwrap_or_else(|| waiting.take_turn()), places);
            }
        }
    }

    /// Whether nobody watches what each command of this client does, so that several may be done as one.
    pub(crate) fn is_unwatched(&self) -> bool {
        let shared = &self.shared;
        let is_paused = shared.pauses.until(true).is_some();
        let is_heard = shared.notices.is_on() || shared.monitors.is_any() || self.me.is_subscriber();
        shared.waiters.count() == 0 && !is_paused && !is_heard
    }

    /// Serves who waits for what commands that were done as one have written, and tells of it: somebody may have come meanwhile.
    pub(crate) fn ended_together(&self, commands: &[Queued]) {
        for Queued { known, words, names } in commands.iter().filter(|queued| queued.known.is_write) {
            self.serve_after(self.db.number(), None, || may_fill(known.command, words, *names));
        }
        self.notify();
    }

    /// Ends all that others know of the connection.
    pub(crate) fn leave(&mut self) {
        let shared = Arc::clone(&self.shared);
        match self.standing.take() {
            Some(Standing::Key(waiter, _)) => {
                shared.waiters.leave(&waiter);
            }
            Some(Standing::Pause(_)) => {
                shared.pauses.postponed.fetch_sub(1, Ordering::Relaxed);
            }
            None => {}
        }
        shared.channels.leave_all(&self.me, &mut self.names);
        shared.monitors.leave(&self.me);
        self.me.inbox.close(&shared.waiting);
    }
}
