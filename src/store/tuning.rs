//! How RocksDB is set up: the options of the database and of each family, with their reasons.
//!
//! Uses `rocksdb`, `options` and the merge functions of `encoding`. Invariant: every level of a family is
//! compressed alike, so that files move down without being read (design, section 8).

use std::sync::Arc;

use rocksdb::{
    BlockBasedOptions, BottommostLevelCompaction, Cache, CompactOptions, DBCompressionType, LruCacheOptions,
    MergeOperands, Options as RocksOptions, SliceTransform, WriteBufferManager,
};

use super::family::Family;
use super::filter::{CompactionCounters, Factory, FilterSource};
use super::map_error;
use crate::encoding::{self, DataFamily};
use crate::error::Result;
use crate::options::{Compression, Options};

/// Write buffers of the small families. WHY: they hold the log back for everyone until they are flushed.
const SMALL_BUFFER_BYTES: usize = 8 << 20;

/// The share of the meta family's write buffer that a bloom filter over its keys takes, from when the buffer is made.
///
/// WHY: every operation looks a record up, and the look-up passes the buffer first. At 100,000 entries there the filter
/// spares 40% of a look-up of what is not among them, at 400,000 still 44%; half of this share spares 27% then, double 48%.
/// It costs 0.1 to 0.2 µs for each record written, and 0.1 for each look-up while the buffer is nearly empty. The data
/// families have none: they are many, and each would take its share even if nothing is ever written to it.
const META_BUFFER_FILTER: f64 = 0.01;

/// The name under which RocksDB knows the merge of the store-wide records.
const DEFAULT_MERGE: &str = "windrow-default";

/// A family compacts its lowest level on its own only after ten years: reclaiming decides.
///
/// WHY: with 0, RocksDB rewrites bottom files whenever a snapshot is released. As text, because the crate has no
/// setter, and setting it after open costs a synced options file for each family.
const BOTTOMMOST_DELAY: &str = "bottommost_file_compaction_delay=315360000";

/// Recovery writes what it reads from the log to SST files before the store opens.
///
/// WHY: what a crash of the process left is readable then and not durable: the end of the log is in the page cache alone.
/// Opening publishes all burials that it finds, and files are dropped on their word. Without the flush a power loss
/// would bring a meta record back without its elements (design, rule 4). As text, because the crate has no setter.
const FLUSH_AT_RECOVERY: &str = "avoid_flush_during_recovery=false";

/// Least size of a shard of the block cache, of which there are at most 64. WHY: a file's bloom filter is one block,
/// of 5 MiB for four million small elements, and what is larger than a shard is read again by every point read.
/// Larger: fewer shards, for whose locks reading threads wait.
const CACHE_SHARD_BYTES: usize = 32 << 20;

/// The block cache, which all families share.
pub(super) fn cache(options: &Options) -> Cache {
    let shards = (options.block_cache_bytes / CACHE_SHARD_BYTES).clamp(1, 64);
    let mut settings = LruCacheOptions::default();
    settings.set_capacity(options.block_cache_bytes);
    settings.set_num_shard_bits(i32::try_from(shards.ilog2()).unwrap_or(0));
    Cache::new_lru_cache_opts(&settings)
}

/// Options of the whole database.
pub(super) fn database(options: &Options) -> Result<RocksOptions> {
    let mut rocks = RocksOptions::default().get_options_from_string(FLUSH_AT_RECOVERY).map_err(map_error)?;
    rocks.create_if_missing(true);
    rocks.create_missing_column_families(true);
    rocks.set_max_open_files(options.max_open_files);
    rocks.set_max_background_jobs(i32::try_from(options.background_threads).unwrap_or(2));
    rocks.set_max_total_wal_size(options.max_log_bytes);
    rocks.set_write_buffer_manager(&WriteBufferManager::new_write_buffer_manager(options.write_buffer_bytes, false));
    rocks.set_use_direct_reads(options.direct_io);
    rocks.set_use_direct_io_for_flush_and_compaction(options.direct_io);
    rocks.set_keep_log_file_num(4);
    rocks.set_max_log_file_size(16 << 20);
    rocks.set_bytes_per_sync(1 << 20);
    rocks.enable_statistics();
    rocks.set_statistics_level(rocksdb::statistics::StatsLevel::ExceptHistogramOrTimers);
    rocks.set_stats_dump_period_sec(0);
    rocks.set_stats_persist_period_sec(0);
    #[cfg(feature = "failpoints")]
    if hold_log() {
        rocks.set_manual_wal_flush(true);
    }
    Ok(rocks)
}

/// Lets a test keep the log in memory until it is synced: a copy of the directory is then what a power loss leaves.
#[cfg(feature = "failpoints")]
fn hold_log() -> bool {
    fail::fail_point!("store::hold_log", |_| true);
    false
}

/// Options of one family.
pub(super) fn family(
    family: Family,
    options: &Options,
    cache: &Cache,
    source: &Arc<dyn FilterSource>,
    counters: &Arc<CompactionCounters>,
) -> Result<RocksOptions> {
    let mut rocks = shape(family, options, cache)?;
    if matches!(family, Family::Meta | Family::Expire | Family::Data(_)) {
        rocks.set_compaction_filter_factory(factory(family, source, counters));
    }
    Ok(rocks)
}

/// Options of one family without its filter: what its files look like, whoever writes them.
pub(super) fn shape(family: Family, options: &Options, cache: &Cache) -> Result<RocksOptions> {
    let mut rocks = RocksOptions::default().get_options_from_string(BOTTOMMOST_DELAY).map_err(map_error)?;
    rocks.set_compression_type(compression(options.compression));
    rocks.set_level_compaction_dynamic_level_bytes(true);
    rocks.set_target_file_size_base(options.file_bytes);
    // Bounded by the one budget over all families; more than two keeps writers going while a buffer is flushed.
    rocks.set_max_write_buffer_number(4);
    // WHY: no compaction by age. Periodic and TTL compactions would rewrite live files for nothing.
    rocks.set_periodic_compaction_seconds(0);
    rocks.set_ttl(0);
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_bloom_filter(10.0, false);
    table.set_format_version(6);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    match family {
        Family::Default => {
            rocks.set_write_buffer_size(SMALL_BUFFER_BYTES);
            rocks.set_merge_operator_associative(DEFAULT_MERGE, merge_default);
        }
        Family::Gc => {
            rocks.set_write_buffer_size(SMALL_BUFFER_BYTES);
            rocks.set_merge_operator_associative("windrow-gc", merge_gc);
        }
        Family::Meta | Family::Expire => {
            rocks.set_write_buffer_size(options.family_write_buffer_bytes);
            if family == Family::Expire {
                // WHY: past times leave by whole files below L0; with few of them in L0 they get there soon.
                rocks.set_level_zero_file_num_compaction_trigger(2);
            } else {
                rocks.set_memtable_whole_key_filtering(true);
                rocks.set_memtable_prefix_bloom_ratio(META_BUFFER_FILTER);
            }
        }
        Family::Data(data) => data_family(data, options, &mut rocks, &mut table),
    }
    rocks.set_block_based_table_factory(&table);
    Ok(rocks)
}

/// What it takes to read the store-wide records, and no more.
pub(super) fn store_wide() -> RocksOptions {
    let mut rocks = RocksOptions::default();
    rocks.set_merge_operator_associative(DEFAULT_MERGE, merge_default);
    rocks
}

fn data_family(family: DataFamily, options: &Options, rocks: &mut RocksOptions, table: &mut BlockBasedOptions) {
    // The engine switches the buffer at half of this, between commits; see `births.rs`.
    rocks.set_write_buffer_size(options.family_write_buffer_bytes.saturating_mul(2));
    // The prefix is the id: a bloom filter answers "does this collection have elements here" within one id only.
    rocks.set_prefix_extractor(SliceTransform::create_fixed_prefix(8));
    table.set_whole_key_filtering(true);
    if family.habit() == encoding::Habit::Closed {
        // WHY: files in L0 cannot be dropped, and moving an appended file down costs nothing.
        rocks.set_level_zero_file_num_compaction_trigger(1);
    }
}

fn factory(family: Family, source: &Arc<dyn FilterSource>, counters: &Arc<CompactionCounters>) -> Factory {
    Factory { family, source: Arc::clone(source), counters: Arc::clone(counters) }
}

fn compression(choice: Compression) -> DBCompressionType {
    match choice {
        Compression::None => DBCompressionType::None,
        Compression::Lz4 => DBCompressionType::Lz4,
        Compression::Zstd => DBCompressionType::Zstd,
    }
}

/// Options of a compaction that reclaiming asks for: rewrite exactly the range, the lowest level too.
pub(super) fn reclaiming_compaction() -> CompactOptions {
    let mut compact = CompactOptions::default();
    compact.set_exclusive_manual_compaction(false);
    compact.set_bottommost_level_compaction(BottommostLevelCompaction::ForceOptimized);
    compact
}

fn merge_gc(_key: &[u8], existing: Option<&[u8]>, operands: &MergeOperands) -> Option<Vec<u8>> {
    Some(encoding::merge_segments(existing, operands.iter()))
}

fn merge_default(key: &[u8], existing: Option<&[u8]>, operands: &MergeOperands) -> Option<Vec<u8>> {
    Some(encoding::default_merge(key, existing, operands.iter()))
}
