//! Whether rewriting dead data is worth it now: what it costs against what leaving it costs.
//!
//! Uses nothing of the crate but estimates. Invariant: pure arithmetic; a verdict changes when space comes back, never what.
//!
//! Rewriting a file reads all of it and writes the living part again. Leaving it pays a rent: its dead bytes stand on the disk
//! for longer. Nobody knows how soon the rest will die, so the rule is the one of the ski rental problem (Karlin, Manasse,
//! Rudolph and Sleator, 1988): rent until the rent paid equals the price, then buy. Whatever happens next, that costs at most twice the best choice.

use std::time::Duration;

use super::looks::approximate;

/// Debt that is nobody's trouble, beside what lives. More: less rewriting; less: less disk.
const TOLERATED_DEBT: f64 = 0.15;
/// How long a dead byte has to stand to be worth a byte of reading or writing, when there is so much debt. Shorter: less disk,
/// more rewriting.
const SECONDS_A_BYTE: f64 = 20.0;
/// Counted as alive on top of what is. WHY: in a small store a little debt is a large share and nobody's trouble.
const SMALL_STORE_BYTES: u64 = 16 << 20;

/// What it costs to leave a dead byte where it is, for a second, in bytes read or written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rent(f64);

impl Rent {
    /// Sets the rent by how much of the store is dead: with twice the debt it is four times as high.
    pub(super) fn of(dead_bytes: u64, living_bytes: u64) -> Self {
        let debt = approximate(dead_bytes) / approximate(living_bytes.saturating_add(SMALL_STORE_BYTES));
        Self((debt / TOLERATED_DEBT).powi(2) / SECONDS_A_BYTE)
    }

    /// What has to be paid for `dead_bytes` over a time.
    pub(super) fn over(self, dead_bytes: u64, time: Duration) -> f64 {
        self.0 * approximate(dead_bytes) * time.as_secs_f64()
    }
}

/// A file to be rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rewrite {
    pub(super) dead_bytes: u64,
    pub(super) living_bytes: u64,
}

impl Rewrite {
    /// The price in bytes: all of it read, the living written.
    pub(super) fn price(self) -> f64 {
        approximate(self.dead_bytes) + 2.0 * approximate(self.living_bytes)
    }

    /// Tells whether to rewrite now, when so much rent has been paid; `dies_within` is when the rest will be dead at the latest,
    /// where that is known, so that the file can be dropped unread.
    pub(super) fn is_due(self, paid: f64, rent: Rent, dies_within: Option<Duration>) -> bool {
        let price = self.price();
        let rest_is_cheaper = dies_within.is_some_and(|rest| rent.over(self.dead_bytes, rest) < price);
        self.dead_bytes > 0 && paid >= price && !rest_is_cheaper
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const HOUR: Duration = Duration::from_secs(3600);

    /// Seconds until a file of 64 MiB is due in a store of which such a share is dead.
    fn patience(file_dead_percent: u64, store_dead_percent: u64) -> f64 {
        let rewrite = Rewrite {
            dead_bytes: 64 * MIB * file_dead_percent / 100,
            living_bytes: 64 * MIB * (100 - file_dead_percent) / 100,
        };
        let rent = Rent::of(10_000 * MIB * store_dead_percent / 100, 10_000 * MIB * (100 - store_dead_percent) / 100);
        rewrite.price() / rent.over(rewrite.dead_bytes, Duration::from_secs(1))
    }

    #[test]
    fn the_more_of_the_store_is_dead_the_shorter_a_file_waits() {
        assert!(patience(99, 99) < 0.1, "{}", patience(99, 99));
        assert!((1.0..5.0).contains(&patience(50, 50)), "{}", patience(50, 50));
        assert!((50.0..300.0).contains(&patience(50, 10)), "{}", patience(50, 10));
        assert!(patience(50, 1) > 3600.0, "{}", patience(50, 1));
    }

    #[test]
    fn a_file_with_more_living_waits_longer() {
        assert!(patience(30, 50) > patience(60, 50) * 2.0);
    }

    #[test]
    fn what_soon_dies_wholly_is_left_to_die_and_what_does_not_is_rewritten() {
        let rewrite = Rewrite { dead_bytes: 32 * MIB, living_bytes: 32 * MIB };
        let rent = Rent::of(1000 * MIB, 1000 * MIB);
        let paid = rewrite.price();
        assert!(rewrite.is_due(paid, rent, None));
        assert!(!rewrite.is_due(paid / 2.0, rent, None), "not yet paid for");
        assert!(!rewrite.is_due(paid, rent, Some(Duration::from_secs(1))));
        assert!(rewrite.is_due(paid, rent, Some(HOUR)));
        let nothing = Rewrite { dead_bytes: 0, living_bytes: 0 };
        assert!(!nothing.is_due(0.0, rent, None), "no dead, no rewrite");
    }
}
