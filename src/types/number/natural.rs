//! Natural numbers of any length: as much arithmetic as reading and writing decimal numbers takes.
//!
//! Uses nothing of the crate. Invariant: the highest word is not zero.

use std::cmp::Ordering;
use std::fmt;

/// As many decimal digits as fit into a word.
const WORD_DIGITS: usize = 9;
const WORD_POWER: u32 = 1_000_000_000;

/// A quotient has so many bits or one more: what a mantissa takes, one for rounding, and some.
const QUOTIENT_BITS: u32 = 70;

/// A natural number: its words, the lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Natural {
    words: Vec<u32>,
}

impl From<u64> for Natural {
    fn from(number: u64) -> Self {
        Self::of(vec![low(number), low(number >> 32)])
    }
}

impl Natural {
    fn of(words: Vec<u32>) -> Self {
        let mut number = Self { words };
        number.trim();
        number
    }

    /// The number with these decimal digits, the highest first.
    pub(super) fn from_digits(digits: &[u8]) -> Self {
        let mut number = Self::of(Vec::with_capacity(digits.len() / WORD_DIGITS + 1));
        for chunk in digits.chunks(WORD_DIGITS) {
            let (power, value) =
                chunk.iter().fold((1, 0), |(power, value), digit| (power * 10, value * 10 + u32::from(*digit)));
            number.multiply_and_add(power, value);
        }
        number
    }

    pub(super) fn multiply_by_power_of_ten(&mut self, power: u32) {
        let mut left = power;
        while left > 0 {
            let step = left.min(9);
            self.multiply_and_add(10_u32.pow(step), 0);
            left -= step;
        }
    }

    fn multiply_and_add(&mut self, factor: u32, summand: u32) {
        let mut carry = u64::from(summand);
        for word in &mut self.words {
            let product = u64::from(*word) * u64::from(factor) + carry;
            *word = low(product);
            carry = product >> 32;
        }
        if carry > 0 {
            self.words.push(low(carry));
        }
    }

    /// Divides by a word in place; returns the remainder.
    fn divide_by_word(&mut self, divisor: u32) -> u32 {
        let mut rest = 0;
        for word in self.words.iter_mut().rev() {
            let dividend = u64::from(rest) << 32 | u64::from(*word);
            *word = low(dividend / u64::from(divisor));
            rest = low(dividend % u64::from(divisor));
        }
        self.trim();
        rest
    }

    fn bits(&self) -> u32 {
        let words = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        self.words.last().map_or(0, |highest| words.saturating_mul(32) - highest.leading_zeros())
    }

    /// The number times two to the power of `bits`.
    pub(super) fn shifted_left(self, bits: u32) -> Self {
        let mut words = vec![0; usize::try_from(bits / 32).unwrap_or(0)];
        let mut carry = 0;
        for word in self.words {
            let shifted = u64::from(word) << (bits % 32) | carry;
            words.push(low(shifted));
            carry = shifted >> 32;
        }
        words.push(low(carry));
        Self::of(words)
    }

    fn halve(&mut self) {
        let mut carry = 0;
        for word in self.words.iter_mut().rev() {
            let next = *word << 31;
            *word = *word >> 1 | carry;
            carry = next;
        }
        self.trim();
    }

    /// INVARIANT: `other` is not larger.
    fn subtract(&mut self, other: &Self) {
        let mut borrowed = false;
        for (word, taken) in self.words.iter_mut().zip(other.words.iter().copied().chain(std::iter::repeat(0))) {
            let (less, first) = word.overflowing_sub(taken);
            let (less, second) = less.overflowing_sub(u32::from(borrowed));
            *word = less;
            borrowed = first || second;
        }
        self.trim();
    }

    fn trim(&mut self) {
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }

    /// The highest bits of the quotient, the power of two that they stand for, and whether there is more behind them.
    /// Neither number is zero.
    pub(super) fn divided_by(self, divisor: Self) -> (u128, i32, bool) {
        let wanted = QUOTIENT_BITS.cast_signed() + divisor.bits().cast_signed() - self.bits().cast_signed();
        let mut rest = self.shifted_left(wanted.max(0).unsigned_abs());
        let shift = (-wanted).max(0).unsigned_abs() + QUOTIENT_BITS;
        let mut step = divisor.shifted_left(shift);
        let mut quotient = 0_u128;
        for _ in 0..=QUOTIENT_BITS {
            quotient <<= 1;
            if rest >= step {
                rest.subtract(&step);
                quotient |= 1;
            }
            step.halve();
        }
        (quotient, -wanted, !rest.words.is_empty())
    }
}

impl Ord for Natural {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_length = self.words.len().cmp(&other.words.len());
        by_length.then_with(|| self.words.iter().rev().cmp(other.words.iter().rev()))
    }
}

impl PartialOrd for Natural {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Writes the decimal digits. Costs the square of their number.
impl fmt::Display for Natural {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.clone();
        let mut chunks = Vec::new();
        while !rest.words.is_empty() {
            chunks.push(rest.divide_by_word(WORD_POWER));
        }
        let mut chunks = chunks.into_iter().rev();
        write!(f, "{}", chunks.next().unwrap_or(0))?;
        chunks.try_for_each(|chunk| write!(f, "{chunk:09}"))
    }
}

/// The low word of a number.
#[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
fn low(number: u64) -> u32 {
    number as u32
}
