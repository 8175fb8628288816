//! Questions about ranks: answered by walking, or with the help of an index.
//!
//! May use the read path, the key locks and the indexes. Invariant: an answer is that of one moment; without an index, or
//! when anything about it is in doubt, it is found by walking.

use std::sync::Arc;

use crate::encoding::{CollectionId, Meta};
use crate::engine::ranks::index::{Index, State};
use crate::engine::read::Reading;
use crate::engine::zsets::as_zset;
use crate::engine::{Db, Engine, Source};
use crate::error::Result;
use crate::types::rank::{Chunks, CutNumber, DEEP, Question, Stretch};
use crate::types::{Elements, Reader};

/// How often a question looks again after it has counted or cut something. A question has up to two places, in different
/// chunks, and a chunk may be cut by another one meanwhile. More: longer until it walks after all.
const ATTEMPTS: u32 = 5;

/// The key that a question is about.
struct Asked<'k> {
    namespace: &'k [u8],
    db: u32,
    key: &'k [u8],
    id: CollectionId,
}

/// What the index says at the moment of a reading.
enum Looked {
    /// Where the places are in a set with this record, and which stretch should be cut first.
    Found { meta: Meta, stretches: Vec<Stretch>, to_cut: Option<Stretch> },
    /// Nothing was counted yet.
    Uncounted,
    /// The index is of no use.
    Useless,
}

impl<S: Source> Db<S> {
    /// Answers a question about a sorted set, `None` if it does not exist. What the answer goes on to read stands still as
    /// long as the reading lives.
    pub(in crate::engine) fn ask<Q: Question>(&self, key: &[u8], question: &Q) -> Result<(Reading, Option<Q::Answer>)> {
        let mut reading = self.begin()?;
        let engine = Arc::clone(reading.engine());
        if reading.is_steady() || engine.ranks.is_off() || !question.may_take_long() {
            return walk(reading, key, question);
        }
        if engine.ranks.is_empty() {
            reading = reading.steady();
        }
        let Some(mut meta) = as_zset(reading.live(key)?)? else {
            return Ok((reading, None));
        };
        // An index knows nothing of what a transaction has changed.
        let is_committed = |id: &CollectionId| reading.reader.changes(*id).is_none();
        let Some(id) = meta.id().filter(|id| meta.size > DEEP && is_committed(id)) else {
            return walk(reading, key, question);
        };
        let mut index = engine.ranks.find(id);
        if index.is_none() {
            if !reading.is_steady() {
                reading = reading.steady();
                match as_zset(reading.live(key)?)? {
                    Some(found) => meta = found,
                    None => return Ok((reading, None)),
                }
            }
            let elements = Elements::of(&reading.reader, &meta)?;
            if let Some(answer) = question.answer(&elements, meta.size, &[], DEEP)? {
                return Ok((reading, Some(answer)));
            }
            index = Some(engine.ranks.find_or_enter(id));
        }
        let asked = Asked { namespace: self.namespace(), db: self.number(), key, id };
        match index.map(|index| engine.through(&mut reading, &asked, &index, question)).transpose()?.flatten() {
            Some(answer) => Ok((reading, Some(answer))),
            None => walk(reading, key, question),
        }
    }
}

/// Answers without an index.
fn walk<Q: Question>(reading: Reading, key: &[u8], question: &Q) -> Result<(Reading, Option<Q::Answer>)> {
    let reading = reading.steady();
    let answer = match as_zset(reading.live(key)?)? {
        Some(meta) => question.answer(&Elements::of(&reading.reader, &meta)?, meta.size, &[], u64::MAX)?,
        None => None,
    };
    Ok((reading, answer))
}

impl Engine {
    /// Answers with the help of an index, counting and cutting what it lacks; `None` if it is of no use.
    fn through<Q: Question>(
        &self,
        reading: &mut Reading,
        asked: &Asked<'_>,
        index: &Arc<Index>,
        question: &Q,
    ) -> Result<Option<Q::Answer>> {
        self.ranks.touch(index);
        if !index.is_known() && !self.make_known(reading, asked, index)? {
            return Ok(None);
        }
        for attempt in 1..=ATTEMPTS {
            match look(reading, asked, index, question)? {
                Looked::Useless => {
                    if !index.is_valid() {
                        self.ranks.forget_this(asked.id, index);
                    }
                    return Ok(None);
                }
                Looked::Uncounted => {
                    count(reading, asked, index)?;
                    self.ranks.fit();
                }
                Looked::Found { to_cut: Some(stretch), .. } if attempt < ATTEMPTS => {
                    if let Some((number, stretch)) = begin_cut(reading, asked, index, &stretch)? {
                        let elements = Elements::under(&reading.reader, asked.id);
                        index.cut((number, &stretch), &elements, self.ranks.budget_bytes)?;
                        self.ranks.fit();
                    }
                }
                Looked::Found { meta, stretches, .. } => {
                    let elements = Elements::of(&reading.reader, &meta)?;
                    return question.answer(&elements, meta.size, &stretches, u64::MAX);
                }
            }
        }
        Ok(None)
    }

    /// Makes sure that every commit in flight has seen the index; returns whether that is so.
    ///
    /// WHY it is so under the key's lock: whatever changes a collection holds the lock of the key that links it. The db's
    /// name is looked up again, as dbs may have been swapped since the reading began, under other locks.
    fn make_known(&self, reading: &Reading, asked: &Asked<'_>, index: &Index) -> Result<bool> {
        let Some(_locked) = self.locks.try_lock((asked.namespace, asked.db, asked.key)) else {
            return Ok(false);
        };
        let Some(number) = self.keyspaces.current().find(asked.namespace, asked.db).map(|found| found.number) else {
            return Ok(false);
        };
        let present = Reader::new(&self.db, self.directory.layout, None);
        let is_linked = present.live(number, asked.key, reading.now)?.and_then(|meta| meta.id()) == Some(asked.id);
        if is_linked {
            index.set_known();
        }
        Ok(is_linked)
    }
}

/// Renews the reading, and returns the set's record if it is still the one that the index is of. The caller holds the
/// index's lock.
///
/// ORDER: the index is checked after the snapshot, as it may have been thrown away, and then miss commits, at any time.
fn renewed(reading: &mut Reading, asked: &Asked<'_>, index: &Index) -> Result<Option<Meta>> {
    reading.renew();
    if !index.is_valid() {
        return Ok(None);
    }
    Ok(reading.live(asked.key)?.filter(|meta| meta.id() == Some(asked.id)))
}

/// Looks up where the question's places are.
fn look<Q: Question>(reading: &mut Reading, asked: &Asked<'_>, index: &Index, question: &Q) -> Result<Looked> {
    let state = index.state.read();
    let chunks = match &*state {
        State::Counted(chunks) => chunks,
        State::Entered => return Ok(Looked::Uncounted),
        State::TooLarge => return Ok(Looked::Useless),
    };
    let Some(meta) = renewed(reading, asked, index)? else {
        return Ok(Looked::Useless);
    };
    if chunks.total() != meta.size {
        index.invalidate();
        return Ok(Looked::Useless);
    }
    let places = question.places(&Elements::of(&reading.reader, &meta)?, meta.size)?;
    let stretches: Vec<Stretch> = places.iter().filter_map(|place| chunks.find(place)).collect();
    if stretches.len() != places.len() {
        return Ok(Looked::Useless);
    }
    let to_cut = stretches.iter().find(|stretch| chunks.wants_cut(stretch)).cloned();
    Ok(Looked::Found { meta, stretches, to_cut })
}

/// Counts the set as one chunk.
fn count(reading: &mut Reading, asked: &Asked<'_>, index: &Index) -> Result<()> {
    let mut state = index.state.write();
    if let State::Entered = *state
        && let Some(meta) = renewed(reading, asked, index)?
    {
        *state = State::Counted(Chunks::whole(meta.size));
    }
    Ok(())
}

/// Begins to cut a stretch, as it is in the renewed reading. `None` if another question does that already.
fn begin_cut(
    reading: &mut Reading,
    asked: &Asked<'_>,
    index: &Index,
    stretch: &Stretch,
) -> Result<Option<(CutNumber, Stretch)>> {
    let mut state = index.state.write();
    match &mut *state {
        State::Counted(chunks) if renewed(reading, asked, index)?.is_some() => {
            Ok(chunks.begin_cut(&stretch.range.lower))
        }
        _ => Ok(None),
    }
}
