//! Hashes: fields are keys of elements, and what they hold are the elements' values.
//!
//! May use edits, elements, picks and numbers. Invariant: the record's size is the number of fields.

use bytes::Bytes;

use crate::encoding::{DataType, ElementKey, Meta, Tag};
use crate::error::{Error, ErrorKind, Result};
use crate::types::names::{name_of, owned_name};
use crate::types::number::{LongDouble, parse_integer};
use crate::types::{Birth, Direction, Edit, Elements, EventKind, KeyPlan, Reader, TailRange, Walk, pick};

/// A field and its value, on their own.
pub(crate) type Entry = (Bytes, Bytes);

/// Sets fields, the later ones over the earlier; returns how many are new.
pub(crate) fn set(plan: &mut KeyPlan<'_>, entries: &[(&[u8], &[u8])], birth: Birth) -> Result<u64> {
    let mut hash = plan.edit(DataType::Hash, birth)?;
    if is_born_dead(&hash, birth) {
        return Ok(0);
    }
    let mut added = 0;
    for (field, value) in entries {
        let key = ElementKey::HashField(field);
        added += u64::from(!hash.has(&key)?);
        hash.put(&key, Bytes::copy_from_slice(value))?;
    }
    hash.grow(added)?;
    hash.finish()?;
    if !entries.is_empty() {
        plan.note(EventKind::HSet);
    }
    Ok(added)
}

/// Sets a field that does not exist; returns whether it did not.
pub(crate) fn set_if_absent(plan: &mut KeyPlan<'_>, field: &[u8], value: &[u8], birth: Birth) -> Result<bool> {
    let mut hash = plan.edit(DataType::Hash, birth)?;
    let key = ElementKey::HashField(field);
    if is_born_dead(&hash, birth) || hash.has(&key)? {
        return Ok(false);
    }
    hash.put(&key, Bytes::copy_from_slice(value))?;
    hash.grow(1)?;
    hash.finish()?;
    plan.note(EventKind::HSet);
    Ok(true)
}

fn is_born_dead(hash: &Edit<'_, '_>, birth: Birth) -> bool {
    !hash.existed() && birth.expires_at.is_some_and(|expires_at| expires_at <= hash.now())
}

/// Deletes fields; returns how many were there.
pub(crate) fn delete(plan: &mut KeyPlan<'_>, fields: &[&[u8]]) -> Result<u64> {
    let mut hash = plan.edit(DataType::Hash, Birth::default())?;
    let mut deleted = 0;
    for field in fields {
        let key = ElementKey::HashField(field);
        if hash.has(&key)? {
            hash.delete(&key);
            deleted += 1;
        }
    }
    hash.shrink(deleted)?;
    hash.finish()?;
    if deleted > 0 {
        plan.note(EventKind::HDel);
    }
    Ok(deleted)
}

/// Adds to the integer that the field holds, 0 if there is none; returns the sum.
pub(crate) fn incr_by(plan: &mut KeyPlan<'_>, field: &[u8], by: i64, birth: Birth) -> Result<i64> {
    let not_an_integer = || Error::new(ErrorKind::NotAnInteger, "hash value is not an integer");
    change_number(plan, field, (birth, EventKind::HIncrBy), |old| {
        let old = old.map_or(Ok(0), |old| parse_integer(old).ok_or_else(not_an_integer))?;
        let sum = old.checked_add(by).ok_or_else(Error::overflow)?;
        Ok((sum, sum.to_string()))
    })
}

/// Adds to the number that the field holds, 0 if there is none; returns the sum.
pub(crate) fn incr_by_float(plan: &mut KeyPlan<'_>, field: &[u8], by: LongDouble, birth: Birth) -> Result<LongDouble> {
    let not_a_float = |_| Error::new(ErrorKind::NotAFloat, "hash value is not a float");
    change_number(plan, field, (birth, EventKind::HIncrByFloat), |old| {
        let old = old.map_or(Ok(LongDouble::default()), |old| LongDouble::parse(old).map_err(not_a_float))?;
        let text = old.plus(by)?.to_string();
        // What is stored is what the next increment begins with.
        Ok((LongDouble::parse(&text)?, text))
    })
}

/// Puts what `change` makes of the field's value; returns its outcome.
fn change_number<T>(
    plan: &mut KeyPlan<'_>,
    field: &[u8],
    (birth, kind): (Birth, EventKind),
    change: impl FnOnce(Option<&[u8]>) -> Result<(T, String)>,
) -> Result<T> {
    let mut hash = plan.edit(DataType::Hash, birth)?;
    let key = ElementKey::HashField(field);
    let old = hash.get(&key)?;
    let (outcome, text) = change(old.as_deref())?;
    if !is_born_dead(&hash, birth) {
        hash.put(&key, text.into())?;
        hash.grow(u64::from(old.is_none()))?;
        hash.finish()?;
        plan.note(kind);
    }
    Ok(outcome)
}

/// Reads a field's value.
pub(crate) fn get(reader: &Reader, meta: &Meta, field: &[u8]) -> Result<Option<Bytes>> {
    Elements::of(reader, meta)?.get(&ElementKey::HashField(field))
}

/// Tells whether the hash has a field.
pub(crate) fn has(reader: &Reader, meta: &Meta, field: &[u8]) -> Result<bool> {
    Elements::of(reader, meta)?.has(&ElementKey::HashField(field))
}

/// Opens a walk over the fields, in byte order.
pub(crate) fn fields(reader: &Reader, meta: &Meta) -> Result<Walk> {
    Elements::of(reader, meta)?.walk(&TailRange::all(Tag::HashField), Direction::Ascending)
}

/// Returns the field under the walk and its value.
#[inline]
pub(crate) fn entry_of(walk: &Walk) -> Result<Option<(&[u8], &[u8])>> {
    match walk.entry()? {
        Some((key, value)) => Ok(Some((name_of(&key)?, value))),
        None => Ok(None),
    }
}

/// Chooses up to `wanted` different fields, every choice with the same chance; `own` keeps what is chosen.
pub(crate) fn sample<T>(
    reader: &Reader,
    meta: &Meta,
    wanted: u64,
    own: impl Fn(&ElementKey<'_>, &[u8]) -> Result<T>,
) -> Result<Vec<T>> {
    let mut chosen = Vec::new();
    pick::distinct(fields(reader, meta)?, meta.size, wanted, |key, value| chosen.push(own(&key, value)))?;
    chosen.into_iter().collect()
}

/// Chooses `wanted` fields, the same one perhaps several times, in random order; `own` keeps what is chosen.
pub(crate) fn sample_repeatedly<T: Clone>(
    reader: &Reader,
    meta: &Meta,
    wanted: u64,
    own: impl Fn(&ElementKey<'_>, &[u8]) -> Result<T>,
) -> Result<Vec<T>> {
    let wanted = usize::try_from(wanted).map_err(|_| pick::too_many(wanted))?;
    let chosen = pick::repeated(fields(reader, meta)?, meta.size, wanted, |key, value| own(&key, value))?;
    chosen.into_iter().collect()
}

/// Copies a field.
pub(crate) fn own_field(key: &ElementKey<'_>, _value: &[u8]) -> Result<Bytes> {
    owned_name(key)
}

/// Copies a field and its value.
pub(crate) fn own_entry(key: &ElementKey<'_>, value: &[u8]) -> Result<Entry> {
    Ok((owned_name(key)?, Bytes::copy_from_slice(value)))
}
