//! Single bits: where they lie, how strings grow, what is kept and what is refused.

use std::time::Duration;

use windrow::{ErrorKind, SetOptions, Store, Ttl};

use super::{PIECE, bit};
use crate::data::payload;
use crate::fixture::{Fixture, close_and_check, small};

#[test]
fn a_bit_is_set_in_a_string_of_any_length_and_nothing_else_changes() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for length in [0, 1, 99, 100, 1023, 1024, 1025, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 5] {
        let border = PIECE as u64 * 8;
        for offset in [0, 7, 8, 799, 8191, 8192, border - 1, border, border + 1, 2 * border + 77, 7 * border + 3] {
            let mut expected = payload(length as u64, length);
            db.strings().set("k", &expected).unwrap();
            let at = (offset / 8) as usize;
            expected.resize(length.max(at + 1), 0);
            for wanted in [true, false, false, true, true] {
                assert_eq!(db.bits().get("k", offset).unwrap(), bit(&expected, offset));
                assert_eq!(db.bits().set("k", offset, wanted).unwrap(), bit(&expected, offset));
                let mask = 0x80 >> (offset % 8);
                expected[at] = if wanted { expected[at] | mask } else { expected[at] & !mask };
                assert!(db.strings().get("k").unwrap().unwrap() == expected, "{length} bytes, bit {offset}");
            }
        }
    }
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn clearing_a_bit_that_is_not_there_makes_the_string_grow() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    assert!(!db.bits().get("k", 100).unwrap());
    assert!(!db.exists("k").unwrap(), "a read creates nothing");
    assert!(!db.bits().set("k", 100, false).unwrap());
    assert_eq!(db.strings().get("k").unwrap().unwrap(), vec![0; 13]);
    assert!(!db.bits().set("k", 1_000_000, false).unwrap());
    assert_eq!(db.strings().len("k").unwrap(), 125_001);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_bit_that_is_already_so_is_not_written() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for offset in [5, 400_000] {
        db.bits().set("k", offset, true).unwrap();
        let before = store.stats().log_bytes;
        db.bits().set("k", offset, true).unwrap();
        db.bits().set("k", 1, false).unwrap();
        assert_eq!(store.stats().log_bytes, before);
    }
}

#[test]
fn the_key_keeps_its_expiry() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    let lifetime = Duration::from_secs(100);
    for length in [3, 500, 40_000] {
        db.strings().set_with("k", payload(1, length), SetOptions::new().expire_in(lifetime)).unwrap();
        for offset in [3, 5000, 300_000, 5_000_000] {
            let was = db.bits().get("k", offset).unwrap();
            db.bits().set("k", offset, !was).unwrap();
            assert_eq!(db.ttl("k").unwrap(), Ttl::In(lifetime), "{length} bytes, bit {offset}");
        }
    }
    fixture.seconds_pass(100);
    assert!(!db.bits().get("k", 5_000_000).unwrap(), "an expired key is absent");
    assert!(!db.bits().set("k", 2, true).unwrap());
    assert_eq!(db.strings().get("k").unwrap().unwrap(), [0x20].as_slice());
    assert_eq!(db.ttl("k").unwrap(), Ttl::Forever);
}

#[test]
fn other_types_and_bits_beyond_the_limit_are_refused_and_nothing_changes() {
    let fixture = Fixture::new();
    let mut options = small();
    options.max_value_bytes = 2000;
    let store = Store::builder(fixture.path("limited")).options(options).background(false).open().unwrap();
    let db = store.db(0);
    let bits = db.bits();
    db.sets().add("s", ["m"]).unwrap();
    let wrong_type = [
        bits.get("s", 0).err(),
        bits.set("s", 0, true).err(),
        bits.count("s").err(),
        bits.pos("s", false).err(),
        bits.field_ro("s", [(windrow::BitType::u(8), 0)]).err(),
    ];
    for (n, error) in wrong_type.into_iter().enumerate() {
        assert_eq!(error.unwrap().kind(), ErrorKind::WrongType, "operation {n}");
    }
    assert!(!bits.set("k", 15_999, true).unwrap());
    for offset in [16_000, 1 << 32, u64::MAX] {
        assert_eq!(bits.get("k", offset).unwrap_err().kind(), ErrorKind::OutOfRange);
        assert_eq!(bits.set("k", offset, true).unwrap_err().kind(), ErrorKind::OutOfRange);
        assert_eq!(bits.set("new", offset, false).unwrap_err().kind(), ErrorKind::OutOfRange);
    }
    assert_eq!(db.strings().len("k").unwrap(), 2000);
    assert!(!db.exists("new").unwrap());
}

#[test]
fn a_view_reads_the_bits_of_its_moment() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for offset in [1, 300_000, 9_000_000] {
        db.bits().set("k", offset, true).unwrap();
    }
    let view = store.view().unwrap();
    db.bits().set("k", 300_000, false).unwrap();
    db.bits().set("k", 2, true).unwrap();
    let then = view.db(0);
    assert!(then.bits().get("k", 300_000).unwrap() && !then.bits().get("k", 2).unwrap());
    assert_eq!((then.bits().count("k").unwrap(), db.bits().count("k").unwrap()), (3, 3));
    assert_eq!(then.bits().pos_in("k", true, windrow::BitRange::bits(2, -1)).unwrap(), Some(300_000));
    assert_eq!(then.bits().field_ro("k", [(windrow::BitType::u(2), 1)]).unwrap(), [0b10]);
    assert_eq!(db.bits().field_ro("k", [(windrow::BitType::u(2), 1)]).unwrap(), [0b11]);
}
