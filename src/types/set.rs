//! Sets: members are keys of a data family with empty values.
//!
//! May use the plan and the reader. Invariant: the record's size is the number of members; a set without
//! members has no record.

use std::collections::HashSet;

use bytes::Bytes;

use crate::encoding::{CollectionId, DataType, ElementKey, Habit, Meta, Tag, UnixMillis};
use crate::error::{Error, Result};
use crate::store::Cursor;
use crate::types::{Change, Home, KeyPlan, Reader, id_of};

/// How a set is born when an add finds none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth {
    pub(crate) expires_at: Option<UnixMillis>,
    pub(crate) habit: Habit,
}

/// Adds members; returns how many are new.
pub(crate) fn add(plan: &mut KeyPlan<'_>, members: &[&[u8]], birth: Birth) -> Result<u64> {
    let set = plan.live_as(DataType::Set)?.cloned();
    if set.is_none() && birth.expires_at.is_some_and(|expires_at| expires_at <= plan.now) {
        return Ok(0);
    }
    let id = set.as_ref().map(id_of).transpose()?;
    let mut new = Vec::new();
    let mut seen = HashSet::new();
    for member in members {
        let is_new = (members.len() == 1 || seen.insert(*member))
            && match id {
                Some(id) => !plan.reader.has_element(id, &ElementKey::SetMember(member))?,
                None => true,
            };
        if is_new {
            new.push(*member);
        }
    }
    let added = count(new.len());
    if added == 0 {
        return Ok(0);
    }
    for member in new {
        plan.put_element(&ElementKey::SetMember(member), Bytes::new());
    }
    match set {
        Some(meta) => plan.rewrite(&meta, meta.body.clone(), meta.expires_at, meta.size + added),
        None => plan.create(DataType::Set, Home::NewId(birth.habit), birth.expires_at, added),
    }
    Ok(added)
}

/// Removes members; returns how many were there.
pub(crate) fn remove(plan: &mut KeyPlan<'_>, members: &[&[u8]]) -> Result<u64> {
    let Some(meta) = plan.live_as(DataType::Set)?.cloned() else {
        return Ok(0);
    };
    let id = id_of(&meta)?;
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for member in members {
        if seen.insert(*member) && plan.reader.has_element(id, &ElementKey::SetMember(member))? {
            found.push(Bytes::copy_from_slice(member));
        }
    }
    take_out(plan, &meta, &found)?;
    Ok(count(found.len()))
}

/// Removes up to `wanted` members chosen at random, each with the same chance, and returns them.
pub(crate) fn pop(plan: &mut KeyPlan<'_>, wanted: u64) -> Result<Vec<Bytes>> {
    let Some(meta) = plan.live_as(DataType::Set)?.cloned() else {
        return Ok(Vec::new());
    };
    let chosen = sample(plan.reader, &meta, wanted)?;
    take_out(plan, &meta, &chosen)?;
    Ok(chosen)
}

fn take_out(plan: &mut KeyPlan<'_>, meta: &Meta, members: &[Bytes]) -> Result<()> {
    let removed = count(members.len());
    if removed == 0 {
        return Ok(());
    }
    let left =
        meta.size.checked_sub(removed).ok_or_else(|| Error::corrupt("a set holds more members than its size"))?;
    if left == 0 {
        plan.change = Change::Remove;
        return Ok(());
    }
    for member in members {
        plan.delete_element(&ElementKey::SetMember(member));
    }
    plan.rewrite(meta, meta.body.clone(), meta.expires_at, left);
    Ok(())
}

/// Tells whether `member` is in the set.
pub(crate) fn contains(reader: &Reader, meta: &Meta, member: &[u8]) -> Result<bool> {
    reader.has_element(id_of(meta)?, &ElementKey::SetMember(member))
}

/// Opens a walk over the members, in byte order.
pub(crate) fn members(reader: &Reader, meta: &Meta) -> Result<MemberWalk> {
    let id = id_of(meta)?;
    Ok(MemberWalk { id, cursor: reader.elements(id, Tag::SetMember) })
}

/// Walks over the members of one set.
pub(crate) struct MemberWalk {
    id: CollectionId,
    cursor: Cursor,
}

impl MemberWalk {
    /// Returns the next member, `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>> {
        let member = match self.cursor.entry()? {
            None => return Ok(None),
            Some((key, _)) => match ElementKey::decode(key)? {
                (id, ElementKey::SetMember(member)) if id == self.id => Bytes::copy_from_slice(member),
                _ => return Err(Error::corrupt("a set's range holds another element")),
            },
        };
        self.cursor.advance();
        Ok(Some(member))
    }
}

/// Chooses up to `wanted` different members, every choice with the same chance. Reads as far into the set as the
/// last member chosen: selection sampling (Knuth, The Art of Computer Programming, vol. 2, algorithm 3.4.2 S).
pub(crate) fn sample(reader: &Reader, meta: &Meta, wanted: u64) -> Result<Vec<Bytes>> {
    let mut walk = members(reader, meta)?;
    let mut chosen = Vec::new();
    let mut left = meta.size;
    let mut needed = wanted.min(meta.size);
    while needed > 0 {
        let Some(member) = walk.next()? else {
            return Err(Error::corrupt("a set holds fewer members than its size"));
        };
        if fastrand::u64(..left) < needed {
            chosen.push(member);
            needed -= 1;
        }
        left -= 1;
    }
    Ok(chosen)
}

fn count(members: usize) -> u64 {
    u64::try_from(members).unwrap_or(u64::MAX)
}
