//! What is remembered of a sorted set's ends, when commits fail.

use fail::FailScenario;
use windrow::{ErrorKind, ZRange};

use crate::fixture::{Fixture, close_and_check};

#[test]
fn members_whose_removal_failed_are_found_again_at_either_end() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let zsets = db.zsets();
    zsets.add("z", (0..100_u32).map(|number| (number.to_be_bytes(), f64::from(number)))).unwrap();
    let parts = [
        ZRange::scores(f64::NEG_INFINITY, 49.0),
        ZRange::scores(50.0, f64::INFINITY),
        ZRange::scores(50.0, f64::INFINITY).rev(),
        ZRange::ranks(0, 49),
        ZRange::ranks(50, -1),
        ZRange::ranks(0, -1),
        ZRange::scores(f64::NEG_INFINITY, f64::INFINITY),
    ];
    for part in parts {
        fail::cfg("store::commit", "1*return").unwrap();
        assert_eq!(zsets.remove_range("z", part).unwrap_err().kind(), ErrorKind::Io, "{part:?}");
        fail::remove("store::commit");
        assert_eq!(zsets.remove_range("z", ZRange::scores(f64::NEG_INFINITY, 0.0)).unwrap(), 1, "{part:?}");
        assert_eq!(zsets.remove_range("z", ZRange::ranks(-1, -1)).unwrap(), 1, "{part:?}");
        assert_eq!(zsets.remove_range("z", ZRange::scores(f64::NEG_INFINITY, 20.0)).unwrap(), 20, "{part:?}");
        assert_eq!(zsets.remove_range("z", ZRange::scores(80.0, f64::INFINITY)).unwrap(), 19, "{part:?}");
        let gone = (0..21_u32).chain(80..100);
        zsets.add("z", gone.map(|number| (number.to_be_bytes(), f64::from(number)))).unwrap();
        assert_eq!(zsets.len("z").unwrap(), 100);
    }
    drop(db);
    close_and_check(store, &fixture.path("store"));
}
