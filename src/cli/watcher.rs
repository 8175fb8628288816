//! The sampler: what is alive and what the disk holds, ten times a second, for the figures and for the person.
//!
//! Uses the store, its list of files, and `disk`. Invariant: what a data family holds is never underrated: an SST file
//! that was never listed as another family's counts as data until the file system has let it go.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::disk::{DiskUse, Files, file_name};
use super::run::Run;
use super::text::bytes;

/// Time between samples. WHY: shorter costs the run more than it shows; longer misses peaks.
pub(crate) const SAMPLE_EVERY: Duration = Duration::from_millis(100);

/// One moment of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Since the run began.
    pub(crate) at: Duration,
    pub(crate) disk: DiskUse,
    /// SST bytes on disk of the data families.
    pub(crate) data_bytes: u64,
    /// The same as RocksDB lists them.
    pub(crate) listed_data_bytes: u64,
    /// SST bytes on disk of all other families.
    pub(crate) other_bytes: u64,
    /// Bytes of members that are alive.
    pub(crate) live_bytes: u64,
}

/// All samples of a run, and the moments when windows died.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    samples: Mutex<Vec<Sample>>,
    deaths: Mutex<Vec<Duration>>,
    /// Names of files that were listed as other families' at some time; RocksDB never uses a name again.
    others: Mutex<HashSet<String>>,
    ended: AtomicBool,
}

impl Timeline {
    /// Samples and shows until [`Timeline::end`] is called.
    pub(crate) fn watch(&self, run: &Run) {
        while !self.ended.load(Ordering::Relaxed) {
            self.look(run);
            std::thread::park_timeout(SAMPLE_EVERY);
        }
    }

    /// Takes one sample, keeps and shows it.
    pub(crate) fn look(&self, run: &Run) -> Sample {
        let sample = self.take(run);
        self.samples.lock().push(sample);
        let holds = format!(
            "alive {}, on disk {} (data {}, log {})",
            bytes(sample.live_bytes),
            bytes(sample.disk.total()),
            bytes(sample.data_bytes),
            bytes(sample.disk.log_bytes)
        );
        run.progress.tick(run.ledger.loaded_collections(), &holds);
        sample
    }

    fn take(&self, run: &Run) -> Sample {
        let sizes = Files::with_unlinked(run.directory());
        // ORDER: the list after the sizes, so that no file of another family is taken for data because it came meanwhile.
        let mut others = self.others.lock();
        // Without a list, what is not known counts as data.
        others.extend(run.store.other_files().unwrap_or_default().iter().map(|name| file_name(name).to_owned()));
        let other_bytes = sizes.sst_bytes_of(|name| others.contains(name));
        let disk = sizes.total();
        Sample {
            at: run.elapsed(),
            disk,
            data_bytes: disk.sst_bytes.saturating_sub(other_bytes),
            listed_data_bytes: run.store.stats().data_file_bytes,
            other_bytes,
            live_bytes: run.ledger.live_bytes(run.store.time()),
        }
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(crate) fn window_died(&self, at: Duration) {
        self.deaths.lock().push(at);
    }

    pub(crate) fn deaths(&self) -> Vec<Duration> {
        self.deaths.lock().clone()
    }

    pub(crate) fn samples(&self) -> Vec<Sample> {
        self.samples.lock().clone()
    }

    /// Returns the largest value of something over all samples.
    pub(crate) fn peak(&self, of: impl Fn(&Sample) -> u64) -> u64 {
        self.samples.lock().iter().map(of).max().unwrap_or(0)
    }

    /// Returns when the data families had come down to `limit` for good, at `after` at the earliest; none if they
    /// have not.
    pub(crate) fn below_for_good(&self, limit: u64, after: Duration) -> Option<Duration> {
        let samples = self.samples.lock();
        let mut from_end = samples.iter().rev();
        let last_above = from_end.position(|sample| sample.data_bytes > limit);
        match last_above {
            Some(0) => None,
            None => Some(after),
            Some(below) => {
                let first_below = samples.len().checked_sub(below).and_then(|at| samples.get(at))?;
                Some(first_below.at.max(after))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::super::write::write_window;
    use super::*;

    fn timeline(data: &[u64]) -> Timeline {
        let timeline = Timeline::default();
        for (second, data_bytes) in (0..).zip(data) {
            timeline.samples.lock().push(Sample {
                at: Duration::from_secs(second),
                data_bytes: *data_bytes,
                ..Sample::default()
            });
        }
        timeline
    }

    #[test]
    fn space_is_free_when_it_has_gone_for_good() {
        let seconds = |second| Some(Duration::from_secs(second));
        let below = |data: &[u64], after| timeline(data).below_for_good(10, Duration::from_secs(after));
        assert_eq!(below(&[50, 50, 5, 50, 10, 3], 1), seconds(4), "it came back once");
        assert_eq!(below(&[50, 5, 5], 2), seconds(2), "not before the expiry");
        assert_eq!(below(&[50, 5, 11], 0), None);
        assert_eq!(below(&[1, 2], 1), seconds(1), "nothing ever reached the disk");
        assert_eq!(below(&[], 1), seconds(1));
    }

    #[test]
    fn blocks_that_other_families_files_do_not_fill_are_no_data() {
        let run = fixture::generated(1, 400, 1, 16);
        run.db.strings().set("lasting", "lies in its record").unwrap();
        write_window(&run, 0).unwrap();
        run.times.window_written();
        run.times.pass_last_expiry();
        assert!(run.store.settle(Duration::from_secs(30)).unwrap());
        let sample = Timeline::default().look(&run);
        assert!(sample.other_bytes >= 4096, "{sample:?}");
        assert_eq!((sample.data_bytes, sample.listed_data_bytes), (0, 0), "{sample:?}");
    }

    #[test]
    fn the_peak_is_the_largest_sample() {
        assert_eq!(timeline(&[1, 9, 3]).peak(|sample| sample.data_bytes), 9);
    }
}
