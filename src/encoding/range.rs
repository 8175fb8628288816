//! The bounds of key ranges.
//!
//! What lives here: the one type that every range delete and file drop takes its bounds from. It
//! may use all keys.
//!
//! INVARIANT: a range is half-open, and no stored key equals its end. `delete_range_cf` excludes
//! its end and `delete_file_in_range_cf` includes it: with such an end both mean the same keys.

use super::family::DataFamily;
use super::id::{COUNTER_BITS, CollectionId};
use super::key::{KeyspaceNo, MetaKey};
use super::segment::Segment;
use super::time::UnixMillis;

/// A half-open range of keys of one column family, whose end is never a stored key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyRange {
    start: Vec<u8>,
    end: Vec<u8>,
}

impl KeyRange {
    /// The first key that can be in the range.
    pub fn start(&self) -> &[u8] {
        &self.start
    }

    /// The end, excluded: above every key of the range, and equal to no stored key.
    pub fn end(&self) -> &[u8] {
        &self.end
    }

    /// True when `key` is in the range.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.start.as_slice() <= key && key < self.end.as_slice()
    }

    /// True when no key can be in the range.
    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// All elements of the ids of a family whose counters lie in `first_counter..end_counter`.
    ///
    /// Both bounds are bare ids of 8 bytes. An element key is an id and at least a tag, so none
    /// equals a bare id. Counters above 2^56 count as 2^56, the end of the family.
    pub fn ids(family: DataFamily, first_counter: u64, end_counter: u64) -> Self {
        let base = u64::from(family.number()) << COUNTER_BITS;
        let bound = |counter: u64| (base + counter.min(1 << COUNTER_BITS)).to_be_bytes().to_vec();
        Self { start: bound(first_counter), end: bound(end_counter) }
    }

    /// All elements of one collection.
    pub fn collection(id: CollectionId) -> Self {
        Self::ids(id.family(), id.counter(), id.counter() + 1)
    }

    /// All elements of all ids of a segment.
    pub fn segment(segment: Segment) -> Self {
        Self::ids(segment.family(), segment.first_counter(), segment.end_counter())
    }

    /// All elements of a data family.
    pub fn family(family: DataFamily) -> Self {
        Self::ids(family, 0, 1 << COUNTER_BITS)
    }

    /// All meta records of a keyspace.
    ///
    /// The end is the bare 4-byte number of the next keyspace. A meta key has at least 5 bytes, so
    /// none equals it; and as no keyspace number is all ones, there is a next number.
    pub fn keyspace(keyspace: KeyspaceNo) -> Self {
        Self { start: MetaKey::prefix(keyspace).to_vec(), end: keyspace.get().saturating_add(1).to_be_bytes().to_vec() }
    }

    /// All meta records of the keyspaces from `first` to `last`, both included.
    pub fn keyspaces(first: KeyspaceNo, last: KeyspaceNo) -> Self {
        Self { end: Self::keyspace(last).end, ..Self::keyspace(first) }
    }

    /// All meta records of one hash slot of a keyspace, in a store with the cluster layout.
    ///
    /// The end is the next slot, bare. Only the empty user key could make that a stored key, and
    /// the empty key's slot is 0, which is next to no slot.
    pub fn slot(keyspace: KeyspaceNo, slot: u16) -> Self {
        let mut start = MetaKey::prefix(keyspace).to_vec();
        start.extend_from_slice(&slot.to_be_bytes());
        // The prefix is never all ones, as the keyspace number is not.
        let end = prefix_end(&start).unwrap_or_default();
        Self { start, end }
    }

    /// All entries of the `expire` family whose time is at or below `time`.
    ///
    /// The end is the bare 8 bytes of the next millisecond. An expire key has at least 12 bytes, so
    /// none equals it; and as no time is all ones, there is a next millisecond.
    pub fn expired_through(time: UnixMillis) -> Self {
        Self { start: Vec::new(), end: time.get().saturating_add(1).to_be_bytes().to_vec() }
    }
}

/// The least byte string above every string that begins with `prefix`: the upper bound of an
/// iterator over a prefix. None when there is no such string: the prefix is empty or all ones.
///
/// Unlike the end of a [`KeyRange`], it may be a stored key: use it for reading only.
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}
