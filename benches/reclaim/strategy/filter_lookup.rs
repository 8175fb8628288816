//! filter-lookup: compactions look up the meta record of each collection that they meet, and leave out what has none.
//!
//! Uses the records. Invariant: an element is dropped only if its key's meta record is gone or names another id.
//!
//! There is no gc record and no list of the dead, as in the stores that do it this way: nobody knows where they lie, so
//! all data is compacted. Tuned: one look-up for each collection, not for each element; it pins the record instead of
//! copying it. The log is synced before, as what a compaction leaves out does not come back.

use std::ffi::CStr;
use std::sync::{Arc, OnceLock, Weak};

use rocksdb::compaction_filter::CompactionFilter;
use rocksdb::compaction_filter_factory::{CompactionFilterContext, CompactionFilterFactory};
use rocksdb::{CompactionDecision, Options as RocksOptions};

use super::published::{Id, Method, Records, id_at};
use crate::bare::meta_key;

type Slot = Arc<OnceLock<Weak<Records>>>;

/// Filters.
#[derive(Default)]
pub(super) struct FilterLookup {
    records: Slot,
}

impl Method for FilterLookup {
    fn tune(&self, family: Option<&str>, settings: &mut RocksOptions) {
        if family.is_some_and(|family| family.starts_with("data-")) {
            settings.set_compaction_filter_factory(Factory { records: Arc::clone(&self.records) });
        }
    }

    fn attach(&self, records: &Arc<Records>) {
        let _ = self.records.set(Arc::downgrade(records));
    }

    fn needs_gc_records(&self) -> bool {
        false
    }

    fn reclaim(&self, records: &Records) {
        records.db().flush_wal(true).expect("sync the log");
        records.return_space();
    }
}

struct Factory {
    records: Slot,
}

impl CompactionFilterFactory for Factory {
    type Filter = Filter;

    fn create(&mut self, _context: CompactionFilterContext) -> Filter {
        Filter { records: self.records.get().and_then(Weak::upgrade), last: None }
    }

    fn name(&self) -> &CStr {
        c"filter-lookup"
    }
}

struct Filter {
    records: Option<Arc<Records>>,
    /// The collection that was looked up last, and whether it is dead.
    last: Option<(Id, bool)>,
}

impl CompactionFilter for Filter {
    fn filter(&mut self, _level: u32, key: &[u8], user_key: &[u8]) -> CompactionDecision {
        let Some(records) = &self.records else {
            return CompactionDecision::Keep;
        };
        let id = id_at(key, 0);
        let is_dead = match self.last {
            Some((last, is_dead)) if last == id => is_dead,
            _ => match records.db().get_pinned_cf(records.meta(), meta_key(user_key)) {
                Ok(record) => record.is_none_or(|record| id_at(&record, 0) != id),
                Err(_) => false,
            },
        };
        self.last = Some((id, is_dead));
        if is_dead { CompactionDecision::Remove } else { CompactionDecision::Keep }
    }

    fn name(&self) -> &CStr {
        c"filter-lookup"
    }
}
