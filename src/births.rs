//! Keeps the order of ids and the borders of files together.
//!
//! May use `store` and `encoding`. Invariant: windrow switches a data family's write buffer only when no birth is between
//! taking its id and having committed, so that its file holds a span of ids that no other file reaches into. RocksDB may
//! switch one by itself (at its own limit of the log or of all buffers): that costs a merge, and is kept from happening.
//!
//! WHY: two writers can commit in the other order than they took their ids. Harmless inside one write buffer; but
//! if the buffer is switched between them, the two files overlap by a few ids, and instead of moving down
//! unread the younger one is merged with its neighbours: a tenth of all data was rewritten that way.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{RwLock, RwLockReadGuard};

use crate::encoding::DataFamily;
use crate::error::Result;
use crate::store::{Database, Family};

/// What an entry takes in the write buffer beside its key and value, roughly.
const ENTRY_OVERHEAD_BYTES: u64 = 64;

/// One family's gate.
#[derive(Debug, Default)]
struct Gate {
    open: RwLock<()>,
    /// Bytes written since the buffer was last switched here.
    buffered_bytes: AtomicU64,
}

impl Gate {
    /// Switches the buffer; returns whether RocksDB did. The gate is closed.
    fn switch(&self, db: &Database, family: DataFamily) -> Result<bool> {
        self.buffered_bytes.store(0, Ordering::Relaxed);
        db.begin_flush(Family::Data(family))
    }
}

/// The gates of all families.
#[derive(Debug)]
pub(crate) struct Births {
    gates: [Gate; DataFamily::COUNT],
    /// Buffers are switched at this size, well before RocksDB would do it at a moment of its own.
    switch_at_bytes: u64,
}

/// Births under way in one family: from before their ids are taken until after their commit.
pub(crate) struct Birth<'a> {
    _open: RwLockReadGuard<'a, ()>,
}

impl Births {
    pub(crate) fn new(family_write_buffer_bytes: usize) -> Self {
        Self {
            gates: std::array::from_fn(|_| Gate::default()),
            switch_at_bytes: u64::try_from(family_write_buffer_bytes).unwrap_or(u64::MAX),
        }
    }

    /// Begins births in `family`. Waits while its buffer is being switched, so a commit begins once in each family.
    pub(crate) fn begin(&self, family: DataFamily) -> Birth<'_> {
        Birth { _open: self.gate(family).open.read() }
    }

    /// Does work that takes ids which nobody commits, while no birth of the family is under way. What was born before is in
    /// files that end before these ids, what comes later in files that begin behind them: so those of the ids themselves
    /// overlap none.
    pub(crate) fn between<T>(&self, db: &Database, family: DataFamily, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let gate = self.gate(family);
        let _closed = gate.open.write();
        if db.buffered_entries(Family::Data(family)) > 0 {
            // Not while RocksDB has stopped all writes; then files are merged once.
            gate.switch(db, family)?;
        }
        work()
    }

    /// Counts entries that were committed to `family`, and switches its buffer when it is full. The caller's own
    /// births have ended.
    ///
    /// A switch that fails is no failure of the commit before it: RocksDB reports what is wrong at the next write,
    /// and switches the buffer by itself when it has grown to twice the size.
    pub(crate) fn wrote(&self, db: &Database, family: DataFamily, written: Written) {
        let gate = self.gate(family);
        let bytes = written.bytes + written.entries * ENTRY_OVERHEAD_BYTES;
        if gate.buffered_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes < self.switch_at_bytes {
            return;
        }
        let _closed = gate.open.write();
        // Somebody else may have switched it while this thread waited.
        if gate.buffered_bytes.load(Ordering::Relaxed) < self.switch_at_bytes {
            return;
        }
        if let Err(error) = gate.switch(db, family) {
            tracing::warn!(%error, "a write buffer could not be switched");
        }
    }

    /// Switches a family's write buffer and leaves the writing of it to the background. Births of the family wait for the
    /// switch. Returns whether it was switched: not while RocksDB has stopped all writes.
    pub(crate) fn begin_flush(&self, db: &Database, family: Family) -> Result<bool> {
        match family {
            Family::Data(data) => {
                let gate = self.gate(data);
                let _closed = gate.open.write();
                gate.switch(db, data)
            }
            _ => db.begin_flush(family),
        }
    }

    /// Writes a family's buffers to files; births go on while it is written. Returns whether it did, as [`Births::begin_flush`].
    pub(crate) fn flush(&self, db: &Database, family: Family) -> Result<bool> {
        Ok(self.begin_flush(db, family)? && db.wait_for_flush(family).map(|()| true)?)
    }

    /// Switches every buffer in which there is anything, after whose writing the log so far is not needed any more. Returns
    /// whether all were switched.
    pub(crate) fn begin_flush_all(&self, db: &Database) -> Result<bool> {
        let filled = |family: &Family| db.buffered_entries(*family) > 0;
        Family::all().filter(filled).try_fold(true, |all, family| Ok(all & self.begin_flush(db, family)?))
    }

    /// Writes every buffer to files; returns whether it did.
    pub(crate) fn flush_all(&self, db: &Database) -> Result<bool> {
        let all = self.begin_flush_all(db)?;
        Family::all().try_for_each(|family| db.wait_for_flush(family))?;
        Ok(all)
    }

    fn gate(&self, family: DataFamily) -> &Gate {
        #[expect(clippy::indexing_slicing, reason = "a DataFamily's index is below COUNT")]
        &self.gates[family.index()]
    }
}

/// Entries of one commit in one family.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Written {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}
