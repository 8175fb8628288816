//! Strings: several at once.
//!
//! May use the string operations. Invariant: all keys are read, or written, at one moment.

use super::arguments::option;
use super::refusal::{Refusal, SYNTAX, instead};
use super::{Answer, Call, Command, keyed, row};
use crate::resp::Frame;
use crate::{ErrorKind, LcsMatch, Source, Writable};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("mget", -2, "readonly fast", [1, -1, 1], ("string", "1.0.0"), keyed!(mget),
        "Get the values of all the given keys"),
    row("mset", -3, "write denyoom", [1, -1, 2], ("string", "1.0.1"), keyed!(mset),
        "Set multiple keys to multiple values"),
    row("msetnx", -3, "write denyoom", [1, -1, 2], ("string", "1.0.1"), keyed!(msetnx),
        "Set multiple keys to multiple values, only if none of the keys exist"),
    row("lcs", -3, "readonly", [1, 2, 1], ("string", "7.0.0"), keyed!(lcs),
        "Find longest common substring"),
];

fn mget<S: Source>(call: &Call<'_, S>) -> Answer {
    let found = call.db.strings().mget(call.args)?;
    Ok(Frame::Array(found.into_iter().map(Frame::or_null).collect()))
}

fn mset<S: Writable>(call: &Call<'_, S>) -> Answer {
    let pairs = call.groups::<2>(0)?;
    call.db.strings().mset(pairs.iter().map(|[key, value]| (key, value)))?;
    Ok(Frame::OK)
}

fn msetnx<S: Writable>(call: &Call<'_, S>) -> Answer {
    let pairs = call.groups::<2>(0)?;
    Ok(Frame::flag(call.db.strings().mset_nx(pairs.iter().map(|[key, value]| (key, value)))?))
}

fn lcs<S: Source>(call: &Call<'_, S>) -> Answer {
    let (a, b) = (call.arg(0)?, call.arg(1)?);
    let (mut len, mut idx, mut with_lengths, mut least) = (false, false, false, 0_u64);
    let strings = call.db.strings();
    let wrong = |error| instead(ErrorKind::WrongType, "ERR The specified keys must contain string values")(error);
    let lengths = (strings.len(a).map_err(wrong)?, strings.len(b).map_err(wrong)?);
    let mut words = call.words(2);
    while let Some(word) = words.next() {
        match option(word).as_slice() {
            b"IDX" => idx = true,
            b"LEN" => len = true,
            b"WITHMATCHLEN" => with_lengths = true,
            b"MINMATCHLEN" if !words.is_empty() => least = u64::try_from(words.integer()?).unwrap_or(0),
            _ => return Err(SYNTAX),
        }
    }
    if len && idx {
        return Err(Refusal::of("ERR If you want both the length and indexes, please just use IDX."));
    }
    if !fits(lengths.0, lengths.1, call.shared.options.max_bulk_bytes) {
        return Err(Refusal::of("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"));
    }
    if len {
        return Ok(Frame::count(strings.lcs_len(a, b).map_err(wrong)?));
    }
    if !idx {
        return Ok(Frame::Bulk(strings.lcs(a, b).map_err(wrong)?));
    }
    let found = strings.lcs_matches(a, b, least).map_err(wrong)?;
    let matches = found.matches.into_iter().map(|one| stretch(one, with_lengths)).collect();
    Ok(Frame::Map(vec![(Frame::name("matches"), Frame::Array(matches)), (Frame::name("len"), Frame::count(found.len))]))
}

/// Whether Redis would take so long strings: it needs four bytes for each pair of places. The crate needs less memory, and as
/// much time.
fn fits(a: u64, b: u64, most: usize) -> bool {
    let cells = a.checked_add(1).zip(b.checked_add(1)).and_then(|(a, b)| a.checked_mul(b));
    let bytes = cells.and_then(|cells| cells.checked_mul(4)).and_then(|bytes| usize::try_from(bytes).ok());
    bytes.is_some_and(|bytes| bytes <= most)
}

fn stretch(one: LcsMatch, with_length: bool) -> Frame {
    let ends = |start: u64| {
        let last = start.saturating_add(one.len).saturating_sub(1);
        Frame::Array(vec![Frame::count(start), Frame::count(last)])
    };
    let mut parts = vec![ends(one.a_start), ends(one.b_start)];
    if with_length {
        parts.push(Frame::count(one.len));
    }
    Frame::Array(parts)
}
