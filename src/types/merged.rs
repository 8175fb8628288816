//! A walk over a collection's elements in the database and over what a transaction changed of them, as if they were one.
//!
//! May use the overlay, the reader and `store`'s cursor. Invariant: what is put or deleted there hides what the database holds;
//! both are met in the order of the walk.

use std::cmp::Ordering;
use std::ops::Bound;

use bytes::Bytes;

use crate::encoding::CollectionId;
use crate::error::{Error, Result};
use crate::store::Cursor;
use crate::types::overlay::Changes;
use crate::types::{Direction, Reader, TailRange};

/// So many deleted elements in a row are noted, so that the next walk leaps over them. Fewer: more notes; more: more
/// steps where nothing is.
const NOTED: u32 = 16;

#[cfg(test)]
thread_local! {
    /// How many deleted elements the walks of this thread have passed.
    pub(crate) static PASSED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// The walk.
pub(crate) struct Merged {
    id: CollectionId,
    /// `None` if the database holds nothing of the collection.
    cursor: Option<Cursor>,
    changes: Changes,
    direction: Direction,
    range: TailRange,
    /// The first change that the walk has not passed.
    next: Option<(Vec<u8>, Option<Bytes>)>,
    /// Whether the walk stands on that change, or on what is under the cursor.
    is_on_change: bool,
    failed: Option<Error>,
}

impl Merged {
    /// Opens a walk over a range that is not empty.
    pub(crate) fn open(
        reader: &Reader,
        id: CollectionId,
        changes: &Changes,
        range: &TailRange,
        direction: Direction,
    ) -> Self {
        let asked = range;
        let range = changes.gone().narrow(asked.clone());
        let is_empty = range.lower >= range.upper;
        let is_backwards = direction == Direction::Descending;
        let cursor = (!is_empty && !changes.is_whole()).then(|| reader.committed_elements(id, &range, is_backwards));
        let changes = changes.clone();
        let mut walk = Self { id, cursor, changes, direction, range, next: None, is_on_change: false, failed: None };
        if !is_empty {
            walk.next = walk.first_change();
            if walk.settle().is_some() {
                // Nothing lies before what it met first.
                let begins = match direction {
                    Direction::Ascending => asked.lower.clone(),
                    Direction::Descending => asked.upper.clone(),
                };
                walk.note_gone(begins);
            }
        }
        walk
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
        if let Some((begins, passed)) = self.settle()
            && passed >= NOTED
        {
            self.note_gone(begins);
        }
    }

    /// Moves a walk in ascending order to the first element at or behind `tail`, which lies not before the walk.
    pub(crate) fn skip_to(&mut self, tail: Vec<u8>) {
        self.leap(TailRange { lower: Vec::new(), upper: tail });
        self.settle();
    }

    /// Finds what comes first: passes over what is deleted, and over what is hidden. Returns where the first that is deleted
    /// lies (behind it for a walk that descends), and how many there were, if there was one.
    fn settle(&mut self) -> Option<(Vec<u8>, u32)> {
        let mut passed: Option<(Vec<u8>, u32)> = None;
        while let Some(hidden) = self.compare() {
            let Some((tail, None)) = &self.next else {
                // What is put there is met when the cursor has left what it hides.
                self.step_cursor();
                continue;
            };
            #[cfg(test)]
            PASSED.set(PASSED.get() + 1);
            match &mut passed {
                Some((_, count)) => *count += 1,
                None => {
                    let begins = match self.direction {
                        Direction::Ascending => tail.clone(),
                        Direction::Descending => [tail, &[0][..]].concat(),
                    };
                    passed = Some((begins, 1));
                }
            }
            match self.changes.gone().around(tail) {
                Some(stretch) => self.leap(stretch),
                None => {
                    if hidden == Ordering::Equal {
                        self.step_cursor();
                    }
                    self.pass_change();
                }
            }
        }
        passed
    }

    /// Says how the next change lies to what is under the cursor, `None` if the walk stands on an element or at its end:
    /// `Equal` if it hides that, `Greater` if it is a deletion that comes first.
    fn compare(&mut self) -> Option<Ordering> {
        let order = match (self.under_cursor(), &self.next) {
            (Err(error), _) => {
                self.failed = Some(error);
                return None;
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
            Ordering::Less => None,
            Ordering::Equal => Some(order),
            Ordering::Greater => matches!(self.next, Some((_, None))).then_some(order),
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

    /// Moves to the other side of a stretch, neither side before the walk.
    fn leap(&mut self, stretch: TailRange) {
        let under = |tail: &[u8]| [&self.id.to_be_bytes(), tail].concat();
        let range = &self.range;
        self.next = match self.direction {
            Direction::Ascending => {
                let first = stretch.upper.max(range.lower.clone());
                if let Some(cursor) = &mut self.cursor {
                    cursor.seek(&under(&first));
                }
                (first < range.upper).then(|| self.change_within(Bound::Included(&first), range.upper.as_slice()))
            }
            Direction::Descending => {
                let end = stretch.lower.min(range.upper.clone());
                if let Some(cursor) = &mut self.cursor {
                    let key = under(&end);
                    cursor.seek_back(&key);
                    if matches!(cursor.entry(), Ok(Some((found, _))) if found == key) {
                        cursor.retreat();
                    }
                }
                (range.lower < end).then(|| self.change_within(Bound::Included(range.lower.as_slice()), &end))
            }
        }
        .flatten();
    }

    /// Notes that nothing lies between a tail and where the walk stands.
    fn note_gone(&self, begins: Vec<u8>) {
        let Ok(here) = self.entry() else { return };
        let here = here.map(|(tail, _)| tail);
        let stretch = match self.direction {
            Direction::Ascending => TailRange { lower: begins, upper: here.unwrap_or(&self.range.upper).to_vec() },
            Direction::Descending => {
                let lower = here.map_or_else(|| self.range.lower.clone(), |tail| [tail, &[0][..]].concat());
                TailRange { lower, upper: begins }
            }
        };
        self.changes.gone().note(stretch);
    }

    fn first_change(&self) -> Option<(Vec<u8>, Option<Bytes>)> {
        self.change_within(Bound::Included(self.range.lower.as_slice()), &self.range.upper)
    }

    fn pass_change(&mut self) {
        if let Some((passed, _)) = self.next.take() {
            self.next = match self.direction {
                Direction::Ascending => self.change_within(Bound::Excluded(&passed), &self.range.upper),
                Direction::Descending => self.change_within(Bound::Included(self.range.lower.as_slice()), &passed),
            };
        }
    }

    /// The change with which a walk over these bounds begins; the upper one is excluded.
    fn change_within(&self, lower: Bound<&[u8]>, upper: &[u8]) -> Option<(Vec<u8>, Option<Bytes>)> {
        let tails = self.changes.tails();
        let found = match self.direction {
            Direction::Ascending => tails.first_from(lower).filter(|(tail, _)| tail.as_slice() < upper),
            Direction::Descending => tails.last_until(Bound::Excluded(upper)).filter(|(tail, _)| match lower {
                Bound::Included(lower) => tail.as_slice() >= lower,
                Bound::Excluded(lower) => tail.as_slice() > lower,
                Bound::Unbounded => true,
            }),
        };
        found.map(|(tail, value)| (tail.clone(), value.clone()))
    }
}
