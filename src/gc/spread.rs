//! How times of operations are spread, and whether one spread is slower than another: pure arithmetic.
//!
//! Uses the buckets of `latency`. Invariant: too few times make no verdict, and what chance explains is not called slower.

use super::latency::least_nanos;
use super::looks::approximate;

/// Fewer times than this say nothing of a hundredth of them.
const ENOUGH: f64 = 128.0;
/// The slowest hundredth may become slower by this factor before reclaiming holds back. WHY below 1.15, which is promised: it holds
/// back only once the factor is passed.
const TAIL_LIMIT: f64 = 1.10;
/// The same for the mean. WHY: callers that wait for each answer lose as much throughput.
const MEAN_LIMIT: f64 = 1.03;
/// Standard errors that are put down to chance: one verdict in twenty is wrong at the limit.
const CHANCE: f64 = 1.65;

/// Times by bucket, each with a weight.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    weights: Vec<f64>,
    total: f64,
}

impl Spread {
    pub(super) fn new() -> Self {
        Self { weights: Vec::new(), total: 0.0 }
    }

    /// Adds the times that came between two readings.
    pub(super) fn add(&mut self, before: &[u64], after: &[u64]) {
        self.weights.resize(after.len().max(self.weights.len()), 0.0);
        for (weight, (before, after)) in self.weights.iter_mut().zip(before.iter().zip(after)) {
            let more = approximate(after.saturating_sub(*before));
            *weight += more;
            self.total += more;
        }
    }

    /// Lets what was added so far count less.
    pub(super) fn fade(&mut self, to: f64) {
        self.weights.iter_mut().for_each(|weight| *weight *= to);
        self.total *= to;
    }

    pub(super) fn is_enough(&self) -> bool {
        self.total >= ENOUGH
    }

    /// Returns the time in nanoseconds below which `share` of all lie.
    fn quantile(&self, share: f64) -> f64 {
        let mut left = share * self.total;
        for (bucket, weight) in self.weights.iter().enumerate() {
            if *weight > 0.0 && left <= *weight {
                let (low, high) = (least_nanos(bucket), least_nanos(bucket + 1));
                return low + (high - low) * (left / weight).max(0.0);
            }
            left -= weight;
        }
        least_nanos(self.weights.len())
    }

    /// Returns the mean in nanoseconds and its standard error.
    fn mean(&self) -> (f64, f64) {
        let middle = |bucket| f64::midpoint(least_nanos(bucket), least_nanos(bucket + 1));
        let sum = |power| -> f64 {
            self.weights.iter().enumerate().map(|(bucket, weight)| weight * middle(bucket).powi(power)).sum()
        };
        let mean = sum(1) / self.total;
        let variance = (sum(2) / self.total - mean * mean).max(0.0);
        (mean, (variance / self.total).sqrt())
    }

    /// Tells by how much this spread is slower than `idle`, in percent, if that is more than may be and more than chance.
    /// None if there are too few times to say.
    pub(super) fn slower_than(&self, idle: &Self) -> Option<u32> {
        if !self.is_enough() || !idle.is_enough() {
            return None;
        }
        let tail = 0.99;
        let by_chance = CHANCE * (tail * (1.0 - tail) / self.total).sqrt();
        let slow = idle.quantile(tail) * TAIL_LIMIT;
        let tail_is_slower = self.quantile(tail - by_chance) > slow;
        let ((mean, error), (idle_mean, idle_error)) = (self.mean(), idle.mean());
        let mean_is_slower = mean - CHANCE * error > (idle_mean + idle_error) * MEAN_LIMIT;
        let by_tail = if tail_is_slower { self.quantile(tail) / idle.quantile(tail) } else { 1.0 };
        let by_mean = if mean_is_slower { mean / idle_mean } else { 1.0 };
        Some(percent_above(by_tail.max(by_mean)))
    }
}

fn percent_above(factor: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a figure to show; `as` saturates")]
    let percent = ((factor - 1.0) * 100.0).round() as u32;
    percent
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::latency::{Kind, Latencies};
    use super::*;

    /// `count` times drawn around `micros`, of which `slow` in a thousand take ten times as long.
    fn spread(count: u32, micros: u64, slow: u32) -> Spread {
        let latencies = Latencies::default();
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..count {
            let factor = if random.u32(0..1000) < slow { 10 } else { 1 };
            let nanos = micros * factor * random.u64(900..1100);
            latencies.record(Kind::Read, Duration::from_nanos(nanos));
        }
        let mut spread = Spread::new();
        let counts = latencies.counts();
        spread.add(&vec![0; counts[0].len()], &counts[0]);
        spread
    }

    #[test]
    fn a_spread_is_slower_by_its_tail_or_its_mean_and_not_by_chance_or_without_enough_times() {
        let idle = spread(10_000, 10, 5);
        let table = [
            ("the same", spread(10_000, 10, 5), Some(false)),
            ("as slow as may be", spread(10_000, 10, 6), Some(false)),
            ("a slow tail", spread(10_000, 10, 20), Some(true)),
            ("all a little slower", spread(10_000, 11, 5), Some(true)),
            ("twice as slow", spread(10_000, 20, 5), Some(true)),
            ("few, and one slow one too many", spread(200, 10, 10), Some(false)),
            ("too few", spread(100, 100, 5), None),
            ("faster", spread(10_000, 5, 5), Some(false)),
        ];
        for (name, spread, expected) in table {
            let percent = spread.slower_than(&idle);
            assert_eq!(percent.map(|percent| percent > 0), expected, "{name}: {percent:?}");
        }
        let percent = spread(10_000, 20, 5).slower_than(&idle).unwrap();
        assert!((90..110).contains(&percent), "{percent}");
    }

    #[test]
    fn what_has_faded_counts_less() {
        let mut spread = spread(200, 10, 0);
        assert!(spread.is_enough());
        spread.fade(0.5);
        assert!(!spread.is_enough());
    }
}
