//! Patterns of names: what the store is told, and which names it means in the model.
//!
//! Invariant: the model never reads the text of a pattern, only the pieces that it is made of.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::draw::{prefix, show};

#[derive(Clone)]
pub(crate) struct Pattern(Vec<Piece>);

#[derive(Clone, Copy, Debug)]
enum Piece {
    Byte(u8),
    /// A byte behind a backslash.
    Escaped(u8),
    AnyByte,
    AnyBytes,
    /// The bytes between two, and a single one.
    Class {
        is_negated: bool,
        range: (u8, u8),
        byte: u8,
    },
}
use Piece::*;

pub(crate) fn pattern() -> impl Strategy<Value = Pattern> {
    let begins = prefix().prop_map(|prefix| prefix.0.iter().copied().map(Byte).chain([AnyBytes]).collect());
    prop_oneof![1 => begins, 2 => vec(piece(), 0..4)].prop_map(Pattern)
}

fn piece() -> impl Strategy<Value = Piece> {
    let byte = || select(&b"shlmz2\0\xffaxy7"[..]);
    let class = (any::<bool>(), (byte(), byte()), byte());
    prop_oneof![
        4 => byte().prop_map(Byte),
        1 => byte().prop_map(Escaped),
        2 => Just(AnyByte),
        4 => Just(AnyBytes),
        2 => class.prop_map(|(is_negated, range, byte)| Class { is_negated, range, byte }),
    ]
}

impl Pattern {
    /// What the store is told.
    pub(crate) fn text(&self) -> Vec<u8> {
        self.0.iter().flat_map(|piece| piece.text()).collect()
    }

    /// As in Redis an empty name is matched by nothing at all and by a single `*`, but not by several.
    pub(crate) fn matches(&self, name: &[u8]) -> bool {
        if name.is_empty() { matches!(self.0[..], [] | [AnyBytes]) } else { matches(&self.0, name) }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(&self.text(), f)
    }
}

impl Piece {
    fn text(self) -> Vec<u8> {
        match self {
            Byte(byte) => vec![byte],
            Escaped(byte) => vec![b'\\', byte],
            AnyByte => vec![b'?'],
            AnyBytes => vec![b'*'],
            Class { is_negated, range: (from, to), byte } => {
                let start: &[u8] = if is_negated { b"[^" } else { b"[" };
                [start, &[from, b'-', to, byte, b']']].concat()
            }
        }
    }

    fn fits(self, found: u8) -> bool {
        match self {
            Byte(byte) | Escaped(byte) => found == byte,
            AnyByte | AnyBytes => true,
            Class { is_negated, range: (a, b), byte } => {
                // Bytes are signed in C on x86-64.
                let [a, b, signed] = [a, b, found].map(u8::cast_signed);
                is_negated != (found == byte || (a.min(b)..=a.max(b)).contains(&signed))
            }
        }
    }
}

fn matches(pieces: &[Piece], name: &[u8]) -> bool {
    match pieces.split_first() {
        None => name.is_empty(),
        Some((AnyBytes, behind)) => (0..=name.len()).any(|skipped| matches(behind, &name[skipped..])),
        Some((piece, behind)) => {
            name.split_first().is_some_and(|(byte, rest)| piece.fits(*byte) && matches(behind, rest))
        }
    }
}
