//! Removing items inside lists and cutting lists off.
//!
//! May use edits. Invariant: the longest run of items that stay neighbours stays in place and the rest moves
//! towards it; where that run is short beside what is removed, what is left is written as a new collection.

use std::ops::Range;

use crate::encoding::DataType;
use crate::error::Result;
use crate::types::list::{count, indices, key_of, lay, places, walk, write_anew};
use crate::types::{Birth, Direction, Edit, EventKind, KeyPlan};

/// From so many removed items on it can pay to write what is left anew. Larger: more tombstones under short lists.
/// Smaller: ids taken and buried for little.
const ANEW_FROM: u64 = 64;

/// Writing one item anew is taken to cost as much as deleting so many. Larger: more tombstones, which later reads
/// of their neighbourhood and compactions pay for. Smaller: more bytes written.
const DELETES_PER_WRITE: u64 = 4;

/// Keeps what lies between two indexes, both included.
pub(crate) fn trim(plan: &mut KeyPlan<'_>, start: i64, stop: i64) -> Result<()> {
    let mut list = plan.edit(DataType::List, Birth::default())?;
    let kept = places(list.size(), start, stop);
    let head = list.head();
    let existed = list.existed();
    keep(&mut list, head + kept.start..head + kept.end)?;
    list.finish()?;
    if existed {
        plan.note(EventKind::LTrim);
    }
    Ok(())
}

/// Keeps the items with these indices.
pub(super) fn keep(list: &mut Edit<'_, '_>, kept: Range<u64>) -> Result<()> {
    let all = indices(list);
    let stays = length(&kept);
    if stays > 0 && pays_anew(list, stays, list.size() - stays) {
        return write_anew(list, kept, |_| true);
    }
    settle_on(list, all, kept);
    Ok(())
}

/// Tells whether to write a list anew rather than to leave `stays` items in place and to delete others.
fn pays_anew(list: &Edit<'_, '_>, stays: u64, removed: u64) -> bool {
    list.before().id().is_some() && removed >= ANEW_FROM && stays <= removed / DELETES_PER_WRITE
}

/// Deletes what lies outside of `kept`; of a list that loses everything nothing, as it is buried as a whole.
fn settle_on(list: &mut Edit<'_, '_>, all: Range<u64>, kept: Range<u64>) {
    list.set_size(length(&kept));
    if kept.is_empty() {
        return;
    }
    (all.start..kept.start).chain(kept.end..all.end).for_each(|index| list.delete(&key_of(index)));
    list.set_head(kept.start);
}

/// Removes items that equal `item`: the first `wanted` from the left, from the right if it is negative, all if it is
/// 0. Returns how many went.
pub(crate) fn remove(plan: &mut KeyPlan<'_>, wanted: i64, item: &[u8]) -> Result<u64> {
    let mut list = plan.edit(DataType::List, Birth::default())?;
    let gone = find(&list, wanted, item)?;
    if gone.is_empty() {
        return Ok(0);
    }
    close_gaps(&mut list, &gone)?;
    list.finish()?;
    plan.note(EventKind::LRem);
    Ok(count(gone.len()))
}

/// Finds the indices of the items to remove, in ascending order.
fn find(list: &Edit<'_, '_>, wanted: i64, item: &[u8]) -> Result<Vec<u64>> {
    let direction = if wanted < 0 { Direction::Descending } else { Direction::Ascending };
    let most = if wanted == 0 { u64::MAX } else { wanted.unsigned_abs() };
    let mut items = walk(list, indices(list), direction)?;
    let mut found = Vec::new();
    while count(found.len()) < most
        && let Some((index, candidate)) = items.next_ref()?
    {
        if candidate == item {
            found.push(index);
        }
    }
    if direction == Direction::Descending {
        found.reverse();
    }
    Ok(found)
}

fn close_gaps(list: &mut Edit<'_, '_>, gone: &[u64]) -> Result<()> {
    let all = indices(list);
    let stays = longest_run(&all, gone);
    if stays.is_empty() {
        settle_on(list, all, 0..0);
        return Ok(());
    }
    if pays_anew(list, length(&stays), count(gone.len())) {
        return write_anew(list, all, all_but(gone));
    }
    let (gone_left, gone_right) = gone.split_at(gone.partition_point(|index| *index < stays.start));
    let start = all.start + count(gone_left.len());
    let left = walk(list, all.start..stays.start, Direction::Ascending)?;
    lay(list, left, start, all_but(gone_left))?;
    let right = walk(list, stays.end..all.end, Direction::Ascending)?;
    let moved = lay(list, right, stays.end, all_but(gone_right))?;
    settle_on(list, all, start..stays.end + moved);
    Ok(())
}

/// The longest run of indices without one that goes; empty if all go.
fn longest_run(all: &Range<u64>, gone: &[u64]) -> Range<u64> {
    let mut longest = 0..0;
    let mut start = all.start;
    for end in gone.iter().copied().chain([all.end]) {
        if end - start > length(&longest) {
            longest = start..end;
        }
        start = end.saturating_add(1);
    }
    longest
}

/// Tells of each index of an ascending sequence whether it stays.
fn all_but(gone: &[u64]) -> impl FnMut(u64) -> bool + '_ {
    let mut gone = gone.iter().peekable();
    move |index| gone.next_if_eq(&&index).is_none()
}

fn length(indices: &Range<u64>) -> u64 {
    indices.end.saturating_sub(indices.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_run_lies_between_two_removed_items_or_at_an_end() {
        assert_eq!(longest_run(&(10..20), &[12, 18]), 13..18);
        assert_eq!(longest_run(&(10..20), &[17]), 10..17);
        assert_eq!(longest_run(&(10..20), &[10, 11]), 12..20);
        assert_eq!(longest_run(&(0..3), &[1]), 0..1);
        assert!(longest_run(&(0..3), &[0, 1, 2]).is_empty());
        assert_eq!(longest_run(&(u64::MAX - 3..u64::MAX), &[u64::MAX - 1]), u64::MAX - 3..u64::MAX - 1);
    }
}
