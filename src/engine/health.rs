//! Whether the store can work: open, closed, or poisoned by a background failure.
//!
//! Uses `error`. Invariant (design, rule 11): the first reason wins and every later call reports it.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::error::{Error, Result};

/// The state of a store.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Set once anything is wrong, so that the usual check is one load.
    ended: AtomicBool,
    reason: Mutex<Option<Error>>,
}

impl Health {
    /// Refuses work if the store has ended.
    pub(crate) fn check(&self) -> Result<()> {
        if !self.ended.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(self.reason.lock().clone().unwrap_or_else(Error::closed))
    }

    /// Ends the store because a background task failed.
    pub(crate) fn poison(&self, cause: Error) {
        tracing::error!(error = %cause, "a background task failed; the store refuses further work");
        self.end(Error::poisoned_by(cause));
    }

    /// Ends the store because it was closed; returns the reason if it had ended already.
    pub(crate) fn close(&self) -> Option<Error> {
        self.end(Error::closed())
    }

    fn end(&self, reason: Error) -> Option<Error> {
        let mut current = self.reason.lock();
        let before = current.clone();
        current.get_or_insert(reason);
        self.ended.store(true, Ordering::Release);
        before
    }
}
