//! Sets: members are keys of elements with empty values.
//!
//! May use edits, elements and picks. Invariant: the record's size is the number of members.

pub(crate) mod combine;

use bytes::Bytes;

use crate::encoding::{DataType, ElementKey, Meta, Tag};
use crate::error::Result;
use crate::types::names::{name_of, owned_name};
use crate::types::{Birth, Direction, Edit, Elements, EventKind, KeyPlan, Reader, TailRange, Walk, pick};

const TAG: Tag = Tag::SetMember;

/// Adds members; returns how many are new.
pub(crate) fn add(plan: &mut KeyPlan<'_>, members: &[&[u8]], birth: Birth) -> Result<u64> {
    let mut set = plan.edit(DataType::Set, birth)?;
    if !set.existed() && birth.expires_at.is_some_and(|expires_at| expires_at <= set.now()) {
        return Ok(0);
    }
    let mut added = 0;
    for member in members {
        let key = ElementKey::SetMember(member);
        if !set.has(&key)? {
            set.put(&key, Bytes::new())?;
            added += 1;
        }
    }
    set.grow(added)?;
    set.finish()?;
    if added > 0 {
        plan.note(EventKind::SAdd);
    }
    Ok(added)
}

/// Removes members; returns how many were there.
pub(crate) fn remove(plan: &mut KeyPlan<'_>, members: &[&[u8]]) -> Result<u64> {
    let mut set = plan.edit(DataType::Set, Birth::default())?;
    let mut removed = 0;
    for member in members {
        removed += u64::from(take_out(&mut set, member)?);
    }
    set.shrink(removed)?;
    set.finish()?;
    if removed > 0 {
        plan.note(EventKind::SRem);
    }
    Ok(removed)
}

fn take_out(set: &mut Edit<'_, '_>, member: &[u8]) -> Result<bool> {
    let key = ElementKey::SetMember(member);
    let found = set.has(&key)?;
    if found {
        set.delete(&key);
    }
    Ok(found)
}

/// Takes a member out of one set and adds it to another; returns whether it was there.
pub(crate) fn move_member(from: &mut KeyPlan<'_>, to: &mut KeyPlan<'_>, member: &[u8], birth: Birth) -> Result<bool> {
    if from.live_as(DataType::Set)?.is_none() {
        return Ok(false);
    }
    to.live_as(DataType::Set)?;
    let moved = remove(from, &[member])? > 0;
    if moved {
        add(to, &[member], birth)?;
    }
    Ok(moved)
}

/// Removes up to `wanted` members chosen at random, each with the same chance, and returns them.
pub(crate) fn pop(plan: &mut KeyPlan<'_>, wanted: u64) -> Result<Vec<Bytes>> {
    let mut set = plan.edit(DataType::Set, Birth::default())?;
    let mut chosen = Vec::new();
    let walk = set.walk(&TailRange::all(TAG), Direction::Ascending)?;
    pick::distinct(walk, set.size(), wanted, |key, _| chosen.push(owned_name(&key)))?;
    let chosen: Vec<Bytes> = chosen.into_iter().collect::<Result<_>>()?;
    for member in &chosen {
        set.delete(&ElementKey::SetMember(member));
    }
    set.shrink(count(chosen.len()))?;
    set.finish()?;
    if !chosen.is_empty() {
        plan.note(EventKind::SPop);
    }
    Ok(chosen)
}

/// Tells whether `member` is in the set.
pub(crate) fn contains(reader: &Reader, meta: &Meta, member: &[u8]) -> Result<bool> {
    Elements::of(reader, meta)?.has(&ElementKey::SetMember(member))
}

/// Opens a walk over the members, in byte order.
pub(crate) fn members(reader: &Reader, meta: &Meta) -> Result<Walk> {
    Elements::of(reader, meta)?.walk(&TailRange::all(TAG), Direction::Ascending)
}

/// Returns the member under the walk.
#[inline]
pub(crate) fn member_of(walk: &Walk) -> Result<Option<&[u8]>> {
    walk.entry()?.map(|(key, _)| name_of(&key)).transpose()
}

/// Chooses up to `wanted` different members, every choice with the same chance.
pub(crate) fn sample(reader: &Reader, meta: &Meta, wanted: u64) -> Result<Vec<Bytes>> {
    let mut chosen = Vec::new();
    pick::distinct(members(reader, meta)?, meta.size, wanted, |key, _| chosen.push(owned_name(&key)))?;
    chosen.into_iter().collect()
}

/// Chooses `wanted` members, the same one perhaps several times, in random order.
pub(crate) fn sample_repeatedly(reader: &Reader, meta: &Meta, wanted: u64) -> Result<Vec<Bytes>> {
    let wanted = usize::try_from(wanted).map_err(|_| pick::too_many(wanted))?;
    let chosen = pick::repeated(members(reader, meta)?, meta.size, wanted, |key, _| owned_name(&key))?;
    chosen.into_iter().collect()
}

fn count(members: usize) -> u64 {
    u64::try_from(members).unwrap_or(u64::MAX)
}
