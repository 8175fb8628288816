//! Single bits and fields of a string, read and changed.
//!
//! Uses `string` and the plan. Invariants: what an operation does not change it does not write; a string grows as far as
//! the farthest bit that the operation would write, whatever becomes of it there.

use std::collections::BTreeMap;

use super::field::WINDOW;
use super::{BYTE, BitOverflow, Field, check_offset, wide};
use crate::encoding::{DataType, Meta};
use crate::error::Result;
use crate::types::{EventKind, KeyPlan, Reader, string};

/// What is done to one field, after what was done before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldStep {
    pub(crate) field: Field,
    pub(crate) change: FieldChange,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldChange {
    Get,
    Set(i64, BitOverflow),
    IncrBy(i64, BitOverflow),
}

/// Reads a bit, which is clear behind the string's end.
pub(crate) fn bit_at(reader: &Reader, meta: &Meta, offset: u64) -> Result<bool> {
    let mut byte = [0];
    string::copy_out(reader, meta, offset / BYTE, &mut byte)?;
    Ok(byte[0] & mask(offset) != 0)
}

/// The bit of a byte that is meant.
fn mask(offset: u64) -> u8 {
    0x80 >> (offset % BYTE)
}

/// Sets or clears a bit; returns what it was.
pub(crate) fn set(plan: &mut KeyPlan<'_>, offset: u64, bit: bool) -> Result<bool> {
    check_offset(plan.limits.max_value, offset)?;
    let at = offset / BYTE;
    let mut byte = [0];
    let mut is_there = false;
    if let Some(meta) = plan.live_as(DataType::String)? {
        is_there = at < meta.size;
        string::copy_out(plan.reader, meta, at, &mut byte)?;
    }
    let was = byte[0] & mask(offset) != 0;
    if was != bit {
        byte[0] ^= mask(offset);
    } else if is_there {
        return Ok(was);
    }
    string::write_parts(plan, &[(at, &byte)])?;
    plan.note(EventKind::SetBit);
    Ok(was)
}

/// Reads fields, which are 0 where there is no string. If it lies in pieces, the reader must have a snapshot or the key's
/// lock.
pub(crate) fn read_fields(reader: &Reader, meta: Option<&Meta>, fields: &[Field]) -> Result<Vec<i64>> {
    let read = |field: &Field| Ok(field.read(&window(reader, meta, field.offset / BYTE)?));
    fields.iter().map(read).collect()
}

fn window(reader: &Reader, meta: Option<&Meta>, at: u64) -> Result<[u8; WINDOW]> {
    let mut window = [0; WINDOW];
    if let Some(meta) = meta {
        string::copy_out(reader, meta, at, &mut window)?;
    }
    Ok(window)
}

/// Does one step after the other; returns what each gives, `None` for one that failed.
pub(crate) fn change_fields(plan: &mut KeyPlan<'_>, steps: &[FieldStep]) -> Result<Vec<Option<i64>>> {
    let meta = plan.live_as(DataType::String)?;
    let mut changed = BTreeMap::new();
    let results = steps.iter().map(|step| do_step(plan.reader, meta, &mut changed, step)).collect::<Result<_>>()?;
    let written = steps.iter().filter(|step| step.change != FieldChange::Get);
    let last = written.map(|step| step.field.last_bit() / BYTE).max();
    if let Some(last) = last.filter(|last| meta.is_none_or(|meta| *last >= meta.size)) {
        changed.entry(last).or_insert(0);
    }
    let parts = in_parts(changed);
    if !parts.is_empty() {
        let parts: Vec<(u64, &[u8])> = parts.iter().map(|(at, bytes)| (*at, bytes.as_slice())).collect();
        string::write_parts(plan, &parts)?;
        plan.note(EventKind::SetBit);
    }
    Ok(results)
}

fn do_step(
    reader: &Reader,
    meta: Option<&Meta>,
    changed: &mut BTreeMap<u64, u8>,
    step: &FieldStep,
) -> Result<Option<i64>> {
    let at = step.field.offset / BYTE;
    let mut before = window(reader, meta, at)?;
    for (offset, byte) in (at..).zip(&mut before) {
        *byte = changed.get(&offset).copied().unwrap_or(*byte);
    }
    let old = step.field.read(&before);
    let (new, result) = match step.change {
        FieldChange::Get => return Ok(Some(old)),
        FieldChange::Set(value, overflow) => (step.field.fitted(value, overflow), Some(old)),
        FieldChange::IncrBy(by, overflow) => {
            let sum = step.field.sum(old, by, overflow);
            (sum, sum)
        }
    };
    let Some(new) = new else { return Ok(None) };
    let mut after = before;
    step.field.write(&mut after, new);
    let bytes = (at..).zip(before.iter().zip(after));
    changed.extend(bytes.filter(|(_, (before, after))| *before != after).map(|(offset, (_, after))| (offset, after)));
    Ok(result)
}

/// Puts neighbouring bytes together.
fn in_parts(bytes: BTreeMap<u64, u8>) -> Vec<(u64, Vec<u8>)> {
    let mut parts: Vec<(u64, Vec<u8>)> = Vec::new();
    for (offset, byte) in bytes {
        match parts.last_mut() {
            Some((start, part)) if *start + wide(part.len()) == offset => part.push(byte),
            _ => parts.push((offset, vec![byte])),
        }
    }
    parts
}
