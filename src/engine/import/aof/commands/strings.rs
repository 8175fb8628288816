//! Commands on strings and HyperLogLogs.
//!
//! Uses the public handles. Invariant: as the whole room.

use super::super::replay::Replay;
use super::super::words::{Words, int, wrong};
use super::Run;
use crate::engine::SetOptions;
use crate::error::{Error, Result};

pub(super) fn find(name: &str) -> Option<Run> {
    Some(match name {
        "SET" => set,
        "SETNX" => |replay, mut words| {
            let [key, value] = words.exactly()?;
            replay.db.strings().set_with(key, value, SetOptions::new().if_absent()).map(drop)
        },
        "SETEX" => |replay, words| set_ex(replay, words, 1000),
        "PSETEX" => |replay, words| set_ex(replay, words, 1),
        "GETSET" => |replay, mut words| {
            let [key, value] = words.exactly()?;
            replay.db.strings().set(key, value)
        },
        "GETDEL" => |replay, mut words| {
            let [key] = words.exactly()?;
            replay.db.strings().get_del(key).map(drop)
        },
        "MSET" => |replay, mut words| replay.db.strings().mset(words.pairs()?),
        "MSETNX" => |replay, mut words| replay.db.strings().mset_nx(words.pairs()?).map(drop),
        "APPEND" => |replay, mut words| {
            let [key, value] = words.exactly()?;
            replay.db.strings().append(key, value).map(drop)
        },
        "SETRANGE" => |replay, mut words| {
            let [key, offset, part] = words.exactly()?;
            let offset = u64::try_from(int(&offset)?).map_err(|_| Error::out_of_range("offset is out of range"))?;
            replay.db.strings().set_range(key, offset, part).map(drop)
        },
        "INCR" => |replay, words| add(replay, words, |_| Ok(1)),
        "DECR" => |replay, words| add(replay, words, |_| Ok(-1)),
        "INCRBY" => |replay, words| add(replay, words, Words::int),
        "DECRBY" => |replay, words| add(replay, words, |words| words.int()?.checked_neg().ok_or_else(Error::overflow)),
        // Redis writes what came of it, as it is no exact number.
        "INCRBYFLOAT" => |replay, mut words| {
            let [key, by] = words.exactly()?;
            let by = crate::LongDouble::parse(by)?;
            replay.db.strings().incr_by_float(key, by).map(drop)
        },
        "PFADD" => |replay, mut words| {
            let key = words.next()?;
            replay.db.hyperloglogs().add(key, words.all()).map(drop)
        },
        "PFMERGE" => |replay, mut words| {
            let key = words.next()?;
            replay.db.hyperloglogs().merge(key, words.all())
        },
        // Redis keeps the count that it found; here it is counted when somebody asks.
        "PFCOUNT" => |_, mut words| words.some().map(drop),
        _ => return None,
    })
}

fn set(replay: &mut Replay<'_>, mut words: Words) -> Result<()> {
    let (key, value) = (words.next()?, words.next()?);
    let mut options = SetOptions::new();
    while let Some(word) = words.option() {
        options = match word.as_str() {
            "NX" => options.if_absent(),
            "XX" => options.if_present(),
            "KEEPTTL" => options.keep_ttl(),
            "GET" => options,
            word => options.expire_at(replay.timed(word, &mut words)?.ok_or_else(wrong)?),
        };
    }
    replay.db.strings().set_with(key, value, options).map(drop)
}

fn set_ex(replay: &mut Replay<'_>, mut words: Words, unit: u64) -> Result<()> {
    let [key, lifetime, value] = words.exactly()?;
    let options = SetOptions::new().expire_at(replay.after(int(&lifetime)?, unit)?);
    replay.db.strings().set_with(key, value, options).map(drop)
}

fn add(replay: &mut Replay<'_>, mut words: Words, by: fn(&mut Words) -> Result<i64>) -> Result<()> {
    let (key, by) = (words.next()?, by(&mut words)?);
    words.end()?;
    replay.db.strings().incr_by(key, by).map(drop)
}
