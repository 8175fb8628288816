//! What Redis 7.0.15 on x86-64 answers, number for number.

use super::*;

fn sum(old: &str, by: &str) -> String {
    let sum = LongDouble::parse(old).and_then(|old| old.plus(LongDouble::parse(by)?));
    sum.map_or_else(|error| format!("{:?}", error.kind()), |sum| sum.to_string())
}

#[test]
fn integers_are_parsed_strictly() {
    for good in ["0", "-1", "9223372036854775807", "-9223372036854775808"] {
        assert_eq!(parse_integer(good.as_bytes()).map(|n| n.to_string()), Some(good.to_owned()));
    }
    for bad in ["", "-0", "+1", " 1", "1 ", "01", "1.0", "9223372036854775808", "\u{661}"] {
        assert_eq!(parse_integer(bad.as_bytes()), None, "{bad:?}");
    }
}

#[test]
fn sums_are_written_as_redis_writes_them() {
    let sums = [
        ("0.1", "0.2", "0.3"),
        ("10.50", "0.1", "10.6"),
        ("5.0e3", "2.0e2", "5200"),
        ("10.6", "-5", "5.6"),
        ("3", "-3", "0"),
        ("-0", "-0", "0"),
        ("0", "1e-18", "0"),
        ("0", "-1e-18", "0"),
        ("0", "6e-18", "0.00000000000000001"),
        ("0", "4e-18", "0"),
        ("0.1", "0", "0.1"),
        ("1e17", "0.25", "100000000000000000.25"),
        ("18446744073709551615", "1", "18446744073709551616"),
        ("0x10", "0x1p-1", "16.5"),
        ("+.5", "5.", "5.5"),
    ];
    for (old, by, expected) in sums {
        assert_eq!(sum(old, by), expected, "{old} + {by}");
    }
    assert_eq!(sum("1e4931", "0").len(), 4932);
}

#[test]
fn what_is_no_number_in_range_is_refused() {
    let texts =
        ["", "-", "+", ".", "e5", "1e", "1e+", "1e5x", " 1", "1 ", "nan", "0x", "0x.", "1_0", "1\0", "--1", "1..2"];
    for text in texts {
        assert!(LongDouble::parse(text).is_err(), "{text:?}");
    }
    for text in ["1e4933", "-1e99999999999999999999", "1e-4951", "1e-99999999999999999999", "0x1p16384"] {
        assert!(LongDouble::parse(text).is_err(), "{text}");
    }
    for text in ["1e4932", "1e-4950", "0e99999999999999999999", "0x1p16383", "0x1p-16445"] {
        assert!(LongDouble::parse(text).is_ok(), "{text}");
    }
    assert!(LongDouble::parse("1".repeat(5119)).is_err(), "too large");
    assert!(LongDouble::parse("0".repeat(5119)).is_ok());
    assert!(LongDouble::parse("0".repeat(5120)).is_err(), "too long");
}

#[test]
fn infinity_is_read_and_never_a_sum() {
    for (old, by) in [("inf", "1"), ("1", "-Infinity"), ("inf", "-inf"), ("1e4932", "1e4932")] {
        assert_eq!(sum(old, by), "Overflow", "{old} + {by}");
    }
    assert_eq!(LongDouble::from(f64::NEG_INFINITY).to_string(), "-inf");
    assert_eq!(LongDouble::from(f64::NAN).to_string(), "nan");
    assert!(LongDouble::from(f64::NAN).to_f64().is_nan());
}

#[test]
fn an_f64_comes_back_or_its_neighbour_does() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let number = f64::from_bits(random.u64(..));
        if number.is_normal() {
            let back = LongDouble::from(number).to_f64();
            assert!(back.to_bits().abs_diff(number.to_bits()) <= 1, "{number:e}");
        }
    }
    for number in [0.0, 1.0, -1.5, f64::MAX, f64::MIN_POSITIVE, 0.1, 1e22, 5e-324] {
        assert_eq!(LongDouble::from(number).to_f64(), number);
    }
}

#[test]
fn integers_are_exact_to_64_bits() {
    for number in [0, 1, -1, i64::MAX, i64::MIN, 1 << 53, (1 << 53) + 1] {
        assert_eq!(LongDouble::from(number).to_string(), number.to_string());
        assert_eq!(LongDouble::parse(number.to_string()).unwrap(), LongDouble::from(number));
    }
}

#[test]
fn halves_go_to_the_even_neighbour() {
    // Two to the 64th and what lies around it: one step is 2 there.
    assert_eq!(sum("18446744073709551616", "1"), "18446744073709551616");
    assert_eq!(sum("18446744073709551618", "1"), "18446744073709551620");
    assert_eq!(sum("18446744073709551616", "1.0000000001"), "18446744073709551618");
    assert_eq!(sum("18446744073709551616", "-0.5"), "18446744073709551616");
    assert_eq!(sum("18446744073709551616", "-0.50000000001"), "18446744073709551615");
}
