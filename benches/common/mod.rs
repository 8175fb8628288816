//! What the benches share: bare RocksDB as a yardstick, and what is put into stores.
//!
//! Uses the public API and `rocksdb`. Invariant: both sides of a comparison get the same bytes.

pub(crate) mod bare;
pub(crate) mod data;
