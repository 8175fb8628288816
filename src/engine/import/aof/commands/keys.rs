//! Commands on keys of any type, and on whole dbs.
//!
//! Uses the public handles. Invariant: times are those that the file says, whatever the clock says.

use super::super::replay::Replay;
use super::super::words::{Words, wrong};
use super::Run;
use crate::encoding::UnixMillis;
use crate::engine::{CopyOptions, RestoreOptions, SortOptions};
use crate::error::Result;
use crate::types::keys::ExpireCondition;

pub(super) fn find(name: &str) -> Option<Run> {
    Some(match name {
        "SELECT" => |replay, words| replay.select(words),
        "DEL" | "UNLINK" => |replay, mut words| replay.db.delete(words.some()?).map(drop),
        "EXPIRE" => |replay, words| expire(replay, words, |replay, time| replay.after(time, 1000)),
        "PEXPIRE" => |replay, words| expire(replay, words, |replay, time| replay.after(time, 1)),
        "EXPIREAT" => |replay, words| expire(replay, words, |replay, time| replay.at(time, 1000)),
        "PEXPIREAT" => |replay, words| expire(replay, words, |replay, time| replay.at(time, 1)),
        "PERSIST" => |replay, mut words| {
            let [key] = words.exactly()?;
            replay.db.persist(key).map(drop)
        },
        "RENAME" => |replay, mut words| {
            let [from, to] = words.exactly()?;
            replay.db.rename(from, to)
        },
        "RENAMENX" => |replay, mut words| {
            let [from, to] = words.exactly()?;
            replay.db.rename_if_absent(from, to).map(drop)
        },
        "MOVE" => |replay, mut words| {
            let (key, db) = (words.next()?, words.db()?);
            words.end()?;
            replay.db.move_to(key, db).map(drop)
        },
        "COPY" => copy,
        "RESTORE" | "RESTORE-ASKING" => restore,
        "SORT" => sort,
        "FLUSHDB" => |replay, _| replay.db.flush(),
        "FLUSHALL" => |replay, _| replay.namespace.flush(),
        "SWAPDB" => |replay, mut words| {
            let (a, b) = (words.db()?, words.db()?);
            words.end()?;
            replay.namespace.swap(a, b)
        },
        _ => return None,
    })
}

type TimeOf = fn(&Replay<'_>, i64) -> Result<UnixMillis>;

fn expire(replay: &mut Replay<'_>, mut words: Words, time: TimeOf) -> Result<()> {
    let (key, time) = (words.next()?, time(replay, words.int()?)?);
    let mut has = [false; 4];
    while let Some(word) = words.option() {
        let [nx, xx, gt, lt] = &mut has;
        match word.as_str() {
            "NX" => *nx = true,
            "XX" => *xx = true,
            "GT" => *gt = true,
            "LT" => *lt = true,
            _ => return Err(wrong()),
        }
    }
    let condition = match has {
        [false, false, false, false] => ExpireCondition::Always,
        [true, false, false, false] => ExpireCondition::NoExpiry,
        [false, true, false, false] => ExpireCondition::HasExpiry,
        [false, _, true, false] => ExpireCondition::Later,
        [false, false, false, true] => ExpireCondition::Earlier,
        [false, true, false, true] => ExpireCondition::HasLaterExpiry,
        _ => return Err(wrong()),
    };
    replay.db.expire_at(key, time, condition).map(drop)
}

fn copy(replay: &mut Replay<'_>, mut words: Words) -> Result<()> {
    let (from, to) = (words.next()?, words.next()?);
    let mut options = CopyOptions::new();
    while let Some(word) = words.option() {
        options = match word.as_str() {
            "DB" => options.to_db(words.db()?),
            "REPLACE" => options.replace(),
            _ => return Err(wrong()),
        };
    }
    replay.db.copy_with(from, to, options).map(drop)
}

fn restore(replay: &mut Replay<'_>, mut words: Words) -> Result<()> {
    let (key, time, payload) = (words.next()?, words.int()?, words.next()?);
    let (mut options, mut is_absolute) = (RestoreOptions::new(), false);
    while let Some(word) = words.option() {
        match word.as_str() {
            "REPLACE" => options = options.replace(),
            "ABSTTL" => is_absolute = true,
            "IDLETIME" | "FREQ" => drop(words.int()?),
            _ => return Err(wrong()),
        }
    }
    if time != 0 {
        let time = if is_absolute { replay.at(time, 1)? } else { replay.after(time, 1)? };
        options = options.expire_at(time);
    }
    replay.db.restore(key, payload, options)
}

fn sort(replay: &mut Replay<'_>, mut words: Words) -> Result<()> {
    let key = words.next()?;
    let (mut options, mut destination) = (SortOptions::new(), None);
    while let Some(word) = words.option() {
        options = match word.as_str() {
            "BY" => options.by(words.next()?),
            "GET" => options.get(words.next()?),
            "LIMIT" => {
                let offset = u64::try_from(words.int()?).unwrap_or(0);
                options.limit(offset, u64::try_from(words.int()?).unwrap_or(u64::MAX))
            }
            "DESC" => options.descending(),
            "ASC" => options,
            "ALPHA" => options.alphabetic(),
            "STORE" => {
                destination = Some(words.next()?);
                options
            }
            _ => return Err(wrong()),
        };
    }
    replay.db.sort_store(key, destination.ok_or_else(wrong)?, &options).map(drop)
}
