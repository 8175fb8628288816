//! Bitmaps as long as a string can be, of which little is stored.

use std::time::{Duration, Instant};

use windrow::{BitField, BitOp, BitRange, BitType, Store};

use super::PIECE;
use crate::fixture::{Fixture, close_and_check, settle};

/// The last bit of the longest string.
const LAST: u64 = (1 << 32) - 1;

/// What `write` commits.
fn committed(store: &Store, write: impl FnOnce()) -> u64 {
    let before = store.stats().log_bytes;
    write();
    store.stats().log_bytes - before
}

#[test]
fn the_last_bit_of_the_longest_string_writes_one_piece() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let bytes = committed(&store, || {
        db.bits().set("k", LAST, true).unwrap();
    });
    assert!(bytes < PIECE as u64 + 1000, "{bytes} bytes");
    assert_eq!(db.strings().len("k").unwrap(), 512 << 20);
    assert!(db.bits().get("k", LAST).unwrap() && !db.bits().get("k", LAST - 1).unwrap());
    db.strings().set("short", "a string that grows").unwrap();
    let bytes = committed(&store, || {
        db.bits().set("short", LAST, true).unwrap();
    });
    assert!(bytes < 2 * PIECE as u64 + 1000, "{bytes} bytes");
    let bytes = committed(&store, || {
        db.bits().field("field", BitField::new().set(BitType::u(8), LAST - 7, 1).set(BitType::u(8), 0, 1)).unwrap();
    });
    assert!(bytes < 2 * PIECE as u64 + 1000, "{bytes} bytes");
    settle(&store);
    assert_eq!(db.bits().count("field").unwrap(), 2);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_first_piece_that_was_alone_is_filled_up_when_the_string_outgrows_it() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for key in ["bit", "field"] {
        db.strings().set(key, [7; 5000]).unwrap();
        let bytes = committed(&store, || match key {
            "bit" => assert!(!db.bits().set(key, LAST, true).unwrap()),
            _ => drop(db.bits().field(key, BitField::new().set(BitType::u(8), LAST - 7, 1)).unwrap()),
        });
        // Whoever has read the old record takes a short first piece for the whole string.
        assert!(bytes > 2 * PIECE as u64, "{key}: {bytes} bytes");
        assert_eq!(db.bits().count(key).unwrap(), 15_001);
    }
}

#[test]
fn holes_are_neither_read_nor_written() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let bits = db.bits();
    for offset in [77, 1 << 20, 3_000_000_000, LAST] {
        bits.set("a", offset, true).unwrap();
    }
    for offset in [78, 1 << 20, LAST - 1] {
        bits.set("b", offset, true).unwrap();
    }
    settle(&store);
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(bits.count("a").unwrap(), 4);
        assert_eq!(bits.count_in("a", BitRange::bits(78, -2)).unwrap(), 2);
        assert_eq!(bits.pos_in("a", true, BitRange::bits(2 << 20, -1)).unwrap(), Some(3_000_000_000));
        assert_eq!(bits.pos_in("a", false, BitRange::bits(3_000_000_000, -1)).unwrap(), Some(3_000_000_001));
        assert_eq!(bits.pos_in("a", false, BitRange::bytes(2 << 20, -1)).unwrap(), Some(16 << 20), "in a hole");
        assert_eq!(bits.pos_in("b", true, BitRange::bits(2 << 20, LAST as i64 - 2)).unwrap(), None);
    }
    for (operation, stored, count) in [(BitOp::And, 2, 1), (BitOp::Or, 4, 6), (BitOp::Xor, 4, 5)] {
        let bytes = committed(&store, || assert_eq!(bits.op(operation, "dest", ["a", "b"]).unwrap(), 512 << 20));
        assert!(bytes < (stored * PIECE + 1000) as u64, "{operation:?} committed {bytes} bytes");
        assert_eq!(bits.count("dest").unwrap(), count, "{operation:?}");
        assert_eq!(bits.pos("dest", true).unwrap(), Some(if operation == BitOp::And { 1 << 20 } else { 77 }));
    }
    bits.op(BitOp::And, "dest", ["a", "missing"]).unwrap();
    assert_eq!((db.strings().len("dest").unwrap(), bits.count("dest").unwrap()), (512 << 20, 0));
    // Reading 512 MiB takes longer than this once; here it would be read a hundred times.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    settle(&store);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}
