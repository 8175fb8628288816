//! Strings: set and read, one by one.
//!
//! May use the string operations. Invariant: as in all files of handlers, words are read in Redis' order, so that of two faults
//! the same one is told.

use super::arguments::{When, invalid_expiry, of_expiry, option, when};
use super::refusal::{Refusal, SYNTAX, instead};
use super::{Answer, Call, Command, keyed, row};
use crate::resp::Frame;
use crate::{DataType, ErrorKind, GetExOptions, LongDouble, SetOptions, Source, Writable};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("append", 3, "write denyoom fast", [1, 1, 1], ("string", "2.0.0"), keyed!(append),
        "Append a value to a key"),
    row("set", -3, "write denyoom", [1, 1, 1], ("string", "1.0.0"), keyed!(set),
        "Set the string value of a key"),
    row("setnx", 3, "write denyoom fast", [1, 1, 1], ("string", "1.0.0"), keyed!(setnx),
        "Set the value of a key, only if the key does not exist"),
    row("setex", 4, "write denyoom", [1, 1, 1], ("string", "2.0.0"), keyed!(setex),
        "Set the value and expiration of a key"),
    row("psetex", 4, "write denyoom", [1, 1, 1], ("string", "2.6.0"), keyed!(psetex),
        "Set the value and expiration in milliseconds of a key"),
    row("get", 2, "readonly fast", [1, 1, 1], ("string", "1.0.0"), keyed!(get),
        "Get the value of a key"),
    row("getex", -2, "write fast", [1, 1, 1], ("string", "6.2.0"), keyed!(getex),
        "Get the value of a key and optionally set its expiration"),
    row("getdel", 2, "write fast", [1, 1, 1], ("string", "6.2.0"), keyed!(getdel),
        "Get the value of a key and delete the key"),
    row("getset", 3, "write denyoom fast", [1, 1, 1], ("string", "1.0.0"), keyed!(getset),
        "Set the string value of a key and return its old value"),
    row("getrange", 4, "readonly", [1, 1, 1], ("string", "2.4.0"), keyed!(getrange),
        "Get a substring of the string stored at a key"),
    row("substr", 4, "readonly", [1, 1, 1], ("string", "1.0.0"), keyed!(getrange),
        "Get a substring of the string stored at a key"),
    row("setrange", 4, "write denyoom", [1, 1, 1], ("string", "2.2.0"), keyed!(setrange),
        "Overwrite part of a string at key starting at the specified offset"),
    row("strlen", 2, "readonly fast", [1, 1, 1], ("string", "2.2.0"), keyed!(strlen),
        "Get the length of the value stored in a key"),
    row("incr", 2, "write denyoom fast", [1, 1, 1], ("string", "1.0.0"), keyed!(incr),
        "Increment the integer value of a key by one"),
    row("decr", 2, "write denyoom fast", [1, 1, 1], ("string", "1.0.0"), keyed!(decr),
        "Decrement the integer value of a key by one"),
    row("incrby", 3, "write denyoom fast", [1, 1, 1], ("string", "1.0.0"), keyed!(incrby),
        "Increment the integer value of a key by the given amount"),
    row("decrby", 3, "write denyoom fast", [1, 1, 1], ("string", "1.0.0"), keyed!(decrby),
        "Decrement the integer value of a key by the given number"),
    row("incrbyfloat", 3, "write denyoom fast", [1, 1, 1], ("string", "2.6.0"), keyed!(incrbyfloat),
        "Increment the float value of a key by the given amount"),
];

/// The options of SET and GETEX that are words alone, and the time.
#[derive(Default)]
struct Said<'a> {
    nx: bool,
    xx: bool,
    get: bool,
    keep: bool,
    persist: bool,
    expiry: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> Said<'a> {
    fn read<S: Source>(call: &Call<'a, S>, from: usize, is_set: bool) -> Result<Self, Refusal> {
        let mut said = Self::default();
        let mut words = call.words(from);
        while let Some(word) = words.next() {
            let has_expiry = said.expiry.is_some() || said.keep || said.persist;
            match option(word).as_slice() {
                b"NX" if is_set && !said.xx => said.nx = true,
                b"XX" if is_set && !said.nx => said.xx = true,
                b"GET" if is_set => said.get = true,
                b"KEEPTTL" if is_set && said.expiry.is_none() => said.keep = true,
                b"PERSIST" if !is_set && said.expiry.is_none() => said.persist = true,
                b"EX" | b"PX" | b"EXAT" | b"PXAT" if !has_expiry => said.expiry = Some((word, words.wanted()?)),
                _ => return Err(SYNTAX),
            }
        }
        Ok(said)
    }

    fn when(&self, command: &Command) -> Result<Option<When>, Refusal> {
        self.expiry.map(|(word, number)| when(word, number, command)).transpose()
    }
}

fn set<S: Writable>(call: &Call<'_, S>) -> Answer {
    let (key, value) = (call.arg(0)?, call.arg(1)?);
    if call.args.len() == 2 {
        call.db.strings().set(key, value)?;
        return Ok(Frame::OK);
    }
    let said = Said::read(call, 2, true)?;
    let mut options = match said.when(call.command)? {
        Some(When::In(lifetime)) => SetOptions::new().expire_in(lifetime),
        Some(When::At(time)) => SetOptions::new().expire_at(time),
        None => SetOptions::new(),
    };
    options = if said.nx { options.if_absent() } else { options };
    options = if said.xx { options.if_present() } else { options };
    options = if said.keep { options.keep_ttl() } else { options };
    options = if said.get { options.get() } else { options };
    let outcome = call.db.strings().set_with(key, value, options).map_err(of_expiry(call.command))?;
    Ok(match (said.get, outcome.was_set) {
        (true, _) => Frame::or_null(outcome.previous),
        (false, true) => Frame::OK,
        (false, false) => Frame::Null,
    })
}

fn setnx<S: Writable>(call: &Call<'_, S>) -> Answer {
    let outcome = call.db.strings().set_with(call.arg(0)?, call.arg(1)?, SetOptions::new().if_absent())?;
    Ok(Frame::flag(outcome.was_set))
}

fn set_expiring<S: Writable>(call: &Call<'_, S>, unit: &str) -> Answer {
    let When::In(lifetime) = when(unit.as_bytes(), call.arg(1)?, call.command)? else {
        return Err(invalid_expiry(call.command));
    };
    let options = SetOptions::new().expire_in(lifetime);
    call.db.strings().set_with(call.arg(0)?, call.arg(2)?, options).map_err(of_expiry(call.command))?;
    Ok(Frame::OK)
}

fn setex<S: Writable>(call: &Call<'_, S>) -> Answer {
    set_expiring(call, "EX")
}

fn psetex<S: Writable>(call: &Call<'_, S>) -> Answer {
    set_expiring(call, "PX")
}

fn get<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::or_null(call.db.strings().get(call.arg(0)?)?))
}

fn getex<S: Writable>(call: &Call<'_, S>) -> Answer {
    let said = Said::read(call, 1, false)?;
    let when = match said.when(call.command) {
        // Redis looks at the key before it looks at the time.
        Err(_) if call.db.data_type(call.arg(0)?)?.is_none() => return Ok(Frame::Null),
        Err(refusal) => return Err(call.keys_first(call.args.first(), &[DataType::String], refusal)),
        Ok(when) => when,
    };
    let mut options = match when {
        Some(When::In(lifetime)) => GetExOptions::new().expire_in(lifetime),
        Some(When::At(time)) => GetExOptions::new().expire_at(time),
        None => GetExOptions::new(),
    };
    options = if said.persist { options.persist() } else { options };
    Ok(Frame::or_null(call.db.strings().get_ex(call.arg(0)?, options).map_err(of_expiry(call.command))?))
}

fn getdel<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::or_null(call.db.strings().get_del(call.arg(0)?)?))
}

fn getset<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::or_null(call.db.strings().get_set(call.arg(0)?, call.arg(1)?)?))
}

fn getrange<S: Source>(call: &Call<'_, S>) -> Answer {
    let (start, end) = (call.integer(1)?, call.integer(2)?);
    Ok(Frame::Bulk(call.db.strings().get_range(call.arg(0)?, start, end)?))
}

fn setrange<S: Writable>(call: &Call<'_, S>) -> Answer {
    let offset = call.integer(1)?;
    let offset = u64::try_from(offset).map_err(|_| Refusal::of("ERR offset is out of range"))?;
    Ok(Frame::count(call.db.strings().set_range(call.arg(0)?, offset, call.arg(2)?)?))
}

fn append<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.strings().append(call.arg(0)?, call.arg(1)?)?))
}

fn strlen<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.strings().len(call.arg(0)?)?))
}

fn incr<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::Integer(call.db.strings().incr(call.arg(0)?)?))
}

fn decr<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::Integer(call.db.strings().decr(call.arg(0)?)?))
}

fn incrby<S: Writable>(call: &Call<'_, S>) -> Answer {
    let by = call.integer(1)?;
    Ok(Frame::Integer(call.db.strings().incr_by(call.arg(0)?, by)?))
}

fn decrby<S: Writable>(call: &Call<'_, S>) -> Answer {
    let by = call.integer(1)?;
    if by == i64::MIN {
        return Err(Refusal::of("ERR decrement would overflow"));
    }
    Ok(Frame::Integer(call.db.strings().decr_by(call.arg(0)?, by)?))
}

fn incrbyfloat<S: Writable>(call: &Call<'_, S>) -> Answer {
    let by = LongDouble::parse(call.arg(1)?);
    let by = by.map_err(|error| call.keys_first(call.args.first(), &[DataType::String], error.into()))?;
    let sum = call.db.strings().incr_by_float(call.arg(0)?, by);
    let sum = sum.map_err(instead(ErrorKind::Overflow, "ERR increment would produce NaN or Infinity"))?;
    Ok(Frame::text(sum.to_string()))
}
