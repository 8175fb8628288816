//! Random choices from a collection: how many are wanted, and whether a choice is one that Redis could have made.
//!
//! Uses the replies. Invariant: a choice is judged by Redis' own size and look-up, asked at the same place in the
//! order of commands.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::command::Command;
use crate::draw::Draw;
use crate::resp::Reply;

/// Adds to a command on `key` that chooses at random nothing, a count, or a count and the word that asks for the
/// values too. Below zero the same name may come again.
pub(crate) fn draw_choice(draw: &mut Draw, command: Command, with_values: Option<&str>) -> Command {
    if draw.once_in(4) {
        return command;
    }
    let count = match draw.below(12) {
        0 => i64::MAX / 2,
        1 => -1000,
        2..=6 => draw.within(-40..0),
        _ => i64::try_from(draw.count()).unwrap(),
    };
    let command = command.int(count);
    match with_values {
        Some(word) if draw.once_in(2) => command.arg(word),
        _ => command,
    }
}

/// The count of a choice; a command without one wants one name.
pub(crate) fn wanted(command: &Command) -> i64 {
    if command.args.len() == 1 { 1 } else { command.number(1) }
}

/// Asks Redis with `size` for the size of its collection and with `look_up` for each of the names that windrow
/// chose. When windrow chose none, Redis gets the same command: its reply is then the same.
pub(crate) fn ask(command: &Command, names: &[Bytes], size: &'static str, look_up: &'static str) -> Vec<Command> {
    if names.is_empty() {
        return vec![command.clone()];
    }
    vec![Command::new(size).arg(command.key()), Command::new(look_up).arg(command.key()).args(names)]
}

/// Whether the choice has the right number of names and, unless that was allowed, none of them twice.
pub(crate) fn has_right_size(command: &Command, names: &[Bytes], size: &Reply) -> bool {
    let Reply::Int(size) = *size else {
        return false;
    };
    let (wanted, chosen) = (wanted(command), names.len() as u64);
    if wanted < 0 {
        return size > 0 && chosen == wanted.unsigned_abs();
    }
    let different: BTreeSet<&Bytes> = names.iter().collect();
    different.len() == names.len() && chosen == size.unsigned_abs().min(wanted.unsigned_abs())
}
