//! What the fuzz targets assert.
//!
//! What lives here: the same properties as in `tests/encoding`, `tests/rdb`, `tests/aof` and `tests/resp`, by inclusion.

#[path = "../../tests/encoding/canonical.rs"]
pub mod canonical;

#[path = "../../tests/rdb/hostile.rs"]
pub mod hostile;

#[path = "../../tests/aof/hostile.rs"]
pub mod hostile_aof;

#[path = "../../tests/resp/total.rs"]
pub mod resp;
