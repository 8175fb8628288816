//! The HISTORY file: what it looks like, that it comes back as it was, and what is refused.

use windrow::encoding::{DataFamily, FamilyHistory, Fault, HistoryFile, RecordKind, UnixMillis};

type Pairs = Vec<(u64, u64)>;

fn family(number: u8, births: Pairs, owing: Pairs, rents: Pairs) -> FamilyHistory {
    let times = |pairs: Pairs| pairs.into_iter().map(|(number, time)| (number, UnixMillis::new(time))).collect();
    FamilyHistory { family: DataFamily::new(number).unwrap(), births: times(births), owing: times(owing), rents }
}

fn file(families: Vec<FamilyHistory>) -> HistoryFile {
    let mut counters = [0; HistoryFile::COUNTERS];
    counters.iter_mut().zip(1..).for_each(|(counter, n)| *counter = n);
    HistoryFile::new(UnixMillis::new(77), counters, families)
}

/// A file of these bytes behind its counters, with the right checksum.
fn raw(records: &[&[u8]]) -> Vec<u8> {
    let mut bytes = [b"history1", &[0; 8 + 8 * HistoryFile::COUNTERS][..], &records.concat()].concat();
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

fn pair(number: u64, value: u64) -> Vec<u8> {
    [number.to_be_bytes(), value.to_be_bytes()].concat()
}

#[test]
fn the_file_is_its_name_the_counters_the_families_and_a_checksum() {
    let encoded = file(vec![family(3, vec![(9, 70)], vec![], vec![(5, 6)])]).encode();
    let mut expected = b"history1".to_vec();
    expected.extend(77_u64.to_be_bytes());
    (1..=12_u64).for_each(|counter| expected.extend(counter.to_be_bytes()));
    expected.extend([3, 0, 1, 0, 0, 0, 1]);
    expected.extend([pair(9, 70), pair(5, 6)].concat());
    expected.extend(crc32fast::hash(&expected).to_be_bytes());
    assert_eq!(encoded, expected);
}

#[test]
fn what_is_stored_comes_back_and_what_is_too_much_or_out_of_order_is_left_out() {
    let many = |count: u64| (0..count).map(|n| (count - n, 1000 - n)).collect::<Pairs>();
    let stored = file(vec![
        family(18, many(500), many(500), many(500)),
        family(2, vec![(1, 10), (2, 9), (3, 11), (3, 12)], vec![], vec![]),
        family(5, vec![], vec![], vec![]),
        family(2, vec![(1, 1)], vec![], vec![]),
    ]);
    assert_eq!(HistoryFile::decode(&stored.encode()).unwrap(), stored);
    let [small, large] = stored.families() else { panic!("{stored:?}") };
    assert_eq!(*small, family(2, vec![(1, 10), (3, 11)], vec![], vec![]));
    assert_eq!((large.births.len(), large.owing.len(), large.rents.len()), (128, 64, 256));

    let all = (0..19).map(|number| family(number, many(500), many(500), many(500))).collect();
    let longest = file(all).encode();
    assert_eq!(longest.len(), HistoryFile::MAX_BYTES);
    assert!(HistoryFile::decode(&longest).is_ok());
}

#[test]
fn bytes_that_are_nearly_a_file_are_refused() {
    let refused = |bytes: &[u8]| {
        let error = HistoryFile::decode(bytes).unwrap_err();
        assert_eq!(error.record(), RecordKind::History);
        error.fault()
    };
    let one = |number: u8| [&[number, 0, 1, 0, 0, 0, 0][..], &pair(7, 8)].concat();
    assert!(HistoryFile::decode(&raw(&[&one(3), &one(4)])).is_ok());
    assert!(matches!(refused(&raw(&[&one(4), &one(3)])), Fault::NotCanonical { what: "families do not ascend" }));
    assert!(matches!(refused(&raw(&[&one(4), &one(4)])), Fault::NotCanonical { .. }));
    assert!(matches!(refused(&raw(&[&one(19)])), Fault::OutOfRange { what: "data family" }));
    assert!(matches!(refused(&raw(&[&[3, 0, 0, 0, 0, 0, 0]])), Fault::NotCanonical { .. }), "nothing in it");
    let two = |first: Vec<u8>, second: Vec<u8>| raw(&[&[3, 0, 2, 0, 0, 0, 0], &first, &second]);
    assert!(HistoryFile::decode(&two(pair(7, 8), pair(8, 8))).is_ok());
    assert!(matches!(refused(&two(pair(7, 8), pair(7, 9))), Fault::NotCanonical { what: "numbers do not ascend" }));
    let backwards = refused(&two(pair(7, 8), pair(8, 7)));
    assert!(matches!(backwards, Fault::NotCanonical { what: "times of births do not ascend" }));
    assert!(matches!(refused(&two(pair(7, 8), pair(8, u64::MAX))), Fault::OutOfRange { what: "time" }));
    assert!(matches!(refused(&raw(&[&[3, 0, 129, 0, 0, 0, 0]])), Fault::OutOfRange { what: "length of a list" }));
    assert!(matches!(refused(&raw(&[&one(3)[..22]])), Fault::Truncated { missing: 1 }));
    assert!(matches!(refused(&raw(&[&one(3), &[9]])), Fault::Truncated { .. }));

    let mut whole = raw(&[&one(3)]);
    assert!(matches!(refused(&whole[..3]), Fault::Truncated { missing: 1 }));
    assert!(matches!(refused(&[&b"history2"[..], &whole[8..]].concat()), Fault::Inconsistent { .. }));
    assert!(matches!(refused(&vec![0; HistoryFile::MAX_BYTES + 1]), Fault::OutOfRange { what: "length" }));
    whole[20] ^= 1;
    assert!(matches!(refused(&whole), Fault::Checksum { .. }));
}
