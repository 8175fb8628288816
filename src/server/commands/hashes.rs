//! Hashes.
//!
//! May use the hash operations. Invariant: as in `strings`.

use bytes::Bytes;

use super::arguments::is;
use super::refusal::{Refusal, SYNTAX};
use super::{Answer, Call, Command, keyed, row};
use crate::resp::Frame;
use crate::{Error, ErrorKind, LongDouble, Result, Source, Writable};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("hset", -4, "write denyoom fast", [1, 1, 1], ("hash", "2.0.0"), keyed!(hset),
        "Set the string value of a hash field"),
    row("hmset", -4, "write denyoom fast", [1, 1, 1], ("hash", "2.0.0"), keyed!(hmset),
        "Set multiple hash fields to multiple values"),
    row("hsetnx", 4, "write denyoom fast", [1, 1, 1], ("hash", "2.0.0"), keyed!(hsetnx),
        "Set the value of a hash field, only if the field does not exist"),
    row("hget", 3, "readonly fast", [1, 1, 1], ("hash", "2.0.0"), keyed!(hget),
        "Get the value of a hash field"),
    row("hmget", -3, "readonly fast", [1, 1, 1], ("hash", "2.0.0"), keyed!(hmget),
        "Get the values of all the given hash fields"),
    row("hgetall", 2, "readonly", [1, 1, 1], ("hash", "2.0.0"), keyed!(hgetall),
        "Get all the fields and values in a hash"),
    row("hdel", -3, "write fast", [1, 1, 1], ("hash", "2.0.0"), keyed!(hdel),
        "Delete one or more hash fields"),
    row("hlen", 2, "readonly fast", [1, 1, 1], ("hash", "2.0.0"), keyed!(hlen),
        "Get the number of fields in a hash"),
    row("hstrlen", 3, "readonly fast", [1, 1, 1], ("hash", "3.2.0"), keyed!(hstrlen),
        "Get the length of the value of a hash field"),
    row("hexists", 3, "readonly fast", [1, 1, 1], ("hash", "2.0.0"), keyed!(hexists),
        "Determine if a hash field exists"),
    row("hkeys", 2, "readonly", [1, 1, 1], ("hash", "2.0.0"), keyed!(hkeys),
        "Get all the fields in a hash"),
    row("hvals", 2, "readonly", [1, 1, 1], ("hash", "2.0.0"), keyed!(hvals),
        "Get all the values in a hash"),
    row("hincrby", 4, "write denyoom fast", [1, 1, 1], ("hash", "2.0.0"), keyed!(hincrby),
        "Increment the integer value of a hash field by the given number"),
    row("hincrbyfloat", 4, "write denyoom fast", [1, 1, 1], ("hash", "2.6.0"), keyed!(hincrbyfloat),
        "Increment the float value of a hash field by the given amount"),
    row("hrandfield", -2, "readonly", [1, 1, 1], ("hash", "6.2.0"), keyed!(hrandfield),
        "Get one or multiple random fields from a hash"),
];

fn set<S: Writable>(call: &Call<'_, S>) -> std::result::Result<u64, Refusal> {
    let entries = call.groups::<2>(1)?;
    Ok(call.db.hashes().set_many(call.arg(0)?, entries.iter().map(|[field, value]| (field, value)))?)
}

fn hset<S: Writable>(call: &Call<'_, S>) -> Answer {
    set(call).map(Frame::count)
}

fn hmset<S: Writable>(call: &Call<'_, S>) -> Answer {
    set(call).map(|_| Frame::OK)
}

fn hsetnx<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::flag(call.db.hashes().set_if_absent(call.arg(0)?, call.arg(1)?, call.arg(2)?)?))
}

fn hget<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::or_null(call.db.hashes().get(call.arg(0)?, call.arg(1)?)?))
}

fn hmget<S: Source>(call: &Call<'_, S>) -> Answer {
    let found = call.db.hashes().get_many(call.arg(0)?, call.from(1))?;
    Ok(Frame::Array(found.into_iter().map(Frame::or_null).collect()))
}

fn hgetall<S: Source>(call: &Call<'_, S>) -> Answer {
    let pair = |entry: Result<(Bytes, Bytes)>| entry.map(|(field, value)| (Frame::Bulk(field), Frame::Bulk(value)));
    Ok(Frame::Map(call.db.hashes().get_all(call.arg(0)?)?.map(pair).collect::<Result<_>>()?))
}

fn hdel<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.hashes().delete(call.arg(0)?, call.from(1))?))
}

fn hlen<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.hashes().len(call.arg(0)?)?))
}

fn hstrlen<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.hashes().value_len(call.arg(0)?, call.arg(1)?)?))
}

fn hexists<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::flag(call.db.hashes().exists(call.arg(0)?, call.arg(1)?)?))
}

fn hkeys<S: Source>(call: &Call<'_, S>) -> Answer {
    let fields = call.db.hashes().keys(call.arg(0)?)?;
    Ok(Frame::Array(fields.map(|field| field.map(Frame::Bulk)).collect::<Result<_>>()?))
}

fn hvals<S: Source>(call: &Call<'_, S>) -> Answer {
    let values = call.db.hashes().values(call.arg(0)?)?;
    Ok(Frame::Array(values.map(|value| value.map(Frame::Bulk)).collect::<Result<_>>()?))
}

/// Redis' words for a field that is no number.
fn of_number(error: Error) -> Refusal {
    match error.kind() {
        ErrorKind::NotAnInteger => Refusal::of("ERR hash value is not an integer"),
        ErrorKind::NotAFloat => Refusal::of("ERR hash value is not a float"),
        _ => error.into(),
    }
}

fn hincrby<S: Writable>(call: &Call<'_, S>) -> Answer {
    let by = call.integer(2)?;
    Ok(Frame::Integer(call.db.hashes().incr_by(call.arg(0)?, call.arg(1)?, by).map_err(of_number)?))
}

fn hincrbyfloat<S: Writable>(call: &Call<'_, S>) -> Answer {
    let by = LongDouble::parse(call.arg(2)?)?;
    let sum = call.db.hashes().incr_by_float(call.arg(0)?, call.arg(1)?, by).map_err(|error| match error.kind() {
        ErrorKind::NotAFloat if !by.is_finite() => Refusal::of("ERR value is NaN or Infinity"),
        ErrorKind::Overflow => Refusal::of("ERR increment would produce NaN or Infinity"),
        _ => of_number(error),
    })?;
    Ok(Frame::text(sum.to_string()))
}

fn hrandfield<S: Source>(call: &Call<'_, S>) -> Answer {
    let (hashes, key) = (call.db.hashes(), call.arg(0)?);
    if call.args.len() == 1 {
        return Ok(Frame::or_null(hashes.random(key, 1)?.pop()));
    }
    call.integer(1)?;
    let with_values = match call.from(2) {
        [] => false,
        [word] if is(word, "WITHVALUES") => true,
        _ => return Err(SYNTAX),
    };
    let (repeats, count) = random_count(call, if with_values { 2 } else { 1 })?;
    Ok(match (repeats, with_values) {
        (false, false) => Frame::bulks(hashes.random(key, count)?),
        (true, false) => Frame::bulks(hashes.random_repeated(key, count)?),
        (false, true) => pairs(hashes.random_with_values(key, count)?),
        (true, true) => pairs(hashes.random_repeated_with_values(key, count)?),
    })
}

/// The most choices that may repeat: some hundred MiB while the reply is made.
const MAX_REPEATED: u64 = 4 << 20;

/// How many are wanted of a random choice, and whether the same may come again, which a count below zero says. `width` is how
/// many parts a choice has.
///
/// WHY a limit of ours for repeated ones: they are as many as the client says, whatever there is.
pub(super) fn random_count<S: Source>(call: &Call<'_, S>, width: i64) -> std::result::Result<(bool, u64), Refusal> {
    let count = call.integer(1)?;
    if count == i64::MIN {
        return Err(Refusal::of(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    let repeats = count < 0;
    let most = if repeats { MAX_REPEATED } else { i64::MAX.unsigned_abs() };
    let is_wide = width > 1 && !(-i64::MAX / 2..=i64::MAX / 2).contains(&count);
    if is_wide || count.unsigned_abs() > most {
        return Err(Refusal::of("ERR value is out of range"));
    }
    Ok((repeats, count.unsigned_abs()))
}

fn pairs(entries: Vec<(Bytes, Bytes)>) -> Frame {
    Frame::Pairs(entries.into_iter().map(|(field, value)| (Frame::Bulk(field), Frame::Bulk(value))).collect())
}
