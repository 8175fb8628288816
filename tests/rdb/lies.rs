//! Lengths that lie: memory is taken for what came, not for what was claimed.

use windrow::rdb::{RdbError, ValueReader};

use crate::counting::most_bytes;
use crate::rdb;

/// What a value of a few bytes may take; other tests run meanwhile, and take some of it.
const MOST: usize = 32 << 20;

/// As long as the longest string that is allowed, and as the longest collection in one string.
const CLAIMS: [u64; 5] = [512 << 20, 1 << 30, (1 << 32) - 1, 1 << 40, (1 << 63) + 1];

fn claim(length: u64) -> Vec<u8> {
    [&[0x81], &length.to_be_bytes()[..]].concat()
}

#[test]
fn nothing_is_reserved_for_a_length_that_is_only_claimed() {
    for length in CLAIMS {
        let compressed = [vec![0xC3, 3], claim(length), vec![1, b'a', b'b']].concat();
        let compressed_less = [vec![0xC3], claim(length), claim(length), vec![1, b'a', b'b']].concat();
        for number in 0..=18 {
            for value in [
                rdb::value(number, &[claim(length), b"some".to_vec()]),
                rdb::value(number, std::slice::from_ref(&compressed)),
                rdb::value(number, std::slice::from_ref(&compressed_less)),
                rdb::value(number, &[vec![1], claim(length), b"some".to_vec()]),
                rdb::value(number, &[vec![1, 1], claim(length), b"some".to_vec()]),
                rdb::value(number, &[vec![1, 2], compressed.clone()]),
            ] {
                // Some are short values with something behind them.
                let most = most_bytes(|| drop(read(&value)));
                assert!(most < MOST, "type {number}: {most} bytes for a claim of {length}");
            }
        }
    }
}

fn read(value: &[u8]) -> Result<(), RdbError> {
    let mut reader = ValueReader::open(value, 512 << 20)?;
    while reader.next_element()?.is_some() {}
    Ok(())
}
