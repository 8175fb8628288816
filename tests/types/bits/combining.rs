//! Strings made of the bits of others.

use std::time::Duration;

use windrow::{BitOp, ErrorKind, SetOptions, Ttl};

use super::PIECE;
use crate::data::payload;
use crate::fixture::{Fixture, close_and_check, settle};

const OPERATIONS: [BitOp; 3] = [BitOp::And, BitOp::Or, BitOp::Xor];

fn combined(operation: BitOp, values: &[&[u8]]) -> Vec<u8> {
    let length = values.iter().map(|value| value.len()).max().unwrap();
    let at = |n: usize| values.iter().map(move |value| value.get(n).copied().unwrap_or(0));
    let byte = |n| match operation {
        BitOp::And => at(n).reduce(|a, b| a & b).unwrap(),
        BitOp::Or => at(n).reduce(|a, b| a | b).unwrap(),
        BitOp::Xor => at(n).reduce(|a, b| a ^ b).unwrap(),
        BitOp::Not => !at(n).next().unwrap(),
    };
    (0..length).map(byte).collect()
}

#[test]
fn strings_of_all_lengths_are_combined_byte_by_byte() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let values: Vec<Vec<u8>> = [0, 1, 100, 1024, 1025, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 9]
        .into_iter()
        .map(|length| payload(length as u64, length))
        .collect();
    db.strings().mset(values.iter().enumerate().map(|(n, value)| (format!("k{n}"), value))).unwrap();
    for (a, first) in values.iter().enumerate() {
        for (b, second) in values.iter().enumerate() {
            for operation in OPERATIONS {
                let names = [format!("k{a}"), "missing".to_owned(), format!("k{b}"), format!("k{a}")];
                let length = db.bits().op(operation, "all", &names).unwrap();
                let expected = combined(operation, &[first, &[], second, first]);
                assert_eq!(length, expected.len() as u64);
                assert!(db.strings().get("all").unwrap().unwrap_or_default() == expected, "{operation:?} of {names:?}");
                db.bits().op(operation, "two", [&names[0], &names[2]]).unwrap();
                let two = db.strings().get("two").unwrap().unwrap_or_default();
                assert!(two == combined(operation, &[first, second]), "{operation:?} of {a} and {b}");
            }
        }
        db.bits().op(BitOp::Not, "not", [format!("k{a}")]).unwrap();
        assert!(db.strings().get("not").unwrap().unwrap_or_default() == combined(BitOp::Not, &[first]), "not of {a}");
    }
    settle(&store);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn the_destination_is_replaced_whatever_it_was_and_loses_its_expiry() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let lasting = SetOptions::new().expire_in(Duration::from_secs(60));
    db.strings().set_with("a", payload(1, 40_000), lasting).unwrap();
    db.strings().set_with("b", payload(2, 20_000), lasting).unwrap();
    let both = combined(BitOp::Or, &[&payload(1, 40_000), &payload(2, 20_000)]);
    db.sets().add("set", ["m"]).unwrap();
    for destination in ["new", "set", "b", "a"] {
        assert_eq!(db.bits().op(BitOp::Or, destination, ["a", "b"]).unwrap(), 40_000);
        assert!(db.strings().get(destination).unwrap().unwrap() == both, "{destination}");
        assert_eq!(db.ttl(destination).unwrap(), Ttl::Forever, "{destination}");
    }
    settle(&store);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn an_empty_result_removes_the_destination() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    db.strings().set("empty", "").unwrap();
    for operation in [BitOp::And, BitOp::Or, BitOp::Xor, BitOp::Not] {
        db.sets().add("dest", ["m"]).unwrap();
        let keys = if operation == BitOp::Not { vec!["missing"] } else { vec!["missing", "empty"] };
        assert_eq!(db.bits().op(operation, "dest", keys).unwrap(), 0);
        assert!(!db.exists("dest").unwrap());
    }
}

#[test]
fn other_types_and_wrong_numbers_of_keys_are_refused_and_nothing_changes() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    db.strings().mset([("a", "x"), ("dest", "old")]).unwrap();
    db.sets().add("s", ["m"]).unwrap();
    let kind = |done: windrow::Result<u64>| done.unwrap_err().kind();
    assert_eq!(kind(db.bits().op(BitOp::Or, "dest", ["a", "s"])), ErrorKind::WrongType);
    assert_eq!(kind(db.bits().op(BitOp::Not, "dest", ["s"])), ErrorKind::WrongType);
    assert_eq!(kind(db.bits().op(BitOp::Not, "dest", ["a", "s"])), ErrorKind::InvalidInput);
    assert_eq!(kind(db.bits().op(BitOp::And, "dest", [""; 0])), ErrorKind::InvalidInput);
    assert_eq!(db.strings().get("dest").unwrap().unwrap(), "old");
}

#[test]
fn a_result_larger_than_a_commit_is_built_and_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let length = 11 << 20; // Commits take 4 MiB here.
    let (a, b) = (payload(1, length), payload(2, length - 5));
    db.strings().set("a", &a).unwrap();
    db.strings().set("b", &b).unwrap();
    db.bits().op(BitOp::Xor, "a", ["a", "b"]).unwrap();
    assert!(db.strings().get("a").unwrap().unwrap() == combined(BitOp::Xor, &[&a, &b]));
    db.bits().op(BitOp::Xor, "a", ["a", "b"]).unwrap();
    assert!(db.strings().get("a").unwrap().unwrap() == a);
    db.delete(["a", "b"]).unwrap();
    settle(&store);
    assert_eq!(store.stats().data_file_bytes, 0);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}
