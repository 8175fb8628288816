//! A connection: bytes in, requests done in order, bytes out.
//!
//! May use the session, the socket and `resp`. Invariants: replies go out in the order of their requests; reading goes on while
//! replies wait to be sent, because a client may send all its requests before it reads anything; beyond the limits the connection
//! ends.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::Interest;
use tokio::sync::watch;

use super::session::Session;
use super::shared::Shared;
use super::socket::Socket;
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

/// Which part of what all may hold is there for those who have not said who they are: a sixteenth, 128 MiB by default.
const STRANGERS_SHARE: usize = 16;

/// What one of them may hold beyond that. A password and a name are shorter.
const STRANGER_BYTES: usize = 4 * 1024;

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
            if self.session.pause > Duration::ZERO {
                // WHY before it is sent: else whoever guesses would read the reply and come again as somebody else.
                tokio::time::sleep(std::mem::take(&mut self.session.pause)).await;
            }
            self.send()?;
            self.keep_limits()?;
            if left == Left::Requests {
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
        let timeout = self.patience();
        let me = Arc::clone(&self.session.me);
        let ready = tokio::select! {
            ready = self.socket.ready(interest) => ready?,
            () = me.killed.notified() => return Ok(false),
            _ = self.stop.changed(), if reads => return Ok(true),
            () = tokio::time::sleep(timeout), if timeout > Duration::ZERO => return Ok(false),
        };
        if ready.is_writable() {
            self.send()?;
        }
        if reads && ready.is_readable() { self.read() } else { Ok(true) }
    }

    /// How long the client may be silent; zero for ever.
    fn patience(&self) -> Duration {
        let timeout = self.shared.settings.lock().timeout;
        if self.session.is_known || self.shared.options.auth_timeout.is_zero() {
            return timeout;
        }
        // Whatever it sends meanwhile; at least a moment, as zero is for ever.
        let left = self.shared.options.auth_timeout.saturating_sub(self.session.me.since.elapsed());
        let left = left.max(Duration::from_millis(1));
        if timeout.is_zero() { left } else { left.min(timeout) }
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
                if read >= self.read_bytes && self.session.is_known {
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
                    if let Some(reply) = self.session.execute(words) {
                        reply.write(&mut self.out, self.session.version);
                    }
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
        let options = &self.shared.options;
        let query = usize::try_from(self.parser.held()).unwrap_or(usize::MAX);
        let held = query.saturating_add(self.out.len()).saturating_add(self.session.queued_bytes());
        let all = if held >= self.counted {
            let more = held - self.counted;
            self.shared.waiting.fetch_add(more, Ordering::Relaxed).saturating_add(more)
        } else {
            let less = self.counted - held;
            self.shared.waiting.fetch_sub(less, Ordering::Relaxed).saturating_sub(less)
        };
        self.counted = held;
        let refusal = if query > options.max_query_bytes {
            "its requests have too many bytes"
        } else if self.out.len() > options.max_reply_bytes {
            "it does not read its replies"
        } else if !self.session.is_known && all > options.max_waiting_bytes / STRANGERS_SHARE && held > STRANGER_BYTES {
            "all clients together have much waiting, and it has not said who it is"
        } else if all > options.max_waiting_bytes && held > GRANTED_BYTES {
            "all clients together have too many bytes waiting"
        } else {
            return Ok(());
        };
        self.shared.over_limit.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(client = %self.session.me.address, "a client is sent away: {refusal}");
        Err(io::Error::other(refusal))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.clients.leave(self.session.me.id);
        self.shared.waiting.fetch_sub(self.counted, Ordering::Relaxed);
    }
}
