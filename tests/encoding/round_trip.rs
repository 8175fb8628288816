//! What is encoded decodes to itself.

use bytes::Bytes;
use proptest::prelude::*;
use windrow::encoding::{
    CollectionId, DataType, ElementKey, ExpireKey, ExpireValue, KeyLayout, Meta, MetaKey, Score, Segment, StoreKey,
    element_prefix, hash_slot, id_of_key,
};

use crate::strategies;

proptest! {
    #[test]
    fn ids_and_their_parts_round_trip(id in strategies::id()) {
        prop_assert_eq!(CollectionId::from_raw(id.get()), Ok(id));
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
        data_type in 1..=5_u8, id in proptest::option::of(strategies::id()),
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
        prop_assert_eq!(&appended[6..], encoded);
    }

    #[test]
    fn scores_round_trip(score in strategies::score()) {
        prop_assert_eq!(Score::from_ordered_bytes(score.to_ordered_bytes()), Ok(score));
    }

    #[test]
    fn store_keys_round_trip(encoded in strategies::store_key()) {
        prop_assert_eq!(StoreKey::decode(&encoded).map(|key| key.encode()), Ok(encoded));
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
