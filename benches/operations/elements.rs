//! What bare RocksDB does for an operation on an element: the same records, without windrow.

use std::hint::black_box;

use rocksdb::{ColumnFamily, WriteBatch};
use windrow::encoding::{CollectionId, ElementKey, Tag};

use crate::common::bare::Bare;

/// How many changes go into one commit of a copy.
const BATCH: usize = 10_000;

/// The bytes of an id, with which the keys of elements begin.
const ID_BYTES: usize = 8;

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

    /// Gets the record alone.
    pub(crate) fn get_record(&self) {
        black_box(self.bare.db().get_pinned_cf(self.meta, &self.record_key).expect("get"));
    }

    /// Puts an element, without the record.
    pub(crate) fn put(&self, element: &ElementKey<'_>, value: &[u8]) {
        self.bare.db().put_cf(self.data, element.encode(self.id), value).expect("put");
    }

    /// Puts elements and the record in one commit, then deletes them in another.
    pub(crate) fn put_and_delete(&self, elements: &[(ElementKey<'_>, &[u8])]) {
        self.commit(elements, &[]);
        let keys: Vec<_> = elements.iter().map(|(element, _)| *element).collect();
        self.commit(&[], &keys);
    }

    /// Puts elements, deletes others and puts the record, in one commit.
    pub(crate) fn commit(&self, puts: &[(ElementKey<'_>, &[u8])], deletes: &[ElementKey<'_>]) {
        let mut batch = WriteBatch::default();
        batch.put_cf(self.meta, &self.record_key, &self.record);
        puts.iter().for_each(|(element, value)| batch.put_cf(self.data, element.encode(self.id), value));
        deletes.iter().for_each(|element| batch.delete_cf(self.data, element.encode(self.id)));
        self.bare.db().write(batch).expect("write");
    }

    /// Puts elements and deletes others in one commit, without the record.
    pub(crate) fn replace(&self, puts: &[(ElementKey<'_>, &[u8])], deletes: &[ElementKey<'_>]) {
        let mut batch = WriteBatch::default();
        puts.iter().for_each(|(element, value)| batch.put_cf(self.data, element.encode(self.id), value));
        deletes.iter().for_each(|element| batch.delete_cf(self.data, element.encode(self.id)));
        self.bare.db().write(batch).expect("write");
    }

    /// Puts elements, made by `visit`, and at last the record, in commits of many.
    pub(crate) fn fill(&self, visit: impl FnOnce(&mut dyn FnMut(&ElementKey<'_>, &[u8]))) {
        let mut batch = WriteBatch::default();
        visit(&mut |element, value| {
            batch.put_cf(self.data, element.encode(self.id), value);
            if batch.len() >= BATCH {
                self.bare.db().write(std::mem::take(&mut batch)).expect("write");
            }
        });
        batch.put_cf(self.meta, &self.record_key, &self.record);
        self.bare.db().write(batch).expect("write");
    }

    /// Walks past `count` elements of a kind and returns the key of the next.
    pub(crate) fn key_behind(&self, tag: Tag, count: u64) -> Vec<u8> {
        let mut elements = self.bare.elements(self.id, tag.byte());
        (0..count).for_each(|_| elements.next());
        elements.key().expect("so many elements").to_vec()
    }

    /// Reads the values of the first `count` elements of a kind.
    pub(crate) fn values(&self, tag: Tag, count: u64) -> Vec<Vec<u8>> {
        let mut values = Vec::new();
        self.each(tag, count, |_, value| values.push(value.to_vec()));
        values
    }

    /// Visits up to `count` elements of a kind.
    pub(crate) fn each(&self, tag: Tag, count: u64, mut visit: impl FnMut(&ElementKey<'_>, &[u8])) {
        let mut elements = self.bare.elements(self.id, tag.byte());
        for _ in 0..count {
            let Some((key, value)) = elements.item() else { break };
            visit(&ElementKey::decode_tail(&key[ID_BYTES..]).expect("an element"), value);
            elements.next();
        }
        elements.status().expect("walk");
    }

    /// Walks over two collections at once and visits what is in either, with its values there.
    pub(crate) fn merge(&self, other: &Self, tag: Tag, mut visit: impl FnMut(&[u8], Option<&[u8]>, Option<&[u8]>)) {
        let [mut ours, mut others] = [self, other].map(|side| side.bare.elements(side.id, tag.byte()));
        loop {
            let (left, right) = (ours.item(), others.item());
            let tails = [left, right].map(|item| item.map(|(key, _)| &key[ID_BYTES..]));
            let (in_ours, in_others) = match tails {
                [None, None] => break,
                [Some(_), None] => (true, false),
                [None, Some(_)] => (false, true),
                [Some(left), Some(right)] => (left <= right, right <= left),
            };
            let left = left.filter(|_| in_ours);
            let right = right.filter(|_| in_others);
            let (key, _) = left.or(right).expect("one of them");
            visit(&key[ID_BYTES..], left.map(|(_, value)| value), right.map(|(_, value)| value));
            if in_ours {
                ours.next();
            }
            if in_others {
                others.next();
            }
        }
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
