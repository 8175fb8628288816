//! The commands on several strings, and those that read and change one.
//!
//! Uses the public API of strings. Invariant: what a command cannot say to the API is not drawn.

use windrow::{DataType, ErrorKind, GetExOptions, LongDouble, UnixMillis};

use crate::command::{Command, Commands, Handler, Place, refusal};
use crate::draw::Draw;
use crate::redis::MAX_STRING_BYTES;
use crate::resp::Reply;

pub(crate) struct StringsTogether;

impl Commands for StringsTogether {
    fn data_type(&self) -> Option<DataType> {
        Some(DataType::String)
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        let named = |name| Command::new(name).arg(key);
        match draw.below(100) {
            0..=14 => Command::new("MGET").args(draw.keys()),
            15..=29 => pairs(draw, "MSET"),
            30..=39 => pairs(draw, "MSETNX"),
            40..=44 => named("GETDEL"),
            45..=64 => get_ex(draw, key),
            65..=84 => named("INCRBYFLOAT").arg(draw.number_text()),
            _ => lcs(draw, key),
        }
    }

    fn handlers(&self) -> Vec<Handler> {
        vec![
            Handler::exact("MGET", |place, command| {
                let values = place.db().strings().mget(&command.args)?;
                Ok(Reply::Array(Some(values.into_iter().map(Reply::Bulk).collect())))
            }),
            Handler::exact("MSET", |place, command| {
                place.db().strings().mset(command.args.chunks(2).map(|pair| (&pair[0], &pair[1]))).map(|()| Reply::ok())
            }),
            Handler::exact("MSETNX", |place, command| {
                let pairs = command.args.chunks(2).map(|pair| (&pair[0], &pair[1]));
                Ok(Reply::flag(place.db().strings().mset_nx(pairs)?))
            }),
            Handler::exact("GETDEL", |place, command| Ok(Reply::Bulk(place.db().strings().get_del(command.key())?))),
            Handler::exact("GETEX", run_get_ex),
            Handler::exact("INCRBYFLOAT", run_incr_by_float),
            Handler::exact("LCS", run_lcs),
        ]
    }
}

fn pairs(draw: &mut Draw, name: &'static str) -> Command {
    draw.keys().into_iter().fold(Command::new(name), |command, key| {
        let value = draw.value();
        command.arg(key).arg(value)
    })
}

fn get_ex(draw: &mut Draw, key: &[u8]) -> Command {
    let command = Command::new("GETEX").arg(key);
    match draw.below(4) {
        0 => command.arg("PERSIST"),
        1 => command.arg("PXAT").int(draw.time()),
        2 => command.arg("EXAT").int(draw.time().div_euclid(1000).max(1)),
        _ => command,
    }
}

fn run_get_ex(place: &Place<'_>, command: &Command) -> windrow::Result<Reply> {
    let mut options = GetExOptions::new();
    if command.has(1, "PERSIST") {
        options = options.persist();
    }
    let seconds: Option<u64> = command.number_after(1, "EXAT");
    if let Some(time) = command.number_after(1, "PXAT").or(seconds.map(|seconds| seconds * 1000)) {
        options = options.expire_at(UnixMillis::new(time));
    }
    Ok(Reply::Bulk(place.db().strings().get_ex(command.key(), options)?))
}

fn run_incr_by_float(place: &Place<'_>, command: &Command) -> windrow::Result<Reply> {
    let strings = place.db();
    let strings = strings.strings();
    // Redis looks at the key's type before it looks at the number.
    strings.len(command.key())?;
    let sum = LongDouble::parse(&command.args[1]).and_then(|by| strings.incr_by_float(command.key(), by));
    Ok(match sum {
        Ok(sum) => Reply::bytes(sum.to_string()),
        Err(error) if error.kind() == ErrorKind::NotAFloat => Reply::Error("ERR value is not a valid float".to_owned()),
        Err(error) if error.kind() == ErrorKind::Overflow => {
            Reply::Error("ERR increment would produce NaN or Infinity".to_owned())
        }
        Err(error) => refusal(&error),
    })
}

fn lcs(draw: &mut Draw, key: &[u8]) -> Command {
    let command = Command::new("LCS").arg(key).arg(draw.key());
    match draw.below(4) {
        0 => command.arg("LEN"),
        1 => command.arg("IDX"),
        2 => command.arg("IDX").arg("WITHMATCHLEN").arg("MINMATCHLEN").int(draw.below(5)),
        _ => command,
    }
}

fn run_lcs(place: &Place<'_>, command: &Command) -> windrow::Result<Reply> {
    let db = place.db();
    let (a, b) = (command.key(), &command.args[1]);
    let lengths = db.strings().len(a).and_then(|a| Ok((a, db.strings().len(b)?)));
    match lengths {
        Err(error) if error.kind() == ErrorKind::WrongType => {
            return Ok(Reply::Error("ERR The specified keys must contain string values".to_owned()));
        }
        // Redis' limit is that of a string, which is less here than there usually.
        Ok((a, b)) if (a + 1) * (b + 1) * 4 > MAX_STRING_BYTES as u64 => {
            let words = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
            return Ok(Reply::Error(words.to_owned()));
        }
        other => other?,
    };
    if command.has(2, "LEN") {
        return Ok(Reply::int(db.strings().lcs_len(a, b)?));
    }
    if !command.has(2, "IDX") {
        return Ok(Reply::bytes(db.strings().lcs(a, b)?));
    }
    let found = db.strings().lcs_matches(a, b, command.number_after(2, "MINMATCHLEN").unwrap_or(0))?;
    let range = |start: u64, len: u64| Reply::Array(Some(vec![Reply::int(start), Reply::int(start + len - 1)]));
    let matches = found.matches.iter().map(|found| {
        let mut shown = vec![range(found.a_start, found.len), range(found.b_start, found.len)];
        shown.extend(command.has(2, "WITHMATCHLEN").then(|| Reply::int(found.len)));
        Reply::Array(Some(shown))
    });
    let matches = Reply::Array(Some(matches.collect()));
    Ok(Reply::Array(Some(vec![Reply::bytes("matches"), matches, Reply::bytes("len"), Reply::int(found.len)])))
}
