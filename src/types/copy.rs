//! Copies of whole values.
//!
//! May use edits and elements. Invariant: a copy shares nothing with its original, and never more than a few
//! MiB of it is in memory.

use bytes::Bytes;

use crate::encoding::{Body, Meta};
use crate::error::Result;
use crate::types::{Birth, Change, Direction, Elements, EventKind, Home, KeyPlan, NewRecord, TailRange, head_of};

/// Copies the value of `from` with its expiry to `to`; returns whether there was one to copy, and `to` was free or
/// may be replaced.
pub(crate) fn copy(from: &KeyPlan<'_>, to: &mut KeyPlan<'_>, may_replace: bool) -> Result<bool> {
    let Some(meta) = from.live() else {
        return Ok(false);
    };
    if to.live().is_some() && !may_replace {
        return Ok(false);
    }
    to.note(EventKind::CopyTo);
    match &meta.body {
        Body::Inline(_) | Body::Packed(_) => copy_record(meta, to),
        Body::Elements(_) | Body::List { .. } => copy_elements(from, meta, to)?,
    }
    Ok(true)
}

fn copy_record(meta: &Meta, to: &mut KeyPlan<'_>) {
    to.change = Change::Put(NewRecord {
        data_type: meta.data_type,
        home: Home::Known(meta.body.clone()),
        created_at: to.now,
        expires_at: meta.expires_at,
        size: meta.size,
    });
}

/// Copies elements one by one. The edit writes them out now and then, if they are many.
fn copy_elements(from: &KeyPlan<'_>, meta: &Meta, to: &mut KeyPlan<'_>) -> Result<()> {
    let habit = meta.id().map(|id| id.family().habit());
    let birth = Birth { expires_at: meta.expires_at, habit };
    // All kinds of elements: no tag is 0xff.
    let everything = TailRange { lower: Vec::new(), upper: vec![u8::MAX] };
    let mut walk = Elements::of(from.reader, meta)?.walk(&everything, Direction::Ascending)?;
    let mut edit = to.replace(meta.data_type, birth);
    while let Some((key, value)) = walk.entry()? {
        edit.put(&key, Bytes::copy_from_slice(value))?;
        walk.advance();
    }
    edit.set_size(meta.size);
    edit.set_head(head_of(meta));
    edit.finish()
}
