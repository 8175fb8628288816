//! Sorted sets so large that an index in memory answers what is asked about their ranks.
//!
//! Other files handle the commands. Invariant: a set gets its members at once, because no single command lives long enough
//! beside the others to gather them.

use windrow::{DataType, Writable};

use super::pick_score;
use crate::command::{Command, Commands, Handler, both_sides};
use crate::draw::Draw;

pub(crate) struct Deep;

/// Far more members than windrow walks over from either end (2,048), so that most places are deep.
const MEMBERS: usize = 6000;

/// How many commands there are for one that fills a set.
const FILLING: usize = 250;

impl Commands for Deep {
    fn data_type(&self) -> Option<DataType> {
        Some(DataType::SortedSet)
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        let named = |name| Command::new(name).arg(key);
        if draw.once_in(FILLING) {
            let count = MEMBERS - draw.below(MEMBERS / 2);
            return (0..count).fold(named("ZADD"), |command, _| entry(draw, command));
        }
        match draw.below(20) {
            0..=4 => named(draw.pick(&["ZRANK", "ZREVRANK"])).arg(member(draw)),
            5..=7 => range(draw, named("ZRANGE")),
            8..=10 => range(draw, named("ZREVRANGE")),
            11 => named("ZCOUNT").int(-draw.within(0..5)).int(draw.within(0..5)),
            12..=14 => {
                let command = entry(draw, named("ZADD"));
                entry(draw, command)
            }
            15..=16 => named("ZREM").arg(member(draw)).arg(member(draw)),
            17 => range(draw, named("ZREMRANGEBYRANK")),
            18 => named(draw.pick(&["ZPOPMIN", "ZPOPMAX"])).int(draw.within(1..40)),
            _ => named("ZINCRBY").arg(score(draw)).arg(member(draw)),
        }
    }

    both_sides!(handlers);
}

/// How each command is done and compared.
fn handlers<S: Writable>() -> Vec<Handler<S>> {
    Vec::new()
}

/// Few different scores, so that hundreds of members share one.
fn score(draw: &mut Draw) -> String {
    if draw.once_in(50) { pick_score(draw).to_owned() } else { draw.within(-9..10).to_string() }
}

fn member(draw: &mut Draw) -> Vec<u8> {
    format!("deep{}", draw.below(MEMBERS * 4 / 3)).into_bytes()
}

/// Adds a score and a member.
fn entry(draw: &mut Draw, command: Command) -> Command {
    command.arg(score(draw)).arg(member(draw))
}

/// Adds the ranks of a short stretch somewhere, counted from either end.
fn range(draw: &mut Draw, command: Command) -> Command {
    let start = draw.within(0..i64::try_from(MEMBERS).unwrap());
    let stop = start + draw.within(0..8);
    if draw.once_in(2) { command.int(start).int(stop) } else { command.int(-stop - 1).int(-start - 1) }
}
