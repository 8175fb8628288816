//! What the fuzz targets assert.
//!
//! What lives here: the same properties as in `tests/encoding`, by inclusion.

#[path = "../../tests/encoding/canonical.rs"]
pub mod canonical;
