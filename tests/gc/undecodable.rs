//! Records that nobody can decode, put into a store behind its back: they are kept and counted, and what lies
//! around them works on.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rocksdb::IteratorMode;
use windrow::encoding::{
    CollectionId, CountValue, DataFamily, DecodedSegment, KeyLayout, KeyspaceNo, Meta, MetaKey, Segment, StoreKey,
    id_of_key,
};
use windrow::{CreateOptions, Finding, Store};

use crate::compact::compact_everything;
use crate::data::{members, payload};
use crate::fixture::{Fixture, PATIENCE, close_and_check, settle};
use crate::raw::open_raw;

/// The number of the first keyspace that a store makes.
const NUMBER: u32 = 0;

/// Junk for each family that reclaiming reads. No key of windrow's looks like these.
const JUNK: [(&str, &[u8], &[u8]); 5] = [
    ("data-1", b"\x01\x00", b"short element key"),
    ("data-1", b"\x01\x00\x00\x00\x00\x00\x00\x05\xee?", b"element of an unknown tag"),
    ("meta", b"\x00\x00\x00\x01Mjunk", b"no header"),
    ("expire", b"\x00\x00\x00\x00\x00\x00\x00\x09", b"short entry"),
    ("gc", b"\x01\x00\x00", b"no segment"),
];

#[test]
fn what_cannot_be_decoded_is_kept_and_counted_and_the_rest_is_reclaimed() {
    let fixture = Fixture::new();
    let path = fixture.path("store");
    let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    {
        let store = fixture.open();
        store.db(0).sets().add("kept", ["m"]).unwrap();
        for n in 0..1000 {
            store.db(0).sets().add_with(format!("{n}"), [payload(n, 2000)], minute).unwrap();
        }
        store.close().unwrap();
    }
    {
        let raw = open_raw(&path);
        for (family, key, value) in JUNK {
            raw.put_cf(raw.cf_handle(family).unwrap(), key, value).unwrap();
        }
    }
    {
        let store = fixture.open();
        for n in 1000..2000 {
            store.db(0).sets().add_with(format!("{n}"), [payload(n, 2000)], minute).unwrap();
        }
        fixture.seconds_pass(61);
        store.settle(Duration::from_secs(3)).unwrap();
        let db = store.db(0);
        assert_eq!(members(&db, "kept"), ["m"]);
        assert_eq!(db.len().unwrap(), 1);
        assert!(store.stats().undecodable_entries > 0, "{:#?}", store.stats());
        drop(db);
        store.close().unwrap();
    }
    let report = windrow::check(&path).unwrap();
    let undecodable = report.findings().iter().filter(|finding| matches!(finding, Finding::Undecodable { .. })).count();
    assert!(undecodable >= 3, "{report}");
    let raw = open_raw(&path);
    // An element of an unknown tag may go: its id can be read, and is dead. So may the expire entry: it lies behind the
    // reaper's position, in a file that is dropped unread.
    let kept = |(family, key, _): &(&str, &[u8], &[u8])| *family != "expire" && !(*family == "data-1" && key.len() > 8);
    let is_missing = |(family, key, value): &(&str, &[u8], &[u8])| {
        raw.get_cf(raw.cf_handle(family).unwrap(), key).unwrap().as_deref() != Some(*value)
    };
    let missing: Vec<_> = JUNK.into_iter().filter(kept).filter(is_missing).map(|(family, ..)| family).collect();
    assert!(missing.is_empty(), "lost what nobody could decode: {missing:?}");
    let left = raw.iterator_cf(raw.cf_handle("data-1").unwrap(), IteratorMode::Start).count();
    // The one file that begins with the junk stays whole: nobody knows what its span is.
    assert!(left < 1000, "{left} entries are left of 2,000 dead ones");
}

#[test]
fn a_flushed_db_with_a_record_that_nobody_can_decode_is_owed_until_it_can_be() {
    let fixture = Fixture::new();
    let path = fixture.path("store");
    let store = fixture.open();
    for n in 0..500 {
        store.db(0).sets().add(format!("{n}"), [payload(n, 2000)]).unwrap();
    }
    store.close().unwrap();
    let key = MetaKey::encode(KeyLayout::Plain, KeyspaceNo::new(NUMBER).unwrap(), b"junk");
    {
        let raw = open_raw(&path);
        raw.put_cf(raw.cf_handle("meta").unwrap(), &key, b"no header").unwrap();
    }
    for flushed_before in [false, true] {
        let store = fixture.open();
        if !flushed_before {
            store.db(0).flush().unwrap();
        }
        let began = Instant::now();
        settle(&store);
        assert!(began.elapsed() < PATIENCE / 3, "settling did not wait for what cannot come");
        let stats = store.stats();
        assert_eq!((stats.flushed_keyspaces, stats.held_back_by), (1, None), "{stats:#?}");
        assert_eq!(stats.undecodable_entries, 1, "met once, not at every turn");
        assert_eq!(stats.data_file_bytes, 0, "the ids of the others are dead: {stats:#?}");
        store.close().unwrap();
    }
    {
        let raw = open_raw(&path);
        let meta = raw.cf_handle("meta").unwrap();
        assert_eq!(raw.get_cf(meta, &key).unwrap().as_deref(), Some(b"no header".as_slice()));
        raw.delete_cf(meta, &key).unwrap();
    }
    let store = fixture.open();
    settle(&store);
    assert_eq!(store.stats().flushed_keyspaces, 0);
    close_and_check(store, &path);
    let raw = open_raw(&path);
    assert_eq!(raw.iterator_cf(raw.cf_handle("meta").unwrap(), IteratorMode::Start).count(), 0);
}

#[test]
#[cfg_attr(not(feature = "failpoints"), ignore = "only with the feature `failpoints` can everything be compacted")]
fn compactions_while_nothing_is_dead_keep_everything() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
    // Sets that grow in turns lie in files that overlap, so RocksDB compacts them by itself.
    for round in 0..10 {
        for n in 0..300 {
            store.db(0).sets().add(format!("{n}"), [payload(n + 1000 * round, 1000)]).unwrap();
        }
        store.db(0).sets().add_with(format!("brief:{round}"), [payload(round, 1000)], minute).unwrap();
    }
    settle(&store);
    compact_everything(&store);
    let began = Instant::now();
    while store.stats().data_compaction_read_bytes < 1_000_000 {
        assert!(began.elapsed() < PATIENCE, "nothing was compacted: {:#?}", store.stats());
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(store.stats().entries_filtered, 0);
    for n in 0..300 {
        let mut expected: Vec<_> = (0..10).map(|round| payload(n + 1000 * round, 1000)).collect();
        expected.sort();
        assert_eq!(members(&store.db(0), format!("{n}")), expected);
    }
    for round in 0..10 {
        assert_eq!(members(&store.db(0), format!("brief:{round}")), [payload(round, 1000)]);
    }
    close_and_check(store, &fixture.path("store"));
}

#[test]
#[cfg_attr(not(feature = "failpoints"), ignore = "only with the feature `failpoints` can everything be compacted")]
fn operands_that_nobody_can_decode_are_carried_through_merges_and_compactions_and_the_rest_is_merged() {
    let fixture = Fixture::new();
    let path = fixture.path("store");
    let segment = Segment::new(DataFamily::new(0).unwrap(), 0).unwrap().encode_key();
    let number = KeyspaceNo::new(NUMBER).unwrap();
    let count = StoreKey::Count(number).encode();
    let residue: [&[u8]; 2] = [b"\xee first operand", b"\xff second operand"];
    let delete = |store: &Store, range: std::ops::Range<u64>| {
        for n in range {
            store.db(0).delete([format!("{n:04}")]).unwrap();
        }
    };
    {
        let store = fixture.open();
        for n in 0..1000 {
            store.db(0).sets().add(format!("{n:04}"), [payload(n, 2000)]).unwrap();
        }
        delete(&store, 0..300);
        store.close().unwrap();
    }
    {
        let raw = open_raw(&path);
        for operand in residue {
            raw.merge_cf(raw.cf_handle("gc").unwrap(), segment, operand).unwrap();
            raw.merge_cf(raw.cf_handle("default").unwrap(), &count, operand).unwrap();
        }
    }
    for (dies, dead) in [(300..600, 600), (600..900, 900)] {
        let store = fixture.open();
        assert_eq!(store.db(0).len().unwrap(), 1000 - dies.start);
        assert!(store.stats().undecodable_entries >= 2, "{:#?}", store.stats());
        delete(&store, dies);
        settle(&store);
        compact_everything(&store);
        for n in dead..1000 {
            assert_eq!(members(&store.db(0), format!("{n:04}")), [payload(n, 2000)]);
        }
        assert_eq!(store.db(0).len().unwrap(), 1000 - dead);
        assert!(store.stats().data_file_bytes < 2_100 * (1000 - dead) + 700_000, "{:#?}", store.stats());
        store.close().unwrap();
        let raw = open_raw(&path);
        let record = raw.get_cf(raw.cf_handle("gc").unwrap(), segment).unwrap().unwrap();
        let record = DecodedSegment::decode(&record).unwrap();
        assert_eq!(record.residue, residue);
        assert_eq!(u64::from(record.bits.len()), dead);
        let record = raw.get_cf(raw.cf_handle("default").unwrap(), &count).unwrap().unwrap();
        let record = CountValue::decode(&record).unwrap();
        assert_eq!((record.count, record.residue.len()), (1000 - i64::try_from(dead).unwrap(), 2));
    }
}

#[test]
fn elements_whose_record_is_gone_and_that_nobody_buried_are_kept() {
    for expires in [false, true] {
        let fixture = Fixture::new();
        let path = fixture.path("store");
        let options =
            if expires { CreateOptions::new().expire_in(Duration::from_secs(60)) } else { CreateOptions::new() };
        let store = fixture.open();
        for n in 0..2000 {
            store.db(0).sets().add_with(format!("{n:04}"), [payload(n, 2000)], options).unwrap();
        }
        store.close().unwrap();
        let lost = remove_records(&path, |key| key.ends_with(b"7"));
        assert_eq!(lost.len(), 200);
        let store = fixture.open();
        if expires {
            fixture.seconds_pass(61);
        } else {
            for n in (0..2000).filter(|n| n % 10 != 7) {
                assert_eq!(store.db(0).delete([format!("{n:04}")]).unwrap(), 1);
            }
        }
        settle(&store);
        compact_everything(&store);
        settle(&store);
        let stats = store.stats();
        assert!(stats.files_dropped > 0 || stats.entries_filtered > 0, "{stats:#?}");
        store.close().unwrap();
        // Opening and reclaiming once more must not find a reason either.
        let store = fixture.open();
        settle(&store);
        compact_everything(&store);
        store.close().unwrap();
        let raw = open_raw(&path);
        let family = raw.cf_handle(if expires { "data-1" } else { "data-0" }).unwrap();
        let left: BTreeSet<_> =
            raw.iterator_cf(family, IteratorMode::Start).map(|entry| id_of_key(&entry.unwrap().0).unwrap()).collect();
        assert_eq!(left, lost, "expires: {expires}");
    }
}

/// Removes the meta records of some keys and their expire entries behind the store's back; returns the ids they named.
fn remove_records(path: &Path, chosen: impl Fn(&[u8]) -> bool) -> BTreeSet<CollectionId> {
    let raw = open_raw(path);
    let (meta, expire) = (raw.cf_handle("meta").unwrap(), raw.cf_handle("expire").unwrap());
    let mut lost = BTreeSet::new();
    for (key, value) in raw.iterator_cf(meta, IteratorMode::Start).map(Result::unwrap).filter(|(key, _)| chosen(key)) {
        lost.insert(Meta::peek(&value).unwrap().id.unwrap());
        raw.delete_cf(meta, key).unwrap();
    }
    for (key, _) in raw.iterator_cf(expire, IteratorMode::Start).map(Result::unwrap).filter(|(key, _)| chosen(key)) {
        raw.delete_cf(expire, key).unwrap();
    }
    lost
}
