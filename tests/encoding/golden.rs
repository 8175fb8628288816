//! Stored bytes mean today what they meant when they were written.
//!
//! What lives here: the fixtures of format 1.0, compared both ways. A change that makes one of
//! these fail changes the format: see `docs/format.md`.

use bytes::Bytes;
use windrow::encoding::{
    Body, Building, CollectionId, CountValue, DataFamily, DataType, DecodedSegment, ElementKey, ExpireKey, ExpireValue,
    Flushed, FormatFile, FormatVersion, KeyLayout, KeyspaceName, KeyspaceNo, Lease, Meta, MetaKey, NextKeyspace,
    PackedEntries, PackedEntry, ReapedThrough, Score, Segment, SegmentBits, SegmentSet, StoreKey, StoreTime,
    UnixMillis, encode_packed,
};

use crate::fixtures::{self, Table};

const NOON: u64 = 1_700_000_000_000;

fn id(family: u8, counter: u64) -> CollectionId {
    CollectionId::new(DataFamily::new(family).unwrap(), counter).unwrap()
}

fn segment(family: u8, number: u64) -> Segment {
    Segment::new(DataFamily::new(family).unwrap(), number).unwrap()
}

fn keyspace(number: u32) -> KeyspaceNo {
    KeyspaceNo::new(number).unwrap()
}

const fn entry<'a>(name: &'a [u8], value: &'a [u8]) -> PackedEntry<'a> {
    PackedEntry { name, value }
}

const PACKED_HASH: [PackedEntry<'static>; 3] = [entry(b"", b"v"), entry(b"a", b""), entry(b"name", b"alice")];

const PACKED_SET: [PackedEntry<'static>; 4] = [entry(b"", b""), entry(b"a", b""), entry(b"a\0", b""), entry(b"b", b"")];

const PACKED_LIST: [PackedEntry<'static>; 4] = [entry(b"", b"b"), entry(b"", b"a"), entry(b"", b"a"), entry(b"", b"")];

/// The scores are -infinity, 1.5, -1.5 and 0.
const PACKED_SORTED_SET: [PackedEntry<'static>; 4] = [
    entry(b"", b"\x00\x0f\xff\xff\xff\xff\xff\xff"),
    entry(b"alice", b"\xbf\xf8\0\0\0\0\0\0"),
    entry(b"bob", b"\x40\x07\xff\xff\xff\xff\xff\xff"),
    entry(b"carol", b"\x80\0\0\0\0\0\0\0"),
];

#[test]
fn stored_ids_keep_their_meaning() {
    let mut table = Table::read("ids.hex");
    for (name, id) in [
        ("id first of family 0", id(0, 1)),
        ("id 1234 of family 7", id(7, 1234)),
        ("id last of family 18", id(18, (1 << 56) - 2)),
    ] {
        let bytes = table.take(name);
        assert_eq!(id.to_be_bytes().as_slice(), bytes, "{name}");
        assert_eq!(CollectionId::from_be_bytes(bytes.try_into().unwrap()), Ok(id), "{name}");
    }
    for (name, segment) in [
        ("segment 0 of family 0", segment(0, 0)),
        ("segment 12 of family 7", segment(7, 12)),
        ("segment last of family 18", segment(18, (1 << 40) - 1)),
    ] {
        let bytes = table.take(name);
        assert_eq!(segment.encode_key().as_slice(), bytes, "{name}");
        assert_eq!(Segment::decode_key(&bytes), Ok(segment), "{name}");
    }
    table.finish();
}

#[test]
fn stored_meta_keys_keep_their_meaning() {
    use KeyLayout::{Cluster, Plain};
    let mut table = Table::read("meta_keys.hex");
    type Case = (&'static str, KeyLayout, u32, &'static [u8], Option<u16>);
    let cases: [Case; 6] = [
        ("plain empty key", Plain, 0, b"", None),
        ("plain foo", Plain, 7, b"foo", None),
        ("plain last keyspace", Plain, u32::MAX - 1, b"\xff\x00", None),
        ("cluster empty key", Cluster, 0, b"", Some(0)),
        ("cluster foo", Cluster, 7, b"foo", Some(12_182)),
        ("cluster hash tag", Cluster, 7, b"{user1000}.following", Some(3_443)),
    ];
    for (name, layout, number, user_key, slot) in cases {
        let bytes = table.take(name);
        let keyspace = keyspace(number);
        assert_eq!(MetaKey::encode(layout, keyspace, user_key), bytes, "{name}");
        assert_eq!(MetaKey::decode(layout, &bytes), Ok(MetaKey { keyspace, slot, user_key }), "{name}");
    }
    table.finish();
}

#[test]
fn stored_meta_records_keep_their_meaning() {
    let mut table = Table::read("meta.hex");
    let mortal = Meta {
        data_type: DataType::String,
        body: Body::Inline(Bytes::from_static(b"hello")),
        created_at: UnixMillis::new(NOON),
        updated_at: UnixMillis::new(NOON + 1),
        expires_at: Some(UnixMillis::new(NOON + 60_000)),
        size: 5,
    };
    let immortal =
        Meta { created_at: UnixMillis::new(1), updated_at: UnixMillis::new(2), expires_at: None, ..mortal.clone() };
    let body = Body::Elements(id(7, 1234));
    for (name, meta) in [
        ("inline string", mortal.clone()),
        ("empty string for ever", Meta { body: Body::Inline(Bytes::new()), size: 0, ..immortal.clone() }),
        ("large string", Meta { body: Body::Elements(id(0, 1)), size: 40_000, ..immortal }),
        ("hash", Meta { data_type: DataType::Hash, body: body.clone(), size: 3, ..mortal.clone() }),
        ("set", Meta { data_type: DataType::Set, body, size: 1, ..mortal.clone() }),
        (
            "list",
            Meta {
                data_type: DataType::List,
                body: Body::List { id: id(7, 1234), head: (1 << 63) - 1 },
                size: 2,
                ..mortal
            },
        ),
        (
            "sorted set",
            Meta {
                data_type: DataType::SortedSet,
                body: Body::Elements(id(18, (1 << 56) - 2)),
                created_at: UnixMillis::ZERO,
                updated_at: UnixMillis::MAX,
                expires_at: Some(UnixMillis::MAX),
                size: u64::MAX,
            },
        ),
    ] {
        let bytes = table.take(name);
        assert_eq!(meta.encode(), bytes, "{name}");
        assert_eq!(Meta::decode(&bytes), Ok(meta), "{name}");
    }
    table.finish();
}

#[test]
fn stored_packed_records_keep_their_meaning() {
    let mut table = Table::read("packed_meta.hex");
    let record = |data_type, size, entries: &[PackedEntry<'_>]| Meta {
        data_type,
        body: Body::Packed(encode_packed(data_type, entries.iter().copied()).into()),
        created_at: UnixMillis::new(NOON),
        updated_at: UnixMillis::new(NOON + 1),
        expires_at: Some(UnixMillis::new(NOON + 60_000)),
        size,
    };
    let immortal =
        |meta| Meta { created_at: UnixMillis::new(1), updated_at: UnixMillis::new(2), expires_at: None, ..meta };
    for (name, meta) in [
        ("hash", record(DataType::Hash, 3, &PACKED_HASH)),
        ("set", record(DataType::Set, 4, &PACKED_SET)),
        ("set of one long member", record(DataType::Set, 1, &[entry(&[b'x'; 200], b"")])),
        ("list for ever", immortal(record(DataType::List, 4, &PACKED_LIST))),
        ("sorted set", record(DataType::SortedSet, 4, &PACKED_SORTED_SET)),
    ] {
        let bytes = table.take(name);
        assert_eq!(meta.encode(), bytes, "{name}");
        assert_eq!(Meta::decode(&bytes), Ok(meta), "{name}");
    }
    table.finish();
}

#[test]
fn stored_packed_entries_keep_their_meaning() {
    let mut table = Table::read("packed.hex");
    let mut both_ways = |name: &str, data_type, entries: &[PackedEntry<'_>]| {
        let bytes = table.take(name);
        assert_eq!(encode_packed(data_type, entries.iter().copied()), bytes, "{name}");
        let found: Vec<_> = PackedEntries::new(data_type, &bytes).map(Result::unwrap).collect();
        assert_eq!(found, entries, "{name}");
    };
    both_ways("hash", DataType::Hash, &PACKED_HASH);
    both_ways("set", DataType::Set, &PACKED_SET);
    both_ways("list", DataType::List, &PACKED_LIST);
    both_ways("sorted set", DataType::SortedSet, &PACKED_SORTED_SET);
    for (name, length) in [
        ("list of one longest one-byte length", 127),
        ("list of one shortest two-byte length", 128),
        ("list of one longest two-byte length", 16_383),
        ("list of one shortest three-byte length", 16_384),
    ] {
        both_ways(name, DataType::List, &[entry(b"", &vec![b'a'; length])]);
    }
    both_ways("hash of a long field and a long value", DataType::Hash, &[entry(&[b'f'; 200], &[b'v'; 300])]);
    both_ways("nothing", DataType::Set, &[]);
    table.finish();
}

#[test]
fn stored_expire_entries_keep_their_meaning() {
    let mut table = Table::read("expire.hex");
    let cases: [(&str, u64, u32, &[u8]); 3] = [
        ("key of foo", NOON + 60_000, 7, b"foo"),
        ("key of the empty key", 1, 0, b""),
        ("key at the last time", u64::MAX - 1, u32::MAX - 1, b"\xff"),
    ];
    for (name, time, number, user_key) in cases {
        let bytes = table.take(name);
        let key = ExpireKey { expires_at: UnixMillis::new(time), keyspace: keyspace(number), user_key };
        assert_eq!(key.encode(), bytes, "{name}");
        assert_eq!(ExpireKey::decode(&bytes), Ok(key), "{name}");
    }
    for (name, data_type, id) in [
        ("value of an inline string", DataType::String, None),
        ("value of a packed hash", DataType::Hash, None),
        ("value of a set", DataType::Set, Some(id(7, 1234))),
    ] {
        let bytes = table.take(name);
        let value = ExpireValue { data_type, id };
        assert_eq!(value.encode(), bytes, "{name}");
        assert_eq!(ExpireValue::decode(&bytes), Ok(value), "{name}");
    }
    table.finish();
}

#[test]
fn stored_element_keys_keep_their_meaning() {
    let mut table = Table::read("elements.hex");
    let score = |number| Score::new(number).unwrap();
    for (name, element) in [
        ("hash field", ElementKey::HashField(b"field")),
        ("empty hash field", ElementKey::HashField(b"")),
        ("set member", ElementKey::SetMember(b"m\x00")),
        ("list item first", ElementKey::ListItem(0)),
        ("list item middle", ElementKey::ListItem(1 << 63)),
        ("list item last", ElementKey::ListItem(u64::MAX - 1)),
        ("sorted member", ElementKey::SortedMember(b"alice")),
        ("sorted score of one and a half", ElementKey::SortedScore(score(1.5), b"alice")),
        ("sorted score below zero", ElementKey::SortedScore(score(-1.5), b"alice")),
        ("string piece", ElementKey::StringPiece(3)),
    ] {
        let bytes = table.take(name);
        assert_eq!(element.encode(id(7, 1234)), bytes, "{name}");
        assert_eq!(ElementKey::decode(&bytes), Ok((id(7, 1234), element)), "{name}");
    }
    table.finish();
}

#[test]
fn stored_scores_keep_their_meaning() {
    let mut table = Table::read("scores.hex");
    for (name, number) in [
        ("minus infinity", f64::NEG_INFINITY),
        ("least finite", f64::MIN),
        ("minus one", -1.0),
        ("minus least subnormal", -5e-324),
        ("zero", 0.0),
        ("least subnormal", 5e-324),
        ("one", 1.0),
        ("pi", std::f64::consts::PI),
        ("greatest finite", f64::MAX),
        ("infinity", f64::INFINITY),
    ] {
        let bytes = table.take(name);
        let score = Score::new(number).unwrap();
        assert_eq!(score.to_ordered_bytes().as_slice(), bytes, "{name}");
        assert_eq!(Score::from_ordered_bytes(bytes.try_into().unwrap()), Ok(score), "{name}");
    }
    table.finish();
}

#[test]
fn stored_segment_bitmaps_keep_their_meaning() {
    let mut table = Table::read("segment_bits.hex");
    let of = |lows: &[u16]| lows.iter().copied().collect::<SegmentBits>();
    let mut two_runs = SegmentBits::new();
    two_runs.insert_range(1..=100);
    two_runs.insert_range(102..=65_534);
    let mut full = SegmentBits::new();
    full.insert_range(0..=u16::MAX);
    for (name, bits) in [
        ("empty", of(&[])),
        ("one place", of(&[513])),
        ("three places", of(&[65_535, 0, 5])),
        ("tie between list and runs", of(&[7, 8])),
        ("one run", of(&[10, 11, 12])),
        ("full", full),
        ("two runs", two_runs),
        ("every second place", (0..=u16::MAX).step_by(2).collect()),
    ] {
        let bytes = table.take(name);
        assert_eq!(bits.encode(), bytes, "{name}");
        assert_eq!(SegmentBits::decode(&bytes), Ok(bits), "{name}");
    }
    let name = "one place with residue";
    let bytes = table.take(name);
    let residue = vec![Bytes::new(), Bytes::from_static(b"\x01\x07"), Bytes::from_static(b"\x99")];
    let decoded = DecodedSegment { bits: of(&[513]), residue };
    assert_eq!(decoded.encode(), bytes, "{name}");
    assert_eq!(DecodedSegment::decode(&bytes), Ok(decoded), "{name}");
    table.finish();
}

#[test]
fn stored_store_keys_keep_their_meaning() {
    let mut table = Table::read("record_keys.hex");
    let family = DataFamily::new(7).unwrap();
    for (name, key) in [
        ("version", StoreKey::Version),
        ("keyspace", StoreKey::Keyspace(KeyspaceName::new(b"games", 15).unwrap())),
        ("keyspace of the empty namespace", StoreKey::Keyspace(KeyspaceName::new(b"", 0).unwrap())),
        ("next keyspace", StoreKey::NextKeyspace),
        ("lease", StoreKey::Lease(family)),
        ("count", StoreKey::Count(keyspace(7))),
        ("building", StoreKey::Building(id(7, 1234))),
        ("flushed", StoreKey::Flushed(keyspace(7))),
        ("reaped through", StoreKey::ReapedThrough),
        ("store time", StoreKey::StoreTime),
        ("retired", StoreKey::Retired(family)),
    ] {
        let bytes = table.take(name);
        assert_eq!(key.encode(), bytes, "{name}");
        assert_eq!(StoreKey::decode(&bytes), Ok(key), "{name}");
    }
    table.finish();
}

#[test]
fn stored_store_values_keep_their_meaning() {
    let mut table = Table::read("record_values.hex");
    let mut both_ways = |name: &str, encoded: Vec<u8>, decodes: &dyn Fn(&[u8]) -> bool| {
        let bytes = table.take(name);
        assert_eq!(encoded, bytes, "{name}");
        assert!(decodes(&bytes), "{name} decodes to another value");
    };
    let noon = UnixMillis::new(NOON);

    let version = FormatVersion { major: 1, minor: 0 };
    both_ways("version", version.encode().to_vec(), &|bytes| FormatVersion::decode(bytes) == Ok(version));
    both_ways("keyspace", keyspace(7).encode().to_vec(), &|bytes| KeyspaceNo::decode(bytes) == Ok(keyspace(7)));

    let (given, next) = (0..8).fold((None, NextKeyspace::FIRST), |(_, next), _| {
        let (given, next) = next.take().unwrap();
        (Some(given), next)
    });
    assert_eq!(given, Some(keyspace(7)));
    both_ways("next keyspace", next.encode().to_vec(), &|bytes| NextKeyspace::decode(bytes) == Ok(next));

    let lease = Lease::NONE.advanced_by(65_536).unwrap();
    assert_eq!(lease.first_unleased(), 65_537);
    both_ways("lease", lease.encode().to_vec(), &|bytes| Lease::decode(bytes) == Ok(lease));

    for (name, count, residue) in [
        ("count", 1_000, vec![]),
        ("count down", -1, vec![]),
        ("count with residue", 5, vec![Bytes::from_static(b"\x01\x02\x03")]),
    ] {
        let value = CountValue { count, residue };
        both_ways(name, value.encode(), &|bytes| CountValue::decode(bytes) == Ok(value.clone()));
    }

    let building = Building { started_at: noon };
    both_ways("building", building.encode().to_vec(), &|bytes| Building::decode(bytes) == Ok(building));
    let time = StoreTime(noon);
    both_ways("store time", time.encode().to_vec(), &|bytes| StoreTime::decode(bytes) == Ok(time));

    for (name, last_meta_key) in
        [("flushed begun", vec![]), ("flushed under way", MetaKey::encode(KeyLayout::Plain, keyspace(7), b"foo"))]
    {
        let flushed = Flushed { last_meta_key };
        let value = flushed.clone();
        both_ways(name, flushed.encode(), &|bytes| Flushed::decode(keyspace(7), bytes) == Ok(value.clone()));
    }

    let last = ExpireKey { expires_at: UnixMillis::new(NOON + 60_000), keyspace: keyspace(7), user_key: b"foo" };
    for (name, cursor) in [("reaped through", vec![]), ("reaped through with cursor", last.encode())] {
        let reaped = ReapedThrough { time: UnixMillis::new(NOON + 59_999), cursor };
        both_ways(name, reaped.encode(), &|bytes| ReapedThrough::decode(bytes) == Ok(reaped.clone()));
    }

    let none = SegmentSet::new();
    both_ways("retired none", none.encode(), &|bytes| SegmentSet::decode(bytes) == Ok(none.clone()));
    let mut some = SegmentSet::new();
    for numbers in [0..3, 4..5, (1 << 40) - 2..1 << 40] {
        some.insert(numbers);
    }
    both_ways("retired", some.encode(), &|bytes| SegmentSet::decode(bytes) == Ok(some.clone()));
    table.finish();
}

#[test]
fn stored_format_files_keep_their_meaning() {
    for (name, layout) in [("WINDROW.plain", KeyLayout::Plain), ("WINDROW.cluster", KeyLayout::Cluster)] {
        let text = fixtures::read(name);
        let file = FormatFile { version: FormatVersion { major: 1, minor: 0 }, layout };
        assert_eq!(file.print().as_bytes(), text, "{name}");
        assert_eq!(FormatFile::parse(&text), Ok(file), "{name}");
    }
}
