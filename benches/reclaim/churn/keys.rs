//! Which key an operation is about.
//!
//! Uses the mix, and `zipf`. Invariant: a key has one lifetime. There are so many keys of each that all are set equally often in
//! theirs, in the mean.

use super::mix::Mix;
use super::model::Rank;
use super::zipf::Zipf;

/// All keys of a run.
#[derive(Debug)]
pub(crate) struct Keys {
    kinds: Vec<Kind>,
}

/// Those with one lifetime.
#[derive(Debug)]
struct Kind {
    /// The share of all operations that goes to them.
    share: f64,
    first: Rank,
    count: u64,
    zipf: Zipf,
}

impl Keys {
    pub(crate) fn of(mix: &Mix, sets_in_a_mean_life: f64, sets_a_life: f64) -> Self {
        let mut first = 0;
        let kinds = mix.kinds().map(|(share, life)| {
            let sets_in_its_life = sets_in_a_mean_life * share * life / mix.mean_life();
            let count = ((sets_in_its_life / sets_a_life) as u64).max(1);
            let kind = Kind { share, first, count, zipf: Zipf::below(count, mix.exponent) };
            first += count;
            kind
        });
        Self { kinds: kinds.collect() }
    }

    pub(crate) fn count(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.count).sum()
    }

    /// Draws a key and its kind.
    pub(crate) fn draw(&self, random: &mut fastrand::Rng) -> (Rank, usize) {
        let mut left = random.f64();
        let drawn = self.kinds.iter().position(|kind| {
            left -= kind.share;
            left < 0.0
        });
        let number = drawn.unwrap_or(self.kinds.len() - 1);
        let kind = &self.kinds[number];
        (kind.first + kind.zipf.draw(random), number)
    }

    /// How many keys live in the mean, if each is set so often in its lifetime: 1 - e^-sets of each.
    pub(crate) fn living(&self, sets_a_life: f64) -> f64 {
        let of = |kind: &Kind| {
            let sets = sets_a_life * kind.count as f64;
            kind.zipf.shares().map(|share| -(-share * sets).exp_m1()).sum::<f64>()
        };
        self.kinds.iter().map(of).sum()
    }
}
