//! Who has subscribed to what, and the way of a message to all of them.
//!
//! Uses the list of clients and patterns. Invariants: all subscribers of a channel get its messages in the same order; whoever is
//! gone stands nowhere here; a subscription that a client asks for has a limit in number and in bytes.
//!
//! WHY one lock: it orders messages. Under it a message is put into queues, and nothing is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use super::clients::Seen;
use super::inbox::OutputLimits;
use crate::resp::{Frame, Version};
use crate::types::glob::Glob;

/// What a subscription is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Channel,
    Pattern,
    Shard,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Channel, Self::Pattern, Self::Shard];

    const fn place(self) -> usize {
        self as usize
    }

    /// The word before `subscribe`, `unsubscribe` and `message`.
    const fn letter(self) -> &'static str {
        match self {
            Self::Channel => "",
            Self::Pattern => "p",
            Self::Shard => "s",
        }
    }
}

/// The most names of one client. Redis has no limit; more would let one client fill the memory.
const MAX_NAMES: usize = 1 << 16;

/// The most bytes of one client's names, with what it takes to keep them.
const MAX_BYTES: usize = 16 << 20;

/// The most bytes of one client's patterns: each message is compared with all of them.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// The longest name that can be subscribed to; the time of a comparison is at most the product of both lengths.
const MAX_NAME_BYTES: usize = 64 * 1024;

/// What it takes to keep a name twice, beside its bytes.
const NAME_BYTES: usize = 200;

/// The names that one client has subscribed to.
#[derive(Debug, Default)]
pub(crate) struct Names {
    sets: [BTreeSet<Bytes>; 3],
    bytes: usize,
    pattern_bytes: usize,
}

impl Names {
    pub(crate) fn is_empty(&self) -> bool {
        self.sets.iter().all(BTreeSet::is_empty)
    }

    fn of(&mut self, kind: Kind) -> Option<&mut BTreeSet<Bytes>> {
        self.sets.get_mut(kind.place())
    }

    /// The names of a kind, in order.
    pub(crate) fn list(&self, kind: Kind) -> Vec<Bytes> {
        self.sets.get(kind.place()).map(|names| names.iter().cloned().collect()).unwrap_or_default()
    }

    /// How many there are, as replies count them: channels and patterns together, shard channels by themselves.
    fn count(&self, kind: Kind) -> usize {
        let length = |kind: Kind| self.sets.get(kind.place()).map_or(0, BTreeSet::len);
        match kind {
            Kind::Shard => length(kind),
            Kind::Channel | Kind::Pattern => length(Kind::Channel) + length(Kind::Pattern),
        }
    }

    fn has_room(&self, kind: Kind, name: &[u8]) -> bool {
        let more = name.len().saturating_add(NAME_BYTES);
        let patterns = if kind == Kind::Pattern { self.pattern_bytes.saturating_add(name.len()) } else { 0 };
        name.len() <= MAX_NAME_BYTES
            && patterns <= MAX_PATTERN_BYTES
            && self.bytes.saturating_add(more) <= MAX_BYTES
            && self.sets.iter().map(BTreeSet::len).sum::<usize>() < MAX_NAMES
    }
}

/// Clients by their numbers.
type Subscribers = BTreeMap<u64, Arc<Seen>>;

#[derive(Debug, Default)]
pub(crate) struct Channels {
    /// How many names there are, to be looked at without the lock.
    any: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    names: [BTreeMap<Bytes, Subscribers>; 3],
    limits: OutputLimits,
}

/// A message in the making: written once for each version that a subscriber speaks.
struct Message {
    frame: Frame,
    written: [Option<Bytes>; 2],
}

impl Message {
    fn new(words: Vec<Bytes>) -> Self {
        Self { frame: Frame::Push(words.into_iter().map(Frame::Bulk).collect()), written: [None, None] }
    }

    fn written(&mut self, is_three: bool) -> Bytes {
        let version = if is_three { Version::Three } else { Version::Two };
        let write = || {
            let mut out = Vec::new();
            self.frame.write(&mut out, version);
            Bytes::from(out)
        };
        match self.written.get_mut(usize::from(is_three)) {
            Some(place) => place.get_or_insert_with(write).clone(),
            None => write(),
        }
    }
}

impl Channels {
    pub(crate) fn new(limits: OutputLimits) -> Self {
        Self { any: AtomicUsize::new(0), state: Mutex::new(State { limits, ..State::default() }) }
    }

    pub(crate) fn limits(&self) -> OutputLimits {
        self.state.lock().limits
    }

    pub(crate) fn set_limits(&self, limits: OutputLimits) {
        self.state.lock().limits = limits;
    }

    /// Subscribes; returns the reply, or nothing if the client has too many names.
    pub(crate) fn subscribe(&self, kind: Kind, me: &Arc<Seen>, mine: &mut Names, name: &[u8]) -> Option<Frame> {
        // WHY a copy: what a client sent lies in a buffer with much else.
        let name = Bytes::copy_from_slice(name);
        let names = mine.of(kind)?;
        if !names.contains(&name) {
            if !mine.has_room(kind, &name) {
                return None;
            }
            mine.bytes = mine.bytes.saturating_add(name.len().saturating_add(NAME_BYTES));
            if kind == Kind::Pattern {
                mine.pattern_bytes = mine.pattern_bytes.saturating_add(name.len());
            }
            mine.of(kind)?.insert(name.clone());
            let mut state = self.state.lock();
            let subscribers = state.names.get_mut(kind.place())?.entry(name.clone()).or_default();
            subscribers.insert(me.id, Arc::clone(me));
            self.count(&state);
        }
        show(kind, me, mine);
        Some(confirmed(kind, "subscribe", Frame::Bulk(name), mine))
    }

    /// Ends a subscription; returns the reply.
    pub(crate) fn unsubscribe(&self, kind: Kind, me: &Seen, mine: &mut Names, name: &Bytes) -> Frame {
        self.leave(kind, me, mine, name);
        confirmed(kind, "unsubscribe", Frame::Bulk(Bytes::copy_from_slice(name)), mine)
    }

    /// The reply to who ends all subscriptions and has none.
    pub(crate) fn nothing(kind: Kind, mine: &Names) -> Frame {
        confirmed(kind, "unsubscribe", Frame::Null, mine)
    }

    /// Ends all subscriptions of a client.
    pub(crate) fn leave_all(&self, me: &Seen, mine: &mut Names) {
        for kind in Kind::ALL {
            for name in mine.list(kind) {
                self.leave(kind, me, mine, &name);
            }
        }
    }

    fn leave(&self, kind: Kind, me: &Seen, mine: &mut Names, name: &Bytes) {
        if !mine.of(kind).is_some_and(|names| names.remove(name)) {
            return;
        }
        mine.bytes = mine.bytes.saturating_sub(name.len().saturating_add(NAME_BYTES));
        if kind == Kind::Pattern {
            mine.pattern_bytes = mine.pattern_bytes.saturating_sub(name.len());
        }
        show(kind, me, mine);
        let mut state = self.state.lock();
        let Some(names) = state.names.get_mut(kind.place()) else { return };
        if let Some(subscribers) = names.get_mut(name) {
            subscribers.remove(&me.id);
            if subscribers.is_empty() {
                names.remove(name);
            }
        }
        self.count(&state);
    }

    fn count(&self, state: &State) {
        self.any.store(state.names.iter().map(BTreeMap::len).sum(), Ordering::Relaxed);
    }

    /// Sends a message to all who subscribed; returns how many of them there are.
    pub(crate) fn publish(&self, channel: &Bytes, message: &Bytes, all: &AtomicUsize) -> u64 {
        if self.any.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        let state = self.state.lock();
        let [channels, patterns, _] = &state.names;
        let mut told = 0;
        if let Some(subscribers) = channels.get(channel) {
            let words = vec![Bytes::from_static(b"message"), channel.clone(), message.clone()];
            told += tell(subscribers, words, &state.limits, all);
        }
        for (pattern, subscribers) in patterns {
            if Glob::new(pattern).matches(channel) {
                let words = vec![Bytes::from_static(b"pmessage"), pattern.clone(), channel.clone(), message.clone()];
                told += tell(subscribers, words, &state.limits, all);
            }
        }
        told
    }

    /// The same for a shard channel.
    pub(crate) fn publish_to_shard(&self, channel: &Bytes, message: &Bytes, all: &AtomicUsize) -> u64 {
        let state = self.state.lock();
        let [_, _, shards] = &state.names;
        let words = || vec![Bytes::from_static(b"smessage"), channel.clone(), message.clone()];
        shards.get(channel).map_or(0, |subscribers| tell(subscribers, words(), &state.limits, all))
    }

    /// The names of a kind to which somebody has subscribed.
    pub(crate) fn active(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Bytes> {
        let state = self.state.lock();
        let fits = |name: &&Bytes| pattern.is_none_or(|pattern| Glob::new(pattern).matches(name));
        state.names.get(kind.place()).map(|names| names.keys().filter(fits).cloned().collect()).unwrap_or_default()
    }

    /// How many have subscribed to a name.
    pub(crate) fn subscribers(&self, kind: Kind, name: &[u8]) -> usize {
        let state = self.state.lock();
        state.names.get(kind.place()).and_then(|names| names.get(name)).map_or(0, BTreeMap::len)
    }

    /// How many names of a kind there are.
    pub(crate) fn names(&self, kind: Kind) -> usize {
        self.state.lock().names.get(kind.place()).map_or(0, BTreeMap::len)
    }
}

fn tell(subscribers: &Subscribers, words: Vec<Bytes>, limits: &OutputLimits, all: &AtomicUsize) -> u64 {
    let mut message = Message::new(words);
    for subscriber in subscribers.values() {
        subscriber.tell(message.written(subscriber.speaks_three()), limits, all);
    }
    u64::try_from(subscribers.len()).unwrap_or(u64::MAX)
}

/// Lets everybody see how much a client has subscribed to.
fn show(kind: Kind, me: &Seen, mine: &Names) {
    if let (Some(shown), Some(names)) = (me.subscribed.get(kind.place()), mine.sets.get(kind.place())) {
        shown.store(names.len(), Ordering::Relaxed);
    }
}

fn confirmed(kind: Kind, what: &str, name: Frame, mine: &Names) -> Frame {
    let count = u64::try_from(mine.count(kind)).unwrap_or(u64::MAX);
    Frame::Push(vec![Frame::text(format!("{}{what}", kind.letter())), name, Frame::count(count)])
}
