//! What bare RocksDB does for an operation on an element: the same records, without windrow.

use std::hint::black_box;

use rocksdb::{ColumnFamily, WriteBatch};
use windrow::encoding::{CollectionId, ElementKey, Tag};

use crate::common::bare::Bare;

/// A collection as bare RocksDB sees it: a record and elements under an id.
pub(crate) struct BareCollection<'b> {
    bare: &'b Bare,
    meta: &'b ColumnFamily,
    data: &'b ColumnFamily,
    id: CollectionId,
    record_key: Vec<u8>,
    record: Vec<u8>,
}

impl<'b> BareCollection<'b> {
    pub(crate) fn find(bare: &'b Bare, key: &str) -> Self {
        let (record_key, record) = bare.record(key.as_bytes());
        let id = record.id().expect("it lies apart");
        Self { bare, meta: bare.meta(), data: bare.data(id), id, record_key, record: record.encode() }
    }

    /// Gets the record and an element.
    pub(crate) fn get(&self, element: &ElementKey<'_>) {
        black_box(self.bare.db().get_pinned_cf(self.meta, &self.record_key).expect("get"));
        black_box(self.bare.db().get_pinned_cf(self.data, element.encode(self.id)).expect("get"));
    }

    /// Puts an element, without the record.
    pub(crate) fn put(&self, element: &ElementKey<'_>, value: &[u8]) {
        self.bare.db().put_cf(self.data, element.encode(self.id), value).expect("put");
    }

    /// Puts elements and the record in one commit, then deletes them in another.
    pub(crate) fn put_and_delete(&self, elements: &[(ElementKey<'_>, &[u8])]) {
        let mut batch = WriteBatch::default();
        batch.put_cf(self.meta, &self.record_key, &self.record);
        elements.iter().for_each(|(element, value)| batch.put_cf(self.data, element.encode(self.id), value));
        self.bare.db().write(batch).expect("write");
        let mut batch = WriteBatch::default();
        batch.put_cf(self.meta, &self.record_key, &self.record);
        elements.iter().for_each(|(element, _)| batch.delete_cf(self.data, element.encode(self.id)));
        self.bare.db().write(batch).expect("write");
    }

    /// Walks over up to `count` elements of a kind.
    pub(crate) fn walk(&self, tag: Tag, count: u64) {
        let mut elements = self.bare.elements(self.id, tag.byte());
        for _ in 0..count {
            let Some(element) = elements.item() else { break };
            black_box(element);
            elements.next();
        }
        elements.status().expect("walk");
    }
}
