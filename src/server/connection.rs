//! A connection: bytes in, requests done in order, bytes out.
//!
//! May use the session, the socket and `resp`. Invariants: replies go out in the order of their requests; reading goes on while
//! replies wait to be sent, because a client may send all its requests before it reads anything; beyond the limits the connection
//! ends.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::sync::watch;

use super::session::Session;
use super::shared::Shared;
use super::socket::Socket;
use super::standing::Resumed;
use crate::resp::{Frame, Limits, Parser, Request, split_line};

/// Requests that are done in one go, before other connections of the thread get their turn. More make them wait longer; fewer cost a
/// switch more often.
const BURST: usize = 256;

/// Bytes of replies that are gathered in one go before they are sent, if there are more requests.
const FLUSH_BYTES: usize = 64 * 1024;

/// When so much waits to be sent, requests are still read and no longer done. More would be memory for a client that does not read;
/// less would let one wait that reads seldom.
const UNREAD_BYTES: usize = 1024 * 1024;

/// How much is read at once: at first, and at most. WHY so little at first: ten thousand connections may be idle.
const READ_BYTES: [usize; 2] = [2 * 1024, 256 * 1024];

/// Buffers that have grown beyond this are given back when they are empty.
const KEPT_BYTES: usize = 64 * 1024;

/// What a connection may hold even when all of them together hold too much.
const GRANTED_BYTES: usize = 64 * 1024;

/// How often it is looked whether a client that does not read what others send to it has to go.
const SLOW_LOOK: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Connection {
    socket: Socket,
    session: Session,
    shared: Arc<Shared>,
    parser: Parser,
    out: Vec<u8>,
    /// How much of it was sent.
    sent: usize,
    read_bytes: usize,
    /// What is counted for this connection among all that waits.
    counted: usize,
    stop: watch::Receiver<bool>,
}

/// What a turn of work left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Requests that can be done now.
    Requests,
    /// Nothing that can be done now: the beginning of a request, perhaps, or requests whose turn comes when the client has read.
    Nothing,
}

impl Connection {
    pub(crate) fn new(socket: Socket, session: Session) -> Self {
        let shared = Arc::clone(&session.shared);
        let limits = Limits { max_word_bytes: shared.options.max_bulk_bytes, ..Limits::default() };
        Self {
            socket,
            stop: shared.stop.subscribe(),
            shared,
            session,
            parser: Parser::new(limits),
            out: Vec::new(),
            sent: 0,
            read_bytes: READ_BYTES[0],
            counted: 0,
        }
    }

    /// Serves the client until it leaves, is sent away, or the server stops.
    pub(crate) async fn serve(mut self) {
        if let Err(error) = self.talk().await {
            tracing::debug!(client = %self.session.me.address, %error, "a connection ended");
        }
    }

    async fn talk(&mut self) -> io::Result<()> {
        loop {
            let left = self.work();
            self.take_messages();
            self.send()?;
            self.keep_limits()?;
            if self.session.pause > Duration::ZERO {
                tokio::time::sleep(std::mem::take(&mut self.session.pause)).await;
            }
            let has_messages = self.out.is_empty() && self.session.me.inbox.bytes() > 0;
            if left == Left::Requests || has_messages {
                tokio::task::yield_now().await;
                continue;
            }
            let is_done = self.session.is_closing || *self.stop.borrow();
            if (is_done && self.out.is_empty()) || self.session.me.is_killed() {
                return Ok(());
            }
            if !self.wait(!is_done).await? {
                return Ok(());
            }
        }
    }

    /// Waits for the client, and reads and writes what can be; false if it is gone or has been silent for too long.
    async fn wait(&mut self, reads: bool) -> io::Result<bool> {
        let interest = match (reads, self.out.is_empty()) {
            (true, true) => Interest::READABLE,
            (true, false) => Interest::READABLE | Interest::WRITABLE,
            (false, _) => Interest::WRITABLE,
        };
        let is_resting = self.session.standing.is_some() || self.session.me.is_subscriber();
        let timeout = if is_resting { Duration::ZERO } else { self.shared.settings.lock().timeout };
        let deadline = self.deadline();
        let me = Arc::clone(&self.session.me);
        let ready = tokio::select! {
            ready = self.socket.ready(interest) => ready?,
            () = me.woken.notified() => return Ok(true),
            () = until(deadline), if deadline.is_some() => return Ok(true),
            _ = self.stop.changed(), if reads => return Ok(true),
            () = tokio::time::sleep(timeout), if timeout > Duration::ZERO => return Ok(false),
        };
        if ready.is_writable() {
            self.send()?;
        }
        if reads && ready.is_readable() { self.read() } else { Ok(true) }
    }

    /// Reads what is there; false at the end.
    fn read(&mut self) -> io::Result<bool> {
        let room = self.parser.room();
        if room.is_empty() && room.capacity() > KEPT_BYTES {
            *room = bytes::BytesMut::new();
        }
        room.reserve(self.read_bytes);
        match self.socket.try_read(room) {
            Ok(0) => Ok(false),
            Ok(read) => {
                // So that a client that asks about itself is told of its request.
                let held = usize::try_from(self.parser.held()).unwrap_or(usize::MAX);
                self.session.me.sizes.query.store(held, Ordering::Relaxed);
                if read >= self.read_bytes {
                    self.read_bytes = (self.read_bytes * 4).min(READ_BYTES[1]);
                } else if read < self.read_bytes / 8 {
                    self.read_bytes = READ_BYTES[0];
                }
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Does the requests that are there, up to a burst.
    fn work(&mut self) -> Left {
        let before = self.out.len();
        for _ in 0..BURST {
            if self.session.is_closing || self.session.me.is_killed() {
                return Left::Nothing;
            }
            if self.out.len() - self.sent >= UNREAD_BYTES {
                return Left::Nothing;
            }
            match self.session.resume() {
                Resumed::Ready => {}
                Resumed::Standing => return Left::Nothing,
                Resumed::Reply(frame) => self.reply(frame),
            }
            if self.out.len() - before >= FLUSH_BYTES || self.session.pause > Duration::ZERO {
                return Left::Requests;
            }
            self.parser.restrict(!self.session.is_known);
            let words = match self.parser.next_request() {
                Ok(None) => return Left::Nothing,
                Ok(Some(Request::Command(words))) => Ok(words),
                Ok(Some(Request::Line(line))) => split_line(&line),
                Err(error) => Err(error),
            };
            match words {
                Ok(words) => {
                    let reply = self.session.execute(words);
                    self.reply(reply);
                }
                Err(error) => {
                    Frame::Error(format!("ERR Protocol error: {error}").into())
                        .write(&mut self.out, self.session.version);
                    self.session.is_closing = true;
                }
            }
        }
        Left::Requests
    }

    /// Appends a reply, and before it what others have sent until now.
    fn reply(&mut self, frame: Option<Frame>) {
        if self.session.is_inbox_first {
            self.take_messages();
        }
        if let Some(frame) = frame {
            frame.write(&mut self.out, self.session.version);
        }
    }

    /// Takes what others have sent, as long as the client reads.
    fn take_messages(&mut self) {
        let inbox = &self.session.me.inbox;
        if inbox.bytes() > 0 {
            inbox.take(&mut self.out, self.sent.saturating_add(UNREAD_BYTES), &self.shared.waiting);
        }
    }

    /// When there is something to look at, though nothing may have come.
    fn deadline(&self) -> Option<Instant> {
        let me = &self.session.me;
        let is_slow = me.inbox.bytes() > 0 || (me.is_subscriber() && !self.out.is_empty());
        let look = is_slow.then(|| Instant::now() + SLOW_LOOK);
        [self.session.deadline(), look].into_iter().flatten().min()
    }

    /// Sends as much as the client takes.
    fn send(&mut self) -> io::Result<()> {
        while let Some(rest) = self.out.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.socket.try_write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // WHY not each time: it moves all that is left.
                    if self.sent > self.out.len() / 2 {
                        self.out.drain(..self.sent);
                        self.sent = 0;
                    }
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        self.sent = 0;
        self.out.clear();
        if self.out.capacity() > KEPT_BYTES {
            self.out = Vec::new();
        }
        Ok(())
    }

    /// Ends the connection if more waits than may.
    fn keep_limits(&mut self) -> io::Result<()> {
        let query = usize::try_from(self.parser.held()).unwrap_or(usize::MAX);
        self.show_sizes(query);
        let options = &self.shared.options;
        let held = query.saturating_add(self.out.len());
        let all = if held >= self.counted {
            let more = held - self.counted;
            self.shared.waiting.fetch_add(more, Ordering::Relaxed).saturating_add(more)
        } else {
            let less = self.counted - held;
            self.shared.waiting.fetch_sub(less, Ordering::Relaxed).saturating_sub(less)
        };
        self.counted = held;
        let me = &self.session.me;
        let is_told = me.is_subscriber() || me.is_monitor.load(Ordering::Relaxed);
        let inbox = me.inbox.bytes();
        let refusal = if query > options.max_query_bytes {
            "its requests have too many bytes"
        } else if self.out.len() > options.max_reply_bytes {
            "it does not read its replies"
        } else if is_told && !me.inbox.keeps(self.out.len(), &self.shared.channels.limits()) {
            "it does not read what others send to it"
        } else if all > options.max_waiting_bytes && held.saturating_add(inbox) > GRANTED_BYTES {
            "all clients together have too many bytes waiting"
        } else {
            return Ok(());
        };
        tracing::warn!(client = %self.session.me.address, "a client is sent away: {refusal}");
        Err(io::Error::other(refusal))
    }

    /// Lets CLIENT LIST tell how much there is.
    fn show_sizes(&mut self, query: usize) {
        let room = self.parser.room();
        let free = room.capacity().saturating_sub(room.len());
        let sizes = &self.session.me.sizes;
        let shown = [(&sizes.query, query), (&sizes.query_room, free), (&sizes.out, self.out.len())];
        for (figure, value) in shown.into_iter().chain([(&sizes.out_room, self.out.capacity())]) {
            figure.store(value, Ordering::Relaxed);
        }
    }
}

/// Waits until then.
async fn until(deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        tokio::time::sleep_until(deadline.into()).await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.session.leave();
        self.shared.clients.leave(self.session.me.id);
        self.shared.waiting.fetch_sub(self.counted, Ordering::Relaxed);
    }
}
