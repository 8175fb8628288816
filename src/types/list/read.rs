//! What lists are asked.
//!
//! May use elements. Invariant: nothing here takes memory for items that it does not return.

use std::ops::Range;

use bytes::Bytes;

use crate::encoding::Meta;
use crate::error::{Error, Result};
use crate::types::list::{Items, key_of, missing, place_of};
use crate::types::{Direction, Elements, Reader, head_of};

/// Returns the item at an index, `None` outside of the list.
pub(crate) fn get(reader: &Reader, meta: &Meta, index: i64) -> Result<Option<Bytes>> {
    let Some(place) = place_of(meta.size, index).filter(|place| *place < meta.size) else {
        return Ok(None);
    };
    let found = Elements::of(reader, meta)?.get(&key_of(head_of(meta) + place))?;
    found.map(Some).ok_or_else(missing)
}

/// Opens a walk over the items at these places.
pub(crate) fn items(reader: &Reader, meta: &Meta, places: Range<u64>, direction: Direction) -> Result<Items> {
    let head = head_of(meta);
    Items::open(&Elements::of(reader, meta)?, head + places.start..head + places.end, direction)
}

/// Which of the items that equal a given one are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The first one that counts: 1 is the first from the left, -1 the first from the right.
    pub(crate) rank: i64,
    /// How many at most; 0 for all.
    pub(crate) count: u64,
    /// How many items are compared at most; 0 for all.
    pub(crate) max_len: u64,
}

impl Wanted {
    /// Refuses ranks that say nothing.
    pub(crate) fn validate(&self) -> Result<()> {
        match self.rank {
            0 => Err(Error::invalid("the rank is 1 or above from the left, -1 or below from the right")),
            i64::MIN => Err(Error::invalid("the rank is out of range")),
            _ => Ok(()),
        }
    }
}

/// Finds the places of items that equal `item`, in the order in which they are met.
pub(crate) fn positions(reader: &Reader, meta: &Meta, item: &[u8], wanted: Wanted) -> Result<Vec<u64>> {
    let direction = if wanted.rank < 0 { Direction::Descending } else { Direction::Ascending };
    let no_limit = |limit: u64| if limit == 0 { u64::MAX } else { limit };
    let (mut to_compare, most) = (no_limit(wanted.max_len), no_limit(wanted.count));
    let mut to_skip = wanted.rank.unsigned_abs().saturating_sub(1);
    let mut found = Vec::new();
    let mut most_left = most;
    let mut walk = items(reader, meta, 0..meta.size, direction)?;
    while to_compare > 0
        && most_left > 0
        && let Some((index, candidate)) = walk.next_ref()?
    {
        to_compare -= 1;
        if candidate != item {
            continue;
        }
        if to_skip > 0 {
            to_skip -= 1;
            continue;
        }
        found.push(index - head_of(meta));
        most_left -= 1;
    }
    Ok(found)
}
