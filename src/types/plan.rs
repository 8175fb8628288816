//! What an operation wants to change about one key, before anything is written.
//!
//! May use `encoding` and `store` (for reading). Invariant: planning changes nothing that anybody
//! sees; only chunks of a large build, which nothing links yet, go to disk early ([`Builder`]). The engine turns plans
//! into one commit and is the only place that buries, counts and files expiries.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::encoding::{Body, CollectionId, DataType, ElementKey, Habit, KeyspaceNo, LifetimeClass, Meta, UnixMillis};
use crate::error::{Error, Result};
use crate::types::{EventKind, Notes, Reader};

/// What the key was when the operation began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// There is no record.
    Absent,
    /// There is a record that expired at this time; its entry, burial and count belong to the reaper alone.
    Expired(UnixMillis),
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
    /// Elements under an id change; the record stays as it is.
    Elements(CollectionId),
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
    NewId {
        lot: Lot,
        /// The index of a list's first item.
        head: u64,
    },
}

/// What is said of the data family of a new collection. The rest is chosen at the commit: the class by the expiry, if there
/// is one, and else by what keys like it usually do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lot {
    pub(crate) class: Option<LifetimeClass>,
    pub(crate) habit: Option<Habit>,
}

impl Lot {
    /// Of this habit, or of the one that is foreseen.
    pub(crate) fn with_habit(habit: Option<Habit>) -> Self {
        Self { class: None, habit }
    }
}

/// Where a collection under a new id comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It begins.
    Birth,
    /// The one before it moves to a longer-lived place.
    Promoted,
    /// The one before it goes on, written anew.
    Rewritten,
}

/// Changes of elements by their tails (what stands behind the id in their keys): the value to put, or `None` to
/// delete. In key order, so that the write buffer takes them in order.
pub(crate) type Pending = BTreeMap<Vec<u8>, Option<Bytes>>;

/// Takes the elements of a collection that is too large for one commit while it is planned.
///
/// Nothing links such a collection yet: a durable building record names it until the operation's commit does, and
/// whatever is not linked in the end is buried.
pub(crate) trait Builder {
    /// Takes an id for the collection of a key with this expiry; the keyspace is not there if it is still to be created.
    fn begin(
        &self,
        key: (Option<KeyspaceNo>, &[u8]),
        expires_at: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Result<CollectionId>;

    /// Commits elements under the id.
    fn write(&self, id: CollectionId, elements: Pending) -> Result<()>;
}

/// Limits that come from the store's options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) inline_expiring: usize,
    pub(crate) inline_lasting: usize,
    pub(crate) packed_expiring: usize,
    pub(crate) packed_lasting: usize,
    pub(crate) max_value: usize,
    /// A new collection with more elements than this is committed in several chunks.
    pub(crate) commit: usize,
}

impl Limits {
    /// Strings up to this many bytes lie in their records.
    pub(crate) fn inline(&self, expires_at: Option<UnixMillis>) -> usize {
        if expires_at.is_some() { self.inline_expiring } else { self.inline_lasting }
    }

    /// Collections up to this many packed bytes lie in their records.
    pub(crate) fn packed(&self, expires_at: Option<UnixMillis>) -> usize {
        if expires_at.is_some() { self.packed_expiring } else { self.packed_lasting }
    }
}

/// One key in an operation.
pub(crate) struct KeyPlan<'a> {
    /// `None` if it is still to be created.
    pub(crate) keyspace: Option<KeyspaceNo>,
    pub(crate) key: &'a [u8],
    pub(crate) now: UnixMillis,
    pub(crate) reader: &'a Reader,
    pub(crate) before: Before,
    pub(crate) limits: &'a Limits,
    pub(crate) builder: &'a dyn Builder,
    pub(crate) change: Change,
    pub(crate) elements: Pending,
    /// A collection that was built in several commits and is linked by this one.
    pub(crate) built: Option<CollectionId>,
    pub(crate) notes: Notes,
    /// What the new id is for, if there is one.
    pub(crate) origin: Origin,
}

/// What plans of one operation share.
#[derive(Clone, Copy)]
pub(crate) struct PlanContext<'a> {
    pub(crate) now: UnixMillis,
    pub(crate) reader: &'a Reader,
    pub(crate) limits: &'a Limits,
    pub(crate) builder: &'a dyn Builder,
    /// Whether anybody wants to know what happens.
    pub(crate) is_heard: bool,
}

impl<'a> KeyPlan<'a> {
    pub(crate) fn new(keyspace: Option<KeyspaceNo>, key: &'a [u8], context: PlanContext<'a>, before: Before) -> Self {
        let PlanContext { now, reader, limits, builder, is_heard } = context;
        Self {
            keyspace,
            key,
            now,
            reader,
            before,
            limits,
            builder,
            change: Change::Nothing,
            elements: Pending::new(),
            built: None,
            notes: Notes::new(is_heard),
            origin: Origin::Birth,
        }
    }

    /// Takes over what was planned before for the key; `built` are all collections that were built for that.
    pub(crate) fn take_over(&mut self, change: Change, elements: Pending, built: &BTreeSet<CollectionId>) {
        if let Change::Put(NewRecord { home: Home::Known(body), .. }) = &change {
            self.built = body.id().filter(|id| built.contains(id));
        }
        self.change = change;
        self.elements = elements;
    }

    /// Notes what happens to the key, for whoever wants to know.
    #[inline]
    pub(crate) fn note(&mut self, kind: EventKind) {
        self.notes.add(kind);
    }

    /// Hands out what happens to the key by what is planned.
    pub(crate) fn take_notes(&mut self) -> Vec<EventKind> {
        self.notes.complete(&self.before, &self.change, self.now)
    }

    /// Tells whether there is anything to commit.
    pub(crate) fn changes_something(&self) -> bool {
        match &self.change {
            Change::Nothing => false,
            // What is born dead in place of nothing is nothing.
            Change::Put(record) if self.built.is_none() && self.live().is_none() => {
                record.expires_at.is_none_or(|expires_at| expires_at > self.now)
            }
            Change::Put(_) | Change::Remove | Change::MoveAway | Change::Elements(_) => true,
        }
    }

    /// Returns the record of the living key.
    pub(crate) fn live(&self) -> Option<&Meta> {
        match &self.before {
            Before::Live(meta) => Some(meta),
            Before::Absent | Before::Expired(_) => None,
        }
    }

    /// Returns the id of the living collection, if what the database holds under it is what the operation sees: a
    /// transaction has changed none of it.
    pub(crate) fn committed_id(&self) -> Option<CollectionId> {
        self.live().and_then(Meta::id).filter(|id| self.reader.changes(*id).is_none())
    }

    /// Returns the record of the living key, refusing another data type.
    pub(crate) fn live_as(&self, data_type: DataType) -> Result<Option<&Meta>> {
        match self.live() {
            Some(meta) if meta.data_type != data_type => Err(Error::wrong_type(meta.data_type, data_type)),
            found => Ok(found),
        }
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
        self.elements.insert(key.encode_tail(), Some(value));
    }
}

/// Returns the id of a living collection, which every body has that does not lie in the record itself.
pub(crate) fn id_of(meta: &Meta) -> Result<CollectionId> {
    meta.id().ok_or_else(|| Error::corrupt("a collection's record names no id"))
}
