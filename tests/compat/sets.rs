//! The commands on sets.
//!
//! Uses the public API of sets. Invariant: members that windrow chose at random are checked against Redis' set.

use windrow::{CreateOptions, DataType, Db, Members, Source, Writable};

use crate::births::{BORN, born};
use crate::command::{Command, Commands, Handler, Mirror, Place, both_sides};
use crate::draw::Draw;
use crate::resp::Reply;
use crate::{random, scans};

pub(crate) struct Sets;

impl Commands for Sets {
    fn data_type(&self) -> Option<DataType> {
        Some(DataType::Set)
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        let named = |name| Command::new(name).arg(key);
        match draw.below(100) {
            0..=29 => named("SADD").args(draw.members()),
            30..=40 => named("SREM").args(draw.members()),
            41..=43 => named("SISMEMBER").arg(draw.member()),
            44..=47 => named("SMISMEMBER").args(draw.members()),
            48..=50 => named("SCARD"),
            51..=55 => named("SMEMBERS"),
            56..=57 => named("SPOP"),
            58..=60 => named("SPOP").int(draw.count()),
            61..=67 => random::draw_choice(draw, named("SRANDMEMBER"), None),
            68..=73 => named("SMOVE").arg(draw.key()).arg(draw.member()),
            74..=82 => Command::new(draw.pick(&["SINTER", "SUNION", "SDIFF"])).args(draw.keys()),
            83..=90 => named(draw.pick(&["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"])).args(draw.keys()),
            91..=94 => {
                let keys = draw.keys();
                let command = Command::new("SINTERCARD").int(keys.len()).args(keys);
                if draw.once_in(2) { command.arg("LIMIT").int(draw.count()) } else { command }
            }
            _ => scans::draw_scan(draw, named("SSCAN")),
        }
    }

    both_sides!(handlers);
}

/// How each command is done and compared.
fn handlers<S: Writable>() -> Vec<Handler<S>> {
    vec![
        Handler::mirrored("SADD", add, BORN),
        Handler::exact("SREM", |place, command| {
            Ok(Reply::int(place.db().sets().remove(command.key(), &command.args[1..])?))
        }),
        Handler::exact("SISMEMBER", |place, command| {
            Ok(Reply::flag(place.db().sets().contains(command.key(), &command.args[1])?))
        }),
        Handler::exact("SMISMEMBER", |place, command| {
            let found = place.db().sets().contains_many(command.key(), &command.args[1..])?;
            Ok(Reply::Array(Some(found.into_iter().map(Reply::flag).collect())))
        }),
        Handler::exact("SCARD", |place, command| Ok(Reply::int(place.db().sets().len(command.key())?))),
        Handler::unordered("SMEMBERS", |place, command| whole(place.db(), command.key())),
        Handler::mirrored("SPOP", pop, POP),
        Handler::mirrored("SRANDMEMBER", choose, CHOICE),
        Handler::exact("SMOVE", |place, command| {
            let [from, to, member] = &command.args[..] else { panic!("drawn with three arguments") };
            Ok(Reply::flag(place.db().sets().move_member_with(from, to, member, birth())?))
        }),
        Handler::unordered("SINTER", |place, command| all(place.db().sets().inter(&command.args)?)),
        Handler::unordered("SUNION", |place, command| all(place.db().sets().union(&command.args)?)),
        Handler::unordered("SDIFF", |place, command| all(place.db().sets().diff(&command.args)?)),
        Handler::exact("SINTERSTORE", |place, command| {
            let (to, from) = (command.key(), &command.args[1..]);
            Ok(Reply::int(place.db().sets().inter_store_with(to, from, birth())?))
        }),
        Handler::exact("SUNIONSTORE", |place, command| {
            let (to, from) = (command.key(), &command.args[1..]);
            Ok(Reply::int(place.db().sets().union_store_with(to, from, birth())?))
        }),
        Handler::exact("SDIFFSTORE", |place, command| {
            let (to, from) = (command.key(), &command.args[1..]);
            Ok(Reply::int(place.db().sets().diff_store_with(to, from, birth())?))
        }),
        Handler::exact("SINTERCARD", |place, command| {
            let keys = &command.args[1..][..command.number(0)];
            let limit = command.number_after(1 + keys.len(), "LIMIT").unwrap_or(0);
            Ok(Reply::int(place.db().sets().inter_card(keys, limit)?))
        }),
        scans::of_names("SSCAN", |place, command| {
            let db = place.db();
            let found = scans::drive(command, |cursor, options| db.sets().scan(command.key(), cursor, options));
            scans::reply(found.map(Reply::list))
        }),
    ]
}

/// How a set is born has no effect on what it answers.
fn birth() -> CreateOptions {
    if fastrand::bool() { CreateOptions::new().growing() } else { CreateOptions::new() }
}

fn add<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let (db, key, members) = (place.db(), command.key(), &command.args[1..]);
    born(place, key, |birth| Ok(Reply::int(db.sets().add_with(key, members, birth)?)))
}

/// All members of a set, in windrow's order.
pub(crate) fn whole<S: Source>(db: &Db<S>, key: &[u8]) -> windrow::Result<Reply> {
    all(db.sets().members(key)?)
}

fn all(members: Members) -> windrow::Result<Reply> {
    Ok(Reply::list(members.collect::<windrow::Result<Vec<_>>>()?))
}

fn pop<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let mut popped = place.db().sets().pop(command.key(), random::wanted(command).unsigned_abs())?;
    Ok(if command.args.len() == 1 { Reply::Bulk(popped.pop()) } else { Reply::list(popped) })
}

fn choose<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let (db, wanted) = (place.db(), random::wanted(command));
    let mut chosen = match wanted < 0 {
        true => db.sets().random_repeated(command.key(), wanted.unsigned_abs())?,
        false => db.sets().random(command.key(), wanted.unsigned_abs())?,
    };
    Ok(if command.args.len() == 1 { Reply::Bulk(chosen.pop()) } else { Reply::list(chosen) })
}

/// Redis removes exactly the members that windrow chose.
const POP: Mirror = Mirror {
    commands: |command, ours| random::ask(command, &ours.names(), "SCARD", "SREM"),
    is_legal: |command, ours, replies| match replies {
        [same] => ours == same,
        [size, removed] => {
            let members = ours.names();
            random::has_right_size(command, &members, size) && *removed == Reply::int(members.len() as u64)
        }
        _ => false,
    },
};

const CHOICE: Mirror = Mirror {
    commands: |command, ours| random::ask(command, &ours.names(), "SCARD", "SMISMEMBER"),
    is_legal: |command, ours, replies| match replies {
        [same] => ours == same,
        [size, Reply::Array(Some(found))] => {
            random::has_right_size(command, &ours.names(), size) && found.iter().all(|found| *found == Reply::Int(1))
        }
        _ => false,
    },
};
