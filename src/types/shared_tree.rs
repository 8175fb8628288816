//! A map in order, of which a changed copy shares nearly everything with the original: a balanced tree.
//!
//! Uses the standard library. Invariants: a copy never sees a change of another one; the heights of two branches of a node
//! differ by one at most.
//!
//! WHY: a walk inside a transaction goes on over what there was when it began, whatever is written meanwhile. With a
//! `BTreeMap` the first write after each beginning of a walk copied all that the transaction had changed.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ops::Bound;
use std::sync::Arc;

type Link<K, V> = Option<Arc<Node<K, V>>>;

#[derive(Debug)]
struct Node<K, V> {
    key: K,
    value: V,
    height: u8,
    left: Link<K, V>,
    right: Link<K, V>,
}

#[cfg(test)]
thread_local! {
    /// How many nodes this thread has copied.
    pub(crate) static COPIED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

impl<K: Clone, V: Clone> Clone for Node<K, V> {
    fn clone(&self) -> Self {
        #[cfg(test)]
        COPIED.set(COPIED.get() + 1);
        let Self { key, value, height, left, right } = self;
        Self { key: key.clone(), value: value.clone(), height: *height, left: left.clone(), right: right.clone() }
    }
}

/// A map in order that is cheap to copy: changes of a copy cost the logarithm of its entries at most.
#[derive(Clone, Debug)]
pub(crate) struct SharedTree<K, V> {
    root: Link<K, V>,
}

impl<K, V> Default for SharedTree<K, V> {
    fn default() -> Self {
        Self { root: None }
    }
}

impl<K: Clone + Ord, V: Clone> SharedTree<K, V> {
    /// Finds the value of a key.
    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let mut link = &self.root;
        loop {
            let node = link.as_ref()?;
            link = match key.cmp(node.key.borrow()) {
                Ordering::Less => &node.left,
                Ordering::Equal => return Some(&node.value),
                Ordering::Greater => &node.right,
            };
        }
    }

    /// Finds the value of a key to change it. Copies what other maps share of the way to it.
    pub(crate) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        // WHY: what is not there is worth no copy.
        self.get(key)?;
        let mut link = &mut self.root;
        loop {
            let node = Arc::make_mut(link.as_mut()?);
            link = match key.cmp(node.key.borrow()) {
                Ordering::Less => &mut node.left,
                Ordering::Equal => return Some(&mut node.value),
                Ordering::Greater => &mut node.right,
            };
        }
    }

    /// Sets the value of a key; returns the one that it had.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        insert(&mut self.root, key, value)
    }

    /// Forgets a key; returns the value that it had.
    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.get(key)?;
        remove(&mut self.root, key).map(|(_, value)| value)
    }

    /// Finds the first entry whose key lies not before the bound.
    pub(crate) fn first_from<Q: Ord + ?Sized>(&self, bound: Bound<&Q>) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let (mut link, mut found) = (&self.root, None);
        while let Some(node) = link {
            let key = node.key.borrow();
            let is_inside = match bound {
                Bound::Included(bound) => key >= bound,
                Bound::Excluded(bound) => key > bound,
                Bound::Unbounded => true,
            };
            if is_inside {
                found = Some((&node.key, &node.value));
            }
            link = if is_inside { &node.left } else { &node.right };
        }
        found
    }

    /// Finds the last entry whose key lies not behind the bound.
    pub(crate) fn last_until<Q: Ord + ?Sized>(&self, bound: Bound<&Q>) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let (mut link, mut found) = (&self.root, None);
        while let Some(node) = link {
            let key = node.key.borrow();
            let is_inside = match bound {
                Bound::Included(bound) => key <= bound,
                Bound::Excluded(bound) => key < bound,
                Bound::Unbounded => true,
            };
            if is_inside {
                found = Some((&node.key, &node.value));
            }
            link = if is_inside { &node.right } else { &node.left };
        }
        found
    }

    /// Lists the entries in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut open = Vec::new();
        let mut below = &self.root;
        std::iter::from_fn(move || {
            while let Some(node) = below {
                open.push(node);
                below = &node.left;
            }
            let node = open.pop()?;
            below = &node.right;
            Some((&node.key, &node.value))
        })
    }

    /// Hands out all entries in order. Copies those that other maps share.
    pub(crate) fn for_each(self, mut take: impl FnMut(K, V)) {
        drain(self.root, &mut take);
    }
}

fn drain<K: Clone, V: Clone>(link: Link<K, V>, take: &mut impl FnMut(K, V)) {
    if let Some(node) = link {
        let Node { key, value, left, right, .. } = Arc::unwrap_or_clone(node);
        drain(left, take);
        take(key, value);
        drain(right, take);
    }
}

fn insert<K: Clone + Ord, V: Clone>(link: &mut Link<K, V>, key: K, value: V) -> Option<V> {
    let Some(node) = link else {
        *link = Some(Arc::new(Node { key, value, height: 1, left: None, right: None }));
        return None;
    };
    let node = Arc::make_mut(node);
    let old = match key.cmp(&node.key) {
        Ordering::Less => insert(&mut node.left, key, value),
        Ordering::Equal => return Some(std::mem::replace(&mut node.value, value)),
        Ordering::Greater => insert(&mut node.right, key, value),
    };
    if old.is_none() {
        balance(link);
    }
    old
}

/// Removes a key that is there.
fn remove<Q: Ord + ?Sized, K: Clone + Ord + Borrow<Q>, V: Clone>(link: &mut Link<K, V>, key: &Q) -> Option<(K, V)> {
    let node = Arc::make_mut(link.as_mut()?);
    let removed = match key.cmp(node.key.borrow()) {
        Ordering::Less => remove(&mut node.left, key),
        Ordering::Greater => remove(&mut node.right, key),
        Ordering::Equal => match remove_first(&mut node.right) {
            Some((next_key, next_value)) => {
                let key = std::mem::replace(&mut node.key, next_key);
                Some((key, std::mem::replace(&mut node.value, next_value)))
            }
            None => {
                let left = node.left.take();
                let gone = std::mem::replace(link, left)?;
                let Node { key, value, .. } = Arc::unwrap_or_clone(gone);
                Some((key, value))
            }
        },
    };
    balance(link);
    removed
}

fn remove_first<K: Clone, V: Clone>(link: &mut Link<K, V>) -> Option<(K, V)> {
    let node = Arc::make_mut(link.as_mut()?);
    if node.left.is_some() {
        let removed = remove_first(&mut node.left);
        balance(link);
        return removed;
    }
    let right = node.right.take();
    let gone = std::mem::replace(link, right)?;
    let Node { key, value, .. } = Arc::unwrap_or_clone(gone);
    Some((key, value))
}

fn height<K, V>(link: &Link<K, V>) -> u8 {
    link.as_ref().map_or(0, |node| node.height)
}

impl<K, V> Node<K, V> {
    fn measure(&mut self) {
        self.height = 1 + height(&self.left).max(height(&self.right));
    }
}

/// Makes the branches of a node differ by one in height at most, if they differed by two.
fn balance<K: Clone, V: Clone>(link: &mut Link<K, V>) {
    let Some(node) = link else { return };
    let (left, right) = (height(&node.left), height(&node.right));
    let node = Arc::make_mut(node);
    node.measure();
    if left > right + 1 {
        if node.left.as_ref().is_some_and(|child| height(&child.right) > height(&child.left)) {
            rotate_left(&mut node.left);
        }
        rotate_right(link);
    } else if right > left + 1 {
        if node.right.as_ref().is_some_and(|child| height(&child.left) > height(&child.right)) {
            rotate_right(&mut node.right);
        }
        rotate_left(link);
    }
}

/// Puts a node's left child in its place, and the node to the right below it.
fn rotate_right<K: Clone, V: Clone>(link: &mut Link<K, V>) {
    let Some(mut top) = link.take() else { return };
    let node = Arc::make_mut(&mut top);
    match node.left.take() {
        None => *link = Some(top),
        Some(mut child) => {
            let raised = Arc::make_mut(&mut child);
            node.left = raised.right.take();
            node.measure();
            raised.right = Some(top);
            raised.measure();
            *link = Some(child);
        }
    }
}

/// Puts a node's right child in its place, and the node to the left below it.
fn rotate_left<K: Clone, V: Clone>(link: &mut Link<K, V>) {
    let Some(mut top) = link.take() else { return };
    let node = Arc::make_mut(&mut top);
    match node.right.take() {
        None => *link = Some(top),
        Some(mut child) => {
            let raised = Arc::make_mut(&mut child);
            node.right = raised.left.take();
            node.measure();
            raised.left = Some(top);
            raised.measure();
            *link = Some(child);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Checks order and balance; returns the height.
    fn check<V>(link: &Link<u32, V>) -> u8 {
        let Some(node) = link else { return 0 };
        let (left, right) = (check(&node.left), check(&node.right));
        assert!(left.abs_diff(right) <= 1 && node.height == 1 + left.max(right));
        assert!(node.left.as_ref().is_none_or(|child| child.key < node.key));
        assert!(node.right.as_ref().is_none_or(|child| child.key > node.key));
        node.height
    }

    #[test]
    fn a_shared_tree_says_what_a_map_says_and_its_copies_stay_as_they_were() {
        let mut random = fastrand::Rng::with_seed(7);
        let (mut tree, mut model) = (SharedTree::default(), BTreeMap::new());
        let mut copies = Vec::new();
        for step in 0..20_000_u32 {
            // In runs, too, which is where trees lean.
            let key = if step % 5 < 3 { random.u32(..2000) } else { step % 2000 };
            match random.u32(..5) {
                0 | 1 => assert_eq!(tree.remove(&key), model.remove(&key)),
                2 => assert_eq!(
                    tree.get_mut(&key).map(|value| std::mem::replace(value, step)),
                    model.get_mut(&key).map(|value| std::mem::replace(value, step))
                ),
                _ => assert_eq!(tree.insert(key, step), model.insert(key, step)),
            }
            let near = random.u32(..2000);
            assert_eq!(tree.get(&near), model.get(&near));
            assert_eq!(tree.first_from(Bound::Included(&near)), model.range(near..).next());
            assert_eq!(tree.last_until(Bound::Excluded(&near)), model.range(..near).next_back());
            let bounds = (Bound::Excluded(near), Bound::Unbounded);
            assert_eq!(tree.first_from(Bound::Excluded(&near)), model.range(bounds).next());
            assert_eq!(tree.last_until(Bound::Included(&near)), model.range(..=near).next_back());
            check(&tree.root);
            if step % 1000 == 0 {
                copies.push((tree.clone(), model.clone()));
            }
        }
        copies.push((tree, model));
        for (copy, model) in copies {
            assert!(copy.iter().eq(model.iter()));
            let mut drained = Vec::new();
            copy.for_each(|key, value| drained.push((key, value)));
            assert!(drained.into_iter().eq(model));
        }
    }

    #[test]
    fn a_change_copies_no_more_than_the_way_to_it_and_nothing_if_nobody_shares() {
        let mut tree = SharedTree::default();
        let copied = |tree: &mut SharedTree<u32, u32>, keep: bool, key: u32| {
            let _kept = keep.then(|| tree.clone());
            let before = COPIED.get();
            tree.insert(key, 0);
            tree.remove(&(key / 2));
            COPIED.get() - before
        };
        assert_eq!((0..10_000).map(|key| copied(&mut tree, false, key)).max(), Some(0));
        let most = (10_000..20_000).map(|key| copied(&mut tree, true, key)).max();
        assert!(most < Some(80), "{most:?}");
    }
}
