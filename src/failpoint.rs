//! Named places where a test can pause the engine, make it fail or copy its directory.
//!
//! Uses the `fail` crate under the feature `failpoints` and nothing otherwise. Invariant: without the
//! feature a place costs nothing and does nothing.

/// Marks a place; with a second argument, a test can make the enclosing function return it.
macro_rules! failpoint {
    ($name:expr) => {
        #[cfg(feature = "failpoints")]
        fail::fail_point!($name);
    };
    ($name:expr, $returns:expr) => {
        #[cfg(feature = "failpoints")]
        fail::fail_point!($name, $returns);
    };
}

pub(crate) use failpoint;
