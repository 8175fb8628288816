//! Random and damaged append-only files: a clear end. What memory they take is in `tests/rdb/memory.rs`.

use proptest::prelude::*;
use windrow::resp::write_command;

use crate::hostile;

/// A part with everything that stands in one.
fn whole() -> Vec<u8> {
    let mut bytes =
        b"REDIS0010\xfa\x08aof-base\xC0\x01\xfe\x00\x00\x01k\x01v\xff\0\0\0\0\0\0\0\0#TS:1700000000\r\n".to_vec();
    for words in [
        &["SELECT", "0"][..],
        &["SET", "a", "1", "PXAT", "1700000000000"],
        &["MULTI"],
        &["RPUSH", "l", "a\r\nb", ""],
        &["INCR", "a"],
        &["EXEC"],
        &["DEL", "a"],
    ] {
        write_command(&mut bytes, words);
    }
    bytes
}

#[test]
fn a_part_that_is_cut_anywhere_gives_what_is_whole_before() {
    let bytes = whole();
    let (all, good) = hostile::read_part(&bytes).unwrap();
    assert_eq!((all.len(), good), (4, bytes.len() as u64));
    for end in 0..bytes.len() {
        hostile::all(&bytes[..end]);
        if let Some((steps, _)) = hostile::read_part(&bytes[..end]) {
            assert_eq!(steps, all[..steps.len()]);
        }
    }
}

#[test]
fn a_part_with_any_byte_changed_never_panics() {
    let bytes = whole();
    for at in 0..bytes.len() {
        for change in [0x01, 0x02, 0x10, 0x80, 0xFF, b'\n' ^ bytes[at], b'*' ^ bytes[at], b'9' ^ bytes[at]] {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            hostile::all(&changed);
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        hostile::all(&bytes);
    }

    #[test]
    fn words_in_any_order_never_panic(picks in proptest::collection::vec(0_usize..14, 0..60)) {
        let pieces: [&[u8]; 14] = [
            b"*1\r\n", b"*2\r\n", b"$1\r\n", b"$5\r\n", b"MULTI", b"EXEC\r\n", b"a\r\n", b"\r\n", b"#TS:1\n", b"$4\r\n",
            b"*1\r\n$5\r\nMULTI\r\n", b"*1\r\n$4\r\nEXEC\r\n", b"*1\r\n$1\r\na\r\n", b"*-1\r\n",
        ];
        let bytes: Vec<u8> = picks.iter().flat_map(|pick| pieces[*pick]).copied().collect();
        hostile::all(&bytes);
    }
}
