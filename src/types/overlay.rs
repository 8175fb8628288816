//! What a transaction has changed and not committed yet, over what the database holds.
//!
//! May use the plan. Invariants: nothing here is on disk, but chunks of large builds that nothing links; a collection that
//! was born here lies under a placeholder, an id that no family hands out and that no commit writes; of the members of a
//! set and the scores of a sorted set, what is put here is not in the database, and what is deleted here is.

use std::collections::HashSet;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use crate::encoding::{
    Body, CollectionId, DataFamily, DataType, ElementKey, Habit, KeyspaceNo, LifetimeClass, MAX_COUNTER, Meta, Tag,
    UnixMillis,
};
use crate::error::{Error, Result, shown};
use crate::types::gone::Gone;
use crate::types::shared_tree::SharedTree;
use crate::types::{Before, Change, Home, Lot, NewRecord, Pending, TailRange};

/// A key that a transaction may touch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Declared {
    pub(crate) keyspace: KeyspaceNo,
    pub(crate) key: Box<[u8]>,
}

/// The records and elements of a transaction, as changed so far. A copy costs nothing, and its first changes the way to them.
#[derive(Clone, Debug)]
pub(crate) struct Overlay {
    /// In order.
    keys: Arc<[Declared]>,
    /// By the places of their keys; none if it is as the database says, and nobody has asked to change it.
    records: SharedTree<usize, Record>,
    elements: SharedTree<CollectionId, Changes>,
    /// Memory of what is changed, about.
    bytes: usize,
    placeholders: u64,
}

#[derive(Clone, Debug)]
struct Record {
    original: Before,
    current: Before,
}

/// The changed elements of one collection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// Where the collection will lie if it was born here, and so has nothing in the database.
    lot: Option<Lot>,
    tails: SharedTree<Vec<u8>, Option<Bytes>>,
    bytes: usize,
    gone: Gone,
}

/// What is known here of one element.
pub(crate) enum Known<'c> {
    Put(&'c Bytes),
    Deleted,
    /// It is as the database says.
    Unchanged,
}

/// What an operation planned for one key.
pub(crate) struct Planned {
    pub(crate) slot: usize,
    pub(crate) change: Change,
    pub(crate) elements: Pending,
}

/// What becomes of one key by all that was planned for it.
pub(crate) struct Net {
    pub(crate) slot: usize,
    pub(crate) before: Before,
    pub(crate) change: Change,
    pub(crate) elements: Pending,
}

impl Overlay {
    /// Begins over these keys, which are different and in order.
    pub(crate) fn new(keys: Arc<[Declared]>) -> Self {
        Self { keys, records: SharedTree::default(), elements: SharedTree::default(), bytes: 0, placeholders: 0 }
    }

    /// Returns the place of a declared key, and refuses every other.
    pub(crate) fn slot(&self, keyspace: KeyspaceNo, key: &[u8]) -> Result<usize> {
        let found = self.keys.binary_search_by(|declared| (declared.keyspace, &*declared.key).cmp(&(keyspace, key)));
        found.map_err(|_| Error::invalid(format!("the transaction did not declare the key {}", shown(key))))
    }

    /// Returns what a key is, if that is known here.
    pub(crate) fn record(&self, slot: usize) -> Option<&Before> {
        self.records.get(&slot).map(|record| &record.current)
    }

    /// Notes what a key is in the database.
    pub(crate) fn note(&mut self, slot: usize, before: &Before) {
        self.records.insert(slot, Record { original: before.clone(), current: before.clone() });
    }

    /// Returns when a key expired that the database still had a record of when the transaction first asked for it.
    pub(crate) fn expired_before(&self, slot: usize) -> Option<UnixMillis> {
        match self.records.get(&slot)?.original {
            Before::Expired(at) => Some(at),
            Before::Absent | Before::Live(_) => None,
        }
    }

    /// Returns what is changed of a collection.
    pub(crate) fn changes(&self, id: CollectionId) -> Option<&Changes> {
        self.elements.get(&id)
    }

    /// Takes over what one operation planned for keys whose records are noted: all of it, or nothing.
    pub(crate) fn apply(&mut self, planned: Vec<Planned>, now: UnixMillis, most_bytes: usize) -> Result<()> {
        let (added, freed) = planned.iter().fold((0_usize, 0_usize), |(added, freed), planned| {
            (added.saturating_add(bytes_of(planned)), freed.saturating_add(self.freed_by(planned)))
        });
        let bytes = self.bytes.saturating_add(added).saturating_sub(freed);
        if bytes > most_bytes {
            let wide = |bytes| u64::try_from(bytes).unwrap_or(u64::MAX);
            let option = "max_value_bytes and max_commit_bytes together";
            return Err(Error::too_large("what the transaction changes", wide(bytes), option, wide(most_bytes)));
        }
        for Planned { slot, change, elements } in planned {
            match change {
                Change::Nothing => {}
                Change::Elements(id) => self.merge(id, elements),
                Change::Remove => self.unlink(slot, true),
                Change::MoveAway => self.unlink(slot, false),
                // A write whose expiry is not above its sample is a delete.
                Change::Put(record) if record.expires_at.is_some_and(|time| time <= now) => self.unlink(slot, true),
                Change::Put(record) => self.put(slot, record, elements, now)?,
            }
        }
        Ok(())
    }

    /// Takes a key's record away, and what is changed of its collection if that goes with it.
    fn unlink(&mut self, slot: usize, drops_elements: bool) {
        let old = self.set(slot, Before::Absent);
        if drops_elements && let Some(id) = old {
            self.drop_changes(id);
        }
    }

    fn put(&mut self, slot: usize, record: NewRecord, elements: Pending, now: UnixMillis) -> Result<()> {
        let body = match record.home {
            Home::NewId { lot, head } => {
                let id = self.placeholder(lot, record.expires_at, now)?;
                self.elements.insert(id, Changes { lot: Some(lot), ..Changes::default() });
                match record.data_type {
                    DataType::List => Body::List { id, head },
                    _ => Body::Elements(id),
                }
            }
            Home::Known(body) => body,
        };
        let id = body.id();
        if let Some(id) = id {
            self.merge(id, elements);
        }
        let meta = Meta {
            data_type: record.data_type,
            body,
            created_at: record.created_at,
            updated_at: now,
            expires_at: record.expires_at,
            size: record.size,
        };
        let old = self.set(slot, Before::Live(meta));
        if let Some(old) = old
            && Some(old) != id
        {
            self.drop_changes(old);
        }
        Ok(())
    }

    /// Takes an id from the end of those that a family will ever have: nothing is written under it.
    fn placeholder(&mut self, lot: Lot, expires_at: Option<UnixMillis>, now: UnixMillis) -> Result<CollectionId> {
        let lifetime = || LifetimeClass::for_ttl(expires_at.map(|time| time.saturating_since(now)));
        let family = DataFamily::for_birth(lot.class.unwrap_or_else(lifetime), lot.habit.unwrap_or(Habit::Growing));
        let id = CollectionId::new(family, MAX_COUNTER.saturating_sub(self.placeholders));
        self.placeholders += 1;
        id.ok_or_else(Error::overflow)
    }

    /// Sets what a key is; returns the id that it had.
    fn set(&mut self, slot: usize, current: Before) -> Option<CollectionId> {
        let record = self.records.get_mut(&slot)?;
        let old = std::mem::replace(&mut record.current, current);
        self.bytes = self.bytes.saturating_sub(record_bytes(&old)).saturating_add(record_bytes(&record.current));
        live(&old).and_then(Meta::id)
    }

    fn merge(&mut self, id: CollectionId, elements: Pending) {
        if elements.is_empty() {
            return;
        }
        if self.elements.get(&id).is_none() {
            self.elements.insert(id, Changes::default());
        }
        let Some(changes) = self.elements.get_mut(&id) else { return };
        changes.gone.detach();
        let before = changes.bytes;
        elements.into_iter().for_each(|(tail, value)| changes.set(tail, value));
        self.bytes = self.bytes.saturating_sub(before).saturating_add(changes.bytes);
    }

    fn drop_changes(&mut self, id: CollectionId) {
        if let Some(changes) = self.elements.remove(&id) {
            self.bytes = self.bytes.saturating_sub(changes.bytes);
        }
    }

    /// What is not needed any more once this is done.
    fn freed_by(&self, planned: &Planned) -> usize {
        let keeps = match &planned.change {
            Change::Nothing | Change::Elements(_) => return 0,
            Change::MoveAway => return self.record(planned.slot).map_or(0, record_bytes),
            Change::Put(NewRecord { home: Home::Known(body), .. }) => body.id(),
            Change::Put(_) | Change::Remove => None,
        };
        let Some(old) = self.record(planned.slot) else { return 0 };
        let dropped = live(old).and_then(Meta::id).filter(|id| Some(*id) != keeps);
        let elements = dropped.and_then(|id| self.elements.get(&id)).map_or(0, |changes| changes.bytes);
        record_bytes(old).saturating_add(elements)
    }

    /// Says what all of it comes to, key by key. A collection that was born here is without an id again.
    pub(crate) fn into_net(mut self) -> Vec<Net> {
        let linked: HashSet<CollectionId> =
            self.records.iter().filter_map(|(_, record)| live(&record.current)?.id()).collect();
        let mut net = Vec::new();
        let records = std::mem::take(&mut self.records);
        for (slot, record) in records.iter() {
            net.extend(self.net(*slot, record.clone(), &linked));
        }
        net
    }

    fn net(&mut self, slot: usize, record: Record, linked: &HashSet<CollectionId>) -> Option<Net> {
        let Record { original, current } = record;
        let (change, elements) = match current {
            Before::Live(new) => self.net_of(&original, new)?,
            Before::Absent | Before::Expired(_) => {
                let id = live(&original)?.id();
                let lives_on = id.is_some_and(|id| linked.contains(&id));
                (if lives_on { Change::MoveAway } else { Change::Remove }, Pending::new())
            }
        };
        Some(Net { slot, before: original, change, elements })
    }

    /// What a living key comes to; nothing if it is as it was.
    fn net_of(&mut self, original: &Before, new: Meta) -> Option<(Change, Pending)> {
        let Changes { lot, tails: changed, .. } = new.id().and_then(|id| self.elements.remove(&id)).unwrap_or_default();
        let tails: Pending = changed.iter().map(|(tail, value)| (tail.clone(), value.clone())).collect();
        if live(original).is_some_and(|old| is_same(old, &new)) {
            let id = new.id().filter(|_| !tails.is_empty())?;
            return Some((Change::Elements(id), tails));
        }
        let home = match (lot, new.body) {
            (Some(lot), Body::List { head, .. }) => Home::NewId { lot, head },
            (Some(lot), _) => Home::NewId { lot, head: 0 },
            (None, body) => Home::Known(body),
        };
        let record = NewRecord {
            data_type: new.data_type,
            home,
            created_at: new.created_at,
            expires_at: new.expires_at,
            size: new.size,
        };
        Some((Change::Put(record), tails))
    }
}

impl Changes {
    /// Tells whether all of the collection is here.
    pub(crate) fn is_whole(&self) -> bool {
        self.lot.is_some()
    }

    /// All that is changed, by tails.
    pub(crate) fn tails(&self) -> &SharedTree<Vec<u8>, Option<Bytes>> {
        &self.tails
    }

    /// Where nothing is left, as far as walks have found out.
    pub(crate) fn gone(&self) -> &Gone {
        &self.gone
    }

    /// Widens a range that holds all elements of a kind in the database, so that it holds all that the transaction sees.
    pub(crate) fn widen(&self, range: TailRange, tag: Tag) -> TailRange {
        let all = TailRange::all(tag);
        let first = self.tails.first_from(Bound::Included(all.lower.as_slice()));
        let last = self.tails.last_until(Bound::Excluded(all.upper.as_slice()));
        match first.zip(last) {
            Some(((first, _), (last, _))) if all.contains(first) => {
                let behind_last = [last, &[0][..]].concat();
                TailRange { lower: range.lower.min(first.clone()), upper: range.upper.max(behind_last) }
            }
            _ => range,
        }
    }

    /// Finds an element.
    pub(crate) fn find(&self, key: &ElementKey<'_>) -> Known<'_> {
        match self.tails.get(key.encode_tail().as_slice()) {
            Some(Some(value)) => Known::Put(value),
            Some(None) => Known::Deleted,
            None if self.is_whole() => Known::Deleted,
            None => Known::Unchanged,
        }
    }

    fn set(&mut self, tail: Vec<u8>, value: Option<Bytes>) {
        let has_no_value = [Tag::SortedScore, Tag::SetMember].iter().any(|tag| tail.first() == Some(&tag.byte()));
        let old = self.tails.remove(tail.as_slice());
        if value.is_some() {
            self.gone.comes(&tail);
        }
        if let Some(old) = &old {
            self.bytes = self.bytes.saturating_sub(element_bytes(&tail, old.as_ref()));
        }
        let is_undone = match (&value, &old) {
            (None, _) if self.is_whole() => true,
            // INVARIANT: scores and members of sets come only where there are none, and go only where there are some. So what
            // goes again was not there before, and what comes again was: whoever counts elements must not count it.
            (None, Some(Some(_))) | (Some(_), Some(None)) => has_no_value,
            _ => false,
        };
        if !is_undone {
            self.bytes = self.bytes.saturating_add(element_bytes(&tail, value.as_ref()));
            self.tails.insert(tail, value);
        }
    }
}

/// The refusal of something that a transaction did not declare.
pub(crate) fn undeclared() -> Error {
    Error::invalid("the transaction did not declare this key")
}

fn live(record: &Before) -> Option<&Meta> {
    match record {
        Before::Live(meta) => Some(meta),
        Before::Absent | Before::Expired(_) => None,
    }
}

/// Tells whether two records say the same, whenever they were written.
fn is_same(old: &Meta, new: &Meta) -> bool {
    old.data_type == new.data_type
        && old.body == new.body
        && old.created_at == new.created_at
        && old.expires_at == new.expires_at
        && old.size == new.size
}

fn bytes_of(planned: &Planned) -> usize {
    let body = match &planned.change {
        Change::Put(NewRecord { home: Home::Known(body), .. }) => body_bytes(body),
        _ => 0,
    };
    let elements = planned.elements.iter().map(|(tail, value)| element_bytes(tail, value.as_ref()));
    elements.fold(body, usize::saturating_add)
}

fn record_bytes(record: &Before) -> usize {
    live(record).map_or(0, |meta| body_bytes(&meta.body))
}

fn body_bytes(body: &Body) -> usize {
    match body {
        Body::Inline(bytes) | Body::Packed(bytes) => bytes.len(),
        Body::Elements(_) | Body::List { .. } => 0,
    }
}

fn element_bytes(tail: &[u8], value: Option<&Bytes>) -> usize {
    tail.len() + value.map_or(0, Bytes::len)
}
