//! Two ways to do the same, timed in turns, and how their times compare.
//!
//! Uses the standard library. Invariant: both sides run equally often and take turns at going first, so that what
//! the machine does meanwhile falls on both alike.

use std::time::Instant;

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) smoke: bool,
    /// Sizes that take minutes, where a figure has such.
    pub(crate) full: bool,
}

impl Scale {
    /// A size for a real run; for a smoke run at most 1,000.
    pub(crate) fn size(self, size: u64) -> u64 {
        if self.smoke { size.min(1_000) } else { size }
    }

    /// A size for a smoke run, for a real one, and for a full one.
    pub(crate) fn of(self, smoke: u64, real: u64, full: u64) -> u64 {
        match self {
            Self { smoke: true, .. } => smoke,
            Self { full: true, .. } => full,
            _ => real,
        }
    }

    /// Sizes for a real run; for a smoke run those that are small.
    pub(crate) fn sizes(self, sizes: &[u64]) -> Vec<u64> {
        sizes.iter().copied().filter(|size| !self.smoke || *size <= 10_000).map(|size| self.size(size)).collect()
    }

    /// How many pairs are measured; for a smoke run at most 2.
    pub(crate) fn pairs(self, pairs: usize) -> usize {
        if self.smoke { pairs.min(2) } else { pairs }
    }
}

/// How the first of two compares with the second.
pub(crate) struct Comparison {
    ratios: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Comparison {
    /// The median of the pairs' ratios.
    pub(crate) fn ratio(&self) -> f64 {
        quantile(&self.ratios, 0.5)
    }

    /// The median nanoseconds of one operation, on either side.
    pub(crate) fn nanos(&self) -> (f64, f64) {
        (quantile(&self.first, 0.5), quantile(&self.second, 0.5))
    }

    /// Where the middle half of the ratios lies.
    fn quartiles(&self) -> (f64, f64) {
        (quantile(&self.ratios, 0.25), quantile(&self.ratios, 0.75))
    }
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a short list")]
    let place = (share * (sorted.len() - 1) as f64).round() as usize;
    sorted[place]
}

/// Times `first` and `second` in turns, `pairs` times, each time `operations` calls of each. A first round is not
/// counted.
pub(crate) fn compare(
    scale: Scale,
    pairs: usize,
    operations: u64,
    mut first: impl FnMut(),
    mut second: impl FnMut(),
) -> Comparison {
    let operations = scale.size(operations);
    let mut timed = Comparison { ratios: Vec::new(), first: Vec::new(), second: Vec::new() };
    for pair in 0..=scale.pairs(pairs) {
        let (a, b) = if pair % 2 == 0 {
            let a = time(operations, &mut first);
            (a, time(operations, &mut second))
        } else {
            let b = time(operations, &mut second);
            (time(operations, &mut first), b)
        };
        if pair > 0 {
            timed.push(a, b);
        }
    }
    timed.sorted()
}

impl Comparison {
    /// Makes a comparison of times that were taken in pairs.
    pub(crate) fn of(pairs: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut timed = Self { ratios: Vec::new(), first: Vec::new(), second: Vec::new() };
        pairs.into_iter().for_each(|(first, second)| timed.push(first, second));
        timed.sorted()
    }

    fn push(&mut self, first: f64, second: f64) {
        self.ratios.push(first / second);
        self.first.push(first);
        self.second.push(second);
    }

    fn sorted(mut self) -> Self {
        for list in [&mut self.ratios, &mut self.first, &mut self.second] {
            list.sort_by(f64::total_cmp);
        }
        self
    }
}

/// The nanoseconds of one call.
pub(crate) fn time(operations: u64, call: &mut impl FnMut()) -> f64 {
    let begun = Instant::now();
    for _ in 0..operations {
        call();
    }
    begun.elapsed().as_nanos() as f64 / operations as f64
}

/// Prints the heading of a figure.
pub(crate) fn heading(title: &str, first: &str, second: &str) {
    println!("\n{title}");
    println!("  {:<44} {:>8} {:>8}  {:>15}  {:>13} {:>13}", "", "target", "ratio", "middle half", first, second);
}

/// Prints one comparison.
pub(crate) fn line(name: &str, target: &str, compared: &Comparison) {
    let (low, high) = compared.quartiles();
    let (first, second) = compared.nanos();
    println!(
        "  {name:<44} {target:>8} {:>8.2}  {:>15}  {:>13} {:>13}",
        compared.ratio(),
        format!("{low:.2} to {high:.2}"),
        duration(first),
        duration(second),
    );
}

fn duration(nanos: f64) -> String {
    match nanos {
        nanos if nanos < 1e4 => format!("{nanos:.0} ns"),
        nanos if nanos < 1e7 => format!("{:.1} µs", nanos / 1e3),
        nanos => format!("{:.0} ms", nanos / 1e6),
    }
}
