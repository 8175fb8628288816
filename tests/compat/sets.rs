//! The commands on sets.
//!
//! Uses the public API of sets. Invariant: members that windrow chose at random are checked against Redis' set.

use std::collections::BTreeSet;

use windrow::{CreateOptions, DataType, Db, Source};

use crate::command::{Command, Commands, Handler, Mirror, Place};
use crate::draw::Draw;
use crate::resp::Reply;

pub(crate) struct Sets;

impl Commands for Sets {
    fn data_type(&self) -> Option<DataType> {
        Some(DataType::Set)
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        let named = |name| Command::new(name).arg(key);
        match draw.below(100) {
            0..=44 => named("SADD").args(draw.members()),
            45..=59 => named("SREM").args(draw.members()),
            60..=67 => named("SISMEMBER").arg(draw.member()),
            68..=74 => named("SCARD"),
            75..=82 => named("SMEMBERS"),
            83..=85 => named("SPOP"),
            86..=90 => named("SPOP").int(draw.count()),
            91..=93 => named("SRANDMEMBER"),
            _ => named("SRANDMEMBER").int(draw.count()),
        }
    }

    fn handlers(&self) -> Vec<Handler> {
        vec![
            Handler::exact("SADD", |place, command| {
                let options = if fastrand::bool() { CreateOptions::new().growing() } else { CreateOptions::new() };
                Ok(Reply::int(place.db().sets().add_with(command.key(), &command.args[1..], options)?))
            }),
            Handler::exact("SREM", |place, command| {
                Ok(Reply::int(place.db().sets().remove(command.key(), &command.args[1..])?))
            }),
            Handler::exact("SISMEMBER", |place, command| {
                Ok(Reply::flag(place.db().sets().contains(command.key(), &command.args[1])?))
            }),
            Handler::exact("SCARD", |place, command| Ok(Reply::int(place.db().sets().len(command.key())?))),
            Handler::unordered("SMEMBERS", |place, command| whole(&place.db(), command.key())),
            Handler::mirrored("SPOP", |place, command| chosen(place, command, true), POP),
            Handler::mirrored("SRANDMEMBER", |place, command| chosen(place, command, false), PICK),
        ]
    }
}

/// All members of a set, in windrow's order.
pub(crate) fn whole<S: Source>(db: &Db<S>, key: &[u8]) -> windrow::Result<Reply> {
    Ok(Reply::list(db.sets().members(key)?.collect::<windrow::Result<Vec<_>>>()?))
}

fn chosen(place: &Place<'_>, command: &Command, takes: bool) -> windrow::Result<Reply> {
    let db = place.db();
    let choose =
        |count| if takes { db.sets().pop(command.key(), count) } else { db.sets().random(command.key(), count) };
    match command.args.len() {
        1 => Ok(Reply::Bulk(choose(1)?.pop())),
        _ => Ok(Reply::list(choose(command.number(1))?)),
    }
}

/// The members that a random choice gave.
fn members_of(reply: &Reply) -> Vec<bytes::Bytes> {
    match reply {
        Reply::Bulk(Some(member)) => vec![member.clone()],
        other => other.items(),
    }
}

/// Asks Redis for the size of its set and does `name` to exactly the members that windrow chose. When windrow
/// chose none, Redis gets the same command.
fn mirror(command: &Command, ours: &Reply, name: &'static str) -> Vec<Command> {
    let members = members_of(ours);
    if members.is_empty() {
        return vec![command.clone()];
    }
    vec![Command::new("SCARD").arg(command.key()), Command::new(name).arg(command.key()).args(members)]
}

/// Whether the choice has the right size and no member twice. The last reply says whether all were members.
fn has_right_size(command: &Command, ours: &Reply, size: &Reply) -> bool {
    let members = members_of(ours);
    let different: BTreeSet<_> = members.iter().collect();
    let wanted = if command.args.len() == 1 { 1 } else { command.number(1) };
    let Reply::Int(size) = *size else {
        return false;
    };
    different.len() == members.len() && members.len() as u64 == size.unsigned_abs().min(wanted)
}

const POP: Mirror = Mirror {
    commands: |command, ours| mirror(command, ours, "SREM"),
    is_legal: |command, ours, replies| match replies {
        [same] => ours == same,
        [size, removed] => has_right_size(command, ours, size) && *removed == Reply::int(members_of(ours).len() as u64),
        _ => false,
    },
};

const PICK: Mirror = Mirror {
    commands: |command, ours| mirror(command, ours, "SMISMEMBER"),
    is_legal: |command, ours, replies| match replies {
        [same] => ours == same,
        [size, Reply::Array(Some(found))] => {
            has_right_size(command, ours, size) && found.iter().all(|found| *found == Reply::Int(1))
        }
        _ => false,
    },
};
