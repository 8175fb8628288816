//! Events: what happened to keys, for whoever subscribed.
//!
//! Uses the write path's locks, the reaper and the notes of plans. Invariants: the events of a key are put into a
//! subscriber's queue in the order in which they happened; only what was committed is told; a key's expiry is told once at
//! most, before whatever takes the key's place, and only to whoever had subscribed before it; who has not subscribed costs
//! writers one look at a number.

mod event;
mod expired;
mod options;
mod order;
mod queue;
mod subscription;

pub use event::Event;
pub use options::EventOptions;
pub use subscription::Events;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use crate::encoding::UnixMillis;
use crate::engine::write::Target;
use crate::engine::{Engine, Store};
use crate::error::Result;
use crate::types::{Before, EventKind, KeyPlan};

pub(super) use expired::Claim;
use expired::Ledger;
use options::Filter;
pub(super) use order::in_redis_order;
use queue::Queue;

/// Somebody who wants to know.
pub(super) struct Subscriber {
    filter: Filter,
    queue: Queue,
    /// Keys that expired before this do not concern it.
    since: UnixMillis,
}

/// What one operation did to one key.
pub(super) struct Happened<'k> {
    target: Target<'k>,
    /// The key had expired before, and was still to be reaped.
    expired: Option<Claim<'k>>,
    kinds: Vec<EventKind>,
}

/// All subscribers of a store.
#[derive(Default)]
pub(super) struct Hub {
    /// How many there are.
    heard: AtomicUsize,
    subscribers: RwLock<Subscribers>,
    /// ORDER: locked before the subscribers are.
    ledger: Mutex<Ledger>,
}

#[derive(Default)]
struct Subscribers {
    all: Vec<Arc<Subscriber>>,
    is_closed: bool,
}

/// Where an event happened.
#[derive(Clone)]
struct Where {
    namespace: Bytes,
    db: u32,
    key: Bytes,
}

impl<'k> Happened<'k> {
    pub(super) fn new(target: Target<'k>, expired: Option<Claim<'k>>, kinds: Vec<EventKind>) -> Self {
        Self { target, expired, kinds }
    }

    /// Takes the notes of plans, one for each target, in the order in which Redis tells them.
    pub(super) fn take(targets: &[Target<'k>], plans: &mut [KeyPlan<'_>]) -> Vec<Self> {
        let notes = plans.iter_mut().map(KeyPlan::take_notes).collect();
        let mut all: Vec<Self> = Vec::new();
        for (place, kinds) in in_redis_order(notes) {
            let (Some(target), Some(plan)) = (targets.get(place), plans.get(place)) else { continue };
            let expired = match (&plan.before, plan.keyspace) {
                (Before::Expired(at), Some(keyspace)) => Some(Claim { expires_at: *at, keyspace, key: target.key }),
                _ => None,
            };
            all.push(Self { target: *target, expired, kinds });
        }
        all
    }
}

impl Hub {
    /// Tells whether anybody has subscribed. The caller holds the locks of the keys that it is going to change, or the reaper's.
    #[inline]
    pub(super) fn is_heard(&self) -> bool {
        // ORDER: subscribing takes all these locks, so they order this load.
        self.heard.load(Ordering::Relaxed) > 0
    }

    /// Tells the subscribers what was committed. The caller holds the keys' locks.
    pub(super) fn publish(&self, namespace: &[u8], happened: &[Happened<'_>]) {
        let namespace = Bytes::copy_from_slice(namespace);
        for Happened { target, expired, kinds } in happened {
            let place = Where { namespace: namespace.clone(), db: target.db, key: Bytes::copy_from_slice(target.key) };
            // ORDER: if the reaper told it, that is done when the ledger is free.
            let expired = expired.as_ref().filter(|claim| self.ledger.lock().claim(claim));
            let subscribers = self.subscribers.read();
            for subscriber in &subscribers.all {
                if let Some(claim) = expired {
                    subscriber.offer_expired(&place, claim.expires_at);
                }
                kinds.iter().for_each(|kind| subscriber.offer(&place, *kind));
            }
        }
    }

    /// Ends all subscriptions, and those to come.
    pub(super) fn close(&self) {
        let mut subscribers = self.subscribers.write();
        subscribers.is_closed = true;
        subscribers.all.iter().for_each(|subscriber| subscriber.queue.close());
    }

    /// The caller holds every key's lock and the reaper.
    fn add(&self, subscriber: &Arc<Subscriber>) {
        let mut ledger = self.ledger.lock();
        let mut subscribers = self.subscribers.write();
        if subscribers.is_closed {
            subscriber.queue.close();
        }
        if subscribers.all.is_empty() {
            ledger.begin(subscriber.since);
        }
        subscribers.all.push(Arc::clone(subscriber));
        self.heard.fetch_add(1, Ordering::Relaxed);
    }

    fn remove(&self, subscriber: &Arc<Subscriber>) {
        let mut ledger = self.ledger.lock();
        let mut subscribers = self.subscribers.write();
        subscribers.all.retain(|other| !Arc::ptr_eq(other, subscriber));
        self.heard.store(subscribers.all.len(), Ordering::Relaxed);
        if subscribers.all.is_empty() {
            // Whoever comes next does not get what expired until then; nobody needs it.
            *ledger = Ledger::default();
        }
    }
}

impl Subscriber {
    fn offer(&self, place: &Where, kind: EventKind) {
        if self.filter.wants(&place.namespace, place.db, &place.key, kind) {
            let Where { namespace, db, key } = place.clone();
            self.queue.put(Event { namespace, db, key, kind, missed: 0 });
        }
    }

    fn offer_expired(&self, place: &Where, expires_at: UnixMillis) {
        if expires_at > self.since {
            self.offer(place, EventKind::Expired);
        }
    }
}

impl Engine {
    /// ORDER: no write and no step of the reaper is under way while a subscriber comes: so the events of whatever samples its
    /// time later are for it, and nothing that expired before.
    fn subscribe(&self, options: EventOptions) -> Result<Events> {
        self.check_writable()?;
        self.refuse_inside()?;
        options.check()?;
        let (filter, capacity) = options.into_parts();
        let subscriber = {
            let _nobody_writes = self.locks.lock_all();
            let _nobody_reaps = self.reaper.lock();
            let subscriber = Arc::new(Subscriber { filter, queue: Queue::new(capacity), since: self.time.sample() });
            self.events.add(&subscriber);
            subscriber
        };
        // Its pauses are shorter from now on.
        self.heard.ring();
        Ok(Events::new(Arc::clone(&self.events), subscriber))
    }
}

impl Store {
    /// Subscribes to what happens to keys from now on: for each change that is committed the events that Redis would notify
    /// of, in order for each key, under the names that Redis gives them.
    ///
    /// An event is there when the call returns that made it; those of a transaction come together, in the order of its
    /// operations, when it is committed. [`EventKind::Expired`](crate::EventKind::Expired) comes within 100 ms of the key's time
    /// when the store is idle and its clock is believed (later while a transaction is under way, and while a bulk load or an import
    /// into an empty db that was begun before anybody had subscribed puts its keys in their places), once at most, never for a key
    /// that lives, for one that was flushed, or for one that had expired before the subscription; in a store without background
    /// threads it comes with [`Store::settle`]. Commits that fail are not told, though one may have happened. As in Redis there is no event for flushing a db or for swapping two. Unlike in Redis a write whose expiry has passed is a
    /// `del` at most, and a BITFIELD whose increments all overflow says `setbit` if it made the string longer.
    ///
    /// Nobody waits for a slow subscriber: the oldest event makes room for a new one, and
    /// [`Event::missed`](crate::Event::missed) says so. As long as nobody has subscribed, a write costs one look at a number
    /// more. With subscribers, each event costs a copy of the key and, for each of them, a short lock. Subscribing waits for the
    /// writes and transactions that are under way.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if there is to be room for no event, or inside a transaction of the
    /// store; [`ReadOnly`](crate::ErrorKind::ReadOnly), [`Closed`](crate::ErrorKind::Closed).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use windrow::{EventKind, EventOptions, SetOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let events = store.subscribe(EventOptions::new())?;
    /// let lifetime = Duration::from_millis(5);
    /// store.db(0).strings().set_with("session", "alice", SetOptions::new().expire_in(lifetime))?;
    /// let kinds: Vec<_> = events.take(3).map(|event| event.kind).collect();
    /// assert_eq!(kinds, [EventKind::Set, EventKind::Expire, EventKind::Expired]);
    /// # Ok(()) }
    /// ```
    #[doc(alias("SUBSCRIBE", "PSUBSCRIBE", "notify-keyspace-events"))]
    pub fn subscribe(&self, options: EventOptions) -> Result<Events> {
        self.engine().subscribe(options)
    }
}
