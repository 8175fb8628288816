//! Sorted sets: members and their scores.
//!
//! May use the sorted-set operations. Invariant: as in `strings`.

use bytes::Bytes;

use super::arguments::{double, is, option, positive};
use super::hashes::random_count;
use super::lists::mpop_arguments;
use super::refusal::{Refusal, SYNTAX};
use super::{Answer, Call, Command, keyed, row};
use crate::resp::Frame;
use crate::{Db, Source, Writable, ZAddOptions, ZEnd};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("zadd", -4, "write denyoom fast", [1, 1, 1], ("sorted-set", "1.2.0"), keyed!(zadd),
        "Add one or more members to a sorted set, or update its score if it already exists"),
    row("zincrby", 4, "write denyoom fast", [1, 1, 1], ("sorted-set", "1.2.0"), keyed!(zincrby),
        "Increment the score of a member in a sorted set"),
    row("zrem", -3, "write fast", [1, 1, 1], ("sorted-set", "1.2.0"), keyed!(zrem),
        "Remove one or more members from a sorted set"),
    row("zscore", 3, "readonly fast", [1, 1, 1], ("sorted-set", "1.2.0"), keyed!(zscore),
        "Get the score associated with the given member in a sorted set"),
    row("zmscore", -3, "readonly fast", [1, 1, 1], ("sorted-set", "6.2.0"), keyed!(zmscore),
        "Get the score associated with the given members in a sorted set"),
    row("zcard", 2, "readonly fast", [1, 1, 1], ("sorted-set", "1.2.0"), keyed!(zcard),
        "Get the number of members in a sorted set"),
    row("zrank", 3, "readonly fast", [1, 1, 1], ("sorted-set", "2.0.0"), keyed!(zrank),
        "Determine the index of a member in a sorted set"),
    row("zrevrank", 3, "readonly fast", [1, 1, 1], ("sorted-set", "2.0.0"), keyed!(zrevrank),
        "Determine the index of a member in a sorted set, with scores ordered from high to low"),
    row("zpopmin", -2, "write fast", [1, 1, 1], ("sorted-set", "5.0.0"), keyed!(zpopmin),
        "Remove and return members with the lowest scores in a sorted set"),
    row("zpopmax", -2, "write fast", [1, 1, 1], ("sorted-set", "5.0.0"), keyed!(zpopmax),
        "Remove and return members with the highest scores in a sorted set"),
    row("zmpop", -4, "write movablekeys", [0, 0, 0], ("sorted-set", "7.0.0"), keyed!(zmpop),
        "Remove and return members with scores in a sorted set"),
    row("zrandmember", -2, "readonly", [1, 1, 1], ("sorted-set", "6.2.0"), keyed!(zrandmember),
        "Get one or multiple random elements from a sorted set"),
];

/// The flags of ZADD and GEOADD.
#[derive(Default)]
pub(super) struct AddFlags {
    pub(super) nx: bool,
    pub(super) xx: bool,
    gt: bool,
    lt: bool,
    pub(super) ch: bool,
    incr: bool,
    /// How many words they are.
    pub(super) words: usize,
}

impl AddFlags {
    pub(super) fn read(words: &[Bytes], all: bool) -> Self {
        let mut flags = Self::default();
        for word in words {
            match option(word).as_slice() {
                b"NX" => flags.nx = true,
                b"XX" => flags.xx = true,
                b"CH" => flags.ch = true,
                b"GT" if all => flags.gt = true,
                b"LT" if all => flags.lt = true,
                b"INCR" if all => flags.incr = true,
                _ => break,
            }
            flags.words += 1;
        }
        flags
    }

    pub(super) fn options(&self) -> ZAddOptions {
        let mut options = ZAddOptions::new();
        options = if self.nx { options.if_absent() } else { options };
        options = if self.xx { options.if_present() } else { options };
        options = if self.gt { options.if_greater() } else { options };
        if self.lt { options.if_less() } else { options }
    }
}

fn zadd<S: Writable>(call: &Call<'_, S>) -> Answer {
    let flags = AddFlags::read(call.from(1), true);
    let entries = super::arguments::groups::<2>(call.from(1 + flags.words)).filter(|entries| !entries.is_empty());
    let entries = entries.ok_or(SYNTAX)?;
    if flags.nx && flags.xx {
        return Err(Refusal::of("ERR XX and NX options at the same time are not compatible"));
    }
    if [flags.gt, flags.lt, flags.nx].into_iter().filter(|given| *given).count() > 1 {
        return Err(Refusal::of("ERR GT, LT, and/or NX options at the same time are not compatible"));
    }
    if flags.incr && entries.len() > 1 {
        return Err(Refusal::of("ERR INCR option supports a single increment-element pair"));
    }
    let scored = |[score, member]: &'_ [Bytes; 2]| Ok((member.clone(), double(score)?));
    let entries: Vec<(Bytes, f64)> = entries.iter().map(scored).collect::<Result<_, Refusal>>()?;
    let (zsets, key) = (call.db.zsets(), call.arg(0)?);
    if let (true, [(member, by)]) = (flags.incr, entries.as_slice()) {
        let sum = zsets.incr_by_with(key, member, *by, flags.options())?;
        return Ok(sum.map_or(Frame::Null, Frame::Double));
    }
    let done = zsets.add_with(key, entries, flags.options())?;
    Ok(Frame::count(if flags.ch { done.added.saturating_add(done.updated) } else { done.added }))
}

fn zincrby<S: Writable>(call: &Call<'_, S>) -> Answer {
    let by = call.double(1)?;
    Ok(Frame::Double(call.db.zsets().incr_by(call.arg(0)?, call.arg(2)?, by)?))
}

fn zrem<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.zsets().remove(call.arg(0)?, call.from(1))?))
}

fn zscore<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(call.db.zsets().score(call.arg(0)?, call.arg(1)?)?.map_or(Frame::Null, Frame::Double))
}

fn zmscore<S: Source>(call: &Call<'_, S>) -> Answer {
    let found = call.db.zsets().mscore(call.arg(0)?, call.from(1))?;
    Ok(Frame::Array(found.into_iter().map(|score| score.map_or(Frame::Null, Frame::Double)).collect()))
}

fn zcard<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.zsets().len(call.arg(0)?)?))
}

fn zrank<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(call.db.zsets().rank(call.arg(0)?, call.arg(1)?)?.map_or(Frame::Null, Frame::count))
}

fn zrevrank<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(call.db.zsets().rev_rank(call.arg(0)?, call.arg(1)?)?.map_or(Frame::Null, Frame::count))
}

/// Members with their scores: one after the other, but as pairs in version three.
pub(super) fn pairs(entries: Vec<(Bytes, f64)>) -> Frame {
    Frame::Pairs(entries.into_iter().map(|(member, score)| (Frame::Bulk(member), Frame::Double(score))).collect())
}

pub(super) fn members_or_pairs(with_scores: bool, entries: Vec<(Bytes, f64)>) -> Frame {
    if with_scores { pairs(entries) } else { Frame::bulks(entries.into_iter().map(|(member, _)| member)) }
}

/// Takes members from one end.
pub(super) fn popped<S: Writable>(db: &Db<S>, key: &[u8], end: ZEnd, count: u64) -> crate::Result<Vec<(Bytes, f64)>> {
    match end {
        ZEnd::Min => db.zsets().pop_min(key, count),
        ZEnd::Max => db.zsets().pop_max(key, count),
    }
}

/// Members with their scores, an array each in both versions.
pub(super) fn entries(members: Vec<(Bytes, f64)>) -> Frame {
    let one = |(member, score)| Frame::Array(vec![Frame::Bulk(member), Frame::Double(score)]);
    Frame::Array(members.into_iter().map(one).collect())
}

fn pop<S: Writable>(call: &Call<'_, S>, end: ZEnd) -> Answer {
    let count = match call.from(1) {
        [] => None,
        [count] => Some(positive(count)?),
        _ => return Err(SYNTAX),
    };
    let popped = popped(call.db, call.arg(0)?, end, count.unwrap_or(1))?;
    if count.is_some() {
        return Ok(pairs(popped));
    }
    // Without a count the one member and its score come flat, in both versions.
    Ok(Frame::Array(
        popped.into_iter().flat_map(|(member, score)| [Frame::Bulk(member), Frame::Double(score)]).collect(),
    ))
}

fn zpopmin<S: Writable>(call: &Call<'_, S>) -> Answer {
    pop(call, ZEnd::Min)
}

fn zpopmax<S: Writable>(call: &Call<'_, S>) -> Answer {
    pop(call, ZEnd::Max)
}

pub(super) fn end_of(word: &[u8]) -> Result<ZEnd, Refusal> {
    match option(word).as_slice() {
        b"MIN" => Ok(ZEnd::Min),
        b"MAX" => Ok(ZEnd::Max),
        _ => Err(SYNTAX),
    }
}

fn zmpop<S: Writable>(call: &Call<'_, S>) -> Answer {
    let (keys, end, count) = mpop_arguments(call.args, end_of)?;
    let Some(popped) = call.db.zsets().mpop(keys, end, count)? else {
        return Ok(Frame::NullArray);
    };
    Ok(Frame::Array(vec![Frame::Bulk(popped.key), entries(popped.members)]))
}

fn zrandmember<S: Source>(call: &Call<'_, S>) -> Answer {
    let (zsets, key) = (call.db.zsets(), call.arg(0)?);
    if call.args.len() == 1 {
        return Ok(Frame::or_null(zsets.random(key, 1)?.pop().map(|(member, _)| member)));
    }
    call.integer(1)?;
    let with_scores = match call.from(2) {
        [] => false,
        [word] if is(word, "WITHSCORES") => true,
        _ => return Err(SYNTAX),
    };
    let (repeats, count) = random_count(call, if with_scores { 2 } else { 1 })?;
    let found = if repeats { zsets.random_repeated(key, count)? } else { zsets.random(key, count)? };
    Ok(members_or_pairs(with_scores, found))
}
