//! Bare RocksDB beside a store: the same records, set up the same way, without windrow in between.
//!
//! Uses `rocksdb` and windrow's public encoding; the settings repeat `src/store/tuning.rs`, but for the compaction
//! filters. Invariant: both sides of a [`Twins`] open copies of one directory, so they hold the same bytes in the
//! same files.

use std::fs;
use std::path::Path;

use rocksdb::statistics::Ticker;
use rocksdb::{
    BlockBasedOptions, BottommostLevelCompaction, Cache, ColumnFamily, ColumnFamilyDescriptor, CompactOptions, DB,
    DBCompressionType, DBRawIterator, FlushOptions, LruCacheOptions, MergeOperands, Options as RocksOptions,
    ReadOptions, SliceTransform, WriteBufferManager,
};
use windrow::encoding::{self, CollectionId, DataFamily, Habit, KeyLayout, KeyspaceNo, Meta, MetaKey, prefix_end};
use windrow::{Db, Options, Store};

const SMALL_BUFFER_BYTES: usize = 8 << 20;

/// A RocksDB with windrow's families.
pub(crate) struct Bare {
    db: DB,
    settings: RocksOptions,
}

impl Bare {
    /// Opens the directory of a closed store, or makes a new one.
    pub(crate) fn open(path: &Path, options: &Options) -> Self {
        Self::open_tuned(path, options, |_, _| ())
    }

    /// The same, and changes the settings of each family, by its name, and those of the database, without one.
    pub(crate) fn open_tuned(path: &Path, options: &Options, tune: impl Fn(Option<&str>, &mut RocksOptions)) -> Self {
        let mut settings = database(options);
        tune(None, &mut settings);
        let mut cache = LruCacheOptions::default();
        cache.set_capacity(options.block_cache_bytes);
        // Shards of 32 MiB, as windrow has them with the default size.
        cache.set_num_shard_bits(3);
        let cache = Cache::new_lru_cache_opts(&cache);
        let small = ["default", "meta", "expire", "gc"].map(|name| (name.to_owned(), None));
        let data = DataFamily::all().map(|family| (format!("data-{}", family.number()), Some(family)));
        let families = small.into_iter().chain(data).map(|(name, data)| {
            let mut settings = family(&name, data, options, &cache);
            tune(Some(&name), &mut settings);
            ColumnFamilyDescriptor::new(name, settings)
        });
        let db = DB::open_cf_descriptors(&settings, path, families).expect("open bare RocksDB");
        Self { db, settings }
    }

    /// Reads one of RocksDB's counters, since open.
    #[allow(dead_code, reason = "times need none of them")]
    pub(crate) fn ticker(&self, ticker: Ticker) -> u64 {
        self.settings.get_ticker_count(ticker)
    }

    pub(crate) fn db(&self) -> &DB {
        &self.db
    }

    pub(crate) fn family(&self, name: &str) -> &ColumnFamily {
        self.db.cf_handle(name).expect("a family of windrow's")
    }

    pub(crate) fn meta(&self) -> &ColumnFamily {
        self.family("meta")
    }

    pub(crate) fn data(&self, id: CollectionId) -> &ColumnFamily {
        self.family(&format!("data-{}", id.family().number()))
    }

    /// Reads the record of a key in the default namespace's db 0.
    pub(crate) fn record(&self, key: &[u8]) -> (Vec<u8>, Meta) {
        let key = meta_key(key);
        let record = self.db.get_cf(self.meta(), &key).expect("get").expect("the key exists");
        (key, Meta::decode(&record).expect("a record"))
    }

    /// Opens an iterator at the first of the elements under `id` that begin with `tag`.
    pub(crate) fn elements(&self, id: CollectionId, tag: u8) -> DBRawIterator<'_> {
        let mut lower = id.to_be_bytes().to_vec();
        lower.push(tag);
        let mut read = ReadOptions::default();
        read.set_total_order_seek(true);
        read.set_iterate_upper_bound(prefix_end(&lower).expect("a tag is not the last byte"));
        read.set_iterate_lower_bound(lower.clone());
        let mut elements = self.db.raw_iterator_cf_opt(self.data(id), read);
        elements.seek(&lower);
        elements
    }

    /// Writes everything to files and puts those in order, at the lowest level.
    pub(crate) fn flush_and_compact(&self) {
        let mut compact = CompactOptions::default();
        compact.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        for family in ["meta".to_owned(), "expire".to_owned()]
            .into_iter()
            .chain(DataFamily::all().map(|family| format!("data-{}", family.number())))
        {
            let family = self.family(&family);
            self.db.flush_cf_opt(family, &FlushOptions::default()).expect("flush");
            self.db.compact_range_cf_opt(family, None::<&[u8]>, None::<&[u8]>, &compact);
        }
    }

    /// Adds up the SST files of all families.
    pub(crate) fn file_bytes(&self) -> usize {
        self.db.live_files().expect("the list of files").iter().map(|file| file.size).sum()
    }
}

/// Writes all of a closed store to files, puts those in order at the lowest level, and returns their bytes.
pub(crate) fn compact(path: &Path, options: &Options) -> usize {
    let bare = Bare::open(path, options);
    bare.flush_and_compact();
    bare.file_bytes()
}

/// The key of a meta record in the first keyspace of a store.
pub(crate) fn meta_key(key: &[u8]) -> Vec<u8> {
    MetaKey::encode(KeyLayout::Plain, keyspace(), key)
}

/// The number of a new store's first keyspace.
pub(crate) fn keyspace() -> KeyspaceNo {
    encoding::NextKeyspace::FIRST.take().expect("a new store has numbers").0
}

/// A store and bare RocksDB with the same bytes.
pub(crate) struct Twins {
    pub(crate) store: Store,
    pub(crate) bare: Bare,
    _dir: tempfile::TempDir,
}

impl Twins {
    /// Fills a new store, writes it to compacted files, and opens it and a copy of it.
    pub(crate) fn filled(options: &Options, fill: impl FnOnce(&Db)) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let [ours, bare] = ["windrow", "bare"].map(|name| dir.path().join(name));
        let store = Store::builder(&ours).options(options.clone()).open().expect("a new store");
        fill(&store.db(0));
        store.close().expect("close");
        compact(&ours, options);
        fs::create_dir(&bare).expect("a new directory");
        for file in fs::read_dir(&ours).expect("the store's files") {
            let file = file.expect("a file");
            fs::copy(file.path(), bare.join(file.file_name())).expect("copy a file");
        }
        let bare = Bare::open(&bare, options);
        let store = Store::builder(ours).options(options.clone()).open().expect("the store again");
        Self { store, bare, _dir: dir }
    }
}

fn database(options: &Options) -> RocksOptions {
    let mut rocks = RocksOptions::default();
    rocks.create_if_missing(true);
    rocks.create_missing_column_families(true);
    rocks.set_max_open_files(options.max_open_files);
    rocks.set_max_background_jobs(i32::try_from(options.background_threads).expect("few threads"));
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
    rocks
}

fn family(name: &str, data: Option<DataFamily>, options: &Options, cache: &Cache) -> RocksOptions {
    let mut rocks = RocksOptions::default()
        .get_options_from_string("bottommost_file_compaction_delay=315360000")
        .expect("an option that RocksDB knows");
    rocks.set_compression_type(DBCompressionType::Lz4);
    rocks.set_level_compaction_dynamic_level_bytes(true);
    rocks.set_target_file_size_base(options.file_bytes);
    rocks.set_max_write_buffer_number(4);
    rocks.set_periodic_compaction_seconds(0);
    rocks.set_ttl(0);
    rocks.set_write_buffer_size(options.family_write_buffer_bytes);
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_bloom_filter(10.0, false);
    table.set_format_version(6);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    match name {
        "default" => {
            rocks.set_write_buffer_size(SMALL_BUFFER_BYTES);
            rocks.set_merge_operator_associative("windrow-default", merge_default);
        }
        "gc" => {
            rocks.set_write_buffer_size(SMALL_BUFFER_BYTES);
            rocks.set_merge_operator_associative("windrow-gc", merge_gc);
        }
        "meta" => {
            rocks.set_memtable_whole_key_filtering(true);
            rocks.set_memtable_prefix_bloom_ratio(0.01);
        }
        "expire" => rocks.set_level_zero_file_num_compaction_trigger(2),
        _ => {}
    }
    if let Some(data) = data {
        rocks.set_write_buffer_size(2 * options.family_write_buffer_bytes);
        rocks.set_prefix_extractor(SliceTransform::create_fixed_prefix(8));
        table.set_whole_key_filtering(true);
        if data.habit() == Habit::Closed {
            rocks.set_level_zero_file_num_compaction_trigger(1);
        }
    }
    rocks.set_block_based_table_factory(&table);
    rocks
}

fn merge_gc(_key: &[u8], existing: Option<&[u8]>, operands: &MergeOperands) -> Option<Vec<u8>> {
    Some(encoding::merge_segments(existing, operands.iter()))
}

fn merge_default(key: &[u8], existing: Option<&[u8]>, operands: &MergeOperands) -> Option<Vec<u8>> {
    Some(encoding::default_merge(key, existing, operands.iter()))
}
