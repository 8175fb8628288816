//! Numbers in strings and hash fields, read, added and written as Redis does it.
//!
//! Uses nothing of the crate but its errors. Invariant: the same bytes as Redis 7.0 on x86-64, whose `long double`
//! has 64 bits of mantissa; so the arithmetic is done here, digit by digit, and not with `f64`.

mod natural;

use std::fmt;

use crate::error::{Error, ErrorKind, Result};
use natural::Natural;

/// The weight of the lowest bit that the smallest numbers have; what is smaller than half of it is zero.
const MIN_EXPONENT: i32 = -16_445;

/// Numbers end below two to this power.
const MAX_MAGNITUDE: i32 = 16_384;

/// Redis reads texts shorter than this.
const MAX_TEXT_BYTES: usize = 5 * 1024;

/// Ten to the number of digits that are written behind the point.
const WRITTEN_FRACTION: u128 = 100_000_000_000_000_000;

/// Decimal exponents are cut off here: the text is too short to bring such a number back into range.
const MAX_DECIMAL_EXPONENT: i64 = 100_000;

/// Parses an integer the strict way Redis does: no sign but `-`, no spaces, no leading zeros.
pub(crate) fn parse_integer(bytes: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A floating-point number as Redis' float increments compute it: 64 bits of mantissa (the `long double` of x86-64),
/// written with up to 17 digits behind the point. An `f64` has 53, so 0.1 + 0.2 is 0.30000000000000004 there
/// and 0.3 here.
///
/// An `f64` is taken as the shortest decimal number that stands for it: 0.1 is one tenth, not the binary fraction
/// nearby. A text says more than an `f64` can; use [`LongDouble::parse`] where Redis' client sends one.
///
/// # Examples
/// ```
/// use windrow::LongDouble;
/// # fn main() -> windrow::Result<()> {
/// let sum = LongDouble::from(0.1).plus(LongDouble::parse("0.2")?)?;
/// assert_eq!(sum.to_string(), "0.3");
/// assert_eq!(LongDouble::parse("5.0e3")?.to_string(), "5000");
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongDouble {
    negative: bool,
    magnitude: Magnitude,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Magnitude {
    /// INVARIANT: its sign is positive, as nothing that is written or added tells zeros apart.
    Zero,
    /// `mantissa * 2^exponent`; the mantissa's highest bit is set.
    Finite {
        mantissa: u64,
        exponent: i32,
    },
    Infinite,
    NotANumber,
}

impl LongDouble {
    const ZERO: Self = Self { negative: false, magnitude: Magnitude::Zero };

    /// Reads a number as Redis does: decimal or hexadecimal (`0x1p3`), with or without exponent, or `inf`; no
    /// spaces, no `nan`, nothing out of range, fewer than 5 KiB. Costs time in proportion to the text, and to its
    /// square if it has hundreds of digits.
    ///
    /// # Errors
    /// [`NotAFloat`](crate::ErrorKind::NotAFloat).
    ///
    /// # Examples
    /// ```
    /// use windrow::{ErrorKind, LongDouble};
    /// # fn main() -> windrow::Result<()> {
    /// assert_eq!(LongDouble::parse("-1.50")?.to_string(), "-1.5");
    /// assert_eq!(LongDouble::parse(" 1").unwrap_err().kind(), ErrorKind::NotAFloat);
    /// # Ok(()) }
    /// ```
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self> {
        read(text.as_ref()).ok_or_else(|| Error::new(ErrorKind::NotAFloat, "value is not a valid float"))
    }

    /// Adds two numbers, rounding to the nearest one, to the even one from halfway.
    ///
    /// # Errors
    /// [`Overflow`](crate::ErrorKind::Overflow) if the sum is infinite or no number.
    ///
    /// # Examples
    /// ```
    /// use windrow::{ErrorKind, LongDouble};
    /// # fn main() -> windrow::Result<()> {
    /// assert_eq!(LongDouble::from(10.5).plus(LongDouble::from(-0.5))?.to_string(), "10");
    /// let refused = LongDouble::from(1.0).plus(LongDouble::from(f64::INFINITY));
    /// assert_eq!(refused.unwrap_err().kind(), ErrorKind::Overflow);
    /// # Ok(()) }
    /// ```
    pub fn plus(self, other: Self) -> Result<Self> {
        let sum = match (self.magnitude, other.magnitude) {
            (Magnitude::Zero, Magnitude::Finite { .. } | Magnitude::Zero) => other,
            (Magnitude::Finite { .. }, Magnitude::Zero) => self,
            (Magnitude::Finite { mantissa, exponent }, Magnitude::Finite { mantissa: m, exponent: e }) => {
                let (left, right) = ((exponent, mantissa), (e, m));
                if left >= right {
                    add(self.negative, left, self.negative == other.negative, right)
                } else {
                    add(other.negative, right, self.negative == other.negative, left)
                }
            }
            _ => Self { negative: false, magnitude: Magnitude::NotANumber },
        };
        match sum.is_finite() {
            true => Ok(sum),
            false => Err(Error::new(ErrorKind::Overflow, "increment would produce NaN or Infinity")),
        }
    }

    /// Tells whether it is neither infinite nor, as an `f64` may be, no number.
    ///
    /// # Examples
    /// ```
    /// use windrow::LongDouble;
    /// assert!(LongDouble::from(1e300).is_finite());
    /// assert!(!LongDouble::from(f64::NAN).is_finite());
    /// ```
    #[must_use]
    pub fn is_finite(self) -> bool {
        matches!(self.magnitude, Magnitude::Zero | Magnitude::Finite { .. })
    }

    /// Returns the `f64` that is nearest, or next to it for numbers below `f64::MIN_POSITIVE`. What was made from an
    /// `f64` comes back as that one or, rarely, as its neighbour: it was rounded to 64 bits first.
    ///
    /// # Examples
    /// ```
    /// use windrow::LongDouble;
    /// # fn main() -> windrow::Result<()> {
    /// assert_eq!(LongDouble::parse("0.1")?.to_f64(), 0.1);
    /// assert_eq!(LongDouble::parse("-1e400")?.to_f64(), f64::NEG_INFINITY);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn to_f64(self) -> f64 {
        let size = match self.magnitude {
            Magnitude::Zero => 0.0,
            Magnitude::Finite { mantissa, exponent } => {
                // In two steps: one power of two alone may lie beyond an `f64` where the product does not.
                let exponent = exponent.clamp(-2100, 1024);
                let half = exponent / 2;
                #[expect(clippy::cast_precision_loss, reason = "this is the rounding that is asked for")]
                let mantissa = mantissa as f64;
                mantissa * 2_f64.powi(half) * 2_f64.powi(exponent - half)
            }
            Magnitude::Infinite => f64::INFINITY,
            Magnitude::NotANumber => f64::NAN,
        };
        if self.negative { -size } else { size }
    }
}

impl From<f64> for LongDouble {
    fn from(number: f64) -> Self {
        // Rust writes the shortest text that reads as the same number; only NaN is not read again.
        let unreadable = Self { negative: false, magnitude: Magnitude::NotANumber };
        read(format!("{number:e}").as_bytes()).unwrap_or(unreadable)
    }
}

impl From<i64> for LongDouble {
    fn from(number: i64) -> Self {
        rounded(number < 0, u128::from(number.unsigned_abs()), 0, false)
    }
}

/// Writes the number as Redis does: no exponent, up to 17 digits behind the point and no zeros at their end.
impl fmt::Display for LongDouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        let (mantissa, exponent) = match self.magnitude {
            Magnitude::Zero => return f.write_str("0"),
            Magnitude::Infinite => return write!(f, "{sign}inf"),
            Magnitude::NotANumber => return f.write_str("nan"),
            Magnitude::Finite { mantissa, exponent } => (mantissa, exponent),
        };
        if let Ok(left) = u32::try_from(exponent) {
            return write!(f, "{sign}{}", Natural::from(mantissa).shifted_left(left));
        }
        let scaled = halved(u128::from(mantissa) * WRITTEN_FRACTION, exponent.unsigned_abs(), false);
        let (whole, fraction) = (scaled / WRITTEN_FRACTION, scaled % WRITTEN_FRACTION);
        let fraction = format!("{fraction:017}");
        match (scaled, fraction.trim_end_matches('0')) {
            (0, _) => f.write_str("0"),
            (_, "") => write!(f, "{sign}{whole}"),
            (_, fraction) => write!(f, "{sign}{whole}.{fraction}"),
        }
    }
}

/// Adds a smaller number to a larger one, each as exponent and mantissa; the sum has the larger one's sign.
fn add(negative: bool, large: (i32, u64), same_sign: bool, small: (i32, u64)) -> LongDouble {
    let distance = large.0.abs_diff(small.0);
    let top = u128::from(large.1) << 63;
    let whole = u128::from(small.1) << 63;
    let part = whole.checked_shr(distance).unwrap_or(0);
    let lost = part.checked_shl(distance) != Some(whole);
    let sum = match (same_sign, lost) {
        (true, _) => top + part,
        (false, false) => top - part,
        // One less and a bit more: what was lost is less than one.
        (false, true) => top - part - 1,
    };
    rounded(negative, sum, large.0 - 63, lost)
}

/// The number next to `bits * 2^exponent`, or to a bit `more` than that; then `bits` has more than 64 digits.
fn rounded(negative: bool, bits: u128, exponent: i32, more: bool) -> LongDouble {
    let length = 128 - bits.leading_zeros().cast_signed();
    let dropped = (length - 64).max(MIN_EXPONENT.saturating_sub(exponent)).max(0);
    let kept = halved(bits, dropped.unsigned_abs(), more);
    if kept == 0 {
        return LongDouble::ZERO;
    }
    // Rounding up may have made it one digit longer, with zeros behind it.
    let (kept, exponent) =
        if kept >> 64 == 0 { (kept, exponent + dropped) } else { (kept >> 1, exponent + dropped + 1) };
    let mantissa = u64::try_from(kept).unwrap_or(u64::MAX);
    let spare = mantissa.leading_zeros();
    let (mantissa, exponent) = (mantissa << spare, exponent - spare.cast_signed());
    let finite = exponent + 64 <= MAX_MAGNITUDE;
    LongDouble {
        negative,
        magnitude: if finite { Magnitude::Finite { mantissa, exponent } } else { Magnitude::Infinite },
    }
}

/// Halves `bits`, or a bit `more` than that, so many times, and rounds: to the nearest, from halfway to the even one.
fn halved(bits: u128, times: u32, more: bool) -> u128 {
    if times == 0 {
        return bits;
    }
    let kept = bits.checked_shr(times).unwrap_or(0);
    let rest = bits - kept.checked_shl(times).unwrap_or(0);
    let half = 1_u128.checked_shl(times - 1).unwrap_or(u128::MAX);
    let up = times <= 128 && (rest > half || (rest == half && (more || kept % 2 == 1)));
    kept + u128::from(up)
}

fn read(text: &[u8]) -> Option<LongDouble> {
    if text.len() >= MAX_TEXT_BYTES {
        return None;
    }
    let (negative, rest) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
        return Some(LongDouble { negative, magnitude: Magnitude::Infinite });
    }
    let (digits, number) = match rest {
        [b'0', b'x' | b'X', hexadecimal @ ..] => {
            let digits = Digits::read(hexadecimal, 16, b'p')?;
            let number = digits.hexadecimal(negative);
            (digits, number)
        }
        _ => {
            let digits = Digits::read(rest, 10, b'e')?;
            let number = digits.decimal(negative);
            (digits, number)
        }
    };
    match number.magnitude {
        // Too large, or so small that nothing is left of it.
        Magnitude::Infinite => None,
        Magnitude::Zero => digits.digits.is_empty().then_some(number),
        _ => Some(number),
    }
}

/// A number as it is written: the value of `digits`, scaled by the places behind the point and the exponent.
struct Digits {
    /// Without zeros at either end.
    digits: Vec<u8>,
    /// How many digits the point lies behind the last one, to the left if negative.
    point: i64,
    exponent: i64,
}

impl Digits {
    fn read(text: &[u8], base: u32, exponent_letter: u8) -> Option<Self> {
        let letter = text.iter().position(|byte| byte.eq_ignore_ascii_case(&exponent_letter));
        let (number, exponent) = match letter.and_then(|at| text.split_at_checked(at)) {
            Some((number, exponent)) => (number, read_exponent(exponent.get(1..)?)?),
            None => (text, 0),
        };
        let (whole, fraction) = match number.iter().position(|byte| *byte == b'.') {
            Some(at) => (number.get(..at)?, number.get(at + 1..)?),
            None => (number, [].as_slice()),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let mut digits = Vec::with_capacity(number.len());
        let mut point = 0_i64;
        for (byte, behind) in whole.iter().map(|byte| (byte, 0)).chain(fraction.iter().map(|byte| (byte, 1))) {
            let digit = u8::try_from(char::from(*byte).to_digit(base)?).ok()?;
            if digit > 0 || !digits.is_empty() {
                digits.push(digit);
            }
            point -= behind;
        }
        while digits.last() == Some(&0) {
            digits.pop();
            point += 1;
        }
        Some(Self { digits, point, exponent })
    }

    fn hexadecimal(&self, negative: bool) -> LongDouble {
        let (mut bits, mut more, mut exponent) = (0_u128, false, self.point * 4 + self.exponent);
        for digit in &self.digits {
            if bits >> 124 == 0 {
                bits = bits << 4 | u128::from(*digit);
            } else {
                more = true;
                exponent += 4;
            }
        }
        let exponent = exponent.clamp(-MAX_DECIMAL_EXPONENT, MAX_DECIMAL_EXPONENT);
        rounded(negative, bits, i32::try_from(exponent).unwrap_or(i32::MIN), more)
    }

    fn decimal(&self, negative: bool) -> LongDouble {
        let places = self.point.saturating_add(self.exponent).clamp(-MAX_DECIMAL_EXPONENT, MAX_DECIMAL_EXPONENT);
        // Beyond these powers of ten all is infinite or zero, and the numbers below stay short.
        let magnitude = places.saturating_add(i64::try_from(self.digits.len()).unwrap_or(i64::MAX));
        match magnitude {
            _ if self.digits.is_empty() => return LongDouble::ZERO,
            5000.. => return LongDouble { negative, magnitude: Magnitude::Infinite },
            ..-5000 => return LongDouble::ZERO,
            _ => {}
        }
        let power = u32::try_from(places.unsigned_abs()).unwrap_or(u32::MAX);
        let (mut top, mut bottom) = (Natural::from_digits(&self.digits), Natural::from(1));
        if places < 0 { &mut bottom } else { &mut top }.multiply_by_power_of_ten(power);
        let (quotient, exponent, more) = top.divided_by(bottom);
        rounded(negative, quotient, exponent, more)
    }
}

fn read_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', digits) => (true, digits),
        (b'+', digits) => (false, digits),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = digits.iter().fold(0_i64, |size, digit| (size * 10 + i64::from(digit - b'0')).min(MAX_DECIMAL_EXPONENT));
    Some(if negative { -size } else { size })
}

#[cfg(test)]
mod tests;
