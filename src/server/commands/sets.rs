//! Sets.
//!
//! May use the set operations. Invariant: as in `strings`.

use super::arguments::{Words, integer, is, positive};
use super::hashes::random_count;
use super::refusal::{Refusal, SYNTAX};
use super::{Answer, Call, Command, keyed, row};
use crate::resp::Frame;
use crate::{Members, Result, Source, Writable};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("sadd", -3, "write denyoom fast", [1, 1, 1], ("set", "1.0.0"), keyed!(sadd),
        "Add one or more members to a set"),
    row("srem", -3, "write fast", [1, 1, 1], ("set", "1.0.0"), keyed!(srem),
        "Remove one or more members from a set"),
    row("sismember", 3, "readonly fast", [1, 1, 1], ("set", "1.0.0"), keyed!(sismember),
        "Determine if a given value is a member of a set"),
    row("smismember", -3, "readonly fast", [1, 1, 1], ("set", "6.2.0"), keyed!(smismember),
        "Returns the membership associated with the given elements for a set"),
    row("scard", 2, "readonly fast", [1, 1, 1], ("set", "1.0.0"), keyed!(scard),
        "Get the number of members in a set"),
    row("smembers", 2, "readonly", [1, 1, 1], ("set", "1.0.0"), keyed!(smembers),
        "Get all the members in a set"),
    row("spop", -2, "write fast", [1, 1, 1], ("set", "1.0.0"), keyed!(spop),
        "Remove and return one or multiple random members from a set"),
    row("srandmember", -2, "readonly", [1, 1, 1], ("set", "1.0.0"), keyed!(srandmember),
        "Get one or multiple random members from a set"),
    row("smove", 4, "write fast", [1, 2, 1], ("set", "1.0.0"), keyed!(smove),
        "Move a member from one set to another"),
    row("sinter", -2, "readonly", [1, -1, 1], ("set", "1.0.0"), keyed!(sinter),
        "Intersect multiple sets"),
    row("sintercard", -3, "readonly movablekeys", [0, 0, 0], ("set", "7.0.0"), keyed!(sintercard),
        "Intersect multiple sets and return the cardinality of the result"),
    row("sinterstore", -3, "write denyoom", [1, -1, 1], ("set", "1.0.0"), keyed!(sinterstore),
        "Intersect multiple sets and store the resulting set in a key"),
    row("sunion", -2, "readonly", [1, -1, 1], ("set", "1.0.0"), keyed!(sunion),
        "Add multiple sets"),
    row("sunionstore", -3, "write denyoom", [1, -1, 1], ("set", "1.0.0"), keyed!(sunionstore),
        "Add multiple sets and store the resulting set in a key"),
    row("sdiff", -2, "readonly", [1, -1, 1], ("set", "1.0.0"), keyed!(sdiff),
        "Subtract multiple sets"),
    row("sdiffstore", -3, "write denyoom", [1, -1, 1], ("set", "1.0.0"), keyed!(sdiffstore),
        "Subtract multiple sets and store the resulting set in a key"),
];

fn sadd<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.sets().add(call.arg(0)?, call.from(1))?))
}

fn srem<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.sets().remove(call.arg(0)?, call.from(1))?))
}

fn sismember<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::flag(call.db.sets().contains(call.arg(0)?, call.arg(1)?)?))
}

fn smismember<S: Source>(call: &Call<'_, S>) -> Answer {
    let found = call.db.sets().contains_many(call.arg(0)?, call.from(1))?;
    Ok(Frame::Array(found.into_iter().map(Frame::flag).collect()))
}

fn scard<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.sets().len(call.arg(0)?)?))
}

fn whole(members: Members) -> Answer {
    Ok(Frame::Set(members.map(|member| member.map(Frame::Bulk)).collect::<Result<_>>()?))
}

fn smembers<S: Source>(call: &Call<'_, S>) -> Answer {
    whole(call.db.sets().members(call.arg(0)?)?)
}

fn spop<S: Writable>(call: &Call<'_, S>) -> Answer {
    let (sets, key) = (call.db.sets(), call.arg(0)?);
    match call.from(1) {
        [] => Ok(Frame::or_null(sets.pop(key, 1)?.pop())),
        [count] => {
            let count = positive(count)?;
            Ok(Frame::Set(sets.pop(key, count)?.into_iter().map(Frame::Bulk).collect()))
        }
        _ => Err(SYNTAX),
    }
}

fn srandmember<S: Source>(call: &Call<'_, S>) -> Answer {
    let (sets, key) = (call.db.sets(), call.arg(0)?);
    match call.from(1) {
        [] => Ok(Frame::or_null(sets.random(key, 1)?.pop())),
        [_] => {
            let (repeats, count) = random_count(call, 1)?;
            let found = if repeats { sets.random_repeated(key, count)? } else { sets.random(key, count)? };
            Ok(Frame::bulks(found))
        }
        _ => Err(SYNTAX),
    }
}

fn smove<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::flag(call.db.sets().move_member(call.arg(0)?, call.arg(1)?, call.arg(2)?)?))
}

fn sinter<S: Source>(call: &Call<'_, S>) -> Answer {
    whole(call.db.sets().inter(call.args)?)
}

fn sunion<S: Source>(call: &Call<'_, S>) -> Answer {
    whole(call.db.sets().union(call.args)?)
}

fn sdiff<S: Source>(call: &Call<'_, S>) -> Answer {
    whole(call.db.sets().diff(call.args)?)
}

fn sintercard<S: Source>(call: &Call<'_, S>) -> Answer {
    let count = integer(call.arg(0)?).ok().filter(|count| *count > 0);
    let count = count.ok_or(Refusal::of("ERR numkeys should be greater than 0"))?;
    let few = Refusal::of("ERR Number of keys can't be greater than number of args");
    let count = usize::try_from(count).map_err(|_| few.clone())?;
    let (keys, rest) = call.from(1).split_at_checked(count).ok_or(few)?;
    Ok(Frame::count(call.db.sets().inter_card(keys, card_limit(Words { rest })?)?))
}

/// The limit of SINTERCARD and ZINTERCARD; 0 for none.
pub(super) fn card_limit(mut words: Words<'_>) -> std::result::Result<u64, Refusal> {
    let mut limit = 0;
    while let Some(word) = words.next() {
        if !is(word, "LIMIT") || words.is_empty() {
            return Err(SYNTAX);
        }
        let negative = || Refusal::of("ERR LIMIT can't be negative");
        limit = integer(words.wanted()?).ok().and_then(|limit| u64::try_from(limit).ok()).ok_or_else(negative)?;
    }
    Ok(limit)
}

fn sinterstore<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.sets().inter_store(call.arg(0)?, call.from(1))?))
}

fn sunionstore<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.sets().union_store(call.arg(0)?, call.from(1))?))
}

fn sdiffstore<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.sets().diff_store(call.arg(0)?, call.from(1))?))
}
