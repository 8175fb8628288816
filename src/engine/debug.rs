//! How the public handles show themselves in `{:?}`: by name, without reading anything. And what the crate's own tests
//! may do to a store that nobody else can.
//!
//! Uses the handles. Invariant: printing a handle takes no lock and touches no data.

use std::fmt;

use crate::engine::{
    Db, Frozen, Keys, Live, Members, Namespace, Sets, Source, Store, StoreBuilder, Strings, View, ViewNamespace,
};

#[cfg(feature = "failpoints")]
impl Store {
    /// Flushes every family and rewrites every file of it, under the filters, whether that is worth anything or not.
    ///
    /// # Errors
    /// What RocksDB met.
    #[doc(hidden)]
    pub fn compact_everything(&self) -> crate::Result<()> {
        let db = &self.engine().db;
        db.flush_all()?;
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

shows_its_name!(Store, StoreBuilder, Namespace, View, ViewNamespace, Live, Frozen, Keys, Members);

impl<S: Source> fmt::Debug for Db<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("number", &self.number()).finish_non_exhaustive()
    }
}

impl<S: Source> fmt::Debug for Strings<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strings").finish_non_exhaustive()
    }
}

impl<S: Source> fmt::Debug for Sets<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sets").finish_non_exhaustive()
    }
}
