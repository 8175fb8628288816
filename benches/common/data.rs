//! What the figures put into stores.
//!
//! Uses the public API. Invariant: the same number always makes the same name.

use windrow::{Db, Durability, Options};

/// The options of both sides.
pub(crate) fn options() -> Options {
    let mut options = Options::default();
    options.durability = Durability::Buffered;
    options
}

/// A value as long as all of them.
pub(crate) const VALUE: [u8; 100] =
    *b"0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqr";

/// How many elements are added by one call while a collection is filled.
const CHUNK: u64 = 1_000;

/// A name of 8 bytes; names of consecutive numbers lie far apart.
pub(crate) fn name(number: u64) -> [u8; 8] {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()
}

/// A member of 100 bytes.
pub(crate) fn member(number: u64) -> [u8; 100] {
    let mut member = VALUE;
    member[..8].copy_from_slice(&name(number));
    member
}

/// Walks through numbers below `count` in an order without a pattern.
pub(crate) struct Shuffled {
    state: u64,
    count: u64,
}

impl Shuffled {
    pub(crate) fn below(count: u64) -> Self {
        Self { state: 1, count }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % self.count
    }
}

fn chunks(count: u64) -> impl Iterator<Item = std::ops::Range<u64>> {
    (0..count).step_by(1_000).map(move |start| start..count.min(start + CHUNK))
}

pub(crate) fn fill_hash(db: &Db, key: &str, fields: u64) {
    for chunk in chunks(fields) {
        db.hashes().set_many(key, chunk.map(|n| (name(n), VALUE))).expect("fill a hash");
    }
}

pub(crate) fn fill_set(db: &Db, key: &str, members: u64) {
    for chunk in chunks(members) {
        db.sets().add(key, chunk.map(member)).expect("fill a set");
    }
}

pub(crate) fn fill_zset(db: &Db, key: &str, members: u64) {
    for chunk in chunks(members) {
        db.zsets().add(key, chunk.map(|n| (member(n), n as f64))).expect("fill a sorted set");
    }
}

pub(crate) fn fill_list(db: &Db, key: &str, items: u64) {
    for chunk in chunks(items) {
        db.lists().push_right(key, chunk.map(member)).expect("fill a list");
    }
}
