//! Keys gathered for those who write them, and the choice of how they come into the store.
//!
//! Uses the importer. Invariants: a bulk load is begun for a db that holds nothing, there is one at a time, and it has come to its end
//! before a key of another db is handed over; a key comes at most once in a lot that is committed as it is.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::engine::import::feed::Feed;
use crate::engine::import::load::{Importer, Item};
use crate::error::Result;

/// How many keys are committed together. Larger: writers wait for each other more often, as each holds that many of the 1,024
/// locks; smaller: each key bears more of a commit's fixed cost.
const BATCH_KEYS: usize = 128;

/// How many keys of one db are worth a bulk load, or how many bytes. Larger: more of a db waits until that is known; smaller: a load's
/// files and its syncs, some tens of milliseconds, are spent on what goes quicker without.
const LOAD_KEYS: usize = 1024;
const LOAD_BYTES: u64 = 256 << 10;

/// How many bytes of keys and values, unpacked, are committed together; a larger value goes alone. Larger: more memory; smaller:
/// more commits.
const BATCH_BYTES: u64 = 1 << 20;

/// Something to do for a thread that writes.
pub(super) enum Work {
    /// Different keys to restore in one commit.
    Restore(Vec<Item>),
    /// Keys for the bulk load under way.
    Feed(Vec<Item>),
    /// The bulk load has all of its keys.
    End,
}

/// More than may be on the way: such work is done alone.
const ALONE: u64 = u64::MAX;

/// Keys to hand over together.
pub(super) struct Lots<'a> {
    importer: &'a Importer<'a>,
    /// Takes work and how many bytes it is; answers whether to go on.
    send: &'a dyn Fn(Work, u64) -> bool,
    items: Vec<Item>,
    /// Those of a lot that is committed as it is.
    known: BTreeSet<(u32, Bytes)>,
    bytes: u64,
    /// Keys that came.
    count: u64,
    /// The db into which a bulk load is under way.
    loading: Option<u32>,
    /// Whether the lot waits for enough keys for one.
    waits: bool,
    /// Whether the lot has to come after those before it, as it has a key that they had.
    is_late: bool,
}

impl<'a> Lots<'a> {
    pub(super) fn new(importer: &'a Importer<'a>, send: &'a dyn Fn(Work, u64) -> bool) -> Self {
        let (items, known) = (Vec::new(), BTreeSet::new());
        Self { importer, send, items, known, bytes: 0, count: 0, loading: None, waits: false, is_late: false }
    }

    /// Adds a key; hands over first what was gathered before, if this key does not go with it, and then this key, if it goes
    /// alone. Answers whether to go on.
    pub(super) fn add(&mut self, mut item: Item, bytes: u64) -> Result<bool> {
        let bytes = bytes.saturating_add(u64::try_from(item.key.len()).unwrap_or(u64::MAX));
        item.number = self.count;
        self.count += 1;
        if self.loading.is_some_and(|db| db != item.db) && !self.end_load()? {
            return Ok(false);
        }
        let is_full = self.has_enough(item.db)? || self.bytes.saturating_add(bytes) > BATCH_BYTES;
        let name = (item.db, item.key.clone());
        let comes_twice = self.loading.is_none() && self.known.contains(&name);
        if (is_full || comes_twice) && !self.hand_over(is_full)? {
            return Ok(false);
        }
        self.is_late |= comes_twice;
        // What was handed over may have begun a load, and of another db.
        if self.loading.is_some_and(|db| db != item.db) && !self.end_load()? {
            return Ok(false);
        }
        if self.loading.is_none() {
            self.known.insert(name);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.items.push(item);
        // WHY at once: the next value, which may be as large, is read only when this one is written.
        if self.bytes > BATCH_BYTES { self.hand_over(true) } else { Ok(true) }
    }

    /// Hands over what is left, and ends the load under way.
    pub(super) fn end(&mut self) -> Result<()> {
        self.end_load().map(drop)
    }

    fn end_load(&mut self) -> Result<bool> {
        let handed_over = self.hand_over(false)?;
        match self.loading.take() {
            Some(_) => Ok((self.send)(Work::End, ALONE) && handed_over),
            None => Ok(handed_over),
        }
    }

    /// Hands over what was gathered. A lot that is full, and of one db that holds nothing, begins a bulk load.
    fn hand_over(&mut self, is_full: bool) -> Result<bool> {
        if self.items.is_empty() {
            return Ok(true);
        }
        let is_worth_it = is_full && (self.items.len() >= LOAD_KEYS || self.bytes >= LOAD_BYTES);
        if self.loading.is_none()
            && is_worth_it
            && let Some(db) = self.only_db()
            && self.items.iter().all(|item| item.db == db)
            && Feed::may_begin(self.importer, db)?
        {
            *self.importer.feed.write() = Some(Feed::begin(self.importer, db)?);
            self.loading = Some(db);
        }
        self.known.clear();
        self.waits = false;
        let is_late = std::mem::take(&mut self.is_late);
        let (mut items, bytes) = (std::mem::take(&mut self.items), std::mem::take(&mut self.bytes));
        if self.loading.is_some() {
            return Ok((self.send)(Work::Feed(items), bytes));
        }
        // It may have waited in vain.
        let share = bytes / u64::try_from(items.len().div_ceil(BATCH_KEYS)).unwrap_or(1).max(1);
        let share = if is_late { ALONE } else { share };
        while !items.is_empty() {
            let rest = items.split_off(items.len().min(BATCH_KEYS));
            if !(self.send)(Work::Restore(std::mem::replace(&mut items, rest)), share) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Tells whether there are enough keys to hand over, before one of this db is added.
    fn has_enough(&mut self, db: u32) -> Result<bool> {
        let count = self.items.len();
        if count < BATCH_KEYS || self.loading.is_some() {
            return Ok(count >= BATCH_KEYS);
        }
        if count == BATCH_KEYS {
            self.waits = self.only_db() == Some(db) && Feed::may_begin(self.importer, db)?;
        }
        let goes_on = self.waits && self.only_db() == Some(db) && count < LOAD_KEYS && self.bytes < LOAD_BYTES;
        Ok(!goes_on)
    }

    /// The db of all keys of the lot, if it is one.
    fn only_db(&self) -> Option<u32> {
        let (first, last) = (self.known.first()?.0, self.known.last()?.0);
        (first == last).then_some(first)
    }
}
