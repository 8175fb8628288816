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
    /// Largest write-ahead log before the oldest buffers are flushed. Default 512 MiB, 16 MiB to 64 GiB.
    /// Larger: fewer flushes; more disk and a longer recovery.
    pub max_log_bytes: u64,
    /// Open files: -1 keeps all open (default), else at least 64. Fewer: less memory, slower reads.
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
    /// Strings with a time to live up to this size lie in their meta record. Default 100 B, 0 to 64 KiB.
    /// Larger: one read instead of two, but dead bytes wait for the meta family's compactions.
    pub inline_expiring_bytes: usize,
    /// Strings without a time to live up to this size lie in their meta record. Default 1 KiB, 0 to 64 KiB.
    pub inline_lasting_bytes: usize,
    /// How far the wall clock may leap ahead of the monotonic clock, or lie behind the store's own past at open,
    /// before expiry pauses. Default 1 hour, at least 1 second. Smaller: pauses for smaller faults, and for a machine
    /// that slept; larger: a larger fault expires keys too early.
    pub max_clock_leap: Duration,
    /// How long the reaper waits when nothing is due. Default 20 ms, 1 ms to 1 minute. Longer: fewer wake-ups, later space.
    pub reap_interval: Duration,
    /// How often reclaiming looks for work. Default 200 ms, 1 ms to 1 minute. Longer: less work when idle, later space.
    pub reclaim_interval: Duration,
    /// Share of dead ids in a file from which it is compacted, in percent. Default 60, 10 to 100.
    /// Lower: less dead data on disk, more rewriting (live/(1-live) bytes for each byte freed).
    pub compact_dead_percent: u8,
    /// Whether user keys are grouped by Redis Cluster slot; fixed when the store is created. Default [`KeyLayout::Plain`].
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
            inline_expiring_bytes: 100,
            inline_lasting_bytes: 1 << 10,
            max_clock_leap: Duration::from_secs(3600),
            reap_interval: Duration::from_millis(20),
            reclaim_interval: Duration::from_millis(200),
            compact_dead_percent: 60,
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
            ("inline_expiring_bytes", wide(self.inline_expiring_bytes), 0, 64 * KIB),
            ("inline_lasting_bytes", wide(self.inline_lasting_bytes), 0, 64 * KIB),
            ("compact_dead_percent", u64::from(self.compact_dead_percent), 10, 100),
        ];
        for (name, value, low, high) in sizes {
            if value < low || value > high {
                return Err(Error::invalid(format!("option {name} is {value}; it must lie in {low}..={high}")));
            }
        }
        let waits = [("reap_interval", self.reap_interval), ("reclaim_interval", self.reclaim_interval)];
        for (name, wait) in waits {
            if wait < Duration::from_millis(1) || wait > Duration::from_secs(60) {
                return Err(Error::invalid(format!("option {name} is {wait:?}; it must lie in 1 ms..=60 s")));
            }
        }
        if self.max_clock_leap < Duration::from_secs(1) {
            return Err(Error::invalid("option max_clock_leap must be at least 1 s"));
        }
        if self.max_open_files != -1 && self.max_open_files < 64 {
            return Err(Error::invalid("option max_open_files must be -1 or at least 64"));
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

    #[test]
    fn every_out_of_range_field_is_named() {
        let options = Options { compact_dead_percent: 101, ..Options::default() };
        assert!(options.validate().unwrap_err().to_string().contains("compact_dead_percent"));
        let options = Options { reap_interval: Duration::ZERO, ..Options::default() };
        assert!(options.validate().unwrap_err().to_string().contains("reap_interval"));
    }

    #[test]
    fn one_family_may_not_take_more_than_the_whole_write_budget() {
        let options =
            Options { write_buffer_bytes: 16 << 20, family_write_buffer_bytes: 17 << 20, ..Options::default() };
        assert!(options.validate().is_err());
    }
}
