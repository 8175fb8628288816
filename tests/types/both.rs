//! Tests that must hold wherever values lie: in their records or apart.

use windrow::{Options, Store};

use crate::fixture::{Fixture, close_and_check, small};

/// Options under which small values lie apart, and such under which they lie in their records.
pub(crate) fn both_ways() -> [Options; 2] {
    let (mut apart, mut in_records) = (small(), small());
    apart.inline_lasting_bytes = 0;
    apart.inline_expiring_bytes = 0;
    in_records.packed_lasting_bytes = 512;
    in_records.packed_expiring_bytes = 100;
    [apart, in_records]
}

/// Opens the fixture's store with these options, without background threads.
pub(crate) fn open(fixture: &Fixture, options: &Options) -> Store {
    let builder = Store::builder(fixture.path("store")).clock(fixture.clock.clone());
    builder.options(options.clone()).background(false).open().unwrap()
}

/// Runs a test on a store whose small values lie apart, and on one that keeps them in their records; then proves that
/// nothing in either leaks or is torn.
pub(crate) fn both(test: impl Fn(&Fixture, &Store)) {
    for options in both_ways() {
        let fixture = Fixture::new();
        let store = open(&fixture, &options);
        test(&fixture, &store);
        close_and_check(store, &fixture.path("store"));
    }
}

/// The seed of a random test: printed, and taken from `WINDROW_SEED` if that is set.
pub(crate) fn seed() -> u64 {
    let seed = std::env::var("WINDROW_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("WINDROW_SEED={seed}");
    seed
}
