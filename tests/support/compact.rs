//! A compaction of everything, whether it is worth anything or not.

use windrow::Store;

/// Flushes every family and rewrites every file under the filters. Without the feature `failpoints` nobody outside the
/// crate can ask for that, and nothing is done: `make test` has the feature.
pub(crate) fn compact_everything(store: &Store) {
    #[cfg(feature = "failpoints")]
    store.compact_everything().unwrap();
    #[cfg(not(feature = "failpoints"))]
    let _ = store;
}
