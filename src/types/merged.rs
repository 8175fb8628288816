//! A walk over a collection's elements in the database and over what a transaction changed of them, as if they were one.
//!
//! May use the overlay and `store`'s cursor. Invariant: what is put or deleted there hides what the database holds; both
//! are met in the order of the walk.

use std::cmp::Ordering;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::store::Cursor;
use crate::types::overlay::Changes;
use crate::types::{Direction, TailRange};

/// The walk.
pub(crate) struct Merged {
    /// `None` if the database holds nothing of the collection.
    cursor: Option<Cursor>,
    changes: Arc<Changes>,
    direction: Direction,
    range: TailRange,
    /// The first change that the walk has not passed.
    next: Option<(Vec<u8>, Option<Bytes>)>,
    /// Whether the walk stands on that change, or on what is under the cursor.
    is_on_change: bool,
    failed: Option<Error>,
}

impl Merged {
    /// Opens a walk over a range that is not empty; the cursor is at its beginning.
    pub(crate) fn open(cursor: Option<Cursor>, changes: Arc<Changes>, range: &TailRange, direction: Direction) -> Self {
        let range = range.clone();
        let mut merged = Self { cursor, changes, direction, range, next: None, is_on_change: false, failed: None };
        merged.next = merged.first_change();
        merged.settle();
        merged
    }

    /// Returns the tail and the value of the element under the walk, `None` behind the last.
    pub(crate) fn entry(&self) -> Result<Option<(&[u8], &[u8])>> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match &self.next {
            Some((tail, Some(value))) if self.is_on_change => Ok(Some((tail, value))),
            _ => self.under_cursor(),
        }
    }

    /// Moves to the next element.
    pub(crate) fn advance(&mut self) {
        if self.is_on_change {
            self.pass_change();
        } else {
            self.step_cursor();
        }
        self.settle();
    }

    /// Finds what comes first: passes over what is deleted, and over what is hidden.
    fn settle(&mut self) {
        loop {
            let order = match (self.under_cursor(), &self.next) {
                (Err(error), _) => {
                    self.failed = Some(error);
                    return;
                }
                (Ok(_), None) => Ordering::Less,
                (Ok(None), Some(_)) => Ordering::Greater,
                (Ok(Some((tail, _))), Some((changed, _))) => match self.direction {
                    Direction::Ascending => tail.cmp(changed.as_slice()),
                    Direction::Descending => changed.as_slice().cmp(tail),
                },
            };
            self.is_on_change = order == Ordering::Greater;
            match order {
                Ordering::Less => return,
                Ordering::Equal => self.step_cursor(),
                Ordering::Greater if matches!(self.next, Some((_, None))) => self.pass_change(),
                Ordering::Greater => return,
            }
        }
    }

    fn under_cursor(&self) -> Result<Option<(&[u8], &[u8])>> {
        let entry = self.cursor.as_ref().map(Cursor::entry).transpose()?.flatten();
        Ok(entry.map(|(key, value)| (key.get(8..).unwrap_or_default(), value)))
    }

    fn step_cursor(&mut self) {
        if let Some(cursor) = &mut self.cursor {
            match self.direction {
                Direction::Ascending => cursor.advance(),
                Direction::Descending => cursor.retreat(),
            }
        }
    }

    fn first_change(&self) -> Option<(Vec<u8>, Option<Bytes>)> {
        let (lower, upper) = (self.range.lower.as_slice(), self.range.upper.as_slice());
        self.change_within(Bound::Included(lower), Bound::Excluded(upper))
    }

    fn pass_change(&mut self) {
        if let Some((passed, _)) = self.next.take() {
            let (lower, upper) = (self.range.lower.as_slice(), self.range.upper.as_slice());
            self.next = match self.direction {
                Direction::Ascending => self.change_within(Bound::Excluded(&passed), Bound::Excluded(upper)),
                Direction::Descending => self.change_within(Bound::Included(lower), Bound::Excluded(&passed)),
            };
        }
    }

    /// The change with which a walk over these bounds begins. They are in order, and not both excluded at one place.
    fn change_within(&self, lower: Bound<&[u8]>, upper: Bound<&[u8]>) -> Option<(Vec<u8>, Option<Bytes>)> {
        let mut changes = self.changes.tails().range::<[u8], _>((lower, upper));
        let found = match self.direction {
            Direction::Ascending => changes.next(),
            Direction::Descending => changes.next_back(),
        };
        found.map(|(tail, value)| (tail.clone(), value.clone()))
    }
}
