//! Tests that must hold wherever values lie: in their records or apart.

use windrow::Store;

use crate::fixture::{Fixture, close_and_check, small};

/// Runs a test on a store whose small values lie apart, and on one that keeps them in their records; then proves that
/// nothing in either leaks or is torn.
pub(crate) fn both(test: impl Fn(&Fixture, &Store)) {
    for in_records in [false, true] {
        let fixture = Fixture::new();
        let mut options = small();
        if in_records {
            options.packed_lasting_bytes = 512;
            options.packed_expiring_bytes = 100;
        } else {
            options.inline_lasting_bytes = 0;
            options.inline_expiring_bytes = 0;
        }
        let builder = Store::builder(fixture.path("store")).clock(fixture.clock.clone()).options(options);
        let store = builder.background(false).open().unwrap();
        test(&fixture, &store);
        close_and_check(store, &fixture.path("store"));
    }
}
