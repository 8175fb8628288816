//! Which keys are alike: one pattern for all keys that differ only in what looks like a number or an id.
//!
//! May use `encoding`. Invariant: a pattern depends on the keyspace and the key alone, today and in later versions that
//! read what this one saved.
//!
//! The rule. The first [`KEY_BYTES`] bytes of the key are cut into *words*, the longest runs of ASCII letters and digits, and what
//! stands between them. What stands between, and words without a digit, count as they are. In the others:
//!
//! 1. a word of hexadecimal digits alone, [`HEX_BYTES`] or longer, becomes a mark (`e29b`, `550e8400`, `00ff12ab`);
//! 2. a word of [`TOKEN_BYTES`] or longer becomes a mark (`V1StGXR8Z5jdHi6BmyT`);
//! 3. of any other, each run of digits becomes a mark (`user1234`, `v2x17`).
//!
//! A word of hexadecimal letters alone becomes a mark as well if it stands behind a mark and a `-`: so every part of a uuid is one.

use crate::encoding::KeyspaceNo;

/// Bytes of a key that are looked at. More: long keys cost more at each birth. Fewer: keys with a long common beginning
/// would be one pattern.
const KEY_BYTES: usize = 128;

/// A word with a digit and at least this many letters is a random token. Fewer: names of things, as
/// `recommendations2`, would be taken for one.
const TOKEN_BYTES: usize = 17;

/// The shortest hexadecimal word with a digit that is an id, not a name: the parts of a uuid have 4.
const HEX_BYTES: usize = 4;

/// What stands in a pattern for a number or an id: no byte of UTF-8.
const MARK: u8 = 0xff;

/// A keyspace and the common form of keys in it, as a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Pattern(u64);

impl Pattern {
    /// The pattern of a key. Costs a nanosecond or two for each byte that is looked at, and no allocation.
    fn of(keyspace: Option<KeyspaceNo>, key: &[u8]) -> Self {
        let mut hash = Fnv::new();
        // No keyspace has the last number.
        keyspace.map_or(u32::MAX, KeyspaceNo::get).to_be_bytes().into_iter().for_each(|byte| hash.add(byte));
        let mut rest = key.get(..KEY_BYTES).unwrap_or(key);
        // Whether the word before was a mark, and only a `-` stands between.
        let mut behind_mark = false;
        while let Some(&first) = rest.first() {
            let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            let Some((word, tail)) = rest.split_at_checked(length).filter(|_| length > 0) else {
                hash.add(first);
                behind_mark &= first == b'-';
                rest = rest.get(1..).unwrap_or_default();
                continue;
            };
            behind_mark = add_word(&mut hash, word, behind_mark);
            rest = tail;
        }
        Self::from_hash(hash.finish())
    }

    /// The pattern with this hash.
    pub(crate) fn from_hash(hash: u64) -> Self {
        // 0 means "none" in tables.
        Self(hash.max(1))
    }

    pub(crate) fn hash(self) -> u64 {
        self.0
    }
}

/// The pattern of a key in its keyspace, and the one that it shares with keys of that form in all keyspaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patterns {
    pub(crate) own: Pattern,
    pub(crate) shared: Pattern,
}

impl Patterns {
    /// The patterns of a key. Costs what two patterns cost.
    pub(crate) fn of(keyspace: KeyspaceNo, key: &[u8]) -> Self {
        Self { own: Pattern::of(Some(keyspace), key), shared: Pattern::of(None, key) }
    }

    pub(crate) fn each(self) -> [Pattern; 2] {
        [self.own, self.shared]
    }
}

/// Adds a word as the rule says; returns whether it became one mark.
fn add_word(hash: &mut Fnv, word: &[u8], behind_mark: bool) -> bool {
    let is_hex = word.iter().all(u8::is_ascii_hexdigit);
    let has_digit = word.iter().any(u8::is_ascii_digit);
    let is_mark = if has_digit {
        word.len() >= TOKEN_BYTES || (is_hex && word.len() >= HEX_BYTES)
    } else {
        is_hex && behind_mark
    };
    if is_mark {
        hash.add(MARK);
        return true;
    }
    let mut in_digits = false;
    for &byte in word {
        let is_digit = byte.is_ascii_digit();
        match (is_digit, in_digits) {
            (true, false) => hash.add(MARK),
            (true, true) => {}
            (false, _) => hash.add(byte),
        }
        in_digits = is_digit;
    }
    word.iter().all(u8::is_ascii_digit)
}

/// FNV-1a with a finish. WHY not the standard library's hashers: what is saved must mean the same in the next session and
/// in the next version.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    #[inline]
    fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }

    /// Spreads the last bytes over all bits.
    fn finish(self) -> u64 {
        let mut hash = self.0;
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ (hash >> 33)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &str) -> Pattern {
        Patterns::of(KeyspaceNo::new(7).unwrap(), key.as_bytes()).own
    }

    #[track_caller]
    fn alike(keys: &[&str]) {
        for key in keys {
            assert_eq!(of(key), of(keys[0]), "{key}");
        }
    }

    #[test]
    fn keys_that_differ_in_numbers_and_ids_are_alike() {
        alike(&["user:1", "user:12345", "user:0"]);
        alike(&["user1:feed", "user99:feed"]);
        alike(&["h:550e8400-e29b-41d4-a716-446655440000", "h:00000000-0000-4000-8000-000000000000"]);
        // Parts of a uuid without a digit, behind one that has some.
        alike(&["h:550e8400-e29b-41d4-a716-446655440000", "h:550e8400-feed-41d4-abcd-44665544beef"]);
        alike(&["s:V1StGXR8Z5jdHi6BmyT", "s:9xKq27mZpLwE4tRb8cVn"]);
        alike(&["c:deadbeef01", "c:1234567890"]);
        alike(&["w:2026-11-22:17h", "w:2025-01-02:3h"]);
    }

    #[test]
    fn keys_that_differ_in_names_are_not() {
        let keys = [
            "user:1",
            "order:1",
            "user:1:feed",
            "user:",
            "user",
            "1",
            "",
            "feed-face",
            "seat:face",
            "user:a",
            "user:b",
        ];
        for (n, a) in keys.iter().enumerate() {
            for b in &keys[n + 1..] {
                assert_ne!(of(a), of(b), "{a} and {b}");
            }
        }
        assert_ne!(of("user1:feed"), of("order1:feed"));
        let elsewhere = Patterns::of(KeyspaceNo::new(8).unwrap(), b"user:1");
        assert_ne!(elsewhere.own, of("user:1"));
        assert_eq!(elsewhere.shared, Patterns::of(KeyspaceNo::new(7).unwrap(), b"user:2").shared);
        let first = Patterns::of(KeyspaceNo::new(0).unwrap(), b"user:1");
        assert_ne!(first.shared, first.own);
    }

    #[test]
    fn what_stands_behind_the_bytes_that_count_changes_nothing() {
        let long = "x:".repeat(KEY_BYTES / 2);
        assert_eq!(of(&long), of(&format!("{long}y")));
        assert_ne!(of(&long), of(&format!("y:{long}")));
        // Any bytes will do.
        let _ = Patterns::of(KeyspaceNo::new(7).unwrap(), &(0..=255).collect::<Vec<u8>>());
    }

    #[test]
    fn a_pattern_stays_what_it_is() {
        // A saved table is useless once these change.
        assert_eq!(of("user:1").hash(), 17_435_922_690_188_671_269);
    }
}
