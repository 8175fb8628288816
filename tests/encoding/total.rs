//! Decoders are total and canonical: random bytes, and damaged records, never panic; what decodes
//! encodes to itself.

use proptest::collection::vec;
use proptest::prelude::*;
use windrow::encoding::{
    CountValue, DecodedSegment, ExpireKey, FamilyHistory, FormatFile, HabitsFile, HistoryFile, KeyLayout, MetaKey,
    PatternHabits, ReapedThrough, SegmentSet,
};

use crate::canonical;
use crate::strategies::{self, Damage};

fn all(bytes: &[u8]) {
    canonical::ids_and_keys(bytes);
    canonical::meta(bytes);
    canonical::meta_with_right_checksum(bytes);
    canonical::packed(bytes);
    canonical::expire(bytes);
    canonical::element(bytes);
    canonical::segment_bits(bytes);
    canonical::records(bytes);
    canonical::small_segment_sets(bytes);
    canonical::format_file(bytes);
    canonical::habits_file(bytes);
    canonical::history_file(bytes);
    canonical::history_file_behind_its_counters(bytes);
    canonical::format_file_behind_its_beginning(bytes);
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        damage.apply(&mut bytes);
    }
    bytes
}

/// Each operand behind its length, as [`canonical::chain`] takes them apart.
fn chained(operands: &[Vec<u8>]) -> Vec<u8> {
    let behind_its_length =
        |operand: &Vec<u8>| [&u16::try_from(operand.len()).unwrap().to_be_bytes(), &operand[..]].concat();
    operands.iter().map(behind_its_length).collect::<Vec<_>>().concat()
}

/// A HISTORY file of a few families, made from two numbers.
fn history(time: windrow::encoding::UnixMillis, seed: u64) -> Vec<u8> {
    let pairs = |count: u64| (0..count).map(move |n| (seed / 2 + n * 3, time)).collect::<Vec<_>>();
    let family = |number: u8| FamilyHistory {
        births: pairs(seed % 5),
        owing: pairs(seed % 3),
        rents: pairs(seed % 4).into_iter().map(|(file, _)| (file, seed)).collect(),
        ..FamilyHistory::new(windrow::encoding::DataFamily::new(number).unwrap())
    };
    HistoryFile::new(time, [seed; HistoryFile::COUNTERS], [0, 7, 18].map(family).to_vec()).encode()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        all(&bytes);
    }

    #[test]
    fn bytes_near_zero_and_all_ones_never_panic(
        bytes in vec(prop_oneof![0..3_u8, Just(0x0F), Just(b'M'), Just(0xFF)], 0..80),
    ) {
        all(&bytes);
    }

    #[test]
    fn damaged_keys_never_panic(
        id in strategies::id(), element in strategies::element(), segment in strategies::segment(),
        keyspace in strategies::keyspace(), user_key in strategies::name(), expires_at in strategies::expiry(),
        store_key in strategies::store_key(), damages in strategies::damages(),
    ) {
        let expire_key = ExpireKey { expires_at, keyspace, user_key: &user_key }.encode();
        for key in [
            id.to_be_bytes().to_vec(),
            element.key().encode(id),
            segment.encode_key().to_vec(),
            MetaKey::encode(KeyLayout::Plain, keyspace, &user_key),
            MetaKey::encode(KeyLayout::Cluster, keyspace, &user_key),
            expire_key,
            store_key.key().encode(),
        ] {
            all(&damaged(key, &damages));
        }
    }

    #[test]
    fn damaged_meta_records_never_panic(meta in strategies::meta(), damages in strategies::damages()) {
        all(&damaged(meta.encode(), &damages));
    }

    #[test]
    fn damaged_packed_entries_never_panic(packed in strategies::packed(), damages in strategies::damages()) {
        canonical::packed(&damaged(packed.encode(), &damages));
    }

    #[test]
    fn bytes_full_of_short_lengths_never_panic(
        bytes in vec(prop_oneof![4 => 0..4_u8, 1 => Just(0x7F), 1 => 0x80..0x82_u8, 1 => any::<u8>()], 0..60),
    ) {
        canonical::packed(&bytes);
    }

    #[test]
    fn damaged_store_values_never_panic(
        keyspace in strategies::keyspace(), user_key in strategies::name(), expires_at in strategies::expiry(),
        numbers in vec(strategies::number(1 << 40), 0..8), damages in strategies::damages(), count in any::<i64>(),
    ) {
        let cursor = ExpireKey { expires_at, keyspace, user_key: &user_key }.encode();
        let time = windrow::encoding::UnixMillis::new(expires_at.get() - 1);
        let mut set = SegmentSet::new();
        for number in numbers {
            set.insert(number..number + 2);
        }
        let residue = vec![bytes::Bytes::from(user_key.clone()); usize::from(user_key.len() == 3)];
        let counts = [CountValue::encode_plain(count).to_vec(), user_key.clone(), CountValue::encode_plain(1).to_vec()];
        let pattern = |pattern: u64| PatternHabits { pattern, births: 7, ..PatternHabits::default() };
        let habits = HabitsFile::new((0..keyspace.get() % 5).map(|n| pattern(expires_at.get() / 2 + u64::from(n))).collect()).encode();
        canonical::habits_file(&habits[..habits.len() - 4]);
        let history = history(expires_at, count.unsigned_abs());
        canonical::history_file(&history[..history.len() - 4]);
        for value in [
            chained(&counts),
            ReapedThrough { time, cursor }.encode(),
            MetaKey::encode(KeyLayout::Plain, keyspace, &user_key),
            set.encode(),
            CountValue { count, residue }.encode(),
            FormatFile::new(KeyLayout::Cluster).print().into_bytes(),
            habits,
            history,
        ] {
            all(&damaged(value, &damages));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damaged_bitmaps_never_panic(
        lows in strategies::lows(), residue in vec(strategies::name(), 0..3), damages in strategies::damages(),
        operands in vec((strategies::lows(), strategies::damages()), 0..5),
    ) {
        let bits = lows.iter().copied().collect();
        let residue = residue.into_iter().map(bytes::Bytes::from).collect();
        canonical::segment_bits(&damaged(DecodedSegment { bits, residue }.encode(), &damages));
        let operands: Vec<_> = operands
            .into_iter()
            .map(|(lows, damages)| damaged(windrow::encoding::SegmentBits::encode_operand(&lows), &damages))
            .collect();
        let bytes = chained(&operands);
        prop_assert_eq!(canonical::chain(&bytes), operands);
        canonical::segment_bits(&bytes);
    }
}

#[test]
fn a_chain_holds_whole_bitmaps() {
    let scattered: Vec<u16> = (0..=u16::MAX).step_by(2).collect();
    let bitmap = windrow::encoding::SegmentBits::encode_operand(&scattered);
    assert_eq!(bitmap.len(), 8_193);
    let operands = [bitmap.clone(), b"\x01\0\x01".to_vec(), bitmap];
    let bytes = chained(&operands);
    assert_eq!(canonical::chain(&bytes), operands);
    canonical::segment_bits(&bytes);
}

#[test]
fn hostile_nesting_costs_no_stack() {
    let mut value = b"\x99".to_vec();
    for _ in 0..3_000 {
        let len = u32::try_from(value.len()).unwrap().to_be_bytes();
        value = [&b"\x0f\0\0\0\x01\x01"[..], &len, &value].concat();
    }
    canonical::segment_bits(&value);
    assert_eq!(DecodedSegment::decode(&value).map(|decoded| decoded.residue.len()), Ok(1));
}
