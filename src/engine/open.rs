//! Opening, settling and closing the engine, step by step.
//!
//! May use everything below the engine. Invariants: nothing is changed in a directory of an unknown format; a
//! reader's pin can exist only when everything that was buried is known.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::clock::{Clock, StoreTime, moment};

use crate::births::Births;
use crate::encoding::{FormatVersion, StoreKey, StoreTime as StoreTimeRecord, UnixMillis, prefix_end};
use crate::engine::Engine;
use crate::engine::bell::Bell;
use crate::engine::checkpoint::skip_ids;
use crate::engine::health::Health;
use crate::engine::history::History;
use crate::engine::keyspaces::Keyspaces;
use crate::engine::margins::Margins;
use crate::engine::ranks::Ranks;
use crate::engine::transaction::Watches;
use crate::error::{Error, ErrorKind, Result};
use crate::expire::{Reaped, Reaper, Tell};
use crate::failpoint::failpoint;
use crate::gc::{
    Burials, DeadSet, Filters, FlushedKeyspaces, LogLimit, Occasion, Picture, Pins, ReclaimCounters, ReclaimSettings,
    Reclaimer, Watermark, load_dead, merge_burials,
};
use crate::habits::{Habits, Tried};
use crate::ids::{Ids, gaps_among_the_dead, gaps_in_runs, unused_of_last_leases};
use crate::locks::Locks;
use crate::options::{Durability, Options};
use crate::store::{self, Batch, Cursor, Database, Directory, Family, FilterSource, Scan};

/// Pause between two looks while settling.
const SETTLE_PAUSE: Duration = Duration::from_millis(20);

/// So many buried ids wake the watermark before its turn: when nothing more is due, and while more is. WHY not fewer: each of
/// its rounds syncs the log.
const WORTH_WAKING_FOR_IDS: (u64, u64) = (1 << 10, 1 << 18);

/// Building records that an open removes in one commit. WHY not all: a load that died may have left millions.
const BUILDINGS: usize = 16 << 10;

/// What a step of the watermark did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Advanced {
    /// Whether burials became reclaimable.
    pub(super) published: bool,
    /// Whether flushed keyspaces were walked, and more may be ready.
    pub(super) walked: bool,
}

impl Engine {
    /// Opens for reading and writing.
    ///
    /// ORDER: lock and format file, a look at the version record that changes nothing, RocksDB and its recovery, what is
    /// dead, the rest of the last leases, then everything that hands out pins and ids.
    pub(super) fn open(path: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Self> {
        let directory = store::open_or_create(path, options.key_layout)?;
        let found = Database::peek(path, &options, &StoreKey::Version.encode())?;
        if let Some(found) = &found {
            check_version(FormatVersion::decode(found)?)?;
        }
        let filters = Arc::new(Filters::default());
        let source: Arc<dyn FilterSource> = Arc::<Filters>::clone(&filters);
        let db = Arc::new(Database::open(path, &options, &source)?);
        if found.is_none() {
            let mut batch = Batch::new();
            batch.put(&db, Family::Default, &StoreKey::Version.encode(), &FormatVersion::CURRENT.encode());
            db.commit(batch, true)?;
        }
        failpoint!("open::before_leases");
        let mut loaded = load_dead(&db, moment(clock.as_ref()))?;
        ReclaimCounters::add(&filters.undecodable, loaded.undecodable);
        loaded.forget_left_over(&db)?;
        let taken = gaps_in_runs(&db, store::left_over_ids(path))?;
        let mut picture = bury_unused_leases(&db, loaded.dead, taken, moment(clock.as_ref()))?;
        store::remove_left_over(path)?;
        if directory.is_new_checkpoint {
            skip_ids(&db, &mut picture, moment(clock.as_ref()))?;
            store::forget_checkpoint(path)?;
        }
        let engine = Self::assemble(db, directory, filters, picture, options, clock, false)?;
        engine.restore_habits();
        engine.restore_history()?;
        Ok(engine)
    }

    /// Opens for reading only; nothing on disk changes.
    pub(super) fn open_read_only(path: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Self> {
        let directory = store::open_shared(path)?;
        let filters = Arc::new(Filters::default());
        let source: Arc<dyn FilterSource> = Arc::<Filters>::clone(&filters);
        let db = Arc::new(Database::open_read_only(path, &options, &source)?);
        require_known_format(&db)?;
        let dead = load_dead(&db, moment(clock.as_ref()))?.dead;
        let picture = Picture { dead, ..Picture::default() };
        let engine = Self::assemble(db, directory, filters, picture, options, clock, true)?;
        engine.restore_history()?;
        Ok(engine)
    }

    fn assemble(
        db: Arc<Database>,
        directory: Directory,
        filters: Arc<Filters>,
        mut picture: Picture,
        options: Options,
        clock: Arc<dyn Clock>,
        read_only: bool,
    ) -> Result<Self> {
        let position = Reaper::stored_position(&db)?;
        let floor = Reaper::time_seen(&position).max(read_store_time(&db)?);
        let time = Arc::new(StoreTime::new(clock, floor, options.max_clock_leap));
        let pins = Arc::new(Pins::new(Arc::clone(&time)));
        picture.reaped_through = position.time;
        picture.meta_dead_through = position.time;
        let published = Arc::clone(&filters.published);
        let watermark = Arc::new(Watermark::new(Arc::clone(&pins), Arc::clone(&time), published, picture));
        let ids = Arc::new(Ids::load(&db)?);
        let (keyspaces, flushed) = Keyspaces::load(&db)?;
        let map = keyspaces.current();
        watermark.emptied.restore(map.numbers().chain(flushed.iter().copied()), map.next_number());
        let counters = Arc::new(ReclaimCounters::default());
        let reaper = Reaper::new(Arc::clone(&db), Arc::clone(&pins), Arc::clone(&watermark), position);
        let births = Arc::new(Births::new(options.family_write_buffer_bytes));
        let settings = ReclaimSettings {
            threads: options.reclaim_threads,
            compact_dead_percent: options.compact_dead_percent,
            file_bytes: options.file_bytes,
            buffer_bytes: u64::try_from(options.family_write_buffer_bytes).unwrap_or(u64::MAX),
            background_threads: options.background_threads,
            max_debt_percent: options.max_debt_percent,
            max_debt_age: options.max_debt_age,
        };
        let reclaimer = Reclaimer::new(
            Arc::clone(&db),
            Arc::clone(&watermark),
            Arc::clone(&ids),
            Arc::clone(&births),
            Arc::clone(&time),
            Arc::clone(&counters),
            settings,
        );
        let history = History::begin(time.sample(), time.monotonic());
        let log_limit = LogLimit::new(options.max_log_bytes);
        let ranks = Ranks::new(options.rank_index_bytes);
        Ok(Self {
            db,
            options,
            time,
            pins,
            keyspaces,
            health: Health::default(),
            ids,
            births,
            habits: Habits::new(),
            tried: Tried::new(),
            log_limit,
            sync_wanted: AtomicBool::new(false),
            saving_time: Mutex::default(),
            pins_at_save: AtomicU64::new(0),
            locks: Locks::new(),
            ranks,
            margins: Margins::default(),
            watches: Watches::default(),
            events: Arc::default(),
            heard: Bell::default(),
            watermark,
            filters,
            flushed: FlushedKeyspaces::left_over(flushed),
            reaper: Mutex::new(reaper),
            reclaimer,
            history: Mutex::new(history),
            much_buried: Bell::default(),
            news: Bell::default(),
            counters,
            read_only,
            directory,
        })
    }

    /// Reaps one step.
    pub(super) fn reap(&self) -> Result<Reaped> {
        if self.time.is_paused() {
            return Ok(Reaped::default());
        }
        let reaped = {
            let mut reaper = self.reaper.lock();
            let tell = |dead: Vec<_>, position: &_| {
                self.events.publish_expired(dead, position, self.keyspaces.current());
            };
            let tell: Option<Tell<'_>> = if self.events.is_heard() { Some(&tell) } else { None };
            reaper.step(|number| self.keyspaces.current().by_number(number).is_some(), tell)?
        };
        // ORDER: loaded after the step, so that it knows every keyspace whose keys the step met.
        let keyspaces = self.keyspaces.current();
        let mut keys = 0;
        for (number, delta) in &reaped.keys {
            // The keys of flushed keyspaces are gone already.
            if let Some(keyspace) = keyspaces.by_number(*number) {
                keyspace.add(*delta);
                keys += delta.unsigned_abs();
            }
        }
        ReclaimCounters::add(&self.counters.keys_reaped, keys);
        ReclaimCounters::add(&self.filters.undecodable, reaped.undecodable);
        let worth_waking_for = if reaped.more { WORTH_WAKING_FOR_IDS.1 } else { WORTH_WAKING_FOR_IDS.0 };
        if keys > 0 && self.watermark.waiting_ids() >= worth_waking_for {
            self.much_buried.ring();
        }
        Ok(reaped)
    }

    /// Moves the watermark and walks flushed keyspaces; returns whether anything changed.
    pub(super) fn advance(&self) -> Result<Advanced> {
        let published = self.watermark.advance(&self.db)?;
        if published {
            self.news.ring();
        }
        let stepped = self.flushed.step(&self.db, &self.pins, &self.watermark)?;
        ReclaimCounters::add(&self.filters.undecodable, stepped.undecodable);
        Ok(Advanced { published, walked: stepped.walked })
    }

    /// Flushes before the log is so long that RocksDB would.
    pub(super) fn keep_log_short(&self) -> Result<()> {
        self.log_limit.keep(&self.db, &self.births)
    }

    /// Sets the pace of reclaiming by what callers and RocksDB feel.
    pub(super) fn pace(&self) {
        self.reclaimer.pacer.look(self.pins.calling(), self.time.monotonic(), || self.db.pressure());
    }

    /// Makes one reclaiming pass; returns whether there is more to do.
    pub(super) fn reclaim(&self, occasion: Occasion) -> Result<bool> {
        let pass = self.reclaimer.pass(occasion)?;
        Ok(pass.acted || pass.pending)
    }

    /// Tells whether a commit of `Interval` durability was made since this was last asked.
    pub(super) fn take_sync_wanted(&self) -> bool {
        self.sync_wanted.swap(false, Ordering::AcqRel)
    }

    /// Tells whether an operation has seen the store's time since the last call.
    pub(super) fn take_time_seen(&self) -> bool {
        let pins = self.pins.operations();
        self.pins_at_save.swap(pins, Ordering::AcqRel) != pins
    }

    /// Reaps and reclaims until nothing is left to do or the deadline, if there is one, has passed.
    pub(super) fn settle(&self, deadline: Option<Instant>) -> Result<bool> {
        loop {
            while self.reap()?.more {}
            let advanced = self.advance()?;
            let busy = advanced.published | advanced.walked | self.reclaim(Occasion::Settling)?;
            let waiting = self.watermark.has_waiting() || self.flushed.has_waiting();
            if !busy && !waiting {
                return Ok(true);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(false);
            }
            std::thread::sleep(SETTLE_PAUSE);
        }
    }

    /// Puts on disk what only memory knows: the habits of keys, the history of reclaiming, and synced the unused leases and the
    /// time. For a clean close.
    pub(super) fn settle_down(&self) -> Result<()> {
        if self.read_only {
            return Ok(());
        }
        if let Some(learnt) = self.habits.take_unsaved() {
            self.save_habits(&learnt);
        }
        self.save_history();
        self.ids.return_leases(&self.db)?;
        self.save_time(true)
    }

    /// Records the store's time, so that it does not start before it again, however the store ends.
    pub(super) fn save_time(&self, sync: bool) -> Result<()> {
        let saving = self.saving_time.lock();
        let mut batch = Batch::new();
        let now = StoreTimeRecord(self.time.sample());
        batch.put(&self.db, Family::Default, &StoreKey::StoreTime.encode(), &now.encode());
        let before = self.db.last_commit();
        self.db.commit(batch, sync)?;
        // ORDER: the quiet log stands before births, and births before this lock.
        drop(saving);
        self.reclaimer.overlook_commit(before, before + 1);
        Ok(())
    }

    /// Counts the flushed keyspaces whose records are still there.
    pub(super) fn flushed_keyspaces(&self) -> usize {
        self.flushed.len()
    }

    /// Empties a keyspace, in the same time for any number of keys.
    pub(super) fn flush_keyspace(&self, namespace: &[u8], number: u32, sync: bool) -> Result<()> {
        let flushed = {
            let _pin = self.pins.pin(crate::gc::PinKind::Write);
            self.keyspaces.flush(&self.db, namespace, number, sync)?
        };
        if let Some(flushed) = flushed {
            self.flushed.add(&self.pins, flushed);
        }
        Ok(())
    }

    /// Empties all keyspaces of a namespace, or of all namespaces, at once.
    ///
    /// WHY no write may be in flight: one that works on two dbs might find the first one before the flush and create
    /// the second one after it.
    pub(super) fn flush_keyspaces(&self, namespace: Option<&[u8]>, durability: Option<Durability>) -> Result<()> {
        self.check_writable()?;
        self.refuse_inside()?;
        let flushed = {
            let _nobody_writes = self.locks.lock_all();
            let _pin = self.pins.pin(crate::gc::PinKind::Write);
            self.keyspaces.flush_all(&self.db, namespace, self.must_sync(durability))?
        };
        for keyspace in flushed {
            self.flushed.add(&self.pins, keyspace);
        }
        self.want_sync(durability);
        Ok(())
    }
}

fn read_version(db: &Database) -> Result<Option<FormatVersion>> {
    match db.get(Family::Default, &StoreKey::Version.encode(), None)? {
        Some(value) => Ok(Some(FormatVersion::decode(&value)?)),
        None => Ok(None),
    }
}

/// Refuses a store whose records are of another format than this version's, or that was never completely created.
pub(crate) fn require_known_format(db: &Database) -> Result<()> {
    let found = read_version(db)?;
    check_version(found.ok_or_else(|| Error::new(ErrorKind::NotAStore, "the store was never completely created"))?)
}

fn check_version(found: FormatVersion) -> Result<()> {
    if found.is_supported() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::UnknownFormat, format!("the store's records have the unknown format {found}")))
}

fn read_store_time(db: &Database) -> Result<UnixMillis> {
    match db.get(Family::Default, &StoreKey::StoreTime.encode(), None)? {
        Some(value) => Ok(StoreTimeRecord::decode(&value)?.0),
        None => Ok(UnixMillis::ZERO),
    }
}

/// Buries what the last session leased and never wrote under, `taken` among that, and the gaps of earlier ones, in one synced commit; and
/// before that what it did not come to link.
fn bury_unused_leases(db: &Arc<Database>, dead: DeadSet, taken: Burials, now: Duration) -> Result<Picture> {
    let mut unused = unused_of_last_leases(db)?;
    unused.absorb(taken);
    unused.absorb(gaps_among_the_dead(db, &dead)?);
    let mut picture = Picture { dead, ..Picture::default() };
    bury_unfinished_builds(db, &mut picture, now)?;
    bury(db, &mut picture, unused, Batch::new(), now)?;
    Ok(picture)
}

/// Buries the collections that no commit came to link, in synced commits of a bounded size. Each removes the records of what it buries: a
/// crash between two leaves the rest to the next open.
fn bury_unfinished_builds(db: &Arc<Database>, picture: &mut Picture, now: Duration) -> Result<()> {
    let scan = Scan::between(StoreKey::BUILDINGS, prefix_end(StoreKey::BUILDINGS));
    // It goes on reading what there was when it was opened.
    let mut cursor = Cursor::open(db, Family::Default, scan, None);
    let (mut burials, mut batch, mut buildings) = (Burials::default(), Batch::new(), 0);
    while let Some((key, _)) = cursor.entry()? {
        if let StoreKey::Building(id) = StoreKey::decode(key)? {
            burials.add(id);
            batch.delete(db, Family::Default, key);
            buildings += 1;
        }
        cursor.advance();
        if buildings == BUILDINGS {
            bury(db, picture, std::mem::take(&mut burials), std::mem::take(&mut batch), now)?;
            buildings = 0;
        }
    }
    bury(db, picture, burials, batch, now)
}

/// Buries in one synced commit, with what else is in it.
fn bury(db: &Database, picture: &mut Picture, mut burials: Burials, mut batch: Batch, now: Duration) -> Result<()> {
    burials.keep_only(|segment, bits| !picture.dead.family(segment.family()).knows(segment.number(), bits));
    merge_burials(db, picture, &burials, &mut batch);
    if batch.is_empty() {
        return Ok(());
    }
    failpoint!("open::before_burial");
    db.commit(batch, true)?;
    for (segment, bits) in burials.iter() {
        picture.dead.family_mut(segment.family()).bury(segment.number(), bits, now);
    }
    Ok(())
}
