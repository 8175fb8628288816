//! One value of a load: its elements as they are given, and where they lie in the end.
//!
//! May use the sorter and the blocks. Invariant: what comes to its end is known by its record alone, and what does not leaves no trace.

use std::sync::Arc;

use crate::encoding::{
    Body, DataFamily, DataType, ElementKey, Habit, KeyLayout, KeyspaceNo, Meta, MetaKey, PackedEntry, Tag,
    encode_packed, packed_entry_bytes,
};
use crate::engine::bulk::BulkLoad;
use crate::engine::bulk::blocks::{Blocks, Draft, Files, Record};
use crate::engine::bulk::finish::Stage;
use crate::engine::bulk::sorter::Sorter;
use crate::engine::{CreateOptions, Engine};
use crate::error::Result;
use crate::gc::PinKind;
use crate::types::{Birth, Lot};

/// A value that is being given.
#[derive(Clone, Copy)]
pub(super) struct Given {
    pub(super) draft: Draft,
    pub(super) habit: Option<Habit>,
    pub(super) keyspace: Option<KeyspaceNo>,
}

impl BulkLoad {
    /// Begins a value in place of the one that was given before and did not come to its end. `None` if its expiry has passed: it just
    /// takes away what the key holds.
    pub(super) fn begin_value(
        &mut self,
        data_type: DataType,
        key: &[u8],
        options: CreateOptions,
    ) -> Result<Option<Given>> {
        let engine = &self.live.engine;
        engine.check_writable()?;
        engine.check_key(key)?;
        let now = engine.pins.pin(PinKind::Read).now();
        let Birth { expires_at, habit } = options.birth(now)?;
        let keyspace = engine.keyspaces.current().find(&self.namespace, self.db).map(|found| found.number);
        self.elements.clear();
        self.given += 1;
        let number = self.given;
        if expires_at.is_some_and(|expires_at| expires_at <= now) {
            self.file(key, number, None)?;
            return Ok(None);
        }
        let draft = Draft { number, data_type, created_at: now, expires_at, size: 0 };
        Ok(Some(Given { draft, habit, keyspace }))
    }

    pub(super) fn put(&mut self, key: &ElementKey<'_>, value: &[u8]) -> Result<()> {
        self.elements.push(&key.encode_tail(), value)
    }

    /// Ends a collection.
    pub(super) fn end(&mut self, key: &[u8], given: Given) -> Result<()> {
        if self.elements.is_in_memory() {
            let size = self.elements.count_sorted();
            if size == 0 {
                return self.file(key, given.draft.number, None);
            }
            let draft = Draft { size, ..given.draft };
            if let Some(packed) = self.packed(draft)? {
                return self.file(key, draft.number, Some(&draft.record(Body::Packed(packed.into()))));
            }
        }
        self.end_apart(key, given)
    }

    /// Ends a value whose elements lie apart from its record. The family is chosen as that of a value which somebody
    /// writes whole.
    pub(super) fn end_apart(&mut self, key: &[u8], given: Given) -> Result<()> {
        let Given { draft, habit, keyspace } = given;
        let engine = Arc::clone(&self.live.engine);
        let lot = Lot::with_habit(habit.or(Some(Habit::Closed)));
        let place = keyspace.map(|keyspace| (keyspace, key));
        let family = engine.place_birth(place, lot, draft.expires_at, draft.created_at).family;
        if !self.elements.is_in_memory() {
            return self.write_alone(&engine, key, family, draft);
        }
        let Self { blocks, elements, scores, .. } = self;
        let count = each_element(elements, scores, draft.data_type, |tail, value| blocks.add(family, tail, value))
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
    fn write_alone(&mut self, engine: &Engine, key: &[u8], family: DataFamily, draft: Draft) -> Result<()> {
        let Self { scratch, taken, elements, scores, .. } = self;
        let mut files = Files { engine, scratch, taken };
        let written = files.write_alone(family, draft, |rows| {
            let count = each_element(elements, scores, draft.data_type, |tail, value| rows.put(tail, value))?;
            Ok(sized(draft, count).size)
        });
        let meta = written.inspect_err(|_| self.stage = Stage::Failed)?;
        self.elements.clear();
        self.scores.clear();
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

    /// Packs the elements in memory, `None` if they take more than fits into a record.
    fn packed(&mut self, draft: Draft) -> Result<Option<Vec<u8>>> {
        let limit = self.live.engine.limits().packed(draft.expires_at);
        if limit == 0 {
            return Ok(None);
        }
        let mut elements = self.elements.merged()?;
        let mut bytes = 0_usize;
        while elements.advance()? {
            let entry = packed_entry(draft.data_type, elements.entry());
            bytes = bytes.saturating_add(packed_entry_bytes(draft.data_type, entry.name.len(), entry.value.len()));
            if bytes > limit {
                return Ok(None);
            }
        }
        let entries = self.elements.sorted().map(|element| packed_entry(draft.data_type, element));
        Ok(Some(encode_packed(draft.data_type, entries)))
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
    elements: &mut Sorter,
    scores: &mut Sorter,
    data_type: DataType,
    mut give: impl FnMut(&[u8], &[u8]) -> Result<()>,
) -> Result<u64> {
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
