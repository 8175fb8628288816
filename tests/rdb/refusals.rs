//! Values that are refused, and what the refusal says.

use windrow::rdb::{RdbError, ValueReader, decompress, open_payload};

use crate::rdb;

fn refusal(value: &[u8]) -> String {
    refusal_below(value, 1 << 20)
}

fn refusal_below(value: &[u8], limit: usize) -> String {
    let mut reader = match ValueReader::open(value, limit) {
        Ok(reader) => reader,
        Err(error) => return error.to_string(),
    };
    loop {
        match reader.next_element() {
            Ok(Some(_)) => {}
            Ok(None) => return "it was read".to_owned(),
            Err(error) => return error.to_string(),
        }
    }
}

fn packed(number: u8, bytes: Vec<u8>) -> Vec<u8> {
    rdb::value(number, &[rdb::string(bytes)])
}

/// The bytes with one of them changed.
fn with(mut bytes: Vec<u8>, at: usize, byte: u8) -> Vec<u8> {
    bytes[at] = byte;
    bytes
}

#[test]
fn streams_and_modules_are_named() {
    for (number, name) in
        [(6, "a module's value"), (7, "a module's value"), (15, "a stream"), (19, "a stream"), (21, "a stream")]
    {
        let error = ValueReader::open(&[number, 0][..], 9).unwrap_err();
        assert!(matches!(error, RdbError::Unsupported { number: found, .. } if found == number));
        assert_eq!(error.to_string(), format!("the value is {name} (RDB type {number}), which is not supported"));
    }
    for number in [8, 20, 22, 250, 255] {
        assert!(matches!(ValueReader::open(&[number][..], 9), Err(RdbError::UnknownType(found)) if found == number));
    }
}

#[test]
fn a_payload_needs_a_footer_of_a_known_version_and_the_right_sum() {
    let payload = rdb::sealed(&[0, 1, b'a']);
    assert_eq!(open_payload(&payload).unwrap(), [0, 1, b'a']);
    for at in 0..payload.len() {
        let damaged = with(payload.clone(), at, payload[at] ^ 0x10);
        assert!(open_payload(&damaged).is_err(), "{at}");
    }
    assert!(matches!(open_payload(&with(payload.clone(), 3, 11)), Err(RdbError::Version(11))));
    assert!(matches!(open_payload(&with(payload.clone(), 0, 1)), Err(RdbError::Checksum { .. })));
    for short in 0..10 {
        assert!(matches!(open_payload(&payload[..short]), Err(RdbError::Truncated(_))), "{short}");
    }
    // The footer of an older version is right, too.
    let mut older = vec![0, 1, b'a', 6, 0];
    let sum = windrow::rdb::checksum(&older);
    older.extend(sum.to_le_bytes());
    assert_eq!(open_payload(&older).unwrap(), [0, 1, b'a']);
}

#[test]
fn empty_collections_are_refused() {
    let nothing: [&[u8]; 0] = [];
    let ziplist = rdb::ziplist(&nothing);
    let listpack = rdb::listpack(&nothing);
    for number in [rdb::LIST, rdb::SET, rdb::ZSET, rdb::HASH, rdb::ZSET_2, rdb::LIST_QUICKLIST, rdb::LIST_QUICKLIST_2] {
        assert_eq!(refusal(&rdb::value(number, &[vec![0]])), "a collection is empty", "{number}");
    }
    for number in [rdb::LIST_ZIPLIST, rdb::ZSET_ZIPLIST, rdb::HASH_ZIPLIST] {
        assert_eq!(refusal(&packed(number, ziplist.clone())), "a collection is empty", "{number}");
    }
    for number in [rdb::ZSET_LISTPACK, rdb::HASH_LISTPACK] {
        assert_eq!(refusal(&packed(number, listpack.clone())), "a collection is empty", "{number}");
    }
    let nodes = rdb::quicklist(&[ziplist.clone(), ziplist]);
    assert_eq!(refusal(&rdb::value(rdb::LIST_QUICKLIST, &[nodes])), "a collection is empty");
    let nodes = rdb::quicklist_2(&[rdb::Node::Packed(listpack)]);
    assert_eq!(refusal(&rdb::value(rdb::LIST_QUICKLIST_2, &[nodes])), "a collection is empty");
    let nodes = rdb::quicklist_2(&[rdb::Node::Plain(Vec::new())]);
    assert_eq!(refusal(&rdb::value(rdb::LIST_QUICKLIST_2, &[nodes])), "a list's node is empty");
    assert_eq!(refusal(&packed(rdb::SET_INTSET, rdb::intset(2, &[]))), "an intset is damaged");
    assert_eq!(refusal(&packed(rdb::HASH_ZIPMAP, vec![0, 0xFF])), "a collection is empty");
}

#[test]
fn scores_must_be_numbers() {
    let member = || [rdb::length(1), rdb::string("m")].concat();
    let score = |bytes: &[u8]| bytes.to_vec();
    let nan = "a score is not a number";
    assert_eq!(refusal(&rdb::value(rdb::ZSET_2, &[member(), score(&f64::NAN.to_le_bytes())])), nan);
    assert_eq!(refusal(&rdb::value(rdb::ZSET, &[member(), score(&[253])])), nan);
    assert_eq!(refusal(&rdb::value(rdb::ZSET, &[member(), score(b"\x03nan")])), nan);
    assert_eq!(refusal(&rdb::value(rdb::ZSET, &[member(), score(b"\x03one")])), "a score is no number");
    assert_eq!(refusal(&packed(rdb::ZSET_LISTPACK, rdb::listpack(&["m", "nan"]))), nan);
    assert_eq!(refusal(&packed(rdb::ZSET_LISTPACK, rdb::listpack(&["m", "one"]))), "a score is no number");
    assert_eq!(refusal(&packed(rdb::ZSET_ZIPLIST, rdb::ziplist(&["m", ""]))), "a score is no number");
}

#[test]
fn pairs_come_in_pairs() {
    let odd = "a collection of pairs lacks the second of one";
    for number in [rdb::HASH_LISTPACK, rdb::ZSET_LISTPACK] {
        assert_eq!(refusal(&packed(number, rdb::listpack(&["a", "1", "b"]))), odd);
    }
    for number in [rdb::HASH_ZIPLIST, rdb::ZSET_ZIPLIST] {
        assert_eq!(refusal(&packed(number, rdb::ziplist(&["a", "1", "b"]))), odd);
    }
}

#[test]
fn a_listpack_must_be_what_it_says() {
    let good = rdb::listpack(&["text", "7", "70000"]);
    let list = |bytes: Vec<u8>| rdb::value(rdb::LIST_QUICKLIST_2, &[vec![1, 2], rdb::string(bytes)]);
    assert_eq!(refusal(&list(good.clone())), "it was read");
    let damaged = "a listpack is damaged";
    assert_eq!(refusal(&list(with(good.clone(), 0, 1))), damaged, "the total");
    assert_eq!(refusal(&list(with(good.clone(), 4, 2))), damaged, "the count");
    assert_eq!(refusal(&list(with(good.clone(), 4, 4))), damaged, "the count");
    let last = good.len() - 1;
    assert_eq!(refusal(&list(with(good.clone(), last, 0))), damaged, "the end");
    assert_eq!(refusal(&list(with(good.clone(), last - 1, 5))), damaged, "the length behind the last");
    assert_eq!(refusal(&list(with(good.clone(), 11, 6))), damaged, "the length behind the first");
    assert_eq!(refusal(&list(with(good.clone(), 6, 0x85))), damaged, "a longer text");
    assert_eq!(refusal(&list(with(good.clone(), 6, 0xF5))), damaged, "an unknown form");
    assert_eq!(refusal(&list(with(good, 6, 0xFF))), damaged, "an early end");
    assert_eq!(refusal(&list(b"\x07\0\0\0\0\0".to_vec())), damaged, "no end");
    // A count that is not known is none that is wrong.
    assert_eq!(refusal(&list(b"\x09\0\0\0\xff\xff\x05\x01\xff".to_vec())), "it was read");
    // Numbers in wider forms than they need are numbers.
    let wide = rdb::listpack_of(&[rdb::wide_number(0xF4, 5, 8), rdb::wide_number(0xF1, -5, 2), vec![0xDF, 0xFF]]);
    assert_eq!(refusal(&list(wide)), "it was read");
}

#[test]
fn a_ziplist_must_be_what_it_says() {
    let good = rdb::ziplist(&["text", "7", "70000"]);
    let list = |bytes| packed(rdb::LIST_ZIPLIST, bytes);
    assert_eq!(refusal(&list(good.clone())), "it was read");
    let damaged = "a ziplist is damaged";
    assert_eq!(refusal(&list(with(good.clone(), 0, 1))), damaged, "the total");
    assert_eq!(refusal(&list(with(good.clone(), 4, 10))), damaged, "where the last begins");
    assert_eq!(refusal(&list(with(good.clone(), 4, 200))), damaged, "where the last begins");
    assert_eq!(refusal(&list(with(good.clone(), 8, 2))), damaged, "the count");
    assert_eq!(refusal(&list(with(good.clone(), 10, 1))), damaged, "what is before the first");
    assert_eq!(refusal(&list(with(good.clone(), 16, 5))), damaged, "what is before the second");
    assert_eq!(refusal(&list(with(good.clone(), 11, 0x05))), damaged, "a longer text");
    assert_eq!(refusal(&list(with(good.clone(), 11, 0xFF))), damaged, "an unknown form");
    let last = good.len() - 1;
    assert_eq!(refusal(&list(with(good, last, 0xFE))), damaged, "the end");
}

#[test]
fn the_numbers_of_an_intset_ascend() {
    let set = |bytes| packed(rdb::SET_INTSET, bytes);
    assert_eq!(refusal(&set(rdb::intset(2, &[-1, 0, 1]))), "it was read");
    let damaged = "an intset is damaged";
    assert_eq!(refusal(&set(rdb::intset(2, &[1, 1]))), damaged);
    assert_eq!(refusal(&set(rdb::intset(4, &[0, -1]))), damaged);
    assert_eq!(refusal(&set(rdb::intset(3, &[1, 2]))), damaged, "a width of three");
    assert_eq!(refusal(&set(with(rdb::intset(2, &[1, 2]), 4, 3))), damaged, "the count");
    assert_eq!(refusal(&set(with(rdb::intset(2, &[1, 2]), 4, 1))), damaged, "the count");
    assert_eq!(refusal(&set(vec![2, 0, 0, 0])), damaged);
}

#[test]
fn a_zipmap_must_be_what_it_says() {
    let good = rdb::zipmap(&[("a", "1"), ("bc", "2"), ("d", "")]);
    let hash = |bytes| packed(rdb::HASH_ZIPMAP, bytes);
    assert_eq!(refusal(&hash(good.clone())), "it was read");
    let damaged = "a zipmap is damaged";
    assert_eq!(refusal(&hash(with(good.clone(), 0, 2))), damaged, "the count");
    assert_eq!(refusal(&hash(with(good.clone(), 0, 254))), "it was read", "no count");
    assert_eq!(refusal(&hash(with(good.clone(), 1, 200))), damaged, "a longer field");
    assert_eq!(refusal(&hash(with(good.clone(), 4, 200))), damaged, "more unused bytes");
    let last = good.len() - 1;
    assert_eq!(refusal(&hash(with(good, last, 0))), damaged, "the end");
    assert_eq!(
        refusal(&hash(vec![1, 0xFE, 1, 0, 0, 0, b'a', 1, 0, b'1', 0xFF])),
        damaged,
        "a short length in the long form"
    );
}

#[test]
fn lengths_and_strings_must_have_a_form() {
    for form in [0x82, 0x8F, 0xBF] {
        assert_eq!(refusal(&[0, form, 0, 0, 0, 0]), "a length has an unknown form");
    }
    for form in [0xC4, 0xFF] {
        assert_eq!(refusal(&[0, form, 0, 0, 0, 0]), "a string has an unknown form");
    }
    assert_eq!(refusal(&[2, 0xC0, 1, b'a']), "a string's form stands where a length must stand");
    assert_eq!(refusal(&[1, 1, 5, b'a']), "the bytes end within a string");
    assert_eq!(refusal(&[]), "the bytes end within a value");
    assert_eq!(refusal(&[18, 1, 3, 1, b'a']), "a list's node is of an unknown kind");
    assert_eq!(refusal_below(&rdb::value(0, &[rdb::string("12345")]), 4), "a string has 5 bytes, where 4 are allowed");
    assert_eq!(
        refusal_below(&rdb::value(0, &[rdb::compressed([b'a'; 50])]), 49),
        "a string has 50 bytes, where 49 are allowed"
    );
    assert_eq!(refusal_below(&[0, 0xC2, 0, 0, 0, 0x80], 10), "a string has 11 bytes, where 10 are allowed");
}

#[test]
fn a_compressed_string_repeats_only_what_came_before() {
    // "ab", then four bytes from two back.
    assert_eq!(decompress(b"\x01ab\x40\x01", 6).unwrap(), b"ababab");
    for length in [5, 7] {
        assert!(decompress(b"\x01ab\x40\x01", length).is_err(), "{length}");
    }
    assert!(decompress(b"\x01ab\x40\x02", 6).is_err(), "from before the beginning");
    assert!(decompress(b"\x20\x00", 3).is_err(), "nothing came before");
    assert!(decompress(b"\x02ab", 3).is_err(), "a byte too few");
    assert!(decompress(b"\x00a\xe0", 9).is_err(), "no length");
    assert!(decompress(b"\x00a\xe0\x00", 10).is_err(), "no place");
    assert_eq!(decompress(b"\x00a\xe0\x00\x00", 10).unwrap(), b"aaaaaaaaaa");
    assert_eq!(decompress(b"", 0).unwrap(), b"");
}
