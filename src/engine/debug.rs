//! How the public handles show themselves in `{:?}`: by name and place, without keys, members
//! or values. And what the crate's own tests
//! may do to a store that nobody else can.
//!
//! Uses the handles. Invariant: printing a handle takes no lock and touches no data.

use std::fmt;

use crate::engine::read::Reading;
use crate::engine::{
    Bits, BulkLoad, Db, Frozen, Geo, HashEntries, HashFields, HashValues, Hashes, HyperLogLogs, Keys, ListItems, Lists,
    Live, Members, Namespace, Sets, Source, Store, StoreBuilder, Strings, Transaction, Tx, View, ViewNamespace, Watch,
    WriteBatch, ZEntries, ZSets,
};

#[cfg(feature = "failpoints")]
impl Store {
    /// Flushes every family that has something in its buffer, as a cut of the log does.
    ///
    /// # Errors
    /// What RocksDB met.
    #[doc(hidden)]
    pub fn flush_everything(&self) -> crate::Result<()> {
        let engine = self.engine();
        engine.births.flush_all(&engine.db).map(|_| ())
    }

    /// Flushes every family and rewrites every file of it, under the filters, whether that is worth anything or not.
    ///
    /// # Errors
    /// What RocksDB met.
    #[doc(hidden)]
    pub fn compact_everything(&self) -> crate::Result<()> {
        let engine = self.engine();
        let db = &engine.db;
        engine.births.flush_all(db)?;
        crate::store::Family::all().for_each(|family| db.compact_family(family));
        Ok(())
    }
}

macro_rules! shows_its_name {
    ($($handle:ident),*) => {$(
        impl fmt::Debug for $handle {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($handle)).finish_non_exhaustive()
            }
        }
    )*};
}

shows_its_name!(
    Store,
    BulkLoad,
    StoreBuilder,
    Namespace,
    ViewNamespace,
    Live,
    Tx,
    Transaction,
    Watch,
    WriteBatch,
    Frozen,
    Keys,
    Members,
    HashEntries,
    HashFields,
    HashValues,
    ZEntries
);

macro_rules! shows_its_db {
    ($($handle:ident),*) => {$(
        impl<S: Source> fmt::Debug for $handle<'_, S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($handle)).field("db", &self.db.number()).finish_non_exhaustive()
            }
        }
    )*};
}

shows_its_db!(Bits, Geo, HyperLogLogs, Strings, Hashes, Sets, Lists, ZSets);

impl<S: Source> fmt::Debug for Db<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("number", &self.number()).finish_non_exhaustive()
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("time", &self.time()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("now", &self.now).finish_non_exhaustive()
    }
}

impl fmt::Debug for ListItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListItems").field("left", &self.left()).finish_non_exhaustive()
    }
}
