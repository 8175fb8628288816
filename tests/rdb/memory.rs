//! What reading takes: memory for what came, not for what was claimed, and for one element, not for all.
//!
//! One test alone, because all threads of a process share what is counted.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "in a test a panic is the report")]

use windrow::aof::AofReader;
use windrow::rdb::{FileReader, RdbError, ValueReader};
use windrow::resp::Limits;

use crate::counting::most_bytes;

#[path = "../memory/counting.rs"]
mod counting;
#[path = "../support/rdb.rs"]
#[allow(dead_code, reason = "these tests need a part of it")]
mod rdb;

/// What the reading of a value of a few bytes may take, and that of a large one that is made while it is read.
const MOST: usize = 1 << 20;

/// As long as the longest string that is allowed, and as the longest collection in one string.
const CLAIMS: [u64; 5] = [512 << 20, 1 << 30, (1 << 32) - 1, 1 << 40, (1 << 63) + 1];

fn claim(length: u64) -> Vec<u8> {
    [&[0x81], &length.to_be_bytes()[..]].concat()
}

#[test]
fn memory_is_taken_for_what_came_and_for_one_element_at_a_time() {
    nothing_is_reserved_for_a_length_that_is_only_claimed();
    files_take_memory_for_what_came();
    a_set_of_a_million_members_is_read_with_the_memory_of_one();
}

fn files_take_memory_for_what_came() {
    for length in CLAIMS {
        for number in 0..=22 {
            let part = [vec![number], rdb::string(b"key"), claim(length), b"some".to_vec()].concat();
            let name = [vec![number], claim(length), b"some".to_vec()].concat();
            for file in [part, name] {
                let file = [b"REDIS0010".as_slice(), &file].concat();
                let most = most_bytes(|| {
                    let mut reader = FileReader::open(file.as_slice(), 1 << 20, 4 << 30).unwrap();
                    while let Ok(Some(_)) = reader.next_record() {}
                });
                assert!(most < MOST, "type {number}: {most} bytes for a claim of {length}");
            }
        }
    }
    let limits = Limits { max_words: i32::MAX as usize, max_word_bytes: 512 << 20, max_line_bytes: 64 * 1024 };
    for file in ["*2147483647\r\n$536870912\r\nabc", "*2147483647\r\n$1\r\na\r\n", "*1\r\n$5\r\nMULTI\r\n*9999999\r\n"]
    {
        let most = most_bytes(|| {
            let mut reader = AofReader::new(file.as_bytes(), 0, limits);
            assert!(reader.next_commands().unwrap().is_none() && reader.is_cut());
        });
        assert!(most < MOST, "{most} bytes for {file}");
    }
}

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

/// A set of so many members that is made while it is read, a few bytes at a time.
struct Endless {
    left: u32,
    made: Vec<u8>,
}

impl std::io::Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.made.is_empty() && self.left > 0 {
            self.left -= 1;
            self.made = rdb::string(format!("a member with a rather long name: {:07}", self.left));
        }
        let some = into.len().min(self.made.len()).min(5);
        into[..some].copy_from_slice(&self.made[..some]);
        self.made.drain(..some);
        Ok(some)
    }
}

fn a_set_of_a_million_members_is_read_with_the_memory_of_one() {
    const MEMBERS: u32 = 1_000_000;
    let most = most_bytes(|| {
        let made = rdb::value(rdb::SET, &[rdb::length(MEMBERS as usize)]);
        let mut reader = ValueReader::open(Endless { left: MEMBERS, made }, 100).unwrap();
        let mut found = 0;
        while reader.next_element().unwrap().is_some() {
            found += 1;
        }
        assert_eq!(found, MEMBERS);
    });
    assert!(most < MOST, "{most} bytes, where the members have {} of them", MEMBERS * 41);
}

fn read(value: &[u8]) -> Result<(), RdbError> {
    let mut reader = ValueReader::open(value, 512 << 20)?;
    while reader.next_element()?.is_some() {}
    Ok(())
}
