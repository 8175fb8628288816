//! The order of encoded keys is the order of what they say.
//!
//! The logical order is written here as a tuple of plain values, apart from the types' own `Ord`;
//! that too is compared.

use proptest::prelude::*;
use windrow::encoding::{CollectionId, DataFamily, ExpireKey, KeyLayout, KeyspaceNo, MetaKey, StoreKey, hash_slot};

use crate::strategies::{self, DefaultKey, Element};

/// The kind, number and bytes by which elements of one collection order.
fn logical(element: &Element) -> (u8, u64, f64, &[u8]) {
    match element {
        Element::HashField(bytes) => (1, 0, 0.0, bytes),
        Element::SetMember(bytes) => (2, 0, 0.0, bytes),
        Element::ListItem(index) => (3, *index, 0.0, b""),
        Element::SortedMember(bytes) => (4, 0, 0.0, bytes),
        Element::SortedScore(score, bytes) => (5, 0, score.get(), bytes),
        Element::StringPiece(number) => (6, u64::from(*number), 0.0, b""),
    }
}

/// The mark, the namespace behind its length, and the number by which keys of the default family
/// order.
fn logical_store_key<'a>(key: &StoreKey<'a>) -> (char, usize, &'a [u8], u64) {
    match *key {
        StoreKey::Version => ('V', 0, b"", 0),
        StoreKey::Keyspace(name) => ('K', name.namespace().len(), name.namespace(), u64::from(name.db())),
        StoreKey::NextKeyspace => ('N', 0, b"", 0),
        StoreKey::Lease(family) => ('L', 0, b"", u64::from(family.number())),
        StoreKey::Count(keyspace) => ('C', 0, b"", u64::from(keyspace.get())),
        StoreKey::Building(id) => ('B', 0, b"", id.get()),
        StoreKey::Flushed(keyspace) => ('F', 0, b"", u64::from(keyspace.get())),
        StoreKey::ReapedThrough => ('R', 0, b"", 0),
        StoreKey::StoreTime => ('T', 0, b"", 0),
        StoreKey::Retired(family) => ('D', 0, b"", u64::from(family.number())),
    }
}

/// One key of each kind that names something.
fn one_of_each(
    (namespace, db): (Vec<u8>, u32),
    family: DataFamily,
    keyspace: KeyspaceNo,
    id: CollectionId,
) -> [DefaultKey; 6] {
    [
        DefaultKey::Keyspace(namespace, db),
        DefaultKey::Other(StoreKey::Lease(family)),
        DefaultKey::Other(StoreKey::Retired(family)),
        DefaultKey::Other(StoreKey::Count(keyspace)),
        DefaultKey::Other(StoreKey::Flushed(keyspace)),
        DefaultKey::Other(StoreKey::Building(id)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn ids_order_by_family_and_counter(a in strategies::id(), b in strategies::id()) {
        let logical = (a.family().number(), a.counter()).cmp(&(b.family().number(), b.counter()));
        prop_assert_eq!(a.to_be_bytes().cmp(&b.to_be_bytes()), logical);
        prop_assert_eq!(a.cmp(&b), logical);
    }

    #[test]
    fn segments_order_by_family_and_number(a in strategies::segment(), b in strategies::segment()) {
        let logical = (a.family().number(), a.number()).cmp(&(b.family().number(), b.number()));
        prop_assert_eq!(a.encode_key().cmp(&b.encode_key()), logical);
        prop_assert_eq!(a.cmp(&b), logical);
    }

    #[test]
    fn segments_order_as_their_ids_do(a in strategies::id(), b in strategies::id()) {
        let by_parts = (a.segment().encode_key(), a.low()).cmp(&(b.segment().encode_key(), b.low()));
        prop_assert_eq!(by_parts, a.cmp(&b));
    }

    #[test]
    fn meta_keys_order_by_keyspace_slot_and_user_key(
        layout in strategies::layout(),
        keyspaces in (strategies::keyspace(), strategies::keyspace()), same in any::<bool>(),
        a in strategies::name(), b in strategies::name(),
    ) {
        let (first, second) = (keyspaces.0, if same { keyspaces.0 } else { keyspaces.1 });
        let slot = |key: &[u8]| if layout == KeyLayout::Cluster { hash_slot(key) } else { 0 };
        let logical = (first.get(), slot(&a), &a).cmp(&(second.get(), slot(&b), &b));
        let encoded = MetaKey::encode(layout, first, &a).cmp(&MetaKey::encode(layout, second, &b));
        prop_assert_eq!(encoded, logical);
    }

    #[test]
    fn expire_keys_order_by_time_keyspace_and_user_key(
        times in (strategies::expiry(), strategies::expiry()), same_time in any::<bool>(),
        keyspaces in (strategies::keyspace(), strategies::keyspace()), same_keyspace in any::<bool>(),
        a in strategies::name(), b in strategies::name(),
    ) {
        let first = ExpireKey { expires_at: times.0, keyspace: keyspaces.0, user_key: &a };
        let second = ExpireKey {
            expires_at: if same_time { times.0 } else { times.1 },
            keyspace: if same_keyspace { keyspaces.0 } else { keyspaces.1 },
            user_key: &b,
        };
        let tuple = |key: &ExpireKey<'_>| (key.expires_at.get(), key.keyspace.get(), key.user_key.to_vec());
        let logical = tuple(&first).cmp(&tuple(&second));
        prop_assert_eq!(first.encode().cmp(&second.encode()), logical);
        prop_assert_eq!(first.cmp(&second), logical);
    }

    #[test]
    fn elements_order_by_id_kind_and_suffix(
        ids in (strategies::id(), strategies::id()), same in any::<bool>(),
        a in strategies::element(), b in strategies::element(),
    ) {
        let (first, second) = (ids.0, if same { ids.0 } else { ids.1 });
        let by_element = logical(&a).partial_cmp(&logical(&b)).unwrap();
        let by_both = first.get().cmp(&second.get()).then(by_element);
        prop_assert_eq!(a.key().encode(first).cmp(&b.key().encode(second)), by_both);
        prop_assert_eq!(a.key().cmp(&b.key()), by_element);
    }

    #[test]
    fn elements_of_one_kind_order_by_suffix(
        id in strategies::id(), a in strategies::name(), b in strategies::name(),
        scores in (strategies::score(), strategies::score()), indices in any::<(u64, u64)>(),
    ) {
        let byte_order = a.cmp(&b);
        let key = |element: Element| element.key().encode(id);
        prop_assert_eq!(key(Element::HashField(a.clone())).cmp(&key(Element::HashField(b.clone()))), byte_order);
        prop_assert_eq!(key(Element::SetMember(a.clone())).cmp(&key(Element::SetMember(b.clone()))), byte_order);
        prop_assert_eq!(key(Element::SortedMember(a.clone())).cmp(&key(Element::SortedMember(b.clone()))), byte_order);
        let by_score = (scores.0.get(), &a).partial_cmp(&(scores.1.get(), &b)).unwrap();
        let (low, high) = (Element::SortedScore(scores.0, a), Element::SortedScore(scores.1, b));
        prop_assert_eq!(key(low).cmp(&key(high)), by_score);
        let (first, second) = (indices.0.min(u64::MAX - 1), indices.1.min(u64::MAX - 1));
        prop_assert_eq!(key(Element::ListItem(first)).cmp(&key(Element::ListItem(second))), first.cmp(&second));
    }

    #[test]
    fn store_keys_order_by_mark_and_what_they_name(a in strategies::store_key(), b in strategies::store_key()) {
        let by_parts = logical_store_key(&a.key()).cmp(&logical_store_key(&b.key()));
        prop_assert_eq!(a.key().encode().cmp(&b.key().encode()), by_parts);
    }

    #[test]
    fn store_keys_of_one_kind_order_by_what_they_name(
        namespaces in (strategies::namespace(), strategies::namespace()), same in any::<bool>(),
        dbs in (strategies::db(), strategies::db()), families in (strategies::family(), strategies::family()),
        keyspaces in (strategies::keyspace(), strategies::keyspace()), ids in (strategies::id(), strategies::id()),
    ) {
        let second_namespace = if same { namespaces.0.clone() } else { namespaces.1 };
        let first = one_of_each((namespaces.0, dbs.0), families.0, keyspaces.0, ids.0);
        let second = one_of_each((second_namespace, dbs.1), families.1, keyspaces.1, ids.1);
        for (a, b) in first.iter().zip(&second) {
            let by_parts = logical_store_key(&a.key()).cmp(&logical_store_key(&b.key()));
            prop_assert_eq!(a.key().encode().cmp(&b.key().encode()), by_parts);
        }
    }

    #[test]
    fn scores_order_as_numbers_do(a in strategies::score(), b in strategies::score()) {
        let logical = a.get().partial_cmp(&b.get()).unwrap();
        prop_assert_eq!(a.to_ordered_bytes().cmp(&b.to_ordered_bytes()), logical);
        prop_assert_eq!(a.cmp(&b), logical);
        prop_assert_eq!(a == b, logical.is_eq());
    }
}
