//! The middle of repeated figures, and how far they lie apart.
//!
//! Uses nothing. Invariant: each of the five is one of the figures, or lies halfway between two of them.

use std::fmt;

/// What is told of several figures of the same thing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) first_quartile: f64,
    pub(crate) median: f64,
    pub(crate) third_quartile: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Sorts figures; none without any.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        // The place in fourths of a step, so that halves are met exactly.
        let at = |fourths: usize| {
            let place = (figures.len() - 1) * fourths;
            let upper = place.div_ceil(4);
            if place.is_multiple_of(4) { figures[upper] } else { f64::midpoint(figures[place / 4], figures[upper]) }
        };
        (!figures.is_empty()).then(|| Self {
            least: at(0),
            first_quartile: at(1),
            median: at(2),
            third_quartile: at(3),
            most: at(4),
        })
    }
}

/// The median, the least and the most.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} ({:.2} to {:.2})", self.median, self.least, self.most)
    }
}
