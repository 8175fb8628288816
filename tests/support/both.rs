//! Tests that hold wherever elements lie: packed in their records, or apart from them.

use windrow::{Options, Store};

use crate::fixture::{Fixture, close_and_check, small};

/// Options under which every collection lies apart, and such under which small ones are packed.
pub(crate) fn both_ways() -> [Options; 2] {
    let mut packing = small();
    packing.packed_lasting_bytes = 512;
    packing.packed_expiring_bytes = 512;
    [small(), packing]
}

/// Opens the fixture's store with these options, without background threads.
pub(crate) fn open(fixture: &Fixture, options: &Options) -> Store {
    let builder = Store::builder(fixture.path("store")).clock(fixture.clock.clone());
    builder.options(options.clone()).background(false).open().unwrap()
}

/// Runs a test on a store of either kind, and checks what it leaves behind.
pub(crate) fn on_both(test: impl Fn(&Fixture, &Store)) {
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
