//! What should be in the store: when each collection dies, and how many bytes are alive.
//!
//! Uses `UnixMillis`. Invariant: a collection is entered once it is wholly written, and not before; memory is
//! five bytes for each collection and a few for each millisecond in which living ones die.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::text::wide;
use crate::UnixMillis;

/// The book of a run's collections, each under its number.
#[derive(Debug)]
pub(crate) struct Ledger {
    start: UnixMillis,
    /// Milliseconds from the start to the expiry; 0: not written.
    expiries: Box<[AtomicU32]>,
    /// Whether the collection was read back and was right.
    verified: Box<[AtomicBool]>,
    /// Bytes by the millisecond in which they die.
    alive: Mutex<BTreeMap<UnixMillis, u64>>,
    last_expiry: AtomicU64,
    loaded_bytes: AtomicU64,
    loaded_collections: AtomicU64,
}

impl Ledger {
    pub(crate) fn new(collections: usize, start: UnixMillis) -> Self {
        Self {
            start,
            expiries: (0..collections).map(|_| AtomicU32::new(0)).collect(),
            verified: (0..collections).map(|_| AtomicBool::new(false)).collect(),
            alive: Mutex::default(),
            last_expiry: AtomicU64::new(start.get()),
            loaded_bytes: AtomicU64::new(0),
            loaded_collections: AtomicU64::new(0),
        }
    }

    /// Enters a collection that has been written.
    pub(crate) fn enter(&self, index: usize, expires_at: UnixMillis, bytes: u64) {
        let Some(expiry) = self.expiries.get(index) else {
            return;
        };
        let after_start = expires_at.saturating_since(self.start).as_millis();
        *self.alive.lock().entry(expires_at).or_default() += bytes;
        self.last_expiry.fetch_max(expires_at.get(), Ordering::Relaxed);
        self.loaded_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.loaded_collections.fetch_add(1, Ordering::Relaxed);
        expiry.store(u32::try_from(after_start).unwrap_or(u32::MAX).max(1), Ordering::Release);
    }

    /// Tells when a collection dies, if it was written.
    pub(crate) fn expiry(&self, index: usize) -> Option<UnixMillis> {
        match self.expiries.get(index)?.load(Ordering::Acquire) {
            0 => None,
            millis => Some(self.start.saturating_add(Duration::from_millis(u64::from(millis)))),
        }
    }

    /// Strikes a collection out: nothing can be said of it any more.
    pub(crate) fn forget(&self, index: usize) {
        if let Some(expiry) = self.expiries.get(index) {
            expiry.store(0, Ordering::Release);
        }
    }

    /// Tells whether every collection of a window is dead at `now`.
    pub(crate) fn all_dead(&self, mut window: Range<usize>, now: UnixMillis) -> bool {
        window.all(|index| self.expiry(index).is_none_or(|expires_at| expires_at <= now))
    }

    /// Notes that a collection was read back and was right.
    pub(crate) fn verify(&self, index: usize) {
        if let Some(verified) = self.verified.get(index) {
            verified.store(true, Ordering::Relaxed);
        }
    }

    /// Counts the collections that were read back and were right.
    pub(crate) fn verified_collections(&self) -> u64 {
        let verified = self.verified.iter().filter(|seen| seen.load(Ordering::Relaxed));
        wide(verified.count())
    }

    /// Sums what is alive at `now`; forgets what is not, so `now` must not run backwards.
    pub(crate) fn live_bytes(&self, now: UnixMillis) -> u64 {
        let mut alive = self.alive.lock();
        let after_now = UnixMillis::new(now.get().saturating_add(1));
        let still = alive.split_off(&after_now);
        *alive = still;
        alive.values().sum()
    }

    /// Returns when the last collection dies; the start if none was written.
    pub(crate) fn last_expiry(&self) -> UnixMillis {
        UnixMillis::new(self.last_expiry.load(Ordering::Relaxed))
    }

    pub(crate) fn loaded_bytes(&self) -> u64 {
        self.loaded_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn loaded_collections(&self) -> u64 {
        self.loaded_collections.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_alive_until_the_millisecond_of_their_expiry() {
        let ledger = Ledger::new(2, UnixMillis::new(1000));
        ledger.enter(0, UnixMillis::new(1010), 5);
        ledger.enter(1, UnixMillis::new(1020), 7);
        assert_eq!(ledger.live_bytes(UnixMillis::new(1009)), 12);
        assert_eq!(ledger.live_bytes(UnixMillis::new(1010)), 7);
        assert_eq!(ledger.live_bytes(UnixMillis::new(1020)), 0);
        assert_eq!((ledger.loaded_bytes(), ledger.loaded_collections()), (12, 2));
        assert_eq!(ledger.last_expiry(), UnixMillis::new(1020));
    }

    #[test]
    fn a_collection_that_was_not_written_has_no_expiry() {
        let ledger = Ledger::new(2, UnixMillis::new(1000));
        ledger.enter(1, UnixMillis::new(1500), 1);
        assert_eq!(ledger.expiry(0), None);
        assert_eq!(ledger.expiry(1), Some(UnixMillis::new(1500)));
        assert_eq!(ledger.expiry(2), None);
    }

    #[test]
    fn a_collection_that_was_read_twice_is_counted_once() {
        let ledger = Ledger::new(3, UnixMillis::new(0));
        ledger.verify(1);
        ledger.verify(1);
        ledger.verify(7);
        assert_eq!(ledger.verified_collections(), 1);
    }
}
