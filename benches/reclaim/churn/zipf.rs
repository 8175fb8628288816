//! Numbers of which the k-th is drawn k^-exponent times as often as the first.
//!
//! Uses `fastrand`. By rejection-inversion: W. Hörmann and G. Derflinger, "Rejection-inversion to generate variates from
//! monotone discrete distributions", ACM TOMACS 6 (1996). Invariant: exact for every exponent but 1, without a table.

/// Draws numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zipf {
    count: u64,
    exponent: f64,
    /// The integral of the hat at the left end of the first number's bar, and at the right end of the last one's.
    ends: (f64, f64),
    /// A number that lies no further than this left of its bar's end is accepted at once.
    squeeze: f64,
}

impl Zipf {
    /// Draws from 0 to `count` - 1.
    pub(crate) fn below(count: u64, exponent: f64) -> Self {
        let mut zipf = Self { count, exponent, ends: (0.0, 0.0), squeeze: 0.0 };
        zipf.ends = (zipf.integral(1.5) - 1.0, zipf.integral(count as f64 + 0.5));
        zipf.squeeze = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.density(2.0));
        zipf
    }

    pub(crate) fn draw(&self, random: &mut fastrand::Rng) -> u64 {
        loop {
            let under = self.ends.1 + random.f64() * (self.ends.0 - self.ends.1);
            let x = self.inverse(under);
            let number = x.round().clamp(1.0, self.count as f64);
            if number - x <= self.squeeze || under >= self.integral(number + 0.5) - self.density(number) {
                return number as u64 - 1;
            }
        }
    }

    /// The share of the first number and of all the others, in order.
    pub(crate) fn shares(self) -> impl Iterator<Item = f64> {
        let all: f64 = (1..=self.count).map(|number| self.density(number as f64)).sum();
        (1..=self.count).map(move |number| self.density(number as f64) / all)
    }

    fn density(&self, x: f64) -> f64 {
        x.powf(-self.exponent)
    }

    fn integral(&self, x: f64) -> f64 {
        ((1.0 - self.exponent) * x.ln()).exp_m1() / (1.0 - self.exponent)
    }

    fn inverse(&self, integral: f64) -> f64 {
        // Rounding may put the argument a little below -1, where there is no logarithm.
        let argument = (integral * (1.0 - self.exponent)).max(-1.0);
        (argument.ln_1p() / (1.0 - self.exponent)).exp()
    }
}
