//! The subscriber's side.
//!
//! Uses the hub and the queue. Invariant: a subscription holds no store open, and ends with it.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::events::{Event, Hub, Subscriber};

/// What happens to keys, from [`Store::subscribe`](crate::Store::subscribe) on, until this is dropped or the store is closed.
///
/// An iterator that waits for the next event, and ends with the store: closing it wakes whoever waits, once all events are
/// taken. Of writes that other threads make while it is being closed, some may not be told. Several threads may take events by
/// reference; each event comes to one of them.
///
/// # Examples
/// ```
/// use windrow::{EventKind, EventOptions};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let events = store.subscribe(EventOptions::new())?;
/// let log = std::thread::spawn(move || events.map(|event| event.kind).collect::<Vec<_>>());
/// store.db(0).sets().add("s", ["a"])?;
/// store.db(0).sets().remove("s", ["a"])?;
/// store.close()?;
/// assert_eq!(log.join().unwrap(), [EventKind::SAdd, EventKind::SRem, EventKind::Del]);
/// # Ok(()) }
/// ```
#[must_use]
pub struct Events {
    hub: Arc<Hub>,
    subscriber: Arc<Subscriber>,
}

impl Events {
    pub(super) fn new(hub: Arc<Hub>, subscriber: Arc<Subscriber>) -> Self {
        Self { hub, subscriber }
    }

    /// Waits for the next event; `None` once the store is closed, or has failed, and all events are taken.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let events = store.subscribe(windrow::EventOptions::new())?;
    /// store.db(0).strings().set("k", "v")?;
    /// store.close()?;
    /// assert_eq!(events.recv().unwrap().key, "k");
    /// assert_eq!(events.recv(), None);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn recv(&self) -> Option<Event> {
        self.subscriber.queue.take_until(None)
    }

    /// Waits for the next event, but no longer than this. [`Events::has_ended`] tells whether one may still come.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let events = store.subscribe(windrow::EventOptions::new())?;
    /// assert_eq!(events.recv_timeout(Duration::from_millis(1)), None);
    /// assert!(!events.has_ended());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn recv_timeout(&self, patience: Duration) -> Option<Event> {
        self.subscriber.queue.take_within(patience)
    }

    /// Takes the next event if there is one.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let events = store.subscribe(windrow::EventOptions::new())?;
    /// assert_eq!(events.try_recv(), None);
    /// store.db(0).strings().set("k", "v")?;
    /// assert!(events.try_recv().is_some(), "the event is there when the call that made it returns");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn try_recv(&self) -> Option<Event> {
        self.subscriber.queue.take_now()
    }

    /// How many events wait.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let events = store.subscribe(windrow::EventOptions::new())?;
    /// store.db(0).strings().mset([("a", "1"), ("b", "2")])?;
    /// assert_eq!(events.waiting(), 2);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.subscriber.queue.len()
    }

    /// How many events were missed so far in all, because there was no room for them. Where they are missing says
    /// [`Event::missed`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let events = store.subscribe(windrow::EventOptions::new().capacity(1))?;
    /// store.db(0).strings().mset([("a", "1"), ("b", "2"), ("c", "3")])?;
    /// assert_eq!(events.missed(), 2);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.subscriber.queue.missed()
    }

    /// Tells whether no event will come any more: the store is closed, or has failed, and all events are taken.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let events = store.subscribe(windrow::EventOptions::new())?;
    /// store.close()?;
    /// assert!(events.has_ended());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.subscriber.queue.has_ended()
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.recv()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.hub.remove(&self.subscriber);
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
