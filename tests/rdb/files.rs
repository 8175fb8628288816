//! Files: every mark around the values, those that are passed over, and every way to be no file.

use windrow::rdb::{FileReader, FileWriter, FoundValue, RdbError, Record, checksum, write_length, write_string};

use crate::hostile;

/// A length or a string, as a file holds it.
fn length(length: u64) -> Vec<u8> {
    let mut out = Vec::new();
    write_length(&mut out, length);
    out
}

fn string(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write_string(&mut out, text.as_bytes());
    out
}

/// A file around `parts`, with a right checksum.
fn file(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"REDIS0010".to_vec();
    out.extend(parts.concat());
    out.push(0xFF);
    let sum = checksum(&out);
    out.extend(sum.to_le_bytes());
    out
}

/// A stream of one node, with a group, a consumer and an entry that is pending.
fn stream() -> Vec<u8> {
    let numbers = |numbers: &[u64]| numbers.iter().flat_map(|number| length(*number)).collect::<Vec<u8>>();
    let pending = [vec![0; 24], length(1)].concat();
    let consumer = [string("consumer"), vec![0; 8], length(1), vec![0; 16]].concat();
    let group = [string("group"), numbers(&[1, 0, 1]), length(1), pending, length(1), consumer].concat();
    let node = [length(1), string("sixteen bytes id"), string("a listpack")].concat();
    [node, numbers(&[1, 1, 0, 1, 0, 0, 0, 1]), length(1), group].concat()
}

fn everything() -> Vec<u8> {
    file(&[
        vec![0xFA],
        string("redis-ver"),
        string("7.0.15"),
        vec![0xF7],
        numbers_of_a_module(),
        vec![0xF5],
        string("#!lua name=mylib"),
        vec![0xFE, 3, 0xFB, 9, 1],
        vec![0xFC],
        1_700_000_000_123_u64.to_le_bytes().to_vec(),
        vec![0xF8, 40, 0],
        string("a"),
        string("text"),
        vec![0xF9, 5, 0xFD],
        2_000_000_000_u32.to_le_bytes().to_vec(),
        vec![2],
        string("b"),
        vec![1],
        string("member"),
        vec![19],
        string("c"),
        stream(),
        vec![7],
        string("d"),
        numbers_of_a_module(),
        vec![0xFE, 0, 0],
        string("e"),
        vec![0xC1, 0x39, 0x30],
    ])
}

/// A module's id, then a number, a double and a string.
fn numbers_of_a_module() -> Vec<u8> {
    [length(1 << 60), vec![2, 7, 4], vec![0; 8], vec![5], string("text"), vec![0]].concat()
}

#[test]
fn everything_that_redis_writes_around_values_is_read_or_passed_over() {
    let bytes = everything();
    let mut reader = FileReader::open(bytes.as_slice(), 100, 100).unwrap();
    assert_eq!(reader.version(), 10);
    let mut seen = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        seen.push(match record {
            Record::Function => "function".to_owned(),
            Record::ModuleData => "module data".to_owned(),
            Record::Key(found) => {
                let value = match found.value {
                    FoundValue::Raw { bytes, unpacked } => format!("{} {unpacked}", bytes.escape_ascii()),
                    other => format!("{other:?}"),
                };
                format!("{} {:?} {:?} {value}", found.db, found.key.unwrap(), found.expires_at)
            }
        });
    }
    let expected = [
        "module data",
        "function",
        r#"3 b"a" Some(1700000000123) \x00\x04text 4"#,
        r#"3 b"b" Some(2000000000000) \x02\x01\x06member 6"#,
        r#"3 b"c" None Unsupported("a stream")"#,
        r#"3 b"d" None Unsupported("a module's value")"#,
        r#"0 b"e" None \x00\xc190 2"#,
    ];
    assert_eq!(seen, expected);
    assert_eq!(reader.offset(), bytes.len() as u64);
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused_where_it_ends() {
    let bytes = everything();
    for end in 0..bytes.len() {
        let error = read_through(&bytes[..end]).unwrap_err();
        assert!(matches!(error.source, RdbError::Truncated(_)), "{end}: {error}");
        assert!(error.offset <= end as u64);
    }
    hostile::file(&bytes);
}

#[test]
fn a_changed_byte_is_seen_by_the_checksum_if_by_nothing_else() {
    let bytes = everything();
    for place in 9..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1;
        assert!(read_through(&damaged).is_err(), "{place}");
        hostile::file(&damaged);
    }
}

#[test]
fn other_files_and_later_versions_are_refused() {
    let open = |bytes: &[u8]| FileReader::open(bytes, 10, 10).map(drop).unwrap_err();
    assert!(matches!(open(b"REDIS0011").source, RdbError::Version(11)));
    assert_eq!(open(b"REDIS00x0").to_string(), "at byte 9: this is no RDB file");
    assert!(matches!(open(b"*2\r\n$6\r\nSELECT\r\n").source, RdbError::Corrupt(_)));
    let module = file(&[vec![6], string("k"), vec![0; 20]]);
    assert!(matches!(read_through(&module).unwrap_err().source, RdbError::Unsupported { number: 6, .. }));
    assert!(matches!(read_through(&file(&[vec![99], string("k")])).unwrap_err().source, RdbError::UnknownType(99)));
}

#[test]
fn too_large_keys_and_values_are_passed_over() {
    let bytes = file(&[
        vec![0],
        string("long name"),
        string("v"),
        vec![0],
        string("k"),
        string("a long value"),
        vec![0],
        string("k"),
        string("v"),
    ]);
    let mut reader = FileReader::open(bytes.as_slice(), 5, 5).unwrap();
    let mut next = || match reader.next_record().unwrap() {
        Some(Record::Key(found)) => Some((found.key.is_some(), matches!(found.value, FoundValue::Raw { .. }))),
        _ => None,
    };
    assert_eq!([next(), next(), next(), next()], [Some((false, true)), Some((true, false)), Some((true, true)), None]);
}

#[test]
fn what_is_written_is_a_file() {
    let mut bytes = Vec::new();
    let mut writer = FileWriter::begin(&mut bytes).unwrap();
    writer.key(0, b"a", None, b"\0\x01x").unwrap();
    writer.key(7, b"b", Some(5), b"\0\x01y").unwrap();
    let written = writer.finish().unwrap();
    assert_eq!(written, bytes.len() as u64);
    let keys = hostile::read_file(&bytes).unwrap();
    let expected = [(0, b"a".to_vec(), None, b"\0\x01x".to_vec()), (7, b"b".to_vec(), Some(5), b"\0\x01y".to_vec())];
    assert_eq!(keys, expected);
}

fn read_through(bytes: &[u8]) -> Result<(), windrow::rdb::FileError> {
    let mut reader = FileReader::open(bytes, 100, 100)?;
    while reader.next_record()?.is_some() {}
    Ok(())
}
