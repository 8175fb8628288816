//! Changing lists somewhere inside.
//!
//! May use edits. Invariant: an insertion moves the shorter side, unless that has no index left.

use std::ops::Range;

use bytes::Bytes;

use crate::encoding::DataType;
use crate::error::{Error, Result};
use crate::types::keys::no_such_key;
use crate::types::list::{indices, key_of, lay, no_room, place_of, walk};
use crate::types::{Birth, Direction, Edit, EventKind, KeyPlan};

/// Overwrites the item at an index.
pub(crate) fn set(plan: &mut KeyPlan<'_>, index: i64, item: &[u8]) -> Result<()> {
    let mut list = plan.edit(DataType::List, Birth::default())?;
    if !list.existed() {
        return Err(no_such_key());
    }
    let place = place_of(list.size(), index).filter(|place| *place < list.size());
    let place = place.ok_or_else(|| Error::out_of_range("index out of range"))?;
    list.put(&key_of(list.head() + place), Bytes::copy_from_slice(item))?;
    list.finish()?;
    plan.note(EventKind::LSet);
    Ok(())
}

/// Inserts an item before the first one that equals `pivot`, or `behind` it. Returns the new length, 0 if there is
/// no list, `None` if it has no such item.
pub(crate) fn insert(plan: &mut KeyPlan<'_>, pivot: &[u8], behind: bool, item: &[u8]) -> Result<Option<u64>> {
    let mut list = plan.edit(DataType::List, Birth::default())?;
    if !list.existed() {
        return Ok(Some(0));
    }
    let Some(found) = find(&list, pivot)? else {
        return Ok(None);
    };
    let index = make_gap(&mut list, found + u64::from(behind))?;
    list.put(&key_of(index), Bytes::copy_from_slice(item))?;
    list.grow(1)?;
    let size = list.size();
    list.finish()?;
    plan.note(EventKind::LInsert);
    Ok(Some(size))
}

fn find(list: &Edit<'_, '_>, wanted: &[u8]) -> Result<Option<u64>> {
    let mut items = walk(list, indices(list), Direction::Ascending)?;
    while let Some((index, item)) = items.next_ref()? {
        if item == wanted {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// Moves one side away from `index`, which may be just behind the last; returns the index that has become free.
fn make_gap(list: &mut Edit<'_, '_>, index: u64) -> Result<u64> {
    let Range { start, end } = indices(list);
    let left_is_shorter = index - start <= end - index;
    let (first, last) = (start.checked_sub(1), end.checked_add(1));
    match (first, last) {
        (Some(first), last) if left_is_shorter || last.is_none() => {
            let side = walk(list, start..index, Direction::Ascending)?;
            lay(list, side, first, |_| true)?;
            list.set_head(first);
            Ok(index - 1)
        }
        (_, Some(_)) => {
            let side = walk(list, index..end, Direction::Ascending)?;
            lay(list, side, index + 1, |_| true)?;
            Ok(index)
        }
        _ => Err(no_room()),
    }
}
