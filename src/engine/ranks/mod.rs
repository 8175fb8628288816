//! Indexes of ranks: for large sorted sets that were asked for one, in memory only.
//!
//! May use `types::rank`, the read path and the locks. Invariants: an index that is used says what the snapshot says that
//! was taken under its lock; nothing is kept, and writes do nothing, for a set whose ranks nobody asks.
//!
//! How an index stays exact. A commit that changes a set under a known id looks for its index and holds that
//! index's lock until the commit is made and told to it. So whoever takes a snapshot under the lock sees the same in both.
//! A commit that looked before the index was there would be missed: so an index counts nothing until it is *known*,
//! which it is once somebody has held its key's lock since it was entered. Whoever writes does that anyway;
//! a reader tries.

mod ask;
mod commit;
mod index;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::encoding::CollectionId;
use crate::types::rank::Stretch;

pub(super) use commit::Touched;
use index::{Index, State};

/// Memory of an index beside its chunks: its lock and flags, its places in the table.
const INDEX_BYTES: usize = 256;

/// The indexes of a store.
pub(super) struct Ranks {
    budget_bytes: usize,
    /// How many there are, so that whoever asks for one of none takes no lock.
    held: AtomicUsize,
    uses: AtomicU64,
    indexes: Mutex<HashMap<CollectionId, Arc<Index>>>,
}

impl Ranks {
    /// Keeps indexes in up to this much memory, none with a budget of 0.
    pub(super) fn new(budget_bytes: usize) -> Self {
        Self { budget_bytes, held: AtomicUsize::new(0), uses: AtomicU64::new(0), indexes: Mutex::default() }
    }

    fn is_off(&self) -> bool {
        self.budget_bytes == 0
    }

    fn is_empty(&self) -> bool {
        self.held.load(Ordering::SeqCst) == 0
    }

    /// Returns the index of a collection.
    fn find(&self, id: CollectionId) -> Option<Arc<Index>> {
        if self.is_empty() {
            return None;
        }
        self.indexes.lock().get(&id).cloned()
    }

    /// Returns the index of a collection, entering one if there is none.
    fn find_or_enter(&self, id: CollectionId) -> Arc<Index> {
        let index = {
            let mut indexes = self.indexes.lock();
            let index = Arc::clone(indexes.entry(id).or_default());
            self.held.store(indexes.len(), Ordering::SeqCst);
            index
        };
        self.touch(&index);
        self.fit();
        index
    }

    /// Throws the index of a collection away.
    pub(super) fn forget(&self, id: CollectionId) {
        if !self.is_empty() {
            let mut indexes = self.indexes.lock();
            self.remove(&mut indexes, id);
        }
    }

    /// ORDER: marked before it leaves the table, so that a commit which does not find it can be in no snapshot under
    /// which it looks valid.
    fn remove(&self, indexes: &mut HashMap<CollectionId, Arc<Index>>, id: CollectionId) {
        if let Some(index) = indexes.get(&id) {
            index.invalidate();
            indexes.remove(&id);
            self.held.store(indexes.len(), Ordering::SeqCst);
        }
    }

    /// Throws an index away, unless another one has its place already.
    fn forget_this(&self, id: CollectionId, index: &Arc<Index>) {
        index.invalidate();
        let mut indexes = self.indexes.lock();
        if indexes.get(&id).is_some_and(|found| Arc::ptr_eq(found, index)) {
            self.remove(&mut indexes, id);
        }
    }

    /// Notes that an index is used.
    fn touch(&self, index: &Index) {
        index.used.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Throws the indexes away that were not used for longest, until the rest fits into the budget.
    fn fit(&self) {
        let mut indexes = self.indexes.lock();
        let mut bytes: usize = indexes.values().map(|index| INDEX_BYTES + index.bytes.load(Ordering::Relaxed)).sum();
        while bytes > self.budget_bytes {
            let oldest = indexes.iter().min_by_key(|(_, index)| index.used.load(Ordering::Relaxed));
            let Some((id, index)) = oldest else {
                return;
            };
            bytes -= INDEX_BYTES + index.bytes.load(Ordering::Relaxed);
            let id = *id;
            self.remove(&mut indexes, id);
        }
    }

    /// Returns the stretch around a rank of a collection that nobody changes now, if there is an index of it.
    pub(super) fn stretch_at(&self, id: CollectionId, size: u64, rank: u64) -> Option<Stretch> {
        let index = self.find(id)?;
        let state = index.state.read();
        match &*state {
            State::Counted(chunks) if index.is_valid() && chunks.total() == size => chunks.at_rank(rank),
            _ => None,
        }
    }

    /// Returns how many indexes there are, and the memory that they take, about.
    pub(super) fn usage(&self) -> (usize, usize) {
        let indexes = self.indexes.lock();
        (indexes.len(), indexes.values().map(|index| INDEX_BYTES + index.bytes.load(Ordering::Relaxed)).sum())
    }
}
