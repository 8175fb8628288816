//! Sorted sets: parts by rank, by score and by member.
//!
//! May use the sorted-set operations. Invariant: as in `strings`.

use bytes::Bytes;

use super::arguments::{integer, option};
use super::refusal::{Refusal, SYNTAX};
use super::zsets::members_or_pairs;
use super::{Answer, Call, Command, keyed, row};
use crate::resp::{Frame, parse_double};
use crate::{LexBound, Result as Done, ScoreBound, Source, Writable, ZRange};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("zrange", -4, "readonly", [1, 1, 1], ("sorted-set", "1.2.0"), keyed!(zrange),
        "Return a range of members in a sorted set"),
    row("zrevrange", -4, "readonly", [1, 1, 1], ("sorted-set", "1.2.0"), keyed!(zrevrange),
        "Return a range of members in a sorted set, by index, with scores ordered from high to low"),
    row("zrangebyscore", -4, "readonly", [1, 1, 1], ("sorted-set", "1.0.5"), keyed!(zrangebyscore),
        "Return a range of members in a sorted set, by score"),
    row("zrevrangebyscore", -4, "readonly", [1, 1, 1], ("sorted-set", "2.2.0"), keyed!(zrevrangebyscore),
        "Return a range of members in a sorted set, by score, with scores ordered from high to low"),
    row("zrangebylex", -4, "readonly", [1, 1, 1], ("sorted-set", "2.8.9"), keyed!(zrangebylex),
        "Return a range of members in a sorted set, by lexicographical range"),
    row("zrevrangebylex", -4, "readonly", [1, 1, 1], ("sorted-set", "2.8.9"), keyed!(zrevrangebylex),
        "Return a range of members in a sorted set, by lexicographical range, ordered from higher to lower strings."),
    row("zrangestore", -5, "write denyoom", [1, 2, 1], ("sorted-set", "6.2.0"), keyed!(zrangestore),
        "Store a range of members from sorted set into another key"),
    row("zcount", 4, "readonly fast", [1, 1, 1], ("sorted-set", "2.0.0"), keyed!(zcount),
        "Count the members in a sorted set with scores within the given values"),
    row("zlexcount", 4, "readonly fast", [1, 1, 1], ("sorted-set", "2.8.9"), keyed!(zlexcount),
        "Count the number of members in a sorted set between a given lexicographical range"),
    row("zremrangebyrank", 4, "write", [1, 1, 1], ("sorted-set", "2.0.0"), keyed!(zremrangebyrank),
        "Remove all members in a sorted set within the given indexes"),
    row("zremrangebyscore", 4, "write", [1, 1, 1], ("sorted-set", "1.2.0"), keyed!(zremrangebyscore),
        "Remove all members in a sorted set within the given scores"),
    row("zremrangebylex", 4, "write", [1, 1, 1], ("sorted-set", "2.8.9"), keyed!(zremrangebylex),
        "Remove all members in a sorted set between the given lexicographical range"),
];

/// What the bounds of a part are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// How the words of a command are to be read.
#[derive(Clone, Copy)]
struct Form {
    /// `None` if options say it, and the direction too.
    by: Option<By>,
    is_reversed: bool,
    /// Where the source stands; the bounds and the options follow.
    source: usize,
    may_show_scores: bool,
}

/// What was asked for.
struct Asked<'a> {
    range: ZRange<'a>,
    with_scores: bool,
}

impl<'a> Asked<'a> {
    fn read<S: Source>(call: &Call<'a, S>, form: Form) -> Result<Self, Refusal> {
        let Form { by: fixed, mut is_reversed, source, may_show_scores } = form;
        let (mut by, mut with_scores, mut limit) = (fixed.unwrap_or(By::Rank), false, None);
        let mut words = call.words(source + 3);
        while let Some(word) = words.next() {
            match option(word).as_slice() {
                b"WITHSCORES" if may_show_scores => with_scores = true,
                b"LIMIT" if words.rest.len() >= 2 => limit = Some((words.integer()?, words.integer()?)),
                b"REV" if fixed.is_none() => is_reversed = true,
                b"BYLEX" if fixed.is_none() => by = By::Lex,
                b"BYSCORE" if fixed.is_none() => by = By::Score,
                _ => return Err(SYNTAX),
            }
        }
        if limit.is_some_and(|limit| limit != (0, -1)) && by == By::Rank {
            let words = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
            return Err(Refusal::of(words));
        }
        if with_scores && by == By::Lex {
            return Err(Refusal::of("ERR syntax error, WITHSCORES not supported in combination with BYLEX"));
        }
        let (first, second) = (call.arg(source + 1)?, call.arg(source + 2)?);
        let (min, max) = if is_reversed && by != By::Rank { (second, first) } else { (first, second) };
        let mut range = part(by, min, max)?;
        range = if is_reversed { range.rev() } else { range };
        if let Some((offset, count)) = limit {
            // Nothing lies before the first member.
            range = match u64::try_from(offset) {
                Ok(offset) => range.limit(offset, u64::try_from(count).unwrap_or(u64::MAX)),
                Err(_) => range.limit(0, 0),
            };
        }
        Ok(Self { range, with_scores })
    }
}

fn part<'a>(by: By, min: &'a [u8], max: &'a [u8]) -> Result<ZRange<'a>, Refusal> {
    Ok(match by {
        By::Rank => ZRange::ranks(integer(min)?, integer(max)?),
        By::Score => ZRange::scores(score_bound(min)?, score_bound(max)?),
        By::Lex => ZRange::lex(lex_bound(min)?, lex_bound(max)?),
    })
}

fn score_bound(word: &[u8]) -> Result<ScoreBound, Refusal> {
    let number = |text: &[u8]| {
        // Redis reads bounds as C does: spaces before them, and nothing at all, which is zero.
        let text = text.trim_ascii_start();
        if text.is_empty() { Some(0.0) } else { parse_double(text).or_else(|| beyond(text)) }
    };
    let refused = || Refusal::of("ERR min or max is not a float");
    Ok(match word.strip_prefix(b"(") {
        Some(text) => ScoreBound::Excluded(number(text).ok_or_else(refused)?),
        None => ScoreBound::Included(number(word).ok_or_else(refused)?),
    })
}

/// A bound too large or too small for the type is as good as infinite, or zero.
fn beyond(text: &[u8]) -> Option<f64> {
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!number.is_nan()).then_some(number)
}

fn lex_bound(word: &[u8]) -> Result<LexBound<'_>, Refusal> {
    match word.split_first() {
        Some((b'-', [])) => Ok(LexBound::Min),
        Some((b'+', [])) => Ok(LexBound::Max),
        Some((b'(', member)) => Ok(LexBound::Excluded(member)),
        Some((b'[', member)) => Ok(LexBound::Included(member)),
        _ => Err(Refusal::of("ERR min or max not valid string range item")),
    }
}

fn show<S: Source>(call: &Call<'_, S>, by: Option<By>, is_reversed: bool) -> Answer {
    let may_show_scores = by != Some(By::Lex);
    let asked = Asked::read(call, Form { by, is_reversed, source: 0, may_show_scores })?;
    let found: Done<Vec<(Bytes, f64)>> = call.db.zsets().range(call.arg(0)?, asked.range)?.collect();
    Ok(members_or_pairs(asked.with_scores, found?))
}

fn zrange<S: Source>(call: &Call<'_, S>) -> Answer {
    show(call, None, false)
}

fn zrevrange<S: Source>(call: &Call<'_, S>) -> Answer {
    show(call, Some(By::Rank), true)
}

fn zrangebyscore<S: Source>(call: &Call<'_, S>) -> Answer {
    show(call, Some(By::Score), false)
}

fn zrevrangebyscore<S: Source>(call: &Call<'_, S>) -> Answer {
    show(call, Some(By::Score), true)
}

fn zrangebylex<S: Source>(call: &Call<'_, S>) -> Answer {
    show(call, Some(By::Lex), false)
}

fn zrevrangebylex<S: Source>(call: &Call<'_, S>) -> Answer {
    show(call, Some(By::Lex), true)
}

fn zrangestore<S: Writable>(call: &Call<'_, S>) -> Answer {
    let form = Form { by: None, is_reversed: false, source: 1, may_show_scores: false };
    let asked = Asked::read(call, form)?;
    Ok(Frame::count(call.db.zsets().range_store(call.arg(0)?, call.arg(1)?, asked.range)?))
}

fn count<S: Source>(call: &Call<'_, S>, by: By) -> Answer {
    Ok(Frame::count(call.db.zsets().count(call.arg(0)?, part(by, call.arg(1)?, call.arg(2)?)?)?))
}

fn zcount<S: Source>(call: &Call<'_, S>) -> Answer {
    count(call, By::Score)
}

fn zlexcount<S: Source>(call: &Call<'_, S>) -> Answer {
    count(call, By::Lex)
}

fn remove<S: Writable>(call: &Call<'_, S>, by: By) -> Answer {
    Ok(Frame::count(call.db.zsets().remove_range(call.arg(0)?, part(by, call.arg(1)?, call.arg(2)?)?)?))
}

fn zremrangebyrank<S: Writable>(call: &Call<'_, S>) -> Answer {
    remove(call, By::Rank)
}

fn zremrangebyscore<S: Writable>(call: &Call<'_, S>) -> Answer {
    remove(call, By::Score)
}

fn zremrangebylex<S: Writable>(call: &Call<'_, S>) -> Answer {
    remove(call, By::Lex)
}
