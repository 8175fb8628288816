//! What a load has gathered for its db, whoever gives it.
//!
//! May use everything below the engine. Invariant: nothing of it is visible before its end, which says what came of each value.

use std::sync::Arc;

use crate::encoding::KeyspaceNo;
use crate::engine::bulk::blocks::{Blocks, Taken};
use crate::engine::bulk::finish::Stage;
use crate::engine::bulk::sorter::{Sorter, Winner};
use crate::engine::bulk::value::Values;
use crate::engine::write::check_namespace;
use crate::engine::{Engine, Existing, KeyCounts, Live};
use crate::error::Result;
use crate::store::Scratch;
use crate::types::Reader;

/// What a load keeps in memory unless told otherwise.
const DEFAULT_MEMORY_BYTES: usize = 64 << 20;
/// The least that a load keeps in memory. WHY: below, files become so small that they cost more than they hold.
const LEAST_MEMORY_BYTES: usize = 256 << 10;

/// Values on their way into one db. Of several for one key the one with the greatest number wins.
pub(in crate::engine) struct Load {
    /// The record of each key, by its place in the meta family: the number of the value, then the record, or nothing if the key is to
    /// hold nothing. WHY numbered: of values that lie apart the records come later, when there are ids for them.
    pub(super) records: Sorter,
    /// Values that were begun.
    pub(super) given: u64,
    pub(super) blocks: Blocks,
    pub(super) memory_bytes: usize,
    pub(super) taken: Taken,
    pub(super) stage: Stage,
    pub(super) scratch: Arc<Scratch>,
    pub(super) namespace: Arc<[u8]>,
    pub(super) db: u32,
    /// What becomes of a key that somebody else has written by the end.
    pub(super) existing: Existing,
    pub(super) live: Live,
}

/// What came of a load.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Finished {
    /// Keys that hold a value of the load now.
    pub(in crate::engine) keys: u64,
    /// The values that took their places, those included that have expired meanwhile.
    pub(in crate::engine) counts: KeyCounts,
    /// A key for which several values were given.
    pub(in crate::engine) given_twice: Option<Vec<u8>>,
}

impl Load {
    pub(in crate::engine) fn begin(live: &Live, namespace: &Arc<[u8]>, db: u32, existing: Existing) -> Result<Self> {
        live.engine.check_writable()?;
        check_namespace(namespace)?;
        let scratch = Arc::new(Scratch::make(live.engine.directory.path())?);
        let mut load = Self {
            records: Sorter::new(&scratch, Winner::Greatest, 0),
            given: 0,
            blocks: Blocks::default(),
            memory_bytes: 0,
            taken: Taken::default(),
            stage: Stage::Feeding,
            scratch,
            namespace: Arc::clone(namespace),
            db,
            existing,
            live: live.clone(),
        };
        load.set_memory(DEFAULT_MEMORY_BYTES);
        Ok(load)
    }

    /// Sets what is kept in memory; returns what there will be of it.
    pub(super) fn set_memory(&mut self, bytes: usize) -> usize {
        self.memory_bytes = bytes.max(LEAST_MEMORY_BYTES);
        self.records.set_limit(self.memory_bytes / 4);
        self.memory_bytes
    }

    /// Room for the elements of values, of which so many bytes are kept in memory, twice as many of a sorted set.
    pub(in crate::engine) fn values(&self, limit_bytes: usize) -> Values {
        Values::new(&self.scratch, limit_bytes)
    }

    /// Counts a value that is given; returns how many there were before.
    pub(in crate::engine) fn count_given(&mut self) -> u64 {
        self.given += 1;
        self.given - 1
    }

    /// The keyspace of the db, if there is one.
    pub(in crate::engine) fn keyspace(&self) -> Option<KeyspaceNo> {
        self.live.engine.keyspaces.current().find(&self.namespace, self.db).map(|found| found.number)
    }
}

impl Engine {
    /// Tells whether there is nothing in a db, not even what has expired.
    pub(in crate::engine) fn is_vacant(&self, namespace: &[u8], db: u32) -> Result<bool> {
        match self.keyspaces.current().find(namespace, db) {
            None => Ok(true),
            Some(keyspace) if keyspace.count() > 0 => Ok(false),
            Some(keyspace) => {
                let reader = Reader::new(&self.db, self.directory.layout, None);
                Ok(reader.last_record(keyspace.number)?.is_none())
            }
        }
    }
}
