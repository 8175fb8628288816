//! The published encoding over bare RocksDB, with a reaper and a reclaimer in threads of their own.
//!
//! Uses `../../../common/bare.rs` and the public encoding. Invariants: each change of a key is one commit, with all of its
//! records; ids are never reused; a change and a page of the reaper exclude each other.
//!
//! Records as in `../../strategy/published`, but that here keys are overwritten: a set reads the meta record first, buries the
//! old id with a gc record and takes the old expire entry away. What is done in the baselines' favour: one lock instead of
//! one for each key, nothing is counted on disk, the reaper goes on where it ended and steps over no tombstones of its own.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ::windrow::{Clock, Options};
use rocksdb::statistics::Ticker;
use rocksdb::{ColumnFamily, DB, ReadOptions, WriteBatch};

use super::super::model::Model;
use super::super::time::MixClock;
use super::reclaiming::Way;
use super::{Churned, Closed, FIELDS, Figures, Shape, fields_of, files_by_family};
use crate::bare::{Bare, keyspace, meta_key};
use crate::strategy::{Ids, Io};
use crate::workload::mixed;

/// As windrow's.
const META_BYTES: usize = 48;
const FIELD_TAG: u8 = 0x10;
const PIECE_TAG: u8 = 0x50;
const PIECE_BYTES: usize = 16 << 10;
/// What stands before the user key in an expire key: the time and the keyspace.
const EXPIRE_PREFIX: usize = 12;
/// Keys that the reaper takes at once. More: callers wait longer for it. Fewer: more commits.
const PAGE: usize = 256;
/// How long the reaper waits when nothing is due, as windrow's.
const REAP_EVERY: Duration = Duration::from_millis(20);
/// How often the reclaimer looks for work, as windrow's.
const RECLAIM_EVERY: Duration = Duration::from_millis(200);
/// A round begins when so many died since the last one for each that lives. WHY: less would hold the disk lower and rewrite
/// everything more often; with a third of it dead at most, the mean is near windrow's targets.
const ROUND_AT: f64 = 0.3;

/// A collection's number.
pub(super) type Id = [u8; 8];

/// A store with a way to give space back.
pub(super) struct Published {
    records: Arc<Records>,
    stopped: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// The records.
pub(super) struct Records {
    bare: Bare,
    ids: Ids,
    shape: Shape,
    way: Way,
    clock: MixClock,
    next_id: AtomicU64,
    living: AtomicU64,
    died_since_round: AtomicU64,
    rounds: AtomicU64,
    reaped: AtomicU64,
    /// Where the reaper ended.
    reaped_through: Mutex<Vec<u8>>,
    /// Held by a change of a key, and by a page of the reaper.
    changing: Mutex<()>,
    /// One round at a time.
    reclaiming: Mutex<()>,
}

impl Published {
    pub(super) fn open(
        directory: &Path,
        options: &Options,
        ids: Ids,
        shape: Shape,
        way: Way,
        clock: &MixClock,
    ) -> Self {
        let bare = Bare::open_tuned(&directory.join("store"), options, |family, settings| way.tune(family, settings));
        let records = Arc::new(Records {
            bare,
            ids,
            shape,
            clock: clock.clone(),
            next_id: AtomicU64::new(1),
            living: AtomicU64::new(0),
            died_since_round: AtomicU64::new(0),
            rounds: AtomicU64::new(0),
            reaped: AtomicU64::new(0),
            reaped_through: Mutex::default(),
            changing: Mutex::default(),
            reclaiming: Mutex::default(),
            way,
        });
        records.way.attach(&records);
        let stopped = Arc::new(AtomicBool::new(false));
        let spawn = |every: Duration, round: fn(&Records)| {
            let (records, stopped) = (Arc::clone(&records), Arc::clone(&stopped));
            std::thread::spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    round(&records);
                    std::thread::sleep(every);
                }
            })
        };
        let threads = vec![spawn(REAP_EVERY, Records::reap), spawn(RECLAIM_EVERY, Records::reclaim_if_due)];
        Self { records, stopped, threads }
    }
}

impl Churned for Published {
    fn set(&self, key: &[u8], value: &[u8], life: Duration) {
        self.records.set(key, value, life);
    }

    fn get(&self, key: &[u8], value: &mut Vec<u8>) -> bool {
        self.records.get(key, value)
    }

    fn figures(&self) -> Figures {
        let ticker = |ticker| self.records.bare.ticker(ticker);
        Figures {
            io: Io {
                flushed_bytes: ticker(Ticker::FlushWriteBytes),
                compaction_read_bytes: ticker(Ticker::CompactReadBytes),
                compaction_written_bytes: ticker(Ticker::CompactWriteBytes),
                log_bytes: ticker(Ticker::WalFileBytes),
                data_compaction: None,
            },
            keys_reaped: self.records.reaped.load(Ordering::Relaxed),
            compactions: self.records.rounds.load(Ordering::Relaxed),
            ..Figures::default()
        }
    }

    fn settle(&self, _limit: Duration) -> bool {
        self.records.reap();
        self.records.reclaim();
        true
    }

    fn close(self: Box<Self>, _model: &Model) -> Closed {
        self.stopped.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("no thread failed");
        }
        Closed { families: files_by_family(self.records.db()), ..Closed::default() }
    }
}

impl Records {
    pub(super) fn db(&self) -> &DB {
        self.bare.db()
    }

    pub(super) fn meta(&self) -> &ColumnFamily {
        self.bare.meta()
    }

    pub(super) fn gc(&self) -> &ColumnFamily {
        self.bare.family("gc")
    }

    pub(super) fn expire(&self) -> &ColumnFamily {
        self.bare.family("expire")
    }

    /// Where the elements lie.
    pub(super) fn data(&self) -> &ColumnFamily {
        self.bare.family(self.data_name())
    }

    pub(super) fn data_name(&self) -> &'static str {
        match self.ids {
            Ids::Random => "data-0",
            Ids::Ordered => "data-1",
        }
    }

    fn new_id(&self) -> Id {
        let number = self.next_id.fetch_add(1, Ordering::Relaxed);
        match self.ids {
            Ids::Random => mixed(number).to_be_bytes(),
            Ids::Ordered => (1 << 56 | number).to_be_bytes(),
        }
    }

    fn now(&self) -> u64 {
        self.clock.wall().get()
    }

    fn set(&self, key: &[u8], value: &[u8], life: Duration) {
        let _one = self.changing.lock().expect("no change failed");
        let meta_key = meta_key(key);
        let expires_at = self.now() + super::super::time::millis(life);
        let old = self.db().get_pinned_cf(self.meta(), &meta_key).expect("read a record");
        let mut batch = WriteBatch::default();
        let mut kept = None;
        if let Some(old) = &old {
            let (id, old_expires_at) = (id_at(old, 0), u64::from_be_bytes(id_at(old, 8)));
            batch.delete_cf(self.expire(), expire_key(old_expires_at, key));
            if self.shape == Shape::HashInPlace && old_expires_at > self.now() {
                kept = Some(id);
            } else {
                self.bury(&id, &mut batch);
            }
        } else {
            self.living.fetch_add(1, Ordering::Relaxed);
        }
        let id = kept.unwrap_or_else(|| self.new_id());
        let mut meta = [0; META_BYTES];
        for (place, bytes) in meta.chunks_exact_mut(8).zip([id, expires_at.to_be_bytes()]) {
            place.copy_from_slice(&bytes);
        }
        batch.put_cf(self.meta(), &meta_key, meta);
        batch.put_cf(self.expire(), expire_key(expires_at, key), id);
        self.put_elements(&id, key, value, &mut batch);
        self.db().write(batch).expect("write a key");
    }

    fn put_elements(&self, id: &Id, key: &[u8], value: &[u8], batch: &mut WriteBatch) {
        let mut put = |tag: u8, suffix: &[u8], part: &[u8]| {
            let element = [&id[..], &[tag], suffix].concat();
            batch.put_cf(self.data(), element, self.way.element(key, part));
        };
        match self.shape {
            Shape::String => {
                for (number, piece) in (0_u32..).zip(value.chunks(PIECE_BYTES)) {
                    put(PIECE_TAG, &number.to_be_bytes(), piece);
                }
            }
            Shape::Hash | Shape::HashInPlace => {
                for (field, part) in fields_of(value) {
                    put(FIELD_TAG, field.as_bytes(), part);
                }
            }
        }
    }

    /// Notes that an id is dead.
    fn bury(&self, id: &Id, batch: &mut WriteBatch) {
        if self.way.needs_gc_records() {
            batch.put_cf(self.gc(), gc_key(id), []);
        }
        self.died_since_round.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self, key: &[u8], value: &mut Vec<u8>) -> bool {
        value.clear();
        let Some(meta) = self.db().get_pinned_cf(self.meta(), meta_key(key)).expect("read a record") else {
            return false;
        };
        if u64::from_be_bytes(id_at(&meta, 8)) <= self.now() {
            return false;
        }
        let id = id_at(&meta, 0);
        let mut read = |tag: u8, suffix: &[u8]| {
            let element = [&id[..], &[tag], suffix].concat();
            let found = self.db().get_pinned_cf(self.data(), element).expect("read an element");
            let part = found.as_deref().map(|found| self.way.part_of(found));
            value.extend_from_slice(part.unwrap_or_default());
            part.map_or(0, <[u8]>::len)
        };
        match self.shape {
            Shape::String => {
                let mut number = 0_u32;
                while read(PIECE_TAG, &number.to_be_bytes()) == PIECE_BYTES {
                    number += 1;
                }
            }
            Shape::Hash | Shape::HashInPlace => {
                for field in FIELDS {
                    read(FIELD_TAG, field.as_bytes());
                }
            }
        }
        true
    }

    /// Takes what is due from the expire family, in pages. Nothing can appear before where it ended: lifetimes are long.
    fn reap(&self) {
        let mut from = self.reaped_through.lock().expect("no page failed");
        let now = self.now();
        while let Some(last) = self.reap_page(&from, now) {
            *from = last;
        }
        *from = now.to_be_bytes().to_vec();
    }

    /// Takes one page; returns its last key, if there may be more behind it.
    ///
    /// An entry stands for the record that names it, or its set would have taken it away: nothing else needs to be read.
    fn reap_page(&self, from: &[u8], now: u64) -> Option<Vec<u8>> {
        let _one = self.changing.lock().expect("no change failed");
        let mut read = ReadOptions::default();
        read.set_iterate_upper_bound((now + 1).to_be_bytes());
        let mut due = self.db().raw_iterator_cf_opt(self.expire(), read);
        due.seek(from);
        let (mut batch, mut taken, mut last) = (WriteBatch::default(), 0, None);
        while taken < PAGE
            && let Some((key, id)) = due.item()
        {
            batch.delete_cf(self.meta(), meta_key(&key[EXPIRE_PREFIX..]));
            batch.delete_cf(self.expire(), key);
            self.bury(&id_at(id, 0), &mut batch);
            (taken, last) = (taken + 1, Some(key.to_vec()));
            due.next();
        }
        due.status().expect("read the expire family");
        if taken == 0 {
            // An empty batch makes a record in the log, too.
            return None;
        }
        self.db().write(batch).expect("reap a page");
        self.living.fetch_sub(taken as u64, Ordering::Relaxed);
        self.reaped.fetch_add(taken as u64, Ordering::Relaxed);
        last.filter(|_| taken == PAGE)
    }

    fn reclaim_if_due(&self) {
        let died = self.died_since_round.load(Ordering::Relaxed);
        if died as f64 >= ROUND_AT * self.living.load(Ordering::Relaxed).max(1) as f64 {
            self.reclaim();
        }
    }

    fn reclaim(&self) {
        let _one = self.reclaiming.lock().expect("no round failed");
        self.died_since_round.store(0, Ordering::Relaxed);
        self.way.reclaim(self);
        self.rounds.fetch_add(1, Ordering::Relaxed);
    }
}

fn expire_key(expires_at: u64, user_key: &[u8]) -> Vec<u8> {
    [&expires_at.to_be_bytes()[..], &keyspace().get().to_be_bytes(), user_key].concat()
}

pub(super) fn gc_key(id: &[u8]) -> Vec<u8> {
    [&keyspace().get().to_be_bytes()[..], id].concat()
}

/// The id that stands in a key or record at a place.
pub(super) fn id_at(bytes: &[u8], place: usize) -> Id {
    bytes[place..place + 8].try_into().expect("eight bytes")
}
