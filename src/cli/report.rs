//! The figures of a run, collected once, for the JSON, the table and the picture.
//!
//! Uses the crate's statistics. Invariant: every number that is shown is in here, so all three agree.

use std::time::Duration;

use super::progress::Troubles;
use super::run::Run;
use super::settle::Settled;
use super::text::{rate, ratio};
use super::watcher::{Sample, Timeline};
use super::write::{self, WindowFigures};
use crate::Stats;

/// The largest of each number over all samples, so not all of the same moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peak {
    pub(crate) disk_bytes: u64,
    pub(crate) data_bytes: u64,
    pub(crate) other_bytes: u64,
    pub(crate) log_bytes: u64,
    pub(crate) rest_bytes: u64,
    pub(crate) unlinked_bytes: u64,
}

impl Peak {
    fn of(timeline: &Timeline) -> Self {
        Self {
            disk_bytes: timeline.peak(|sample| sample.disk.total()),
            data_bytes: timeline.peak(|sample| sample.data_bytes),
            other_bytes: timeline.peak(|sample| sample.other_bytes),
            log_bytes: timeline.peak(|sample| sample.disk.log_bytes),
            rest_bytes: timeline.peak(|sample| sample.disk.rest_bytes),
            unlinked_bytes: timeline.peak(|sample| sample.disk.unlinked_bytes),
        }
    }
}

/// Everything that a run found out.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) title: String,
    pub(crate) windows: Vec<WindowFigures>,
    pub(crate) loaded_bytes: u64,
    pub(crate) loaded_collections: u64,
    /// The most that was alive at once.
    pub(crate) live_bytes: u64,
    pub(crate) peak: Peak,
    pub(crate) settled: Settled,
    pub(crate) stats: Stats,
    pub(crate) verified_collections: u64,
    pub(crate) troubles: Troubles,
    pub(crate) commits: u64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) write_time: Duration,
    pub(crate) check_seconds: f64,
    pub(crate) last_expiry_at: Duration,
    pub(crate) total_time: Duration,
    pub(crate) samples: Vec<Sample>,
    /// When windows died, where they die at once.
    pub(crate) deaths: Vec<Duration>,
}

impl Report {
    /// Collects the figures once everything has been checked.
    pub(crate) fn collect(
        run: &Run,
        timeline: &Timeline,
        windows: Vec<WindowFigures>,
        (settled, stats): (Settled, Stats),
        last_expiry_at: Duration,
    ) -> Self {
        let (commits, write_time) = write::total(&windows);
        Self {
            title: run.workload.describe(),
            check_seconds: windows.iter().map(|window| window.check_seconds).sum(),
            windows,
            loaded_bytes: run.ledger.loaded_bytes(),
            loaded_collections: run.ledger.loaded_collections(),
            live_bytes: timeline.peak(|sample| sample.live_bytes),
            peak: Peak::of(timeline),
            settled,
            stats,
            verified_collections: run.ledger.verified_collections(),
            troubles: run.progress.troubles(),
            commits,
            p50_us: run.latencies.percentile_us(0.5),
            p99_us: run.latencies.percentile_us(0.99),
            write_time,
            last_expiry_at,
            total_time: run.elapsed(),
            samples: timeline.samples(),
            deaths: timeline.deaths(),
        }
    }

    /// Bytes of members that were written and that the data families' files no longer hold.
    pub(crate) fn freed_bytes(&self) -> u64 {
        self.loaded_bytes.saturating_sub(self.settled.sample.data_bytes)
    }

    /// Share of the data families' largest size that is back.
    pub(crate) fn freed_share_of_peak(&self) -> f64 {
        let gone = self.peak.data_bytes.saturating_sub(self.settled.sample.data_bytes);
        ratio(gone, self.peak.data_bytes)
    }

    /// Bytes that compactions of the data families read and wrote, for each byte freed.
    pub(crate) fn reclaim_share(&self) -> f64 {
        let moved = self.stats.data_compaction_read_bytes + self.stats.data_compaction_written_bytes;
        ratio(moved, self.freed_bytes())
    }

    /// Largest disk use for each byte that was alive at once.
    pub(crate) fn peak_over_live(&self) -> f64 {
        ratio(self.peak.disk_bytes, self.live_bytes)
    }

    pub(crate) fn ops_per_s(&self) -> f64 {
        rate(self.commits, self.write_time.as_secs_f64())
    }

    /// Counts the sets that nobody read back: they died before, or their files could not be compared any more.
    pub(crate) fn unverified_collections(&self) -> u64 {
        self.loaded_collections.saturating_sub(self.verified_collections)
    }

    /// Says so if nothing was read back, which leaves everything else unproven.
    pub(crate) fn warning(&self) -> Option<&'static str> {
        let nothing = self.verified_collections == 0 && self.loaded_collections > 0;
        nothing.then_some(
            "WARNING: not one set was read back, so this run says nothing about their contents; a longer --ttl does",
        )
    }

    /// Tells whether everything was as written while it lived, gone afterwards, and its space back.
    pub(crate) fn is_clean(&self) -> bool {
        let is_back = self.settled.seconds_to_freed.is_some();
        self.troubles.mismatches.count == 0 && self.settled.keys_left == 0 && is_back
    }
}
