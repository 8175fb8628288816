//! The records of the published encoding, and what all ways to give space back do with them.
//!
//! Uses `../../../common/bare.rs` and the public encoding. Invariant: a batch holds all records of its changes.

use std::time::Duration;

use rocksdb::statistics::Ticker;
use rocksdb::{
    BottommostLevelCompaction, ColumnFamily, CompactOptions, DB, DBRawIterator, FlushOptions, ReadOptions, WriteBatch,
};

use super::super::Ids;
use crate::bare::{Bare, keyspace, meta_key};
use crate::workload::{Step, Workload, mixed};

/// What the tag of a set's members is in windrow's format, and stands here too.
const MEMBER_TAG: u8 = 0x20;
/// The length of a meta record, as windrow's.
pub(crate) const META_BYTES: usize = 48;
/// Entries of one commit. Tried with scan-1 and range-each: 100, 1,000 and 10,000, all the same but for noise.
pub(crate) const BATCH: usize = 1_000;
/// What time is when a run begins; only differences count.
const START_MILLIS: u64 = 1_000_000;

/// A collection's number.
pub(crate) type Id = [u8; 8];

/// The records of the published encoding.
pub(crate) struct Records {
    bare: Bare,
    family: Family,
}

/// Where the elements lie, and how their ids are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    ids: Ids,
    name: &'static str,
    /// The first byte of ordered ids.
    number: u64,
}

/// Chooses the family of windrow's that is set up as it suits the ids: with late writes, ordered ids have a growing one.
pub(crate) fn family(ids: Ids, has_late_writes: bool) -> Family {
    let (name, number) = match (ids, has_late_writes) {
        (Ids::Random, _) => ("data-0", 0),
        (Ids::Ordered, false) => ("data-1", 1),
        (Ids::Ordered, true) => ("data-2", 2),
    };
    Family { ids, name, number }
}

impl Records {
    pub(crate) fn new(bare: Bare, family: Family) -> Self {
        Self { bare, family }
    }

    pub(crate) fn ticker(&self, ticker: Ticker) -> u64 {
        self.bare.ticker(ticker)
    }

    pub(crate) fn db(&self) -> &DB {
        self.bare.db()
    }

    pub(crate) fn meta(&self) -> &ColumnFamily {
        self.bare.meta()
    }

    fn expire(&self) -> &ColumnFamily {
        self.bare.family("expire")
    }

    pub(crate) fn gc(&self) -> &ColumnFamily {
        self.bare.family("gc")
    }

    /// Where the elements lie.
    pub(crate) fn data(&self) -> &ColumnFamily {
        self.bare.family(self.data_name())
    }

    pub(crate) fn data_name(&self) -> &'static str {
        self.family.name
    }

    pub(crate) fn id(&self, index: u64) -> Id {
        match self.family.ids {
            Ids::Random => mixed(index).to_be_bytes(),
            Ids::Ordered => (self.family.number << 56 | (index + 1)).to_be_bytes(),
        }
    }

    /// Makes one call's changes to a collection, at a time.
    ///
    /// In favour of the baselines, what is there is not read before: a set is told how many members are new, these are not.
    pub(crate) fn write(&self, workload: &Workload, step: &Step, now: Duration) {
        let (id, user_key) = (self.id(step.index), workload.key(step.index));
        let expires_at = workload.lifetime(step.index).map(|lifetime| START_MILLIS + millis(now + lifetime));
        let first = expires_at.filter(|_| !workload.gets_life_late());
        let mut batch = WriteBatch::default();
        self.put_meta(&mut batch, &user_key, id, first.filter(|_| step.is_birth()), first);
        for member in workload.members_of(step) {
            // WHY the user key: a filter has to find the meta record, and the id does not lead there.
            batch.put_cf(self.data(), [&id[..], &[MEMBER_TAG], &member].concat(), &user_key);
        }
        self.db().write(batch).expect("write a collection");
        if workload.gets_life_late() {
            let mut batch = WriteBatch::default();
            self.put_meta(&mut batch, &user_key, id, expires_at, expires_at);
            self.db().write(batch).expect("let a collection expire");
        }
    }

    /// Puts a meta record, and an expire entry if the time to live is `new`.
    fn put_meta(&self, batch: &mut WriteBatch, user_key: &[u8], id: Id, new: Option<u64>, expires_at: Option<u64>) {
        let mut meta = [0; META_BYTES];
        for (place, bytes) in meta.chunks_exact_mut(8).zip([id, expires_at.unwrap_or(0).to_be_bytes()]) {
            place.copy_from_slice(&bytes);
        }
        batch.put_cf(self.meta(), meta_key(user_key), meta);
        if let Some(expires_at) = new {
            batch.put_cf(self.expire(), expire_key(expires_at, user_key), id);
        }
    }

    /// Deletes a collection that has no time to live.
    pub(crate) fn delete(&self, user_key: &[u8], id: Id, writes_gc: bool) {
        let mut batch = WriteBatch::default();
        batch.delete_cf(self.meta(), meta_key(user_key));
        if writes_gc {
            batch.put_cf(self.gc(), gc_key(&id), []);
        }
        self.db().write(batch).expect("delete a collection");
    }

    /// Moves what is due from the expire family to the gc family, in pages.
    pub(crate) fn reap(&self, lived: Duration, writes_gc: bool) {
        let now_millis = START_MILLIS + millis(lived);
        let mut read = ReadOptions::default();
        read.set_iterate_upper_bound((now_millis + 1).to_be_bytes());
        let mut due = self.db().raw_iterator_cf_opt(self.expire(), read);
        due.seek_to_first();
        while due.valid() {
            let mut batch = WriteBatch::default();
            while batch.len() < 3 * BATCH
                && let Some((key, id)) = due.item()
            {
                batch.delete_cf(self.meta(), meta_key(&key[EXPIRE_PREFIX..]));
                batch.delete_cf(self.expire(), key);
                if writes_gc {
                    batch.put_cf(self.gc(), gc_key(id), []);
                }
                due.next();
            }
            self.db().write(batch).expect("reap a page");
        }
        due.status().expect("read the expire family");
    }

    /// Opens an iterator over the gc records that begin with `first` or come later.
    pub(crate) fn dead_ids(&self, first: Id) -> DBRawIterator<'_> {
        let mut dead = self.db().raw_iterator_cf(self.gc());
        dead.seek(gc_key(&first));
        dead
    }

    /// Reads the ids of all collections that have a meta record.
    pub(crate) fn live_ids(&self) -> Vec<Id> {
        let mut records = self.db().raw_iterator_cf(self.meta());
        records.seek_to_first();
        let mut live = Vec::new();
        while let Some(record) = records.value() {
            live.push(id_at(record, 0));
            records.next();
        }
        live
    }

    /// Removes all gc records by one range.
    pub(crate) fn forget_gc_records(&self) {
        let (first, end) = (gc_key(&[0; 8]), gc_key(&[u8::MAX; 8]));
        self.db().delete_range_cf(self.gc(), first, end).expect("delete gc records");
    }

    /// Writes all buffers to files, so that the log goes.
    pub(crate) fn flush(&self) {
        for family in self.families() {
            self.db().flush_cf_opt(family, &FlushOptions::default()).expect("flush");
        }
    }

    /// Makes the file system see it: flushes, and compacts what was deleted.
    ///
    /// WHY the small families too: their dead records are 2% to 3% of all.
    pub(crate) fn return_space(&self) {
        self.flush();
        for family in self.families() {
            self.compact(family);
        }
    }

    /// Lets RocksDB compact the elements by itself, or not.
    pub(crate) fn let_compact(&self, may: bool) {
        let value = if may { "false" } else { "true" };
        self.db()
            .set_options_cf(self.data(), &[("disable_auto_compactions", value)])
            .expect("an option that can change");
    }

    fn families(&self) -> [&ColumnFamily; 4] {
        [self.data(), self.meta(), self.expire(), self.gc()]
    }

    /// Compacts all of a family, the lowest level too, without doing anything twice.
    fn compact(&self, family: &ColumnFamily) {
        let mut compact = CompactOptions::default();
        compact.set_exclusive_manual_compaction(false);
        compact.set_bottommost_level_compaction(BottommostLevelCompaction::ForceOptimized);
        self.db().compact_range_cf_opt(family, None::<&[u8]>, None::<&[u8]>, &compact);
    }
}

/// What stands before the user key in an expire key: the time and the keyspace.
const EXPIRE_PREFIX: usize = 12;

fn expire_key(expires_at: u64, user_key: &[u8]) -> Vec<u8> {
    [&expires_at.to_be_bytes()[..], &keyspace().get().to_be_bytes(), user_key].concat()
}

fn gc_key(id: &[u8]) -> Vec<u8> {
    [&keyspace().get().to_be_bytes()[..], id].concat()
}

/// The id of a gc record's key.
pub(crate) fn id_of_gc_key(key: &[u8]) -> Id {
    id_at(key, 4)
}

/// The id that stands in a key or record at a place.
pub(crate) fn id_at(bytes: &[u8], place: usize) -> Id {
    bytes[place..place + 8].try_into().expect("eight bytes")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a short time")
}
