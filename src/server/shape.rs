//! The limits up to which Redis packs a small collection.
//!
//! Uses nothing. WHY they are here: OBJECT ENCODING tells by them how Redis would keep a value. This store keeps all in one way.

/// Limits, as the settings of the same names say them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) hash_entries: u64,
    pub(crate) hash_value: u64,
    pub(crate) intset_entries: u64,
    pub(crate) zset_entries: u64,
    pub(crate) zset_value: u64,
    /// How many items or bytes a node of a list takes, and how many nodes at its ends are not compressed. Nothing that a client
    /// sees depends on them, in Redis neither.
    pub(crate) list_size: i64,
    pub(crate) list_depth: u64,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            hash_entries: 512,
            hash_value: 64,
            intset_entries: 512,
            zset_entries: 128,
            zset_value: 64,
            list_size: -2,
            list_depth: 0,
        }
    }
}
