//! What each data type's operations read and what they change.
//!
//! May use `encoding`, `store` (for reading) and `expire::is_expired`. Invariant: nothing here commits; a
//! writing operation fills a [`KeyPlan`], and the engine turns plans into one commit.

pub(crate) mod keys;
mod plan;
mod reader;
pub(crate) mod set;
pub(crate) mod string;

pub(crate) use plan::{Before, Change, ElementChange, Home, KeyPlan, NewRecord, id_of};
pub(crate) use reader::Reader;
