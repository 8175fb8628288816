//! What a commit changes in the indexes of ranks, in step with what it changes on disk.
//!
//! May use the indexes. Invariant: an index is locked before the commit and told of it, or thrown away, before it is
//! unlocked.

use std::sync::Arc;

use parking_lot::RwLockWriteGuard;

use crate::encoding::{CollectionId, Tag};
use crate::engine::ranks::Ranks;
use crate::engine::ranks::index::{Index, State};
use crate::error::Result;
use crate::types::Pending;
use crate::types::rank::Step;

/// A collection that has an index and is changed by a commit.
pub(in crate::engine) struct Touched {
    id: CollectionId,
    index: Arc<Index>,
    steps: Vec<(Vec<u8>, Step)>,
}

impl Ranks {
    /// Returns what a change of a known collection means for its index, if there is one. The caller holds the lock of the
    /// key that links it. `growth` is the change of its size.
    pub(in crate::engine) fn touched(&self, id: CollectionId, elements: &Pending, growth: i64) -> Option<Touched> {
        let index = self.find(id)?;
        index.set_known();
        let of_score = |tail: &[u8]| tail.first() == Some(&Tag::SortedScore.byte());
        let steps: Vec<(Vec<u8>, Step)> = elements
            .iter()
            .filter(|(tail, _)| of_score(tail))
            .map(|(tail, value)| (tail.clone(), if value.is_some() { Step::Came } else { Step::Went }))
            .collect();
        let sum: i64 = steps.iter().map(|(_, step)| if *step == Step::Came { 1 } else { -1 }).sum();
        if sum != growth {
            self.forget(id);
            return None;
        }
        Some(Touched { id, index, steps })
    }

    /// Makes a commit that changes these collections, and tells their indexes of it.
    ///
    /// ORDER: locks in the order of ids, so that no two commits wait for each other.
    pub(in crate::engine) fn follow<T>(
        &self,
        mut touched: Vec<Touched>,
        commit: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        touched.sort_unstable_by_key(|touched| touched.id);
        let guards = touched.iter().map(|touched| touched.index.state.write()).collect();
        let mut locked = Locked { ranks: self, touched: &touched, guards, is_told: false };
        let done = commit()?;
        locked.tell();
        Ok(done)
    }
}

/// Indexes that are locked for a commit. Unless they are told of it, they are thrown away: nobody knows then whether
/// it happened.
struct Locked<'t> {
    ranks: &'t Ranks,
    touched: &'t [Touched],
    guards: Vec<RwLockWriteGuard<'t, State>>,
    is_told: bool,
}

impl Locked<'_> {
    fn tell(&mut self) {
        for (touched, state) in self.touched.iter().zip(&mut self.guards) {
            if let State::Counted(chunks) = &mut **state
                && !touched.steps.iter().all(|(tail, step)| chunks.apply(tail, *step))
            {
                self.ranks.forget_this(touched.id, &touched.index);
            }
        }
        self.is_told = true;
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if !self.is_told {
            for touched in self.touched {
                self.ranks.forget_this(touched.id, &touched.index);
            }
        }
    }
}
