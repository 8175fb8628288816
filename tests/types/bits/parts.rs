//! Counts and searches in parts of a string, against a look at every bit.

use windrow::{BitRange, Db};

use super::{PIECE, bit};
use crate::data::payload;
use crate::fixture::Fixture;

/// The places of a string of `units` that Redis takes, as its code does it.
fn taken(start: i64, end: i64, units: i64, is_count: bool) -> std::ops::Range<u64> {
    if is_count && start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let place = |at: i64| if at < 0 { at.saturating_add(units).max(0) } else { at };
    let (from, last) = (place(start), place(end).min(units - 1));
    if from > last { 0..0 } else { from as u64..last as u64 + 1 }
}

fn compare(db: &Db, value: &[u8], start: i64, end: Option<i64>, is_in_bits: bool) {
    let range = match (is_in_bits, end) {
        (true, Some(end)) => BitRange::bits(start, end),
        (true, None) => BitRange::bits_from(start),
        (false, Some(end)) => BitRange::bytes(start, end),
        (false, None) => BitRange::bytes_from(start),
    };
    let unit = if is_in_bits { 1 } else { 8 };
    let units = value.len() as i64 * 8 / unit as i64;
    let bits = |is_count| {
        let taken = taken(start, end.unwrap_or(-1), units, is_count);
        taken.start * unit..taken.end * unit
    };
    let count = bits(true).filter(|at| bit(value, *at)).count() as u64;
    let what = format!("{} bytes, {range:?}", value.len());
    assert_eq!(db.bits().count_in("k", range).unwrap(), count, "{what}");
    for wanted in [false, true] {
        let mut found = bits(false).find(|at| bit(value, *at) == wanted);
        if !wanted && end.is_none() && !bits(false).is_empty() {
            found = found.or(Some(value.len() as u64 * 8));
        }
        assert_eq!(db.bits().pos_in("k", wanted, range).unwrap(), found, "{what}, {wanted}");
    }
}

#[test]
fn parts_are_counted_and_searched_as_bit_by_bit() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    let values = [
        vec![],
        vec![0],
        vec![0xff],
        vec![0x7e, 0x00, 0xff],
        payload(3, 30),
        vec![0xff; 40],
        vec![0; 1000],
        [vec![0; 500], vec![0xff; 700]].concat(),
    ];
    for value in values {
        db.strings().set("k", &value).unwrap();
        let bits = value.len() as i64 * 8;
        let points = [0, 1, 2, 7, 8, 9, 15, 17, bits - 1, bits, bits + 9, -1, -2, -9, -16, -bits, -bits - 3];
        let ends = points.into_iter().chain([i64::MIN, i64::MAX]).map(Some).chain([None]);
        for (start, end) in ends.flat_map(|end| points.map(|start| (start, end))) {
            compare(&db, &value, start, end, true);
            compare(&db, &value, start, end, false);
        }
    }
}

#[test]
fn parts_of_strings_in_pieces_and_with_holes_are_counted_and_searched_as_bit_by_bit() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    let piece = PIECE as i64;
    let full = vec![0xff; 3 * PIECE + 100];
    db.strings().set("k", &full).unwrap();
    let holed = |from: usize| {
        db.delete(["k"]).unwrap();
        db.strings().set_range("k", from as u64, [0xff; 9]).unwrap();
        db.strings().set_range("k", 4 * PIECE as u64 - 3, [0xff; 7]).unwrap();
        db.strings().get("k").unwrap().unwrap().to_vec()
    };
    compare_around(&db, &full, piece);
    for from in [0, PIECE, PIECE - 4, 2 * PIECE + 77] {
        let value = holed(from);
        compare_around(&db, &value, piece);
    }
}

/// Parts that begin and end around the borders of pieces.
fn compare_around(db: &Db, value: &[u8], piece: i64) {
    let length = value.len() as i64;
    let near = [0, piece - 5, piece, piece + 1, 2 * piece + 77, 3 * piece - 1, 4 * piece - 4, length - 1, length, -1];
    for start in near {
        for end in near {
            compare(db, value, start, Some(end), false);
        }
        compare(db, value, start, None, false);
        compare(db, value, start * 8 + 3, Some(-2), true);
        compare(db, value, start * 8 - 1, Some(start * 8 + 12), true);
        compare(db, value, start * 8 + 3, None, true);
    }
}

#[test]
fn a_missing_key_has_no_set_bit_and_its_first_clear_one_is_the_first() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    assert_eq!(db.bits().count("k").unwrap(), 0);
    assert_eq!(db.bits().pos("k", true).unwrap(), None);
    assert_eq!(db.bits().pos("k", false).unwrap(), Some(0));
    assert_eq!(db.bits().pos_in("k", false, BitRange::bytes(5, 7)).unwrap(), Some(0), "as Redis has it");
    db.strings().set("k", "").unwrap();
    assert_eq!(db.bits().pos("k", false).unwrap(), None, "an empty string is no missing key");
}
