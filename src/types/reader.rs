//! Reads records and elements, from the present or from a snapshot.
//!
//! May use `store` and `encoding`. Invariant: whoever holds a [`Reader`] holds a pin for at least as long, so
//! that what a record names is still there when it is read.

use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;

use crate::encoding::{
    CollectionId, ElementKey, KeyLayout, KeyRange, KeyspaceNo, Meta, MetaKey, UnixMillis, prefix_end,
};
use crate::error::Result;
use crate::expire::is_expired;
use crate::store::{Cursor, Database, Family, Scan, Snapshot};
use crate::types::overlay::{Changes, Known, Overlay};
use crate::types::{Before, TailRange};

/// Reads the store's records.
#[derive(Clone)]
pub(crate) struct Reader {
    db: Arc<Database>,
    layout: KeyLayout,
    snapshot: Option<Arc<Snapshot>>,
    /// What a transaction has changed over it.
    overlay: Option<Arc<Overlay>>,
}

impl Reader {
    /// Reads what is committed at the time of each call, or what `snapshot` shows.
    pub(crate) fn new(db: &Arc<Database>, layout: KeyLayout, snapshot: Option<Arc<Snapshot>>) -> Self {
        Self { db: Arc::clone(db), layout, snapshot, overlay: None }
    }

    /// Reads the same with a transaction's changes over it, and only the keys that this declared.
    pub(crate) fn under(self, overlay: Arc<Overlay>) -> Self {
        Self { overlay: Some(overlay), ..self }
    }

    /// Reads what `snapshot` shows, under the same changes.
    pub(crate) fn at(&self, snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot: Some(snapshot), ..self.clone() }
    }

    /// Returns what the transaction has changed of a collection.
    pub(crate) fn changes(&self, id: CollectionId) -> Option<&Changes> {
        self.overlay.as_ref()?.changes(id)
    }

    /// Reads what the key is for an operation whose time is `now`.
    pub(crate) fn before(&self, keyspace: KeyspaceNo, key: &[u8], now: UnixMillis) -> Result<Before> {
        if let Some(overlay) = &self.overlay
            && let Some(known) = overlay.record(overlay.slot(keyspace, key)?)
        {
            return Ok(known.clone());
        }
        let key = MetaKey::encode(self.layout, keyspace, key);
        let found = self.db.get_with(Family::Meta, &key, self.snapshot.as_deref(), Meta::decode)?;
        Ok(before_of(found.transpose()?, now))
    }

    /// Reads, in one look-up, what several keys are, in the order of the keys.
    pub(crate) fn before_many<K: AsRef<[u8]>>(
        &self,
        keyspace: KeyspaceNo,
        keys: &[K],
        now: UnixMillis,
    ) -> Result<Vec<Before>> {
        let keys: Vec<_> = keys.iter().map(|key| MetaKey::encode(self.layout, keyspace, key.as_ref())).collect();
        let found = self.db.get_many_with(Family::Meta, &keys, self.snapshot.as_deref(), Meta::decode)?;
        found.into_iter().map(|meta| Ok(before_of(meta.transpose()?, now))).collect()
    }

    /// Reads, in one look-up, the records of those of several keys that live at `now`, in the order of the keys.
    pub(crate) fn live_many<K: AsRef<[u8]>>(
        &self,
        keyspace: KeyspaceNo,
        keys: &[K],
        now: UnixMillis,
    ) -> Result<Vec<Option<Meta>>> {
        if self.overlay.is_some() {
            return keys.iter().map(|key| self.live(keyspace, key.as_ref(), now)).collect();
        }
        let keys: Vec<_> = keys.iter().map(|key| MetaKey::encode(self.layout, keyspace, key.as_ref())).collect();
        let found = self.db.get_many_with(Family::Meta, &keys, self.snapshot.as_deref(), Meta::decode)?;
        found.into_iter().map(|meta| Ok(meta.transpose()?.filter(|meta| !is_expired(meta, now)))).collect()
    }

    /// Reads the record of a key that lives at `now`.
    pub(crate) fn live(&self, keyspace: KeyspaceNo, key: &[u8], now: UnixMillis) -> Result<Option<Meta>> {
        match self.before(keyspace, key, now)? {
            Before::Live(meta) => Ok(Some(meta)),
            Before::Absent | Before::Expired(_) => Ok(None),
        }
    }

    /// Reads an element's value.
    pub(crate) fn element(&self, id: CollectionId, key: &ElementKey<'_>) -> Result<Option<Bytes>> {
        match self.changes(id).map(|changes| changes.find(key)) {
            Some(Known::Put(value)) => return Ok(Some(value.clone())),
            Some(Known::Deleted) => return Ok(None),
            Some(Known::Unchanged) | None => {}
        }
        self.db.get_with(Family::Data(id.family()), &key.encode(id), self.snapshot.as_deref(), Bytes::copy_from_slice)
    }

    /// Looks at an element's value where it lies, without copying it.
    pub(crate) fn look_at<T>(
        &self,
        id: CollectionId,
        key: &ElementKey<'_>,
        look: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>> {
        match self.changes(id).map(|changes| changes.find(key)) {
            Some(Known::Put(value)) => return Ok(Some(look(value))),
            Some(Known::Deleted) => return Ok(None),
            Some(Known::Unchanged) | None => {}
        }
        self.db.get_with(Family::Data(id.family()), &key.encode(id), self.snapshot.as_deref(), look)
    }

    /// Tells whether an element exists.
    pub(crate) fn has_element(&self, id: CollectionId, key: &ElementKey<'_>) -> Result<bool> {
        match self.changes(id).map(|changes| changes.find(key)) {
            Some(Known::Put(_)) => return Ok(true),
            Some(Known::Deleted) => return Ok(false),
            Some(Known::Unchanged) | None => {}
        }
        let found = self.db.get_with(Family::Data(id.family()), &key.encode(id), self.snapshot.as_deref(), |_| ())?;
        Ok(found.is_some())
    }

    /// Walks over the elements in the database whose tails lie in `range`; `backwards` from the last one down. What a
    /// transaction has changed is not among them: only [`Elements::walk`](crate::types::Elements::walk) knows that, too.
    pub(crate) fn committed_elements(&self, id: CollectionId, range: &TailRange, backwards: bool) -> Cursor {
        let under = |tail: &[u8]| [&id.to_be_bytes(), tail].concat();
        let scan = Scan::between(under(&range.lower), Some(under(&range.upper)));
        let family = Family::Data(id.family());
        if backwards {
            Cursor::open_last(&self.db, family, scan, self.snapshot.clone())
        } else {
            Cursor::open(&self.db, family, scan, self.snapshot.clone())
        }
    }

    /// Walks over all elements of a collection, a list's from the index of its first item on. Fails where it would pass over
    /// more than `max_deleted` deleted entries.
    pub(crate) fn few_elements(&self, id: CollectionId, first_index: Option<u64>, max_deleted: u64) -> Cursor {
        let first = first_index.map(|index| ElementKey::ListItem(index).encode(id));
        let lower = first.unwrap_or_else(|| id.to_be_bytes().to_vec());
        let mut scan = Scan::between(lower, prefix_end(&id.to_be_bytes()));
        scan.max_deleted = Some(max_deleted);
        Cursor::open(&self.db, Family::Data(id.family()), scan, self.snapshot.clone())
    }

    /// Walks over the meta records of the keys that begin with `prefix`, in key order.
    /// In a store with the cluster layout the order is by slot first, and only the empty prefix is a range.
    pub(crate) fn records(&self, keyspace: KeyspaceNo, prefix: &[u8]) -> Cursor {
        self.records_behind(keyspace, prefix, None)
    }

    /// Walks as [`Reader::records`] does, over the records behind that of the key `last` only.
    ///
    /// WHY the walk begins behind `last`, and is not moved there: a seek to its first key would pass over all that the
    /// caller has deleted since.
    pub(crate) fn records_behind(&self, keyspace: KeyspaceNo, prefix: &[u8], last: Option<&[u8]>) -> Cursor {
        let mut lower = MetaKey::prefix(keyspace).to_vec();
        if self.layout == KeyLayout::Plain {
            lower.extend_from_slice(prefix);
        }
        let upper = prefix_end(&lower);
        if let Some(last) = last {
            lower = lower.max(self.key_behind(keyspace, last));
        }
        Cursor::open(&self.db, Family::Meta, Scan::between(lower, upper), self.snapshot.clone())
    }

    /// The smallest meta key behind that of a user key.
    fn key_behind(&self, keyspace: KeyspaceNo, user_key: &[u8]) -> Vec<u8> {
        let mut behind = MetaKey::encode(self.layout, keyspace, user_key);
        behind.push(0);
        behind
    }

    /// Walks over the meta records of some hash slots in a row, in key order, behind that of the key `last`: see
    /// [`Reader::records_behind`]. Only a store with the cluster layout knows slots.
    pub(crate) fn records_in_slots(
        &self,
        keyspace: KeyspaceNo,
        slots: &RangeInclusive<u16>,
        last: Option<&[u8]>,
    ) -> Cursor {
        let first = || KeyRange::slot(keyspace, *slots.start()).start().to_vec();
        let lower = last.map_or_else(first, |last| self.key_behind(keyspace, last));
        let upper = KeyRange::slot(keyspace, *slots.end()).end().to_vec();
        Cursor::open(&self.db, Family::Meta, Scan::between(lower, Some(upper)), self.snapshot.clone())
    }

    /// Reads the last key of a keyspace, as it is stored.
    pub(crate) fn last_record(&self, keyspace: KeyspaceNo) -> Result<Option<Vec<u8>>> {
        let lower = MetaKey::prefix(keyspace);
        let scan = Scan::between(lower, prefix_end(&lower));
        let cursor = Cursor::open_last(&self.db, Family::Meta, scan, self.snapshot.clone());
        Ok(cursor.entry()?.map(|(key, _)| key.to_vec()))
    }

    /// Returns how user keys are laid out in meta keys.
    pub(crate) fn layout(&self) -> KeyLayout {
        self.layout
    }
}

/// What a key with this record is at `now`.
fn before_of(record: Option<Meta>, now: UnixMillis) -> Before {
    match record {
        None => Before::Absent,
        Some(meta) => match meta.expires_at {
            Some(expires_at) if is_expired(&meta, now) => Before::Expired(expires_at),
            _ => Before::Live(meta),
        },
    }
}
