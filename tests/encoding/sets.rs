//! Sets of places and sets of segments agree with a plain set of numbers.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use windrow::encoding::{DataFamily, Segment, SegmentBits, SegmentSet};

use crate::strategies;

/// The maximal runs of consecutive numbers.
fn runs(numbers: &BTreeSet<u64>) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    runs
}

proptest! {
    #[test]
    fn places_agree_with_a_plain_set(
        parts in vec(strategies::lows(), 0..4), range in any::<(u16, u16)>(), probes in vec(any::<u16>(), 20),
    ) {
        let mut model = BTreeSet::new();
        let mut bits = SegmentBits::new();
        for part in &parts {
            let (mut other, mut other_model) = (SegmentBits::new(), BTreeSet::new());
            for &low in part {
                prop_assert_eq!(other.insert(low), other_model.insert(low));
            }
            bits.union_with(&other);
            model.extend(part.iter().map(|&low| u64::from(low)));
        }
        bits.insert_range(range.0..=range.1);
        model.extend((range.0..=range.1).map(u64::from));

        prop_assert_eq!(u64::from(bits.len()), u64::try_from(model.len()).unwrap());
        prop_assert_eq!(bits.is_empty(), model.is_empty());
        prop_assert_eq!(bits.iter().map(u64::from).collect::<BTreeSet<_>>(), model.clone());
        let found: Vec<_> = bits.ranges().map(|run| (u64::from(*run.start()), u64::from(*run.end()))).collect();
        prop_assert_eq!(found, runs(&model));
        for probe in probes {
            prop_assert_eq!(bits.contains(probe), model.contains(&u64::from(probe)));
        }
        prop_assert_eq!(SegmentBits::decode(&bits.encode()), Ok(bits));
    }

    #[test]
    fn the_way_to_a_set_does_not_show_in_its_bytes(lows in strategies::lows()) {
        let one_by_one = lows.iter().fold(SegmentBits::new(), |mut bits, &low| {
            bits.insert(low);
            bits
        });
        let mut by_runs = SegmentBits::new();
        for run in one_by_one.ranges() {
            by_runs.insert_range(run);
        }
        let mut backwards = SegmentBits::new();
        backwards.extend(lows.iter().rev().copied());
        prop_assert_eq!(one_by_one.encode(), by_runs.encode());
        prop_assert_eq!(one_by_one.encode(), backwards.encode());
        prop_assert_eq!(one_by_one.encode(), SegmentBits::encode_operand(&lows));
        prop_assert!(one_by_one.encode().len() <= 1 + 2 * lows.len());
        prop_assert_eq!(one_by_one, by_runs);
    }

    #[test]
    fn segments_agree_with_a_plain_set(intervals in vec((0..60_u64, 0..8_u64), 0..20)) {
        let mut model = BTreeSet::new();
        let mut set = SegmentSet::new();
        for (first, len) in intervals {
            set.insert(first..first + len);
            model.extend(first..first + len);
        }
        let found: Vec<_> = set.iter().map(|interval| (interval.start, interval.end - 1)).collect();
        prop_assert_eq!(found, runs(&model));
        prop_assert_eq!(set.len_segments(), u64::try_from(model.len()).unwrap());
        prop_assert_eq!(set.is_empty(), model.is_empty());
        for number in 0..80 {
            prop_assert_eq!(set.contains(number), model.contains(&number));
        }
        prop_assert_eq!(SegmentSet::decode(&set.encode()), Ok(set));
    }
}

#[test]
fn a_segment_is_covered_when_all_its_ids_are_there() {
    let segment = |number| Segment::new(DataFamily::new(3).unwrap(), number).unwrap();
    let mut bits = SegmentBits::new();
    bits.insert_range(1..=u16::MAX - 1);
    assert!(!bits.covers(segment(0)) && !bits.covers(segment(1)) && !bits.covers(segment(Segment::MAX_NUMBER)));
    bits.insert(u16::MAX);
    assert!(bits.covers(segment(0)) && !bits.covers(segment(1)));
    assert!(!bits.is_full());
    bits.insert(0);
    assert!(bits.covers(segment(1)) && bits.covers(segment(Segment::MAX_NUMBER)));
    assert!(bits.is_full());
    assert_eq!(bits.len(), 65_536);
}

#[test]
fn a_full_segment_takes_five_bytes_and_a_scattered_one_a_bit_for_each_id() {
    let mut full = SegmentBits::new();
    full.insert_range(0..=u16::MAX);
    assert_eq!(full.encode().len(), 5);
    let scattered: SegmentBits = (0..=u16::MAX).step_by(2).collect();
    assert_eq!(scattered.encode().len(), 8_193);
    assert_eq!(SegmentBits::encode_operand(&[9]).len(), 3);
}

#[test]
fn numbers_that_are_no_segments_are_left_out() {
    let mut set = SegmentSet::new();
    set.insert(Segment::MAX_NUMBER..u64::MAX);
    assert_eq!(set.len_segments(), 1);
    assert!(set.contains(Segment::MAX_NUMBER) && !set.contains(Segment::MAX_NUMBER + 1));
    set.insert(Segment::MAX_NUMBER + 1..u64::MAX);
    assert_eq!(set.len_segments(), 1);
    assert_eq!(SegmentSet::decode(&set.encode()), Ok(set));
}
