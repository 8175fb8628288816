//! The public handles and what stands behind them: lock, plan, commit; open and close; background threads.
//!
//! May use everything below it. Invariants: every operation goes pin, time, keyspaces, snapshot, in that order
//! (design, rule 5); every change to a key is one commit (rule 1).

mod background;
mod bell;
mod bits;
mod builder;
mod builds;
mod bulk;
mod checkpoint;
mod commit;
#[cfg(feature = "server")]
mod condition;
mod counts;
mod create;
mod db;
mod debug;
mod dumps;
mod events;
mod expiry;
mod export;
mod geo;
mod habits;
mod hashes;
mod health;
mod history;
mod hyperloglogs;
mod import;
mod keys;
mod keyspaces;
mod lists;
mod margins;
mod open;
mod promotion;
mod ranks;
mod read;
mod scan;
mod sets;
mod shared_map;
mod slots;
mod sort;
mod stats;
mod store;
mod strings;
mod transaction;
mod transfer;
mod view;
mod write;
mod zsets;

pub use bits::{BitField, Bits};
pub use builder::StoreBuilder;
pub use bulk::BulkLoad;
pub use counts::KeyCounts;
pub use create::CreateOptions;
pub use db::Db;
pub use dumps::RestoreOptions;
pub use events::{Event, EventOptions, Events};
pub use expiry::{ExpireTime, Ttl};
pub use export::ExportReport;
pub use geo::{Geo, GeoFrom, GeoSearch};
pub use hashes::{HashEntries, HashFields, HashValues, Hashes};
pub use history::ReclaimTotals;
pub use hyperloglogs::HyperLogLogs;
pub use import::{Existing, ImportOptions, ImportReport, Refusal, append_only_parts};
pub use keys::Keys;
pub use lists::{ListItems, Lists, PositionOptions};
pub use read::{Frozen, Live, Source, Writable};
pub use scan::{ScanCursor, ScanOptions, ScanPage};
pub use sets::{Members, Sets};
pub use sort::SortOptions;
pub use stats::{HeldBackBy, Stats};
pub use store::{Namespace, Store};
pub use strings::{GetExOptions, Lcs, LcsMatch, SetOptions, SetOutcome, Strings};
pub use transaction::{Transaction, Tx, Watch, WriteBatch};
pub use transfer::CopyOptions;
pub use view::{View, ViewNamespace};
pub use zsets::{CombineOptions, ZAddOptions, ZEnd, ZEntries, ZPopped, ZSets};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use parking_lot::Mutex;

use crate::births::Births;
use crate::clock::StoreTime;
use crate::error::{Error, ErrorKind, Result};
use crate::expire::Reaper;
use crate::gc::{Filters, FlushedKeyspaces, LogLimit, Pins, ReclaimCounters, Reclaimer, Watermark};
use crate::habits::{Habits, Tried};
use crate::ids::Ids;
use crate::locks::Locks;
use crate::options::Options;
use crate::store::{Database, Directory};

use bell::Bell;
use events::Hub;
use health::Health;
use history::History;
pub(crate) use keyspaces::Keyspaces;
use margins::Margins;
pub(crate) use open::require_known_format;
use ranks::Ranks;
use transaction::Watches;

/// Everything that an open store shares between its handles and threads.
pub(crate) struct Engine {
    pub(crate) db: Arc<Database>,
    pub(crate) options: Options,
    pub(crate) time: Arc<StoreTime>,
    pub(crate) pins: Arc<Pins>,
    pub(crate) keyspaces: Keyspaces,
    pub(crate) health: Health,
    ids: Arc<Ids>,
    births: Arc<Births>,
    habits: Habits,
    tried: Tried,
    log_limit: LogLimit,
    /// Set by commits of `Interval` durability, cleared by the sync that covers them.
    sync_wanted: AtomicBool,
    /// Held from the sample of a time that is saved until the commit that saves it.
    saving_time: Mutex<()>,
    /// Pins there had been when the store's time was last saved.
    pins_at_save: AtomicU64,
    locks: Locks,
    ranks: Ranks,
    margins: Margins,
    watches: Watches,
    events: Arc<Hub>,
    /// Rung when somebody has subscribed: the reaper's pauses are shorter.
    heard: Bell,
    watermark: Arc<Watermark>,
    filters: Arc<Filters>,
    flushed: FlushedKeyspaces,
    reaper: Mutex<Reaper>,
    reclaimer: Reclaimer,
    history: Mutex<History>,
    /// Rung when much has been buried: the watermark need not wait for its turn.
    much_buried: Bell,
    /// Rung when something has become reclaimable.
    news: Bell,
    counters: Arc<ReclaimCounters>,
    read_only: bool,
    /// Declared last, so dropped last: RocksDB is closed before the directory is unlocked.
    directory: Directory,
}

impl Engine {
    /// Refuses work on a store that is closed or poisoned.
    pub(crate) fn check_open(&self) -> Result<()> {
        self.health.check()
    }

    /// Refuses changes to a store that is closed, poisoned or opened read-only.
    pub(crate) fn check_writable(&self) -> Result<()> {
        self.health.check()?;
        if self.read_only {
            return Err(Error::new(ErrorKind::ReadOnly, "the store was opened read-only"));
        }
        Ok(())
    }
}
