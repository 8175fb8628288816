//! Keys of any type.
//!
//! May use the operations on keys. Invariant: as in `strings`.

use std::time::Duration;

use super::arguments::{db_number, integer, integer_or, option};
use super::refusal::{Refusal, SYNTAX, instead};
use super::{Answer, Call, Command, Run, keyed, row};
use crate::rdb::{RdbError, open_payload};
use crate::resp::Frame;
use crate::{CopyOptions, Error, ErrorKind, Live, RestoreOptions, Source, UnixMillis, Writable};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("del", -2, "write", [1, -1, 1], ("generic", "1.0.0"), keyed!(del),
        "Delete a key"),
    row("unlink", -2, "write fast", [1, -1, 1], ("generic", "4.0.0"), keyed!(unlink),
        "Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non blocking."),
    row("exists", -2, "readonly fast", [1, -1, 1], ("generic", "1.0.0"), keyed!(exists),
        "Determine if a key exists"),
    row("touch", -2, "readonly fast", [1, -1, 1], ("generic", "3.2.1"), keyed!(touch),
        "Alters the last access time of a key(s). Returns the number of existing keys specified."),
    row("type", 2, "readonly fast", [1, 1, 1], ("generic", "1.0.0"), keyed!(data_type),
        "Determine the type stored at key"),
    row("rename", 3, "write", [1, 2, 1], ("generic", "1.0.0"), keyed!(rename),
        "Rename a key"),
    row("renamenx", 3, "write fast", [1, 2, 1], ("generic", "1.0.0"), keyed!(renamenx),
        "Rename a key, only if the new key does not exist"),
    row("dump", 2, "readonly", [1, 1, 1], ("generic", "2.6.0"), keyed!(dump),
        "Return a serialized version of the value stored at the specified key."),
    row("restore", -4, "write denyoom", [1, 1, 1], ("generic", "2.6.0"), keyed!(restore),
        "Create a key using the provided serialized value, previously obtained using DUMP."),
    row("copy", -3, "write denyoom", [1, 2, 1], ("generic", "6.2.0"), Run::Whole(copy),
        "Copy a key"),
    row("move", 3, "write fast", [1, 1, 1], ("generic", "1.0.0"), Run::Whole(move_key),
        "Move a key to another database"),
];

fn del<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.delete(call.args)?))
}

fn unlink<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.unlink(call.args)?))
}

fn exists<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.exists_many(call.args)?))
}

fn touch<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.touch(call.args)?))
}

fn data_type<S: Source>(call: &Call<'_, S>) -> Answer {
    let found = call.db.data_type(call.arg(0)?)?;
    Ok(Frame::Simple(found.map_or("none".into(), |found| found.to_string().into())))
}

fn rename<S: Writable>(call: &Call<'_, S>) -> Answer {
    call.db.rename(call.arg(0)?, call.arg(1)?)?;
    Ok(Frame::OK)
}

fn renamenx<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::flag(call.db.rename_if_absent(call.arg(0)?, call.arg(1)?)?))
}

const SAME: &str = "ERR source and destination objects are the same";

fn copy(call: &Call<'_, Live>) -> Answer {
    let mut options = CopyOptions::new();
    let mut words = call.words(2);
    while let Some(word) = words.next() {
        options = match option(word).as_slice() {
            b"REPLACE" => options.replace(),
            b"DB" if !words.is_empty() => options.to_db(db_number(words.wanted()?, call.shared)?),
            _ => return Err(SYNTAX),
        };
    }
    let copied = call.db.copy_with(call.arg(0)?, call.arg(1)?, options);
    Ok(Frame::flag(copied.map_err(instead(ErrorKind::InvalidInput, SAME))?))
}

fn move_key(call: &Call<'_, Live>) -> Answer {
    let db = db_number(call.arg(1)?, call.shared)?;
    Ok(Frame::flag(call.db.move_to(call.arg(0)?, db).map_err(instead(ErrorKind::InvalidInput, SAME))?))
}

fn dump<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::or_null(call.db.dump(call.arg(0)?)?))
}

fn restore<S: Writable>(call: &Call<'_, S>) -> Answer {
    let (mut options, mut is_absolute) = (RestoreOptions::new(), false);
    let mut words = call.words(3);
    while let Some(word) = words.next() {
        options = match option(word).as_slice() {
            b"REPLACE" => options.replace(),
            b"ABSTTL" => {
                is_absolute = true;
                options
            }
            b"IDLETIME" if !words.is_empty() => {
                let idle = words.natural(Refusal::of("ERR Invalid IDLETIME value, must be >= 0"))?;
                options.idle_time(Duration::from_secs(idle))
            }
            b"FREQ" if !words.is_empty() => {
                let refused = Refusal::of("ERR Invalid FREQ value, must be >= 0 and <= 255");
                let frequency = u8::try_from(integer_or(words.wanted()?, refused.clone())?);
                options.frequency(frequency.map_err(|_| refused)?)
            }
            _ => return Err(SYNTAX),
        };
    }
    let time = integer(call.arg(1)?)?;
    let time = u64::try_from(time).map_err(|_| Refusal::of("ERR Invalid TTL value, must be >= 0"))?;
    options = match (time, is_absolute) {
        (0, _) => options,
        (time, true) => options.expire_at(UnixMillis::new(time)),
        (time, false) => options.expire_in(Duration::from_millis(time)),
    };
    let payload = call.arg(2)?;
    call.db.restore(call.arg(0)?, payload, options).map_err(|error| of_payload(payload, error))?;
    Ok(Frame::OK)
}

/// Redis' words for a payload whose footer is right, and whose value is not.
fn of_payload(payload: &[u8], error: Error) -> Refusal {
    let is_of_value = std::error::Error::source(&error).is_some_and(|source| source.is::<RdbError>());
    if is_of_value && open_payload(payload).is_ok() { Refusal::of("ERR Bad data format") } else { error.into() }
}
