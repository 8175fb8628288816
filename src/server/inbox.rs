//! What others have put for a client, to be sent when its connection comes to it.
//!
//! Uses `parking_lot`. Invariants: what is put is taken in the same order; what waits is counted, here and among all that waits; a
//! client for which too much waits gets nothing more, and its connection is told to end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;

/// How much may wait to be sent to a client that others send to: as Redis' `client-output-buffer-limit` for subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimits {
    /// At more bytes the client is sent away at once; 0: never.
    pub hard_bytes: usize,
    /// At more bytes for longer than [`soft_time`](Self::soft_time) it is sent away; 0: never.
    pub soft_bytes: usize,
    /// How long more than [`soft_bytes`](Self::soft_bytes) may wait.
    pub soft_time: Duration,
}

impl Default for OutputLimits {
    /// Those of Redis: 32 MiB, or 8 MiB for a minute.
    fn default() -> Self {
        Self { hard_bytes: 32 << 20, soft_bytes: 8 << 20, soft_time: Duration::from_secs(60) }
    }
}

impl std::fmt::Display for OutputLimits {
    /// As Redis writes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "pubsub {} {} {}", self.hard_bytes, self.soft_bytes, self.soft_time.as_secs())
    }
}

/// What one message costs beside its bytes.
const MESSAGE_BYTES: usize = size_of::<Bytes>();

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// Bytes that wait, also to be looked at without the lock.
    bytes: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<Bytes>,
    /// Since when more than the soft limit waits.
    over_since: Option<Instant>,
    is_closed: bool,
}

fn cost(message: &Bytes) -> usize {
    message.len().saturating_add(MESSAGE_BYTES)
}

impl Inbox {
    /// How many bytes wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How many messages wait.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().messages.len()
    }

    /// Puts a message. `sending` is what the connection has taken already and not sent. False if the client has to go.
    pub(crate) fn put(&self, message: Bytes, sending: usize, limits: &OutputLimits, all: &AtomicUsize) -> bool {
        let mut state = self.state.lock();
        if state.is_closed {
            return true;
        }
        let more = cost(&message);
        let held = self.bytes.fetch_add(more, Ordering::Relaxed).saturating_add(more).saturating_add(sending);
        all.fetch_add(more, Ordering::Relaxed);
        state.messages.push_back(message);
        let stays = state.keeps(held, limits);
        if !stays {
            self.empty(&mut state, all);
        }
        stays
    }

    /// Whether the client may stay, with so much that waits for it.
    pub(crate) fn keeps(&self, sending: usize, limits: &OutputLimits) -> bool {
        self.state.lock().keeps(self.bytes().saturating_add(sending), limits)
    }

    /// Moves messages to what is to be sent next, until that has so many bytes.
    pub(crate) fn take(&self, out: &mut Vec<u8>, most: usize, all: &AtomicUsize) {
        let mut state = self.state.lock();
        while out.len() < most {
            let Some(message) = state.messages.pop_front() else { break };
            out.extend_from_slice(&message);
            self.bytes.fetch_sub(cost(&message), Ordering::Relaxed);
            all.fetch_sub(cost(&message), Ordering::Relaxed);
        }
        if state.messages.capacity() > 64 && state.messages.is_empty() {
            state.messages = VecDeque::new();
        }
    }

    /// Forgets what waits, and takes nothing any more.
    pub(crate) fn close(&self, all: &AtomicUsize) {
        self.empty(&mut self.state.lock(), all);
    }

    fn empty(&self, state: &mut State, all: &AtomicUsize) {
        state.is_closed = true;
        state.messages = VecDeque::new();
        all.fetch_sub(self.bytes.swap(0, Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl State {
    fn keeps(&mut self, held: usize, limits: &OutputLimits) -> bool {
        if limits.hard_bytes > 0 && held > limits.hard_bytes {
            return false;
        }
        if limits.soft_bytes == 0 || held <= limits.soft_bytes {
            self.over_since = None;
            return true;
        }
        let since = *self.over_since.get_or_insert_with(Instant::now);
        since.elapsed() <= limits.soft_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: usize) -> Bytes {
        vec![b'x'; length].into()
    }

    #[test]
    fn messages_come_in_order_and_are_counted() {
        let (inbox, all, limits) = (Inbox::default(), AtomicUsize::new(7), OutputLimits::default());
        for text in ["a", "b", "c"] {
            assert!(inbox.put(Bytes::from_static(text.as_bytes()), 0, &limits, &all));
        }
        assert_eq!((inbox.len(), inbox.bytes()), (3, 3 + 3 * MESSAGE_BYTES));
        assert_eq!(all.load(Ordering::Relaxed), 7 + inbox.bytes());
        let mut out = Vec::new();
        inbox.take(&mut out, 2, &all);
        assert_eq!(out, b"ab");
        inbox.take(&mut out, 100, &all);
        assert_eq!((out.as_slice(), inbox.bytes(), all.load(Ordering::Relaxed)), (&b"abc"[..], 0, 7));
    }

    #[test]
    fn too_much_closes_it_at_once_or_after_a_while() {
        let all = AtomicUsize::new(0);
        let limits = OutputLimits { hard_bytes: 1000, soft_bytes: 100, soft_time: Duration::from_millis(20) };
        let inbox = Inbox::default();
        assert!(inbox.put(message(200), 0, &limits, &all));
        std::thread::sleep(Duration::from_millis(30));
        assert!(!inbox.put(message(1), 0, &limits, &all));
        assert_eq!((inbox.len(), all.load(Ordering::Relaxed)), (0, 0));
        assert!(inbox.put(message(1), 0, &limits, &all), "what is closed says nothing");
        assert_eq!(inbox.len(), 0);

        let inbox = Inbox::default();
        assert!(!inbox.put(message(10), 1000, &limits, &all), "what is being sent counts");
        let inbox = Inbox::default();
        assert!(inbox.put(message(200), 0, &limits, &all));
        inbox.take(&mut Vec::new(), 1000, &all);
        std::thread::sleep(Duration::from_millis(30));
        assert!(inbox.keeps(0, &limits) && inbox.put(message(200), 0, &limits, &all), "it was below in between");
    }
}
