//! The commands on strings.
//!
//! Uses the public API of strings. Invariant: what a command cannot say to the API is not drawn.

use std::time::Duration;

use windrow::{DataType, Db, ErrorKind, SetOptions, Source, UnixMillis, Writable};

use crate::command::{Command, Commands, Compare, Handler, Mirror, Place, both_sides, refusal};
use crate::draw::{Draw, is_past};
use crate::keys::{TIMED, lifetime, timed};
use crate::redis::MAX_STRING_BYTES;
use crate::resp::Reply;

pub(crate) struct Strings;

impl Commands for Strings {
    fn data_type(&self) -> Option<DataType> {
        Some(DataType::String)
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        let named = |name| Command::new(name).arg(key);
        match draw.below(110) {
            0..=34 => set(draw, key),
            35..=38 => named("SETNX").arg(draw.value()),
            39..=41 => named("GETSET").arg(draw.value()),
            42..=51 => named("GET"),
            52..=55 => named("STRLEN"),
            56..=63 => named("GETRANGE").int(range_end(draw)).int(range_end(draw)),
            64..=71 => named("APPEND").arg(draw.value()),
            72..=79 => named("SETRANGE").int(offset(draw)).arg(draw.value()),
            80..=83 => named("INCR"),
            84..=87 => named("DECR"),
            88..=94 => named("INCRBY").int(draw.integer()),
            95..=99 => named("DECRBY").int(draw.integer()),
            100..=106 => named("PSETEX").int(some_lifetime(draw).as_millis()).arg(draw.value()),
            _ => named("SETEX").int(some_lifetime(draw).as_secs()).arg(draw.value()),
        }
    }

    both_sides!(handlers);
}

/// How each command is done and compared.
fn handlers<S: Writable>() -> Vec<Handler<S>> {
    vec![
        Handler { name: "SET", run: run_set, compare: Compare::Mirror(SET) },
        Handler::exact("SETNX", |place, command| {
            let options = SetOptions::new().if_absent();
            let outcome = place.db().strings().set_with(command.key(), &command.args[1], options)?;
            Ok(Reply::flag(outcome.was_set))
        }),
        Handler::mirrored("PSETEX", |place, command| run_set_ex(place, command, 1), TIMED),
        Handler::mirrored("SETEX", |place, command| run_set_ex(place, command, 1000), TIMED),
        Handler::exact("GETSET", |place, command| {
            Ok(Reply::Bulk(place.db().strings().get_set(command.key(), &command.args[1])?))
        }),
        Handler::exact("GET", |place, command| Ok(Reply::Bulk(place.db().strings().get(command.key())?))),
        Handler::exact("STRLEN", |place, command| Ok(Reply::int(place.db().strings().len(command.key())?))),
        Handler::exact("GETRANGE", |place, command| {
            let (start, end) = (command.number(1), command.number(2));
            Ok(Reply::Bulk(Some(place.db().strings().get_range(command.key(), start, end)?)))
        }),
        Handler::exact("APPEND", |place, command| {
            Ok(Reply::int(place.db().strings().append(command.key(), &command.args[1])?))
        }),
        Handler::exact("SETRANGE", |place, command| {
            let (offset, part) = (command.number(1), &command.args[2]);
            Ok(Reply::int(place.db().strings().set_range(command.key(), offset, part)?))
        }),
        Handler::exact("INCR", |place, command| Ok(Reply::Int(place.db().strings().incr(command.key())?))),
        Handler::exact("DECR", |place, command| Ok(Reply::Int(place.db().strings().decr(command.key())?))),
        Handler::exact("INCRBY", |place, command| {
            Ok(Reply::Int(place.db().strings().incr_by(command.key(), command.number(1))?))
        }),
        Handler::exact("DECRBY", run_decr_by),
    ]
}

/// The whole value of a string.
pub(crate) fn whole<S: Source>(db: &Db<S>, key: &[u8]) -> windrow::Result<Reply> {
    Ok(Reply::Bulk(db.strings().get(key)?))
}

fn set(draw: &mut Draw, key: &[u8]) -> Command {
    let mut command = Command::new("SET").arg(key).arg(draw.value());
    match draw.below(6) {
        0 => command = command.arg("NX"),
        1 => command = command.arg("XX"),
        _ => {}
    }
    if draw.once_in(5) {
        command = command.arg("GET");
    }
    if draw.once_in(8) { command.arg("KEEPTTL") } else { with_expiry(draw, command) }
}

/// Adds, at times, when the key is to expire. WHY with zeros: Redis refuses them.
pub(crate) fn with_expiry(draw: &mut Draw, command: Command) -> Command {
    match draw.below(12) {
        0..=1 => command.arg("PXAT").int(if draw.once_in(20) { 0 } else { draw.time() }),
        2..=3 => command.arg("EXAT").int(draw.time().div_euclid(1000)),
        4 => command.arg("PX").int(some_lifetime(draw).as_millis()),
        5 => command.arg("EX").int(some_lifetime(draw).as_secs()),
        _ => command,
    }
}

/// A lifetime whose end no test sees, or none.
fn some_lifetime(draw: &mut Draw) -> Duration {
    if draw.once_in(8) { Duration::ZERO } else { lifetime(draw) }
}

pub(crate) fn expiry_of(command: &Command, from: usize) -> Option<i64> {
    let seconds: Option<i64> = command.number_after(from, "EXAT");
    command.number_after(from, "PXAT").or(seconds.map(|seconds| seconds * 1000))
}

pub(crate) fn lifetime_of(command: &Command, from: usize) -> Option<Duration> {
    let seconds = command.number_after(from, "EX").map(Duration::from_secs);
    command.number_after(from, "PX").map(Duration::from_millis).or(seconds)
}

/// Redis' words for an expiry that it refuses.
pub(crate) fn valid_expiry(done: windrow::Result<Reply>, name: &str) -> windrow::Result<Reply> {
    match done {
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            Ok(Reply::Error(format!("ERR invalid expire time in '{name}' command")))
        }
        done => done,
    }
}

fn run_set<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    valid_expiry(try_set(place, command), "set")
}

fn try_set<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let mut options = SetOptions::new();
    if command.has(2, "NX") {
        options = options.if_absent();
    }
    if command.has(2, "XX") {
        options = options.if_present();
    }
    if command.has(2, "KEEPTTL") {
        options = options.keep_ttl();
    }
    if let Some(time) = expiry_of(command, 2) {
        options = options.expire_at(UnixMillis::new(time.unsigned_abs()));
    }
    let lifetime = lifetime_of(command, 2);
    if let Some(lifetime) = lifetime {
        options = options.expire_in(lifetime);
    }
    let gets = command.has(2, "GET");
    if gets {
        options = options.get();
    }
    let outcome = place.db().strings().set_with(command.key(), &command.args[1], options)?;
    let reply = match (gets, outcome.was_set) {
        (true, _) => Reply::Bulk(outcome.previous),
        (false, true) => Reply::ok(),
        (false, false) => Reply::nil(),
    };
    match lifetime {
        Some(lifetime) if outcome.was_set => timed(place, command.key(), reply, lifetime),
        _ => Ok(reply),
    }
}

/// WHY: Redis counts a string that was born dead until somebody looks at it; windrow does not write it.
const SET: Mirror = Mirror {
    commands: |command, ours| {
        let mut commands = (TIMED.commands)(command, ours);
        if expiry_of(command, 2).is_some_and(is_past) {
            commands.push(Command::new("EXISTS").arg(command.key()));
        }
        commands
    },
    is_legal: TIMED.is_legal,
};

fn run_set_ex<S: Writable>(place: &Place<'_, S>, command: &Command, unit: u64) -> windrow::Result<Reply> {
    let lifetime = Duration::from_millis(command.number::<u64>(1) * unit);
    let options = SetOptions::new().expire_in(lifetime);
    let done = place.db().strings().set_with(command.key(), &command.args[2], options);
    let name = if unit == 1 { "psetex" } else { "setex" };
    valid_expiry(done.and_then(|_| timed(place, command.key(), Reply::ok(), lifetime)), name)
}

fn run_decr_by<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let by: i64 = command.number(1);
    match place.db().strings().decr_by(command.key(), by) {
        Err(error) if error.kind() == ErrorKind::Overflow && by == i64::MIN => {
            Ok(Reply::Error("ERR decrement would overflow".to_owned()))
        }
        Err(error) => Ok(refusal(&error)),
        Ok(number) => Ok(Reply::Int(number)),
    }
}

fn range_end(draw: &mut Draw) -> i64 {
    if draw.once_in(4) { draw.within(-17_000..17_000) } else { draw.index() }
}

/// Where a range write begins. The longest strings are seldom, because every later command on them is slow.
fn offset(draw: &mut Draw) -> i64 {
    let longest = i64::try_from(MAX_STRING_BYTES).unwrap();
    match draw.below(400) {
        0 => longest - draw.within(0..4),
        1..=5 => i64::MAX - draw.within(0..2),
        6..=10 => longest + draw.within(0..2),
        11..=25 => draw.within(16_000..34_000),
        26..=100 => draw.within(0..1100),
        _ => draw.within(0..12),
    }
}
