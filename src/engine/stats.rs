//! What a store holds, owes and has given back, as one plain reading.
//!
//! May use the engine. Invariant: taking a reading changes nothing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::engine::{Engine, ReclaimTotals};
use crate::gc::{Pacing, PinKind};
use crate::store::{CompactionIo, Family};
#[cfg(feature = "cli")]
use crate::{Store, error::Result};

/// What keeps buried ids, a flushed db or expired records from being reclaimed.
///
/// # Examples
/// ```
/// use windrow::HeldBackBy;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let view = store.view()?;
/// store.db(0).sets().add("s", ["a"])?;
/// store.db(0).flush()?;
/// assert!(matches!(store.stats().held_back_by, Some(HeldBackBy::View { .. })));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeldBackBy {
    /// A view, open for this long.
    View {
        /// Its age.
        age: Duration,
    },
    /// An operation in flight, an iterator among them. Only views are old enough to keep their age.
    Operation,
    /// The watermark's next turn, with a sync of the log.
    LogSync,
}

/// A reading of a store's state. All counters are since open, but for those of [`Stats::in_all`].
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use windrow::HeldBackBy;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.sets().add("s", (0..1000).map(|n| n.to_string()))?;
/// let view = store.view()?;
/// db.delete(["s"])?;
///
/// let stats = store.stats();
/// println!("debt: {} bytes, the oldest for {:?}", stats.debt_bytes, stats.debt_age);
/// println!("no debt yet: {} ids of about {} bytes", stats.waiting_ids, stats.waiting_bytes);
/// match stats.held_back_by {
///     Some(HeldBackBy::View { age }) => println!("a view, open for {age:?}, may still read them"),
///     Some(other) => println!("they wait for {other:?}, which is soon over"),
///     None => println!("nothing is held back"),
/// }
/// assert_eq!((stats.waiting_ids, stats.open_views), (1, 1));
///
/// drop(view);
/// assert!(store.settle(Duration::from_secs(10))?);
/// let stats = store.stats();
/// assert_eq!((stats.waiting_ids, stats.debt_ids), (0, 0));
///
/// // How good the guesses are where new collections go, of which an expiry or another write is to be expected.
/// println!("{} of {} right, {} without need", stats.guesses_right, stats.births_foreseen, stats.guesses_in_vain);
/// println!("{} not known yet", stats.guesses_open);
/// println!("closed or growing: {} right, {} wrong", stats.habit_guesses_right, stats.habit_guesses_wrong);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Estimate of the dead ids that still have elements in SST files, as the last reclaiming pass found it.
    pub debt_ids: u64,
    /// Buried ids that stand in bitmaps: those of segments that are not wholly dead and given back yet.
    pub buried_ids: u64,
    /// Ids that are buried and still held back by a pin or a log sync.
    pub waiting_ids: u64,
    /// Estimate of their bytes in SST files of the data families, looked at every five seconds: no debt yet, because a reader
    /// may still want them.
    pub waiting_bytes: u64,
    /// Estimate of the bytes in SST files of the data families that may be given back, as the last pass found it. What
    /// lies in write buffers, and what was packed into meta records, is in no figure of debt. What lies so scattered that it
    /// makes less than [`compact_dead_percent`](crate::Options::compact_dead_percent) of its files stays debt until more of
    /// them dies, also when the store has settled.
    pub debt_bytes: u64,
    /// Estimate of the bytes in SST files of the meta family that hold the records of flushed dbs and may be given back, as the last
    /// look found it. It is in no other figure of debt. What makes only a small part of the files it lies in stays until more of
    /// them dies, also when the store has settled. RocksDB's index knows blocks, so some kilobytes may be shown where nothing is left.
    pub emptied_bytes: u64,
    /// How long the oldest debt has been in a file, without a pass that found it paid: by segments of 65,536 ids. Grows also
    /// for what is left on purpose, see [`Stats::debt_bytes`].
    pub debt_age: Duration,
    /// What holds the watermark back, if ids, a flushed db or expired records wait for it: of the views and operations that
    /// something waits for, the oldest.
    pub held_back_by: Option<HeldBackBy>,
    /// Views that are open.
    pub open_views: usize,
    /// Whether expiry stands still because the wall clock leapt. See [`Store::trust_clock`](crate::Store::trust_clock).
    pub expiry_paused: bool,
    /// Keys that expired and were given back.
    pub keys_reaped: u64,
    /// SST files unlinked unread.
    pub files_dropped: u64,
    /// Their bytes.
    pub bytes_dropped: u64,
    /// Ranges deleted with a tombstone.
    pub range_deletions: u64,
    /// Compactions that reclaiming asked for.
    pub compactions: u64,
    /// Bytes of keys and values that reclaiming has read to free dead data from among the living, in the data, meta and expire families,
    /// counted as those of all compactions are. RocksDB's own compactions and the merging of small files are not in it. The difference
    /// to the next figure was freed.
    pub rewrite_read_bytes: u64,
    /// Bytes of keys and values that it had to write again for that. The filters that count see what range deletions hide, so the records
    /// of flushed dbs count as if they were written.
    pub rewritten_bytes: u64,
    /// Small SST files that were merged with their neighbours, so that quiet times and cuts of the log leave no swarm of them.
    pub files_merged: u64,
    /// Their bytes, which were read and written for that.
    pub merged_bytes: u64,
    /// Flushes that reclaiming asked for.
    pub flushes: u64,
    /// Segments of 65,536 ids that were proven empty and retired.
    pub segments_retired: u64,
    /// Entries that filters removed from the data families.
    pub entries_filtered: u64,
    /// Bytes of keys and values that compactions of the data families read, all compactions counted. This figure and the
    /// next three are counted by windrow's filters: before compression, and without tombstones, index and filter blocks.
    pub data_compaction_read_bytes: u64,
    /// Bytes of keys and values that they wrote again.
    pub data_compaction_written_bytes: u64,
    /// Bytes of keys and values that compactions of the meta and expire families read.
    pub other_compaction_read_bytes: u64,
    /// Bytes of keys and values that they wrote again.
    pub other_compaction_written_bytes: u64,
    /// Bytes that RocksDB says its compactions read from SST files, all families: as they lie on disk, compressed.
    pub compaction_read_bytes: u64,
    /// Bytes that RocksDB says they wrote to SST files.
    pub compaction_written_bytes: u64,
    /// Bytes of SST files in the data families.
    pub data_file_bytes: u64,
    /// Bytes of SST files in all other families.
    pub other_file_bytes: u64,
    /// Bytes that flushes wrote, all families.
    pub flushed_bytes: u64,
    /// Bytes that went to the write-ahead log.
    pub log_bytes: u64,
    /// What reclaiming has done over all sessions of the store.
    pub in_all: ReclaimTotals,
    /// How fast files with survivors are rewritten, and why.
    pub pacing: Pacing,
    /// Sorted sets that have an index of their ranks in memory.
    pub rank_indexes: usize,
    /// The memory that these indexes take, about.
    pub rank_index_bytes: usize,
    /// Key patterns of which something is remembered: keys of one keyspace that differ in numbers and ids only, and once more such
    /// keys of all keyspaces together. 2,048 at the most.
    pub patterns_known: u64,
    /// Collections and large strings born without an expiry whose place was guessed by what keys of their pattern got before.
    pub births_foreseen: u64,
    /// Of those that got an expiry later: how many lie where their lifetime belongs, which is the longer of what they had lived and
    /// what they were given then. One that was born with an expiry, lost it and got another counts, too.
    pub guesses_right: u64,
    /// How many of them lie elsewhere. That costs locality: their space comes back later, or a file is rewritten for it.
    pub guesses_wrong: u64,
    /// How many of them ended without ever getting an expiry. One that was born with an expiry and lost it counts, too. These are the
    /// dearest errors: as long as they lived, they held the space of what died around them.
    pub guesses_in_vain: u64,
    /// How many of them have none of these outcomes yet. Where that grows while the others stand still, guessed collections live on.
    pub guesses_open: u64,
    /// Collections and large strings whose place was guessed by whether keys of their pattern are written again, and that were right
    /// there: left alone in a closed family, written again in a growing one. Of a sample of up to 2,048 at once; one counts as left alone
    /// when another takes its place after two minutes.
    pub habit_guesses_right: u64,
    /// How many of the sample were wrong there. That costs merges: much where they were written again, little where they were left alone.
    pub habit_guesses_wrong: u64,
    /// Collections and large strings that got an expiry later, and whose place had not been guessed.
    pub expiries_unforeseen: u64,
    /// Collections and large strings that were moved to a longer-lived place when they were written, because they had outlived
    /// their own, or had been given longer to live.
    pub promotions: u64,
    /// Flushed keyspaces whose records are not removed yet. One in which a record cannot be decoded keeps all of them, and is
    /// counted until an open finds it decodable; its dead ids are given back all the same.
    pub flushed_keyspaces: usize,
    /// How often an entry, or the `HABITS` or `HISTORY` file, was met that could not be decoded: at open, by the reaper, in flushed keyspaces, by compactions;
    /// the same one may be met again. Such entries are kept and treated as live, unless their place alone proves them dead: what lies before
    /// the reaper's position in the expire family goes with its file, and an element goes with its dead id.
    pub undecodable_entries: u64,
}

impl Engine {
    pub(super) fn stats(&self) -> Stats {
        let mut stats = self.counted();
        stats.held_back_by = self.held_back_by(stats.waiting_ids);
        // A failure to list files shows as no bytes; the statistics are not worth an error.
        for file in self.db.live_files().unwrap_or_default() {
            match file.family {
                Family::Data(_) => stats.data_file_bytes += file.size_bytes,
                _ => stats.other_file_bytes += file.size_bytes,
            }
        }
        stats
    }

    /// Reads all that is counted, and looks at no file.
    pub(super) fn counted(&self) -> Stats {
        let totals = self.counters.totals();
        let io = self.db.io_totals();
        let (rank_indexes, rank_index_bytes) = self.ranks.usage();
        let habits = self.habits.totals();
        let mut stats = Stats {
            debt_ids: totals.debt_ids,
            buried_ids: self.watermark.picture().dead.buried_ids(),
            waiting_ids: self.watermark.waiting_ids(),
            waiting_bytes: totals.waiting_bytes,
            debt_bytes: totals.debt_bytes,
            emptied_bytes: totals.emptied_bytes,
            debt_age: totals.debt_age,
            open_views: self.pins.views(),
            expiry_paused: self.time.is_paused(),
            keys_reaped: totals.keys_reaped,
            files_dropped: totals.files_dropped,
            bytes_dropped: totals.bytes_dropped,
            range_deletions: totals.range_deletions,
            compactions: totals.compactions,
            rewrite_read_bytes: totals.rewrite_read_bytes,
            rewritten_bytes: totals.rewritten_bytes,
            files_merged: totals.files_merged,
            merged_bytes: totals.merged_bytes,
            flushes: totals.flushes,
            segments_retired: totals.segments_retired,
            compaction_read_bytes: io.compaction_read_bytes,
            compaction_written_bytes: io.compaction_written_bytes,
            flushed_bytes: io.flushed_bytes,
            log_bytes: io.log_bytes,
            pacing: self.reclaimer.pacer.shown(),
            rank_indexes,
            rank_index_bytes,
            patterns_known: habits.patterns,
            births_foreseen: habits.guesses,
            guesses_right: habits.right,
            guesses_wrong: habits.wrong,
            guesses_in_vain: habits.in_vain,
            guesses_open: habits.guesses.saturating_sub(habits.right + habits.wrong + habits.in_vain),
            habit_guesses_right: habits.habits_right,
            habit_guesses_wrong: habits.habits_wrong,
            expiries_unforeseen: habits.unforeseen,
            promotions: habits.promoted,
            flushed_keyspaces: self.flushed_keyspaces(),
            undecodable_entries: self.filters.undecodable.load(Ordering::Relaxed),
            ..Stats::default()
        };
        for family in Family::all() {
            stats.add_compactions(family, self.db.compaction_io(family));
        }
        stats.in_all = self.done_before().and(&stats);
        stats
    }

    /// WHY only a pin of an era that something waits for: a younger one sees neither the dead ids nor the flushed db.
    fn held_back_by(&self, waiting_ids: u64) -> Option<HeldBackBy> {
        let awaited_era = self.watermark.awaited_era().max(self.flushed.awaited_era()).unwrap_or(0);
        let records_wait = self.pins.oldest_sample() < self.watermark.picture().reaped_through;
        match self.pins.oldest().filter(|pin| pin.era < awaited_era || records_wait) {
            Some(pin) if pin.kind == PinKind::View => Some(HeldBackBy::View { age: pin.age }),
            Some(_) => Some(HeldBackBy::Operation),
            None => (waiting_ids > 0).then_some(HeldBackBy::LogSync),
        }
    }
}

#[cfg(feature = "cli")]
impl Store {
    /// Names the SST files that hold no elements.
    pub(crate) fn other_files(&self) -> Result<Vec<String>> {
        let files = self.engine().db.live_files()?.into_iter();
        Ok(files.filter(|file| !matches!(file.family, Family::Data(_))).map(|file| file.name).collect())
    }
}

impl Stats {
    fn add_compactions(&mut self, family: Family, io: CompactionIo) {
        if let Family::Data(_) = family {
            self.entries_filtered += io.dropped_entries;
            self.data_compaction_read_bytes += io.read_bytes;
            self.data_compaction_written_bytes += io.written_bytes;
        } else {
            self.other_compaction_read_bytes += io.read_bytes;
            self.other_compaction_written_bytes += io.written_bytes;
        }
    }
}
