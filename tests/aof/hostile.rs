//! What must hold for any bytes whatever.
//!
//! What lives here: one function for each reader. The tests call them with random and with damaged bytes; the fuzz target
//! includes this very file.

use std::io::Read;

use bytes::Bytes;
use windrow::aof::{AofReader, read_manifest};
use windrow::rdb::{FileReader, MAGIC};
use windrow::resp::{Limits, Parser, Request, write_command};

/// The longest string that is read here.
const MOST: usize = 1 << 20;

/// The bytes as they come, and behind a beginning that leads on.
pub fn all(bytes: &[u8]) {
    requests(bytes);
    part(bytes);
    part(&[b"*1\r\n$5\r\nMULTI\r\n", bytes].concat());
    manifest(bytes);
    manifest(&[b"file ", bytes].concat());
}

/// Requests are the same however the bytes come, and written again read the same.
pub fn requests(bytes: &[u8]) {
    let (whole, end) = parsed(bytes, bytes.len().max(1));
    let step = 1 + bytes.first().map_or(0, |first| usize::from(*first) % 7);
    assert_eq!(parsed(bytes, step), (whole.clone(), end));
    let commands: Vec<Vec<Bytes>> = whole
        .into_iter()
        .filter_map(|request| match request {
            Request::Command(words) if !words.is_empty() => Some(words),
            _ => None,
        })
        .collect();
    let mut again = Vec::new();
    commands.iter().for_each(|words| write_command(&mut again, words));
    let requests: Vec<Request> = commands.into_iter().map(Request::Command).collect();
    let length = u64::try_from(again.len()).unwrap_or(u64::MAX);
    assert_eq!(parsed(&again, again.len().max(1)), (requests, (false, length)));
}

/// All requests of bytes that come in pieces; whether they end in an error, and where the last whole one ends.
fn parsed(bytes: &[u8], step: usize) -> (Vec<Request>, (bool, u64)) {
    let mut parser = Parser::new(limits());
    let mut found = Vec::new();
    for piece in bytes.chunks(step) {
        parser.feed(piece);
        loop {
            match parser.next_request() {
                Ok(Some(request)) => found.push(request),
                Ok(None) => break,
                Err(_) => return (found, (true, parser.whole())),
            }
        }
    }
    (found, (false, parser.whole()))
}

fn limits() -> Limits {
    Limits { max_words: 1 << 20, max_word_bytes: MOST, max_line_bytes: 64 * 1024 }
}

/// A part: nothing is given of what stands behind the place that an error or a cut names.
pub fn part(bytes: &[u8]) {
    if let Some((commands, good)) = read_part(bytes) {
        let good = usize::try_from(good).unwrap_or(usize::MAX);
        assert!(good <= bytes.len());
        assert_eq!(
            read_part(bytes.get(..good).unwrap_or_default()),
            Some((commands, u64::try_from(good).unwrap_or(0)))
        );
    }
}

/// Steps of a part, and where they end; `None` if an RDB file in front of them cannot be read.
pub type Steps = (Vec<Vec<Vec<Bytes>>>, u64);

/// Reads a part as far as that goes, the RDB file with which it begins included.
pub fn read_part(bytes: &[u8]) -> Option<Steps> {
    if bytes.starts_with(MAGIC) {
        let mut file = FileReader::open(bytes, MOST, MOST).ok()?;
        while file.next_record().ok()?.is_some() {}
        let before = file.offset();
        return Some(steps(file.into_rest(), before));
    }
    Some(steps(bytes, 0))
}

fn steps(from: impl Read, before: u64) -> Steps {
    let mut reader = AofReader::new(from, before, limits());
    let mut steps = Vec::new();
    loop {
        match reader.next_commands() {
            Ok(Some(commands)) => {
                assert!(!commands.is_empty() && commands.iter().all(|words| !words.is_empty()), "a command of nothing");
                steps.push(commands);
            }
            Ok(None) => return (steps, reader.good()),
            Err(error) => {
                assert_eq!(error.offset, reader.good());
                return (steps, error.offset);
            }
        }
    }
}

/// A manifest: no part lies elsewhere.
pub fn manifest(bytes: &[u8]) {
    for part in read_manifest(bytes).unwrap_or_default() {
        let path = std::path::Path::new(&part.name);
        assert_eq!(path.file_name(), Some(path.as_os_str()), "a part has a path");
    }
}
