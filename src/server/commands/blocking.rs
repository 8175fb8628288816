//! Pops that wait until there is something.
//!
//! May use the operations on lists and sorted sets. Invariant: what a command wants is read, and found right, before anything is
//! looked at; how it waits is `waiting`'s.

use std::time::Duration;

use bytes::Bytes;

use super::lists::{end_of, mpop_arguments};
use super::refusal::{Refusal, SYNTAX};
use super::{Answer, Command, Run, row, zsets};
use crate::resp::{Frame, parse_double};
use crate::{DataType, Db, ListEnd, Writable, ZEnd};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("blpop", -3, "write noscript blocking", [1, -2, 1], ("list", "2.0.0"), Run::Blocking(blpop),
        "Remove and get the first element in a list, or block until one is available"),
    row("brpop", -3, "write noscript blocking", [1, -2, 1], ("list", "2.0.0"), Run::Blocking(brpop),
        "Remove and get the last element in a list, or block until one is available"),
    row("blmove", 6, "write denyoom noscript blocking", [1, 2, 1], ("list", "6.2.0"), Run::Blocking(blmove),
        "Pop an element from a list, push it to another list and return it; or block until one is available"),
    row("brpoplpush", 4, "write denyoom noscript blocking", [1, 2, 1], ("list", "2.2.0"), Run::Blocking(brpoplpush),
        "Pop an element from a list, push it to another list and return it; or block until one is available"),
    row("blmpop", -5, "write blocking movablekeys", [0, 0, 0], ("list", "7.0.0"), Run::Blocking(blmpop),
        "Pop elements from a list, or block until one is available"),
    row("bzpopmin", -3, "write noscript blocking fast", [1, -2, 1], ("sorted-set", "5.0.0"), Run::Blocking(bzpopmin),
        "Remove and return the member with the lowest score from one or more sorted sets, or block until one is available"),
    row("bzpopmax", -3, "write noscript blocking fast", [1, -2, 1], ("sorted-set", "5.0.0"), Run::Blocking(bzpopmax),
        "Remove and return the member with the highest score from one or more sorted sets, or block until one is available"),
    row("bzmpop", -5, "write blocking movablekeys", [0, 0, 0], ("sorted-set", "7.0.0"), Run::Blocking(bzmpop),
        "Remove and return members with scores in a sorted set or block until one is available"),
];

/// What a command waits for.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The keys to take from, in order, none of them twice. They share no memory with what the client sent.
    pub(crate) keys: Vec<Bytes>,
    pop: Pop,
    /// `None`: for ever.
    pub(crate) patience: Option<Duration>,
}

/// What is taken.
#[derive(Debug)]
enum Pop {
    Item(ListEnd),
    Items { end: ListEnd, count: u64 },
    Move { to: Bytes, ends: [ListEnd; 2] },
    Member(ZEnd),
    Members { end: ZEnd, count: u64 },
}

impl Wanted {
    fn new(keys: &[Bytes], pop: Pop, patience: Option<Duration>) -> Self {
        let mut seen = std::collections::HashSet::new();
        let keys = keys.iter().filter(|key| seen.insert(*key)).map(|key| Bytes::copy_from_slice(key)).collect();
        Self { keys, pop, patience }
    }

    /// The type of the keys that it can take from.
    pub(crate) fn data_type(&self) -> DataType {
        match self.pop {
            Pop::Item(_) | Pop::Items { .. } | Pop::Move { .. } => DataType::List,
            Pop::Member(_) | Pop::Members { .. } => DataType::SortedSet,
        }
    }

    /// The key that gets what is taken.
    pub(crate) fn destination(&self) -> Option<&Bytes> {
        match &self.pop {
            Pop::Move { to, .. } => Some(to),
            _ => None,
        }
    }

    /// Takes from one key; nothing if there is none.
    pub(crate) fn take<S: Writable>(&self, db: &Db<S>, key: &Bytes) -> Result<Option<Frame>, Refusal> {
        let named = |rest: Vec<Frame>| Frame::Array(std::iter::once(Frame::Bulk(key.clone())).chain(rest).collect());
        Ok(match &self.pop {
            Pop::Item(end) => {
                let item = match end {
                    ListEnd::Left => db.lists().pop_left(key)?,
                    ListEnd::Right => db.lists().pop_right(key)?,
                };
                item.map(|item| named(vec![Frame::Bulk(item)]))
            }
            Pop::Items { end, count } => {
                db.lists().pop(key, *end, *count)?.map(|items| named(vec![Frame::bulks(items)]))
            }
            Pop::Move { to, ends: [from_end, to_end] } => {
                db.lists().move_item(key, to, *from_end, *to_end)?.map(Frame::Bulk)
            }
            Pop::Member(end) => zsets::popped(db, key, *end, 1)?
                .pop()
                .map(|(member, score)| named(vec![Frame::Bulk(member), Frame::Double(score)])),
            Pop::Members { end, count } => {
                let members = zsets::popped(db, key, *end, *count)?;
                (!members.is_empty()).then(|| named(vec![zsets::entries(members)]))
            }
        })
    }

    /// Takes from the first key that has something. A key of another type before it refuses.
    pub(crate) fn take_first<S: Writable>(&self, db: &Db<S>) -> Result<Option<Frame>, Refusal> {
        for key in &self.keys {
            if let Some(frame) = self.take(db, key)? {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    /// Takes what there is, without waiting: inside a transaction.
    pub(crate) fn at_once<S: Writable>(&self, db: &Db<S>) -> Answer {
        let nothing = if self.destination().is_some() { Frame::Null } else { Frame::NullArray };
        Ok(self.take_first(db)?.unwrap_or(nothing))
    }
}

/// The refusal of what cannot be read; the arity has been looked at.
const MISSING: Refusal = SYNTAX;

fn arg(args: &[Bytes], place: usize) -> Result<&Bytes, Refusal> {
    args.get(place).ok_or(MISSING)
}

/// Milliseconds beyond this do not fit where Redis counts them, and come out below zero there.
const TOO_MANY_MILLIS: f64 = 9_223_372_036_854_775_808.0;

/// How long to wait: seconds, perhaps with a fraction; zero for ever.
fn patience(word: &[u8]) -> Result<Option<Duration>, Refusal> {
    let no_float = Refusal::of("ERR timeout is not a float or out of range");
    let millis = (parse_double(word).ok_or(no_float)? * 1000.0).ceil();
    if !(0.0..TOO_MANY_MILLIS).contains(&millis) {
        return Err(Refusal::of("ERR timeout is negative"));
    }
    // Whoever cannot be told how long waits for ever, which nobody will notice.
    Ok(Duration::try_from_secs_f64(millis / 1000.0).ok().filter(|time| *time > Duration::ZERO))
}

fn of_keys(args: &[Bytes], pop: Pop) -> Result<Wanted, Refusal> {
    let (last, keys) = args.split_last().ok_or(MISSING)?;
    Ok(Wanted::new(keys, pop, patience(last)?))
}

fn blpop(args: &[Bytes]) -> Result<Wanted, Refusal> {
    of_keys(args, Pop::Item(ListEnd::Left))
}

fn brpop(args: &[Bytes]) -> Result<Wanted, Refusal> {
    of_keys(args, Pop::Item(ListEnd::Right))
}

fn moving(args: &[Bytes], ends: [ListEnd; 2], time: &[u8]) -> Result<Wanted, Refusal> {
    let to = Bytes::copy_from_slice(arg(args, 1)?);
    Ok(Wanted::new(args.get(..1).unwrap_or_default(), Pop::Move { to, ends }, patience(time)?))
}

fn blmove(args: &[Bytes]) -> Result<Wanted, Refusal> {
    let ends = [end_of(arg(args, 2)?)?, end_of(arg(args, 3)?)?];
    moving(args, ends, arg(args, 4)?)
}

fn brpoplpush(args: &[Bytes]) -> Result<Wanted, Refusal> {
    moving(args, [ListEnd::Right, ListEnd::Left], arg(args, 2)?)
}

fn blmpop(args: &[Bytes]) -> Result<Wanted, Refusal> {
    let (time, rest) = args.split_first().ok_or(MISSING)?;
    let (keys, end, count) = mpop_arguments(rest, end_of)?;
    Ok(Wanted::new(keys, Pop::Items { end, count }, patience(time)?))
}

fn bzpopmin(args: &[Bytes]) -> Result<Wanted, Refusal> {
    of_keys(args, Pop::Member(ZEnd::Min))
}

fn bzpopmax(args: &[Bytes]) -> Result<Wanted, Refusal> {
    of_keys(args, Pop::Member(ZEnd::Max))
}

fn bzmpop(args: &[Bytes]) -> Result<Wanted, Refusal> {
    let (time, rest) = args.split_first().ok_or(MISSING)?;
    let (keys, end, count) = mpop_arguments(rest, zsets::end_of)?;
    Ok(Wanted::new(keys, Pop::Members { end, count }, patience(time)?))
}

/// The databases and keys that a command may have filled, in the order in which Redis would find them ready; `None` for keys of
/// any db.
pub(crate) fn may_fill<'a>(command: &Command, words: &'a [Bytes], names: usize) -> Filled<'a> {
    match command.name {
        "swapdb" => Filled::Anything,
        "flushdb" | "flushall" => Filled::Nothing,
        // Both name another db, which is not worth looking for.
        "move" | "copy" => Filled::InAnyDb(super::keys_of(command, words, names)),
        _ => Filled::Here(super::keys_of(command, words, names)),
    }
}

/// Where there may be something new to take.
#[derive(Debug)]
pub(crate) enum Filled<'a> {
    Nothing,
    /// Keys of the selected db.
    Here(Vec<&'a Bytes>),
    /// Keys of these names.
    InAnyDb(Vec<&'a Bytes>),
    Anything,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_read_as_redis_reads_it() {
        let millis = |word: &str| patience(word.as_bytes()).map(|time| time.map(|time| time.as_millis()));
        assert_eq!(millis("0"), Ok(None));
        assert_eq!(millis("-0.0001"), Ok(None));
        assert_eq!(millis("0.0001"), Ok(Some(1)));
        assert_eq!(millis("1.5"), Ok(Some(1500)));
        assert_eq!(millis("0x10"), Ok(Some(16_000)));
        assert!(millis("9220000000000000").unwrap().is_some());
        for word in ["-1", "inf", "9223372036854775807", "1e300"] {
            assert_eq!(millis(word), Err(Refusal::of("ERR timeout is negative")), "{word}");
        }
        for word in ["x", "nan", " 1", ""] {
            assert_eq!(millis(word), Err(Refusal::of("ERR timeout is not a float or out of range")), "{word}");
        }
    }

    #[test]
    fn a_key_that_is_named_twice_counts_once() {
        let words: Vec<Bytes> = ["b", "a", "b", "0"].map(|word| Bytes::from_static(word.as_bytes())).into();
        assert_eq!(blpop(&words).unwrap().keys, ["b", "a"]);
    }
}
