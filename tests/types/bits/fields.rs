//! Integers of a few bits: several steps in one call, growth, failures, and the borders of pieces.

use std::time::Duration;

use windrow::{BitField, BitOffset, BitOverflow, BitType, ErrorKind, SetOptions, Store, Ttl};

use super::PIECE;
use crate::data::payload;
use crate::fixture::{Fixture, close_and_check, small};

#[test]
fn steps_see_those_before_them_and_are_one_commit() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    let steps = BitField::new()
        .set(BitType::u(8), 4, 0xab)
        .get(BitType::u(16), 0)
        .incr_by(BitType::i(8), BitOffset::Nth(1), 100)
        .get(BitType::u(4), 4)
        .incr_by(BitType::i(8), 8, 100);
    let expected = [Some(0), Some(0x0ab0), Some(20), Some(10), Some(120)];
    assert_eq!(db.bits().field("k", &steps).unwrap(), expected);
    assert_eq!(db.strings().get("k").unwrap().unwrap(), [0x0a, 120].as_slice());
}

#[test]
fn fields_across_the_borders_of_pieces_are_written_and_read() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let border = PIECE as u64 * 8;
    for length in [0, 10, 2000, PIECE - 1, PIECE, 3 * PIECE] {
        for offset in [border - 63, border - 33, border - 1, border, 2 * border - 7, 3 * border - 40, 5 * border + 3] {
            let mut expected = payload(9, length);
            db.strings().set("k", &expected).unwrap();
            let value = 0x0123_4567_89ab_cdef - offset.cast_signed();
            let set = BitField::new().set(BitType::i(64), offset, value).set(BitType::u(1), 3, 1);
            db.bits().field("k", &set).unwrap();
            expected.resize(length.max((offset as usize + 63) / 8 + 1), 0);
            for n in 0..64 {
                let (at, mask) = ((offset + n) as usize / 8, 0x80_u8 >> ((offset + n) % 8));
                expected[at] = expected[at] & !mask | if value >> (63 - n) & 1 == 1 { mask } else { 0 };
            }
            expected[0] |= 0x10;
            assert!(db.strings().get("k").unwrap().unwrap() == expected, "{length} bytes, bit {offset}");
            assert_eq!(db.bits().field_ro("k", [(BitType::i(64), offset), (BitType::u(1), 3)]).unwrap(), [value, 1]);
        }
    }
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_failed_step_writes_nothing_but_the_string_grows() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let fails = BitField::new().overflow(BitOverflow::Fail).incr_by(BitType::u(2), 100, 4);
    assert_eq!(db.bits().field("k", &fails).unwrap(), [None]);
    assert_eq!(db.strings().get("k").unwrap().unwrap(), vec![0; 13], "as in Redis");
    let before = store.stats().log_bytes;
    assert_eq!(db.bits().field("k", &fails).unwrap(), [None]);
    assert_eq!(store.stats().log_bytes, before, "nothing is written that does not change");
    let far = BitField::new().overflow(BitOverflow::Fail).set(BitType::u(8), 500_000, 256).get(BitType::u(8), 900_000);
    assert_eq!(db.bits().field("k", &far).unwrap(), [None, Some(0)]);
    assert_eq!(db.strings().len("k").unwrap(), 62_501);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn reads_create_nothing_and_make_nothing_grow() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    let reads = BitField::new().get(BitType::i(8), 0).get(BitType::u(63), 1_000_000);
    assert_eq!(db.bits().field("k", &reads).unwrap(), [Some(0), Some(0)]);
    assert!(!db.exists("k").unwrap());
    db.strings().set("k", "\u{7f}").unwrap();
    assert_eq!(db.bits().field("k", &reads).unwrap(), [Some(127), Some(0)]);
    assert_eq!(db.strings().len("k").unwrap(), 1);
}

#[test]
fn the_key_keeps_its_expiry() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    let lifetime = Duration::from_secs(100);
    db.strings().set_with("k", "x", SetOptions::new().expire_in(lifetime)).unwrap();
    for offset in [0, 4000, 500_000] {
        db.bits().field("k", BitField::new().incr_by(BitType::u(8), offset, 1)).unwrap();
        assert_eq!(db.ttl("k").unwrap(), Ttl::In(lifetime));
    }
}

#[test]
fn what_no_field_can_be_is_refused_and_nothing_changes() {
    let fixture = Fixture::new();
    let mut options = small();
    options.max_value_bytes = 2000;
    let store = Store::builder(fixture.path("limited")).options(options).background(false).open().unwrap();
    let db = store.db(0);
    db.sets().add("s", ["m"]).unwrap();
    let kind = |key, steps: BitField| db.bits().field(key, &steps).unwrap_err().kind();
    let first = || BitField::new().set(BitType::u(8), 0, 1);
    assert_eq!(kind("s", first()), ErrorKind::WrongType);
    assert_eq!(kind("s", BitField::new().get(BitType::u(8), 0)), ErrorKind::WrongType);
    assert_eq!(kind("k", first().get(BitType::u(64), 0)), ErrorKind::InvalidInput);
    assert_eq!(kind("k", first().get(BitType::i(0), 0)), ErrorKind::InvalidInput);
    assert_eq!(kind("k", first().get(BitType::i(8), 16_000)), ErrorKind::OutOfRange);
    assert_eq!(kind("k", first().get(BitType::i(8), BitOffset::Nth(u64::MAX / 2))), ErrorKind::OutOfRange);
    assert_eq!(kind("k", first().set(BitType::i(8), 15_993, 1)), ErrorKind::TooLarge);
    assert!(!db.exists("k").unwrap());
    assert_eq!(db.bits().field("k", first().set(BitType::i(8), 15_992, 1)).unwrap(), [Some(0), Some(0)]);
}
