//! The index of one sorted set, and the cutting of its chunks.
//!
//! May use `types::rank` and elements. Invariant: a chunk is read outside of the lock; what changes meanwhile is logged.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::RwLock;

use crate::error::Result;
use crate::failpoint::failpoint;
use crate::types::rank::{Chunks, CutNumber, Pieces, Stretch};
use crate::types::{Direction, Elements};

/// The index of one sorted set's ranks.
#[derive(Default)]
pub(super) struct Index {
    /// Held shared by questions while they look places up, alone by commits and for a moment by whoever cuts a chunk.
    pub(super) state: RwLock<State>,
    /// It may have missed a commit, and is used no more.
    is_invalid: AtomicBool,
    /// Every commit in flight has seen it.
    is_known: AtomicBool,
    /// When it was last used, in uses of all indexes.
    pub(super) used: AtomicU64,
    pub(super) bytes: AtomicUsize,
}

#[derive(Default)]
pub(super) enum State {
    /// Nothing was counted yet.
    #[default]
    Entered,
    Counted(Chunks),
    /// It would not fit into the budget.
    TooLarge,
}

impl Index {
    pub(super) fn is_valid(&self) -> bool {
        !self.is_invalid.load(Ordering::SeqCst)
    }

    pub(super) fn invalidate(&self) {
        self.is_invalid.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_known(&self) -> bool {
        self.is_known.load(Ordering::SeqCst)
    }

    /// States that every commit in flight has seen the index: the caller holds the lock of the key that links the
    /// collection.
    pub(super) fn set_known(&self) {
        self.is_known.store(true, Ordering::SeqCst);
    }

    /// Cuts a stretch into chunks, which the caller has begun: reads it and puts the pieces in its place.
    pub(super) fn cut(
        &self,
        (number, stretch): (CutNumber, &Stretch),
        elements: &Elements<'_>,
        budget_bytes: usize,
    ) -> Result<()> {
        let unfinished = Unfinished { index: self, number };
        let mut pieces = Pieces::default();
        let mut walk = elements.walk(&stretch.range, Direction::Ascending)?;
        while let Some((key, _)) = walk.entry()? {
            pieces.push(&key.encode_tail());
            walk.advance();
            if pieces.bytes() > budget_bytes {
                *self.state.write() = State::TooLarge;
                self.bytes.store(0, Ordering::Relaxed);
                return Ok(());
            }
        }
        failpoint!("ranks::cutting");
        if let State::Counted(chunks) = &mut *self.state.write() {
            if !chunks.end_cut(number, pieces) {
                self.invalidate();
            }
            self.bytes.store(chunks.bytes(), Ordering::Relaxed);
        }
        drop(unfinished);
        Ok(())
    }
}

/// A cut that is given up when this is dropped, unless it is done.
struct Unfinished<'a> {
    index: &'a Index,
    number: CutNumber,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let State::Counted(chunks) = &mut *self.index.state.write() {
            chunks.abandon_cut(self.number);
        }
    }
}
