//! A meta record that decodes is whole and consistent.

use bytes::Bytes;
use proptest::prelude::*;
use windrow::encoding::{Body, CollectionId, DataFamily, DataType, ExpireKey, Fault, KeyspaceNo, Meta, UnixMillis};

use crate::canonical::with_right_checksum;
use crate::strategies;

fn id() -> CollectionId {
    CollectionId::new(DataFamily::new(7).unwrap(), 1234).unwrap()
}

fn meta(data_type: DataType, body: Body, size: u64) -> Meta {
    Meta {
        data_type,
        body,
        created_at: UnixMillis::new(1),
        updated_at: UnixMillis::new(2),
        expires_at: Some(UnixMillis::new(3)),
        size,
    }
}

fn set() -> Vec<u8> {
    meta(DataType::Set, Body::Elements(id()), 3).encode()
}

fn list(head: u64, size: u64) -> Meta {
    meta(DataType::List, Body::List { id: id(), head }, size)
}

/// A set of the members `a` and `bc`.
fn packed() -> Vec<u8> {
    meta(DataType::Set, Body::Packed(Bytes::from_static(b"\x01a\x02bc")), 2).encode()
}

fn hello() -> Vec<u8> {
    meta(DataType::String, Body::Inline(Bytes::from_static(b"hello")), 5).encode()
}

/// The fault of a record after a change, with the checksum made right.
fn fault(mut record: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Fault {
    change(&mut record);
    Meta::decode(&with_right_checksum(&record)).unwrap_err().fault()
}

fn set_u64(at: usize, to: u64) -> impl FnOnce(&mut Vec<u8>) {
    move |record| record[at..at + 8].copy_from_slice(&to.to_be_bytes())
}

const ID: usize = 8;
const CREATED: usize = 16;
const EXPIRES: usize = 32;
const SIZE: usize = 40;

#[test]
fn every_flipped_bit_is_noticed() {
    for record in [set(), hello(), packed(), list(1 << 63, 2).encode()] {
        assert!(Meta::decode(&record).is_ok());
        for bit in 0..record.len() * 8 {
            let mut damaged = record.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Meta::decode(&damaged).is_err(), "bit {bit} of {record:02x?}");
            assert!(Meta::peek(&damaged).is_err(), "bit {bit} of {record:02x?}");
        }
    }
}

#[test]
fn a_record_that_lacks_its_end_is_refused() {
    for record in [set(), hello(), packed(), list(1 << 63, 2).encode()] {
        for len in 0..record.len() {
            assert!(Meta::decode(&record[..len]).is_err());
            assert!(Meta::decode(&with_right_checksum(&record[..len])).is_err());
        }
    }
}

#[test]
fn what_the_format_does_not_know_is_refused() {
    assert!(matches!(fault(set(), |r| r[0] = 2), Fault::Unknown { what: "record format", value: 2 }));
    assert!(matches!(fault(set(), |r| r[1] = 0), Fault::Unknown { what: "data type", value: 0 }));
    assert!(matches!(fault(set(), |r| r[1] = 6), Fault::Unknown { what: "data type", value: 6 }));
    assert!(matches!(fault(set(), |r| r[2] = 4), Fault::Unknown { what: "encoding", value: 4 }));
    assert!(matches!(fault(set(), |r| r[2] = 0), Fault::Unknown { what: "encoding", value: 0 }));
    assert!(matches!(fault(set(), |r| r[3] = 1), Fault::Unknown { what: "flags", value: 1 }));
}

#[test]
fn ids_and_times_out_of_range_are_refused() {
    assert!(matches!(fault(set(), set_u64(ID, 0)), Fault::OutOfRange { what: "counter" }));
    assert!(matches!(fault(set(), set_u64(ID, 19 << 56 | 1)), Fault::Unknown { what: "data family", value: 19 }));
    assert!(matches!(fault(set(), set_u64(CREATED, u64::MAX)), Fault::OutOfRange { what: "time" }));
    assert!(matches!(fault(set(), set_u64(EXPIRES, u64::MAX)), Fault::OutOfRange { what: "time" }));
}

#[test]
fn fields_that_contradict_each_other_are_refused() {
    let inconsistent = |record, change: &dyn Fn(&mut Vec<u8>)| {
        assert!(matches!(fault(record, change), Fault::Inconsistent { .. }));
    };
    inconsistent(hello(), &|r| r[1] = 3);
    inconsistent(hello(), &|r| set_u64(ID, id().get())(r));
    inconsistent(hello(), &|r| set_u64(SIZE, 4)(r));
    inconsistent(set(), &|r| set_u64(SIZE, 0)(r));
    inconsistent(list(8, 2).encode(), &|r| set_u64(SIZE, 0)(r));
    inconsistent(list(8, 2).encode(), &|r| set_u64(SIZE, u64::MAX)(r));
    let what = |record, change: &dyn Fn(&mut Vec<u8>)| match fault(record, change) {
        Fault::Inconsistent { what } => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(what(packed(), &|r| set_u64(ID, id().get())(r)), "a value in the meta record has an id");
    assert_eq!(what(packed(), &|r| r[1] = 1), "a string is never packed");
    for size in [1, 3, u64::MAX] {
        assert_eq!(what(packed(), &|r| set_u64(SIZE, size)(r)), "the size is not the number of packed entries");
    }
    assert_eq!(what(packed(), &|r| set_u64(SIZE, 0)(r)), "a collection without elements");
    let empty = |data_type: u8| {
        move |r: &mut Vec<u8>| {
            r.truncate(48);
            r[1] = data_type;
            set_u64(SIZE, 0)(r);
        }
    };
    assert_eq!(what(packed(), &empty(1)), "a string is never packed");
    for data_type in 2..=5 {
        assert_eq!(what(packed(), &empty(data_type)), "a collection without elements");
    }
    assert!(matches!(fault(packed(), |r| r[1] = 5), Fault::Truncated { .. }));
    assert!(matches!(fault(packed(), |r| r.push(1)), Fault::Truncated { missing: 1 }));
    assert!(matches!(fault(packed(), |r| r[48..].copy_from_slice(b"\x02bc\x01a")), Fault::NotCanonical { .. }));
    assert!(matches!(fault(set(), |r| r.push(0)), Fault::TrailingBytes { extra: 1 }));
    assert!(matches!(fault(list(8, 2).encode(), |r| r.push(0)), Fault::TrailingBytes { extra: 1 }));
}

#[test]
fn fields_that_contradict_each_other_do_not_validate() {
    let inline = || Body::Inline(Bytes::from_static(b"hello"));
    let two_packed = || Body::Packed(Bytes::from_static(b"\x01a\x02bc"));
    for wrong in [
        meta(DataType::String, inline(), 4),
        meta(DataType::Hash, inline(), 5),
        meta(DataType::Set, Body::Elements(id()), 0),
        meta(DataType::List, Body::Elements(id()), 1),
        meta(DataType::Set, Body::List { id: id(), head: 1 }, 1),
        meta(DataType::Set, two_packed(), 1),
        meta(DataType::Set, two_packed(), 0),
        meta(DataType::Set, Body::Packed(Bytes::new()), 0),
        meta(DataType::String, two_packed(), 2),
        meta(DataType::String, Body::Packed(Bytes::new()), 0),
        meta(DataType::SortedSet, two_packed(), 2),
        meta(DataType::Set, Body::Packed(Bytes::from_static(b"\x01b\x01a")), 2),
        list(1, 0),
        list(u64::MAX, 1),
    ] {
        assert!(wrong.validate().is_err(), "{wrong:?}");
    }
    assert_eq!(list(u64::MAX - 1, 1).validate(), Ok(()));
    assert_eq!(meta(DataType::Set, two_packed(), 2).validate(), Ok(()));
    assert_eq!(meta(DataType::List, two_packed(), 2).validate(), Ok(()));
    assert_eq!(meta(DataType::Hash, two_packed(), 1).validate(), Ok(()));
    assert_eq!(meta(DataType::String, Body::Inline(Bytes::new()), 0).validate(), Ok(()));
}

#[test]
fn an_expiry_at_the_epoch_is_stored_as_expired_and_not_as_never() {
    let mut record = meta(DataType::Set, Body::Elements(id()), 3);
    record.expires_at = Some(UnixMillis::ZERO);
    let stored = Meta::decode(&record.encode()).unwrap();
    assert_eq!(stored.expires_at, Some(UnixMillis::new(1)));
    let keyspace = KeyspaceNo::new(0).unwrap();
    let entry = ExpireKey { expires_at: UnixMillis::ZERO, keyspace, user_key: b"k" }.encode();
    assert_eq!(ExpireKey::decode(&entry).map(|key| key.expires_at), Ok(UnixMillis::new(1)));
}

proptest! {
    #[test]
    fn what_validates_decodes(meta in strategies::meta()) {
        prop_assert_eq!(meta.validate(), Ok(()));
        prop_assert!(Meta::peek(&meta.encode()).is_ok());
    }
}
