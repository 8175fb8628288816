//! What operations are made of: keys, elements, values, times, and how they are drawn.
//!
//! Uses proptest. Invariant: few keys and few elements, so that operations meet; short when printed.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::select;
use windrow::{CreateOptions, UnixMillis};

use crate::data::payload;

pub(crate) const DBS: u8 = 3;

/// The name of a key or of an element.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Word(pub(crate) &'static [u8]);

impl Word {
    pub(crate) fn bytes(self) -> Bytes {
        Bytes::from_static(self.0)
    }
}

impl AsRef<[u8]> for Word {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.0, f)
    }
}

/// Shows the beginning of some bytes, and how many there are if that is not all.
pub(crate) fn show(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match bytes.get(..24) {
        Some(start) => write!(f, "\"{}..\" ({} bytes)", start.escape_ascii(), bytes.len()),
        None => write!(f, "\"{}\"", bytes.escape_ascii()),
    }
}

/// Two keys for each type, where it is mostly found: not so rarely one of another type comes there.
pub(crate) const KEYS: [Word; 10] = [
    Word(b"s"),
    Word(b""),
    Word(b"h"),
    Word(b"h\0"),
    Word(b"m"),
    Word(&[0xff; 9]),
    Word(b"l"),
    Word(b"l2"),
    Word(b"z"),
    Word(b"z2"),
];

/// The keys where a type is mostly found.
#[derive(Clone, Copy)]
pub(crate) enum Home {
    Strings = 0,
    Hashes = 2,
    Sets = 4,
    Lists = 6,
    ZSets = 8,
}

/// A key that probably holds the type.
pub(crate) fn key(home: Home) -> impl Strategy<Value = Word> {
    let at = home as usize;
    prop_oneof![20 => Just(KEYS[at]), 10 => Just(KEYS[at + 1]), 1 => any_key()]
}

/// A key of any type.
pub(crate) fn any_key() -> impl Strategy<Value = Word> {
    select(&KEYS[..])
}

/// A db, mostly the first.
pub(crate) fn db() -> impl Strategy<Value = u8> {
    prop_oneof![8 => Just(0), 1 => 1..DBS]
}

/// What several keys or elements begin with.
pub(crate) fn prefix() -> impl Strategy<Value = Word> {
    select(&[Word(b""), Word(b"h"), Word(b"l"), Word(b"z2"), Word(b"nothing")][..])
}

/// The long ones carry a collection over the limit up to which it lies in its record.
const NAMES: [Word; 14] = [
    Word(b"a"),
    Word(b"b"),
    Word(b""),
    Word(b"\0"),
    Word(b"a\0"),
    Word(b"\xff"),
    Word(b"h"),
    Word(b"l7"),
    Word(b"7"),
    Word(&[0xff; 40]),
    Word(&[b'x'; 90]),
    Word(&[b'h'; 90]),
    Word(&[b'y'; 170]),
    Word(&[b'z'; 170]),
];

/// A field or a member.
pub(crate) fn name() -> impl Strategy<Value = Word> {
    select(&NAMES[..])
}

/// A value, written down shortly.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Data {
    Text(Word),
    Number(i64),
    /// Bytes that name themselves, of a length.
    Noise(u8, usize),
}

impl Data {
    pub(crate) fn bytes(self) -> Bytes {
        match self {
            Self::Text(word) => word.bytes(),
            Self::Number(number) => number.to_string().into(),
            Self::Noise(seed, length) => payload(seed.into(), length).into(),
        }
    }
}

/// A number or what looks like one, so that increments meet.
pub(crate) fn number() -> impl Strategy<Value = Data> {
    let texts = [Word(b"3.25"), Word(b" 1"), Word(b"007"), Word(b"-0"), Word(b"1e3"), Word(b"inf"), Word(b"abc")];
    prop_oneof![
        3 => (-9..10_i64).prop_map(Data::Number),
        1 => select(vec![i64::MAX, i64::MIN, i64::MAX - 3]).prop_map(Data::Number),
        1 => select(texts.to_vec()).prop_map(Data::Text),
    ]
}

/// A whole string: around the limits of records and of pieces.
pub(crate) fn string() -> impl Strategy<Value = Data> {
    let lengths = vec![0, 1, 99, 100, 101, 1023, 1024, 1025, 5000, 16_383, 16_384, 16_385, 40_000];
    prop_oneof![1 => number(), 2 => (0..3_u8, select(lengths)).prop_map(|(seed, length)| Data::Noise(seed, length))]
}

/// An item of a list: few different ones, so that they are found again.
pub(crate) fn item() -> impl Strategy<Value = Data> {
    let words = [Word(b""), Word(b"a"), Word(b"b"), Word(&[b'x'; 90]), Word(&[b'y'; 170])];
    prop_oneof![12 => select(words.to_vec()).prop_map(Data::Text), 1 => element()]
}

/// A field's value.
pub(crate) fn element() -> impl Strategy<Value = Data> {
    prop_oneof![
        2 => number(),
        3 => name().prop_map(Data::Text),
        1 => (0..3_u8, select(vec![90, 400, 3000])).prop_map(|(seed, length)| Data::Noise(seed, length)),
    ]
}

/// What an integer grows by; sometimes so much that it overflows.
pub(crate) fn step() -> impl Strategy<Value = i64> {
    prop_oneof![6 => -9..10_i64, 1 => select(vec![i64::MAX, i64::MIN, i64::MAX / 2])]
}

/// Mostly long, so that something is there to be changed; none is over at once.
pub(crate) fn lifetime() -> impl Strategy<Value = Duration> {
    prop_oneof![2 => select(vec![10_000_000, 100_000]), 1 => select(vec![5000, 500, 50, 5, 1, 0])]
        .prop_map(Duration::from_millis)
}

/// How the call that finds no collection creates one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth {
    pub(crate) lifetime: Option<Duration>,
    growing: bool,
}

impl Birth {
    /// As operations create that have no say in it.
    pub(crate) const PLAIN: Self = Self { lifetime: None, growing: false };

    pub(crate) fn options(self) -> CreateOptions {
        let options = if self.growing { CreateOptions::new().growing() } else { CreateOptions::new() };
        self.lifetime.map_or(options, |lifetime| options.expire_in(lifetime))
    }

    pub(crate) fn expires_at(self, now: UnixMillis) -> Option<UnixMillis> {
        self.lifetime.map(|lifetime| now.saturating_add(lifetime))
    }
}

pub(crate) fn birth() -> impl Strategy<Value = Birth> {
    (proptest::option::weighted(0.25, lifetime()), proptest::bool::weighted(0.3))
        .prop_map(|(lifetime, growing)| Birth { lifetime, growing })
}

/// An index around both ends of a collection, and sometimes far outside.
pub(crate) fn index() -> impl Strategy<Value = i64> {
    prop_oneof![3 => 0..8_i64, 3 => -8..0_i64, 1 => select(vec![i64::MAX, i64::MIN, 30, -30])]
}

/// The place of an index, as Redis defines it; outside of the collection it may lie anywhere.
pub(crate) fn place(index: i64, size: usize) -> i64 {
    if index < 0 { index.saturating_add(size as i64) } else { index }
}

/// The places between two indexes, both included.
pub(crate) fn between(start: i64, stop: i64, size: usize) -> std::ops::Range<usize> {
    let (first, last) = (place(start, size).max(0), place(stop, size).min(size as i64 - 1));
    if first > last { 0..0 } else { first as usize..last as usize + 1 }
}
