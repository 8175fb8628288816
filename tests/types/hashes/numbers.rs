//! Numbers in fields: what is added, what is written, and what is refused.

use windrow::{ErrorKind, LongDouble};

use crate::both::both;

#[test]
fn integers_are_added_to_64_bits_and_refused_beyond() {
    both(|_, store| {
        let db = store.db(0);
        let hashes = db.hashes();
        assert_eq!(hashes.incr_by("h", "f", 5).unwrap(), 5);
        assert_eq!(hashes.incr_by("h", "f", -7).unwrap(), -2);
        assert_eq!(hashes.get("h", "f").unwrap().unwrap(), "-2");
        assert_eq!(hashes.incr_by("h", "zero", 0).unwrap(), 0);
        assert_eq!(hashes.len("h").unwrap(), 2, "adding nothing makes the field");
        for (value, by) in [(i64::MAX, 1), (i64::MIN, -1), (-2, i64::MIN)] {
            hashes.set("h", "f", value.to_string()).unwrap();
            assert_eq!(hashes.incr_by("h", "f", by).unwrap_err().kind(), ErrorKind::Overflow);
            assert_eq!(hashes.get("h", "f").unwrap().unwrap(), value.to_string());
        }
        for bad in ["", "abc", "1.0", " 1", "1 ", "01", "+1", "9223372036854775808", "1e2"] {
            hashes.set("h", "f", bad).unwrap();
            assert_eq!(hashes.incr_by("h", "f", 1).unwrap_err().kind(), ErrorKind::NotAnInteger, "{bad:?}");
            assert_eq!(hashes.get("h", "f").unwrap().unwrap(), bad);
        }
    });
}

#[test]
fn floats_are_added_and_written_as_redis_does() {
    both(|_, store| {
        let db = store.db(0);
        let hashes = db.hashes();
        let add = |by: &str| hashes.incr_by_float("h", "f", LongDouble::parse(by).unwrap()).unwrap().to_string();
        let sums = [("10.50", "10.5"), ("0.1", "10.6"), ("-10.6", "0"), ("5.0e3", "5000"), ("-4997", "3")];
        for (by, sum) in sums {
            assert_eq!(add(by), sum, "{by}");
            assert_eq!(hashes.get("h", "f").unwrap().unwrap(), sum);
        }
        assert_eq!(hashes.incr_by("h", "f", 4).unwrap(), 7, "a whole number is an integer again");
        assert_eq!(hashes.incr_by_float("h", "f", 0.1).unwrap().to_string(), "7.1", "an f64 is what it is written as");
        assert_eq!(hashes.incr_by_float("h", "g", 0.0).unwrap().to_string(), "0");
        assert_eq!(hashes.len("h").unwrap(), 2);
    });
}

#[test]
fn what_is_no_float_or_leaves_the_range_is_refused_and_nothing_changes() {
    both(|_, store| {
        let db = store.db(0);
        let hashes = db.hashes();
        for bad in ["", "abc", " 1", "1 ", "nan", "1,5"] {
            hashes.set("h", "f", bad).unwrap();
            assert_eq!(hashes.incr_by_float("h", "f", 1.0).unwrap_err().kind(), ErrorKind::NotAFloat, "{bad:?}");
            assert_eq!(hashes.get("h", "f").unwrap().unwrap(), bad);
        }
        for by in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            assert_eq!(hashes.incr_by_float("new", "f", by).unwrap_err().kind(), ErrorKind::NotAFloat);
        }
        assert!(!db.exists("new").unwrap());
        hashes.set("h", "f", "inf").unwrap();
        assert_eq!(hashes.incr_by_float("h", "f", 1.0).unwrap_err().kind(), ErrorKind::Overflow);
        hashes.set("h", "f", "1e4932").unwrap();
        let by = LongDouble::parse("1e4932").unwrap();
        assert_eq!(hashes.incr_by_float("h", "f", by).unwrap_err().kind(), ErrorKind::Overflow);
        assert_eq!(hashes.get("h", "f").unwrap().unwrap(), "1e4932");
    });
}
