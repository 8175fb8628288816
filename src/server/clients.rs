//! Who is connected, as everybody may see it.
//!
//! Uses the standard library and `tokio`. Invariant: whoever is connected stands here once, and nobody else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::inbox::{Inbox, OutputLimits};

/// A client.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) id: u64,
    pub(crate) address: String,
    pub(crate) local_address: String,
    /// The number of its socket.
    pub(crate) descriptor: i32,
    /// It came through the Unix socket.
    pub(crate) is_local: bool,
    pub(crate) since: Instant,
    pub(crate) name: Mutex<Bytes>,
    pub(crate) db: AtomicU32,
    pub(crate) version: AtomicU32,
    /// Commands that wait for EXEC; one more than there are, as 0 is for none at all.
    pub(crate) queued: AtomicUsize,
    last: Mutex<(&'static str, Instant)>,
    is_killed: AtomicBool,
    /// Rung for whatever a connection that rests has to look at: that it is killed, a message, the end of a wait.
    pub(crate) woken: Notify,
    /// What others send to it.
    pub(crate) inbox: Inbox,
    /// It waits for a key, or for the end of a pause.
    pub(crate) is_blocked: AtomicBool,
    /// It is told every command.
    pub(crate) is_monitor: AtomicBool,
    /// It asked to be spared when memory is short.
    pub(crate) is_spared: AtomicBool,
    /// How many channels, patterns and shard channels it has subscribed to.
    pub(crate) subscribed: [AtomicUsize; 3],
    pub(crate) sizes: Sizes,
}

/// How much a connection holds, as it was when it last rested.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    pub(crate) query: AtomicUsize,
    pub(crate) query_room: AtomicUsize,
    pub(crate) queue: AtomicUsize,
    pub(crate) out: AtomicUsize,
    pub(crate) out_room: AtomicUsize,
}

/// A rough figure for what a connection takes beside its buffers.
const CONNECTION_BYTES: usize = 1024;

impl Seen {
    pub(crate) fn did(&self, command: &'static str, at: Instant) {
        *self.last.lock() = (command, at);
    }

    /// Sends the client away; a command that runs is done first.
    pub(crate) fn kill(&self) {
        self.is_killed.store(true, Ordering::Relaxed);
        self.woken.notify_one();
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.is_killed.load(Ordering::Relaxed)
    }

    pub(crate) fn speaks_three(&self) -> bool {
        self.version.load(Ordering::Relaxed) == 3
    }

    /// Whether it has subscribed to anything.
    pub(crate) fn is_subscriber(&self) -> bool {
        self.subscribed.iter().any(|count| count.load(Ordering::Relaxed) > 0)
    }

    /// Sends it bytes that it did not ask for at this moment. `all` counts what waits for all clients. One that does not read is
    /// sent away.
    pub(crate) fn tell(&self, message: Bytes, limits: &OutputLimits, all: &AtomicUsize) {
        if self.is_killed() {
            return;
        }
        if self.inbox.put(message, self.sizes.out.load(Ordering::Relaxed), limits, all) {
            self.woken.notify_one();
        } else {
            tracing::warn!(client = %self.address, "a client is sent away: it does not read what others send to it");
            self.kill();
        }
    }

    /// The letters of CLIENT LIST.
    fn flags(&self) -> String {
        let letters = [
            ('O', self.is_monitor.load(Ordering::Relaxed)),
            ('P', self.is_subscriber()),
            ('x', self.queued.load(Ordering::Relaxed) > 0),
            ('b', self.is_blocked.load(Ordering::Relaxed)),
            ('U', self.is_local),
            ('e', self.is_spared.load(Ordering::Relaxed)),
        ];
        let flags: String = letters.into_iter().filter_map(|(letter, is_set)| is_set.then_some(letter)).collect();
        if flags.is_empty() { "N".to_owned() } else { flags }
    }

    /// The line of CLIENT LIST.
    pub(crate) fn line(&self) -> String {
        let (command, at) = *self.last.lock();
        let queued = self.queued.load(Ordering::Relaxed);
        let multi = i64::try_from(queued).unwrap_or(i64::MAX) - 1;
        let size = |figure: &AtomicUsize| figure.load(Ordering::Relaxed);
        let [sub, psub, ssub] = [0, 1, 2].map(|place| self.subscribed.get(place).map_or(0, size));
        let Sizes { query, query_room, queue, out, out_room } = &self.sizes;
        let [query, query_room, queue, out, out_room] = [query, query_room, queue, out, out_room].map(size);
        let inbox = self.inbox.bytes();
        let all = [query, query_room, queue, out_room, inbox].iter().sum::<usize>() + CONNECTION_BYTES;
        let events = if out > 0 { "rw" } else { "r" };
        format!(
            "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={sub} psub={psub} ssub={ssub} multi={multi} \
             qbuf={query} qbuf-free={query_room} argv-mem=0 multi-mem={queue} rbs={out_room} rbp={out_room} obl={out} oll={} \
             omem={inbox} tot-mem={all} events={events} cmd={command} user=default redir=-1 resp={}",
            self.id,
            self.address,
            self.local_address,
            self.descriptor,
            String::from_utf8_lossy(&self.name.lock()),
            self.since.elapsed().as_secs(),
            at.elapsed().as_secs(),
            self.flags(),
            self.db.load(Ordering::Relaxed),
            self.inbox.len(),
            self.version.load(Ordering::Relaxed),
        )
    }
}

/// All clients.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    last_id: AtomicU64,
    all: Mutex<BTreeMap<u64, Arc<Seen>>>,
}

impl Clients {
    pub(crate) fn enter(
        &self,
        address: String,
        local_address: String,
        (descriptor, is_local): (i32, bool),
    ) -> Arc<Seen> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let seen = Arc::new(Seen {
            id,
            address,
            local_address,
            descriptor,
            is_local,
            since: Instant::now(),
            name: Mutex::new(Bytes::new()),
            db: AtomicU32::new(0),
            version: AtomicU32::new(2),
            queued: AtomicUsize::new(0),
            last: Mutex::new(("NULL", Instant::now())),
            is_killed: AtomicBool::new(false),
            woken: Notify::new(),
            inbox: Inbox::default(),
            is_blocked: AtomicBool::new(false),
            is_monitor: AtomicBool::new(false),
            is_spared: AtomicBool::new(false),
            subscribed: Default::default(),
            sizes: Sizes::default(),
        });
        self.all.lock().insert(id, Arc::clone(&seen));
        seen
    }

    pub(crate) fn leave(&self, id: u64) {
        self.all.lock().remove(&id);
    }

    pub(crate) fn count(&self) -> usize {
        self.all.lock().len()
    }

    /// How many there have been.
    pub(crate) fn ever(&self) -> u64 {
        self.last_id.load(Ordering::Relaxed)
    }

    /// All of them but those that are being sent away, the oldest first.
    pub(crate) fn list(&self) -> Vec<Arc<Seen>> {
        self.all.lock().values().filter(|client| !client.is_killed()).cloned().collect()
    }
}
