//! The ways to give space back, each in a file of its own: windrow, and those it is measured against.
//!
//! Uses `../../common`. Invariant: all of them load the same collections in the same order, one commit for each, with
//! one thread, and set RocksDB up the same way but for what a strategy's file says.

mod drop_compact;
mod filter_lookup;
mod published;
mod range_each;
mod scan;
mod unlink;
mod windrow;

use std::path::Path;
use std::time::Duration;

use ::windrow::Options;

use super::workload::{Scenario, Workload};
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
    /// No way to do it but the yardstick: the SST files of windrow's elements, unlinked by hand.
    Unlink,
}

impl Strategy {
    pub(crate) const ALL: [Self; 8] = [
        Self::Windrow,
        Self::WindrowSettle,
        Self::ScanOne,
        Self::ScanSlots,
        Self::RangeEach,
        Self::DropCompact,
        Self::FilterLookup,
        Self::Unlink,
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
            Self::Unlink => "unlink",
        }
    }

    pub(crate) fn is_windrow(self) -> bool {
        matches!(self, Self::Windrow | Self::WindrowSettle)
    }

    /// Tells whether it is one of those that windrow is measured against.
    pub(crate) fn is_baseline(self) -> bool {
        !self.is_windrow() && self != Self::Unlink
    }

    /// Tells whether it means something in a scenario, with or without callers beside it: files can be unlinked by hand
    /// only if all in them is dead, and nobody can read what is left.
    pub(crate) fn fits(self, scenario: Scenario, has_callers: bool) -> bool {
        self != Self::Unlink || (scenario == Scenario::Window && !has_callers)
    }

    /// Makes a new store in an empty directory.
    ///
    /// `has_late_writes`: collections will be written to after their birth.
    pub(crate) fn open(self, ids: Ids, directory: &Path, options: &Options, has_late_writes: bool) -> Box<dyn Engine> {
        let family = published::family(ids, has_late_writes);
        match self {
            Self::Windrow => Box::new(windrow::Windrow::open(directory, options, false)),
            Self::WindrowSettle => Box::new(windrow::Windrow::open(directory, options, true)),
            Self::ScanOne => Box::new(Published::open(directory, options, family, scan::Scan::with_one_thread())),
            Self::ScanSlots => Box::new(Published::open(directory, options, family, scan::Scan::in_slots())),
            Self::RangeEach => Box::new(Published::open(directory, options, family, range_each::RangeEach)),
            Self::DropCompact => Box::new(Published::open(directory, options, family, drop_compact::DropCompact)),
            Self::FilterLookup => {
                Box::new(Published::open(directory, options, family, filter_lookup::FilterLookup::default()))
            }
            Self::Unlink => Box::new(unlink::Unlink::open(directory, options)),
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
pub(crate) trait Engine: Sync {
    /// Writes all collections.
    fn load(&self, workload: &Workload);

    /// Does what is left to do before death and is no part of what is measured.
    fn prepare(&self) {}

    /// Lets the short lives pass, or deletes what is to die so. Returns at once; what follows is measured.
    fn expire(&self, workload: &Workload);

    /// Returns when all that is dead is marked as such, so that its space may be taken; at most after `limit`. So many
    /// collections have expired since open.
    fn reap(&self, expired: u64, limit: Duration);

    /// Gives the space back, or returns at once if that goes on by itself.
    fn reclaim(&self, limit: Duration);

    /// How long the giving back took, where that is known better than from looking at the file system.
    fn reclaim_took(&self) -> Option<Duration> {
        None
    }

    /// Tells whether more may be expected from waiting.
    fn is_done(&self) -> bool;

    /// Changes while something goes on that the file system does not show.
    fn activity(&self) -> u64;

    fn io(&self) -> Io;

    /// What else can be done with it while space is given back; the yardstick cannot.
    fn callers(&self) -> Option<&dyn Callers> {
        None
    }

    /// Reads everything that is left, and closes the store.
    fn check(self: Box<Self>, workload: &Workload) -> Checked;
}

/// What callers do with a store beside the workload.
pub(crate) trait Callers: Sync {
    /// Opens a view of all that is alive now.
    fn view(&self) -> Box<dyn View + '_>;

    /// Reads one of the keys that live for ever.
    fn read_living(&self, number: u64) -> Option<Vec<u8>>;

    /// Writes one of them.
    fn write_living(&self, number: u64, value: &[u8]);
}

/// A picture of a store at one moment.
pub(crate) trait View {
    /// Reads all collections and returns how many of them are not there as they were written.
    fn count_losses(&self, workload: &Workload) -> u64;
}

/// Bytes that RocksDB moved since open, all families.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Io {
    pub(crate) flushed_bytes: u64,
    pub(crate) compaction_read_bytes: u64,
    pub(crate) compaction_written_bytes: u64,
    pub(crate) log_bytes: u64,
    /// What compactions read and wrote in the data families alone, where that is known.
    ///
    /// windrow counts keys and values before compression. RocksDB tells bytes of files, in steps of 10 MiB, to the baselines;
    /// with values that do not compress that is the same but for these steps.
    pub(crate) data_compaction: Option<(u64, u64)>,
}

impl Io {
    /// What was moved since an earlier reading.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            flushed_bytes: self.flushed_bytes - earlier.flushed_bytes,
            compaction_read_bytes: self.compaction_read_bytes - earlier.compaction_read_bytes,
            compaction_written_bytes: self.compaction_written_bytes - earlier.compaction_written_bytes,
            log_bytes: self.log_bytes - earlier.log_bytes,
            data_compaction: self
                .data_compaction
                .zip(earlier.data_compaction)
                .map(|(now, then)| (now.0.saturating_sub(then.0), now.1.saturating_sub(then.1))),
        }
    }

    /// SST bytes that flushes and compactions wrote.
    pub(crate) fn file_bytes_written(self) -> u64 {
        self.flushed_bytes + self.compaction_written_bytes
    }
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

    /// Counts a fault that was met so often.
    pub(crate) fn faults(&mut self, count: u64, fault: &str) {
        if count > 0 {
            self.fault(format!("{count} {fault}"));
        }
    }

    fn fault(&mut self, fault: impl Into<String>) {
        self.fault_count += 1;
        if self.faults.len() < Self::SHOWN {
            self.faults.push(fault.into());
        }
    }
}
