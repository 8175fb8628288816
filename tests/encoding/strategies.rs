//! Generators of everything that is encoded.
//!
//! What lives here: proptest strategies. They favour the edges (0, all ones, shared prefixes, the
//! empty string), where orders and ranges go wrong.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use windrow::encoding::{
    Body, CollectionId, DataFamily, DataType, ElementKey, KeyLayout, KeyspaceName, KeyspaceNo, MAX_COUNTER, Meta,
    PackedEntry, Score, Segment, StoreKey, UnixMillis, encode_packed,
};

/// A u64 up to `max`, often near an edge or near a power of two.
pub(crate) fn number(max: u64) -> impl Strategy<Value = u64> {
    prop_oneof![
        0..=3_u64.min(max),
        (0..=3_u64).prop_map(move |below| max.saturating_sub(below)),
        (0..64_u32, 0..3_u64).prop_map(move |(bit, off)| ((1 << bit) - 1_u64).saturating_add(off).min(max)),
        0..=max,
    ]
}

/// Short strings over few bytes, so that many are prefixes of others; sometimes any bytes.
pub(crate) fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(0_u8), Just(1), Just(b'M'), Just(b'{'), Just(b'}'), Just(0xFF)];
    prop_oneof![3 => vec(byte, 0..6), 1 => vec(any::<u8>(), 0..40)]
}

pub(crate) fn layout() -> impl Strategy<Value = KeyLayout> {
    prop_oneof![Just(KeyLayout::Plain), Just(KeyLayout::Cluster)]
}

pub(crate) fn keyspace() -> impl Strategy<Value = KeyspaceNo> {
    number(u64::from(u32::MAX) - 1).prop_map(|number| KeyspaceNo::new(u32::try_from(number).unwrap()).unwrap())
}

pub(crate) fn family() -> impl Strategy<Value = DataFamily> {
    (0..19_u8).prop_map(|number| DataFamily::new(number).unwrap())
}

pub(crate) fn id() -> impl Strategy<Value = CollectionId> {
    (family(), number(MAX_COUNTER - 1)).prop_map(|(family, below)| CollectionId::new(family, below + 1).unwrap())
}

pub(crate) fn segment() -> impl Strategy<Value = Segment> {
    (family(), number(Segment::MAX_NUMBER)).prop_map(|(family, number)| Segment::new(family, number).unwrap())
}

pub(crate) fn time() -> impl Strategy<Value = UnixMillis> {
    number(UnixMillis::MAX.get()).prop_map(UnixMillis::new)
}

/// A time that stays as it is when it is stored as a time of expiry.
pub(crate) fn expiry() -> impl Strategy<Value = UnixMillis> {
    number(UnixMillis::MAX.get() - 1).prop_map(|before| UnixMillis::new(before + 1))
}

pub(crate) fn score() -> impl Strategy<Value = Score> {
    prop_oneof![
        any::<u64>().prop_filter_map("NaN", |bits| Score::new(f64::from_bits(bits))),
        (-3..=3_i32).prop_map(|number| Score::new(f64::from(number)).unwrap()),
        prop_oneof![
            Just(f64::INFINITY),
            Just(f64::NEG_INFINITY),
            Just(f64::MAX),
            Just(f64::MIN),
            Just(f64::MIN_POSITIVE),
            Just(5e-324),
            Just(-5e-324),
            Just(-0.0),
        ]
        .prop_map(|number| Score::new(number).unwrap()),
    ]
}

/// An element whose bytes are owned, so that a strategy can give it.
#[derive(Debug, Clone)]
pub(crate) enum Element {
    HashField(Vec<u8>),
    SetMember(Vec<u8>),
    ListItem(u64),
    SortedMember(Vec<u8>),
    SortedScore(Score, Vec<u8>),
    StringPiece(u32),
}

impl Element {
    pub(crate) fn key(&self) -> ElementKey<'_> {
        match self {
            Self::HashField(bytes) => ElementKey::HashField(bytes),
            Self::SetMember(bytes) => ElementKey::SetMember(bytes),
            Self::ListItem(index) => ElementKey::ListItem(*index),
            Self::SortedMember(bytes) => ElementKey::SortedMember(bytes),
            Self::SortedScore(score, bytes) => ElementKey::SortedScore(*score, bytes),
            Self::StringPiece(number) => ElementKey::StringPiece(*number),
        }
    }
}

pub(crate) fn element() -> impl Strategy<Value = Element> {
    prop_oneof![
        name().prop_map(Element::HashField),
        name().prop_map(Element::SetMember),
        number(u64::MAX - 1).prop_map(Element::ListItem),
        name().prop_map(Element::SortedMember),
        (score(), name()).prop_map(|(score, member)| Element::SortedScore(score, member)),
        number(u64::from(u32::MAX) - 1).prop_map(|number| Element::StringPiece(u32::try_from(number).unwrap())),
    ]
}

/// The entries of a collection small enough to be packed, in order, their bytes owned.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    pub(crate) data_type: DataType,
    entries: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Packed {
    pub(crate) fn entries(&self) -> impl Iterator<Item = PackedEntry<'_>> {
        self.entries.iter().map(|(name, value)| PackedEntry { name, value })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        encode_packed(self.data_type, self.entries())
    }

    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.entries.len()).unwrap()
    }

    fn named(data_type: DataType, entries: BTreeMap<Vec<u8>, Vec<u8>>) -> Self {
        Self { data_type, entries: entries.into_iter().collect() }
    }
}

/// Names and items, now and then so long that their length takes two bytes or three.
fn long_or_short() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![100..150_usize, 16_380..16_390_usize];
    prop_oneof![20 => name(), 1 => (any::<u8>(), length).prop_map(|(byte, length)| vec![byte; length])]
}

/// At least one entry.
pub(crate) fn packed() -> impl Strategy<Value = Packed> {
    let names = || btree_map(long_or_short(), Just(Vec::new()), 1..8);
    let scores = score().prop_map(|score| score.to_ordered_bytes().to_vec());
    prop_oneof![
        btree_map(long_or_short(), long_or_short(), 1..8).prop_map(|map| Packed::named(DataType::Hash, map)),
        names().prop_map(|map| Packed::named(DataType::Set, map)),
        btree_map(long_or_short(), scores, 1..8).prop_map(|map| Packed::named(DataType::SortedSet, map)),
        vec(long_or_short(), 1..8).prop_map(|items| Packed {
            data_type: DataType::List,
            entries: items.into_iter().map(|item| (Vec::new(), item)).collect(),
        }),
    ]
}

fn body() -> impl Strategy<Value = (DataType, Body, u64)> {
    let apart = prop_oneof![Just(DataType::Hash), Just(DataType::Set), Just(DataType::SortedSet)];
    prop_oneof![
        name().prop_map(|bytes| {
            let size = u64::try_from(bytes.len()).unwrap();
            (DataType::String, Body::Inline(Bytes::from(bytes)), size)
        }),
        (id(), number(u64::MAX)).prop_map(|(id, size)| (DataType::String, Body::Elements(id), size)),
        (apart, id(), number(u64::MAX - 1)).prop_map(|(data_type, id, below)| (
            data_type,
            Body::Elements(id),
            below + 1
        )),
        (id(), number(u64::MAX - 1), number(u64::MAX - 1)).prop_map(|(id, head, below)| {
            let size = (below + 1).min(u64::MAX - head);
            (DataType::List, Body::List { id, head }, size)
        }),
        packed().prop_map(|packed| (packed.data_type, Body::Packed(packed.encode().into()), packed.size())),
    ]
}

pub(crate) fn meta() -> impl Strategy<Value = Meta> {
    (body(), time(), time(), proptest::option::of(expiry())).prop_map(
        |((data_type, body, size), created_at, updated_at, expires_at)| Meta {
            data_type,
            body,
            created_at,
            updated_at,
            expires_at,
            size,
        },
    )
}

pub(crate) fn db() -> impl Strategy<Value = u32> {
    number(u64::from(u32::MAX)).prop_map(|db| u32::try_from(db).unwrap())
}

/// Namespaces up to the longest.
pub(crate) fn namespace() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => name(), 1 => vec(any::<u8>(), 0..=255), 1 => vec(any::<u8>(), 255)]
}

/// A key of the default family whose bytes are owned, so that a strategy can give it.
#[derive(Debug, Clone)]
pub(crate) enum DefaultKey {
    Keyspace(Vec<u8>, u32),
    Other(StoreKey<'static>),
}

impl DefaultKey {
    pub(crate) fn key(&self) -> StoreKey<'_> {
        match self {
            Self::Keyspace(namespace, db) => StoreKey::Keyspace(KeyspaceName::new(namespace, *db).unwrap()),
            Self::Other(key) => *key,
        }
    }
}

pub(crate) fn store_key() -> impl Strategy<Value = DefaultKey> {
    let other = prop_oneof![
        Just(StoreKey::Version),
        Just(StoreKey::NextKeyspace),
        Just(StoreKey::ReapedThrough),
        Just(StoreKey::StoreTime),
        family().prop_map(StoreKey::Lease),
        family().prop_map(StoreKey::Retired),
        keyspace().prop_map(StoreKey::Count),
        keyspace().prop_map(StoreKey::Flushed),
        id().prop_map(StoreKey::Building),
    ];
    prop_oneof![
        1 => (namespace(), db()).prop_map(|(namespace, db)| DefaultKey::Keyspace(namespace, db)),
        4 => other.prop_map(DefaultKey::Other),
    ]
}

/// What a merge carries along: sorted items, none of which is `clean`.
pub(crate) fn residue(clean: fn(&[u8]) -> bool) -> impl Strategy<Value = Vec<Bytes>> {
    let form = prop_oneof![Just(0x01_u8), Just(0x02), Just(0x03), Just(0x0F)];
    let formed = (form, name()).prop_map(|(form, rest)| [&[form], &rest[..]].concat());
    let item = prop_oneof![name(), formed].prop_filter("decodes", move |item| !clean(item));
    vec(item.prop_map(Bytes::from), 0..4).prop_map(|mut items| {
        items.sort();
        items
    })
}

/// Places of a segment: scattered, in runs, or every second one.
pub(crate) fn lows() -> impl Strategy<Value = Vec<u16>> {
    let low = || prop_oneof![0..6_u16, 65_530..=u16::MAX, any::<u16>()];
    prop_oneof![
        vec(low(), 0..12),
        (low(), 0..3_000_u16).prop_map(|(first, len)| (first..=first.saturating_add(len)).collect()),
        (low(), 1..20_000_u16, 2..4_usize)
            .prop_map(|(first, len, step)| (first..=first.saturating_add(len)).step_by(step).collect()),
    ]
}

/// One damage to a byte string.
#[derive(Debug, Clone)]
pub(crate) enum Damage {
    Flip { at: prop::sample::Index, bit: u32 },
    Set { at: prop::sample::Index, to: u8 },
    Cut { at: prop::sample::Index },
    Remove { at: prop::sample::Index },
    Insert { at: prop::sample::Index, byte: u8 },
}

impl Damage {
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>) {
        let len = bytes.len();
        match self {
            Self::Insert { at, byte } => bytes.insert(at.index(len + 1), *byte),
            _ if len == 0 => {}
            Self::Flip { at, bit } => bytes[at.index(len)] ^= 1 << bit,
            Self::Set { at, to } => bytes[at.index(len)] = *to,
            Self::Cut { at } => bytes.truncate(at.index(len)),
            Self::Remove { at } => {
                bytes.remove(at.index(len));
            }
        }
    }
}

/// A few damages, or none.
pub(crate) fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let at = any::<prop::sample::Index>;
    let edge = || prop_oneof![Just(0_u8), Just(1), Just(0x0F), Just(0xFF), any::<u8>()];
    let damage = prop_oneof![
        (at(), 0..8_u32).prop_map(|(at, bit)| Damage::Flip { at, bit }),
        (at(), edge()).prop_map(|(at, to)| Damage::Set { at, to }),
        at().prop_map(|at| Damage::Cut { at }),
        at().prop_map(|at| Damage::Remove { at }),
        (at(), edge()).prop_map(|(at, byte)| Damage::Insert { at, byte }),
    ];
    vec(damage, 0..4)
}
