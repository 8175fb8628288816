//! Adding and taking items at the ends of lists.
//!
//! May use edits. Invariant: no item but those added and taken is touched, unless the indices on one side have
//! run out.

use bytes::Bytes;

use crate::encoding::DataType;
use crate::error::Result;
use crate::types::list::cut::keep;
use crate::types::list::{ListEnd, count, indices, key_of, missing, no_room, popped, pushed, walk, write_anew};
use crate::types::{Birth, Direction, Edit, KeyPlan};

/// Adds items one after the other at one end; returns the new length.
pub(crate) fn push(plan: &mut KeyPlan<'_>, end: ListEnd, items: &[&[u8]], birth: Birth) -> Result<u64> {
    let mut list = plan.edit(DataType::List, birth)?;
    if !list.existed() && birth.expires_at.is_some_and(|expires_at| expires_at <= list.now()) {
        return Ok(0);
    }
    add(&mut list, end, items)?;
    let size = list.size();
    list.finish()?;
    if !items.is_empty() {
        plan.note(pushed(end));
    }
    Ok(size)
}

/// Adds items to a list that exists; returns the new length, 0 if there is none.
pub(crate) fn push_existing(plan: &mut KeyPlan<'_>, end: ListEnd, items: &[&[u8]]) -> Result<u64> {
    match plan.live_as(DataType::List)? {
        Some(_) => push(plan, end, items, Birth::default()),
        None => Ok(0),
    }
}

fn add(list: &mut Edit<'_, '_>, end: ListEnd, items: &[&[u8]]) -> Result<()> {
    let added = count(items.len());
    if !has_room(list, end, added) {
        let all = indices(list);
        write_anew(list, all, |_| true)?;
    }
    if !has_room(list, end, added) {
        return Err(no_room());
    }
    let all = indices(list);
    for (n, item) in (0_u64..).zip(items) {
        let index = match end {
            ListEnd::Left => all.start - 1 - n,
            ListEnd::Right => all.end + n,
        };
        list.put(&key_of(index), Bytes::copy_from_slice(item))?;
    }
    if end == ListEnd::Left {
        list.set_head(all.start - added);
    }
    list.grow(added)
}

fn has_room(list: &Edit<'_, '_>, end: ListEnd, added: u64) -> bool {
    let all = indices(list);
    match end {
        ListEnd::Left => all.start >= added,
        ListEnd::Right => all.end.checked_add(added).is_some(),
    }
}

/// Takes up to `count` items from one end, in the order in which they go. `None` if there is no list.
pub(crate) fn pop(plan: &mut KeyPlan<'_>, end: ListEnd, count: u64) -> Result<Option<Vec<Bytes>>> {
    let mut list = plan.edit(DataType::List, Birth::default())?;
    if !list.existed() {
        return Ok(None);
    }
    let taken = match count.min(list.size()) {
        0 => return Ok(Some(Vec::new())),
        1 => vec![take(&mut list, end)?],
        several => take_several(&mut list, end, several)?,
    };
    list.finish()?;
    plan.note(popped(end));
    Ok(Some(taken))
}

/// Takes items from the first of several keys that holds a list; returns which one it was.
pub(crate) fn pop_first(plans: &mut [KeyPlan<'_>], end: ListEnd, count: u64) -> Result<Option<(usize, Vec<Bytes>)>> {
    for (which, plan) in plans.iter_mut().enumerate() {
        if let Some(taken) = pop(plan, end, count)? {
            return Ok(Some((which, taken)));
        }
    }
    Ok(None)
}

/// The item at one end of a list that has one.
fn peek(list: &Edit<'_, '_>, end: ListEnd) -> Result<Bytes> {
    list.get(&key_of(end_index(list, end))).and_then(|item| item.ok_or_else(missing))
}

fn end_index(list: &Edit<'_, '_>, end: ListEnd) -> u64 {
    match end {
        ListEnd::Left => list.head(),
        ListEnd::Right => indices(list).end.saturating_sub(1),
    }
}

/// One point read, where a walk would cost several.
fn take(list: &mut Edit<'_, '_>, end: ListEnd) -> Result<Bytes> {
    let item = peek(list, end)?;
    let index = end_index(list, end);
    list.delete(&key_of(index));
    if end == ListEnd::Left {
        list.set_head(index + 1);
    }
    list.shrink(1)?;
    Ok(item)
}

fn take_several(list: &mut Edit<'_, '_>, end: ListEnd, several: u64) -> Result<Vec<Bytes>> {
    let all = indices(list);
    let (taken, kept, direction) = match end {
        ListEnd::Left => (all.start..all.start + several, all.start + several..all.end, Direction::Ascending),
        ListEnd::Right => (all.end - several..all.end, all.start..all.end - several, Direction::Descending),
    };
    let mut items = walk(list, taken, direction)?;
    let mut owned = Vec::new();
    while let Some((_, item)) = items.next_ref()? {
        owned.push(Bytes::copy_from_slice(item));
    }
    keep(list, kept)?;
    Ok(owned)
}

/// Moves an item from an end of one list to an end of another, which is created if missing; returns the item.
pub(crate) fn move_item(from: (&mut KeyPlan<'_>, ListEnd), to: (&mut KeyPlan<'_>, ListEnd)) -> Result<Option<Bytes>> {
    let mut source = from.0.edit(DataType::List, Birth::default())?;
    if !source.existed() {
        return Ok(None);
    }
    let mut target = to.0.edit(DataType::List, Birth::default())?;
    let item = take(&mut source, from.1)?;
    add(&mut target, to.1, &[&item])?;
    source.finish()?;
    target.finish()?;
    to.0.note(pushed(to.1));
    from.0.note(popped(from.1));
    Ok(Some(item))
}

/// Moves an item from one end of a list to the other, or leaves it where it is; returns it.
pub(crate) fn rotate(plan: &mut KeyPlan<'_>, from: ListEnd, to: ListEnd) -> Result<Option<Bytes>> {
    let mut list = plan.edit(DataType::List, Birth::default())?;
    if !list.existed() {
        return Ok(None);
    }
    if from == to || list.size() == 1 {
        let item = peek(&list, from)?;
        note_rotation(plan, from, to);
        return Ok(Some(item));
    }
    let item = take(&mut list, from)?;
    add(&mut list, to, &[&item])?;
    list.finish()?;
    note_rotation(plan, from, to);
    Ok(Some(item))
}

/// WHY in this order, and also if nothing moves: as Redis says it.
fn note_rotation(plan: &mut KeyPlan<'_>, from: ListEnd, to: ListEnd) {
    plan.note(pushed(to));
    plan.note(popped(from));
}
