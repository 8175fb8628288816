//! Floating-point numbers as Redis reads and writes them in commands and replies.
//!
//! What lives here: C's `%.17g`, and `strtod` of a whole word. INVARIANT: what is written reads as the same number.

/// Appends the number as C's `%.17g` writes it; `inf` and `-inf` for the infinite ones.
pub fn write_double(out: &mut Vec<u8>, number: f64) {
    out.extend_from_slice(text(number).as_bytes());
}

/// The largest whole number up to which every digit is written, and written right, as an integer.
const WHOLE: f64 = 1e16;

fn text(number: f64) -> String {
    if number.is_infinite() {
        return (if number > 0.0 { "inf" } else { "-inf" }).to_owned();
    }
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.fract() == 0.0 && number.abs() < WHOLE {
        return format!("{number:.0}");
    }
    let scientific = format!("{number:.16e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..17).contains(&exponent) {
        let fixed = format!("{number:.*}", usize::try_from(16 - exponent).unwrap_or(0));
        return if fixed.contains('.') { trimmed(&fixed).to_owned() } else { fixed };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(digits), exponent.unsigned_abs())
}

fn trimmed(text: &str) -> &str {
    text.trim_end_matches('0').trim_end_matches('.')
}

/// Longer words are no numbers. WHY: they would only cost time; the longest number that is written has 25 bytes.
const MAX_TEXT_BYTES: usize = 1024;

/// Reads a word that is a number as a whole: decimal or hexadecimal, or infinite. `None` for any other, for spaces, and for `nan`.
#[must_use]
pub fn parse_double(word: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(word).ok().filter(|text| text.len() <= MAX_TEXT_BYTES)?;
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(digits) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        return hexadecimal(digits).map(|number| if text.starts_with('-') { -number } else { number });
    }
    let number: f64 = text.parse().ok()?;
    let is_named = unsigned.starts_with(['i', 'I']);
    // As in Redis, a number too large for the type is none, nor is one that is not zero and too small.
    let mantissa = unsigned.split(['e', 'E']).next().unwrap_or_default();
    let vanished = number == 0.0 && mantissa.contains(|digit: char| matches!(digit, '1'..='9'));
    (!number.is_nan() && !vanished && (is_named || number.is_finite())).then_some(number)
}

/// Hexadecimal digits, perhaps with a point and a binary exponent.
fn hexadecimal(digits: &str) -> Option<f64> {
    let (digits, exponent) = match digits.split_once(['p', 'P']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut number = 0.0_f64;
    for digit in whole.chars().chain(fraction.chars()) {
        number = number * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let behind = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    let scaled = number * 2_f64.powi(exponent.checked_sub(behind)?);
    scaled.is_finite().then_some(scaled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_c_does() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.1, "0.10000000000000001"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (123_456_789.125, "123456789.125"),
            (1e-5, "1.0000000000000001e-05"),
            (1.7e308, "1.6999999999999999e+308"),
            (5e-324, "4.9406564584124654e-324"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (number, expected) in cases {
            assert_eq!(text(number), expected);
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..10_000 {
            let number = f64::from_bits(random.u64(..));
            if !number.is_nan() {
                assert_eq!(parse_double(text(number).as_bytes()), Some(number));
            }
        }
    }

    #[test]
    fn words_are_numbers_or_not_as_in_redis() {
        for (word, expected) in
            [("1", 1.0), ("+1", 1.0), ("1.5e3", 1500.0), ("0x10", 16.0), ("-0x1.8p1", -3.0), (".5", 0.5), ("5.", 5.0)]
        {
            assert_eq!(parse_double(word.as_bytes()), Some(expected), "{word}");
        }
        for word in ["inf", "Infinity", "+inf", "-INF"] {
            assert!(parse_double(word.as_bytes()).is_some_and(f64::is_infinite), "{word}");
        }
        for word in ["", " 1", "1 ", "nan", "-nan", "1e400", "1e-400", "abc", "0x", "0xg", "1\0", "1_0", "--1"] {
            assert_eq!(parse_double(word.as_bytes()), None, "{word}");
        }
    }
}
