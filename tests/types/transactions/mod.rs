//! Transactions: what they see, what they leave behind, and what they refuse.

mod batches;
mod net_effects;
mod own_writes;
mod refusals;
mod rollback;
mod serial;
mod watching;

use windrow::Error;

/// What ends a transaction on purpose.
fn stop<T>() -> windrow::Result<T> {
    Err(Error::aborted("on purpose"))
}
