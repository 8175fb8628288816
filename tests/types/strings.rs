//! Strings: conditions, numbers, ranges, and the borders between record and pieces.

use std::time::Duration;

use windrow::{ErrorKind, SetOptions, Ttl, UnixMillis};

use crate::data::payload;
use crate::fixture::{Fixture, START, close_and_check, settle};

const PIECE: usize = 16 * 1024;
const SECOND: Duration = Duration::from_secs(1);

/// Lengths around every border: empty, inline limits, pieces.
const LENGTHS: [usize; 15] = [
    0,
    1,
    99,
    100,
    101,
    1023,
    1024,
    1025,
    PIECE - 1,
    PIECE,
    PIECE + 1,
    2 * PIECE - 1,
    2 * PIECE,
    2 * PIECE + 1,
    5 * PIECE + 7,
];

#[test]
fn a_string_of_any_length_is_read_back_whole_with_and_without_expiry() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for length in LENGTHS {
        for options in [SetOptions::new(), SetOptions::new().expire_in(60 * SECOND)] {
            db.strings().set_with("k", payload(1, length), options).unwrap();
            assert_eq!(db.strings().get("k").unwrap().unwrap(), payload(1, length));
            assert_eq!(db.strings().len("k").unwrap(), length as u64);
        }
    }
    settle(&store);
    assert_eq!(db.strings().get("k").unwrap().unwrap().len(), LENGTHS[14]);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn ranges_are_cut_as_redis_cuts_them_at_every_border() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for length in LENGTHS {
        let value = payload(2, length);
        db.strings().set("k", &value).unwrap();
        let n = length as i64;
        let piece = PIECE as i64;
        let points = [0, 1, 50, 99, 100, piece - 1, piece, piece + 1, n - 1, n, n + 1, -1, -2, -n, -n - 1, i64::MAX];
        for start in points {
            for end in points.into_iter().chain([i64::MIN]) {
                let expected = redis_range(&value, start, end);
                assert_eq!(db.strings().get_range("k", start, end).unwrap(), expected, "{length}: {start}..={end}");
            }
        }
    }
    assert!(db.strings().get_range("missing", 0, -1).unwrap().is_empty());
}

/// GETRANGE as its documentation says it.
fn redis_range(value: &[u8], start: i64, end: i64) -> &[u8] {
    let length = value.len() as i128;
    let (mut from, mut to) = (i128::from(start), i128::from(end));
    if from < 0 && to < 0 && from > to {
        return &[];
    }
    if from < 0 {
        from = (from + length).max(0);
    }
    if to < 0 {
        to = (to + length).max(0);
    }
    to = to.min(length - 1);
    if from > to || length == 0 { &[] } else { &value[from as usize..=to as usize] }
}

#[test]
fn appends_and_writes_into_the_middle_cross_every_border() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for before in LENGTHS {
        for part in [1, 2, 1000, PIECE, 2 * PIECE + 3] {
            let mut expected = payload(3, before);
            db.strings().set("k", &expected).unwrap();
            expected.extend(payload(4, part));
            assert_eq!(db.strings().append("k", payload(4, part)).unwrap(), expected.len() as u64);
            assert!(db.strings().get("k").unwrap().unwrap() == expected, "append of {part} to {before}");
            for offset in [0, 1, 99, PIECE - 1, PIECE, before, before + 1, 3 * PIECE + 5] {
                let end = offset + part;
                expected.resize(expected.len().max(end), 0);
                expected[offset..end].copy_from_slice(&payload(5, part));
                let length = db.strings().set_range("k", offset as u64, payload(5, part)).unwrap();
                assert_eq!(length, expected.len() as u64);
                assert!(db.strings().get("k").unwrap().unwrap() == expected, "{part} at {offset} of {before}");
            }
        }
    }
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_gap_of_many_pieces_reads_as_zeros() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.strings().set("k", "start").unwrap();
    assert_eq!(db.strings().set_range("k", 10 * PIECE as u64 + 3, "end").unwrap(), 10 * PIECE as u64 + 6);
    let value = db.strings().get("k").unwrap().unwrap();
    assert!(value.starts_with(b"start\0") && value.ends_with(b"\0end"));
    assert!(value[5..10 * PIECE + 3].iter().all(|byte| *byte == 0));
    assert_eq!(db.strings().get_range("k", 3 * PIECE as i64, 3 * PIECE as i64 + 1).unwrap(), [0, 0].as_slice());
    assert_eq!(db.strings().set_range("new", 40_000, "x").unwrap(), 40_001);
    assert_eq!(db.strings().get("new").unwrap().unwrap().iter().filter(|byte| **byte != 0).count(), 1);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn empty_parts_change_nothing_but_an_empty_append_makes_an_empty_string() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    assert_eq!(db.strings().set_range("k", 100, "").unwrap(), 0);
    assert!(!db.exists("k").unwrap());
    assert_eq!(db.strings().append("k", "").unwrap(), 0);
    assert_eq!(db.strings().get("k").unwrap().unwrap(), "");
    db.strings().set("k", "abc").unwrap();
    assert_eq!(db.strings().set_range("k", 100, "").unwrap(), 3);
    assert_eq!(db.strings().append("k", "").unwrap(), 3);
}

#[test]
fn conditions_and_get_and_keepttl_do_what_redis_does() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    let strings = db.strings();
    assert!(!strings.set_with("k", "v", SetOptions::new().if_present()).unwrap().was_set);
    assert!(strings.set_with("k", "1", SetOptions::new().if_absent().expire_in(SECOND)).unwrap().was_set);
    let refused = strings.set_with("k", "2", SetOptions::new().if_absent().get().expire_in(90 * SECOND)).unwrap();
    assert!(!refused.was_set);
    assert_eq!(refused.previous.unwrap(), "1");
    assert_eq!(db.ttl("k").unwrap(), Ttl::In(SECOND), "a refused set changes no expiry");
    let kept = strings.set_with("k", "3", SetOptions::new().if_present().keep_ttl().get()).unwrap();
    assert_eq!(kept.previous.unwrap(), "1");
    assert_eq!(db.ttl("k").unwrap(), Ttl::In(SECOND));
    strings.set("k", "4").unwrap();
    assert_eq!(db.ttl("k").unwrap(), Ttl::Forever, "a plain set takes the expiry away");
    fixture.seconds_pass(2);
    assert_eq!(strings.get("k").unwrap().unwrap(), "4");
    strings.set_with("k", "5", SetOptions::new().expire_in(SECOND)).unwrap();
    fixture.seconds_pass(1);
    let again = strings.set_with("k", "6", SetOptions::new().if_absent().keep_ttl().get()).unwrap();
    assert!(again.was_set && again.previous.is_none(), "an expired key is absent");
    assert_eq!(db.ttl("k").unwrap(), Ttl::Forever);
    strings.set_with("k", "7", SetOptions::new().expire_at(START)).unwrap();
    assert!(!db.exists("k").unwrap(), "an expiry that has passed deletes");
    assert_eq!(db.len().unwrap(), 1, "only what waits for the reaper counts");
}

#[test]
fn keepttl_keeps_the_expiry_over_every_change_of_size() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.strings().set_with("k", "v", SetOptions::new().expire_in(100 * SECOND)).unwrap();
    for length in LENGTHS.into_iter().chain([50]) {
        db.strings().set_with("k", payload(1, length), SetOptions::new().keep_ttl()).unwrap();
        assert_eq!(db.ttl("k").unwrap(), Ttl::In(100 * SECOND));
        db.strings().append("k", payload(2, 200)).unwrap();
        assert_eq!(db.ttl("k").unwrap(), Ttl::In(100 * SECOND));
    }
    fixture.seconds_pass(100);
    settle(&store);
    assert_eq!(db.len().unwrap(), 0);
    assert_eq!(store.stats().data_file_bytes, 0);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn numbers_count_up_and_down_to_their_limits_and_no_further() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    let strings = db.strings();
    assert_eq!(strings.incr("n").unwrap(), 1);
    assert_eq!(strings.decr_by("n", 11).unwrap(), -10);
    strings.set_with("n", "9223372036854775806", SetOptions::new().expire_in(SECOND)).unwrap();
    assert_eq!(strings.incr("n").unwrap(), i64::MAX);
    assert_eq!(strings.incr("n").unwrap_err().kind(), ErrorKind::Overflow);
    assert_eq!(strings.get("n").unwrap().unwrap(), "9223372036854775807");
    assert_eq!(db.ttl("n").unwrap(), Ttl::In(SECOND), "an increment keeps the expiry");
    strings.set("n", i64::MIN.to_string()).unwrap();
    assert_eq!(strings.decr("n").unwrap_err().kind(), ErrorKind::Overflow);
    assert_eq!(strings.decr_by("n", i64::MIN).unwrap_err().kind(), ErrorKind::Overflow);
    assert_eq!(strings.incr_by("n", i64::MAX).unwrap(), -1);
    for bad in ["", " 1", "1 ", "+1", "01", "-0", "1.5", "x", "9223372036854775808"] {
        strings.set("bad", bad).unwrap();
        assert_eq!(strings.incr("bad").unwrap_err().kind(), ErrorKind::NotAnInteger, "{bad:?}");
        assert_eq!(strings.get("bad").unwrap().unwrap(), bad);
    }
    strings.set("bad", payload(1, 20_000)).unwrap();
    assert_eq!(strings.incr("bad").unwrap_err().kind(), ErrorKind::NotAnInteger);
}

#[test]
fn string_operations_refuse_a_set_and_change_nothing() {
    let fixture = Fixture::new();
    let db = fixture.open().db(0);
    let strings = db.strings();
    db.sets().add("s", ["m"]).unwrap();
    let refused = [
        strings.get("s").err(),
        strings.get_range("s", 0, -1).err(),
        strings.len("s").err(),
        strings.append("s", "x").err(),
        strings.append("s", "").err(),
        strings.set_range("s", 0, "x").err(),
        strings.set_range("s", 0, "").err(),
        strings.incr("s").err(),
        strings.set_with("s", "x", SetOptions::new().get()).err(),
    ];
    for (n, error) in refused.into_iter().enumerate() {
        assert_eq!(error.unwrap().kind(), ErrorKind::WrongType, "operation {n}");
    }
    assert_eq!(db.sets().len("s").unwrap(), 1);
    strings.set("s", "x").unwrap();
    assert_eq!(strings.get("s").unwrap().unwrap(), "x", "a plain set replaces any type");
}

#[test]
fn a_string_of_20_mib_goes_round_and_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let value = payload(9, 20 << 20);
    db.strings().set("big", &value).unwrap();
    assert!(db.strings().get("big").unwrap().unwrap() == value);
    let middle = db.strings().get_range("big", 10_000_000, 10_100_000).unwrap();
    assert!(middle == value[10_000_000..=10_100_000]);
    settle(&store);
    assert!(db.strings().get("big").unwrap().unwrap() == value);
    db.delete(["big"]).unwrap();
    settle(&store);
    assert_eq!(store.stats().data_file_bytes, 0);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_string_beyond_the_limit_is_refused_in_every_way_to_make_it() {
    let fixture = Fixture::new();
    let mut options = crate::fixture::small();
    options.max_value_bytes = 2000;
    let store = windrow::Store::builder(fixture.path("limited")).options(options).background(false).open().unwrap();
    let db = store.db(0);
    let strings = db.strings();
    strings.set("k", payload(1, 2000)).unwrap();
    let refused = [
        strings.set("k", payload(2, 2001)).err(),
        strings.append("k", "x").err(),
        strings.set_range("k", 2000, "x").err(),
        strings.set_range("k", u64::MAX, "x").err(),
        strings.set_range("new", u64::MAX - 1, "xyz").err(),
        strings.set_range("new", 1 << 60, "x").err(),
    ];
    for (n, error) in refused.into_iter().enumerate() {
        let kind = error.unwrap().kind();
        assert!(matches!(kind, ErrorKind::TooLarge | ErrorKind::OutOfRange), "operation {n}: {kind:?}");
    }
    assert_eq!(strings.get("k").unwrap().unwrap(), payload(1, 2000));
    assert!(!db.exists("new").unwrap());
}

#[test]
fn an_expiry_at_the_end_of_time_is_kept() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let last = UnixMillis::new(i64::MAX as u64);
    db.strings().set_with("k", "v", SetOptions::new().expire_at(last)).unwrap();
    db.strings().set_with("l", payload(1, 5000), SetOptions::new().expire_at(last)).unwrap();
    settle(&store);
    assert_eq!(db.expires_at("k").unwrap(), Some(last));
    drop(db);
    close_and_check(store, &fixture.path("store"));
    let db = fixture.open().db(0);
    assert_eq!(db.strings().get("l").unwrap().unwrap(), payload(1, 5000));
    assert!(db.persist("l").unwrap());
}
