//! A HyperLogLog's two forms say the same, and each change leaves what Redis would leave.

use proptest::collection::vec;
use proptest::prelude::*;
use windrow::encoding::hyperloglog::{
    DENSE_BYTES, Flaw, HyperLogLog, LONGEST_BYTES, REGISTERS, Registers, SPARSE_MAX_BYTES,
};

use crate::canonical;

fn registers(sketch: &HyperLogLog) -> Vec<u8> {
    let mut registers = Registers::default();
    sketch.merge_into(&mut registers).unwrap();
    registers.values().to_vec()
}

/// What is behind the header.
fn body(sketch: &HyperLogLog) -> &[u8] {
    &sketch.bytes()[16..]
}

fn raised(raises: &[(usize, u8)]) -> HyperLogLog {
    let mut sketch = HyperLogLog::empty();
    for (register, value) in raises {
        sketch.raise(*register, *value).unwrap();
    }
    sketch
}

/// Registers in a few places, so that runs meet, with values of either form.
fn raises() -> impl Strategy<Value = Vec<(usize, u8)>> {
    let register = prop_oneof![0..40_usize, 8190..8200_usize, REGISTERS - 20..REGISTERS, 0..REGISTERS];
    let value = prop_oneof![10 => 1..4_u8, 3 => 1..33_u8];
    (vec((register, value), 0..400), prop_oneof![4 => Just(None), 1 => (0..REGISTERS, 33..52_u8).prop_map(Some)])
        .prop_map(|(mut raises, large)| {
            raises.extend(large);
            raises
        })
}

proptest! {
    #[test]
    fn registers_are_what_they_were_raised_to_in_both_forms(raises in raises()) {
        let mut model = vec![0; REGISTERS];
        let (mut sparse, mut dense) = (HyperLogLog::empty(), HyperLogLog::empty());
        dense.make_dense().unwrap();
        for (register, value) in raises {
            let is_raised = model[register] < value;
            model[register] = model[register].max(value);
            prop_assert_eq!(sparse.raise(register, value), Ok(is_raised));
            prop_assert_eq!(dense.raise(register, value), Ok(is_raised));
            prop_assert!(sparse.is_dense() || sparse.bytes().len() <= SPARSE_MAX_BYTES);
        }
        prop_assert_eq!(&registers(&sparse), &model);
        prop_assert_eq!(&registers(&dense), &model);
        sparse.make_dense().unwrap();
        prop_assert_eq!(body(&sparse), body(&dense));
        prop_assert_eq!(dense.bytes().len(), DENSE_BYTES);
    }

    #[test]
    fn a_union_is_the_larger_of_each_register(a in raises(), b in raises()) {
        let (a, b) = (raised(&a), raised(&b));
        let mut union = Registers::default();
        a.merge_into(&mut union).unwrap();
        b.merge_into(&mut union).unwrap();
        let wanted: Vec<u8> = registers(&a).into_iter().zip(registers(&b)).map(|(a, b)| a.max(b)).collect();
        prop_assert_eq!(union.values(), wanted);
    }

    #[test]
    fn damage_never_panics_and_is_seen_where_runs_do_not_add_up(
        raises in raises(), damages in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), extra in vec(any::<u8>(), 0..4),
    ) {
        let mut bytes = raised(&raises).bytes().to_vec();
        for (place, byte) in damages {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.extend(extra);
        canonical::hyperloglog(&bytes);
    }

    #[test]
    fn random_runs_never_panic(body in vec(any::<u8>(), 0..400)) {
        canonical::hyperloglog(&body);
        canonical::dense_hyperloglog(&body);
    }

    #[test]
    fn random_bytes_are_no_hyperloglog(bytes in vec(any::<u8>(), 0..100)) {
        prop_assume!(!bytes.starts_with(b"HYLL"));
        prop_assert_eq!(HyperLogLog::decode(bytes), Err(Flaw::NotOne));
    }
}

/// Raises, and the bytes that they leave.
type Case<'a> = (&'a [(usize, u8)], &'a [u8]);

#[test]
fn runs_are_split_and_united_as_redis_does() {
    // Raises, and the bytes behind the header that they leave by the rules of Redis 7.0.
    let all_zeros: &[u8] = &[0x7f, 0xff];
    assert_eq!(body(&raised(&[])), all_zeros);
    let cases: [Case<'_>; 8] = [
        (&[(0, 1)], &[0x80, 0x7f, 0xfe]),
        (&[(REGISTERS - 1, 32)], &[0x7f, 0xfe, 0xfc]),
        (&[(64, 3)], &[0x3f, 0x88, 0x7f, 0xbe]),
        (&[(65, 3)], &[0x40, 0x40, 0x88, 0x7f, 0xbd]),
        (&[(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)], &[0x83, 0x80, 0x7f, 0xfa]),
        (&[(0, 1), (2, 1), (1, 1)], &[0x82, 0x7f, 0xfc]),
        (&[(0, 1), (1, 1), (2, 1), (1, 5)], &[0x80, 0x90, 0x80, 0x7f, 0xfc]),
        (&[(1, 2), (3, 2)], &[0x00, 0x84, 0x00, 0x84, 0x7f, 0xfb]),
    ];
    for (raises, wanted) in cases {
        assert_eq!(body(&raised(raises)), wanted, "{raises:?}");
    }
}

#[test]
fn only_a_right_header_of_the_right_length_is_taken() {
    let whole = HyperLogLog::empty();
    for length in 0..16 {
        assert_eq!(HyperLogLog::decode(whole.bytes()[..length].to_vec()), Err(Flaw::NotOne), "{length} bytes");
    }
    let mut dense = whole.clone();
    dense.make_dense().unwrap();
    for bytes in [&dense.bytes()[..DENSE_BYTES - 1], &[dense.bytes(), b"x"].concat()] {
        assert_eq!(HyperLogLog::decode(bytes.to_vec()), Err(Flaw::NotOne));
    }
    let mut unknown = whole.bytes().to_vec();
    unknown[4] = 2;
    assert_eq!(HyperLogLog::decode(unknown), Err(Flaw::NotOne));
    // A header alone is taken, and has too few registers.
    let mut short = HyperLogLog::decode(whole.bytes()[..16].to_vec()).unwrap();
    assert_eq!(short.merge_into(&mut Registers::default()), Err(Flaw::Damaged));
    assert_eq!(
        (short.raise(0, 1), short.raise(0, 33), short.make_dense()),
        (Err(Flaw::Damaged), Err(Flaw::Damaged), Err(Flaw::Damaged))
    );
    let long = [&whole.bytes()[..16], &vec![0x40; LONGEST_BYTES - 14]].concat();
    let long = HyperLogLog::decode(long).unwrap();
    assert_eq!(long.merge_into(&mut Registers::default()), Err(Flaw::Damaged));
}

#[test]
fn a_count_is_cached_until_something_changes() {
    let mut sketch = HyperLogLog::empty();
    assert_eq!(sketch.cached_count(), Some(0));
    assert_eq!(sketch.raise(5, 2), Ok(true));
    assert_eq!(sketch.cached_count(), None);
    let mut bytes = sketch.bytes().to_vec();
    bytes[8..16].copy_from_slice(&77_u64.to_le_bytes());
    let mut cached = HyperLogLog::decode(bytes).unwrap();
    assert_eq!((cached.raise(5, 2), cached.cached_count()), (Ok(false), Some(77)));
    cached.make_dense().unwrap();
    assert_eq!((cached.cached_count(), cached.raise(5, 2), cached.cached_count()), (Some(77), Ok(false), Some(77)));
    assert_eq!((cached.raise(5, 3), cached.cached_count()), (Ok(true), None));
    assert_eq!(cached.bytes()[8], 77, "the old count stays under the mark");
}
