//! The elements of one collection, wherever they lie: packed in the record, or apart under an id.
//!
//! May use `encoding`, the reader and `store`'s cursor. Invariant: both places show the same elements under the
//! same keys in the same order, so that no data type asks where its elements lie.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;

use crate::encoding::{
    Body, CollectionId, DataType, ElementKey, LIST_MIDDLE, Meta, PackedEntries, PackedEntry, Score, Tag,
};
use crate::error::{Error, Result};
use crate::store::Cursor;
use crate::types::Reader;
use crate::types::merged::Merged;

/// The elements of one collection.
#[derive(Clone)]
pub(crate) struct Elements<'a> {
    place: Place,
    reader: &'a Reader,
}

#[derive(Clone)]
enum Place {
    Nowhere,
    Packed { data_type: DataType, body: Bytes },
    Apart(CollectionId),
}

/// Elements by their tail: what stands behind the id in their key.
pub(crate) type Tails = BTreeMap<Vec<u8>, Bytes>;

impl<'a> Elements<'a> {
    /// Finds the elements of a living key. What lies apart is read through `reader`.
    pub(crate) fn of(reader: &'a Reader, meta: &Meta) -> Result<Self> {
        let place = match &meta.body {
            Body::Elements(id) | Body::List { id, .. } => Place::Apart(*id),
            Body::Packed(body) => Place::Packed { data_type: meta.data_type, body: body.clone() },
            Body::Inline(_) => return Err(Error::corrupt("a collection's record holds a string")),
        };
        Ok(Self { place, reader })
    }

    /// The elements of a collection that does not exist.
    pub(crate) fn none(reader: &'a Reader) -> Self {
        Self { place: Place::Nowhere, reader }
    }

    /// The elements under an id.
    pub(crate) fn under(reader: &'a Reader, id: CollectionId) -> Self {
        Self { place: Place::Apart(id), reader }
    }

    /// Reads an element's value.
    pub(crate) fn get(&self, key: &ElementKey<'_>) -> Result<Option<Bytes>> {
        match &self.place {
            Place::Nowhere => Ok(None),
            Place::Packed { data_type, body } => find_packed(*data_type, body, key),
            Place::Apart(id) => self.reader.element(*id, key),
        }
    }

    /// Tells whether an element exists.
    pub(crate) fn has(&self, key: &ElementKey<'_>) -> Result<bool> {
        match &self.place {
            Place::Apart(id) => self.reader.has_element(*id, key),
            Place::Nowhere | Place::Packed { .. } => Ok(self.get(key)?.is_some()),
        }
    }

    /// Opens a walk over the elements whose tails lie in `range`, ascending or descending. What lies apart may
    /// change under a walk, unless the reader has a snapshot or its user the key's lock.
    pub(crate) fn walk(&self, range: &TailRange, direction: Direction) -> Result<Walk> {
        let source = match &self.place {
            Place::Nowhere => Source::nothing(),
            Place::Apart(_) if range.lower >= range.upper => Source::nothing(),
            Place::Packed { data_type, body } => {
                let entries: Vec<_> =
                    unpack(*data_type, body)?.into_iter().filter(|(tail, _)| range.contains(tail)).collect();
                Source::Packed { left: 0..entries.len(), entries }
            }
            Place::Apart(id) => match self.reader.changes(*id) {
                None => {
                    let is_backwards = direction == Direction::Descending;
                    Source::Apart(Box::new(self.reader.committed_elements(*id, range, is_backwards)))
                }
                Some(changes) => Source::Merged(Box::new(Merged::open(self.reader, *id, changes, range, direction))),
            },
        };
        Ok(Walk { source, direction })
    }

    /// Reads a packed collection whole; of any other one nothing.
    pub(crate) fn unpacked(&self) -> Result<Tails> {
        match &self.place {
            Place::Packed { data_type, body } => unpack(*data_type, body),
            Place::Nowhere | Place::Apart(_) => Ok(Tails::new()),
        }
    }

    /// Returns the id, if the elements lie apart.
    pub(crate) fn id(&self) -> Option<CollectionId> {
        match self.place {
            Place::Apart(id) => Some(id),
            Place::Nowhere | Place::Packed { .. } => None,
        }
    }
}

/// From which end a walk begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Direction {
    #[default]
    Ascending,
    Descending,
}

/// Tails from `lower`, included, to `upper`, excluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TailRange {
    pub(crate) lower: Vec<u8>,
    pub(crate) upper: Vec<u8>,
}

impl TailRange {
    /// All elements of one kind.
    pub(crate) fn all(tag: Tag) -> Self {
        // No tag is 0xff, so its successor is a byte.
        Self { lower: vec![tag.byte()], upper: vec![tag.byte() + 1] }
    }

    /// Begins at `key`.
    #[must_use]
    pub(crate) fn from(mut self, key: &ElementKey<'_>) -> Self {
        self.lower = key.encode_tail();
        self
    }

    /// Begins behind `key`.
    #[must_use]
    pub(crate) fn after(mut self, key: &ElementKey<'_>) -> Self {
        self.lower = successor(key);
        self
    }

    /// Ends before `key`.
    #[must_use]
    pub(crate) fn before(mut self, key: &ElementKey<'_>) -> Self {
        self.upper = key.encode_tail();
        self
    }

    /// Ends with `key`.
    #[must_use]
    pub(crate) fn through(mut self, key: &ElementKey<'_>) -> Self {
        self.upper = successor(key);
        self
    }

    /// Keeps what lies in `other` too.
    #[must_use]
    pub(crate) fn within(self, other: &Self) -> Self {
        Self { lower: self.lower.max(other.lower.clone()), upper: self.upper.min(other.upper.clone()) }
    }

    pub(crate) fn contains(&self, tail: &[u8]) -> bool {
        self.lower.as_slice() <= tail && tail < self.upper.as_slice()
    }
}

/// The smallest tail behind `key`'s: a zero byte more, as nothing lies between.
fn successor(key: &ElementKey<'_>) -> Vec<u8> {
    let mut tail = key.encode_tail();
    tail.push(0);
    tail
}

/// Walks over elements in the order of their keys.
pub(crate) struct Walk {
    source: Source,
    direction: Direction,
}

enum Source {
    Packed { entries: Vec<(Vec<u8>, Bytes)>, left: Range<usize> },
    Apart(Box<Cursor>),
    Merged(Box<Merged>),
}

impl Source {
    fn nothing() -> Self {
        Self::Packed { entries: Vec::new(), left: 0..0 }
    }
}

impl Walk {
    /// Returns the element under the walk and its value, `None` behind the last.
    #[inline]
    pub(crate) fn entry(&self) -> Result<Option<(ElementKey<'_>, &[u8])>> {
        let (tail, value) = match &self.source {
            Source::Packed { entries, left } => {
                let at = match self.direction {
                    Direction::Ascending => Some(left.start),
                    Direction::Descending => left.end.checked_sub(1),
                };
                match at.filter(|at| left.contains(at)).and_then(|at| entries.get(at)) {
                    Some((tail, value)) => (tail.as_slice(), value.as_ref()),
                    None => return Ok(None),
                }
            }
            Source::Apart(cursor) => match cursor.entry()? {
                Some((key, value)) => (key.get(8..).unwrap_or_default(), value),
                None => return Ok(None),
            },
            Source::Merged(merged) => match merged.entry()? {
                Some(entry) => entry,
                None => return Ok(None),
            },
        };
        Ok(Some((ElementKey::decode_tail(tail)?, value)))
    }

    /// Moves to the next element.
    #[inline]
    pub(crate) fn advance(&mut self) {
        match (&mut self.source, self.direction) {
            (Source::Packed { left, .. }, Direction::Ascending) => left.start = left.end.min(left.start + 1),
            (Source::Packed { left, .. }, Direction::Descending) => {
                left.end = left.start.max(left.end.saturating_sub(1))
            }
            (Source::Apart(cursor), Direction::Ascending) => cursor.advance(),
            (Source::Apart(cursor), Direction::Descending) => cursor.retreat(),
            (Source::Merged(merged), _) => merged.advance(),
        }
    }

    /// Moves a walk in ascending order to the first element at or behind `key`, which lies not before the walk.
    pub(crate) fn skip_to(&mut self, id: CollectionId, key: &ElementKey<'_>) -> Result<()> {
        match &mut self.source {
            Source::Apart(cursor) => cursor.seek(&key.encode(id)),
            Source::Merged(merged) => merged.skip_to(key.encode_tail()),
            Source::Packed { .. } => {
                let tail = key.encode_tail();
                while self.entry()?.is_some_and(|(here, _)| here.encode_tail() < tail) {
                    self.advance();
                }
            }
        }
        Ok(())
    }

    /// Moves over up to `count` elements; returns how many there were.
    pub(crate) fn skip(&mut self, count: u64) -> Result<u64> {
        let mut skipped = 0;
        while skipped < count && self.entry()?.is_some() {
            self.advance();
            skipped += 1;
        }
        Ok(skipped)
    }
}

/// Looks for one element in a packed body.
fn find_packed(data_type: DataType, body: &Bytes, key: &ElementKey<'_>) -> Result<Option<Bytes>> {
    let mut entries = PackedEntries::new(data_type, body);
    let found = match key {
        ElementKey::HashField(name) | ElementKey::SetMember(name) | ElementKey::SortedMember(name) => {
            find_named(entries, name)?
        }
        ElementKey::SortedScore(score, name) => {
            find_named(entries, name)?.filter(|value| *value == score.to_ordered_bytes()).map(|_| &[][..])
        }
        ElementKey::ListItem(index) => {
            let at = index.checked_sub(LIST_MIDDLE).and_then(|at| usize::try_from(at).ok());
            at.and_then(|at| entries.nth(at)).transpose()?.map(|entry| entry.value)
        }
        ElementKey::StringPiece(_) => None,
    };
    Ok(found.map(|value| if value.is_empty() { Bytes::new() } else { body.slice_ref(value) }))
}

fn find_named<'b>(entries: PackedEntries<'b>, name: &[u8]) -> Result<Option<&'b [u8]>> {
    for entry in entries {
        let entry = entry?;
        if entry.name >= name {
            return Ok((entry.name == name).then_some(entry.value));
        }
    }
    Ok(None)
}

/// Spreads a packed body out into the elements that it stands for.
fn unpack(data_type: DataType, body: &Bytes) -> Result<Tails> {
    let mut tails = Tails::new();
    let mut index = LIST_MIDDLE;
    for entry in PackedEntries::new(data_type, body) {
        let PackedEntry { name, value } = entry?;
        let owned = if value.is_empty() { Bytes::new() } else { body.slice_ref(value) };
        let key = match data_type {
            DataType::Hash => ElementKey::HashField(name),
            DataType::Set => ElementKey::SetMember(name),
            DataType::List => {
                index += 1;
                ElementKey::ListItem(index - 1)
            }
            DataType::SortedSet => {
                let score = Score::from_ordered_bytes(value.try_into().map_err(|_| unreadable())?)?;
                tails.insert(ElementKey::SortedScore(score, name).encode_tail(), Bytes::new());
                ElementKey::SortedMember(name)
            }
            DataType::String => return Err(Error::corrupt("a string is packed")),
        };
        tails.insert(key.encode_tail(), owned);
    }
    Ok(tails)
}

fn unreadable() -> Error {
    Error::corrupt("a packed score has not 8 bytes")
}
