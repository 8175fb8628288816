//! A connection: bytes in, requests done in order, bytes out.
//!
//! May use the session, the socket and `resp`. Invariants: replies go out in the order of their requests; reading goes on while
//! replies wait to be sent, because a client may send all its requests before it reads anything; beyond the limits the connection
//! ends.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::Interest;
use tokio::sync::watch;

use super::burst::Burst;
use super::session::Session;
use super::shared::Shared;
use super::socket::Socket;
use super::standing::Resumed;
use crate::resp::{Frame, Limits, Parser, Request, RespError, split_line};

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
    /// Commands that were read and wait for the next one; when [`Connection::work`] has ended, only for the client to read its replies.
    burst: Burst,
    /// A request behind those.
    next: Option<Result<Vec<Bytes>, RespError>>,
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
    /// Requests, perhaps, whose turn comes when the client has taken its replies.
    Replies,
    /// Nothing that can be done now; the beginning of a request, perhaps.
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
            burst: Burst::default(),
            next: None,
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
            self.take_messages();
            self.send()?;
            self.keep_limits()?;
            let has_messages = self.out.is_empty() && self.session.me.inbox.bytes() > 0;
            let has_room = left == Left::Replies && self.unread() < UNREAD_BYTES;
            if left == Left::Requests || has_room || has_messages {
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
        let me = &self.session.me;
        let is_told = me.is_subscriber() || me.is_monitor.load(Ordering::Relaxed);
        let is_resting = self.session.standing.is_some() || is_told;
        let timeout = if is_resting { Duration::ZERO } else { self.patience() };
        let silence = async {
            match timeout {
                Duration::ZERO => std::future::pending().await,
                timeout => tokio::time::sleep(timeout).await,
            }
        };
        let deadline = self.deadline();
        if reads && self.out.is_empty() {
            let room = room_to_read(&mut self.parser, self.read_bytes);
            let read = tokio::select! {
                biased;
                read = self.socket.read(room) => read,
                () = self.session.me.woken.notified() => return Ok(true),
                () = until(deadline), if deadline.is_some() => return Ok(true),
                _ = self.stop.changed() => return Ok(true),
                () = silence => return Ok(false),
            };
            return self.took(read);
        }
        let interest = if reads { Interest::READABLE | Interest::WRITABLE } else { Interest::WRITABLE };
        let ready = tokio::select! {
            ready = self.socket.ready(interest) => ready?,
            () = self.session.me.woken.notified() => return Ok(true),
            () = until(deadline), if deadline.is_some() => return Ok(true),
            _ = self.stop.changed(), if reads => return Ok(true),
            () = silence => return Ok(false),
        };
        if ready.is_writable() {
            self.send()?;
        }
        if reads && ready.is_readable() {
            let read = self.socket.try_read(room_to_read(&mut self.parser, self.read_bytes));
            return self.took(read);
        }
        Ok(true)
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

    /// Follows what was read; false at the end.
    fn took(&mut self, read: io::Result<usize>) -> io::Result<bool> {
        match read {
            Ok(0) => Ok(false),
            Ok(read) => {
                // So that a client that asks about itself is told of its request.
                let held = usize::try_from(self.parser.held()).unwrap_or(usize::MAX);
                self.session.me.sizes.query.store(held, Ordering::Relaxed);
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
        let mut left = Left::Requests;
        for _ in 0..BURST {
            if self.session.is_closing || self.session.me.is_killed() {
                left = Left::Nothing;
                break;
            }
            if self.unread() >= UNREAD_BYTES {
                left = Left::Replies;
                break;
            }
            match self.session.resume() {
                Resumed::Ready => {}
                Resumed::Standing => return Left::Nothing,
                Resumed::Reply(frame) => self.reply(frame),
            }
            if self.out.len() - before >= FLUSH_BYTES || self.session.pause > Duration::ZERO {
                break;
            }
            let Some(request) = self.next.take().or_else(|| self.read_request()) else {
                left = Left::Nothing;
                break;
            };
            self.execute(request);
        }
        self.finish_burst();
        if self.burst.is_empty() { left } else { Left::Replies }
    }

    /// Reads a request, if all of it has come.
    fn read_request(&mut self) -> Option<Result<Vec<Bytes>, RespError>> {
        self.parser.restrict(!self.session.is_known);
        Some(match self.parser.next_request().transpose()? {
            Ok(Request::Command(words)) => Ok(words),
            Ok(Request::Line(line)) => split_line(&line),
            Err(error) => Err(error),
        })
    }

    /// Does a request, or lets it wait: for those that follow it, or for the client to read the replies to those before it.
    fn execute(&mut self, mut request: Result<Vec<Bytes>, RespError>) {
        // WHY not if nothing follows: it would only be carried about.
        let may_wait = self.parser.held() > 0 || !self.burst.is_empty();
        if let Ok(words) = request.as_mut()
            && may_wait
            && self.burst.take(&self.session, words)
        {
            return;
        }
        self.finish_burst();
        if !self.burst.is_empty() {
            self.next = Some(request);
            return;
        }
        let reply = match request {
            Ok(words) => self.session.execute(words),
            Err(error) => {
                self.session.is_closing = true;
                Some(Frame::Error(format!("ERR Protocol error: {error}").into()))
            }
        };
        self.reply(reply);
    }

    /// Does the commands that wait, as far as their replies may wait.
    fn finish_burst(&mut self) {
        let room = UNREAD_BYTES.saturating_sub(self.unread());
        self.burst.finish(&mut self.session, &mut self.out, room);
    }

    /// How many bytes of replies the client has not taken.
    fn unread(&self) -> usize {
        self.out.len() - self.sent
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
        let held = query
            .saturating_add(self.out.len())
            .saturating_add(self.burst.bytes())
            .saturating_add(self.session.queued_bytes());
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
        } else if !self.session.is_known && all > options.max_waiting_bytes / STRANGERS_SHARE && held > STRANGER_BYTES {
            "all clients together have much waiting, and it has not said who it is"
        } else if all > options.max_waiting_bytes && held.saturating_add(inbox) > GRANTED_BYTES {
            "all clients together have too many bytes waiting"
        } else {
            return Ok(());
        };
        self.shared.over_limit.fetch_add(1, Ordering::Relaxed);
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

/// Where to append what is read next.
fn room_to_read(parser: &mut Parser, bytes: usize) -> &mut BytesMut {
    let room = parser.room();
    if room.is_empty() && room.capacity() > KEPT_BYTES {
        *room = BytesMut::new();
    }
    room.reserve(bytes);
    room
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.session.leave();
        self.shared.clients.leave(self.session.me.id);
        self.shared.waiting.fetch_sub(self.counted, Ordering::Relaxed);
    }
}
