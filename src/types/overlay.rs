//! What a transaction has changed and not committed yet, over what the database holds.
//!
//! May use the plan. Invariants: nothing here is on disk, but chunks of large builds that nothing links; a collection that
//! was born here lies under a placeholder, an id that no family hands out and that no commit writes; of the members of a
//! set and the scores of a sorted set, what is put here is not in the database, and what is deleted here is.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::encoding::{
    Body, CollectionId, DataFamily, DataType, ElementKey, Habit, KeyspaceNo, LifetimeClass, MAX_COUNTER, Meta, Tag,
    UnixMillis,
};
use crate::error::{Error, Result};
use crate::types::{Before, Change, Home, Lot, NewRecord, Pending};

/// A key that a transaction may touch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Declared {
    pub(crate) keyspace: KeyspaceNo,
    pub(crate) key: Box<[u8]>,
}

/// The records and elements of a transaction, as changed so far.
#[derive(Clone, Debug)]
pub(crate) struct Overlay {
    /// In order.
    keys: Arc<[Declared]>,
    /// One for each key; `None` if it is as the database says, and nobody has asked to change it.
    records: Vec<Option<Record>>,
    elements: BTreeMap<CollectionId, Arc<Changes>>,
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
    tails: Pending,
    bytes: usize,
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
        let records = vec![None; keys.len()];
        Self { keys, records, elements: BTreeMap::new(), bytes: 0, placeholders: 0 }
    }

    /// Returns the place of a declared key, and refuses every other.
    pub(crate) fn slot(&self, keyspace: KeyspaceNo, key: &[u8]) -> Result<usize> {
        let found = self.keys.binary_search_by(|declared| (declared.keyspace, &*declared.key).cmp(&(keyspace, key)));
        found.map_err(|_| undeclared())
    }

    /// Returns what a key is, if that is known here.
    pub(crate) fn record(&self, slot: usize) -> Option<&Before> {
        self.records.get(slot)?.as_ref().map(|record| &record.current)
    }

    /// Notes what a key is in the database.
    pub(crate) fn note(&mut self, slot: usize, before: &Before) {
        if let Some(place) = self.records.get_mut(slot) {
            *place = Some(Record { original: before.clone(), current: before.clone() });
        }
    }

    /// Returns when a key expired that the database still had a record of when the transaction first asked for it.
    pub(crate) fn expired_before(&self, slot: usize) -> Option<UnixMillis> {
        match self.records.get(slot)?.as_ref()?.original {
            Before::Expired(at) => Some(at),
            Before::Absent | Before::Live(_) => None,
        }
    }

    /// Returns what is changed of a collection.
    pub(crate) fn changes(&self, id: CollectionId) -> Option<&Arc<Changes>> {
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
                self.elements.insert(id, Arc::new(Changes { lot: Some(lot), ..Changes::default() }));
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
        let record = self.records.get_mut(slot)?.as_mut()?;
        let old = std::mem::replace(&mut record.current, current);
        self.bytes = self.bytes.saturating_sub(record_bytes(&old)).saturating_add(record_bytes(&record.current));
        live(&old).and_then(Meta::id)
    }

    fn merge(&mut self, id: CollectionId, elements: Pending) {
        if elements.is_empty() {
            return;
        }
        let changes = Arc::make_mut(self.elements.entry(id).or_default());
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
            self.records.iter().flatten().filter_map(|record| live(&record.current)?.id()).collect();
        let records = std::mem::take(&mut self.records);
        let known = records.into_iter().enumerate().filter_map(|(slot, record)| Some((slot, record?)));
        let net = known.filter_map(|(slot, Record { original, current })| {
            let (change, elements) = match current {
                Before::Live(new) => self.net_of(&original, new)?,
                Before::Absent | Before::Expired(_) => {
                    let id = live(&original)?.id();
                    let lives_on = id.is_some_and(|id| linked.contains(&id));
                    (if lives_on { Change::MoveAway } else { Change::Remove }, Pending::new())
                }
            };
            Some(Net { slot, before: original, change, elements })
        });
        net.collect()
    }

    /// What a living key comes to; nothing if it is as it was.
    fn net_of(&mut self, original: &Before, new: Meta) -> Option<(Change, Pending)> {
        let changes = new.id().and_then(|id| self.elements.remove(&id)).map(Arc::unwrap_or_clone);
        let Changes { lot, tails, .. } = changes.unwrap_or_default();
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
    pub(crate) fn tails(&self) -> &Pending {
        &self.tails
    }

    /// Finds an element.
    pub(crate) fn find(&self, key: &ElementKey<'_>) -> Known<'_> {
        match self.tails.get(&key.encode_tail()) {
            Some(Some(value)) => Known::Put(value),
            Some(None) => Known::Deleted,
            None if self.is_whole() => Known::Deleted,
            None => Known::Unchanged,
        }
    }

    fn set(&mut self, tail: Vec<u8>, value: Option<Bytes>) {
        let has_no_value = [Tag::SortedScore, Tag::SetMember].iter().any(|tag| tail.first() == Some(&tag.byte()));
        let old = self.tails.remove(&tail);
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

/// The refusal of a key that a transaction did not declare. WHY not the key: it may be long, or secret.
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
