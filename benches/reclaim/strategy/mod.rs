//! The ways to give space back, each in a file of its own: windrow, and those it is measured against.
//!
//! Uses `../../common`. Invariant: all of them load the same collections in the same order, one commit for each, with
//! one thread, and set RocksDB up the same way but for what a strategy's file says.

mod drop_compact;
mod filter_lookup;
mod published;
mod range_each;
mod scan;
mod windrow;

use std::path::Path;
use std::time::Duration;

use ::windrow::Options;

use super::workload::Workload;
use published::Published;

/// A way to give space back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// The store as users have it: its background decides, and may wait.
    Windrow,
    /// The same, and somebody asks for all space that can be had now (`Store::settle`).
    WindrowSettle,
    /// One thread walks the gc records and deletes the elements one by one.
    ScanOne,
    /// The same in 256 slots, with several threads.
    ScanSlots,
    /// One range deletion for each dead collection.
    RangeEach,
    /// Files dropped, ranges deleted and everything compacted over the dead span.
    DropCompact,
    /// A compaction filter that looks up the meta record.
    FilterLookup,
}

impl Strategy {
    pub(crate) const ALL: [Self; 7] = [
        Self::Windrow,
        Self::WindrowSettle,
        Self::ScanOne,
        Self::ScanSlots,
        Self::RangeEach,
        Self::DropCompact,
        Self::FilterLookup,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Windrow => "windrow",
            Self::WindrowSettle => "windrow-settle",
            Self::ScanOne => "scan-1",
            Self::ScanSlots => "scan-256",
            Self::RangeEach => "range-each",
            Self::DropCompact => "drop-compact",
            Self::FilterLookup => "filter-lookup",
        }
    }

    pub(crate) fn is_windrow(self) -> bool {
        matches!(self, Self::Windrow | Self::WindrowSettle)
    }

    /// Makes a new store in an empty directory.
    pub(crate) fn open(self, ids: Ids, directory: &Path, options: &Options) -> Box<dyn Engine> {
        match self {
            Self::Windrow => Box::new(windrow::Windrow::open(directory, options, false)),
            Self::WindrowSettle => Box::new(windrow::Windrow::open(directory, options, true)),
            Self::ScanOne => Box::new(Published::open(directory, options, ids, scan::Scan::with_one_thread())),
            Self::ScanSlots => Box::new(Published::open(directory, options, ids, scan::Scan::in_slots())),
            Self::RangeEach => Box::new(Published::open(directory, options, ids, range_each::RangeEach)),
            Self::DropCompact => Box::new(Published::open(directory, options, ids, drop_compact::DropCompact)),
            Self::FilterLookup => {
                Box::new(Published::open(directory, options, ids, filter_lookup::FilterLookup::default()))
            }
        }
    }
}

/// How collections are numbered. windrow has its own way, which counts as ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    /// As uuids are: no two that are born together lie together.
    Random,
    /// By birth.
    Ordered,
}

impl Ids {
    pub(crate) const ALL: [Self; 2] = [Self::Random, Self::Ordered];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Ordered => "ordered",
        }
    }
}

/// A store with a way to give space back.
pub(crate) trait Engine {
    /// Writes all collections.
    fn load(&self, workload: &Workload);

    /// Lets the short lives pass. Returns at once; what follows is measured.
    fn expire(&self);

    /// Returns when all the dead are marked as such, so that their space may be taken; at most after `limit`.
    fn reap(&self, dead: u64, limit: Duration);

    /// Gives the space back, or returns at once if that goes on by itself.
    fn reclaim(&self, limit: Duration);

    /// Tells whether more may be expected from waiting.
    fn is_done(&self) -> bool;

    /// Changes while something goes on that the file system does not show.
    fn activity(&self) -> u64;

    fn io(&self) -> Io;

    /// Reads everything that is left, and closes the store.
    fn check(self: Box<Self>, workload: &Workload) -> Checked;
}

/// Bytes that RocksDB moved since open, all families.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Io {
    pub(crate) flushed_bytes: u64,
    pub(crate) compaction_read_bytes: u64,
    pub(crate) compaction_written_bytes: u64,
    pub(crate) log_bytes: u64,
    /// What compactions read and wrote in the data families alone, where that is known.
    pub(crate) data_compaction: Option<(u64, u64)>,
}

/// What was found after a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checked {
    /// Survivors that were read whole and are right.
    pub(crate) survivors: u64,
    /// Elements that can be reached from no key and still take space; not known of windrow, whose verifier counts them.
    pub(crate) dead_elements: u64,
    /// How often something was not as it should be.
    pub(crate) fault_count: u64,
    /// The first few of these.
    pub(crate) faults: Vec<String>,
}

impl Checked {
    const SHOWN: usize = 5;

    fn fault(&mut self, fault: impl Into<String>) {
        self.fault_count += 1;
        if self.faults.len() < Self::SHOWN {
            self.faults.push(fault.into());
        }
    }
}
