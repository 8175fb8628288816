//! When keys expire.
//!
//! May use the operations on keys. Invariant: as in `strings`.

use std::time::Duration;

use super::arguments::{invalid_expiry, of_expiry, option};
use super::refusal::Refusal;
use super::{Answer, Call, Command, keyed, row};
use crate::resp::Frame;
use crate::{ExpireCondition, ExpireTime, Source, Ttl, UnixMillis, Writable};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("expire", -3, "write fast", [1, 1, 1], ("generic", "1.0.0"), keyed!(expire),
        "Set a key's time to live in seconds"),
    row("pexpire", -3, "write fast", [1, 1, 1], ("generic", "2.6.0"), keyed!(pexpire),
        "Set a key's time to live in milliseconds"),
    row("expireat", -3, "write fast", [1, 1, 1], ("generic", "1.2.0"), keyed!(expireat),
        "Set the expiration for a key as a UNIX timestamp"),
    row("pexpireat", -3, "write fast", [1, 1, 1], ("generic", "2.6.0"), keyed!(pexpireat),
        "Set the expiration for a key as a UNIX timestamp specified in milliseconds"),
    row("ttl", 2, "readonly fast", [1, 1, 1], ("generic", "1.0.0"), keyed!(ttl),
        "Get the time to live for a key in seconds"),
    row("pttl", 2, "readonly fast", [1, 1, 1], ("generic", "2.6.0"), keyed!(pttl),
        "Get the time to live for a key in milliseconds"),
    row("expiretime", 2, "readonly fast", [1, 1, 1], ("generic", "7.0.0"), keyed!(expiretime),
        "Get the expiration Unix timestamp for a key"),
    row("pexpiretime", 2, "readonly fast", [1, 1, 1], ("generic", "7.0.0"), keyed!(pexpiretime),
        "Get the expiration Unix timestamp for a key in milliseconds"),
    row("persist", 2, "write fast", [1, 1, 1], ("generic", "2.2.0"), keyed!(persist),
        "Remove the expiration from a key"),
];

fn condition<S: Source>(call: &Call<'_, S>) -> Result<ExpireCondition, Refusal> {
    let (mut nx, mut xx, mut gt, mut lt) = (false, false, false, false);
    for word in call.from(2) {
        match option(word).as_slice() {
            b"NX" => nx = true,
            b"XX" => xx = true,
            b"GT" => gt = true,
            b"LT" => lt = true,
            _ => return Err(Refusal::new(format!("ERR Unsupported option {}", String::from_utf8_lossy(word)))),
        }
    }
    if nx && (xx || gt || lt) {
        return Err(Refusal::of("ERR NX and XX, GT or LT options at the same time are not compatible"));
    }
    if gt && lt {
        return Err(Refusal::of("ERR GT and LT options at the same time are not compatible"));
    }
    Ok(match (nx, xx, gt, lt) {
        (true, ..) => ExpireCondition::NoExpiry,
        (_, _, true, _) => ExpireCondition::Later,
        (_, true, _, true) => ExpireCondition::HasLaterExpiry,
        (_, true, ..) => ExpireCondition::HasExpiry,
        (.., true) => ExpireCondition::Earlier,
        _ => ExpireCondition::Always,
    })
}

/// Lets a key expire; a number of seconds is made milliseconds first.
fn expire_by<S: Writable>(call: &Call<'_, S>, is_seconds: bool, is_relative: bool) -> Answer {
    let condition = condition(call)?;
    let number = call.integer(1)?;
    let millis = if is_seconds { number.checked_mul(1000) } else { Some(number) };
    let millis = millis.ok_or_else(|| invalid_expiry(call.command))?;
    let (key, size) = (call.arg(0)?, Duration::from_millis(millis.unsigned_abs()));
    let set = match (is_relative, millis >= 0) {
        (true, true) => call.db.expire_if(key, size, condition),
        (false, true) => call.db.expire_at(key, UnixMillis::new(millis.unsigned_abs()), condition),
        // A time long past is as past as any.
        (true, false) => {
            let now = call.shared.store.time();
            let then = UnixMillis::new(now.get().saturating_sub(millis.unsigned_abs()));
            call.db.expire_at(key, then, condition)
        }
        (false, false) => call.db.expire_at(key, UnixMillis::new(0), condition),
    };
    Ok(Frame::flag(set.map_err(of_expiry(call.command))?))
}

fn expire<S: Writable>(call: &Call<'_, S>) -> Answer {
    expire_by(call, true, true)
}

fn pexpire<S: Writable>(call: &Call<'_, S>) -> Answer {
    expire_by(call, false, true)
}

fn expireat<S: Writable>(call: &Call<'_, S>) -> Answer {
    expire_by(call, true, false)
}

fn pexpireat<S: Writable>(call: &Call<'_, S>) -> Answer {
    expire_by(call, false, false)
}

/// Redis rounds to the nearest second.
fn seconds(millis: u64) -> u64 {
    millis.saturating_add(500) / 1000
}

fn left<S: Source>(call: &Call<'_, S>, unit: fn(u64) -> u64) -> Answer {
    Ok(match call.db.ttl(call.arg(0)?)? {
        Ttl::NoKey => Frame::Integer(-2),
        Ttl::Forever => Frame::Integer(-1),
        Ttl::In(left) => Frame::count(unit(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))),
    })
}

fn ttl<S: Source>(call: &Call<'_, S>) -> Answer {
    left(call, seconds)
}

fn pttl<S: Source>(call: &Call<'_, S>) -> Answer {
    left(call, |millis| millis)
}

fn time<S: Source>(call: &Call<'_, S>, unit: fn(u64) -> u64) -> Answer {
    Ok(match call.db.expire_time(call.arg(0)?)? {
        ExpireTime::NoKey => Frame::Integer(-2),
        ExpireTime::Never => Frame::Integer(-1),
        ExpireTime::At(time) => Frame::count(unit(time.get())),
    })
}

fn expiretime<S: Source>(call: &Call<'_, S>) -> Answer {
    time(call, seconds)
}

fn pexpiretime<S: Source>(call: &Call<'_, S>) -> Answer {
    time(call, |millis| millis)
}

fn persist<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::flag(call.db.persist(call.arg(0)?)?))
}
