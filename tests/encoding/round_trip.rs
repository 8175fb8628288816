//! What is encoded decodes to itself.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use windrow::encoding::{
    Building, CollectionId, CountValue, DataFamily, DataType, DecodedSegment, ElementKey, ExpireKey, ExpireValue,
    Flushed, FormatFile, FormatVersion, KeyLayout, KeyspaceNo, Lease, LifetimeClass, MAX_COUNTER, Meta, MetaKey,
    NextKeyspace, ReapedThrough, Score, Segment, SegmentBits, SegmentSet, StoreKey, StoreTime, Tag, UnixMillis,
    element_prefix, hash_slot, id_of_key,
};

use crate::strategies;

proptest! {
    #[test]
    fn ids_and_their_parts_round_trip(id in strategies::id()) {
        prop_assert_eq!(CollectionId::from_raw(id.get()), Ok(id));
        prop_assert_eq!(CollectionId::from_be_bytes(id.to_be_bytes()), Ok(id));
        prop_assert_eq!(CollectionId::new(id.family(), id.counter()), Some(id));
        prop_assert_eq!(id.segment().id(id.low()), Some(id));
        prop_assert!(id.segment().lows().contains(&id.low()));
        prop_assert!((id.segment().first_counter()..id.segment().end_counter()).contains(&id.counter()));
    }

    #[test]
    fn segment_keys_round_trip(segment in strategies::segment()) {
        prop_assert_eq!(Segment::decode_key(&segment.encode_key()), Ok(segment));
    }

    #[test]
    fn meta_keys_round_trip(
        layout in strategies::layout(), keyspace in strategies::keyspace(), user_key in strategies::name(),
    ) {
        let encoded = MetaKey::encode(layout, keyspace, &user_key);
        let slot = (layout == KeyLayout::Cluster).then(|| hash_slot(&user_key));
        let key = MetaKey { keyspace, slot, user_key: &user_key };
        prop_assert_eq!(MetaKey::decode(layout, &encoded), Ok(key));
        prop_assert!(encoded.starts_with(&MetaKey::prefix(keyspace)));
    }

    #[test]
    fn meta_records_round_trip(meta in strategies::meta()) {
        let encoded = Bytes::from(meta.encode());
        prop_assert_eq!(Meta::decode(&encoded), Ok(meta.clone()));
        prop_assert_eq!(Meta::decode_owned(encoded.clone()), Ok(meta.clone()));
        let head = Meta::peek(&encoded).map(|head| (head.data_type, head.id, head.expires_at, head.size));
        prop_assert_eq!(head, Ok((meta.data_type, meta.id(), meta.expires_at, meta.size)));
    }

    #[test]
    fn expire_entries_round_trip(
        expires_at in strategies::expiry(), keyspace in strategies::keyspace(), user_key in strategies::name(),
        data_type in 1..=5_u8, id in option::of(strategies::id()),
    ) {
        let key = ExpireKey { expires_at, keyspace, user_key: &user_key };
        let encoded = key.encode();
        prop_assert_eq!(ExpireKey::decode(&encoded), Ok(key));
        let value = ExpireValue { data_type: DataType::from_number(data_type).unwrap(), id };
        prop_assert_eq!(ExpireValue::decode(&value.encode()), Ok(value));
    }

    #[test]
    fn element_keys_round_trip(id in strategies::id(), element in strategies::element()) {
        let key = element.key();
        let encoded = key.encode(id);
        prop_assert_eq!(ElementKey::decode(&encoded), Ok((id, key)));
        prop_assert_eq!(id_of_key(&encoded), Ok(id));
        prop_assert!(encoded.starts_with(&element_prefix(id, key.tag())));
        let mut appended = b"before".to_vec();
        key.encode_into(id, &mut appended);
        prop_assert_eq!(&appended[6..], &encoded);
        let tail = key.encode_tail();
        prop_assert_eq!(&encoded[8..], &tail);
        prop_assert_eq!(ElementKey::decode_tail(&tail), Ok(key));
    }

    #[test]
    fn scores_round_trip(score in strategies::score()) {
        prop_assert_eq!(Score::from_ordered_bytes(score.to_ordered_bytes()), Ok(score));
    }

    #[test]
    fn store_keys_round_trip(key in strategies::store_key()) {
        let encoded = key.key().encode();
        prop_assert_eq!(StoreKey::decode(&encoded), Ok(key.key()));
    }

    #[test]
    fn format_versions_round_trip(major in any::<u16>(), minor in any::<u16>()) {
        let version = FormatVersion { major, minor };
        prop_assert_eq!(FormatVersion::decode(&version.encode()), Ok(version));
    }

    #[test]
    fn keyspace_numbers_round_trip(keyspace in strategies::keyspace()) {
        prop_assert_eq!(KeyspaceNo::decode(&keyspace.encode()), Ok(keyspace));
    }

    #[test]
    fn next_keyspaces_round_trip(keyspace in strategies::keyspace()) {
        let now = NextKeyspace::decode(&keyspace.get().to_be_bytes()).unwrap();
        prop_assert_eq!(now.encode(), keyspace.get().to_be_bytes());
        let (given, next) = now.take().unwrap();
        prop_assert_eq!(given, keyspace);
        prop_assert_eq!(next.encode(), (keyspace.get() + 1).to_be_bytes());
        prop_assert_eq!(NextKeyspace::decode(&next.encode()), Ok(next));
    }

    #[test]
    fn leases_round_trip(below in strategies::number(MAX_COUNTER)) {
        let lease = Lease::new(below + 1).unwrap();
        prop_assert_eq!(Lease::decode(&lease.encode()), Ok(lease));
    }

    #[test]
    fn counts_round_trip(
        count in any::<i64>(),
        residue in strategies::residue(|item| CountValue::decode(item).is_ok_and(|value| value.residue.is_empty())),
    ) {
        prop_assert_eq!(CountValue::decode(&CountValue::encode_plain(count)).map(|value| value.count), Ok(count));
        let value = CountValue { count, residue };
        prop_assert_eq!(CountValue::decode(&value.encode()), Ok(value));
    }

    #[test]
    fn records_of_a_time_round_trip(time in strategies::time()) {
        let building = Building { started_at: time };
        prop_assert_eq!(Building::decode(&building.encode()), Ok(building));
        prop_assert_eq!(StoreTime::decode(&StoreTime(time).encode()), Ok(StoreTime(time)));
    }

    #[test]
    fn flushed_keyspaces_round_trip(
        layout in strategies::layout(), keyspace in strategies::keyspace(),
        user_key in option::of(strategies::name()),
    ) {
        let last_meta_key = user_key.map(|key| MetaKey::encode(layout, keyspace, &key)).unwrap_or_default();
        let flushed = Flushed { last_meta_key };
        prop_assert_eq!(Flushed::decode(keyspace, &flushed.encode()), Ok(flushed));
    }

    #[test]
    fn reaped_throughs_round_trip(
        times in (strategies::time(), strategies::time()), keyspace in strategies::keyspace(),
        user_key in option::of(strategies::name()),
    ) {
        let (time, later) = (times.0.min(times.1), times.0.max(times.1));
        let expires_at = if later > time { later } else { UnixMillis::new(later.get() + 1) };
        let cursor = user_key
            .filter(|_| expires_at > time)
            .map(|user_key| ExpireKey { expires_at, keyspace, user_key: &user_key }.encode())
            .unwrap_or_default();
        let reaped = ReapedThrough { time, cursor };
        prop_assert_eq!(ReapedThrough::decode(&reaped.encode()), Ok(reaped));
    }

    #[test]
    fn bitmaps_round_trip(
        lows in strategies::lows(), range in option::of(any::<(u16, u16)>()),
        residue in strategies::residue(|item| SegmentBits::decode(item).is_ok()),
    ) {
        let mut bits: SegmentBits = lows.into_iter().collect();
        if let Some((first, last)) = range {
            bits.insert_range(first..=last);
        }
        prop_assert_eq!(SegmentBits::decode(&bits.encode()), Ok(bits.clone()));
        let decoded = DecodedSegment { bits, residue };
        prop_assert_eq!(DecodedSegment::decode(&decoded.encode()), Ok(decoded));
    }

    #[test]
    fn retired_segments_round_trip(
        intervals in vec((strategies::number(Segment::MAX_NUMBER), strategies::number(1 << 20)), 0..8),
    ) {
        let mut set = SegmentSet::new();
        for (first, more) in intervals {
            set.insert(first..first + more + 1);
        }
        prop_assert_eq!(SegmentSet::decode(&set.encode()), Ok(set));
    }

    #[test]
    fn format_files_round_trip(layout in strategies::layout()) {
        let file = FormatFile::new(layout);
        prop_assert_eq!(FormatFile::parse(file.print().as_bytes()), Ok(file));
    }
}

#[test]
fn numbered_things_round_trip() {
    for data_type in [DataType::String, DataType::Hash, DataType::Set, DataType::List, DataType::SortedSet] {
        assert_eq!(DataType::from_number(data_type.number()), Some(data_type));
    }
    for family in DataFamily::all() {
        assert_eq!(DataFamily::new(family.number()), Some(family));
        assert_eq!(LifetimeClass::from_number(family.class().number()), Some(family.class()));
    }
    for tag in [Tag::HashField, Tag::SetMember, Tag::ListItem, Tag::SortedMember, Tag::SortedScore, Tag::StringPiece] {
        assert_eq!(Tag::from_byte(tag.byte()), Some(tag));
    }
}

#[test]
fn a_large_inline_string_shares_the_memory_of_its_record() {
    let meta = Meta {
        data_type: DataType::String,
        body: windrow::encoding::Body::Inline(Bytes::from(vec![7; 1_000])),
        created_at: Default::default(),
        updated_at: Default::default(),
        expires_at: None,
        size: 1_000,
    };
    let record = Bytes::from(meta.encode());
    let body_address = record[windrow::encoding::META_HEADER_BYTES..].as_ptr();
    match Meta::decode_owned(record).unwrap().body {
        windrow::encoding::Body::Inline(bytes) => assert_eq!(bytes.as_ptr(), body_address),
        other => panic!("an inline string became {other:?}"),
    }
}
