//! A map in order, of which a changed copy shares nearly everything with the original.
//!
//! Uses `rpds`, whose red-black tree this is, and adds how walks ask it. Invariant: a copy never sees a change of another one.
//!
//! WHY: a walk inside a transaction goes on over what there was when it began, whatever is written meanwhile. With a
//! `BTreeMap` the first write after each beginning of a walk copied all that the transaction had changed.

use std::borrow::Borrow;
use std::ops::Bound;

use rpds::RedBlackTreeMapSync;

/// A map in order that is cheap to copy: changes of a copy cost the logarithm of its entries.
#[derive(Clone, Debug)]
pub(crate) struct SharedTree<K: Ord, V>(RedBlackTreeMapSync<K, V>);

impl<K: Ord, V> Default for SharedTree<K, V> {
    fn default() -> Self {
        Self(RedBlackTreeMapSync::new_sync())
    }
}

impl<K: Clone + Ord, V: Clone> SharedTree<K, V> {
    /// Finds the value of a key.
    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key)
    }

    /// Finds the value of a key to change it. Copies what other maps share of the way to it.
    pub(crate) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        // WHY: what is not there is worth no copy.
        self.0.get(key)?;
        self.0.get_mut(key)
    }

    /// Sets the value of a key.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.0.insert_mut(key, value);
    }

    /// Forgets a key; returns the value that it had.
    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let value = self.0.get(key)?.clone();
        self.0.remove_mut(key);
        Some(value)
    }

    /// Finds the first entry whose key lies not before the bound.
    pub(crate) fn first_from<Q: Ord + ?Sized>(&self, bound: Bound<&Q>) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.0.range((bound, Bound::Unbounded)).next()
    }

    /// Finds the last entry whose key lies not behind the bound.
    pub(crate) fn last_until<Q: Ord + ?Sized>(&self, bound: Bound<&Q>) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.0.range((Bound::Unbounded, bound)).next_back()
    }

    /// Lists the entries in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static COPIED: Cell<u32> = const { Cell::new(0) };
    }

    struct Counted;

    impl Clone for Counted {
        fn clone(&self) -> Self {
            COPIED.set(COPIED.get() + 1);
            Self
        }
    }

    #[test]
    fn a_change_beside_a_copy_copies_no_more_than_what_is_changed() {
        let mut tree = SharedTree::default();
        let mut copies = Vec::new();
        for key in 0..1000 {
            copies.push(tree.clone());
            tree.insert(key, Counted);
            assert!(tree.get_mut(&(key / 2)).is_some());
        }
        assert!(COPIED.get() <= 1000, "{} copied", COPIED.get());
        assert!(copies.iter().enumerate().all(|(number, copy)| copy.iter().count() == number));
    }

    #[test]
    fn entries_are_found_from_both_sides_and_a_copy_stays_as_it_was() {
        let mut tree = SharedTree::default();
        (0..100).step_by(10).for_each(|key| tree.insert(key, key));
        let copy = tree.clone();
        assert_eq!(tree.remove(&50), Some(50));
        assert_eq!(tree.remove(&50), None);
        *tree.get_mut(&60).unwrap() = 0;
        assert!(tree.get_mut(&61).is_none());
        assert_eq!(tree.first_from(Bound::Included(&50)), Some((&60, &0)));
        assert_eq!(tree.first_from(Bound::Excluded(&90)), None);
        assert_eq!(tree.last_until(Bound::Included(&50)), Some((&40, &40)));
        assert_eq!(tree.last_until(Bound::Excluded(&0)), None);
        assert_eq!(copy.first_from(Bound::Excluded(&40)), Some((&50, &50)));
        assert_eq!((copy.get(&60), copy.iter().count(), tree.iter().count()), (Some(&60), 10, 9));
    }
}
