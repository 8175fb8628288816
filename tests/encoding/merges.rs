//! Merges lose nothing, never fail, and do not depend on how operands are grouped.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use windrow::encoding::{
    CountValue, DecodedSegment, KeyspaceNo, SegmentBits, StoreKey, default_merge, merge_counts, merge_segments,
};

use crate::strategies;

/// How RocksDB may apply a chain of operands: it merges neighbours among themselves first, any
/// number of times.
#[derive(Debug, Clone)]
struct Grouping(Vec<prop::sample::Index>);

impl Grouping {
    fn strategy() -> impl Strategy<Value = Self> {
        vec(any::<prop::sample::Index>(), 0..6).prop_map(Self)
    }

    fn merge(
        &self,
        existing: Option<&[u8]>,
        operands: &[Vec<u8>],
        merge: impl Fn(Option<&[u8]>, &[&[u8]]) -> Vec<u8>,
    ) -> Vec<u8> {
        let mut chain = operands.to_vec();
        for at in &self.0 {
            if chain.len() < 2 {
                break;
            }
            let at = at.index(chain.len() - 1);
            let pair = [chain.remove(at), chain.remove(at)];
            let together = merge(None, &slices(&pair));
            chain.insert(at, together);
        }
        merge(existing, &slices(&chain))
    }
}

fn slices(operands: &[Vec<u8>]) -> Vec<&[u8]> {
    operands.iter().map(Vec::as_slice).collect()
}

fn union(existing: Option<&[u8]>, operands: &[&[u8]]) -> Vec<u8> {
    merge_segments(existing, operands.iter().copied())
}

fn sum(existing: Option<&[u8]>, operands: &[&[u8]]) -> Vec<u8> {
    merge_counts(existing, operands.iter().copied())
}

/// An operand and what it should add.
#[derive(Debug, Clone)]
enum Operand {
    Lows(Vec<u16>),
    Garbage(Vec<u8>),
}

fn operand() -> impl Strategy<Value = Operand> {
    prop_oneof![
        4 => strategies::lows().prop_map(Operand::Lows),
        1 => strategies::name()
            .prop_filter("decodes", |bytes| DecodedSegment::decode(bytes).is_err())
            .prop_map(Operand::Garbage),
    ]
}

/// What a chain of operands amounts to.
fn model(operands: &[Operand]) -> (BTreeSet<u16>, Vec<Vec<u8>>) {
    let mut lows = BTreeSet::new();
    let mut garbage = Vec::new();
    for operand in operands {
        match operand {
            Operand::Lows(more) => lows.extend(more),
            Operand::Garbage(bytes) => garbage.push(bytes.clone()),
        }
    }
    garbage.sort();
    (lows, garbage)
}

fn encoded(operands: &[Operand]) -> Vec<Vec<u8>> {
    operands
        .iter()
        .map(|operand| match operand {
            Operand::Lows(lows) => SegmentBits::encode_operand(lows),
            Operand::Garbage(bytes) => bytes.clone(),
        })
        .collect()
}

proptest! {
    #[test]
    fn segments_merge_to_the_union_in_any_grouping(
        operands in vec(operand(), 0..8), one in Grouping::strategy(), other in Grouping::strategy(),
        with_existing in any::<bool>(),
    ) {
        let (lows, garbage) = model(&operands);
        let chain = encoded(&operands);
        let (existing, rest) = match chain.split_first() {
            Some((first, rest)) if with_existing => (Some(first.as_slice()), rest),
            _ => (None, chain.as_slice()),
        };
        let merged = one.merge(existing, rest, union);
        prop_assert_eq!(&other.merge(existing, rest, union), &merged);

        let decoded = DecodedSegment::decode(&merged).unwrap();
        prop_assert_eq!(decoded.bits.iter().collect::<BTreeSet<_>>(), lows);
        let mut carried: Vec<_> = decoded.residue.iter().map(|item| item.to_vec()).collect();
        carried.sort();
        prop_assert_eq!(carried, garbage);
    }

    #[test]
    fn segments_merge_alike_in_any_order(
        operands in vec(operand(), 0..8).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let merge = |operands: &[Operand]| union(None, &slices(&encoded(operands)));
        prop_assert_eq!(merge(&operands.0), merge(&operands.1));
    }

    #[test]
    fn counts_merge_to_the_sum_in_any_grouping(
        operands in vec(prop_oneof![
            4 => any::<i64>().prop_map(Ok),
            1 => strategies::name().prop_filter("decodes", |bytes| CountValue::decode(bytes).is_err()).prop_map(Err),
        ], 0..8),
        one in Grouping::strategy(), other in Grouping::strategy(),
    ) {
        let chain: Vec<Vec<u8>> = operands
            .iter()
            .map(|operand| operand.clone().map_or_else(|bytes| bytes, |by| CountValue::encode_plain(by).to_vec()))
            .collect();
        let merged = one.merge(None, &chain, sum);
        prop_assert_eq!(&other.merge(None, &chain, sum), &merged);
        let decoded = CountValue::decode(&merged).unwrap();
        let total = operands.iter().flatten().fold(0_i64, |total, by| total.wrapping_add(*by));
        prop_assert_eq!(decoded.count, total);
        let mut garbage: Vec<_> = operands.into_iter().filter_map(Result::err).collect();
        garbage.sort();
        let mut carried: Vec<_> = decoded.residue.iter().map(|item| item.to_vec()).collect();
        carried.sort();
        prop_assert_eq!(carried, garbage);
    }
}

#[test]
fn an_undecodable_existing_value_is_carried_too() {
    let merged = merge_segments(Some(b"\x77?"), [SegmentBits::encode_operand(&[3]).as_slice()]);
    let decoded = DecodedSegment::decode(&merged).unwrap();
    assert_eq!(decoded.residue, [b"\x77?".as_slice()]);
    assert!(decoded.bits.contains(3));

    let merged = merge_counts(Some(b"?"), [CountValue::encode_plain(4).as_slice()]);
    let decoded = CountValue::decode(&merged).unwrap();
    assert_eq!((decoded.count, decoded.residue), (4, vec![b"?".as_slice().into()]));
}

#[test]
fn the_default_family_adds_counts_and_overwrites_the_rest() {
    let two = CountValue::encode_plain(2);
    let minus_five = CountValue::encode_plain(-5);
    let count = StoreKey::Count(KeyspaceNo::new(7).unwrap()).encode();
    let merged = default_merge(&count, Some(&two), [minus_five.as_slice(), &two]);
    assert_eq!(merged, CountValue::encode_plain(-1));

    let time = StoreKey::StoreTime.encode();
    assert_eq!(default_merge(&time, Some(b"old"), [b"new".as_slice(), b"newest"]), b"newest");
    assert_eq!(default_merge(&time, Some(b"old"), []), b"old");
    assert_eq!(default_merge(&time, None, []), b"");
    assert_eq!(default_merge(b"", None, [b"new".as_slice()]), b"new");
}
