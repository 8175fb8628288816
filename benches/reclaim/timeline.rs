//! What the file system holds for a run, forty times a second.
//!
//! Uses the tool's `disk`. Invariant: a byte counts until the file system could give it to somebody else: unlinked
//! files that are still open count.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::disk::Files;
use super::process;

/// Time between samples. WHY: windrow gives space back in less than a second, so a tenth would be too coarse; each
/// sample costs the listing of a directory.
const SAMPLE_EVERY: Duration = Duration::from_millis(25);

/// One moment of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    /// Since the run began.
    pub(crate) at: Duration,
    /// Bytes of SST files, and of the log as far as it is written.
    ///
    /// WHY not what is reserved for the log: it waits for records to come, whatever has died. With callers beside the
    /// workload nothing of the log: their records keep it.
    pub(crate) held_bytes: u64,
    /// All that the file system charges, reservations included.
    pub(crate) disk_bytes: u64,
    /// Processor time of the process, all threads; none where the system does not tell.
    pub(crate) cpu: Option<Duration>,
}

/// All samples of a run.
#[derive(Debug)]
pub(crate) struct Timeline {
    directory: PathBuf,
    counts_log: bool,
    began: Instant,
    samples: Mutex<Vec<Sample>>,
    ended: AtomicBool,
}

impl Timeline {
    pub(crate) fn of(directory: &Path) -> Self {
        // Links to open files show the path without detours.
        let directory = fs::canonicalize(directory).expect("the run's directory");
        let began = Instant::now();
        Self { directory, counts_log: true, began, samples: Mutex::default(), ended: AtomicBool::new(false) }
    }

    /// The same without the log, for runs in which callers go on writing.
    pub(crate) fn of_files(directory: &Path) -> Self {
        Self { counts_log: false, ..Self::of(directory) }
    }

    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Samples until [`Timeline::end`] is called.
    pub(crate) fn watch(&self) {
        while !self.ended.load(Ordering::Relaxed) {
            self.look();
            std::thread::sleep(SAMPLE_EVERY);
        }
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Takes one sample and keeps it.
    pub(crate) fn look(&self) -> Sample {
        let mut samples = self.samples.lock().expect("no sample failed");
        let disk = Files::with_unlinked(&self.directory).total();
        let held_bytes = match self.counts_log {
            true => (disk.sst_bytes + disk.log_bytes).saturating_sub(reserved_log_bytes(&self.directory)),
            false => disk.sst_bytes,
        };
        let sample = Sample { at: self.elapsed(), held_bytes, disk_bytes: disk.total(), cpu: process::cpu() };
        samples.push(sample);
        sample
    }

    pub(crate) fn samples(&self) -> Vec<Sample> {
        self.samples.lock().expect("no sample failed").clone()
    }

    /// Waits until the files have not changed for as long as `quiet`, nor `activity`; at most until `limit` has passed.
    pub(crate) fn wait_until_quiet(&self, quiet: Duration, limit: Duration, activity: impl Fn() -> u64) {
        let (began, mut moved_at, mut last) = (Instant::now(), Instant::now(), None);
        while moved_at.elapsed() < quiet && began.elapsed() < limit {
            let now = Some((self.look().held_bytes, activity()));
            if now != last {
                (moved_at, last) = (Instant::now(), now);
            }
            std::thread::sleep(SAMPLE_EVERY);
        }
    }
}

/// Returns the moment after `death` from which on no more than `limit` bytes were held for good; none if there were more at
/// the end, or never since death.
pub(crate) fn below_for_good(samples: &[Sample], limit: u64, death: Duration) -> Option<Sample> {
    let last_above = samples.iter().rposition(|sample| sample.held_bytes > limit)?;
    let first_below = samples.get(last_above + 1)?;
    (first_below.at > death).then_some(*first_below)
}

#[cfg(unix)]
fn reserved_log_bytes(directory: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let logs = fs::read_dir(directory).into_iter().flatten().flatten();
    logs.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "log"))
        .filter_map(|entry| entry.metadata().ok())
        .map(|seen| (seen.blocks() * 512).saturating_sub(seen.len()))
        .sum()
}

#[cfg(not(unix))]
fn reserved_log_bytes(_directory: &Path) -> u64 {
    0
}
