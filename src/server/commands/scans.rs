//! Scans: reading in pages.
//!
//! May use the scans of the crate, and the server's table of cursors. Invariant: a client gets a number for its place; only the
//! place that the number stands for is used.

use bytes::Bytes;

use super::arguments::{integer, is, option};
use super::refusal::{NOT_AN_INTEGER, Refusal, SYNTAX, WRONG_TYPE};
use super::{Answer, Call, Command, Run, row};
use crate::resp::{Frame, write_double};
use crate::{DataType, Live, ScanCursor, ScanOptions, ScanPage};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("scan", -2, "readonly", [0, 0, 0], ("generic", "2.8.0"), Run::Whole(scan),
        "Incrementally iterate the keys space"),
    row("hscan", -3, "readonly", [1, 1, 1], ("hash", "2.8.0"), Run::Whole(hscan),
        "Incrementally iterate hash fields and associated values"),
    row("sscan", -3, "readonly", [1, 1, 1], ("set", "2.8.0"), Run::Whole(sscan),
        "Incrementally iterate Set elements"),
    row("zscan", -3, "readonly", [1, 1, 1], ("sorted-set", "2.8.0"), Run::Whole(zscan),
        "Incrementally iterate sorted sets elements and associated scores"),
];

/// What is asked for beside the place.
struct Asked<'a> {
    cursor: ScanCursor,
    options: ScanOptions<'a>,
    /// `Some(None)` for a type that no key has.
    wanted: Option<Option<DataType>>,
}

impl<'a> Asked<'a> {
    /// Reads the cursor, which stands at `at`, and the options behind it.
    fn read(call: &Call<'a, Live>, at: usize) -> Result<Self, Refusal> {
        let invalid = || Refusal::of("ERR invalid cursor");
        let number = std::str::from_utf8(call.arg(at)?).ok().and_then(|text| text.parse::<u64>().ok());
        let cursor = call.shared.cursors.place(number.ok_or_else(invalid)?).ok_or_else(invalid)?;
        let mut asked = Self { cursor, options: ScanOptions::new(), wanted: None };
        let mut words = call.words(at + 1);
        while let Some(word) = words.next() {
            match option(word).as_slice() {
                b"COUNT" if !words.is_empty() => {
                    let count = integer(words.wanted()?)?;
                    let count = u64::try_from(count).ok().filter(|count| *count > 0).ok_or(SYNTAX)?;
                    asked.options = asked.options.count(count);
                }
                b"MATCH" if !words.is_empty() => asked.options = asked.options.matching(words.wanted()?),
                b"TYPE" if at == 0 && !words.is_empty() => asked.wanted = Some(type_of(words.wanted()?)),
                _ => return Err(SYNTAX),
            }
        }
        Ok(asked)
    }

    /// Reads a scan of a key. Redis looks at the key before the options: `None` if there is none, whatever they say.
    fn of_key(call: &Call<'a, Live>, wanted: DataType) -> Result<Option<Self>, Refusal> {
        match Self::read(call, 1) {
            Ok(asked) => Ok(Some(asked)),
            Err(refusal) if refusal == SYNTAX || refusal == NOT_AN_INTEGER => match call.db.data_type(call.arg(0)?)? {
                None => Ok(None),
                Some(held) if held != wanted => Err(WRONG_TYPE),
                Some(_) => Err(refusal),
            },
            Err(refusal) => Err(refusal),
        }
    }
}

/// A page that ends a scan of nothing.
fn nothing() -> Frame {
    Frame::Array(vec![Frame::name("0"), Frame::Array(Vec::new())])
}

fn type_of(word: &[u8]) -> Option<DataType> {
    [DataType::String, DataType::Hash, DataType::Set, DataType::List, DataType::SortedSet]
        .into_iter()
        .find(|found| is(word, &found.to_string()))
}

fn page<T>(call: &Call<'_, Live>, page: ScanPage<T>, frames: impl FnMut(T) -> Vec<Frame>) -> Answer {
    let number = call.shared.cursors.number(page.cursor);
    let items = page.items.into_iter().flat_map(frames).collect();
    Ok(Frame::Array(vec![Frame::text(number.to_string()), Frame::Array(items)]))
}

fn scan(call: &Call<'_, Live>) -> Answer {
    let asked = Asked::read(call, 0)?;
    let found = match asked.wanted {
        None => call.db.scan(&asked.cursor, asked.options)?,
        Some(Some(wanted)) => call.db.scan_of_type(&asked.cursor, asked.options, wanted)?,
        Some(None) => return Ok(nothing()),
    };
    page(call, found, |key: Bytes| vec![Frame::Bulk(key)])
}

fn hscan(call: &Call<'_, Live>) -> Answer {
    let Some(asked) = Asked::of_key(call, DataType::Hash)? else { return Ok(nothing()) };
    let found = call.db.hashes().scan(call.arg(0)?, &asked.cursor, asked.options)?;
    page(call, found, |(field, value)| vec![Frame::Bulk(field), Frame::Bulk(value)])
}

fn sscan(call: &Call<'_, Live>) -> Answer {
    let Some(asked) = Asked::of_key(call, DataType::Set)? else { return Ok(nothing()) };
    let found = call.db.sets().scan(call.arg(0)?, &asked.cursor, asked.options)?;
    page(call, found, |member| vec![Frame::Bulk(member)])
}

fn zscan(call: &Call<'_, Live>) -> Answer {
    let Some(asked) = Asked::of_key(call, DataType::SortedSet)? else { return Ok(nothing()) };
    let found = call.db.zsets().scan(call.arg(0)?, &asked.cursor, asked.options)?;
    page(call, found, |(member, score)| {
        // Scores are text here in both versions, as in Redis.
        let mut text = Vec::new();
        write_double(&mut text, score);
        vec![Frame::Bulk(member), Frame::Bulk(text.into())]
    })
}
