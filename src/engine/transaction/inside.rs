//! Which transactions a thread is inside of.
//!
//! May use the engine. Invariant: a thread that holds a transaction's locks waits for no other lock of the same store.

use std::cell::RefCell;

use crate::engine::Engine;
use crate::error::{Error, Result};

thread_local! {
    /// The addresses of the engines in whose transactions this thread is.
    static INSIDE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// As long as this lives, its thread is inside a transaction.
pub(super) struct Inside {
    engine: usize,
    /// It belongs to its thread.
    _stays: std::marker::PhantomData<*const ()>,
}

impl Engine {
    /// Refuses what would take locks inside a transaction of this thread: it might wait for the thread itself, and then for
    /// ever.
    pub(in crate::engine) fn refuse_inside(&self) -> Result<()> {
        let engine = self.address();
        if INSIDE.with_borrow(|inside| inside.contains(&engine)) {
            return Err(Error::invalid(
                "this thread is inside a transaction of the store: write by its handles, or after it",
            ));
        }
        Ok(())
    }

    /// Notes that this thread is inside a transaction from now on.
    pub(super) fn enter(&self) -> Result<Inside> {
        self.refuse_inside()?;
        let engine = self.address();
        INSIDE.with_borrow_mut(|inside| inside.push(engine));
        Ok(Inside { engine, _stays: std::marker::PhantomData })
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.with_borrow_mut(|inside| inside.retain(|engine| *engine != self.engine));
    }
}
