//! Sets: members are keys of elements with empty values.
//!
//! May use edits, elements and picks. Invariant: the record's size is the number of members.

use bytes::Bytes;

use crate::encoding::{DataType, ElementKey, Meta, Tag};
use crate::error::{Error, Result};
use crate::types::{Birth, Direction, Edit, Elements, KeyPlan, Reader, TailRange, Walk, pick};

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

/// Removes up to `wanted` members chosen at random, each with the same chance, and returns them.
pub(crate) fn pop(plan: &mut KeyPlan<'_>, wanted: u64) -> Result<Vec<Bytes>> {
    let mut set = plan.edit(DataType::Set, Birth::default())?;
    let mut chosen = Vec::new();
    let walk = set.walk(&TailRange::all(Tag::SetMember), Direction::Ascending)?;
    pick::distinct(walk, set.size(), wanted, |key, _| chosen.push(name_of(&key)))?;
    for member in &chosen {
        set.delete(&ElementKey::SetMember(member));
    }
    set.shrink(count(chosen.len()))?;
    set.finish()?;
    Ok(chosen)
}

/// Tells whether `member` is in the set.
pub(crate) fn contains(reader: &Reader, meta: &Meta, member: &[u8]) -> Result<bool> {
    Elements::of(reader, meta)?.has(&ElementKey::SetMember(member))
}

/// Opens a walk over the members, in byte order.
pub(crate) fn members(reader: &Reader, meta: &Meta) -> Result<Walk> {
    Elements::of(reader, meta)?.walk(&TailRange::all(Tag::SetMember), Direction::Ascending)
}

/// Returns the member under the walk.
pub(crate) fn member_of(walk: &Walk) -> Result<Option<&[u8]>> {
    match walk.entry()? {
        None => Ok(None),
        Some((ElementKey::SetMember(member), _)) => Ok(Some(member)),
        Some(_) => Err(Error::corrupt("a set's range holds another element")),
    }
}

/// Chooses up to `wanted` different members, every choice with the same chance.
pub(crate) fn sample(reader: &Reader, meta: &Meta, wanted: u64) -> Result<Vec<Bytes>> {
    let mut chosen = Vec::new();
    pick::distinct(members(reader, meta)?, meta.size, wanted, |key, _| chosen.push(name_of(&key)))?;
    Ok(chosen)
}

fn name_of(key: &ElementKey<'_>) -> Bytes {
    match key {
        ElementKey::SetMember(member) => Bytes::copy_from_slice(member),
        _ => Bytes::new(),
    }
}

fn count(members: usize) -> u64 {
    u64::try_from(members).unwrap_or(u64::MAX)
}
