//! What the file system holds while a mix runs, beside what lives.
//!
//! Uses the timeline, the tool's `disk` and the store's figures. Invariant: a sample's live bytes are those of its moment, to the
//! length of a sample's taking.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::store::{Churned, Figures};
use super::time::MixClock;
use crate::disk::Files;
use crate::timeline::Timeline;

/// Time between two samples.
const SAMPLE_EVERY: Duration = Duration::from_millis(100);

/// One moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Of the mix's time.
    pub(crate) passed: Duration,
    pub(crate) live_bytes: u64,
    pub(crate) sst_bytes: u64,
    /// SST files and the written part of the log.
    pub(crate) held_bytes: u64,
    pub(crate) disk_bytes: u64,
    pub(crate) figures: Figures,
}

impl Sample {
    /// SST files and log for each living byte.
    pub(crate) fn held_over_live(&self) -> f64 {
        self.held_bytes as f64 / self.live_bytes.max(1) as f64
    }

    pub(crate) fn sst_over_live(&self) -> f64 {
        self.sst_bytes as f64 / self.live_bytes.max(1) as f64
    }
}

/// Takes samples.
pub(crate) struct Watch {
    directory: PathBuf,
    timeline: Timeline,
    clock: MixClock,
    live_bytes: Arc<AtomicU64>,
    samples: Mutex<Vec<Sample>>,
    ended: AtomicBool,
}

impl Watch {
    pub(crate) fn of(directory: &Path, clock: &MixClock, live_bytes: &Arc<AtomicU64>) -> Self {
        Self {
            directory: std::fs::canonicalize(directory).expect("the run's directory"),
            timeline: Timeline::of(directory),
            clock: clock.clone(),
            live_bytes: Arc::clone(live_bytes),
            samples: Mutex::default(),
            ended: AtomicBool::new(false),
        }
    }

    /// Samples until [`Watch::end`] is called.
    pub(crate) fn watch(&self, store: &dyn Churned) {
        while !self.ended.load(Ordering::Relaxed) {
            self.look(store);
            std::thread::sleep(SAMPLE_EVERY);
        }
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Takes one sample and keeps it.
    pub(crate) fn look(&self, store: &dyn Churned) -> Sample {
        let mut samples = self.samples.lock().expect("no sample failed");
        let (passed, live_bytes) = (self.clock.passed(), self.live_bytes.load(Ordering::Relaxed));
        let seen = self.timeline.look();
        let sample = Sample {
            passed,
            live_bytes,
            sst_bytes: Files::with_unlinked(&self.directory).total().sst_bytes,
            held_bytes: seen.held_bytes,
            disk_bytes: seen.disk_bytes,
            figures: store.figures(),
        };
        samples.push(sample);
        sample
    }

    /// Waits until neither files nor figures have changed for as long as `quiet`; at most until `limit` has passed.
    pub(crate) fn wait_until_quiet(&self, store: &dyn Churned, quiet: Duration, limit: Duration) {
        self.timeline.wait_until_quiet(quiet, limit, || {
            let figures = store.figures();
            let io = figures.io;
            figures.files_dropped
                + figures.compactions
                + figures.keys_reaped
                + io.flushed_bytes
                + io.compaction_read_bytes
        });
    }

    pub(crate) fn samples(&self) -> Vec<Sample> {
        self.samples.lock().expect("no sample failed").clone()
    }
}
