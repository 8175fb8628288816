//! Parts of sorted sets: counted, read in the new and the old ways, removed, stored.
//!
//! Uses the public API of sorted sets. Invariant: what Redis leaves undefined (ranges of members in a set with several
//! scores) is not compared.

use windrow::{DataType, Db, ErrorKind, LexBound, ScoreBound, Writable, ZRange};

use super::{members_or_pairs, number, pick_score, without_negative_zero};
use crate::command::{Command, Handler, Mirror, Place, Run};
use crate::draw::Draw;
use crate::resp::Reply;

/// The commands that were there before ZRANGE could do everything.
const OLD: [&str; 5] = ["ZREVRANGE", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE", "ZRANGEBYLEX", "ZREVRANGEBYLEX"];

/// What the bounds of a part are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// Draws a command that reads a part of the set at `key`.
pub(super) fn draw_reading(draw: &mut Draw, key: &[u8]) -> Command {
    match draw.below(24) {
        0..=3 => bounds(draw, Command::new("ZCOUNT").arg(key), By::Score),
        4..=5 => bounds(draw, Command::new("ZLEXCOUNT").arg(key), By::Lex),
        6..=14 => new_range(draw, Command::new("ZRANGE").arg(key), true),
        _ => old_range(draw, key),
    }
}

/// Draws a command that removes a part of the set at `key`, or stores one.
pub(super) fn draw_writing(draw: &mut Draw, key: &[u8]) -> Command {
    match draw.below(10) {
        0..=1 => bounds(draw, Command::new("ZREMRANGEBYRANK").arg(key), By::Rank),
        2..=3 => bounds(draw, Command::new("ZREMRANGEBYSCORE").arg(key), By::Score),
        4..=5 => bounds(draw, Command::new("ZREMRANGEBYLEX").arg(key), By::Lex),
        _ => {
            let to = draw.key();
            new_range(draw, Command::new("ZRANGESTORE").arg(to).arg(key), false)
        }
    }
}

fn bounds(draw: &mut Draw, command: Command, by: By) -> Command {
    let (min, max) = match by {
        By::Rank => (draw.index().to_string().into_bytes(), draw.index().to_string().into_bytes()),
        By::Score => (score_bound(draw), score_bound(draw)),
        By::Lex => (lex_bound(draw, "-"), lex_bound(draw, "+")),
    };
    command.arg(min).arg(max)
}

fn score_bound(draw: &mut Draw) -> Vec<u8> {
    let score = if draw.once_in(60) { "nan" } else { pick_score(draw) };
    format!("{}{score}", draw.pick(&["", "", "("])).into_bytes()
}

fn lex_bound(draw: &mut Draw, open: &str) -> Vec<u8> {
    match draw.below(16) {
        0..=3 => open.as_bytes().to_vec(),
        // The wrong end.
        4 => draw.pick(&["-", "+"]).as_bytes().to_vec(),
        5..=8 => [b"(".as_slice(), &draw.member()].concat(),
        _ => [b"[".as_slice(), &draw.member()].concat(),
    }
}

fn limit(draw: &mut Draw, command: Command) -> Command {
    if draw.once_in(3) { command.arg("LIMIT").int(draw.below(6)).int(draw.within(-1..5)) } else { command }
}

fn new_range(draw: &mut Draw, command: Command, gives: bool) -> Command {
    let (word, by) = draw.pick(&[("", By::Rank), ("BYSCORE", By::Score), ("BYLEX", By::Lex)]);
    let mut command = bounds(draw, command, by);
    if draw.once_in(2) {
        // Redis takes the higher bound first then.
        let last = command.args.len() - 1;
        command.args.swap(last - 1, last);
        command = command.arg("REV");
    }
    if by != By::Rank {
        command = limit(draw, command.arg(word));
    }
    if gives && by != By::Lex && draw.once_in(2) { command.arg("WITHSCORES") } else { command }
}

fn old_range(draw: &mut Draw, key: &[u8]) -> Command {
    let name = draw.pick(&OLD);
    let by = by_of(name);
    let mut command = bounds(draw, Command::new(name).arg(key), by);
    if name.starts_with("ZREV") {
        command.args.swap(1, 2);
    }
    if by != By::Lex && draw.once_in(2) {
        command = command.arg("WITHSCORES");
    }
    if by == By::Rank { command } else { limit(draw, command) }
}

fn by_of(name: &str) -> By {
    match name {
        "ZCOUNT" => By::Score,
        name if name.contains("SCORE") => By::Score,
        name if name.contains("LEX") => By::Lex,
        _ => By::Rank,
    }
}

pub(super) fn handlers<S: Writable>() -> Vec<Handler<S>> {
    let reading = [
        defined("ZCOUNT", |place, command| defined_at(place, command, 0, count)),
        defined("ZLEXCOUNT", |place, command| defined_at(place, command, 0, count)),
        defined("ZRANGE", |place, command| defined_at(place, command, 0, range)),
        defined("ZREVRANGE", |place, command| defined_at(place, command, 0, range)),
        defined("ZRANGEBYSCORE", |place, command| defined_at(place, command, 0, range)),
        defined("ZREVRANGEBYSCORE", |place, command| defined_at(place, command, 0, range)),
        defined("ZRANGEBYLEX", |place, command| defined_at(place, command, 0, range)),
        defined("ZREVRANGEBYLEX", |place, command| defined_at(place, command, 0, range)),
    ];
    let writing = [
        defined("ZREMRANGEBYRANK", |place, command| defined_at(place, command, 0, remove)),
        defined("ZREMRANGEBYSCORE", |place, command| defined_at(place, command, 0, remove)),
        defined("ZREMRANGEBYLEX", |place, command| defined_at(place, command, 0, remove)),
        defined("ZRANGESTORE", |place, command| defined_at(place, command, 1, store)),
    ];
    reading.into_iter().chain(writing).collect()
}

fn defined<S: Writable>(name: &'static str, run: Run<S>) -> Handler<S> {
    Handler::mirrored(name, run, SAME)
}

/// A part of a set, as a command names it whose source stands at `source` and the bounds behind it.
struct Part<'c> {
    range: ZRange<'c>,
    by: By,
}

impl<'c> Part<'c> {
    fn of(command: &'c Command, source: usize) -> Self {
        let [first, second] = [&command.args[source + 1], &command.args[source + 2]];
        let options = source + 3;
        let by = match by_of(command.name) {
            By::Rank if command.has(options, "BYSCORE") => By::Score,
            By::Rank if command.has(options, "BYLEX") => By::Lex,
            by => by,
        };
        let is_reversed = command.name.starts_with("ZREVRANGE") || command.has(options, "REV");
        let (min, max) = if is_reversed { (second, first) } else { (first, second) };
        let mut range = match by {
            By::Rank => ZRange::ranks(command.number(source + 1), command.number(source + 2)),
            By::Score => ZRange::scores(score_end(min), score_end(max)),
            By::Lex => ZRange::lex(lex_end(min), lex_end(max)),
        };
        if is_reversed {
            range = range.rev();
        }
        if let Some(at) = command.args[options..].iter().position(|arg| arg == b"LIMIT") {
            let count: i64 = command.number(options + at + 2);
            range = range.limit(command.number(options + at + 1), u64::try_from(count).unwrap_or(u64::MAX));
        }
        Self { range, by }
    }
}

fn score_end(text: &[u8]) -> ScoreBound {
    match text.strip_prefix(b"(") {
        Some(text) => ScoreBound::Excluded(number(text)),
        None => ScoreBound::Included(number(text)),
    }
}

fn lex_end(text: &[u8]) -> LexBound<'_> {
    match text.split_first() {
        Some((b'-', [])) => LexBound::Min,
        Some((b'+', [])) => LexBound::Max,
        Some((b'(', member)) => LexBound::Excluded(member),
        Some((b'[', member)) => LexBound::Included(member),
        _ => panic!("drawn as a bound"),
    }
}

/// What is done with a part of the source.
type Work<S> = fn(&Db<S>, &Command, &[u8], ZRange<'_>) -> windrow::Result<Reply>;

fn count<S: Writable>(db: &Db<S>, _command: &Command, source: &[u8], range: ZRange<'_>) -> windrow::Result<Reply> {
    Ok(Reply::int(db.zsets().count(source, range)?))
}

fn range<S: Writable>(db: &Db<S>, command: &Command, source: &[u8], range: ZRange<'_>) -> windrow::Result<Reply> {
    let found = db.zsets().range(source, range)?.collect::<windrow::Result<Vec<_>>>()?;
    Ok(members_or_pairs(command.has(3, "WITHSCORES"), found))
}

fn remove<S: Writable>(db: &Db<S>, _command: &Command, source: &[u8], range: ZRange<'_>) -> windrow::Result<Reply> {
    Ok(Reply::int(db.zsets().remove_range(source, range)?))
}

fn store<S: Writable>(db: &Db<S>, command: &Command, source: &[u8], range: ZRange<'_>) -> windrow::Result<Reply> {
    Ok(Reply::int(db.zsets().range_store(command.key(), source, range)?))
}

/// What stands for a reply that Redis leaves undefined.
fn undefined() -> Reply {
    Reply::Simple("undefined".to_owned())
}

/// Does a command unless it is one on members in byte order of a set that has several scores.
fn defined_at<S: Writable>(
    place: &Place<'_, S>,
    command: &Command,
    source: usize,
    work: Work<S>,
) -> windrow::Result<Reply> {
    let (db, part, source) = (place.db(), Part::of(command, source), &command.args[source]);
    if part.by == By::Lex && db.data_type(source)? == Some(DataType::SortedSet) {
        let score_at = |rank| -> windrow::Result<Option<f64>> {
            let mut one = db.zsets().range(source, ZRange::ranks(rank, rank))?;
            Ok(one.next().transpose()?.map(|(_, score)| score))
        };
        if score_at(0)? != score_at(-1)? {
            return Ok(undefined());
        }
    }
    match work(db, command, source, part.range) {
        Err(error) if error.kind() == ErrorKind::NotANumber => {
            Ok(Reply::Error("ERR min or max is not a float".to_owned()))
        }
        done => done,
    }
}

/// The same command, unless it was undefined.
const SAME: Mirror = Mirror {
    commands: |command, ours| if *ours == undefined() { Vec::new() } else { vec![command.clone()] },
    is_legal: |_, ours, replies| match replies {
        [] => *ours == undefined(),
        [theirs] => without_negative_zero(theirs.clone()) == without_negative_zero(ours.clone()),
        _ => false,
    },
};
