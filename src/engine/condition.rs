//! How a store is, for whoever runs it.
//!
//! May use the engine. Invariant: looking changes nothing.

use std::path::Path;

use crate::Store;
use crate::error::Error;
use crate::store::Pressure;

impl Store {
    /// Why the store refuses all work, if it does.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.engine().check_open().err()
    }

    /// How hard RocksDB is pressed by writes.
    pub(crate) fn pressure(&self) -> Pressure {
        self.engine().db.pressure()
    }

    /// A number that grows by at least one with each change, the store's own among them.
    pub(crate) fn changes(&self) -> u64 {
        self.engine().db.last_commit()
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        self.engine().directory.path()
    }
}
