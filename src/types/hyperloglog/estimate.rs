//! From registers to a count: the estimator of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches"
//! (2017, arXiv:1702.01284), algorithm 6.
//!
//! May use nothing but the registers. Invariant: the sums are made in the order in which Redis makes them, so that both say the
//! same number.

use crate::encoding::hyperloglog::{REGISTERS, Registers};

/// 1 / (2 ln 2): what the constant of the estimate comes to when there are many registers.
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// The largest value that an element can raise a register to: 50 zeros, and 1. Larger ones, which only somebody else can have
/// written, have no weight.
const LARGEST: usize = 51;

const M: f64 = REGISTERS as f64;

/// The number of different elements that raised these registers, more or less: the standard error is 0.81 percent.
pub(super) fn count(registers: &Registers) -> u64 {
    let mut having = [0_u32; LARGEST + 1];
    for value in registers.values() {
        if let Some(number) = having.get_mut(usize::from(*value)) {
            *number += 1;
        }
    }
    let [zeros, between @ .., largest] = having;
    let mut sum = M * tau((M - f64::from(largest)) / M);
    for number in between.into_iter().rev() {
        sum = (sum + f64::from(number)) * 0.5;
    }
    sum += M * sigma(f64::from(zeros) / M);
    let count = (ALPHA * M * M / sum).round();
    // Registers that nobody can have filled say more than a number holds; Redis answers this then.
    if count < i64::MAX as f64 { count as u64 } else { 1 << 63 }
}

/// What registers with the largest value add, by the share of those without it.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        y *= 0.5;
        let before = z;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

/// What registers that were never raised add, by their share.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::encoding::hyperloglog::HyperLogLog;
    use crate::types::hyperloglog::hash::Raise;

    use super::*;

    fn counted(elements: u32) -> u64 {
        let mut sketch = HyperLogLog::empty();
        for element in 0..elements {
            let raise = Raise::by(&element.to_be_bytes());
            sketch.raise(raise.register, raise.value).unwrap();
        }
        let mut registers = Registers::default();
        sketch.merge_into(&mut registers).unwrap();
        count(&registers)
    }

    #[test]
    fn counts_are_near_the_truth_from_nothing_to_a_million() {
        assert_eq!([counted(0), counted(1), counted(2)], [0, 1, 2]);
        for elements in [10, 100, 1000, 10_000, 100_000, 1_000_000] {
            let error = counted(elements) as f64 / f64::from(elements) - 1.0;
            assert!(error.abs() < 0.03, "{elements} elements: off by {error}");
        }
    }

    #[test]
    fn registers_that_nobody_can_have_filled_give_some_number() {
        for value in [0, 50, 51, 52, 63] {
            let mut sketch = HyperLogLog::empty();
            for register in 0..REGISTERS {
                sketch.raise(register, value).unwrap();
            }
            let mut registers = Registers::default();
            sketch.merge_into(&mut registers).unwrap();
            let wanted = if value == 0 { 0 } else { 1 << 63 };
            assert_eq!(count(&registers), wanted, "all registers {value}");
        }
    }
}
