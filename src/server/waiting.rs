//! Clients that wait for a key, and how they are served.
//!
//! May use the crate's public handles and what blocking commands want. Invariants: who has waited longest on a key is served first; what
//! is taken for a client reaches it, or its connection was gone; nobody waits for what is there (`docs/decisions/0023`).
//!
//! ORDER: the turn, then the gate, then the crate's locks of keys; the queues are locked last, and for a look only.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::time::Instant;

use bytes::Bytes;
use parking_lot::{Mutex, ReentrantMutex, ReentrantMutexGuard};

use super::clients::Seen;
use super::commands::{Answer, Filled, Refusal, Wanted};
use super::shared::Shared;
use crate::resp::Frame;

/// A client that waits.
#[derive(Debug)]
pub(crate) struct Waiter {
    client: Arc<Seen>,
    db: u32,
    wanted: Wanted,
    /// When it gives up.
    pub(crate) deadline: Option<Instant>,
    /// Its place among all that wait: who came first has the lowest.
    ticket: u64,
    outcome: Mutex<Option<Answer>>,
}

/// A key of a db.
type Place = (u32, Bytes);

/// Who waits for one key, in order.
type Queue = BTreeMap<u64, Arc<Waiter>>;

/// Held by who serves; and by every command on a key on which somebody waits, until those have been served.
///
/// WHY one that its holder can take again: CLIENT UNBLOCK may stand in a transaction, which holds it.
pub(crate) type Turn<'a> = ReentrantMutexGuard<'a, ()>;

#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// How many clients wait.
    count: AtomicUsize,
    turn: ReentrantMutex<()>,
    queues: Mutex<Queues>,
}

#[derive(Debug, Default)]
struct Queues {
    last_ticket: u64,
    /// By db and key; no queue is empty.
    by_key: BTreeMap<u32, HashMap<Bytes, Queue>>,
    by_client: HashMap<u64, Arc<Waiter>>,
}

impl Waiting {
    /// How many clients wait.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether somebody may wait for what a command has just written.
    ///
    /// ORDER: the write, the fence, this look; on the other side the client's number, the fence, its look at the key. One of both
    /// sees the other.
    #[inline]
    pub(crate) fn is_any_after_write(&self) -> bool {
        fence(Ordering::SeqCst);
        self.count() > 0
    }

    pub(crate) fn take_turn(&self) -> Turn<'_> {
        self.turn.lock()
    }

    /// Takes the turn if somebody waits for one of these keys.
    pub(crate) fn turn_for(&self, db: u32, filled: &Filled<'_>) -> Option<Turn<'_>> {
        (!self.places(db, filled).is_empty()).then(|| self.turn.lock())
    }

    /// The keys among these for which somebody waits, in order.
    pub(crate) fn places(&self, db: u32, filled: &Filled<'_>) -> Vec<Place> {
        let queues = self.queues.lock();
        let waits = |db: u32, key: &Bytes| queues.by_key.get(&db).is_some_and(|keys| keys.contains_key(key));
        match filled {
            Filled::Nothing => Vec::new(),
            Filled::Here(keys) => keys.iter().filter(|key| waits(db, key)).map(|key| (db, (*key).clone())).collect(),
            Filled::InAnyDb(keys) => {
                let places = queues.by_key.keys().flat_map(|db| keys.iter().map(|key| (*db, (*key).clone())));
                places.filter(|(db, key)| waits(*db, key)).collect()
            }
            Filled::Anything => {
                queues.by_key.iter().flat_map(|(db, keys)| keys.keys().map(|key| (*db, key.clone()))).collect()
            }
        }
    }

    /// Serves who waits for these keys, and for those that are filled by that.
    pub(crate) fn serve(&self, shared: &Shared, turn: &Turn<'_>, places: Vec<Place>) {
        let mut ready = VecDeque::from(places);
        while let Some(place) = ready.pop_front() {
            self.serve_key(shared, turn, &place, &mut ready);
        }
    }

    /// Serves who waits for one key until it is empty.
    fn serve_key(&self, shared: &Shared, _: &Turn<'_>, place: &Place, ready: &mut VecDeque<Place>) {
        let (number, key) = place;
        let db = shared.store.db(*number);
        let mut from = 0;
        let mut held = None;
        while let Some(waiter) = self.next(place, from) {
            from = waiter.ticket + 1;
            let _open = shared.gate.read();
            if held.is_none() {
                held = match db.data_type(key) {
                    // Nothing is there, or it cannot be told: who waits goes on waiting.
                    Ok(None) | Err(_) => return,
                    found => found.ok().flatten(),
                };
            }
            if held != Some(waiter.wanted.data_type()) {
                continue;
            }
            held = None;
            let answer = match waiter.wanted.take(&db, key) {
                // Somebody beside the server took it.
                Ok(None) => return,
                Ok(Some(frame)) => {
                    ready.extend(waiter.wanted.destination().map(|key| (*number, key.clone())));
                    Ok(frame)
                }
                Err(refusal) => Err(refusal),
            };
            self.end(&waiter, answer);
        }
    }

    /// The first that waits for a key, from a ticket on.
    fn next(&self, (db, key): &Place, from: u64) -> Option<Arc<Waiter>> {
        let queues = self.queues.lock();
        let (_, waiter) = queues.by_key.get(db)?.get(key)?.range(from..).next()?;
        Some(Arc::clone(waiter))
    }

    /// Takes what a client wants, or lets it wait. `Err` is who waits.
    pub(crate) fn take_or_wait(
        &self,
        shared: &Shared,
        client: &Arc<Seen>,
        db: u32,
        wanted: Wanted,
    ) -> Result<Answer, Arc<Waiter>> {
        let turn = self.take_turn();
        // Who came before goes first, if there is something that nobody told them of.
        let keys: Vec<&Bytes> = wanted.keys.iter().collect();
        self.serve(shared, &turn, self.places(db, &Filled::Here(keys)));
        let taken = {
            let _open = shared.gate.read();
            wanted.take_first(&shared.store.db(db))
        };
        match taken {
            Ok(None) => {}
            Ok(Some(frame)) => {
                let filled = Filled::Here(wanted.destination().into_iter().collect());
                self.serve(shared, &turn, self.places(db, &filled));
                return Ok(Ok(frame));
            }
            Err(refusal) => return Ok(Err(refusal)),
        }
        let waiter = self.enter(client, db, wanted);
        fence(Ordering::SeqCst);
        // WHY again: who wrote a key in between may have looked before this client was to be seen.
        let places = waiter.wanted.keys.iter().map(|key| (db, key.clone())).collect();
        self.serve(shared, &turn, places);
        let outcome = waiter.outcome.lock().take();
        match outcome {
            Some(answer) => Ok(answer),
            None => Err(waiter),
        }
    }

    fn enter(&self, client: &Arc<Seen>, db: u32, wanted: Wanted) -> Arc<Waiter> {
        let deadline = wanted.patience.and_then(|patience| Instant::now().checked_add(patience));
        let mut queues = self.queues.lock();
        queues.last_ticket += 1;
        let ticket = queues.last_ticket;
        let outcome = Mutex::new(None);
        let waiter = Arc::new(Waiter { client: Arc::clone(client), db, wanted, deadline, ticket, outcome });
        let keys = queues.by_key.entry(db).or_default();
        for key in &waiter.wanted.keys {
            keys.entry(key.clone()).or_default().insert(ticket, Arc::clone(&waiter));
        }
        queues.by_client.insert(client.id, Arc::clone(&waiter));
        client.is_blocked.store(true, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::SeqCst);
        waiter
    }

    /// Ends a client's wait with this answer. The caller has the turn.
    fn end(&self, waiter: &Arc<Waiter>, answer: Answer) {
        let mut queues = self.queues.lock();
        if queues.by_client.remove(&waiter.client.id).is_none() {
            return;
        }
        if let Some(keys) = queues.by_key.get_mut(&waiter.db) {
            for key in &waiter.wanted.keys {
                if let Some(queue) = keys.get_mut(key) {
                    queue.remove(&waiter.ticket);
                    if queue.is_empty() {
                        keys.remove(key);
                    }
                }
            }
            if keys.is_empty() {
                queues.by_key.remove(&waiter.db);
            }
        }
        self.count.fetch_sub(1, Ordering::SeqCst);
        drop(queues);
        *waiter.outcome.lock() = Some(answer);
        waiter.client.is_blocked.store(false, Ordering::Relaxed);
        waiter.client.woken.notify_one();
    }

    /// Ends a client's wait, because its time is over or it is gone; returns what it gets.
    ///
    /// WHY with the turn: what is being taken for it at this moment is its own.
    pub(crate) fn leave(&self, waiter: &Arc<Waiter>) -> Option<Answer> {
        let _turn = self.take_turn();
        self.end(waiter, Ok(Frame::NullArray));
        waiter.outcome()
    }

    /// Ends a client's wait for another one; false if it does not wait.
    pub(crate) fn unblock(&self, id: u64, answer: Answer) -> bool {
        let _turn = self.take_turn();
        let waiter = self.queues.lock().by_client.get(&id).cloned();
        waiter.is_some_and(|waiter| {
            self.end(&waiter, answer);
            true
        })
    }
}

impl Waiter {
    /// What came of the wait, once it is over.
    pub(crate) fn outcome(&self) -> Option<Answer> {
        self.outcome.lock().take()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }
}

/// What CLIENT UNBLOCK with ERROR lets a client hear.
pub(crate) const UNBLOCKED: Refusal = Refusal::of("UNBLOCKED client unblocked via CLIENT UNBLOCK");
