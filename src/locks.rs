//! Striped locks on keys, for operations that read before they write.
//!
//! Uses `parking_lot`. Invariant: an operation takes all its stripes at once, in the order of
//! their numbers, so no two operations wait for each other.

use std::hash::BuildHasher;

use parking_lot::{Mutex, MutexGuard};

/// Number of stripes. WHY: far above the threads of a machine, so that two keys rarely share one; 1,024 locks
/// take a few KiB.
const STRIPES: usize = 1024;

/// A key by its name: namespace, db, user key.
pub(crate) type KeyName<'k> = (&'k [u8], u32, &'k [u8]);

/// The stripes of a store.
pub(crate) struct Locks {
    stripes: Vec<Mutex<()>>,
    hasher: std::hash::RandomState,
}

/// The stripes that one operation holds.
pub(crate) struct Guards<'a> {
    _held: Vec<MutexGuard<'a, ()>>,
}

impl Locks {
    pub(crate) fn new() -> Self {
        let stripes = std::iter::repeat_with(Mutex::default).take(STRIPES).collect();
        Self { stripes, hasher: std::hash::RandomState::new() }
    }

    /// Locks the stripes of `keys` (namespace, db and key), waiting for whoever holds them.
    pub(crate) fn lock<'k>(&self, keys: impl Iterator<Item = KeyName<'k>>) -> Guards<'_> {
        let mut numbers: Vec<usize> = keys.map(|key| self.stripe_of(key)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        Guards { _held: numbers.into_iter().filter_map(|number| self.stripes.get(number)).map(Mutex::lock).collect() }
    }

    /// Locks the stripe of one key, unless somebody holds it.
    pub(crate) fn try_lock(&self, key: KeyName<'_>) -> Option<MutexGuard<'_, ()>> {
        self.stripes.get(self.stripe_of(key))?.try_lock()
    }

    /// Locks every stripe: nobody is between reading a key and committing what it wrote.
    pub(crate) fn lock_all(&self) -> Guards<'_> {
        Guards { _held: self.stripes.iter().map(Mutex::lock).collect() }
    }

    fn stripe_of(&self, key: KeyName<'_>) -> usize {
        usize::try_from(self.hasher.hash_one(key)).unwrap_or(0) % STRIPES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_named_twice_is_locked_once() {
        let locks = Locks::new();
        let key: KeyName<'_> = (b"space", 1, b"k");
        let guards = locks.lock([key, key].into_iter());
        assert_eq!(guards._held.len(), 1);
    }

    #[test]
    fn operations_on_the_same_two_keys_in_opposite_order_both_end() {
        let locks = Locks::new();
        std::thread::scope(|scope| {
            for order in [[b"a", b"b"], [b"b", b"a"]] {
                let locks = &locks;
                scope.spawn(move || {
                    for _ in 0..10_000 {
                        drop(locks.lock(order.iter().map(|key| (b"".as_slice(), 0, key.as_slice()))));
                    }
                });
            }
        });
    }
}
