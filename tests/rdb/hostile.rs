//! What must hold for any bytes whatever.
//!
//! What lives here: one function for each reader. Each feeds `bytes` to it and asserts that what is read and written again
//! reads the same. The tests call them with random and with damaged bytes; the fuzz target includes this very file.

use windrow::encoding::DataType;
use windrow::rdb::{
    Element, FileReader, FileWriter, FoundValue, Length, Record, ValueReader, begin_value, decompress, open_payload,
    read_length, read_string, seal_payload, write_length, write_score, write_string,
};

/// The longest string that is read here.
const MOST: usize = 1 << 20;

/// The bytes as they come, and each part of the format alone.
pub fn all(bytes: &[u8]) {
    payload(bytes);
    value(bytes);
    length(bytes);
    string(bytes);
    compressed(bytes);
    files(bytes);
}

/// The bytes as a file, behind a right beginning, and with an end as well.
pub fn files(bytes: &[u8]) {
    file(bytes);
    file(&[b"REDIS0010", bytes].concat());
    file(&[b"REDIS0010", bytes, &[0xFF, 0, 0, 0, 0, 0, 0, 0, 0]].concat());
}

/// A file: what was read to its end and written again reads the same. A value that reads ends where its span does.
pub fn file(bytes: &[u8]) {
    if let Some(keys) = read_file(bytes) {
        let mut again = Vec::new();
        let mut writer = FileWriter::begin(&mut again).ok();
        for (db, key, expires_at, held) in &keys {
            let done = writer.as_mut().and_then(|writer| writer.key(*db, key, *expires_at, held).ok());
            assert!(done.is_some(), "a buffer takes everything");
        }
        assert!(writer.and_then(|writer| writer.finish().ok()).is_some(), "a buffer takes everything");
        assert_eq!(read_file(&again), Some(keys));
    }
}

/// A key of a file: its db, its name, its expiry, its value.
pub type FileKey = (u32, Vec<u8>, Option<u64>, Vec<u8>);

/// Reads a file to its end, and each of its values.
pub fn read_file(bytes: &[u8]) -> Option<Vec<FileKey>> {
    let mut reader = FileReader::open(bytes, MOST, MOST).ok()?;
    let mut keys = Vec::new();
    while let Some(record) = reader.next_record().ok()? {
        let Record::Key(found) = record else { continue };
        if let (Ok(db), Some(key), FoundValue::Raw { bytes, .. }) = (u32::try_from(found.db), found.key, found.value) {
            let mut left = bytes.as_slice();
            if let Ok(mut value) = ValueReader::open(&mut left, MOST) {
                // WHY one look at each answer: what is read after an error means nothing.
                let end = loop {
                    match value.next_element() {
                        Ok(Some(_)) => {}
                        end => break end,
                    }
                };
                assert!(end.is_err() || left.is_empty(), "a value ends before its span");
            }
            keys.push((db, key.to_vec(), found.expires_at, bytes));
        }
    }
    Some(keys)
}

/// A payload, with its own footer and with a right one.
pub fn payload(bytes: &[u8]) {
    if let Ok(body) = open_payload(bytes) {
        value(body);
    }
    let mut sealed = bytes.to_vec();
    seal_payload(&mut sealed);
    assert_eq!(open_payload(&sealed).ok(), Some(bytes));
}

/// A value: what was read is written in the plain encodings, and reads the same.
pub fn value(bytes: &[u8]) {
    if let Some((data_type, elements)) = read(bytes) {
        assert_eq!(read(&written(data_type, &elements)), Some((data_type, elements)));
    }
}

/// Reads a value to its end.
pub fn read(bytes: &[u8]) -> Option<(DataType, Vec<Element>)> {
    let mut reader = ValueReader::open(bytes, MOST).ok()?;
    let mut elements = Vec::new();
    while let Some(element) = reader.next_element().ok()? {
        elements.push(element);
    }
    assert!(!elements.is_empty(), "a value of nothing was read");
    Some((reader.data_type(), elements))
}

/// Writes a value.
pub fn written(data_type: DataType, elements: &[Element]) -> Vec<u8> {
    let mut out = Vec::new();
    begin_value(&mut out, data_type, u64::try_from(elements.len()).unwrap_or(u64::MAX));
    for element in elements {
        match element {
            Element::Text(one) | Element::Item(one) | Element::Member(one) => write_string(&mut out, one),
            Element::Field(field, held) => [field, held].iter().for_each(|one| write_string(&mut out, one)),
            Element::Scored(member, score) => {
                write_string(&mut out, member);
                write_score(&mut out, *score);
            }
        }
    }
    out
}

/// A length: none takes more bytes when it is written again.
pub fn length(bytes: &[u8]) {
    let mut left = bytes;
    if let Ok(Length::Plain(length)) = read_length(&mut left) {
        let mut out = Vec::new();
        write_length(&mut out, length);
        assert!(out.len() <= bytes.len() - left.len());
        assert_eq!(read_length(&mut out.as_slice()).ok(), Some(Length::Plain(length)));
    }
}

/// A string.
pub fn string(bytes: &[u8]) {
    if let Ok(string) = read_string(&mut { bytes }, MOST) {
        assert!(string.len() <= MOST);
        let mut out = Vec::new();
        write_string(&mut out, &string);
        assert_eq!(read_string(&mut out.as_slice(), MOST).ok(), Some(string));
    }
}

/// A compressed string, to the length that two bytes before it say.
pub fn compressed(bytes: &[u8]) {
    if let Some((length, compressed)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        if let Ok(text) = decompress(compressed, length) {
            assert_eq!(text.len(), length);
        }
    }
}
