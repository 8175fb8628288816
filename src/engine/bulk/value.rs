//! One value of a load: its elements as they are given, and where they lie in the end.
//!
//! May use the sorter and the blocks. Invariant: what comes to its end is known by its record alone, and what does not leaves no trace.

use std::sync::Arc;

use bytes::Bytes;

use crate::encoding::{
    Body, DataFamily, DataType, ElementKey, Habit, KeyLayout, KeyspaceNo, Meta, MetaKey, PackedEntry,
    STRING_PIECE_BYTES, Tag, encode_packed, packed_entry_bytes,
};
use crate::engine::Engine;
use crate::engine::bulk::blocks::{Blocks, Draft, Files, Record};
use crate::engine::bulk::finish::Stage;
use crate::engine::bulk::load::Load;
use crate::engine::bulk::sorter::{Sorter, Winner};
use crate::error::Result;
use crate::store::Scratch;
use crate::types::{Limits, Lot};

/// A value that is being given.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Given {
    pub(in crate::engine) draft: Draft,
    pub(in crate::engine) habit: Option<Habit>,
    pub(in crate::engine) keyspace: Option<KeyspaceNo>,
}

/// What a value has come to.
pub(in crate::engine) enum Closed {
    /// It has no elements: its key is to hold nothing.
    Empty,
    /// It fits into its record.
    Record(Meta),
    /// Its elements lie apart.
    Apart(Draft),
}

/// The elements of one value after the other.
pub(in crate::engine) struct Values {
    elements: Sorter,
    /// Those of a sorted set by score.
    scores: Sorter,
    /// How many elements the value was given.
    given: u64,
}

impl Values {
    pub(in crate::engine) fn new(scratch: &Arc<Scratch>, limit_bytes: usize) -> Self {
        let sorter = || Sorter::new(scratch, Winner::Last, limit_bytes);
        Self { elements: sorter(), scores: sorter(), given: 0 }
    }

    pub(super) fn set_limit(&mut self, bytes: usize) {
        self.elements.set_limit(bytes);
        self.scores.set_limit(bytes);
    }

    /// Begins a value in place of the one before, whether or not that came to its end.
    pub(in crate::engine) fn begin(&mut self) {
        self.elements.clear();
        self.given = 0;
    }

    pub(in crate::engine) fn put(&mut self, key: &ElementKey<'_>, value: &[u8]) -> Result<()> {
        self.given += 1;
        self.elements.push(&key.encode_tail(), value)
    }

    /// Tells whether an element was given twice. Costs sorting them; where they went to files, a read of these.
    pub(in crate::engine) fn has_doubles(&mut self) -> Result<bool> {
        if self.elements.is_in_memory() {
            return Ok(self.elements.count_sorted() != self.given);
        }
        let mut different = 0;
        let mut merged = self.elements.merged()?;
        while merged.advance()? {
            different += 1;
        }
        Ok(different != self.given)
    }

    /// Ends a string.
    pub(in crate::engine) fn string(&mut self, limits: &Limits, draft: Draft, value: &[u8]) -> Result<Closed> {
        let draft = Draft { size: u64::try_from(value.len()).unwrap_or(u64::MAX), ..draft };
        if value.len() <= limits.inline(draft.expires_at) {
            return Ok(Closed::Record(draft.record(Body::Inline(Bytes::copy_from_slice(value)))));
        }
        for (number, piece) in (0..).zip(value.chunks(STRING_PIECE_BYTES)) {
            self.put(&ElementKey::StringPiece(number), piece)?;
        }
        Ok(Closed::Apart(draft))
    }

    /// Ends a collection.
    pub(in crate::engine) fn collection(&mut self, limits: &Limits, draft: Draft) -> Result<Closed> {
        if !self.elements.is_in_memory() {
            return Ok(Closed::Apart(draft));
        }
        let size = self.elements.count_sorted();
        if size == 0 {
            return Ok(Closed::Empty);
        }
        let draft = Draft { size, ..draft };
        Ok(match self.packed(limits.packed(draft.expires_at), draft.data_type)? {
            Some(packed) => Closed::Record(draft.record(Body::Packed(packed.into()))),
            None => Closed::Apart(draft),
        })
    }

    /// Packs the elements in memory, `None` if they take more than fits into a record.
    fn packed(&mut self, limit: usize, data_type: DataType) -> Result<Option<Vec<u8>>> {
        if limit == 0 {
            return Ok(None);
        }
        let mut elements = self.elements.merged()?;
        let mut bytes = 0_usize;
        while elements.advance()? {
            let entry = packed_entry(data_type, elements.entry());
            bytes = bytes.saturating_add(packed_entry_bytes(data_type, entry.name.len(), entry.value.len()));
            if bytes > limit {
                return Ok(None);
            }
        }
        let entries = self.elements.sorted().map(|element| packed_entry(data_type, element));
        Ok(Some(encode_packed(data_type, entries)))
    }
}

impl Load {
    /// Takes a value that has come to its end.
    pub(in crate::engine) fn end(
        &mut self,
        values: &mut Values,
        key: &[u8],
        given: Given,
        closed: Closed,
    ) -> Result<()> {
        match closed {
            Closed::Empty => self.file(key, given.draft.number, None),
            Closed::Record(meta) => self.file(key, given.draft.number, Some(&meta)),
            Closed::Apart(draft) => self.end_apart(values, key, Given { draft, ..given }),
        }
    }

    /// Ends a value whose elements lie apart from its record. The family is chosen as that of a value which somebody
    /// writes whole.
    fn end_apart(&mut self, values: &mut Values, key: &[u8], given: Given) -> Result<()> {
        let Given { draft, habit, keyspace } = given;
        let engine = Arc::clone(&self.live.engine);
        let lot = Lot::with_habit(habit.or(Some(Habit::Closed)));
        let place = keyspace.map(|keyspace| (keyspace, key));
        let family = engine.place_birth(place, lot, draft.expires_at, draft.created_at).family;
        if !values.elements.is_in_memory() {
            return self.write_alone(&engine, values, key, family, draft);
        }
        let blocks = &mut self.blocks;
        let count = each_element(values, draft.data_type, |tail, value| blocks.add(family, tail, value))
            .inspect_err(|_| self.blocks.forget_open(family))?;
        let is_full = self.blocks.end(family, key, sized(draft, count));
        if is_full {
            self.write(|blocks, files, record| blocks.write(family, files, record))?;
        }
        while self.blocks.held_bytes() > self.memory_bytes / 2 {
            self.write(Blocks::write_largest)?;
        }
        Ok(())
    }

    /// Writes a collection that is larger than its share of the memory.
    fn write_alone(
        &mut self,
        engine: &Engine,
        values: &mut Values,
        key: &[u8],
        family: DataFamily,
        draft: Draft,
    ) -> Result<()> {
        let Self { scratch, taken, .. } = self;
        let mut files = Files { engine, scratch, taken };
        let written = files.write_alone(family, draft, |rows| {
            let count = each_element(values, draft.data_type, |tail, value| rows.put(tail, value))?;
            Ok(sized(draft, count).size)
        });
        let meta = written.inspect_err(|_| self.stage = Stage::Failed)?;
        values.elements.clear();
        values.scores.clear();
        self.file(key, draft.number, Some(&meta))
    }

    /// Has blocks written, and files the records of their collections.
    pub(super) fn write(
        &mut self,
        write: impl FnOnce(&mut Blocks, &mut Files<'_>, Record<'_>) -> Result<()>,
    ) -> Result<()> {
        let Self { blocks, records, taken, scratch, live, .. } = self;
        let layout = live.engine.directory.layout;
        let mut files = Files { engine: &live.engine, scratch, taken };
        let record: Record<'_> =
            &mut |key, number, meta| records.push(&place_of(layout, key), &numbered(number, Some(meta)));
        write(blocks, &mut files, record).inspect_err(|_| self.stage = Stage::Failed)
    }

    /// Files the record of a key, or that it is to hold nothing.
    pub(super) fn file(&mut self, key: &[u8], number: u64, meta: Option<&Meta>) -> Result<()> {
        self.records.push(&place_of(self.live.engine.directory.layout, key), &numbered(number, meta))
    }
}

/// A record, or nothing, behind the number of its value.
fn numbered(number: u64, meta: Option<&Meta>) -> Vec<u8> {
    let record = meta.map(Meta::encode).unwrap_or_default();
    [&number.to_be_bytes(), record.as_slice()].concat()
}

/// Reads what [`numbered`] wrote, without the number.
pub(super) fn unnumbered(record: &[u8]) -> Result<Option<Meta>> {
    match record.get(8..).unwrap_or_default() {
        [] => Ok(None),
        record => Ok(Some(Meta::decode(record)?)),
    }
}

/// What stands behind the keyspace in the key of a record: records are sorted by it.
fn place_of(layout: KeyLayout, key: &[u8]) -> Vec<u8> {
    let mut place = MetaKey::encode(layout, KeyspaceNo::MAX, key);
    place.drain(..MetaKey::prefix(KeyspaceNo::MAX).len());
    place
}

/// Strings know their size, and so many elements are no measure of it.
fn sized(draft: Draft, elements: u64) -> Draft {
    if draft.data_type == DataType::String { draft } else { Draft { size: elements, ..draft } }
}

/// Gives all elements in the order of their tails; returns how many there are, without the scores of a sorted set.
fn each_element(
    values: &mut Values,
    data_type: DataType,
    mut give: impl FnMut(&[u8], &[u8]) -> Result<()>,
) -> Result<u64> {
    let Values { elements, scores, .. } = values;
    scores.clear();
    let mut count = 0;
    let mut merged = elements.merged()?;
    while merged.advance()? {
        let (tail, value) = merged.entry();
        give(tail, value)?;
        count += 1;
        if data_type == DataType::SortedSet {
            let member = tail.get(1..).unwrap_or_default();
            scores.push(&[&[Tag::SortedScore.byte()], value, member].concat(), b"")?;
        }
    }
    let mut merged = scores.merged()?;
    while merged.advance()? {
        let (tail, value) = merged.entry();
        give(tail, value)?;
    }
    Ok(count)
}

fn packed_entry<'e>(data_type: DataType, (tail, value): (&'e [u8], &'e [u8])) -> PackedEntry<'e> {
    let name = if data_type == DataType::List { &[] } else { tail.get(1..).unwrap_or_default() };
    PackedEntry { name, value }
}
