//! How long operations took, and how many there were in a second.
//!
//! Uses `hdrhistogram`. Invariant: nothing is averaged; a percentile is one of the times that were recorded, to three digits.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Times of operations over one stretch of a run.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    nanos: Histogram<u64>,
}

/// What is told of a stretch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pace {
    pub(crate) ops_per_s: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
}

impl Latencies {
    pub(crate) fn new() -> Self {
        Self { nanos: Histogram::new(3).expect("three digits are allowed") }
    }

    pub(crate) fn record(&mut self, took: Duration) {
        // WHY not `saturating_record`: that cuts off at what the histogram has room for now, which is 2 µs at first.
        self.nanos.record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)).expect("it grows as it needs");
    }

    /// Adds what another thread recorded.
    pub(crate) fn add(&mut self, other: &Self) {
        self.nanos.add(&other.nanos).expect("both grow as they need");
    }

    pub(crate) fn count(&self) -> u64 {
        self.nanos.len()
    }

    /// Sums up a stretch that was so long.
    pub(crate) fn pace(&self, over: Duration) -> Pace {
        let at = |share| self.nanos.value_at_quantile(share) as f64 / 1000.0;
        let ops_per_s = self.count() as f64 / over.as_secs_f64().max(f64::MIN_POSITIVE);
        Pace { ops_per_s, p50_us: at(0.5), p99_us: at(0.99), p999_us: at(0.999) }
    }
}
