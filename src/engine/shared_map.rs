//! A map of which a changed copy shares nearly everything with the original: a hash trie.
//!
//! Uses the standard library. Invariant: a copy never sees a change of another one.
//!
//! WHY: the keyspaces of a store are one immutable value, and every creation of one makes the next value. With a
//! `HashMap` each copied all of them: creating 10,000 namespaces took 9 s, and ten times as many a hundred times as long.
//!
//! WHY not the hash trie of `rpds`, whose trees are used elsewhere: every operation looks its keyspace up here, and there that took
//! 1.25 times as long with 16 namespaces, 1.5 with 1,000 and twice with 100,000.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// Entries that lie in one leaf. Larger: a change copies more; smaller: more branches, of 16 pointers each.
const LEAF_ENTRIES: usize = 8;

/// Bits of the hash that one branch looks at.
const BRANCH_BITS: u32 = 4;

#[derive(Clone, Debug)]
enum Node<K, V> {
    /// In no order. Longer than [`LEAF_ENTRIES`] only where the hashes are used up.
    Leaf(Vec<(K, V)>),
    /// One for each value of the next bits.
    Branch([Arc<Node<K, V>>; 1 << BRANCH_BITS]),
}

/// A map that is cheap to copy and to change: either costs the logarithm of its entries at most.
#[derive(Clone, Debug)]
pub(super) struct SharedMap<K, V> {
    root: Arc<Node<K, V>>,
    hasher: RandomState,
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self { root: Arc::new(Node::Leaf(Vec::new())), hasher: RandomState::new() }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> SharedMap<K, V> {
    /// Finds the value of a key.
    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let mut hash = self.hasher.hash_one(key);
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf(entries) => {
                    return entries.iter().find(|(known, _)| known.borrow() == key).map(|(_, value)| value);
                }
                Node::Branch(children) => {
                    node = children.get(branch(hash))?;
                    hash >>= BRANCH_BITS;
                }
            }
        }
    }

    /// Sets the value of a key. Copies what other maps share of the way to it.
    pub(super) fn insert(&mut self, key: K, value: V) {
        let hasher = self.hasher.clone();
        let mut hash = hasher.hash_one(&key);
        let mut used_bits = 0;
        let mut node = Arc::make_mut(&mut self.root);
        loop {
            if let Node::Leaf(entries) = node
                && entries.len() >= LEAF_ENTRIES
                && used_bits < u64::BITS
                && entries.iter().all(|(known, _)| *known != key)
            {
                *node = split(std::mem::take(entries), used_bits, &hasher);
            }
            match node {
                Node::Leaf(entries) => {
                    match entries.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, known)) => *known = value,
                        None => entries.push((key, value)),
                    }
                    return;
                }
                Node::Branch(children) => {
                    #[expect(clippy::indexing_slicing, reason = "a branch has a child for each value of its bits")]
                    let child = &mut children[branch(hash)];
                    node = Arc::make_mut(child);
                    hash >>= BRANCH_BITS;
                    used_bits += BRANCH_BITS;
                }
            }
        }
    }

    /// Forgets a key. Its leaf stays, as does every branch.
    pub(super) fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        let mut hash = self.hasher.hash_one(key);
        let mut node = Arc::make_mut(&mut self.root);
        loop {
            match node {
                Node::Leaf(entries) => return entries.retain(|(known, _)| known.borrow() != key),
                Node::Branch(children) => {
                    #[expect(clippy::indexing_slicing, reason = "a branch has a child for each value of its bits")]
                    let child = &mut children[branch(hash)];
                    node = Arc::make_mut(child);
                    hash >>= BRANCH_BITS;
                }
            }
        }
    }

    /// Lists the entries, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut open = vec![&*self.root];
        let mut entries: std::slice::Iter<'_, (K, V)> = [].iter();
        std::iter::from_fn(move || {
            loop {
                if let Some((key, value)) = entries.next() {
                    return Some((key, value));
                }
                match open.pop()? {
                    Node::Leaf(next) => entries = next.iter(),
                    Node::Branch(children) => open.extend(children.iter().map(|child| &**child)),
                }
            }
        })
    }
}

/// Makes a branch of a leaf that is full.
fn split<K: Clone + Eq + Hash, V: Clone>(entries: Vec<(K, V)>, used_bits: u32, hasher: &RandomState) -> Node<K, V> {
    let mut leaves: [Vec<(K, V)>; 1 << BRANCH_BITS] = std::array::from_fn(|_| Vec::new());
    for (key, value) in entries {
        #[expect(clippy::indexing_slicing, reason = "a branch has a child for each value of its bits")]
        leaves[branch(hasher.hash_one(&key) >> used_bits)].push((key, value));
    }
    Node::Branch(leaves.map(|leaf| Arc::new(Node::Leaf(leaf))))
}

/// The child that a hash names, from the bits that are not used yet.
fn branch(hash: u64) -> usize {
    (hash & ((1 << BRANCH_BITS) - 1)) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::hash::Hasher;

    use super::*;

    fn sorted(map: &SharedMap<u32, u32>) -> Vec<(u32, u32)> {
        let mut entries: Vec<_> = map.iter().map(|(key, value)| (*key, *value)).collect();
        entries.sort_unstable();
        entries
    }

    #[test]
    fn a_shared_map_says_what_a_hash_map_says_and_its_copies_stay_as_they_were() {
        let mut random = fastrand::Rng::with_seed(7);
        let (mut map, mut model) = (SharedMap::default(), HashMap::new());
        let mut copies = Vec::new();
        for step in 0..20_000_u32 {
            let key = random.u32(0..3_000);
            if random.u32(0..3) == 0 {
                map.remove(&key);
                model.remove(&key);
            } else {
                map.insert(key, step);
                model.insert(key, step);
            }
            assert_eq!(map.get(&key), model.get(&key));
            if step % 1_000 == 0 {
                copies.push((map.clone(), model.clone()));
            }
        }
        copies.push((map, model));
        for (copy, model) in &copies {
            let mut expected: Vec<_> = model.iter().map(|(key, value)| (*key, *value)).collect();
            expected.sort_unstable();
            assert_eq!(sorted(copy), expected);
            assert!((0..3_000).all(|key| copy.get(&key) == model.get(&key)));
        }
    }

    /// Keys that all have one hash.
    #[derive(Clone, PartialEq, Eq, Debug)]
    struct Alike(u32);

    impl Hash for Alike {
        fn hash<H: Hasher>(&self, state: &mut H) {
            state.write_u8(0);
        }
    }

    #[test]
    fn keys_of_one_hash_are_told_apart() {
        let mut map = SharedMap::default();
        (0..100).for_each(|n| map.insert(Alike(n), n));
        assert!((0..100).all(|n| map.get(&Alike(n)) == Some(&n)));
        map.remove(&Alike(50));
        assert_eq!((map.get(&Alike(50)), map.iter().count()), (None, 99));
    }
}
