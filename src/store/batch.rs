//! One commit: every change of an operation, applied together or not at all.
//!
//! Uses `rocksdb`. Invariant (design, rule 1): what must change together is in one [`Batch`]. Range
//! deletions take a [`KeyRange`], never two loose keys (rule 7).

use rocksdb::WriteBatch;

use super::{Database, Family};
use crate::encoding::KeyRange;

/// Changes that are committed together.
#[derive(Default)]
pub(crate) struct Batch {
    inner: WriteBatch,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn put(&mut self, db: &Database, family: Family, key: &[u8], value: &[u8]) {
        self.inner.put_cf(db.handle(family), key, value);
    }

    pub(crate) fn delete(&mut self, db: &Database, family: Family, key: &[u8]) {
        self.inner.delete_cf(db.handle(family), key);
    }

    pub(crate) fn merge(&mut self, db: &Database, family: Family, key: &[u8], operand: &[u8]) {
        self.inner.merge_cf(db.handle(family), key, operand);
    }

    pub(crate) fn delete_range(&mut self, db: &Database, family: Family, range: &KeyRange) {
        self.inner.delete_range_cf(db.handle(family), range.start(), range.end());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    pub(super) fn into_inner(self) -> WriteBatch {
        self.inner
    }
}
