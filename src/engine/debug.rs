//! How the public handles show themselves in `{:?}`: by name, without reading anything.
//!
//! Uses the handles. Invariant: printing a handle takes no lock and touches no data.

use std::fmt;

use crate::engine::{
    Db, Frozen, Keys, Live, Members, Namespace, Sets, Source, Store, StoreBuilder, Strings, View, ViewNamespace,
};

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
