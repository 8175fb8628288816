//! The commands on keys of any type, and on whole dbs.
//!
//! Uses the public API of a db and of a namespace. Invariant: expiry times are long past or far away, so that
//! neither side's clock decides.

use std::time::Duration;

use windrow::{DataType, ExpireCondition, ExpireTime, Ttl, UnixMillis, Writable};

use crate::command::{Command, Commands, Compare, Handler, Mirror, Place, both_sides};
use crate::draw::{DBS, Draw};
use crate::resp::Reply;

pub(crate) struct Keys;

impl Commands for Keys {
    fn data_type(&self) -> Option<DataType> {
        None
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        let named = |name| Command::new(name).arg(key);
        match draw.below(120) {
            0..=8 => Command::new(draw.pick(&["DEL", "UNLINK"])).args(draw.keys()),
            9..=17 => Command::new("EXISTS").args(draw.many_keys()),
            18..=26 => named("TYPE"),
            27..=40 => with_condition(draw, named("PEXPIREAT"), 1),
            41..=51 => with_condition(draw, named("EXPIREAT"), 1000),
            52..=62 => expire(draw, key),
            63..=73 => named(draw.pick(&["PEXPIRETIME", "EXPIRETIME", "PTTL", "TTL"])),
            74..=82 => named("PERSIST"),
            83..=95 => named("RENAME").arg(draw.key()),
            96..=108 => Command::new("KEYS").arg(pattern(draw)),
            109..=115 => Command::new("DBSIZE"),
            _ if draw.once_in(6) => Command::new("FLUSHDB"),
            _ => swap(draw),
        }
    }

    both_sides!(handlers);
}

/// How each command is done and compared.
fn handlers<S: Writable>() -> Vec<Handler<S>> {
    vec![
        Handler::exact("DEL", |place, command| Ok(Reply::int(place.db().delete(&command.args)?))),
        Handler::exact("UNLINK", |place, command| Ok(Reply::int(place.db().unlink(&command.args)?))),
        Handler::exact("EXISTS", |place, command| Ok(Reply::int(place.db().exists_many(&command.args)?))),
        Handler::exact("TYPE", |place, command| Ok(Reply::Simple(type_name(place.db().data_type(command.key())?)))),
        Handler::exact("PEXPIREAT", |place, command| expire_at(place, command, 1)),
        Handler::exact("EXPIREAT", |place, command| expire_at(place, command, 1000)),
        Handler::mirrored("PEXPIRE", |place, command| expire_in(place, command, 1), EXPIRE),
        Handler::mirrored("EXPIRE", |place, command| expire_in(place, command, 1000), EXPIRE),
        Handler::exact("PEXPIRETIME", |place, command| expiry_of(place, command.key(), |millis| millis)),
        Handler::exact("EXPIRETIME", |place, command| {
            // Redis rounds.
            expiry_of(place, command.key(), |millis| (millis + 500) / 1000)
        }),
        Handler { name: "PTTL", run: run_ttl, compare: Compare::After(any_lifetime) },
        Handler { name: "TTL", run: run_ttl, compare: Compare::After(any_lifetime) },
        Handler::exact("PERSIST", |place, command| Ok(Reply::flag(place.db().persist(command.key())?))),
        Handler::exact("RENAME", |place, command| {
            place.db().rename(command.key(), &command.args[1]).map(|()| Reply::ok())
        }),
        Handler::unordered("KEYS", |place, command| {
            Ok(Reply::list(place.db().keys_matching(command.key())?.collect::<windrow::Result<Vec<_>>>()?))
        }),
        Handler::exact("DBSIZE", |place, _| Ok(Reply::int(place.store.db(place.number).len()?))),
        Handler::exact("SWAPDB", |place, command| {
            place.store.namespace("").swap(command.number(0), command.number(1)).map(|()| Reply::ok())
        }),
        Handler::exact("FLUSHDB", |place, _| place.store.db(place.number).flush().map(|()| Reply::ok())),
    ]
}

/// Redis' name for a data type.
pub(crate) fn type_name(data_type: Option<DataType>) -> String {
    data_type.map_or_else(|| "none".to_owned(), |data_type| data_type.to_string())
}

/// Adds a time, counted in units of so many milliseconds, and at times a condition.
fn with_condition(draw: &mut Draw, command: Command, unit: i64) -> Command {
    let time = match draw.below(30) {
        0 => -draw.within(0..2000),
        1 => i64::MAX / unit,
        _ => draw.time().div_euclid(unit),
    };
    conditional(draw, command.int(time))
}

fn conditional(draw: &mut Draw, command: Command) -> Command {
    match draw.below(12) {
        0 => command.arg("NX"),
        1 => command.arg("XX"),
        2 => command.arg("GT"),
        3 => command.arg("LT"),
        4 => command.arg("XX").arg("LT"),
        5 => command.arg("GT").arg("XX"),
        _ => command,
    }
}

fn expire_at<S: Writable>(place: &Place<'_, S>, command: &Command, unit: u64) -> windrow::Result<Reply> {
    let time: i64 = command.number(1);
    // A time before 1970 is as past as 1970.
    let time = UnixMillis::new(u64::try_from(time).unwrap_or(0) * unit);
    Ok(Reply::flag(place.db().expire_at(command.key(), time, condition_of(command))?))
}

fn condition_of(command: &Command) -> ExpireCondition {
    let says = |word| command.has(2, word);
    match (says("XX"), says("LT")) {
        (true, true) => ExpireCondition::HasLaterExpiry,
        (false, true) => ExpireCondition::Earlier,
        _ if says("GT") => ExpireCondition::Later,
        (true, false) => ExpireCondition::HasExpiry,
        _ if says("NX") => ExpireCondition::NoExpiry,
        _ => ExpireCondition::Always,
    }
}

/// A lifetime that ends when no test looks, before and behind the times that [`Draw::time`] gives.
pub(crate) fn lifetime(draw: &mut Draw) -> Duration {
    const YEAR: u64 = 365 * 86_400;
    Duration::from_secs(draw.pick(&[50 * YEAR, 150 * YEAR, 200 * YEAR]))
}

/// A relative expiry.
fn expire(draw: &mut Draw, key: &[u8]) -> Command {
    let lifetime = if draw.once_in(8) { Duration::ZERO } else { lifetime(draw) };
    let command = if draw.once_in(2) {
        Command::new("PEXPIRE").arg(key).int(lifetime.as_millis())
    } else {
        Command::new("EXPIRE").arg(key).int(lifetime.as_secs())
    };
    conditional(draw, command)
}

fn expire_in<S: Writable>(place: &Place<'_, S>, command: &Command, unit: u64) -> windrow::Result<Reply> {
    let lifetime = Duration::from_millis(command.number::<u64>(1) * unit);
    let time = place.store.time().saturating_add(lifetime);
    let was_set = place.db().expire_if(command.key(), lifetime, condition_of(command))?;
    if is_told_as_time(command) {
        return Ok(with_time(Reply::flag(was_set), lifetime, time));
    }
    if was_set { timed(place, command.key(), Reply::flag(true), lifetime) } else { Ok(Reply::flag(false)) }
}

/// Whether Redis is told windrow's time, because the condition compares it with another, and Redis' clock is another. With
/// a lifetime of zero both sides' times are before every other.
fn is_told_as_time(command: &Command) -> bool {
    command.number::<u64>(1) > 0 && (command.has(2, "GT") || command.has(2, "LT"))
}

const EXPIRE: Mirror = Mirror {
    commands: |command, ours| match untimed(ours) {
        (_, Some((_, time))) if is_told_as_time(command) => {
            vec![command.expiring_at(time).args(&command.args[2..])]
        }
        _ => (TIMED.commands)(command, ours),
    },
    is_legal: |command, ours, replies| match replies {
        [theirs] if is_told_as_time(command) => untimed(ours).0 == theirs,
        _ => (TIMED.is_legal)(command, ours, replies),
    },
};

/// The reply to a command that gave its key a lifetime, with that lifetime and the time at which the key expires now.
pub(crate) fn timed<S: Writable>(
    place: &Place<'_, S>,
    key: &[u8],
    reply: Reply,
    lifetime: Duration,
) -> windrow::Result<Reply> {
    Ok(match place.db().expires_at(key)? {
        Some(time) => with_time(reply, lifetime, time),
        None => reply,
    })
}

fn with_time(reply: Reply, lifetime: Duration, time: UnixMillis) -> Reply {
    let millis = Reply::int(u64::try_from(lifetime.as_millis()).unwrap());
    Reply::Array(Some(vec![reply, millis, Reply::int(time.get())]))
}

/// Takes apart what [`timed`] made.
pub(crate) fn untimed(ours: &Reply) -> (&Reply, Option<(i64, i64)>) {
    match ours {
        Reply::Array(Some(parts)) => match parts.as_slice() {
            [reply, Reply::Int(lifetime), Reply::Int(time)] => (reply, Some((*lifetime, *time))),
            _ => (ours, None),
        },
        _ => (ours, None),
    }
}

/// How much time Redis may need for a batch, in milliseconds.
const SLOWNESS: i64 = 120_000;

/// Redis is asked whether the key got its lifetime, and then given windrow's time, because its clock is another.
pub(crate) const TIMED: Mirror = Mirror {
    commands: |command, ours| {
        let mut commands = vec![command.clone()];
        if let (_, Some((_, time))) = untimed(ours) {
            commands.push(Command::new("PTTL").arg(command.key()));
            commands.push(command.expiring_at(time).silently());
        }
        commands
    },
    is_legal: |_, ours, replies| match (untimed(ours), replies) {
        ((ours, Some((lifetime, _))), [theirs, Reply::Int(left), _]) => {
            ours == theirs && *left <= lifetime && *left > lifetime - SLOWNESS
        }
        ((ours, None), [theirs, ..]) => ours == theirs,
        _ => false,
    },
};

fn expiry_of<S: Writable>(place: &Place<'_, S>, key: &[u8], told: fn(u64) -> u64) -> windrow::Result<Reply> {
    Ok(match place.db().expire_time(key)? {
        ExpireTime::At(time) => Reply::int(told(time.get())),
        ExpireTime::Never => Reply::Int(-1),
        ExpireTime::NoKey => Reply::Int(-2),
    })
}

fn run_ttl<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    Ok(match place.db().ttl(command.key())? {
        Ttl::In(left) => Reply::int(u64::try_from(left.as_millis()).unwrap()),
        Ttl::Forever => Reply::Int(-1),
        Ttl::NoKey => Reply::Int(-2),
    })
}

/// Any lifetime is like any other, because the two clocks differ.
fn any_lifetime(reply: Reply) -> Reply {
    if matches!(reply, Reply::Int(left) if left > 0) { Reply::Int(1) } else { reply }
}

/// Parts of patterns, whole ones and such as end too early.
const PATTERN_PARTS: [&[u8]; 24] = [
    b"*",
    b"*",
    b"?",
    b"k",
    b"k",
    b"1",
    b"dest",
    b"[1-2]",
    b"[3-1]",
    b"[^k]",
    b"[^1]",
    b"[a-z]",
    b"[k",
    b"[",
    b"]",
    b"[]",
    b"[^]",
    b"\\",
    b"\\k",
    b"[\\k]",
    b"\xff",
    b"[\x80-\xff]",
    b"\0",
    b"-",
];

pub(crate) fn pattern(draw: &mut Draw) -> Vec<u8> {
    if draw.once_in(2) {
        return draw.pick(&["*", "k*", "k1*", "dest*", "none*", "", "k?", "k[12]"]).as_bytes().to_vec();
    }
    let count = 1 + draw.below(4);
    (0..count).flat_map(|_| draw.pick(&PATTERN_PARTS)).copied().collect()
}

fn swap(draw: &mut Draw) -> Command {
    let mut db = || draw.below(DBS as usize);
    Command::new("SWAPDB").int(db()).int(db())
}
