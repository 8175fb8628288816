//! Unions, intersections and differences of sorted sets and sets, read or stored.
//!
//! Uses the public API of sorted sets. Invariant: a weight that is no number is an error on both sides.

use windrow::{Aggregate, CombineOptions, ErrorKind, Writable};

use super::{members_or_pairs, number, scores};
use crate::command::{Command, Handler, Place};
use crate::draw::Draw;
use crate::resp::Reply;

const WEIGHTS: [&str; 10] = ["1", "1", "2", "-1", "0", "-0", "0.3", "inf", "-inf", "1e300"];

const NAMES: [&str; 7] = ["ZUNION", "ZINTER", "ZDIFF", "ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE", "ZINTERCARD"];

pub(super) fn draw(draw: &mut Draw) -> Command {
    let name = draw.pick(&NAMES);
    let mut command = Command::new(name);
    if name.ends_with("STORE") {
        command = command.arg(draw.key());
    }
    let keys = draw.keys();
    command = command.int(keys.len()).args(&keys);
    if name == "ZINTERCARD" {
        return if draw.once_in(2) { command.arg("LIMIT").int(draw.below(4)) } else { command };
    }
    if !name.starts_with("ZDIFF") && draw.once_in(2) {
        command = command.arg("WEIGHTS");
        for _ in &keys {
            command = command.arg(if draw.once_in(60) { "nan" } else { draw.pick(&WEIGHTS) });
        }
    }
    if !name.starts_with("ZDIFF") && draw.once_in(2) {
        command = command.arg("AGGREGATE").arg(draw.pick(&["SUM", "MIN", "MAX"]));
    }
    if !name.ends_with("STORE") && draw.once_in(2) { command.arg("WITHSCORES") } else { command }
}

pub(super) fn handlers<S: Writable>() -> Vec<Handler<S>> {
    let reading =
        ["ZUNION", "ZINTER", "ZDIFF"].map(|name| scores(name, |place, command| weighed(read(place, command))));
    let storing = ["ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"]
        .map(|name| scores(name, |place, command| weighed(store(place, command))));
    let card = Handler::exact("ZINTERCARD", |place, command| {
        let keys = keys_at(command, 0);
        let limit = command.number_after(1 + keys.len(), "LIMIT").unwrap_or(0);
        Ok(Reply::int(place.db().zsets().inter_card(keys, limit)?))
    });
    reading.into_iter().chain(storing).chain([card]).collect()
}

fn weighed(done: windrow::Result<Reply>) -> windrow::Result<Reply> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotANumber => {
            Ok(Reply::Error("ERR weight value is not a float".to_owned()))
        }
        done => done,
    }
}

/// The keys behind their number, which stands at `at`.
pub(super) fn keys_at(command: &Command, at: usize) -> &[Vec<u8>] {
    &command.args[at + 1..][..command.number(at)]
}

/// How a combination whose number of keys stands at `at` makes scores.
fn options_of<'w>(command: &Command, at: usize, weights: &'w mut Vec<f64>) -> CombineOptions<'w> {
    let keys = keys_at(command, at).len();
    let behind = &command.args[at + 1 + keys..];
    let mut options = CombineOptions::new();
    if let Some([word, given @ ..]) = behind.get(..=keys)
        && word == b"WEIGHTS"
    {
        weights.extend(given.iter().map(|weight| number(weight)));
        options = options.weights(weights);
    }
    let aggregate = behind.iter().position(|arg| arg == b"AGGREGATE").map(|at| behind[at + 1].as_slice());
    options.aggregate(match aggregate {
        Some(b"MIN") => Aggregate::Min,
        Some(b"MAX") => Aggregate::Max,
        _ => Aggregate::Sum,
    })
}

fn read<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let (db, keys, mut weights) = (place.db(), keys_at(command, 0), Vec::new());
    let options = options_of(command, 0, &mut weights);
    let found = match command.name {
        "ZUNION" => db.zsets().union(keys, options)?,
        "ZINTER" => db.zsets().inter(keys, options)?,
        _ => db.zsets().diff(keys)?,
    };
    Ok(members_or_pairs(command.has(1 + keys.len(), "WITHSCORES"), found))
}

fn store<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let (db, keys, mut weights) = (place.db(), keys_at(command, 1), Vec::new());
    let options = options_of(command, 1, &mut weights);
    Ok(Reply::int(match command.name {
        "ZUNIONSTORE" => db.zsets().union_store(command.key(), keys, options)?,
        "ZINTERSTORE" => db.zsets().inter_store(command.key(), keys, options)?,
        _ => db.zsets().diff_store(command.key(), keys)?,
    }))
}
