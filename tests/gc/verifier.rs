//! The verifier against damage: each kind of it, planted alone in a sound and closed store, is found and called by
//! its name.

use std::time::Duration;

use rocksdb::DB;
use windrow::encoding::{
    Body, CollectionId, CountValue, DataType, ElementKey, ExpireKey, ExpireValue, KeyLayout, KeyspaceName, KeyspaceNo,
    Lease, Meta, MetaKey, SegmentBits, StoreKey,
};
use windrow::{CreateOptions, Finding, SetOptions, UnixMillis};

use crate::data::payload;
use crate::fixture::{Fixture, START, assert_clean};
use crate::raw::open_raw;

const MINUTE: Duration = Duration::from_secs(60);
const FAR_FUTURE: UnixMillis = UnixMillis::new(10_000_000_000_000);
/// The keys of the sound store, all in db 0.
const KEYS: i64 = 5;

/// A store's records and entries, to be damaged.
struct Damage {
    db: DB,
    keyspace: KeyspaceNo,
}

impl Damage {
    fn get(&self, family: &str, key: &[u8]) -> Option<Vec<u8>> {
        self.db.get_cf(self.db.cf_handle(family).unwrap(), key).unwrap()
    }

    fn put(&self, family: &str, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.db.put_cf(self.db.cf_handle(family).unwrap(), key, value).unwrap();
    }

    /// Removes what must be there.
    fn remove(&self, family: &str, key: &[u8]) {
        assert!(self.get(family, key).is_some(), "nothing in {family} to remove");
        self.db.delete_cf(self.db.cf_handle(family).unwrap(), key).unwrap();
    }

    fn record_key(&self, key: &str) -> Vec<u8> {
        MetaKey::encode(KeyLayout::Plain, self.keyspace, key.as_bytes())
    }

    fn record(&self, key: &str) -> Meta {
        Meta::decode(&self.get("meta", &self.record_key(key)).unwrap()).unwrap()
    }

    fn put_record(&self, key: &str, meta: &Meta) {
        self.put("meta", self.record_key(key), meta.encode());
    }

    fn id(&self, key: &str) -> CollectionId {
        self.record(key).id().unwrap()
    }

    fn entry_key(&self, key: &str, expires_at: UnixMillis) -> Vec<u8> {
        ExpireKey { expires_at, keyspace: self.keyspace, user_key: key.as_bytes() }.encode()
    }

    fn put_element(&self, id: CollectionId, element: &ElementKey<'_>) {
        self.put(&family_of(id), element.encode(id), b"");
    }

    fn remove_element(&self, id: CollectionId, element: &ElementKey<'_>) {
        self.remove(&family_of(id), &element.encode(id));
    }

    /// Makes the key count fit damage that is about something else.
    fn count(&self, keys: i64) {
        self.put("default", StoreKey::Count(self.keyspace).encode(), CountValue::encode_plain(keys));
    }

    fn lease_end(&self, id: CollectionId) -> u64 {
        let lease = self.get("default", &StoreKey::Lease(id.family()).encode()).unwrap();
        Lease::decode(&lease).unwrap().first_unleased()
    }

    /// Leases one more id of the same family, as the last of its lease.
    fn lease_one_more(&self, like: CollectionId) -> CollectionId {
        let counter = self.lease_end(like);
        let lease = Lease::new(counter + 1).unwrap();
        self.put("default", StoreKey::Lease(like.family()).encode(), lease.encode());
        CollectionId::new(like.family(), counter).unwrap()
    }

    fn bury(&self, id: CollectionId) {
        let gc = self.db.cf_handle("gc").unwrap();
        self.db.merge_cf(gc, id.segment().encode_key(), SegmentBits::encode_operand(&[id.low()])).unwrap();
    }
}

fn family_of(id: CollectionId) -> String {
    format!("data-{}", id.family().number())
}

fn set(id: CollectionId, size: u64) -> Meta {
    Meta {
        data_type: DataType::Set,
        body: Body::Elements(id),
        created_at: START,
        updated_at: START,
        expires_at: None,
        size,
    }
}

/// Proves a store sound, damages it, and returns what the verifier finds beside what the damage should look like.
fn found(damage: impl FnOnce(&Damage) -> Vec<Finding>) -> (Vec<Finding>, Vec<Finding>) {
    let fixture = Fixture::new();
    let path = fixture.path("store");
    let store = fixture.open();
    let db = store.db(0);
    db.sets().add("pair", ["a", "b"]).unwrap();
    db.sets().add("single", ["c"]).unwrap();
    db.sets().add_with("dying", ["x", "y", "z"], CreateOptions::new().expire_in(MINUTE)).unwrap();
    db.strings().set("pieces", payload(1, 50_000)).unwrap();
    db.strings().set_with("inline", "v", SetOptions::new().expire_in(MINUTE)).unwrap();
    drop(db);
    store.close().unwrap();
    assert_clean(&path);
    let raw = open_raw(&path);
    let name = StoreKey::Keyspace(KeyspaceName::new(b"", 0).unwrap()).encode();
    let keyspace = KeyspaceNo::decode(&raw.get(name).unwrap().unwrap()).unwrap();
    let damage_done = Damage { db: raw, keyspace };
    let expected = damage(&damage_done);
    drop(damage_done);
    let report = windrow::check(&path).unwrap();
    assert_eq!(report.total_findings(), report.findings().len() as u64);
    assert_eq!(report.is_clean(), report.findings().is_empty());
    (report.findings().to_vec(), expected)
}

/// The whole check: exactly the expected findings, no other.
#[track_caller]
fn assert_found(damage: impl FnOnce(&Damage) -> Vec<Finding>) {
    let (found, expected) = found(damage);
    assert!(!expected.is_empty());
    assert_eq!(found, expected);
}

#[test]
fn elements_whose_record_is_gone_are_leaked() {
    assert_found(|store| {
        let id = store.id("pair");
        store.remove("meta", &store.record_key("pair"));
        store.count(KEYS - 1);
        vec![Finding::Leaked { id: id.get(), elements: 2 }]
    });
}

#[test]
fn a_living_record_whose_id_is_buried_is_buried_alive() {
    assert_found(|store| {
        let id = store.id("pair");
        store.bury(id);
        vec![Finding::BuriedAlive { id: id.get() }]
    });
}

#[test]
fn an_id_that_two_records_name_is_shared() {
    assert_found(|store| {
        let meta = store.record("pair");
        store.put_record("twin", &meta);
        store.count(KEYS + 1);
        vec![Finding::SharedId { id: store.id("pair").get() }]
    });
}

#[test]
fn a_set_that_lost_a_member_has_another_size_than_its_record_says() {
    assert_found(|store| {
        let id = store.id("pair");
        store.remove_element(id, &ElementKey::SetMember(b"a"));
        vec![Finding::SizeMismatch { id: id.get(), recorded: 2, counted: 1 }]
    });
}

#[test]
fn collections_without_any_element_have_another_size_than_their_records_say() {
    assert_found(|store| {
        let (lost, behind) = (store.id("single"), store.lease_one_more(store.id("single")));
        store.remove_element(lost, &ElementKey::SetMember(b"c"));
        store.put_record("behind all others", &set(behind, 7));
        store.count(KEYS + 1);
        vec![
            Finding::SizeMismatch { id: lost.get(), recorded: 1, counted: 0 },
            Finding::SizeMismatch { id: behind.get(), recorded: 7, counted: 0 },
        ]
    });
}

#[test]
fn a_string_that_lost_its_last_piece_has_another_size_than_its_record_says() {
    assert_found(|store| {
        let id = store.id("pieces");
        store.remove_element(id, &ElementKey::StringPiece(3));
        vec![Finding::SizeMismatch { id: id.get(), recorded: 50_000, counted: 49_152 }]
    });
}

#[test]
fn a_sorted_set_with_fewer_scores_than_members_has_another_size_than_its_record_says() {
    assert_found(|store| {
        let id = store.lease_one_more(store.id("pair"));
        let meta = Meta { data_type: DataType::SortedSet, ..set(id, 1) };
        store.put_record("scored", &meta);
        store.put_element(id, &ElementKey::SortedMember(b"m"));
        store.count(KEYS + 1);
        vec![Finding::SizeMismatch { id: id.get(), recorded: 1, counted: 0 }]
    });
}

#[test]
fn a_record_whose_expire_entry_is_gone_misses_its_expiry() {
    assert_found(|store| {
        let expires_at = store.record("dying").expires_at.unwrap();
        store.remove("expire", &store.entry_key("dying", expires_at));
        store.count(KEYS - 1);
        vec![Finding::MissingExpiry { key: b"dying".to_vec() }]
    });
}

#[test]
fn a_record_whose_expire_entry_names_another_id_misses_its_expiry() {
    assert_found(|store| {
        let expires_at = store.record("inline").expires_at.unwrap();
        let wrong = ExpireValue { data_type: DataType::String, id: Some(store.lease_one_more(store.id("pair"))) };
        store.put("expire", store.entry_key("inline", expires_at), wrong.encode());
        vec![Finding::MissingExpiry { key: b"inline".to_vec() }]
    });
}

#[test]
fn entries_of_the_future_that_no_record_agrees_with_are_stray() {
    assert_found(|store| {
        let value = ExpireValue { data_type: DataType::Set, id: None }.encode();
        for key in ["nobody", "pair"] {
            store.put("expire", store.entry_key(key, FAR_FUTURE), &value);
        }
        store.count(KEYS + 2);
        vec![Finding::StrayExpiry { key: b"nobody".to_vec() }, Finding::StrayExpiry { key: b"pair".to_vec() }]
    });
}

#[test]
fn a_record_of_a_keyspace_without_a_name_is_stray() {
    assert_found(|store| {
        let keyspace = KeyspaceNo::new(store.keyspace.get() + 7).unwrap();
        let record = store.get("meta", &store.record_key("inline")).unwrap();
        store.put("meta", MetaKey::encode(KeyLayout::Plain, keyspace, b"lost"), record);
        vec![Finding::StrayRecord { keyspace: keyspace.get(), key: b"lost".to_vec() }]
    });
}

#[test]
fn a_key_count_that_is_not_the_number_of_keys_is_told_with_both_numbers() {
    assert_found(|store| {
        store.count(-3);
        vec![Finding::CountMismatch { keyspace: store.keyspace.get(), recorded: -3, counted: KEYS }]
    });
}

#[test]
fn a_key_count_that_is_gone_counts_as_none() {
    assert_found(|store| {
        store.remove("default", &StoreKey::Count(store.keyspace).encode());
        vec![Finding::CountMismatch { keyspace: store.keyspace.get(), recorded: 0, counted: KEYS }]
    });
}

#[test]
fn an_id_at_the_end_of_its_lease_is_beyond_it_and_the_one_before_is_not() {
    assert_found(|store| {
        let pair = store.id("pair");
        let last = store.lease_one_more(pair);
        let beyond = CollectionId::new(pair.family(), store.lease_end(pair)).unwrap();
        for (key, id) in [("last", last), ("beyond", beyond)] {
            store.put_record(key, &set(id, 1));
            store.put_element(id, &ElementKey::SetMember(b"m"));
        }
        store.count(KEYS + 2);
        vec![Finding::BeyondLease { id: beyond.get() }]
    });
}

#[test]
fn what_cannot_be_decoded_is_named_with_its_family_and_key() {
    for (family, key, value, named) in [
        ("meta", b"\0\0\0\0Mjunk".as_slice(), b"no header".as_slice(), b"\0\0\0\0Mjunk".as_slice()),
        ("meta", b"\0\0\0\0?", b"", b"\0\0\0\0?"),
        ("expire", b"\xFE short", b"", b"\xFE short"),
        ("data-0", b"\0\0\0\0\0\0\0\x01\xEEtag", b"", b"\0\0\0\0\0\0\0\x01\xEEtag"),
        ("data-1", b"\x01\0\0\0\0\0\0\x09", b"", b"\x01\0\0\0\0\0\0\x09"),
        ("gc", b"\0\0\0", b"", b""),
        ("gc", b"\0\0\0\0\0\0", b"no bitmap", b""),
    ] {
        let (found, expected) = found(|store| {
            store.put(family, key, value);
            vec![Finding::Undecodable { family, key: named.to_vec() }]
        });
        assert_eq!(found, expected, "{family} {}", key.escape_ascii());
    }
}
