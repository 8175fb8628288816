//! What each data type's operations read and what they change.
//!
//! May use `encoding`, `rdb`, `store` (for reading) and `expire::is_expired`. Invariant: nothing here commits; a
//! writing operation fills a [`KeyPlan`], and the engine turns plans into one commit.

pub(crate) mod bits;
pub(crate) mod copy;
pub(crate) mod dump;
pub(crate) mod edit;
pub(crate) mod elements;
pub(crate) mod event;
pub(crate) mod geo;
pub(crate) mod glob;
pub(crate) mod gone;
pub(crate) mod hash;
pub(crate) mod hyperloglog;
pub(crate) mod keys;
pub(crate) mod lcs;
pub(crate) mod list;
pub(crate) mod merged;
pub(crate) mod names;
pub(crate) mod number;
pub(crate) mod overlay;
pub(crate) mod pick;
mod plan;
pub(crate) mod random_key;
pub(crate) mod rank;
mod reader;
pub(crate) mod set;
pub(crate) mod shared_tree;
pub(crate) mod sort;
pub(crate) mod string;
pub(crate) mod zset;

pub(crate) use edit::{Birth, Edit, head_of};
pub(crate) use elements::{Direction, Elements, TailRange, Walk};
pub(crate) use event::{EventClass, EventKind, EventKinds, Notes};
pub(crate) use plan::{
    Before, Builder, Change, Home, KeyPlan, Limits, Lot, NewRecord, Origin, Pending, PlanContext, id_of,
};
pub(crate) use reader::Reader;
