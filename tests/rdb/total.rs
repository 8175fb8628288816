//! Reading is total: random bytes, and damaged values, never panic; what is written reads the same.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use windrow::encoding::DataType;
use windrow::rdb::{Element, decompress};

use crate::{hostile, rdb};

/// One byte more, less or other.
#[derive(Clone, Debug)]
enum Damage {
    Set(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Remove(prop::sample::Index),
    Insert(prop::sample::Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    let byte = || prop_oneof![Just(0), Just(1), Just(0x7F), Just(0x80), Just(0xFE), Just(0xFF), any::<u8>()];
    prop_oneof![
        4 => (at(), byte()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        1 => at().prop_map(Damage::Cut),
        1 => at().prop_map(Damage::Remove),
        1 => (at(), byte()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
    ]
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let length = bytes.len();
        match damage {
            Damage::Insert(at, byte) => bytes.insert(at.index(length + 1), *byte),
            _ if length == 0 => {}
            Damage::Set(at, byte) => bytes[at.index(length)] = *byte,
            Damage::Cut(at) => bytes.truncate(at.index(length)),
            Damage::Remove(at) => {
                bytes.remove(at.index(length));
            }
        }
    }
    bytes
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => vec(any::<u8>(), 0..20),
        2 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        1 => (0..300_i64).prop_map(|number| number.to_string().into_bytes()),
        1 => (0..600_usize).prop_map(|length| vec![b'x'; length]),
    ]
}

fn small(data_type: u8, entries: &[Vec<u8>]) -> Vec<u8> {
    let parts = match data_type {
        rdb::LIST_ZIPLIST | rdb::HASH_ZIPLIST | rdb::ZSET_ZIPLIST => rdb::string(rdb::ziplist(entries)),
        rdb::LIST_QUICKLIST => rdb::quicklist(&[rdb::ziplist(entries)]),
        rdb::LIST_QUICKLIST_2 => rdb::quicklist_2(&[rdb::Node::Packed(rdb::listpack(entries))]),
        _ => rdb::string(rdb::listpack(entries)),
    };
    rdb::value(data_type, &[parts])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200), number in 0..25_u8) {
        hostile::all(&bytes);
        hostile::value(&[&[number], bytes.as_slice()].concat());
    }

    #[test]
    fn damaged_values_never_panic(
        entries in vec(text(), 0..8), which in prop::sample::select(vec![10_u8, 12, 13, 14, 16, 17, 18]),
        damages in vec(damage(), 0..4),
    ) {
        hostile::all(&damaged(small(which, &entries), &damages));
    }

    #[test]
    fn listpacks_and_ziplists_hold_what_was_put_in(entries in vec(text(), 1..40)) {
        let items: Vec<Element> = entries.iter().map(|entry| Element::Item(Bytes::copy_from_slice(entry))).collect();
        for number in [rdb::LIST_ZIPLIST, rdb::LIST_QUICKLIST, rdb::LIST_QUICKLIST_2] {
            prop_assert_eq!(hostile::read(&small(number, &entries)), Some((DataType::List, items.clone())));
        }
    }

    #[test]
    fn what_is_compressed_comes_back(words in vec(prop_oneof![Just(&b"aaaa"[..]), Just(&b"abcabc"[..]), Just(&b"\0\xff"[..])], 0..400), tail in vec(any::<u8>(), 0..200)) {
        let text = [words.concat(), tail].concat();
        prop_assert_eq!(decompress(&rdb::lzf(&text), text.len()).unwrap(), text);
    }
}

#[test]
fn every_encoding_with_any_byte_changed_never_panics() {
    for (_, value) in rdb::every_encoding() {
        for at in 0..value.len().min(120) {
            for byte in [0, 1, 0x3F, 0x40, 0x7F, 0x80, 0x81, 0xC3, 0xF0, 0xF4, 0xFE, 0xFF] {
                let mut other = value.clone();
                other[at] = byte;
                hostile::value(&other);
            }
            hostile::value(&value[..at]);
        }
    }
}
