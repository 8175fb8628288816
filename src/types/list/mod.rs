//! Lists: items under consecutive indices, which grow to both sides from the middle.
//!
//! May use edits and elements. Invariants: the items have the indices `head..head + size`, each of them one item;
//! the last index of all is never used. A *place* counts items from the left end, from 0 on.

mod cut;
mod ends;
mod items;
mod middle;
mod read;

pub(crate) use cut::{remove, trim};
pub(crate) use ends::{move_item, pop, pop_first, push, push_existing, rotate};
pub(crate) use items::Items;
pub(crate) use middle::{insert, set};
pub(crate) use read::{Wanted, get, items, positions};

use std::ops::Range;

use bytes::Bytes;

use crate::encoding::{ElementKey, LIST_MIDDLE};
use crate::error::{Error, Result};
use crate::types::{Direction, Edit, EventKind};

/// One of the two ends of a list.
///
/// # Examples
/// ```
/// use windrow::ListEnd;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.lists().push_right("l", ["a", "b", "c"])?;
/// assert_eq!(db.lists().pop("l", ListEnd::Left, 1)?.unwrap(), ["a"]);
/// assert_eq!(db.lists().pop("l", ListEnd::Right, 1)?.unwrap(), ["c"]);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListEnd {
    /// The end with index 0 (Redis: LEFT).
    Left,
    /// The end with index -1 (RIGHT).
    Right,
}

/// What is said to happen when items are added at an end.
fn pushed(end: ListEnd) -> EventKind {
    match end {
        ListEnd::Left => EventKind::LPush,
        ListEnd::Right => EventKind::RPush,
    }
}

/// What is said to happen when items are taken from an end.
fn popped(end: ListEnd) -> EventKind {
    match end {
        ListEnd::Left => EventKind::LPop,
        ListEnd::Right => EventKind::RPop,
    }
}

const fn key_of(index: u64) -> ElementKey<'static> {
    ElementKey::ListItem(index)
}

/// The place that Redis means by an index: a negative one counts from the right end. `None` left of the list.
fn place_of(size: u64, index: i64) -> Option<u64> {
    if index < 0 { size.checked_sub(index.unsigned_abs()) } else { Some(index.unsigned_abs()) }
}

/// The places that Redis means by the indexes `start` to `stop`, both included.
pub(crate) fn places(size: u64, start: i64, stop: i64) -> Range<u64> {
    let first = place_of(size, start).unwrap_or(0);
    let end = place_of(size, stop).map_or(0, |last| last.saturating_add(1).min(size));
    if first < end { first..end } else { 0..0 }
}

/// The indices of an edited list's items.
fn indices(list: &Edit<'_, '_>) -> Range<u64> {
    list.head()..list.head() + list.size()
}

/// Walks over items of an edited list as they were before the operation.
fn walk(list: &Edit<'_, '_>, indices: Range<u64>, direction: Direction) -> Result<Items> {
    Items::open(list.before(), indices, direction)
}

/// Puts those of `items` that `keeps` allows under consecutive indices from `target` on; returns how many.
fn lay(list: &mut Edit<'_, '_>, mut items: Items, target: u64, mut keeps: impl FnMut(u64) -> bool) -> Result<u64> {
    let mut laid = 0;
    while let Some((index, item)) = items.next_ref()? {
        if keeps(index) {
            list.put(&key_of(target + laid), Bytes::copy_from_slice(item))?;
            laid += 1;
        }
    }
    Ok(laid)
}

/// Writes the items among `indices` that `keeps` allows as a new collection, in the middle of the indices.
fn write_anew(list: &mut Edit<'_, '_>, indices: Range<u64>, keeps: impl FnMut(u64) -> bool) -> Result<()> {
    let items = walk(list, indices, Direction::Ascending)?;
    list.begin_anew();
    let kept = lay(list, items, LIST_MIDDLE, keeps)?;
    list.set_size(kept);
    Ok(())
}

fn missing() -> Error {
    Error::corrupt("a list lacks an item")
}

fn no_room() -> Error {
    Error::out_of_range("a list has used up its indices")
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_mean_places_as_in_redis() {
        assert_eq!(places(5, 0, -1), 0..5);
        assert_eq!(places(5, -2, -2), 3..4);
        assert_eq!(places(5, -100, 1), 0..2);
        assert_eq!(places(5, 4, 100), 4..5);
        assert_eq!(places(5, i64::MIN, i64::MAX), 0..5);
        for (start, stop) in [(5, 6), (3, 2), (-1, -2), (0, -6), (i64::MAX, i64::MAX), (i64::MIN, i64::MIN)] {
            assert!(places(5, start, stop).is_empty(), "{start} {stop}");
        }
        assert!(places(0, 0, -1).is_empty());
    }
}
