//! Sorting.
//!
//! May use the sorting of the crate. Invariant: as in `strings`.

use super::arguments::option;
use super::refusal::{Refusal, SYNTAX, instead};
use super::{Answer, Call, Command, Run, row};
use crate::resp::Frame;
use crate::{ErrorKind, Live, SortOptions};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("sort", -2, "write denyoom movablekeys", [1, 1, 1], ("generic", "1.0.0"), Run::Whole(sort),
        "Sort the elements in a list, set or sorted set"),
    row("sort_ro", -2, "readonly movablekeys", [1, 1, 1], ("generic", "7.0.0"), Run::Whole(sort_ro),
        "Sort the elements in a list, set or sorted set. Read-only variant of SORT."),
];

fn sorted(call: &Call<'_, Live>, may_store: bool) -> Answer {
    let mut options = SortOptions::new();
    let mut destination = None;
    let mut is_descending = false;
    let mut words = call.words(1);
    while let Some(word) = words.next() {
        match option(word).as_slice() {
            b"ASC" => is_descending = false,
            b"DESC" => is_descending = true,
            b"ALPHA" => options = options.alphabetic(),
            b"LIMIT" if words.rest.len() >= 2 => {
                let (offset, count) = (words.integer()?, words.integer()?);
                options = options.limit(u64::try_from(offset).unwrap_or(0), u64::try_from(count).unwrap_or(u64::MAX));
            }
            b"STORE" if may_store && !words.is_empty() => destination = Some(words.wanted()?),
            b"BY" if !words.is_empty() => options = options.by(words.wanted()?),
            b"GET" if !words.is_empty() => options = options.get(words.wanted()?),
            _ => return Err(SYNTAX),
        }
    }
    options = if is_descending { options.descending() } else { options };
    let refused = |error| -> Refusal {
        instead(ErrorKind::NotAFloat, "ERR One or more scores can't be converted into double")(error)
    };
    let key = call.arg(0)?;
    Ok(match destination {
        Some(destination) => Frame::count(call.db.sort_store(key, destination, &options).map_err(refused)?),
        None => {
            let rows = call.db.sort(key, &options).map_err(refused)?;
            Frame::Array(rows.into_iter().map(Frame::or_null).collect())
        }
    })
}

fn sort(call: &Call<'_, Live>) -> Answer {
    sorted(call, true)
}

fn sort_ro(call: &Call<'_, Live>) -> Answer {
    sorted(call, false)
}
