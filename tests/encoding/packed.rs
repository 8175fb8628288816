//! Packed entries have one form, in order, and say what was packed.

use bytes::Bytes;
use proptest::prelude::*;
use windrow::encoding::{
    Body, DataType, DecodeError, Fault, Meta, PackedEntries, PackedEntry, RecordKind, Score, UnixMillis, encode_packed,
    packed_entry_bytes,
};

use crate::strategies;

const COLLECTIONS: [DataType; 4] = [DataType::Hash, DataType::Set, DataType::List, DataType::SortedSet];

fn read(data_type: DataType, bytes: &[u8]) -> Result<Vec<PackedEntry<'_>>, DecodeError> {
    PackedEntries::new(data_type, bytes).collect()
}

fn fault(data_type: DataType, bytes: &[u8]) -> Fault {
    read(data_type, bytes).unwrap_err().fault()
}

/// A member of a sorted set, as bytes, with these score bytes.
fn scored(member: &[u8], score: [u8; 8]) -> Vec<u8> {
    [&[u8::try_from(member.len()).unwrap()], member, &score].concat()
}

fn one() -> [u8; 8] {
    Score::new(1.0).unwrap().to_ordered_bytes()
}

proptest! {
    #[test]
    fn what_is_packed_is_read_again(packed in strategies::packed()) {
        let encoded = packed.encode();
        let entries: Vec<_> = packed.entries().collect();
        prop_assert_eq!(read(packed.data_type, &encoded), Ok(entries));
    }

    #[test]
    fn an_entry_takes_as_many_bytes_as_was_said(packed in strategies::packed()) {
        let said: usize = packed
            .entries()
            .map(|entry| packed_entry_bytes(packed.data_type, entry.name.len(), entry.value.len()))
            .sum();
        prop_assert_eq!(packed.encode().len(), said);
        for entry in packed.entries() {
            let alone = encode_packed(packed.data_type, [entry]);
            prop_assert_eq!(alone.len(), packed_entry_bytes(packed.data_type, entry.name.len(), entry.value.len()));
        }
    }

    #[test]
    fn entries_out_of_order_are_refused(
        packed in strategies::packed(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>(),
    ) {
        let mut entries: Vec<_> = packed.entries().collect();
        entries.swap(a.index(packed.entries().count()), b.index(packed.entries().count()));
        let in_order = entries.is_sorted_by(|before, after| before.name < after.name);
        // One by one, because packing them together is refused in debug builds.
        let bytes: Vec<u8> = entries.iter().flat_map(|&entry| encode_packed(packed.data_type, [entry])).collect();
        let read = read(packed.data_type, &bytes);
        if in_order || packed.data_type == DataType::List {
            prop_assert_eq!(read, Ok(entries));
        } else {
            prop_assert_eq!(read.unwrap_err().fault(), Fault::NotCanonical { what: "entries out of order" });
        }
    }

    #[test]
    fn what_lacks_its_end_is_refused_or_is_a_shorter_collection(packed in strategies::packed()) {
        let encoded = packed.encode();
        let mut borders = vec![0];
        for entry in packed.entries() {
            let bytes = packed_entry_bytes(packed.data_type, entry.name.len(), entry.value.len());
            borders.push(borders.last().unwrap() + bytes);
        }
        for len in 0..encoded.len() {
            let found = read(packed.data_type, &encoded[..len]);
            match borders.iter().position(|&border| border == len) {
                Some(whole) => prop_assert_eq!(found.map(|entries| entries.len()), Ok(whole)),
                None => {
                    let is_truncated = matches!(found.unwrap_err().fault(), Fault::Truncated { .. });
                    prop_assert!(is_truncated);
                }
            }
        }
    }

    #[test]
    fn lengths_take_as_few_bytes_as_they_can(length in strategies::number(u64::from(u32::MAX))) {
        let length = usize::try_from(length).unwrap();
        let bits = usize::try_from(usize::BITS - length.leading_zeros()).unwrap();
        let expected = bits.div_ceil(7).max(1) + length;
        prop_assert_eq!(packed_entry_bytes(DataType::Set, length, 0), expected);
        prop_assert_eq!(packed_entry_bytes(DataType::List, 0, length), expected);
    }
}

#[test]
fn repeated_names_are_refused_and_repeated_items_are_not() {
    let out_of_order = Fault::NotCanonical { what: "entries out of order" };
    assert_eq!(fault(DataType::Set, b"\x01a\x01a"), out_of_order);
    assert_eq!(fault(DataType::Set, b"\x00\x00"), out_of_order);
    assert_eq!(fault(DataType::Hash, b"\x01a\x01v\x01a\x01w"), out_of_order);
    assert_eq!(fault(DataType::SortedSet, &[scored(b"a", one()), scored(b"a", one())].concat()), out_of_order);
    assert_eq!(fault(DataType::Set, b"\x02ab\x01a"), out_of_order);
    assert_eq!(read(DataType::List, b"\x01b\x01a\x01a\x00\x00").map(|items| items.len()), Ok(5));
}

#[test]
fn a_length_has_one_form_and_fits_32_bits() {
    for data_type in COLLECTIONS {
        let refused = |bytes: &[u8]| fault(data_type, bytes);
        for long_form in [&b"\x80\x00"[..], b"\x81\x00a", b"\xff\x80\x00", b"\x80\x80\x80\x80\x00"] {
            assert!(matches!(refused(long_form), Fault::NotCanonical { .. }), "{long_form:x?}");
        }
        for too_long in
            [&b"\x80\x80\x80\x80\x10"[..], b"\xff\xff\xff\xff\x7f", b"\x80\x80\x80\x80\x80\x00", &[0xFF; 20]]
        {
            assert_eq!(refused(too_long), Fault::OutOfRange { what: "length" }, "{too_long:x?}");
        }
        let most = usize::try_from(u32::MAX).unwrap();
        assert_eq!(refused(b"\xff\xff\xff\xff\x0fab"), Fault::Truncated { missing: most - 2 });
        assert_eq!(refused(b"\x80"), Fault::Truncated { missing: 1 });
    }
}

#[test]
fn scores_that_are_none_are_refused() {
    assert!(read(DataType::SortedSet, &scored(b"a", one())).is_ok());
    for nan in [[0xFF; 8], [0; 8]] {
        let error = read(DataType::SortedSet, &scored(b"a", nan)).unwrap_err();
        assert_eq!((error.record(), error.fault()), (RecordKind::Score, Fault::OutOfRange { what: "score" }));
    }
    let negative_zero = [0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    assert!(matches!(fault(DataType::SortedSet, &scored(b"a", negative_zero)), Fault::NotCanonical { .. }));
    assert_eq!(fault(DataType::SortedSet, b"\x01a\x80\0\0\0\0\0\0"), Fault::Truncated { missing: 1 });
}

#[test]
fn nothing_follows_an_error() {
    let mut entries = PackedEntries::new(DataType::Set, b"\x01b\x01a\x01c");
    assert_eq!(entries.next(), Some(Ok(PackedEntry { name: b"b", value: b"" })));
    assert!(entries.next().is_some_and(|entry| entry.is_err()));
    assert_eq!(entries.next(), None);
    assert_eq!(entries.next(), None);
}

#[test]
fn a_string_has_no_packed_entries() {
    for bytes in [&b""[..], b"\x01a"] {
        let error = read(DataType::String, bytes).unwrap_err();
        assert_eq!(error.to_string(), "cannot decode packed entries: a string is never packed");
    }
    assert_eq!(packed_entry_bytes(DataType::String, 5, 5), 0);
    for data_type in COLLECTIONS {
        assert_eq!(read(data_type, b""), Ok(vec![]));
    }
}

#[test]
fn what_a_type_does_not_have_costs_nothing() {
    assert_eq!(packed_entry_bytes(DataType::Set, 5, 99), 6);
    assert_eq!(packed_entry_bytes(DataType::List, 99, 5), 6);
    assert_eq!(packed_entry_bytes(DataType::SortedSet, 5, 8), 14);
    assert_eq!(packed_entry_bytes(DataType::Hash, usize::MAX, usize::MAX), usize::MAX);
}

#[test]
fn packed_entries_share_the_memory_of_their_record() {
    let entries = encode_packed(DataType::Set, [PackedEntry { name: &[7; 1_000], value: b"" }]);
    let meta = Meta {
        data_type: DataType::Set,
        body: Body::Packed(entries.into()),
        created_at: UnixMillis::ZERO,
        updated_at: UnixMillis::ZERO,
        expires_at: None,
        size: 1,
    };
    let record = Bytes::from(meta.encode());
    let body_address = record[windrow::encoding::META_HEADER_BYTES..].as_ptr();
    match Meta::decode_owned(record).unwrap().body {
        Body::Packed(bytes) => assert_eq!(bytes.as_ptr(), body_address),
        other => panic!("packed entries became {other:?}"),
    }
}
