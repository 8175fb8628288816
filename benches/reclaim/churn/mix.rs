//! The six mixes: published means of production cache clusters at Twitter, March 2020.
//!
//! Uses `fastrand`. Invariant: the figures of a mix are the published ones; how large a run is, is not said here.

use std::time::Duration;

/// What a cache cluster does all day.
#[derive(Debug, PartialEq)]
pub(crate) struct Mix {
    pub(crate) name: &'static str,
    pub(crate) key_bytes: usize,
    pub(crate) value_bytes: usize,
    /// Lifetimes and the share of the sets that has each. The shares need not add up to 1: the published ones are rounded.
    /// A key keeps its lifetime, which belongs to the kind of thing that it names.
    lives: &'static [(f64, Life)],
    /// Sets among all operations; the others are gets.
    pub(crate) set_share: f64,
    /// How unequal the keys are: the k-th is asked for k^-exponent times as often as the first.
    pub(crate) exponent: f64,
    /// The most that settled disk over live bytes should be.
    pub(crate) target: f64,
}

/// How long keys live, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Life {
    Fixed(f64),
    Between(f64, f64),
}

const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;

impl Mix {
    pub(crate) const ALL: [&'static Self; 6] = [
        &Self {
            name: "write-heavy-short",
            key_bytes: 44,
            value_bytes: 1030,
            lives: &[(1.0, Life::Fixed(300.0))],
            set_share: 0.80,
            exponent: 0.30,
            target: 1.15,
        },
        &Self {
            name: "pages",
            key_bytes: 44,
            value_bytes: 4266,
            lives: &[(1.0, Life::Fixed(300.0))],
            set_share: 0.38,
            exponent: 0.46,
            target: 1.15,
        },
        &Self {
            name: "transient",
            key_bytes: 18,
            value_bytes: 115,
            lives: &[(1.0, Life::Fixed(30.0))],
            set_share: 1.0,
            exponent: 0.02,
            target: 1.15,
        },
        &Self {
            name: "large-short",
            key_bytes: 72,
            value_bytes: 20_134,
            lives: &[(0.91, Life::Fixed(20.0)), (0.06, Life::Fixed(300.0)), (0.02, Life::Fixed(2.0 * HOUR))],
            set_share: 0.37,
            exponent: 0.43,
            target: 1.15,
        },
        &Self {
            name: "spread",
            key_bytes: 42,
            value_bytes: 101,
            lives: &[(1.0, Life::Between(6.6 * HOUR, 7.5 * HOUR))],
            set_share: 0.25,
            exponent: 0.74,
            target: 1.3,
        },
        &Self {
            name: "read-mostly-mixed",
            key_bytes: 20,
            value_bytes: 273,
            lives: &[(0.65, Life::Fixed(DAY)), (0.27, Life::Fixed(14.0 * DAY)), (0.07, Life::Fixed(12.0 * HOUR))],
            set_share: 0.09,
            exponent: 1.21,
            target: 1.3,
        },
    ];

    /// Bytes of a key and its value, which is what a living key counts.
    pub(crate) fn pair_bytes(&self) -> u64 {
        (self.key_bytes + self.value_bytes) as u64
    }

    /// The kinds of keys: the share of all operations that goes to each, and its mean lifetime in seconds.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (f64, f64)> {
        self.lives.iter().map(|(share, life)| (share / self.shares(), life.mean()))
    }

    /// Draws the lifetime of a set of such a key.
    pub(crate) fn life(&self, kind: usize, random: &mut fastrand::Rng) -> Duration {
        let seconds = match self.lives[kind].1 {
            Life::Fixed(seconds) => seconds,
            Life::Between(least, most) => least + random.f64() * (most - least),
        };
        Duration::from_millis((seconds * 1000.0) as u64)
    }

    /// The mean lifetime of all sets, in seconds.
    pub(crate) fn mean_life(&self) -> f64 {
        self.weighed(Life::mean)
    }

    /// The longest lifetime there is, in seconds.
    pub(crate) fn longest_life(&self) -> f64 {
        self.lives.iter().map(|(_, life)| life.longest()).fold(0.0, f64::max)
    }

    /// The mean of the lifetimes, none of which counts for more than `most` seconds.
    pub(crate) fn mean_life_up_to(&self, most: f64) -> f64 {
        self.weighed(|life| life.mean().min(most))
    }

    fn weighed(&self, of: impl Fn(Life) -> f64) -> f64 {
        self.lives.iter().map(|(share, life)| share * of(*life)).sum::<f64>() / self.shares()
    }

    fn shares(&self) -> f64 {
        self.lives.iter().map(|(share, _)| share).sum()
    }
}

impl Life {
    fn mean(self) -> f64 {
        match self {
            Self::Fixed(seconds) => seconds,
            Self::Between(least, most) => f64::midpoint(least, most),
        }
    }

    fn longest(self) -> f64 {
        match self {
            Self::Fixed(seconds) | Self::Between(_, seconds) => seconds,
        }
    }
}
