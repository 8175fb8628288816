//! A range holds the keys it names, no other, and its end is never a stored key.

use proptest::prelude::*;
use windrow::encoding::{
    CollectionId, DataFamily, ExpireKey, KeyLayout, KeyRange, KeyspaceNo, MetaKey, Segment, UnixMillis, hash_slot,
    prefix_end,
};

use crate::strategies;

fn near<T: Clone + std::fmt::Debug>(strategy: impl Strategy<Value = T> + Clone) -> impl Strategy<Value = (T, T)> {
    let same = strategy.clone().prop_map(|value| (value.clone(), value));
    prop_oneof![1 => same, 2 => (strategy.clone(), strategy)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_range_of_ids_holds_the_elements_of_these_ids(
        family in strategies::family(), first in strategies::number(1 << 56), len in strategies::number(1 << 56),
        id in strategies::id(), element in strategies::element(),
    ) {
        let end = first.saturating_add(len);
        let range = KeyRange::ids(family, first, end);
        let key = element.key().encode(id);
        let inside = id.family() == family && (first..end).contains(&id.counter());
        prop_assert_eq!(range.contains(&key), inside);
        prop_assert_ne!(range.end(), key.as_slice());
        prop_assert_eq!(range.is_empty(), first.min(1 << 56) >= end.min(1 << 56));
    }

    #[test]
    fn the_ends_of_collections_and_segments_are_no_elements(
        of in strategies::id(), neighbour in 0..7_usize, other in strategies::id(), element in strategies::element(),
    ) {
        let (first, end) = (of.segment().first_counter(), of.segment().end_counter());
        let near = [of.counter() + 1, first.saturating_sub(1), first, end - 1, end, of.counter()].get(neighbour).copied();
        let near = near.and_then(|counter| CollectionId::new(of.family(), counter));
        let id = near.unwrap_or(other);
        let key = element.key().encode(id);
        prop_assert_eq!(KeyRange::collection(of).contains(&key), of == id);
        prop_assert_eq!(KeyRange::segment(of.segment()).contains(&key), of.segment() == id.segment());
        prop_assert_eq!(of.segment().range(), KeyRange::segment(of.segment()));
        prop_assert_eq!(KeyRange::family(of.family()).contains(&key), of.family() == id.family());
        for range in [KeyRange::collection(of), of.segment().range(), KeyRange::family(of.family())] {
            prop_assert_ne!(range.end(), key.as_slice());
            prop_assert!(!range.is_empty() && range.contains(range.start()) && !range.contains(range.end()));
        }
    }

    #[test]
    fn a_range_of_a_keyspace_holds_its_meta_records(
        layout in strategies::layout(), (of, keyspace) in near(strategies::keyspace().boxed()), step in 0..2_u32,
        user_key in strategies::name(),
    ) {
        let keyspace = KeyspaceNo::new(keyspace.get().saturating_add(step)).unwrap_or(keyspace);
        let key = MetaKey::encode(layout, keyspace, &user_key);
        let range = KeyRange::keyspace(of);
        prop_assert_eq!(range.contains(&key), of == keyspace);
        prop_assert_ne!(range.end(), key.as_slice());
    }

    #[test]
    fn a_range_of_a_slot_holds_its_meta_records(
        (of, keyspace) in near(strategies::keyspace().boxed()), user_key in strategies::name(), off in 0..3_u16,
    ) {
        let own = hash_slot(&user_key);
        let key = MetaKey::encode(KeyLayout::Cluster, keyspace, &user_key);
        for slot in [own.saturating_sub(off), own.saturating_add(off), 0, 16_383, u16::MAX] {
            let range = KeyRange::slot(of, slot);
            prop_assert_eq!(range.contains(&key), of == keyspace && slot == own);
            prop_assert_ne!(range.end(), key.as_slice());
            prop_assert!(!range.is_empty());
        }
    }

    #[test]
    fn a_range_of_what_is_expired_holds_the_entries_up_to_its_time(
        (through, expires_at) in near(strategies::expiry().boxed()), step in 0..2_u64,
        keyspace in strategies::keyspace(), user_key in strategies::name(),
    ) {
        let expires_at = UnixMillis::new(expires_at.get().saturating_add(step));
        let key = ExpireKey { expires_at, keyspace, user_key: &user_key }.encode();
        let range = KeyRange::expired_through(through);
        prop_assert_eq!(range.contains(&key), expires_at <= through);
        prop_assert_ne!(range.end(), key.as_slice());
    }

    #[test]
    fn the_end_of_a_prefix_is_the_least_string_above_it(prefix in strategies::name(), other in strategies::name()) {
        match prefix_end(&prefix) {
            Some(end) => {
                let inside = prefix <= other && other < end;
                prop_assert_eq!(inside, other.starts_with(&prefix));
            }
            None => prop_assert!(prefix.iter().all(|&byte| byte == 0xFF)),
        }
    }
}

#[test]
fn what_expires_at_the_last_time_can_be_expired() {
    let key = ExpireKey { expires_at: UnixMillis::MAX, keyspace: KeyspaceNo::MAX, user_key: b"\xff" };
    assert!(KeyRange::expired_through(UnixMillis::MAX).contains(&key.encode()));
}

#[test]
fn the_last_segment_ends_where_the_next_family_begins() {
    let family = DataFamily::new(17).unwrap();
    let last = Segment::new(family, Segment::MAX_NUMBER).unwrap();
    assert_eq!(last.range().end(), [18, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_range_whose_end_lies_before_its_start_is_empty() {
    let range = KeyRange::ids(DataFamily::new(3).unwrap(), 10, 5);
    assert!(range.is_empty());
    assert!(!range.contains(range.start()));
}
