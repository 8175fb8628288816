//! Commands on hashes and sets.
//!
//! Uses the public handles. Invariant: as the whole room.

use super::super::words::int;
use super::Run;

pub(super) fn find(name: &str) -> Option<Run> {
    Some(match name {
        "HSET" | "HMSET" => |replay, mut words| {
            let key = words.next()?;
            replay.db.hashes().set_many(key, words.pairs()?).map(drop)
        },
        "HSETNX" => |replay, mut words| {
            let [key, field, value] = words.exactly()?;
            replay.db.hashes().set_if_absent(key, field, value).map(drop)
        },
        "HDEL" => |replay, mut words| {
            let key = words.next()?;
            replay.db.hashes().delete(key, words.some()?).map(drop)
        },
        "HINCRBY" => |replay, mut words| {
            let [key, field, by] = words.exactly()?;
            replay.db.hashes().incr_by(key, field, int(&by)?).map(drop)
        },
        "HINCRBYFLOAT" => |replay, mut words| {
            let [key, field, by] = words.exactly()?;
            let by = crate::LongDouble::parse(by)?;
            replay.db.hashes().incr_by_float(key, field, by).map(drop)
        },
        "SADD" => |replay, mut words| {
            let key = words.next()?;
            replay.db.sets().add(key, words.some()?).map(drop)
        },
        "SREM" => |replay, mut words| {
            let key = words.next()?;
            replay.db.sets().remove(key, words.some()?).map(drop)
        },
        "SMOVE" => |replay, mut words| {
            let [from, to, member] = words.exactly()?;
            replay.db.sets().move_member(from, to, member).map(drop)
        },
        "SUNIONSTORE" => |replay, mut words| {
            let to = words.next()?;
            replay.db.sets().union_store(to, words.some()?).map(drop)
        },
        "SINTERSTORE" => |replay, mut words| {
            let to = words.next()?;
            replay.db.sets().inter_store(to, words.some()?).map(drop)
        },
        "SDIFFSTORE" => |replay, mut words| {
            let to = words.next()?;
            replay.db.sets().diff_store(to, words.some()?).map(drop)
        },
        _ => return None,
    })
}
