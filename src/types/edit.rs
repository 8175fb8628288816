//! Changes of one collection in the making, and where the changed collection will lie.
//!
//! May use the plan and the elements. Invariants: what was put or deleted here is seen by later questions to the
//! same edit; a collection without elements has no record; one that lies apart is packed again only if it begins
//! anew.

use bytes::Bytes;

use crate::encoding::{
    Body, CollectionId, DataType, ElementKey, Habit, LIST_MIDDLE, LifetimeClass, Meta, PackedEntry, Tag, UnixMillis,
    encode_packed, packed_entry_bytes,
};
use crate::error::{Error, Result};
use crate::types::elements::{Direction, Elements, TailRange, Tails, Walk};
use crate::types::{Change, Home, KeyPlan, Lot, NewRecord, Origin, Pending};

/// How a collection is born when an operation finds none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Birth {
    pub(crate) expires_at: Option<UnixMillis>,
    /// `None` if nobody said.
    pub(crate) habit: Option<Habit>,
}

/// One collection and what an operation changes about it.
pub(crate) struct Edit<'p, 'a> {
    plan: &'p mut KeyPlan<'a>,
    data_type: DataType,
    /// The record that the changes go on from; `None` for a collection that begins empty.
    old: Option<Meta>,
    elements: Elements<'a>,
    birth: Birth,
    /// The class of a collection that goes on under a new id.
    class: Option<LifetimeClass>,
    created_at: UnixMillis,
    size: u64,
    head: u64,
    pending_bytes: usize,
    /// The id under which a large new collection lies in part already.
    spilled: Option<CollectionId>,
}

impl<'a> KeyPlan<'a> {
    /// Goes on from the collection that the key holds, or begins an empty one. Refuses another data type.
    pub(crate) fn edit(&mut self, data_type: DataType, birth: Birth) -> Result<Edit<'_, 'a>> {
        let old = self.live_as(data_type)?.cloned();
        let elements = match &old {
            Some(meta) => Elements::of(self.reader, meta)?,
            None => Elements::none(self.reader),
        };
        let size = old.as_ref().map_or(0, |meta| meta.size);
        let head = old.as_ref().map_or(LIST_MIDDLE, head_of);
        let created_at = old.as_ref().map_or(self.now, |meta| meta.created_at);
        Ok(Edit {
            plan: self,
            data_type,
            old,
            elements,
            birth,
            class: None,
            created_at,
            size,
            head,
            pending_bytes: 0,
            spilled: None,
        })
    }

    /// Begins an empty collection in place of whatever the key holds.
    pub(crate) fn replace(&mut self, data_type: DataType, birth: Birth) -> Edit<'_, 'a> {
        let elements = Elements::none(self.reader);
        let created_at = self.now;
        Edit {
            plan: self,
            data_type,
            old: None,
            elements,
            birth,
            class: None,
            created_at,
            size: 0,
            head: LIST_MIDDLE,
            pending_bytes: 0,
            spilled: None,
        }
    }
}

/// The index of a list's first item.
pub(crate) fn head_of(meta: &Meta) -> u64 {
    match meta.body {
        Body::List { head, .. } => head,
        Body::Inline(_) | Body::Elements(_) | Body::Packed(_) => LIST_MIDDLE,
    }
}

impl Edit<'_, '_> {
    /// Begins the same collection again, empty, under an id that it takes at the end: it keeps its time of creation
    /// and its expiry, and what it held is buried as a whole. Walks that were opened before go on over that.
    pub(crate) fn begin_anew(&mut self) {
        if let Some(old) = self.old.take() {
            self.birth = Birth { expires_at: old.expires_at, habit: Some(Habit::Growing) };
            self.class = old.id().map(|id| class_anew(id.family().class(), &old, self.plan.now));
            self.plan.origin = if old.id().is_some() { Origin::Rewritten } else { Origin::Birth };
        }
        self.elements = Elements::none(self.plan.reader);
        self.plan.elements.clear();
        self.pending_bytes = 0;
        self.spilled = None;
        self.size = 0;
        self.head = LIST_MIDDLE;
    }

    /// Tells whether there was a collection to go on from.
    pub(crate) fn existed(&self) -> bool {
        self.old.is_some()
    }

    /// The time of the operation.
    pub(crate) fn now(&self) -> UnixMillis {
        self.plan.now
    }

    /// The number of elements, as changed so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// States the number of elements.
    pub(crate) fn set_size(&mut self, size: u64) {
        self.size = size;
    }

    /// Counts elements that were added.
    pub(crate) fn grow(&mut self, added: u64) -> Result<()> {
        self.size = self.size.checked_add(added).ok_or_else(Error::overflow)?;
        Ok(())
    }

    /// Counts elements that were removed.
    pub(crate) fn shrink(&mut self, removed: u64) -> Result<()> {
        let left = self.size.checked_sub(removed);
        self.size = left.ok_or_else(|| Error::corrupt("a collection holds more elements than its size"))?;
        Ok(())
    }

    /// The index of a list's first item.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Moves the index of a list's first item.
    pub(crate) fn set_head(&mut self, head: u64) {
        self.head = head;
    }

    /// Reads an element's value, as changed so far.
    pub(crate) fn get(&self, key: &ElementKey<'_>) -> Result<Option<Bytes>> {
        match self.pending(key) {
            Some(changed) => Ok(changed.clone()),
            None => self.elements.get(key),
        }
    }

    /// Tells whether an element exists, as changed so far.
    pub(crate) fn has(&self, key: &ElementKey<'_>) -> Result<bool> {
        match self.pending(key) {
            Some(changed) => Ok(changed.is_some()),
            None => self.elements.has(key),
        }
    }

    fn pending(&self, key: &ElementKey<'_>) -> Option<&Option<Bytes>> {
        if self.plan.elements.is_empty() { None } else { self.plan.elements.get(&key.encode_tail()) }
    }

    /// Opens a walk over the elements as they were before the operation.
    pub(crate) fn walk(&self, range: &TailRange, direction: Direction) -> Result<Walk> {
        self.elements.walk(range, direction)
    }

    /// The elements as they were before the operation.
    pub(crate) fn before(&self) -> &Elements<'_> {
        &self.elements
    }

    /// The lowest and the highest tail of this kind that is put or deleted so far, what is spilled aside.
    pub(crate) fn changed_ends(&self, tag: Tag) -> Option<(&[u8], &[u8])> {
        let TailRange { lower, upper } = TailRange::all(tag);
        let mut changed = self.plan.elements.range(lower..upper).map(|(tail, _)| tail);
        let lowest = changed.next()?;
        Some((lowest, changed.next_back().unwrap_or(lowest)))
    }

    /// Puts an element.
    pub(crate) fn put(&mut self, key: &ElementKey<'_>, value: Bytes) -> Result<()> {
        let tail = key.encode_tail();
        self.pending_bytes += tail.len() + value.len();
        self.plan.elements.insert(tail, Some(value));
        if self.pending_bytes > self.plan.limits.commit && self.old.is_none() {
            self.spill()?;
        }
        Ok(())
    }

    /// Deletes an element.
    pub(crate) fn delete(&mut self, key: &ElementKey<'_>) {
        self.plan.elements.insert(key.encode_tail(), None);
    }

    /// Puts an element that has no value and is not there. One that was there when the edit began, and was deleted since,
    /// just stays: so what is pending at the end is what really comes and goes.
    pub(crate) fn mark(&mut self, key: &ElementKey<'_>) -> Result<()> {
        match self.pending(key) {
            Some(None) => {
                self.plan.elements.remove(&key.encode_tail());
                Ok(())
            }
            _ => self.put(key, Bytes::new()),
        }
    }

    /// Deletes an element that has no value and is there. One that this edit put is just not written.
    pub(crate) fn unmark(&mut self, key: &ElementKey<'_>) {
        match self.pending(key) {
            Some(Some(_)) => {
                self.plan.elements.remove(&key.encode_tail());
            }
            _ => self.delete(key),
        }
    }

    /// Counts the different elements of one kind in a collection that began empty, and to which elements were only added.
    /// Costs a walk over those that went to disk.
    pub(crate) fn count_added(&mut self, tag: Tag) -> Result<u64> {
        let all = TailRange::all(tag);
        if self.spilled.is_none() {
            let TailRange { lower, upper } = all;
            return Ok(u64::try_from(self.plan.elements.range(lower..upper).count()).unwrap_or(u64::MAX));
        }
        if !self.plan.elements.is_empty() {
            self.spill()?;
        }
        self.elements.walk(&all, Direction::Ascending)?.skip(u64::MAX)
    }

    /// Writes what is pending of a large new collection under an id of its own.
    fn spill(&mut self) -> Result<()> {
        let id = match self.spilled {
            Some(id) => id,
            None => self.begin_build()?,
        };
        self.plan.builder.write(id, std::mem::take(&mut self.plan.elements))?;
        self.pending_bytes = 0;
        self.spilled = Some(id);
        self.elements = Elements::under(self.plan.reader, id);
        Ok(())
    }

    fn begin_build(&self) -> Result<CollectionId> {
        let plan = &self.plan;
        plan.builder.begin((plan.keyspace, plan.key), self.birth.expires_at, plan.now)
    }

    /// Ends the edit: decides what becomes of the record and where the elements lie.
    pub(crate) fn finish(mut self) -> Result<()> {
        if self.size == 0 {
            // What was spilled is buried by the builder, as nothing links it.
            self.plan.elements.clear();
            self.plan.change = if self.plan.live().is_some() { Change::Remove } else { Change::Nothing };
            return Ok(());
        }
        let kept = self.old.take();
        match (&kept, self.elements.id()) {
            (Some(old), Some(id)) => self.change_apart(old, id),
            (None, Some(id)) => self.link_built(id),
            (Some(old), None) if self.plan.elements.is_empty() && self.size == old.size => {}
            (_, None) => self.settle(kept.as_ref())?,
        }
        Ok(())
    }

    fn body_under(&self, id: CollectionId) -> Body {
        match self.data_type {
            DataType::List => Body::List { id, head: self.head },
            _ => Body::Elements(id),
        }
    }

    fn change_apart(&mut self, old: &Meta, id: CollectionId) {
        if self.size != old.size || self.head != head_of(old) {
            let body = self.body_under(id);
            self.plan.rewrite(old, body, old.expires_at, self.size);
        } else if !self.plan.elements.is_empty() {
            self.plan.change = Change::Elements(id);
        }
    }

    fn link_built(&mut self, id: CollectionId) {
        self.plan.change = Change::Put(NewRecord {
            data_type: self.data_type,
            home: Home::Known(self.body_under(id)),
            created_at: self.created_at,
            expires_at: self.birth.expires_at,
            size: self.size,
        });
        self.plan.built = Some(id);
    }

    /// Packs a small collection into its record, or gives a large one an id.
    fn settle(&mut self, packed: Option<&Meta>) -> Result<()> {
        let mut all = self.elements.unpacked()?;
        for (tail, value) in std::mem::take(&mut self.plan.elements) {
            match value {
                Some(value) => all.insert(tail, value),
                None => all.remove(&tail),
            };
        }
        let (expires_at, habit) = match packed {
            // It is written after its birth, so it grows.
            Some(old) => (old.expires_at, Some(Habit::Growing)),
            None => (self.birth.expires_at, self.birth.habit),
        };
        let limit = self.plan.limits.packed(expires_at);
        let home = match pack(self.data_type, &all, limit)? {
            Some(body) => Home::Known(Body::Packed(body.into())),
            None => {
                self.plan.elements = all.into_iter().map(|(tail, value)| (tail, Some(value))).collect::<Pending>();
                Home::NewId { lot: Lot { class: self.class, habit }, head: self.head }
            }
        };
        let (data_type, created_at) = (self.data_type, self.created_at);
        self.plan.change = Change::Put(NewRecord { data_type, home, created_at, expires_at, size: self.size });
        Ok(())
    }
}

/// Chooses the class of a collection that is written anew: that of its age or of what it has to live, and never a shorter-lived one
/// than before, so that nothing moves to and fro.
fn class_anew(before: LifetimeClass, old: &Meta, now: UnixMillis) -> LifetimeClass {
    let age = now.saturating_since(old.created_at);
    match old.expires_at {
        None if before == LifetimeClass::NONE => before,
        None => before.max(LifetimeClass::for_ttl(Some(age))),
        Some(expires_at) => before.max(LifetimeClass::for_ttl(Some(age.max(expires_at.saturating_since(now))))),
    }
}

/// Packs elements into at most `limit` bytes, `None` if they take more.
fn pack(data_type: DataType, all: &Tails, limit: usize) -> Result<Option<Vec<u8>>> {
    let mut entries = Vec::new();
    let mut bytes = 0_usize;
    for (tail, value) in all {
        let name: &[u8] = match ElementKey::decode_tail(tail)? {
            ElementKey::HashField(name) | ElementKey::SetMember(name) | ElementKey::SortedMember(name) => name,
            ElementKey::ListItem(_) => b"",
            // A score is packed with its member.
            ElementKey::SortedScore(..) => continue,
            ElementKey::StringPiece(_) => return Ok(None),
        };
        bytes = bytes.saturating_add(packed_entry_bytes(data_type, name.len(), value.len()));
        if bytes > limit {
            return Ok(None);
        }
        entries.push(PackedEntry { name, value });
    }
    Ok(Some(encode_packed(data_type, entries)))
}
