//! What a connection remembers, and how a request is done.
//!
//! May use the commands and the shared state. Invariant: every request that has words gets one reply, unless the client asked for
//! none; what is not allowed is refused before anything is done.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::channels::Names;
use super::clients::Seen;
use super::commands::{Answer, Call, Known, Refusal, Run, find, unknown_command, unknown_subcommand};
use super::shared::Shared;
use super::standing::Standing;
use crate::resp::{Frame, Version};
use crate::{Db, Live, Watch};

/// Commands between MULTI and EXEC.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) commands: Vec<Queued>,
    /// A command was refused: EXEC will refuse all.
    pub(crate) is_broken: bool,
    bytes: usize,
}

/// A command that waits for EXEC.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) known: Known,
    pub(crate) words: Vec<Bytes>,
    /// How many of the words are names.
    pub(crate) names: usize,
}

/// Which replies a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replies {
    All,
    None,
    /// All but the one to the next command.
    AllButNext,
}

/// A connection's state.
pub(crate) struct Session {
    pub(crate) shared: Arc<Shared>,
    pub(crate) me: Arc<Seen>,
    pub(crate) version: Version,
    pub(crate) db: Db<Live>,
    /// The client has said who it is, or need not.
    pub(crate) is_known: bool,
    /// How often it said it wrong.
    pub(crate) failures: u32,
    /// How long the connection is to pause before it does anything else.
    pub(crate) pause: Duration,
    pub(crate) replies: Replies,
    /// The connection ends when its replies are sent.
    pub(crate) is_closing: bool,
    pub(crate) queue: Option<Queue>,
    pub(crate) watch: Option<Watch>,
    /// What it has subscribed to.
    pub(crate) names: Names,
    /// Why it does not do its next request.
    pub(crate) standing: Option<Standing>,
    /// What others have sent goes out before the reply; but not before one that says that this begins.
    pub(crate) is_inbox_first: bool,
    /// What the watched keys take, about.
    pub(crate) watched_bytes: usize,
    /// EXEC is being done.
    pub(crate) is_executing: bool,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, me: Arc<Seen>) -> Self {
        let db = shared.store.db(0);
        let is_known = !shared.needs_password();
        Self {
            shared,
            me,
            version: Version::Two,
            db,
            is_known,
            failures: 0,
            pause: Duration::ZERO,
            replies: Replies::All,
            is_closing: false,
            queue: None,
            watch: None,
            names: Names::default(),
            standing: None,
            is_inbox_first: true,
            watched_bytes: 0,
            is_executing: false,
        }
    }

    /// Does a request; returns its reply, if there is to be one.
    pub(crate) fn execute(&mut self, words: Vec<Bytes>) -> Option<Frame> {
        let name = words.first()?;
        if name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:") {
            // WHY: this is a browser that somebody has sent here. What follows must not be taken for commands.
            tracing::warn!(client = %self.me.address, "a client speaks HTTP and is sent away");
            self.is_closing = true;
            return None;
        }
        let replies = self.replies;
        self.is_inbox_first = true;
        let frame = self.answer(words).unwrap_or_else(Refusal::into_frame);
        self.notify();
        if matches!(frame, Frame::Sequence(_)) {
            // Confirmations come to whoever does not want replies, too; and there may be none yet.
            return Some(frame);
        }
        self.shared.tally.replied(&frame);
        match (replies, self.replies) {
            (Replies::AllButNext, Replies::AllButNext) => {
                self.replies = Replies::All;
                None
            }
            (_, Replies::None | Replies::AllButNext) => None,
            (_, Replies::All) => Some(frame),
        }
    }

    /// Tells the events of what was done.
    pub(crate) fn notify(&self) {
        if self.shared.notices.is_on() {
            self.shared.notices.tell(&self.shared);
        }
    }

    fn answer(&mut self, words: Vec<Bytes>) -> Answer {
        let found = self.resolve(&words).and_then(|(known, names)| {
            self.allow(known, words.len()).inspect_err(|_| self.shared.tally.rejected(known))?;
            Ok((known, names))
        });
        let (known, names) = match found {
            Ok(found) => found,
            Err(refusal) => {
                self.break_queue();
                return Err(refusal);
            }
        };
        if self.is_paused(known) {
            return self.postpone(words);
        }
        let is_at_once = matches!(known.command.name, "exec" | "discard" | "multi" | "watch" | "quit" | "reset");
        if self.queue.is_some() && !is_at_once {
            return self.enqueue(Queued { known, words, names });
        }
        self.run_resolved(&Queued { known, words, names })
    }

    /// Does a command that was found.
    pub(crate) fn run_resolved(&mut self, found: &Queued) -> Answer {
        let Queued { known, words, names } = found;
        let started = self.begins(*known);
        let args = words.get(*names..).unwrap_or_default();
        let answer = match known.command.run {
            Run::Blocking(read) => read(args).and_then(|wanted| self.take_or_wait(wanted)),
            _ if known.is_write => self.write(*known, words, *names),
            _ => self.run(*known, args),
        };
        self.ended(found, started, &answer);
        answer
    }

    /// Counts a command that begins.
    pub(crate) fn begins(&self, known: Known) -> Instant {
        let started = Instant::now();
        self.me.did(known.command.name, started);
        self.shared.commands_done.fetch_add(1, Ordering::Relaxed);
        started
    }

    /// Counts and shows a command that is done.
    pub(crate) fn ended(&self, Queued { known, words, .. }: &Queued, started: Instant, answer: &Answer) {
        self.shared.tally.done(&self.me, *known, words, started.elapsed(), answer);
        self.shared.health.note(answer);
        if self.shared.monitors.is_any() {
            self.shared.monitors.show(self, known.command, words);
        }
    }

    /// Finds the command, and says how many words name it.
    pub(crate) fn resolve(&self, words: &[Bytes]) -> Result<(Known, usize), Refusal> {
        let name = words.first().map_or(&b""[..], |name| name);
        let mut known = find(name, None).ok_or_else(|| unknown_command(words))?;
        let mut names = 1;
        if let (true, Some(second)) = (known.is_container, words.get(1)) {
            let found = find(second, Some(known.command));
            known = found.ok_or_else(|| unknown_subcommand(known.command, second))?;
            names = 2;
        }
        Ok((known, names))
    }

    /// Refuses a command that may not be done by this client now.
    pub(crate) fn allow(&self, known: Known, words: usize) -> Result<(), Refusal> {
        if !known.command.takes(words) {
            return Err(Refusal::wrong_number(known.command));
        }
        if !self.is_known && !known.is_open {
            return Err(Refusal::of("NOAUTH Authentication required."));
        }
        if !self.names.is_empty() && self.version == Version::Two && !known.is_for_subscribers {
            let words = "only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context";
            return Err(Refusal::new(format!("ERR Can't execute '{}': {words}", known.command.name)));
        }
        if self.me.is_monitor.load(Ordering::Relaxed) && !matches!(known.command.run, Run::Session(_) | Run::Container)
        {
            return Err(Refusal::of("ERR Replica can't interact with the keyspace"));
        }
        if self.queue.is_some() && known.is_single {
            return Err(Refusal::of("ERR Command not allowed inside a transaction"));
        }
        self.shared.health.check(known)
    }

    fn break_queue(&mut self) {
        if let Some(queue) = &mut self.queue {
            queue.is_broken = true;
        }
    }

    fn enqueue(&mut self, mut queued: Queued) -> Answer {
        let limit = self.shared.options.max_query_bytes;
        let Some(queue) = &mut self.queue else {
            return Err(Refusal::of("ERR no transaction"));
        };
        // WHY a copy: a word that waits would hold all that was read together with it.
        queued.words.iter_mut().for_each(|word| *word = Bytes::copy_from_slice(word));
        let words: usize = queued.words.iter().map(Bytes::len).sum();
        let held = size_of::<Queued>() + queued.words.capacity() * size_of::<Bytes>();
        queue.bytes = queue.bytes.saturating_add(words).saturating_add(held);
        if queue.bytes > limit {
            queue.is_broken = true;
            queue.commands.clear();
            return Err(Refusal::of("ERR the transaction has too many bytes"));
        }
        queue.commands.push(queued);
        self.me.queued.store(queue.commands.len() + 1, Ordering::Relaxed);
        self.me.sizes.queue.store(queue.bytes, Ordering::Relaxed);
        Ok(Frame::Simple("QUEUED".into()))
    }

    /// Does a command; one that may take long lets other connections of the thread go on.
    pub(crate) fn run(&mut self, known: Known, args: &[Bytes]) -> Answer {
        // WHY also then: a write may wait for RocksDB.
        let may_write = known.is_write || known.command.name == "exec";
        if (known.is_slow && !self.is_short(known, args)) || (may_write && self.shared.health.is_pressed()) {
            return tokio::task::block_in_place(|| self.run_here(known, args));
        }
        self.run_here(known, args)
    }

    /// Whether a command that may take long does not, this time. WHY: making room for others costs as much as a hundred elements.
    fn is_short(&self, known: Known, args: &[Bytes]) -> bool {
        match known.command.name {
            "lrange" | "zrange" | "zrevrange" => is_short_range(args),
            "exec" => self.queue.as_ref().is_none_or(|queue| {
                queue.commands.len() <= SHORT && queue.commands.iter().all(|queued| !queued.known.is_slow)
            }),
            _ => false,
        }
    }

    fn run_here(&mut self, known: Known, args: &[Bytes]) -> Answer {
        if matches!(known.command.run, Run::Session(_)) {
            return self.run_inside_gate(known, args);
        }
        let shared = Arc::clone(&self.shared);
        let _open = shared.gate.read();
        self.run_inside_gate(known, args)
    }

    /// Does a command whose gate is held.
    pub(crate) fn run_inside_gate(&mut self, known: Known, args: &[Bytes]) -> Answer {
        let call = Call { db: &self.db, args, command: known.command, shared: &self.shared };
        match known.command.run {
            Run::Keyed { live, .. } => live(&call),
            Run::Whole(run) => run(&call),
            Run::Session(run) => run(self, args),
            Run::Blocking(read) => read(args)?.at_once(&self.db),
            Run::Container => Err(Refusal::wrong_number(known.command)),
        }
    }

    /// The bytes that are held until EXEC.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.bytes).saturating_add(self.watched_bytes)
    }

    /// Ends a transaction that was not done.
    pub(crate) fn discard(&mut self) {
        self.queue = None;
        self.unwatch();
        self.me.queued.store(0, Ordering::Relaxed);
        self.me.sizes.queue.store(0, Ordering::Relaxed);
    }

    pub(crate) fn unwatch(&mut self) {
        self.watch = None;
        self.watched_bytes = 0;
    }

    pub(crate) fn select(&mut self, number: u32) {
        self.db = self.shared.store.db(number);
        self.me.db.store(number, Ordering::Relaxed);
    }

    pub(crate) fn speak(&mut self, version: Version) {
        self.version = version;
        self.me.version.store(if version == Version::Three { 3 } else { 2 }, Ordering::Relaxed);
    }
}

/// Elements of a range, or commands of a transaction, that are too few to make room for others.
const SHORT: usize = 256;

/// Whether the words behind a key begin with two places that are close to each other.
fn is_short_range(args: &[Bytes]) -> bool {
    let place = |place: usize| crate::types::number::parse_integer(args.get(place)?);
    let (Some(first), Some(last)) = (place(1), place(2)) else { return false };
    // One counted from the beginning and one from the end may have anything between them.
    (first < 0) == (last < 0) && last.saturating_sub(first) < i64::try_from(SHORT).unwrap_or(0)
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("id", &self.me.id).finish_non_exhaustive()
    }
}
