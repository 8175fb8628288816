//! The commands on several strings, and those that read and change one.
//!
//! Uses the public API of strings. Invariant: what a command cannot say to the API is not drawn.

use windrow::{DataType, ErrorKind, GetExOptions, LongDouble, UnixMillis, Writable};

use crate::command::{Command, Commands, Handler, Place, both_sides};
use crate::draw::Draw;
use crate::keys::{TIMED, timed};
use crate::redis::MAX_STRING_BYTES;
use crate::resp::Reply;
use crate::strings::{expiry_of, lifetime_of, valid_expiry, with_expiry};

pub(crate) struct StringsTogether;

impl Commands for StringsTogether {
    fn data_type(&self) -> Option<DataType> {
        Some(DataType::String)
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        let named = |name| Command::new(name).arg(key);
        match draw.below(100) {
            0..=14 => Command::new("MGET").args(draw.many_keys()),
            15..=29 => Command::new("MSET").args(pairs(draw)),
            30..=39 => Command::new("MSETNX").args(pairs(draw)),
            40..=44 => named("GETDEL"),
            45..=64 => get_ex(draw, key),
            65..=84 => named("INCRBYFLOAT").arg(float(draw)),
            _ => lcs(draw, key),
        }
    }

    both_sides!(handlers);
}

/// How each command is done and compared.
fn handlers<S: Writable>() -> Vec<Handler<S>> {
    vec![
        Handler::exact("MGET", |place, command| {
            let values = place.db().strings().mget(&command.args)?;
            Ok(Reply::Array(Some(values.into_iter().map(Reply::Bulk).collect())))
        }),
        Handler::exact("MSET", |place, command| place.db().strings().mset(pairs_of(command)).map(|()| Reply::ok())),
        Handler::exact("MSETNX", |place, command| Ok(Reply::flag(place.db().strings().mset_nx(pairs_of(command))?))),
        Handler::exact("GETDEL", |place, command| Ok(Reply::Bulk(place.db().strings().get_del(command.key())?))),
        Handler::mirrored("GETEX", run_get_ex, TIMED),
        Handler::exact("INCRBYFLOAT", run_incr_by_float),
        Handler::exact("LCS", run_lcs),
    ]
}

/// Keys, some of them twice, each with a value.
fn pairs(draw: &mut Draw) -> Vec<Vec<u8>> {
    draw.many_keys().into_iter().flat_map(|key| [key.to_vec(), draw.value()]).collect()
}

fn pairs_of(command: &Command) -> impl Iterator<Item = (&[u8], &[u8])> {
    command.args.chunks(2).map(|pair| (pair[0].as_slice(), pair[1].as_slice()))
}

fn get_ex(draw: &mut Draw, key: &[u8]) -> Command {
    let command = Command::new("GETEX").arg(key);
    if draw.once_in(5) { command.arg("PERSIST") } else { with_expiry(draw, command) }
}

fn run_get_ex<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let mut options = GetExOptions::new();
    if command.has(1, "PERSIST") {
        options = options.persist();
    }
    if let Some(time) = expiry_of(command, 1) {
        options = options.expire_at(UnixMillis::new(time.unsigned_abs()));
    }
    let lifetime = lifetime_of(command, 1);
    if let Some(lifetime) = lifetime {
        options = options.expire_in(lifetime);
    }
    let value = place.db().strings().get_ex(command.key(), options).map(Reply::Bulk);
    let reply = valid_expiry(value, "getex")?;
    match lifetime {
        Some(lifetime) if matches!(reply, Reply::Bulk(Some(_))) => timed(place, command.key(), reply, lifetime),
        _ => Ok(reply),
    }
}

/// Text that is a number with a point, or an edge.
fn float(draw: &mut Draw) -> Vec<u8> {
    if draw.once_in(2) {
        return draw.number_text();
    }
    format!("{}.{}", draw.within(-20..20), draw.within(0..1000)).into_bytes()
}

fn run_incr_by_float<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let strings = place.db();
    let strings = strings.strings();
    // Redis looks at the key before it looks at the number.
    strings.len(command.key())?;
    let sum = LongDouble::parse(&command.args[1]).and_then(|by| strings.incr_by_float(command.key(), by));
    match sum {
        Err(error) if error.kind() == ErrorKind::NotAFloat => {
            Ok(Reply::Error("ERR value is not a valid float".to_owned()))
        }
        Err(error) if error.kind() == ErrorKind::Overflow => {
            Ok(Reply::Error("ERR increment would produce NaN or Infinity".to_owned()))
        }
        sum => Ok(Reply::bytes(sum?.to_string())),
    }
}

fn lcs(draw: &mut Draw, key: &[u8]) -> Command {
    let command = Command::new("LCS").arg(key).arg(draw.key());
    match draw.below(3) {
        0 => command,
        1 => command.arg("LEN"),
        _ => {
            let mut command = command.arg("IDX");
            if draw.once_in(2) {
                command = command.arg("MINMATCHLEN").int(draw.within(0..5));
            }
            if draw.once_in(2) { command.arg("WITHMATCHLEN") } else { command }
        }
    }
}

/// Redis needs so many bytes for each pair of places, and takes no more than the longest string has.
const LCS_CELL_BYTES: u64 = 4;

fn run_lcs<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    match try_lcs(place, command) {
        Err(error) if error.kind() == ErrorKind::WrongType => {
            Ok(Reply::Error("ERR The specified keys must contain string values".to_owned()))
        }
        done => done,
    }
}

fn try_lcs<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let (db, a, b) = (place.db(), command.key(), &command.args[1]);
    let strings = db.strings();
    let cells = (strings.len(a)? + 1) * (strings.len(b)? + 1);
    if cells * LCS_CELL_BYTES > MAX_STRING_BYTES as u64 {
        // Windrow would take more.
        let words = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
        return Ok(Reply::Error(words.to_owned()));
    }
    if command.has(2, "LEN") {
        return Ok(Reply::int(strings.lcs_len(a, b)?));
    }
    if !command.has(2, "IDX") {
        return Ok(Reply::Bulk(Some(strings.lcs(a, b)?)));
    }
    let found = strings.lcs_matches(a, b, command.number_after(2, "MINMATCHLEN").unwrap_or(0))?;
    let stretch = |start, len| Reply::Array(Some(vec![Reply::int(start), Reply::int(start + len - 1)]));
    let matches = found.matches.into_iter().map(|one| {
        let mut parts = vec![stretch(one.a_start, one.len), stretch(one.b_start, one.len)];
        if command.has(2, "WITHMATCHLEN") {
            parts.push(Reply::int(one.len));
        }
        Reply::Array(Some(parts))
    });
    let matches = Reply::Array(Some(matches.collect()));
    Ok(Reply::Array(Some(vec![Reply::bytes("matches"), matches, Reply::bytes("len"), Reply::int(found.len)])))
}
