//! SORT.
//!
//! Uses the public API of a db. Invariant: where Redis leaves an order open, only what is in it is compared.

use windrow::{DataType, Db, ErrorKind, SortOptions, Source};

use crate::command::{Command, Commands, Compare, Handler, Mirror, Place, refusal};
use crate::draw::Draw;
use crate::resp::Reply;

pub(crate) struct Sorting;

/// What elements lead to: the keys are few, so these are members that may be there.
const PATTERNS: [&str; 9] = ["k*", "*", "k*->m1", "k*->1", "*->", "none*", "nosort", "#", "*1"];

impl Commands for Sorting {
    fn data_type(&self) -> Option<DataType> {
        None
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        match draw.below(10) {
            // Something that can be sorted, and weights.
            0 => Command::new("SADD").arg(key).args((0..1 + draw.below(9)).map(|n| n.to_string())),
            1 => Command::new("SADD")
                .arg(key)
                .args((0..1 + draw.below(5)).map(|_| draw.number_text()).collect::<Vec<_>>()),
            2 => Command::new("SET").arg(draw.pick(&["k1", "k2", "k3"])).arg(draw.number_text()),
            _ => sort(draw, key),
        }
    }

    fn handlers(&self) -> Vec<Handler> {
        vec![Handler { name: "SORT", run, compare: Compare::Mirror(SORT) }]
    }
}

/// All items of a list.
pub(crate) fn whole<S: Source>(db: &Db<S>, key: &[u8]) -> windrow::Result<Reply> {
    let items = db.sort(key, &SortOptions::new().by("nosort"))?;
    Ok(Reply::Array(Some(items.into_iter().map(Reply::Bulk).collect())))
}

fn sort(draw: &mut Draw, key: &[u8]) -> Command {
    let mut command = Command::new("SORT").arg(key);
    if draw.once_in(2) {
        command = command.arg("BY").arg(draw.pick(&PATTERNS));
    }
    if draw.once_in(3) {
        let count = if draw.once_in(4) { 100 } else { draw.below(5) };
        command = command.arg("LIMIT").int(draw.below(6)).int(count);
    }
    for _ in 0..draw.pick(&[0, 0, 0, 1, 1, 3]) {
        command = command.arg("GET").arg(draw.pick(&PATTERNS));
    }
    if draw.once_in(3) {
        command = command.arg("DESC");
    }
    if draw.once_in(2) {
        command = command.arg("ALPHA");
    }
    // What is stored must be the same on both sides.
    if draw.once_in(2) && !is_open(&command) { command.arg("STORE").arg(draw.key()) } else { command }
}

fn run(place: &Place<'_>, command: &Command) -> windrow::Result<Reply> {
    let mut options = SortOptions::new();
    let mut destination = None;
    let mut rest = command.args[1..].iter();
    while let Some(word) = rest.next() {
        let mut next = || rest.next().unwrap();
        let number = |text: &[u8]| std::str::from_utf8(text).unwrap().parse().unwrap();
        options = match word.as_slice() {
            b"BY" => options.by(next()),
            b"GET" => options.get(next()),
            b"LIMIT" => options.limit(number(next()), number(next())),
            b"DESC" => options.descending(),
            b"ALPHA" => options.alphabetic(),
            _ => {
                destination = Some(next());
                options
            }
        };
    }
    let db = place.db();
    let reply = match destination {
        Some(destination) => db.sort_store(command.key(), destination, &options).map(Reply::int),
        None => db
            .sort(command.key(), &options)
            .map(|found| Reply::Array(Some(found.into_iter().map(Reply::Bulk).collect()))),
    };
    match reply {
        Err(error) if error.kind() == ErrorKind::NotAFloat => {
            Ok(Reply::Error("ERR One or more scores can't be converted into double".to_owned()))
        }
        Err(error) => Ok(refusal(&error)),
        Ok(reply) => Ok(reply),
    }
}

/// Whether equal weights of different elements have no order among themselves.
fn is_open(command: &Command) -> bool {
    let by = command.args.iter().position(|arg| arg == b"BY");
    by.is_some_and(|by| command.args[by + 1].contains(&b'*')) && command.has(1, "ALPHA")
}

/// WHY three commands: Redis 7.0 takes a number for out of range if one was so before, because it looks at an `errno` that
/// nobody has cleared since. The second command clears it, and changes nothing. The first one has the scores of a small
/// sorted set read now, which SORT else does after that: a score next to 0 is out of range.
const SORT: Mirror = Mirror {
    commands: |command, _| {
        let read = Command::new("SORT").arg(command.key()).arg("BY").arg("nosort").arg("LIMIT").int(0).int(0);
        vec![read, Command::new("INCRBYFLOAT").arg("no such key").arg("no number"), command.clone()]
    },
    is_legal: |command, ours, replies| {
        let theirs = &replies[2];
        // Redis lists a set as it lies, and compares words only up to a zero byte.
        let has_zero = |reply: &Reply| reply.items().iter().any(|item| item.contains(&0));
        let is_open = is_open(command)
            || (command.has(1, "BY") && !command.has(1, "STORE"))
            || (command.has(1, "ALPHA") && (has_zero(ours) || has_zero(theirs) || command.has(1, "GET")));
        match (ours, theirs) {
            (Reply::Array(Some(a)), Reply::Array(Some(b))) if ours != theirs && is_open => {
                a.len() == b.len() && (command.has(1, "LIMIT") || ours.clone().sorted() == theirs.clone().sorted())
            }
            _ => ours == theirs,
        }
    },
};
