//! A closed store's RocksDB, opened behind the store's back.

use std::path::Path;

use rocksdb::{ColumnFamilyDescriptor, DB, MergeOperands, Options};
use windrow::encoding::{default_merge, merge_segments};

/// Opens the database of a store that nobody has open, with its merges and without its filters.
pub(crate) fn open_raw(path: &Path) -> DB {
    let options = Options::default();
    let families = DB::list_cf(&options, path).unwrap().into_iter().map(|name| {
        let mut options = Options::default();
        match name.as_str() {
            "gc" => options.set_merge_operator_associative("windrow-gc", |_, old, new: &MergeOperands| {
                Some(merge_segments(old, new.iter()))
            }),
            "default" => options.set_merge_operator_associative("windrow-default", |key, old, new: &MergeOperands| {
                Some(default_merge(key, old, new.iter()))
            }),
            _ => {}
        }
        ColumnFamilyDescriptor::new(name, options)
    });
    DB::open_cf_descriptors(&options, path, families.collect::<Vec<_>>()).unwrap()
}
