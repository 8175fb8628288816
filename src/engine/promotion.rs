//! Small collections that live longer than those they lie with are moved when they are written.
//!
//! May use the plans, the reader and the habits. Invariants: a move is part of the commit that writes the key: a new id of a
//! longer-lived class, all elements under it, the old id buried as when a value is overwritten; so whoever reads the old id
//! under a pin goes on reading it. Each move leads to a longer-lived class, so a collection is moved nine times at the most.
//!
//! WHY: a lease that is refreshed for a day lies among collections of a minute. Its file cannot be dropped while it lives, and is
//! rewritten for it.

use std::time::Duration;

use crate::encoding::{Body, CollectionId, DataType, Habit, LifetimeClass, Meta, UnixMillis};
use crate::engine::Engine;
use crate::error::Result;
use crate::types::{Change, Home, KeyPlan, Lot, NewRecord, Origin, Pending, head_of};

/// What has more elements is not moved. More: what a caller's write may cost beside itself. Fewer: more survivors stay for
/// the reclaimer, which rewrites their neighbours with them.
const MAX_ELEMENTS: u64 = 128;

/// What takes more bytes is not moved: two pages of the log, in a commit that costs as much anyway when it syncs.
const MAX_BYTES: usize = 16 * 1024;

/// Of a collection whose reading meets more deleted entries than this, as of a queue, nothing is read further.
const MAX_DELETED: u64 = 1024;

/// What a plan makes of a collection that keeps its id.
struct Kept {
    id: CollectionId,
    record: NewRecord,
}

impl Engine {
    /// Has the plan move its collection, if that pays and is cheap. The caller holds the key's lock and a write pin.
    pub(super) fn promote(&self, plan: &mut KeyPlan<'_>) {
        let Some(Kept { id, record }) = kept(plan) else { return };
        let writes_elements = !plan.elements.is_empty();
        let age = plan.now.saturating_since(record.created_at);
        let left = record.expires_at.map(|expires_at| expires_at.saturating_since(plan.now));
        if !is_misplaced(id.family().class(), age, left, writes_elements) || !is_small(&record) {
            return;
        }
        let class = LifetimeClass::for_ttl(Some(left.unwrap_or(Duration::ZERO).max(age)));
        if class <= id.family().class() || self.tried.knows(id) {
            return;
        }
        // A failure to read them is none of the write: it leaves the collection where it is.
        let Ok(Some(mut elements)) = all_elements(plan, id) else {
            self.tried.note(id);
            return;
        };
        for (tail, change) in std::mem::take(&mut plan.elements) {
            match change {
                Some(_) => elements.insert(tail, change),
                None => elements.remove(&tail),
            };
        }
        let habit = if writes_elements { Habit::Growing } else { id.family().habit() };
        let lot = Lot { class: Some(class), habit: Some(habit) };
        let head = match &record.home {
            Home::Known(Body::List { head, .. }) => *head,
            _ => 0,
        };
        plan.elements = elements;
        plan.change = Change::Put(NewRecord { home: Home::NewId { lot, head }, ..record });
        plan.origin = Origin::Promoted;
        if writes_elements {
            // Under the new id nobody watches it.
            self.habits.written(id);
        }
    }
}

/// What the plan makes of the collection of a living key, if it writes it and leaves it under its id.
fn kept(plan: &KeyPlan<'_>) -> Option<Kept> {
    let old = plan.live()?;
    let id = old.id()?;
    let record = match &plan.change {
        Change::Elements(changed) if *changed == id => unchanged(old),
        Change::Put(record) => match &record.home {
            Home::Known(body) if body.id() == Some(id) => record.clone(),
            _ => return None,
        },
        _ => return None,
    };
    let lives = record.expires_at.is_none_or(|expires_at: UnixMillis| expires_at > plan.now);
    lives.then_some(Kept { id, record })
}

fn unchanged(meta: &Meta) -> NewRecord {
    NewRecord {
        data_type: meta.data_type,
        home: Home::Known(meta.body.clone()),
        created_at: meta.created_at,
        expires_at: meta.expires_at,
        size: meta.size,
    }
}

/// Tells whether a collection of this class belongs elsewhere: it has lived for longer than its neighbours may, or it is
/// written and has longer to live than they.
///
/// WHY written: its old elements stay dead where they are in any case. Only what is still to come gains by a move, and what is given a
/// lifetime and never written again would pay for nothing.
fn is_misplaced(class: LifetimeClass, age: Duration, left: Option<Duration>, writes_elements: bool) -> bool {
    match class.longest() {
        Some(longest) => age > longest || (writes_elements && left.is_some_and(|left| left > longest)),
        None => class == LifetimeClass::NONE && writes_elements && left.is_some(),
    }
}

fn is_small(record: &NewRecord) -> bool {
    match record.data_type {
        DataType::String => record.size <= u64::try_from(MAX_BYTES).unwrap_or(u64::MAX),
        _ => record.size <= MAX_ELEMENTS,
    }
}

/// Reads all elements under an id, `None` if that is too much.
fn all_elements(plan: &KeyPlan<'_>, id: CollectionId) -> Result<Option<Pending>> {
    let mut elements = Pending::new();
    let mut bytes = 0;
    let first_index = plan.live().filter(|meta| meta.data_type == DataType::List).map(head_of);
    let mut cursor = plan.reader.few_elements(id, first_index, MAX_DELETED);
    while let Some((key, value)) = cursor.entry()? {
        let tail = key.get(8..).unwrap_or_default();
        bytes += tail.len() + value.len();
        if bytes > MAX_BYTES {
            return Ok(None);
        }
        elements.insert(tail.to_vec(), Some(bytes::Bytes::copy_from_slice(value)));
        cursor.advance();
    }
    Ok(Some(elements))
}
