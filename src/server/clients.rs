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

/// A client.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) id: u64,
    pub(crate) address: String,
    pub(crate) local_address: String,
    pub(crate) since: Instant,
    pub(crate) name: Mutex<Bytes>,
    pub(crate) db: AtomicU32,
    pub(crate) version: AtomicU32,
    /// Commands that wait for EXEC; one more than there are, as 0 is for none at all.
    pub(crate) queued: AtomicUsize,
    last: Mutex<(&'static str, Instant)>,
    is_killed: AtomicBool,
    pub(crate) killed: Notify,
}

impl Seen {
    pub(crate) fn did(&self, command: &'static str, at: Instant) {
        *self.last.lock() = (command, at);
    }

    /// Sends the client away; a command that runs is done first.
    pub(crate) fn kill(&self) {
        self.is_killed.store(true, Ordering::Relaxed);
        self.killed.notify_one();
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.is_killed.load(Ordering::Relaxed)
    }

    /// The line of CLIENT LIST.
    pub(crate) fn line(&self) -> String {
        let (command, at) = *self.last.lock();
        let queued = self.queued.load(Ordering::Relaxed);
        let multi = i64::try_from(queued).unwrap_or(i64::MAX) - 1;
        format!(
            "id={} addr={} laddr={} name={} age={} idle={} flags={} db={} sub=0 psub=0 ssub=0 multi={multi} cmd={command} \
             user=default redir=-1 resp={}",
            self.id,
            self.address,
            self.local_address,
            String::from_utf8_lossy(&self.name.lock()),
            self.since.elapsed().as_secs(),
            at.elapsed().as_secs(),
            if queued > 0 { "x" } else { "N" },
            self.db.load(Ordering::Relaxed),
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
    pub(crate) fn enter(&self, address: String, local_address: String) -> Arc<Seen> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let seen = Arc::new(Seen {
            id,
            address,
            local_address,
            since: Instant::now(),
            name: Mutex::new(Bytes::new()),
            db: AtomicU32::new(0),
            version: AtomicU32::new(2),
            queued: AtomicUsize::new(0),
            last: Mutex::new(("NULL", Instant::now())),
            is_killed: AtomicBool::new(false),
            killed: Notify::new(),
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

    /// All of them, the oldest first.
    pub(crate) fn list(&self) -> Vec<Arc<Seen>> {
        self.all.lock().values().cloned().collect()
    }
}
