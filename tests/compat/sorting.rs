//! SORT, over lists, sets and sorted sets.
//!
//! Uses the public API of a db. Invariant: what is compared is what Redis promises; where it leaves the order open,
//! only the rows or their number.

use bytes::Bytes;
use windrow::{DataType, ErrorKind, SortOptions, Writable};

use crate::command::{Command, Commands, Handler, Mirror, Place, both_sides};
use crate::draw::Draw;
use crate::resp::Reply;

pub(crate) struct Sorting;

impl Commands for Sorting {
    fn data_type(&self) -> Option<DataType> {
        None
    }

    /// Also draws what is worth sorting, in commands that other files handle.
    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        match draw.below(20) {
            0..=2 => Command::new("RPUSH").arg(key).args(numbers(draw)),
            3..=4 => Command::new("SADD").arg(key).args(numbers(draw)),
            5 => Command::new("DEL").arg(key),
            6 => Command::new("SET").arg(draw.pick(&["k1", "k2", "k3"])).arg(draw.number_text()),
            _ => sort(draw, key),
        }
    }

    both_sides!(handlers);
}

/// How each command is done and compared.
fn handlers<S: Writable>() -> Vec<Handler<S>> {
    vec![Handler::mirrored("SORT", run, SORT)]
}

/// Numbers, of which some lead to keys: `1` to `k1`.
fn numbers(draw: &mut Draw) -> Vec<Vec<u8>> {
    let count = 1 + draw.below(4);
    let one = |draw: &mut Draw| match draw.below(4) {
        0 => draw.number_text(),
        1 => draw.within(-300..300).to_string().into_bytes(),
        _ => draw.within(0..5).to_string().into_bytes(),
    };
    (0..count).map(|_| one(draw)).collect()
}

/// Patterns that lead nowhere, to keys, and to fields of hashes; and such that end earlier for C than for others.
const PATTERNS: [&str; 18] = [
    "nosort", "#", "k*", "k*", "*", "k*->m1", "k*->1", "k*->", "none*", "#\0", "#\0*", "\0*", "k*\0", "k*->m\0",
    "k*->\0m1", "k*\0->m1", "k*->m1\0", "k\0*",
];

fn sort(draw: &mut Draw, key: &[u8]) -> Command {
    let mut command = Command::new("SORT").arg(key);
    if draw.once_in(2) {
        command = command.arg("BY").arg(draw.pick(&PATTERNS));
    }
    if draw.once_in(3) {
        let count = if draw.once_in(4) { -1 } else { draw.within(0..5) };
        command = command.arg("LIMIT").int(draw.within(0..6)).int(count);
    }
    while draw.once_in(3) {
        command = command.arg("GET").arg(draw.pick(&PATTERNS));
    }
    if draw.once_in(3) {
        command = command.arg(draw.pick(&["ASC", "DESC", "DESC"]));
    }
    if draw.once_in(2) {
        command = command.arg("ALPHA");
    }
    if draw.once_in(5) { command.arg("STORE").arg(draw.key()) } else { command }
}

/// What the command says, as options.
fn options_of(command: &Command) -> SortOptions {
    let mut options = SortOptions::new();
    if let Some(by) = by_of(command) {
        options = options.by(by);
    }
    if let Some((offset, count)) = limit_of(command) {
        options = options.limit(offset, u64::try_from(count).unwrap_or(u64::MAX));
    }
    for pattern in gets_of(command) {
        options = options.get(pattern);
    }
    if command.has(1, "DESC") {
        options = options.descending();
    }
    if command.has(1, "ALPHA") { options.alphabetic() } else { options }
}

fn by_of(command: &Command) -> Option<&[u8]> {
    arg_after(command, "BY").map(|place| command.args[place].as_slice())
}

fn destination_of(command: &Command) -> Option<&[u8]> {
    arg_after(command, "STORE").map(|place| command.args[place].as_slice())
}

fn limit_of(command: &Command) -> Option<(u64, i64)> {
    arg_after(command, "LIMIT").map(|place| (command.number(place), command.number(place + 1)))
}

fn gets_of(command: &Command) -> impl Iterator<Item = &[u8]> {
    command.args.windows(2).skip(1).filter(|words| words[0] == b"GET").map(|words| words[1].as_slice())
}

/// The place behind an option.
fn arg_after(command: &Command, word: &str) -> Option<usize> {
    let place = command.args[1..].iter().position(|arg| arg == word.as_bytes())?;
    Some(place + 2)
}

/// Answers whether Redis leaves the order open, and the rows; or, where they are stored, their number and the list.
fn run<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let done = answer(place, command);
    match done {
        Err(error) if error.kind() == ErrorKind::NotAFloat => {
            Ok(Reply::Error("ERR One or more scores can't be converted into double".to_owned()))
        }
        done => done,
    }
}

fn answer<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let (db, key, options) = (place.db(), command.key(), options_of(command));
    // Before the destination, which may be the source, is written.
    let is_open = Reply::flag(is_open(place, command)?);
    let parts = match destination_of(command) {
        Some(destination) => {
            let length = Reply::int(db.sort_store(key, destination, &options)?);
            vec![is_open, length, crate::lists::whole(db, destination)?]
        }
        None => {
            let rows = db.sort(key, &options)?.into_iter().map(Reply::Bulk).collect();
            vec![is_open, Reply::Array(Some(rows))]
        }
    };
    Ok(Reply::Array(Some(parts)))
}

/// Whether Redis promises no order: of a set that is not sorted, and of different elements of equal weight if the
/// order is alphabetic. WHY only then: between equal numbers the elements' bytes decide. Redis compares with
/// `strcoll`, which sees nothing behind a zero byte, unless it stores.
fn is_open<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<bool> {
    let (db, key) = (place.db(), command.key());
    let stores = destination_of(command).is_some();
    let by = by_of(command);
    if by.is_some_and(|by| !before_zero(by).contains(&b'*')) {
        return Ok(!stores && db.data_type(key)? == Some(DataType::Set));
    }
    if !command.has(1, "ALPHA") {
        return Ok(false);
    }
    let as_they_lie = SortOptions::new().by("nosort");
    let elements = db.sort(key, &as_they_lie)?;
    let weights = db.sort(key, &as_they_lie.get(by.unwrap_or(b"#")))?;
    let seen = |weight: Option<Bytes>| match weight {
        Some(weight) if !stores => Some(Bytes::copy_from_slice(before_zero(&weight))),
        weight => weight,
    };
    let mut weighed: Vec<_> = weights.into_iter().map(seen).zip(elements).collect();
    weighed.sort();
    Ok(weighed.windows(2).any(|pair| pair[0].0 == pair[1].0 && pair[0].1 != pair[1].1))
}

/// What C takes for the string.
fn before_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap()
}

/// Whether the order is open, windrow's reply, and the list that it stored.
fn parts(ours: &Reply) -> (bool, &Reply, Option<&Reply>) {
    match ours {
        Reply::Array(Some(parts)) => (parts[0] == Reply::Int(1), &parts[1], parts.get(2)),
        refusal => (false, refusal, None),
    }
}

/// The rows in an order of their own.
fn rows(command: &Command, reply: &Reply) -> Vec<Vec<Reply>> {
    let Reply::Array(Some(values)) = reply else {
        return Vec::new();
    };
    let mut rows: Vec<_> = values.chunks(gets_of(command).count().max(1)).map(<[Reply]>::to_vec).collect();
    rows.sort();
    rows
}

/// Where the order is open, Redis gets the list that windrow stored.
///
/// WHY commands before: Redis 7.0 takes a number for out of range if one was so before, because it looks at an `errno` that
/// nobody has cleared since. Reading the scores of a small sorted set can set it, and the first sort rewrites such a set;
/// the second command clears it. Both do nothing else.
const SORT: Mirror = Mirror {
    commands: |command, ours| {
        let clear = Command::new("INCRBYFLOAT").arg("no such key").arg("no number");
        let rewrite = Command::new("SORT").arg(command.key()).arg("BY").arg("nosort").arg("LIMIT").int(0).int(0);
        let mut commands = vec![rewrite, clear, command.clone()];
        if let (true, _, Some(list)) = parts(ours)
            && let Some(destination) = destination_of(command)
            && !list.items().is_empty()
        {
            commands.push(Command::new("DEL").arg(destination).silently());
            commands.push(Command::new("RPUSH").arg(destination).args(list.items()).silently());
        }
        commands
    },
    is_legal: |command, ours, replies| match parts(ours) {
        (true, ours @ Reply::Array(_), None) => {
            let (ours, theirs) = (rows(command, ours), rows(command, &replies[2]));
            ours.len() == theirs.len() && (limit_of(command).is_some() || ours == theirs)
        }
        (_, ours, _) => *ours == replies[2],
    },
};
