//! Walking over the items of a list.
//!
//! May use elements. Invariant: every index of the range is met once, in order; a missing one is an error.

use std::ops::Range;

use crate::encoding::{ElementKey, Tag};
use crate::error::Result;
use crate::types::list::{key_of, missing};
use crate::types::{Direction, Elements, TailRange, Walk};

/// Walks over items from either end.
pub(crate) struct Items {
    walk: Walk,
    direction: Direction,
    /// The index under the walk, or the first one as long as nothing was met.
    index: u64,
    has_begun: bool,
    left: u64,
}

impl Items {
    /// Opens a walk over the items with these indices.
    pub(crate) fn open(elements: &Elements<'_>, indices: Range<u64>, direction: Direction) -> Result<Self> {
        let left = indices.end.saturating_sub(indices.start);
        let range = if left == 0 {
            TailRange { lower: Vec::new(), upper: Vec::new() }
        } else {
            TailRange::all(Tag::ListItem).from(&key_of(indices.start)).through(&key_of(indices.end - 1))
        };
        let index = match direction {
            Direction::Ascending => indices.start,
            Direction::Descending => indices.end.saturating_sub(1),
        };
        Ok(Self { walk: elements.walk(&range, direction)?, direction, index, has_begun: false, left })
    }

    /// The number of items still to come.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Returns the next item and its index, `None` after the last. After an error nothing follows.
    #[inline]
    pub(crate) fn next_ref(&mut self) -> Result<Option<(u64, &[u8])>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        if self.has_begun {
            self.step();
        }
        self.has_begun = true;
        let Self { walk, index, left, .. } = self;
        match walk.entry() {
            Ok(Some((ElementKey::ListItem(found), item))) if found == *index => Ok(Some((found, item))),
            Ok(_) => {
                *left = 0;
                Err(missing())
            }
            Err(error) => {
                *left = 0;
                Err(error)
            }
        }
    }

    #[inline]
    fn step(&mut self) {
        self.walk.advance();
        match self.direction {
            Direction::Ascending => self.index += 1,
            Direction::Descending => self.index -= 1,
        }
    }
}
