//! Collections of a load that lie apart from their records: gathered by family, and written to files once there are enough.
//!
//! May use the births, the ids and `store`. Invariants: the ids of one file are a run that nobody else's file reaches into; an id is
//! known to [`Taken`] before anything is written under it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::encoding::{Body, CollectionId, DataFamily, DataType, LIST_MIDDLE, Meta, UnixMillis};
use crate::engine::Engine;
use crate::engine::bulk::series::Series;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::store::{Family, FileShape, Scratch};

/// Collections of one file at the most. WHY: their ids are taken while no birth of the family can be under way.
const MAX_COLLECTIONS: usize = 1 << 16;

/// What becomes of a collection's record, but for its id.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Draft {
    /// Of the value, among all of the load.
    pub(in crate::engine) number: u64,
    pub(in crate::engine) data_type: DataType,
    pub(in crate::engine) created_at: UnixMillis,
    pub(in crate::engine) expires_at: Option<UnixMillis>,
    pub(in crate::engine) size: u64,
}

impl Draft {
    /// The record of a value that lies in this body.
    pub(super) fn record(self, body: Body) -> Meta {
        let Self { data_type, created_at, expires_at, size, .. } = self;
        Meta { data_type, body, created_at, updated_at: created_at, expires_at, size }
    }

    fn record_under(self, id: CollectionId) -> Meta {
        self.record(match self.data_type {
            DataType::List => Body::List { id, head: LIST_MIDDLE },
            _ => Body::Elements(id),
        })
    }
}

/// The ids that a load has taken, and its files.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Runs of counters.
    pub(super) ids: Vec<(DataFamily, Range<u64>)>,
    pub(super) files: BTreeMap<DataFamily, Vec<PathBuf>>,
}

/// A collection that waits to be written.
#[derive(Debug)]
struct Waiting {
    /// Where its elements end in the block.
    end: usize,
    key: Vec<u8>,
    draft: Draft,
}

/// The collections of one family that wait.
#[derive(Debug, Default)]
struct Block {
    /// Elements, each as the lengths of its tail and its value, then the two.
    elements: Vec<u8>,
    collections: Vec<Waiting>,
}

/// The collections of all families that wait.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    families: BTreeMap<DataFamily, Block>,
    held_bytes: usize,
}

/// What files are written with.
pub(super) struct Files<'a> {
    pub(super) engine: &'a Engine,
    pub(super) scratch: &'a Arc<Scratch>,
    pub(super) taken: &'a mut Taken,
}

/// Takes the key, the number and the record of a collection that was written.
pub(super) type Record<'r> = &'r mut dyn FnMut(&[u8], u64, &Meta) -> Result<()>;

impl Blocks {
    /// Adds the elements of the collection that is being given. Their tails ascend.
    pub(super) fn add(&mut self, family: DataFamily, tail: &[u8], value: &[u8]) -> Result<()> {
        let block = self.families.entry(family).or_default();
        for part in [tail, value] {
            let length = u32::try_from(part.len()).map_err(|_| Error::overflow())?;
            block.elements.extend_from_slice(&length.to_be_bytes());
        }
        block.elements.extend_from_slice(tail);
        block.elements.extend_from_slice(value);
        self.held_bytes += 8 + tail.len() + value.len();
        Ok(())
    }

    /// Ends a collection; returns whether its family has enough for a file of the most collections.
    pub(super) fn end(&mut self, family: DataFamily, key: &[u8], draft: Draft) -> bool {
        let block = self.families.entry(family).or_default();
        self.held_bytes += key.len() + size_of::<Waiting>();
        block.collections.push(Waiting { end: block.elements.len(), key: key.to_vec(), draft });
        block.collections.len() >= MAX_COLLECTIONS
    }

    /// Forgets the elements of the collection that is being given.
    pub(super) fn forget_open(&mut self, family: DataFamily) {
        if let Some(block) = self.families.get_mut(&family) {
            let end = block.collections.last().map_or(0, |last| last.end);
            self.held_bytes = self.held_bytes.saturating_sub(block.elements.len() - end);
            block.elements.truncate(end);
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Writes the family with the most to files.
    pub(super) fn write_largest(&mut self, files: &mut Files<'_>, record: Record<'_>) -> Result<()> {
        let largest = self.families.iter().max_by_key(|(_, block)| block.elements.len());
        match largest.map(|(family, _)| *family) {
            Some(family) => self.write(family, files, record),
            None => Ok(()),
        }
    }

    /// Writes everything to files.
    pub(super) fn write_all(&mut self, files: &mut Files<'_>, record: Record<'_>) -> Result<()> {
        while let Some(family) = self.families.keys().next().copied() {
            self.write(family, files, record)?;
        }
        Ok(())
    }

    pub(super) fn write(&mut self, family: DataFamily, files: &mut Files<'_>, record: Record<'_>) -> Result<()> {
        let Some(block) = self.families.remove(&family) else { return Ok(()) };
        let waiting = block.collections.iter().map(|one| one.key.len() + size_of::<Waiting>()).sum::<usize>();
        self.held_bytes = self.held_bytes.saturating_sub(block.elements.len() + waiting);
        if self.families.is_empty() {
            self.held_bytes = 0;
        }
        let ids = files.take_ids(family, block.collections.len())?;
        let shape = FileShape::of(Family::Data(family), &files.engine.options)?;
        let Some(first) = ids.first() else { return Ok(()) };
        let mut rows = Rows::new(files, &shape, *first);
        let mut rest = block.elements.as_slice();
        let mut start = 0;
        for (collection, id) in block.collections.iter().zip(ids) {
            let (mut own, others) = rest.split_at_checked(collection.end - start).unwrap_or_default();
            rows.id = id;
            while let Some((tail, value, behind)) = split_element(own) {
                rows.put(tail, value)?;
                own = behind;
            }
            (rest, start) = (others, collection.end);
            record(&collection.key, collection.draft.number, &collection.draft.record_under(id))?;
        }
        rows.finish()
    }
}

/// Cuts the first element off.
fn split_element(elements: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (tail_bytes, rest) = elements.split_first_chunk::<4>()?;
    let (value_bytes, rest) = rest.split_first_chunk::<4>()?;
    let (tail, rest) = rest.split_at_checked(u32::from_be_bytes(*tail_bytes) as usize)?;
    let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*value_bytes) as usize)?;
    Some((tail, value, rest))
}

impl Files<'_> {
    /// Takes a run of ids.
    fn take_ids(&mut self, family: DataFamily, count: usize) -> Result<Vec<CollectionId>> {
        let engine = self.engine;
        let mut ids = Vec::with_capacity(count);
        let take = || (0..count).try_for_each(|_| engine.ids.take(&engine.db, family).map(|id| ids.push(id)));
        let all_taken = engine.births.between(&engine.db, family, take).inspect_err(|_| engine.ids.doubt());
        // Those before one that could not be had are taken, too.
        if let (Some(first), Some(last)) = (ids.first(), ids.last()) {
            let run = first.counter()..last.counter() + 1;
            self.taken.ids.push((family, run.clone()));
            self.scratch.note_ids(family, &run)?;
        }
        failpoint!("bulk::ids_taken");
        all_taken.map(|()| ids)
    }

    /// Writes one collection to files of its own, under an id of its own. `feed` is given what takes its elements in the order of
    /// their tails, and returns the collection's size.
    pub(super) fn write_alone(
        &mut self,
        family: DataFamily,
        draft: Draft,
        feed: impl FnOnce(&mut Rows<'_>) -> Result<u64>,
    ) -> Result<Meta> {
        let id = self.take_ids(family, 1)?.first().copied().ok_or_else(Error::overflow)?;
        let shape = FileShape::of(Family::Data(family), &self.engine.options)?;
        let mut rows = Rows::new(self, &shape, id);
        let size = feed(&mut rows)?;
        rows.finish()?;
        Ok(Draft { size, ..draft }.record_under(id))
    }
}

/// Writes elements of one family in the order of their keys, to as many files as they need.
pub(super) struct Rows<'a> {
    files: Series<'a>,
    /// The collection to which the elements belong.
    id: CollectionId,
    key: Vec<u8>,
}

impl<'a> Rows<'a> {
    fn new(files: &'a mut Files<'_>, shape: &'a FileShape, id: CollectionId) -> Self {
        let paths = files.taken.files.entry(id.family()).or_default();
        let files = Series::new(shape, files.scratch, paths, files.engine.options.file_bytes);
        Self { files, id, key: Vec::new() }
    }

    /// Writes an element.
    pub(super) fn put(&mut self, tail: &[u8], value: &[u8]) -> Result<()> {
        self.key.clear();
        self.key.extend_from_slice(&self.id.to_be_bytes());
        self.key.extend_from_slice(tail);
        self.files.put(&self.key, value)
    }

    fn finish(self) -> Result<()> {
        let finished = self.files.finish();
        failpoint!("bulk::file_written");
        finished
    }
}
