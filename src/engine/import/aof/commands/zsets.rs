//! Commands on sorted sets.
//!
//! Uses the public handles. Invariant: as the whole room.

use super::super::replay::Replay;
use super::super::words::{Words, float, int, wrong};
use super::Run;
use crate::engine::{CombineOptions, ZAddOptions, ZEnd};
use crate::error::Result;
use crate::types::zset::bounds::{LexBound, ScoreBound, ZRange};
use crate::types::zset::combine::Aggregate;

pub(super) fn find(name: &str) -> Option<Run> {
    Some(match name {
        "ZADD" => add,
        "ZINCRBY" => |replay, mut words| {
            let [key, by, member] = words.exactly()?;
            replay.db.zsets().incr_by(key, member, float(&by)?).map(drop)
        },
        "ZREM" => |replay, mut words| {
            let key = words.next()?;
            replay.db.zsets().remove(key, words.some()?).map(drop)
        },
        "ZPOPMIN" => |replay, words| pop(replay, words, ZEnd::Min),
        "ZPOPMAX" => |replay, words| pop(replay, words, ZEnd::Max),
        "ZREMRANGEBYRANK" => |replay, words| remove_range(replay, words, By::Rank),
        "ZREMRANGEBYSCORE" => |replay, words| remove_range(replay, words, By::Score),
        "ZREMRANGEBYLEX" => |replay, words| remove_range(replay, words, By::Lex),
        "ZRANGESTORE" => range_store,
        "ZUNIONSTORE" => |replay, words| combine(replay, words, true),
        "ZINTERSTORE" => |replay, words| combine(replay, words, false),
        "ZDIFFSTORE" => |replay, mut words| {
            let (to, keys) = (words.next()?, words.numbered()?);
            words.end()?;
            replay.db.zsets().diff_store(to, keys).map(drop)
        },
        _ => return None,
    })
}

fn add(replay: &mut Replay<'_>, mut words: Words) -> Result<()> {
    let key = words.next()?;
    let (mut options, mut adds_up) = (ZAddOptions::new(), false);
    while let Some(flag) = words.flag(&["NX", "XX", "GT", "LT", "CH", "INCR"]) {
        options = match flag {
            "NX" => options.if_absent(),
            "XX" => options.if_present(),
            "GT" => options.if_greater(),
            "LT" => options.if_less(),
            _ => {
                adds_up |= flag == "INCR";
                options
            }
        };
    }
    let members = words.pairs()?.into_iter().map(|(score, member)| Ok((member, float(&score)?)));
    let members = members.collect::<Result<Vec<_>>>()?;
    match members.as_slice() {
        [(member, by)] if adds_up => replay.db.zsets().incr_by_with(key, member, *by, options).map(drop),
        _ if adds_up => Err(wrong()),
        _ => replay.db.zsets().add_with(key, members, options).map(drop),
    }
}

fn pop(replay: &mut Replay<'_>, mut words: Words, end: ZEnd) -> Result<()> {
    let key = words.next()?;
    let count = match words.all().as_slice() {
        [] => 1,
        [count] => u64::try_from(int(count)?).map_err(|_| wrong())?,
        _ => return Err(wrong()),
    };
    match end {
        ZEnd::Min => replay.db.zsets().pop_min(key, count).map(drop),
        ZEnd::Max => replay.db.zsets().pop_max(key, count).map(drop),
    }
}

/// What the bounds of a part of a set are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

fn range<'a>(by: By, min: &'a [u8], max: &'a [u8]) -> Result<ZRange<'a>> {
    Ok(match by {
        By::Rank => ZRange::ranks(int(min)?, int(max)?),
        By::Score => ZRange::scores(score_bound(min)?, score_bound(max)?),
        By::Lex => ZRange::lex(lex_bound(min)?, lex_bound(max)?),
    })
}

fn score_bound(word: &[u8]) -> Result<ScoreBound> {
    match word.strip_prefix(b"(") {
        Some(score) => float(score).map(ScoreBound::Excluded),
        None => float(word).map(ScoreBound::Included),
    }
}

fn lex_bound(word: &[u8]) -> Result<LexBound<'_>> {
    match word.split_first() {
        Some((b'-', [])) => Ok(LexBound::Min),
        Some((b'+', [])) => Ok(LexBound::Max),
        Some((b'(', member)) => Ok(LexBound::Excluded(member)),
        Some((b'[', member)) => Ok(LexBound::Included(member)),
        _ => Err(wrong()),
    }
}

fn remove_range(replay: &mut Replay<'_>, mut words: Words, by: By) -> Result<()> {
    let [key, min, max] = words.exactly()?;
    replay.db.zsets().remove_range(key, range(by, &min, &max)?).map(drop)
}

fn range_store(replay: &mut Replay<'_>, mut words: Words) -> Result<()> {
    let (to, from, first, second) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let (mut by, mut is_reversed, mut limit) = (By::Rank, false, None);
    while let Some(word) = words.option() {
        match word.as_str() {
            "BYSCORE" => by = By::Score,
            "BYLEX" => by = By::Lex,
            "REV" => is_reversed = true,
            "LIMIT" => limit = Some((words.int()?, words.int()?)),
            _ => return Err(wrong()),
        }
    }
    // Redis takes the higher bound first then, but not of ranks.
    let is_swapped = is_reversed && by != By::Rank;
    let (min, max) = if is_swapped { (&second, &first) } else { (&first, &second) };
    let mut part = range(by, min, max)?;
    if is_reversed {
        part = part.rev();
    }
    if let Some((offset, count)) = limit {
        // A negative offset is beyond every end, a negative count is all.
        part = part.limit(u64::try_from(offset).unwrap_or(u64::MAX), u64::try_from(count).unwrap_or(u64::MAX));
    }
    replay.db.zsets().range_store(to, from, part).map(drop)
}

fn combine(replay: &mut Replay<'_>, mut words: Words, is_union: bool) -> Result<()> {
    let (to, keys) = (words.next()?, words.numbered()?);
    let (mut weights, mut aggregate) = (Vec::new(), Aggregate::Sum);
    while let Some(word) = words.option() {
        match word.as_str() {
            "WEIGHTS" => weights = keys.iter().map(|_| words.float()).collect::<Result<Vec<f64>>>()?,
            "AGGREGATE" => {
                aggregate = match words.option().as_deref() {
                    Some("SUM") => Aggregate::Sum,
                    Some("MIN") => Aggregate::Min,
                    Some("MAX") => Aggregate::Max,
                    _ => return Err(wrong()),
                }
            }
            _ => return Err(wrong()),
        }
    }
    let mut options = CombineOptions::new().aggregate(aggregate);
    if !weights.is_empty() {
        options = options.weights(&weights);
    }
    let zsets = replay.db.zsets();
    let stored = if is_union { zsets.union_store(to, keys, options) } else { zsets.inter_store(to, keys, options) };
    stored.map(drop)
}
