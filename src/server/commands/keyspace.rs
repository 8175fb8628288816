//! Dbs as a whole.
//!
//! May use the operations on dbs and the store. Invariant: none of it can be part of a crate's transaction.

use super::arguments::{integer_or, is};
use super::refusal::{NO_SUCH_DB, Refusal, SYNTAX};
use super::{Answer, Call, Command, Run, row};
use crate::resp::Frame;
use crate::{Live, Result};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("dbsize", 1, "readonly fast", [0, 0, 0], ("server", "1.0.0"), Run::Whole(dbsize),
        "Return the number of keys in the selected database"),
    row("flushdb", -1, "write", [0, 0, 0], ("server", "1.0.0"), Run::Whole(flushdb),
        "Remove all keys from the current database"),
    row("flushall", -1, "write", [0, 0, 0], ("server", "1.0.0"), Run::Whole(flushall),
        "Remove all keys from all databases"),
    row("swapdb", 3, "write fast", [0, 0, 0], ("server", "4.0.0"), Run::Whole(swapdb),
        "Swaps two Redis databases"),
    row("keys", 2, "readonly", [0, 0, 0], ("generic", "1.0.0"), Run::Whole(keys),
        "Find all keys matching the given pattern"),
    row("randomkey", 1, "readonly", [0, 0, 0], ("generic", "1.0.0"), Run::Whole(randomkey),
        "Return a random key from the keyspace"),
];

fn dbsize(call: &Call<'_, Live>) -> Answer {
    Ok(Frame::count(call.db.len()?))
}

/// ASYNC and SYNC mean the same here: no flush waits for what it removes.
fn flush_mode(call: &Call<'_, Live>) -> std::result::Result<(), Refusal> {
    match call.args {
        [] => Ok(()),
        [mode] if is(mode, "ASYNC") || is(mode, "SYNC") => Ok(()),
        _ => Err(SYNTAX),
    }
}

fn flushdb(call: &Call<'_, Live>) -> Answer {
    flush_mode(call)?;
    call.db.flush()?;
    Ok(Frame::OK)
}

fn flushall(call: &Call<'_, Live>) -> Answer {
    flush_mode(call)?;
    call.shared.store.flush_all()?;
    Ok(Frame::OK)
}

fn swapdb(call: &Call<'_, Live>) -> Answer {
    let number = |place, which: &'static str| {
        let number = integer_or(call.arg(place)?, Refusal::of(which))?;
        if i32::try_from(number).is_err() {
            return Err(Refusal::of(which));
        }
        call.shared.db_number(number).ok_or(NO_SUCH_DB)
    };
    let (a, b) = (number(0, "ERR invalid first DB index")?, number(1, "ERR invalid second DB index")?);
    call.shared.store.namespace([]).swap(a, b)?;
    Ok(Frame::OK)
}

fn keys(call: &Call<'_, Live>) -> Answer {
    let keys = call.db.keys_matching(call.arg(0)?)?;
    Ok(Frame::Array(keys.map(|key| key.map(Frame::Bulk)).collect::<Result<_>>()?))
}

fn randomkey(call: &Call<'_, Live>) -> Answer {
    Ok(Frame::or_null(call.db.random_key()?))
}
