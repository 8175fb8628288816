//! What a store can be told: plain data with defaults, checked before anything is opened.
//!
//! Uses `error` and the key layout of `encoding`. Invariant: a value that passed [`Options::validate`]
//! needs no further check anywhere.

use std::time::Duration;

use crate::encoding::KeyLayout;
use crate::error::{Error, Result};

/// When a committed write is on stable storage.
///
/// Reclaiming never acts on a burial that is not on stable storage, whatever is chosen here.
///
/// # Examples
/// ```
/// use windrow::{Durability, Options, Store};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// let mut options = Options::default();
/// options.durability = Durability::Buffered;
/// let store = Store::builder(dir.path().join("s")).options(options).open()?;
/// let db = store.db(0);
/// db.strings().set("cached", "page")?;
/// db.with_durability(Durability::Sync).strings().set("order", "paid")?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// When the operating system writes its buffers back. Survives a crash of the process, not of the machine.
    Buffered,
    /// At most about a second after the commit: a background thread syncs the log each second.
    #[default]
    Interval,
    /// Before the call returns; costs one sync of the device, shared by writers that commit together.
    Sync,
}

/// How the blocks of SST files are compressed, the same at every level so that files move down unread.
///
/// # Examples
/// ```
/// use windrow::{Compression, Options, Store};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// let mut options = Options::default();
/// options.compression = Compression::Zstd;
/// let store = Store::builder(dir.path().join("s")).options(options).open()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compression {
    /// Stored as they are.
    None,
    /// Fast, moderate ratio.
    #[default]
    Lz4,
    /// Slower, better ratio.
    Zstd,
}

/// Settings of a store. Start from [`Options::default`] and change fields.
///
/// # Examples
/// ```
/// let mut options = windrow::Options::default();
/// options.block_cache_bytes = 64 << 20;
/// options.validate()?;
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Memory for uncompressed blocks, indexes and filters. Default 256 MiB, 1 MiB to 1 TiB. Larger: fewer reads from disk.
    pub block_cache_bytes: usize,
    /// Memory for writes that are not yet in SST files, over all families. Default 256 MiB, 16 MiB to 64 GiB.
    /// Larger: fewer, larger files; longer recovery.
    pub write_buffer_bytes: usize,
    /// Write buffer of one data family. Default 32 MiB, 1 MiB to 1 GiB, at most `write_buffer_bytes`.
    /// Smaller: dead data leaves sooner; larger: fewer files.
    pub family_write_buffer_bytes: usize,
    /// Size of an SST file in the data families. Default 64 MiB, 1 MiB to 1 GiB. Smaller: files die sooner; larger: fewer files.
    pub file_bytes: u64,
    /// Where the write-ahead log is cut: at three quarters of it all buffers are flushed; at all of it, if writers are faster
    /// still, RocksDB flushes the oldest ones, at the cost of a merge. What is written until the flush has ended comes on top.
    /// Default 512 MiB, 16 MiB to 64 GiB. Larger: fewer flushes; more disk and a longer recovery.
    pub max_log_bytes: u64,
    /// Open files: -1 keeps all open (default), else 64 to 1,000,000. Fewer: less memory, slower reads.
    pub max_open_files: i32,
    /// Compression of SST blocks. Default [`Compression::Lz4`]. Stronger: less disk, more processor time.
    pub compression: Compression,
    /// RocksDB's threads for flushes and compactions. Default 4, 2 to 64. Fewer: a long compaction holds flushes and
    /// file moves back; more: bursts of background work take more cores.
    pub background_threads: u32,
    /// Threads that reclaim, each on another family. Default 2, 1 to 32. More: space comes back sooner when many
    /// families owe it, with more reads and writes at once.
    pub reclaim_threads: usize,
    /// Reads and writes SST files past the operating system's cache. Default false. True: memory use is what the
    /// options say, but the block cache alone serves reads.
    pub direct_io: bool,
    /// When a commit is on stable storage. Default [`Durability::Interval`].
    pub durability: Durability,
    /// Longest user key. Default 64 KiB, 16 B to 1 MiB. Keys are copied into every index block that they start.
    pub max_key_bytes: usize,
    /// Longest set member or hash field. Default 64 KiB, 16 B to 1 MiB. They are parts of RocksDB keys, with the same cost.
    pub max_member_bytes: usize,
    /// Longest string or other value. Default and maximum 512 MiB (as in Redis), at least 1 KiB. A write holds it in memory twice.
    pub max_value_bytes: usize,
    /// A collection that is created with more than this is written in several commits, invisible until the last, and goes to
    /// the growing family of its class. Default 16 MiB, 64 KiB to 256 MiB. Larger: more memory for each such call; smaller:
    /// more collections that give their space back by compactions instead of file drops.
    pub max_commit_bytes: usize,
    /// Strings with a time to live up to this size lie in their meta record. Default 100 B, 0 to 64 KiB.
    /// Larger: one read instead of two, but dead bytes wait for the meta family's compactions.
    pub inline_expiring_bytes: usize,
    /// Strings without a time to live up to this size lie in their meta record. Default 1 KiB, 0 to 64 KiB.
    /// Larger: one read instead of two, but the meta family grows, and with it what a walk over keys reads and what each
    /// of its compactions rewrites; an overwritten value waits for one.
    pub inline_lasting_bytes: usize,
    /// Hashes, sets, lists and sorted sets that are created with a time to live lie in their meta record while they
    /// take up to this many bytes there. Default 100 B, 0 (never) to 64 KiB. Larger: one read instead of two and less
    /// disk, but dead bytes wait for the meta family's compactions, and each change writes the collection again.
    pub packed_expiring_bytes: usize,
    /// The same for collections that have no time to live, at the same cost: a change of one element writes the whole
    /// collection again, to the log and at every compaction, walks over keys read it, and a look-up of an element passes those before it, so that at
    /// many KiB a call with many elements takes the square of their number. Default 512 B, 0 (never) to 64 KiB.
    pub packed_lasting_bytes: usize,
    /// Memory for indexes of the ranks of large sorted sets. Default 32 MiB, 0 (none) to 64 GiB. Such an index is made when a
    /// rank far from both ends of a set is asked for, and takes up to about half a byte for each member; the ones that
    /// were not used for longest go first. Larger: more memory; smaller, or less than the sets in use need: each such question reads
    /// the set up to the rank, and perhaps all of it, to make an index that soon goes again. A question that is answered with
    /// an index waits for a write of the same set that is being committed, and so, beside one of [`Durability::Sync`], for
    /// a sync of the device.
    pub rank_index_bytes: usize,
    /// How far the wall clock may leap ahead of the monotonic clock, or lie behind the store's own past at open,
    /// before expiry pauses. Default 1 hour, 1 second to 30 days. Smaller: pauses for smaller faults, and for a machine
    /// that slept; larger: a larger fault expires keys too early.
    pub max_clock_leap: Duration,
    /// How long the reaper waits when nothing is due. Default 20 ms, 1 ms to 1 minute. Longer: fewer wake-ups, later space.
    pub reap_interval: Duration,
    /// How often reclaiming looks for work. Default 200 ms, 1 ms to 1 minute. Longer: less work when idle, later space.
    pub reclaim_interval: Duration,
    /// Share of a file that must be dead for the file to be rewritten at all, in percent. Default 25, 10 to 100. From there on
    /// the price decides: the more of the store is dead, the sooner. Lower: less dead data on disk, more rewriting
    /// (up to (100 - p)/p bytes for each byte freed).
    pub compact_dead_percent: u8,
    /// Whether user keys are grouped by Redis Cluster slot; fixed when the store is created, and not looked at after. Default [`KeyLayout::Plain`].
    /// [`KeyLayout::Cluster`]: a slot is one range of keys ([`Db::keys_in_slots`](crate::Db::keys_in_slots)), but keys come
    /// in the order of their slots, and a walk over a prefix reads the whole db.
    pub key_layout: KeyLayout,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            block_cache_bytes: 256 << 20,
            write_buffer_bytes: 256 << 20,
            family_write_buffer_bytes: 32 << 20,
            file_bytes: 64 << 20,
            max_log_bytes: 512 << 20,
            max_open_files: -1,
            compression: Compression::default(),
            background_threads: 4,
            reclaim_threads: 2,
            direct_io: false,
            durability: Durability::default(),
            max_key_bytes: 64 << 10,
            max_member_bytes: 64 << 10,
            max_value_bytes: 512 << 20,
            max_commit_bytes: 16 << 20,
            inline_expiring_bytes: 100,
            inline_lasting_bytes: 1 << 10,
            packed_expiring_bytes: 100,
            packed_lasting_bytes: 512,
            rank_index_bytes: 32 << 20,
            max_clock_leap: Duration::from_secs(3600),
            reap_interval: Duration::from_millis(20),
            reclaim_interval: Duration::from_millis(200),
            compact_dead_percent: 25,
            key_layout: KeyLayout::Plain,
        }
    }
}

impl Options {
    /// Checks every field against its range and the fields against each other.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), naming the first field that does not fit.
    ///
    /// # Examples
    /// ```
    /// let mut options = windrow::Options::default();
    /// options.background_threads = 0;
    /// assert!(options.validate().is_err());
    /// ```
    pub fn validate(&self) -> Result<()> {
        const KIB: u64 = 1 << 10;
        const MIB: u64 = 1 << 20;
        const GIB: u64 = 1 << 30;
        const MILLISECOND: Duration = Duration::from_millis(1);
        const SECOND: Duration = Duration::from_secs(1);
        const MINUTE: Duration = Duration::from_secs(60);
        const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);
        let sizes = [
            ("block_cache_bytes", wide(self.block_cache_bytes), MIB, 1024 * GIB),
            ("write_buffer_bytes", wide(self.write_buffer_bytes), 16 * MIB, 64 * GIB),
            ("family_write_buffer_bytes", wide(self.family_write_buffer_bytes), MIB, GIB),
            ("file_bytes", self.file_bytes, MIB, GIB),
            ("max_log_bytes", self.max_log_bytes, 16 * MIB, 64 * GIB),
            ("background_threads", u64::from(self.background_threads), 2, 64),
            ("reclaim_threads", wide(self.reclaim_threads), 1, 32),
            ("max_key_bytes", wide(self.max_key_bytes), 16, MIB),
            ("max_member_bytes", wide(self.max_member_bytes), 16, MIB),
            ("max_value_bytes", wide(self.max_value_bytes), KIB, 512 * MIB),
            ("max_commit_bytes", wide(self.max_commit_bytes), 64 * KIB, 256 * MIB),
            ("inline_expiring_bytes", wide(self.inline_expiring_bytes), 0, 64 * KIB),
            ("inline_lasting_bytes", wide(self.inline_lasting_bytes), 0, 64 * KIB),
            ("packed_expiring_bytes", wide(self.packed_expiring_bytes), 0, 64 * KIB),
            ("packed_lasting_bytes", wide(self.packed_lasting_bytes), 0, 64 * KIB),
            ("rank_index_bytes", wide(self.rank_index_bytes), 0, 64 * GIB),
            ("compact_dead_percent", u64::from(self.compact_dead_percent), 10, 100),
        ];
        for (name, value, low, high) in sizes {
            if value < low || value > high {
                return Err(Error::invalid(format!("option {name} is {value}; it must lie in {low}..={high}")));
            }
        }
        let durations = [
            ("max_clock_leap", self.max_clock_leap, SECOND, MONTH),
            ("reap_interval", self.reap_interval, MILLISECOND, MINUTE),
            ("reclaim_interval", self.reclaim_interval, MILLISECOND, MINUTE),
        ];
        for (name, value, low, high) in durations {
            if value < low || value > high {
                return Err(Error::invalid(format!("option {name} is {value:?}; it must lie in {low:?}..={high:?}")));
            }
        }
        let files = self.max_open_files;
        if files != -1 && !(64..=1_000_000).contains(&files) {
            return Err(Error::invalid(format!("option max_open_files is {files}; it must be -1 or in 64..=1000000")));
        }
        if self.family_write_buffer_bytes > self.write_buffer_bytes {
            return Err(Error::invalid("option family_write_buffer_bytes must not exceed write_buffer_bytes"));
        }
        Ok(())
    }
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        Options::default().validate().unwrap();
    }

    /// A field's name, its least and greatest value, and how to set it; durations in milliseconds.
    type Range = (&'static str, u64, u64, fn(&mut Options, u64));

    const RANGES: [Range; 21] = [
        ("block_cache_bytes", 1 << 20, 1 << 40, |options, value| options.block_cache_bytes = fit(value)),
        ("write_buffer_bytes", 16 << 20, 64 << 30, |options, value| options.write_buffer_bytes = fit(value)),
        ("family_write_buffer_bytes", 1 << 20, 1 << 30, |options, value| {
            options.family_write_buffer_bytes = fit(value);
        }),
        ("file_bytes", 1 << 20, 1 << 30, |options, value| options.file_bytes = value),
        ("max_log_bytes", 16 << 20, 64 << 30, |options, value| options.max_log_bytes = value),
        ("max_open_files", 64, 1_000_000, |options, value| options.max_open_files = fit(value)),
        ("background_threads", 2, 64, |options, value| options.background_threads = fit(value)),
        ("reclaim_threads", 1, 32, |options, value| options.reclaim_threads = fit(value)),
        ("max_key_bytes", 16, 1 << 20, |options, value| options.max_key_bytes = fit(value)),
        ("max_member_bytes", 16, 1 << 20, |options, value| options.max_member_bytes = fit(value)),
        ("max_value_bytes", 1 << 10, 512 << 20, |options, value| options.max_value_bytes = fit(value)),
        ("max_commit_bytes", 64 << 10, 256 << 20, |options, value| options.max_commit_bytes = fit(value)),
        ("inline_expiring_bytes", 0, 64 << 10, |options, value| options.inline_expiring_bytes = fit(value)),
        ("inline_lasting_bytes", 0, 64 << 10, |options, value| options.inline_lasting_bytes = fit(value)),
        ("packed_expiring_bytes", 0, 64 << 10, |options, value| options.packed_expiring_bytes = fit(value)),
        ("packed_lasting_bytes", 0, 64 << 10, |options, value| options.packed_lasting_bytes = fit(value)),
        ("rank_index_bytes", 0, 64 << 30, |options, value| options.rank_index_bytes = fit(value)),
        ("max_clock_leap", 1_000, 30 * 86_400_000, |options, value| {
            options.max_clock_leap = Duration::from_millis(value);
        }),
        ("reap_interval", 1, 60_000, |options, value| options.reap_interval = Duration::from_millis(value)),
        ("reclaim_interval", 1, 60_000, |options, value| options.reclaim_interval = Duration::from_millis(value)),
        ("compact_dead_percent", 10, 100, |options, value| options.compact_dead_percent = fit(value)),
    ];

    /// The fields of which every value is in range.
    const UNBOUNDED: [&str; 4] = ["compression", "direct_io", "durability", "key_layout"];

    fn fit<T: TryFrom<u64, Error: std::fmt::Debug>>(value: u64) -> T {
        T::try_from(value).unwrap()
    }

    fn with(set: fn(&mut Options, u64), value: u64) -> Result<()> {
        // One family's share and the whole budget are chosen so that each can take its whole range.
        let mut options =
            Options { write_buffer_bytes: 64 << 30, family_write_buffer_bytes: 1 << 20, ..Options::default() };
        set(&mut options, value);
        options.validate()
    }

    #[test]
    fn every_out_of_range_field_is_named() {
        for (name, low, high, set) in RANGES {
            for value in [low, high] {
                with(set, value).unwrap_or_else(|error| panic!("{name} may be {value}: {error}"));
            }
            for value in low.checked_sub(1).into_iter().chain([high + 1]) {
                let error = with(set, value).unwrap_err();
                assert_eq!(error.kind(), crate::ErrorKind::InvalidInput);
                assert!(error.to_string().starts_with(&format!("option {name} ")), "{name} of {value}: {error}");
            }
        }
    }

    #[test]
    fn every_field_has_a_range_or_needs_none() {
        let shown = format!("{:#?}", Options::default());
        let fields = shown.lines().filter_map(|line| Some(line.strip_prefix("    ")?.split_once(": ")?.0));
        let mut fields: Vec<&str> = fields.collect();
        let mut known: Vec<&str> = RANGES.iter().map(|range| range.0).chain(UNBOUNDED).collect();
        fields.sort_unstable();
        known.sort_unstable();
        assert_eq!(fields, known);
    }

    #[test]
    fn open_files_are_unlimited_only_at_minus_one() {
        for (files, is_valid) in [(-1, true), (-2, false), (0, false), (i32::MAX, false)] {
            let options = Options { max_open_files: files, ..Options::default() };
            assert_eq!(options.validate().is_ok(), is_valid, "{files}");
        }
    }

    #[test]
    fn one_family_may_not_take_more_than_the_whole_write_budget() {
        let options =
            Options { write_buffer_bytes: 16 << 20, family_write_buffer_bytes: 17 << 20, ..Options::default() };
        assert!(options.validate().is_err());
    }
}
