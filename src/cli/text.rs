//! Numbers as people read and write them: sizes, counts, durations.
//!
//! Uses nothing of the crate. Invariant: parsing is total; printing never loses the order of magnitude.

use std::time::Duration;

/// Reads a number of seconds: `2.5`, or with a unit, `250ms`, `5s`, `10m`, `1h`.
///
/// # Errors
/// A line that says what is expected.
pub fn duration(text: &str) -> std::result::Result<Duration, String> {
    let text = text.trim();
    let (number, unit_seconds) = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)]
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)))
        .unwrap_or((text, 1.0));
    number
        .trim()
        .parse::<f64>()
        .ok()
        .and_then(|number| Duration::try_from_secs_f64(number * unit_seconds).ok())
        .ok_or_else(|| format!("`{text}` is no duration; write seconds (2.5) or a unit (250ms, 5s, 10m, 1h)"))
}

/// Prints a number of bytes with three significant digits.
#[expect(clippy::cast_precision_loss, reason = "three digits are printed")]
pub(crate) fn bytes(count: u64) -> String {
    let mut size = count as f64;
    if count < 1024 {
        return format!("{count} B");
    }
    for unit in ["KiB", "MiB", "GiB", "TiB"] {
        size /= 1024.0;
        if size < 1000.0 || unit == "TiB" {
            let decimals = if size < 10.0 {
                2
            } else if size < 100.0 {
                1
            } else {
                0
            };
            return format!("{size:.decimals$} {unit}");
        }
    }
    format!("{count} B")
}

/// Prints a count with a comma between thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Converts for counters and sizes; saturates where a platform's usize is wider.
pub(crate) fn wide(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

/// Divides as fractions do; 0 for nothing.
#[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Divides a count by a time.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
pub(crate) fn rate(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_unless_a_unit_says_otherwise() {
        assert_eq!(duration("2.5"), Ok(Duration::from_millis(2500)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("1.5 m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "s", "-1", "NaN", "inf", "5 d", "1e300"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_and_counts_are_readable() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(4096), "4.00 KiB");
        assert_eq!(bytes(819_200_000), "781 MiB");
        assert_eq!(bytes(u64::MAX), "16777216 TiB");
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000_000), "1,000,000");
    }
}
