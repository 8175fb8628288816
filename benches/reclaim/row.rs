//! What a run found out.
//!
//! Uses the names of scenarios and strategies. Invariant: what was not measured is none, not nought.

use std::time::Duration;

use super::latency::Pace;
use super::strategy::{Checked, Ids, Io, Strategy};
use super::timeline::Sample;
use super::workload::{Totals, Workload};

/// One run of one strategy.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) workload: Workload,
    pub(crate) totals: Totals,
    pub(crate) strategy: Strategy,
    pub(crate) ids: Ids,
    /// Which of the repeated runs it is.
    pub(crate) turn: u32,
    pub(crate) seconds_to_load: f64,
    /// From death until all the dead were marked as such. With a view, from its release.
    pub(crate) seconds_to_reclaimable: f64,
    /// From death until the file system had the space back for good; none: not within the run, or too little to see.
    /// With a view, from its release.
    pub(crate) seconds_to_freed: Option<f64>,
    /// SST and log bytes at the moment of death, and at the end.
    pub(crate) held_bytes: (u64, u64),
    /// How much may be held when the space counts as given back.
    pub(crate) freed_limit: u64,
    /// What the process read and wrote in between, cached or not, the reading of a view left out.
    pub(crate) calls: Option<(u64, u64)>,
    /// What RocksDB moved in between.
    pub(crate) io: Io,
    /// Processor time from death until the dead were marked, and until the space was back, or else the end.
    pub(crate) cpu: Option<(Duration, Duration)>,
    pub(crate) peak_disk_bytes: u64,
    pub(crate) settled_disk_bytes: u64,
    /// SST bytes that flushes and compactions wrote in the whole run, all families, for each byte of members.
    pub(crate) write_amplification: f64,
    /// The same of the data families alone, and until death.
    pub(crate) data_write_amplification: Option<f64>,
    /// What callers felt before death, until the space was back or else the end, and after it, if there was such a time.
    pub(crate) foreground: Option<[Option<Pace>; 3]>,
    pub(crate) view: Option<HeldView>,
    pub(crate) checked: Checked,
    pub(crate) samples: Vec<Sample>,
    pub(crate) died_at: Duration,
}

/// A view that was held throughout the death.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldView {
    /// From death until its release.
    pub(crate) seconds: f64,
    /// Collections that it could not read whole at its end.
    pub(crate) losses: u64,
}

impl Row {
    pub(crate) fn freed_bytes(&self) -> u64 {
        self.held_bytes.0.saturating_sub(self.held_bytes.1)
    }

    /// Tells whether the run was large enough for its space to be seen coming back.
    pub(crate) fn is_large_enough(&self) -> bool {
        self.held_bytes.0 > self.freed_limit
    }

    /// From the moment when all the dead were marked until the space was back.
    pub(crate) fn seconds_from_reclaimable_to_freed(&self) -> Option<f64> {
        self.seconds_to_freed.map(|seconds| (seconds - self.seconds_to_reclaimable).max(0.0))
    }

    /// Dead collections for each second of processor time, until they were marked, and until their space was back; none if
    /// that was too short for the system's clock.
    pub(crate) fn ids_per_cpu_second(&self) -> [Option<f64>; 2] {
        let rate = |cpu: Duration| (!cpu.is_zero()).then(|| self.totals.dead as f64 / cpu.as_secs_f64());
        self.cpu.map_or([None; 2], |(marked, freed)| [rate(marked), rate(freed)])
    }

    /// Tells whether a view could read all it should until its end, if there was one.
    pub(crate) fn keeps_views(&self) -> bool {
        self.view.is_none_or(|view| view.losses == 0)
    }
}
