//! Latencies in buckets a sixteenth of a power of two wide.
//!
//! Uses nothing of the crate. Invariant: a percentile is never below the true one, and at most 1/16 above it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets in each power of two, as a power of two.
const SUB_BITS: u32 = 4;
const BUCKETS: usize = 64 << SUB_BITS;

/// Counts latencies from many threads.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: Box<[AtomicU64]>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Histogram {
    pub(crate) fn add(&self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(bucket_of(nanos)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    /// Returns the microseconds that `share` (0 to 1) of the latencies do not pass.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank in a count far below 2^53, and a latency for people"
    )]
    pub(crate) fn percentile_us(&self, share: f64) -> f64 {
        let rank = ((self.count() as f64) * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            seen += bucket.load(Ordering::Relaxed);
            if seen >= rank {
                return end_of(index) as f64 / 1000.0;
            }
        }
        0.0
    }
}

fn bucket_of(nanos: u64) -> usize {
    let power = nanos.checked_ilog2().unwrap_or(0);
    let index = if power < SUB_BITS {
        nanos
    } else {
        let shift = power - SUB_BITS;
        (u64::from(shift) << SUB_BITS) + (nanos >> shift)
    };
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The largest latency of a bucket.
fn end_of(index: usize) -> u64 {
    let index = u64::try_from(index).unwrap_or(u64::MAX);
    let sub = 1 << SUB_BITS;
    if index < 2 * sub {
        return index;
    }
    let shift = index / sub - 1;
    let start = u128::from(index % sub + sub) << shift;
    u64::try_from(start + (1 << shift) - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_lies_in_a_bucket_that_ends_at_most_a_sixteenth_above_it() {
        for power in 0..64 {
            for offset in [0, 1, 3, 1 << 20] {
                let nanos = (1_u64 << power).saturating_add(offset);
                let index = bucket_of(nanos);
                assert!(index < BUCKETS, "{nanos}");
                assert!(end_of(index) >= nanos, "{nanos}");
                assert!(end_of(index) - nanos <= nanos / 16, "{nanos}");
            }
        }
        assert!(bucket_of(u64::MAX) < BUCKETS);
    }

    #[test]
    fn percentiles_are_ranks() {
        let histogram = Histogram::default();
        for micros in 1..=100 {
            histogram.add(Duration::from_micros(micros));
        }
        assert_eq!(histogram.count(), 100);
        let (median, high) = (histogram.percentile_us(0.5), histogram.percentile_us(0.99));
        assert!((50.0..=53.2).contains(&median), "{median}");
        assert!((99.0..=105.2).contains(&high), "{high}");
    }

    #[test]
    fn nothing_measured_is_zero() {
        assert_eq!(Histogram::default().percentile_us(0.99), 0.0);
    }
}
