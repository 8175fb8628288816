//! What an operation wants to change about one key, before anything is written.
//!
//! May use `encoding` and `store` (for reading). Invariant: planning writes nothing. The engine turns plans
//! into one commit and is the only place that buries, counts and files expiries.

use bytes::Bytes;

use crate::encoding::{Body, CollectionId, DataType, ElementKey, Habit, Meta, UnixMillis};
use crate::error::{Error, Result};
use crate::types::Reader;

/// What the key was when the operation began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// There is no record.
    Absent,
    /// There is a record that expired; its entry, burial and count belong to the reaper alone.
    Expired,
    /// The key lives.
    Live(Meta),
}

/// What becomes of the key's record.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// Everything stays as it is.
    Nothing,
    /// The key goes, and its collection is buried.
    Remove,
    /// The key goes; its collection lives on under another key.
    MoveAway,
    /// The record is written.
    Put(NewRecord),
}

/// A record to write.
#[derive(Clone, Debug)]
pub(crate) struct NewRecord {
    pub(crate) data_type: DataType,
    pub(crate) home: Home,
    pub(crate) created_at: UnixMillis,
    pub(crate) expires_at: Option<UnixMillis>,
    pub(crate) size: u64,
}

/// Where the value lies.
#[derive(Clone, Debug)]
pub(crate) enum Home {
    /// As the record says already, or inline.
    Known(Body),
    /// Under an id that the commit takes as its last step.
    NewId(Habit),
}

/// A change of one element.
#[derive(Clone, Debug)]
pub(crate) struct ElementChange {
    /// The element's key, with room for the id in its first eight bytes.
    unplaced_key: Vec<u8>,
    /// The value to put, or `None` to delete.
    pub(crate) value: Option<Bytes>,
}

impl ElementChange {
    fn new(key: &ElementKey<'_>, value: Option<Bytes>) -> Self {
        Self { unplaced_key: key.encode(PLACEHOLDER), value }
    }

    /// Returns the element's key under `id`.
    pub(crate) fn key_under(&mut self, id: CollectionId) -> &[u8] {
        if let Some(room) = self.unplaced_key.first_chunk_mut::<8>() {
            *room = id.to_be_bytes();
        }
        &self.unplaced_key
    }
}

/// Stands in a planned key where the id will be. WHY: the id is taken last, when the keys exist already.
const PLACEHOLDER: CollectionId = match CollectionId::from_raw(1) {
    Ok(id) => id,
    Err(_) => panic!("counter 1 of family 0 is an id"),
};

/// One key in an operation.
pub(crate) struct KeyPlan<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) now: UnixMillis,
    pub(crate) reader: &'a Reader,
    pub(crate) before: Before,
    pub(crate) change: Change,
    pub(crate) elements: Vec<ElementChange>,
}

impl<'a> KeyPlan<'a> {
    pub(crate) fn new(key: &'a [u8], now: UnixMillis, reader: &'a Reader, before: Before) -> Self {
        Self { key, now, reader, before, change: Change::Nothing, elements: Vec::new() }
    }

    /// Returns the record of the living key.
    pub(crate) fn live(&self) -> Option<&Meta> {
        match &self.before {
            Before::Live(meta) => Some(meta),
            Before::Absent | Before::Expired => None,
        }
    }

    /// Returns the record of the living key, refusing another data type.
    pub(crate) fn live_as(&self, data_type: DataType) -> Result<Option<&Meta>> {
        match self.live() {
            Some(meta) if meta.data_type != data_type => Err(Error::wrong_type()),
            found => Ok(found),
        }
    }

    /// Writes a record for a key that did not live, or in place of what it was.
    pub(crate) fn create(&mut self, data_type: DataType, home: Home, expires_at: Option<UnixMillis>, size: u64) {
        let created_at = self.now;
        self.change = Change::Put(NewRecord { data_type, home, created_at, expires_at, size });
    }

    /// Writes the living record again with another size, expiry or inline body.
    pub(crate) fn rewrite(&mut self, meta: &Meta, body: Body, expires_at: Option<UnixMillis>, size: u64) {
        self.change = Change::Put(NewRecord {
            data_type: meta.data_type,
            home: Home::Known(body),
            created_at: meta.created_at,
            expires_at,
            size,
        });
    }

    /// Puts an element under the key's id.
    pub(crate) fn put_element(&mut self, key: &ElementKey<'_>, value: Bytes) {
        self.elements.push(ElementChange::new(key, Some(value)));
    }

    /// Deletes an element under the key's id.
    pub(crate) fn delete_element(&mut self, key: &ElementKey<'_>) {
        self.elements.push(ElementChange::new(key, None));
    }
}

/// Returns the id of a living collection, which every body has that does not lie in the record itself.
pub(crate) fn id_of(meta: &Meta) -> Result<CollectionId> {
    meta.id().ok_or_else(|| Error::corrupt("a collection's record names no id"))
}
