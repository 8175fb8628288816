//! Commands on lists. Those that wait are not among them: Redis writes what they did in the words of those that do not.
//!
//! Uses the public handles. Invariant: as the whole room.

use bytes::Bytes;

use super::super::replay::Replay;
use super::super::words::{Words, int, upper, wrong};
use super::Run;
use crate::error::Result;
use crate::types::list::ListEnd;

pub(super) fn find(name: &str) -> Option<Run> {
    Some(match name {
        "LPUSH" => |replay, mut words| {
            let key = words.next()?;
            replay.db.lists().push_left(key, words.some()?).map(drop)
        },
        "RPUSH" => |replay, mut words| {
            let key = words.next()?;
            replay.db.lists().push_right(key, words.some()?).map(drop)
        },
        "LPUSHX" => |replay, words| push_existing(replay, words, ListEnd::Left),
        "RPUSHX" => |replay, words| push_existing(replay, words, ListEnd::Right),
        "LPOP" => |replay, words| pop(replay, words, ListEnd::Left),
        "RPOP" => |replay, words| pop(replay, words, ListEnd::Right),
        "LSET" => |replay, mut words| {
            let [key, index, item] = words.exactly()?;
            replay.db.lists().set(key, int(&index)?, item)
        },
        "LINSERT" => insert,
        "LREM" => |replay, mut words| {
            let [key, count, item] = words.exactly()?;
            replay.db.lists().remove(key, int(&count)?, item).map(drop)
        },
        "LTRIM" => |replay, mut words| {
            let [key, start, stop] = words.exactly()?;
            replay.db.lists().trim(key, int(&start)?, int(&stop)?)
        },
        "RPOPLPUSH" => |replay, mut words| {
            let [from, to] = words.exactly()?;
            replay.db.lists().move_item(from, to, ListEnd::Right, ListEnd::Left).map(drop)
        },
        "LMOVE" => |replay, mut words| {
            let [from, to, from_end, to_end] = words.exactly()?;
            replay.db.lists().move_item(from, to, end(&from_end)?, end(&to_end)?).map(drop)
        },
        _ => return None,
    })
}

fn end(word: &Bytes) -> Result<ListEnd> {
    match upper(word).as_str() {
        "LEFT" => Ok(ListEnd::Left),
        "RIGHT" => Ok(ListEnd::Right),
        _ => Err(wrong()),
    }
}

fn push_existing(replay: &mut Replay<'_>, mut words: Words, end: ListEnd) -> Result<()> {
    let key = words.next()?;
    replay.db.lists().push_existing(key, end, words.some()?).map(drop)
}

fn pop(replay: &mut Replay<'_>, mut words: Words, end: ListEnd) -> Result<()> {
    let key = words.next()?;
    let count = match words.all().as_slice() {
        [] => 1,
        [count] => u64::try_from(int(count)?).map_err(|_| wrong())?,
        _ => return Err(wrong()),
    };
    replay.db.lists().pop(key, end, count).map(drop)
}

fn insert(replay: &mut Replay<'_>, mut words: Words) -> Result<()> {
    let [key, place, pivot, item] = words.exactly()?;
    match upper(&place).as_str() {
        "BEFORE" => replay.db.lists().insert_before(key, pivot, item).map(drop),
        "AFTER" => replay.db.lists().insert_after(key, pivot, item).map(drop),
        _ => Err(wrong()),
    }
}
