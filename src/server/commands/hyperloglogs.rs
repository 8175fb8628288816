//! HyperLogLogs.
//!
//! May use their operations. Invariant: as in `strings`.

use bytes::Bytes;

use super::refusal::Refusal;
use super::{Answer, Call, Command, keyed, row};
use crate::resp::Frame;
use crate::{DataType, Error, ErrorKind, Source, Writable};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("pfadd", -2, "write denyoom fast", [1, 1, 1], ("hyperloglog", "2.8.9"), keyed!(pfadd),
        "Adds the specified elements to the specified HyperLogLog."),
    row("pfcount", -2, "readonly", [1, -1, 1], ("hyperloglog", "2.8.9"), keyed!(pfcount),
        "Return the approximated cardinality of the set(s) observed by the HyperLogLog at key(s)."),
    row("pfmerge", -2, "write denyoom", [1, -1, 1], ("hyperloglog", "2.8.9"), keyed!(pfmerge),
        "Merge N different HyperLogLogs into a single one."),
];

/// Redis has other words for a string that is no HyperLogLog than for another type; the first key that is wrong decides.
fn refused<S: Source>(call: &Call<'_, S>, keys: &[Bytes], error: Error) -> Refusal {
    if error.kind() == ErrorKind::WrongType {
        for key in keys {
            let is_string = matches!(call.db.data_type(key), Ok(Some(DataType::String)));
            if is_string && call.db.hyperloglogs().count([key]).is_err() {
                return Refusal::of("WRONGTYPE Key is not a valid HyperLogLog string value.");
            }
            if !is_string && matches!(call.db.data_type(key), Ok(Some(_))) {
                break;
            }
        }
    }
    error.into()
}

fn pfadd<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::flag(
        call.db
            .hyperloglogs()
            .add(call.arg(0)?, call.from(1))
            .map_err(|error| refused(call, call.args.get(..1).unwrap_or_default(), error))?,
    ))
}

fn pfcount<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.hyperloglogs().count(call.args).map_err(|error| refused(call, call.args, error))?))
}

fn pfmerge<S: Writable>(call: &Call<'_, S>) -> Answer {
    call.db.hyperloglogs().merge(call.arg(0)?, call.from(1)).map_err(|error| refused(call, call.args, error))?;
    Ok(Frame::OK)
}
