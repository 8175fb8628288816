//! Bytes that are nearly a record are refused, with the fault named.

use windrow::encoding::{
    CollectionId, CountValue, DataFamily, DecodedSegment, ElementKey, ExpireKey, ExpireValue, Fault, Flushed,
    FormatFile, FormatVersion, KeyLayout, KeyspaceName, KeyspaceNo, Lease, MetaKey, NextKeyspace, ReapedThrough,
    RecordKind, Score, Segment, SegmentBits, SegmentSet, StoreKey, id_of_key,
};

fn id() -> CollectionId {
    CollectionId::new(DataFamily::new(7).unwrap(), 1234).unwrap()
}

#[test]
fn negative_zero_and_nan_are_no_scores() {
    assert_eq!(Score::new(f64::NAN), None);
    assert_eq!(Score::new(-f64::NAN), None);
    assert_eq!(Score::new(-0.0).unwrap().get().to_bits(), 0.0_f64.to_bits());
    let negative_zero = Score::from_ordered_bytes([0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    assert!(matches!(negative_zero.unwrap_err().fault(), Fault::NotCanonical { .. }));
    for nan in [[0xFF; 8], [0; 8], [0xFF, 0xF8, 0, 0, 0, 0, 0, 0]] {
        assert!(matches!(Score::from_ordered_bytes(nan).unwrap_err().fault(), Fault::OutOfRange { .. }));
    }
}

#[test]
fn elements_need_a_tag_and_a_whole_suffix() {
    let key = |rest: &[u8]| [&id().to_be_bytes(), rest].concat();
    let refused = |rest: &[u8]| ElementKey::decode(&key(rest)).unwrap_err().fault();
    assert!(matches!(refused(b""), Fault::Truncated { .. }));
    assert!(id_of_key(&key(b"")).is_err());
    assert_eq!(id_of_key(&key(b"\x99")), Ok(id()));
    for tag in (0..=u8::MAX).filter(|tag| ![0x10, 0x20, 0x30, 0x40, 0x41, 0x50].contains(tag)) {
        assert!(matches!(refused(&[tag; 9]), Fault::Unknown { what: "element tag", .. }));
    }
    assert!(matches!(refused(b"\x30\xff\xff\xff\xff\xff\xff\xff\xff"), Fault::OutOfRange { .. }));
    assert!(matches!(refused(b"\x30\0\0\0\0\0\0\0"), Fault::Truncated { missing: 1 }));
    assert!(matches!(refused(b"\x30\0\0\0\0\0\0\0\0\0"), Fault::TrailingBytes { extra: 1 }));
    assert!(matches!(refused(b"\x50\xff\xff\xff\xff"), Fault::OutOfRange { .. }));
    assert!(matches!(refused(b"\x50\0\0\0\0\0"), Fault::TrailingBytes { extra: 1 }));
    assert!(matches!(refused(b"\x41\xff\xff\xff\xff\xff\xff\xff\xffm"), Fault::OutOfRange { .. }));
}

#[test]
fn meta_keys_stand_in_their_own_slot() {
    let keyspace = KeyspaceNo::new(7).unwrap();
    let mut key = MetaKey::encode(KeyLayout::Cluster, keyspace, b"foo");
    key[6] ^= 1;
    let error = MetaKey::decode(KeyLayout::Cluster, &key).unwrap_err();
    assert_eq!(error.record(), RecordKind::MetaKey);
    assert!(matches!(error.fault(), Fault::Inconsistent { .. }));
    assert!(MetaKey::decode(KeyLayout::Plain, b"\xff\xff\xff\xffMfoo").is_err());
    assert!(MetaKey::decode(KeyLayout::Plain, b"\0\0\0\x07Nfoo").is_err());
    assert_eq!(KeyspaceNo::new(u32::MAX), None);
}

#[test]
fn expire_entries_have_a_time_and_a_known_type() {
    let key = |time: u64| [&time.to_be_bytes()[..], &[0, 0, 0, 7]].concat();
    assert!(ExpireKey::decode(&key(1)).is_ok());
    assert!(ExpireKey::decode(&key(0)).is_err());
    assert!(ExpireKey::decode(&key(u64::MAX)).is_err());
    assert!(ExpireValue::decode(b"").is_err());
    assert!(ExpireValue::decode(b"\x06").is_err());
    assert!(ExpireValue::decode(b"\x03\x07\0\0\0\0\0\0").is_err());
    assert!(ExpireValue::decode(b"\x03\x07\0\0\0\0\0\0\x01\0").is_err());
}

#[test]
fn a_bitmap_that_has_a_shorter_form_is_refused() {
    let refused = |bytes: &[u8]| SegmentBits::decode(bytes).unwrap_err().fault();
    assert!(matches!(refused(b""), Fault::Truncated { .. }));
    assert!(matches!(refused(b"\x04"), Fault::Unknown { what: "form", value: 4 }));
    assert!(matches!(refused(b"\x01\0"), Fault::Truncated { .. }));
    assert!(matches!(refused(b"\x01\0\x02\0\x01"), Fault::NotCanonical { what: "places out of order" }));
    assert!(matches!(refused(b"\x01\0\x02\0\x02"), Fault::NotCanonical { what: "places out of order" }));
    assert!(matches!(refused(b"\x01\0\x01\0\x02\0\x03"), Fault::NotCanonical { what: "not the shortest form" }));
    assert!(matches!(refused(b"\x02"), Fault::NotCanonical { what: "not the shortest form" }));
    assert!(matches!(refused(b"\x02\0\x01\0\x02"), Fault::NotCanonical { what: "not the shortest form" }));
    assert!(matches!(refused(b"\x02\0\x09\0\x01"), Fault::NotCanonical { .. }));
    assert!(matches!(refused(b"\x02\0\x01\0\x09\0\x0a\0\x20"), Fault::NotCanonical { .. }));
    assert!(matches!(refused(b"\x02\0\x01\0"), Fault::Truncated { .. }));
    let bits = |byte: u8, len: usize| [vec![3], vec![byte; len]].concat();
    assert!(SegmentBits::decode(&bits(0x55, 8_192)).is_ok());
    assert!(matches!(refused(&bits(0, 8_192)), Fault::NotCanonical { .. }));
    assert!(matches!(refused(&bits(0xFF, 8_192)), Fault::NotCanonical { .. }));
    assert!(matches!(refused(&bits(0x55, 8_191)), Fault::Truncated { missing: 1 }));
    assert!(matches!(refused(&bits(0x55, 8_193)), Fault::TrailingBytes { extra: 1 }));
}

#[test]
fn runs_across_the_borders_of_words_count_once() {
    // From place 20 of every 32 a run of 20 places, so that every second one lies across the border of a word.
    let mut bits = [vec![3], [0xFF, 0, 0xF0, 0xFF].repeat(2_048)].concat();
    bits[1] = 0;
    let refused = SegmentBits::decode(&bits).unwrap_err().fault();
    assert!(matches!(refused, Fault::NotCanonical { what: "not the shortest form" }), "2,048 runs are as short");
    bits[1] = 1;
    let set = SegmentBits::decode(&bits).unwrap();
    assert_eq!((set.ranges().count(), set.encode()), (2_049, bits));
}

#[test]
fn a_residue_is_sorted_not_empty_and_does_not_decode() {
    let value = |rest: &[u8]| [b"\x0f\0\0\0\x01\x01", rest].concat();
    let refused = |rest: &[u8]| DecodedSegment::decode(&value(rest)).unwrap_err().fault();
    assert!(DecodedSegment::decode(&value(b"\0\0\0\x01\x99")).is_ok());
    assert!(matches!(refused(b""), Fault::NotCanonical { .. }));
    assert!(matches!(refused(b"\0\0\0\x03\x01\0\x01"), Fault::NotCanonical { what: "residue that decodes" }));
    assert!(matches!(refused(b"\0\0\0\x01\x99\0\0\0\x01\x98"), Fault::NotCanonical { .. }));
    assert!(matches!(refused(b"\xff\xff\xff\xff\x99"), Fault::Truncated { .. }));
    assert!(DecodedSegment::decode(b"\x0f\xff\xff\xff\xff\x01").is_err());
    assert!(SegmentBits::decode(&value(b"\0\0\0\x01\x99")).is_err());
}

#[test]
fn counts_have_a_form() {
    assert!(CountValue::decode(&[0; 8]).is_err());
    assert!(CountValue::decode(b"").is_err());
    assert!(CountValue::decode(&CountValue::encode_plain(-3)).is_ok_and(|value| value.count == -3));
    let nested = [&b"\x0f\0\0\0\0\0\0\0\0\0\0\0\x09"[..], &CountValue::encode_plain(1)].concat();
    assert!(matches!(CountValue::decode(&nested).unwrap_err().fault(), Fault::NotCanonical { .. }));
}

#[test]
fn store_keys_are_exactly_as_long_as_their_mark_asks() {
    assert!(StoreKey::decode(b"").is_err());
    assert!(StoreKey::decode(b"X").is_err());
    for whole in [&b"V"[..], b"N", b"R", b"T", b"L\x07", b"D\x12", b"C\0\0\0\x07", b"F\0\0\0\x07", b"K\x01g\0\0\0\0"] {
        assert!(StoreKey::decode(whole).is_ok());
        assert!(StoreKey::decode(&[whole, b"\0"].concat()).is_err());
        assert!(StoreKey::decode(&whole[..whole.len() - 1]).is_err());
    }
    assert!(StoreKey::decode(b"L\x13").is_err());
    assert!(StoreKey::decode(b"C\xff\xff\xff\xff").is_err());
    assert_eq!(KeyspaceName::new(&[0; 256], 0), None);
    assert!(KeyspaceName::new(&[0; 255], 0).is_some());
}

#[test]
fn leases_end_within_the_counters() {
    let end = (1 << 56) - 1;
    assert_eq!(Lease::new(0), None);
    assert_eq!(Lease::new(end).map(Lease::first_unleased), Some(end));
    assert_eq!(Lease::new(end + 1), None);
    assert_eq!(Lease::NONE.advanced_by(end - 1), Lease::new(end));
    assert_eq!(Lease::NONE.advanced_by(end), None);
    assert_eq!(Lease::NONE.advanced_by(u64::MAX), None);
    assert!(Lease::decode(&[0; 8]).is_err());
}

#[test]
fn keyspace_numbers_run_out_before_they_repeat() {
    let last = NextKeyspace::decode(&(u32::MAX - 1).to_be_bytes()).unwrap();
    let (given, next) = last.take().unwrap();
    assert_eq!(given, KeyspaceNo::MAX);
    assert!(next.has_given(given) && !last.has_given(given));
    assert_eq!(next.take(), None);
}

#[test]
fn the_reapers_cursor_lies_after_its_time() {
    let entry = |time: u64| [&time.to_be_bytes()[..], &[0, 0, 0, 7], b"foo"].concat();
    let value = |cursor: &[u8]| [&9_u64.to_be_bytes()[..], cursor].concat();
    assert!(ReapedThrough::decode(&value(&entry(10))).is_ok());
    assert!(ReapedThrough::decode(&value(&entry(9))).is_err());
    assert!(ReapedThrough::decode(&value(b"foo")).is_err());
    assert!(ReapedThrough::decode(&[0xFF; 8]).is_err());
}

#[test]
fn a_flushed_keyspace_remembers_only_its_own_keys() {
    let keyspace = KeyspaceNo::new(7).unwrap();
    assert!(Flushed::decode(keyspace, b"").is_ok());
    assert!(Flushed::decode(keyspace, b"\0\0\0\x07M").is_ok());
    assert!(Flushed::decode(keyspace, b"\0\0\0\x08M").is_err());
    assert!(Flushed::decode(keyspace, b"\0\0\0\x07").is_err());
}

#[test]
fn intervals_of_segments_are_apart() {
    let value = |numbers: &[u8]| numbers.iter().flat_map(|&number| [0, 0, 0, 0, number]).collect::<Vec<_>>();
    assert!(SegmentSet::decode(&value(&[1, 2, 4, 4])).is_ok());
    for wrong in [&[1, 2, 3, 4][..], &[1, 2, 2, 4], &[4, 4, 1, 2], &[2, 1], &[1]] {
        assert!(SegmentSet::decode(&value(wrong)).is_err(), "{wrong:?}");
    }
    assert!(Segment::decode_key(b"\x13\0\0\0\0\0").is_err());
    assert!(Segment::decode_key(b"\x12\0\0\0\0\0\0").is_err());
}

#[test]
fn another_version_is_named_and_not_read_further() {
    let parse = |text: &str| FormatFile::parse(text.as_bytes());
    for (text, major, minor) in [
        ("windrow\nformat 0.1\nkeys plain\n", 0, 1),
        ("windrow\nformat 0.3\nwhatever comes", 0, 3),
        ("windrow\nformat 12.0\n", 12, 0),
    ] {
        let found = FormatVersion { major, minor };
        assert_eq!(parse(text).unwrap_err().fault(), Fault::UnknownVersion { found });
        assert!(!found.is_supported());
    }
    for text in [
        "",
        "windrow",
        "windrow\nformat 1.0",
        "windrow\nformat 1.0\n",
        "windrow\nformat 1.0\nkeys plain",
        "windrow\nformat 1.0\nkeys plain\n\n",
        "windrow\nformat 1.0\nkeys other\n",
        "windrow\nformat 00.1\nkeys plain\n",
        "windrow\nformat +0.1\nkeys plain\n",
        "windrow\nformat 1.0.0\nkeys plain\n",
        "windrow\nformat 0.99999\nkeys plain\n",
        "windrow\r\nformat 1.0\r\nkeys plain\r\n",
    ] {
        assert!(matches!(parse(text).unwrap_err().fault(), Fault::Inconsistent { .. }), "{text:?}");
    }
}

#[test]
fn an_error_says_which_record_and_why() {
    let error = Lease::decode(b"\0\0\0").unwrap_err();
    assert_eq!(error.to_string(), "cannot decode id lease: 5 bytes are missing");
    let error = FormatFile::parse(b"windrow\nformat 3.1\n").unwrap_err();
    assert_eq!(error.to_string(), "cannot decode WINDROW file: format version 3.1 is not 1.0");
}
