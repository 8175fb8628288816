//! The commands on keys of any type, and on whole dbs.
//!
//! Uses the public API of a db and of a namespace. Invariant: expiry times are long past or far away, so that
//! neither side's clock decides.

use windrow::{DataType, ExpireCondition, UnixMillis};

use crate::command::{Command, Commands, Handler, Place};
use crate::draw::{DBS, Draw};
use crate::resp::Reply;

pub(crate) struct Keys;

/// Patterns of keys, among them some that match none.
pub(crate) const PATTERNS: [&str; 11] =
    ["*", "k*", "k1*", "none*", "k?", "k[1-2]", "k[^1]", "?*", "", "\\dest", "[d-k]*"];

impl Commands for Keys {
    fn data_type(&self) -> Option<DataType> {
        None
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        let named = |name| Command::new(name).arg(key);
        match draw.below(100) {
            0..=8 => Command::new(draw.pick(&["DEL", "UNLINK"])).args(draw.keys()),
            9..=17 => Command::new("EXISTS").args(draw.keys()),
            18..=26 => named("TYPE"),
            27..=40 => with_condition(draw, named("PEXPIREAT"), 1),
            41..=51 => with_condition(draw, named("EXPIREAT"), 1000),
            52..=62 => named("PEXPIRETIME"),
            63..=71 => named("PERSIST"),
            72..=84 => named("RENAME").arg(draw.key()),
            85..=91 => Command::new("KEYS").arg(draw.pick(&PATTERNS)),
            92..=97 => Command::new("DBSIZE"),
            _ if draw.once_in(4) => Command::new("FLUSHDB"),
            _ => swap(draw),
        }
    }

    fn handlers(&self) -> Vec<Handler> {
        vec![
            Handler::exact("DEL", delete),
            Handler::exact("UNLINK", delete),
            Handler::exact("EXISTS", |place, command| Ok(Reply::int(place.db().exists_many(&command.args)?))),
            Handler::exact("TYPE", |place, command| {
                Ok(Reply::Simple(type_name(place.db().data_type(command.key())?).to_owned()))
            }),
            Handler::exact("PEXPIREAT", |place, command| expire_at(place, command, 1)),
            Handler::exact("EXPIREAT", |place, command| expire_at(place, command, 1000)),
            Handler::exact("PEXPIRETIME", |place, command| {
                let db = place.db();
                Ok(match db.expires_at(command.key())? {
                    Some(time) => Reply::int(time.get()),
                    None if db.exists(command.key())? => Reply::Int(-1),
                    None => Reply::Int(-2),
                })
            }),
            Handler::exact("PERSIST", |place, command| Ok(Reply::flag(place.db().persist(command.key())?))),
            Handler::exact("RENAME", |place, command| {
                place.db().rename(command.key(), &command.args[1]).map(|()| Reply::ok())
            }),
            Handler::unordered("KEYS", |place, command| {
                let found = place.db().keys_matching(command.key())?;
                Ok(Reply::list(found.collect::<windrow::Result<Vec<_>>>()?))
            }),
            Handler::exact("DBSIZE", |place, _| Ok(Reply::int(place.db().len()?))),
            Handler::exact("SWAPDB", |place, command| {
                place.store.namespace("").swap(command.number(0), command.number(1)).map(|()| Reply::ok())
            }),
            Handler::exact("FLUSHDB", |place, _| place.db().flush().map(|()| Reply::ok())),
        ]
    }
}

/// Redis' name for a data type.
pub(crate) fn type_name(data_type: Option<DataType>) -> &'static str {
    match data_type {
        None => "none",
        Some(DataType::String) => "string",
        Some(DataType::Hash) => "hash",
        Some(DataType::Set) => "set",
        Some(DataType::List) => "list",
        Some(DataType::SortedSet) => "zset",
    }
}

fn delete(place: &Place<'_>, command: &Command) -> windrow::Result<Reply> {
    Ok(Reply::int(place.db().delete(&command.args)?))
}

/// Adds a time, counted in units of so many milliseconds, and at times a condition.
fn with_condition(draw: &mut Draw, command: Command, unit: i64) -> Command {
    let time = match draw.below(30) {
        0 => -draw.within(0..2000),
        1 => i64::MAX / unit,
        _ => draw.time().div_euclid(unit),
    };
    let command = command.int(time);
    match draw.below(8) {
        0 => command.arg("NX"),
        1 => command.arg("XX"),
        2 => command.arg("GT"),
        3 => command.arg("LT"),
        _ => command,
    }
}

fn expire_at(place: &Place<'_>, command: &Command, unit: u64) -> windrow::Result<Reply> {
    let time: i64 = command.number(1);
    // A time before 1970 is as past as 1970.
    let time = UnixMillis::new(u64::try_from(time).unwrap_or(0) * unit);
    let conditions = [
        ("NX", ExpireCondition::NoExpiry),
        ("XX", ExpireCondition::HasExpiry),
        ("GT", ExpireCondition::Later),
        ("LT", ExpireCondition::Earlier),
    ];
    let condition = conditions.into_iter().find(|(word, _)| command.has(2, word));
    let condition = condition.map_or(ExpireCondition::Always, |(_, condition)| condition);
    Ok(Reply::flag(place.db().expire_at(command.key(), time, condition)?))
}

fn swap(draw: &mut Draw) -> Command {
    let mut db = || draw.below(DBS as usize);
    Command::new("SWAPDB").int(db()).int(db())
}
