//! windrow, through its public API.
//!
//! Uses the crate, and `rocksdb` for the list of files when the store is closed. Invariant: nothing is asked for that a user
//! could not ask for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ::windrow::{CreateOptions, Db, Options, SetOptions, Store};

use super::super::model::Model;
use super::super::time::MixClock;
use super::{Churned, Closed, FIELDS, FamilyFiles, Figures, Shape, fields_of, files_by_family};
use crate::bare::Bare;
use crate::strategy::Io;

pub(super) struct Windrow {
    store: Store,
    db: Db,
    shape: Shape,
    options: Options,
    path: PathBuf,
}

impl Windrow {
    pub(super) fn open(directory: &Path, options: &Options, shape: Shape, clock: &MixClock) -> Self {
        let path = directory.join("store");
        let store = Store::builder(&path).options(options.clone()).clock(clock.clone()).open().expect("a new store");
        Self { db: store.db(0), store, shape, options: options.clone(), path }
    }
}

impl Churned for Windrow {
    fn set(&self, key: &[u8], value: &[u8], life: Duration) {
        let (strings, hashes) = (self.db.strings(), self.db.hashes());
        let birth = CreateOptions::new().expire_in(life);
        match self.shape {
            Shape::String => {
                strings.set_with(key, value, SetOptions::new().expire_in(life)).expect("set a string");
            }
            Shape::Hash => {
                self.db.delete([key]).expect("delete a hash");
                hashes.set_many_with(key, fields_of(value), birth).expect("make a hash");
            }
            Shape::HashInPlace => {
                let new = hashes.set_many_with(key, fields_of(value), birth).expect("set fields");
                if new == 0 {
                    self.db.expire(key, life).expect("put an expiry off");
                }
            }
        }
    }

    fn get(&self, key: &[u8], value: &mut Vec<u8>) -> bool {
        value.clear();
        if self.shape == Shape::String {
            let found = self.db.strings().get(key).expect("get a string");
            value.extend_from_slice(found.as_deref().unwrap_or_default());
            return found.is_some();
        }
        let found = self.db.hashes().get_many(key, FIELDS).expect("get fields");
        for field in found.iter().flatten() {
            value.extend_from_slice(field);
        }
        found.iter().any(Option::is_some)
    }

    fn figures(&self) -> Figures {
        let stats = self.store.stats();
        Figures {
            io: Io {
                flushed_bytes: stats.flushed_bytes,
                compaction_read_bytes: stats.compaction_read_bytes,
                compaction_written_bytes: stats.compaction_written_bytes,
                log_bytes: stats.log_bytes,
                data_compaction: Some((stats.data_compaction_read_bytes, stats.data_compaction_written_bytes)),
            },
            debt_bytes: stats.debt_bytes,
            waiting_bytes: stats.waiting_bytes,
            other_compaction: (stats.other_compaction_read_bytes, stats.other_compaction_written_bytes),
            data_file_bytes: stats.data_file_bytes,
            other_file_bytes: stats.other_file_bytes,
            files_dropped: stats.files_dropped,
            bytes_dropped: stats.bytes_dropped,
            keys_reaped: stats.keys_reaped,
            compactions: stats.compactions,
        }
    }

    fn settle(&self, limit: Duration) -> bool {
        self.store.settle(limit).expect("settle")
    }

    fn close(self: Box<Self>, model: &Model) -> Closed {
        let Self { store, db, options, path, .. } = *self;
        let mut closed = Closed::default();
        let keys = db.len().expect("a count");
        if keys != model.living() {
            closed.faults.push(format!("{keys} keys are counted, {} live", model.living()));
        }
        drop(db);
        store.close().expect("close");
        let report = ::windrow::check(&path).expect("check");
        closed.dead_elements = report.dead_elements;
        if !report.is_clean() {
            closed.faults.push(report.to_string());
        }
        closed.families = families(&path, &options);
        closed
    }
}

/// Lists the files of a closed store.
fn families(path: &Path, options: &Options) -> Vec<FamilyFiles> {
    let bare = Bare::open_tuned(path, options, |_, settings| settings.set_disable_auto_compactions(true));
    files_by_family(bare.db())
}
